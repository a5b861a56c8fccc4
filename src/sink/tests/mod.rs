//! Whole publications on a real folder: against a model, under readers, over crashes, with things in the way.

mod faults;
mod items;
mod model;
mod output;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::{
    Base, Change, Local, Log, Manifest, Publisher, Row, SinkError, Table, read_table, sample,
};
use crate::model::record::ChunkCounts;
use crate::model::unit::Micros;

/// Changes that are at hand already.
fn of(mut changes: BTreeMap<Table, Vec<Change>>) -> impl FnMut(Table) -> Vec<Change> {
    move |table| changes.remove(&table).unwrap_or_default()
}

/// Publishes changes on the current snapshot.
fn publish(
    local: &mut Local,
    epoch: u64,
    changes: BTreeMap<Table, Vec<Change>>,
    at: Micros,
) -> Result<Manifest, SinkError> {
    let prepared = local.prepare(
        epoch,
        &mut of(changes),
        Base::Current,
        Log::Write,
        sample::info(at),
    )?;
    let manifest = prepared.manifest().clone();
    local.swap(prepared)?;
    Ok(manifest)
}

fn rows(output: &Path, table: Table) -> Vec<Value> {
    read_table(&output.join("current"), table).unwrap()
}

/// Every value of every table comes back under its name: columns of one type are not mixed up.
///
/// The values of a row differ, so that two columns changed for each other would show.
#[test]
fn rows_come_back_as_they_went() {
    let folder = tempfile::tempdir().unwrap();
    let mut local = Local::open(folder.path(), sample::NOW).unwrap();
    let mut all = Table::ALL.map(|table| sample::row(table, 5, 14));
    let [Row::Document(document), ..] = &mut all else {
        panic!("documents come first");
    };
    Arc::make_mut(document).chunks = ChunkCounts {
        total: 21,
        ok: 1,
        failed: 2,
        dropped: 3,
        duplicate: 4,
        pending: 5,
        unasked: 6,
    };
    publish(&mut local, 1, sample::come(all), sample::NOW).unwrap();
    let found = Table::ALL.map(|table| (table.name(), rows(folder.path(), table)));
    let found: Value = found.into_iter().collect();
    let golden: Value = serde_json::from_str(include_str!("rows.json")).unwrap();
    assert!(found == golden, "{found:#}");
}
