//! Names in speech that was written without capitals, as recognisers of speech do: what the lexicon knows, and what
//! stands next to it as the parts of names do. A word that is also a common one is no name by itself.

use std::collections::BTreeSet;
use std::ops::Range;

use super::names::Span;
use super::phrases::phrase;
use super::tokens::{Shape, Text};
use super::words::{Class, is_common};
use crate::model::extraction::Kind;

/// All names, in text order; `taken` are the tokens of values.
pub(super) fn find(text: &Text<'_>, taken: &BTreeSet<usize>) -> Vec<Span> {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut again: BTreeSet<&str> = BTreeSet::new();
    for token in &text.tokens {
        let word = token.low.as_ref();
        if token.shape != Shape::Mark && word.len() > 3 && !seen.insert(word) {
            again.insert(word);
        }
    }
    let mut out = Vec::new();
    for sentence in text.turns.iter().flat_map(|turn| &turn.sentences) {
        let reader = Reader {
            text,
            taken,
            again: &again,
            start: sentence.start,
            end: sentence.end,
        };
        let mut n = sentence.start;
        while n < sentence.end {
            match reader.name(n) {
                Some(span) if span.tokens.end > n => {
                    n = span.tokens.end;
                    out.push(span);
                }
                _ => n += 1,
            }
        }
    }
    out
}

pub(super) struct Reader<'t, 'a> {
    pub(super) text: &'t Text<'a>,
    taken: &'t BTreeSet<usize>,
    /// Words that are said twice or more.
    again: &'t BTreeSet<&'t str>,
    start: usize,
    end: usize,
}

impl Reader<'_, '_> {
    pub(super) fn word(&self, n: usize) -> &str {
        if n < self.end { self.text.word(n) } else { "" }
    }

    fn before(&self, n: usize) -> &str {
        match n.checked_sub(1).filter(|n| *n >= self.start) {
            Some(n) => self.text.word(n),
            None => "",
        }
    }

    pub(super) fn is(&self, n: usize, class: Class) -> bool {
        n < self.end && self.text.class(n).has(class)
    }

    /// Whether token `n` is a word that may be part of a name.
    pub(super) fn free(&self, n: usize) -> bool {
        n < self.end && self.text.shape(n) != Shape::Mark && !self.taken.contains(&n)
    }

    pub(super) fn common(&self, n: usize) -> bool {
        is_common(self.word(n))
    }

