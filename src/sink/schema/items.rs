//! The columns of `items` that do not depend on the answer schema: the item's own stand between head and tail.

use super::ColumnType::Hex;
use super::graph::{
    CHUNK_ID, DOC_ID, END, MATCH, MODEL, PROMPT, QUOTE, SCHEMA, SCORE, SPANS, SPEAKER, START,
};
use super::{Column, must};

const ITEM_ID: Column = must("item_id", Hex, "Hash of chunk and ordinal.");

/// Before the item's own columns.
pub(in crate::sink) const HEAD: &[Column] = &[ITEM_ID, DOC_ID, CHUNK_ID];

/// After them.
pub(in crate::sink) const TAIL: &[Column] = &[
    SPEAKER, START, END, SPANS, QUOTE, MATCH, SCORE, MODEL, PROMPT, SCHEMA,
];

/// Both together.
pub(super) const FIXED: &[Column] = &[
    ITEM_ID, DOC_ID, CHUNK_ID, SPEAKER, START, END, SPANS, QUOTE, MATCH, SCORE, MODEL, PROMPT,
    SCHEMA,
];

/// Whether a column says something only of items that have a quote.
pub(in crate::sink) fn quoted_only(column: &Column) -> bool {
    matches!(column.name, "spans" | "quote" | "match" | "score")
}
