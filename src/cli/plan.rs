//! `weir plan`: what a run would call and cost, and why; calls nothing, stores nothing, locks nothing.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::args::RunArgs;
use super::env::Environment;
use super::escape::word;
use super::printer::Printer;
use super::{Exit, run::ordered};
use crate::job::forecast::{Forecast, Vintage, forecast};
use crate::model::unit::Usd;
use crate::plan::estimate::{Basis, Estimate, estimate};
use crate::plan::resolve::Purpose;
use crate::plan::{Plan, ProviderChoice};
use crate::stage::tokens;

/// A guess where nothing was measured: what large models take for a page of JSON.
const LATENCY: Duration = Duration::from_secs(20);
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

fn basis(plan: &Plan, found: &Forecast) -> Basis {
    Basis {
        prompt_tokens: u64::from(tokens::count(&plan.question.prompt))
            + u64::from(tokens::count(&plan.question.schema.to_string())),
        batch_tokens: u64::from(plan.batch.tokens.get()),
        batch_chunks: plan
            .batch
            .chunks
            .map_or(20, |chunks| u64::from(chunks.get())),
        calibration: found.calibration,
        price: plan.price,
        limits: plan.limits,
        latency: LATENCY,
    }
}

fn forecast_of(plan: &Plan, found: &Forecast) -> Option<Estimate> {
    let paid = matches!(plan.provider, ProviderChoice::OpenAi { .. });
    paid.then(|| estimate(&found.total, &basis(plan, found)))
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

/// What asking anew costs, from and to, if prices are known.
fn migration_cost(plan: &Plan, found: &Forecast) -> Option<(Usd, Usd)> {
    let paid = matches!(plan.provider, ProviderChoice::OpenAi { .. }) && found.migration.new > 0;
    paid.then(|| estimate(&found.migration, &basis(plan, found)).cost)?
}

fn json(plan: &Plan, found: &Forecast) -> Value {
    let counts = |c: &crate::plan::estimate::Counts| {
        json!({"new": c.new, "cached": c.cached, "duplicate": c.duplicate, "dropped": c.dropped, "failed": c.failed,
               "new_tokens": c.new_tokens})
    };
    let files: Vec<Value> = found
        .files
        .iter()
        .map(|file| json!({"path": file.path, "chunks": counts(&file.counts), "unreadable": file.unreadable}))
        .collect();
    let estimate = forecast_of(plan, found).map(|estimate| {
        let (bound, minutes) = estimate.least();
        json!({
            "calls": estimate.calls,
            "input_tokens": estimate.input,
            "output_tokens": [estimate.output.0, estimate.output.1],
            "cost_usd": estimate.cost.map(|(from, to)| [from.dollars(), to.dollars()]),
            "minutes_at_least": minutes,
            "bound": bound.name(),
            "calibrated": estimate.calibrated,
        })
    });
    let reasons: serde_json::Map<String, Value> = found
        .reasons
        .iter()
        .map(|(reason, count)| (reason.name().to_owned(), (*count).into()))
        .collect();
    let vintages: Vec<Value> = found
        .vintages
        .iter()
        .map(|(old, count)| {
            json!({"prompt_id": old.prompt.to_string(), "schema_id": old.schema.to_string(), "model": old.model,
                   "chunks": count})
        })
        .collect();
    let cost = migration_cost(plan, found);
    let migration = json!({
        "chunks": found.migration.new,
        "cost_usd": cost.map(|(from, to)| [from.dollars(), to.dollars()]),
    });
    json!({
        "dataflow": plan.name,
        "model": &*plan.question.model,
        "files": files,
        "chunks": counts(&found.total),
        "reasons": reasons,
        "vintages": vintages,
        "migration": migration,
        "outside": found.outside,
        "used_before": {"calls": found.gone.calls, "tokens": found.gone.tokens, "cost_usd": found.gone.cost.dollars()},
        "month": {"spent_usd": found.month.dollars(), "cap_usd": plan.budget.monthly.map(Usd::dollars)},
        "estimate": estimate,
    })
}
