//! SubRip: no standard, so only the lines with times are trusted.
//!
//! The text of a cue is what stands up to the next line with times, less one number directly above it.

use std::collections::BTreeMap;

use super::builder::Builder;
use super::caption::{Event, Tags, line as inline, write};
use super::clock::range;
use super::name::{Grade, grade};
use super::plain::{Line, after_mark, lines};
use super::rolling::unroll;

/// Whether any of the first lines holds times, as this format writes them.
pub(super) fn is_srt(text: &str, first: usize) -> bool {
    let mut lines = lines(text, after_mark(text)).take(first);
    lines.any(|line| range(line.text).is_some())
}

/// Reads a file.
pub(super) fn read(builder: &mut Builder<'_>) {
    let mut events = Vec::new();
    let named = named(builder.source);
    let mut held: Option<Line<'_>> = None;
    let mut first = false;
    let mut last_end = None;
    let mut cues = 0usize;
    for line in lines(builder.source, after_mark(builder.source)) {
        let times = range(line.text);
        if let Some(number) = held.take_if(|_| times.is_none()) {
            text(builder, number, cues, &mut last_end, &mut events);
        }
        held = None;
        if let Some((start, end)) = times {
            events.push(Event::Cue(start, end));
            last_end = None;
            cues += 1;
            first = true;
        } else if named && std::mem::take(&mut first) && !line.is_blank() {
            events.push(Event::Voice(Some(line.text.trim().into())));
        } else if is_number(line.text) {
            held = Some(line);
        } else if !line.is_blank() {
            text(builder, line, cues, &mut last_end, &mut events);
        }
    }
    if let Some(number) = held {
        text(builder, number, cues, &mut last_end, &mut events);
    }
    write(builder, &unroll(builder.source, events, false));
}

/// Whether each cue starts with who speaks, on a line of its own, as older exports of Teams do.
fn named(source: &str) -> bool {
    let (mut cues, mut short, mut names) = (0usize, 0usize, BTreeMap::new());
    let mut lines = lines(source, after_mark(source))
        .filter(|line| !line.is_blank())
        .peekable();
    while let Some(line) = lines.next() {
        if range(line.text).is_none() {
            continue;
        }
        cues += 1;
        let name = lines.next_if(|line| range(line.text).is_none());
        let more = lines
            .peek()
            .is_some_and(|line| range(line.text).is_none() && !is_number(line.text));
        match name.filter(|line| more && grade(line.text) >= Some(Grade::Strong)) {
            Some(name) => *names.entry(name.text.trim()).or_insert(0usize) += 1,
            None => short += 1,
        }
    }
    // Words come back too, but not nearly all of them, and people have more to say than names.
    let again: usize = names.values().filter(|count| **count > 1).sum();
    cues > 2 && short == 0 && again * 10 >= cues * 8 && names.len() * 2 <= cues
}

fn text(
    builder: &mut Builder<'_>,
    line: Line<'_>,
    cues: usize,
    last_end: &mut Option<usize>,
    events: &mut Vec<Event>,
) {
    if cues == 0 {
        builder.problem(line.at, "text before the first times was left out");
        return;
    }
    if let Some(end) = last_end.replace(line.end()) {
        events.push(Event::Break(end..line.at));
    }
    inline(builder.source, line.at..line.end(), Tags::Known, events);
}

fn is_number(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && line.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use crate::stage::transcript::tests::turns;

    #[test]
    fn cues_become_turns() {
        let table = [
            (
                "\u{feff}1\r\n00:00:01,000 --> 00:00:02,500 X1:40\r\n{\\an8}<font color=\"#ffff00\">- Ana?</font>\r\n- Yes.\r\n\r\n",
                "-@1000-2500: - Ana?|-@1000-2500: Yes.",
            ),
            // One-digit hours, dots, no numbers, no blank lines.
            (
                "0:00:05.000 --> 0:00:07.000\na\n0:00:07.000 --> 0:00:08.000\nb",
                "-@5000-8000: a b",
            ),
            // A blank line within the text; a text that is a number.
            (
                "1\n00:00:01,000 --> 00:00:02,000\na\n\nb\n42\n\n2\n00:00:02,000 --> 00:00:03,000\nc\n",
                "-@1000-3000: a b 42 c",
            ),
            // Labels; the guest is named twice, the host goes on without.
            (
                "1\n00:00:01,000 --> 00:00:02,000\nAna: one\ntwo\n\n2\n00:00:02,000 --> 00:00:03,000\nthree: four\n\n3\n00:00:03,000 --> 00:00:04,000\nBo: yes.\n\n4\n00:00:04,000 --> 00:00:05,000\nAna: so. Bo: no\n\n5\n00:00:05,000 --> 00:00:06,000\nBo: five",
                "Ana@1000-3000: one two three: four|Bo@3000-4000: yes.|Ana@4000-5000: so. Bo: no|Bo@5000-6000: five",
            ),
            // Names on lines of their own.
            (
                "0:0:1.0 --> 0:0:2.5\nAna Lima\nHi all.\n\n0:0:2.5 --> 0:0:4.0\nBo\nYes, hi.\n\n0:0:4.0 --> 0:0:5.0\nAna Lima\nSo\n\n0:0:5.0 --> 0:0:6.0\nBo\nwell.",
                "Ana Lima@1000-2500: Hi all.|Bo@2500-4000: Yes, hi.|Ana Lima@4000-5000: So|Bo@5000-6000: well.",
            ),
            // A pause ends a turn, and so does a sentence.
            (
                "00:00:01,000 --> 00:00:02,000\na\n\n00:00:05,000 --> 00:00:06,000\nb.\n\n00:00:06,000 --> 00:00:07,000\nc",
                "-@1000-2000: a|-@5000-6000: b.|-@6000-7000: c",
            ),
            (
                "x\n1\n00:00:01,000 --> 00:00:02,000\n&quot;a&quot; <i>b</i> <x>",
                "-@1000-2000: \"a\" b <x>",
            ),
            ("00:00:01,000 --> 00:00:02,000\n", ""),
            (
                "00:00:01,000 --> 00:00:02,000\n中文。\nChinese",
                "-@1000-2000: 中文。 Chinese",
            ),
            ("00:00:01,000 --> 00:00:02,000\na\n99", "-@1000-2000: a 99"),
            (
                "7\n8\n00:00:01,000 --> 00:00:02,000\n>> ANA: hi",
                "ANA@1000-2000: hi",
            ),
        ];
        for (source, want) in table {
            assert_eq!(turns("x.srt", source), want, "{source}");
        }
    }
}
