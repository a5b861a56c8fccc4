//! What names name: by their own words first, else by what stands around them, by vote over the chunk.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::evidence::{Evidence, label_words};
use super::names::Span;
use super::signs::vote;
use super::tokens::{Shape, Text};
use crate::model::extraction::Kind;

/// A name in the text and what it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) tokens: Range<usize>,
    pub(super) kind: Kind,
    /// The name to give it: the words themselves, or a fuller form that the chunk has.
    pub(super) name: String,
    /// Other names that the text says it has.
    pub(super) aliases: Vec<String>,
}

/// Most short names that one chunk may state.
const MAX_STATED: usize = 50;

/// What each span names.
pub(super) fn classify(
    shown: &str,
    text: &Text<'_>,
    spans: Vec<Span>,
    evidence: &Evidence<'_>,
) -> Vec<Named> {
    let words = |tokens: &Range<usize>| shown.get(text.bytes(tokens)).unwrap_or_default();
    let mut votes: BTreeMap<String, BTreeMap<Kind, u32>> = BTreeMap::new();
    let mut spelled: BTreeMap<String, &str> = BTreeMap::new();
    for span in &spans {
        let (kind, weight) = vote(text, span, evidence);
        let surface = words(&span.tokens);
        let key = surface.to_lowercase();
        spelled.entry(key.clone()).or_insert(surface);
        *votes.entry(key).or_default().entry(kind).or_default() += weight;
    }
    // Of equal votes the first kind wins: a person rather than a thing.
    let most =
        |votes: BTreeMap<Kind, u32>| votes.into_iter().rev().max_by_key(|(_, weight)| *weight);
    let mut kinds: BTreeMap<String, Kind> = votes
        .into_iter()
        .filter_map(|(key, votes)| Some((key, most(votes)?.0)))
        .collect();
    let stated = acronyms(shown, text, &spans);
    for (short, long) in &stated {
        if let Some(kind) = kinds.get(&long.to_lowercase()).copied() {
            kinds.insert(short.to_lowercase(), kind);
        }
    }
    let parts = Parts::of(text, &kinds, &spelled);
    spans
        .into_iter()
        .map(|span| {
            let surface = words(&span.tokens);
            let key = surface.to_lowercase();
            let kind = kinds.get(&key).copied().unwrap_or(Kind::Other);
            let (kind, full) = parts.settle(&key, kind);
            let aliases = stated.iter().filter(|(_, long)| long == surface);
            Named {
                kind,
                name: full.unwrap_or(country(surface, kind)).to_owned(),
                aliases: aliases.map(|(short, _)| short.clone()).collect(),
                tokens: span.tokens,
            }
        })
        .collect()
}

/// `us` is no name by itself: dots say that the country is meant.
fn country(surface: &str, kind: Kind) -> &str {
    let united = kind == Kind::Place && matches!(surface, "US" | "us" | "u s" | "U S");
    if united { "U.S." } else { surface }
}

/// Names of several words by those of their words that may stand for them: a person's first and last, an
/// organization's first. Labels count as names of persons here.
struct Parts<'a> {
    persons: BTreeMap<String, BTreeMap<String, &'a str>>,
    firms: BTreeMap<String, BTreeMap<String, &'a str>>,
    places: BTreeSet<String>,
}

impl<'a> Parts<'a> {
    fn of(
        text: &Text<'a>,
        kinds: &BTreeMap<String, Kind>,
        spelled: &BTreeMap<String, &'a str>,
    ) -> Self {
        let mut out = Self {
            persons: BTreeMap::new(),
            firms: BTreeMap::new(),
            places: BTreeSet::new(),
        };
        let labels = text.turns.iter().map(|turn| turn.label).filter(|label| {
            let written = label.chars().any(char::is_lowercase);
            written && label_words(label).join(" ") == label.to_lowercase()
        });
        for label in labels {
            out.add(&label.to_lowercase(), label, Kind::Person);
        }
        for (key, kind) in kinds {
            if let Some(surface) = spelled.get(key) {
                out.add(key, surface, *kind);
            }
        }
        out
    }

    fn add(&mut self, key: &str, surface: &'a str, kind: Kind) {
        let mut words = key.split(' ');
        let (Some(first), Some(last)) = (words.next(), words.next_back()) else {
            return;
        };
        let keep = |lists: &mut BTreeMap<String, BTreeMap<String, &'a str>>, word: &str| {
            lists
                .entry(word.to_owned())
                .or_default()
                .insert(key.to_owned(), surface);
        };
        match kind {
            Kind::Person => {
                keep(&mut self.persons, first);
                keep(&mut self.persons, last);
            }
            Kind::Organization => keep(&mut self.firms, first),
            Kind::Place => self.places.extend([first.to_owned(), last.to_owned()]),
            _ => {}
        }
    }

    /// The kind of a name of one word, and the fuller form if there is exactly one that it is part of.
    fn settle(&self, key: &str, kind: Kind) -> (Kind, Option<&'a str>) {
        if key.contains(' ') {
            return (kind, None);
        }
        let only = |list: Option<&BTreeMap<String, &'a str>>| {
            let mut all = list.into_iter().flat_map(BTreeMap::values);
            all.next().filter(|_| all.next().is_none()).copied()
        };
        if let Some(list) = self.persons.get(key).filter(|_| kind != Kind::Place) {
            return (Kind::Person, only(Some(list)));
        }
        match (kind, only(self.firms.get(key))) {
            (Kind::Other | Kind::Organization, Some(one)) => (Kind::Organization, Some(one)),
            (Kind::Other, None) if self.places.contains(key) => (Kind::Place, None),
            _ => (kind, None),
        }
    }
}

