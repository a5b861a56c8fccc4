//! Which format a text is in: by its content, and only where that leaves a choice by its name.

use super::json::{Tape, parse, shape};
use super::plain::{after_mark, from, head, lines};
use super::{html, markdown, srt, tsv, vtt};
use crate::model::document::{Format, Unreadable};

/// Lines that are looked at for times before a text is taken for something else than subtitles.
const FIRST_LINES: usize = 200;

/// What a text was found to be.
pub(super) struct Detected<'s> {
    /// The format. Kinds of plain text are told apart only when it is read: all are [`Format::Text`] here.
    pub(super) format: Format,
    /// What it was told by.
    pub(super) why: &'static str,
    /// The parsed document, if it is JSON.
    pub(super) tape: Option<Tape<'s>>,
}

fn found<'s>(format: Format, why: &'static str) -> Detected<'s> {
    let tape = None;
    Detected { format, why, tape }
}

/// The format of a decoded text.
///
/// # Errors
/// When it is of a kind that is not read; the message says what it looks like and what to do.
pub(super) fn detect<'s>(path: &str, text: &'s str) -> Result<Detected<'s>, Unreadable> {
    let extension = extension(path);
    let start = from(text, after_mark(text)).trim_start();
    if vtt::is_vtt(text) {
        return Ok(found(Format::Vtt, "it starts with WEBVTT"));
    }
    let named_json = extension == "json" && start.starts_with(['{', '[']);
    if is_object(start) || is_array(start) || named_json {
        return json(&extension, text, text.len() - start.len());
    }
    if matches!(extension.as_str(), "jsonl" | "ndjson") && !start.is_empty() {
        return Ok(found(Format::Jsonl, "its name ends in .jsonl"));
    }
    if let Some(markup) = markup(&extension, start) {
        return markup;
    }
    if tsv::is_table(text) {
        return Ok(found(
            Format::WhisperTsv,
            "its first line names start, end and text",
        ));
    }
    if matches!(extension.as_str(), "tsv" | "csv") {
        return unsupported(
            "it is a table without the columns start, end and text; write it as .jsonl, one turn a line",
        );
    }
    let office = matches!(extension.as_str(), "docx" | "doc" | "pdf" | "rtf" | "odt");
    if office && !start.is_empty() {
        return unsupported(
            "it is named like an office document but is none; name it .txt if it is plain text",
        );
    }
    let is_subtitle_name = matches!(extension.as_str(), "srt" | "vtt");
    let looked_at = if is_subtitle_name {
        usize::MAX
    } else {
        FIRST_LINES
    };
    if srt::is_srt(text, looked_at) {
        return Ok(found(
            Format::Srt,
            "it holds lines of two times, as SubRip writes them",
        ));
    }
    if matches!(extension.as_str(), "md" | "markdown") {
        return Ok(found(Format::Markdown, "its name ends in .md"));
    }
    if markdown::is_markdown(text) {
        return Ok(found(Format::Markdown, "it has headings or bold names"));
    }
    Ok(found(Format::Text, "it is text of no other kind"))
}

/// One document, or one a line.
fn json<'s>(extension: &str, text: &'s str, start: usize) -> Result<Detected<'s>, Unreadable> {
    let is_lines_name = matches!(extension, "jsonl" | "ndjson");
    let first_line = lines(text, start).next();
    let alone = first_line.map(|line| parse(line.text, 0));
    let whole = alone.as_ref().is_some_and(|tape| {
        tape.broken.is_none() && tape.root().is_some_and(super::json::Value::is_object)
    });
    let mut others = lines(text, start).skip(1).filter(|line| !line.is_blank());
    let next = others.next();
    let more = next.is_some_and(|line| line.text.trim_start().starts_with('{'));
    if is_lines_name || (whole && more) {
        let why = if whole && more {
            "each of its lines is a JSON object"
        } else {
            "its name ends in .jsonl"
        };
        return Ok(found(Format::Jsonl, why));
    }
    // A single record without a name that says otherwise has always been one line of many.
    let tape = parse(text, start);
    let Some(root) = tape.root() else {
        return unsupported("it starts like JSON but holds no value that can be read");
    };
    if let (Some((at, why)), None) = (tape.broken, root.inner()) {
        let what = format!("it starts like JSON but cannot be read from byte {at} on: {why}");
        return unsupported(&what);
    }
    let (format, why) = shape(root)?;
    if format == Format::Json && next.is_none() && whole && extension != "json" {
        return Ok(found(Format::Jsonl, "its only line is a JSON object"));
    }
    let tape = Some(tape);
    Ok(Detected { format, why, tape })
}

