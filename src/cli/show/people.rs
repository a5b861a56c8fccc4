//! A chunk for people.

use std::fmt::Write;

use serde_json::Value;

use super::Shown;
use crate::cli::escape::word;
use crate::cli::text::{clock, place, short};
use crate::job::shown::Known;
use crate::model::extraction::{Extraction, Grounding, Match};
use crate::model::record::CallRow;
use crate::model::unit::Usd;

/// All of it, but the body only if it is wanted.
pub(super) fn text(shown: &Shown, body: bool) -> String {
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
            Match::None => format!("none        \"{quote}\""),
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
        "\nparsed: {} mentions, {} relations, {} aliases, {} items",
        found.mentions.len(),
        found.statements.len(),
        found.aliases.len(),
        found.items.len()
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
    for one in &found.items {
        writeln!(out, "  {}", word(&one.json))?;
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
    let dollars =
        |cost: Option<Usd>| cost.map_or_else(|| "cost unknown".to_owned(), |cost| cost.to_string());
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
