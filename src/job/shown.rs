//! All that is known of one chunk: where it stands, what was asked of it, what came back and what was made of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::flow::desk::published::{self, Published};
use crate::flow::versions;
use crate::llm::chat;
use crate::model::call::{Asked, Batch, Question};
use crate::model::chunk::OffsetMap;
use crate::model::extraction::Extraction;
use crate::model::id::{AnswerKey, CallId, DocId, Fingerprint, KeyContext, ViewId};
use crate::model::outcome::ChunkFailure;
use crate::model::record::CallRow;
use crate::sink::{SinkError, Snapshot, Table, for_each_row};
use crate::stage::extract::{ground, prompt};
use crate::stage::locate;
use crate::store::{Database, StoreError, StoredAnswer};

/// As many rows are held while one is looked for; a prefix that fits more names none of them.
const MOST: usize = 100;

/// A row of `chunks`, as far as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "columns, see `sink::schema`")]
pub struct Chunk {
    pub chunk_id: String,
    pub doc_id: String,
    pub position: u32,
    pub fingerprint: String,
    pub text: String,
    pub speakers: Vec<String>,
    pub start_ms: Option<i64>,
    pub end_ms: Option<i64>,
    pub char_start: u64,
    pub char_end: u64,
    pub byte_start: u64,
    pub byte_end: u64,
    pub tokens: u64,
    pub value: u64,
    pub status: String,
    pub source: String,
    pub duplicate_of: Option<String>,
    pub drop_reason: Option<String>,
    pub provider: Option<String>,
    pub model: Option<String>,
    pub prompt_id: Option<String>,
    pub schema_id: Option<String>,
    pub answered_at: Option<String>,
}

/// What a name of a chunk names.
#[derive(Debug)]
pub enum Named {
    /// Nothing.
    Nothing,
    /// One text, at one place or several; the first is the one that was asked about.
    One(Vec<Chunk>),
    /// Several texts: the first of so many places.
    Several(Vec<Chunk>, usize),
}

/// Looks for a chunk by its id or its fingerprint, or the first digits of either.
///
/// # Errors
/// If the tables cannot be read.
pub fn find(snapshot: &Snapshot, name: &str) -> Result<Named, SinkError> {
    let mut found: Vec<Chunk> = Vec::new();
    let mut count = 0;
    for_each_row(snapshot.folder(), Table::Chunks, |row| {
        let starts = |column: &str| {
            let id = row.get(column).and_then(Value::as_str);
            id.is_some_and(|id| id.starts_with(name))
        };
        if starts("chunk_id") || starts("fingerprint") {
            count += 1;
            if found.len() < MOST
                && let Ok(chunk) = serde_json::from_value(Value::Object(row))
            {
                found.push(chunk);
            }
        }
        ControlFlow::<()>::Continue(())
    })?;
    let by_id = |chunk: &Chunk| chunk.chunk_id.starts_with(name);
    let [first, rest @ ..] = found.as_slice() else {
        return Ok(Named::Nothing);
    };
    let one_text = rest
        .iter()
        .all(|chunk| chunk.fingerprint == first.fingerprint);
    let places = found.iter().filter(|chunk| by_id(chunk)).count();
    // Two places of one text are named by its fingerprint, but not by the digits that their ids have in common.
    if count > found.len() || !one_text || (places > 1) {
        return Ok(Named::Several(found, count));
    }
    if places == 1 {
        found.sort_by_key(|chunk| !by_id(chunk));
    } else {
        found.sort_by_key(|chunk| chunk.status == "duplicate");
    }
    Ok(Named::One(found))
}

/// The paths of these documents.
///
/// # Errors
/// If the tables cannot be read.
pub fn paths(snapshot: &Snapshot, chunks: &[Chunk]) -> Result<BTreeMap<String, String>, SinkError> {
    let wanted: BTreeSet<&str> = chunks.iter().map(|chunk| chunk.doc_id.as_str()).collect();
    let mut paths = BTreeMap::new();
    for_each_row(snapshot.folder(), Table::Documents, |row| {
        let text = |column: &str| row.get(column).and_then(Value::as_str);
        if let (Some(doc), Some(path)) = (text("doc_id"), text("path"))
            && wanted.contains(doc)
        {
            paths.insert(doc.to_owned(), path.to_owned());
        }
        ControlFlow::<()>::Continue(())
    })?;
    Ok(paths)
}

/// A line of the text: who says it, and when.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// As the model is shown it, its speaker before it.
    pub text: String,
    /// When it begins.
    pub start_ms: Option<i64>,
    /// When it ends.
    pub end_ms: Option<i64>,
}

/// What was sent of one chunk.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sent {
    /// What every call of the question says first.
    pub system: String,
    /// The chunk's part of the message: as it was sent but for what other chunks stood beside it.
    pub user: String,
    /// Whether this is known to be the prompt that was sent: its id is that of the answer.
    pub certain: bool,
}

/// What the state knows of a chunk.
#[derive(Debug, Default)]
pub struct Known {
    /// Its text by lines.
    pub lines: Vec<Line>,
    /// The answer that the tables were made from.
    pub answer: Option<StoredAnswer>,
    /// What was made of it.
    pub parsed: Option<Extraction>,
    /// What failed instead.
    pub failure: Option<ChunkFailure>,
    /// The call that brought the answer, or the last one in vain.
    pub call: Option<CallRow>,
    /// The raw body that came with it.
    pub body: Option<String>,
    /// Its ledger key, if it was asked.
    key: Option<AnswerKey>,
}