/// Short names that the text itself gives: `National Coast Fund, or NCF`, `National Coast Fund (NCF)`.
fn acronyms(shown: &str, text: &Text<'_>, spans: &[Span]) -> Vec<(String, String)> {
    let words =
        |tokens: &Range<usize>| shown.get(text.bytes(tokens)).unwrap_or_default().to_owned();
    let mut out = Vec::new();
    for pair in spans.windows(2) {
        let [long, short] = pair else { continue };
        let between: Vec<&str> = (long.tokens.end..short.tokens.start)
            .take(4)
            .map(|n| text.word(n))
            .collect();
        let joined = matches!(between.as_slice(), ["(" | "," | "or"] | [",", "or" | "the"]);
        let name = words(&short.tokens).replace([' ', '.'], "");
        let initials: String = long
            .tokens
            .clone()
            .filter(|n| !matches!(text.shape(*n), Shape::Lower | Shape::Mark))
            .filter_map(|n| text.word(n).chars().next())
            .collect();
        let one = short.tokens.len() == 1 && long.tokens.len() > 1;
        let found = (words(&short.tokens), words(&long.tokens));
        let room = out.len() < MAX_STATED;
        if room && joined && one && name.to_lowercase() == initials && !out.contains(&found) {
            out.push(found);
        }
    }
    out
}

/// The persons in the speech, by their names in lower case.
pub(super) fn persons(named: &[Named]) -> BTreeMap<String, &str> {
    named
        .iter()
        .filter(|one| one.kind == Kind::Person)
        .map(|one| (one.name.to_lowercase(), one.name.as_str()))
        .collect()
}

/// The name under which the speaker of a turn is mentioned in the chunk's speech, if at all.
pub(super) fn speaker<'n>(label: &str, persons: &BTreeMap<String, &'n str>) -> Option<&'n str> {
    let words = label_words(label);
    let full = persons.get(&words.join(" "));
    full.or_else(|| persons.get(words.first()?)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::extract::rules::{names, values};

    fn named(shown: &str) -> Vec<String> {
        let text = Text::of(shown);
        let evidence = Evidence::of(&text);
        let spans = names::find(&text, &values::find(&text), &evidence);
        classify(shown, &text, spans, &evidence)
            .into_iter()
            .map(|one| {
                let aliases = if one.aliases.is_empty() {
                    String::new()
                } else {
                    format!(" = {}", one.aliases.join(", "))
                };
                format!("{} {}{aliases}", one.kind.name(), one.name)
            })
            .collect()
    }

    #[test]
    fn names_get_their_kinds() {
        let rows: [(&str, &[&str]); 10] = [
            (
                "The Harbour Trust, or RNLI, pays.",
                &["organization Harbour Trust", "other RNLI"],
            ),
            (
                "I met Kari Halvorsen at Halvorsen Forge.",
                &["person Kari Halvorsen", "organization Halvorsen Forge"],
            ),
            (
                "We sail from Port Carrow to Gull Quay, in Norway.",
                &["place Port Carrow", "place Gull Quay", "place Norway"],
            ),
            (
                "After Storm Edda the Mill Engineers Conference went online.",
                &["event Storm Edda", "event Mill Engineers Conference"],
            ),
            (
                "It runs on GitHub with a TurboThing.",
                &["product GitHub", "product TurboThing"],
            ),
            (
                "Northsound Insurance pays. I like Northsound.",
                &[
                    "organization Northsound Insurance",
                    "organization Northsound Insurance",
                ],
            ),
            (
                "The National Coast Fund, or NCF, pays. We love NCF.",
                &[
                    "organization National Coast Fund = NCF",
                    "organization NCF",
                    "organization NCF",
                ],
            ),
            ("This is about Deep Learning.", &["other Deep Learning"]),
            (
                "So Selorm Adadevoh spoke. Then Selorm left.",
                &["person Selorm Adadevoh", "person Selorm Adadevoh"],
            ),
            ("He lives in Zembla.", &["place Zembla"]),
        ];
        for (speech, wanted) in rows {
            assert_eq!(named(&format!("A: {speech}\n")), wanted, "{speech}");
        }
    }
}
