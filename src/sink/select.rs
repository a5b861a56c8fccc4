//! Some rows and columns of a table as a stream of bytes: Parquet, Arrow IPC, JSON Lines or CSV. One batch is held.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::writer::StreamWriter;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use serde_json::{Map, Value};

use super::error::SinkError;
use super::export::{csv_cell, table_schema};
use super::files::io;
use super::part::{ROW_GROUP, properties};
use super::read::value;
use super::schema::Table;
use super::snapshot::Snapshot;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One Parquet file.
    Parquet,
    /// A stream of Arrow IPC.
    Arrow,
    /// A JSON object a line.
    JsonLines,
    /// CSV, safe to open in a spreadsheet.
    Csv,
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// It is this text; a list has it.
    Is,
    /// It has this text in it, whatever the case.
    Contains,
}

/// A condition on a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The column.
    pub column: String,
    /// How.
    pub compare: Compare,
    /// With what.
    pub text: String,
}

impl Condition {
    fn holds(&self, value: &Value) -> bool {
        let holds = |text: &str| match self.compare {
            Compare::Is => text == self.text,
            Compare::Contains => text.to_lowercase().contains(&self.text.to_lowercase()),
        };
        match value {
            Value::Null => false,
            Value::String(text) => holds(text),
            Value::Array(items) => items.iter().any(|item| self.holds(item)),
            other => holds(&other.to_string()),
        }
    }
}

/// Which rows and columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// These columns, in this order; all of them, if none is named.
    pub columns: Vec<String>,
    /// Rows for which all of these hold.
    pub conditions: Vec<Condition>,
    /// No more rows than this.
    pub limit: Option<u64>,
}

impl Selection {
    /// The first column that it names and the table does not have, and those that it has.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub fn unknown(
        &self,
        snapshot: &Snapshot,
        table: Table,
    ) -> Result<Option<(String, Vec<String>)>, SinkError> {
        let schema = table_schema(snapshot, table)?;
        let named = self.columns.iter();
        let named = named.chain(self.conditions.iter().map(|condition| &condition.column));
        let unknown = named
            .into_iter()
            .find(|name| schema.index_of(name).is_err());
        let columns = || schema.fields().iter().map(|field| field.name().clone());
        Ok(unknown.map(|name| (name.clone(), columns().collect())))
    }
}

/// Writes the selected rows of a table, in key order; says how many there were.
///
/// # Errors
/// If a part cannot be read, a column is unknown, or whoever is written to takes no more.
pub fn select(
    snapshot: &Snapshot,
    table: Table,
    selection: &Selection,
    form: Form,
    to: &mut (dyn Write + Send),
) -> Result<u64, SinkError> {
    let schema = table_schema(snapshot, table)?;
    let arrow = |source| SinkError::Arrow { table, source };
    let kept = if selection.columns.is_empty() {
        (0..schema.fields().len()).collect::<Vec<_>>()
    } else {
        let places = selection.columns.iter().map(|name| schema.index_of(name));
        places.collect::<Result<_, _>>().map_err(arrow)?
    };
    let shown = Arc::new(schema.project(&kept).map_err(arrow)?);
    let mut out = Out::begin(snapshot, table, &shown, form, to)?;
    let mut rows = 0_u64;
    for part in snapshot.parts(table) {
        let path = snapshot.folder().join(table.name()).join(&part.file);
        for batch in batches(&path)? {
            let batch = chosen(&batch.map_err(arrow)?, &selection.conditions).map_err(arrow)?;
            let left = selection.limit.map_or(u64::MAX, |limit| limit - rows);
            let count = (batch.num_rows() as u64).min(left);
            let batch = batch.slice(0, usize::try_from(count).unwrap_or(usize::MAX));
            rows += count;
            if count > 0 {
                out.write(&batch.project(&kept).map_err(arrow)?)?;
            }
            if selection.limit == Some(rows) {
                out.end()?;
                return Ok(rows);
            }
        }
    }
    out.end()?;
    Ok(rows)
}

/// The rows of a table whose text in a column is wanted, as JSON objects, in key order: at most so many.
///
/// # Errors
/// If a part cannot be read.
pub fn look(
    snapshot: &Snapshot,
    table: Table,
    column: &str,
    most: usize,
    mut wanted: impl FnMut(&str) -> bool,
) -> Result<Vec<Map<String, Value>>, SinkError> {
    let mut found = Vec::new();
    for part in snapshot.parts(table) {
        let path = snapshot.folder().join(table.name()).join(&part.file);
        for batch in batches(&path)? {
            let batch = batch.map_err(|source| SinkError::Arrow { table, source })?;
            let Some(keys) = batch.column_by_name(column) else {
                continue;
            };
            for row in 0..batch.num_rows() {
                if found.len() == most {
                    return Ok(found);
                }
                let key = value(keys.as_ref(), row);
                if key.as_str().is_some_and(&mut wanted) {
                    found.push(object(&batch, row));
                }
            }
        }
    }
    Ok(found)
}

