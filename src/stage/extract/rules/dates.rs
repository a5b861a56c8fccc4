//! Dates in speech: days, months, years, quarters, and `last Tuesday`; as digits and as words.

use super::tokens::Shape;
use super::values::Scan;
use super::words::Class;

/// The end of the date that starts at token `n`. The longest form wins: `Wednesday, 14 January 2026`.
pub(super) fn date(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    weekday(scan, n)
        .or_else(|| day_month(scan, n))
        .or_else(|| month_day(scan, n))
        .or_else(|| quarter(scan, n))
        .or_else(|| part_of_month(scan, n))
        .or_else(|| relative(scan, n))
        .or_else(|| month(scan, n))
        .or_else(|| numeric(scan, n))
        .or_else(|| lone_year(scan, n))
}

/// `Tuesday`, with the day behind it if there is one.
fn weekday(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    if !scan.is(n, Class::WEEKDAY) || scan.shape(n) == Shape::Lower {
        return None;
    }
    let mut next = n + 1;
    if scan.word(next) == "," {
        next += 1;
    }
    if scan.word(next) == "the" {
        next += 1;
    }
    Some(
        day_month(scan, next)
            .or_else(|| month_day(scan, next))
            .unwrap_or(n + 1),
    )
}

/// A day of a month: `14`, `3rd`, `third`, `thirty first`, `twenty-second`.
fn day(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    if scan.shape(n) == Shape::Number {
        let word = scan.word(n);
        let digits = ["st", "nd", "rd", "th"]
            .iter()
            .find_map(|end| word.strip_suffix(end))
            .unwrap_or(word);
        let fits = digits
            .parse::<u8>()
            .is_ok_and(|day| (1..=31).contains(&day));
        return fits.then_some(n + 1);
    }
    if scan.is(n, Class::ORDINAL) {
        return Some(n + 1);
    }
    let tens = matches!(scan.word(n), "twenty" | "thirty");
    (tens && scan.is(n + 1, Class::ORDINAL)).then_some(n + 2)
}

/// A month by its name; the verbs `may` and `march` are in lower case or start a sentence.
fn is_month(scan: Scan<'_, '_>, n: usize) -> bool {
    scan.is(n, Class::MONTH) && scan.shape(n) != Shape::Lower
}

/// `14 January 2026`, `third of March`.
fn day_month(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    let end = day(scan, n)?;
    let end = if scan.word(end) == "of" { end + 1 } else { end };
    is_month(scan, end).then(|| with_year(scan, end + 1))
}

/// `January 14th, 2026`, `March the third`.
fn month_day(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    if !is_month(scan, n) {
        return None;
    }
    let start = if scan.word(n + 1) == "the" {
        n + 2
    } else {
        n + 1
    };
    let end = day(scan, start)?;
    // `March 20 twenty one` is no day; `May 2020` is caught by the number's size; `May 5 percent` is a value.
    (scan.word(end) != "%" && scan.word(end) != "percent").then(|| with_year(scan, end))
}

/// The end of the year that follows, with or without a comma or `of`; else `n` itself.
fn with_year(scan: Scan<'_, '_>, n: usize) -> usize {
    let skip = usize::from(matches!(scan.word(n), "," | "of"));
    year(scan, n + skip).unwrap_or(n)
}

/// `2021`, `twenty twenty one`, `nineteen ninety nine`, `two thousand and nineteen`.
fn year(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    let word = scan.word(n);
    if word.len() == 4
        && word
            .parse::<u16>()
            .is_ok_and(|year| (1500..2100).contains(&year))
    {
        return Some(n + 1);
    }
    let small = |n| scan.is(n, Class::NUMBER);
    if word == "two" && scan.word(n + 1) == "thousand" {
        let start = if scan.word(n + 2) == "and" {
            n + 3
        } else {
            n + 2
        };
        return small(start).then(|| {
            if small(start + 1) {
                start + 2
            } else {
                start + 1
            }
        });
    }
    let century = matches!(word, "twenty" | "nineteen" | "eighteen");
    let tens = !matches!(
        scan.word(n + 1),
        "zero" | "one" | "two" | "three" | "four" | "five" | "six" | "seven" | "eight" | "nine"
    );
    let unit = |n| {
        matches!(
            scan.word(n),
            "one" | "two" | "three" | "four" | "five" | "six" | "seven" | "eight" | "nine"
        )
    };
    (century && small(n + 1) && tens).then(|| if unit(n + 2) { n + 3 } else { n + 2 })
}

