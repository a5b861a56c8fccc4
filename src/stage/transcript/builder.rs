//! Builds a document turn by turn and keeps, for every byte of text, where in the source it came from.
//!
//! Readers name source ranges in order; the builder collapses blanks, drops what does not show, brings the
//! text to NFC and fills in code point offsets. Work and memory are linear in the source.

use std::collections::BTreeMap;
use std::ops::Range;

use super::compose::{compose, join};
use super::plain::{cut, ends_sentence, from, is_hidden, offset};
use crate::model::document::{Cue, Document, Format, Piece, Problem, Span, Turn};

/// Problems kept for one file; the last one then says how many there were.
const MAX_PROBLEMS: usize = 2000;

/// A turn of nobody ends at the first sentence end, or when it is this long all the same.
const MAX_WORDS: u32 = 60;

/// The same in bytes, for scripts without blanks between words.
const MAX_BYTES: usize = 400;

/// A blank that is written once the next word is.
enum Blank {
    /// From the source: a blank, a line end, a run of both.
    Source(Range<usize>),
    /// Between two cues: no piece covers it.
    Inserted,
}

/// A document under construction.
pub(super) struct Builder<'s> {
    /// The whole decoded source.
    pub(super) source: &'s str,
    /// The document so far; the open turn is not in it yet.
    pub(super) document: Document,
    /// Where title, date and language were found.
    pub(super) stated: BTreeMap<&'static str, String>,
    points: Points<'s>,
    unnamed_problems: usize,
    turn: Turn,
    words: u32,
    blank: Option<Blank>,
    cue: Option<(Option<i64>, Option<i64>)>,
}

impl<'s> Builder<'s> {
    pub(super) fn new(source: &'s str, format: Format, problems: Vec<Problem>) -> Self {
        Self {
            source,
            document: Document {
                format,
                title: None,
                recorded_at: None,
                language: None,
                meta: BTreeMap::new(),
                turns: Vec::new(),
                problems,
            },
            stated: BTreeMap::new(),
            points: Points::new(source),
            unnamed_problems: 0,
            turn: Turn::default(),
            words: 0,
            blank: None,
            cue: None,
        }
    }

    pub(super) fn problem(&mut self, byte: usize, what: impl Into<String>) {
        if self.document.problems.len() < MAX_PROBLEMS {
            self.document.problems.push(Problem {
                byte: offset(byte),
                what: what.into(),
            });
        } else {
            self.unnamed_problems += 1;
        }
    }

    /// Ends the open turn and starts one.
    pub(super) fn turn(&mut self, speaker: Option<String>) {
        self.end();
        self.turn.speaker = speaker;
    }

    /// What follows was said at this time.
    pub(super) fn cue(&mut self, start: Option<i64>, end: Option<i64>) {
        self.cue = Some((start, end));
    }

    /// A blank that stands for nothing in the source follows.
    pub(super) fn gap(&mut self) {
        self.blank = Some(Blank::Inserted);
    }

    /// A blank that stands for a stretch of the source follows.
    pub(super) fn blank(&mut self, range: Range<usize>) {
        self.blank.get_or_insert(Blank::Source(range));
    }

    /// Source text that is taken as it stands.
    pub(super) fn text(&mut self, range: Range<usize>) {
        let source: &'s str = self.source;
        let mut at = range.start;
        let mut rest = cut(source, range);
        let is_odd = |c: char| c.is_whitespace() || is_hidden(c);
        while !rest.is_empty() {
            let (plain, blanks) = plain_words(rest);
            if plain > 0 {
                // Taken at once, which comes to the same as word by word.
                self.word(at, cut(rest, 0..plain));
                self.words += blanks;
                rest = from(rest, plain);
                at += plain;
            }
            let word = rest.find(is_odd).unwrap_or(rest.len());
            self.word(at, cut(rest, 0..word));
            rest = from(rest, word);
            at += word;
            let odd = rest.find(|c| !is_odd(c)).unwrap_or(rest.len());
            if cut(rest, 0..odd).contains(char::is_whitespace) {
                self.blank(at..at + odd);
            }
            rest = from(rest, odd);
            at += odd;
        }
    }

    /// One character that stands for a stretch of the source, such as `&` for `&amp;`.
    pub(super) fn glyph(&mut self, c: char, range: Range<usize>) {
        if c.is_whitespace() {
            self.blank(range);
        } else if !is_hidden(c) {
            self.flush();
            let at = offset(self.turn.text.len());
            self.turn.text.push(c);
            let len = offset(c.len_utf8());
            self.piece(at, len, range, false);
        }
    }

    /// Whether the open turn holds any text.
    pub(super) fn is_open(&self) -> bool {
        !self.turn.text.is_empty()
    }

    /// Who speaks in the open turn.
    pub(super) fn speaker(&self) -> Option<&str> {
        self.turn.speaker.as_deref()
    }

    /// Whether the open turn ends with a sentence.
    pub(super) fn ends_sentence(&self) -> bool {
        ends_sentence(&self.turn.text)
    }

    /// Whether a turn of nobody is as long as it should get.
    pub(super) fn is_long(&self) -> bool {
        self.words >= MAX_WORDS || self.turn.text.len() >= MAX_BYTES
    }

