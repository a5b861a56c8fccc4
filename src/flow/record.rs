//! The records that flow, and the versions of documents as they are stored: ids, numbers, names and shared pointers;
//! neither chunk text nor raw answers.
//!
//! Records compare by what identifies their content, never by pointer, so that a retraction loaded from the
//! manifest cancels what was fed long ago from the file.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::document::{Document, Head};
use super::gist::Known;
use crate::model::chunk::ChunkFacts;
use crate::model::extraction::Name;
use crate::model::id::{ChunkId, DocId, Fingerprint};
use crate::model::record::{EntityRow, RelationRow, RepeatRow, ShareRow};
use crate::model::unit::Micros;

/// One version of a document, as the manifest numbers it. What it holds never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// The document.
    pub doc: DocId,
    /// The number of its version in the manifest.
    pub number: i64,
}

/// Everything about a document but its chunks and counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the columns of `documents`, see `sink::schema`"
)]
pub struct DocFacts {
    pub doc: DocId,
    pub path: String,
    pub content_hash: String,
    pub format: String,
    pub title: Option<String>,
    pub recorded_at: Option<Micros>,
    pub duration_ms: Option<i64>,
    pub language: Option<String>,
    pub speakers: Vec<String>,
    pub turns: u32,
    pub bytes: u64,
    pub meta: Vec<(String, String)>,
    /// Set if the file could not be read: then there is a failure instead of a document. With a content hash there is
    /// a document as well: only its sidecar could not be read.
    pub unreadable: Option<Unread>,
}

impl DocFacts {
    /// Whether there is a document.
    #[must_use]
    pub fn is_document(&self) -> bool {
        self.unreadable.is_none() || !self.content_hash.is_empty()
    }
}

/// Why a file gave no document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Unread {
    /// The `reason` of the failures table.
    pub reason: String,
    /// For people.
    pub message: String,
    /// When it was tried.
    pub at: Micros,
}

/// One place where a chunk stands, without its text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Occurrence(pub Arc<Place>);

/// What an [`Occurrence`] points to.
#[derive(Debug, Serialize, Deserialize)]
pub struct Place {
    /// The document.
    pub doc: DocId,
    /// Its path, for failures.
    pub path: Arc<str>,
    /// The text.
    pub fingerprint: Fingerprint,
    /// When the document was recorded.
    pub recorded_at: Option<Micros>,
    /// Everything else.
    pub facts: ChunkFacts,
    /// A digest of all of the above: equal digests are equal places.
    pub digest: [u8; 16],
}

impl Place {
    /// A place, its digest computed.
    #[must_use]
    pub fn new(
        doc: DocId,
        path: Arc<str>,
        fingerprint: Fingerprint,
        recorded_at: Option<Micros>,
        facts: ChunkFacts,
    ) -> Self {
        // Plain data into a growing buffer: this encoding cannot fail, and an empty one would only cost a rewrite.
        let bytes = postcard::to_stdvec(&(recorded_at, &facts)).unwrap_or_default();
        let ChunkId(digest) = ChunkId::of(&[doc.as_bytes(), fingerprint.as_bytes(), &bytes]);
        Self {
            doc,
            path,
            fingerprint,
            recorded_at,
            facts,
            digest,
        }
    }

    /// The id of this occurrence: document and position.
    #[must_use]
    pub fn chunk_id(&self) -> ChunkId {
        chunk_id(self.doc, self.facts.position)
    }
}

/// The id of the chunk at that position of that document.
#[must_use]
pub fn chunk_id(doc: DocId, position: u32) -> ChunkId {
    ChunkId::of(&[doc.as_bytes(), &position.to_le_bytes()])
}

impl Occurrence {
    fn rank(&self) -> (DocId, u32, [u8; 16]) {
        (self.0.doc, self.0.facts.position, self.0.digest)
    }

    /// As it flows.
    #[must_use]
    pub fn spot(&self) -> Spot {
        Spot {
            doc: self.0.doc,
            position: self.0.facts.position,
            value: self.0.facts.value,
            tokens: self.0.facts.tokens,
        }
    }
}

