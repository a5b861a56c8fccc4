//! The parts of a table as one Parquet file, with the columns and metadata of its parts.

use std::fs::File;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::Said;
use super::aside::Aside;
use crate::sink::error::SinkError;
use crate::sink::files::io;
use crate::sink::part::{ROW_GROUP, properties};
use crate::sink::schema::Table;
use crate::sink::snapshot::Snapshot;

/// Writes a table, a row group at a time.
pub(super) fn write(snapshot: &Snapshot, table: Table, to: &mut Aside) -> Result<Said, SinkError> {
    let failed = |action: &'static str, path: &std::path::Path| {
        let path = path.to_owned();
        move |source| SinkError::Parquet {
            action,
            path,
            source,
        }
    };
    let target = to.path().to_owned();
    let extra = [("epoch", snapshot.epoch().to_string())];
    let properties = properties(table, &extra).map_err(failed("write", &target))?;
    let schema = schema(snapshot, table)?;
    let mut writer =
        ArrowWriter::try_new(to, schema, Some(properties)).map_err(failed("write", &target))?;
    let mut rows = 0;
    for part in snapshot.parts(table) {
        let path = snapshot.folder().join(table.name()).join(&part.file);
        let file = File::open(&path).map_err(io("open", &path))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)
            .and_then(|builder| builder.with_batch_size(ROW_GROUP).build())
            .map_err(failed("read", &path))?;
        for batch in reader {
            let batch = batch.map_err(|source| SinkError::Arrow { table, source })?;
            rows += batch.num_rows() as u64;
            writer.write(&batch).map_err(failed("write", &target))?;
        }
    }
    writer.close().map_err(failed("write", &target))?;
    Ok((rows, None))
}

/// The columns of a table as its parts have them, all alike: those of `items` are known from nowhere else.
pub(super) fn schema(snapshot: &Snapshot, table: Table) -> Result<SchemaRef, SinkError> {
    let folder = snapshot.folder().join(table.name());
    let Some(first) = snapshot.parts(table).first() else {
        let what = "it has no part".to_owned();
        return Err(SinkError::Damaged { path: folder, what });
    };
    let path = folder.join(&first.file);
    let file = File::open(&path).map_err(io("open", &path))?;
    let failed = |source| SinkError::Parquet {
        action: "read",
        path: path.clone(),
        source,
    };
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(failed)?;
    Ok(Arc::clone(builder.schema()))
}
