//! One part: a Parquet file of some rows of a table, named by its content.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::ChunkReader;
use parquet::schema::types::ColumnPath;

use super::error::SinkError;
use super::files::{io, write_new};
use super::key::{RowKey, keys};
use super::manifest::PartInfo;
use super::schema::{Layout, Table};

/// Rows in a row group: what a reader that looks for one document has to decode.
pub(super) const ROW_GROUP: usize = 8192;

/// Rows that are made into columns, or read back, at a time.
pub(super) const BATCH: usize = 512;

/// Bytes of a page: each column that is written holds one, and grows it by doubling.
const PAGE: usize = 256 << 10;

/// Rows after which a page is looked at: a hundred kilobytes of text.
const PAGE_ROWS: usize = 128;

/// Batches as the bytes of a Parquet file; `path` is only for errors.
///
/// The same rows give the same bytes: nothing of the time or place is in it but what `extra` says.
pub(super) fn parquet(
    table: Table,
    schema: &SchemaRef,
    batches: impl IntoIterator<Item = Result<RecordBatch, SinkError>>,
    extra: &[(&str, String)],
    path: &Path,
) -> Result<Vec<u8>, SinkError> {
    let failed = |source| SinkError::Parquet {
        action: "write",
        path: path.to_owned(),
        source,
    };
    let properties = properties(table, extra).map_err(failed)?;
    let mut bytes = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut bytes, Arc::clone(schema), Some(properties)).map_err(failed)?;
    let mut rows = 0;
    for batch in batches {
        let batch = batch?;
        rows += batch.num_rows();
        writer.write(&batch).map_err(failed)?;
    }
    let written = writer.close().map_err(failed)?.file_metadata().num_rows();
    if usize::try_from(written) != Ok(rows) {
        let lost = format!("{written} of {rows} rows were written");
        return Err(failed(ParquetError::General(lost)));
    }
    Ok(bytes)
}

pub(super) fn properties(
    table: Table,
    extra: &[(&str, String)],
) -> Result<WriterProperties, ParquetError> {
    let pair = |(key, value): (&str, String)| KeyValue::new(format!("weir.{key}"), value);
    let own = [
        ("table", table.name().to_owned()),
        ("schema", table.version().to_string()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    let metadata = own
        .into_iter()
        .chain(extra.iter().cloned())
        .map(pair)
        .collect();
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_data_page_size_limit(PAGE)
        .set_write_batch_size(PAGE_ROWS)
        .set_created_by(format!("weir {}", env!("CARGO_PKG_VERSION")))
        .set_key_value_metadata(Some(metadata));
    // Values that hardly repeat only fill a dictionary in vain.
    let own_id = table.columns().first().map_or("", |column| column.name);
    for column in table.columns() {
        if column.name == own_id || matches!(column.name, "fingerprint" | "text" | "quote") {
            let path = ColumnPath::from(column.name);
            properties = properties.set_column_dictionary_enabled(path, false);
        }
    }
    Ok(properties.build())
}

/// About how many bytes a batch takes in memory, whatever buffers it shares.
pub(super) fn memory(batch: &RecordBatch) -> u64 {
    let size = |column: &ArrayRef| column.to_data().get_slice_memory_size().unwrap_or_default();
    batch
        .columns()
        .iter()
        .map(|column| size(column) as u64)
        .sum()
}

/// Writes a part of a table into a folder, of batches that are made as they are asked for. The rows must be in key order.
pub(super) fn write(
    layout: &Layout,
    table: Table,
    batches: impl IntoIterator<Item = Result<RecordBatch, SinkError>>,
    folder: &Path,
) -> Result<PartInfo, SinkError> {
    let schema = layout.schema_id(table);
    let extra: Vec<_> = schema.map(|id| ("answer_schema", id)).into_iter().collect();
    let (mut min, mut max, mut rows, mut held) = (None, None, 0, 0);
    let seen = batches.into_iter().map(|batch| {
        let batch = batch?;
        let key = |at: usize| {
            let one = usize::from(at < batch.num_rows());
            keys(table, &batch.slice(at, one)).map(|mut keys| keys.pop())
        };
        min = min.or(key(0)?);
        max = key(batch.num_rows().saturating_sub(1))?.or(max);
        rows += batch.num_rows() as u64;
        held += memory(&batch);
        Ok(batch)
    });
    let bytes = parquet(table, &layout.schema(table), seen, &extra, folder)?;
    let blake3 = blake3::hash(&bytes).to_hex().to_string();
    let file = format!("{}.parquet", blake3.get(..16).unwrap_or(&blake3));
    write_new(&folder.join(&file), &bytes)?;
    Ok(PartInfo {
        file,
        rows,
        bytes: bytes.len() as u64,
        memory: held,
        blake3,
        min,
        max,
    })
}

/// Reads a part back, once its content is known to be what was published, with the keys of its rows.
pub(super) fn read(
    table: Table,
    info: &PartInfo,
    folder: &Path,
) -> Result<Vec<(RecordBatch, Vec<RowKey>)>, SinkError> {
    let path = folder.join(&info.file);
    let damaged = |what: &str| SinkError::Damaged {
        path: path.clone(),
        what: what.to_owned(),
    };
    let failed = |source| SinkError::Parquet {
        action: "read",
        path: path.clone(),
        source,
    };
    let file = File::open(&path).map_err(io("open", &path))?;
    let found = file.metadata().map_err(io("look at", &path))?.len();
    if found != info.bytes {
        return Err(damaged(&format!(
            "it has {found} bytes, not {}",
            info.bytes
        )));
    }
    let length = usize::try_from(found).unwrap_or(usize::MAX);
    let bytes = file.get_bytes(0, length).map_err(failed)?;
    if blake3::hash(&bytes).to_hex().as_str() != info.blake3 {
        return Err(damaged("its content is not what was published"));
    }
    let rows = usize::try_from(info.rows).unwrap_or(usize::MAX);
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)
        .map_err(failed)?
        .with_batch_size(BATCH)
        .build()
        .map_err(failed)?;
    let mut batches = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|source| SinkError::Arrow { table, source })?;
        let keys = keys(table, &batch)?;
        batches.push((batch, keys));
    }
    if batches.iter().map(|(_, keys)| keys.len()).sum::<usize>() != rows {
        return Err(damaged("it has another number of rows"));
    }
    Ok(batches)
}
