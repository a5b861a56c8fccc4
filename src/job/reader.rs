//! What the reader pool does: one source file -> a document version in the manifest, ready to be fed.

use std::sync::Arc;

use crate::flow::record::{DocFacts, Loaded, Occurrence, Place, Unread};
use crate::flow::versions;
use crate::model::chunk::{Chunk, DropReason};
use crate::model::document::{Document, Unreadable};
use crate::model::id::{ContentHash, DocId, Fingerprint, ViewId};
use crate::model::unit::Micros;
use crate::source::{SourceFile, read};
use crate::stage::transcript::metadata::{self, Pattern, Rank};
use crate::stage::{chunk, transcript};
use crate::store::{Database, FileFailure, NewVersion, Pending, StoreError, StoredFile};

/// What decides how a file is read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// How documents are cut up.
    pub chunk: chunk::Options,
    /// Chunks worth less, of 1000, are not asked.
    pub value_min: u16,
    /// What paths say of documents.
    pub metadata: Option<Pattern>,
    /// Whether paths begin with the label of their root: where there are several.
    pub labelled: bool,
    /// The hash of it all, as it stands in the manifest.
    pub hash: String,
}

/// The `reason` of a document whose sidecar cannot be read.
const SIDECAR: &str = "sidecar";

/// A file that has been read.
#[derive(Debug)]
pub struct Prepared {
    /// Its entry in the manifest; its version is set once it is stored.
    pub file: StoredFile,
    /// What it gave.
    pub loaded: Loaded,
    /// The texts of its chunks.
    pub texts: Vec<(Fingerprint, Arc<str>)>,
}

/// Reads a file. One that cannot be read gives a failure instead of a document. Blocks.
#[must_use]
pub fn prepare(file: &SourceFile, reading: &Reading, now: Micros) -> Prepared {
    match document_of(file, reading.metadata.as_ref()) {
        Ok(found) => document(file, &found, reading, now),
        Err(why) => failure(file, path(file, reading), &why, now),
    }
}

/// A file's chunks without anything stored: for `plan`.
///
/// # Errors
/// If it cannot be read.
pub fn chunks(file: &SourceFile, reading: &Reading) -> Result<Vec<Chunk>, Unreadable> {
    let found = document_of(file, reading.metadata.as_ref())?;
    Ok(cut(&found.read.document, reading))
}

/// A file as it was read, with what is said of it beside its content.
#[derive(Clone, Debug)]
pub struct Found {
    /// The transcript.
    pub read: transcript::Read,
    /// Of the transcript and its sidecar: what tells that a document is another.
    pub hash: ContentHash,
    /// What is wrong with the sidecar; the transcript is read all the same.
    pub sidecar_problem: Option<String>,
}

/// Reads a file, its sidecar and its path.
///
/// # Errors
/// If the file itself cannot be read.
pub fn document_of(file: &SourceFile, pattern: Option<&Pattern>) -> Result<Found, Unreadable> {
    let bytes = read::read(file)?;
    let mut read = transcript::read(&file.relative, &bytes)?;
    let mut hash = read.hash;
    let mut sidecar_problem = None;
    if let Some(said) = pattern.and_then(|pattern| pattern.find(&file.relative)) {
        said.apply(&mut read, "its path", Rank::Under);
    }
    if let Some(sidecar) = &file.sidecar {
        let name = &sidecar.name;
        let wrong = match read::sidecar(file, sidecar) {
            Ok(bytes) => {
                hash = ContentHash::of(&[hash.as_bytes(), &bytes]);
                let (said, wrong) = metadata::sidecar(name, &bytes);
                said.apply(&mut read, &format!("its sidecar {name}"), Rank::Over);
                wrong
            }
            Err(why) => {
                hash = ContentHash::of(&[hash.as_bytes(), why.to_string().as_bytes()]);
                Some(why.to_string())
            }
        };
        sidecar_problem = wrong.map(|wrong| {
            format!(
                "could not read all of its sidecar {name}: {wrong}; the transcript itself was read"
            )
        });
    }
    Ok(Found {
        read,
        hash,
        sidecar_problem,
    })
}

/// A document's chunks.
#[must_use]
pub fn cut(document: &Document, reading: &Reading) -> Vec<Chunk> {
    let mut chunks = chunk::split(document, &reading.chunk);
    for facts in chunks.iter_mut().map(|chunk| &mut chunk.facts) {
        if facts.value < reading.value_min {
            facts.dropped.get_or_insert(DropReason::LowValue);
        }
    }
    chunks
}