impl PartialEq for Occurrence {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}
impl Eq for Occurrence {}
impl PartialOrd for Occurrence {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Occurrence {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}
impl Hash for Occurrence {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rank().hash(state);
    }
}

/// A document version as it is stored in the manifest: all that its rows need of the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Loaded {
    /// The document.
    pub facts: Arc<DocFacts>,
    /// Its chunks, by position.
    pub chunks: Arc<Vec<Occurrence>>,
}

impl Loaded {
    /// What flows of it, under the number of its version.
    #[must_use]
    pub fn brief(&self, version: i64) -> Brief {
        let dropped = |place: &&Occurrence| place.0.facts.dropped.is_some();
        let places = self.chunks.iter().filter(|place| !dropped(place));
        Brief {
            head: Arc::new(Head {
                doc: self.facts.doc,
                path: self.facts.path.as_str().into(),
                version,
                at: self.facts.recorded_at,
                is_document: self.facts.is_document(),
                is_unreadable: self.facts.unreadable.is_some(),
                dropped: u32::try_from(self.chunks.iter().filter(dropped).count())
                    .unwrap_or(u32::MAX),
            }),
            places: places
                .map(|place| Placed {
                    fingerprint: place.0.fingerprint,
                    spot: place.spot(),
                    known: None,
                })
                .collect(),
        }
    }
}

/// A document version as it flows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Brief {
    /// Its head.
    pub head: Arc<Head>,
    /// Its chunks that are asked.
    pub places: Vec<Placed>,
}

/// A place of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Spot {
    /// The document.
    pub doc: DocId,
    /// Where in it.
    pub position: u32,
    /// What the chunk is worth, 0 to 1000.
    pub value: u16,
    /// Its tokens.
    pub tokens: u32,
}

impl Spot {
    /// Document and position: the least of a fingerprint is the one that is asked.
    #[must_use]
    pub fn at(&self) -> (DocId, u32) {
        (self.doc, self.position)
    }
}

/// A place that comes or goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Placed {
    /// The text.
    pub fingerprint: Fingerprint,
    /// Where.
    pub spot: Spot,
    /// What the last snapshot knows of the text, if that is all there is to know: then nobody need be asked.
    pub known: Option<Known>,
}

/// What is known of a text, at one of its places.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Located {
    /// The text.
    pub fingerprint: Fingerprint,
    /// The place.
    pub spot: Spot,
    /// The place that stands for the text; the others are duplicates.
    pub first: (DocId, u32),
    /// What is known.
    pub known: Known,
}

impl Located {
    /// Whether this is the place that stands for the text: there is one of each text.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.spot.at() == self.first
    }
}

/// What `ask` needs to know of a fingerprint: where it stands first, and how urgent it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Wanted {
    /// The least occurrence: document and position.
    pub first: (DocId, u32),
    /// What it is worth, 0 to 1000.
    pub value: u16,
    /// Its tokens.
    pub tokens: u32,
}

/// A relation: the least names of its two entities, and what is said of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RelationKey {
    /// Who or what.
    pub source: Name,
    /// How.
    pub predicate: Arc<str>,
    /// To whom or what.
    pub target: Name,
}

impl RelationKey {
    /// Between two entities; merged into one, two names have no relation to each other.
    #[must_use]
    pub fn of(source: &Name, predicate: &Arc<str>, target: &Name) -> Option<Self> {
        (source != target).then(|| Self {
            source: source.clone(),
            predicate: Arc::clone(predicate),
            target: target.clone(),
        })
    }
}

/// What leaves the graph: what `commit` collects for an epoch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Output {
    /// A document, with all the rows that depend on it alone.
    Document(Arc<Document>),
    /// A row of `repeats`, without its text.
    Repeat(Arc<RepeatRow>),
    /// A row of `shares`.
    Share(Arc<ShareRow>),
    /// A row of `entities`.
    Entity(Arc<EntityRow>),
    /// A row of `relations`.
    Relation(Arc<RelationRow>),
}
