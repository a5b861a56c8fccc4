//! `weir verify`: whether tables and state are what was published, and what to do if not.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use serde_json::json;

use super::Exit;
use super::env::Environment;
use super::escape::word;
use super::printer::Printer;
use super::tables::{Tables, TablesArgs, absent, no_tables};
use crate::job::verify::{Damage, Remedy, Verdict, VerifyError, verify};
use crate::sink::{SinkError, Snapshot};
use crate::store::{StoreError, StoredView};

/// The arguments of `verify`.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct VerifyArgs {
    /// Which tables.
    #[command(flatten)]
    pub tables: TablesArgs,
    /// As one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Examples.
pub(super) const EXAMPLES: &str = "\
Examples:
  weir verify knowledge-graph
      files against their hashes, rows against each other, the ledger against its digests; also while a run goes on
  weir verify -o out/knowledge-graph --json
      for programs; exit status 5 if anything is damaged";

/// Runs the command.
pub(super) fn run(args: &VerifyArgs, environment: &Environment, printer: &mut Printer) -> Exit {
    let tables = match args.tables.find(environment, printer) {
        Ok(tables) => tables,
        Err(exit) => return exit,
    };
    let snapshot = match tables.snapshot() {
        Ok(snapshot) => snapshot,
        Err(error) if absent(&error) && !published(&tables) => {
            return no_tables(&error, &tables, printer);
        }
        Err(error) => return unreadable(&error, &tables, printer),
    };
    let database = match tables.database() {
        Ok(database) => database,
        Err(error) => {
            printer.error(&error);
            if matches!(
                error,
                StoreError::Corrupt { .. } | StoreError::Foreign { .. }
            ) {
                printer.plain_error(&format!(
                    "hint: {}\n",
                    remedy(Remedy::Restore, &tables, &[])
                ));
            }
            return Exit::Storage;
        }
    };
    let mut verdict = match verify(&snapshot, database.as_ref()) {
        Ok(verdict) => verdict,
        Err(error) => {
            printer.error(&error);
            let broken = |cause: &StoreError| {
                matches!(cause, StoreError::Corrupt { .. } | StoreError::Sql { .. })
            };
            if matches!(&error, VerifyError::State(cause) if broken(cause)) {
                printer.plain_error(&format!(
                    "hint: {}\n",
                    remedy(Remedy::Restore, &tables, &[])
                ));
            }
            return Exit::Storage;
        }
    };
    if database.is_none() && tables.state.join("weir.db").exists() {
        verdict.damage.push(Damage {
            of: "ledger".to_owned(),
            what: "is empty, and tables are there".to_owned(),
            count: 1,
            places: vec![tables.state.join("weir.db").display().to_string()],
            remedy: Remedy::Restore,
        });
    }
    if args.json {
        let sound = verdict.damage.is_empty();
        let (epoch, complete) = (snapshot.epoch(), snapshot.manifest().info.complete);
        let dataflow = &snapshot.manifest().info.dataflow;
        printer.result_json(
            &json!({"sound": sound, "dataflow": dataflow, "epoch": epoch, "complete": complete,
                                    "verdict": verdict}),
        );
    } else {
        printer.result(&text(&verdict, &snapshot, &tables));
    }
    if verdict.damage.is_empty() {
        Exit::Complete
    } else {
        Exit::Storage
    }
}

/// Whether there should be tables: a link that leads nowhere, a state that knows of some.
fn published(tables: &Tables) -> bool {
    let output = std::path::absolute(&tables.output);
    let views = tables.database().ok().flatten().map(|found| found.views());
    let known = |view: StoredView| {
        let here = output
            .as_ref()
            .is_ok_and(|output| *output == Path::new(&view.view.output));
        here && view.epoch > 0
    };
    tables.output.join("current").symlink_metadata().is_ok()
        || views.is_some_and(|views| views.is_ok_and(|views| views.into_iter().any(known)))
}

fn unreadable(error: &SinkError, tables: &Tables, printer: &mut Printer) -> Exit {
    printer.error(error);
    printer.plain_error(&format!("hint: {}\n", remedy(Remedy::Rebuild, tables, &[])));
    Exit::Storage
}

fn remedy(remedy: Remedy, tables: &Tables, places: &[String]) -> String {
    let output = word(&tables.output.display().to_string());
    let state = word(&tables.state.display().to_string());
    match remedy {
        Remedy::Rebuild => format!(
            "rm -f {output}/current, then the same run again: every table is written anew from the ledger, which costs \
             no call"
        ),
        Remedy::Reread => format!(
            "rm -f {output}/current, then the same run again with --rehash: the files are read again and every table is \
             written anew, which costs no call"
        ),
        Remedy::Ask => {
            "such an answer counts as unknown: a run that needs it asks again, and pays for it; the tables do not \
             need it until they are made anew"
                .to_owned()
        }
        Remedy::Restore => format!(
            "put back a backup of {state}, or recover what can be read: sqlite3 {state}/weir.db .recover; the tables \
             stay as they are meanwhile"
        ),
        Remedy::Remove => format!(
            "rm -f {}, which cannot be written again and no table needs; whoever follows the changes starts anew from the \
             tables",
            places.join(" ")
        ),
    }
}

fn text(verdict: &Verdict, snapshot: &Snapshot, tables: &Tables) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    write(&mut out, verdict, snapshot, tables).ok();
    out
}

fn write(
    out: &mut String,
    verdict: &Verdict,
    snapshot: &Snapshot,
    tables: &Tables,
) -> std::fmt::Result {
    let info = &snapshot.manifest().info;
    let sound = match (verdict.damage.is_empty(), info.complete) {
        (true, true) => "sound, and complete",
        (true, false) => "sound, though not complete",
        (false, _) => "damaged",
    };
    writeln!(
        out,
        "{}: {sound} (epoch {})",
        word(&info.dataflow),
        snapshot.epoch()
    )?;
    writeln!(
        out,
        "looked at  {} files, {} bytes, {} rows{}",
        verdict.files,
        verdict.bytes,
        verdict.rows,
        if verdict.notes.iter().any(|note| note.contains("no state")) {
            ""
        } else {
            ", and the ledger"
        }
    )?;
    for damage in &verdict.damage {
        let times = if damage.count == 1 {
            String::new()
        } else {
            format!(" ({} times)", damage.count)
        };
        writeln!(
            out,
            "damaged    {}: {}{times}",
            word(&damage.of),
            word(&damage.what)
        )?;
        for place in &damage.places {
            writeln!(out, "             {}", word(place))?;
        }
        if damage.count > damage.places.len() as u64 && !damage.places.is_empty() {
            writeln!(out, "             ...")?;
        }
    }
    for note in &verdict.notes {
        writeln!(out, "note       {}", word(note))?;
    }
    let remedies: BTreeSet<Remedy> = verdict.damage.iter().map(|damage| damage.remedy).collect();
    for one in remedies {
        let of = verdict.damage.iter().filter(|damage| damage.remedy == one);
        let places: Vec<_> = of
            .flat_map(|damage| &damage.places)
            .map(|place| word(place))
            .collect();
        writeln!(out, "to mend    {}", remedy(one, tables, &places))?;
    }
    Ok(())
}
