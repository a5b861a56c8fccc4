//! The pieces that a document may be cut into: turns; in a long one or one of nobody sentences; in a long
//! sentence words; in a long word blocks of characters.

use crate::model::document::{Document, Turn};
use crate::stage::tokens::count;

/// A word longer than this is no word: a script without blanks, or noise.
const MAX_WORD: usize = 200;

/// Characters of a block of such a word.
const BLOCK: usize = 32;

/// A stretch of one turn that is never cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// Index of its turn.
    pub(super) turn: usize,
    /// First byte in the turn's text; the blank before a sentence or word belongs to it.
    pub(super) start: usize,
    /// One past its last byte.
    pub(super) end: usize,
    /// Tokens, with the label if it starts the turn and the newline if it ends it; at least one.
    pub(super) tokens: u32,
    /// Tokens of the label, which is shown again if a chunk starts here within the turn.
    pub(super) label: u32,
}

impl Unit {
    /// BLAKE3 of label and text.
    pub(super) fn hash(&self, document: &Document) -> [u8; 32] {
        let turn = document.turns.get(self.turn);
        let speaker = turn.and_then(|turn| turn.speaker.as_deref());
        let text = turn.and_then(|turn| turn.text.get(self.start..self.end));
        let mut hasher = blake3::Hasher::new();
        hasher.update(speaker.unwrap_or("").as_bytes());
        hasher.update(b"\0");
        hasher.update(text.unwrap_or("").trim().as_bytes());
        *hasher.finalize().as_bytes()
    }
}

/// Cuts one turn and hands over its units in order.
pub(super) struct Cutter<'t> {
    /// The turn.
    pub(super) turn: &'t Turn,
    /// Its index.
    pub(super) index: usize,
    /// Tokens of its label.
    pub(super) label: u32,
    /// The most tokens of a unit, words aside.
    pub(super) most: u32,
    /// A turn of up to so many tokens stays whole.
    pub(super) whole: u32,
}

impl Cutter<'_> {
    /// Cuts. Memory is bounded whatever the turn holds: units are handed over as soon as they are known.
    pub(super) fn cut(&self, mut emit: impl FnMut(Unit)) {
        let text = self.turn.text.as_str();
        let bound = self.most.max(self.whole);
        // Sentences so far, while the turn may still stay whole.
        let mut held = Vec::new();
        let mut tokens = 0u32;
        let mut is_whole = self.whole > 0;
        for (start, end) in Sentences(text, 0) {
            // What cannot fit is not counted twice, as a sentence and as words.
            let is_long = end - start > 16 * bound as usize;
            let unit = self.unit(start, end, !is_long);
            tokens = tokens.saturating_add(unit.tokens);
            is_whole &= !is_long && tokens <= self.whole;
            held.push((unit, is_long));
            if !is_whole {
                for (unit, is_long) in held.drain(..) {
                    if is_long || unit.tokens > self.most {
                        self.words(unit.start, unit.end, &mut emit);
                    } else {
                        emit(unit);
                    }
                }
            }
        }
        if is_whole && !text.is_empty() {
            emit(Unit {
                tokens,
                ..self.unit(0, text.len(), false)
            });
        }
    }

    fn words(&self, start: usize, end: usize, emit: &mut impl FnMut(Unit)) {
        let text = self.turn.text.as_str();
        let mut at = start;
        while at < end {
            let rest = text.get(at..end).unwrap_or("");
            let blank = usize::from(rest.starts_with(' '));
            let word = rest.get(blank..).unwrap_or("");
            // No further than a word may go: the next blank of a noisy line can be megabytes away.
            let window = word.get(..word.floor_char_boundary(MAX_WORD)).unwrap_or("");
            let length = match window.find(' ') {
                Some(end) => blank + end,
                None if window.len() == word.len() => blank + word.len(),
                None => word
                    .char_indices()
                    .nth(BLOCK)
                    .map_or(rest.len(), |(end, _)| blank + end),
            };
            if length == 0 {
                return;
            }
            emit(self.unit(at, at + length, true));
            at += length;
        }
    }

    fn unit(&self, start: usize, end: usize, counted: bool) -> Unit {
        let text = self.turn.text.get(start..end).unwrap_or("");
        let tokens = if !counted {
            0
        } else if end == self.turn.text.len() {
            // With its newline, which is one token with a full stop before it.
            count(&[text, "\n"].concat())
        } else {
            count(text)
        };
        let label = if start == 0 { self.label } else { 0 };
        Unit {
            turn: self.index,
            start,
            end,
            tokens: (tokens + label).max(1),
            label: self.label,
        }
    }
}

/// Sentences of a text, each with the blank before it; together they are the text.
struct Sentences<'t>(&'t str, usize);

impl Iterator for Sentences<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.1;
        let rest = self.0.get(start..).filter(|rest| !rest.is_empty())?;
        let mut ended = false;
        let mut length = rest.len();
        let mut skip = 0;
        for (at, byte) in rest.bytes().enumerate() {
            match byte {
                // The bytes of a character that has been looked at.
                _ if at < skip => {}
                b'.' | b'!' | b'?' => ended = true,
                b'"' | b'\'' | b')' | b']' => {}
                b' ' if ended && at > 0 => {
                    length = at;
                    break;
                }
                0..0x80 => ended = false,
                _ => {
                    let c = rest.get(at..).and_then(|rest| rest.chars().next())?;
                    skip = at + c.len_utf8();
                    match c {
                        // These scripts put no blank after a sentence.
                        '。' | '！' | '？' => {
                            length = skip;
                            break;
                        }
                        '…' => ended = true,
                        '”' | '’' | '»' => {}
                        _ => ended = false,
                    }
                }
            }
        }
        self.1 = start + length;
        Some((start, self.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, most: u32, whole: u32) -> Vec<String> {
        let turn = Turn {
            text: text.to_owned(),
            ..Turn::default()
        };
        let cutter = Cutter {
            turn: &turn,
            index: 0,
            label: 0,
            most,
            whole,
        };
        let mut units = Vec::new();
        cutter.cut(|unit| units.push(text.get(unit.start..unit.end).unwrap().to_owned()));
        assert_eq!(units.concat(), text);
        units
    }

    #[test]
    fn units() {
        let text = "One two. \"Three?\" Mr. 3.5 five";
        assert_eq!(cut(text, 100, 100), [text]);
        assert_eq!(
            cut(text, 100, 0),
            ["One two.", " \"Three?\"", " Mr.", " 3.5 five"]
        );
        assert_eq!(
            cut("é. “Où ?” À… »là.", 100, 0),
            ["é.", " “Où ?”", " À…", " »là."]
        );
        assert_eq!(
            cut("Now this is long. So.", 3, 3),
            ["Now", " this", " is", " long.", " So."]
        );
        assert_eq!(cut("中文。更多？末", 100, 0), ["中文。", "更多？", "末"]);
        assert_eq!(cut("", 100, 0), [""; 0]);
    }

    #[test]
    fn a_long_word_is_cut_at_characters() {
        let word = "é".repeat(1000);
        let units = cut(&word, 50, 50);
        assert!(units.len() >= 28 && units.iter().all(|unit| unit.len() <= MAX_WORD));
        assert_eq!(cut(&"a ".repeat(300), 50, 50).len(), 301);
    }
}
