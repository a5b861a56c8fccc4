//! JSON lines: one record a line, one turn a record, under any of the usual keys.

use super::builder::Builder;
use super::front::Facts;
use super::json::{
    Clock, END, LENGTH, SPEAKER, START, TEXT, Unit, Value, guess, named, parse, scalars, time,
    unescape,
};
use super::plain::{after_mark, from, lines};

/// Reads a file.
pub(super) fn read(builder: &mut Builder<'_>) {
    let source = builder.source;
    let mut unit: Option<Unit> = None;
    let mut facts = Facts::at("the first record");
    let records = lines(source, after_mark(source)).filter(|line| !line.is_blank());
    for (index, line) in records.enumerate() {
        let tape = parse(line.text, 0);
        let root = tape.root().filter(|root| root.is_object());
        let whole = tape.broken.is_none() && from(line.text, tape.end).trim().is_empty();
        let Some(record) = root.filter(|_| whole) else {
            let why = tape
                .broken
                .map_or("something else stands there", |(_, why)| why);
            builder.problem(line.at, format!("a line is not a JSON object: {why}"));
            continue;
        };
        let mut texts = TEXT.iter().filter_map(|key| record.get(key)?.string());
        let Some(text) = texts.next() else {
            if index == 0 {
                scalars(record, &mut facts);
            } else {
                builder.problem(line.at, "a record has no text");
            }
            continue;
        };
        builder.turn(record.any(&SPEAKER).and_then(named));
        let start = clock(record, &START);
        let end = clock(record, &END);
        if let (Some(start), Some(end)) = (start, end)
            && unit.is_none()
        {
            unit = Some(guess(start, end, text.len()));
        }
        let unit = unit.unwrap_or(Unit::Seconds);
        let start = start.map(|clock| clock.ms(unit));
        let end = end.map(|clock| clock.ms(unit)).or_else(|| {
            let length = clock(record, &LENGTH)?.ms(unit);
            Some(start?.saturating_add(length))
        });
        builder.cue(start, end);
        unescape(builder, line.at + text.start..line.at + text.end);
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

fn clock(record: Value<'_>, keys: &[&str]) -> Option<Clock> {
    keys.iter().find_map(|key| time(key, record.get(key)?))
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
