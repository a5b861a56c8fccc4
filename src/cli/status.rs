//! `weir status`: what is done, what failed, what it cost so far; works while a run goes on.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Exit;
use super::args::StatusArgs;
use super::escape::word;
use super::printer::Printer;
use crate::store::{Database, Mode, StoreError, StoredRun, StoredView, Totals};

/// Runs that are shown of each view.
const RUNS: u32 = 3;

/// Runs the command.
pub fn run(args: &StatusArgs, printer: &mut Printer) -> Exit {
    let state = args.state.clone().unwrap_or_else(|| PathBuf::from(".weir"));
    let wanted = args
        .output
        .as_deref()
        .map(|output| std::path::absolute(output).unwrap_or_else(|_| output.to_owned()));
    match look(&state, wanted.as_deref()) {
        Ok(views) if args.json => {
            printer.result_json(&views.iter().map(View::json).collect::<Vec<_>>());
            Exit::Complete
        }
        Ok(views) if views.is_empty() => {
            printer.result("nothing has been run with this state");
            Exit::Complete
        }
        Ok(views) => {
            printer.result(&views.iter().map(View::text).collect::<Vec<_>>().join("\n"));
            Exit::Complete
        }
        Err(StoreError::Absent { .. }) => {
            printer.plain_error(&format!(
                "error: there is no state in {}\nhint: --state names another folder; weir run makes one\n",
                word(&state.display().to_string())
            ));
            Exit::Usage
        }
        Err(error) => {
            printer.error(&error);
            Exit::Storage
        }
    }
}

struct View {
    stored: StoredView,
    totals: Totals,
    runs: Vec<StoredRun>,
}

fn look(state: &Path, wanted: Option<&Path>) -> Result<Vec<View>, StoreError> {
    let database = Database::open(state, Mode::Read)?;
    let mut views = Vec::new();
    for stored in database.views()? {
        if wanted.is_some_and(|wanted| Path::new(&stored.view.output) != wanted) {
            continue;
        }
        let (totals, runs) = (
            database.totals(stored.id)?,
            database.last_runs(Some(stored.id), RUNS)?,
        );
        views.push(View {
            stored,
            totals,
            runs,
        });
    }
    Ok(views)
}

impl View {
    fn manifest(&self) -> Value {
        serde_json::from_str(&self.stored.manifest_json).unwrap_or_default()
    }

    fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        self.write(&mut out).ok();
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let StoredView {
            view,
            epoch,
            complete,
            updated_at,
            ..
        } = &self.stored;
        let manifest = self.manifest();
        let number = |pointer: &str| {
            manifest
                .pointer(pointer)
                .and_then(Value::as_u64)
                .unwrap_or(0)
        };
        writeln!(out, "{} -> {}", word(&view.dataflow), word(&view.output))?;
        if *epoch == 0 {
            writeln!(out, "  nothing published yet")?;
        } else {
            let done = if *complete {
                "complete"
            } else {
                "not complete"
            };
            writeln!(out, "  epoch {epoch}, {done}, published {updated_at}")?;
            writeln!(
                out,
                "  {} documents, {} chunks: {} ok, {} duplicate, {} dropped, {} failed, {} pending, {} not asked",
                number("/documents"),
                number("/chunks/total"),
                number("/chunks/ok"),
                number("/chunks/duplicate"),
                number("/chunks/dropped"),
                number("/chunks/failed"),
                number("/chunks/pending"),
                number("/chunks/unasked")
            )?;
            if number("/failures") > 0 {
                writeln!(
                    out,
                    "  {} failures: SELECT * FROM failures",
                    number("/failures")
                )?;
            }
        }
        let t = self.totals;
        let unknown = if t.unknown > 0 {
            format!(", {} of them with unknown outcome", t.unknown)
        } else {
            String::new()
        };
        let cost = match t.unpriced {
            0 => t.cost.to_string(),
            all if all == t.calls => "cost unknown".to_owned(),
            some => format!("{} and {some} calls of unknown cost", t.cost),
        };
        writeln!(
            out,
            "  {} calls so far{unknown}: {} tokens in, {} out, {cost}",
            t.calls, t.input_tokens, t.output_tokens
        )?;
        for run in &self.runs {
            let ended = run.ended_at.map_or_else(
                || "still going, or killed".to_owned(),
                |at| format!("ended {at}"),
            );
            writeln!(out, "  run started {}, {ended}", run.started_at)?;
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let StoredView {
            id,
            view,
            epoch,
            complete,
            updated_at,
            ..
        } = &self.stored;
        json!({
            "view": id.to_string(),
            "dataflow": view.dataflow,
            "roots": view.roots,
            "output": view.output,
            "epoch": epoch,
            "complete": complete,
            "published_at": updated_at.to_string(),
            "manifest": self.manifest(),
            "total": {"calls": self.totals.calls, "unknown": self.totals.unknown, "input_tokens": self.totals.input_tokens,
                      "output_tokens": self.totals.output_tokens, "cost_usd": self.totals.cost.dollars(),
                      "calls_of_unknown_cost": self.totals.unpriced},
            "runs": self.runs.iter().map(|run| json!({"started_at": run.started_at.to_string(),
                      "ended_at": run.ended_at.map(|at| at.to_string())})).collect::<Vec<_>>(),
        })
    }
}
