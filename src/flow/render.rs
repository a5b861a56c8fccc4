//! Documents to rows of the tables: the only place where text, spans and answers come in again.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::document::{ChunkState, Document};
use super::gist::Known;
use super::record::{DocFacts, Loaded, Place, RelationKey, chunk_id};
use crate::model::extraction::{Grounding, Match};
use crate::model::id::{EvidenceId, FailureId, Fingerprint, ItemId, MentionId};
use crate::model::outcome::{Answer, ChunkFailure};
use crate::model::record::{
    ChunkRow, DocumentRow, EvidenceRow, FailureRow, ItemRow, MentionRow, Provenance, Status,
};
use crate::model::unit::Usd;
use crate::sink::Row;
use crate::stage::graph::merge::{entity_id, relation_id};
use crate::stage::locate;

/// What rows need besides the document.
#[derive(Debug, Default)]
pub struct Lookup {
    /// The shown texts of its chunks.
    pub texts: BTreeMap<Fingerprint, Arc<str>>,
    /// The answers to them, by their marks.
    pub answers: BTreeMap<u64, Arc<Answer>>,
}

impl Lookup {
    fn text(&self, fingerprint: Fingerprint) -> Arc<str> {
        self.texts.get(&fingerprint).cloned().unwrap_or_default()
    }

    fn answer(&self, state: &ChunkState) -> Option<&Arc<Answer>> {
        match &state.known {
            Known::Answered(gist) => self.answers.get(&gist.mark),
            _ => None,
        }
    }
}

/// The rows of a document, those of the chunks at which nothing changes left out. `loaded` is the version that it is of.
#[must_use]
pub fn rows(
    document: &Document,
    loaded: &Loaded,
    lookup: &Lookup,
    changes: impl Fn(u32) -> bool,
) -> Vec<Row> {
    let mut rows = Vec::new();
    let facts = &loaded.facts;
    if facts.is_document() {
        rows.push(Row::Document(Arc::new(self::document(
            document, facts, lookup,
        ))));
    }
    rows.extend(unreadable(facts));
    let states: BTreeMap<u32, &ChunkState> = document
        .assembled
        .chunks
        .iter()
        .map(|chunk| (chunk.position, chunk))
        .collect();
    let labels = document.labels();
    for place in loaded.chunks.iter().map(|occurrence| &*occurrence.0) {
        let position = place.facts.position;
        if !changes(position) {
            continue;
        }
        let state = states.get(&position).copied();
        rows.push(Row::Chunk(Box::new(chunk(place, state, lookup))));
        let Some(state) = state else { continue };
        if let (Known::Failed(failure), Status::Failed) = (&state.known, state.status()) {
            rows.push(Row::Failure(Box::new(failed(place, failure))));
        }
        let Some(answer) = lookup.answer(state) else {
            continue;
        };
        let text = lookup.text(place.fingerprint);
        let said = |grounding: &Grounding| provenance(place, answer, grounding, &text);
        let id = |index: usize| u32::try_from(index).unwrap_or(u32::MAX).to_le_bytes();
        let chunk_id = place.chunk_id();
        for (index, mention) in answer.extraction.mentions.iter().enumerate() {
            rows.push(Row::Mention(Box::new(MentionRow {
                mention_id: MentionId::of(&[chunk_id.as_bytes(), &id(index)]),
                entity_id: entity_id(labels.of(&mention.name)),
                surface: Arc::clone(&mention.surface),
                kind: mention.name.kind,
                said: said(&mention.grounding),
            })));
        }
        for (index, item) in answer.extraction.items.iter().enumerate() {
            rows.push(Row::Item(Box::new(ItemRow {
                item_id: ItemId::of(&[chunk_id.as_bytes(), &id(index)]),
                json: Arc::clone(&item.json),
                said: said(&item.grounding),
            })));
        }
        for (index, statement) in answer.extraction.statements.iter().enumerate() {
            let (source, target) = (labels.of(&statement.source), labels.of(&statement.target));
            let Some(key) = RelationKey::of(source, &statement.predicate, target) else {
                continue;
            };
            let (source, target) = (entity_id(&key.source), entity_id(&key.target));
            rows.push(Row::Evidence(Box::new(EvidenceRow {
                evidence_id: EvidenceId::of(&[chunk_id.as_bytes(), &id(index)]),
                relation_id: relation_id(source, &key.predicate, target),
                said: said(&statement.grounding),
            })));
        }
    }
    rows
}

