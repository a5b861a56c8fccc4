//! `weir failures`: what failed, by reason; and the same asked again.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::Exit;
use super::args::{PlanArgs, RunArgs};
use super::env::Environment;
use super::escape::word;
use super::printer::Printer;
use super::run;
use super::tables::{Tables, TablesArgs, no_tables};
use super::text::{place, short};
use crate::flow::scope::Scope;
use crate::job::failed::{self, Failed};
use crate::job::open;
use crate::job::order::Order;
use crate::plan::resolve::Purpose;
use crate::sink::Snapshot;
use crate::store::StoreError;

/// Of each reason so many are listed, unless one is asked for.
const EACH: usize = 10;
/// Of a message so much is shown in a list, in characters.
const MESSAGE: usize = 200;

/// The arguments of `failures`.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(mut_arg("dataflow", |dataflow| dataflow.required(false).default_value("").hide_default_value(true)))]
pub struct FailuresArgs {
    /// The run that asks again.
    #[command(flatten)]
    pub run: RunArgs,
    /// Only failures of this reason: refused, filtered, too_long, invalid, missing, truncated, rejected, unreachable;
    /// or of files: unreadable, unstable_input, not_text, unsupported, too_long.
    #[arg(long, value_name = "REASON")]
    pub reason: Option<String>,
    /// Ask these chunks again, and no others. It takes the flags of the run that they failed in (--model and the like).
    #[arg(long, conflicts_with_all = ["sample", "watch"])]
    pub retry: bool,
}

/// Examples.
pub(super) const EXAMPLES: &str = "\
Examples:
  weir failures knowledge-graph
      what failed, by reason, and whether a run asks it again by itself
  weir failures knowledge-graph --reason refused
      all of one reason, with their chunks: weir show CHUNK has the text, the prompt and the answer
  weir failures knowledge-graph --retry --reason refused --model gpt-4o-mini
      asks exactly these again; --model and other flags as in the run that they failed in
  weir failures -o out/knowledge-graph --json
      for programs";

/// Runs the command.
pub(super) fn run(args: &FailuresArgs, environment: &Environment, printer: &mut Printer) -> Exit {
    let plan = &args.run.plan;
    let which = TablesArgs {
        dataflow: (!plan.dataflow.is_empty()).then(|| plan.dataflow.clone()),
        output: plan.output.clone(),
        state: plan.state.clone(),
    };
    let tables = match which.find(environment, printer) {
        Ok(tables) => tables,
        Err(exit) => return exit,
    };
    let snapshot = match tables.snapshot() {
        Ok(snapshot) => snapshot,
        Err(error) => return no_tables(&error, &tables, printer),
    };
    let found = match failed::failed(&snapshot, args.reason.as_deref()) {
        Ok(found) => found,
        Err(error) => {
            printer.error(&error);
            return Exit::Storage;
        }
    };
    if args.retry {
        return retry(args, &tables, &snapshot, &found, environment, printer);
    }
    if args.run.json {
        printer.result_json(&json(&snapshot, &found));
    } else {
        printer.result(&text(&snapshot, &found, args.reason.as_deref()));
    }
    Exit::Complete
}

fn json(snapshot: &Snapshot, found: &[Failed]) -> Value {
    json!({
        "dataflow": snapshot.manifest().info.dataflow,
        "epoch": snapshot.epoch(),
        "total": found.len(),
        "reasons": failed::reasons(found),
        "failures": found,
    })
}

fn text(snapshot: &Snapshot, found: &[Failed], reason: Option<&str>) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    write(&mut out, snapshot, found, reason).ok();
    out
}

fn write(
    out: &mut String,
    snapshot: &Snapshot,
    found: &[Failed],
    reason: Option<&str>,
) -> std::fmt::Result {
    let dataflow = word(&snapshot.manifest().info.dataflow);
    let epoch = snapshot.epoch();
    if found.is_empty() {
        let of = reason.map_or_else(String::new, |reason| format!(" of reason {}", word(reason)));
        return writeln!(out, "{dataflow}: no failures{of} (epoch {epoch})");
    }
    let s = if found.len() == 1 { "" } else { "s" };
    writeln!(
        out,
        "{dataflow}: {} failure{s} (epoch {epoch})",
        found.len()
    )?;
    let mut rest = found;
    while let Some(first) = rest.first() {
        let (same, others) = rest.split_at(rest.partition_point(|one| one.reason == first.reason));
        rest = others;
        writeln!(
            out,
            "\n{} {}: {}",
            same.len(),
            word(&first.reason),
            way(same)
        )?;
        let most = if reason.is_some() { usize::MAX } else { EACH };
        for one in same.iter().take(most) {
            line(out, one)?;
        }
        if same.len() > most {
            writeln!(
                out,
                "  ... and {} more: --reason {}",
                same.len() - most,
                word(&first.reason)
            )?;
        }
    }
    Ok(())
}

/// How failures of one reason go away.
fn way(same: &[Failed]) -> &'static str {
    let file = same.iter().all(Failed::is_file);
    match (file, same.iter().all(|one| one.retryable)) {
        (true, true) => "files; every run tries them again",
        (true, false) => "files; read again once they change",
        (false, true) => "asked again by the next run",
        (false, false) => "asked again only with --retry",
    }
}

