//! Outputs of the graph -> rows of the tables: the only place where text and spans come in again.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ops::tally::status;
use super::record::{Item, Output, Place, RelationKey, Told, chunk_id};
use crate::model::extraction::{Grounding, Match, Name};
use crate::model::id::{EvidenceId, FailureId, Fingerprint, ItemId, MentionId};
use crate::model::outcome::Outcome;
use crate::model::record::{
    ChunkRow, EvidenceRow, FailureRow, ItemRow, MentionRow, Provenance, RepeatRow, Status,
};
use crate::model::unit::Micros;
use crate::sink::{Row, Table};
use crate::stage::graph::merge::{entity_id, relation_id};
use crate::stage::locate;

/// What rows need besides the outputs.
#[derive(Debug, Default)]
pub struct Lookup {
    /// The shown texts of all fingerprints among the outputs.
    pub texts: BTreeMap<Fingerprint, Arc<str>>,
}

impl Lookup {
    fn text(&self, fingerprint: Fingerprint) -> Arc<str> {
        self.texts.get(&fingerprint).cloned().unwrap_or_default()
    }
}

/// The fingerprint whose text the rows of `output` need.
#[must_use]
pub fn needs(output: &Output) -> Option<Fingerprint> {
    match output {
        Output::Dropped(place) | Output::Chunk(place, _) => Some(place.0.fingerprint),
        Output::Mention(item, _) | Output::Evidence(item, _) | Output::Item(item) => {
            Some(item.place.0.fingerprint)
        }
        Output::Repeat(row) => Some(row.fingerprint),
        _ => None,
    }
}

/// The tables that an output may have rows in.
#[must_use]
pub fn tables(output: &Output) -> &'static [Table] {
    match output {
        Output::Document(_) => &[Table::Documents],
        Output::Entity(_) => &[Table::Entities],
        Output::Relation(_) => &[Table::Relations],
        Output::Dropped(_) => &[Table::Chunks],
        Output::Chunk(..) => &[Table::Chunks, Table::Failures],
        Output::Mention(..) => &[Table::Mentions],
        Output::Evidence(..) => &[Table::Evidence],
        Output::Item(_) => &[Table::Items],
        Output::Repeat(_) => &[Table::Repeats],
        Output::Share(_) => &[Table::Shares],
        Output::Unreadable(_) => &[Table::Failures],
        Output::Known(..) => &[],
    }
}

/// The rows of an output: none for `Known`, two for a failed chunk, else one.
#[must_use]
pub fn rows(output: &Output, lookup: &Lookup) -> Vec<Row> {
    match output {
        Output::Document(row) => vec![Row::Document(Arc::clone(row))],
        Output::Entity(row) => vec![Row::Entity(Arc::clone(row))],
        Output::Relation(row) => vec![Row::Relation(Arc::clone(row))],
        Output::Dropped(place) => vec![Row::Chunk(Box::new(chunk(&place.0, None, lookup)))],
        Output::Chunk(place, told) => {
            let status = status(place, told);
            let row = Row::Chunk(Box::new(chunk(&place.0, Some((told, status)), lookup)));
            match &told.outcome {
                Outcome::Failed(_) if status == Status::Failed => {
                    vec![row, Row::Failure(Box::new(failed(&place.0, told)))]
                }
                _ => vec![row],
            }
        }
        Output::Mention(item, name) => vec![Row::Mention(Box::new(mention(item, name, lookup)))],
        Output::Evidence(item, key) => vec![Row::Evidence(Box::new(evidence(item, key, lookup)))],
        Output::Item(item) => vec![Row::Item(Box::new(self::item(item, lookup)))],
        Output::Share(row) => vec![Row::Share(Arc::clone(row))],
        Output::Repeat(row) => vec![Row::Repeat(Arc::new(RepeatRow {
            text: lookup.text(row.fingerprint),
            ..(**row).clone()
        }))],
        Output::Unreadable(facts) => {
            let Some(unread) = &facts.unreadable else {
                return Vec::new();
            };
            vec![Row::Failure(Box::new(FailureRow {
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
            }))]
        }
        Output::Known(..) => Vec::new(),
    }
}

