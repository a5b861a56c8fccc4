//! `weir show`: one chunk, from its words to what was made of the answer.

mod json;
mod people;

use std::fmt::Write;

use super::Exit;
use super::args::PlanArgs;
use super::env::Environment;
use super::escape::word;
use super::printer::Printer;
use super::tables::{Tables, TablesArgs, no_tables};
use super::text::short;
use crate::job::shown::{self, Chunk, Known, Named, Sent};
use crate::plan::resolve::{Purpose, resolve};
use crate::sink::Snapshot;

/// Fewer digits name nothing in particular.
const LEAST: usize = 4;
/// So many places are listed where a name fits several.
const LISTED: usize = 10;

/// The arguments of `show`.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct ShowArgs {
    /// The chunk: its id or its fingerprint, or the first digits of either.
    pub chunk: String,
    /// Where it is looked for; without dataflow and -o in all tables that the state knows.
    #[command(flatten)]
    pub tables: TablesArgs,
    /// Print the whole body that the server sent, too.
    #[arg(long)]
    pub body: bool,
    /// As one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Examples.
pub(super) const EXAMPLES: &str = "\
Examples:
  weir show 3f2a9c01
      by the first digits of a chunk_id or fingerprint, as in every table and in weir failures
  weir show 3f2a9c01 my.toml
      of your own dataflow: its file has the prompt that was sent
  weir show 3f2a9c01 --json
      for programs, with the body of the answer as it came
  duckdb -init out/knowledge-graph/views.sql -c \"SELECT chunk_id, text FROM chunks WHERE text LIKE '%tide%'\"
      to find chunks by their words";

/// A chunk that was found, and what it was found in.
struct Shown {
    chunk: Chunk,
    /// Each other place of its text: chunk, path, position.
    also: Vec<(String, String, u32)>,
    path: String,
    dataflow: String,
    known: Known,
    sent: Option<Sent>,
    /// What cannot be shown, and why.
    notes: Vec<String>,
}

/// Runs the command.
pub(super) fn run(args: &ShowArgs, environment: &Environment, printer: &mut Printer) -> Exit {
    let name = args.chunk.trim().to_lowercase();
    if name.len() < LEAST || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        printer.plain_error(&format!(
            "error: {:?} is not the beginning of an id: at least {LEAST} of the digits 0-9 and a-f\nhint: weir \
             failures lists chunks that failed; SELECT chunk_id, text FROM chunks lists all\n",
            args.chunk
        ));
        return Exit::Usage;
    }
    let all = match args.tables.all(environment, printer) {
        Ok(all) => all,
        Err(exit) => return exit,
    };
    for tables in &all {
        match look(tables, &name, environment) {
            Ok(Some(Ok(shown))) => {
                if args.json {
                    printer.result_json(&json::json(&shown));
                } else {
                    printer.result(&people::text(&shown, args.body));
                }
                return Exit::Complete;
            }
            Ok(Some(Err(several))) => {
                printer.plain_error(&several);
                return Exit::Usage;
            }
            Ok(None) => {}
            Err(Trouble::Tables(error)) => return no_tables(&error, tables, printer),
            Err(Trouble::State(error)) => {
                printer.error(&error);
                return Exit::Storage;
            }
        }
    }
    let places: Vec<String> = all
        .iter()
        .map(|tables| word(&tables.output.display().to_string()))
        .collect();
    printer.plain_error(&format!(
        "error: no chunk of {} has an id or a fingerprint that begins with {name}\nhint: an edited file has other \
         chunks than before; SELECT chunk_id, path, text FROM chunks JOIN documents USING (doc_id) lists those \
         there are\n",
        places.join(" and ")
    ));
    Exit::Usage
}

enum Trouble {
    Tables(crate::sink::SinkError),
    State(crate::store::StoreError),
}

/// The chunk, or what to say of several; nothing if there is none.
fn look(
    tables: &Tables,
    name: &str,
    environment: &Environment,
) -> Result<Option<Result<Shown, String>>, Trouble> {
    let snapshot = tables.snapshot().map_err(Trouble::Tables)?;
    let (mut places, several) = match shown::find(&snapshot, name).map_err(Trouble::Tables)? {
        Named::Nothing => return Ok(None),
        Named::One(places) => (places, None),
        Named::Several(places, count) => (places, Some(count)),
    };
    let paths = shown::paths(&snapshot, &places).map_err(Trouble::Tables)?;
    let path = |chunk: &Chunk| paths.get(&chunk.doc_id).cloned().unwrap_or_default();
    if let Some(count) = several {
        return Ok(Some(Err(ambiguous(name, &places, count, path))));
    }
    let chunk = places.remove(0);
    let mut notes = Vec::new();
    let database = tables.database().map_err(Trouble::State)?;
    if database.is_none() {
        notes.push(format!(
            "there is no state in {}: neither the prompt nor the answer can be shown (--state names another)",
            tables.state.display()
        ));
    }
    let known = shown::known(database.as_ref(), &snapshot, &chunk).map_err(Trouble::State)?;
    let sent = sent(tables, &snapshot, &chunk, &known, environment, &mut notes);
    let also = places
        .iter()
        .map(|other| (other.chunk_id.clone(), path(other), other.position));
    Ok(Some(Ok(Shown {
        also: also.collect(),
        path: path(&chunk),
        dataflow: snapshot.manifest().info.dataflow.clone(),
        chunk,
        known,
        sent,
        notes,
    })))
}

fn ambiguous(
    name: &str,
    places: &[Chunk],
    count: usize,
    path: impl Fn(&Chunk) -> String,
) -> String {
    let mut out = format!(
        "error: {name} begins the ids or fingerprints of {count} chunks\nhint: say more digits:\n"
    );
    for chunk in places.iter().take(LISTED) {
        let id = if chunk.chunk_id.starts_with(name) {
            &chunk.chunk_id
        } else {
            &chunk.fingerprint
        };
        let (path, position) = (word(&path(chunk)), chunk.position);
        // Writing to a string cannot fail.
        writeln!(out, "  {id}  {path}, chunk {position}").ok();
    }
    if count > LISTED {
        writeln!(out, "  ... and {} more", count - LISTED).ok();
    }
    out
}

/// The prompt that was sent, as far as the dataflow at hand is the one that was asked.
fn sent(
    tables: &Tables,
    snapshot: &Snapshot,
    chunk: &Chunk,
    known: &Known,
    environment: &Environment,
    notes: &mut Vec<String>,
) -> Option<Sent> {
    let model = known.model()?;
    let info = &snapshot.manifest().info;
    let plan = PlanArgs {
        dataflow: tables.dataflow.clone().unwrap_or(info.dataflow.clone()),
        model: Some(model.to_owned()),
        provider: Some("openai".to_owned()),
        ..PlanArgs::default()
    };
    let inputs = plan.inputs(environment, Purpose::Show);
    let Ok(plan) = inputs.and_then(|inputs| resolve(&inputs)) else {
        notes.push(format!(
            "the prompt cannot be shown: '{}' is no shipped dataflow; name its file: weir show {} FILE",
            info.dataflow,
            short(&chunk.chunk_id)
        ));
        return None;
    };
    shown::sent(chunk, known, &plan.question, &plan.key_context)
}
