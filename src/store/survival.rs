//! What the state survives: crashes, second writers, foreign and damaged files, full disks.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::thread;

use rusqlite::Connection;

use super::testing::{answer, call_id, crash, done, fresh, key, view, write};
use super::{Database, Integrity, Mode, StoreError};
use crate::model::id::Fingerprint;

#[test]
fn a_second_writer_is_told_who_the_first_one_is() {
    let (folder, database) = fresh();
    let refused = write(folder.path()).unwrap_err();
    let StoreError::InUse { owner, .. } = refused else {
        panic!("{refused}");
    };
    assert_eq!(owner, format!("process {}", std::process::id()));
    drop(database);
    write(folder.path()).unwrap();
}

#[test]
fn only_the_owner_may_look() {
    let (folder, _) = fresh();
    let state = folder.path().join("deep/.weir");
    let database = write(&state).unwrap();
    database.done(done(1, 10)).wait().unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(state.clone()), 0o700);
    for name in ["weir.db", "weir.db-wal", "weir.db-shm", "lock"] {
        assert_eq!(mode(state.join(name)), 0o600, "{name}");
    }
}

#[test]
fn the_ledger_keeps_its_id() {
    let (folder, database) = fresh();
    assert_eq!(database.ledger_id(), "07".repeat(16));
    drop(database);
    let other = Mode::Write { fresh_id: [9; 16] };
    let database = Database::open(folder.path(), other).unwrap();
    assert_eq!(database.ledger_id(), "07".repeat(16));
}

#[test]
fn readers_see_what_is_acknowledged_while_a_writer_runs() {
    let (folder, database) = fresh();
    let reader = Database::open(folder.path(), Mode::Read).unwrap();
    for n in 0..50 {
        database.done(done(n, 100)).wait().unwrap();
        assert_eq!(reader.answers(&[key(n)]).unwrap().len(), 1);
    }
    let refused = reader.done(done(99, 1)).wait().unwrap_err();
    assert!(matches!(refused, StoreError::ReadOnly));
    drop(database);
    assert_eq!(reader.known(&[key(0), key(99)]).unwrap().len(), 1);
}

#[test]
fn reading_what_is_not_there_says_so_and_makes_nothing() {
    let folder = tempfile::TempDir::new().unwrap();
    let state = folder.path().join("state");
    let absent = Database::open(&state, Mode::Read).unwrap_err();
    assert!(matches!(absent, StoreError::Absent { .. }), "{absent}");
    assert!(!state.exists());
    fs::create_dir(&state).unwrap();
    fs::write(state.join("weir.db"), "").unwrap();
    let absent = Database::open(&state, Mode::Read).unwrap_err();
    assert!(matches!(absent, StoreError::Absent { .. }), "{absent}");
}

#[test]
fn newer_schemas_and_foreign_files_are_refused_untouched() {
    let (folder, database) = fresh();
    drop(database);
    let path = folder.path().join("weir.db");
    let sql = Connection::open(&path).unwrap();
    sql.execute("UPDATE meta SET value = '99' WHERE name = 'schema'", [])
        .unwrap();
    sql.close().unwrap();
    let before = fs::read(&path).unwrap();
    for mode in [Mode::Write { fresh_id: [0; 16] }, Mode::Read] {
        let newer = Database::open(folder.path(), mode).unwrap_err();
        assert!(newer.to_string().contains("newer weir"), "{newer}");
    }
    assert_eq!(fs::read(&path).unwrap(), before);

    fs::remove_file(&path).unwrap();
    let sql = Connection::open(&path).unwrap();
    sql.execute_batch("CREATE TABLE other (x)").unwrap();
    sql.close().unwrap();
    let foreign = write(folder.path()).unwrap_err();
    assert!(matches!(foreign, StoreError::Foreign { .. }), "{foreign}");

    fs::write(
        &path,
        "not a database, and longer than a header ".repeat(99),
    )
    .unwrap();
    let foreign = write(folder.path()).unwrap_err();
    assert!(matches!(foreign, StoreError::Foreign { .. }), "{foreign}");
}

/// Every acknowledged write is there after a crash at any moment between two commits, and after a second one.
#[test]
fn nothing_acknowledged_is_lost() {
    let (folder, database) = fresh();
    let mut rng = fastrand::Rng::with_seed(1);
    let mut acknowledged = Vec::new();
    for n in 0..300_u64 {
        let length = rng.usize(0..5_000);
        database.done(done(n, length)).wait().unwrap();
        acknowledged.push((key(n), answer(n, length)));
        if rng.u8(..) < 12 {
            let image = crash(folder.path());
            let again = write(image.path()).unwrap();
            let keys: Vec<_> = acknowledged.iter().map(|(key, _)| *key).collect();
            let found = again.answers(&keys).unwrap();
            assert_eq!(found, acknowledged.iter().cloned().collect());
            again.done(done(1_000, 5)).wait().unwrap();
            let last = crash(image.path());
            let known = write(last.path()).unwrap().known(&[key(0), key(1_000)]);
            assert_eq!(known.unwrap().len(), 2);
        }
    }
}

