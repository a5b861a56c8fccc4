//! A document as it flows: its version, what became of each of its chunks, and the names that its own are part of.
//! Everything that its rows depend on, and no more: the rows themselves are made when they are published.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::digest::digest;
use super::gist::{Fact, Known};
use super::record::RelationKey;
use crate::model::extraction::Name;
use crate::model::id::DocId;
use crate::model::record::{ChunkCounts, Status};
use crate::model::unit::Micros;
use crate::stage::graph::name;

/// What stands at the head of a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Head {
    /// The document.
    pub doc: DocId,
    /// Its path.
    pub path: Arc<str>,
    /// The number of its version in the manifest.
    pub version: i64,
    /// When it was recorded.
    pub at: Option<Micros>,
    /// Whether there is a document: if not, only a failure.
    pub is_document: bool,
    /// Whether there is a failure to read it, or its sidecar.
    pub is_unreadable: bool,
    /// How many of its chunks are not asked.
    pub dropped: u32,
}

/// What became of a chunk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChunkState {
    /// Its place in the document.
    pub position: u32,
    /// The place that stands for its text, if that is another.
    pub first: Option<Box<(DocId, u32)>>,
    /// What is known of its text.
    pub known: Known,
}

impl ChunkState {
    /// As the tables say it.
    #[must_use]
    pub fn status(&self) -> Status {
        if self.first.is_some() {
            return Status::Duplicate;
        }
        match self.known {
            Known::Answered(_) | Known::Nothing => Status::Ok,
            Known::Failed(_) => Status::Failed,
            Known::Pending => Status::Pending,
            Known::Unasked => Status::Unasked,
        }
    }
}

/// The surfaces of a name, counted, and its short forms.
type Told = (BTreeMap<Arc<str>, u64>, BTreeSet<Name>);

/// A document, put together of its head and its chunks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Assembled {
    /// Its head.
    pub head: Arc<Head>,
    /// Its chunks that are asked, by position.
    pub chunks: Vec<ChunkState>,
    digest: u128,
}

impl Assembled {
    /// Of its parts.
    #[must_use]
    pub fn new(head: Arc<Head>, chunks: Vec<ChunkState>) -> Self {
        let digest = digest(&(&head, &chunks));
        Self {
            head,
            chunks,
            digest,
        }
    }

    /// How its chunks add up.
    #[must_use]
    pub fn counts(&self) -> ChunkCounts {
        let mut counts = ChunkCounts {
            total: self.chunks.len() as u64 + u64::from(self.head.dropped),
            dropped: self.head.dropped.into(),
            ..ChunkCounts::default()
        };
        for chunk in &self.chunks {
            *match chunk.status() {
                Status::Ok => &mut counts.ok,
                Status::Failed => &mut counts.failed,
                Status::Dropped => &mut counts.dropped,
                Status::Duplicate => &mut counts.duplicate,
                Status::Pending => &mut counts.pending,
                Status::Unasked => &mut counts.unasked,
            } += 1;
        }
        counts
    }

    fn facts(&self) -> impl Iterator<Item = &Arc<Fact>> {
        let answered = self.chunks.iter().filter_map(|chunk| match &chunk.known {
            Known::Answered(gist) => Some(gist),
            _ => None,
        });
        answered.flat_map(|gist| gist.facts.iter())
    }

    /// Of the names in it, each short form with the full name that it stands for.
    #[must_use]
    pub fn full_names(&self) -> BTreeMap<Name, Name> {
        let mut names = BTreeSet::new();
        for fact in self.facts() {
            match &**fact {
                Fact::Said { name, .. } => insert(&mut names, name),
                Fact::Claim { source, target, .. } => {
                    insert(&mut names, source);
                    insert(&mut names, target);
                }
                Fact::Alias(..) => {}
            }
        }
        name::resolve(&names)
    }

