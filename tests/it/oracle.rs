//! The dataflow against the oracle: random adds, edits, renames, copies and deletes, answers delayed at random, one, two
//! and four workers. The tables of every published epoch equal a naive recomputation over the files of that epoch and
//! the answers that it lists as known.
//!
//! What each family proves: `whole` that incremental and from-scratch agree, with every answer in time; `late` the same
//! when answers come after their epoch was published as pending, and are corrections; `waiting` where they hold up several
//! epochs; `refused` where some texts are never answered; all but `waiting` over several runs on one state. Every column of
//! every table is compared, and `calls` with what was really asked. Never is an answer paid for twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use weir::flow::stop::Ending;
use weir::job::order::Order;
use weir::job::run::{Live, Report, run};
use weir::job::verify::verify;
use weir::model::id::Fingerprint;
use weir::sink::{Snapshot, Table};
use weir::store::{Database, Mode};

use crate::harness::dice::{Dice, answer_to};
use crate::harness::naive::{self, Known};
use crate::harness::world::World;
use crate::harness::{own, project};

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

/// What was known of a text, ever: an answer never becomes another.
type Memory = BTreeMap<Fingerprint, Known>;

/// Compares every snapshot that is there with the oracle; returns how many had a pending chunk.
fn check(world: &World, order: &Order, dice: &Dice, memory: &mut Memory, what: &str) -> usize {
    let mut pending = 0;
    let mut rebuilt = 0;
    let mut called = Vec::new();
    for snapshot in snapshots(world) {
        let what = format!("{what}, {}", snapshot.display());
        let manifest = fs::read_to_string(snapshot.join("manifest.json")).unwrap();
        let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
        rebuilt += usize::from(manifest["base"].is_null());
        let known = project::known(&snapshot);
        pending += usize::from(known.values().any(|known| *known == Known::Pending));
        for (fingerprint, known) in &known {
            if matches!(known, Known::Answer { .. } | Known::Failed(_)) {
                let before = memory.entry(*fingerprint).or_insert_with(|| known.clone());
                assert_eq!(before, known, "{what}: it was something else before");
            }
        }
        let files = project::files(&snapshot, &world.history);
        let expected = naive::tables(&files, order, &known);
        let found = project::tables(&snapshot);
        // An output holds the tables of its form.
        let held = |table: &Table| snapshot.join(table.name()).exists();
        for table in Table::ALL.into_iter().filter(held) {
            let (expected, found) = (&expected[&table], &found[&table]);
            let keys: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
            let differ = keys
                .into_iter()
                .filter(|key| expected.get(*key) != found.get(*key))
                .map(|key| project::difference(key, expected.get(key), found.get(key)));
            let differ: Vec<String> = differ.take(3).collect();
            assert!(
                differ.is_empty(),
                "{what}, {}:\n{}",
                table.name(),
                differ.join("\n")
            );
        }
        called = project::calls(&snapshot);
    }
    let mut log = dice.log.lock().unwrap().clone();
    log.sort();
    assert_eq!(called, log, "{what}: calls");
    // What the state keeps of it is what a later run starts from.
    let database = Database::open(&order.state, Mode::Read).unwrap();
    let current = Snapshot::open(&world.output().join("current")).unwrap();
    let verdict = verify(&current, Some(&database)).unwrap();
    assert!(verdict.damage.is_empty(), "{what}: {:#?}", verdict.damage);
    // A restart goes on from what was stored; tables that do not follow from it are built from nothing, as the first.
    assert!(
        rebuilt <= 1,
        "{what}: {rebuilt} snapshots were built from nothing"
    );
    pending
}

/// Several runs over one changing folder. Returns how many published epochs had pending chunks.
fn story(seed: u64, workers: usize, longest: Duration, patience: Option<Duration>) -> usize {
    story_in(&Dice::new(seed, longest), workers, patience, |order| order)
}

/// The same, with who answers, in some form.
fn story_in(
    dice: &Arc<Dice>,
    workers: usize,
    patience: Option<Duration>,
    form: fn(Order) -> Order,
) -> usize {
    let seed = dice.seed;
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut world = World::new();
    let mut memory = Memory::new();
    let mut pending = 0;
    for round in 0..4 {
        let edits = chance.usize(1..if round == 0 { 12 } else { 5 });
        for _ in 0..edits {
            world.change(&mut chance);
        }
        let mut order = form(world.order(Arc::<Dice>::clone(dice), workers, seed));
        order.timing.patience = patience;
        let report = go(&order);
        assert_eq!(report.ending, None);
        let what = format!("seed {seed}, {workers} workers, round {round}");
        pending += check(&world, &order, dice, &mut memory, &what);
        let info = report.manifest.unwrap().info;
        assert_eq!(info.documents, world.documents() as u64, "{what}");
        assert!(
            info.chunks.adds_up() && info.chunks.pending + info.chunks.unasked == 0,
            "{what}: {:?}",
            info.chunks
        );
        let unread = world.files.len() - world.documents();
        assert_eq!(info.failures, info.chunks.failed + unread as u64, "{what}");
        assert_eq!(info.complete, info.chunks.failed == 0, "{what}");
        let calls = dice.log.lock().unwrap().len();
        assert!(
            go(&order).unchanged || !info.complete,
            "{what}: a second run found something to do"
        );
        let again = dice.log.lock().unwrap().len() - calls;
        assert_eq!(again, 0, "{what}: a second run asked something");
    }
    assert!(
        dice.most() <= 1,
        "seed {seed}: a text was paid for {} times",
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
        story_in(&Dice::new(seed, brief), workers, None, own::items);
    }
    let (long, soon) = (Duration::from_millis(400), Duration::from_millis(30));
    let pending = story_in(&Dice::new(63, long), 2, Some(soon), own::items);
    assert!(pending > 0, "no answer was late: nothing was tested");
}

