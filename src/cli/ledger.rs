//! `weir ledger`: what it holds, what was spent; pruned, backed up, restored, imported.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::Exit;
use super::env::Environment;
use super::escape::word;
use super::keep::{LedgerAction, LedgerArgs};
use super::printer::Printer;
use crate::job::from_plan::wall;
use crate::job::ledger::used;
use crate::model::unit::{Micros, Usd};
use crate::plan::operator;
use crate::store::{
    Database, Maintenance, Mode, Part, Prunable, Size, Spend, StoreError, StoredView, backup,
    inspect, prunable, restore,
};

/// Days and runs that are shown; `--json` has all.
const LINES: usize = 10;

/// Runs the command.
pub fn run(args: &LedgerArgs, environment: &Environment, printer: &mut Printer) -> Exit {
    let state = args.state.clone().unwrap_or_else(|| PathBuf::from(".weir"));
    let done = match &args.action {
        None => show(&state, environment, args.json, printer),
        Some(LedgerAction::Prune { older_than, yes }) => {
            prune(&state, *older_than, *yes, args.json, printer)
        }
        Some(LedgerAction::Backup { file, force }) => {
            if file.symlink_metadata().is_ok() && !force {
                return refuse(
                    printer,
                    &format!("{} is there already", shown(file)),
                    "choose another name; --force replaces it",
                );
            }
            backup(&state, file).map(|bytes| {
                say(
                    args.json,
                    printer,
                    &format!("{} of state copied to {}", size(bytes), shown(file)),
                    &json!({"backup": file, "bytes": bytes}),
                );
            })
        }
        Some(LedgerAction::Restore { file, force }) => {
            return put_back(&state, file, *force, args.json, printer);
        }
        Some(LedgerAction::Import { file }) => import(&state, file, args.json, printer),
    };
    match done {
        Ok(()) => Exit::Complete,
        Err(error) => failed(&error, &state, printer),
    }
}

/// What went wrong with a state, what to do, and how the program ends.
pub(super) fn failed(error: &StoreError, state: &Path, printer: &mut Printer) -> Exit {
    match error {
        StoreError::Absent { .. } => refuse(
            printer,
            &format!("there is no state in {}", shown(state)),
            "--state names another folder; weir run makes one",
        ),
        StoreError::InUse { .. } => refuse(
            printer,
            &error.to_string(),
            "wait for the run to end, or stop it",
        ),
        StoreError::Held { .. } => {
            printer.error(error);
            printer.plain_error("hint: end what reads it, and do this again\n");
            Exit::Usage
        }
        StoreError::Foreign { .. } | StoreError::Newer { .. } | StoreError::Older { .. } => {
            printer.error(error);
            Exit::Usage
        }
        _ => {
            printer.error(error);
            Exit::Storage
        }
    }
}

pub(super) fn refuse(printer: &mut Printer, what: &str, hint: &str) -> Exit {
    printer.plain_error(&format!("error: {what}\nhint: {hint}\n"));
    Exit::Usage
}

pub(super) fn say(as_json: bool, printer: &mut Printer, text: &str, value: &Value) {
    if as_json {
        printer.result_json(value);
    } else {
        printer.result(text);
    }
}

pub(super) fn shown(path: &Path) -> String {
    word(&path.display().to_string())
}

/// Bytes for people.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

