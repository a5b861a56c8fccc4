//! What a run does when a part of it dies, or when its state is not what it was. `tests/crash` has the sweeps over every
//! call to the storage; here stands what each of them found, and a panic in every part.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;

use crate::harness::binary::Weir;
use crate::harness::provider::{FakeProvider, Latency, Script};

const RUN: [&str; 4] = ["run", "knowledge-graph", "-i", "talks"];

fn talk(weir: &Weir, number: usize) {
    let text = format!(
        "Ann: In talk {number} Bob Miller leads the Harbour Trust of Greendale since last year.\n"
    );
    weir.write(&format!("talks/t{number}.txt"), text);
}

/// The files of the state database.
fn state(weir: &Weir) -> Vec<PathBuf> {
    let files = fs::read_dir(weir.path(".weir")).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    paths
        .filter(|path| path.is_file() && !path.ends_with("lock"))
        .collect()
}

/// Whichever part panics, the process is gone at once, with a status of its own, and the next run mends all.
#[test]
fn a_panic_in_any_part_ends_the_whole_run() {
    if !cfg!(debug_assertions) {
        return;
    }
    let places = [
        "reader",
        "worker",
        "committer",
        "swapped",
        "store",
        "desk",
        "lookup",
        "call",
    ];
    for place in places {
        let weir = Weir::new().with("WEIR_PANIC", place);
        talk(&weir, 1);
        talk(&weir, 2);
        let ended = weir.run(&RUN);
        ended.is(70, &[&format!("told to panic in {place}")]);
        assert!(
            ended.took < Duration::from_secs(20),
            "{place}: {:?}",
            ended.took
        );
        let weir = weir.with("WEIR_PANIC", "");
        weir.run(&RUN).is(0, &["2 answered"]);
        weir.run(&["verify", "knowledge-graph"])
            .is(0, &["sound, and complete"]);
    }
}

/// Killed between the swap of the tables and the state's word of it. `forget` settles that as a run does; it panicked,
/// since it waited for the state on a thread that may not.
#[test]
fn a_document_is_forgotten_after_a_kill() {
    if !cfg!(debug_assertions) {
        return;
    }
    let weir = Weir::new().with("WEIR_PANIC", "swapped");
    talk(&weir, 1);
    talk(&weir, 2);
    weir.run(&RUN).is(70, &["told to panic in swapped"]);
    let weir = weir.with("WEIR_PANIC", "");
    weir.run(&RUN).is(0, &[]);
    talk(&weir, 3);
    let weir = weir.with("WEIR_PANIC", "swapped");
    weir.run(&RUN).is(70, &["told to panic in swapped"]);
    let weir = weir.with("WEIR_PANIC", "");
    weir.run(&["forget", "talks/t1.txt", "--yes"])
        .is(0, &["1 published anew"]);
    weir.run(&["verify", "knowledge-graph"]).is(0, &["sound"]);
}

/// An older copy of the state comes back (a backup, a log that the disk lost): the answers since then are gone, and
/// nobody but the user decides to pay for them again.
#[test]
fn a_state_that_lost_its_end_is_noticed() {
    let fake = FakeProvider::start(Script {
        latency: Latency::Fixed(Duration::from_millis(1)),
        ..Script::default()
    });
    let url = fake.url();
    let ask = [&RUN[..], &["--model", "m", "--base-url", url, "--yes"]].concat();
    let weir = Weir::new();
    talk(&weir, 1);
    weir.run(&ask).is(0, &[]);
    let old: Vec<(PathBuf, Vec<u8>)> = state(&weir)
        .into_iter()
        .map(|path| (path.clone(), fs::read(&path).unwrap()))
        .collect();
    talk(&weir, 2);
    weir.run(&ask).is(0, &[]);
    for path in state(&weir) {
        fs::remove_file(path).unwrap();
    }
    for (path, bytes) in old {
        fs::write(path, bytes).unwrap();
    }
    weir.run(&["verify", "knowledge-graph"])
        .is(5, &["has lost what came after", "put back a backup"]);
    let calls = fake.log().len();
    weir.run(&ask)
        .is(2, &["has lost what came after", "--allow-new-ledger"]);
    assert_eq!(fake.log().len(), calls, "nothing was paid for yet");
    weir.run(&[&ask[..], &["--allow-new-ledger"]].concat())
        .is(0, &["2 answered"]);
    weir.run(&["verify", "knowledge-graph"])
        .is(0, &["sound, and complete"]);
}

