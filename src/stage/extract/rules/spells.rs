//! Spans of time in speech: `two years ago`, `the past few weeks`, `this quarter`, `six months later`, ages, and parts
//! of a day. From a day on they are dates, shorter ones are times.

use super::dates::{self, which};
use super::numbers::{number, plain as digits};
use super::tokens::Shape;
use super::values::Scan;
use super::words::Class;
use super::years::year;
use crate::model::extraction::Kind;

/// A span of time, counted or named, or an age.
pub(super) fn spell(scan: Scan<'_, '_>, n: usize) -> Option<(usize, Kind)> {
    counted(scan, n)
        .or_else(|| period(scan, n))
        .or_else(|| hyphened(scan, n))
        .or_else(|| age(scan, n).map(|end| (end, Kind::Date)))
}

/// What a word counts: days and more are dates.
fn unit(word: &str) -> Option<Kind> {
    match word {
        "day" | "days" | "week" | "weeks" | "month" | "months" | "year" | "years" | "quarter"
        | "quarters" | "decade" | "decades" | "century" | "centuries" | "weekend" | "weekends"
        | "fortnight" | "weeknights" | "summers" | "winters" | "semesters" => Some(Kind::Date),
        "hour" | "hours" | "minute" | "minutes" | "second" | "seconds" => Some(Kind::Time),
        _ => None,
    }
}

/// `two years ago`, `a couple of weeks`, `two and a half hours`, `a year and a half`, `two or three days`.
fn counted(scan: Scan<'_, '_>, n: usize) -> Option<(usize, Kind)> {
    let many = |n: usize| {
        let words = (scan.word(n), scan.word(n + 1), scan.word(n + 2));
        match words {
            ("a", "couple" | "few" | "number" | "handful", "of") => Some(n + 3),
            ("a", "couple" | "few" | "good" | "full" | "whole", _) | ("half", "a" | "an", _) => {
                Some(n + 2)
            }
            ("several" | "many" | "few" | "couple", "of", _) => Some(n + 2),
            ("several" | "many" | "a" | "an", ..) => Some(n + 1),
            _ => number(scan, n),
        }
    };
    let mut start = many(n)?;
    // `two or three years`, `five to ten years`, `two, three weeks`.
    if matches!(scan.word(start), "to" | "or" | "-" | "–" | ",") && number(scan, n) == Some(start)
    {
        start = number(scan, start + 1)
            .filter(|end| unit(scan.word(*end)).is_some())
            .unwrap_or(start);
    }
    while matches!(
        scan.word(start),
        "more"
            | "full"
            | "whole"
            | "long"
            | "short"
            | "consecutive"
            | "straight"
            | "business"
            | "working"
            | "calendar"
            | "light"
            | "solid"
            | "odd"
            | "additional"
    ) {
        start += 1;
    }
    let kind = unit(scan.word(start))?;
    let singular = !scan.word(start).ends_with('s');
    let article = matches!(scan.word(n), "a" | "an");
    let mut end = start + 1;
    // `a year and a half`, `two hours and thirty minutes`.
    if scan.word(end) == "and" {
        let half = scan.word(end + 1) == "a" && scan.word(end + 2) == "half";
        let more = || {
            let next = number(scan, end + 1)?;
            let smaller = matches!(scan.word(start).chars().next(), Some('h' | 'm' | 'y' | 'd'));
            (smaller && unit(scan.word(next)) == Some(kind)).then_some(next + 1)
        };
        end = if half { end + 3 } else { more().unwrap_or(end) };
    }
    let tail = behind(scan, end);
    // `wait a minute`, `one day we will`, `a second question`, `the one second`.
    let idiom = matches!(
        (scan.word(n), scan.word(start)),
        ("a" | "one", "second" | "minute") | ("one", "day") | ("a", "quarter")
    );
    if idiom && tail == end || article && singular && scan.word(start) == "second" {
        return None;
    }
    // `a day` after an amount or a frequency only.
    if article
        && start == n + 1
        && tail == end
        && matches!(scan.word(start), "day" | "weekend")
        && !rate(scan, n)
    {
        return None;
    }
    Some((tail, kind))
}

