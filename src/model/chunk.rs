//! A chunk: what is asked about, and how its text maps back to the source.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::document::{Piece, Span};
use super::id::Fingerprint;

/// A chunk as it leaves the splitter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The shown text: `Speaker: text` lines, each ended by a newline.
    pub text: Arc<str>,
    /// BLAKE3 of `text`.
    pub fingerprint: Fingerprint,
    /// Everything about this occurrence but its text.
    pub facts: ChunkFacts,
}

/// One occurrence of a chunk in a document, without its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkFacts {
    /// 0, 1, 2, ... within the document.
    pub position: u32,
    /// Speakers in order of appearance, each once.
    pub speakers: Vec<String>,
    /// Start of its first timed cue, in milliseconds.
    pub start_ms: Option<i64>,
    /// End of its last timed cue.
    pub end_ms: Option<i64>,
    /// From its first to its last byte in the source.
    pub source: Span,
    /// Tokens of `text` (`o200k_base`).
    pub tokens: u32,
    /// What it is worth to ask, 0 (nothing) to 1000.
    pub value: u16,
    /// Set if it is not asked.
    pub dropped: Option<DropReason>,
    /// From the shown text to the source.
    pub map: OffsetMap,
}

/// Why a thin chunk is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DropReason {
    /// No word in it: marks, numbers, music.
    NoWords,
    /// Nothing but greetings and acknowledgements.
    SmallTalk,
    /// Worth less than the dataflow asks for (`value.min`).
    LowValue,
}

impl DropReason {
    /// The name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoWords => "no_words",
            Self::SmallTalk => "small_talk",
            Self::LowValue => "low_value",
        }
    }
}

/// How the shown text of one occurrence maps back to its source file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OffsetMap {
    /// As in [`Piece`], but `at` counts in the shown text. Speaker labels are covered by no piece.
    pub pieces: Vec<Piece>,
    /// Who speaks when, in text order, touching no label.
    pub sections: Vec<Section>,
}

/// A stretch of shown text with one speaker and one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Section {
    /// First byte in the shown text.
    pub at: u32,
    /// One past its last byte.
    pub end: u32,
    /// Index into the chunk's `speakers`.
    pub speaker: Option<u16>,
    /// Start in milliseconds.
    pub start_ms: Option<i64>,
    /// End in milliseconds.
    pub end_ms: Option<i64>,
}
