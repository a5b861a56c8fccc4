//! Names in speech: runs of capitalised words, with what joins them; `kinds` says what they name.
//!
//! A capital at the start of a sentence proves nothing, so a word that stands only there is a name only if the
//! lexicon or a speaker label knows it, or if it has its capital within a sentence elsewhere in the chunk.

use std::collections::BTreeSet;
use std::ops::Range;

use super::evidence::Evidence;
use super::phrases::phrase;
use super::tokens::{Shape, Text};
use super::uncased;
use super::values::Value;
use super::words::{Class, is_common};
use crate::model::extraction::Kind;

/// Classes of words that are never part of a name.
pub(super) const NEVER: Class = Class::MONTH
    .or(Class::WEEKDAY)
    .or(Class::NUMBER)
    .or(Class::SCALE)
    .or(Class::CODE)
    .or(Class::ORDINAL);
/// Classes that make a word a name wherever it has its capital.
pub(super) const KNOWN: Class = Class::FIRST
    .or(Class::PLACE)
    .or(Class::ORG)
    .or(Class::PRODUCT)
    .or(Class::FAMILY)
    .or(Class::EVENT)
    .or(Class::WORK)
    .or(Class::NATION);
/// Those of them that are no persons.
const THINGS: Class = Class::PLACE
    .or(Class::ORG)
    .or(Class::PRODUCT)
    .or(Class::NATION);
/// Classes of words that end the names of things which are not persons.
pub(super) const ENDS: Class = Class::ORG_END
    .or(Class::PLACE_END)
    .or(Class::EVENT_END)
    .or(Class::WORK_END);
/// The longest name, in tokens.
const MAX_TOKENS: usize = 8;

/// A run of tokens that names something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) tokens: Range<usize>,
    /// Whether a title or a role stands before it, as only before a person.
    pub(super) titled: bool,
    /// What it names, if the lexicon knows the whole of it.
    pub(super) kind: Option<Kind>,
}

/// All runs that name something, in text order.
pub(super) fn find(text: &Text<'_>, values: &[Value], evidence: &Evidence<'_>) -> Vec<Span> {
    let taken: BTreeSet<usize> = values
        .iter()
        .flat_map(|value| value.tokens.clone())
        .collect();
    if !text.cased {
        return uncased::find(text, &taken);
    }
    let mut out = Vec::new();
    for sentence in text.turns.iter().flat_map(|turn| &turn.sentences) {
        let scan = Scan {
            text,
            evidence,
            taken: &taken,
            end: sentence.end,
        };
        let mut n = sentence.start;
        while n < sentence.end {
            let end = scan.run(n);
            if let Some(span) = end.and_then(|end| scan.span(n..end)) {
                out.push(span);
            }
            n = end.unwrap_or(n + 1);
        }
    }
    out
}

pub(super) struct Scan<'s, 'a> {
    pub(super) text: &'s Text<'a>,
    evidence: &'s Evidence<'s>,
    pub(super) taken: &'s BTreeSet<usize>,
    pub(super) end: usize,
}

impl Scan<'_, '_> {
    pub(super) fn word(&self, n: usize) -> &str {
        if n < self.end { self.text.word(n) } else { "" }
    }

    pub(super) fn is(&self, n: usize, class: Class) -> bool {
        n < self.end && self.text.class(n).has(class)
    }

    pub(super) fn opens(&self, n: usize) -> bool {
        self.text.tokens.get(n).is_some_and(|token| token.opens)
    }

    /// The name that the lexicon has and that starts at `n`.
    fn known(&self, n: usize) -> Option<(usize, Kind)> {
        let found = phrase(self.text, n, self.end)?;
        let free = !found.tokens.clone().any(|n| self.taken.contains(&n));
        // `The best buy`, `Fresh Air`: where a sentence starts, all words or none have their capitals.
        free.then_some((found.tokens.end, found.kind))
    }

