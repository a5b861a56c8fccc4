//! Which format a text is in: by its content, and only where that leaves a choice by its name.

use super::plain::{after_mark, from, head, lines};
use super::{jsonl, markdown, srt, vtt};
use crate::model::document::{Format, Unreadable};

/// Lines that are looked at for times before a text is taken for something else than subtitles.
const FIRST_LINES: usize = 200;

/// The format of a decoded text. Prose is told from labelled text only when it is read: both are
/// [`Format::Text`] here.
///
/// # Errors
/// When it is of a kind that is not read; the message says what it looks like and what to do.
pub fn detect(path: &str, text: &str) -> Result<Format, Unreadable> {
    let extension = extension(path);
    let start = from(text, after_mark(text)).trim_start();
    if vtt::is_vtt(text) {
        return Ok(Format::Vtt);
    }
    let is_json_name = matches!(extension.as_str(), "jsonl" | "ndjson");
    if start.starts_with('{') && (is_json_name || is_object(start)) {
        let records = lines(start, 0)
            .filter(|line| line.text.trim_start().starts_with('{'))
            .take(2);
        let alone = records.count() < 2 && !is_json_name;
        if is_json_name || (jsonl::starts(text) && !(alone && extension == "json")) {
            return Ok(Format::Jsonl);
        }
    }
    if is_object(start) || is_array(start) {
        return unsupported(
            "it looks like one JSON document; write it as .jsonl, one turn a line, or as .vtt",
        );
    }
    if is_json_name && !start.is_empty() {
        return Ok(Format::Jsonl);
    }
    let first = head(start, 200).to_ascii_lowercase();
    let tags = ["<!doctype", "<html", "<?xml", "<tt ", "<tt>", "<transcript"];
    let is_markup = matches!(extension.as_str(), "html" | "htm" | "xml" | "ttml" | "dfxp");
    if is_markup || tags.iter().any(|tag| first.starts_with(tag)) {
        return unsupported(
            "it looks like HTML or XML; export the transcript as .vtt, .srt or .txt",
        );
    }
    if matches!(extension.as_str(), "tsv" | "csv") {
        return unsupported("it is a table; write it as .jsonl, one turn a line");
    }
    if matches!(extension.as_str(), "docx" | "doc" | "pdf" | "rtf" | "odt") {
        return unsupported(
            "it is named like an office document; export the transcript as .vtt or .txt",
        );
    }
    let is_subtitle_name = matches!(extension.as_str(), "srt" | "vtt");
    let looked_at = if is_subtitle_name {
        usize::MAX
    } else {
        FIRST_LINES
    };
    if srt::is_srt(text, looked_at) {
        return Ok(Format::Srt);
    }
    if matches!(extension.as_str(), "md" | "markdown") || markdown::is_markdown(text) {
        return Ok(Format::Markdown);
    }
    Ok(Format::Text)
}

fn unsupported(what: &str) -> Result<Format, Unreadable> {
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
            ("a", "{\"text\":\"a\"}", Some(Jsonl)),
            ("a.json", "{\"text\":\"a\"}", None),
            ("a.jsonl", "bad\n{\"text\":\"a\"}", Some(Jsonl)),
            ("a.json", "[{\"text\":\"a\"}]", None),
            ("a.txt", "[00:01] Ana: hi", Some(Text)),
            ("a.txt", "{laughs} hi", Some(Text)),
            ("a.txt", "<!DOCTYPE html>", None),
            ("a.tsv", "1\ta", None),
            ("a.md", "plain", Some(Markdown)),
            ("a.txt", "**Ana:** hi", Some(Markdown)),
            ("a.vtt", "plain", Some(Text)),
            ("", "", Some(Text)),
        ] {
            assert_eq!(detect(path, text).ok(), want, "{path} {text}");
        }
    }
}
