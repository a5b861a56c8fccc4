//! Exact values in speech: percentages, money, times of day, quantities; dates are `dates`.
//!
//! Numbers come as digits and as words: `6.3 percent`, `six point three percent`.

use std::ops::Range;

use super::dates;
use super::tokens::{Shape, Text};
use super::words::Class;
use crate::model::extraction::Kind;

/// The longest number, in tokens. Without a bound `twenty twenty ...` takes quadratic time.
const MAX_NUMBER: usize = 16;

/// A value: its tokens and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) tokens: Range<usize>,
    pub(super) kind: Kind,
}

/// All values, in text order, no two over one token.
pub(super) fn find(text: &Text<'_>) -> Vec<Value> {
    let mut out = Vec::new();
    for sentence in text.turns.iter().flat_map(|turn| &turn.sentences) {
        let scan = Scan {
            text,
            end: sentence.end,
        };
        let mut n = sentence.start;
        while n < sentence.end {
            match scan.value(n) {
                Some((end, kind)) if end > n => {
                    out.push(Value {
                        tokens: n..end,
                        kind,
                    });
                    n = end;
                }
                _ => n += 1,
            }
        }
    }
    out
}

/// A text up to the end of one sentence: behind it there is nothing.
#[derive(Clone, Copy)]
pub(super) struct Scan<'t, 'a> {
    text: &'t Text<'a>,
    end: usize,
}

