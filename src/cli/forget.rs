//! `weir forget`: a document erased everywhere, once it has been said what that means.

use std::path::PathBuf;

use serde_json::json;

use super::keep::ForgetArgs;
use super::ledger::{failed as state_failed, refuse, say, shown};
use super::printer::Printer;
use super::{Exit, confirm};
use crate::job::forget::{ForgetError, Forgotten, Target, find, forget};
use crate::job::from_plan::wall;
use crate::job::open::OpenError;
use crate::sink::SinkError;

/// Runs the command.
pub fn run(args: &ForgetArgs, printer: &mut Printer) -> Exit {
    let state = args.state.clone().unwrap_or_else(|| PathBuf::from(".weir"));
    let target = match find(&state, &args.document) {
        Ok(target) => target,
        Err(error) => return failed(&error, &state, printer),
    };
    if !args.yes {
        if !confirm::somebody_is_there() || args.json {
            printer.plain_error(&means(&target));
            return refuse(
                printer,
                "forgetting a document needs a yes",
                "--yes says it",
            );
        }
        printer.result(&means(&target));
        if !confirm::ask("erase it?", printer, &mut std::io::stdin().lock()) {
            return Exit::Usage;
        }
    }
    let runtime = match super::runtime(None, printer) {
        Ok(runtime) => runtime,
        Err(exit) => return exit,
    };
    match runtime.block_on(forget(&state, &target, &wall())) {
        Ok(done) => {
            let value = json!({
                "forgotten": target.doc.to_string(), "path": target.path, "file_stays": target.file_stays(),
                "views": done.views, "snapshots": done.snapshots, "change_logs": done.logs,
                "versions": done.erased.versions, "texts": done.erased.texts, "answers": done.erased.answers,
                "bodies": done.erased.bodies,
            });
            say(args.json, printer, &came(&target, &done), &value);
            Exit::Complete
        }
        Err(error) => failed(&error, &state, printer),
    }
}

fn name(target: &Target) -> String {
    let doc = target.doc;
    match &target.path {
        Some(path) => format!("{} (document {doc})", shown(path)),
        None => format!("document {doc}"),
    }
}

/// What forgetting it means, before it is done.
fn means(target: &Target) -> String {
    let mut text = format!("to forget: {}\n", name(target));
    for view in &target.shown {
        text.extend([format!(
            "  tables     {} are published anew without it, from the ledger, without a call\n",
            shown(view.view.output.as_ref())
        )]);
    }
    if target.shown.is_empty() {
        text += "  tables     none show it now\n";
    }
    text += "  snapshots  older ones that hold it are deleted, and all change logs: who follows those starts anew\n";
    let erases = target.erases;
    text.extend([format!(
        "  state      {} versions of it, {} texts, {} answers and {} raw bodies that no other known document stands for,\n             \
         earlier versions of documents included: should one come back, it is asked, and paid for, again\n",
        erases.versions, erases.texts, erases.answers, erases.bodies
    )]);
    text += &stays(target);
    text
}

fn stays(target: &Target) -> String {
    if target.file_stays() {
        "  file       it is still there: the next run reads it again, unless you move it away first\n".to_owned()
    } else {
        String::new()
    }
}

fn came(target: &Target, done: &Forgotten) -> String {
    let erased = done.erased;
    format!(
        "forgotten: {}\n  tables     {} published anew\n  snapshots  {} deleted, and {} change logs\n  \
         state      {} versions, {} texts, {} answers, {} raw bodies erased\n{}",
        name(target),
        done.views,
        done.snapshots,
        done.logs,
        erased.versions,
        erased.texts,
        erased.answers,
        erased.bodies,
        stays(target)
    )
    .trim_end()
    .to_owned()
}

fn failed(error: &ForgetError, state: &std::path::Path, printer: &mut Printer) -> Exit {
    let hint = match error {
        ForgetError::State(cause) => return state_failed(cause, state, printer),
        ForgetError::Unknown { .. } => {
            "name it by its path, or by its doc_id in the documents table; --state names another state"
        }
        ForgetError::Several { .. } => "name it by its doc_id",
        ForgetError::Damaged { .. } => "weir run reads its file again; then do this again",
        ForgetError::Derivation { .. } => "weir run brings them up to date; then do this again",
        ForgetError::Output {
            cause: SinkError::Locked { .. },
            ..
        } => "wait for the run to end, or stop it",
        ForgetError::Open(OpenError::Guard { .. }) => "see above",
        _ => {
            printer.error(error);
            printer.plain_error("hint: the same command goes on from there\n");
            return Exit::Storage;
        }
    };
    printer.error(error);
    printer.plain_error(&format!("hint: {hint}\n"));
    Exit::Usage
}