/// Gathers what the state knows of a chunk.
///
/// # Errors
/// If the state cannot be read.
pub fn known(
    database: Option<&Database>,
    snapshot: &Snapshot,
    chunk: &Chunk,
) -> Result<Known, StoreError> {
    let mut known = Known::default();
    let view = ViewId::parse(&snapshot.manifest().info.view);
    let fingerprint = Fingerprint::parse(&chunk.fingerprint);
    let (Some(database), Some(view), Some(fingerprint)) = (database, view, fingerprint) else {
        known.lines = lines(&chunk.text, None);
        return Ok(known);
    };
    let map = map(database, view, chunk)?;
    known.lines = lines(&chunk.text, map.as_ref());
    let outcome = database.outcome(view, fingerprint)?;
    known.key = match outcome.as_deref().and_then(published::decode) {
        Some(Published::Answered(key)) => {
            known.answer = database.answers(&[key])?.remove(&key);
            Some(key)
        }
        Some(Published::Failed(failure)) => {
            let key = failure.key;
            known.failure = Some(failure);
            Some(key)
        }
        Some(Published::Pending | Published::Unasked) | None => None,
    };
    let answer = known.answer.as_ref();
    known.parsed = answer.and_then(|one| ground::extraction(&one.content, &chunk.text).ok());
    let call = answer
        .and_then(|answer| answer.call)
        .or(known.failure.as_ref().and_then(|failure| failure.call));
    if let Some(call) = call {
        known.call = database.call(call)?;
        let body = database.body(call)?;
        known.body = body.map(|body| String::from_utf8_lossy(&body).into_owned());
    }
    Ok(known)
}

impl Known {
    /// The model that was asked; none if rules were applied, or nobody was asked.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        let call = self.call.as_ref().map(|call| (&call.provider, &call.model));
        let answer = self.answer.as_ref();
        let (provider, model) = call.or(answer.map(|one| (&one.provider, &one.model)))?;
        (provider != "rules").then_some(model)
    }
}

/// How the text maps to the file, from the version of the document that the tables were made from.
fn map(database: &Database, view: ViewId, chunk: &Chunk) -> Result<Option<OffsetMap>, StoreError> {
    let files = database.files(view)?;
    let doc = DocId::parse(&chunk.doc_id);
    let file = files.iter().find(|file| Some(file.doc) == doc);
    let Some(number) = file.and_then(|file| file.version) else {
        return Ok(None);
    };
    let version = database.version(number)?;
    let loaded = version.and_then(|one| versions::decode(&one.document, &one.chunks).ok());
    Ok(loaded.and_then(|loaded| {
        let place = loaded.chunks.get(chunk.position as usize)?;
        // A run that goes on may have read the file again since.
        (place.0.fingerprint.to_string() == chunk.fingerprint).then(|| place.0.facts.map.clone())
    }))
}

fn lines(text: &str, map: Option<&OffsetMap>) -> Vec<Line> {
    let mut at = 0;
    let line = |line: &str| {
        let start = u32::try_from(at).unwrap_or(u32::MAX);
        let end = u32::try_from(at + line.len()).unwrap_or(u32::MAX);
        at += line.len();
        let (_, start_ms, end_ms) =
            map.map_or((None, None, None), |map| locate::said(map, start, end));
        Line {
            text: line.trim_end_matches('\n').to_owned(),
            start_ms,
            end_ms,
        }
    };
    text.split_inclusive('\n').map(line).collect()
}

/// The prompt, put together once more by what the dataflow asks now: it is a function of the question, the text, and
/// the ids of call and chunk. None if the chunk was not asked.
#[must_use]
pub fn sent(
    chunk: &Chunk,
    known: &Known,
    question: &Arc<Question>,
    context: &KeyContext,
) -> Option<Sent> {
    let key = known.key?;
    let fingerprint = Fingerprint::parse(&chunk.fingerprint)?;
    let certain = match &known.answer {
        Some(answer) => answer.prompt == question.prompt_id && answer.schema == question.schema_id,
        // Nothing but the key says which prompt failed.
        None => context.key(fingerprint) == key,
    };
    let said = known.answer.as_ref().map(|answer| answer.content.as_str());
    let tag = said
        .zip(known.body.as_deref())
        .and_then(|(said, body)| tag(said, body));
    let batch = Batch {
        call: known
            .call
            .as_ref()
            .map_or(CallId([0; 16]), |call| call.call_id),
        question: Arc::clone(question),
        chunks: vec![Asked {
            tag: tag.unwrap_or_else(|| "?".to_owned()),
            fingerprint,
            key,
            text: chunk.text.as_str().into(),
            tokens: 0,
        }],
        max_output: 0,
        hint: None,
    };
    Some(Sent {
        system: prompt::instructions(question).system,
        user: prompt::chunks(&batch),
        certain,
    })
}

/// The id under which a chunk was asked about: that of its answer in the body of the call.
fn tag(content: &str, body: &str) -> Option<String> {
    let said = chat::answer(body.as_bytes())?;
    let root: Value = serde_json::from_str(&said.content).ok()?;
    let wanted: Value = serde_json::from_str(content).ok()?;
    let answers = root.get("answers")?.as_array()?.iter();
    let mut tags = answers.filter_map(|answer| {
        let mut answer: Map<String, Value> = answer.as_object()?.clone();
        let tag = answer.remove("chunk_id")?;
        (Value::Object(answer) == wanted).then(|| tag.as_str().map(str::to_owned))?
    });
    let tag = tags.next()?;
    // Two chunks with the same answer cannot be told apart.
    tags.next().is_none().then_some(tag)
}
