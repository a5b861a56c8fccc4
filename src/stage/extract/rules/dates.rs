//! Dates in speech: days, months, years, quarters, decades, holidays; as digits and as words.

use super::spells;
use super::tokens::Shape;
use super::values::Scan;
use super::words::Class;

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

/// The end of the year that follows, with or without a comma or `of`; else `n` itself.
fn with_year(scan: Scan<'_, '_>, n: usize) -> usize {
    let skip = usize::from(matches!(scan.word(n), "," | "of" | "in"));
    let short =
        || short_year(scan, n + skip).filter(|_| scan.word(n) != "," && scan.word(n) != "in");
    let found = year(scan, n + skip).or_else(short);
    // `of last year`, `of fiscal 2024`, `of the year`.
    let of = || match scan.word(n) {
        "of" => fiscal(scan, n + 1).or_else(|| spells::period(scan, n + 1).map(|(end, _)| end)),
        "last" | "next" | "this" if scan.word(n + 1) == "year" => Some(n + 2),
        "fiscal" | "fy" => fiscal(scan, n),
        _ => None,
    };
    found
        .filter(|_| scan.word(n) != "in" || scan.shape(n + 1) == Shape::Number)
        .or_else(of)
        .unwrap_or(n)
}

/// `2021`, `twenty twenty one`, `nineteen ninety nine`, `two thousand and nineteen`.
pub(super) fn year(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
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
        let start = n + 2 + usize::from(scan.word(n + 2) == "and");
        return small(start).then(|| {
            if small(start + 1) {
                start + 2
            } else {
                start + 1
            }
        });
    }
    let century = matches!(
        word,
        "twenty" | "nineteen" | "eighteen" | "seventeen" | "sixteen"
    );
    let unit = |n| is_unit(scan.word(n));
    let oh = matches!(scan.word(n + 1), "oh" | "o") && unit(n + 2);
    if century && oh {
        return Some(n + 3);
    }
    let joined = scan.word(n + 1).contains('-') && small(n + 1);
    if century && joined {
        return Some(n + 2);
    }
    let tens = small(n + 1) && !unit(n + 1) && scan.word(n + 1) != "zero";
    (century && tens).then(|| if unit(n + 2) { n + 3 } else { n + 2 })
}

fn is_unit(word: &str) -> bool {
    matches!(
        word,
        "one" | "two" | "three" | "four" | "five" | "six" | "seven" | "eight" | "nine"
    )
}

/// `'44`, `ninety-two`, `forty six`: a year of a century that all know; the caller has seen a word that says so.
fn short_year(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    if matches!(scan.word(n), "'" | "’" | "‘") {
        let fits = scan.word(n + 1).len() == 2 && scan.word(n + 1).parse::<u8>().is_ok();
        return fits.then_some(n + 2);
    }
    let tens = |word: &str| {
        matches!(
            word,
            "thirty" | "forty" | "fifty" | "sixty" | "seventy" | "eighty" | "ninety"
        )
    };
    let of = scan.before(n) == Some("of");
    let ends = |n: usize| {
        scan.ends(n)
            || of && !scan.is(n, Class::UNIT.or(Class::NUMBER)) && !scan.is(n, Class::SCALE)
    };
    if let Some((first, last)) = scan.word(n).split_once('-') {
        return (tens(first) && is_unit(last) && ends(n + 1)).then_some(n + 1);
    }
    (tens(scan.word(n)) && is_unit(scan.word(n + 1)) && ends(n + 2)).then_some(n + 2)
}

/// A year by itself counts nothing: `1953`, not `2000 steps`; `in '42`, `in ninety-eight`.
pub(super) fn lone_year(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    let before = scan.before(n).unwrap_or_default();
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
            | "till"
            | "through"
            | "to"
            | "and"
            | "around"
            | "about"
            | "back"
    );
    let dated = matches!(before, "in" | "since" | "until" | "of" | "back" | "till");
    if let Some(end) = short_year(scan, n).filter(|_| dated) {
        return Some(end);
    }
    let end = year(scan, n)?;
    // A round number in digits or words is rather a number.
    let round = matches!(scan.word(n), "2000" | "1500" | "1600") || scan.is(end, Class::SCALE);
    let noun = matches!(
        scan.word(end),
        "results"
            | "annual"
            | "earnings"
            | "financial"
            | "edition"
            | "conference"
            | "guidance"
            | "of"
            | "has"
            | "have"
            | "had"
            | "were"
            | "will"
            | "until"
            | "before"
            | "after"
            | "season"
            | "election"
            | "budget"
            | "outlook"
            | "plan"
            | "full"
            | "model"
            | "report"
            | "'s"
            | "revenue"
            | "levels"
            | "sales"
    );
    let digits = scan.shape(n) == Shape::Number;
    let unit = scan.is(end, Class::UNIT.or(Class::CURRENCY)) || scan.word(end) == "%";
    let round = round && !(digits && matches!(before, "in" | "since"));
    // Words are rather a year after `in`: `nineteen thirty two`.
    (!round && !unit && (cued || scan.ends(end) || noun)).then_some(end)
}