/// A year by itself counts nothing: `1953`, not `2000 steps`.
fn lone_year(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    let end = year(scan, n)?;
    // A round number in digits or words is rather a number.
    let round = matches!(scan.word(n), "2000" | "1500" | "1600") || scan.is(end, Class::SCALE);
    let last = scan.word(end);
    let ends = last.is_empty()
        || matches!(
            last,
            "," | "." | ";" | "?" | "!" | ")" | "-" | "—" | "–" | ":" | "'s" | "\"" | "”"
        )
        || matches!(
            last,
            "and"
                | "or"
                | "to"
                | "we"
                | "i"
                | "it"
                | "is"
                | "was"
                | "the"
                | "when"
                | "for"
                | "as"
                | "in"
        )
        || matches!(
            last,
            "that"
                | "they"
                | "he"
                | "she"
                | "but"
                | "so"
                | "on"
                | "at"
                | "by"
                | "with"
                | "after"
                | "before"
        )
        || matches!(
            last,
            "until"
                | "because"
                | "which"
                | "where"
                | "has"
                | "have"
                | "had"
                | "were"
                | "will"
                | "of"
                | "you"
        )
        || matches!(
            last,
            "results" | "annual" | "earnings" | "financial" | "edition" | "conference" | "guidance"
        );
    let before = n.checked_sub(1).map_or("", |n| scan.word(n));
    let cued = matches!(
        before,
        "in" | "since"
            | "until"
            | "by"
            | "of"
            | "from"
            | "during"
            | "year"
            | "for"
            | "before"
            | "after"
    );
    (!round && (ends || cued)).then_some(end)
}

/// `third quarter of 2021`, `Q3`, `second half 2020`, `q one`.
fn quarter(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    let which = scan.is(n, Class::ORDINAL)
        || matches!(scan.word(n), "1st" | "2nd" | "3rd" | "4th" | "last");
    if which && matches!(scan.word(n + 1), "quarter" | "half") {
        // `the first half of the money` is no date.
        let end = with_year(scan, n + 2);
        return (scan.word(n + 1) == "quarter" || end > n + 2).then_some(end);
    }
    if matches!(
        scan.word(n),
        "q1" | "q2" | "q3" | "q4" | "1q" | "2q" | "3q" | "4q" | "h1" | "h2"
    ) {
        return Some(with_year(scan, n + 1));
    }
    let spoken = scan.word(n) == "q"
        && matches!(
            scan.word(n + 1),
            "one" | "two" | "three" | "four" | "1" | "2" | "3" | "4"
        );
    spoken.then(|| with_year(scan, n + 2))
}

/// `the first week of May`, `end of January`.
fn part_of_month(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    let ordinal = scan.is(n, Class::ORDINAL) || scan.word(n) == "last";
    let start = if ordinal && scan.word(n + 1) == "week" {
        n + 2
    } else if matches!(scan.word(n), "end" | "middle" | "beginning" | "start") {
        n + 1
    } else {
        return None;
    };
    (scan.word(start) == "of" && is_month(scan, start + 1)).then(|| with_year(scan, start + 2))
}

/// `last week`, `next Friday`, `yesterday`.
fn relative(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    match scan.word(n) {
        "yesterday" | "tomorrow" => Some(n + 1),
        "last" | "next" | "this" | "previous" | "coming" => {
            if scan.is(n + 1, Class::WEEKDAY) || is_month(scan, n + 1) {
                return Some(with_year(scan, n + 2));
            }
            let season = scan.is(n + 1, Class::PERIOD)
                && !matches!(scan.word(n + 1), "term" | "season" | "fall");
            season.then_some(n + 2)
        }
        "christmas" | "easter" if scan.shape(n) == Shape::Title => Some(with_year(scan, n + 1)),
        "spring" | "summer" | "autumn" | "winter" | "fall" => {
            let end = with_year(scan, n + 1);
            (end > n + 1).then_some(end)
        }
        _ => None,
    }
}

/// A month by itself, with its year if there is one.
fn month(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    if !is_month(scan, n) {
        return None;
    }
    let end = with_year(scan, n + 1);
    let verb = matches!(
        scan.word(n),
        "may" | "march" | "mar" | "sun" | "sat" | "dec" | "jan"
    ) && end == n + 1;
    let alone = scan.opens(n) && scan.word(n + 1) != ",";
    (!(verb && alone)).then_some(end)
}

/// `2026-01-14`, `14/01/2026`, `1990s`, `'90s` without its mark.
fn numeric(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    if scan.shape(n) != Shape::Number {
        return None;
    }
    let word = scan.word(n);
    if let Some(decade) = word.strip_suffix("0s") {
        let fits = decade
            .parse::<u16>()
            .is_ok_and(|d| (180..210).contains(&d) || (2..10).contains(&d));
        return fits.then_some(n + 1);
    }
    let parts: Vec<Option<u16>> = word
        .split(['-', '/'])
        .map(|part| part.parse().ok())
        .collect();
    let fits = match parts.as_slice() {
        [Some(year), Some(month), Some(day)] if *year > 1000 => *month <= 12 && *day <= 31,
        [Some(day), Some(month), Some(_)] => *day <= 31 && *month <= 31 && word.contains('/'),
        _ => false,
    };
    fits.then_some(n + 1)
}
