//! `weir check`: the resolved plan of a dataflow, and where each value came from; or how a transcript is read.

use serde_json::{Value, json};

use super::Exit;
use super::args::CheckArgs;
use super::env::Environment;
use super::printer::Printer;
use super::transcript;
use crate::plan::Plan;
use crate::plan::resolve::{Purpose, resolve};

/// Runs the command.
pub fn run(args: &CheckArgs, environment: &Environment, printer: &mut Printer) -> Exit {
    if transcript::is_transcript(&args.plan.dataflow) {
        return transcript::run(args, environment, printer);
    }
    let inputs = args.plan.inputs(environment, Purpose::Show);
    let plan = match inputs.and_then(|inputs| resolve(&inputs)) {
        Ok(plan) => plan,
        Err(error) => {
            printer.error(&error);
            return Exit::Usage;
        }
    };
    if args.json {
        printer.result_json(&json(&plan));
    } else {
        printer.result(&text(&plan));
    }
    Exit::Complete
}

/// Long values take no more room than this from those beside them.
const WIDEST: usize = 40;

/// For people: a line for each value.
#[must_use]
pub fn text(plan: &Plan) -> String {
    let shown: Vec<(&str, String, String)> = plan
        .origins
        .iter()
        .map(|setting| {
            // A line break in a value must not look like another value.
            let value = super::escape::word(&setting.value);
            (setting.key.as_str(), value, setting.origin.to_string())
        })
        .collect();
    let width = |lengths: &mut dyn Iterator<Item = usize>| {
        lengths
            .filter(|length| *length <= WIDEST)
            .max()
            .unwrap_or(0)
    };
    let keys = width(&mut shown.iter().map(|(key, ..)| key.chars().count()));
    let values = width(&mut shown.iter().map(|(_, value, _)| value.chars().count()));
    let mut lines: Vec<String> = shown
        .iter()
        .map(|(key, value, origin)| format!("{key:<keys$}  {value:<values$}  {origin}"))
        .collect();
    lines.push(String::new());
    for (name, value) in ids(plan) {
        lines.push(format!("{name:<keys$}  {value}"));
    }
    for note in &plan.notes {
        lines.push(format!("note: {note}"));
    }
    lines.join("\n")
}

fn ids(plan: &Plan) -> [(&'static str, String); 4] {
    [
        ("plan", plan.hash.clone()),
        ("reading", plan.reading.clone()),
        ("prompt", plan.question.prompt_id.to_string()),
        ("schema", plan.question.schema_id.to_string()),
    ]
}

/// For programs.
#[must_use]
pub fn json(plan: &Plan) -> Value {
    let settings: Vec<Value> = plan
        .origins
        .iter()
        .map(|setting| {
            json!({
                "key": setting.key,
                "value": setting.value,
                "origin": setting.origin.to_string(),
            })
        })
        .collect();
    let ids = ids(plan)
        .into_iter()
        .map(|(name, id)| (name.to_owned(), id.into()));
    json!({
        "name": plan.name,
        "settings": settings,
        "ids": Value::Object(ids.collect()),
        "notes": plan.notes,
    })
}
