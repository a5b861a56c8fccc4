//! The change log of one table at one epoch: what goes and what comes, written as it is known.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;

use super::change::Op;
use super::error::SinkError;
use super::files::io;
use super::group::Bounds;
use super::part;
use super::retain;
use super::rows::encode;
use super::schema::{Layout, Table};

/// The most operations in a batch of the change log.
const LOG_BATCH: usize = 1024;

/// A change log that is being written. There is no file before the first operation.
pub(super) struct ChangeLog<'a> {
    layout: &'a Layout,
    table: Table,
    epoch: u64,
    published_at: String,
    path: PathBuf,
    writer: Option<ArrowWriter<File>>,
}

impl<'a> ChangeLog<'a> {
    pub(super) fn new(
        layout: &'a Layout,
        table: Table,
        epoch: u64,
        published_at: String,
        path: PathBuf,
    ) -> Self {
        Self {
            layout,
            table,
            epoch,
            published_at,
            path,
            writer: None,
        }
    }

    /// Adds operations.
    pub(super) fn write(&mut self, ops: &[Op]) -> Result<(), SinkError> {
        if ops.is_empty() {
            return Ok(());
        }
        let path = self.path.clone();
        let failed = |source| SinkError::Parquet {
            action: "write",
            path: path.clone(),
            source,
        };
        let mut writer = if let Some(writer) = self.writer.take() {
            writer
        } else {
            let file = File::create_new(&path).map_err(io("create", &path))?;
            let extra = [(retain::PUBLISHED_AT, self.published_at.clone())];
            let properties = part::properties(self.table, &extra).map_err(failed)?;
            let schema = self.layout.change_schema(self.table);
            ArrowWriter::try_new(file, schema, Some(properties)).map_err(failed)?
        };
        for batch in batches(self.layout, self.table, self.epoch, ops) {
            writer.write(&batch?).map_err(failed)?;
        }
        // What a writer holds of its columns, some hundred kilobytes each, is given back until there is more.
        writer.flush().map_err(failed)?;
        self.writer = Some(writer);
        Ok(())
    }

    /// Ends and syncs it.
    pub(super) fn finish(self) -> Result<(), SinkError> {
        let Some(writer) = self.writer else {
            return Ok(());
        };
        let file = writer
            .into_inner()
            .map_err(|source: ParquetError| SinkError::Parquet {
                action: "write",
                path: self.path.clone(),
                source,
            })?;
        file.sync_all().map_err(io("sync", &self.path))
    }
}

/// Operations as rows of the change log, in batches of bounded size: what goes, then what comes, each with
/// `_epoch` and `_diff`.
fn batches(
    layout: &Layout,
    table: Table,
    epoch: u64,
    ops: &[Op],
) -> impl Iterator<Item = Result<RecordBatch, SinkError>> {
    // What goes is taken to weigh as much as what comes; a lone row that goes weighs something, too.
    let weight = |op: &Op| match (&op.old, &op.new) {
        (Some(old), None) => old.weight(),
        _ => 2 * op.weight,
    };
    let mut rest = ops;
    std::iter::from_fn(move || {
        let mut held = 0;
        let fits = |op: &&Op| {
            held += weight(op);
            held <= Bounds::USUAL.memory
        };
        let most = rest.get(..rest.len().min(LOG_BATCH)).unwrap_or(rest);
        let count = most.iter().take_while(fits).count().max(1);
        let (now, later) = rest.split_at_checked(count)?;
        rest = later;
        Some(log_batch(layout, table, epoch, now))
    })
}

fn log_batch(
    layout: &Layout,
    table: Table,
    epoch: u64,
    ops: &[Op],
) -> Result<RecordBatch, SinkError> {
    let went = |op: &'_ Op| op.old.is_some().then_some(-1);
    let came = |op: &'_ Op| op.new.is_some().then_some(1);
    let rows = encode(
        layout,
        table,
        ops.iter().flat_map(|op| op.old.iter().chain(&op.new)),
    )?;
    let epoch = i64::try_from(epoch).unwrap_or(i64::MAX);
    let epochs = Int64Array::from(vec![epoch; rows.num_rows()]);
    let diffs: Int64Array = ops
        .iter()
        .flat_map(|op| went(op).into_iter().chain(came(op)))
        .map(Some)
        .collect();
    let mut columns = rows.columns().to_vec();
    columns.extend([Arc::new(epochs) as ArrayRef, Arc::new(diffs)]);
    RecordBatch::try_new(layout.change_schema(table), columns)
        .map_err(|source| SinkError::Arrow { table, source })
}
