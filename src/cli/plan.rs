//! `weir plan`: what a run would call and cost, and why; calls nothing, stores nothing, locks nothing.

use std::fmt::Write;

use super::args::RunArgs;
use super::env::Environment;
use super::escape::word;
use super::printer::Printer;
use super::{Exit, run::ordered};
use crate::job::forecast::{Forecast, Vintage, forecast};
use crate::job::foretold::{forecast_of, json, migration_cost};
use crate::plan::resolve::Purpose;
use crate::plan::{Plan, ProviderChoice};

/// More files than this are summed up, for people.
const FILES: usize = 40;

/// Runs the command.
pub fn run(args: &RunArgs, environment: &Environment, printer: &mut Printer) -> Exit {
    let (plan, order) = match ordered(args, environment, Purpose::Forecast, printer) {
        Ok(ordered) => ordered,
        Err(exit) => return exit,
    };
    match forecast(&order) {
        Ok(found) if args.json => printer.result_json(&json(&plan, &found)),
        Ok(found) => printer.result(&text(&plan, &found)),
        Err(error) => {
            printer.error(&error);
            return match error {
                crate::job::open::OpenError::State { .. } => Exit::Storage,
                _ => Exit::Usage,
            };
        }
    }
    Exit::Complete
}

/// For people.
#[must_use]
pub fn text(plan: &Plan, found: &Forecast) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    write(&mut out, plan, found).ok();
    out
}

fn write(out: &mut String, plan: &Plan, found: &Forecast) -> std::fmt::Result {
    let model = &plan.question.model;
    writeln!(out, "{}: what {model} would be asked", plan.name)?;
    writeln!(
        out,
        "{:>8} {:>8} {:>9} {:>8} {:>8}  file",
        "new", "known", "duplicate", "dropped", "failed"
    )?;
    for file in found.files.iter().take(FILES) {
        let c = file.counts;
        write!(
            out,
            "{:>8} {:>8} {:>9} {:>8} {:>8}  {}",
            c.new,
            c.cached,
            c.duplicate,
            c.dropped,
            c.failed,
            word(&file.path)
        )?;
        match &file.unreadable {
            Some(why) => writeln!(out, " - cannot be read: {}", word(why))?,
            None => writeln!(out)?,
        }
    }
    if found.files.len() > FILES {
        writeln!(
            out,
            "{:>46}  ... and {} more files",
            "",
            found.files.len() - FILES
        )?;
    }
    let c = found.total;
    writeln!(
        out,
        "{:>8} {:>8} {:>9} {:>8} {:>8}  all {} files",
        c.new,
        c.cached,
        c.duplicate,
        c.dropped,
        c.failed,
        found.files.len()
    )?;
    for (reason, count) in &found.reasons {
        writeln!(out, "asked          {count} chunks: {}", reason.name())?;
    }
    migration(out, plan, found)?;
    if found.outside > 0 {
        let outside = found.outside;
        writeln!(out, "not asked      {outside} chunks outside the sample")?;
    }
    if c.failed > 0 {
        writeln!(
            out,
            "not asked      {} chunks that failed for good: --retry-failures asks them again",
            c.failed
        )?;
    }
    budgets(out, plan, found)?;
    match forecast_of(plan, found) {
        Some(estimate) => write!(out, "{estimate}"),
        None if plan.provider == ProviderChoice::Nobody => {
            writeln!(out, "cost           nothing: no model is asked")
        }
        None => writeln!(out, "cost           nothing: rules call no model"),
    }
}

/// What is gone already of what may be spent.
fn budgets(out: &mut String, plan: &Plan, found: &Forecast) -> std::fmt::Result {
    let gone = found.gone;
    if plan.budget.capped() && gone.calls > 0 {
        writeln!(
            out,
            "used before    {} calls, {} tokens, {}: they count against the caps of this run, which goes on from there",
            gone.calls, gone.tokens, gone.cost
        )?;
    }
    if let Some(cap) = plan.budget.monthly {
        writeln!(out, "this month     {} of {cap}", found.month)?;
    }
    Ok(())
}

/// What a change of prompt, schema or model costs, and how not to pay it.
fn migration(out: &mut String, plan: &Plan, found: &Forecast) -> std::fmt::Result {
    for (old, count) in &found.vintages {
        let mut changed = Vec::new();
        for (differs, what) in [
            (old.prompt != plan.question.prompt_id, "prompt"),
            (old.schema != plan.question.schema_id, "schema"),
            (old.model != *plan.question.model, "model"),
        ] {
            changed.extend(differs.then_some(what));
        }
        if changed.is_empty() {
            changed.push("parameters");
        }
        writeln!(
            out,
            "known before   {count} chunks, to another {} (prompt {:.8}, {})",
            changed.join(" and "),
            old.prompt.to_string(),
            old.model
        )?;
    }
    if let Some((from, to)) = migration_cost(plan, found) {
        writeln!(
            out,
            "migrating      {} chunks: {from} to {to}",
            found.migration.new
        )?;
    }
    let keeps = |old: &Vintage| old.schema == plan.question.schema_id;
    if found.vintages.keys().any(keeps) {
        writeln!(
            out,
            "               --reuse old keeps these answers, marked by their prompt_id and model"
        )?;
    } else if found.migration.new > 0 {
        writeln!(
            out,
            "               answers to another schema cannot be kept: it decides the columns"
        )?;
    }
    Ok(())
}
