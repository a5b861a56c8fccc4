//! Rows that are as they should be, and each way in which one can be wrong.

use serde_json::{Value, json};

use super::Verdict;
use super::index::{Counted, Index, Row};
use super::tables::{chunk, document, failure, relation, said, sums};
use crate::model::id::{ChunkId, DocId, EntityId, Fingerprint, RelationId};

/// The rows of a small snapshot, in tables that can be changed.
struct Rows {
    document: Value,
    chunks: [Value; 3],
    failure: Value,
    relation: Value,
    mention: Value,
    evidence: Value,
}

fn hex(n: u8) -> String {
    ChunkId([n; 16]).to_string()
}

fn sound() -> Rows {
    let doc = DocId([1; 16]).to_string();
    let chunk = |n: u8, text: &str, status: &str| {
        let at = u64::from(n - 10) * 100;
        json!({
            "chunk_id": hex(n), "doc_id": doc, "position": n - 10, "text": text,
            "fingerprint": Fingerprint::of_shown(text).to_string(), "status": status, "char_start": at,
            "char_end": at + 90, "byte_start": at, "byte_end": at + 99, "drop_reason": null, "duplicate_of": null,
        })
    };
    let mut copy = chunk(11, "one", "duplicate");
    copy["duplicate_of"] = hex(10).into();
    let span = |from: u64| json!([{"char_start": from, "char_end": from + 5, "byte_start": from, "byte_end": from + 6}]);
    Rows {
        document: json!({
            "doc_id": doc, "path": "a.txt", "complete": false, "chunks_total": 3, "chunks_ok": 1, "chunks_failed": 1,
            "chunks_dropped": 0, "chunks_duplicate": 1, "chunks_pending": 0, "chunks_unasked": 0,
        }),
        chunks: [chunk(10, "one", "ok"), copy, chunk(12, "two", "failed")],
        failure: json!({"failure_id": hex(40), "stage": "ask", "chunk_id": hex(12)}),
        relation: json!({
            "relation_id": hex(30), "source_id": hex(20), "target_id": hex(20), "evidence": 1, "grounded": 1,
        }),
        mention: json!({
            "mention_id": hex(50), "entity_id": hex(20), "doc_id": doc, "chunk_id": hex(10), "match": "exact",
            "spans": span(3),
        }),
        evidence: json!({
            "evidence_id": hex(60), "relation_id": hex(30), "doc_id": doc, "chunk_id": hex(11), "match": "fuzzy",
            "spans": span(184),
        }),
    }
}

fn row(value: &Value) -> Row {
    value.as_object().cloned().unwrap()
}

/// What is found wrong with these rows.
fn found(rows: &Rows) -> Vec<String> {
    let (mut index, mut verdict) = (Index::default(), Verdict::default());
    document(&row(&rows.document), &mut index, &mut verdict);
    for one in &rows.chunks {
        chunk(&row(one), &mut index, &mut verdict);
    }
    failure(&row(&rows.failure), &mut index, &mut verdict);
    let entity = EntityId([20; 16]);
    let counted = Counted {
        says: 1,
        ..Counted::default()
    };
    index.entities.insert(entity, counted);
    relation(&row(&rows.relation), &mut index, &mut verdict);
    let owner = EntityId::parse(rows.mention["entity_id"].as_str().unwrap());
    let owner = owner.and_then(|id| index.entities.get_mut(&id));
    let mention = row(&rows.mention);
    said(
        &mention,
        "mentions",
        "mention_id",
        owner,
        &index.chunks,
        &mut verdict,
    );
    let owner = RelationId::parse(rows.evidence["relation_id"].as_str().unwrap());
    let owner = owner.and_then(|id| index.relations.get_mut(&id));
    let evidence = row(&rows.evidence);
    said(
        &evidence,
        "evidence",
        "evidence_id",
        owner,
        &index.chunks,
        &mut verdict,
    );
    let (all, failed) = sums(&index, &mut verdict);
    assert!(all.total <= 3 && failed <= 1);
    let damage = verdict.damage.iter();
    damage
        .map(|one| format!("{}: {}", one.of, one.what))
        .collect()
}

#[test]
fn sound_rows_are_sound() {
    assert_eq!(found(&sound()), [""; 0]);
}