/// Whether a number or a price stands before token `n`: `twice a day`, `$5 a day`.
fn rate(scan: Scan<'_, '_>, n: usize) -> bool {
    let before = n.checked_sub(1);
    before.is_some_and(|n| {
        scan.is(
            n,
            Class::CURRENCY
                .or(Class::NUMBER)
                .or(Class::SCALE)
                .or(Class::UNIT),
        ) || scan.shape(n) == Shape::Number
            || matches!(
                scan.word(n),
                "once" | "twice" | "times" | "barrels" | "goods"
            )
    })
}

/// What says where a span lies: `ago`, `later`, `old`.
fn behind(scan: Scan<'_, '_>, n: usize) -> usize {
    match (scan.word(n), scan.word(n + 1)) {
        ("ago" | "later" | "earlier" | "old" | "prior", _) => n + 1,
        ("or", "so") => match scan.word(n + 2) {
            "ago" | "later" => n + 3,
            _ => n + 2,
        },
        ("of", "age") | ("from", "now") => n + 2,
        _ => n,
    }
}

/// `this quarter`, `the last two years`, `the past few weeks`, `next year`, `every day`, `the year`, `years ago`.
pub(super) fn period(scan: Scan<'_, '_>, n: usize) -> Option<(usize, Kind)> {
    every(scan, n)
        .or_else(|| placed(scan, n))
        .or_else(|| bare(scan, n))
}

fn is_season(word: &str) -> bool {
    matches!(
        word,
        "spring" | "summer" | "autumn" | "winter" | "weekend" | "fall"
    )
}

/// `every day`, `each quarter`, `all year`, `every other week`, `every summer`.
fn every(scan: Scan<'_, '_>, n: usize) -> Option<(usize, Kind)> {
    if !matches!(scan.word(n), "every" | "each" | "all") {
        return None;
    }
    let other = scan.word(n) == "every" && scan.word(n + 1) == "other";
    let at = n + 1 + usize::from(other);
    let word = scan.word(at);
    if is_season(word) {
        return Some((at + 1, Kind::Date));
    }
    // `every two weeks`.
    let several = number(scan, at).filter(|end| unit(scan.word(*end)).is_some());
    if let Some(end) = several.filter(|_| scan.word(n) == "every") {
        return Some((end + 1, unit(scan.word(end))?));
    }
    let kind = unit(word).filter(|kind| !other || *kind == Kind::Date)?;
    let vague = matches!(word, "second" | "minute" | "quarters");
    (!vague).then_some((at + 1, kind))
}

/// How a span is told from its neighbours.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// `last`, `next`.
    Near,
    /// `first`, `3rd`.
    Nth,
    Untold,
}

/// What stands before the word for a span of time, and says which one is meant.
struct Lead {
    /// The word for the span.
    at: usize,
    /// `the`, `this`, `our`.
    article: bool,
    order: Order,
    /// A number or `few`.
    counted: bool,
}

impl Lead {
    fn of(scan: Scan<'_, '_>, n: usize) -> Self {
        let article = matches!(
            scan.word(n),
            "the" | "this" | "that" | "these" | "those" | "our"
        );
        let mut at = n + usize::from(article);
        let first = at;
        let is_near = |word: &str| {
            matches!(
                word,
                "last"
                    | "next"
                    | "past"
                    | "previous"
                    | "prior"
                    | "following"
                    | "coming"
                    | "current"
                    | "same"
                    | "upcoming"
                    | "entire"
                    | "whole"
                    | "final"
                    | "ensuing"
                    | "preceding"
                    | "remaining"
                    | "prior-year"
                    | "recent"
                    | "full"
            )
        };
        while at < n + 4 && is_near(scan.word(at)) {
            at += 1;
        }
        let near = at > first;
        let ordinal = which(scan, at) && !near;
        at += usize::from(ordinal);
        let several = match (scan.word(at), scan.word(at + 1)) {
            ("couple" | "few" | "handful", "of") => Some(at + 2),
            ("several" | "few" | "couple" | "many", _) => Some(at + 1),
            _ => number(scan, at),
        };
        let range = several.filter(|end| matches!(scan.word(*end), "to" | "or"));
        let several = range.and_then(|end| number(scan, end + 1)).or(several);
        let counted = several.is_some() && (near || ordinal);
        let at = several.filter(|_| counted).unwrap_or(at);
        let kind = matches!(
            scan.word(at),
            "fiscal" | "calendar" | "consecutive" | "school" | "business"
        );
        Self {
            at: at + usize::from(kind),
            article,
            order: match (near, ordinal) {
                (true, _) => Order::Near,
                (_, true) => Order::Nth,
                _ => Order::Untold,
            },
            counted,
        }
    }

