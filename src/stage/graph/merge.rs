//! Facts to rows: what is known of one entity or of one relation, added up.
//!
//! A fact may be cut into several, and facts may come in any order: the row is the same. So a dataflow may
//! keep them as counts, and a file that goes takes only its own facts with it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::extraction::Name;
use crate::model::id::{DocId, EntityId, RelationId};
use crate::model::record::{EntityRow, Merge, RelationRow};
use crate::model::unit::Micros;

/// The entity whose least name is `name`.
#[must_use]
pub fn entity_id(name: &Name) -> EntityId {
    EntityId::of(&[name.kind.name().as_bytes(), name.normal.as_bytes()])
}

/// The relation between two entities by this predicate.
#[must_use]
pub fn relation_id(source: EntityId, predicate: &str, target: EntityId) -> RelationId {
    RelationId::of(&[source.as_bytes(), predicate.as_bytes(), target.as_bytes()])
}

/// Mentions of one entity with one surface in one document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityFact {
    /// The name as said.
    pub surface: Arc<str>,
    /// Where.
    pub doc: DocId,
    /// When that document was recorded.
    pub at: Option<Micros>,
    /// How often; nothing counts for less than none.
    pub count: u64,
}

/// Evidence for one relation in one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelationFact {
    /// Where.
    pub doc: DocId,
    /// When that document was recorded.
    pub at: Option<Micros>,
    /// Whether the quote was found in its chunk.
    pub grounded: bool,
    /// How often.
    pub count: u64,
}

/// Documents and times over facts of either sort.
#[derive(Default)]
struct Seen {
    documents: BTreeSet<DocId>,
    first: Option<Micros>,
    last: Option<Micros>,
}

impl Seen {
    fn add(&mut self, doc: DocId, at: Option<Micros>) {
        self.documents.insert(doc);
        self.first = self.first.into_iter().chain(at).min();
        self.last = self.last.into_iter().chain(at).max();
    }

    fn extent(&self) -> Extent {
        Extent {
            documents: self.documents.len() as u64,
            first: self.first,
            last: self.last,
        }
    }
}

/// In how many documents something stands, and the first and last of their times.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Extent {
    /// How many.
    pub documents: u64,
    /// The first time that is known.
    pub first: Option<Micros>,
    /// The last.
    pub last: Option<Micros>,
}

/// The row of the entity whose component has `least` as its least name, from single facts; see [`entity_of`].
#[must_use]
pub fn entity(
    least: &Name,
    facts: impl IntoIterator<Item = EntityFact>,
    merges: impl IntoIterator<Item = Merge>,
) -> Option<EntityRow> {
    let mut seen = Seen::default();
    let mut surfaces: BTreeMap<Arc<str>, u64> = BTreeMap::new();
    for fact in facts.into_iter().filter(|fact| fact.count > 0) {
        seen.add(fact.doc, fact.at);
        let count = surfaces.entry(fact.surface).or_default();
        *count = count.saturating_add(fact.count);
    }
    entity_of(least, &surfaces, seen.extent(), merges)
}

/// The row of the entity whose component has `least` as its least name, from sums. It is shown under its most frequent
/// surface (of equals the least); the others are its aliases. `None` if there is no surface: it is not there.
#[must_use]
pub fn entity_of(
    least: &Name,
    surfaces: &BTreeMap<Arc<str>, u64>,
    extent: Extent,
    merges: impl IntoIterator<Item = Merge>,
) -> Option<EntityRow> {
    let (name, _) = surfaces
        .iter()
        .min_by_key(|(surface, count)| (Reverse(**count), Arc::clone(surface)))?;
    let name = Arc::clone(name);
    let rules: BTreeSet<Merge> = merges.into_iter().collect();
    Some(EntityRow {
        entity_id: entity_id(least),
        kind: least.kind,
        aliases: surfaces
            .keys()
            .filter(|surface| **surface != name)
            .map(|surface| surface.as_ref().to_owned())
            .collect(),
        name: name.as_ref().to_owned(),
        mentions: surfaces
            .values()
            .fold(0, |sum, count| sum.saturating_add(*count)),
        documents: extent.documents,
        first_at: extent.first,
        last_at: extent.last,
        merged_by: rules.into_iter().collect(),
    })
}

/// An end of a relation: the entity and the name that it is shown under.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct End {
    /// The entity.
    pub id: EntityId,
    /// Its name.
    pub name: Arc<str>,
}

/// The row of one relation, from single facts; see [`relation_of`].
#[must_use]
pub fn relation(
    source: &End,
    predicate: &str,
    target: &End,
    facts: impl IntoIterator<Item = RelationFact>,
) -> Option<RelationRow> {
    let mut seen = Seen::default();
    let (mut evidence, mut grounded) = (0_u64, 0_u64);
    for fact in facts.into_iter().filter(|fact| fact.count > 0) {
        seen.add(fact.doc, fact.at);
        evidence = evidence.saturating_add(fact.count);
        if fact.grounded {
            grounded = grounded.saturating_add(fact.count);
        }
    }
    relation_of(
        source,
        predicate,
        target,
        seen.extent(),
        (evidence, grounded),
    )
}