fn line(out: &mut String, one: &Failed) -> std::fmt::Result {
    let chunk = one.chunk_id.as_deref().map_or("", short);
    let gap = if chunk.is_empty() { "" } else { "  " };
    write!(out, "  {chunk}{gap}{}", word(&one.path))?;
    if let Some(spoken) = &one.chunk {
        let place = place(&spoken.speakers, spoken.start_ms, spoken.end_ms);
        if !place.is_empty() {
            write!(out, "  {}", word(&place))?;
        }
    }
    let s = if one.attempts == 1 { "" } else { "s" };
    writeln!(out, "  {} attempt{s}, last {}", one.attempts, one.last_at)?;
    let end = one.message.char_indices().nth(MESSAGE);
    let (shown, more) = match end {
        Some((end, _)) => (one.message.get(..end).unwrap_or_default(), " ..."),
        None => (one.message.as_str(), ""),
    };
    writeln!(out, "      {}{more}", word(shown))
}

/// Starts a run that asks these and no others.
fn retry(
    args: &FailuresArgs,
    tables: &Tables,
    snapshot: &Snapshot,
    found: &[Failed],
    environment: &Environment,
    printer: &mut Printer,
) -> Exit {
    let chunks = found.iter().filter(|one| !one.is_file()).count();
    if chunks == 0 {
        printer.note(if found.is_empty() {
            "nothing of that failed: nothing to ask"
        } else {
            "these are files that could not be read, not chunks: mend them, and run again"
        });
        return Exit::Complete;
    }
    let mut run = args.run.clone();
    if let Err(exit) = as_before(&mut run.plan, tables, snapshot, printer) {
        return exit;
    }
    let (plan, mut order) = match run::ordered(&run, environment, Purpose::Run, printer) {
        Ok(ordered) => ordered,
        Err(exit) => return exit,
    };
    let scope = match scope(&order, tables, found) {
        Ok(scope) => scope,
        Err(error) => {
            printer.error(&error);
            return Exit::Storage;
        }
    };
    if scope.is_empty() {
        printer.plain_error(&format!(
            "error: none of these {chunks} chunks failed when {} was asked with this prompt\nhint: give the flags of \
             the run that they failed in{}\n",
            word(&plan.question.model),
            models(tables, snapshot)
        ));
        return Exit::Usage;
    }
    printer.note(&format!("{} texts are asked again", scope.len()));
    order.retry_failures = true;
    order.scope = Scope::only(scope);
    run::carry_out(&plan, &order, &run, printer)
}

/// Dataflow and inputs, where they are not given, are those that the tables were made from. Model and server are not
/// taken from there: to whom texts are sent must be said.
fn as_before(
    plan: &mut PlanArgs,
    tables: &Tables,
    snapshot: &Snapshot,
    printer: &mut Printer,
) -> Result<(), Exit> {
    let info = &snapshot.manifest().info;
    if plan.dataflow.is_empty() {
        plan.dataflow.clone_from(&info.dataflow);
    }
    plan.output = Some(tables.output.display().to_string());
    plan.state = Some(tables.state.display().to_string());
    if !plan.input.is_empty() {
        return Ok(());
    }
    let views = tables
        .database()
        .and_then(|database| database.map_or_else(|| Ok(Vec::new()), |found| found.views()));
    let views = views.map_err(|error| {
        printer.error(&error);
        Exit::Storage
    })?;
    let Some(view) = views.iter().find(|view| view.id.to_string() == info.view) else {
        printer.plain_error(&format!(
            "error: the state in {} knows nothing of these tables\nhint: --state names the one that they were made \
             with\n",
            word(&tables.state.display().to_string())
        ));
        return Err(Exit::Usage);
    };
    let roots = view
        .view
        .roots
        .iter()
        .filter_map(|root| root.split_once('='));
    plan.input = roots
        .filter(|(label, _)| *label != "samples")
        .map(|(_, path)| PathBuf::from(path))
        .collect();
    Ok(())
}

fn scope(
    order: &Order,
    tables: &Tables,
    found: &[Failed],
) -> Result<std::collections::BTreeSet<crate::model::id::Fingerprint>, StoreError> {
    match tables.database()? {
        Some(database) => failed::again(&database, open::view(order).id(), &order.context, found),
        None => Ok(std::collections::BTreeSet::new()),
    }
}

/// Whom these tables' calls went to, for a hint.
fn models(tables: &Tables, snapshot: &Snapshot) -> String {
    let mut models: BTreeMap<String, u64> = BTreeMap::new();
    let counted = crate::sink::for_each_row(
        snapshot.folder(),
        crate::sink::Table::Calls,
        |row| -> std::ops::ControlFlow<()> {
            if let Some(model) = row.get("model").and_then(Value::as_str) {
                *models.entry(model.to_owned()).or_default() += 1;
            }
            std::ops::ControlFlow::Continue(())
        },
    );
    let names: Vec<String> = models.keys().map(|model| word(model)).collect();
    if counted.is_err() || names.is_empty() {
        return String::new();
    }
    let output = word(&tables.output.display().to_string());
    format!(": the calls of {output} went to {}", names.join(", "))
}
