//! The change log of one table at one epoch: what goes and what comes, written as it is known.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowRowGroupWriterFactory, compute_leaves};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::Int64Type;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaDataReader;
use parquet::file::properties::EnabledStatistics;
use parquet::file::writer::SerializedFileWriter;

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
    writer: Option<Writer>,
}

/// Its file, and what makes encoders for rows that are not copied. Those are there for one row group only: of many
/// columns they take megabytes, and many logs are open at once.
struct Writer {
    file: SerializedFileWriter<File>,
    encoders: ArrowRowGroupWriterFactory,
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

    /// Adds rows that go or come, in batches, each row with its `_diff`: one row group.
    pub(super) fn write(&mut self, ops: Vec<(RecordBatch, Vec<i64>)>) -> Result<(), SinkError> {
        if ops.is_empty() {
            return Ok(());
        }
        let schema = self.layout.change_schema(self.table);
        let mut batches = Vec::with_capacity(ops.len());
        for (rows, diffs) in ops {
            let mut columns = rows.columns().to_vec();
            columns.push(Arc::new(Int64Array::from(vec![self.epoch(); diffs.len()])));
            columns.push(Arc::new(Int64Array::from(diffs)));
            let batch = RecordBatch::try_new(Arc::clone(&schema), columns);
            batches.push(batch.map_err(|source| SinkError::Arrow {
                table: self.table,
                source,
            })?);
        }
        let failed = self.failed();
        self.opened()?.encode(&batches).map_err(failed)
    }

    /// Adds all rows of a part as rows that come: copied as they are encoded, for encoding them again is what a log would
    /// cost most.
    pub(super) fn copy(&mut self, part: &Path) -> Result<(), SinkError> {
        let epoch = self.epoch();
        let failed = self.failed();
        let file = File::open(part).map_err(io("open", part))?;
        self.opened()?.copy(&file, epoch).map_err(failed)
    }

    fn epoch(&self) -> i64 {
        i64::try_from(self.epoch).unwrap_or(i64::MAX)
    }

    fn failed(&self) -> impl Fn(ParquetError) -> SinkError + use<> {
        let path = self.path.clone();
        move |source| SinkError::Parquet {
            action: "write",
            path: path.clone(),
            source,
        }
    }

    fn opened(&mut self) -> Result<&mut Writer, SinkError> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.create()?,
        };
        Ok(self.writer.insert(writer))
    }

    fn create(&self) -> Result<Writer, SinkError> {
        let failed = self.failed();
        let file = File::create_new(&self.path).map_err(io("create", &self.path))?;
        let extra = [(retain::PUBLISHED_AT, self.published_at.clone())];
        // It is read whole: nobody looks for one page of it.
        let properties = part::properties(self.table, &extra)
            .map_err(&failed)?
            .into_builder()
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .build();
        let schema = self.layout.change_schema(self.table);
        let (file, encoders) = ArrowWriter::try_new(file, schema, Some(properties))
            .and_then(ArrowWriter::into_serialized_writer)
            .map_err(&failed)?;
        Ok(Writer { file, encoders })
    }

    /// Ends and syncs it.
    pub(super) fn finish(self) -> Result<(), SinkError> {
        let failed = self.failed();
        let Some(Writer { file, .. }) = self.writer else {
            return Ok(());
        };
        let file = file.into_inner().map_err(failed)?;
        file.sync_all().map_err(io("sync", &self.path))
    }
}

impl Writer {
    fn encode(&mut self, batches: &[RecordBatch]) -> Result<(), ParquetError> {
        let number = self.file.flushed_row_groups().len();
        let mut encoders = self.encoders.create_column_writers(number)?;
        for batch in batches {
            let mut free = encoders.iter_mut();
            for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
                for (leaf, encoder) in compute_leaves(field, column)?.iter().zip(&mut free) {
                    encoder.write(leaf)?;
                }
            }
        }
        let mut group = self.file.next_row_group()?;
        for encoder in encoders {
            encoder.close()?.append_to_row_group(&mut group)?;
        }
        group.close()?;
        Ok(())
    }

    fn copy(&mut self, part: &File, epoch: i64) -> Result<(), ParquetError> {
        let metadata = ParquetMetaDataReader::new().parse_and_finish(part)?;
        for rows in metadata.row_groups() {
            let mut group = self.file.next_row_group()?;
            let count = rows.num_rows().unsigned_abs();
            for column in rows.columns() {
                let encoded = ColumnCloseResult {
                    bytes_written: column.compressed_size().unsigned_abs(),
                    rows_written: count,
                    metadata: column.clone(),
                    bloom_filter: None,
                    column_index: None,
                    offset_index: None,
                };
                group.append_column(part, encoded)?;
            }
            let count = usize::try_from(count)?;
            for value in [epoch, 1] {
                if let Some(mut column) = group.next_column()? {
                    let all = vec![value; count];
                    column.typed::<Int64Type>().write_batch(&all, None, None)?;
                    column.close()?;
                }
            }
            group.close()?;
        }
        Ok(())
    }
}