fn show(
    state: &Path,
    environment: &Environment,
    as_json: bool,
    printer: &mut Printer,
) -> Result<(), StoreError> {
    let database = Database::open(state, Mode::Read)?;
    let (found, views) = (database.size(state)?, database.views()?);
    let by = |part| database.spending(part);
    let (days, models, runs) = (by(Part::Day)?, by(Part::Model)?, by(Part::Run)?);
    let month = database.spent_since(wall()().month())?;
    let cap = operator::monthly(Path::new(""), environment.config.as_deref());
    if as_json {
        let list = |spent: &[Spend]| {
            spent
                .iter()
                .map(|spend| value(spend, &views))
                .collect::<Vec<_>>()
        };
        printer.result_json(&json!({
            "ledger": database.ledger_id(), "bytes": found.bytes, "answers": found.answers,
            "answer_bytes": found.answer_bytes, "texts": found.texts, "text_bytes": found.text_bytes,
            "bodies": found.bodies, "body_bytes": found.body_bytes,
            "first_answer_at": found.first.map(|at| at.to_string()),
            "last_answer_at": found.last.map(|at| at.to_string()),
            "month": {"spent_usd": month.dollars(), "cap_usd": cap.map(Usd::dollars)},
            "days": list(&days), "models": list(&models), "runs": list(&runs),
        }));
    } else {
        let month = match cap {
            Some(cap) => format!("{month} of {cap}"),
            None => month.to_string(),
        };
        printer.result(&text(
            state,
            &found,
            &views,
            &month,
            [&days, &models, &runs],
        ));
    }
    Ok(())
}

fn text(
    state: &Path,
    found: &Size,
    views: &[StoredView],
    month: &str,
    spent: [&[Spend]; 3],
) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    write_text(&mut out, state, found, views, month, spent).ok();
    out.trim_end().to_owned()
}

fn write_text(
    out: &mut String,
    state: &Path,
    found: &Size,
    views: &[StoredView],
    month: &str,
    [days, models, runs]: [&[Spend]; 3],
) -> std::fmt::Result {
    writeln!(out, "ledger     {}, {}", shown(state), size(found.bytes))?;
    write!(
        out,
        "answers    {} ({})",
        found.answers,
        size(found.answer_bytes)
    )?;
    match found.first.zip(found.last) {
        Some((first, last)) => writeln!(out, ", from {first} to {last}")?,
        None => writeln!(out)?,
    }
    writeln!(
        out,
        "texts      {} ({})",
        found.texts,
        size(found.text_bytes)
    )?;
    writeln!(
        out,
        "bodies     {} ({})",
        found.bodies,
        size(found.body_bytes)
    )?;
    writeln!(out, "this month {month}, what is unknown at its most")?;
    for (title, spent) in [("by day", days), ("by model", models), ("by run", runs)] {
        if spent.is_empty() {
            continue;
        }
        writeln!(out, "\n{title}")?;
        for spend in spent.iter().take(LINES) {
            let view = spend
                .view
                .and_then(|id| views.iter().find(|view| view.id == id));
            let view = view.map_or(String::new(), |view| {
                format!(
                    "  {} -> {}",
                    word(&view.view.dataflow),
                    word(&view.view.output)
                )
            });
            let unpriced = match spend.unpriced {
                0 => String::new(),
                n => format!(" and {n} calls of unknown cost"),
            };
            writeln!(
                out,
                "  {:<26} {:>6} calls {:>12} tokens in {:>10} out  {}{unpriced}{view}",
                word(&spend.name),
                spend.calls,
                spend.input_tokens,
                spend.output_tokens,
                spend.cost,
            )?;
        }
        if spent.len() > LINES {
            writeln!(
                out,
                "  ... and {} more: --json has all",
                spent.len() - LINES
            )?;
        }
    }
    Ok(())
}

fn value(spend: &Spend, views: &[StoredView]) -> Value {
    let view = spend
        .view
        .and_then(|id| views.iter().find(|view| view.id == id));
    let mut value = json!({
        "name": spend.name, "calls": spend.calls, "input_tokens": spend.input_tokens,
        "output_tokens": spend.output_tokens, "cost_usd": spend.cost.dollars(), "calls_of_unknown_cost": spend.unpriced,
    });
    if let (Some(run), Some(fields)) = (spend.run, value.as_object_mut()) {
        fields.insert("run".to_owned(), run.to_string().into());
        fields.insert(
            "view".to_owned(),
            spend.view.map(|view| view.to_string()).into(),
        );
        fields.insert(
            "dataflow".to_owned(),
            view.map(|view| view.view.dataflow.clone()).into(),
        );
        fields.insert(
            "output".to_owned(),
            view.map(|view| view.view.output.clone()).into(),
        );
    }
    value
}

