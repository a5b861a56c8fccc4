//! The columns of what is read: documents and chunks.

use super::ColumnType::{Bool, Dollars, Hex, Int, Label, Map, Text, Texts, Time};
use super::{Column, may, must};

/// `documents`.
pub(super) const DOCUMENTS: &[Column] = &[
    must(
        "doc_id",
        Hex,
        "Hash of the root's label and the path below it.",
    ),
    must(
        "path",
        Text,
        "The path below its root, with the root's label where there are several.",
    ),
    must(
        "content_hash",
        Hex,
        "BLAKE3 of the decoded text, newlines normalised.",
    ),
    must(
        "format",
        Label,
        "How it was read: vtt, srt, text, markdown, jsonl, prose.",
    ),
    may(
        "title",
        Text,
        "The title that the file or its sidecar states.",
    ),
    may(
        "recorded_at",
        Time,
        "When it was recorded, if that is stated.",
    ),
    may(
        "duration_ms",
        Int,
        "End of the last timed cue, in milliseconds.",
    ),
    may("language", Text, "BCP 47 tag, if one is stated."),
    must("speakers", Texts, "Who speaks, in order of appearance."),
    must(
        "turns",
        Int,
        "Stretches of speech by one speaker; records of a JSONL file.",
    ),
    must("bytes", Int, "Size of the source file."),
    must(
        "meta",
        Map,
        "Anything else that the file, its sidecar or its path states.",
    ),
    must(
        "complete",
        Bool,
        "Whether no chunk is failed, pending or unasked.",
    ),
    must(
        "chunks_total",
        Int,
        "Its chunks: the sum of the six that follow.",
    ),
    must("chunks_ok", Int, "Chunks with an answer."),
    must(
        "chunks_failed",
        Int,
        "Chunks that were asked and have no answer.",
    ),
    must("chunks_dropped", Int, "Chunks too thin to ask."),
    must(
        "chunks_duplicate",
        Int,
        "Chunks whose text stands earlier, here or in another document.",
    ),
    must("chunks_pending", Int, "Chunks whose answer is late."),
    must(
        "chunks_unasked",
        Int,
        "Chunks not asked, for want of budget or time.",
    ),
    must(
        "input_tokens",
        Int,
        "Its share of the input tokens of the calls it needed.",
    ),
    must("output_tokens", Int, "Its share of the output tokens."),
    may(
        "cost_usd",
        Dollars,
        "Its share of the cost, in dollars; null if a price is unknown.",
    ),
];

/// `chunks`.
pub(super) const CHUNKS: &[Column] = &[
    must("chunk_id", Hex, "Hash of document and position."),
    must("doc_id", Hex, "The document."),
    must("position", Int, "0, 1, 2, ... within the document."),
    must(
        "fingerprint",
        Hex,
        "BLAKE3 of the text as the model is shown it.",
    ),
    must(
        "text",
        Text,
        "The text as the model is shown it: `Speaker: words` lines.",
    ),
    must("speakers", Texts, "Who speaks, in order of appearance."),
    may("start_ms", Int, "Start of its first timed cue."),
    may("end_ms", Int, "End of its last timed cue."),
    must(
        "char_start",
        Int,
        "Its first code point in the decoded source.",
    ),
    must("char_end", Int, "One past its last code point."),
    may(
        "byte_start",
        Int,
        "Its first byte in the decoded source; null where that was unpacked (docx).",
    ),
    may("byte_end", Int, "One past its last byte."),
    must("tokens", Int, "Tokens of the text (o200k_base)."),
    must("value", Int, "What it is worth to ask, 0 to 1000."),
    must(
        "status",
        Label,
        "ok, failed, dropped, duplicate, pending or unasked.",
    ),
    must(
        "source",
        Label,
        "Where its answer is from: called, cached, duplicate, none.",
    ),
    may("duplicate_of", Hex, "The chunk whose text it repeats."),
    may("drop_reason", Label, "Why it was not asked."),
    may("provider", Text, "Who answered."),
    may("model", Text, "The model as asked for."),
    may("prompt_id", Hex, "Hash of the prompt."),
    may("schema_id", Hex, "Hash of the answer schema."),
    may(
        "answered_at",
        Time,
        "When the answer came, first and for all its duplicates.",
    ),
];