fn markup<'s>(extension: &str, start: &str) -> Option<Result<Detected<'s>, Unreadable>> {
    let first = head(start, 200).to_ascii_lowercase();
    let tags = [
        "<!doctype",
        "<html",
        "<?xml",
        "<tt ",
        "<tt>",
        "<transcript",
        "<cite",
        "<time",
        "<!--",
    ];
    let named = matches!(
        extension,
        "html" | "htm" | "xml" | "ttml" | "dfxp" | "srv1" | "srv3"
    );
    let is_markup = tags.iter().any(|tag| first.starts_with(tag));
    if !(is_markup || (named && first.starts_with('<'))) || (extension == "md" && !named) {
        return None;
    }
    Some(if html::is_podcast(start) {
        Ok(found(Format::PodcastHtml, "it has cite, time and p tags"))
    } else {
        unsupported("it looks like HTML or XML; export the transcript as .vtt, .srt or .txt")
    })
}

fn unsupported<'s>(what: &str) -> Result<Detected<'s>, Unreadable> {
    Err(Unreadable::Unsupported(what.to_owned()))
}

fn extension(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or("");
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    extension.to_ascii_lowercase()
}

fn is_object(text: &str) -> bool {
    let inside = text.strip_prefix('{').map(str::trim_start);
    inside.is_some_and(|inside| inside.starts_with(['"', '}']))
}

/// An array of objects, arrays or strings: `[00:01] Ana` and `[laughs]` are none.
fn is_array(text: &str) -> bool {
    let inside = text.strip_prefix('[').map(str::trim_start);
    inside.is_some_and(|inside| inside.starts_with(['{', '[', '"', ']']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_first_name_second() {
        use Format::{Jsonl, Markdown, Srt, Text, Vtt};
        let times = "1\n00:00:01,000 --> 00:00:02,000\na";
        for (path, text, want) in [
            ("a.txt", "WEBVTT\n", Some(Vtt)),
            ("a.vtt", times, Some(Srt)),
            ("a.txt", times, Some(Srt)),
            ("a.json", "{\"text\":\"a\"}\n{\"text\":\"b\"}", Some(Jsonl)),
            ("a", "{\"speaker\":\"Bo\",\"text\":\"a\"}", Some(Jsonl)),
            ("a.json", "{\"text\":\"a\"}", Some(Format::WhisperJson)),
            (
                "a.json",
                "{\"speaker\":\"Bo\",\"text\":\"a\"}",
                Some(Format::Json),
            ),
            ("a.json", "{\"odd\":\"a\"}", None),
            ("a.jsonl", "bad\n{\"text\":\"a\"}", Some(Jsonl)),
            ("a.json", "[{\"text\":\"a\"}]", Some(Format::Json)),
            ("a.txt", "[00:01] Ana: hi", Some(Text)),
            ("a.txt", "{laughs} hi", Some(Text)),
            ("a.txt", "<!DOCTYPE html>", None),
            ("a.tsv", "1\ta", None),
            ("a.md", "plain", Some(Markdown)),
            ("a.txt", "**Ana:** hi", Some(Markdown)),
            ("a.vtt", "plain", Some(Text)),
            ("", "", Some(Text)),
        ] {
            assert_eq!(
                detect(path, text).ok().map(|found| found.format),
                want,
                "{path} {text}"
            );
        }
    }
}