fn prune(
    state: &Path,
    older_than: Duration,
    yes: bool,
    as_json: bool,
    printer: &mut Printer,
) -> Result<(), StoreError> {
    let age = i64::try_from(older_than.as_micros()).unwrap_or(i64::MAX);
    let before = Micros((wall()().0).saturating_sub(age));
    let database = Database::open(state, Mode::Read)?;
    let (found, done) = if yes {
        let mut maintenance = Maintenance::open(state)?;
        if maintenance.unsettled()? {
            return Err(StoreError::Unsettled);
        }
        let found = maintenance.prune(&used(&database)?, before)?;
        maintenance.compact()?;
        (found, true)
    } else {
        (prunable(state, &used(&database)?, before)?, false)
    };
    let text = pruned(&found, before, done);
    let models: Vec<_> = found
        .models
        .iter()
        .map(|(model, answers, cost)| json!({"model": model, "answers": answers, "cost_usd": cost.dollars()}))
        .collect();
    let value = json!({"pruned": done, "answers": found.answers, "bytes": found.bytes,
        "cost_usd": found.cost.dollars(), "models": models, "before": before.to_string()});
    say(as_json, printer, &text, &value);
    Ok(())
}

fn pruned(found: &Prunable, before: Micros, done: bool) -> String {
    if found.answers == 0 {
        return format!(
            "nothing to prune: every answer from before {before} is in the tables of some view"
        );
    }
    let what = if done { "pruned" } else { "would prune" };
    let mut text = format!(
        "{what} {} answers ({}) from before {before} that no tables use; they cost {}",
        found.answers,
        size(found.bytes),
        found.cost
    );
    for (model, answers, cost) in &found.models {
        text.extend([format!(
            "\n  {:<26} {answers:>6} answers  {cost}",
            word(model)
        )]);
    }
    if !done {
        text +=
            "\nnothing is deleted yet: --yes deletes them; asking them again costs as much again";
    }
    text
}

fn put_back(state: &Path, file: &Path, force: bool, as_json: bool, printer: &mut Printer) -> Exit {
    let there = state
        .join("weir.db")
        .symlink_metadata()
        .is_ok_and(|found| found.len() > 0);
    if there && !force {
        let answers = inspect(state).map_or_else(
            |_| "a state".to_owned(),
            |answers| format!("a state with {answers} answers"),
        );
        return refuse(
            printer,
            &format!("{} holds {answers} already", shown(state)),
            "weir ledger import adds answers to it; --state names another folder; --force replaces it",
        );
    }
    match restore(file, state) {
        Ok(answers) => {
            let text = format!(
                "{answers} answers restored to {} from {}",
                shown(state),
                shown(file)
            );
            say(
                as_json,
                printer,
                &text,
                &json!({"restored": state, "answers": answers}),
            );
            Exit::Complete
        }
        Err(error) => failed(&error, state, printer),
    }
}

fn import(
    state: &Path,
    file: &Path,
    as_json: bool,
    printer: &mut Printer,
) -> Result<(), StoreError> {
    inspect(file)?;
    let imported = Maintenance::open(state)?.import(file)?;
    let mut text = format!(
        "{} answers taken over from {}; {} were here already and stand",
        imported.new,
        shown(file),
        imported.here
    );
    if imported.damaged > 0 {
        text.extend([format!(
            "; {} are damaged and were passed over",
            imported.damaged
        )]);
    }
    let value =
        json!({"imported": imported.new, "here": imported.here, "damaged": imported.damaged});
    say(as_json, printer, &text, &value);
    Ok(())
}
