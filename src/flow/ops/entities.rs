//! What is said of a name over all documents, and what an entity is made of: the states of `graph`'s folds. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::few::Few;
use super::fold::State;
use super::numbers::{Documents, Numbers};
use super::seen::Seen;
use crate::flow::document::Tally;
use crate::model::extraction::Name;
use crate::model::id::DocId;
use crate::model::record::{EntityRow, Merge};
use crate::stage::graph::merge::{Extent, entity_of};

/// What comes for a full name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) enum Said {
    /// One document says so much of it.
    Tally(Arc<Tally>),
    /// Texts say that it is one with others, of which this is the least.
    Label(Name),
}

/// What a name gives out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Told {
    /// To the entity with this least name.
    Part(Name, Part),
    /// To a document that holds it: the name, and the least name of its entity, which is another.
    Label(DocId, Name, Name),
}

/// What an entity is made of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) enum Part {
    /// All that is said of one of its names.
    Sum(Name, Arc<Sum>),
    /// One of its names stands in a document; only where it has several, for documents are counted once.
    Member(DocId),
    /// Why names are one.
    Merged(Merge),
}

/// All that is said of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Sum {
    /// By surface.
    surfaces: Box<[(Arc<str>, u64)]>,
    extent: Extent,
    shorts: Box<[Name]>,
}

/// Why two names are one.
pub(super) fn merge(a: &Name, b: &Name, rule: &str) -> Merge {
    Merge {
        a: a.normal.to_string(),
        b: b.normal.to_string(),
        rule: rule.into(),
    }
}

/// What is said of a name, by document and in sum.
#[derive(Debug, Default)]
pub(super) struct Node {
    label: Option<Name>,
    surfaces: Few<Arc<str>, u64>,
    shorts: Few<Name, u64>,
    /// Where it is mentioned.
    mentioned: Seen,
    /// Where it stands in statements alone.
    stated: Numbers,
    shown: Option<Arc<Sum>>,
}

impl Node {
    fn tally(&mut self, documents: &mut Documents, tally: &Tally, diff: isize) {
        let diff64 = diff as i64;
        for (surface, times) in &tally.surfaces {
            let times = times.cast_signed().saturating_mul(diff64);
            self.surfaces.count(surface, times);
        }
        for short in &tally.shorts {
            self.shorts.count(short, diff64);
        }
        if !tally.surfaces.is_empty() {
            self.mentioned.change(documents, tally.doc, tally.at, diff);
        } else if diff > 0 {
            documents.insert(&mut self.stated, tally.doc);
        } else {
            documents.remove(&mut self.stated, tally.doc);
        }
    }

    fn sum(&self) -> Option<Arc<Sum>> {
        let something = !self.surfaces.is_empty() || !self.shorts.is_empty();
        something.then(|| {
            Arc::new(Sum {
                surfaces: self
                    .surfaces
                    .iter()
                    .map(|(surface, times)| (Arc::clone(surface), *times))
                    .collect(),
                extent: self.mentioned.extent(),
                shorts: self.shorts.iter().map(|(short, _)| short.clone()).collect(),
            })
        })
    }

    /// Tells of every document that it stands in.
    fn tell_all(
        &self,
        documents: &Documents,
        name: &Name,
        diff: isize,
        out: &mut Vec<(Told, isize)>,
    ) {
        let Some(label) = &self.label else { return };
        for doc in self.mentioned.documents(documents) {
            out.push((Told::Part(label.clone(), Part::Member(doc)), diff));
        }
        if label != name {
            // A document is in one of the two.
            for doc in self
                .mentioned
                .documents(documents)
                .chain(documents.all(&self.stated))
            {
                out.push((Told::Label(doc, name.clone(), label.clone()), diff));
            }
        }
    }

    /// Tells of one document.
    fn tell(&self, name: &Name, tally: &Tally, diff: isize, out: &mut Vec<(Told, isize)>) {
        let Some(label) = &self.label else { return };
        if !tally.surfaces.is_empty() {
            let member = Part::Member(tally.doc);
            out.push((Told::Part(label.clone(), member), diff));
        }
        if label != name {
            out.push((Told::Label(tally.doc, name.clone(), label.clone()), diff));
        }
    }
}

