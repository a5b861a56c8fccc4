//! Numbers in speech, as digits and as words: `1,240.5`, `five hundred and six`, `two and a half million`.

use super::tokens::Shape;
use super::values::Scan;
use super::words::Class;

/// The longest number, in tokens. Without a bound `twenty twenty ...` takes quadratic time.
const MAX_NUMBER: usize = 16;

/// The end of the number that starts at token `n`: `3`, `six point three`, `a couple hundred`, `half a million`.
pub(super) fn number(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    let counts = |n| scan.is(n, Class::NUMBER) || scan.is(n, Class::SCALE);
    let digits = |n| scan.shape(n) == Shape::Number && plain(scan.word(n));
    let scale = |n| scan.is(n, Class::SCALE);
    let mut end = match (scan.word(n), scan.word(n + 1), scan.word(n + 2)) {
        ("a", "couple" | "few", "of") if scale(n + 3) => n + 4,
        ("half", "a" | "an", _) | ("a", "couple" | "few" | "half", _) if scale(n + 2) => n + 3,
        ("a" | "half" | "few" | "several" | "couple" | "many", ..) if scale(n + 1) => n + 2,
        _ if scan.is(n, Class::NUMBER) || digits(n) => n + 1,
        _ => return None,
    };
    loop {
        let point = scan.word(end) == "point" && (counts(end + 1) || digits(end + 1));
        let and = scan.word(end) == "and" && scale(end - 1) && scan.is(end + 1, Class::NUMBER);
        let half = half(scan, end);
        end = if end - n > MAX_NUMBER {
            return None;
        } else if counts(end) {
            end + 1
        } else if point || and {
            end + 2
        } else if let Some(half) = half {
            half
        } else {
            return Some(end);
        };
    }
}

/// `and a half`, `and three quarters`, `½`, behind a number.
fn half(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    let part = |n: usize| {
        matches!(
            scan.word(n),
            "half" | "quarter" | "quarters" | "third" | "thirds"
        )
    };
    match (scan.word(n), scan.word(n + 1)) {
        ("and", "a" | "three" | "one" | "two") if part(n + 2) => Some(n + 3),
        ("½" | "¼" | "¾", _) => Some(n + 1),
        _ => None,
    }
}

/// The end of the fraction at token `n`: `half a`, `two thirds of a`, `a quarter of a`, before what is counted.
pub(super) fn fraction(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    let part = |n: usize| {
        matches!(
            scan.word(n),
            "half" | "third" | "thirds" | "quarter" | "quarters" | "tenth" | "tenths"
        )
    };
    let end = match scan.word(n) {
        "half" => n + 1,
        "a" | "one" | "two" | "three" if part(n + 1) => n + 2,
        _ => return None,
    };
    let of = if scan.word(end) == "of" { end + 1 } else { end };
    matches!(scan.word(of), "a" | "an" | "one").then_some(of + 1)
}

/// The end of a number with its scale glued on or behind it: `3bn`, `2.5 m`, `5k`.
pub(super) fn amount(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    let end = match number(scan, n) {
        Some(end) => end,
        None if scan.shape(n) == Shape::Number && scaled(scan.word(n)) => n + 1,
        None => return None,
    };
    let scale = matches!(
        scan.word(end),
        "bn" | "mn" | "m" | "k" | "b" | "mm" | "mln" | "cr"
    );
    Some(if scale { end + 1 } else { end })
}

/// How a value is meant, before its number: `about`, `more than`, `a little over`; the token behind it.
pub(super) fn roughly(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    let than = |n: usize| scan.word(n) == "than";
    match (scan.word(n), scan.word(n + 1), scan.word(n + 2)) {
        ("a", "little" | "bit", "more" | "less") if than(n + 3) => Some(n + 4),
        ("a", "little" | "bit", "over" | "under")
        | ("as", "much" | "many" | "little" | "few" | "high" | "low", "as")
        | ("no" | "slightly" | "well", "more" | "less" | "fewer", "than") => Some(n + 3),
        ("more" | "less" | "fewer" | "greater" | "higher" | "lower" | "better", "than", _)
        | ("at", "least" | "most", _)
        | ("just" | "slightly" | "well", "over" | "under" | "below" | "above", _)
        | ("an", "additional" | "estimated", _)
        | ("close", "to", _)
        | ("upwards", "of", _) => Some(n + 2),
        // `grew up to 5 percent` goes there; `up to 5 percent` is a bound.
        ("up", "to", _) if !scan.before(n).is_some_and(moves) => Some(n + 2),
        (
            "about" | "around" | "approximately" | "roughly" | "nearly" | "almost" | "over"
            | "under" | "some" | "another" | "approx",
            ..,
        ) => Some(n + 1),
        _ => None,
    }
}

fn moves(word: &str) -> bool {
    matches!(
        word,
        "went" | "go" | "goes" | "going" | "grew" | "came" | "ramp" | "moved" | "back" | "adds"
    )
}

/// Digits with separators of thousands and decimals only.
pub(super) fn plain(word: &str) -> bool {
    word.bytes()
        .all(|b| b.is_ascii_digit() || b == b',' || b == b'.')
}

/// `3bn`, `40k`.
fn scaled(word: &str) -> bool {
    let number = word.trim_end_matches(|c: char| c.is_alphabetic());
    let scale = word.strip_prefix(number).unwrap_or_default();
    let known = matches!(
        scale,
        "bn" | "m" | "mn" | "k" | "b" | "tn" | "mm" | "t" | "cr" | "million" | "billion"
    );
    plain(number) && known
}
