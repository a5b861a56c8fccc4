//! `weir check FILE`: how a transcript is read, and what is made of it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use serde_json::{Value, json};

use super::Exit;
use super::args::CheckArgs;
use super::env::Environment;
use super::escape::word;
use super::printer::Printer;
use crate::job::reader::{Found, Reading, cut, document_of};
use crate::model::chunk::Chunk;
use crate::model::document::{Document, Turn, Unreadable};
use crate::plan::resolve::{Purpose, resolve};
use crate::plan::shipped::DATAFLOWS;
use crate::plan::{Plan, is_dataflow_text};
use crate::source::walk::{Options, walk};
use crate::source::{Root, SourceFile};

/// Turns that are shown.
const FIRST: usize = 5;

/// Characters of a turn that are shown.
const WIDEST: usize = 96;

/// Speakers, chunks and problems that are shown to people.
const MOST: usize = 30;

/// Longer files are no dataflows.
const LONGEST_DATAFLOW: u64 = 1 << 20;

/// A dataflow is a shipped name or TOML; any other file is a transcript.
#[must_use]
pub fn is_transcript(name: &str) -> bool {
    let path = Path::new(name);
    if DATAFLOWS.iter().any(|one| one.name == name) || path.is_dir() {
        return false;
    }
    match path.extension() {
        Some(extension) if extension.eq_ignore_ascii_case("toml") => false,
        Some(_) if !path.exists() => true,
        None if !path.exists() => false,
        _ => {
            // No dataflow is so long, and looking into a recording would take its time.
            let short = path
                .metadata()
                .is_ok_and(|file| file.len() < LONGEST_DATAFLOW);
            let text = short.then(|| std::fs::read(path).ok()).flatten();
            let text = text
                .as_deref()
                .and_then(|bytes| std::str::from_utf8(bytes).ok());
            !text.is_some_and(is_dataflow_text)
        }
    }
}

/// Runs the command. The dataflow, whose chunks are shown, is the first of the shipped ones with what `--set` changes.
pub fn run(args: &CheckArgs, environment: &Environment, printer: &mut Printer) -> Exit {
    let name = args.plan.dataflow.clone();
    let mut plan = args.plan.clone();
    DATAFLOWS
        .first()
        .map_or("", |one| one.name)
        .clone_into(&mut plan.dataflow);
    let inputs = plan.inputs(environment, Purpose::Show);
    let plan = match inputs.and_then(|inputs| resolve(&inputs)) {
        Ok(plan) => plan,
        Err(error) => {
            printer.error(&error);
            return Exit::Usage;
        }
    };
    let file = match listed(&name) {
        Ok(file) => file,
        Err(why) => {
            printer.plain_error(&format!("error: {}", word(&why)));
            return Exit::Usage;
        }
    };
    let found = document_of(&file, plan.metadata.as_ref());
    if args.json {
        printer.result_json(&json(&name, &found, &plan));
    } else {
        printer.result(&text(&name, &found, &plan));
    }
    match found {
        Ok(_) => Exit::Complete,
        Err(_) => Exit::Failures,
    }
}

fn listed(name: &str) -> Result<SourceFile, String> {
    let root = Root {
        label: "check".to_owned(),
        path: name.into(),
    };
    let listing = walk(&[root], &Options::default()).map_err(|error| {
        let mut said = error.to_string();
        if let Some(cause) = std::error::Error::source(&error) {
            said = format!("{said}: {cause}");
        }
        said
    })?;
    let file = listing.files.into_iter().next();
    let mut file = file.ok_or_else(|| format!("could not read {name:?}: it is no file"))?;
    // A path pattern speaks of the whole path.
    name.trim_start_matches("./").clone_into(&mut file.relative);
    Ok(file)
}

/// The state of a file in one word.
fn status(found: &Result<Found, Unreadable>) -> &'static str {
    match found {
        Err(Unreadable::Unsupported(_)) => "unsupported",
        Err(_) => "unreadable",
        Ok(found) => {
            let document = &found.read.document;
            if document.turns.is_empty() {
                "empty"
            } else if document.problems.is_empty() && found.sidecar_problem.is_none() {
                "ok"
            } else {
                "ok, with problems"
            }
        }
    }
}

struct Speaker<'d> {
    name: Option<&'d str>,
    turns: usize,
    words: usize,
}