/// The rows of a part, a batch at a time.
fn batches(path: &Path) -> Result<ParquetRecordBatchReader, SinkError> {
    let file = File::open(path).map_err(io("open", path))?;
    ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(|builder| builder.with_batch_size(ROW_GROUP).build())
        .map_err(|source| SinkError::Parquet {
            action: "read",
            path: path.to_owned(),
            source,
        })
}

/// A row as a JSON object.
fn object(batch: &RecordBatch, row: usize) -> Map<String, Value> {
    let schema = batch.schema();
    let cells = schema.fields().iter().zip(batch.columns());
    cells
        .map(|(field, column)| (field.name().clone(), value(column.as_ref(), row)))
        .collect()
}

/// The rows of a batch for which all conditions hold.
fn chosen(
    batch: &RecordBatch,
    conditions: &[Condition],
) -> Result<RecordBatch, arrow::error::ArrowError> {
    if conditions.is_empty() {
        return Ok(batch.clone());
    }
    let holds = |row| {
        conditions.iter().all(|condition| {
            let column = batch.column_by_name(&condition.column);
            column.is_some_and(|column| condition.holds(&value(column.as_ref(), row)))
        })
    };
    let mask: BooleanArray = (0..batch.num_rows()).map(|row| Some(holds(row))).collect();
    filter_record_batch(batch, &mask)
}

/// Where rows go.
enum Out<'a> {
    Parquet(Box<ArrowWriter<&'a mut (dyn Write + Send)>>),
    Arrow(Table, Box<StreamWriter<&'a mut (dyn Write + Send)>>),
    JsonLines(&'a mut (dyn Write + Send)),
    Csv(Box<csv::Writer<&'a mut (dyn Write + Send)>>),
}

/// What a stream is called in errors.
fn stream() -> PathBuf {
    Path::new("the answer").to_owned()
}

fn unsent(source: parquet::errors::ParquetError) -> SinkError {
    SinkError::Parquet {
        action: "write",
        path: stream(),
        source,
    }
}

impl<'a> Out<'a> {
    fn begin(
        snapshot: &Snapshot,
        table: Table,
        schema: &SchemaRef,
        form: Form,
        to: &'a mut (dyn Write + Send),
    ) -> Result<Self, SinkError> {
        Ok(match form {
            Form::Parquet => {
                let extra = [("epoch", snapshot.epoch().to_string())];
                let properties = properties(table, &extra).map_err(unsent)?;
                let writer = ArrowWriter::try_new(to, Arc::clone(schema), Some(properties));
                Self::Parquet(Box::new(writer.map_err(unsent)?))
            }
            Form::Arrow => {
                let schema = Schema::new(schema.fields().clone());
                let writer = StreamWriter::try_new(to, &schema);
                let writer = writer.map_err(|source| SinkError::Arrow { table, source })?;
                Self::Arrow(table, Box::new(writer))
            }
            Form::JsonLines => Self::JsonLines(to),
            Form::Csv => {
                let mut writer = csv::Writer::from_writer(to);
                let names = schema.fields().iter().map(|field| field.name().as_str());
                let written = writer.write_record(names);
                written.map_err(|error| io("write", &stream())(error.into()))?;
                Self::Csv(Box::new(writer))
            }
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), SinkError> {
        let failed = |error| io("write", &stream())(error);
        match self {
            Self::Parquet(writer) => writer.write(batch).map_err(unsent),
            Self::Arrow(table, writer) => writer.write(batch).map_err(|source| SinkError::Arrow {
                table: *table,
                source,
            }),
            Self::JsonLines(to) => {
                for row in 0..batch.num_rows() {
                    let line = Value::Object(object(batch, row));
                    writeln!(to, "{line}").map_err(failed)?;
                }
                Ok(())
            }
            Self::Csv(writer) => {
                for row in 0..batch.num_rows() {
                    let cells = batch.columns().iter();
                    let record = cells.map(|column| csv_cell(&value(column.as_ref(), row)));
                    let written = writer.write_record(record);
                    written.map_err(|error| failed(error.into()))?;
                }
                Ok(())
            }
        }
    }

    fn end(self) -> Result<(), SinkError> {
        match self {
            Self::Parquet(writer) => writer.close().map(|_| ()).map_err(unsent),
            Self::Arrow(table, mut writer) => writer
                .finish()
                .map_err(|source| SinkError::Arrow { table, source }),
            Self::JsonLines(to) => to.flush().map_err(io("write", &stream())),
            Self::Csv(mut writer) => writer.flush().map_err(io("write", &stream())),
        }
    }
}
