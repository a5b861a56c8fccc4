//! What is thrown away: snapshots replaced an hour ago, change logs of last week.

use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::Path;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Deserialize;
use serde_json::Value;

use super::error::SinkError;
use super::files::{create_dir, names, remove_dir, remove_file, rename};
use super::read::for_each_row;
use super::schema::Table;
use super::snapshot::{MANIFEST, SNAPSHOTS, Snapshot, epoch, name};
use crate::model::id::DocId;
use crate::model::unit::Micros;

/// How long a replaced snapshot stays: a query that resolved it may still run.
const SNAPSHOT_STAYS: i64 = 3_600 * 1_000_000;
/// How long a change log stays.
const CHANGES_STAY: i64 = 7 * 24 * 3_600 * 1_000_000;
/// The key under which a change log says when it was published.
pub(super) const PUBLISHED_AT: &str = "published_at";

/// Removes replaced snapshots by the clock of the current one. The one before it always stays.
pub(super) fn snapshots(root: &Path, trash: &Path, current: &Snapshot) -> Result<(), SinkError> {
    let now = current.manifest().info.published_at;
    let all = names(&root.join(SNAPSHOTS))?;
    let older: Vec<u64> = all
        .iter()
        .filter_map(|n| epoch(n))
        .filter(|e| *e < current.epoch())
        .collect();
    // Oldest first, and no further than the first that stays: one manifest is read, mostly.
    for (place, old) in older.iter().enumerate() {
        let mut later = older.iter().skip(place + 1);
        let replaced = later
            .find_map(|next| published_at(root, *next))
            .unwrap_or(now);
        if now.0.saturating_sub(replaced.0) < SNAPSHOT_STAYS {
            break;
        }
        discard(root, trash, *old)?;
    }
    Ok(())
}

/// Whether a snapshot holds a document, or a failure of its file.
///
/// # Errors
///
/// If it cannot be read.
pub fn holds(folder: &Path, doc: DocId) -> Result<bool, SinkError> {
    let id = doc.to_string();
    for table in [Table::Documents, Table::Failures] {
        let found = for_each_row(folder, table, |row| {
            if row.get("doc_id").and_then(Value::as_str) == Some(&id) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        if found.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Removes a snapshot: first out of sight in one step, then for good.
pub(super) fn discard(root: &Path, trash: &Path, epoch: u64) -> Result<(), SinkError> {
    let folder = root.join(SNAPSHOTS).join(name(epoch));
    if fs::symlink_metadata(&folder).is_err() {
        return Ok(());
    }
    create_dir(trash)?;
    let gone = trash.join(format!("gone-{}", name(epoch)));
    remove_dir(&gone)?;
    rename(&folder, &gone)?;
    remove_dir(&gone)
}

/// Removes old change logs.
pub(super) fn changes(folder: &Path, now: Micros) -> Result<(), SinkError> {
    for table in Table::ALL {
        let folder = folder.join(table.name());
        for file in names(&folder)? {
            let path = folder.join(file);
            // What says nothing of its age is not weir's to remove.
            let Some(at) = logged_at(&path) else { continue };
            if now.0.saturating_sub(at) < CHANGES_STAY {
                break;
            }
            remove_file(&path)?;
        }
    }
    Ok(())
}

fn published_at(root: &Path, epoch: u64) -> Option<Micros> {
    #[derive(Deserialize)]
    struct When {
        published_at: Micros,
    }
    let path = root.join(SNAPSHOTS).join(name(epoch)).join(MANIFEST);
    let when: When = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    Some(when.published_at)
}

fn logged_at(path: &Path) -> Option<i64> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).ok()?).ok()?;
    let pairs = builder.metadata().file_metadata().key_value_metadata()?;
    let pair = pairs
        .iter()
        .find(|pair| pair.key == format!("weir.{PUBLISHED_AT}"))?;
    pair.value.as_ref()?.parse().ok()
}
