//! The oracle: every table from scratch, single-threaded, by loops over all files, and of every table every column. It
//! shares the pure stages with weir (readers, splitter, grounding, normal names, sums of entities and relations) and
//! nothing of the dataflow, the store or the sink.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use weir::job::order::Order;
use weir::model::chunk::{Chunk, DropReason};
use weir::model::document::{Document, Unreadable};
use weir::model::extraction::Extraction;
use weir::model::id::{ChunkId, DocId, FailureId, Fingerprint};
use weir::model::record::Status;
use weir::model::unit::Usd;
use weir::sink::Table;
use weir::stage::extract::ground;
use weir::stage::{chunk, transcript};

use super::{dice, own};

mod graph;
mod said;

pub use said::said;

/// Rows by their keys, each with all columns of its table.
pub type Rows = BTreeMap<Table, BTreeMap<String, Value>>;

/// A source file.
#[derive(Clone, Debug)]
pub struct File {
    /// Its path below its root.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl File {
    /// The id of its document.
    pub fn doc(&self) -> DocId {
        DocId::of(&[b"in", self.path.as_bytes()])
    }
}

/// What is known of a text, and what only who asked can know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Answered, by this JSON.
    Answer {
        /// What the answer says.
        json: String,
        /// When it came.
        at: Value,
    },
    /// Asked in vain: `attempts`, `first_at`, `last_at`, `answer_ref`.
    Failed(Map<String, Value>),
    /// Being asked.
    Pending,
    /// Not asked.
    Unasked,
    /// There is nothing to ask.
    Nothing,
}

/// Where a chunk stands.
pub struct Place<'a> {
    /// In this file.
    pub file: &'a File,
    /// As it was read.
    pub document: &'a Document,
    /// The chunk.
    pub chunk: &'a Chunk,
    /// What was asked about it.
    pub order: &'a Order,
}

impl Place<'_> {
    /// The id of its row.
    pub fn id(&self) -> ChunkId {
        chunk_id(self.at())
    }

    /// Document and position.
    pub fn at(&self) -> (DocId, u32) {
        (self.file.doc(), self.chunk.facts.position)
    }
}

fn chunk_id((doc, position): (DocId, u32)) -> ChunkId {
    ChunkId::of(&[doc.as_bytes(), &position.to_le_bytes()])
}

/// Takes rows.
#[derive(Default)]
pub struct Taken(Rows);

impl Taken {
    /// A row of a table: there is none of that key yet.
    pub fn add(&mut self, table: Table, row: Value) {
        let rows = self.0.entry(table).or_default();
        let key = key(table, &row);
        let twice = rows.insert(key.clone(), row);
        assert!(twice.is_none(), "two rows {key} of {}", table.name());
    }
}

/// What tells a row from others of its table.
pub fn key(table: Table, row: &Value) -> String {
    let cells = table.key().iter().map(|column| row[column].to_string());
    cells.collect::<Vec<_>>().join(" ")
}

