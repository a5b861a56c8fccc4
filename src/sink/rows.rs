//! Rows of all tables: their keys, their cells in column order, and whole batches of them.

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::cells::{Cell, Filling};
use super::error::SinkError;
use super::items;
use super::key::RowKey;
use super::schema::{Layout, Table};
use crate::model::record::{
    CallRow, ChunkRow, DocumentRow, EntityRow, EvidenceRow, FailureRow, ItemRow, MentionRow,
    Provenance, RelationRow, RepeatRow, ShareRow,
};
use crate::model::unit::{Micros, Usd};

/// A row of some table. Small, whatever it holds: many are moved about at once.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "one for each `Table`")]
pub enum Row {
    Document(Arc<DocumentRow>),
    Chunk(Box<ChunkRow>),
    Mention(Box<MentionRow>),
    Entity(Arc<EntityRow>),
    Relation(Arc<RelationRow>),
    Evidence(Box<EvidenceRow>),
    Item(Box<ItemRow>),
    Repeat(Arc<RepeatRow>),
    Share(Arc<ShareRow>),
    Failure(Box<FailureRow>),
    Call(Box<CallRow>),
}

impl Row {
    /// Whose row it is.
    #[must_use]
    pub fn table(&self) -> Table {
        match self {
            Self::Document(_) => Table::Documents,
            Self::Chunk(_) => Table::Chunks,
            Self::Mention(_) => Table::Mentions,
            Self::Entity(_) => Table::Entities,
            Self::Relation(_) => Table::Relations,
            Self::Evidence(_) => Table::Evidence,
            Self::Item(_) => Table::Items,
            Self::Repeat(_) => Table::Repeats,
            Self::Share(_) => Table::Shares,
            Self::Failure(_) => Table::Failures,
            Self::Call(_) => Table::Calls,
        }
    }

    /// Its sort key, unique within its table.
    #[must_use]
    pub fn key(&self) -> RowKey {
        match self {
            Self::Document(row) => RowKey::of(&[row.doc_id.as_bytes()]),
            Self::Chunk(row) => RowKey::of(&[row.doc_id.as_bytes(), &row.position.to_be_bytes()]),
            Self::Mention(row) => said(&row.said, row.mention_id.as_bytes()),
            Self::Entity(row) => RowKey::of(&[row.entity_id.as_bytes()]),
            Self::Relation(row) => RowKey::of(&[row.relation_id.as_bytes()]),
            Self::Evidence(row) => said(&row.said, row.evidence_id.as_bytes()),
            Self::Item(row) => said(&row.said, row.item_id.as_bytes()),
            Self::Repeat(row) => RowKey::of(&[row.fingerprint.as_bytes()]),
            Self::Share(row) => RowKey::of(&[row.doc_id.as_bytes()]),
            Self::Failure(row) => RowKey::of(&[row.failure_id.as_bytes()]),
            Self::Call(row) => RowKey::of(&[row.call_id.as_bytes()]),
        }
    }

    /// Its cells, in column order; of an item those that do not depend on the answer schema.
    pub(super) fn cells(&self) -> Vec<Cell<'_>> {
        match self {
            Self::Document(row) => document(row),
            Self::Chunk(row) => chunk(row),
            Self::Mention(row) => mention(row),
            Self::Entity(row) => entity(row),
            Self::Relation(row) => relation(row),
            Self::Evidence(row) => evidence(row),
            Self::Item(row) => item(row),
            Self::Repeat(row) => repeat(row),
            Self::Share(row) => share(row),
            Self::Failure(row) => failure(row),
            Self::Call(row) => call(row),
        }
    }

    /// About how many bytes it takes in memory: what bounds a part besides its rows.
    pub(super) fn weight(&self) -> u64 {
        let cells = self.cells();
        let own = match self {
            Self::Item(row) => row.json.len() as u64,
            _ => 0,
        };
        own + cells
            .iter()
            .map(|cell| 8 + weight(cell) as u64)
            .sum::<u64>()
    }
}

fn weight(cell: &Cell<'_>) -> usize {
    match cell {
        Cell::Hex(bytes) => 2 * bytes.len(),
        Cell::Text(text) => text.len(),
        Cell::Texts(items) => items.iter().map(|text| 4 + text.len()).sum(),
        Cell::Map(items) => items.iter().map(|(k, v)| 8 + k.len() + v.len()).sum(),
        Cell::Spans(items) => 32 * items.len(),
        Cell::Merges(items) => {
            let merge = |m: &crate::model::record::Merge| 12 + m.a.len() + m.b.len() + m.rule.len();
            items.iter().map(merge).sum()
        }
        _ => 0,
    }
}