    /// Ends the open turn; one without text leaves no trace.
    pub(super) fn end(&mut self) {
        self.blank = None;
        self.cue = None;
        self.words = 0;
        let mut turn = std::mem::take(&mut self.turn);
        if turn.text.is_empty() {
            return;
        }
        compose(&mut turn);
        for piece in &mut turn.pieces {
            piece.source.char_start = self.points.before(piece.source.byte_start);
            piece.source.char_end = self.points.before(piece.source.byte_end);
        }
        turn.text.shrink_to_fit();
        turn.pieces.shrink_to_fit();
        self.document.turns.push(turn);
    }

    /// The document, with a problem if a file that is not empty gave no turn.
    pub(super) fn finish(mut self) -> (Document, BTreeMap<&'static str, String>) {
        self.end();
        if self.document.turns.is_empty() && !self.source.is_empty() {
            self.problem(0, "no speech was found in it");
        }
        if self.unnamed_problems > 0 {
            let more = self.unnamed_problems;
            if let Some(last) = self.document.problems.last_mut() {
                last.what = format!("{}; and {more} more problems after it", last.what);
            }
        }
        (self.document, self.stated)
    }

    fn word(&mut self, at: usize, word: &str) {
        if word.is_empty() {
            return;
        }
        self.flush();
        let start = offset(self.turn.text.len());
        self.turn.text.push_str(word);
        self.piece(start, offset(word.len()), at..at + word.len(), true);
    }

    /// Writes what waited for the next word: the blank before it and the cue that it starts.
    fn flush(&mut self) {
        match self.blank.take() {
            Some(blank) if self.is_open() => {
                self.words += 1;
                let at = offset(self.turn.text.len());
                self.turn.text.push(' ');
                if let Blank::Source(range) = blank {
                    // Of a run of blanks the first one stands for all; the others are like markup.
                    let same = from(self.source, range.start).starts_with(' ');
                    let end = if same { range.start + 1 } else { range.end };
                    self.piece(at, 1, range.start..end, same);
                }
            }
            _ => {}
        }
        let first = self.turn.cues.is_empty().then_some((None, None));
        if let Some((start_ms, end_ms)) = self.cue.take().or(first) {
            self.turn.cues.push(Cue {
                at: offset(self.turn.text.len()),
                start_ms,
                end_ms,
            });
        }
    }

    fn piece(&mut self, at: u32, len: u32, range: Range<usize>, verbatim: bool) {
        let source = Span {
            byte_start: offset(range.start),
            byte_end: offset(range.end),
            ..Span::default()
        };
        let piece = Piece {
            at,
            len,
            source,
            verbatim,
        };
        join(&mut self.turn.pieces, piece);
    }
}

/// How long the words are that a text begins with, of visible ASCII with one blank between each two; and how many blanks
/// that is.
fn plain_words(text: &str) -> (usize, u32) {
    let (mut end, mut blanks, mut held) = (0, 0, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'!'..=b'~' => {
                blanks += held;
                (end, held) = (at + 1, 0);
            }
            b' ' if held == 0 && at > 0 => held = 1,
            _ => break,
        }
    }
    (end, blanks)
}

/// Code points before a byte, in constant time.
struct Points<'s> {
    source: &'s str,
    /// Code points that start before each `STEP`th byte; empty where bytes are code points.
    marks: Vec<u32>,
}

const STEP: usize = 128;

impl<'s> Points<'s> {
    fn new(source: &'s str) -> Self {
        let mut marks = Vec::new();
        if !source.is_ascii() {
            let mut points = 0;
            for block in source.as_bytes().chunks(STEP) {
                marks.push(points);
                points += starts(block);
            }
            marks.push(points);
        }
        Self { source, marks }
    }

    fn before(&self, byte: u32) -> u32 {
        if self.marks.is_empty() {
            return byte;
        }
        let at = byte as usize;
        let block = at - at % STEP;
        let within = self.source.as_bytes().get(block..at).unwrap_or_default();
        self.marks.get(at / STEP).copied().unwrap_or(0) + starts(within)
    }
}

fn starts(bytes: &[u8]) -> u32 {
    offset(bytes.iter().filter(|&&b| b & 0xc0 != 0x80).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_maps_to_its_source() {
        let source = "é  a\u{200b}b\n c&amp;";
        let mut builder = Builder::new(source, Format::Text, Vec::new());
        builder.turn(None);
        builder.cue(Some(5), None);
        builder.text(0..11);
        builder.gap();
        builder.cue(Some(7), None);
        builder.text(11..12);
        builder.glyph('&', 12..17);
        let (document, _) = builder.finish();
        let turn = &document.turns[0];
        assert_eq!(turn.text, "é ab c&");
        let seen: Vec<_> = turn
            .pieces
            .iter()
            .map(|p| (p.at, p.len, p.source.char_start, p.source.char_end))
            .collect();
        assert_eq!(
            seen,
            [
                (0, 3, 0, 2),
                (3, 1, 3, 4),
                (4, 1, 5, 6),
                (6, 1, 8, 9),
                (7, 1, 9, 14)
            ]
        );
        assert_eq!(turn.cues.iter().map(|c| c.at).collect::<Vec<_>>(), [0, 6]);
    }

    #[test]
    fn problems_are_capped() {
        let mut builder = Builder::new("x", Format::Text, Vec::new());
        for _ in 0..5000 {
            builder.problem(0, "odd");
        }
        let problems = builder.finish().0.problems;
        assert_eq!(problems.len(), MAX_PROBLEMS);
        assert!(problems[MAX_PROBLEMS - 1].what.contains("3001 more"));
    }
}
