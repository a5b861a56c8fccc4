//! One chunk's answer, tied to its shown text: a pure function of the two, so that it can be done again at
//! any time and gives the same.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;

use super::quote::{Places, Shown, nth};
use super::{name, said};
use crate::model::extraction::{
    Alias, Extraction, Grounding, Kind, Match, Mention, Name, Statement,
};

/// Most entities, relations or items that are taken from one answer.
pub(super) const MAX_ITEMS: usize = 500;
/// Most aliases of one entity.
const MAX_ALIASES: usize = 20;
/// The longest quote that is looked for or kept, in bytes.
const MAX_QUOTE: usize = 2000;

/// Why an answer cannot be grounded.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// Not the JSON that the ledger keeps.
    #[error("could not read a stored answer as entities, relations or items")]
    Form(#[from] serde_json::Error),
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    entities: Vec<RawEntity>,
    #[serde(default)]
    relations: Vec<RawRelation>,
    #[serde(default)]
    items: Vec<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Deserialize)]
struct RawEntity {
    name: String,
    kind: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    quote: String,
}

#[derive(Deserialize)]
struct RawRelation {
    source: String,
    predicate: String,
    target: String,
    #[serde(default)]
    quote: String,
}

/// What `answer`, the JSON of one chunk, says of the shown text.
///
/// - An entity whose quote is empty is looked for by its name. One whose name has no normal form is dropped.
/// - The k-th mention with the same quote takes the quote's k-th place, the last one again if there are no
///   more; statements count for themselves. A place inside a longer quoted name is not counted: in `Ana Lima
///   and Ana` the quote `Ana` has one place.
/// - An alias is dropped unless the text says it. A relation may name an alias for its entity.
/// - An end of a relation that no entity has is added as a mention of kind other if the text says it; if not,
///   the relation is dropped. So is one from a thing to itself.
///
/// # Errors
/// If `answer` is not of the form that the ledger keeps.
pub fn extraction(answer: &str, shown: &str) -> Result<Extraction, AnswerError> {
    let raw: Raw = serde_json::from_str(answer)?;
    let mut ground = Ground {
        text: shown,
        shown: Shown::new(shown),
        places: BTreeMap::new(),
    };
    let mut out = Extraction::default();
    let mut known = Known::default();
    mentions(&raw.entities, &mut ground, &mut known, &mut out);
    let mut turn = BTreeMap::new();
    for relation in raw.relations.iter().take(MAX_ITEMS) {
        let Some(predicate) = name::predicate(&relation.predicate) else {
            continue;
        };
        let source = known.end(&relation.source, &mut ground, &mut out.mentions);
        let target = known.end(&relation.target, &mut ground, &mut out.mentions);
        let (Some(source), Some(target)) = (source, target) else {
            continue;
        };
        if source == target {
            continue;
        }
        let places = ground.find(&relation.quote);
        let turn: &mut usize = turn.entry(relation.quote.as_str()).or_default();
        let place = nth(places.ranges.iter(), *turn);
        out.statements.push(Statement {
            source,
            predicate,
            target,
            grounding: ground.at(&places, place, &relation.quote),
        });
        *turn += 1;
    }
    out.items = said::items(raw.items, shown, &mut ground.shown);
    Ok(out)
}