    /// Whether this is a span that is told from others: not `the day`, nor `first week`.
    fn tells(&self, scan: Scan<'_, '_>, n: usize) -> bool {
        let (first, word) = (scan.word(n), scan.word(self.at));
        let one = matches!(
            word,
            "day" | "week" | "month" | "year" | "quarter" | "decade"
        );
        let alone = self.article && self.at == n + 1;
        let (near, ordinal) = (self.order == Order::Near, self.order == Order::Nth);
        match first {
            "the" if alone => {
                matches!(
                    word,
                    "quarter" | "year" | "week" | "month" | "decade" | "century"
                ) || is_season(word) && !matches!(word, "fall" | "autumn")
            }
            "this" if alone => !matches!(word, "day" | "minute" | "hour" | "second"),
            "that" if alone => one || is_season(word) && word != "fall",
            "those" | "these" => self.counted || alone && matches!(word, "days" | "years"),
            "our" => near || self.counted,
            _ if self.article => near || ordinal && (self.counted || one),
            _ if ordinal => self.counted || word == "quarter",
            "same" | "whole" | "entire" | "recent" | "full" | "final" | "current" => {
                self.counted || matches!(word, "quarter" | "year" | "month" | "week")
            }
            _ => near && (word != "fall" || self.counted),
        }
    }
}

/// `this quarter`, `the last two years`, `next summer`, `the first nine months of the year`.
fn placed(scan: Scan<'_, '_>, n: usize) -> Option<(usize, Kind)> {
    let lead = Lead::of(scan, n);
    let word = scan.word(lead.at);
    let season = is_season(word);
    let kind = unit(word).or_else(|| season.then_some(Kind::Date))?;
    if word == "second" || word == "seconds" && !lead.counted || !lead.tells(scan, n) {
        return None;
    }
    let end = lead.at + 1;
    let of = scan.word(end) == "of"
        && (lead.counted || lead.order == Order::Nth || season || word == "week");
    let inner = || {
        dates::plain(scan, end + 1)
            .or_else(|| year(scan, end + 1))
            .or_else(|| narrow(scan, end + 1))
    };
    let end = if of {
        inner().unwrap_or(end)
    } else {
        year(scan, end).filter(|_| season).unwrap_or(end)
    };
    Some((behind(scan, end), kind))
}

/// `years ago`, `for decades`.
fn bare(scan: Scan<'_, '_>, n: usize) -> Option<(usize, Kind)> {
    let word = scan.word(n);
    let kind = unit(word).filter(|_| word.ends_with('s'))?;
    let end = behind(scan, n + 1);
    let long = matches!(word, "years" | "decades" | "months" | "weeks" | "centuries");
    let lasts = long && matches!(scan.before(n), Some("for" | "in" | "over"));
    let since = end > n + 1 && !matches!(scan.word(n + 1), "old" | "or");
    (since || lasts).then_some((end, kind))
}

/// `the year`, `this year`, `last year` behind `of`.
fn narrow(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    let near = matches!(scan.word(n), "the" | "this" | "last" | "next");
    let fiscal = usize::from(matches!(scan.word(n + 1), "fiscal" | "calendar"));
    let whole = matches!(
        scan.word(n + 1 + fiscal),
        "year" | "month" | "quarter" | "week"
    );
    (near && whole).then_some(n + 2 + fiscal)
}

