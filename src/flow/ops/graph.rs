//! `graph`: whole documents and stated aliases in; labels of names, entities and relations out, as changes.
//!
//! Input     `Assembled` documents; pairs of names that texts say are one thing.
//! Output    rows of `entities`; for each document its names that are part of an entity with another least name; and of
//!           documents with labels, rows of `relations`.
//! State     aliases and their components; what is said of each name, by document and in sum; the names of each entity;
//!           what is said of each relation, by document and in sum.
//! Progress  as `fold`.
//! Restart   rebuilt from the manifest's documents.
//! Order     any within an epoch: all sums are commutative and associative.
//! Thinking  `stage::graph`: which short names stand for which full ones within a document; rows from sums.
//!
//! Two names are one entity if they are equal in kind and normal form; if a text says so; or if one is a short form
//! (first name, initial) within a document that has exactly one full name for it. The first two hold everywhere, so
//! their closure is taken (components of the alias edges, labelled by their least name); the third holds within its
//! document only. When the document that joined two names goes, its edge goes, and they part.
//!
//! What flows of a document is one tally for each of its full names and one for each of its relations: mentions are
//! counted before they flow, and an entity of a million mentions changes in the time that its documents take.

use std::sync::Arc;

use differential_dataflow::algorithms::graphs::propagate::propagate;

use super::entities::{self, Told};
use super::fold::fold;
use super::relations::Summed;
use super::{Flow, named};
use crate::flow::document::{Assembled, Document};
use crate::flow::record::RelationKey;
use crate::model::extraction::Name;
use crate::model::id::DocId;
use crate::model::record::{EntityRow, Merge, RelationRow};

/// What comes out of the names of documents.
pub struct Names<'s> {
    /// For each document, its names with the least names of their entities, where that is another.
    pub labels: Flow<'s, (DocId, (Name, Name))>,
    /// Rows of `entities`, by their least name.
    pub entities: Flow<'s, (Name, Arc<EntityRow>)>,
}

/// Renders what follows from names.
#[must_use]
pub fn names<'s>(
    documents: Flow<'s, Arc<Assembled>>,
    aliases: Flow<'s, (Name, Name)>,
) -> Names<'s> {
    let aliases = aliases.threshold_named("aliases", |_, _| 1);
    let labels = components(aliases.clone());
    let tallies = named(documents, "names of documents", |document| {
        let tallies = document.tallies().into_iter();
        tallies.map(|(name, tally)| (name, entities::Said::Tally(Arc::new(tally))))
    });
    let labelled = labels
        .clone()
        .map(|(name, label)| (name, entities::Said::Label(label)));
    let told = fold::<_, _, _, entities::Node>(tallies.concat(labelled), "names");
    let of_documents = named(told.clone(), "labels", |told| match told {
        Told::Label(doc, name, label) => Some((doc, (name, label))),
        Told::Part(..) => None,
    });
    let parts = named(told, "parts of entities", |told| match told {
        Told::Part(label, part) => Some((label, part)),
        Told::Label(..) => None,
    });
    let stated =
        stated(aliases, labels).map(|(label, merge)| (label, entities::Part::Merged(merge)));
    let entities = fold::<_, _, _, entities::Entity>(parts.concat(stated), "entities");
    Names {
        labels: of_documents,
        entities,
    }
}

/// The least name of the component of each name that has an alias.
fn components(aliases: Flow<'_, (Name, Name)>) -> Flow<'_, (Name, Name)> {
    let both = aliases.clone().concat(aliases.map(|(a, b)| (b, a)));
    let start = both
        .clone()
        .map(|(name, _)| (name.clone(), name))
        .threshold_named("alias names", |_, _| 1);
    propagate(both, start)
}

/// What texts say of which names are one, by the least name of the entity.
fn stated<'s>(
    aliases: Flow<'s, (Name, Name)>,
    labels: Flow<'s, (Name, Name)>,
) -> Flow<'s, (Name, Merge)> {
    let merges = aliases.map(|(a, b)| {
        let merge = entities::merge(&a, &b, "stated alias");
        (a, merge)
    });
    merges.join_map(labels, |_name, merge, label| (label.clone(), merge.clone()))
}

/// Renders rows of `relations`, with the names that their entities are shown by.
#[must_use]
pub fn relations<'s>(
    documents: Flow<'s, Arc<Document>>,
    entities: Flow<'s, (Name, Arc<EntityRow>)>,
) -> Flow<'s, Arc<RelationRow>> {
    let names = entities
        .map(|(label, row)| (label, row.name.clone()))
        .arrange_by_key_named("entity names");
    let backing = named(documents, "relations of documents", |document| {
        document.relations()
    });
    fold::<_, _, _, Summed>(backing, "relations")
        .map(|(key, row): (RelationKey, Arc<RelationRow>)| (key.source, (key.target, row)))
        .arrange_by_key_named("relation sources")
        .join_core(names.clone(), |_source, (target, row), name| {
            let row = RelationRow {
                source_name: name.clone(),
                ..(**row).clone()
            };
            Some((target.clone(), Arc::new(row)))
        })
        .arrange_by_key_named("relation targets")
        .join_core(names, |_target, row, name| {
            Some(Arc::new(RelationRow {
                target_name: name.clone(),
                ..(**row).clone()
            }))
        })
}
