//! What the graph formats share: rows as structs, and the order of evidence.
//!
//! Held in memory: a short entry for each document; what a format keeps for each entity and relation it writes.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde_json::{Map, Value};

use crate::sink::error::SinkError;
use crate::sink::read::for_each_row;
use crate::sink::schema::Table;
use crate::sink::snapshot::Snapshot;

/// A row as it is read back.
pub(super) type Object = Map<String, Value>;

/// A document, as much as is shown of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Doc {
    pub(super) path: String,
    pub(super) title: Option<String>,
    pub(super) recorded_at: Option<String>,
    /// Its place among all documents, by time and path: those without a time come last.
    pub(super) place: usize,
}

/// Where something is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Quote {
    pub(super) doc: String,
    pub(super) speaker: Option<String>,
    pub(super) start_ms: Option<i64>,
    pub(super) text: String,
    /// By document, then by place in it.
    pub(super) order: (usize, i64),
}

/// Hands every row of a table to `each`.
pub(super) fn each(
    snapshot: &Snapshot,
    table: Table,
    mut each: impl FnMut(&Object),
) -> Result<(), SinkError> {
    for_each_row(snapshot.folder(), table, |row| {
        each(&row);
        ControlFlow::<()>::Continue(())
    })?;
    Ok(())
}

/// As [`each`], until it fails.
pub(super) fn try_each(
    snapshot: &Snapshot,
    table: Table,
    mut each: impl FnMut(&Object) -> Result<(), SinkError>,
) -> Result<(), SinkError> {
    let failed = for_each_row(snapshot.folder(), table, |row| match each(&row) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    })?;
    failed.map_or(Ok(()), Err)
}

/// A text of a row; empty if there is none.
pub(super) fn text<'a>(row: &'a Object, column: &str) -> &'a str {
    row.get(column).and_then(Value::as_str).unwrap_or_default()
}

/// A text that may be missing.
pub(super) fn maybe(row: &Object, column: &str) -> Option<String> {
    row.get(column).and_then(Value::as_str).map(str::to_owned)
}

/// A number of a row; 0 if there is none.
pub(super) fn number(row: &Object, column: &str) -> i64 {
    row.get(column).and_then(Value::as_i64).unwrap_or(0)
}

/// The texts of a list.
pub(super) fn texts(row: &Object, column: &str) -> Vec<String> {
    let list = row.get(column).and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// All documents by id.
pub(super) fn documents(snapshot: &Snapshot) -> Result<BTreeMap<String, Doc>, SinkError> {
    let mut documents = BTreeMap::new();
    each(snapshot, Table::Documents, |row| {
        let doc = Doc {
            path: text(row, "path").to_owned(),
            title: maybe(row, "title"),
            recorded_at: maybe(row, "recorded_at"),
            place: 0,
        };
        documents.insert(text(row, "doc_id").to_owned(), doc);
    })?;
    let mut order: Vec<&mut Doc> = documents.values_mut().collect();
    order.sort_by(|a, b| {
        let key = |doc: &Doc| {
            (
                doc.recorded_at.is_none(),
                doc.recorded_at.clone(),
                doc.path.clone(),
            )
        };
        key(a).cmp(&key(b))
    });
    for (place, doc) in order.into_iter().enumerate() {
        doc.place = place;
    }
    Ok(documents)
}

/// A row of `mentions` or `evidence` as a quote.
pub(super) fn quote(row: &Object, documents: &BTreeMap<String, Doc>) -> Quote {
    let doc = text(row, "doc_id").to_owned();
    let span = row
        .get("spans")
        .and_then(|spans| spans.get(0)?.get("char_start")?.as_i64());
    Quote {
        order: (
            documents.get(&doc).map_or(usize::MAX, |doc| doc.place),
            span.unwrap_or(i64::MAX),
        ),
        doc,
        speaker: maybe(row, "speaker"),
        start_ms: row.get("start_ms").and_then(Value::as_i64),
        text: text(row, "quote").to_owned(),
    }
}
