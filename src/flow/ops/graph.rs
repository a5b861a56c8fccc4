//! `graph`: mentions, statements and stated aliases in; entities and relations out, as changes.
//!
//! Input     `Item`s for mentions and statements; pairs of names that texts say are one thing.
//! Output    each mention with the least name of its entity, each statement with its relation, rows of `entities` and
//!           of `relations`.
//! State     arrangements: names by document, aliases and their components, items by (document, name), facts by
//!           entity, evidence by relation.
//! Progress  none held.
//! Restart   rebuilt.
//! Order     any: all reductions are commutative and associative.
//! Thinking  `stage::graph`: which short names stand for which full ones within a document; rows from facts.
//!
//! Two names are one entity if they are equal in kind and normal form; if a text says so; or if one is a short form
//! (first name, initial) within a document that has exactly one full name for it. The first two hold everywhere, so
//! their closure is taken (components of the alias edges, labelled by their least name); the third holds within its
//! document only. When the document that joined two names goes, its edge goes, and they part.

use std::sync::Arc;

use differential_dataflow::algorithms::graphs::propagate::propagate;
use serde::{Deserialize, Serialize};

use super::Flow;
use crate::flow::record::{Item, RelationKey};
use crate::model::extraction::{Match, Name};
use crate::model::id::DocId;
use crate::model::record::{EntityRow, Merge, RelationRow};
use crate::model::unit::Micros;
use crate::stage::graph::{merge, name};

/// What comes out.
pub struct Graph<'s> {
    /// Each mention with the least name of its entity.
    pub mentions: Flow<'s, (Item, Name)>,
    /// Each statement with its relation.
    pub evidence: Flow<'s, (Item, RelationKey)>,
    /// Rows of `entities`.
    pub entities: Flow<'s, Arc<EntityRow>>,
    /// Rows of `relations`.
    pub relations: Flow<'s, Arc<RelationRow>>,
}

/// What an entity is made of; multiplicities count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Fact {
    Seen {
        surface: Arc<str>,
        doc: DocId,
        at: Option<Micros>,
    },
    Merged(Merge),
}

/// What a relation is made of; multiplicities count.
type Backing = (DocId, Option<Micros>, bool);

type Local = (DocId, Name);

/// Renders the operator.
#[must_use]
pub fn graph<'s>(
    mentions: Flow<'s, Item>,
    statements: Flow<'s, Item>,
    aliases: Flow<'s, (Name, Name)>,
) -> Graph<'s> {
    let aliases = aliases.threshold_named("aliases", |_, _| 1);
    let labels = components(aliases.clone());
    let nodes = within_documents(mentions.clone(), statements.clone());
    let assigned = assign(nodes.clone(), labels.clone()).arrange_by_key_named("assigned");

    let said = mentions
        .map(|item| ((item.place.0.doc, item.mention().name.clone()), item))
        .arrange_by_key_named("mentions")
        .join_core(assigned.clone(), |_local, item, label| {
            Some((item.clone(), label.clone()))
        });
    let entities = entities(said.clone(), merges(aliases, nodes, labels));

    let evidence = statements
        .map(|item| ((item.place.0.doc, item.statement().source.clone()), item))
        .arrange_by_key_named("sources")
        .join_core(assigned.clone(), |(doc, _), item, source| {
            Some((
                (*doc, item.statement().target.clone()),
                (item.clone(), source.clone()),
            ))
        })
        .arrange_by_key_named("targets")
        .join_core(assigned, |_local, (item, source), target| {
            // Merged into one, two names have no relation to each other.
            (source != target).then(|| {
                let predicate = Arc::clone(&item.statement().predicate);
                (
                    item.clone(),
                    RelationKey {
                        source: source.clone(),
                        predicate,
                        target: target.clone(),
                    },
                )
            })
        });
    let relations = relations(evidence.clone(), entities.clone());

    Graph {
        mentions: said,
        evidence,
        entities: entities.map(|(_, row)| row),
        relations,
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

/// (node, (document, name)) for every name of every document: the node is the full name that it stands for there, or
/// the name itself.
fn within_documents<'s>(
    mentions: Flow<'s, Item>,
    statements: Flow<'s, Item>,
) -> Flow<'s, (Name, Local)> {
    let named = mentions.map(|item| (item.place.0.doc, item.mention().name.clone()));
    let related = statements.flat_map(|item| {
        let said = item.statement();
        [
            (item.place.0.doc, said.source.clone()),
            (item.place.0.doc, said.target.clone()),
        ]
    });
    named
        .concat(related)
        .reduce_named(
            "names of documents",
            |_doc, names: &[(&Name, isize)], output| {
                let all = names.iter().map(|(name, _)| (*name).clone()).collect();
                let full = name::resolve(&all);
                for name in all {
                    let node = full.get(&name).unwrap_or(&name).clone();
                    output.push(((node, name), 1));
                }
                output.sort();
            },
        )
        .map(|(doc, (node, name))| (node, (doc, name)))
}