    /// The end of the run of name parts that starts at `n`.
    fn run(&self, n: usize) -> Option<usize> {
        if let Some((end, _)) = self.known(n) {
            return Some(self.rest_of(n, end));
        }
        let ordinal = self.ordinal(n);
        if ordinal {
            return Some(self.rest_of(n, n + 2));
        }
        if !self.part(n) {
            return None;
        }
        // A common word that starts a sentence is only that: `Then Ana`. Not so `New York`.
        if self.opens(n)
            && self.is(n, Class::STOP)
            && !(self.is(n, Class::PLACE_START.or(Class::TITLE))
                && (self.part(n + 1) || self.word(n + 1) == "."))
        {
            return None;
        }
        if self.is(n, Class::BEFORE) && !self.is(n, Class::PLACE_START) {
            return None;
        }
        Some(self.rest_of(n, n + 1))
    }

    /// The end of the run whose first parts, from `n` to `end`, are known to be some.
    fn rest_of(&self, n: usize, mut end: usize) -> usize {
        while end < self.end && end - n < MAX_TOKENS {
            end = match self.joint(end) {
                Some(next) => next,
                None => break,
            };
        }
        // `Apollo 13`, `HydroCore 2`, `Room 12`.
        let last = end - 1;
        let numbered = self.text.shape(last) == Shape::Mixed
            || self.is(last, Class::PRODUCT)
            || matches!(
                self.word(last),
                "room"
                    | "apollo"
                    | "highway"
                    | "gate"
                    | "terminal"
                    | "pier"
                    | "gemini"
                    | "route"
                    | "soyuz"
                    | "falcon"
            );
        let digits = end < self.end
            && self.word(end).bytes().all(|b| b.is_ascii_digit())
            && self.word(end).len() < 4;
        if numbered && digits && !self.taken.contains(&end) {
            end + 1
        } else {
            end
        }
    }

    /// The name in a run of parts, if there is one.
    fn span(&self, run: Range<usize>) -> Option<Span> {
        let Range { mut start, mut end } = run;
        if let Some((_, kind)) = self.known(start).filter(|(known, _)| *known == end) {
            return Some(Span {
                tokens: start..end,
                titled: false,
                kind: Some(kind),
            });
        }
        let whole = self.is(end - 1, ENDS);
        // What stands before a person: `Mr.`, `Prime Minister`, `Chief Financial Officer`.
        let title = |n: &usize| self.is(*n, Class::TITLE.or(Class::ROLE));
        let role = (start..end).rev().find(title);
        // `Dr. King` and `Major Bishop` have names that are titles too.
        let named = role.filter(|n| n + 1 == end && self.is(*n, Class::FAMILY.or(Class::FIRST)));
        let before = named.and_then(|last| (start..last).rev().find(title));
        // `Stephen King` has none.
        let role = before.or(role.filter(|_| named.is_none() || start + 1 >= end));
        let mut titled = false;
        if let Some(role) = role.filter(|_| !whole) {
            start = role + 1;
            if self.word(start) == "." {
                start += 1;
            }
            // `Secretary of State Clinton`.
            if self.word(start) == "of" && start + 2 < end {
                start += 2;
            }
            titled = true;
        }
        while start < end
            && self.is(start, Class::STOP)
            && !(self.ordinal(start) && start + 1 < end)
            && !self.is(start, Class::PLACE_START)
            && self.dull(start)
        {
            start += 1;
        }
        // Within a sentence the last word has its capital for a reason, unless it is a term: `GitHub API`.
        let alone = start + 1 == end;
        let term = |n: usize| {
            let family = titled && self.is(n, Class::FAMILY);
            self.is(n, Class::STOP)
                && !self.is(n, ENDS)
                && !family
                && (alone || self.text.shape(n) == Shape::Upper)
        };
        while start < end
            && term(end - 1)
            && !(self.is(end - 1, KNOWN) && self.text.shape(end - 1) == Shape::Upper)
        {
            end -= 1;
        }
        if start >= end || self.is_role_of(start) {
            return None;
        }
        // The last dot of `U.S.` and of `Berg Inc.` belongs to it.
        let dotted = self.word(end - 1).contains('.')
            || matches!(
                self.word(end - 1),
                "inc" | "corp" | "ltd" | "jr" | "sr" | "co"
            );
        let dot = self
            .text
            .tokens
            .get(end)
            .is_some_and(|token| token.glued && token.text == ".");
        let tokens = start..end;
        let behind = if dotted && dot { end + 1 } else { end };
        let named = if end - start == 1 {
            self.single(start, titled)
        } else {
            self.several(&tokens)
        };
        let kind = self
            .known(start)
            .filter(|(known, _)| *known == end)
            .map(|(_, kind)| kind);
        named.then_some(Span {
            tokens: start..behind,
            titled,
            kind,
        })
    }

