//! The columns of what was done: failures and calls.

use super::ColumnType::{Bool, Dollars, Hex, Int, Label, Text, Time};
use super::{Column, may, must};

/// `failures`.
pub(super) const FAILURES: &[Column] = &[
    must("failure_id", Hex, "Hash of the stage and of what failed."),
    must("stage", Label, "read (a file) or ask (a chunk)."),
    may(
        "doc_id",
        Hex,
        "The document; null if the file could not be read at all.",
    ),
    may("chunk_id", Hex, "The chunk; null for a file."),
    must("path", Text, "The file."),
    must("reason", Label, "Why, in one word."),
    must("message", Text, "Why, in a sentence."),
    must("attempts", Int, "How often it was tried."),
    must(
        "retryable",
        Bool,
        "Whether the next run tries again by itself.",
    ),
    must("first_at", Time, "When it first failed."),
    must("last_at", Time, "When it last failed."),
    may(
        "answer_ref",
        Hex,
        "The call whose raw answer is kept in the ledger.",
    ),
];

/// `calls`.
pub(super) const CALLS: &[Column] = &[
    must("call_id", Hex, "Ordered by time."),
    must("run_id", Hex, "The run that made it."),
    may("job_id", Text, "The job of the service that made it."),
    must("at", Time, "When it was sent."),
    must("provider", Text, "To whom."),
    must("model", Text, "The model as asked for."),
    must("attempt", Int, "1 for the first try of a batch."),
    must("chunks", Int, "Chunks in the batch."),
    may("status", Int, "HTTP status; null if there was no response."),
    must("outcome", Label, "ok, or the name of the fault."),
    may("finish", Label, "Why the model stopped."),
    must("queued_ms", Int, "Milliseconds it waited for its turn."),
    must(
        "latency_ms",
        Int,
        "Milliseconds until the answer was whole.",
    ),
    may("input_tokens", Int, "As billed."),
    may(
        "cached_tokens",
        Int,
        "Of these, how many the provider had cached.",
    ),
    may("output_tokens", Int, "As billed."),
    may(
        "cost_usd",
        Dollars,
        "In dollars; null if the price is unknown.",
    ),
    must("price_known", Bool, "Whether the price is known."),
    may("request_id", Text, "The provider's id of the request."),
    may("remote_id", Text, "The provider's id of the answer."),
    must("state", Label, "sent (outcome unknown) or done."),
];