/// What is done to the rows, and what is said of it.
type Breach = (fn(&mut Rows), &'static str);

const BREACHES: &[Breach] = &[
    (
        |rows| rows.document["chunks_ok"] = 2.into(),
        "documents: chunks do not add up to chunks_total",
    ),
    (
        |rows| {
            rows.document["chunks_ok"] = 0.into();
            rows.document["chunks_unasked"] = 1.into();
        },
        "documents: counts are not those of its chunks",
    ),
    (
        |rows| rows.document["complete"] = true.into(),
        "documents: complete is not what the counts say",
    ),
    (
        |rows| rows.document["doc_id"] = hex(2).into(),
        "chunks: doc_id is of no document",
    ),
    (
        |rows| rows.chunks[0]["status"] = "fine".into(),
        "chunks: status is none that there is",
    ),
    (
        |rows| rows.chunks[0]["text"] = "three".into(),
        "chunks: text does not have its fingerprint",
    ),
    (
        |rows| rows.chunks[1]["position"] = 2.into(),
        "chunks: positions in a document are not 0, 1, 2, ...",
    ),
    (
        |rows| rows.chunks[1]["byte_start"] = 98.into(),
        "chunks: overlaps the one before it",
    ),
    (
        |rows| rows.chunks[0]["char_start"] = 91.into(),
        "chunks: place in the file is none",
    ),
    (
        |rows| rows.chunks[0]["byte_end"] = 89.into(),
        "chunks: place in the file is none",
    ),
    (
        |rows| rows.chunks[0]["drop_reason"] = "no_words".into(),
        "chunks: drop_reason does not fit status",
    ),
    (
        |rows| rows.chunks[1]["duplicate_of"] = Value::Null,
        "chunks: duplicate_of does not fit status",
    ),
    (
        |rows| rows.chunks[1]["duplicate_of"] = hex(12).into(),
        "chunks: duplicate_of is not the first of its text",
    ),
    (
        |rows| rows.failure["chunk_id"] = hex(10).into(),
        "failures: chunk_id is of no failed chunk",
    ),
    (
        |rows| rows.failure["chunk_id"] = hex(10).into(),
        "chunks: a failed one has not one failure",
    ),
    (
        |rows| rows.failure["chunk_id"] = Value::Null,
        "failures: names no chunk, and is not that of a file",
    ),
    (
        |rows| rows.relation["source_id"] = hex(21).into(),
        "relations: source_id is of no entity",
    ),
    (
        |rows| rows.relation["target_id"] = hex(21).into(),
        "relations: target_id is of no entity",
    ),
    (
        |rows| rows.relation["evidence"] = 2.into(),
        "relations: evidence is not as much as it says",
    ),
    (
        |rows| rows.relation["grounded"] = 0.into(),
        "relations: grounded is not as much as it says",
    ),
    (
        |rows| rows.mention["entity_id"] = hex(21).into(),
        "mentions: entity_id is of no entity",
    ),
    (
        |rows| rows.mention["entity_id"] = hex(21).into(),
        "entities: mentions are not as many as it says",
    ),
    (
        |rows| rows.mention["chunk_id"] = hex(9).into(),
        "mentions: chunk_id is of no chunk",
    ),
    (
        |rows| rows.mention["doc_id"] = hex(9).into(),
        "mentions: doc_id is not that of its chunk",
    ),
    (
        |rows| rows.mention["chunk_id"] = hex(12).into(),
        "mentions: its chunk has no answer",
    ),
    (
        |rows| rows.mention["match"] = "none".into(),
        "mentions: has spans, though its quote was not found",
    ),
    (
        |rows| rows.mention["spans"][0]["char_end"] = 91.into(),
        "mentions: spans are not within its chunk",
    ),
    (
        |rows| rows.mention["spans"][0]["byte_end"] = 100.into(),
        "mentions: spans are not within its chunk",
    ),
    (
        |rows| rows.evidence["spans"][0]["char_start"] = 99.into(),
        "evidence: spans are not within its chunk",
    ),
    (
        |rows| rows.evidence["relation_id"] = hex(31).into(),
        "evidence: relation_id is of no relation",
    ),
];

#[test]
fn every_breach_is_found() {
    for (breach, what) in BREACHES {
        let mut rows = sound();
        breach(&mut rows);
        let found = found(&rows);
        assert!(found.iter().any(|one| one == what), "{what}: {found:?}");
    }
}

#[test]
fn the_first_places_are_named_and_all_are_counted() {
    let mut verdict = Verdict::default();
    for n in 0..100 {
        verdict.check(n % 2 == 0, "chunks", "odd", || n.to_string());
    }
    let [damage] = verdict.damage.as_slice() else {
        panic!("{verdict:?}");
    };
    assert_eq!(damage.count, 50);
    assert_eq!(damage.places, ["1", "3", "5", "7", "9"]);
}