    /// Whether a stop word at the start of a name is no part of it. Within a sentence nobody writes a common
    /// word with a capital unless it is: `Deep Learning`, `World Bank`; but `API Gateway`, `American Ana`.
    fn dull(&self, start: usize) -> bool {
        let acronym = self.text.shape(start) == Shape::Upper && !self.is(start, KNOWN);
        let nation = self.is(start, Class::NATION) && self.is(start + 1, Class::FIRST);
        self.opens(start) && !(self.is(start, KNOWN) && self.text.shape(start) == Shape::Upper)
            || acronym
            || nation
            || self.is(start, Class::BEFORE)
    }

    /// `head of Investor Relations`: a department, not a thing of its own.
    fn is_role_of(&self, n: usize) -> bool {
        n >= 2
            && self.word(n - 1) == "of"
            && self.is(n - 2, Class::ROLE)
            && !self.is(n, KNOWN)
            && self.word(n).ends_with('s')
            && is_common(self.word(n))
    }

    fn single(&self, n: usize, titled: bool) -> bool {
        let word = self.word(n);
        let letters = self.text.tokens.get(n).map_or(0, |token| {
            token.text.chars().filter(|c| c.is_alphabetic()).count()
        });
        let half = self.is(n, Class::PLACE_START) && !self.is(n, KNOWN);
        // `US` is a country, `us` are we.
        let acronym = self.text.shape(n) == Shape::Upper && self.is(n, KNOWN);
        // `AUTO`, `RESET`: a common word, and loud.
        let loud = self.text.shape(n) == Shape::Upper
            && letters > 2
            && !self.is(n, THINGS)
            && is_common(word);
        // `[Laughter]`, `[Foreign Language]` are no speech.
        let noted = n
            .checked_sub(1)
            .is_some_and(|n| matches!(self.text.word(n), "[" | "{" | "<"));
        let stump =
            letters == 2 && self.text.shape(n) == Shape::Title && !self.is(n, KNOWN) && !titled;
        if loud || noted || stump {
            return false;
        }
        if letters < 2
            || half
            || self.is(n, Class::STOP) && !acronym && !(titled && self.is(n, Class::FAMILY))
            || word.starts_with("non-")
        {
            return false;
        }
        let odd = matches!(self.text.shape(n), Shape::Mixed | Shape::Upper);
        let known = titled || self.is(n, KNOWN) || self.evidence.labels.contains(word);
        let common = is_common(word);
        if self.opens(n) {
            // `Mark my words`, `Will they`: what is also a common word needs more than a capital here.
            odd || !common || self.evidence.always(word)
        } else {
            // `the Board`, `Marketing wants`: capitals of courtesy.
            self.is(n, THINGS)
                || known && (!common || !self.after_article(n))
                || !common && !self.evidence.common(word)
                || odd
                || self.evidence.always(word) && !self.after_article(n)
        }
    }

    fn after_article(&self, n: usize) -> bool {
        let before = n.checked_sub(1).map_or("", |n| self.text.word(n));
        matches!(
            before,
            "the" | "a" | "an" | "our" | "your" | "their" | "this" | "that" | "my" | "each"
        )
    }

