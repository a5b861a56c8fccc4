//! Tables back into rows, as JSON objects: one part at a time, so that memory is bounded by a part.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;

use arrow::array::{
    Array, AsArray, BooleanArray, Float32Array, Float64Array, Int64Array, ListArray, MapArray,
    StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow::datatypes::Int32Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value};

use super::error::SinkError;
use super::files::io;
use super::schema::Table;
use super::snapshot::Snapshot;
use crate::model::unit::Micros;

/// Rows that are decoded at a time.
const BATCH: usize = 1024;

/// Hands every row of a table of a snapshot (`DIR/current` will do) to `each`, in key order, until it breaks.
///
/// Times are RFC 3339 text, maps and structs objects, lists arrays.
///
/// # Errors
///
/// If the snapshot or one of its parts cannot be read.
pub fn for_each_row<B>(
    snapshot: &Path,
    table: Table,
    mut each: impl FnMut(Map<String, Value>) -> ControlFlow<B>,
) -> Result<Option<B>, SinkError> {
    let snapshot = Snapshot::open(snapshot)?;
    for part in snapshot.parts(table) {
        let path = snapshot.folder().join(table.name()).join(&part.file);
        let found = read_file(&path, table, &mut each)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// All rows of a table of a snapshot, in key order: for tables known to be small.
///
/// # Errors
///
/// As for [`for_each_row`].
pub fn read_table(snapshot: &Path, table: Table) -> Result<Vec<Value>, SinkError> {
    let mut rows = Vec::new();
    for_each_row(snapshot, table, |row| {
        rows.push(Value::Object(row));
        ControlFlow::<()>::Continue(())
    })?;
    Ok(rows)
}

/// As [`for_each_row`], for one file.
pub(super) fn read_file<B>(
    path: &Path,
    table: Table,
    mut each: impl FnMut(Map<String, Value>) -> ControlFlow<B>,
) -> Result<Option<B>, SinkError> {
    let failed = |source| SinkError::Parquet {
        action: "read",
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(io("open", path))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .map_err(failed)?
        .with_batch_size(BATCH)
        .build()
        .map_err(failed)?;
    for batch in reader {
        let batch = batch.map_err(|source| SinkError::Arrow { table, source })?;
        let schema = batch.schema();
        for row in 0..batch.num_rows() {
            let mut object = Map::new();
            for (field, column) in schema.fields().iter().zip(batch.columns()) {
                object.insert(field.name().clone(), value(column.as_ref(), row));
            }
            if let ControlFlow::Break(found) = each(object) {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

/// The value of an array at a place; null where it is, and for types that no table has.
pub(super) fn value(array: &dyn Array, at: usize) -> Value {
    let any = array.as_any();
    if array.is_null(at) {
        Value::Null
    } else if let Some(texts) = any.downcast_ref::<StringArray>() {
        texts.value(at).into()
    } else if let Some(labels) = array.as_dictionary_opt::<Int32Type>() {
        labels
            .key(at)
            .map_or(Value::Null, |key| value(labels.values().as_ref(), key))
    } else if let Some(numbers) = any.downcast_ref::<Int64Array>() {
        numbers.value(at).into()
    } else if let Some(booleans) = any.downcast_ref::<BooleanArray>() {
        booleans.value(at).into()
    } else if let Some(shares) = any.downcast_ref::<Float32Array>() {
        // By way of its shortest text: 0.9 and not 0.8999999761581421.
        shares
            .value(at)
            .to_string()
            .parse::<f64>()
            .map_or(Value::Null, Value::from)
    } else if let Some(dollars) = any.downcast_ref::<Float64Array>() {
        dollars.value(at).into()
    } else if let Some(times) = any.downcast_ref::<TimestampMicrosecondArray>() {
        Micros(times.value(at)).to_string().into()
    } else if let Some(map) = any.downcast_ref::<MapArray>() {
        entries(&map.value(at))
    } else if let Some(list) = any.downcast_ref::<ListArray>() {
        let items = list.value(at);
        (0..items.len())
            .map(|item| value(items.as_ref(), item))
            .collect()
    } else if let Some(structure) = any.downcast_ref::<StructArray>() {
        let names = structure.column_names().into_iter().map(str::to_owned);
        let values = structure
            .columns()
            .iter()
            .map(|column| value(column.as_ref(), at));
        Value::Object(names.zip(values).collect())
    } else {
        Value::Null
    }
}

fn entries(map: &StructArray) -> Value {
    let [keys, values] = map.columns() else {
        return Value::Null;
    };
    let entry = |at| {
        let key = value(keys.as_ref(), at);
        Some((key.as_str()?.to_owned(), value(values.as_ref(), at)))
    };
    Value::Object((0..map.len()).filter_map(entry).collect())
}
