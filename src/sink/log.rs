//! The change log of one table at one epoch: what goes and what comes, written as it is known.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;

use super::columns::Columns;
use super::error::SinkError;
use super::files::io;
use super::part;
use super::retain;
use super::schema::{Layout, Table};

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

    /// Adds operations: what goes, and what comes, each with `_epoch` and `_diff`.
    pub(super) fn write(&mut self, ops: &[Columns]) -> Result<(), SinkError> {
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
        for Columns { rows, diffs } in ops {
            let epoch = i64::try_from(self.epoch).unwrap_or(i64::MAX);
            let mut columns = rows.columns().to_vec();
            columns.push(Arc::new(Int64Array::from(vec![epoch; diffs.len()])));
            columns.push(Arc::new(Int64Array::from(diffs.clone())));
            let schema = self.layout.change_schema(self.table);
            let batch =
                RecordBatch::try_new(schema, columns).map_err(|source| SinkError::Arrow {
                    table: self.table,
                    source,
                })?;
            writer.write(&batch).map_err(failed)?;
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