/// A log that a power cut left torn anywhere gives a prefix of the commits, each whole: call, body and answer.
#[test]
fn a_torn_log_gives_whole_commits() {
    let (folder, database) = fresh();
    for n in 0..20 {
        database.done(done(n, 700)).wait().unwrap();
    }
    let mut rng = fastrand::Rng::with_seed(2);
    let keys: Vec<_> = (0..20).map(key).collect();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..40 {
        let image = crash(folder.path());
        let log = image.path().join("weir.db-wal");
        let mut bytes = fs::read(&log).unwrap();
        bytes.truncate(rng.usize(0..bytes.len()));
        fs::write(&log, bytes).unwrap();
        let again = write(image.path()).unwrap();
        let known = again.known(&keys).unwrap().len();
        for n in 0..20_u64 {
            let there = n < known as u64;
            assert_eq!(again.known(&[key(n)]).unwrap().len() == 1, there);
            assert_eq!(again.body(call_id(n)).unwrap().is_some(), there);
        }
        assert!(again.integrity().unwrap().sound());
        seen.insert(known);
    }
    assert!(seen.len() > 5, "{seen:?}");
}

/// Bits that flip anywhere in the file, and a tail that is cut off, give an error or a value that is whole, never a panic or another value.
#[test]
fn damage_is_found_and_never_passed_on() {
    let (folder, database) = fresh();
    let text: Arc<str> = Arc::from("Ana: Hello. ".repeat(50));
    let fingerprint = Fingerprint::of_shown(&text);
    database
        .put_texts(vec![(fingerprint, Arc::clone(&text))])
        .wait()
        .unwrap();
    for n in 0..30 {
        database.done(done(n, 900)).wait().unwrap();
    }
    drop(database);
    let whole = fs::read(folder.path().join("weir.db")).unwrap();
    let keys: Vec<_> = (0..30).map(key).collect();
    let mut rng = fastrand::Rng::with_seed(3);
    let (mut refused, mut missing) = (0, 0);
    for round in 0..150 {
        let mut bytes = whole.clone();
        let at = if round < 60 {
            rng.usize(0..100)
        } else {
            rng.usize(0..bytes.len())
        };
        bytes[at] ^= 1 << rng.u32(0..8);
        if round % 10 == 0 {
            bytes.truncate(rng.usize(0..whole.len()));
        }
        fs::write(folder.path().join("weir.db"), bytes).unwrap();
        let found = write(folder.path()).and_then(|database| {
            let answers = database.answers(&keys)?;
            database.texts(&[fingerprint]).map(|texts| (answers, texts))
        });
        let Ok((answers, texts)) = found else {
            refused += 1;
            continue;
        };
        missing += keys.len() - answers.len();
        for (n, key) in (0..).zip(&keys) {
            if let Some(found) = answers.get(key) {
                assert_eq!(found.content, answer(n, 900).content);
            }
        }
        assert!(texts.values().all(|found| **found == *text));
    }
    assert!(refused > 10 && missing > 10, "{refused} {missing}");
}

#[test]
fn a_damaged_answer_is_asked_for_again_and_mended() {
    let (folder, database) = fresh();
    database.done(done(1, 50)).wait().unwrap();
    let sql = Connection::open(folder.path().join("weir.db")).unwrap();
    sql.execute("UPDATE answers SET content = 'x'", []).unwrap();
    assert!(database.answers(&[key(1)]).unwrap().is_empty());
    assert_eq!(database.damaged(), 1);
    let found = database.integrity().unwrap();
    let expected = Integrity {
        damaged_answers: 1,
        ..Integrity::default()
    };
    assert_eq!(found, expected);
    assert!(database.done(done(1, 50)).wait().unwrap().is_empty());
    assert_eq!(database.answers(&[key(1)]).unwrap()[&key(1)], answer(1, 50));
}

/// A full disk: everybody in the group is told, what was acknowledged stays, nothing is written ever after, and the
/// next opening goes on.
#[test]
fn a_full_disk_stops_all_writing() {
    let (folder, database) = fresh();
    database.done(done(1, 50)).wait().unwrap();
    database
        .write("limit", |connection| {
            Ok(connection.pragma_update_and_check(None, "max_page_count", 1, |_| Ok(()))?)
        })
        .wait()
        .unwrap();
    let full = database.done(done(2, 500_000)).wait().unwrap_err();
    assert!(matches!(full, StoreError::Full { .. }), "{full}");
    let stopped = database.done(done(3, 1)).wait().unwrap_err();
    assert!(matches!(stopped, StoreError::Stopped { .. }), "{stopped}");
    let keys = [key(1), key(2), key(3)];
    assert_eq!(database.known(&keys).unwrap(), [key(1)].into());
    drop(database);
    let database = write(folder.path()).unwrap();
    database.done(done(2, 500_000)).wait().unwrap();
    assert_eq!(database.known(&keys).unwrap().len(), 2);
    assert_eq!(view().id(), answer(1, 1).view);
}

#[test]
fn many_writers_and_readers_at_once() {
    let (_folder, database) = fresh();
    thread::scope(|scope| {
        for lane in 0..8_u64 {
            let database = &database;
            scope.spawn(move || {
                for n in 0..40 {
                    let n = lane * 1_000 + n;
                    database.done(done(n, 200)).wait().unwrap();
                    let found = database.answers(&[key(n)]).unwrap();
                    assert_eq!(found[&key(n)], answer(n, 200));
                }
            });
        }
    });
    let calls = database.calls_since(view().id(), 0, u32::MAX).unwrap();
    assert_eq!(calls.len(), 320);
    assert!(calls.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0));
}
