//! Stretches of turns to a chunk: its shown text, and from every byte of it back to the source.

use std::ops::Range;

use super::value::weigh;
use crate::model::chunk::{Chunk, ChunkFacts, OffsetMap, Section};
use crate::model::document::{Document, Piece, Span, Turn};
use crate::model::id::Fingerprint;

/// Makes the chunks of one document, first to last.
pub(super) struct Assembler<'d> {
    document: &'d Document,
    drop_thin: bool,
    position: u32,
    walk: Walk,
}

/// How far the code points of the current piece have been counted: chunks come in order, so a long piece
/// is walked once, not once a chunk.
#[derive(Default)]
struct Walk {
    turn: usize,
    piece: u32,
    byte: u32,
    points: u32,
}

impl<'d> Assembler<'d> {
    pub(super) fn new(document: &'d Document, drop_thin: bool) -> Self {
        Self {
            document,
            drop_thin,
            position: 0,
            walk: Walk::default(),
        }
    }

    /// What it makes chunks of.
    pub(super) fn document(&self) -> &'d Document {
        self.document
    }

    /// A chunk of parts, each a turn and its first and last byte; `None` if they hold nothing but blanks.
    pub(super) fn chunk(&mut self, parts: &[(usize, usize, usize)], tokens: u32) -> Option<Chunk> {
        let document = self.document;
        let mut text = String::new();
        let mut said = Vec::with_capacity(parts.len());
        let mut speakers: Vec<String> = Vec::new();
        let mut map = OffsetMap::default();
        for &(index, start, end) in parts {
            let Some((turn, range)) = document.turns.get(index).and_then(|turn| {
                let range = trimmed(&turn.text, start..end)?;
                Some((turn, range))
            }) else {
                continue;
            };
            let speaker = turn.speaker.as_ref().map(|name| {
                text.push_str(name);
                text.push_str(": ");
                let known = speakers.iter().position(|known| known == name);
                let at = known.unwrap_or_else(|| {
                    speakers.push(name.clone());
                    speakers.len() - 1
                });
                u16::try_from(at).unwrap_or(u16::MAX)
            });
            let at = narrow(text.len());
            let slice = turn.text.get(range.clone()).unwrap_or("");
            text.push_str(slice);
            text.push('\n');
            said.push(slice);
            let range = narrow(range.start)..narrow(range.end);
            self.pieces(index, turn, &range, at, &mut map.pieces);
            sections(turn, &range, at, speaker, &mut map.sections);
        }
        if said.is_empty() {
            return None;
        }
        let (value, thin) = weigh(&said);
        let facts = ChunkFacts {
            position: self.position,
            speakers,
            start_ms: map.sections.iter().find_map(|section| section.start_ms),
            end_ms: map.sections.iter().rev().find_map(|section| section.end_ms),
            source: whole(&map.pieces),
            tokens,
            value,
            dropped: thin.filter(|_| self.drop_thin),
            map,
        };
        self.position += 1;
        let fingerprint = Fingerprint::of_shown(&text);
        Some(Chunk {
            text: text.into(),
            fingerprint,
            facts,
        })
    }

    fn pieces(
        &mut self,
        index: usize,
        turn: &Turn,
        range: &Range<u32>,
        at: u32,
        out: &mut Vec<Piece>,
    ) {
        let first = turn
            .pieces
            .partition_point(|piece| piece.at + piece.len <= range.start);
        for piece in turn
            .pieces
            .iter()
            .skip(first)
            .take_while(|piece| piece.at < range.end)
        {
            let start = piece.at.max(range.start);
            let end = (piece.at + piece.len).min(range.end);
            let clipped = end - start < piece.len;
            if clipped && !piece.verbatim {
                // Half an atom stands for nothing in the source.
                continue;
            }
            let mut source = piece.source;
            if clipped {
                source.byte_start += start - piece.at;
                source.byte_end = source.byte_start + (end - start);
                source.char_start += self.points(index, turn, piece, start);
                source.char_end = piece.source.char_start + self.points(index, turn, piece, end);
            }
            out.push(Piece {
                at: at + (start - range.start),
                len: end - start,
                source,
                ..*piece
            });
        }
    }

    /// Code points from the start of a piece to a byte of the text.
    fn points(&mut self, index: usize, turn: &Turn, piece: &Piece, byte: u32) -> u32 {
        let walk = &mut self.walk;
        if walk.turn != index || walk.piece != piece.at || walk.byte < piece.at || walk.byte > byte
        {
            *walk = Walk {
                turn: index,
                piece: piece.at,
                byte: piece.at,
                points: 0,
            };
        }
        let passed = turn
            .text
            .get(walk.byte as usize..byte as usize)
            .unwrap_or("");
        walk.points += narrow(passed.chars().count());
        walk.byte = byte;
        walk.points
    }
}

fn sections(
    turn: &Turn,
    range: &Range<u32>,
    at: u32,
    speaker: Option<u16>,
    out: &mut Vec<Section>,
) {
    let first = turn
        .cues
        .partition_point(|cue| cue.at <= range.start)
        .saturating_sub(1);
    let ends = turn.cues.iter().skip(first + 1).map(|cue| cue.at);
    let ends = ends.chain(std::iter::once(range.end));
    for (cue, end) in turn.cues.iter().skip(first).zip(ends) {
        if cue.at >= range.end {
            break;
        }
        let start = cue.at.max(range.start);
        let part = start as usize..end.min(range.end) as usize;
        let Some(part) = trimmed(&turn.text, part) else {
            continue;
        };
        out.push(Section {
            at: at + (narrow(part.start) - range.start),
            end: at + (narrow(part.end) - range.start),
            speaker,
            start_ms: cue.start_ms,
            end_ms: cue.end_ms,
        });
    }
}

/// A range without the blanks at its ends; `None` if nothing is left.
fn trimmed(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let slice = text.get(range.clone())?;
    let start = range.start + (slice.len() - slice.trim_start().len());
    let end = range.start + slice.trim_end().len();
    (start < end).then_some(start..end)
}

/// From the start of the first piece to the end of the last.
fn whole(pieces: &[Piece]) -> Span {
    match (pieces.first(), pieces.last()) {
        (Some(first), Some(last)) => Span {
            char_end: last.source.char_end,
            byte_end: last.source.byte_end,
            ..first.source
        },
        _ => Span::default(),
    }
}

/// Offsets fit: a document's text is no longer than its source.
fn narrow(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
