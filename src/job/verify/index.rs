//! What is held while rows go by: ids, and what is counted by them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::model::document::Span;
use crate::model::id::{ChunkId, DocId, EntityId, Fingerprint, RelationId};
use crate::model::record::{ChunkCounts, Status};

/// A row as it is read.
pub(super) type Row = Map<String, Value>;

/// A document: what its row says of its chunks, and what the chunks say.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) says: ChunkCounts,
    pub(super) has: ChunkCounts,
    /// Where its last chunk ended.
    pub(super) end: u64,
}

/// A chunk.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) doc: Option<DocId>,
    pub(super) fingerprint: Option<Fingerprint>,
    pub(super) span: Span,
    pub(super) status: Option<Status>,
    /// The chunk whose text it repeats.
    pub(super) first: Option<ChunkId>,
    /// Rows of `failures` that name it.
    pub(super) failures: u32,
}

/// Something that counts the rows which name it.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) says: u64,
    pub(super) has: u64,
    /// Of those, the ones whose quote was found; and what the row says of that.
    pub(super) grounded: (u64, u64),
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) documents: BTreeMap<DocId, Document>,
    pub(super) chunks: BTreeMap<ChunkId, Chunk>,
    pub(super) entities: BTreeMap<EntityId, Counted>,
    pub(super) relations: BTreeMap<RelationId, Counted>,
}

/// A text of a row; empty if it is none.
pub(super) fn text<'a>(row: &'a Row, column: &str) -> &'a str {
    row.get(column).and_then(Value::as_str).unwrap_or("")
}

/// A count of a row; a negative one is none.
pub(super) fn number(row: &Row, column: &str) -> Option<u64> {
    row.get(column).and_then(Value::as_u64)
}

/// The counts of a row of `documents`.
pub(super) fn counts(row: &Row) -> ChunkCounts {
    let count = |name| number(row, name).unwrap_or(u64::from(u32::MAX));
    ChunkCounts {
        total: count("chunks_total"),
        ok: count("chunks_ok"),
        failed: count("chunks_failed"),
        dropped: count("chunks_dropped"),
        duplicate: count("chunks_duplicate"),
        pending: count("chunks_pending"),
        unasked: count("chunks_unasked"),
    }
}

/// The status of that name.
pub(super) fn status(name: &str) -> Option<Status> {
    use Status as S;
    [
        S::Ok,
        S::Failed,
        S::Dropped,
        S::Duplicate,
        S::Pending,
        S::Unasked,
    ]
    .into_iter()
    .find(|status| status.name() == name)
}

/// Adds one chunk of a status.
pub(super) fn count(counts: &mut ChunkCounts, status: Option<Status>) {
    counts.total += 1;
    let one = match status {
        Some(Status::Ok) => &mut counts.ok,
        Some(Status::Failed) => &mut counts.failed,
        Some(Status::Dropped) => &mut counts.dropped,
        Some(Status::Duplicate) => &mut counts.duplicate,
        Some(Status::Pending) => &mut counts.pending,
        Some(Status::Unasked) => &mut counts.unasked,
        None => return,
    };
    *one += 1;
}

/// Adds counts to counts.
pub(super) fn add(sum: &mut ChunkCounts, more: &ChunkCounts) {
    sum.total += more.total;
    sum.ok += more.ok;
    sum.failed += more.failed;
    sum.dropped += more.dropped;
    sum.duplicate += more.duplicate;
    sum.pending += more.pending;
    sum.unasked += more.unasked;
}

/// A span of a row, from columns or from an object; none if a bound is missing or it is turned round.
pub(super) fn span(row: &Row) -> Option<Span> {
    let bound = |name| number(row, name).and_then(|bound| u32::try_from(bound).ok());
    let span = Span {
        char_start: bound("char_start")?,
        char_end: bound("char_end")?,
        byte_start: bound("byte_start")?,
        byte_end: bound("byte_end")?,
    };
    let chars = span.char_end.checked_sub(span.char_start)?;
    let bytes = span.byte_end.checked_sub(span.byte_start)?;
    // A code point takes one byte at least and four at most.
    let fits = chars <= bytes && bytes <= chars.saturating_mul(4);
    fits.then_some(span)
}

/// Whether one span lies within another.
pub(super) fn within(inner: Span, outer: Span) -> bool {
    inner.char_start >= outer.char_start
        && inner.char_end <= outer.char_end
        && inner.byte_start >= outer.byte_start
        && inner.byte_end <= outer.byte_end
}