fn path(file: &SourceFile, reading: &Reading) -> String {
    if reading.labelled {
        format!("{}/{}", file.root, file.relative)
    } else {
        file.relative.clone()
    }
}

fn document(file: &SourceFile, found: &Found, reading: &Reading, now: Micros) -> Prepared {
    let read = &found.read;
    let document = &read.document;
    let problem = found.sidecar_problem.clone();
    let path: Arc<str> = path(file, reading).into();
    let facts = DocFacts {
        doc: file.doc,
        path: path.to_string(),
        content_hash: read.hash.to_string(),
        format: document.format.name().into(),
        title: document.title.clone(),
        recorded_at: document.recorded_at,
        duration_ms: duration(document),
        language: document.language.clone(),
        speakers: speakers(document),
        turns: u32::try_from(document.turns.len()).unwrap_or(u32::MAX),
        bytes: read.bytes,
        meta: document
            .meta
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        unreadable: problem.clone().map(|message| Unread {
            reason: SIDECAR.into(),
            message,
            at: now,
        }),
    };
    let mut texts = Vec::new();
    let mut places = Vec::new();
    for mut chunk in cut(document, reading) {
        if !document.format.has_bytes() {
            chunk.facts.source = chunk.facts.source.without_bytes();
        }
        let place = Place::new(
            file.doc,
            Arc::clone(&path),
            chunk.fingerprint,
            document.recorded_at,
            chunk.facts,
        );
        texts.push((chunk.fingerprint, chunk.text));
        places.push(Occurrence(Arc::new(place)));
    }
    let loaded = Loaded {
        facts: Arc::new(facts),
        chunks: Arc::new(places),
    };
    let failure = problem.map(|message| FileFailure {
        reason: SIDECAR.into(),
        message,
        first_at: now,
    });
    Prepared {
        file: stored(file, Some(found.hash), failure),
        loaded,
        texts,
    }
}

fn failure(file: &SourceFile, path: String, why: &Unreadable, now: Micros) -> Prepared {
    let unread = Unread {
        reason: why.reason().into(),
        message: why.to_string(),
        at: now,
    };
    let failure = FileFailure {
        reason: unread.reason.clone(),
        message: unread.message.clone(),
        first_at: now,
    };
    let facts = DocFacts {
        doc: file.doc,
        path,
        content_hash: String::new(),
        format: String::new(),
        title: None,
        recorded_at: None,
        duration_ms: None,
        language: None,
        speakers: Vec::new(),
        turns: 0,
        bytes: file.looks.size,
        meta: Vec::new(),
        unreadable: Some(unread),
    };
    let loaded = Loaded {
        facts: Arc::new(facts),
        chunks: Arc::default(),
    };
    Prepared {
        file: stored(file, None, Some(failure)),
        loaded,
        texts: Vec::new(),
    }
}

fn stored(
    file: &SourceFile,
    content_hash: Option<ContentHash>,
    failure: Option<FileFailure>,
) -> StoredFile {
    StoredFile {
        doc: file.doc,
        root: file.root.clone(),
        path: file.relative.clone(),
        size: file.looks.size,
        mtime_ns: file.looks.mtime_ns,
        inode: file.looks.inode,
        content_hash,
        version: None,
        failure,
    }
}

/// The end of the last timed cue.
fn duration(document: &Document) -> Option<i64> {
    let cues = document.turns.iter().flat_map(|turn| &turn.cues);
    cues.filter_map(|cue| cue.end_ms.or(cue.start_ms)).max()
}

fn speakers(document: &Document) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    let names = document
        .turns
        .iter()
        .filter_map(|turn| turn.speaker.as_ref());
    names
        .filter(|name| seen.insert((*name).clone()))
        .cloned()
        .collect()
}

/// Stores what a file gave; what comes is the number of its version.
///
/// # Errors
/// If it cannot be encoded.
pub fn store(
    database: &Database,
    view: ViewId,
    reading: &Reading,
    prepared: &mut Prepared,
) -> Result<Pending<i64>, StoreProblem> {
    let (document, chunks) = versions::encode(&prepared.loaded)?;
    let doc: DocId = prepared.file.doc;
    let version = NewVersion {
        view,
        doc,
        content_hash: prepared.file.content_hash.unwrap_or(ContentHash([0; 32])),
        reading: reading.hash.clone(),
        document,
        chunks,
        texts: std::mem::take(&mut prepared.texts),
    };
    Ok(database.put_version(version))
}

/// A document version could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreProblem {
    /// It could not be encoded.
    #[error("could not encode a document")]
    Encode(#[from] postcard::Error),
    /// The database refused.
    #[error("could not store a document")]
    Store(#[from] StoreError),
}
