//! Any bytes as a state database, or as its log, and a good one with bytes changed: opening it, looking it through and
//! reading all that is in it never panics, whatever it finds; and nothing is written to one that is not weir's.
//!
//! The first byte chooses: arbitrary bytes as the database or as the log beside a good one, or changes to a good one, six
//! bytes each (four of place, one of how, one of value).

#![no_main]

use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use weir_fuzz::model::id::{AnswerKey, CallId, Fingerprint, PromptId, RunId, SchemaId};
use weir_fuzz::model::record::CallRow;
use weir_fuzz::model::unit::{Micros, Usd};
use weir_fuzz::store::{Database, Done, Maintenance, Mode, StoredAnswer, View, ViewDelta, inspect};

static GOOD: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = place("good");
    let database = Database::open(&folder, Mode::Write { fresh_id: [7; 16] }).expect("it can be made");
    let id = database.register(&view()).wait().expect("it can be written");
    for number in 0..20_u64 {
        database.done(done(number)).wait().expect("it can be written");
    }
    let delta = ViewDelta {
        outcomes_put: vec![(text(1), vec![1, 2, 3])],
        ..ViewDelta::default()
    };
    database.prepare(id, 1, delta).wait().expect("it can be written");
    database.commit(id, 1).wait().expect("it can be written");
    database.prepare(id, 2, ViewDelta::default()).wait().expect("it can be written");
    drop(database);
    let copy = folder.join("copy.db");
    weir_fuzz::store::backup(&folder, &copy).expect("it can be copied");
    fs::read(copy).expect("it is there")
});

fn place(name: &str) -> std::path::PathBuf {
    // Memory, where there is such a folder: a sync costs nothing there.
    let base = Some(Path::new("/dev/shm")).filter(|path| path.is_dir()).map_or_else(std::env::temp_dir, Path::to_owned);
    let folder = base.join(format!("weir-fuzz-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}

fn view() -> View {
    View { dataflow: "knowledge-graph".to_owned(), roots: vec!["talks".to_owned()], output: "out".to_owned() }
}

fn text(number: u64) -> Fingerprint {
    Fingerprint::of_shown(&number.to_string())
}

fn done(number: u64) -> Done {
    let call = CallId::of(&[&number.to_le_bytes()]);
    Done {
        view: view().id(),
        row: CallRow {
            call_id: call, run_id: RunId([3; 16]), job_id: None, at: Micros(5), provider: "openai".into(),
            model: "m".into(), attempt: 1, chunks: 1, status: Some(200), outcome: "ok".into(), finish: None,
            queued_ms: 1, latency_ms: 2, input_tokens: Some(3), cached_tokens: None, output_tokens: Some(4),
            cost: Some(Usd(5)), price_known: true, request_id: None, remote_id: None, state: "done".into(),
        },
        body: Some(Arc::from(vec![b'x'; 300])),
        answers: vec![StoredAnswer {
            key: AnswerKey::of(&[&number.to_le_bytes()]), fingerprint: text(number), provider: "openai".into(),
            model: "m".into(), prompt: PromptId([1; 16]), schema: SchemaId([2; 16]), content: "y".repeat(200),
            answered_at: Micros(5), call: Some(call), view: view().id(), input_tokens: 1, output_tokens: 2, cost: None,
        }],
        failures: Vec::new(),
    }
}

fn look(database: &Database) {
    let _ = database.integrity();
    let keys: Vec<_> = (0..20_u64).map(|number| AnswerKey::of(&[&number.to_le_bytes()])).collect();
    let _ = database.answers(&keys);
    let _ = database.failures(&keys);
    let _ = database.texts(&[text(1), text(2)]);
    for stored in database.views().unwrap_or_default() {
        let _ = database.files(stored.id);
        let _ = database.prepared(stored.id);
        let _ = database.calls_since(stored.id, 0, 100);
        let _ = database.outcomes(stored.id, |_, _| ());
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((how, rest)) = input.split_first() else { return };
    let folder = place("tried");
    let (file, log) = (folder.join("weir.db"), folder.join("weir.db-wal"));
    match how % 3 {
        0 => fs::write(&file, rest).expect("it can be written"),
        1 => {
            fs::write(&file, &*GOOD).expect("it can be written");
            fs::write(&log, rest).expect("it can be written");
        }
        _ => {
            let mut bytes = GOOD.clone();
            for change in rest.chunks_exact(6) {
                let at = u32::from_le_bytes([change[0], change[1], change[2], change[3]]) as usize % bytes.len().max(1);
                match change[4] % 4 {
                    0 => bytes.truncate(at),
                    1 => bytes[at..].iter_mut().take(4096).for_each(|byte| *byte = change[5]),
                    _ if at < bytes.len() => bytes[at] ^= change[5],
                    _ => {}
                }
                if bytes.is_empty() {
                    break;
                }
            }
            fs::write(&file, bytes).expect("it can be written");
        }
    }
    let _ = inspect(&file);
    if let Ok(database) = Database::open(&folder, Mode::Read) {
        look(&database);
    }
    let before = fs::read(&file).unwrap_or_default();
    match Database::open(&folder, Mode::Write { fresh_id: [9; 16] }) {
        Ok(database) => {
            look(&database);
            let _ = database.register(&view()).wait();
            let _ = database.done(done(100)).wait();
        }
        Err(weir_fuzz::store::StoreError::Foreign { .. }) => {
            assert!(!log.exists() || fs::read(&file).unwrap_or_default() == before, "what is not weir's was written to");
        }
        Err(_) => {}
    }
    if let Ok(mut held) = Maintenance::open(&folder) {
        let _ = held.unsettled();
        let _ = held.compact();
    }
    let _ = fs::remove_dir_all(&folder);
});
