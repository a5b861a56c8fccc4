//! What names name: by their own words first, else by what stands around them, by vote over the chunk.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::names::{ENDS, Evidence, Span, label_words};
use super::tokens::{Shape, Text};
use super::words::{Class, is_common};
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

/// How much one sign of a kind counts.
type Vote = (Kind, u32);

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

fn vote(text: &Text<'_>, span: &Span, evidence: &Evidence<'_>) -> Vote {
    let Range { start, end } = span.tokens.clone();
    let (first, last) = (text.class(start), text.class(end - 1));
    if let Some(kind) = span.kind {
        return (kind, 6);
    }
    if span.titled {
        return (Kind::Person, 6);
    }
    if end - start == 1 {
        return single(text, start, evidence);
    }
    let known = (start..end).all(|n| evidence.labels.contains(text.word(n)));
    let initial = text
        .tokens
        .get(start)
        .is_some_and(|token| token.text.len() == 1)
        && text.word(start + 1) == ".";
    let family = last.has(Class::FAMILY) && !last.has(ENDS);
    let plain = is_common(text.word(end - 1)) && !last.has(Class::FAMILY.or(Class::FIRST));
    let entitled = text
        .tokens
        .get(start.wrapping_sub(1))
        .is_some_and(|token| token.text == "The" && !token.opens);
    match text.word(start) {
        _ if known => (Kind::Person, 6),
        "storm" | "hurricane" | "cyclone" | "operation" | "typhoon" => (Kind::Event, 6),
        "radio" | "team" | "grupo" | "banco" | "bank" | "university" | "ministry"
        | "department" => (Kind::Organization, 6),
        "room" | "highway" | "route" | "interstate" => (Kind::Place, 5),
        _ if quoted(text, span) => (Kind::Work, 5),
        _ if first.has(Class::FIRST) && family => (Kind::Person, 5),
        _ if last.has(Class::EVENT_END) => (Kind::Event, 5),
        _ if last.has(Class::ORG_END) => (Kind::Organization, 5),
        _ if last.has(Class::PLACE_END) => (Kind::Place, 5),
        _ if last.has(Class::WORK_END) => (Kind::Work, 5),
        _ if entitled => (Kind::Work, 3),
        _ if first.has(Class::PLACE_START) && !plain => (Kind::Place, 4),
        // `Enel Chile`: rather a firm's branch than a place.
        _ if last.has(Class::PLACE) && !first.has(Class::FIRST.or(Class::PLACE)) => {
            (Kind::Organization, 3)
        }
        _ if last.has(Class::PLACE) && first.has(Class::PLACE) => (Kind::Place, 3),
        _ if (start..end).any(|n| text.word(n) == "&") => (Kind::Organization, 4),
        _ if first.has(Class::HEAD) && text.word(start + 1) == "of" => (Kind::Organization, 5),
        _ if initial && (!plain || text.word(start + 2).len() == 1) => (Kind::Person, 4),
        _ if family && !is_common(text.word(start)) => (Kind::Person, 4),
        _ if first.has(Class::FIRST) && !first.has(Class::PLACE) && !plain => (Kind::Person, 4),
        _ if (start..end).any(|n| text.class(n).has(Class::ORG)) => (Kind::Organization, 3),
        _ if (start..end).any(|n| text.class(n).has(Class::PRODUCT)) => (Kind::Product, 3),
        _ if text.shape(end - 1) == Shape::Number => (Kind::Product, 2),
        _ if text.shape(start) == Shape::Upper && !first.has(Class::FIRST) => {
            (Kind::Organization, 2)
        }
        _ if written(text, start) => (Kind::Work, 2),
        _ if plain && first.has(Class::PLACE.or(Class::FAMILY)) => (Kind::Organization, 2),
        _ if first.has(Class::FIRST) && !plain => (Kind::Person, 4),
        _ if !plain && personal(text, span, evidence) => (Kind::Person, 2),
        _ => (Kind::Other, 1),
    }
}

/// Whether quotation marks stand around the name, as around titles.
fn quoted(text: &Text<'_>, span: &Span) -> bool {
    let before = span
        .tokens
        .start
        .checked_sub(1)
        .map_or("", |n| text.word(n));
    let after = text.word(span.tokens.end);
    let end = if matches!(after, "," | "." | "?") {
        text.word(span.tokens.end + 1)
    } else {
        after
    };
    matches!(before, "\"" | "“") && matches!(end, "\"" | "”")
}

/// Whether the word before says that what follows was read, written or watched.
fn written(text: &Text<'_>, start: usize) -> bool {
    let before = |back: usize| start.checked_sub(back).map_or("", |n| text.word(n));
    let word = |word: &str| {
        matches!(
            word,
            "wrote"
                | "read"
                | "watch"
                | "watched"
                | "reading"
                | "novel"
                | "film"
                | "movie"
                | "book"
                | "album"
                | "song"
                | "song,"
                | "podcast"
                | "documentary"
        )
    };
    word(before(1))
        || matches!(before(1), "called" | "titled" | "entitled" | "named") && word(before(2))
}

