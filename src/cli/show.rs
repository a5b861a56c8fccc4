//! `weir show`: one chunk, from its words to what was made of the answer.

use std::fmt::Write;

use serde_json::{Value, json};

use super::Exit;
use super::args::PlanArgs;
use super::env::Environment;
use super::escape::word;
use super::printer::Printer;
use super::tables::{Tables, TablesArgs, no_tables};
use super::text::{clock, place, short};
use crate::job::shown::{self, Chunk, Known, Named, Sent};
use crate::model::extraction::{Extraction, Grounding};
use crate::model::record::CallRow;
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
                    printer.result_json(&json(&shown));
                } else {
                    printer.result(&text(&shown, args.body));
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

fn json(shown: &Shown) -> Value {
    let known = &shown.known;
    let answer = known.answer.as_ref().map(|answer| {
        json!({
            "content": serde_json::from_str(&answer.content).unwrap_or(Value::from(answer.content.as_str())),
            "provider": answer.provider, "model": answer.model, "answered_at": answer.answered_at.to_string(),
            "input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens,
            "cost_usd": answer.cost.map(crate::model::unit::Usd::dollars), "key": answer.key.to_string(),
        })
    });
    let failure = known.failure.as_ref().map(|failure| {
        json!({
            "reason": failure.reason.name(), "message": failure.message, "attempts": failure.attempts,
            "retryable": failure.reason.transient(), "first_at": failure.first_at.to_string(),
            "last_at": failure.last_at.to_string(),
        })
    });
    let call = known.call.as_ref().map(|call| {
        json!({
            "call_id": call.call_id.to_string(), "at": call.at.to_string(), "provider": call.provider,
            "model": call.model, "attempt": call.attempt, "chunks": call.chunks, "status": call.status,
            "outcome": call.outcome, "finish": call.finish, "queued_ms": call.queued_ms,
            "latency_ms": call.latency_ms, "input_tokens": call.input_tokens,
            "cached_tokens": call.cached_tokens, "output_tokens": call.output_tokens,
            "cost_usd": call.cost.map(crate::model::unit::Usd::dollars), "request_id": call.request_id,
        })
    });
    let also: Vec<Value> = shown
        .also
        .iter()
        .map(|(chunk, path, position)| json!({"chunk_id": chunk, "path": path, "position": position}))
        .collect();
    json!({
        "dataflow": shown.dataflow, "chunk": shown.chunk, "path": shown.path, "also": also, "lines": known.lines,
        "prompt": shown.sent, "answer": answer, "parsed": known.parsed.as_ref().map(parsed), "failure": failure,
        "call": call, "body": known.body, "notes": shown.notes,
    })
}

fn parsed(found: &Extraction) -> Value {
    let ground = |ground: &Grounding| {
        json!({"quote": &*ground.quote, "match": ground.matched.name(), "score": f64::from(ground.score) / 1000.0,
               "start": ground.start, "end": ground.end})
    };
    let mentions = found.mentions.iter().map(|one| {
        json!({"surface": &*one.surface, "kind": one.name.kind.name(), "name": &*one.name.normal,
               "ground": ground(&one.grounding)})
    });
    let statements = found.statements.iter().map(|one| {
        json!({"source": &*one.source.normal, "predicate": &*one.predicate, "target": &*one.target.normal,
               "ground": ground(&one.grounding)})
    });
    let aliases = found
        .aliases
        .iter()
        .map(|one| json!({"name": &*one.name.normal, "other": &*one.other.normal}));
    json!({"mentions": mentions.collect::<Vec<_>>(), "statements": statements.collect::<Vec<_>>(),
           "aliases": aliases.collect::<Vec<_>>()})
}

fn text(shown: &Shown, body: bool) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    write(&mut out, shown, body).ok();
    out
}

fn write(out: &mut String, shown: &Shown, body: bool) -> std::fmt::Result {
    let (chunk, known) = (&shown.chunk, &shown.known);
    writeln!(out, "chunk        {}", chunk.chunk_id)?;
    writeln!(out, "fingerprint  {}", chunk.fingerprint)?;
    let spoken = place(&chunk.speakers, chunk.start_ms, chunk.end_ms);
    writeln!(
        out,
        "stands in    {}, chunk {}",
        word(&shown.path),
        chunk.position
    )?;
    writeln!(
        out,
        "             characters {}-{}, bytes {}-{}",
        chunk.char_start, chunk.char_end, chunk.byte_start, chunk.byte_end
    )?;
    for (id, path, position) in &shown.also {
        writeln!(
            out,
            "also in      {}, chunk {position} ({})",
            word(path),
            short(id)
        )?;
    }
    if !spoken.is_empty() {
        writeln!(out, "spoken       {}", word(&spoken))?;
    }
    writeln!(
        out,
        "size         {} tokens, value {} of 1000",
        chunk.tokens, chunk.value
    )?;
    write!(out, "status       {}", chunk.status)?;
    match (&chunk.drop_reason, &chunk.duplicate_of) {
        (Some(reason), _) => writeln!(out, ": {reason}")?,
        (_, Some(first)) => writeln!(out, " of {first}")?,
        _ if chunk.status == "ok" => writeln!(out, " ({})", chunk.source)?,
        _ => writeln!(out)?,
    }
    for note in &shown.notes {
        writeln!(out, "note         {}", word(note))?;
    }

    writeln!(out, "\ntext")?;
    for line in &known.lines {
        let time = line.start_ms.map(clock).unwrap_or_default();
        writeln!(out, "  {time:>8}  {}", word(&line.text))?;
    }
    prompt(out, shown)?;
    if let Some(failure) = &known.failure {
        writeln!(out, "\nfailure")?;
        let s = if failure.attempts == 1 { "" } else { "s" };
        writeln!(
            out,
            "  {}: {} attempt{s}, from {} to {}",
            failure.reason.name(),
            failure.attempts,
            failure.first_at,
            failure.last_at
        )?;
        writeln!(out, "  {}", word(&failure.message))?;
    }
    if let Some(answer) = &known.answer {
        writeln!(
            out,
            "\nanswer (by {}, {})",
            word(&answer.model),
            answer.answered_at
        )?;
        let pretty = serde_json::from_str::<Value>(&answer.content)
            .and_then(|value| serde_json::to_string_pretty(&value))
            .unwrap_or_else(|_not_json| answer.content.clone());
        indented(out, &pretty)?;
    }
    if let Some(found) = &known.parsed {
        extraction(out, found)?;
    }
    cost(out, known)?;
    if let Some(text) = known.body.as_deref().filter(|_| body) {
        writeln!(
            out,
            "\nbody of the {}",
            if known.answer.is_some() {
                "answer"
            } else {
                "last answer"
            }
        )?;
        indented(out, text)?;
    }
    Ok(())
}

