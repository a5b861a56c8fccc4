//! The rows: counts that add up, references that lead somewhere, spans within their chunks.

use std::ops::ControlFlow;

use serde_json::Value;

use super::Verdict;
use super::index::{self, Chunk, Counted, Document, Index, Row, number, text};
use crate::model::id::{ChunkId, DocId, EntityId, Fingerprint, RelationId};
use crate::model::record::{ChunkCounts, Status};
use crate::sink::{SinkError, Snapshot, Table, for_each_row};

/// Looks all rows through, each table once, in the order in which they refer to each other.
pub(super) fn verify(snapshot: &Snapshot, verdict: &mut Verdict) -> Result<(), SinkError> {
    let mut index = Index::default();
    each(snapshot, Table::Documents, verdict, |row, verdict| {
        document(&row, &mut index, verdict);
    })?;
    each(snapshot, Table::Chunks, verdict, |row, verdict| {
        chunk(&row, &mut index, verdict);
    })?;
    each(snapshot, Table::Failures, verdict, |row, verdict| {
        failure(&row, &mut index, verdict);
    })?;
    each(snapshot, Table::Entities, verdict, |row, _| {
        if let Some(id) = EntityId::parse(text(&row, "entity_id")) {
            index.entities.insert(id, counted(&row, "mentions"));
        }
    })?;
    each(snapshot, Table::Relations, verdict, |row, verdict| {
        relation(&row, &mut index, verdict);
    })?;
    each(snapshot, Table::Mentions, verdict, |row, verdict| {
        let entity = EntityId::parse(text(&row, "entity_id"));
        let entity = entity.and_then(|id| index.entities.get_mut(&id));
        said(
            &row,
            "mentions",
            "mention_id",
            entity,
            &index.chunks,
            verdict,
        );
    })?;
    each(snapshot, Table::Evidence, verdict, |row, verdict| {
        let relation = RelationId::parse(text(&row, "relation_id"));
        let relation = relation.and_then(|id| index.relations.get_mut(&id));
        said(
            &row,
            "evidence",
            "evidence_id",
            relation,
            &index.chunks,
            verdict,
        );
    })?;
    each(snapshot, Table::Items, verdict, |row, verdict| {
        stands(&row, "items", "item_id", &index.chunks, verdict);
    })?;
    each(snapshot, Table::Calls, verdict, |_, _| {})?;
    let (all, failed) = sums(&index, verdict);
    manifest(snapshot, &index, &all, failed, verdict);
    Ok(())
}

fn each(
    snapshot: &Snapshot,
    table: Table,
    verdict: &mut Verdict,
    mut look: impl FnMut(Row, &mut Verdict),
) -> Result<(), SinkError> {
    let mut rows = 0;
    for_each_row(snapshot.folder(), table, |row| {
        rows += 1;
        look(row, verdict);
        ControlFlow::<()>::Continue(())
    })?;
    verdict.rows += rows;
    let says = snapshot.manifest().tables.get(table.name());
    let says = says.map_or(0, |info| info.rows);
    verdict.check(
        says == rows,
        table.name(),
        "has another number of rows than its manifest says",
        || format!("{rows} rows, not {says}"),
    );
    Ok(())
}

pub(super) fn document(row: &Row, index: &mut Index, verdict: &mut Verdict) {
    let says = index::counts(row);
    let open = says.failed + says.pending + says.unasked;
    let place = || text(row, "path").to_owned();
    verdict.check(
        says.adds_up(),
        "documents",
        "chunks do not add up to chunks_total",
        place,
    );
    let complete = row.get("complete").and_then(Value::as_bool);
    verdict.check(
        complete == Some(open == 0),
        "documents",
        "complete is not what the counts say",
        place,
    );
    if let Some(id) = DocId::parse(text(row, "doc_id")) {
        let document = Document {
            says,
            ..Document::default()
        };
        index.documents.insert(id, document);
    }
}

