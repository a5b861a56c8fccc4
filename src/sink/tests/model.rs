//! Random changes over many publications: the tables equal a sorted map, and parts are as promised.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use serde_json::{Map, Value};

use super::{publish, rows};
use crate::model::unit::Micros;
use crate::sink::group::Bounds;
use crate::sink::read::read_file;
use crate::sink::{
    Change, Local, PartInfo, Publisher, Row, RowKey, SinkError, Table, for_each_row, sample,
};

const SMALL: Bounds = Bounds {
    rows: 16,
    memory: 64 << 10,
};

const IDS: u32 = 150;

/// What is in a table: by key, the number and version that the row is made of.
type Model = BTreeMap<RowKey, (u32, u32)>;

fn mutate(rng: &mut fastrand::Rng, table: Table, model: &mut Model, epoch: u32) -> Vec<Change> {
    let change = |id, version, diff| Change {
        row: sample::row(table, id, version),
        diff,
    };
    let mut changes = Vec::new();
    let touched: BTreeSet<u32> = match rng.u8(..10) {
        0 => BTreeSet::new(),
        // All of it goes, or much of it.
        1 => (0..IDS).collect(),
        2 => (0..rng.u32(1..IDS)).map(|_| rng.u32(..IDS)).collect(),
        _ => (0..rng.u32(1..6)).map(|_| rng.u32(..IDS)).collect(),
    };
    let removing = rng.u8(..4) == 0;
    for id in touched {
        let key = sample::row(table, id, 0).key();
        let old = model.get(&key).copied();
        if let Some((_, version)) = old {
            changes.push(change(id, version, -1));
            model.remove(&key);
        }
        if (old.is_none() || rng.bool()) && !removing {
            changes.push(change(id, epoch, 1));
            model.insert(key, (id, epoch));
        }
    }
    // Noise that cancels out.
    changes.push(change(999, 0, 1));
    changes.push(change(999, 0, -1));
    rng.shuffle(&mut changes);
    changes
}

fn expected(table: Table, model: &Model, name: &str) -> Vec<String> {
    let cell = |row: Row| match row {
        Row::Document(row) => row.output_tokens.to_string(),
        Row::Chunk(row) => row.text.to_string(),
        Row::Mention(row) => row.surface.to_string(),
        Row::Entity(row) => row.mentions.to_string(),
        Row::Relation(row) => row.evidence.to_string(),
        Row::Evidence(row) => f64::from(row.said.score).to_string(),
        Row::Item(row) => f64::from(row.said.score).to_string(),
        Row::Repeat(row) => row.chunks.to_string(),
        Row::Share(row) => row.chunks.to_string(),
        Row::Failure(row) => row.attempts.to_string(),
        Row::Call(row) => row.queued_ms.to_string(),
    };
    let line = |key: &RowKey, id: &(u32, u32)| {
        let row = sample::row(table, id.0, id.1);
        let own = key.to_string();
        format!("{name} {} {}", own.get(..32).unwrap(), cell(row))
    };
    model.iter().map(|(key, id)| line(key, id)).collect()
}

fn found(table: Table, row: &Map<String, Value>, name: &str) -> String {
    let text = |name: &str| match &row[name] {
        Value::String(text) => text.clone(),
        Value::Number(number) if name == "score" => {
            (number.as_f64().unwrap() * 1000.0).round().to_string()
        }
        other => other.to_string(),
    };
    let column = match table {
        Table::Documents => "output_tokens",
        Table::Chunks => "text",
        Table::Mentions => "surface",
        Table::Entities => "mentions",
        Table::Relations => "evidence",
        Table::Evidence | Table::Items => "score",
        Table::Repeats | Table::Shares => "chunks",
        Table::Failures => "attempts",
        Table::Calls => "queued_ms",
    };
    // Fingerprints are twice as long as ids.
    let id: String = text(table.key()[0]).chars().take(32).collect();
    format!("{name} {id} {}", text(column))
}

fn check_parts(parts: &[PartInfo], before: &[PartInfo], changed: &BTreeSet<RowKey>) {
    assert!(!parts.is_empty());
    let mut last = None;
    for part in parts {
        assert!(part.rows > 0 || parts.len() == 1);
        assert!(part.rows <= SMALL.rows * 3 / 2, "{} rows", part.rows);
        assert!(part.memory <= SMALL.memory * 2, "{} bytes", part.memory);
        assert!(part.min <= part.max && (last < part.min || part.min.is_none()));
        last = part.max;
    }
    // A part that changed although none of its keys did was joined with a neighbour that shrank: at most
    // two of them for each key that changed.
    let gone = before
        .iter()
        .filter(|old| !parts.iter().any(|new| new.file == old.file));
    let idle = gone.filter(|old| changed.range(old.min.unwrap()..=old.max.unwrap()).count() == 0);
    assert!(idle.count() <= 2 * changed.len());
}