fn mentions(raw: &[RawEntity], ground: &mut Ground<'_>, known: &mut Known, out: &mut Extraction) {
    struct Named<'a> {
        raw: &'a RawEntity,
        surface: String,
        name: Name,
        places: Arc<Places>,
    }
    let mut named = Vec::new();
    for raw in raw.iter().take(MAX_ITEMS) {
        let kind = Kind::parse(&raw.kind).unwrap_or(Kind::Other);
        let Some((surface, name)) = name::both(kind, &raw.name) else {
            continue;
        };
        let places = ground.find(said(raw));
        named.push(Named {
            raw,
            surface,
            name,
            places,
        });
    }
    let inner = inside(named.iter().flat_map(|one| &one.places.ranges));
    let mut turn: BTreeMap<&str, usize> = BTreeMap::new();
    for one in &named {
        known.learn(&one.raw.name, &one.name);
        let quote = said(one.raw);
        let ranges = one.places.ranges.iter();
        let outer = |range: &&Range<usize>| inner.binary_search(&(range.start, range.end)).is_err();
        let turn = turn.entry(quote).or_default();
        let place = nth(ranges.clone().filter(outer), *turn).or_else(|| nth(ranges, *turn));
        out.mentions.push(Mention {
            name: one.name.clone(),
            surface: one.surface.as_str().into(),
            grounding: ground.at(&one.places, place, quote),
        });
        *turn += 1;
    }
    let mut seen = BTreeSet::new();
    for one in &named {
        let kind = one.name.kind;
        for words in one.raw.aliases.iter().take(MAX_ALIASES) {
            known.learn(words, &one.name);
            let other = name::normal(kind, words).filter(|other| *other != one.name);
            let Some(other) = other.filter(|_| name::may_be_alias(kind, words)) else {
                continue;
            };
            let name = one.name.clone();
            let alias = Alias { name, other };
            if !seen.contains(&alias) && ground.says(words).is_some() {
                seen.insert(alias.clone());
                out.aliases.push(alias);
            }
        }
    }
}

/// The quote of an entity, or its name where it has none.
fn said(raw: &RawEntity) -> &str {
    if raw.quote.trim().is_empty() {
        &raw.name
    } else {
        &raw.quote
    }
}

/// Those places that lie inside another, longer one, in order.
fn inside<'a>(ranges: impl Iterator<Item = &'a Range<usize>>) -> Vec<(usize, usize)> {
    // By start, the longest first: what ends no later than something before it lies inside that.
    let mut sorted: Vec<_> = ranges
        .map(|range| (range.start, std::cmp::Reverse(range.end)))
        .collect();
    sorted.sort_unstable();
    sorted.dedup();
    let mut reach = 0;
    let mut out = Vec::new();
    for (start, std::cmp::Reverse(end)) in sorted {
        if end <= reach {
            out.push((start, end));
        }
        reach = reach.max(end);
    }
    out.sort_unstable();
    out
}

/// The shown text, and the quotes that were looked for already.
struct Ground<'a> {
    text: &'a str,
    shown: Shown<'a>,
    places: BTreeMap<String, Arc<Places>>,
}

impl Ground<'_> {
    fn find(&mut self, quote: &str) -> Arc<Places> {
        let quote = cut(quote);
        if let Some(places) = self.places.get(quote) {
            return Arc::clone(places);
        }
        let places = Arc::new(self.shown.find(quote));
        self.places.insert(quote.to_owned(), Arc::clone(&places));
        places
    }

    /// Where the text says these words as words; where words have no blanks between them, anywhere.
    fn says(&mut self, words: &str) -> Option<Arc<Places>> {
        let places = self.find(words);
        let verbatim = matches!(places.matched, Match::Exact | Match::Normalised);
        let whole = places.whole_words || !words.is_ascii();
        (verbatim && whole).then_some(places)
    }

    fn at(&self, places: &Places, place: Option<&Range<usize>>, quote: &str) -> Grounding {
        grounding(self.text, places, place, cut(quote))
    }
}

/// The grounding at one of these places of a quote, if there is one.
pub(super) fn grounding(
    text: &str,
    places: &Places,
    place: Option<&Range<usize>>,
    quote: &str,
) -> Grounding {
    let found = place.and_then(|range| {
        Some(Grounding {
            start: u32::try_from(range.start).ok()?,
            end: u32::try_from(range.end).ok()?,
            matched: places.matched,
            score: places.score,
            quote: text.get(range.clone())?.into(),
        })
    });
    found.unwrap_or_else(|| Grounding {
        start: 0,
        end: 0,
        matched: Match::None,
        score: 0,
        quote: quote.into(),
    })
}

pub(super) fn cut(quote: &str) -> &str {
    let quote = quote.trim();
    quote
        .get(..quote.floor_char_boundary(MAX_QUOTE))
        .unwrap_or_default()
}