fn prompt(out: &mut String, shown: &Shown) -> std::fmt::Result {
    let known = &shown.known;
    let Some(sent) = &shown.sent else {
        let asked = known.answer.is_some() || known.failure.is_some();
        if asked && known.model().is_none() {
            writeln!(
                out,
                "\nprompt\n  none: rules were applied on this machine, nothing was sent"
            )?;
        }
        return Ok(());
    };
    let doubt = if sent.certain {
        ""
    } else {
        " (by the dataflow as it is now; it was asked by another prompt, schema or model parameters)"
    };
    writeln!(out, "\nprompt, system{doubt}")?;
    indented(out, &sent.system)?;
    let beside = known
        .call
        .as_ref()
        .map_or(0, |call| call.chunks.saturating_sub(1));
    let beside = match beside {
        0 => String::new(),
        1 => " (with 1 other chunk)".to_owned(),
        others => format!(" (with {others} other chunks)"),
    };
    writeln!(out, "\nprompt, user{beside}")?;
    indented(out, &sent.user)
}

fn indented(out: &mut String, text: &str) -> std::fmt::Result {
    text.trim_end().split('\n').try_for_each(|line| match line {
        "" => writeln!(out),
        line => writeln!(out, "  {}", word(line)),
    })
}

fn extraction(out: &mut String, found: &Extraction) -> std::fmt::Result {
    let ground = |ground: &Grounding| {
        let matched = ground.matched.name();
        let quote = word(&ground.quote);
        match ground.matched {
            crate::model::extraction::Match::None => format!("none        \"{quote}\""),
            _ => format!(
                "{matched:<10} {:>4.2}  \"{quote}\" at {}-{}",
                f64::from(ground.score) / 1000.0,
                ground.start,
                ground.end
            ),
        }
    };
    writeln!(
        out,
        "\nparsed: {} mentions, {} relations, {} aliases",
        found.mentions.len(),
        found.statements.len(),
        found.aliases.len()
    )?;
    for one in &found.mentions {
        writeln!(out, "  {} ({})", word(&one.surface), one.name.kind.name())?;
        writeln!(out, "      {}", ground(&one.grounding))?;
    }
    for one in &found.statements {
        writeln!(
            out,
            "  {} -{}-> {}",
            word(&one.source.normal),
            word(&one.predicate),
            word(&one.target.normal)
        )?;
        writeln!(out, "      {}", ground(&one.grounding))?;
    }
    for one in &found.aliases {
        writeln!(
            out,
            "  {} = {}",
            word(&one.name.normal),
            word(&one.other.normal)
        )?;
    }
    Ok(())
}

fn cost(out: &mut String, known: &Known) -> std::fmt::Result {
    if known.model().is_none() {
        return Ok(());
    }
    let dollars = |cost: Option<crate::model::unit::Usd>| {
        cost.map_or_else(|| "cost unknown".to_owned(), |cost| cost.to_string())
    };
    writeln!(out, "\ncost")?;
    if let Some(answer) = &known.answer {
        writeln!(
            out,
            "  this chunk  {} tokens in, {} out, {}",
            answer.input_tokens,
            answer.output_tokens,
            dollars(answer.cost)
        )?;
    }
    if let Some(call) = &known.call {
        let CallRow {
            call_id,
            attempt,
            chunks,
            outcome,
            latency_ms,
            ..
        } = call;
        let number = |count: Option<u64>| count.map_or("?".to_owned(), |count| count.to_string());
        writeln!(
            out,
            "  its call    {} tokens in, {} out, {} for {chunks} chunks: {}, attempt {attempt}, {:.1} s",
            number(call.input_tokens),
            number(call.output_tokens),
            dollars(call.cost),
            word(outcome),
            *latency_ms as f64 / 1000.0
        )?;
        writeln!(out, "              {call_id} at {}", call.at)?;
    }
    Ok(())
}
