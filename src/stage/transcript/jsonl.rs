//! JSON lines: one record a line, one turn a record, under any of the usual keys.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::value::RawValue;

use super::builder::Builder;
use super::clock::clock;
use super::front::Facts;
use super::name::speaker;
use super::plain::{Line, after_mark, cut, from, head, lines};

const TEXT: [&str; 7] = [
    "text",
    "content",
    "body",
    "transcript",
    "utterance",
    "value",
    "message",
];
const SPEAKER: [&str; 7] = [
    "speaker",
    "speaker_name",
    "name",
    "from",
    "role",
    "author",
    "user",
];
const START: [&str; 9] = [
    "start",
    "startTime",
    "start_time",
    "start_ms",
    "startMs",
    "begin",
    "ts",
    "offset",
    "timestamp",
];
const END: [&str; 7] = [
    "end", "endTime", "end_time", "end_ms", "endMs", "finish", "end_ts",
];

type Record<'l> = BTreeMap<String, &'l RawValue>;

/// Whether a text starts with a record that has a line to itself.
pub(super) fn starts(text: &str) -> bool {
    let first = lines(text, after_mark(text)).find(|line| !line.is_blank());
    first.is_some_and(|line| serde_json::from_str::<Record<'_>>(line.text).is_ok())
}

/// Reads a file.
pub(super) fn read(builder: &mut Builder<'_>) {
    let source = builder.source;
    let mut unit: Option<Unit> = None;
    let mut facts = Facts::default();
    let records = lines(source, after_mark(source)).filter(|line| !line.is_blank());
    for (index, line) in records.enumerate() {
        let record: Record<'_> = match serde_json::from_str(line.text) {
            Ok(record) => record,
            Err(error) => {
                let what = head(&error.to_string(), 200).to_owned();
                builder.problem(line.at, format!("a line is not a JSON object: {what}"));
                continue;
            }
        };
        let text = TEXT.iter().find_map(|key| string(record.get(*key)?, line));
        let Some(text) = text else {
            if index == 0 {
                header(&record, &mut facts);
            } else {
                builder.problem(line.at, "a record has no text");
            }
            continue;
        };
        builder.turn(SPEAKER.iter().find_map(|key| named(record.get(*key)?)));
        let start = START.iter().find_map(|key| time(key, record.get(*key)?));
        let end = END.iter().find_map(|key| time(key, record.get(*key)?));
        if let (Some(start), Some(end)) = (start, end)
            && unit.is_none()
        {
            unit = Some(guess(start, end, text.len()));
        }
        let unit = unit.unwrap_or(Unit::Seconds);
        builder.cue(start.map(|t| t.ms(unit)), end.map(|t| t.ms(unit)));
        unescape(builder, text);
        builder.end();
    }
    if let Some(Unit::Milliseconds) = unit {
        facts.add(
            "times",
            "taken as milliseconds: as seconds the speech would be too slow",
        );
    }
    facts.write(builder);
}

fn header(record: &Record<'_>, facts: &mut Facts) {
    for (key, value) in record {
        let raw = value.get();
        if let Ok(text) = serde_json::from_str::<String>(raw) {
            facts.add(key, &text);
        } else if !raw.starts_with(['{', '[']) {
            facts.add(key, raw);
        }
    }
}

/// A string value: its place in the source, without quotes.
fn string(value: &RawValue, line: Line<'_>) -> Option<Range<usize>> {
    let raw = value.get();
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    // The record borrows from its line, so the distance is an offset.
    let within = (inner.as_ptr() as usize).checked_sub(line.text.as_ptr() as usize)?;
    let start = line.at + within;
    Some(start..start + inner.len())
}

/// A speaker: a string, a number, or an object with a name.
fn named(value: &RawValue) -> Option<String> {
    let raw = value.get();
    if raw.starts_with('{') {
        let record: Record<'_> = serde_json::from_str(raw).ok()?;
        let name = record.get("name").or_else(|| record.get("id"))?;
        return serde_json::from_str::<String>(name.get())
            .ok()
            .and_then(|name| speaker(&name));
    }
    if raw.starts_with('"') {
        return serde_json::from_str::<String>(raw)
            .ok()
            .and_then(|name| speaker(&name));
    }
    raw.starts_with(|c: char| c.is_ascii_digit())
        .then(|| speaker(raw))
        .flatten()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Seconds,
    Milliseconds,
}

/// A time as a record has it.
#[derive(Clone, Copy)]
enum Time {
    /// Its key or form says milliseconds.
    Known(i64),
    /// A number without a fraction: seconds or milliseconds.
    Whole(f64),
    /// A number with one: seconds.
    Seconds(f64),
}

impl Time {
    fn ms(self, unit: Unit) -> i64 {
        let ms = match self {
            Self::Known(ms) => return ms,
            Self::Whole(n) if unit == Unit::Milliseconds => n,
            Self::Whole(n) | Self::Seconds(n) => n * 1000.0,
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a cast from a float saturates"
        )]
        let ms = ms.round() as i64;
        ms
    }
}