/// All tables but `calls`.
pub fn tables(files: &[File], order: &Order, known: &BTreeMap<Fingerprint, Known>) -> Rows {
    let mut taken = Taken(Table::ALL.map(|table| (table, BTreeMap::new())).into());
    let mut read: Vec<(&File, transcript::Read, Vec<Chunk>)> = Vec::new();
    for file in files {
        match transcript::read(&file.path, &file.bytes) {
            Ok(found) => {
                let chunks = chunk::split(&found.document, &order.reading.chunk);
                read.push((file, found, chunks));
            }
            Err(why) => unread(file, &why, &mut taken),
        }
    }
    let places: Vec<Place<'_>> = read
        .iter()
        .flat_map(|(file, found, chunks)| {
            chunks.iter().map(move |chunk| Place {
                file,
                document: &found.document,
                chunk,
                order,
            })
        })
        .collect();
    let mut first: BTreeMap<Fingerprint, (DocId, u32)> = BTreeMap::new();
    let kept = |place: &&Place<'_>| place.chunk.facts.dropped.is_none();
    for place in places.iter().filter(kept) {
        let least = first.entry(place.chunk.fingerprint).or_insert(place.at());
        *least = (*least).min(place.at());
    }
    let mut answers: Vec<(&Place<'_>, Extraction)> = Vec::new();
    let mut counts: BTreeMap<DocId, Counts> = BTreeMap::new();
    for place in &places {
        let fingerprint = Some(place.chunk.fingerprint).filter(|_| kept(&place));
        let told = fingerprint.and_then(|fingerprint| known.get(&fingerprint));
        let original = fingerprint
            .and_then(|fingerprint| first.get(&fingerprint))
            .filter(|first| **first != place.at());
        let status = match (place.chunk.facts.dropped, original, told) {
            (Some(_), _, _) => Status::Dropped,
            (None, Some(_), _) => Status::Duplicate,
            (_, _, Some(Known::Answer { .. } | Known::Nothing)) => Status::Ok,
            (_, _, Some(Known::Failed(_))) => Status::Failed,
            (_, _, Some(Known::Pending)) => Status::Pending,
            (_, _, Some(Known::Unasked) | None) => Status::Unasked,
        };
        counts
            .entry(place.file.doc())
            .or_default()
            .count(place, status, told);
        let original = original.map(|at| chunk_id(*at));
        taken.add(Table::Chunks, chunk_row(place, status, original, told));
        if let (Status::Failed, Some(Known::Failed(facts))) = (status, told) {
            taken.add(Table::Failures, failed(place, facts));
        }
        if let Some(Known::Answer { json, .. }) = told {
            let said = ground::extraction(json, &place.chunk.text).unwrap();
            answers.push((place, said));
        }
    }
    for (file, found, _) in &read {
        let counts = counts.remove(&file.doc()).unwrap_or_default();
        taken.add(Table::Documents, document(file, found, &counts));
    }
    for (place, extraction) in &answers {
        own::rows(place, extraction, &mut taken);
    }
    own::repeated(
        &read.iter().map(|(file, ..)| *file).collect::<Vec<_>>(),
        &places,
        &mut taken,
    );
    graph::rows(&answers, &mut taken);
    taken.0
}

/// What a document's row adds up.
#[derive(Default)]
struct Counts {
    total: u64,
    by_status: BTreeMap<&'static str, u64>,
    tokens: u64,
}

impl Counts {
    fn count(&mut self, place: &Place<'_>, status: Status, told: Option<&Known>) {
        self.total += 1;
        *self.by_status.entry(status.name()).or_default() += 1;
        if let (Status::Ok, Some(Known::Answer { .. })) = (status, told) {
            self.tokens += u64::from(place.chunk.facts.tokens);
        }
    }

    fn of(&self, status: Status) -> u64 {
        self.by_status.get(status.name()).copied().unwrap_or(0)
    }
}

fn document(file: &File, read: &transcript::Read, counts: &Counts) -> Value {
    let document = &read.document;
    let mut speakers: Vec<&str> = Vec::new();
    let mut last: Option<i64> = None;
    for turn in &document.turns {
        if let Some(name) = turn.speaker.as_deref()
            && !speakers.contains(&name)
        {
            speakers.push(name);
        }
        for cue in &turn.cues {
            last = last.max(cue.end_ms.or(cue.start_ms));
        }
    }
    let lacking =
        [Status::Failed, Status::Pending, Status::Unasked].map(|status| counts.of(status));
    let [input, output, cost] = dice::used(counts.tokens);
    json!({
        "doc_id": file.doc().to_string(),
        "path": file.path,
        "content_hash": read.hash.to_string(),
        "format": document.format.name(),
        "title": document.title,
        "recorded_at": document.recorded_at.map(|at| at.to_string()),
        "duration_ms": last,
        "language": document.language,
        "speakers": speakers,
        "turns": document.turns.len(),
        "bytes": file.bytes.len(),
        "meta": document.meta,
        "complete": lacking == [0; 3],
        "chunks_total": counts.total,
        "chunks_ok": counts.of(Status::Ok),
        "chunks_failed": counts.of(Status::Failed),
        "chunks_dropped": counts.of(Status::Dropped),
        "chunks_duplicate": counts.of(Status::Duplicate),
        "chunks_pending": counts.of(Status::Pending),
        "chunks_unasked": counts.of(Status::Unasked),
        "input_tokens": input,
        "output_tokens": output,
        "cost_usd": Usd(cost).dollars(),
    })
}

fn chunk_row(
    place: &Place<'_>,
    status: Status,
    original: Option<ChunkId>,
    told: Option<&Known>,
) -> Value {
    let (facts, question) = (&place.chunk.facts, &place.order.question);
    let at = match told {
        Some(Known::Answer { at, .. }) => Some(at),
        _ => None,
    };
    let source = match (status, at) {
        (Status::Duplicate, _) => "duplicate",
        (_, Some(_)) => "called",
        (_, None) => "none",
    };
    json!({
        "chunk_id": place.id().to_string(),
        "doc_id": place.file.doc().to_string(),
        "position": facts.position,
        "fingerprint": Fingerprint::of_shown(&place.chunk.text).to_string(),
        "text": place.chunk.text,
        "speakers": facts.speakers,
        "start_ms": facts.start_ms,
        "end_ms": facts.end_ms,
        "char_start": facts.source.char_start,
        "char_end": facts.source.char_end,
        "byte_start": facts.source.byte_start,
        "byte_end": facts.source.byte_end,
        "tokens": facts.tokens,
        "value": facts.value,
        "status": status.name(),
        "source": source,
        "duplicate_of": original.map(|id| id.to_string()),
        "drop_reason": facts.dropped.map(DropReason::name),
        "provider": at.map(|_| "dice"),
        "model": at.map(|_| &question.model),
        "prompt_id": at.map(|_| question.prompt_id.to_string()),
        "schema_id": at.map(|_| question.schema_id.to_string()),
        "answered_at": at,
    })
}

/// The only reason for which who answers here does not.
fn failed(place: &Place<'_>, facts: &Map<String, Value>) -> Value {
    let mut row = json!({
        "failure_id": FailureId::of(&[b"ask", place.id().as_bytes()]).to_string(),
        "stage": "ask",
        "doc_id": place.file.doc().to_string(),
        "chunk_id": place.id().to_string(),
        "path": place.file.path,
        "reason": "refused",
        "message": "the model refused to answer",
        "retryable": false,
    });
    row.as_object_mut().unwrap().extend(facts.clone());
    row
}

/// A file that gives no document. When it was tried nobody else can know.
fn unread(file: &File, why: &Unreadable, taken: &mut Taken) {
    let row = json!({
        "failure_id": FailureId::of(&[b"read", file.doc().as_bytes()]).to_string(),
        "stage": "read",
        "doc_id": file.doc().to_string(),
        "chunk_id": null,
        "path": file.path,
        "reason": why.reason(),
        "message": why.to_string(),
        "attempts": 1,
        "retryable": false,
        "first_at": null,
        "last_at": null,
        "answer_ref": null,
    });
    taken.add(Table::Failures, row);
}

/// A part of one, as the tables hold it: in single precision.
pub fn share(part: f32) -> f64 {
    part.to_string().parse().unwrap()
}