    /// A word that no list of common words has.
    pub(super) fn rare(&self, n: usize) -> bool {
        let word = self.word(n);
        let letters = word.len() > 2 && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'\'');
        self.free(n) && letters && !self.common(n)
    }

    fn name(&self, n: usize) -> Option<Span> {
        if !self.free(n) {
            return None;
        }
        let span = |tokens: Range<usize>, kind: Kind| {
            Some(Span {
                tokens,
                titled: false,
                kind: Some(kind),
            })
        };
        if let Some(known) = phrase(self.text, n, self.end) {
            // `oxford university press`: a longer name may start with a known one.
            let end = self.firm(known.tokens.end - 1).unwrap_or(known.tokens.end);
            let kind = if end > known.tokens.end {
                Kind::Organization
            } else {
                known.kind
            };
            return span(n..end, kind);
        }
        if let Some(start) = self.title(n) {
            let end = self.person(start);
            return Some(Span {
                tokens: start..end,
                titled: true,
                kind: Some(Kind::Person),
            });
        }
        if let Some(end) = self.place(n) {
            return span(n..end, Kind::Place);
        }
        if let Some(end) = self.firm(n) {
            return span(n..end, Kind::Organization);
        }
        if self.called(n) {
            return span(n..self.person(n), Kind::Person);
        }
        let class = self.text.class(n);
        let alone = !class.has(Class::COMMON.or(Class::STOP)) || self.spelled(n);
        // `the us` is a country only behind what goes with one.
        let us = self.word(n) == "us" && self.before(n) == "the";
        if us || class.has(Class::PLACE) && alone && !self.person_first(n) {
            return span(n..n + 1, Kind::Place);
        }
        if class.has(Class::FIRST) && alone {
            return span(n..self.person(n), Kind::Person);
        }
        // A common word that is a given name too: `mark jones`, not `mark it`.
        if class.has(Class::FIRST) && self.is(n + 1, Class::FAMILY) && !self.common(n + 1) {
            return span(n..n + 2, Kind::Person);
        }
        let known = [
            (Class::ORG, Kind::Organization),
            (Class::PRODUCT, Kind::Product),
            (Class::EVENT, Kind::Event),
            (Class::WORK, Kind::Work),
            (Class::NATION, Kind::Other),
            (Class::FAMILY, Kind::Person),
        ];
        if let Some((_, kind)) = known.iter().find(|(bit, _)| class.has(*bit) && alone) {
            return span(n..n + 1, *kind);
        }
        if !self.strange(n) {
            return None;
        }
        let end = (n + 1..n + 3).take_while(|n| self.rare(*n)).count() + n + 1;
        span(n..end, Kind::Other)
    }

    /// Whether a word that no list has is a name by what stands before it, or by being said again.
    fn strange(&self, n: usize) -> bool {
        let cued = matches!(
            self.before(n),
            "at" | "from" | "called" | "named" | "joined" | "by"
        );
        let derived = [
            "ity", "ion", "ions", "ogy", "ment", "ance", "ence", "ated", "ized", "ised", "izing",
            "ating", "ness", "ism", "ical", "able", "ing", "ed", "ly", "ive", "ous", "ural",
            "metry", "graphy", "tion", "ings", "ers", "ality", "'ve", "'d", "ary", "ic", "ics",
            "less", "ship", "ware", "back", "end", "box", "like", "wise", "size", "iles", "ents",
            "ors",
        ]
        .iter()
        .any(|end| self.word(n).ends_with(end));
        let noted = matches!(self.before(n), "{" | "[" | "(" | "<");
        let known = cued || self.again.contains(self.word(n));
        self.rare(n) && self.word(n).len() > 3 && known && !derived && !noted
    }

    /// Letters that were spelled out: `u k`, `n y p d`.
    fn spelled(&self, n: usize) -> bool {
        self.text
            .tokens
            .get(n)
            .is_some_and(|token| token.text.contains(' '))
    }

    /// Whether a word that is a place and a given name goes on as a person's: `austin miller`.
    fn person_first(&self, n: usize) -> bool {
        self.is(n, Class::FIRST)
            && self.is(n + 1, Class::FAMILY)
            && !self.is(n + 1, Class::PLACE)
            && !self.common(n + 1)
    }

    /// The token behind a title that stands before a person's name.
    fn title(&self, n: usize) -> Option<usize> {
        let title = self.is(n, Class::TITLE)
            || matches!(
                self.word(n),
                "mister"
                    | "missus"
                    | "officer"
                    | "sheriff"
                    | "detective"
                    | "lieutenant"
                    | "pastor"
                    | "deputy"
                    | "coach"
            );
        let start = n + 1 + usize::from(self.word(n + 1) == ".");
        let name =
            self.rare(start) || self.is(start, Class::FIRST) && self.is(start + 1, Class::FAMILY);
        let person = !self.is(start, Class::PLACE.or(Class::NATION).or(Class::ORG))
            || self.is(start, Class::FIRST.or(Class::FAMILY));
        (title && name && person).then_some(start)
    }

    /// Whether the words before say that a person's name follows, and one may: `my name is karen`.
    fn called(&self, n: usize) -> bool {
        let before = |back: usize| {
            n.checked_sub(back)
                .filter(|n| *n >= self.start)
                .map_or("", |n| self.text.word(n))
        };
        let named =
            (before(2), before(1)) == ("name", "is") || (before(2), before(1)) == ("name", "'s");
        named && self.rare(n)
    }

    /// The end of the person's name that starts at `n`: given name, perhaps an initial, family name.
    fn person(&self, n: usize) -> usize {
        let family = |n: usize| {
            let known =
                self.is(n, Class::FAMILY) && self.word(n).len() > 3 && !self.is(n, Class::STOP);
            let other = self.is(
                n,
                Class::PLACE
                    .or(Class::NATION)
                    .or(Class::ORG)
                    .or(Class::PRODUCT),
            ) && !known;
            self.free(n)
                && (known
                    || (self.rare(n) || self.is(n, Class::FAMILY) && !self.common(n)) && !other)
        };
        let mut end = n + 1;
        let particle = |n: usize| {
            self.is(n, Class::PARTICLE) && !self.common(n)
                || matches!(self.word(n), "de" | "van" | "von" | "la")
        };
        if particle(end) && particle(end + 1) && family(end + 2) {
            return end + 3;
        }
        if particle(end) && family(end + 1) {
            return end + 2;
        }
        while end < n + 3 && family(end) {
            end += 1;
        }
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::extract::rules::evidence::Evidence;
    use crate::stage::extract::rules::{names, values};

    fn found(speech: &str) -> Vec<String> {
        let shown = format!("A: {speech}\n");
        let text = Text::of(&shown);
        let values = values::find(&text);
        names::find(&text, &values, &Evidence::of(&text))
            .into_iter()
            .map(|span| {
                let words = shown.get(text.bytes(&span.tokens)).unwrap();
                format!("{} {words}", span.kind.map_or("", Kind::name))
            })
            .collect()
    }

    #[test]
    fn names_are_known_without_their_capitals() {
        let rows: [(&str, &[&str]); 14] = [
            (
                "so i met maria gonzalez and uh jim in berlin",
                &["person maria gonzalez", "person jim", "place berlin"],
            ),
            ("we will mark it and may grace you with hope", &[]),
            ("ask mark jimenez about it", &["person mark jimenez"]),
            ("doctor okonedo said no", &["person okonedo"]),
            ("my name is zorbina and i paint", &["person zorbina"]),
            (
                "he flew from new york to the u k",
                &["place new york", "place u k"],
            ),
            ("they moved to the us last year", &["place us"]),
            ("he told us that", &[]),
            (
                "she works at goldman sachs on elm street",
                &["organization goldman sachs", "place elm street"],
            ),
            (
                "the oakland police department came",
                &["organization oakland police department"],
            ),
            (
                "at saint mary's hospital near lake merritt",
                &["organization saint mary's hospital", "place lake merritt"],
            ),
            (
                "a german engineer wrote it in python",
                &["other german", "product python"],
            ),
            (
                "he went to the university of oslo",
                &["organization university of oslo"],
            ),
            (
                "ludwig van beethoven wrote it",
                &["person ludwig van beethoven"],
            ),
        ];
        for (speech, wanted) in rows {
            assert_eq!(found(speech), wanted, "{speech}");
        }
    }
}