fn time(key: &str, value: &RawValue) -> Option<Time> {
    let raw = value.get();
    let text = raw
        .strip_prefix('"')
        .and_then(|raw| raw.strip_suffix('"'))
        .unwrap_or(raw)
        .trim();
    if let Some((ms, used)) = clock(text)
        && used == text.len()
    {
        return Some(Time::Known(ms));
    }
    let number: f64 = text
        .trim_end_matches('s')
        .parse()
        .ok()
        .filter(|n: &f64| n.is_finite())?;
    if key.ends_with("ms") || key.ends_with("Ms") {
        return Some(Time::Known(Time::Whole(number).ms(Unit::Milliseconds)));
    }
    Some(if text.contains('.') {
        Time::Seconds(number)
    } else {
        Time::Whole(number)
    })
}

/// Whole numbers are milliseconds if as seconds nobody would speak so slowly: ten characters are a second's.
fn guess(start: Time, end: Time, bytes: usize) -> Unit {
    match (start, end) {
        (Time::Whole(start), Time::Whole(end)) if end - start > 10.0 + bytes as f64 => {
            Unit::Milliseconds
        }
        _ => Unit::Seconds,
    }
}

/// Hands the inside of a JSON string to the builder.
fn unescape(builder: &mut Builder<'_>, range: Range<usize>) {
    let source = builder.source;
    let mut at = range.start;
    while let Some(found) = cut(source, at..range.end).find('\\') {
        builder.text(at..at + found);
        at += found;
        let (c, used) = escape(cut(source, at..range.end));
        builder.glyph(c, at..at + used);
        at += used;
    }
    builder.text(at..range.end);
}

fn escape(text: &str) -> (char, usize) {
    match text.as_bytes().get(1) {
        Some(b'n' | b'r' | b't') => ('\n', 2),
        Some(b'b' | b'f') => ('\u{c}', 2),
        Some(b'u') => {
            let unit = |at: usize| {
                let digits = cut(text, at..at + 4);
                u16::from_str_radix(digits, 16).unwrap_or(0xfffd)
            };
            let first = unit(2);
            let pair = from(text, 6).starts_with("\\u").then(|| [first, unit(8)]);
            if let Some(pair) = pair
                && let Some(Ok(c)) = char::decode_utf16(pair).next()
                && c.len_utf16() == 2
            {
                return (c, 12);
            }
            // Half a pair stands alone in some dumps.
            (char::from_u32(first.into()).unwrap_or('\u{fffd}'), 6)
        }
        Some(&other) if other.is_ascii() => (other.into(), 2),
        _ => ('\u{fffd}', 1),
    }
}

#[cfg(test)]
mod tests {
    use crate::stage::transcript::tests::{document, turns};

    #[test]
    fn records_become_turns() {
        let table = [
            (
                "\u{feff}{\"speaker\": \"Ana\", \"start\": 1.5, \"end\": 2, \"text\": \"Hi.\"}\r\n\r\n{\"speaker\": \"Ana\", \"text\": \"More.\"}",
                "Ana@1500-2000: Hi.|Ana: More.",
            ),
            (
                "{\"name\":0,\"startTime\":\"00:01:00\",\"body\":\"a\\n\\tb\"}",
                "Speaker 0@60000: a b",
            ),
            (
                "{\"from\":{\"name\":\"Bo\"},\"begin\":\"7.25\",\"content\":\"x\"}",
                "Bo@7250: x",
            ),
            (
                "{\"text\":\"\\u00e9\\ud83d\\ude00 \\ud83d \\\"q\\\" e\\u0301 \\\\ \\/\"}",
                "-: é😀 \u{fffd} \"q\" é \\ /",
            ),
            (
                "{\"text\":\"a b\",\"start\":17000,\"end\":18000}",
                "-@17000-18000: a b",
            ),
            ("{\"text\":\"a\",\"start_ms\":17}", "-@17: a"),
            (
                "{\"text\":\"a\"}\nnot json\n[1]\n{\"text\":\"b\"}",
                "-: a|-: b",
            ),
            (
                "{\"title\":\"T\",\"n\":3}\n{\"text\":\"b\",\"text\":\"c\"}\n{\"text\":7}",
                "-: c",
            ),
            ("{\"text\":\"  \"}\n{\"text\":\"\"}", ""),
            ("{\"text\":\"a\",\"start\":1e999,\"end\":-5}", "-@--5000: a"),
        ];
        for (source, want) in table {
            assert_eq!(turns("x.jsonl", source), want, "{source}");
        }
        let read = document(
            "x.jsonl",
            "{\"title\":\"T\",\"n\":3}\n{\"text\":\"b\"}\n{\"x\":1}\nbad",
        );
        assert_eq!(read.title.as_deref(), Some("T"));
        assert_eq!(read.meta["n"], "3");
        assert_eq!(read.problems.len(), 2);
    }
}