/// Rows of one table as a batch, in the order given.
pub(super) fn encode<'a>(
    layout: &Layout,
    table: Table,
    rows: impl Iterator<Item = &'a Row>,
) -> Result<RecordBatch, SinkError> {
    if table == Table::Items {
        return items::encode(layout, rows);
    }
    let columns = table.columns();
    let mut filling: Vec<Filling> = columns.iter().map(|c| Filling::new(c.kind)).collect();
    let misfit = |column: &str| SinkError::Misfit {
        table,
        column: column.to_owned(),
    };
    for row in rows {
        let cells = row.cells();
        if cells.len() != columns.len() || row.table() != table {
            return Err(misfit("count"));
        }
        for ((to, cell), column) in filling.iter_mut().zip(cells).zip(columns) {
            if !to.push(cell, column.nullable) {
                return Err(misfit(column.name));
            }
        }
    }
    let arrow = |source| SinkError::Arrow { table, source };
    let arrays: Result<Vec<_>, _> = filling
        .into_iter()
        .zip(columns)
        .map(|(f, column)| f.finish(column))
        .collect();
    RecordBatch::try_new(layout.schema(table), arrays.map_err(arrow)?).map_err(arrow)
}

fn said(said: &Provenance, own: &[u8]) -> RowKey {
    RowKey::of(&[said.doc_id.as_bytes(), said.chunk_id.as_bytes(), own])
}

fn text<T: AsRef<str>>(value: Option<&T>) -> Cell<'_> {
    value.map_or(Cell::Null, |text| Cell::Text(text.as_ref()))
}

fn int(value: Option<i64>) -> Cell<'static> {
    value.map_or(Cell::Null, Cell::Int)
}

fn time(value: Option<Micros>) -> Cell<'static> {
    int(value.map(|micros| micros.0))
}

fn count(value: u64) -> Cell<'static> {
    Cell::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

fn dollars(value: Option<Usd>) -> Cell<'static> {
    value.map_or(Cell::Null, |usd| Cell::Dollars(usd.dollars()))
}

fn document(row: &DocumentRow) -> Vec<Cell<'_>> {
    vec![
        Cell::Hex(row.doc_id.as_bytes()),
        Cell::Text(&row.path),
        Cell::Text(&row.content_hash),
        Cell::Text(&row.format),
        text(row.title.as_ref()),
        time(row.recorded_at),
        int(row.duration_ms),
        text(row.language.as_ref()),
        Cell::Texts(&row.speakers),
        Cell::Int(row.turns.into()),
        count(row.bytes),
        Cell::Map(&row.meta),
        Cell::Bool(row.complete),
        count(row.chunks.total),
        count(row.chunks.ok),
        count(row.chunks.failed),
        count(row.chunks.dropped),
        count(row.chunks.duplicate),
        count(row.chunks.pending),
        count(row.chunks.unasked),
        count(row.input_tokens),
        count(row.output_tokens),
        dollars(row.cost),
    ]
}

fn chunk(row: &ChunkRow) -> Vec<Cell<'_>> {
    vec![
        Cell::Hex(row.chunk_id.as_bytes()),
        Cell::Hex(row.doc_id.as_bytes()),
        Cell::Int(row.position.into()),
        Cell::Hex(row.fingerprint.as_bytes()),
        Cell::Text(&row.text),
        Cell::Texts(&row.speakers),
        int(row.start_ms),
        int(row.end_ms),
        Cell::Int(row.span.char_start.into()),
        Cell::Int(row.span.char_end.into()),
        int(row.span.bytes().map(|(start, _)| start.into())),
        int(row.span.bytes().map(|(_, end)| end.into())),
        Cell::Int(row.tokens.into()),
        Cell::Int(row.value.into()),
        Cell::Text(row.status.name()),
        Cell::Text(&row.source),
        row.duplicate_of
            .as_ref()
            .map_or(Cell::Null, |i| Cell::Hex(i.as_bytes())),
        text(row.drop_reason.as_ref()),
        text(row.provider.as_ref()),
        text(row.model.as_ref()),
        row.prompt_id
            .as_ref()
            .map_or(Cell::Null, |i| Cell::Hex(i.as_bytes())),
        row.schema_id
            .as_ref()
            .map_or(Cell::Null, |i| Cell::Hex(i.as_bytes())),
        time(row.answered_at),
    ]
}

fn mention(row: &MentionRow) -> Vec<Cell<'_>> {
    let mut cells = vec![
        Cell::Hex(row.mention_id.as_bytes()),
        Cell::Hex(row.entity_id.as_bytes()),
        Cell::Hex(row.said.doc_id.as_bytes()),
        Cell::Hex(row.said.chunk_id.as_bytes()),
        Cell::Text(&row.surface),
        Cell::Text(row.kind.name()),
    ];
    cells.extend(provenance(&row.said));
    cells
}

fn evidence(row: &EvidenceRow) -> Vec<Cell<'_>> {
    let mut cells = vec![
        Cell::Hex(row.evidence_id.as_bytes()),
        Cell::Hex(row.relation_id.as_bytes()),
        Cell::Hex(row.said.doc_id.as_bytes()),
        Cell::Hex(row.said.chunk_id.as_bytes()),
    ];
    cells.extend(provenance(&row.said));
    cells
}

