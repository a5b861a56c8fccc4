//! A table as CSV or JSON Lines.

use std::io::Write;
use std::ops::ControlFlow;

use serde_json::{Map, Value};

use super::Said;
use super::aside::Aside;
use crate::sink::error::SinkError;
use crate::sink::read::for_each_row;
use crate::sink::schema::Table;
use crate::sink::snapshot::Snapshot;

/// Hands rows to `write` until it fails; says how many there were.
fn rows(
    snapshot: &Snapshot,
    table: Table,
    mut write: impl FnMut(&Map<String, Value>) -> Result<(), std::io::Error>,
) -> Result<Result<u64, std::io::Error>, SinkError> {
    let mut count = 0;
    let failed = for_each_row(snapshot.folder(), table, |row| match write(&row) {
        Ok(()) => {
            count += 1;
            ControlFlow::Continue(())
        }
        Err(error) => ControlFlow::Break(error),
    })?;
    Ok(failed.map_or(Ok(count), Err))
}

/// One JSON object a line.
pub(super) fn json_lines(
    snapshot: &Snapshot,
    table: Table,
    to: &mut Aside,
) -> Result<Said, SinkError> {
    let count = rows(snapshot, table, |row| {
        serde_json::to_writer(&mut *to, row)?;
        to.write_all(b"\n")
    })?;
    Ok((count.map_err(|error| to.failed(error))?, None))
}

/// A header and one record a row.
pub(super) fn csv(snapshot: &Snapshot, table: Table, to: &mut Aside) -> Result<Said, SinkError> {
    let mut quoted = 0_u64;
    let schema = super::parquet::schema(snapshot, table)?;
    let names: Vec<&str> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    let mut writer = csv::Writer::from_writer(&mut *to);
    let count = match writer.write_record(&names) {
        Err(error) => Err(error.into()),
        Ok(()) => rows(snapshot, table, |row| {
            for name in &names {
                let cell = cell(row.get(*name).unwrap_or(&Value::Null));
                quoted += u64::from(cell.defused);
                writer.write_field(cell.text)?;
            }
            Ok(writer.write_record(None::<&[u8]>)?)
        })?,
    };
    let count = count.and_then(|count| writer.flush().map(|()| count));
    drop(writer);
    let count = count.map_err(|error| to.failed(error))?;
    let note = (quoted > 0).then(|| {
        format!("{quoted} texts that begin like a formula have a ' in front: other formats hold them as they are")
    });
    Ok((count, note))
}

pub(super) struct Cell {
    pub(super) text: String,
    defused: bool,
}

/// A value as it stands in CSV. What was said is not ours: a spreadsheet must not take it for a formula.
pub(super) fn cell(value: &Value) -> Cell {
    let plain = |text| Cell {
        text,
        defused: false,
    };
    match value {
        Value::Null => plain(String::new()),
        Value::String(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => Cell {
            text: format!("'{text}"),
            defused: true,
        },
        Value::String(text) => plain(text.clone()),
        other => plain(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_that_begin_like_a_formula_are_defused_and_numbers_are_not() {
        for (value, text) in [
            (json!("=1+1"), "'=1+1"),
            (json!("+49 30"), "'+49 30"),
            (json!("-x"), "'-x"),
            (json!("@SUM(A1)"), "'@SUM(A1)"),
            (json!("\t=1"), "'\t=1"),
            (json!("\r=1"), "'\r=1"),
            (json!("a=1"), "a=1"),
            (json!(-5), "-5"),
            (json!(null), ""),
            (json!(true), "true"),
            (json!(["=a"]), "[\"=a\"]"),
        ] {
            assert_eq!(cell(&value).text, text);
            assert_eq!(cell(&value).defused, text.starts_with('\''));
        }
    }
}
