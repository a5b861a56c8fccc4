//! Single values as people write them: counts, rates, times, money. Each reader says what it wants instead.

use std::time::Duration;

use serde_json::Value;

use super::origin::Given;
use crate::model::unit::Usd;

/// What is wanted, if the value is something else.
pub(super) type Wanted<T> = Result<T, String>;

fn wanted<T>(what: &str) -> Wanted<T> {
    Err(format!("must be {what}"))
}

pub(super) fn text(given: &Given) -> Wanted<String> {
    match (&given.value, &given.raw) {
        (Value::String(text), _) => Ok(text.clone()),
        (_, Some(raw)) => Ok(raw.clone()),
        _ => wanted("text, in quotes"),
    }
}

/// Text that is not empty.
pub(super) fn word(given: &Given) -> Wanted<String> {
    let text = text(given)?;
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return wanted("a word");
    }
    Ok(text)
}

pub(super) fn texts(given: &Given) -> Wanted<Vec<String>> {
    let one = |value: &Value| value.as_str().map(str::to_owned);
    let list = match &given.value {
        Value::Array(items) => items.iter().map(one).collect(),
        other => one(other).map(|text| vec![text]),
    };
    list.map_or_else(|| wanted("a list of texts"), Ok)
}

pub(super) fn flag(given: &Given) -> Wanted<bool> {
    let flag = given.value.as_bool();
    flag.map_or_else(|| wanted("true or false"), Ok)
}

/// A whole number from `least` to `most`.
pub(super) fn count(given: &Given, least: u64, most: u64) -> Wanted<u64> {
    match given.value.as_u64() {
        Some(number) if (least..=most).contains(&number) => Ok(number),
        _ => wanted(&format!("a whole number from {least} to {most}")),
    }
}

/// Dollars per million tokens, or another price.
pub(super) fn price(given: &Given) -> Wanted<f64> {
    match given.value.as_f64() {
        Some(number) if (0.0..1e6).contains(&number) => Ok(number),
        _ => wanted("dollars per million tokens, as a number"),
    }
}

/// `5`, `"$5"`, `"5 USD"`.
pub(super) fn money(given: &Given) -> Wanted<Usd> {
    let dollars = match &given.value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => {
            let text = text.trim();
            let bare = text
                .strip_prefix('$')
                .or_else(|| text.strip_suffix("USD"))
                .unwrap_or(text);
            bare.trim().parse().ok()
        }
        _ => None,
    };
    dollars
        .and_then(Usd::from_dollars)
        .map_or_else(|| wanted("dollars, such as 5 or \"5 USD\""), Ok)
}

/// A whole number and its unit, apart: `"1_500 ms"` is (1500, `ms`); `k` and `M` multiply.
fn quantity(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '_')?;
    let (digits, rest) = text.split_at_checked(end)?;
    let number: u64 = digits.replace('_', "").parse().ok()?;
    let (scale, unit) = match rest.split_at_checked(1) {
        Some(("k", unit)) if unit.starts_with('/') => (1_000, unit),
        Some(("M", unit)) if unit.starts_with('/') => (1_000_000, unit),
        _ => (1, rest),
    };
    Some((number.checked_mul(scale)?, unit.trim()))
}

/// `"500/min"`, `"8/s"`, as so many a minute.
pub(super) fn rate(given: &Given) -> Wanted<u64> {
    let read = given.value.as_str().and_then(quantity);
    let rate = read.and_then(|(number, unit)| match unit {
        "/s" => number.checked_mul(60),
        "/min" => Some(number),
        "/h" => Some(number / 60),
        _ => None,
    });
    match rate {
        Some(rate) if (1..=MOST).contains(&rate) => Ok(rate),
        _ => wanted("a rate with its unit, such as \"500/min\" or \"8/s\""),
    }
}

/// No provider allows more, and sums of this many stay far below 64 bits.
pub(super) const MOST: u64 = 1_000_000_000_000;

/// `"10000/day"`.
pub(super) fn daily(given: &Given) -> Wanted<u64> {
    match given.value.as_str().and_then(quantity) {
        Some((number, "/day")) if (1..=MOST).contains(&number) => Ok(number),
        _ => wanted("a rate a day, such as \"10000/day\""),
    }
}

/// `"90s"`, `"50ms"`, up to a day.
pub(super) fn duration(given: &Given) -> Wanted<Duration> {
    let read = given.value.as_str().and_then(quantity);
    let millis = read.and_then(|(number, unit)| {
        number.checked_mul(match unit {
            "ms" => 1,
            "s" => 1_000,
            "min" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        })
    });
    match millis {
        Some(millis) if millis <= 86_400_000 => Ok(Duration::from_millis(millis)),
        _ => wanted("a time with its unit, such as \"90s\" or \"50ms\""),
    }
}

/// A time as a file would say it.
pub(super) fn show_duration(time: Duration) -> String {
    match time.as_millis() {
        millis if millis % 1000 == 0 => format!("{}s", millis / 1000),
        millis => format!("{millis}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::origin::Origin;

    fn given(value: impl Into<Value>) -> Given {
        Given::new("x", value, Origin::Default)
    }

    #[test]
    fn rates() {
        for (text, expected) in [
            ("500/min", Some(500)),
            ("8/s", Some(480)),
            ("6000/h", Some(100)),
            ("30k/min", Some(30_000)),
            ("1M/min", Some(1_000_000)),
            ("1_000_000/min", Some(1_000_000)),
            ("0/min", None),
            ("500", None),
            ("/min", None),
            ("-1/min", None),
            ("99999999999999999999/min", None),
            ("9999999999999/s", None),
            ("5/fortnight", None),
            ("5é/min", None),
            ("", None),
        ] {
            assert_eq!(rate(&given(text)).ok(), expected, "{text}");
        }
        assert!(rate(&given(500)).unwrap_err().contains("500/min"));
        assert_eq!(daily(&given("10000/day")), Ok(10_000));
    }

    #[test]
    fn times_and_money() {
        assert_eq!(duration(&given("90s")), Ok(Duration::from_secs(90)));
        assert_eq!(duration(&given("50 ms")), Ok(Duration::from_millis(50)));
        assert!(duration(&given(90)).is_err());
        assert!(duration(&given("25h")).is_err());
        assert_eq!(show_duration(Duration::from_millis(50)), "50ms");
        for value in [given(5), given("$5"), given("5 USD"), given("5.00")] {
            assert_eq!(money(&value), Ok(Usd(5_000_000_000)));
        }
        for value in [given(-1), given("five"), given(true), given("NaN")] {
            assert!(money(&value).is_err());
        }
    }
}