impl<'t> Scan<'t, '_> {
    pub(super) fn word(self, n: usize) -> &'t str {
        if n < self.end { self.text.word(n) } else { "" }
    }

    pub(super) fn is(self, n: usize, class: Class) -> bool {
        n < self.end && self.text.class(n).has(class)
    }

    pub(super) fn shape(self, n: usize) -> Shape {
        if n < self.end {
            self.text.shape(n)
        } else {
            Shape::Mark
        }
    }

    pub(super) fn opens(self, n: usize) -> bool {
        self.text.tokens.get(n).is_some_and(|token| token.opens)
    }

    fn glued(self, n: usize) -> bool {
        n < self.end && self.text.tokens.get(n).is_some_and(|token| token.glued)
    }

    /// The end of the value that starts at token `n`.
    fn value(self, n: usize) -> Option<(usize, Kind)> {
        let of = |kind: Kind| move |end: usize| (end, kind);
        self.priced(n)
            .map(of(Kind::Money))
            .or_else(|| self.counted(n))
            .or_else(|| self.clock(n).map(of(Kind::Time)))
            .or_else(|| dates::date(self, n).map(of(Kind::Date)))
    }

    /// A number, as digits or as words: `3`, `1,240.5`, `five hundred and six`, `six point three`, `a million`.
    pub(super) fn number(self, n: usize) -> Option<usize> {
        let counts = |n| self.is(n, Class::NUMBER) || self.is(n, Class::SCALE);
        let digits = |n| self.shape(n) == Shape::Number && plain(self.word(n));
        let mut end = match self.word(n) {
            "a" | "half" | "few" if self.is(n + 1, Class::SCALE) => n + 2,
            _ if self.is(n, Class::NUMBER) || digits(n) => n + 1,
            _ => return None,
        };
        loop {
            let point = self.word(end) == "point" && (counts(end + 1) || digits(end + 1));
            let and = self.word(end) == "and"
                && self.is(end - 1, Class::SCALE)
                && self.is(end + 1, Class::NUMBER);
            end = if end - n > MAX_NUMBER {
                return None;
            } else if counts(end) {
                end + 1
            } else if point || and {
                end + 2
            } else {
                return Some(end);
            };
        }
    }

    /// Money with its currency before the number: `£40,000`, `US$3.5 million`, `COP 12 trillion`.
    fn priced(self, n: usize) -> Option<usize> {
        let symbol = |n| matches!(self.word(n), "$" | "€" | "£" | "¥" | "₹" | "₽" | "₩");
        let start = if symbol(n) {
            n + 1
        } else if symbol(n + 1)
            && self.glued(n + 1)
            && matches!(
                self.word(n),
                "us" | "a" | "c" | "hk" | "nz" | "r" | "s" | "au"
            )
        {
            n + 2
        } else if self.is(n, Class::CODE) {
            n + 1
        } else {
            return None;
        };
        let end = self.amount(start)?;
        Some(if self.is(end, Class::CURRENCY) {
            end + 1
        } else {
            end
        })
    }

    /// A number with its scale glued on or behind it: `3bn`, `2.5 m`, `5k`.
    fn amount(self, n: usize) -> Option<usize> {
        let end = match self.number(n) {
            Some(end) => end,
            None if self.shape(n) == Shape::Number && scaled(self.word(n)) => n + 1,
            None => return None,
        };
        let scale = matches!(self.word(end), "bn" | "mn" | "m" | "k" | "b" | "mm");
        Some(if scale { end + 1 } else { end })
    }

    /// A number with what it counts behind it, ranges included: `20 to 30 percent`, `48,000 euros`.
    fn counted(self, n: usize) -> Option<(usize, Kind)> {
        if let Some(kind) = self.glued_unit(n) {
            return Some((n + 1, kind));
        }
        let end = self.amount(n)?;
        if let Some(found) = self.counts(end) {
            let idiom = self.word(n) == "one"
                && end == n + 1
                && matches!(self.word(end), "day" | "second" | "foot" | "minute");
            return (!idiom).then_some(found);
        }
        let to = matches!(self.word(end), "to" | "or" | "and" | "-" | "–");
        let end = self.amount(end + 1).filter(|_| to)?;
        self.counts(end)
    }

    /// What may stand behind a number.
    fn counts(self, n: usize) -> Option<(usize, Kind)> {
        match (self.word(n), self.word(n + 1)) {
            ("%" | "percent", _) => return Some((n + 1, Kind::Percent)),
            ("per", "cent") | ("percentage" | "basis", "point" | "points") => {
                return Some((n + 2, Kind::Percent));
            }
            ("square" | "cubic", _) if self.is(n + 1, Class::UNIT) => {
                return Some((n + 2, Kind::Quantity));
            }
            _ => {}
        }
        let nation = self.is(n, Class::NATION) || matches!(self.word(n), "us" | "u.s");
        let skipped = if nation && self.is(n + 1, Class::CURRENCY) {
            n + 1
        } else {
            n
        };
        if self.is(skipped, Class::CURRENCY) || self.is(skipped, Class::CODE) {
            let end = skipped + 1;
            return Some((
                if self.word(end) == "sterling" {
                    end + 1
                } else {
                    end
                },
                Kind::Money,
            ));
        }
        self.is(n, Class::UNIT).then_some((n + 1, Kind::Quantity))
    }

    /// `30km`, `5kg`, `12%` is two tokens.
    fn glued_unit(self, n: usize) -> Option<Kind> {
        if self.shape(n) != Shape::Number {
            return None;
        }
        let unit = self
            .word(n)
            .trim_start_matches(|c: char| !c.is_alphabetic());
        let known = unit.len() > 1 && Class::of(unit).has(Class::UNIT);
        known.then_some(Kind::Quantity)
    }

    /// A time of day: `7:30`, `10 am`, `half past seven`, `nine o'clock`, `noon`.
    fn clock(self, n: usize) -> Option<usize> {
        let half_day = |n| matches!(self.word(n), "am" | "pm" | "a.m" | "p.m");
        if matches!(self.word(n), "noon" | "midnight") {
            return Some(n + 1);
        }
        let past = matches!(self.word(n + 1), "past" | "to");
        if past
            && (matches!(self.word(n), "half" | "quarter") || self.is(n, Class::NUMBER))
            && self.is(n + 2, Class::NUMBER)
        {
            let sure = self.word(n + 1) == "past" || self.word(n) == "quarter";
            return sure.then_some(n + 3);
        }
        if self.shape(n) == Shape::Number {
            let word = self.word(n);
            if word.ends_with("am") || word.ends_with("pm") {
                return word
                    .get(..word.len() - 2)
                    .is_some_and(hour)
                    .then_some(n + 1);
            }
            // `[04:07]` is a stamp of the transcript, not speech.
            let stamp = n
                .checked_sub(1)
                .is_some_and(|n| matches!(self.word(n), "[" | "("));
            if word.contains(':') && !stamp {
                return hour(word).then(|| if half_day(n + 1) { n + 2 } else { n + 1 });
            }
        }
        let end = self.number(n)?;
        (half_day(end) || self.word(end) == "o'clock").then_some(end + 1)
    }
}