fn chunk(place: &Place, told: Option<(&Told, Status)>, lookup: &Lookup) -> ChunkRow {
    let facts = &place.facts;
    let status = told.map_or(Status::Dropped, |(_, status)| status);
    let answer = told.and_then(|(told, _)| match &told.outcome {
        Outcome::Answered(answer) => Some(answer),
        _ => None,
    });
    let source = match (status, answer) {
        (Status::Duplicate, _) => "duplicate",
        (_, None) => "none",
        (_, Some(answer)) if answer.called => "called",
        (_, Some(_)) => "cached",
    };
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
        duplicate_of: told
            .filter(|(_, status)| *status == Status::Duplicate)
            .map(|(told, _)| chunk_id(told.first.0, told.first.1)),
        drop_reason: facts.dropped.map(|reason| reason.name().into()),
        provider: answer.map(|answer| Arc::clone(&answer.provider)),
        model: answer.map(|answer| Arc::clone(&answer.model)),
        prompt_id: answer.map(|answer| answer.prompt),
        schema_id: answer.map(|answer| answer.schema),
        answered_at: answer.map(|answer| answer.answered_at),
    }
}

fn failed(place: &Place, told: &Told) -> FailureRow {
    let mut row = FailureRow {
        failure_id: FailureId::of(&[b"ask", place.chunk_id().as_bytes()]),
        stage: "ask".into(),
        doc_id: Some(place.doc),
        chunk_id: Some(place.chunk_id()),
        path: place.path.to_string(),
        reason: String::new(),
        message: String::new(),
        attempts: 0,
        retryable: true,
        first_at: Micros(0),
        last_at: Micros(0),
        answer_ref: None,
    };
    if let Outcome::Failed(failure) = &told.outcome {
        row.reason = failure.reason.name().into();
        row.message.clone_from(&failure.message);
        row.attempts = failure.attempts;
        row.retryable = failure.reason.transient();
        row.first_at = failure.first_at;
        row.last_at = failure.last_at;
        row.answer_ref = failure.call;
    }
    row
}

fn provenance(item: &Item, grounding: &Grounding, lookup: &Lookup) -> Provenance {
    let place = &item.place.0;
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
        locate::spans(
            &facts.map,
            &lookup.text(place.fingerprint),
            grounding.start,
            grounding.end,
        )
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
        model: Arc::clone(&item.answer.model),
        prompt_id: item.answer.prompt,
        schema_id: item.answer.schema,
    }
}

fn mention(item: &Item, name: &Name, lookup: &Lookup) -> MentionRow {
    let mention = item.mention();
    MentionRow {
        mention_id: MentionId::of(&[
            item.place.0.chunk_id().as_bytes(),
            &item.index.to_le_bytes(),
        ]),
        entity_id: entity_id(name),
        surface: Arc::clone(&mention.surface),
        kind: mention.name.kind,
        said: provenance(item, &mention.grounding, lookup),
    }
}

fn item(item: &Item, lookup: &Lookup) -> ItemRow {
    let said = item.said();
    ItemRow {
        item_id: ItemId::of(&[
            item.place.0.chunk_id().as_bytes(),
            &item.index.to_le_bytes(),
        ]),
        json: Arc::clone(&said.json),
        said: provenance(item, &said.grounding, lookup),
    }
}

fn evidence(item: &Item, key: &RelationKey, lookup: &Lookup) -> EvidenceRow {
    EvidenceRow {
        evidence_id: EvidenceId::of(&[
            item.place.0.chunk_id().as_bytes(),
            &item.index.to_le_bytes(),
        ]),
        relation_id: relation_id(
            entity_id(&key.source),
            &key.predicate,
            entity_id(&key.target),
        ),
        said: provenance(item, &item.statement().grounding, lookup),
    }
}
