//! Speakers and times as JSON has them.

use super::super::clock::clock;
use super::super::name::speaker;
use super::tape::Value;

/// Bytes of a name that are looked at.
const MAX_NAME: usize = 400;

/// A speaker: a string, a number, or an object with a name.
pub(in super::super) fn named(value: Value<'_>) -> Option<String> {
    if value.is_object() {
        let name = value.any(&["name", "label", "speaker", "speaker_name", "id"])?;
        return (!name.is_object()).then(|| named(name)).flatten();
    }
    if let Some(name) = value.text(MAX_NAME) {
        return speaker(&name);
    }
    let number = value.number()?;
    // `0.0` of a data frame is speaker 0.
    speaker(&format!("{number:.0}"))
}

/// The speaker of a letter or a number: `A` shows as `Speaker A`, as other exports of the same services write it.
pub(in super::super) fn lettered(value: Value<'_>) -> Option<String> {
    let name = named(value)?;
    let letter = name.len() == 1 && name.bytes().all(|b| b.is_ascii_uppercase());
    Some(if letter {
        format!("Speaker {name}")
    } else {
        name
    })
}

/// What a whole number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Unit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
}

/// A time as JSON has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) enum Clock {
    /// Its key or form says milliseconds.
    Known(i64),
    /// A number without a fraction: seconds or milliseconds.
    Whole(f64),
    /// A number with one: seconds.
    Seconds(f64),
}

impl Clock {
    /// In milliseconds.
    pub(in super::super) fn ms(self, unit: Unit) -> i64 {
        let ms = match self {
            Self::Known(ms) => return ms,
            Self::Whole(n) if unit == Unit::Milliseconds => n,
            Self::Whole(n) | Self::Seconds(n) => n * 1000.0,
        };
        whole(ms)
    }
}

fn whole(ms: f64) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a cast from a float saturates"
    )]
    let ms = ms.round() as i64;
    ms
}

/// The time under a key: a number, a number in a string (`"0.5"`, `"1.2s"`), or a clock (`"00:01:05"`).
pub(in super::super) fn time(key: &str, value: Value<'_>) -> Option<Clock> {
    let text = value.text(40);
    let text = text.as_deref().unwrap_or_else(|| value.raw()).trim();
    if let Some((ms, used)) = clock(text)
        && used == text.len()
    {
        return Some(Clock::Known(ms));
    }
    let number = text.strip_suffix('s').unwrap_or(text);
    if !number.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
        return None;
    }
    let number: f64 = number.parse().ok().filter(|n: &f64| n.is_finite())?;
    let key = key.to_ascii_lowercase();
    if key.ends_with("ms") || key.ends_with("millis") {
        return Some(Clock::Known(whole(number)));
    }
    Some(if text.contains('.') {
        Clock::Seconds(number)
    } else {
        Clock::Whole(number)
    })
}

/// Whole numbers are milliseconds if as seconds nobody would speak so slowly: ten characters are a second's.
pub(in super::super) fn guess(start: Clock, end: Clock, bytes: usize) -> Unit {
    match (start, end) {
        (Clock::Whole(start), Clock::Whole(end)) if end - start > 10.0 + bytes as f64 => {
            Unit::Milliseconds
        }
        _ => Unit::Seconds,
    }
}

/// Seconds under a key, as milliseconds.
pub(super) fn seconds(value: Value<'_>, key: &str) -> Option<i64> {
    time("", value.get(key)?).map(|clock| clock.ms(Unit::Seconds))
}

/// Milliseconds under a key.
pub(super) fn milliseconds(value: Value<'_>, key: &str) -> Option<i64> {
    time("ms", value.get(key)?).map(|clock| clock.ms(Unit::Milliseconds))
}