/// Whether two or three unknown words look like a person's name: no article before them, no word that the
/// chunk also has in lower case, none with the ending of an idea.
fn personal(text: &Text<'_>, span: &Span, evidence: &Evidence<'_>) -> bool {
    let Range { start, end } = span.tokens.clone();
    let before = start.checked_sub(1).map_or("", |n| text.word(n));
    let idea = |word: &str| {
        [
            "ing", "tion", "ment", "ness", "ity", "ism", "ics", "work", "ware", "ions", "ogy",
            "ance", "ence", "al", "s",
        ]
        .iter()
        .any(|end| word.len() > end.len() + 2 && word.ends_with(end))
    };
    let article = matches!(
        before,
        "the" | "a" | "an" | "our" | "their" | "this" | "these" | "some"
    );
    let plain = |n: usize| {
        let word = text.word(n);
        text.shape(n) == Shape::Mark
            || text.class(n).has(Class::PARTICLE)
            || !text.class(n).has(Class::STOP.or(ENDS).or(Class::NOUN))
                && !evidence.common(word)
                && text.shape(n) != Shape::Upper
    };
    // The last word may end like anything: Reeves, Cummings. The first may not.
    end - start <= 4 && !article && (start..end).all(plain) && !idea(text.word(start))
}

fn single(text: &Text<'_>, n: usize, evidence: &Evidence<'_>) -> Vote {
    let class = text.class(n);
    let known = [
        (Class::PRODUCT, Kind::Product),
        (Class::ORG, Kind::Organization),
        (Class::PLACE, Kind::Place),
        (Class::NATION, Kind::Other),
        (Class::EVENT, Kind::Event),
        (Class::WORK, Kind::Work),
    ];
    let word = text.word(n);
    if evidence.labels.contains(word) {
        return (Kind::Person, 6);
    }
    let upper = text.shape(n) == Shape::Upper && word.len() > 2;
    let person = class.has(Class::FIRST.or(Class::FAMILY)) && !upper;
    let near = around(text, n);
    // Of names of places that people have too, most are rather places.
    let rather = class.has(Class::PLACE) && !PERSONS.contains(&word) && near != Some(Kind::Person)
        || class.has(Class::PLACE) && near == Some(Kind::Place)
        || class.has(Class::PRODUCT.or(Class::ORG)) && !class.has(Class::FIRST);
    if person && !rather {
        return (Kind::Person, if class.has(Class::FIRST) { 4 } else { 3 });
    }
    if let Some((_, kind)) = known.iter().find(|(bit, _)| class.has(*bit)) {
        return (*kind, 4);
    }
    let meets = ["con", "week", "fest", "conf"]
        .iter()
        .any(|end| word.len() > end.len() + 2 && word.ends_with(end));
    match (near, text.shape(n)) {
        (_, Shape::Mixed) if meets => (Kind::Event, 2),
        (Some(Kind::Place) | None, Shape::Upper) => (Kind::Other, 1),
        (Some(Kind::Place) | None, Shape::Mixed) => (Kind::Product, 1),
        (Some(kind), _) => (kind, 2),
        (None, _) => (Kind::Other, 1),
    }
}

/// Names of persons that are names of places too, but less so.
const PERSONS: &[&str] = &[
    "jordan",
    "charlotte",
    "chelsea",
    "madison",
    "chad",
    "victoria",
    "sofia",
    "brittany",
    "carolina",
    "florence",
    "lincoln",
    "jackson",
    "kent",
    "trinidad",
    "beaumont",
    "chester",
    "lancaster",
    "gary",
    "ferguson",
    "dale",
    "regina",
    "jersey",
    "derby",
    "bradford",
    "bolton",
    "lima",
    "santiago",
    "cordoba",
    "clinton",
    "carmel",
    "nelson",
    "melville",
    "alexandria",
    "lourdes",
    "montgomery",
    "everett",
    "evans",
    "rochester",
    "marina",
    "valencia",
    "darwin",
    "carson",
    "carlisle",
    "diego",
    "wayne",
    "martin",
    "lee",
    "francisco",
    "antonio",
    "jose",
    "hampton",
    "norton",
    "stratford",
];

/// What the neighbours of a single word say of it.
fn around(text: &Text<'_>, n: usize) -> Option<Kind> {
    let before = n.checked_sub(1).map_or("", |n| text.word(n));
    let after = text.word(n + 1);
    let called = matches!(
        before,
        "thanks" | "hi" | "hello" | "hey" | "dear" | "yeah" | "welcome"
    );
    let speaks = matches!(
        after,
        "said"
            | "says"
            | "told"
            | "asked"
            | "thinks"
            | "thought"
            | "mentioned"
            | "wrote"
            | "explained"
    );
    let addressed = before == "," && matches!(after, "?" | "!");
    if called || speaks || addressed {
        return Some(Kind::Person);
    }
    // `in` alone says nothing: people work in Zembla and in Zig.
    let goes = |n: usize| {
        matches!(
            text.word(n),
            "live"
                | "lives"
                | "lived"
                | "living"
                | "based"
                | "moved"
                | "born"
                | "went"
                | "travel"
                | "flew"
                | "office"
                | "offices"
        )
    };
    match before {
        "near" | "outside" => Some(Kind::Place),
        "in" | "to" if n.checked_sub(2).is_some_and(goes) => Some(Kind::Place),
        "for"
            if n.checked_sub(2)
                .is_some_and(|n| text.word(n).starts_with("vote")) =>
        {
            Some(Kind::Person)
        }
        "at" | "for" | "joined" | "join" if after != "'s" => Some(Kind::Organization),
        _ => None,
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
