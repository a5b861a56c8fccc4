//! Dates in speech: days, months, years, quarters, decades, holidays; as digits and as words.

use super::spells;
use super::tokens::Shape;
use super::values::Scan;
use super::words::Class;
use super::years::{
    decade, decade_word, digits_decade, fiscal, quarter, short_decade, with_year, year,
};

/// The end of the date that starts at token `n`, with what narrows it down: `the end of March`, `early 2024`.
pub(super) fn date(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    framed(scan, n).or_else(|| plain(scan, n))
}

/// `Wednesday, 14 January 2026`, `the third quarter of 2024`, `the nineties`, `yesterday`. The longest form wins.
pub(super) fn plain(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    weekday(scan, n)
        .or_else(|| day_month(scan, n))
        .or_else(|| month_day(scan, n))
        .or_else(|| quarter(scan, n))
        .or_else(|| fiscal(scan, n))
        .or_else(|| decade(scan, n))
        .or_else(|| relative(scan, n))
        .or_else(|| month(scan, n))
        .or_else(|| holiday(scan, n))
        .or_else(|| numeric(scan, n))
}

/// `the end of March`, `the first week of May`, `early last year`, `mid-2025`, `the rest of the year`.
fn framed(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    let the = n + usize::from(scan.word(n) == "the");
    let mut end = the;
    while matches!(
        scan.word(end),
        "very" | "early" | "late" | "mid" | "later" | "latter"
    ) {
        end += 1;
    }
    if end > the {
        let dash = usize::from(scan.word(end) == "-");
        let inner = end + dash;
        let part = matches!(scan.word(inner), "part" | "days" | "half" | "stages")
            && scan.word(inner + 1) == "of";
        let inner = if part { inner + 2 } else { inner };
        let of = scan.word(inner) == "in" && scan.word(inner + 1) == "the";
        let inner = if of { inner + 1 } else { inner };
        return whole(scan, inner).or_else(|| short_decade(scan, inner));
    }
    if let Some(rest) = scan.word(n).strip_prefix("mid-") {
        let year = rest.len() == 4 && rest.parse::<u16>().is_ok();
        let known = year
            || Class::of(rest).has(Class::MONTH.or(Class::WEEKDAY))
            || decade_word(rest)
            || digits_decade(rest);
        return known.then(|| with_year(scan, n + 1));
    }
    let part = matches!(
        scan.word(the),
        "end"
            | "middle"
            | "beginning"
            | "start"
            | "rest"
            | "remainder"
            | "close"
            | "balance"
            | "turn"
            | "back"
    );
    let week = which(scan, the)
        && matches!(
            scan.word(the + 1),
            "week" | "day" | "weekend" | "part" | "half" | "days"
        );
    let of = the
        + 1
        + usize::from(week)
        + usize::from(scan.word(the + 1) == "half" && scan.word(the) == "back");
    if (part || week) && scan.word(of) == "of" {
        return whole(scan, of + 1);
    }
    // `year end`, `the year-end`, `month end 2024`.
    let ends = matches!(
        scan.word(the),
        "year-end" | "month-end" | "quarter-end" | "mid-year" | "midyear"
    );
    if ends {
        return Some(with_year(scan, the + 1));
    }
    let year_end =
        matches!(scan.word(the), "year" | "month" | "quarter") && scan.word(the + 1) == "end";
    year_end.then(|| with_year(scan, the + 2))
}

/// A date inside a frame: a plain one, a span of time, or a year.
fn whole(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    plain(scan, n)
        .or_else(|| year(scan, n))
        .or_else(|| spells::period(scan, n).map(|(end, _)| end))
}

/// `first`, `2nd`, `last`: which of several.
pub(super) fn which(scan: Scan<'_, '_>, n: usize) -> bool {
    scan.is(n, Class::ORDINAL)
        || matches!(
            scan.word(n),
            "1st" | "2nd" | "3rd" | "4th" | "last" | "final"
        )
}