/// The row of one relation, from sums: how much evidence there is, and how much of it is grounded. `None` if there is
/// none.
#[must_use]
pub fn relation_of(
    source: &End,
    predicate: &str,
    target: &End,
    extent: Extent,
    (evidence, grounded): (u64, u64),
) -> Option<RelationRow> {
    (evidence > 0).then(|| RelationRow {
        relation_id: relation_id(source.id, predicate, target.id),
        source_id: source.id,
        source_name: source.name.as_ref().to_owned(),
        predicate: predicate.to_owned(),
        target_id: target.id,
        target_name: target.name.as_ref().to_owned(),
        evidence,
        documents: extent.documents,
        grounded,
        first_at: extent.first,
        last_at: extent.last,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::extraction::Kind;

    fn name(normal: &str) -> Name {
        Name {
            kind: Kind::Person,
            normal: normal.into(),
        }
    }

    fn fact(surface: &str, doc: u8, at: Option<i64>, count: u64) -> EntityFact {
        EntityFact {
            surface: surface.into(),
            doc: DocId([doc; 16]),
            at: at.map(Micros),
            count,
        }
    }

    fn merge(a: &str, b: &str) -> Merge {
        Merge {
            a: a.to_owned(),
            b: b.to_owned(),
            rule: "alias".to_owned(),
        }
    }

    #[test]
    fn an_entity_adds_up() {
        let facts = [
            fact("Ana", 1, Some(20), 2),
            fact("Ana Lima", 2, None, 1),
            fact("Ana Lima", 1, Some(10), 2),
            fact("Zoe", 3, Some(1), 0),
        ];
        let row = entity(&name("ana lima"), facts, [merge("a", "b"), merge("a", "b")]).unwrap();
        assert_eq!(
            (row.name.as_str(), row.aliases.as_slice()),
            ("Ana Lima", &["Ana".to_owned()][..])
        );
        assert_eq!((row.mentions, row.documents), (5, 2));
        assert_eq!(
            (row.first_at, row.last_at),
            (Some(Micros(10)), Some(Micros(20)))
        );
        assert_eq!(row.merged_by, [merge("a", "b")]);
        assert_eq!(row.entity_id, entity_id(&name("ana lima")));
        let tie = [fact("Lima", 1, None, 1), fact("Ana", 1, None, 1)];
        assert_eq!(entity(&name("x"), tie, []).unwrap().name, "Ana");
        assert_eq!(entity(&name("x"), [fact("x", 1, None, 0)], []), None);
    }

    #[test]
    fn a_relation_adds_up() {
        let end = |n: u8, name: &str| End {
            id: EntityId([n; 16]),
            name: name.into(),
        };
        let fact = |doc: u8, grounded, count| RelationFact {
            doc: DocId([doc; 16]),
            at: None,
            grounded,
            count,
        };
        let facts = [fact(1, true, 2), fact(1, false, 1), fact(2, true, 1)];
        let row = relation(&end(1, "Ana"), "leads", &end(2, "HT"), facts).unwrap();
        assert_eq!((row.evidence, row.grounded, row.documents), (4, 3, 2));
        assert_eq!(
            row.relation_id,
            relation_id(EntityId([1; 16]), "leads", EntityId([2; 16]))
        );
        assert_ne!(
            row.relation_id,
            relation_id(EntityId([2; 16]), "leads", EntityId([1; 16]))
        );
        assert_eq!(relation(&end(1, "Ana"), "leads", &end(2, "HT"), []), None);
    }

    /// Golden: another id would rename every entity of every graph.
    #[test]
    fn ids_are_golden() {
        let id = entity_id(&name("ana lima"));
        assert_eq!(id.to_string(), "91172091ebd230d070b0f53c933a8e3b");
        assert_ne!(
            id,
            entity_id(&Name {
                kind: Kind::Place,
                ..name("ana lima")
            })
        );
    }

    /// Shuffled, and with counts split or joined, facts give the same rows.
    #[test]
    fn order_and_grouping_do_not_matter() {
        let mut rng = fastrand::Rng::with_seed(9);
        let surfaces = ["Ana", "Ana Lima", "ANA", "A. Lima"];
        for _ in 0..300 {
            let mut facts: Vec<EntityFact> = (0..rng.usize(1..12))
                .map(|_| {
                    let at = rng.bool().then(|| rng.i64(0..5));
                    fact(surfaces[rng.usize(0..4)], rng.u8(0..4), at, rng.u64(0..4))
                })
                .collect();
            let mut merges = vec![merge("a", "b"), merge("b", "c"), merge("a", "b")];
            let row = entity(&name("ana"), facts.clone(), merges.clone());
            rng.shuffle(&mut facts);
            rng.shuffle(&mut merges);
            let ones = facts.into_iter().flat_map(|fact| {
                let n = usize::try_from(fact.count).unwrap();
                std::iter::repeat_n(EntityFact { count: 1, ..fact }, n)
            });
            assert_eq!(row, entity(&name("ana"), ones, merges));
        }
    }
}
