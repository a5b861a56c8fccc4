//! Air-to-ground transcripts of space missions: stamps of four numbers, notes, and a glossary's marks.

use std::ops::Range;

use super::builder::Builder;
use super::clock::clock;
use super::plain::{cut, from};

/// `[DD:HH:MM:SS]` alone on a line; before the launch it is negative.
pub(super) fn is_stamp(line: &str) -> bool {
    let line = line.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let inner = line
        .strip_prefix('[')
        .and_then(|line| line.strip_suffix(']'));
    inner.is_some_and(|inner| {
        let whole = clock(inner).is_some_and(|(_, used)| used == inner.len());
        whole && inner.bytes().filter(|&b| b == b':').count() == 3
    })
}

/// `_page : 148`: a note on the tape or the page.
pub(super) fn is_note(line: &str) -> bool {
    let Some(rest) = line.strip_prefix('_') else {
        return false;
    };
    let name = rest
        .bytes()
        .take(20)
        .take_while(u8::is_ascii_alphabetic)
        .count();
    name > 0 && from(rest, name).trim_start().starts_with(':')
}

/// Hands a line to the builder; of `[glossary:ASCS|the ASCS]` the shown part is kept.
pub(super) fn inline(builder: &mut Builder<'_>, range: Range<usize>) {
    let source = builder.source;
    let mut run = range.start;
    while let Some(found) = cut(source, run..range.end).find("[glossary:") {
        let open = run + found;
        let Some(length) = cut(source, open..range.end).find(']') else {
            break;
        };
        let inner = open + "[glossary:".len()..open + length;
        let shown = cut(source, inner.clone())
            .rfind('|')
            .map_or(0, |bar| bar + 1);
        builder.text(run..open);
        builder.text(inner.start + shown..inner.end);
        run = inner.end + 1;
    }
    builder.text(run..range.end);
}
