//! Exact values in speech: `amounts` finds money, percentages and quantities, `dates` days, `spells` spans of time.
//!
//! A value covers what says how exactly it is meant: `about 6.3 percent`, `more than two years ago`.

use std::ops::Range;

use super::tokens::{Shape, Text};
use super::words::Class;
use super::{amounts, clock, dates, numbers, spells, years};
use crate::model::extraction::Kind;

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
            start: sentence.start,
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

/// A text within one sentence: before and behind it there is nothing.
#[derive(Clone, Copy)]
pub(super) struct Scan<'t, 'a> {
    text: &'t Text<'a>,
    start: usize,
    end: usize,
}

impl<'t> Scan<'t, '_> {
    pub(super) fn word(self, n: usize) -> &'t str {
        if n < self.end { self.text.word(n) } else { "" }
    }

    /// The word before token `n`.
    pub(super) fn before(self, n: usize) -> Option<&'t str> {
        let n = n.checked_sub(1).filter(|n| *n >= self.start)?;
        Some(self.text.word(n))
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

    /// Whether a capital is missing where text with capitals would have one.
    pub(super) fn small(self, n: usize) -> bool {
        self.text.cased && self.shape(n) == Shape::Lower
    }

    /// Whether the text says what is a name by its capitals.
    pub(super) fn cased(self) -> bool {
        self.text.cased
    }

    pub(super) fn opens(self, n: usize) -> bool {
        self.text.tokens.get(n).is_some_and(|token| token.opens)
    }

    pub(super) fn glued(self, n: usize) -> bool {
        n < self.end && self.text.tokens.get(n).is_some_and(|token| token.glued)
    }

    /// Whether a clause may end before token `n`: a mark, a word that joins clauses, or nothing more.
    pub(super) fn ends(self, n: usize) -> bool {
        let word = self.word(n);
        word.is_empty()
            || self.text.shape(n) == Shape::Mark && !matches!(word, "%" | "$" | "'s")
            || matches!(
                word,
                "and"
                    | "or"
                    | "but"
                    | "so"
                    | "when"
                    | "i"
                    | "we"
                    | "he"
                    | "she"
                    | "they"
                    | "it"
                    | "you"
                    | "that"
                    | "because"
                    | "at"
                    | "in"
                    | "on"
                    | "for"
                    | "with"
                    | "to"
                    | "is"
                    | "was"
                    | "then"
                    | "now"
                    | "um"
                    | "uh"
                    | "yeah"
                    | "an"
                    | "a"
                    | "per"
                    | "if"
                    | "as"
                    | "from"
                    | "by"
                    | "who"
                    | "which"
                    | "where"
                    | "the"
                    | "just"
                    | "this"
            )
    }

    /// Whether `between` stands shortly before token `n`.
    pub(super) fn between(self, n: usize) -> bool {
        let from = n.saturating_sub(6).max(self.start);
        (from..n).any(|n| self.text.word(n) == "between")
    }

    /// Whether what stands shortly before token `n` rose or fell by what follows.
    pub(super) fn changes(self, n: usize) -> bool {
        let from = n.saturating_sub(3).max(self.start);
        (from..n).any(|n| {
            matches!(
                self.text.word(n),
                "increased"
                    | "grew"
                    | "rose"
                    | "expanded"
                    | "fell"
                    | "decreased"
                    | "declined"
                    | "dropped"
                    | "improved"
                    | "up"
                    | "down"
                    | "gained"
                    | "lost"
                    | "climbed"
                    | "contracted"
                    | "by"
            )
        })
    }

    /// The end of the value that starts at token `n`, with what says how exactly it is meant.
    fn value(self, n: usize) -> Option<(usize, Kind)> {
        if let Some(found) = self.exact(n) {
            return Some(found);
        }
        let start = numbers::roughly(self, n)?;
        let counted = |n: usize| {
            let word = self.word(n);
            numbers::amount(self, n).is_some()
                || self.is(n, Class::CODE)
                || matches!(
                    word,
                    "$" | "€" | "£" | "¥" | "₹" | "a" | "an" | "half" | "one" | "two"
                )
                || matches!(
                    word,
                    "us" | "r" | "c" | "rs" | "ten" | "noon" | "midnight" | "three"
                )
        };
        let found = self.exact(start).filter(|_| counted(start))?;
        // `over two years` is rather how long it takes than how exactly it is meant.
        let lasts = matches!(self.word(n), "over" | "under" | "another" | "around");
        let placed = matches!(self.word(found.0 - 1), "ago" | "old" | "later" | "earlier");
        if lasts && matches!(found.1, Kind::Date | Kind::Time) && !placed {
            return None;
        }
        // `some day`, `over the year`: not meant as numbers.
        (found.1 != Kind::Date || numbers::amount(self, start).is_some() || self.word(n) != "some")
            .then_some(found)
    }

    fn exact(self, n: usize) -> Option<(usize, Kind)> {
        let of = |kind: Kind| move |end: usize| (end, kind);
        spells::part_of_day(self, n)
            .or_else(|| dates::date(self, n).map(of(Kind::Date)))
            .or_else(|| spells::spell(self, n))
            .or_else(|| clock::time(self, n).map(of(Kind::Time)))
            .or_else(|| amounts::found(self, n))
            .or_else(|| years::lone_year(self, n).map(of(Kind::Date)))
    }
}
