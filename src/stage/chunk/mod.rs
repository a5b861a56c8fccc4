//! A document in, chunks out: whole turns within token bounds, no overlap, borders set by the content.
//!
//! The shown text of a chunk is one line for each turn in it, `Speaker: text` and a newline, or `text` and a
//! newline where nobody is named. It is all that a model is shown and all that the fingerprint covers: no
//! path, title or time. A chunk that begins within a turn names its speaker again, so that no chunk needs
//! another one to be understood; the price is that a border moved within a turn changes two chunks.
//!
//! Readers hand over NFC text with blanks collapsed; there is no other normal form. Two equal records have
//! equal shown texts, hence one fingerprint, hence one answer.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

mod assemble;
mod split;
mod unit;
mod value;

pub use split::split;

/// What is a chunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Turns that fit together.
    #[default]
    Turns,
    /// One turn, that is, one record of a JSONL file, up to eight times the longest chunk.
    Record,
}

/// How a document is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// What is a chunk: `turns` (the default) or `record`.
    pub by: By,
    /// Tokens that a chunk should have; it has half as many at least, half as many more at most, labels
    /// aside. 250 is about a kilobyte, or a minute and a half of speech: larger chunks make an edit dearer,
    /// smaller ones cut a thought from its context.
    pub target: NonZeroU32,
    /// Whether chunks without any content (greetings, "mm-hm", music) are dropped: they are listed, not
    /// asked. On by default.
    pub drop_thin: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            by: By::Turns,
            target: NonZeroU32::new(250).unwrap_or(NonZeroU32::MIN),
            drop_thin: true,
        }
    }
}

#[cfg(test)]
mod tests;
