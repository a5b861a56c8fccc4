//! The dataflow against the oracle: random adds, edits, renames, copies and deletes, answers delayed at random, one, two
//! and four workers. The tables of every published epoch equal a naive recomputation over the files of that epoch and
//! the answers that it lists as known.
//!
//! What each family proves: `whole` that incremental and from-scratch agree, with every answer in time; `late` the same
//! when answers come after their epoch was published as pending, and are corrections; `restarts` the same over many runs
//! on one state. Never is a text asked twice.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use weir::flow::stop::Ending;
use weir::job::order::Order;
use weir::job::run::{Live, Report, run};
use weir::sink::Table;

use crate::harness::dice::Dice;
use crate::harness::world::World;
use crate::harness::{naive, own, project};

fn go(order: &Order) -> Report {
    go_on(order, &Live::default())
}

fn snapshots(world: &World) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(world.output().join("snapshots"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    found.sort();
    found
}

/// Compares every snapshot that is there with the oracle; returns how many had a pending chunk.
fn check(world: &World, order: &Order, what: &str) -> usize {
    let mut pending = 0;
    let mut rebuilt = 0;
    for snapshot in snapshots(world) {
        let manifest = fs::read_to_string(snapshot.join("manifest.json")).unwrap();
        let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
        rebuilt += usize::from(manifest["base"].is_null());
        let known = project::known(&snapshot);
        pending += usize::from(known.values().any(|known| *known == naive::Known::Pending));
        let files = project::files(&snapshot, &world.history);
        let expected = naive::tables(&files, &order.reading.chunk, &known);
        let found = project::tables(&snapshot);
        // An output holds the tables of its form.
        let held = |table: &Table| snapshot.join(table.name()).exists();
        for table in Table::ALL.into_iter().filter(held) {
            let (expected, found) = (&expected[&table], &found[&table]);
            let missing: Vec<_> = expected.difference(found).take(3).collect();
            let extra: Vec<_> = found.difference(expected).take(3).collect();
            assert!(
                missing.is_empty() && extra.is_empty(),
                "{what}, {}, {}: missing {missing:#?}, extra {extra:#?}",
                snapshot.display(),
                table.name()
            );
        }
    }
    // A restart goes on from what was stored; tables that do not follow from it are built from nothing, as the first.
    assert!(
        rebuilt <= 1,
        "{what}: {rebuilt} snapshots were built from nothing"
    );
    pending
}

/// Several runs over one changing folder. Returns how many published epochs had pending chunks.
fn story(seed: u64, workers: usize, longest: Duration, patience: Option<Duration>) -> usize {
    story_in(seed, workers, longest, patience, |order| order)
}

/// The same, in some form.
fn story_in(
    seed: u64,
    workers: usize,
    longest: Duration,
    patience: Option<Duration>,
    form: fn(Order) -> Order,
) -> usize {
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut world = World::new();
    let dice = Dice::new(seed, longest);
    let mut pending = 0;
    for round in 0..4 {
        let edits = chance.usize(1..if round == 0 { 12 } else { 5 });
        for _ in 0..edits {
            world.change(&mut chance);
        }
        let mut order = form(world.order(dice.clone(), workers, seed));
        order.timing.patience = patience;
        let report = go(&order);
        assert_eq!(report.ending, None);
        let what = format!("seed {seed}, {workers} workers, round {round}");
        pending += check(&world, &order, &what);
        let manifest = report.manifest.unwrap();
        assert_eq!(manifest.info.documents, world.files.len() as u64, "{what}");
        assert!(
            manifest.info.chunks.adds_up() && manifest.info.complete,
            "{what}: {:?}",
            manifest.info.chunks
        );
        assert!(
            go(&order).unchanged,
            "{what}: a second run found something to do"
        );
    }
    assert!(
        dice.most() <= 1,
        "seed {seed}: a text was asked {} times",
        dice.most()
    );
    pending
}

#[test]
fn whole_1w() {
    for seed in 0..6 {
        story(seed, 1, Duration::from_millis(20), None);
    }
}

#[test]
fn whole_2w() {
    for seed in 10..14 {
        story(seed, 2, Duration::from_millis(20), None);
    }
}

#[test]
fn whole_4w() {
    for seed in 20..24 {
        story(seed, 4, Duration::from_millis(20), None);
    }
}

#[test]
fn items() {
    let brief = Duration::from_millis(20);
    for (seed, workers) in [(60, 1), (61, 2), (62, 4)] {
        story_in(seed, workers, brief, None, own::items);
    }
    let (long, soon) = (Duration::from_millis(400), Duration::from_millis(30));
    let pending = story_in(63, 2, long, Some(soon), own::items);
    assert!(pending > 0, "no answer was late: nothing was tested");
}

#[test]
fn repeats() {
    for (seed, workers) in [(70, 1), (71, 2), (72, 4)] {
        story_in(seed, workers, Duration::ZERO, None, own::repeats);
    }
}

#[test]
fn late_1w() {
    let pending: usize = (30..34)
        .map(|seed| {
            story(
                seed,
                1,
                Duration::from_millis(400),
                Some(Duration::from_millis(30)),
            )
        })
        .sum();
    assert!(pending > 0, "no answer was late: nothing was tested");
}

#[test]
fn late_3w() {
    let pending: usize = (40..43)
        .map(|seed| {
            story(
                seed,
                3,
                Duration::from_millis(400),
                Some(Duration::from_millis(30)),
            )
        })
        .sum();
    assert!(pending > 0, "no answer was late: nothing was tested");
}

/// Under watch the same holds, while files come, change, move and go.
#[test]
fn watched() {
    for seed in 50..52 {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut world = World::new();
        let dice = Dice::new(seed, Duration::from_millis(20));
        for _ in 0..4 {
            world.change(&mut chance);
        }
        let mut order = world.order(dice.clone(), 2, seed);
        (order.watch, order.timing.quiet) = (true, Duration::from_millis(100));
        let live = Live::default();
        let running = {
            let (order, live) = (order.clone(), live.clone());
            std::thread::spawn(move || go_on(&order, &live))
        };
        for round in 0..5 {
            wait_for(&world, &format!("seed {seed}, round {round}"));
            for _ in 0..chance.usize(1..6) {
                world.change(&mut chance);
            }
        }
        wait_for(&world, &format!("seed {seed}, at the end"));
        live.stop.end(Ending::Interrupted);
        let report = running.join().unwrap();
        assert_eq!(report.ending, None, "nothing was left to do");
        check(&world, &order, &format!("seed {seed}, watched"));
        assert!(dice.most() <= 1, "seed {seed}: a text was asked twice");
        order.watch = false;
        assert!(
            go(&order).unchanged,
            "seed {seed}: the next run found something to do"
        );
    }
}

fn go_on(order: &Order, live: &Live) -> Report {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run(order, live)).unwrap()
}

/// Waits until the tables hold what the folder does, and say that they are complete.
fn wait_for(world: &World, what: &str) {
    let current = world.output().join("current");
    let is_there = || {
        let manifest = fs::read_to_string(current.join("manifest.json")).ok()?;
        let manifest: serde_json::Value = serde_json::from_str(&manifest).ok()?;
        let snapshot = fs::canonicalize(&current).ok()?;
        let files = project::files(&snapshot, &world.history);
        let same = files.len() == world.files.len()
            && files.iter().all(|file| {
                world.files.get(&file.path).map(String::as_bytes) == Some(file.bytes.as_slice())
            });
        (same && manifest["complete"] == true).then_some(())
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "a test waits for another thread's files"
    )]
    let sleep = || std::thread::sleep(Duration::from_millis(100));
    for _ in 0..600 {
        if is_there().is_some() {
            return;
        }
        sleep();
    }
    panic!("{what}: the tables do not follow the folder");
}