pub(super) fn chunk(row: &Row, index: &mut Index, verdict: &mut Verdict) {
    let id = text(row, "chunk_id");
    let place = || id.to_owned();
    let status = index::status(text(row, "status"));
    verdict.check(
        status.is_some(),
        "chunks",
        "status is none that there is",
        place,
    );
    let fingerprint = Fingerprint::parse(text(row, "fingerprint"));
    verdict.check(
        fingerprint == Some(Fingerprint::of_shown(text(row, "text"))),
        "chunks",
        "text does not have its fingerprint",
        place,
    );
    let span = index::span(row);
    verdict.check(span.is_some(), "chunks", "place in the file is none", place);
    let span = span.unwrap_or_default();
    let doc = DocId::parse(text(row, "doc_id"));
    match doc.and_then(|doc| index.documents.get_mut(&doc)) {
        Some(document) => {
            let next = number(row, "position") == Some(document.has.total);
            verdict.check(
                next,
                "chunks",
                "positions in a document are not 0, 1, 2, ...",
                place,
            );
            let after = u64::from(span.byte_start) >= document.end;
            verdict.check(after, "chunks", "overlaps the one before it", place);
            document.end = u64::from(span.byte_end);
            index::count(&mut document.has, status);
        }
        None => verdict.check(false, "chunks", "doc_id is of no document", place),
    }
    let dropped = row
        .get("drop_reason")
        .is_some_and(|reason| !reason.is_null());
    verdict.check(
        dropped == (status == Some(Status::Dropped)),
        "chunks",
        "drop_reason does not fit status",
        place,
    );
    let first = text(row, "duplicate_of");
    verdict.check(
        first.is_empty() == (status != Some(Status::Duplicate)),
        "chunks",
        "duplicate_of does not fit status",
        place,
    );
    let Some(chunk) = ChunkId::parse(id) else {
        verdict.check(false, "chunks", "chunk_id is none", place);
        return;
    };
    let again = index.chunks.insert(
        chunk,
        Chunk {
            doc,
            fingerprint,
            span,
            status,
            first: ChunkId::parse(first),
            failures: 0,
        },
    );
    verdict.check(
        again.is_none(),
        "chunks",
        "chunk_id is that of another row, too",
        place,
    );
}

pub(super) fn failure(row: &Row, index: &mut Index, verdict: &mut Verdict) {
    let place = || text(row, "failure_id").to_owned();
    let Some(id) = ChunkId::parse(text(row, "chunk_id")) else {
        let file = text(row, "stage") == "read";
        verdict.check(
            file,
            "failures",
            "names no chunk, and is not that of a file",
            place,
        );
        return;
    };
    let chunk = index.chunks.get_mut(&id);
    verdict.check(
        chunk
            .as_ref()
            .is_some_and(|chunk| chunk.status == Some(Status::Failed)),
        "failures",
        "chunk_id is of no failed chunk",
        place,
    );
    if let Some(chunk) = chunk {
        chunk.failures += 1;
    }
}

fn counted(row: &Row, column: &str) -> Counted {
    Counted {
        says: number(row, column).unwrap_or(u64::MAX),
        grounded: (0, number(row, "grounded").unwrap_or(0)),
        ..Counted::default()
    }
}

pub(super) fn relation(row: &Row, index: &mut Index, verdict: &mut Verdict) {
    let place = || text(row, "relation_id").to_owned();
    for (column, what) in [
        ("source_id", "source_id is of no entity"),
        ("target_id", "target_id is of no entity"),
    ] {
        let id = EntityId::parse(text(row, column));
        let known = id.is_some_and(|id| index.entities.contains_key(&id));
        verdict.check(known, "relations", what, place);
    }
    if let Some(id) = RelationId::parse(text(row, "relation_id")) {
        index.relations.insert(id, counted(row, "evidence"));
    }
}

/// A row that says where something is said.
pub(super) fn said(
    row: &Row,
    table: &str,
    id: &str,
    owner: Option<&mut Counted>,
    chunks: &std::collections::BTreeMap<ChunkId, Chunk>,
    verdict: &mut Verdict,
) {
    let place = || text(row, id).to_owned();
    let matched = text(row, "match");
    match owner {
        Some(owner) => {
            owner.has += 1;
            owner.grounded.0 += u64::from(matched != "none");
        }
        None if table == "mentions" => {
            verdict.check(false, table, "entity_id is of no entity", place);
        }
        None => verdict.check(false, table, "relation_id is of no relation", place),
    }
    stands(row, table, id, chunks, verdict);
}