#[test]
fn tables_equal_a_sorted_map() {
    for seed in 0..3 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let folder = tempfile::tempdir().unwrap();
        let mut models: BTreeMap<Table, Model> = BTreeMap::new();
        let mut local = Local::with_bounds(folder.path(), sample::NOW, SMALL).unwrap();
        let mut before = None;
        for epoch in 1..10 {
            if rng.u8(..4) == 0 {
                drop(local);
                local = Local::with_bounds(folder.path(), sample::NOW, SMALL).unwrap();
            }
            let mut changes = BTreeMap::new();
            let mut touched: BTreeMap<Table, BTreeSet<RowKey>> = BTreeMap::new();
            for table in Table::ALL {
                let model = models.entry(table).or_default();
                let of_table = mutate(&mut rng, table, model, epoch);
                touched.insert(table, of_table.iter().map(|c| c.row.key()).collect());
                changes.insert(table, of_table);
            }
            let at = Micros(sample::NOW.0 + i64::from(epoch));
            let manifest = publish(&mut local, epoch.into(), changes, at).unwrap();
            local.verify_present().unwrap();
            for table in Table::ALL {
                let mut lines = Vec::new();
                for_each_row(&folder.path().join("current"), table, |row| {
                    lines.push(found(table, &row, table.name()));
                    ControlFlow::<()>::Continue(())
                })
                .unwrap();
                assert_eq!(
                    lines,
                    expected(table, &models[&table], table.name()),
                    "{seed} {epoch}"
                );
                let info = &manifest.tables[table.name()];
                assert_eq!(info.rows, lines.len() as u64);
                let old: &[PartInfo] = before.as_ref().map_or(&[], |m: &crate::sink::Manifest| {
                    &m.tables[table.name()].parts
                });
                let old: Vec<_> = old.iter().filter(|part| part.rows > 0).cloned().collect();
                check_parts(&info.parts, &old, &touched[&table]);
            }
            before = Some(manifest);
        }
        changes_add_up(folder.path());
    }
}

/// The sum of all change logs is the table.
fn changes_add_up(output: &std::path::Path) {
    for table in Table::ALL {
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        let folder = output.join("changes").join(table.name());
        for file in crate::sink::files::names(&folder).unwrap() {
            read_file(&folder.join(file), table, |mut row| {
                let epoch = row.remove("_epoch").unwrap().as_u64().unwrap();
                assert!((1..10).contains(&epoch));
                let diff = row.remove("_diff").unwrap().as_i64().unwrap();
                *sums.entry(Value::Object(row).to_string()).or_default() += diff;
                ControlFlow::<()>::Continue(())
            })
            .unwrap();
        }
        sums.retain(|_, sum| *sum != 0);
        let expected = rows(output, table)
            .iter()
            .map(|row| (row.to_string(), 1))
            .collect();
        assert_eq!(sums, expected, "{}", table.name());
    }
}

#[test]
fn one_change_leaves_the_other_parts_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut local = Local::with_bounds(folder.path(), sample::NOW, SMALL).unwrap();
    let all = (0..320).map(|id| sample::row(Table::Mentions, id, 0));
    let first = publish(&mut local, 1, sample::come(all), sample::NOW).unwrap();
    let change = |version, diff| Change {
        row: sample::row(Table::Mentions, 77, version),
        diff,
    };
    let changes = BTreeMap::from([(Table::Mentions, vec![change(0, -1), change(1, 1)])]);
    let second = publish(&mut local, 2, changes, sample::NOW).unwrap();
    let files = |m: &crate::sink::Manifest, table: Table| -> BTreeSet<String> {
        m.tables[table.name()]
            .parts
            .iter()
            .map(|part| part.file.clone())
            .collect()
    };
    let (old, new) = (
        files(&first, Table::Mentions),
        files(&second, Table::Mentions),
    );
    assert_eq!(old.len(), 16);
    assert_eq!(old.intersection(&new).count(), old.len() - 1);
    assert_eq!(new.len(), old.len());
    assert_eq!(files(&first, Table::Calls), files(&second, Table::Calls));
}

/// As rows go, parts are joined: what is left does not lie about in crumbs.
#[test]
fn parts_that_shrink_are_joined() {
    let folder = tempfile::tempdir().unwrap();
    let mut local = Local::with_bounds(folder.path(), sample::NOW, SMALL).unwrap();
    let all = (0..320).map(|id| sample::row(Table::Calls, id, 0));
    let first = publish(&mut local, 1, sample::come(all), sample::NOW).unwrap();
    assert_eq!(first.tables["calls"].parts.len(), 20);
    let go = (0..320).filter(|id| id % 8 > 0).map(|id| Change {
        row: sample::row(Table::Calls, id, 0),
        diff: -1,
    });
    let changes = BTreeMap::from([(Table::Calls, go.collect())]);
    let second = publish(&mut local, 2, changes, sample::NOW).unwrap();
    assert_eq!(second.tables["calls"].rows, 40);
    let left = second.tables["calls"].parts.len();
    assert!((3..=6).contains(&left), "{left} parts");
}

#[test]
fn contradictions_are_refused_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut local = Local::with_bounds(folder.path(), sample::NOW, SMALL).unwrap();
    let all = (0..40).map(|id| sample::entity(2 * id, 0));
    publish(&mut local, 1, sample::come(all), sample::NOW).unwrap();
    for (row, diff) in [(sample::entity(4, 1), 1), (sample::entity(5, 0), -1)] {
        let changes = BTreeMap::from([(Table::Entities, vec![Change { row, diff }])]);
        let refused = publish(&mut local, 2, changes, sample::NOW).unwrap_err();
        assert!(
            matches!(refused, SinkError::Inconsistent { .. }),
            "{refused}"
        );
        assert!(
            crate::sink::files::names(&folder.path().join(".staging"))
                .unwrap()
                .is_empty()
        );
        assert_eq!(local.current().unwrap().epoch(), 1);
        assert!(local.resume(2).unwrap().is_none());
    }
}
