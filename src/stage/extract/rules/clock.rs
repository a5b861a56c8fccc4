//! Times of day in speech: `7:30`, `10 am`, `half past seven`, `six thirty`, `noon`.

use super::numbers::number;
use super::tokens::Shape;
use super::values::Scan;
use super::words::Class;

/// The end of the time of day that starts at token `n`.
pub(super) fn time(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    let half_day = |n| matches!(scan.word(n), "am" | "pm" | "a.m" | "p.m");
    let dotted = |end: usize| {
        // The last dot of `p.m.` belongs to it, unless it ends the sentence.
        let dot = matches!(scan.word(end - 1), "a.m" | "p.m") && scan.word(end) == ".";
        end + usize::from(dot && !scan.word(end + 1).is_empty())
    };
    if matches!(scan.word(n), "noon" | "midnight") {
        return Some(n + 1);
    }
    let past = matches!(scan.word(n + 1), "past" | "to" | "after");
    let minutes = matches!(scan.word(n), "half" | "quarter") || scan.is(n, Class::NUMBER);
    if past && minutes && scan.is(n + 2, Class::NUMBER) {
        let sure = scan.word(n + 1) == "past" || scan.word(n) == "quarter";
        return sure.then_some(n + 3);
    }
    if scan.shape(n) == Shape::Number {
        let word = scan.word(n);
        if word.ends_with("am") || word.ends_with("pm") {
            return word
                .get(..word.len() - 2)
                .is_some_and(hour)
                .then_some(n + 1);
        }
        // `[04:07]` is a stamp of the transcript, not speech.
        let stamp = matches!(scan.before(n), Some("[" | "("));
        if word.contains(':') && !stamp {
            return hour(word).then(|| {
                if half_day(n + 1) {
                    dotted(n + 2)
                } else {
                    n + 1
                }
            });
        }
    }
    if let Some(end) = spoken(scan, n) {
        return Some(if half_day(end) { dotted(end + 1) } else { end });
    }
    let end = number(scan, n)?;
    let told = match (scan.word(end), scan.word(end + 1), scan.word(end + 2)) {
        ("in", "the", "morning" | "afternoon" | "evening") => Some(end + 3),
        ("at", "night", _) => Some(end + 2),
        _ => None,
    };
    if told.is_some()
        && end <= n + 2
        && matches!(
            scan.before(n),
            Some("at" | "by" | "until" | "like" | "about" | "till")
        )
    {
        return told;
    }
    if half_day(end) {
        return Some(dotted(end + 1));
    }
    (scan.word(end) == "o'clock").then_some(end + 1)
}

/// `at six thirty`, `by ten fifteen`: an hour and minutes, as words.
fn spoken(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    let hour = matches!(
        scan.word(n),
        "one"
            | "two"
            | "three"
            | "four"
            | "five"
            | "six"
            | "seven"
            | "eight"
            | "nine"
            | "ten"
            | "eleven"
            | "twelve"
    );
    let minutes = matches!(
        scan.word(n + 1),
        "fifteen" | "thirty" | "forty-five" | "ten" | "twenty"
    );
    let more = scan.is(n + 2, Class::NUMBER) || scan.is(n + 2, Class::SCALE);
    let cued = matches!(
        scan.before(n),
        Some("at" | "by" | "until" | "till" | "around")
    );
    let fits = hour
        && minutes
        && !more
        && (cued && scan.ends(n + 2) || matches!(scan.word(n + 2), "am" | "pm" | "a.m" | "p.m"));
    fits.then_some(n + 2)
}

/// `7`, `07:30`, `23:59:59`.
fn hour(word: &str) -> bool {
    let mut parts = word.split(':').map(str::parse::<u8>);
    let first = parts
        .next()
        .is_some_and(|hour| hour.is_ok_and(|hour| hour < 25));
    first && word.len() <= 8 && parts.all(|part| part.is_ok_and(|part| part < 60))
}