/// By turns, the busiest first.
fn speakers(document: &Document) -> Vec<Speaker<'_>> {
    let mut counts: BTreeMap<Option<&str>, (usize, usize)> = BTreeMap::new();
    for turn in &document.turns {
        let count = counts.entry(turn.speaker.as_deref()).or_default();
        count.0 += 1;
        count.1 += turn.text.split(' ').count();
    }
    let each = counts
        .into_iter()
        .map(|(name, (turns, words))| Speaker { name, turns, words });
    let mut all: Vec<_> = each.collect();
    all.sort_by_key(|speaker| std::cmp::Reverse(speaker.turns));
    all
}

/// Start of the first and end of the last timed stretch.
fn span(document: &Document) -> Option<(i64, i64)> {
    let cues = || document.turns.iter().flat_map(|turn| &turn.cues);
    let first = cues().filter_map(|cue| cue.start_ms).min()?;
    let last = cues()
        .filter_map(|cue| cue.end_ms.max(cue.start_ms))
        .max()?;
    Some((first, last))
}

fn starts(turn: &Turn) -> Option<i64> {
    turn.cues.first().and_then(|cue| cue.start_ms)
}

fn chunks(found: &Found, plan: &Plan) -> Vec<Chunk> {
    let reading = Reading {
        chunk: plan.chunk,
        value_min: plan.value_min,
        metadata: None,
        labelled: false,
        hash: String::new(),
    };
    cut(&found.read.document, &reading)
}

/// `1:02:03.450`.
fn clock(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let ms = ms.unsigned_abs();
    let seconds = ms / 1000;
    format!(
        "{sign}{}:{:02}:{:02}.{:03}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        ms % 1000
    )
}

fn cut_short(text: &str) -> String {
    let short: String = text.chars().take(WIDEST).collect();
    if short.len() < text.len() {
        format!("{short}...")
    } else {
        short
    }
}

/// For people.
#[must_use]
pub fn text(name: &str, found: &Result<Found, Unreadable>, plan: &Plan) -> String {
    let mut out = format!("{}: {}\n", word(name), status(found));
    // Writing to a string cannot fail.
    match found {
        Err(why) => write!(
            out,
            "\nreason      {}\n            {}",
            why.reason(),
            word(&why.to_string())
        ),
        Ok(found) => facts(&mut out, found)
            .and_then(|()| speech(&mut out, &found.read.document))
            .and_then(|()| cuts(&mut out, &chunks(found, plan), plan))
            .and_then(|()| problems(&mut out, found)),
    }
    .ok();
    out
}

fn facts(out: &mut String, found: &Found) -> std::fmt::Result {
    let read = &found.read;
    let document = &read.document;
    writeln!(
        out,
        "\nformat      {}: {}",
        document.format.name(),
        read.why
    )?;
    writeln!(out, "encoding    {}", read.encoding)?;
    let date = document.recorded_at.map(|at| at.to_string());
    for (label, key, value) in [
        ("title", "title", document.title.as_ref()),
        ("recorded", "recorded_at", date.as_ref()),
        ("language", "language", document.language.as_ref()),
    ] {
        let from = read.stated.get(key).map_or("", String::as_str);
        match value {
            Some(value) => writeln!(out, "{label:<11} {}  (from {})", word(value), word(from))?,
            None => writeln!(out, "{label:<11} not stated")?,
        }
    }
    for (index, (key, value)) in document.meta.iter().take(MOST).enumerate() {
        let label = if index == 0 { "meta" } else { "" };
        writeln!(
            out,
            "{label:<11} {} = {}",
            word(key),
            word(&cut_short(value))
        )?;
    }
    Ok(())
}

fn speech(out: &mut String, document: &Document) -> std::fmt::Result {
    let speakers = speakers(document);
    for (index, speaker) in speakers.iter().take(MOST).enumerate() {
        let label = if index == 0 { "speakers" } else { "" };
        let name = speaker.name.unwrap_or("(nobody named)");
        writeln!(
            out,
            "{label:<11} {}: {} turns, {} words",
            word(name),
            speaker.turns,
            speaker.words
        )?;
    }
    more(out, speakers.len())?;
    writeln!(out, "turns       {}", document.turns.len())?;
    match span(document) {
        Some((first, last)) => writeln!(out, "time        {} to {}", clock(first), clock(last))?,
        None => writeln!(out, "time        no times")?,
    }
    if !document.turns.is_empty() {
        writeln!(out, "\nfirst turns")?;
    }
    for turn in document.turns.iter().take(FIRST) {
        let time = starts(turn).map_or_else(|| "-".to_owned(), clock);
        let name = turn.speaker.as_deref().unwrap_or("-");
        let text = cut_short(&turn.text);
        writeln!(out, "  {time:>11}  {}: {}", word(name), word(&text))?;
    }
    Ok(())
}

