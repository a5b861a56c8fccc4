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
    Base, Change, Changes, Local, Log, Manifest, Publisher, Row, RowKey, SinkError, Table,
    read_table, sample,
};
use crate::model::record::ChunkCounts;
use crate::model::unit::Micros;

/// So many keys of a table come at a time.
const BIT: usize = 7;

/// Changes that are at hand already; those of documents come bit by bit.
struct Bits {
    bits: Vec<Vec<Change>>,
    rest: BTreeMap<Table, Vec<Change>>,
}

impl Changes for Bits {
    fn of_documents(&mut self) -> Result<Option<Vec<Change>>, SinkError> {
        Ok(self.bits.pop())
    }

    fn of_table(&mut self, table: Table) -> Result<Vec<Change>, SinkError> {
        Ok(self.rest.remove(&table).unwrap_or_default())
    }
}

fn of(mut rest: BTreeMap<Table, Vec<Change>>) -> Bits {
    let mut bits: Vec<Vec<Change>> = Vec::new();
    for table in Table::ALL
        .into_iter()
        .filter(|table| table.key()[0] == "doc_id")
    {
        let mut keyed: BTreeMap<RowKey, Vec<Change>> = BTreeMap::new();
        for change in rest.remove(&table).unwrap_or_default() {
            keyed.entry(change.row.key()).or_default().push(change);
        }
        for (place, of_key) in keyed.into_values().enumerate() {
            let bit = place / BIT;
            bits.resize_with(bits.len().max(bit + 1), Vec::new);
            bits[bit].extend(of_key);
        }
    }
    bits.reverse();
    Bits { bits, rest }
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