impl State<Name, Said, Told> for Node {
    type Shared = Documents;

    fn apply(
        &mut self,
        documents: &mut Documents,
        name: &Name,
        mut changes: Vec<(Said, isize)>,
        out: &mut Vec<(Told, isize)>,
    ) {
        let relabels = changes
            .iter()
            .any(|(said, _)| matches!(said, Said::Label(_)));
        let entity = |label: &Option<Name>| label.as_ref().unwrap_or(name).clone();
        if relabels {
            self.tell_all(documents, name, -1, out);
        }
        let before = (entity(&self.label), self.shown.take());
        // What goes, goes first: what comes may be in its place.
        changes.sort_by_key(|(_, diff)| *diff);
        for (said, diff) in &changes {
            match said {
                Said::Tally(tally) => {
                    self.tally(documents, tally, *diff);
                    if !relabels {
                        self.tell(name, tally, *diff, out);
                    }
                }
                Said::Label(label) if *diff > 0 => self.label = Some(label.clone()),
                Said::Label(label) => {
                    self.label.take_if(|now| now == label);
                }
            }
        }
        if relabels {
            self.tell_all(documents, name, 1, out);
        }
        self.shown = self.sum();
        let after = (entity(&self.label), self.shown.clone());
        if before != after {
            for ((entity, sum), diff) in [(before, -1), (after, 1)] {
                out.extend(sum.map(|sum| (Told::Part(entity, Part::Sum(name.clone(), sum)), diff)));
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.label.is_none()
            && self.surfaces.is_empty()
            && self.shorts.is_empty()
            && self.mentioned.is_empty()
            && self.stated.is_empty()
    }
}

/// What an entity is made of, by its least name.
#[derive(Debug, Default)]
pub(super) struct Entity {
    sums: Few<Name, Arc<Sum>>,
    /// How many of its names stand in each document, if it has several.
    members: Few<DocId, u64>,
    merged: Few<Merge, u64>,
}

impl Entity {
    fn row(&self, least: &Name) -> Option<EntityRow> {
        let mut surfaces: BTreeMap<Arc<str>, u64> = BTreeMap::new();
        let mut merged: BTreeSet<Merge> =
            self.merged.iter().map(|(merge, _)| merge.clone()).collect();
        let mut extent = Extent {
            documents: self.members.len() as u64,
            ..Extent::default()
        };
        for (name, sum) in self.sums.iter() {
            for (surface, times) in &sum.surfaces {
                *surfaces.entry(Arc::clone(surface)).or_default() += times;
            }
            let shorts = sum.shorts.iter();
            merged.extend(shorts.map(|short| merge(short, name, "short form within a document")));
            let Extent {
                documents,
                first,
                last,
            } = sum.extent;
            if self.members.is_empty() {
                // One name alone: its documents are counted where they are.
                extent.documents = documents;
            }
            extent.first = extent.first.into_iter().chain(first).min();
            extent.last = extent.last.into_iter().chain(last).max();
        }
        // An alias alone makes no entity: somebody must be named.
        entity_of(least, &surfaces, extent, merged)
    }
}

impl State<Name, Part, (Name, Arc<EntityRow>)> for Entity {
    type Shared = ();

    fn apply(
        &mut self,
        (): &mut (),
        least: &Name,
        mut changes: Vec<(Part, isize)>,
        out: &mut Vec<((Name, Arc<EntityRow>), isize)>,
    ) {
        // What it shows is not kept: it follows from the rest.
        let before = self.row(least);
        // What goes, goes first: what comes may be in its place.
        changes.sort_by_key(|(_, diff)| *diff);
        for (part, diff) in changes {
            match part {
                Part::Sum(name, sum) if diff > 0 => self.sums.put(name, sum),
                Part::Sum(name, _) => {
                    self.sums.remove(&name);
                }
                Part::Member(doc) => self.members.count(&doc, diff as i64),
                Part::Merged(merge) => self.merged.count(&merge, diff as i64),
            }
        }
        let after = self.row(least);
        if before != after {
            for (row, diff) in [(before, -1), (after, 1)] {
                out.extend(row.map(|row| ((least.clone(), Arc::new(row)), diff)));
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.sums.is_empty() && self.members.is_empty() && self.merged.is_empty()
    }
}