/// `Tuesday`, with the day behind it if there is one.
fn weekday(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    if !scan.is(n, Class::WEEKDAY) || scan.small(n) {
        return None;
    }
    let mut next = n + 1;
    if scan.word(next) == "," {
        next += 1;
    }
    if scan.word(next) == "the" {
        next += 1;
    }
    let bare = || day(scan, next).filter(|_| scan.word(next - 1) == "the");
    Some(
        day_month(scan, next)
            .or_else(|| month_day(scan, next))
            .or_else(bare)
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
    let tens = matches!(scan.word(n), "twenty" | "thirty");
    if tens && scan.is(n + 1, Class::ORDINAL) {
        return Some(n + 2);
    }
    scan.is(n, Class::ORDINAL).then_some(n + 1)
}

/// A month by its name; without capitals `may` and `march` want a word before them that goes with months.
fn is_month(scan: Scan<'_, '_>, n: usize) -> bool {
    let verb = matches!(
        scan.word(n),
        "may" | "march" | "mar" | "sun" | "sat" | "dec" | "jan"
    );
    let cued = scan.cased() || !verb || {
        matches!(
            scan.before(n),
            Some(
                "in" | "of"
                    | "since"
                    | "until"
                    | "by"
                    | "last"
                    | "this"
                    | "next"
                    | "early"
                    | "late"
                    | "from"
                    | "to"
            )
        ) || scan.is(n + 1, Class::ORDINAL)
    };
    scan.is(n, Class::MONTH) && !scan.small(n) && cued
}

/// `14 January 2026`, `the third of March`, `the 5th`.
fn day_month(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    let the = usize::from(scan.word(n) == "the");
    let end = day(scan, n + the)?;
    let of = end + usize::from(scan.word(end) == "of");
    if is_month(scan, of) || scan.is(of, Class::MONTH) && of > end {
        return Some(with_year(scan, of + 1));
    }
    // `on the 21st`: a day of a month that all know.
    let counted = scan.shape(n + the) == Shape::Number
        && !scan.word(n + the).ends_with(|c: char| c.is_ascii_digit());
    let cued = matches!(
        scan.before(n),
        Some("on" | "by" | "until" | "since" | "before" | "after" | "from")
    );
    (the == 1 && counted && cued && scan.ends(end)).then_some(end)
}

/// `January 14th, 2026`, `March the third`.
fn month_day(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    if !is_month(scan, n) {
        return None;
    }
    let start = n + 1 + usize::from(scan.word(n + 1) == ".");
    let start = start + usize::from(scan.word(start) == "the");
    let end = day(scan, start)?;
    // `May 5 percent` is a value, `May first quarter` none.
    let other = matches!(scan.word(end), "%" | "percent" | "quarter" | "half")
        || scan.is(end, Class::SCALE);
    (!other).then(|| with_year(scan, end))
}

/// `yesterday`, `the other day`, `last Friday`, `every Saturday`, `the summer of 1968`, `these days`.
fn relative(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    match (scan.word(n), scan.word(n + 1), scan.word(n + 2)) {
        ("yesterday" | "tomorrow" | "today", ..) => return Some(n + 1),
        ("the", "other", "day") | ("the", "day", "before" | "after") => {
            let more =
                scan.word(n + 2) != "day" && matches!(scan.word(n + 3), "yesterday" | "tomorrow");
            let known = more || scan.word(n + 2) == "day";
            return known.then_some(n + 3 + usize::from(more));
        }
        ("these" | "those", "days", _) => return Some(n + 2),
        _ => {}
    }
    let the = n + usize::from(scan.word(n) == "the");
    let near = matches!(
        scan.word(the),
        "last"
            | "next"
            | "this"
            | "previous"
            | "coming"
            | "following"
            | "every"
            | "each"
            | "that"
            | "past"
    );
    if near && (scan.is(the + 1, Class::WEEKDAY) && !scan.small(the + 1) || is_month(scan, the + 1))
    {
        return Some(with_year(scan, the + 2));
    }
    if near {
        return holiday(scan, the + 1);
    }
    let season = matches!(
        scan.word(the),
        "spring"
            | "summer"
            | "autumn"
            | "winter"
            | "fall"
            | "week"
            | "weekend"
            | "year"
            | "month"
            | "night"
            | "day"
    );
    let sure = matches!(
        scan.word(the),
        "spring" | "summer" | "autumn" | "winter" | "fall"
    );
    if season {
        let end = with_year(scan, the + 1);
        let of = scan.word(the + 1) == "of";
        let inner = || {
            let at = the + 1 + usize::from(of);
            month_day(scan, at)
                .or_else(|| month(scan, at))
                .or_else(|| day_month(scan, at))
        };
        let end = if end > the + 1 {
            Some(end)
        } else {
            inner().filter(|_| of)
        };
        return end.filter(|_| sure || of);
    }
    None
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

/// `Christmas`, `New Year's Eve`, `the Fourth of July` is a day of a month.
fn holiday(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    if scan.small(n) {
        return None;
    }
    let eve = |n: usize| n + usize::from(matches!(scan.word(n), "eve" | "day"));
    let end = match (scan.word(n), scan.word(n + 1), scan.word(n + 2)) {
        ("christmas" | "easter" | "thanksgiving", ..) => eve(n + 1),
        (
            "halloween" | "hanukkah" | "passover" | "ramadan" | "diwali" | "kwanzaa" | "juneteenth"
            | "eid",
            ..,
        ) => n + 1,
        ("new", "year" | "years", "'s") => eve(n + 3),
        (
            "labor" | "memorial" | "veterans" | "independence" | "election" | "boxing" | "columbus",
            "day",
            _,
        )
        | ("good", "friday", _)
        | ("mother" | "father" | "valentine", "'s", "day") => {
            n + 2 + usize::from(scan.word(n + 1) == "'s")
        }
        _ => return None,
    };
    Some(with_year(scan, end))
}

/// `2026-01-14`, `14/01/2026`.
fn numeric(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    if scan.shape(n) != Shape::Number {
        return None;
    }
    let word = scan.word(n);
    let parts: Vec<Option<u16>> = word
        .split(['-', '/'])
        .map(|part| part.parse().ok())
        .collect();
    let fits = match parts.as_slice() {
        [Some(year), Some(month), Some(day)] if *year > 1000 => *month <= 12 && *day <= 31,
        [Some(day), Some(month), Some(_)] => *day <= 31 && *month <= 31 && word.contains('/'),
        [Some(from), Some(to)] => word.len() == 9 && *from > 1500 && *to > *from && *to < 2100,
        _ => false,
    };
    fits.then_some(n + 1)
}
