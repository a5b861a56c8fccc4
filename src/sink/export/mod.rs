//! A snapshot into files for other programs: single Parquet files, CSV, JSON Lines, GraphML, or a page for a browser.
//!
//! Files are written aside, synced, and renamed once all of them are whole. Tables pass through row by row; what is held
//! of a graph is stated in `graph`.

mod aside;
mod graph;
mod graphml;
mod page;
mod parquet;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use super::error::SinkError;
use super::files::io;
use super::schema::Table;
use super::snapshot::Snapshot;
use aside::Aside;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One Parquet file a table.
    Parquet,
    /// One CSV file a table, safe to open in a spreadsheet.
    Csv,
    /// One file of JSON Lines a table.
    JsonLines,
    /// Entities and relations as GraphML.
    GraphMl,
    /// Entities and relations as one HTML page.
    Page,
}

impl Format {
    /// Whether it writes tables; otherwise it writes the graph.
    #[must_use]
    pub fn of_tables(self) -> bool {
        !matches!(self, Self::GraphMl | Self::Page)
    }

    /// How the names of its files end.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
            Self::GraphMl => "graphml",
            Self::Page => "html",
        }
    }
}

/// What is done with files that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Nothing is written.
    Refuse,
    /// They are replaced.
    Replace,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Where.
    pub path: PathBuf,
    /// The table, if it is one.
    pub table: Option<Table>,
    /// Rows; of a graph its entities and relations.
    pub rows: u64,
    /// What whoever uses it should know.
    pub note: Option<String>,
}

/// A value as it stands in CSV, defused.
pub(super) fn csv_cell(value: &serde_json::Value) -> String {
    table::cell(value).text
}

/// The columns of a table as its parts have them.
pub(super) fn table_schema(
    snapshot: &Snapshot,
    table: Table,
) -> Result<arrow::datatypes::SchemaRef, SinkError> {
    parquet::schema(snapshot, table)
}

/// What one file came to: rows, and a word on them.
type Said = (u64, Option<String>);

/// Exports tables (ignored for a graph) of a snapshot to a file, or for several tables to a folder.
///
/// # Errors
///
/// If a file is there that may not be replaced, or something cannot be read or written: then no file is new.
pub fn export(
    snapshot: &Snapshot,
    format: Format,
    tables: &[Table],
    to: &Path,
    existing: Existing,
) -> Result<Vec<Written>, SinkError> {
    let targets = targets(format, tables, to);
    if existing == Existing::Refuse
        && let Some((_, path)) = targets
            .iter()
            .find(|(_, path)| path.symlink_metadata().is_ok())
    {
        return Err(SinkError::Exists { path: path.clone() });
    }
    if let Some(folder) = targets.first().and_then(|(_, path)| path.parent()) {
        fs::create_dir_all(folder).map_err(io("create", folder))?;
    }
    let mut finished = Vec::new();
    for (table, path) in targets {
        let mut aside = Aside::create(&path)?;
        let (rows, note) = match (format, table) {
            (Format::Parquet, Some(table)) => parquet::write(snapshot, table, &mut aside)?,
            (Format::Csv, Some(table)) => table::csv(snapshot, table, &mut aside)?,
            (Format::JsonLines, Some(table)) => table::json_lines(snapshot, table, &mut aside)?,
            (Format::Page, _) => page::write(snapshot, &mut aside)?,
            _ => graphml::write(snapshot, &mut aside)?,
        };
        aside.finish()?;
        let written = Written {
            path,
            table,
            rows,
            note,
        };
        finished.push((aside, written));
    }
    finished
        .into_iter()
        .map(|(aside, written)| aside.publish().map(|()| written))
        .collect()
}

/// Which files are written: `to` itself for a graph or one table, else files in the folder `to`.
fn targets(format: Format, tables: &[Table], to: &Path) -> Vec<(Option<Table>, PathBuf)> {
    let folder = to.is_dir() || to.as_os_str().as_encoded_bytes().ends_with(b"/");
    let inside = |name: &str| to.join(format!("{name}.{}", format.extension()));
    match (format.of_tables(), tables) {
        (false, _) if folder => vec![(None, inside("graph"))],
        (false, _) => vec![(None, to.to_owned())],
        (true, [table]) if !folder => vec![(Some(*table), to.to_owned())],
        (true, tables) => {
            let file = |table: &Table| (Some(*table), inside(table.name()));
            tables.iter().map(file).collect()
        }
    }
}
