//! Bytes and a path in, a document out.
//!
//! `decode` makes text of the bytes, `detect` picks the format, one reader a format finds who says what
//! when, and `builder` keeps every byte of text tied to its place in the source. What is wrong with a part
//! of a file becomes a [`Problem`](crate::model::document::Problem); the rest is read. Everything is linear
//! in the source and nothing recurses, so that no file can stall a run.

use std::collections::BTreeMap;

use builder::Builder;
use detect::detect;
use front::Facts;

use crate::model::document::{Document, Format, Unreadable};
use crate::model::id::ContentHash;

mod builder;
mod caption;
mod clock;
mod compose;
mod court;
mod decode;
mod detect;
mod docx;
mod entity;
mod front;
mod head;
mod html;
mod json;
mod jsonl;
mod markdown;
pub mod metadata;
mod name;
mod plain;
mod rolling;
mod spacelog;
mod speech;
mod srt;
mod text;
mod tsv;
mod vtt;

pub use decode::{Decoded, decoded};

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// What it says.
    pub document: Document,
    /// Its content, whatever its encoding and line ends.
    pub hash: ContentHash,
    /// Its length as it came.
    pub bytes: u64,
    /// Its encoding, and how that was told.
    pub encoding: String,
    /// What the format was told by.
    pub why: &'static str,
    /// Where in it title, date (`recorded_at`) and language were found.
    pub stated: BTreeMap<&'static str, String>,
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
    let Decoded {
        text,
        problems,
        encoding,
        packed,
    } = decoded;
    let found = if packed.is_some() {
        detect::Detected {
            format: Format::Docx,
            why: "it is a zip that holds word/document.xml",
            tape: None,
        }
    } else {
        detect(path, &text)?
    };
    let mut builder = Builder::new(&text, found.format, problems);
    match (found.format, &found.tape) {
        (format, Some(tape)) => json::read(&mut builder, tape, format),
        (Format::Vtt, _) => vtt::read(&mut builder),
        (Format::Srt, _) => srt::read(&mut builder),
        (Format::Jsonl, _) => jsonl::read(&mut builder),
        (Format::PodcastHtml, _) => html::read(&mut builder),
        (Format::WhisperTsv, _) => tsv::read(&mut builder),
        (Format::Markdown, _) => text::read(&mut builder, text::Style::Markdown),
        (Format::Docx, _) => {
            if text.is_empty() {
                builder.problem(0, "the document holds no text");
            }
            if srt::is_srt(&text, 50) {
                srt::read(&mut builder);
            } else {
                text::read(&mut builder, text::Style::Paragraphs);
            }
            let mut facts = Facts::at("the properties of the document");
            packed
                .iter()
                .flatten()
                .for_each(|(key, value)| facts.add(key, value));
            facts.write(&mut builder);
        }
        _ => text::read(&mut builder, text::Style::Plain),
    }
    let (document, stated) = builder.finish();
    let why = match document.format {
        Format::Spacelog => "its lines stand under stamps of four numbers",
        Format::ZoomChat => "its lines are time, name and words, as chats are saved",
        Format::OtterText => "names and stamps stand on lines of their own",
        Format::RevText => "lines like `Name (00:03):` stand above the words",
        Format::CourtText => "its lines start with Q. and A.",
        Format::Text => "its lines start with names or stamps",
        Format::Prose => "it is text without names and stamps",
        _ => found.why,
    };
    Ok(Read {
        document,
        hash,
        bytes: bytes.len() as u64,
        encoding,
        why,
        stated,
    })
}

#[cfg(test)]
mod mutations;
#[cfg(test)]
mod tests;
