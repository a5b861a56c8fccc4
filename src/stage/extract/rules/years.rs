//! Years and what is told by them: `1946`, `in '42`, `the third quarter of 2024`, `fiscal 2025`, `the nineties`.

use super::dates::which;
use super::spells;
use super::tokens::Shape;
use super::values::Scan;
use super::words::Class;

/// The end of the year that follows, with or without a comma or `of`; else `n` itself.
pub(super) fn with_year(scan: Scan<'_, '_>, n: usize) -> usize {
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
    let round = round && !(digits && matches!(before, "in" | "since") && scan.ends(end));
    // Words are rather a year after `in`: `nineteen thirty two`.
    (!round && !unit && (cued || scan.ends(end) || noun)).then_some(end)
}

/// `third quarter of 2021`, `the second half of the year`, `Q3 '25`, `q one`.
pub(super) fn quarter(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
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
pub(super) fn fiscal(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
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
pub(super) fn decade(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
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
pub(super) fn short_decade(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    let n = n + usize::from(scan.word(n) == "the");
    if matches!(scan.word(n), "'" | "’" | "‘") {
        return digits_decade(scan.word(n + 1)).then_some(n + 2);
    }
    let known = decade_word(scan.word(n)) || digits_decade(scan.word(n));
    (known && !scan.is(n + 1, Class::UNIT)).then_some(n + 1)
}

pub(super) fn decade_word(word: &str) -> bool {
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

pub(super) fn digits_decade(word: &str) -> bool {
    word.strip_suffix("0s").is_some_and(|decade| {
        decade
            .parse::<u16>()
            .is_ok_and(|d| (150..210).contains(&d) || (1..10).contains(&d))
    })
}