#[test]
fn repeats() {
    for (seed, workers) in [(70, 1), (71, 2), (72, 4)] {
        story_in(
            &Dice::new(seed, Duration::ZERO),
            workers,
            None,
            own::repeats,
        );
    }
}

/// Texts that are refused are failures, of whichever place stands for them; their neighbours are asked again.
#[test]
fn refused() {
    let brief = Duration::from_millis(20);
    for (seed, workers) in [(80, 1), (81, 2), (82, 4)] {
        let dice = Dice::refusing(seed, brief, "poison");
        story_in(&dice, workers, None, |order| order);
        let log = dice.log.lock().unwrap();
        assert!(log.iter().any(|call| call.refused), "nothing was refused");
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

/// Texts wait over several epochs, each of which has others to wait for, and places that come meanwhile take them over.
#[test]
fn waiting() {
    for seed in 60..63 {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut world = World::new();
        for _ in 0..60 {
            world.change(&mut chance);
        }
        let dice = Dice::new(seed, Duration::from_millis(400));
        let mut order = world.order(dice.clone(), 2, seed);
        order.client.batch.most_chunks = 1;
        assert_eq!(go(&order).ending, None);
        check(
            &world,
            &order,
            &dice,
            &mut Memory::new(),
            &format!("seed {seed}, waiting"),
        );
        let published = snapshots(&world).len();
        assert!(
            published > 1,
            "seed {seed}: one epoch tells nothing of the others"
        );
    }
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
        let what = format!("seed {seed}, watched");
        check(&world, &order, &dice, &mut Memory::new(), &what);
        assert!(dice.most() <= 1, "seed {seed}: a text was asked twice");
        order.watch = false;
        assert!(
            go(&order).unchanged,
            "seed {seed}: the next run found something to do"
        );
    }
}

/// What the oracle compares is not the same in every row: of each column there are two values at least.
#[test]
fn every_column_is_put_to_the_test() {
    // One model is asked one thing, and one thing in vain, by naive means.
    const SAME: [&str; 8] = [
        "model",
        "prompt_id",
        "schema_id",
        "retryable",
        "attempts",
        "first_at",
        "last_at",
        "answer_ref",
    ];
    let mut seen: BTreeMap<(Table, String), BTreeSet<String>> = BTreeMap::new();
    for seed in 0..20 {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut world = World::new();
        for _ in 0..12 {
            world.change(&mut chance);
        }
        let order = world.order(Dice::new(seed, Duration::ZERO), 1, seed);
        let file = |(path, text): (&String, &String)| naive::File {
            path: path.clone(),
            bytes: text.clone().into_bytes(),
        };
        let files: Vec<naive::File> = world.files.iter().map(file).collect();
        let answers: [fn(&str) -> serde_json::Value; 2] = [answer_to, own::items_of];
        for answer in answers {
            let unasked = naive::tables(&files, &order, &BTreeMap::new());
            let mut known = BTreeMap::new();
            for row in unasked[&Table::Chunks].values() {
                let text = row["text"].as_str().unwrap();
                let told = match chance.u8(0..8) {
                    0 => Known::Failed(serde_json::Map::new()),
                    1 => Known::Pending,
                    2 => Known::Unasked,
                    _ => Known::Answer {
                        json: answer(text).to_string(),
                        at: "then".into(),
                    },
                };
                known.insert(Fingerprint::of_shown(text), told);
            }
            for (table, rows) in naive::tables(&files, &order, &known) {
                for (column, cell) in rows.values().flat_map(|row| row.as_object().unwrap()) {
                    let cells = seen.entry((table, column.clone())).or_default();
                    cells.insert(cell.to_string());
                }
            }
        }
    }
    let mut same: Vec<_> = seen.iter().filter(|(_, cells)| cells.len() < 2).collect();
    same.retain(|((table, column), _)| {
        !SAME.contains(&column.as_str()) || *table == Table::Entities || *table == Table::Relations
    });
    assert!(same.is_empty(), "{same:#?}");
    for table in Table::ALL {
        for column in table.columns() {
            let there = table == Table::Calls || seen.contains_key(&(table, column.name.into()));
            assert!(there || SAME.contains(&column.name), "{}", column.name);
        }
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
