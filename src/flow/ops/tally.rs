//! `tally`: documents and what became of their chunks in, rows of `documents` out.
//!
//! Input     document facts; a status for each chunk, dropped ones included.
//! Output    one row for each document that could be read: its facts, counts, tokens and cost.
//! State     the arrangement of the reduction: statuses are counted by its multiplicities.
//! Progress  none held.
//! Restart   rebuilt.
//! Order     any.
//! Thinking  `ChunkCounts`: total = ok + failed + dropped + duplicate + pending + unasked, always.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Flow;
use crate::flow::record::{DocFacts, Occurrence, Told};
use crate::model::id::DocId;
use crate::model::outcome::Outcome;
use crate::model::record::{ChunkCounts, DocumentRow, Status};
use crate::model::unit::Usd;

/// What a document's row is made of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Part {
    Facts(Arc<DocFacts>),
    Chunk {
        status: Status,
        input_tokens: u64,
        output_tokens: u64,
        cost: Option<Usd>,
    },
}

/// What became of a chunk at a place.
#[must_use]
pub fn status(place: &Occurrence, told: &Told) -> Status {
    if told.first != place.at() {
        return Status::Duplicate;
    }
    match told.outcome {
        Outcome::Answered(_) | Outcome::Nothing => Status::Ok,
        Outcome::Failed(_) => Status::Failed,
        Outcome::Pending => Status::Pending,
        Outcome::Unasked => Status::Unasked,
    }
}

fn part(place: &Occurrence, told: &Told) -> Part {
    let status = status(place, told);
    // What an answer cost is booked where it was asked: duplicates are free.
    let answer = match &told.outcome {
        Outcome::Answered(answer) if status == Status::Ok => Some(answer),
        _ => None,
    };
    Part::Chunk {
        status,
        input_tokens: answer.map_or(0, |answer| answer.input_tokens),
        output_tokens: answer.map_or(0, |answer| answer.output_tokens),
        cost: answer.map_or(Some(Usd(0)), |answer| answer.cost),
    }
}

/// Renders the operator.
#[must_use]
pub fn tally<'s>(
    documents: Flow<'s, Arc<DocFacts>>,
    dropped: Flow<'s, Occurrence>,
    located: Flow<'s, (Occurrence, Told)>,
) -> Flow<'s, Arc<DocumentRow>> {
    let facts = documents.map(|facts| (facts.doc, Part::Facts(facts)));
    let dropped = dropped.map(|place| {
        let none = Part::Chunk {
            status: Status::Dropped,
            input_tokens: 0,
            output_tokens: 0,
            cost: Some(Usd(0)),
        };
        (place.0.doc, none)
    });
    let told = located.map(|(place, told)| (place.0.doc, part(&place, &told)));
    facts
        .concat(dropped)
        .concat(told)
        .reduce_named("tally", |doc: &DocId, parts: &[(&Part, isize)], output| {
            if let Some(row) = row(*doc, parts) {
                output.push((Arc::new(row), 1));
            }
        })
        .map(|(_, row)| row)
}

fn row(doc: DocId, parts: &[(&Part, isize)]) -> Option<DocumentRow> {
    let facts = parts.iter().find_map(|(part, _)| match part {
        Part::Facts(facts) => Some(facts),
        Part::Chunk { .. } => None,
    })?;
    let mut chunks = ChunkCounts::default();
    let (mut input, mut output, mut paid) = (0, 0, Some(Usd(0)));
    for (part, count) in parts {
        let Part::Chunk {
            status,
            input_tokens,
            output_tokens,
            cost,
        } = part
        else {
            continue;
        };
        let count = u64::try_from(*count).unwrap_or(0);
        chunks.total += count;
        *match status {
            Status::Ok => &mut chunks.ok,
            Status::Failed => &mut chunks.failed,
            Status::Dropped => &mut chunks.dropped,
            Status::Duplicate => &mut chunks.duplicate,
            Status::Pending => &mut chunks.pending,
            Status::Unasked => &mut chunks.unasked,
        } += count;
        input += input_tokens * count;
        output += output_tokens * count;
        paid = paid
            .zip(*cost)
            .map(|(sum, cost)| sum + Usd(cost.0.saturating_mul(count)));
    }
    Some(DocumentRow {
        doc_id: doc,
        path: facts.path.clone(),
        content_hash: facts.content_hash.clone(),
        format: facts.format.clone(),
        title: facts.title.clone(),
        recorded_at: facts.recorded_at,
        duration_ms: facts.duration_ms,
        language: facts.language.clone(),
        speakers: facts.speakers.clone(),
        turns: facts.turns,
        bytes: facts.bytes,
        meta: facts.meta.clone(),
        complete: chunks.failed + chunks.pending + chunks.unasked == 0,
        chunks,
        input_tokens: input,
        output_tokens: output,
        cost: paid,
    })
}