fn item(row: &ItemRow) -> Vec<Cell<'_>> {
    let mut cells = vec![
        Cell::Hex(row.item_id.as_bytes()),
        Cell::Hex(row.said.doc_id.as_bytes()),
        Cell::Hex(row.said.chunk_id.as_bytes()),
    ];
    cells.extend(provenance(&row.said));
    cells
}

fn repeat(row: &RepeatRow) -> Vec<Cell<'_>> {
    let tokens = u64::from(row.tokens);
    vec![
        Cell::Hex(row.fingerprint.as_bytes()),
        Cell::Text(&row.text),
        count(tokens),
        count(row.chunks),
        count(row.documents),
        count(tokens * row.chunks.saturating_sub(1)),
        Cell::Hex(row.first_doc_id.as_bytes()),
        Cell::Hex(row.first_chunk_id.as_bytes()),
    ]
}

fn share(row: &ShareRow) -> Vec<Cell<'_>> {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "a share for people"
    )]
    let share = (row.elsewhere_tokens as f64 / row.tokens.max(1) as f64) as f32;
    vec![
        Cell::Hex(row.doc_id.as_bytes()),
        Cell::Text(&row.path),
        count(row.chunks),
        count(row.tokens),
        count(row.repeated_chunks),
        count(row.repeated_tokens),
        count(row.elsewhere_chunks),
        count(row.elsewhere_tokens),
        Cell::Share(share),
    ]
}

fn provenance(said: &Provenance) -> [Cell<'_>; 10] {
    [
        text(said.speaker.as_ref()),
        int(said.start_ms),
        int(said.end_ms),
        Cell::Spans(&said.spans),
        Cell::Text(&said.quote),
        Cell::Text(said.matched.name()),
        Cell::Share(f32::from(said.score) / 1000.0),
        Cell::Text(&said.model),
        Cell::Hex(said.prompt_id.as_bytes()),
        Cell::Hex(said.schema_id.as_bytes()),
    ]
}

fn entity(row: &EntityRow) -> Vec<Cell<'_>> {
    vec![
        Cell::Hex(row.entity_id.as_bytes()),
        Cell::Text(&row.name),
        Cell::Text(row.kind.name()),
        Cell::Texts(&row.aliases),
        count(row.mentions),
        count(row.documents),
        time(row.first_at),
        time(row.last_at),
        Cell::Merges(&row.merged_by),
    ]
}

fn relation(row: &RelationRow) -> Vec<Cell<'_>> {
    vec![
        Cell::Hex(row.relation_id.as_bytes()),
        Cell::Hex(row.source_id.as_bytes()),
        Cell::Text(&row.source_name),
        Cell::Text(&row.predicate),
        Cell::Hex(row.target_id.as_bytes()),
        Cell::Text(&row.target_name),
        count(row.evidence),
        count(row.documents),
        count(row.grounded),
        time(row.first_at),
        time(row.last_at),
    ]
}

fn failure(row: &FailureRow) -> Vec<Cell<'_>> {
    vec![
        Cell::Hex(row.failure_id.as_bytes()),
        Cell::Text(&row.stage),
        row.doc_id
            .as_ref()
            .map_or(Cell::Null, |i| Cell::Hex(i.as_bytes())),
        row.chunk_id
            .as_ref()
            .map_or(Cell::Null, |i| Cell::Hex(i.as_bytes())),
        Cell::Text(&row.path),
        Cell::Text(&row.reason),
        Cell::Text(&row.message),
        Cell::Int(row.attempts.into()),
        Cell::Bool(row.retryable),
        Cell::Int(row.first_at.0),
        Cell::Int(row.last_at.0),
        row.answer_ref
            .as_ref()
            .map_or(Cell::Null, |i| Cell::Hex(i.as_bytes())),
    ]
}

fn call(row: &CallRow) -> Vec<Cell<'_>> {
    let optional = |value: Option<u64>| value.map_or(Cell::Null, count);
    vec![
        Cell::Hex(row.call_id.as_bytes()),
        Cell::Hex(row.run_id.as_bytes()),
        text(row.job_id.as_ref()),
        Cell::Int(row.at.0),
        Cell::Text(&row.provider),
        Cell::Text(&row.model),
        Cell::Int(row.attempt.into()),
        Cell::Int(row.chunks.into()),
        int(row.status.map(i64::from)),
        Cell::Text(&row.outcome),
        text(row.finish.as_ref()),
        Cell::Int(row.queued_ms),
        Cell::Int(row.latency_ms),
        optional(row.input_tokens),
        optional(row.cached_tokens),
        optional(row.output_tokens),
        dollars(row.cost),
        Cell::Bool(row.price_known),
        text(row.request_id.as_ref()),
        text(row.remote_id.as_ref()),
        Cell::Text(&row.state),
    ]
}