fn document(document: &Document, facts: &DocFacts, lookup: &Lookup) -> DocumentRow {
    let chunks = document.assembled.counts();
    let (mut input, mut output, mut paid) = (0, 0, Some(Usd(0)));
    // What an answer cost is booked where it was asked: duplicates are free.
    let asked_here = document.assembled.chunks.iter();
    for state in asked_here.filter(|state| state.first.is_none()) {
        let Some(answer) = lookup.answer(state) else {
            continue;
        };
        input += answer.input_tokens;
        output += answer.output_tokens;
        paid = paid.zip(answer.cost).map(|(sum, cost)| sum + cost);
    }
    DocumentRow {
        doc_id: facts.doc,
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
    }
}

fn unreadable(facts: &DocFacts) -> Option<Row> {
    let unread = facts.unreadable.as_ref()?;
    Some(Row::Failure(Box::new(FailureRow {
        failure_id: FailureId::of(&[b"read", facts.doc.as_bytes()]),
        stage: "read".into(),
        doc_id: Some(facts.doc),
        chunk_id: None,
        path: facts.path.clone(),
        reason: unread.reason.clone(),
        message: unread.message.clone(),
        attempts: 1,
        retryable: unread.reason == "unreadable" || unread.reason == "unstable_input",
        first_at: unread.at,
        last_at: unread.at,
        answer_ref: None,
    })))
}

fn chunk(place: &Place, state: Option<&ChunkState>, lookup: &Lookup) -> ChunkRow {
    let facts = &place.facts;
    let status = state.map_or(Status::Dropped, ChunkState::status);
    let answer = state.and_then(|state| lookup.answer(state));
    let source = match (status, answer) {
        (Status::Duplicate, _) => "duplicate",
        (_, None) => "none",
        (_, Some(answer)) if answer.called => "called",
        (_, Some(_)) => "cached",
    };
    let first = state.and_then(|state| state.first.as_deref());
    ChunkRow {
        chunk_id: place.chunk_id(),
        doc_id: place.doc,
        position: facts.position,
        fingerprint: place.fingerprint,
        text: lookup.text(place.fingerprint),
        speakers: facts.speakers.clone(),
        start_ms: facts.start_ms,
        end_ms: facts.end_ms,
        span: facts.source,
        tokens: facts.tokens,
        value: facts.value,
        status,
        source: source.into(),
        duplicate_of: first.map(|(doc, position)| chunk_id(*doc, *position)),
        drop_reason: facts.dropped.map(|reason| reason.name().into()),
        provider: answer.map(|answer| Arc::clone(&answer.provider)),
        model: answer.map(|answer| Arc::clone(&answer.model)),
        prompt_id: answer.map(|answer| answer.prompt),
        schema_id: answer.map(|answer| answer.schema),
        answered_at: answer.map(|answer| answer.answered_at),
    }
}

fn failed(place: &Place, failure: &ChunkFailure) -> FailureRow {
    FailureRow {
        failure_id: FailureId::of(&[b"ask", place.chunk_id().as_bytes()]),
        stage: "ask".into(),
        doc_id: Some(place.doc),
        chunk_id: Some(place.chunk_id()),
        path: place.path.to_string(),
        reason: failure.reason.name().into(),
        message: failure.message.clone(),
        attempts: failure.attempts,
        retryable: failure.reason.transient(),
        first_at: failure.first_at,
        last_at: failure.last_at,
        answer_ref: failure.call,
    }
}

fn provenance(place: &Place, answer: &Answer, grounding: &Grounding, text: &str) -> Provenance {
    let facts = &place.facts;
    let found = grounding.matched != Match::None;
    let (speaker, start_ms, end_ms) = if found {
        locate::said(&facts.map, grounding.start, grounding.end)
    } else {
        // Not found: it is somewhere in the chunk, and only a lone speaker can have said it.
        (
            (facts.speakers.len() == 1).then_some(0),
            facts.start_ms,
            facts.end_ms,
        )
    };
    let mut spans = if found {
        locate::spans(&facts.map, text, grounding.start, grounding.end)
    } else {
        Vec::new()
    };
    if facts.source.bytes().is_none() {
        for span in &mut spans {
            *span = span.without_bytes();
        }
    }
    Provenance {
        doc_id: place.doc,
        chunk_id: place.chunk_id(),
        speaker: speaker.and_then(|index| facts.speakers.get(usize::from(index)).cloned()),
        start_ms,
        end_ms,
        spans,
        quote: Arc::clone(&grounding.quote),
        matched: grounding.matched,
        score: grounding.score,
        model: Arc::clone(&answer.model),
        prompt_id: answer.prompt,
        schema_id: answer.schema,
    }
}