fn cuts(out: &mut String, chunks: &[Chunk], plan: &Plan) -> std::fmt::Result {
    let dropped = chunks
        .iter()
        .filter(|chunk| chunk.facts.dropped.is_some())
        .count();
    let tokens: u64 = chunks
        .iter()
        .map(|chunk| u64::from(chunk.facts.tokens))
        .sum();
    writeln!(
        out,
        "\nchunks      {} as {} cuts them (target {} tokens): {tokens} tokens, {dropped} dropped",
        chunks.len(),
        plan.name,
        plan.chunk.target
    )?;
    for chunk in chunks.iter().take(MOST) {
        let facts = &chunk.facts;
        let time = facts.start_ms.map_or_else(|| "-".to_owned(), clock);
        let dropped = facts
            .dropped
            .map_or(String::new(), |why| format!("  dropped: {}", why.name()));
        let who: Vec<_> = facts
            .speakers
            .iter()
            .take(4)
            .map(|name| word(name))
            .collect();
        writeln!(
            out,
            "  {:>3}  {time:>11}  {:>4} tokens  value {:>4}  {}{dropped}",
            facts.position,
            facts.tokens,
            facts.value,
            who.join(", ")
        )?;
    }
    more(out, chunks.len())
}

fn more(out: &mut String, all: usize) -> std::fmt::Result {
    match all.checked_sub(MOST) {
        Some(rest) if rest > 0 => writeln!(out, "            and {rest} more (--json shows all)"),
        _ => Ok(()),
    }
}

fn problems(out: &mut String, found: &Found) -> std::fmt::Result {
    let all = &found.read.document.problems;
    if !all.is_empty() || found.sidecar_problem.is_some() {
        writeln!(out, "\nproblems")?;
    }
    if let Some(problem) = &found.sidecar_problem {
        writeln!(out, "  {}", word(problem))?;
    }
    for problem in all.iter().take(MOST) {
        writeln!(out, "  byte {}: {}", problem.byte, word(&problem.what))?;
    }
    more(out, all.len())
}

/// For programs.
#[must_use]
pub fn json(name: &str, found: &Result<Found, Unreadable>, plan: &Plan) -> Value {
    let status = status(found);
    let found = match found {
        Ok(found) => found,
        Err(why) => {
            return json!({"path": name, "status": status, "reason": why.reason(), "message": why.to_string()});
        }
    };
    let read = &found.read;
    let document = &read.document;
    let speakers = speakers(document);
    let speakers = speakers
        .iter()
        .map(|one| json!({"name": one.name, "turns": one.turns, "words": one.words}));
    let turns = document.turns.iter().take(FIRST).map(|turn| {
        json!({
            "speaker": turn.speaker,
            "start_ms": starts(turn),
            "end_ms": turn.cues.last().and_then(|cue| cue.end_ms),
            "text": turn.text,
        })
    });
    let chunks = chunks(found, plan);
    let chunks = chunks.iter().map(|chunk| {
        let facts = &chunk.facts;
        json!({
            "position": facts.position,
            "fingerprint": chunk.fingerprint.to_string(),
            "speakers": facts.speakers,
            "start_ms": facts.start_ms,
            "end_ms": facts.end_ms,
            "tokens": facts.tokens,
            "value": facts.value,
            "dropped": facts.dropped.map(crate::model::chunk::DropReason::name),
        })
    });
    let problems = document
        .problems
        .iter()
        .map(|problem| json!({"byte": problem.byte, "what": problem.what}));
    let time = span(document);
    json!({
        "path": name,
        "status": status,
        "format": document.format.name(),
        "why": read.why,
        "encoding": read.encoding,
        "title": document.title,
        "recorded_at": document.recorded_at.map(|at| at.to_string()),
        "language": document.language,
        "stated": read.stated,
        "meta": document.meta,
        "speakers": speakers.collect::<Vec<_>>(),
        "turns": document.turns.len(),
        "start_ms": time.map(|(start, _)| start),
        "end_ms": time.map(|(_, end)| end),
        "first_turns": turns.collect::<Vec<_>>(),
        "dataflow": plan.name,
        "chunks": chunks.collect::<Vec<_>>(),
        "sidecar_problem": found.sidecar_problem,
        "problems": problems.collect::<Vec<_>>(),
    })
}
