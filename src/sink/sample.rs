//! Rows to test with, made from numbers: the same numbers make the same rows.

use std::collections::BTreeMap;

use super::manifest::ManifestInfo;
use super::{Change, Row, Table};
use std::sync::Arc;

use crate::model::document::Span;
use crate::model::extraction::{Kind, Match};
use crate::model::id::{
    CallId, ChunkId, DocId, EntityId, EvidenceId, FailureId, Fingerprint, ItemId, MentionId,
    PromptId, RelationId, RunId, SchemaId,
};
use crate::model::record::{
    CallRow, ChunkCounts, ChunkRow, DocumentRow, EntityRow, EvidenceRow, FailureRow, ItemRow,
    MentionRow, Merge, Provenance, RelationRow, RepeatRow, ShareRow, Status,
};
use crate::model::unit::{Micros, Usd};

/// 2026-01-05.
pub(super) const NOW: Micros = Micros(1_767_571_200_000_000);
pub(super) const ENTITIES: u32 = 400;
const KINDS: usize = Kind::ALL.len();

fn n(number: u32) -> [u8; 4] {
    number.to_le_bytes()
}

fn span(at: u32) -> Span {
    Span {
        char_start: at,
        char_end: at + 9,
        byte_start: at + 1,
        byte_end: at + 11,
    }
}

pub(super) fn doc_id(doc: u32) -> DocId {
    DocId::of(&[&n(doc)])
}

pub(super) fn document(doc: u32, chunks: u32, version: u32) -> Row {
    Row::Document(Arc::new(DocumentRow {
        doc_id: doc_id(doc),
        path: format!("it's a talk/{doc}.vtt"),
        content_hash: "ab".repeat(32),
        format: "vtt".into(),
        title: version
            .is_multiple_of(2)
            .then(|| format!("Talk {doc}, Größe {version}")),
        recorded_at: Some(Micros(NOW.0 - i64::from(doc))),
        duration_ms: Some(61_000),
        language: None,
        speakers: vec!["Ana".into(), "Bo".into()],
        turns: 12,
        bytes: 5_000_000_000,
        meta: vec![
            ("room".into(), "4 \"b\"".into()),
            ("team".into(), String::new()),
        ],
        complete: version > 0,
        chunks: ChunkCounts {
            total: chunks.into(),
            ok: chunks.into(),
            ..ChunkCounts::default()
        },
        input_tokens: 7,
        output_tokens: version.into(),
        cost: Some(Usd(1_500_000)),
    }))
}

/// A chunk of about that many words.
pub(super) fn chunk(doc: u32, position: u32, version: u32, words: usize) -> Row {
    let mut rng = fastrand::Rng::with_seed(u64::from(doc) << 32 | u64::from(position));
    let mut text = format!("Ana: {version}");
    for _ in 0..words {
        text.push_str([" we", " open", " the", " office", " in", " Lagos"][rng.usize(..6)]);
        text.extend([rng.lowercase(), rng.lowercase()]);
    }
    text.push('\n');
    Row::Chunk(Box::new(ChunkRow {
        chunk_id: ChunkId::of(&[&n(doc), &n(position)]),
        doc_id: doc_id(doc),
        position,
        fingerprint: Fingerprint::of_shown(&text),
        text: text.into(),
        speakers: vec!["Ana".into()],
        start_ms: Some(0),
        end_ms: None,
        span: span(position),
        tokens: 600,
        value: 900,
        status: Status::Ok,
        source: "called".into(),
        duplicate_of: None,
        drop_reason: None,
        provider: Some("rules".into()),
        model: Some("rules-2".into()),
        prompt_id: Some(PromptId([3; 16])),
        schema_id: Some(SchemaId([4; 16])),
        answered_at: Some(NOW),
    }))
}

fn said(doc: u32, position: u32, ordinal: u32) -> Provenance {
    Provenance {
        doc_id: doc_id(doc),
        chunk_id: ChunkId::of(&[&n(doc), &n(position)]),
        speaker: (!ordinal.is_multiple_of(3)).then(|| "Ana".into()),
        start_ms: Some(1_000 * i64::from(position)),
        end_ms: Some(1_000 * i64::from(position) + 900),
        spans: (0..ordinal % 3).map(|i| span(position + 100 * i)).collect(),
        quote: format!("the words that name it, {ordinal}").into(),
        matched: if ordinal.is_multiple_of(3) {
            Match::None
        } else {
            Match::Exact
        },
        score: if ordinal.is_multiple_of(3) { 0 } else { 900 },
        model: "rules-2".into(),
        prompt_id: PromptId([3; 16]),
        schema_id: SchemaId([4; 16]),
    }
}

pub(super) fn mention(doc: u32, position: u32, ordinal: u32, version: u32) -> Row {
    let entity = (doc * 7 + position * 3 + ordinal) % ENTITIES;
    Row::Mention(Box::new(MentionRow {
        mention_id: MentionId::of(&[&n(doc), &n(position), &n(ordinal)]),
        entity_id: EntityId::of(&[&n(entity)]),
        surface: format!("Thing {entity}.{version}").into(),
        kind: Kind::ALL[entity as usize % KINDS],
        said: said(doc, position, ordinal),
    }))
}

