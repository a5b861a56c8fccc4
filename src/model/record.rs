//! The rows that leave weir, one struct a table; the column names are those of the fields.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::document::Span;
use super::extraction::{Kind, Match};
use super::id::{
    CallId, ChunkId, DocId, EntityId, EvidenceId, FailureId, Fingerprint, ItemId, MentionId,
    PromptId, RelationId, RunId, SchemaId,
};
use super::unit::{Micros, Usd};

/// A row of `documents`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "documented as columns in `sink::schema`")]
pub struct DocumentRow {
    pub doc_id: DocId,
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
    pub complete: bool,
    pub chunks: ChunkCounts,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cost: Option<Usd>,
}

/// How the chunks of a file, an epoch or a run add up: `total` is the sum of the others.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[expect(missing_docs, reason = "the names are the statuses")]
pub struct ChunkCounts {
    pub total: u64,
    pub ok: u64,
    pub failed: u64,
    pub dropped: u64,
    pub duplicate: u64,
    pub pending: u64,
    pub unasked: u64,
}

impl ChunkCounts {
    /// Whether the identity holds.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        self.total
            == self.ok + self.failed + self.dropped + self.duplicate + self.pending + self.unasked
    }
}

/// What became of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the statuses")]
pub enum Status {
    Ok,
    Failed,
    Dropped,
    Duplicate,
    Pending,
    Unasked,
}

impl Status {
    /// The name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
            Self::Duplicate => "duplicate",
            Self::Pending => "pending",
            Self::Unasked => "unasked",
        }
    }
}

/// A row of `chunks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "documented as columns in `sink::schema`")]
pub struct ChunkRow {
    pub chunk_id: ChunkId,
    pub doc_id: DocId,
    pub position: u32,
    pub fingerprint: Fingerprint,
    pub text: Arc<str>,
    pub speakers: Vec<String>,
    pub start_ms: Option<i64>,
    pub end_ms: Option<i64>,
    pub span: Span,
    pub tokens: u32,
    pub value: u16,
    pub status: Status,
    /// `called`, `cached`, `duplicate` or `none`.
    pub source: String,
    pub duplicate_of: Option<ChunkId>,
    pub drop_reason: Option<String>,
    pub provider: Option<Arc<str>>,
    pub model: Option<Arc<str>>,
    pub prompt_id: Option<PromptId>,
    pub schema_id: Option<SchemaId>,
    pub answered_at: Option<Micros>,
}

/// Where and by whom something is said: the provenance columns of `mentions`, `evidence`
/// and `items`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "documented as columns in `sink::schema`")]
pub struct Provenance {
    pub doc_id: DocId,
    pub chunk_id: ChunkId,
    pub speaker: Option<String>,
    pub start_ms: Option<i64>,
    pub end_ms: Option<i64>,
    pub spans: Vec<Span>,
    pub quote: Arc<str>,
    pub matched: Match,
    /// 0 to 1000; the column is 0.0 to 1.0.
    pub score: u16,
    pub model: Arc<str>,
    pub prompt_id: PromptId,
    pub schema_id: SchemaId,
}

/// A row of `mentions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "documented as columns in `sink::schema`")]
pub struct MentionRow {
    pub mention_id: MentionId,
    pub entity_id: EntityId,
    pub surface: Arc<str>,
    pub kind: Kind,
    pub said: Provenance,
}

/// A row of `evidence`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "documented as columns in `sink::schema`")]
pub struct EvidenceRow {
    pub evidence_id: EvidenceId,
    pub relation_id: RelationId,
    pub said: Provenance,
}

/// A row of `items`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "documented as columns in `sink::schema`")]
pub struct ItemRow {
    pub item_id: ItemId,
    /// The properties of the item, as JSON; the schema says which columns they become.
    pub json: Arc<str>,
    pub said: Provenance,
}

/// A row of `repeats`: a text that stands more than once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "documented as columns in `sink::schema`")]
pub struct RepeatRow {
    pub fingerprint: Fingerprint,
    pub text: Arc<str>,
    pub tokens: u32,
    pub chunks: u64,
    pub documents: u64,
    pub first_doc_id: DocId,
    pub first_chunk_id: ChunkId,
}

/// A row of `shares`: how much of a document stands elsewhere, too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "documented as columns in `sink::schema`")]
pub struct ShareRow {
    pub doc_id: DocId,
    pub path: String,
    pub chunks: u64,
    pub tokens: u64,
    pub repeated_chunks: u64,
    pub repeated_tokens: u64,
    pub elsewhere_chunks: u64,
    pub elsewhere_tokens: u64,
}

/// Why two names are one entity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "documented as columns in `sink::schema`")]
pub struct Merge {
    pub a: String,
    pub b: String,
    pub rule: String,
}

/// A row of `entities`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "documented as columns in `sink::schema`")]
pub struct EntityRow {
    pub entity_id: EntityId,
    pub name: String,
    pub kind: Kind,
    pub aliases: Vec<String>,
    pub mentions: u64,
    pub documents: u64,
    pub first_at: Option<Micros>,
    pub last_at: Option<Micros>,
    pub merged_by: Vec<Merge>,
}

/// A row of `relations`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "documented as columns in `sink::schema`")]
pub struct RelationRow {
    pub relation_id: RelationId,
    pub source_id: EntityId,
    pub source_name: String,
    pub predicate: String,
    pub target_id: EntityId,
    pub target_name: String,
    /// Rows of `evidence`.
    pub evidence: u64,
    pub documents: u64,
    /// Evidence whose quote was found in its chunk.
    pub grounded: u64,
    pub first_at: Option<Micros>,
    pub last_at: Option<Micros>,
}

/// A row of `failures`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "documented as columns in `sink::schema`")]
pub struct FailureRow {
    pub failure_id: FailureId,
    /// `read` or `ask`.
    pub stage: String,
    pub doc_id: Option<DocId>,
    pub chunk_id: Option<ChunkId>,
    pub path: String,
    pub reason: String,
    pub message: String,
    pub attempts: u32,
    pub retryable: bool,
    pub first_at: Micros,
    pub last_at: Micros,
    pub answer_ref: Option<CallId>,
}

/// A row of `calls`: one HTTP attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "documented as columns in `sink::schema`")]
pub struct CallRow {
    pub call_id: CallId,
    pub run_id: RunId,
    pub job_id: Option<String>,
    pub at: Micros,
    pub provider: String,
    pub model: String,
    pub attempt: u32,
    pub chunks: u32,
    pub status: Option<u16>,
    /// `ok`, or the name of the fault.
    pub outcome: String,
    pub finish: Option<String>,
    pub queued_ms: i64,
    pub latency_ms: i64,
    pub input_tokens: Option<u64>,
    pub cached_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub cost: Option<Usd>,
    pub price_known: bool,
    pub request_id: Option<String>,
    pub remote_id: Option<String>,
    /// `sent` (outcome unknown) or `done`.
    pub state: String,
}