/// Which entity a name in a relation means.
#[derive(Default)]
struct Known {
    /// By normal form whatever the kind; of equal ones the first.
    names: BTreeMap<Arc<str>, Name>,
}

/// A relation does not say of which kind its ends are, and normal forms differ a little by kind.
const FORMS: [Kind; 3] = [Kind::Other, Kind::Person, Kind::Organization];

fn forms(folded: &str) -> impl Iterator<Item = Name> {
    FORMS
        .into_iter()
        .filter_map(move |kind| name::normal_of(kind, folded))
}

impl Known {
    fn learn(&mut self, words: &str, name: &Name) {
        let Some(folded) = name::surface(words).map(|surface| name::folded(&surface)) else {
            return;
        };
        for form in forms(&folded) {
            self.names
                .entry(form.normal)
                .or_insert_with(|| name.clone());
        }
    }

    /// The entity at this end of a relation, added to the mentions if the text says it and no entity is it.
    fn end(
        &mut self,
        words: &str,
        ground: &mut Ground<'_>,
        mentions: &mut Vec<Mention>,
    ) -> Option<Name> {
        let surface = name::surface(words)?;
        let folded = name::folded(&surface);
        if let Some(name) = forms(&folded).find_map(|form| self.names.get(&form.normal)) {
            return Some(name.clone());
        }
        let name = name::normal_of(Kind::Other, &folded)?;
        let places = ground.says(words)?;
        mentions.push(Mention {
            name: name.clone(),
            surface: surface.as_str().into(),
            grounding: ground.at(&places, places.ranges.first(), words),
        });
        self.learn(words, &name);
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::stage::extract::quote::spoken;

    const TEXT: &str = "Ana Lima: The Harbour Trust, or HT, owns the mill. Ana works there.\n\
                        Bo: Dr. Ana Lima told me that Ana leads HT.\n";

    fn ground(entities: &Value, relations: &Value) -> Extraction {
        extraction(
            &json!({"entities": entities, "relations": relations}).to_string(),
            TEXT,
        )
        .unwrap()
    }

    fn entity(name: &str, kind: &str, aliases: &[&str], quote: &str) -> Value {
        json!({"name": name, "kind": kind, "aliases": aliases, "quote": quote})
    }

    fn relation(source: &str, target: &str) -> Value {
        json!({"source": source, "predicate": "Works For", "target": target, "quote": "Ana leads HT"})
    }

    fn named(kind: Kind, words: &str) -> Name {
        name::normal(kind, words).unwrap()
    }

    #[test]
    fn equal_quotes_take_their_places_in_turn() {
        let ana = entity("Ana Lima", "person", &[], "Ana");
        let full = entity("Ana Lima", "person", &[], "Ana Lima");
        let out = ground(&json!([ana, full, ana, ana]), &json!([]));
        let places: Vec<_> = out
            .mentions
            .iter()
            .map(|m| (m.grounding.start, m.grounding.matched))
            .collect();
        let first = u32::try_from(TEXT.find("Ana works").unwrap()).unwrap();
        let full = u32::try_from(TEXT.find("Ana Lima told").unwrap()).unwrap();
        let second = u32::try_from(TEXT.find("Ana leads").unwrap()).unwrap();
        let at = |start| (start, Match::Exact);
        assert_eq!(places, [at(first), at(full), at(second), at(second)]);
    }

    #[test]
    fn an_empty_quote_is_the_name_and_an_unfound_one_is_flagged() {
        let out = ground(
            &json!([
                entity("mill", "place", &[], " "),
                entity("Zoe", "person", &[], "Zoe said so")
            ]),
            &json!([]),
        );
        assert_eq!(&*out.mentions[0].grounding.quote, "mill");
        let none = &out.mentions[1].grounding;
        assert_eq!(
            (none.start, none.end, none.matched, none.score),
            (0, 0, Match::None, 0)
        );
        assert_eq!(&*none.quote, "Zoe said so");
    }

    #[test]
    fn aliases_must_be_said_and_name_relations() {
        let trust = entity(
            "the Harbour Trust",
            "organization",
            &["HT", "Harbour Board", "the trust", "Harb"],
            "The Harbour Trust",
        );
        let ana = entity("Ana Lima", "person", &["Ana"], "Ana Lima");
        let out = ground(&json!([trust, ana]), &json!([relation("Ana", "HT")]));
        let trust = named(Kind::Organization, "harbour trust");
        assert_eq!(
            out.aliases,
            [Alias {
                name: trust.clone(),
                other: named(Kind::Organization, "ht")
            }]
        );
        assert_eq!(out.statements.len(), 1);
        let statement = &out.statements[0];
        assert_eq!(
            (&statement.source, &statement.target),
            (&named(Kind::Person, "ana lima"), &trust)
        );
        assert_eq!(&*statement.predicate, "works_for");
        assert_eq!(&*statement.grounding.quote, "Ana leads HT");
    }

    #[test]
    fn ends_of_relations_exist() {
        let ana = entity("Ana Lima", "person", &[], "Ana Lima");
        let relations = [
            relation("Dr. Ana Lima", "the mill"),
            relation("Ana Lima", "a ghost ship"),
            relation("Ana Lima", "ana lima"),
            relation("Ana Lima", "I"),
            relation("mill", "HT"),
        ];
        let out = ground(&json!([ana]), &json!(relations));
        let names: Vec<_> = out
            .mentions
            .iter()
            .map(|m| (m.name.kind, &*m.name.normal))
            .collect();
        assert_eq!(
            names,
            [
                (Kind::Person, "ana lima"),
                (Kind::Other, "mill"),
                (Kind::Other, "ht")
            ]
        );
        assert_eq!(out.statements.len(), 2);
    }

    #[test]
    fn what_is_not_an_answer_is_an_error() {
        for answer in ["", "[]x", "{\"entities\": 1}", "{\"entities\": [{}]}"] {
            assert!(extraction(answer, TEXT).is_err(), "{answer}");
        }
        assert_eq!(extraction("{}", TEXT).unwrap(), Extraction::default());
    }

    /// Whatever an answer says: grounded words stand in speech, and every name of a statement is a mention's.
    #[test]
    fn any_answer_keeps_the_contract() {
        let words = [
            "Ana",
            "Ana Lima",
            "HT",
            "the mill",
            "Bo",
            "Zoe",
            "I",
            "",
            "\u{0}",
            "owns the",
            "or HT, owns a mill",
            "x: y",
        ];
        let mut rng = fastrand::Rng::with_seed(5);
        for _ in 0..500 {
            let mut word = || words[rng.usize(0..words.len())];
            let entities: Vec<Value> = (0..8)
                .map(|_| entity(word(), "person", &[word()], word()))
                .collect();
            let relations: Vec<Value> = (0..8).map(|_| relation(word(), word())).collect();
            let out = ground(&json!(entities), &json!(relations));
            let speech = spoken(TEXT);
            let groundings = out
                .mentions
                .iter()
                .map(|m| &m.grounding)
                .chain(out.statements.iter().map(|s| &s.grounding));
            for grounding in groundings.filter(|g| g.matched != Match::None) {
                let range = grounding.start as usize..grounding.end as usize;
                assert_eq!(TEXT.get(range.clone()), Some(&*grounding.quote));
                assert!(
                    speech
                        .iter()
                        .any(|s| s.start <= range.start && range.end <= s.end)
                );
            }
            let names: BTreeSet<&Name> = out.mentions.iter().map(|m| &m.name).collect();
            for statement in &out.statements {
                assert!(names.contains(&statement.source) && names.contains(&statement.target));
                assert_ne!(statement.source, statement.target);
            }
            assert!(out.aliases.iter().all(|alias| names.contains(&alias.name)));
        }
    }

    #[test]
    fn huge_answers_are_bounded() {
        let entity = entity("Ana", "person", &["Ana L"; 100], "Ana");
        let out = ground(
            &json!(vec![entity; 5000]),
            &json!(vec![relation("Ana", "HT"); 5000]),
        );
        assert!(out.mentions.len() <= 2 * MAX_ITEMS && out.statements.len() <= MAX_ITEMS);
    }
}
