//! When something is to be done, as it is said: "by Friday", "next week", "before the 3rd of March".

use std::ops::Range;

use super::sentences::Word;

const DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const UNITS: [&str; 10] = [
    "day", "days", "week", "weeks", "month", "months", "hour", "hours", "year", "years",
];
const NUMBERS: [&str; 16] = [
    "a", "an", "one", "two", "three", "four", "five", "six", "seven", "eight", "ten", "twelve",
    "couple", "few", "next", "coming",
];
const SPANS: [&str; 9] = [
    "week",
    "month",
    "weekend",
    "quarter",
    "year",
    "afternoon",
    "morning",
    "evening",
    "sprint",
];

/// The first time in these words, as a range of them.
pub(super) fn due(words: &[Word]) -> Option<Range<usize>> {
    (0..words.len()).find_map(|at| {
        let rest = words.get(at..)?;
        let length = bounded(rest).or_else(|| bare(rest))?;
        Some(at..at + length)
    })
}

fn lower(words: &[Word], at: usize) -> &str {
    words.get(at).map_or("", |word| word.lower.as_str())
}

/// A preposition and a time.
fn bounded(words: &[Word]) -> Option<usize> {
    let first = lower(words, 0);
    if matches!(first, "in" | "within") {
        return number(words, 1);
    }
    if !matches!(first, "by" | "before" | "until" | "till" | "on") {
        return None;
    }
    let mut at = 1;
    if lower(words, at) == "the" {
        at += 1;
    }
    if lower(words, at) == "end" && lower(words, at + 1) == "of" {
        at += 2;
        if matches!(lower(words, at), "the" | "this" | "next") {
            at += 1;
        }
        let fits = SPANS.contains(&lower(words, at))
            || lower(words, at) == "day"
            || date(words, at).is_some();
        return fits.then(|| date(words, at).unwrap_or(at + 1));
    }
    if first != "on"
        && lower(words, 1) == "the"
        && matches!(lower(words, at), "meeting" | "call" | "weekend")
    {
        return Some(at + 1);
    }
    if first != "on" && matches!(lower(words, at), "noon" | "then") {
        return Some(at + 1);
    }
    date(words, at).or_else(|| bare(words.get(at..)?).map(|length| at + length))
}

/// "two weeks", "the next few days": where it ends.
fn number(words: &[Word], mut at: usize) -> Option<usize> {
    if lower(words, at) == "the" {
        at += 1;
    }
    let mut counted = false;
    for _ in 0..3 {
        let word = lower(words, at);
        if UNITS.contains(&word) {
            return counted.then_some(at + 1);
        }
        if word == "of" || NUMBERS.contains(&word) || word.parse::<u32>().is_ok() {
            counted = true;
            at += 1;
        } else {
            return None;
        }
    }
    (counted && UNITS.contains(&lower(words, at))).then_some(at + 1)
}

/// A weekday, or a day with its month: where it ends.
fn date(words: &[Word], at: usize) -> Option<usize> {
    let first = lower(words, at);
    let part = |at: usize| {
        matches!(
            lower(words, at),
            "morning" | "afternoon" | "evening" | "night"
        )
    };
    if DAYS.contains(&first) {
        return Some(at + 1 + usize::from(part(at + 1)));
    }
    let number = |at: usize| {
        let digits = lower(words, at).trim_end_matches(|c: char| c.is_ascii_lowercase());
        digits
            .parse::<u32>()
            .is_ok_and(|day| (1..=31).contains(&day))
    };
    let ordinal = number(at) && first.ends_with(|c: char| c.is_ascii_lowercase());
    let month = |at: usize| MONTHS.contains(&lower(words, at));
    if number(at) {
        let of = usize::from(lower(words, at + 1) == "of");
        if month(at + 1 + of) {
            return Some(at + 2 + of);
        }
        return ordinal.then_some(at + 1);
    }
    // "May" and "March" are verbs, too: as months they have a capital.
    let capital = words.get(at).is_some_and(|word| word.capital);
    (month(at) && capital).then(|| at + 1 + usize::from(number(at + 1)))
}

/// A time that needs no preposition.
fn bare(words: &[Word]) -> Option<usize> {
    let (first, second) = (lower(words, 0), lower(words, 1));
    let part = usize::from(matches!(
        second,
        "morning" | "afternoon" | "evening" | "night"
    ));
    match first {
        "tomorrow" => Some(1 + part),
        "today" | "tonight" | "asap" => Some(1),
        "this" | "next" if SPANS.contains(&second) => Some(2),
        "this" | "next" => date(words, 1).filter(|_| DAYS.contains(&second)),
        "end" if second == "of" => {
            let at = 2 + usize::from(matches!(lower(words, 2), "the" | "this" | "next"));
            let fits = SPANS.contains(&lower(words, at)) || lower(words, at) == "day";
            fits.then_some(at + 1)
        }
        _ if DAYS.contains(&first) => date(words, 0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sentences::sentences;
    use super::*;

    #[test]
    fn times_are_read_as_they_are_said() {
        for (said, expected) in [
            (
                "I'll send it by Friday morning if I can",
                Some("by Friday morning"),
            ),
            ("I'll send it tomorrow", Some("tomorrow")),
            (
                "before the end of the month we close",
                Some("before the end of the month"),
            ),
            (
                "we pay on the 14th of March at last",
                Some("on the 14th of March"),
            ),
            ("we pay on 3 May", Some("on 3 May")),
            (
                "within the next two weeks then",
                Some("within the next two weeks"),
            ),
            ("in a couple of days", Some("in a couple of days")),
            ("let us talk next week", Some("next week")),
            ("before the meeting", Some("before the meeting")),
            (
                "by the end of next quarter",
                Some("by the end of next quarter"),
            ),
            ("by hand, and on the table", None),
            ("it may rain on me in one way", None),
            ("we march on", None),
        ] {
            let sentences = sentences(said);
            let words = &sentences[0].words;
            let found = due(words).map(|range| {
                let (first, last) = (&words[range.start].place, &words[range.end - 1].place);
                said.get(first.start..last.end).unwrap()
            });
            assert_eq!(found, expected, "{said}");
        }
    }
}
