//! The columns of what stands more than once: repeats and shares.

use super::ColumnType::{Hex, Int, Share, Text};
use super::{Column, must};

/// `repeats`.
pub(super) const REPEATS: &[Column] = &[
    must(
        "fingerprint",
        Hex,
        "BLAKE3 of the text; `chunks` says where it stands.",
    ),
    must("text", Text, "The text: `Speaker: words` lines."),
    must("tokens", Int, "Tokens of the text (o200k_base)."),
    must("chunks", Int, "How often it stands: two or more."),
    must("documents", Int, "In how many documents."),
    must(
        "repeated_tokens",
        Int,
        "Tokens of all its places but the first.",
    ),
    must("first_doc_id", Hex, "The document of its first place."),
    must("first_chunk_id", Hex, "The chunk of its first place."),
];

/// `shares`.
pub(super) const SHARES: &[Column] = &[
    must("doc_id", Hex, "The document."),
    must("path", Text, "Its path, as in `documents`."),
    must(
        "chunks",
        Int,
        "Its chunks, without those that are too thin to compare.",
    ),
    must("tokens", Int, "Their tokens."),
    must(
        "repeated_chunks",
        Int,
        "Chunks whose text stands more than once, here or elsewhere.",
    ),
    must("repeated_tokens", Int, "Their tokens."),
    must(
        "elsewhere_chunks",
        Int,
        "Chunks whose text stands in another document, too.",
    ),
    must("elsewhere_tokens", Int, "Their tokens."),
    must(
        "share",
        Share,
        "The share of its tokens that stands in another document, too.",
    ),
];