/// The least name of the entity of every name of every document.
fn assign<'s>(
    nodes: Flow<'s, (Name, Local)>,
    labels: Flow<'s, (Name, Name)>,
) -> Flow<'s, (Local, Name)> {
    let labelled = labels.clone().map(|(name, _)| name);
    let alone = nodes
        .clone()
        .antijoin(labelled)
        .map(|(node, local)| (local, node));
    let joined = nodes.join_map(labels, |_node, local, label| (local.clone(), label.clone()));
    alone.concat(joined)
}

/// Why names are one, by the least name of the entity.
fn merges<'s>(
    aliases: Flow<'s, (Name, Name)>,
    nodes: Flow<'s, (Name, Local)>,
    labels: Flow<'s, (Name, Name)>,
) -> Flow<'s, (Name, Merge)> {
    let stated = aliases.map(|(a, b)| (a.clone(), merge_of(&a, &b, "stated alias")));
    let short = nodes
        .filter(|(node, (_, name))| node != name)
        .map(|(node, (_, name))| {
            (
                node.clone(),
                merge_of(&name, &node, "short form within a document"),
            )
        })
        .threshold_named("short forms", |_, _| 1);
    let all = stated.concat(short);
    let alone = all.clone().antijoin(labels.clone().map(|(name, _)| name));
    alone.concat(all.join_map(labels, |_name, merge, label| (label.clone(), merge.clone())))
}

fn merge_of(a: &Name, b: &Name, rule: &str) -> Merge {
    Merge {
        a: a.normal.to_string(),
        b: b.normal.to_string(),
        rule: rule.into(),
    }
}

/// Rows of `entities`, by their least name.
fn entities<'s>(
    said: Flow<'s, (Item, Name)>,
    merges: Flow<'s, (Name, Merge)>,
) -> Flow<'s, (Name, Arc<EntityRow>)> {
    let seen = said.map(|(item, label)| {
        let surface = Arc::clone(&item.mention().surface);
        (
            label,
            Fact::Seen {
                surface,
                doc: item.place.0.doc,
                at: item.place.0.recorded_at,
            },
        )
    });
    seen.concat(merges.map(|(label, merge)| (label, Fact::Merged(merge))))
        .reduce_named("entities", |label, facts: &[(&Fact, isize)], output| {
            let mut seen = Vec::new();
            let mut reasons = Vec::new();
            for (fact, count) in facts {
                match fact {
                    Fact::Seen { surface, doc, at } => {
                        let count = count.unsigned_abs() as u64;
                        seen.push(merge::EntityFact {
                            surface: Arc::clone(surface),
                            doc: *doc,
                            at: *at,
                            count,
                        });
                    }
                    Fact::Merged(merge) => reasons.push(merge.clone()),
                }
            }
            // An alias alone makes no entity: somebody must be named.
            if let Some(row) = merge::entity(label, seen, reasons) {
                output.push((Arc::new(row), 1));
            }
        })
}

/// Rows of `relations`, with the names that their entities are shown by.
fn relations<'s>(
    evidence: Flow<'s, (Item, RelationKey)>,
    entities: Flow<'s, (Name, Arc<EntityRow>)>,
) -> Flow<'s, Arc<RelationRow>> {
    let names = entities
        .map(|(label, row)| (label, row.name.clone()))
        .arrange_by_key_named("entity names");
    evidence
        .map(|(item, key)| {
            let grounded = item.statement().grounding.matched != Match::None;
            (key, (item.place.0.doc, item.place.0.recorded_at, grounded))
        })
        .reduce_named(
            "relations",
            |key: &RelationKey, backing: &[(&Backing, isize)], output| {
                let facts =
                    backing
                        .iter()
                        .map(|((doc, at, grounded), count)| merge::RelationFact {
                            doc: *doc,
                            at: *at,
                            grounded: *grounded,
                            count: count.unsigned_abs() as u64,
                        });
                if let Some(row) = merge::relation(
                    &nameless(&key.source),
                    &key.predicate,
                    &nameless(&key.target),
                    facts,
                ) {
                    output.push((row, 1));
                }
            },
        )
        .map(|(key, row)| (key.source, (key.target, row)))
        .arrange_by_key_named("relation sources")
        .join_core(names.clone(), |_source, (target, row), name| {
            Some((
                target.clone(),
                RelationRow {
                    source_name: name.clone(),
                    ..row.clone()
                },
            ))
        })
        .arrange_by_key_named("relation targets")
        .join_core(names, |_target, row, name| {
            Some(Arc::new(RelationRow {
                target_name: name.clone(),
                ..row.clone()
            }))
        })
}

/// An end of a relation before its name is joined in: a name changes without its relations.
fn nameless(label: &Name) -> merge::End {
    merge::End {
        id: merge::entity_id(label),
        name: "".into(),
    }
}
