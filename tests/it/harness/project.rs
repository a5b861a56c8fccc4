//! Published tables as the columns that the oracle compares.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use weir::model::id::{DocId, Fingerprint};
use weir::sink::{Table, read_table};

use super::dice::answer_to;
use super::naive::{File, Known, Rows};
use super::own;

/// The rows of a table.
pub fn rows(snapshot: &Path, table: Table) -> Vec<Value> {
    read_table(snapshot, table).unwrap()
}

fn text(row: &Value, column: &str) -> String {
    match &row[column] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn spans(row: &Value) -> String {
    let spans = row["spans"].as_array().unwrap().iter();
    spans
        .map(|span| format!("{}-{}", span["byte_start"], span["byte_end"]))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The columns of `tests/it/harness/naive.rs`, of all tables of a snapshot.
pub fn tables(snapshot: &Path) -> Rows {
    let columns = |table: Table, row: &Value| -> Vec<String> {
        let pick = |columns: &[&str]| {
            columns
                .iter()
                .map(|column| text(row, column))
                .collect::<Vec<_>>()
        };
        match table {
            Table::Documents => pick(&[
                "doc_id",
                "path",
                "turns",
                "chunks_total",
                "chunks_ok",
                "chunks_failed",
                "chunks_dropped",
                "chunks_duplicate",
                "chunks_pending",
                "chunks_unasked",
            ]),
            Table::Chunks => {
                let mut cells = pick(&[
                    "chunk_id",
                    "doc_id",
                    "position",
                    "text",
                    "status",
                    "duplicate_of",
                ]);
                cells.push(format!("{:?}", row["start_ms"].as_i64()));
                cells
            }
            Table::Failures => pick(&["failure_id", "chunk_id", "path", "reason"]),
            Table::Mentions => [
                pick(&[
                    "mention_id",
                    "entity_id",
                    "surface",
                    "chunk_id",
                    "quote",
                    "match",
                ]),
                vec![spans(row)],
            ]
            .concat(),
            Table::Evidence => [
                pick(&["evidence_id", "relation_id", "chunk_id", "quote", "match"]),
                vec![spans(row)],
            ]
            .concat(),
            Table::Entities => {
                let list = |column: &str, print: &dyn Fn(&Value) -> String| {
                    row[column]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(print)
                        .collect::<Vec<_>>()
                        .join("|")
                };
                let mut cells = pick(&["entity_id", "name", "kind"]);
                cells.push(list("aliases", &|alias| alias.as_str().unwrap().to_owned()));
                cells.extend(pick(&["mentions", "documents"]));
                cells.push(list("merged_by", &|m| {
                    format!("{}={} {}", text(m, "a"), text(m, "b"), text(m, "rule"))
                }));
                cells
            }
            Table::Relations => pick(&[
                "relation_id",
                "source_name",
                "predicate",
                "target_name",
                "evidence",
                "documents",
                "grounded",
            ]),
            Table::Items => [
                pick(&["item_id"]),
                vec![own::columns(row)],
                pick(&["chunk_id", "quote", "match"]),
                vec![spans(row)],
            ]
            .concat(),
            Table::Repeats => pick(&[
                "fingerprint",
                "text",
                "chunks",
                "documents",
                "first_chunk_id",
            ]),
            Table::Shares => pick(&[
                "doc_id",
                "path",
                "chunks",
                "tokens",
                "repeated_tokens",
                "elsewhere_tokens",
            ]),
            Table::Calls => Vec::new(),
        }
    };
    Table::ALL
        .into_iter()
        .map(|table| {
            let rows = if table == Table::Calls {
                Vec::new()
            } else {
                rows(snapshot, table)
            };
            let set: BTreeSet<Vec<String>> = rows.iter().map(|row| columns(table, row)).collect();
            assert_eq!(set.len(), rows.len(), "two equal rows of {}", table.name());
            (table, set)
        })
        .collect()
}

/// The files that a snapshot is made from, out of all that ever were.
pub fn files(snapshot: &Path, history: &BTreeMap<(String, String), Vec<u8>>) -> Vec<File> {
    let rows = rows(snapshot, Table::Documents);
    rows.iter()
        .map(|row| {
            let path = text(row, "path");
            let bytes = history
                .get(&(path.clone(), text(row, "content_hash")))
                .expect("a file that was never written");
            File {
                doc: DocId::parse(&text(row, "doc_id")).unwrap(),
                path,
                bytes: bytes.clone(),
            }
        })
        .collect()
}

/// What a snapshot lists as known.
pub fn known(snapshot: &Path) -> BTreeMap<Fingerprint, Known> {
    let failures: BTreeMap<String, String> = rows(snapshot, Table::Failures)
        .iter()
        .map(|row| (text(row, "chunk_id"), text(row, "reason")))
        .collect();
    let holds = |table: Table| snapshot.join(table.name()).exists();
    let answer = |text: &str| {
        if holds(Table::Items) {
            own::items_of(text)
        } else if holds(Table::Mentions) {
            answer_to(text)
        } else {
            Value::Object(serde_json::Map::new())
        }
    };
    let mut known = BTreeMap::new();
    for row in rows(snapshot, Table::Chunks) {
        let status = text(&row, "status");
        let told = match status.as_str() {
            "ok" => Known::Answer(answer(&text(&row, "text")).to_string()),
            "failed" => Known::Failed(
                failures
                    .get(&text(&row, "chunk_id"))
                    .cloned()
                    .unwrap_or_default(),
            ),
            "pending" => Known::Pending,
            "unasked" => Known::Unasked,
            _ => continue,
        };
        known.insert(
            Fingerprint::parse(&text(&row, "fingerprint")).unwrap(),
            told,
        );
    }
    known
}
