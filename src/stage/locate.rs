//! From a stretch of shown text back to the source file: spans, speaker and time.

use crate::model::chunk::OffsetMap;
use crate::model::document::{Piece, Span};

/// The spans of the source that hold `start..end` of the shown text, in text order.
///
/// Stretches that touch in the text are one span, markup between them included; where the reader put in a blank (between
/// two cues) a new span begins. An atom (`&amp;`) is taken whole. The slices of the source, decoded by the rules of its
/// format and joined by one blank, give the text back.
#[must_use]
pub fn spans(map: &OffsetMap, shown: &str, start: u32, end: u32) -> Vec<Span> {
    let mut spans: Vec<(u32, Span)> = Vec::new();
    let first = map
        .pieces
        .partition_point(|piece| piece.at + piece.len <= start);
    for piece in map
        .pieces
        .iter()
        .skip(first)
        .take_while(|piece| piece.at < end)
    {
        let (from, to) = (piece.at.max(start), (piece.at + piece.len).min(end));
        let source = clip(piece, shown, from, to);
        match spans.last_mut() {
            Some((reached, span)) if *reached == from => {
                span.char_end = source.char_end;
                span.byte_end = source.byte_end;
                *reached = to;
            }
            _ => spans.push((to, source)),
        }
    }
    spans.into_iter().map(|(_, span)| span).collect()
}

/// The part of a piece's source that gives `from..to` of the shown text; an atom is not divided.
fn clip(piece: &Piece, shown: &str, from: u32, to: u32) -> Span {
    let whole = piece.source;
    if !piece.verbatim || (from == piece.at && to == piece.at + piece.len) {
        return whole;
    }
    let (skip, len) = (from - piece.at, to - from);
    let byte_start = whole.byte_start + skip;
    let byte_end = byte_start + len;
    if whole.byte_end - whole.byte_start == whole.char_end - whole.char_start {
        // One byte a code point: no need to look at the text.
        let char_start = whole.char_start + skip;
        return Span {
            char_start,
            char_end: char_start + len,
            byte_start,
            byte_end,
        };
    }
    let chars = |from: u32, to: u32| {
        let count = shown
            .get(from as usize..to as usize)
            .map_or(0, |text| text.chars().count());
        u32::try_from(count).unwrap_or(u32::MAX)
    };
    let char_start = whole.char_start + chars(piece.at, from);
    Span {
        char_start,
        char_end: char_start + chars(from, to),
        byte_start,
        byte_end,
    }
}

/// Who says `start..end` of the shown text, and when: index of the first speaker, first start, last end.
#[must_use]
pub fn said(map: &OffsetMap, start: u32, end: u32) -> (Option<u16>, Option<i64>, Option<i64>) {
    let first = map.sections.partition_point(|section| section.end <= start);
    let mut within = map
        .sections
        .iter()
        .skip(first)
        .take_while(|section| section.at < end.max(start + 1))
        .peekable();
    let speaker = within.peek().and_then(|section| section.speaker);
    let (mut from, mut to) = (None, None);
    for section in within {
        from = from.or(section.start_ms);
        to = section.end_ms.or(to);
    }
    (speaker, from, to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::chunk::Section;

    fn piece(at: u32, len: u32, byte: u32, source_len: u32, verbatim: bool) -> Piece {
        let source = Span {
            char_start: byte,
            char_end: byte + source_len,
            byte_start: byte,
            byte_end: byte + source_len,
        };
        Piece {
            at,
            len,
            source,
            verbatim,
        }
    }

    #[test]
    fn a_quote_over_two_cues_has_two_spans_and_markup_none() {
        // shown: `Ana: one & two` + inserted blank + `three`
        let shown = "Ana: one & two three\n";
        let map = OffsetMap {
            pieces: vec![
                piece(5, 4, 100, 4, true),
                piece(9, 1, 104, 5, false),
                piece(10, 4, 112, 4, true),
                piece(15, 5, 200, 5, true),
            ],
            sections: Vec::new(),
        };
        let spans = spans(&map, shown, 7, 20);
        let bytes: Vec<_> = spans
            .iter()
            .map(|span| (span.byte_start, span.byte_end))
            .collect();
        assert_eq!(bytes, [(102, 116), (200, 205)]);
    }

    #[test]
    fn code_points_and_bytes_part_where_the_text_is_not_ascii() {
        let shown = "Zoë saw";
        let source = Span {
            char_start: 10,
            char_end: 17,
            byte_start: 20,
            byte_end: 28,
        };
        let map = OffsetMap {
            pieces: vec![Piece {
                at: 0,
                len: 8,
                source,
                verbatim: true,
            }],
            sections: Vec::new(),
        };
        let found = spans(&map, shown, 5, 8);
        assert_eq!(
            found,
            [Span {
                char_start: 14,
                char_end: 17,
                byte_start: 25,
                byte_end: 28
            }]
        );
    }

    #[test]
    fn speaker_and_time_are_those_of_the_cues_it_stands_in() {
        let section = |at, end, speaker, start_ms| Section {
            at,
            end,
            speaker: Some(speaker),
            start_ms: Some(start_ms),
            end_ms: Some(start_ms + 9),
        };
        let map = OffsetMap {
            pieces: Vec::new(),
            sections: vec![
                section(5, 10, 0, 100),
                section(10, 20, 0, 200),
                section(25, 30, 1, 300),
            ],
        };
        assert_eq!(said(&map, 6, 8), (Some(0), Some(100), Some(109)));
        assert_eq!(said(&map, 8, 12), (Some(0), Some(100), Some(209)));
        assert_eq!(said(&map, 26, 27), (Some(1), Some(300), Some(309)));
    }
}