pub(super) fn evidence(doc: u32, position: u32, ordinal: u32, version: u32) -> Row {
    let relation = (doc + position) % ENTITIES;
    let mut said = said(doc, position, ordinal);
    said.score = u16::try_from(version % 1000).unwrap();
    Row::Evidence(Box::new(EvidenceRow {
        evidence_id: EvidenceId::of(&[&n(doc), &n(position), &n(ordinal)]),
        relation_id: RelationId::of(&[&n(relation)]),
        said,
    }))
}

pub(super) fn item(doc: u32, position: u32, ordinal: u32, version: u32) -> Row {
    let mut said = said(doc, position, ordinal);
    said.score = u16::try_from(version % 1000).unwrap();
    Row::Item(Box::new(ItemRow {
        item_id: ItemId::of(&[&n(doc), &n(position), &n(ordinal)]),
        json: "{}".into(),
        said,
    }))
}

pub(super) fn repeat(text: u32, version: u32) -> Row {
    Row::Repeat(Arc::new(RepeatRow {
        fingerprint: Fingerprint::of_shown(&text.to_string()),
        text: format!("Ana: {text}\n").into(),
        tokens: 4,
        chunks: version.into(),
        documents: 3,
        first_doc_id: doc_id(text),
        first_chunk_id: ChunkId::of(&[&n(text), &n(0)]),
    }))
}

pub(super) fn share(doc: u32, version: u32) -> Row {
    Row::Share(Arc::new(ShareRow {
        doc_id: doc_id(doc),
        path: format!("{doc}.vtt"),
        chunks: version.into(),
        tokens: 800,
        repeated_chunks: 7,
        repeated_tokens: 700,
        elsewhere_chunks: 2,
        elsewhere_tokens: 200,
    }))
}

pub(super) fn entity(entity: u32, version: u32) -> Row {
    let merge = |i: u32| Merge {
        a: format!("Thing {entity}"),
        b: format!("T. {i}"),
        rule: "initial".into(),
    };
    Row::Entity(Arc::new(EntityRow {
        entity_id: EntityId::of(&[&n(entity)]),
        name: format!("Thing {entity}"),
        kind: Kind::ALL[entity as usize % KINDS],
        aliases: (0..entity % 3).map(|i| format!("T. {i}")).collect(),
        mentions: version.into(),
        documents: 2,
        first_at: None,
        last_at: Some(NOW),
        merged_by: (0..entity % 3).map(merge).collect(),
    }))
}

pub(super) fn relation(relation: u32, version: u32) -> Row {
    Row::Relation(Arc::new(RelationRow {
        relation_id: RelationId::of(&[&n(relation)]),
        source_id: EntityId::of(&[&n(relation)]),
        source_name: format!("Thing {relation}"),
        predicate: "works_for".into(),
        target_id: EntityId::of(&[&n((relation + 1) % ENTITIES)]),
        target_name: format!("Thing {}", (relation + 1) % ENTITIES),
        evidence: version.into(),
        documents: 3,
        grounded: 4,
        first_at: Some(Micros(-1)),
        last_at: None,
    }))
}

pub(super) fn failure(failure: u32, version: u32) -> Row {
    Row::Failure(Box::new(FailureRow {
        failure_id: FailureId::of(&[&n(failure)]),
        stage: "read".into(),
        doc_id: None,
        chunk_id: Some(ChunkId([5; 16])),
        path: "a\nb.vtt".into(),
        reason: "not_text".into(),
        message: "it is not text: \u{0}".into(),
        attempts: version,
        retryable: false,
        first_at: NOW,
        last_at: Micros(NOW.0 + 1),
        answer_ref: None,
    }))
}

pub(super) fn call(call: u32, version: u32) -> Row {
    Row::Call(Box::new(CallRow {
        call_id: CallId::of(&[&n(call)]),
        run_id: RunId([6; 16]),
        job_id: None,
        at: NOW,
        provider: "openai".into(),
        model: "m".into(),
        attempt: 1,
        chunks: 8,
        status: Some(200),
        outcome: "ok".into(),
        finish: Some("stop".into()),
        queued_ms: version.into(),
        latency_ms: 1_234,
        input_tokens: Some(10),
        cached_tokens: None,
        output_tokens: Some(u64::MAX),
        cost: None,
        price_known: false,
        request_id: None,
        remote_id: Some("r".into()),
        state: "done".into(),
    }))
}

/// The row of a table whose key is made from `id`; eight of them share a document, two a chunk.
pub(super) fn row(table: Table, id: u32, version: u32) -> Row {
    match table {
        Table::Documents => document(id, 3, version),
        Table::Chunks => chunk(id / 8, id % 8, version, 9),
        Table::Mentions => mention(id / 8, id % 8 / 2, id % 2, version),
        Table::Entities => entity(id, version),
        Table::Relations => relation(id, version),
        Table::Evidence => evidence(id / 8, id % 8 / 2, id % 2, version),
        Table::Items => item(id / 8, id % 8 / 2, id % 2, version),
        Table::Repeats => repeat(id, version),
        Table::Shares => share(id, version),
        Table::Failures => failure(id, version),
        Table::Calls => call(id, version),
    }
}

pub(super) fn info(at: Micros) -> ManifestInfo {
    ManifestInfo {
        ledger: "l".into(),
        published_at: at,
        cost_usd: Some(0.25),
        ..ManifestInfo::default()
    }
}

/// Rows as they come, by table.
pub(super) fn come(rows: impl IntoIterator<Item = Row>) -> BTreeMap<Table, Vec<Change>> {
    let mut changes: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in rows {
        changes
            .entry(row.table())
            .or_default()
            .push(Change { row, diff: 1 });
    }
    changes
}