/// `third quarter of 2021`, `the second half of the year`, `Q3 '25`, `q one`.
fn quarter(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    let the = usize::from(matches!(scan.word(n), "the" | "our" | "this"));
    let start = n + usize::from(scan.word(n) == "the");
    if start == n && the == 1 {
        return None;
    }
    let fiscal = usize::from(matches!(scan.word(start), "fiscal" | "calendar"));
    let at = start + fiscal;
    if which(scan, at) {
        // `fiscal 2024 third quarter` is read as two dates; `third fiscal quarter` as one.
        let at = at + 1 + usize::from(scan.word(at + 1) == "fiscal");
        let end = with_year(scan, at + 1);
        return match scan.word(at) {
            "quarter" | "quarters" => Some(end),
            // `the first half of the money` is no date.
            "half" if end > at + 1 || earlier(scan, at + 1) => Some(end),
            _ => None,
        };
    }
    if let Some(word) = scan.word(start).split_once('-').filter(|_| start == n) {
        let ordinal = Class::of(word.0).has(Class::ORDINAL);
        return (ordinal && matches!(word.1, "quarter" | "half")).then(|| with_year(scan, n + 1));
    }
    if matches!(
        scan.word(n),
        "q1" | "q2" | "q3" | "q4" | "1q" | "2q" | "3q" | "4q" | "h1" | "h2" | "1h" | "2h"
    ) {
        return Some(with_year(scan, n + 1));
    }
    let word = scan.word(n);
    let glued = word.len() <= 6
        && ["q1", "q2", "q3", "q4", "1q", "2q", "3q", "4q", "fy"]
            .iter()
            .filter_map(|start| word.strip_prefix(start))
            .any(|rest| matches!(rest.len(), 2 | 4) && rest.bytes().all(|b| b.is_ascii_digit()));
    if glued {
        return Some(n + 1);
    }
    let spoken = scan.word(n) == "q"
        && matches!(
            scan.word(n + 1),
            "one" | "two" | "three" | "four" | "1" | "2" | "3" | "4"
        );
    spoken.then(|| with_year(scan, n + 2))
}

/// Whether a half is one of a year: nothing that is halved follows.
fn earlier(scan: Scan<'_, '_>, n: usize) -> bool {
    scan.word(n) != "of" && scan.ends(n)
}

/// `fiscal 2024`, `the full year 2023`, `FY 2025`, `fiscal year twenty twenty four`, `calendar year`.
fn fiscal(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    let the = n + usize::from(matches!(scan.word(n), "the" | "this"));
    let kind = matches!(
        scan.word(the),
        "fiscal" | "full" | "calendar" | "fy" | "full-year" | "financial"
    );
    if !kind {
        return None;
    }
    let named = scan.word(the + 1) == "year";
    let at = the + 1 + usize::from(named);
    let end = year(scan, at).or_else(|| short_year(scan, at));
    let short = || {
        let digits = scan.word(at).len() == 2 && scan.word(at).parse::<u8>().is_ok();
        (digits && matches!(scan.word(the), "fiscal" | "fy")).then_some(at + 1)
    };
    end.or_else(short)
        .or_else(|| (named && scan.word(the) != "fy").then_some(at))
        .filter(|_| named || scan.word(the) != "full")
}

/// `1990s`, `the nineties`, `the '60s`.
fn decade(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    let the = usize::from(scan.word(n) == "the");
    let start = n + the;
    if let Some(end) = short_decade(scan, start).filter(|_| the == 1) {
        return Some(end);
    }
    if matches!(scan.word(start), "'" | "’" | "‘") && digits_decade(scan.word(start + 1)) {
        return Some(start + 2);
    }
    let spoken =
        matches!(scan.word(start), "nineteen" | "eighteen") && decade_word(scan.word(start + 1));
    if spoken {
        return Some(start + 2);
    }
    let long = scan.word(start).len() > 3 && digits_decade(scan.word(start));
    let century = scan.word(start + 1) == "century" && scan.shape(start) == Shape::Number;
    if century {
        return Some(start + 2);
    }
    long.then_some(start + 1)
}

/// `nineties`, `'60s`, `80s`, behind a word that says that it is a date.
fn short_decade(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    let n = n + usize::from(scan.word(n) == "the");
    if matches!(scan.word(n), "'" | "’" | "‘") {
        return digits_decade(scan.word(n + 1)).then_some(n + 2);
    }
    let known = decade_word(scan.word(n)) || digits_decade(scan.word(n));
    (known && !scan.is(n + 1, Class::UNIT)).then_some(n + 1)
}

fn decade_word(word: &str) -> bool {
    matches!(
        word,
        "twenties"
            | "thirties"
            | "forties"
            | "fifties"
            | "sixties"
            | "seventies"
            | "eighties"
            | "nineties"
    )
}

fn digits_decade(word: &str) -> bool {
    word.strip_suffix("0s").is_some_and(|decade| {
        decade
            .parse::<u16>()
            .is_ok_and(|d| (150..210).contains(&d) || (1..10).contains(&d))
    })
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
