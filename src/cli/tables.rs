//! Which tables a command looks at: those of a dataflow, those in a folder, or the only ones that a state knows.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use super::Exit;
use super::args::PlanArgs;
use super::env::Environment;
use super::escape::word;
use super::printer::Printer;
use crate::plan::Plan;
use crate::plan::resolve::{Purpose, resolve};
use crate::sink::{SinkError, Snapshot};
use crate::store::{Database, Mode, StoreError};

/// Which tables.
#[derive(Args, Clone, Debug, Default)]
pub struct TablesArgs {
    /// A shipped dataflow (knowledge-graph), or the path of a dataflow file. Without it and -o: the only tables that
    /// the state knows.
    pub dataflow: Option<String>,
    /// Folder of the tables [default: out/NAME].
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: Option<String>,
    /// Folder of the state [default: .weir].
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub state: Option<String>,
}

/// The tables, and what belongs to them.
#[derive(Debug)]
pub(super) struct Tables {
    /// Their folder.
    pub(super) output: PathBuf,
    /// The folder of the state.
    pub(super) state: PathBuf,
    /// The plan, if a dataflow was named.
    pub(super) plan: Option<Plan>,
    /// The dataflow as it was named.
    pub(super) dataflow: Option<String>,
}

impl TablesArgs {
    /// Finds them; what is wrong has been said.
    pub(super) fn find(
        &self,
        environment: &Environment,
        printer: &mut Printer,
    ) -> Result<Tables, Exit> {
        let plan = match &self.dataflow {
            Some(dataflow) => Some(self.plan(dataflow, environment, printer)?),
            None => None,
        };
        let state = match (&self.state, &plan) {
            (None, Some(plan)) => plan.state.clone(),
            (given, _) => given.as_deref().unwrap_or(".weir").into(),
        };
        let output = match (&self.output, &plan) {
            (Some(output), _) => output.into(),
            (None, Some(plan)) => plan.output.clone(),
            (None, None) => only(&state, printer)?,
        };
        Ok(Tables {
            output,
            state,
            plan,
            dataflow: self.dataflow.clone(),
        })
    }

    /// As [`TablesArgs::find`], but where none are named all that the state knows: at least one.
    pub(super) fn all(
        &self,
        environment: &Environment,
        printer: &mut Printer,
    ) -> Result<Vec<Tables>, Exit> {
        if self.dataflow.is_some() || self.output.is_some() {
            return self.find(environment, printer).map(|tables| vec![tables]);
        }
        let state = PathBuf::from(self.state.as_deref().unwrap_or(".weir"));
        let outputs = outputs(&state, printer)?.into_iter();
        let tables = outputs.map(|output| Tables {
            output,
            state: state.clone(),
            plan: None,
            dataflow: None,
        });
        Ok(tables.collect())
    }

    fn plan(
        &self,
        dataflow: &str,
        environment: &Environment,
        printer: &mut Printer,
    ) -> Result<Plan, Exit> {
        let args = PlanArgs {
            dataflow: dataflow.to_owned(),
            output: self.output.clone(),
            state: self.state.clone(),
            ..PlanArgs::default()
        };
        let inputs = args.inputs(environment, Purpose::Show);
        inputs.and_then(|inputs| resolve(&inputs)).map_err(|error| {
            printer.error(&error);
            Exit::Usage
        })
    }
}

impl Tables {
    /// Their snapshot, resolved once: whatever is published meanwhile, all is read as of one epoch.
    ///
    /// # Errors
    /// If there is none, or it cannot be understood.
    pub(super) fn snapshot(&self) -> Result<Snapshot, SinkError> {
        Snapshot::open(&self.output.join("current"))
    }

    /// The state, to read; none if there is none.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn database(&self) -> Result<Option<Database>, StoreError> {
        match Database::open(&self.state, Mode::Read) {
            Ok(database) => Ok(Some(database)),
            Err(StoreError::Absent { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Says that there are no tables, and how to come by some.
pub(super) fn no_tables(error: &SinkError, tables: &Tables, printer: &mut Printer) -> Exit {
    printer.error(error);
    let dataflow = tables.plan.as_ref();
    let dataflow = dataflow.map_or("DATAFLOW", |plan| plan.name.as_str());
    printer.plain_error(&format!(
        "hint: weir run {dataflow} makes tables; -o DIR names the folder of others\n"
    ));
    if error.storage() && !absent(error) {
        Exit::Storage
    } else {
        Exit::Usage
    }
}

/// Whether it is only that there is nothing.
pub(super) fn absent(error: &SinkError) -> bool {
    matches!(error, SinkError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
}

/// The folder of the only tables that a state knows.
fn only(state: &Path, printer: &mut Printer) -> Result<PathBuf, Exit> {
    let shown = word(&state.display().to_string());
    let outputs = outputs(state, printer)?;
    if let [output] = outputs.as_slice() {
        return Ok(output.clone());
    }
    let list: Vec<String> = outputs
        .iter()
        .map(|output| format!("  -o {}", word(&output.display().to_string())))
        .collect();
    printer.plain_error(&format!(
        "error: the state in {shown} knows of several tables\nhint: say which:\n{}\n",
        list.join("\n")
    ));
    Err(Exit::Usage)
}

/// The folders of all tables that a state knows: at least one, the last published first.
fn outputs(state: &Path, printer: &mut Printer) -> Result<Vec<PathBuf>, Exit> {
    let shown = word(&state.display().to_string());
    let views = match Database::open(state, Mode::Read).and_then(|database| database.views()) {
        Ok(views) => views,
        Err(StoreError::Absent { .. }) => {
            printer.plain_error(&format!(
                "error: no tables are named, and there is no state in {shown} that knows of any\nhint: give a \
                 dataflow, or -o DIR; --state names another state\n"
            ));
            return Err(Exit::Usage);
        }
        Err(error) => {
            printer.error(&error);
            return Err(Exit::Storage);
        }
    };
    // The same folder may have been made from other inputs before.
    let mut outputs: Vec<PathBuf> = Vec::new();
    for view in views.into_iter().filter(|view| view.epoch > 0) {
        let output = PathBuf::from(view.view.output);
        if !outputs.contains(&output) {
            outputs.push(output);
        }
    }
    if outputs.is_empty() {
        printer.plain_error(&format!(
            "error: the state in {shown} knows of no tables\nhint: weir run makes some\n"
        ));
        return Err(Exit::Usage);
    }
    Ok(outputs)
}
