//! `weir path`: the folder of the tables that hold now, resolved once, so that several tables are read as of one epoch.

use super::Exit;
use super::args::PathArgs;
use super::env::Environment;
use super::printer::Printer;
use crate::plan::resolve::{Purpose, resolve};
use crate::sink::Snapshot;

/// Runs the command.
pub fn run(args: &PathArgs, environment: &Environment, printer: &mut Printer) -> Exit {
    let inputs = args.plan().inputs(environment, Purpose::Show);
    let plan = match inputs.and_then(|inputs| resolve(&inputs)) {
        Ok(plan) => plan,
        Err(error) => {
            printer.error(&error);
            return Exit::Usage;
        }
    };
    match Snapshot::open(&plan.output.join("current")) {
        Ok(snapshot) => {
            printer.result(&snapshot.folder().display().to_string());
            Exit::Complete
        }
        Err(error) => {
            printer.error(&error);
            printer.plain_error(&format!(
                "hint: weir run {} makes the tables\n",
                args.dataflow
            ));
            Exit::Usage
        }
    }
}
