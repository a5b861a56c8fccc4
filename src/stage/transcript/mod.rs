//! Bytes and a path in, a document out.
//!
//! `decode` makes text of the bytes, `detect` picks the format, one reader a format finds who says what
//! when, and `builder` keeps every byte of text tied to its place in the source. What is wrong with a part
//! of a file becomes a [`Problem`](crate::model::document::Problem); the rest is read. Everything is linear
//! in the source and nothing recurses, so that no file can stall a run.

use crate::model::document::{Document, Format, Unreadable};
use crate::model::id::ContentHash;

mod builder;
mod caption;
mod clock;
mod compose;
mod decode;
mod detect;
mod entity;
mod front;
mod head;
mod jsonl;
mod markdown;
mod name;
mod plain;
mod spacelog;
mod srt;
mod text;
mod vtt;

pub use decode::{Decoded, decoded};
pub use detect::detect;

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// What it says.
    pub document: Document,
    /// Its content, whatever its encoding and line ends.
    pub hash: ContentHash,
    /// Its length as it came.
    pub bytes: u64,
}

/// Reads a transcript. The path is only looked at for its extension.
///
/// ```
/// let read = weir::stage::transcript::read("a.txt", b"Ana: Hello.\nBo: Hi, Ana.\n").unwrap();
/// assert_eq!(read.document.turns[1].speaker.as_deref(), Some("Bo"));
/// ```
///
/// # Errors
/// When the bytes are not text, or text of a kind that is not read.
pub fn read(path: &str, bytes: &[u8]) -> Result<Read, Unreadable> {
    let decoded = decoded(bytes)?;
    let hash = decoded.hash();
    let format = detect(path, &decoded.text)?;
    let mut builder = builder::Builder::new(&decoded.text, format, decoded.problems);
    match format {
        Format::Vtt => vtt::read(&mut builder),
        Format::Srt => srt::read(&mut builder),
        Format::Jsonl => jsonl::read(&mut builder),
        Format::Markdown => text::read(&mut builder, text::Style::Markdown),
        Format::Text | Format::Prose => text::read(&mut builder, text::Style::Plain),
    }
    Ok(Read {
        document: builder.finish(),
        hash,
        bytes: bytes.len() as u64,
    })
}

#[cfg(test)]
mod tests;
