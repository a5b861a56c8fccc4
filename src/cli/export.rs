//! `weir export`: the tables that hold now, or their graph, as files for other programs.

use serde_json::json;

use super::Exit;
use super::env::Environment;
use super::keep::ExportArgs;
use super::ledger::{refuse, say, shown};
use super::printer::Printer;
use crate::sink::export::{Existing, Format, Written, export};
use crate::sink::{SinkError, Snapshot, Table};

/// Runs the command.
pub fn run(args: &ExportArgs, environment: &Environment, printer: &mut Printer) -> Exit {
    let format = Format::from(args.format);
    if !format.of_tables() && !args.tables.is_empty() {
        return refuse(
            printer,
            "--table goes with parquet, csv and jsonl; graphml and html hold the whole graph",
            "leave --table out",
        );
    }
    let output = match args.of.find(environment, printer) {
        Ok(tables) => tables.output,
        Err(exit) => return exit,
    };
    let snapshot = match Snapshot::open(&output.join("current")) {
        Ok(snapshot) => snapshot,
        Err(error) => {
            printer.error(&error);
            printer.plain_error("hint: weir run makes the tables; -o names their folder\n");
            return Exit::Usage;
        }
    };
    let held = |table: &Table| snapshot.manifest().tables.contains_key(table.name());
    let needs: &[Table] = if format.of_tables() {
        &args.tables
    } else {
        &[Table::Entities, Table::Relations]
    };
    if let Some(absent) = needs.iter().find(|table| !held(table)) {
        let dataflow = &snapshot.manifest().info.dataflow;
        return refuse(
            printer,
            &format!("the tables of '{dataflow}' have no {}", absent.name()),
            "weir schema lists the tables of a dataflow",
        );
    }
    let mut tables = args.tables.clone();
    if tables.is_empty() {
        tables = Table::ALL.into_iter().filter(held).collect();
    }
    tables.sort_unstable();
    tables.dedup();
    let existing = if args.force {
        Existing::Replace
    } else {
        Existing::Refuse
    };
    match export(&snapshot, format, &tables, &args.to, existing) {
        Ok(written) => {
            told(args, &snapshot, &written, printer);
            Exit::Complete
        }
        Err(error @ SinkError::Exists { .. }) => refuse(
            printer,
            &error.to_string(),
            "choose another --to; --force replaces it",
        ),
        Err(error) => {
            printer.error(&error);
            if error.storage() {
                Exit::Storage
            } else {
                Exit::Internal
            }
        }
    }
}

fn told(args: &ExportArgs, snapshot: &Snapshot, written: &[Written], printer: &mut Printer) {
    let complete = snapshot.manifest().info.complete;
    let mut lines: Vec<String> = written
        .iter()
        .map(|file| {
            let what = match file.table {
                Some(_) => "rows",
                None => "entities and relations",
            };
            format!("{}  {} {what}", shown(&file.path), file.rows)
        })
        .collect();
    lines.push(format!(
        "epoch {}{}",
        snapshot.epoch(),
        if complete {
            ""
        } else {
            ", not complete: something is unanswered"
        }
    ));
    let files: Vec<_> = written
        .iter()
        .map(|file| {
            json!({"path": file.path, "table": file.table.map(Table::name), "rows": file.rows, "note": file.note})
        })
        .collect();
    let value = json!({"epoch": snapshot.epoch(), "complete": complete, "files": files});
    say(args.json, printer, &lines.join("\n"), &value);
    if !args.json {
        for file in written {
            if let Some(note) = &file.note {
                printer.note(&format!("{}: {note}", shown(&file.path)));
            }
        }
    }
}