    /// What it says of each full name.
    #[must_use]
    pub fn tallies(&self) -> BTreeMap<Name, Tally> {
        let full = self.full_names();
        let mut said: BTreeMap<Name, Told> = BTreeMap::new();
        let mut tally = |name: &Name, surface: Option<&Arc<str>>| {
            let node = full.get(name).unwrap_or(name);
            if !said.contains_key(node) {
                said.insert(node.clone(), Default::default());
            }
            let Some((surfaces, shorts)) = said.get_mut(node) else {
                return;
            };
            if let Some(surface) = surface {
                *surfaces.entry(Arc::clone(surface)).or_default() += 1;
            }
            if node != name {
                insert(shorts, name);
            }
        };
        for fact in self.facts() {
            match &**fact {
                Fact::Said { name, surface } => tally(name, Some(surface)),
                Fact::Claim { source, target, .. } => {
                    tally(source, None);
                    tally(target, None);
                }
                Fact::Alias(..) => {}
            }
        }
        let tally = |(surfaces, shorts): Told| Tally {
            doc: self.head.doc,
            at: self.head.at,
            surfaces: surfaces.into_iter().collect(),
            shorts: shorts.into_iter().collect(),
        };
        let said = said.into_iter();
        said.map(|(name, said)| (name, tally(said))).collect()
    }
}

fn insert(names: &mut BTreeSet<Name>, name: &Name) {
    if !names.contains(name) {
        names.insert(name.clone());
    }
}

/// What one document says of one name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tally {
    /// The document.
    pub doc: DocId,
    /// When it was recorded.
    pub at: Option<Micros>,
    /// How often it is mentioned, by what it is called. A name may only stand in a statement.
    pub surfaces: Box<[(Arc<str>, u64)]>,
    /// Short forms of it there.
    pub shorts: Box<[Name]>,
}

/// What one document says of one relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Backing {
    /// The document.
    pub doc: DocId,
    /// When it was recorded.
    pub at: Option<Micros>,
    /// How often it says so.
    pub evidence: u64,
    /// How often in words that were found.
    pub grounded: u64,
}

/// A document as it is published.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Document {
    /// Its head and its chunks.
    pub assembled: Arc<Assembled>,
    /// Its full names that are part of an entity with another least name, each with that one.
    pub labels: Vec<(Name, Name)>,
    digest: u128,
}

/// Which entity a name is part of in a document.
pub struct Labels<'d> {
    full: BTreeMap<Name, Name>,
    labels: &'d [(Name, Name)],
}

impl Labels<'_> {
    /// The least name of the entity.
    #[must_use]
    pub fn of<'n>(&'n self, name: &'n Name) -> &'n Name {
        let node = self.full.get(name).unwrap_or(name);
        let found = self
            .labels
            .binary_search_by(|(labelled, _)| labelled.cmp(node));
        let label = found.ok().and_then(|at| self.labels.get(at));
        label.map_or(node, |(_, label)| label)
    }
}

impl Document {
    /// With these labels, by name.
    #[must_use]
    pub fn new(assembled: Arc<Assembled>, labels: Vec<(Name, Name)>) -> Self {
        let digest = digest(&(assembled.digest, &labels));
        Self {
            assembled,
            labels,
            digest,
        }
    }

    /// Its head.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.assembled.head
    }

    /// Its names.
    #[must_use]
    pub fn labels(&self) -> Labels<'_> {
        Labels {
            full: self.assembled.full_names(),
            labels: &self.labels,
        }
    }

    /// What it says of each relation.
    #[must_use]
    pub fn relations(&self) -> BTreeMap<RelationKey, Backing> {
        let mut relations = BTreeMap::new();
        let is_claim = |fact: &&Arc<Fact>| matches!(***fact, Fact::Claim { .. });
        if !self.assembled.facts().any(|fact| is_claim(&fact)) {
            return relations;
        }
        let labels = self.labels();
        for fact in self.assembled.facts() {
            let Fact::Claim {
                source,
                predicate,
                target,
                grounded,
            } = &**fact
            else {
                continue;
            };
            let Some(key) = RelationKey::of(labels.of(source), predicate, labels.of(target)) else {
                continue;
            };
            let backing = relations.entry(key).or_insert(Backing {
                doc: self.head().doc,
                at: self.head().at,
                evidence: 0,
                grounded: 0,
            });
            backing.evidence += 1;
            backing.grounded += u64::from(*grounded);
        }
        relations
    }
}

/// Both compare by document and digest.
macro_rules! by_digest {
    ($name:ident, $doc:expr) => {
        impl $name {
            fn rank(&self) -> (DocId, u128) {
                let doc: fn(&Self) -> DocId = $doc;
                (doc(self), self.digest)
            }
        }
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.rank() == other.rank()
            }
        }
        impl Eq for $name {}
        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }
        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.rank().cmp(&other.rank())
            }
        }
        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.rank().hash(state);
            }
        }
    };
}

by_digest!(Assembled, |assembled| assembled.head.doc);
by_digest!(Document, |document| document.assembled.head.doc);