/// `five-year`, `20-year-old`, `30-minute`, `18 month`.
fn hyphened(scan: Scan<'_, '_>, n: usize) -> Option<(usize, Kind)> {
    let dash = |n: usize| scan.word(n) == "-" && scan.glued(n);
    // Digits are cut from what follows the dash: `20` `-` `year-old`.
    if scan.shape(n) == Shape::Number && digits(scan.word(n)) && dash(n + 1) {
        let word = scan.word(n + 2);
        let kind = unit(word.strip_suffix("-old").unwrap_or(word))?;
        return Some((n + 3, kind));
    }
    let word = scan.word(n);
    let (count, rest) = word.split_once('-')?;
    let rest = rest.strip_suffix("-old").unwrap_or(rest);
    let counts = Class::of(count).has(Class::NUMBER) || count == "multi";
    let kind = unit(rest).filter(|_| counts && !rest.ends_with('s'))?;
    (count != "multi").then_some((n + 1, kind))
}

/// `I'm ninety-one`, `when he was fourteen`, `aged 12`, `she's turning seventy`: an age, where a clause ends behind it.
fn age(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    if matches!(scan.word(n), "age" | "aged") {
        let end = number(scan, n + 1)?;
        return (end <= n + 3 && years(scan, n + 1)).then_some(end);
    }
    let end = number(scan, n).filter(|end| *end <= n + 2 && years(scan, n))?;
    let word = scan.before(n)?;
    let turned = matches!(word, "turning" | "turned" | "turns");
    let one = |n: usize| matches!(scan.word(n), "i" | "he" | "she" | "they" | "who");
    let was = matches!(word, "was" | "am" | "is" | "'s") && n >= 2 && one(n - 2);
    let am = matches!(word, "i'm" | "he's" | "she's");
    let clause = matches!(
        scan.word(end),
        "" | "."
            | ","
            | ";"
            | "?"
            | "!"
            | "when"
            | "years"
            | "and"
            | "so"
            | "at"
            | "then"
            | "i"
            | "my"
    );
    let small = matches!(scan.word(n), "one" | "zero");
    ((turned || was || am) && clause && !small && scan.word(end) != "years").then_some(end)
}

/// Whether the number at `n` may be somebody's age.
fn years(scan: Scan<'_, '_>, n: usize) -> bool {
    let word = scan.word(n);
    let digits = word.parse::<u8>().is_ok_and(|age| (1..=110).contains(&age));
    digits || scan.is(n, Class::NUMBER) && !scan.is(n + 1, Class::SCALE)
}

/// `this morning`, `Friday night`, `tomorrow afternoon`, `tonight`, `the next evening`.
pub(super) fn part_of_day(scan: Scan<'_, '_>, n: usize) -> Option<(usize, Kind)> {
    let part = |n: usize| {
        matches!(
            scan.word(n),
            "morning" | "afternoon" | "evening" | "night" | "mornings" | "nights" | "evenings"
        )
    };
    let found = |end: usize| Some((end, Kind::Time));
    if matches!(scan.word(n), "tonight" | "overnight") {
        return found(n + 1);
    }
    let the = n + usize::from(scan.word(n) == "the");
    let near = matches!(
        scan.word(the),
        "last"
            | "next"
            | "this"
            | "that"
            | "every"
            | "each"
            | "tomorrow"
            | "yesterday"
            | "following"
            | "previous"
            | "same"
            | "late"
            | "early"
            | "one"
            | "other"
    );
    let day = scan.is(the, Class::WEEKDAY) && !scan.small(the);
    if (near || day) && part(the + 1) && scan.word(the + 2) != "'s" {
        let loose = matches!(scan.word(the), "one" | "early" | "late" | "other")
            && the == n
            && scan.word(the) != "one";
        return if loose { None } else { found(the + 2) };
    }
    let all = matches!(scan.word(n), "all")
        && matches!(scan.word(n + 1), "night" | "morning" | "afternoon");
    if all {
        return found(n + 2);
    }
    // `in the morning`.
    let inside =
        the > n && part(the) && matches!(scan.before(n), Some("in" | "during" | "of" | "for"));
    inside.then_some((the + 1, Kind::Time))
}