/// A log that lost its end ends within what was prepared for tables that are there already. `verify` took that for a kill
/// that the next run settles, and the next run could not.
#[test]
fn a_state_that_ends_within_an_epoch_is_noticed() {
    if !cfg!(debug_assertions) {
        return;
    }
    let fake = FakeProvider::start(Script {
        latency: Latency::Fixed(Duration::from_millis(1)),
        ..Script::default()
    });
    let url = fake.url();
    let ask = [&RUN[..], &["--model", "m", "--base-url", url, "--yes"]].concat();
    let weir = Weir::new().with("WEIR_PANIC", "");
    talk(&weir, 1);
    weir.run(&ask).is(0, &[]);
    talk(&weir, 2);
    let weir = weir.with("WEIR_PANIC", "swapped");
    weir.run(&ask).is(70, &["told to panic in swapped"]);
    let weir = weir.with("WEIR_PANIC", "");
    let database = Connection::open(weir.path(".weir/weir.db")).unwrap();
    let last = "DELETE FROM prepared WHERE part = (SELECT max(part) FROM prepared)";
    assert_eq!(database.execute(last, []).unwrap(), 1);
    drop(database);
    weir.run(&["verify", "knowledge-graph"])
        .is(5, &["has lost what came after", "put back a backup"]);
    weir.run(&ask)
        .is(2, &["has lost what came after", "--allow-new-ledger"]);
    weir.run(&[&ask[..], &["--allow-new-ledger"]].concat())
        .is(0, &["2 answered"]);
    weir.run(&["verify", "knowledge-graph"])
        .is(0, &["sound, and complete"]);
}

/// The run hung: the workers were never told of texts whose lookup had failed, and held their epoch open for ever.
#[test]
fn a_lookup_that_fails_ends_the_run() {
    let weir = Weir::new();
    talk(&weir, 1);
    weir.run(&RUN).is(0, &[]);
    let file = weir.path(".weir/weir.db");
    let connection = Connection::open(&file).unwrap();
    let spoil = "ALTER TABLE chunk_failures RENAME COLUMN message TO massage";
    connection.execute(spoil, []).unwrap();
    drop(connection);
    talk(&weir, 2);
    weir.run(&RUN).is(
        5,
        &[
            "could not read the ledger",
            ".weir/weir.db",
            "no such column",
        ],
    );
    weir.run(&["verify", "knowledge-graph"])
        .is(5, &["the definitions of its tables", "put back a backup"]);
}

/// The log of a database that was never closed is lost with one bad bit: what says whose it is stands outside it.
#[test]
fn a_log_that_is_lost_takes_no_name_along() {
    let weir = Weir::new();
    talk(&weir, 1);
    // Ended before anything was put from the log into the database.
    let killed = weir.start(&[&RUN[..], &["--json", "--watch"]].concat());
    crate::harness::binary::until("tables", || {
        weir.path("out/knowledge-graph/current").exists()
    });
    killed.kill();
    let log = weir.path(".weir/weir.db-wal");
    let mut bytes = fs::read(&log).unwrap();
    bytes[3] ^= 1;
    fs::write(&log, bytes).unwrap();
    weir.run(&["verify", "knowledge-graph"])
        .is(5, &["damaged", "ledger", "put back a backup"]);
    // Rules cost nothing: the tables are made anew.
    weir.run(&RUN).is(0, &["1 answered"]);
    weir.run(&["verify", "knowledge-graph"])
        .is(0, &["sound, and complete"]);
}

/// An empty database beside tables is no state that was never there.
#[test]
fn a_state_that_was_emptied_is_noticed() {
    let weir = Weir::new();
    talk(&weir, 1);
    weir.run(&RUN).is(0, &[]);
    for path in state(&weir) {
        fs::remove_file(path).unwrap();
    }
    weir.write(".weir/weir.db", "");
    weir.run(&["verify", "knowledge-graph"])
        .is(5, &["is empty, and tables are there"]);
    weir.run(&RUN).is(2, &["built from another ledger"]);
}

/// The manifest is what everything is checked against, so it is itself.
#[test]
fn a_manifest_that_was_changed_is_noticed() {
    let weir = Weir::new();
    talk(&weir, 1);
    weir.run(&RUN).is(0, &[]);
    let file = weir.path("out/knowledge-graph/current/manifest.json");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("\"plan\": \"", "\"plan\": \"0")).unwrap();
    weir.run(&["verify", "knowledge-graph"])
        .is(5, &["manifest", "is not what was published"]);
}
