//! Figures, not checks: `cargo test --lib store::measure -- --ignored --nocapture`.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::testing::{done, fresh, key, view};
use super::{StoredFile, ViewDelta};
use crate::model::id::{DocId, Fingerprint};

fn rate(what: &str, count: u64, took: Duration) {
    println!(
        "{what}: {count} in {took:.2?}, {:.0}/s",
        count as f64 / took.as_secs_f64()
    );
}

#[test]
#[ignore = "prints figures"]
fn answers_with_fifty_in_flight_and_lookups() {
    let (folder, database) = fresh();
    let database = std::sync::Arc::new(database);
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    for (lanes, each) in [(1_u64, 300_u64), (50, 200), (500, 40)] {
        let start = Instant::now();
        runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for lane in 0..lanes {
                let database = std::sync::Arc::clone(&database);
                tasks.spawn(async move {
                    for n in 0..each {
                        let n = lanes * 10_000_000 + lane * 10_000 + n;
                        database.done(done(n, 2_048)).await.unwrap();
                    }
                });
            }
            while tasks.join_next().await.is_some() {}
        });
        rate(
            &format!("done, {lanes} in flight"),
            lanes * each,
            start.elapsed(),
        );
    }
    let keys: Vec<_> = (0..50)
        .flat_map(|lane| (0..200).map(move |n| key(500_000_000 + lane * 10_000 + n)))
        .collect();
    let misses: Vec<_> = (0..10_000).map(key).collect();
    for size in [1, 50, 1_000] {
        let start = Instant::now();
        let found: usize = keys
            .chunks(size)
            .map(|keys| database.answers(keys).unwrap().len())
            .sum();
        assert_eq!(found, keys.len());
        rate(
            &format!("answers, {size} a lookup"),
            keys.len() as u64,
            start.elapsed(),
        );
    }
    let start = Instant::now();
    assert!(database.known(&misses).unwrap().is_empty());
    rate("known, all missing", misses.len() as u64, start.elapsed());
    let start = Instant::now();
    assert!(database.integrity().unwrap().sound());
    rate("integrity, all answers", 30_300, start.elapsed());
    let bytes = std::fs::metadata(folder.path().join("weir.db"))
        .unwrap()
        .len();
    println!("{bytes} bytes in the file");
}

#[test]
#[ignore = "prints figures"]
fn an_epoch_of_ten_thousand_outcomes() {
    let (_folder, database) = fresh();
    let id = database.register(&view()).wait().unwrap();
    let file = |n: u32| StoredFile {
        doc: DocId::of(&[&n.to_le_bytes()]),
        root: "talks".to_owned(),
        path: format!("{n}.vtt"),
        size: 1,
        mtime_ns: 1,
        inode: 1,
        content_hash: None,
        version: None,
        failure: None,
    };
    let delta = ViewDelta {
        files_put: (0..1_000).map(file).collect(),
        outcomes_put: (0..10_000_u32)
            .map(|n| (Fingerprint::of_shown(&n.to_string()), vec![7; 1_500]))
            .collect(),
        ..ViewDelta::default()
    };
    let start = Instant::now();
    database.prepare(id, 1, delta).wait().unwrap();
    rate("prepare, outcomes", 10_000, start.elapsed());
    let start = Instant::now();
    database.commit(id, 1).wait().unwrap();
    rate("commit, outcomes", 10_000, start.elapsed());
    let start = Instant::now();
    let count = database.outcomes(id, |_, _| {}).unwrap();
    rate("outcomes read", count, start.elapsed());
    let start = Instant::now();
    let files = database.files(id).unwrap();
    rate("files read", files.len() as u64, start.elapsed());
}
