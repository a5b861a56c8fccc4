//! The columns of what is said: mentions, entities, relations and evidence.

use super::ColumnType::{Hex, Int, Label, Merges, Share, Spans, Text, Texts, Time};
use super::{Column, may, must};

const KIND: Column = must(
    "kind",
    Label,
    "person, organization, place, product, event, work, date, time, money, percent, quantity, other.",
);
pub(super) const DOC_ID: Column = must("doc_id", Hex, "The document.");
pub(super) const CHUNK_ID: Column = must("chunk_id", Hex, "The chunk.");
pub(super) const SPEAKER: Column = may("speaker", Text, "Who says it, if somebody is named.");
pub(super) const START: Column = may("start_ms", Int, "Start of the cue in which it begins.");
pub(super) const END: Column = may("end_ms", Int, "End of the cue in which it ends.");
pub(super) const SPANS: Column = must(
    "spans",
    Spans,
    "Where the quote stands in the decoded source; several if it crosses cues, none if not found.",
);
pub(super) const QUOTE: Column = must(
    "quote",
    Text,
    "The words as they stand in the chunk; as the model gave them if not found.",
);
pub(super) const MATCH: Column = must(
    "match",
    Label,
    "How the quote was found: exact, normalised, fuzzy, or none (unsupported).",
);
pub(super) const SCORE: Column = must(
    "score",
    Share,
    "How well it was found: 1 exact, 0 not at all.",
);
pub(super) const MODEL: Column = must("model", Text, "The model that says so, as asked for.");
pub(super) const PROMPT: Column = must("prompt_id", Hex, "Hash of the prompt.");
pub(super) const SCHEMA: Column = must("schema_id", Hex, "Hash of the answer schema.");

/// `mentions`.
pub(super) const MENTIONS: &[Column] = &[
    must("mention_id", Hex, "Hash of chunk and ordinal."),
    must("entity_id", Hex, "The entity that is named."),
    DOC_ID,
    CHUNK_ID,
    must("surface", Text, "The name as it was given."),
    KIND,
    SPEAKER,
    START,
    END,
    SPANS,
    QUOTE,
    MATCH,
    SCORE,
    MODEL,
    PROMPT,
    SCHEMA,
];

/// `evidence`.
pub(super) const EVIDENCE: &[Column] = &[
    must("evidence_id", Hex, "Hash of chunk and ordinal."),
    must("relation_id", Hex, "The relation that is stated."),
    DOC_ID,
    CHUNK_ID,
    SPEAKER,
    START,
    END,
    SPANS,
    QUOTE,
    MATCH,
    SCORE,
    MODEL,
    PROMPT,
    SCHEMA,
];

/// `entities`.
pub(super) const ENTITIES: &[Column] = &[
    must(
        "entity_id",
        Hex,
        "Hash of the least (kind, normal name) among its names.",
    ),
    must("name", Text, "Its most frequent name."),
    KIND,
    must("aliases", Texts, "Its other names."),
    must("mentions", Int, "Rows of `mentions`."),
    must("documents", Int, "Documents that name it."),
    may("first_at", Time, "The earliest recording that names it."),
    may("last_at", Time, "The latest recording that names it."),
    must(
        "merged_by",
        Merges,
        "Why its names are taken for one entity.",
    ),
];

/// `relations`.
pub(super) const RELATIONS: &[Column] = &[
    must("relation_id", Hex, "Hash of source, predicate and target."),
    must("source_id", Hex, "The entity of which it is said."),
    must("source_name", Text, "Its name."),
    must(
        "predicate",
        Text,
        "What is said: lower case, words joined by `_`.",
    ),
    must("target_id", Hex, "The entity to which it relates."),
    must("target_name", Text, "Its name."),
    must("evidence", Int, "Rows of `evidence`."),
    must("documents", Int, "Documents that state it."),
    must("grounded", Int, "Rows of `evidence` whose quote was found."),
    may("first_at", Time, "The earliest recording that states it."),
    may("last_at", Time, "The latest recording that states it."),
];
