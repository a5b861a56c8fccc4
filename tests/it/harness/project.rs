//! Published tables as the oracle compares them, and what a snapshot says of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value};
use weir::model::id::Fingerprint;
use weir::sink::{Table, read_table};

use super::dice::{Called, answer_to};
use super::naive::{File, Known, Rows, key};
use super::own;

/// What a run decides, and neither its files nor the answers: who was asked in which batch, and when.
const OF_THE_RUN: [(Table, &[&str]); 3] = [
    (
        Table::Documents,
        &["input_tokens", "output_tokens", "cost_usd"],
    ),
    (Table::Chunks, &["answered_at"]),
    (Table::Failures, &OF_A_FAILURE),
];

/// The same of a failure.
const OF_A_FAILURE: [&str; 4] = ["attempts", "first_at", "last_at", "answer_ref"];

/// The rows of a table.
pub fn rows(snapshot: &Path, table: Table) -> Vec<Value> {
    read_table(snapshot, table).unwrap()
}

fn text(row: &Value, column: &str) -> String {
    row[column].as_str().unwrap_or_default().to_owned()
}

/// All columns of all rows of a snapshot but those of `calls`.
pub fn tables(snapshot: &Path) -> Rows {
    let mut tables: Rows = Table::ALL.map(|table| (table, BTreeMap::new())).into();
    for (table, taken) in &mut tables {
        let compared = *table != Table::Calls;
        for mut row in rows(snapshot, *table).into_iter().filter(|_| compared) {
            for column in table.columns() {
                let cell = row.get(column.name);
                let cell = cell.unwrap_or_else(|| panic!("no {} in {row}", column.name));
                assert!(
                    column.nullable || !cell.is_null(),
                    "{} is null",
                    column.name
                );
            }
            if row["stage"] == "read" {
                // Nobody else can know when.
                row["first_at"].take();
                row["last_at"].take();
            }
            let twice = taken.insert(key(*table, &row), row);
            assert!(twice.is_none(), "two rows are {twice:?}");
        }
    }
    tables
}

/// The same without what a run decides.
pub fn settled(snapshot: &Path) -> Rows {
    let mut tables = tables(snapshot);
    for (table, columns) in OF_THE_RUN {
        for row in tables
            .get_mut(&table)
            .into_iter()
            .flat_map(BTreeMap::values_mut)
        {
            let row = row.as_object_mut().unwrap();
            row.retain(|column, _| !columns.contains(&column.as_str()));
        }
    }
    tables
}

/// How two rows differ, for people.
pub fn difference(key: &str, expected: Option<&Value>, found: Option<&Value>) -> String {
    let (Some(expected), Some(found)) = (expected, found) else {
        let (what, row) = match (expected, found) {
            (Some(row), _) => ("missing", row),
            (_, row) => ("extra", row.unwrap_or(&Value::Null)),
        };
        return format!("{what}: {row}");
    };
    let columns = |row: &Value| row.as_object().unwrap().keys().cloned().collect();
    let mut all: BTreeSet<String> = columns(expected);
    all.extend::<BTreeSet<String>>(columns(found));
    all.retain(|column| expected.get(column) != found.get(column));
    let differ = all.iter().map(|column| {
        let (expected, found) = (expected.get(column), found.get(column));
        format!("\n    {column}: expected {expected:?}, found {found:?}")
    });
    format!("{key}:{}", differ.collect::<String>())
}

/// The files that a snapshot is made from, out of all that ever were.
pub fn files(snapshot: &Path, history: &BTreeMap<(String, String), Vec<u8>>) -> Vec<File> {
    let mut files = rows(snapshot, Table::Documents);
    let unread = rows(snapshot, Table::Failures).into_iter();
    files.extend(unread.filter(|row| row["stage"] == "read"));
    let file = |row: &Value| {
        let path = text(row, "path");
        let bytes = history
            .get(&(path.clone(), text(row, "content_hash")))
            .expect("a file that was never written")
            .clone();
        File { path, bytes }
    };
    files.iter().map(file).collect()
}

/// What a snapshot lists as known.
pub fn known(snapshot: &Path) -> BTreeMap<Fingerprint, Known> {
    let failures: BTreeMap<String, Value> = rows(snapshot, Table::Failures)
        .into_iter()
        .map(|row| (text(&row, "chunk_id"), row))
        .collect();
    let failed = |row: &Value| -> Map<String, Value> {
        let failure = failures.get(&text(row, "chunk_id"));
        let cell = |column: &str| Some((column.to_owned(), failure?[column].clone()));
        OF_A_FAILURE.into_iter().filter_map(cell).collect()
    };
    let holds = |table: Table| snapshot.join(table.name()).exists();
    let answer = |row: &Value| {
        let text = text(row, "text");
        let answer = if holds(Table::Items) {
            own::items_of(&text)
        } else if holds(Table::Mentions) {
            answer_to(&text)
        } else {
            return Known::Nothing;
        };
        Known::Answer {
            json: answer.to_string(),
            at: row["answered_at"].clone(),
        }
    };
    let mut known = BTreeMap::new();
    for row in rows(snapshot, Table::Chunks) {
        let told = match text(&row, "status").as_str() {
            "ok" => answer(&row),
            "failed" => Known::Failed(failed(&row)),
            "pending" => Known::Pending,
            "unasked" => Known::Unasked,
            _ => continue,
        };
        let fingerprint = Fingerprint::parse(&text(&row, "fingerprint")).unwrap();
        known.insert(fingerprint, told);
    }
    known
}

/// The rows of `calls`, as who was called remembers them.
pub fn calls(snapshot: &Path) -> Vec<Called> {
    let rows = rows(snapshot, Table::Calls);
    let called = |row: &Value| {
        let number = |column: &str| row[column].as_u64().unwrap_or(u64::MAX);
        let refused = row["finish"] == "refusal";
        let said = |column: &str, what: &str| assert_eq!(row[column], what, "{column} of {row}");
        said("outcome", "ok");
        said("finish", if refused { "refusal" } else { "stop" });
        said("provider", "dice");
        said("model", "made-up");
        said("state", "done");
        assert_eq!(row["attempt"], 1, "{row}");
        assert_eq!(row["price_known"], true, "{row}");
        assert_eq!(row["cached_tokens"], 0, "{row}");
        assert!(
            number("queued_ms") < 60_000 && number("latency_ms") == 1,
            "{row}"
        );
        Called {
            chunks: number("chunks"),
            input: number("input_tokens"),
            output: number("output_tokens"),
            dollars: row["cost_usd"].to_string(),
            refused,
        }
    };
    let mut calls: Vec<Called> = rows.iter().map(called).collect();
    calls.sort();
    calls
}
