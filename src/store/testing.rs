//! What the tests of this module share.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use super::{Database, Done, Mode, StoreError, StoredAnswer, View};
use crate::model::id::{AnswerKey, CallId, Fingerprint, PromptId, RunId, SchemaId};
use crate::model::record::CallRow;
use crate::model::unit::{Micros, Usd};

pub(super) fn fresh() -> (TempDir, Database) {
    let folder = TempDir::new().unwrap();
    let database = write(folder.path()).unwrap();
    (folder, database)
}

pub(super) fn write(state: &Path) -> Result<Database, StoreError> {
    Database::open(state, Mode::Write { fresh_id: [7; 16] })
}

/// What a power cut or `kill -9` at this moment would leave.
pub(super) fn crash(state: &Path) -> TempDir {
    let image = TempDir::new().unwrap();
    for entry in fs::read_dir(state).unwrap() {
        let entry = entry.unwrap();
        // The shared memory is rebuilt by whoever opens first.
        if entry.file_name() != "weir.db-shm" {
            fs::copy(entry.path(), image.path().join(entry.file_name())).unwrap();
        }
    }
    image
}

pub(super) fn view() -> View {
    View {
        dataflow: "knowledge-graph".to_owned(),
        roots: vec!["talks".to_owned()],
        output: "out".to_owned(),
    }
}

pub(super) fn key(n: u64) -> AnswerKey {
    AnswerKey::of(&[&n.to_le_bytes()])
}

pub(super) fn call_id(n: u64) -> CallId {
    CallId::of(&[&n.to_le_bytes()])
}

pub(super) fn answer(n: u64, length: usize) -> StoredAnswer {
    StoredAnswer {
        key: key(n),
        fingerprint: Fingerprint::of_shown(&n.to_string()),
        provider: "openai".to_owned(),
        model: "gpt".to_owned(),
        prompt: PromptId([1; 16]),
        schema: SchemaId([2; 16]),
        content: format!("{n}{}", "x".repeat(length)),
        answered_at: Micros(5),
        call: Some(call_id(n)),
        view: view().id(),
        input_tokens: 10,
        output_tokens: 20,
        cost: Some(Usd(30)),
    }
}

pub(super) fn row(n: u64) -> CallRow {
    CallRow {
        call_id: call_id(n),
        run_id: RunId([3; 16]),
        job_id: None,
        at: Micros(n.cast_signed()),
        provider: "openai".to_owned(),
        model: "gpt".to_owned(),
        attempt: 1,
        chunks: 1,
        status: Some(200),
        outcome: "ok".to_owned(),
        finish: Some("stop".to_owned()),
        queued_ms: 1,
        latency_ms: 2,
        input_tokens: Some(100),
        cached_tokens: Some(50),
        output_tokens: Some(10),
        cost: Some(Usd(1_000)),
        price_known: true,
        request_id: Some("r".to_owned()),
        remote_id: None,
        state: "done".to_owned(),
    }
}

pub(super) fn done(n: u64, length: usize) -> Done {
    Done {
        view: view().id(),
        row: row(n),
        body: Some(Arc::from(n.to_string().into_bytes())),
        answers: vec![answer(n, length)],
        failures: Vec::new(),
    }
}
