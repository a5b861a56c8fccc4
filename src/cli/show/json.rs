//! A chunk for programs.

use serde_json::{Value, json};

use super::Shown;
use crate::model::extraction::{Extraction, Grounding};
use crate::model::unit::Usd;

/// All of it.
pub(super) fn json(shown: &Shown) -> Value {
    let known = &shown.known;
    let answer = known.answer.as_ref().map(|answer| {
        json!({
            "content": serde_json::from_str(&answer.content).unwrap_or(Value::from(answer.content.as_str())),
            "provider": answer.provider, "model": answer.model, "answered_at": answer.answered_at.to_string(),
            "input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens,
            "cost_usd": answer.cost.map(Usd::dollars), "key": answer.key.to_string(),
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
            "cost_usd": call.cost.map(Usd::dollars), "request_id": call.request_id,
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
    let items = found.items.iter().map(|one| {
        let item: Value = serde_json::from_str(&one.json).unwrap_or_default();
        json!({"item": item, "ground": ground(&one.grounding)})
    });
    let aliases = found
        .aliases
        .iter()
        .map(|one| json!({"name": &*one.name.normal, "other": &*one.other.normal}));
    json!({"mentions": mentions.collect::<Vec<_>>(), "statements": statements.collect::<Vec<_>>(),
           "aliases": aliases.collect::<Vec<_>>(), "items": items.collect::<Vec<_>>()})
}