/// Digits with separators of thousands and decimals only.
fn plain(word: &str) -> bool {
    word.bytes()
        .all(|b| b.is_ascii_digit() || b == b',' || b == b'.')
}

fn scaled(word: &str) -> bool {
    let number = word.trim_end_matches(|c: char| c.is_alphabetic());
    let scale = word.strip_prefix(number).unwrap_or_default();
    plain(number) && matches!(scale, "bn" | "m" | "mn" | "k" | "b" | "tn" | "mm")
}

/// `7`, `07:30`, `23:59:59`.
fn hour(word: &str) -> bool {
    let mut parts = word.split(':').map(str::parse::<u8>);
    let first = parts
        .next()
        .is_some_and(|hour| hour.is_ok_and(|hour| hour < 25));
    first && word.len() <= 8 && parts.all(|part| part.is_ok_and(|part| part < 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn values(text: &str) -> Vec<String> {
        let shown = format!("A: {text}\n");
        let text = Text::of(&shown);
        find(&text)
            .into_iter()
            .map(|value| {
                let words = shown.get(text.bytes(&value.tokens)).unwrap();
                format!("{}={words}", value.kind.name())
            })
            .collect()
    }

    #[test]
    fn values_are_found_whole() {
        let rows: [(&str, &[&str]); 24] = [
            (
                "up by six point three percent or eight per cent",
                &["percent=six point three percent", "percent=eight per cent"],
            ),
            (
                "up 6.3% and 20 to 30 percent",
                &["percent=6.3%", "percent=20 to 30 percent"],
            ),
            ("about 50 basis points", &["percent=50 basis points"]),
            (
                "It cost £40,000, no, US$3.5 million.",
                &["money=£40,000", "money=US$3.5 million"],
            ),
            (
                "48,000 euros and five hundred and six dollars",
                &["money=48,000 euros", "money=five hundred and six dollars"],
            ),
            (
                "a million dollars, €3bn, $5k",
                &["money=a million dollars", "money=€3bn", "money=$5k"],
            ),
            ("cop two trillion", &["money=cop two trillion"]),
            (
                "2 million Canadian dollars",
                &["money=2 million Canadian dollars"],
            ),
            (
                "12 tonnes over 30km in three weeks",
                &[
                    "quantity=12 tonnes",
                    "quantity=30km",
                    "quantity=three weeks",
                ],
            ),
            ("one day we will", &[]),
            (
                "at half past seven, at 10 am, at 7:30 pm or 8:15",
                &[
                    "time=half past seven",
                    "time=10 am",
                    "time=7:30 pm",
                    "time=8:15",
                ],
            ),
            ("nine o'clock, noon", &["time=nine o'clock", "time=noon"]),
            ("ten to twelve people", &[]),
            (
                "on Wednesday, 14 January 2026, it",
                &["date=Wednesday, 14 January 2026"],
            ),
            ("on Tuesday, March third", &["date=Tuesday, March third"]),
            (
                "the 19th of May and 3 March",
                &["date=19th of May", "date=3 March"],
            ),
            (
                "ended thirty first December twenty nineteen",
                &["date=thirty first December twenty nineteen"],
            ),
            (
                "in twenty nineteen and two thousand twenty one and 1953",
                &[
                    "date=twenty nineteen",
                    "date=two thousand twenty one",
                    "date=1953",
                ],
            ),
            (
                "third quarter twenty twenty one",
                &["date=third quarter twenty twenty one"],
            ),
            (
                "Q3 2021, last Tuesday, next week, tomorrow",
                &[
                    "date=Q3 2021",
                    "date=last Tuesday",
                    "date=next week",
                    "date=tomorrow",
                ],
            ),
            ("You may march. It may be May.", &["date=May"]),
            (
                "in May 2020, by 2026-01-14",
                &["date=May 2020", "date=2026-01-14"],
            ),
            ("the 1990s and 300 people in 2000 steps", &["date=1990s"]),
            ("the first week of May", &["date=first week of May"]),
        ];
        for (text, wanted) in rows {
            assert_eq!(values(text), wanted, "{text}");
        }
    }

    #[test]
    fn nothing_runs_over_the_end() {
        for text in [
            "$",
            "US$",
            "half past",
            "20 to",
            "six point",
            "March",
            "third",
            "last",
            "a",
            "the 3rd of",
            "two thousand and",
        ] {
            let _values = values(text);
        }
    }
}