/// A row that stands in a chunk.
fn stands(
    row: &Row,
    table: &str,
    id: &str,
    chunks: &std::collections::BTreeMap<ChunkId, Chunk>,
    verdict: &mut Verdict,
) {
    let place = || text(row, id).to_owned();
    let matched = text(row, "match");
    let chunk = ChunkId::parse(text(row, "chunk_id")).and_then(|id| chunks.get(&id));
    let Some(chunk) = chunk else {
        return verdict.check(false, table, "chunk_id is of no chunk", place);
    };
    let same = chunk.doc.is_some() && chunk.doc == DocId::parse(text(row, "doc_id"));
    verdict.check(same, table, "doc_id is not that of its chunk", place);
    let answered = matches!(chunk.status, Some(Status::Ok | Status::Duplicate));
    verdict.check(answered, table, "its chunk has no answer", place);
    let spans = row.get("spans").and_then(Value::as_array);
    let spans = spans.map_or(&[][..], Vec::as_slice);
    verdict.check(
        matched != "none" || spans.is_empty(),
        table,
        "has spans, though its quote was not found",
        place,
    );
    let bounded = spans.iter().all(|span| {
        let span = span.as_object().and_then(index::span);
        span.is_some_and(|span| index::within(span, chunk.span))
    });
    verdict.check(bounded, table, "spans are not within its chunk", place);
}

/// What can be said only when all rows have been seen: all chunks by status, and failures that name one.
pub(super) fn sums(index: &Index, verdict: &mut Verdict) -> (ChunkCounts, u64) {
    let mut all = ChunkCounts::default();
    for (id, document) in &index.documents {
        index::add(&mut all, &document.has);
        verdict.check(
            document.says == document.has,
            "documents",
            "counts are not those of its chunks",
            || id.to_string(),
        );
    }
    let mut failed = 0;
    for (id, chunk) in &index.chunks {
        let place = || id.to_string();
        failed += u64::from(chunk.failures);
        let wanted = u32::from(chunk.status == Some(Status::Failed));
        verdict.check(
            chunk.failures == wanted,
            "chunks",
            "a failed one has not one failure",
            place,
        );
        if chunk.status == Some(Status::Duplicate) {
            let first = chunk.first.and_then(|first| index.chunks.get(&first));
            let stands = first.is_some_and(|first| {
                first.fingerprint == chunk.fingerprint && first.status != Some(Status::Duplicate)
            });
            verdict.check(
                stands,
                "chunks",
                "duplicate_of is not the first of its text",
                place,
            );
        }
    }
    for (id, entity) in &index.entities {
        let place = || id.to_string();
        verdict.check(
            entity.says == entity.has,
            "entities",
            "mentions are not as many as it says",
            place,
        );
    }
    for (id, relation) in &index.relations {
        let place = || id.to_string();
        verdict.check(
            relation.says == relation.has,
            "relations",
            "evidence is not as much as it says",
            place,
        );
        let (has, says) = relation.grounded;
        verdict.check(
            says == has,
            "relations",
            "grounded is not as much as it says",
            place,
        );
    }
    (all, failed)
}

fn manifest(
    snapshot: &Snapshot,
    index: &Index,
    all: &ChunkCounts,
    failed: u64,
    verdict: &mut Verdict,
) {
    let info = &snapshot.manifest().info;
    verdict.check(
        info.chunks.adds_up(),
        "manifest",
        "chunks do not add up to their total",
        || format!("{:?}", info.chunks),
    );
    verdict.check(
        info.chunks == *all,
        "manifest",
        "counts other chunks than there are",
        || format!("{:?}, not {all:?}", info.chunks),
    );
    let documents = index.documents.len() as u64;
    verdict.check(
        info.documents == documents,
        "manifest",
        "counts other documents than there are",
        || format!("{}, not {documents}", info.documents),
    );
    let failures = snapshot.manifest().tables.get(Table::Failures.name());
    let failures = failures.map_or(0, |info| info.rows);
    verdict.check(
        info.failures == failures,
        "manifest",
        "counts other failures than there are",
        || format!("{}, not {failures}", info.failures),
    );
    let open = all.failed + all.pending + all.unasked;
    verdict.check(
        !info.complete || open + failed == 0,
        "manifest",
        "says complete, though not all is answered",
        || {
            format!(
                "{} failed, {} pending, {} not asked",
                all.failed, all.pending, all.unasked
            )
        },
    );
}
