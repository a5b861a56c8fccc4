//! Documents of Word: the text of their paragraphs, unpacked within bounds.

use std::io::{Cursor, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

use super::entity::entity;
use crate::model::document::{MAX_SOURCE_BYTES, Unreadable};

/// A part may be at most so many times as long as the file: text shrinks to a tenth, a bomb to a thousandth.
const MAX_RATIO: u64 = 200;

/// A small file may hold so much whatever its length.
const SMALL: u64 = 1 << 20;

/// What is in a document.
pub(super) struct Extracted {
    /// Its paragraphs, each ended by a line feed.
    pub(super) text: String,
    /// What it states of itself.
    pub(super) facts: Vec<(&'static str, String)>,
    /// Where its XML could not be read any further, in the text.
    pub(super) broken: Option<usize>,
}

/// Unpacks a document.
///
/// # Errors
/// When the archive is no document, or holds more than its length can account for.
pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, Unreadable> {
    let damaged =
        |what: String| Unreadable::Unsupported(format!("it is a damaged zip archive: {what}"));
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| damaged(e.to_string()))?;
    let most = MAX_SOURCE_BYTES.min((bytes.len() as u64).saturating_mul(MAX_RATIO).max(SMALL));
    let Some(document) = part(&mut archive, "word/document.xml", most)? else {
        return Err(other(&archive));
    };
    let (text, broken) = paragraphs(&document);
    let mut facts = Vec::new();
    if let Ok(Some(core)) = part(&mut archive, "docProps/core.xml", SMALL) {
        facts = stated(&core);
    }
    Ok(Extracted {
        text,
        facts,
        broken,
    })
}

fn part(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    name: &str,
    most: u64,
) -> Result<Option<String>, Unreadable> {
    let Some(index) = archive.index_for_name(name) else {
        return Ok(None);
    };
    let failed =
        |what: String| Unreadable::Unsupported(format!("could not unpack its {name}: {what}"));
    let file = archive.by_index(index).map_err(|e| failed(e.to_string()))?;
    let mut bytes = Vec::new();
    // Never trusts the length that the archive states.
    let read = file.take(most + 1).read_to_end(&mut bytes);
    if bytes.len() as u64 > most {
        return Err(failed(format!("it is longer than {most} bytes")));
    }
    read.map_err(|e| failed(e.to_string()))?;
    Ok(Some(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }))
}

/// What a zip is that is no document of Word.
fn other(archive: &ZipArchive<Cursor<&[u8]>>) -> Unreadable {
    let holds = |name: &str| archive.index_for_name(name).is_some();
    let what = if holds("content.xml") && holds("mimetype") {
        "it is an OpenDocument file; save it as .docx or plain text"
    } else if holds("xl/workbook.xml") {
        "it is a spreadsheet; save it as .jsonl or plain text"
    } else if holds("ppt/presentation.xml") {
        "it is a presentation; export its text as .txt"
    } else {
        "it is a zip archive; unpack it first"
    };
    Unreadable::Unsupported(what.to_owned())
}

/// Elements whose text does not show: what was deleted or moved away, field codes, the twin of a drawing.
const UNSEEN: [&str; 5] = ["Fallback", "del", "delText", "instrText", "moveFrom"];

/// The shown text of a document's XML, and where it could not be read any further.
fn paragraphs(xml: &str) -> (String, Option<usize>) {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().allow_dangling_amp = true;
    reader.config_mut().check_end_names = false;
    reader.config_mut().allow_unmatched_ends = true;
    let mut out = String::new();
    let (mut unseen, mut shown) = (0usize, 0usize);
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => match local(&tag) {
                name if UNSEEN.contains(&name) => unseen += 1,
                "t" => shown += 1,
                name => space(name, &mut out),
            },
            Ok(Event::Empty(tag)) => match local(&tag) {
                "p" => out.push('\n'),
                name => space(name, &mut out),
            },
            Ok(Event::End(tag)) => match tag.local_name().into_inner() {
                name if UNSEEN.contains(&name) => unseen = unseen.saturating_sub(1),
                "t" => shown = shown.saturating_sub(1),
                "p" => out.push('\n'),
                _ => {}
            },
            Ok(Event::Text(text)) if shown > 0 && unseen == 0 => {
                flat(&text.into_inner(), &mut out);
            }
            Ok(Event::CData(text)) if shown > 0 && unseen == 0 => {
                flat(&text.into_inner(), &mut out);
            }
            Ok(Event::GeneralRef(name)) if shown > 0 && unseen == 0 => {
                out.extend(entity(&format!("&{};", &*name)).map(|(c, _)| c));
            }
            Ok(Event::Eof) => return (out, None),
            Err(_) => {
                let at = out.len();
                return (out, Some(at));
            }
            Ok(_) => {}
        }
    }
}

fn local<'t>(tag: &'t BytesStart<'_>) -> &'t str {
    tag.local_name().into_inner()
}

/// A line end in the XML is no line end in the document.
fn flat(text: &str, out: &mut String) {
    out.extend(
        text.chars()
            .map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }),
    );
}

/// Elements that stand for a character.
fn space(name: &str, out: &mut String) {
    match name {
        "br" | "cr" => out.push('\n'),
        "tab" => out.push('\t'),
        "noBreakHyphen" => out.push('-'),
        _ => {}
    }
}

/// Title, language and time of a document's core properties.
fn stated(xml: &str) -> Vec<(&'static str, String)> {
    let keys = [
        ("title", "title"),
        ("language", "language"),
        ("created", "created"),
    ];
    let mut reader = Reader::from_str(xml);
    let mut key = None;
    let mut found: Vec<(&'static str, String)> = Vec::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => {
                let name = local(&tag);
                key = keys
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map(|(_, key)| *key);
                found.extend(key.map(|key| (key, String::new())));
            }
            Ok(Event::End(_)) => key = None,
            Ok(Event::Text(text)) if key.is_some() => {
                if let Some((_, value)) = found.last_mut() {
                    value.push_str(&text.into_inner());
                }
            }
            Ok(Event::GeneralRef(name)) if key.is_some() => {
                if let Some((_, value)) = found.last_mut() {
                    value.extend(entity(&format!("&{};", &*name)).map(|(c, _)| c));
                }
            }
            Ok(Event::Eof) | Err(_) => return found,
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