    /// Several words are a name unless all of them are common ones or the run is only a greeting.
    fn several(&self, tokens: &Range<usize>) -> bool {
        let loud = tokens
            .clone()
            .filter(|n| self.text.shape(*n) == Shape::Upper && is_common(self.word(*n)))
            .count();
        let noted = tokens
            .start
            .checked_sub(1)
            .is_some_and(|n| matches!(self.text.word(n), "[" | "{" | "<"));
        let school = tokens.len() == 2
            && self.word(tokens.start + 1) == "school"
            && matches!(
                self.word(tokens.start),
                "high"
                    | "middle"
                    | "elementary"
                    | "grad"
                    | "graduate"
                    | "law"
                    | "medical"
                    | "business"
                    | "junior"
            );
        if school || noted || loud > 1 && 2 * loud >= tokens.len() {
            return false;
        }
        tokens.clone().any(|n| {
            let word = self.word(n);
            !word.is_empty()
                && self.text.shape(n) != Shape::Mark
                && !self.evidence.common(word)
                && !self.is(n, Class::STOP)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::extract::rules::values;

    fn names(shown: &str) -> Vec<String> {
        let text = Text::of(shown);
        let evidence = Evidence::of(&text);
        let values = values::find(&text);
        find(&text, &values, &evidence)
            .into_iter()
            .map(|span| shown.get(text.bytes(&span.tokens)).unwrap().to_owned())
            .collect()
    }

    #[test]
    fn names_are_found_whole() {
        let rows: &[(&str, &[&str])] = &[
            ("Then we met Ana Lima. Good to see you.", &["Ana Lima"]),
            ("Mr. Lee and Dr. J. Doe left.", &["Lee", "J. Doe"]),
            (
                "the CEO Miguel Stilwell d’Andrade spoke",
                &["Miguel Stilwell d’Andrade"],
            ),
            ("our Chief Financial Officer Jose Diaz", &["Jose Diaz"]),
            (
                "the Bank of England and the University of the Arctic",
                &["Bank of England", "University of the Arctic"],
            ),
            ("Andres de la Vega of AT&T", &["Andres de la Vega", "AT&T"]),
            ("I work for Berg & Lowe.", &["Berg & Lowe"]),
            ("Ana and Tom left.", &["Ana", "Tom"]),
            (
                "Y'all come. I-I know. Uh-huh. C'mon. O.K. Th-that is it.",
                &[],
            ),
            ("My Ph.D. is from High School.", &[]),
            (
                "The U.N. Security Council met in the U.S. We went.",
                &["U.N. Security Council", "U.S."],
            ),
            (
                "So Secretary of State Clinton reads Stephen King.",
                &["Clinton", "Stephen King"],
            ),
            ("New York is big. Boats are bigger.", &["New York"]),
            ("Boats are nice. We like Boats.", &[]),
            (
                "Boats is big. We like Boats, and Boats likes us.",
                &["Boats", "Boats", "Boats"],
            ),
            ("Kestrova is big. The Board of it met.", &["Kestrova"]),
            ("Mark my words. Will they? I saw Mark.", &["Mark"]),
            ("The Shell contract. Dr. King came.", &["Shell", "King"]),
            (
                "the First Marine Division and the 82nd Airborne",
                &["First Marine Division", "82nd Airborne"],
            ),
            ("the HydroCore 2 in Room 12", &["HydroCore 2", "Room 12"]),
            ("A German engineer lives in the US now.", &["German", "US"]),
            ("I think OK. On Monday in May. The CEO left.", &[]),
            ("the c e o of M T N Ghana", &["M T N Ghana"]),
            (
                "Storm Edda came. The World Bank paid.",
                &["Storm Edda", "World Bank"],
            ),
            (
                "EVERYBODY IN BERLIN TALKS LIKE THIS ABOUT THE BOAT RACE",
                &["BERLIN"],
            ),
        ];
        for (speech, wanted) in rows {
            assert_eq!(names(&format!("A: {speech}\n")), *wanted, "{speech}");
        }
    }

    #[test]
    fn labels_are_knowledge_but_no_mentions() {
        assert_eq!(names("Zorba: Hello there.\n"), Vec::<String>::new());
        assert_eq!(names("Zorba: Hello.\nB: Zorba is late.\n"), ["Zorba"]);
        assert_eq!(
            names("Speaker 1: Hello.\nB: Speaker is late.\n"),
            Vec::<String>::new()
        );
    }
}
