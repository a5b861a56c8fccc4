//! The records that flow: ids, numbers, names and shared pointers; neither chunk text nor raw answers.
//!
//! Records compare by what identifies their content, never by pointer, so that a retraction loaded from the
//! manifest cancels what was fed long ago from the file.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::chunk::ChunkFacts;
use crate::model::extraction::{Mention, Name, Said, Statement};
use crate::model::id::{ChunkId, DocId, Fingerprint};
use crate::model::outcome::{Answer, Outcome};
use crate::model::record::{DocumentRow, EntityRow, RelationRow, RepeatRow, ShareRow};
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

    /// Document and position: the least of a fingerprint is the one that is asked.
    #[must_use]
    pub fn at(&self) -> (DocId, u32) {
        (self.0.doc, self.0.facts.position)
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

/// A document version as it is stored in the manifest and loaded by `read`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Loaded {
    /// The document.
    pub facts: Arc<DocFacts>,
    /// Its chunks, by position.
    pub chunks: Arc<Vec<Occurrence>>,
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

/// What is known of a fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Told {
    /// The occurrence that stands for it; the others are duplicates.
    pub first: (DocId, u32),
    /// What is known.
    pub outcome: Outcome,
}

/// One item of an answer at one occurrence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Item {
    /// Where.
    pub place: Occurrence,
    /// The answer it is part of.
    pub answer: Arc<Answer>,
    /// Its index among the mentions, statements or items of that answer.
    pub index: u32,
}

impl Item {
    /// The mention that this item is.
    ///
    /// # Panics
    /// If the index is not one of the answer's mentions, which `locate` excludes.
    #[must_use]
    pub fn mention(&self) -> &Mention {
        self.answer
            .extraction
            .mentions
            .get(self.index as usize)
            .expect("`locate` counts the mentions of this answer")
    }

    /// The statement that this item is.
    ///
    /// # Panics
    /// If the index is not one of the answer's statements, which `locate` excludes.
    #[must_use]
    pub fn statement(&self) -> &Statement {
        self.answer
            .extraction
            .statements
            .get(self.index as usize)
            .expect("`locate` counts the statements of this answer")
    }

    /// What the item of a user's own schema says.
    ///
    /// # Panics
    /// If the index is not one of the answer's items, which `locate` excludes.
    #[must_use]
    pub fn said(&self) -> &Said {
        self.answer
            .extraction
            .items
            .get(self.index as usize)
            .expect("`locate` counts the items of this answer")
    }
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

/// A row on its way out, still without text and spans: what `commit` collects for an epoch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Output {
    /// A row of `documents`.
    Document(Arc<DocumentRow>),
    /// A file that could not be read: a row of `failures`.
    Unreadable(Arc<DocFacts>),
    /// A chunk that is not asked: a row of `chunks`.
    Dropped(Occurrence),
    /// A chunk: a row of `chunks`, and of `failures` if it failed. The path is that of its document.
    Chunk(Occurrence, Told),
    /// A row of `mentions`, with the least name of its entity.
    Mention(Item, Name),
    /// A row of `evidence`.
    Evidence(Item, RelationKey),
    /// A row of `items`.
    Item(Item),
    /// A row of `repeats`, without its text.
    Repeat(Arc<RepeatRow>),
    /// A row of `shares`.
    Share(Arc<ShareRow>),
    /// A row of `entities`.
    Entity(Arc<EntityRow>),
    /// A row of `relations`.
    Relation(Arc<RelationRow>),
    /// What is known of a fingerprint as of this epoch: not a row, but what the next start begins with.
    Known(Fingerprint, Outcome),
}
