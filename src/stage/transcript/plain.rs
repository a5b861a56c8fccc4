//! Small helpers over source text: slices that cannot panic, lines, and what counts as plain text.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;

/// The part of a text in a range; empty where the range is not one of it.
pub(super) fn cut(text: &str, range: Range<usize>) -> &str {
    text.get(range).unwrap_or("")
}

/// The text from a byte on.
pub(super) fn from(text: &str, at: usize) -> &str {
    text.get(at..).unwrap_or("")
}

/// At most this many first bytes, cut at a character.
pub(super) fn head(text: &str, bytes: usize) -> &str {
    cut(text, 0..text.floor_char_boundary(bytes))
}

/// A source offset as the model stores it: sources are far shorter than 4 GB.
pub(super) fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Characters that show nothing and mislead a reader: controls, byte order marks, zero-width blanks,
/// direction marks. The joiners stay: they make emoji and scripts what they are.
pub(super) fn is_hidden(c: char) -> bool {
    (c.is_control() && !c.is_whitespace())
        || matches!(
            c,
            '\u{feff}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2060}'
        )
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// NFC, blanks collapsed, hidden characters gone, trimmed, at most `most` characters.
pub(super) fn tidy(text: &str, most: usize) -> String {
    let mut out = String::new();
    let mut blank = false;
    for c in text.chars().filter(|&c| !is_hidden(c)).nfc().take(most) {
        if c.is_whitespace() {
            blank = true;
            continue;
        }
        if std::mem::take(&mut blank) && !out.is_empty() {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

/// One line of a source, without its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'s> {
    /// First byte.
    pub(super) at: usize,
    /// The line.
    pub(super) text: &'s str,
}

impl Line<'_> {
    /// One past its last byte.
    pub(super) fn end(&self) -> usize {
        self.at + self.text.len()
    }

    /// Nothing but blanks and hidden characters.
    pub(super) fn is_blank(&self) -> bool {
        self.text.chars().all(|c| c.is_whitespace() || is_hidden(c))
    }
}

/// The lines of a source from a byte on; CR, LF and CRLF end one.
pub(super) fn lines(source: &str, mut at: usize) -> impl Iterator<Item = Line<'_>> {
    std::iter::from_fn(move || {
        let rest = source.get(at..).filter(|rest| !rest.is_empty())?;
        let length = rest
            .bytes()
            .position(|b| b == b'\n' || b == b'\r')
            .unwrap_or(rest.len());
        let line = Line {
            at,
            text: cut(rest, 0..length),
        };
        at += length
            + if from(rest, length).starts_with("\r\n") {
                2
            } else {
                1
            };
        Some(line)
    })
}

/// Where the text proper starts: after a byte order mark.
pub(super) fn after_mark(source: &str) -> usize {
    if source.starts_with('\u{feff}') { 3 } else { 0 }
}

/// Whether a text ends a sentence, closing quotes and brackets aside.
pub(super) fn ends_sentence(text: &str) -> bool {
    let closing = |c| matches!(c, '"' | '\'' | ')' | ']' | '”' | '’' | '»' | '」');
    let end = text.trim_end_matches(closing).chars().next_back();
    end.is_some_and(|c| matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_any_mark() {
        let found: Vec<_> = lines("a\r\nb\rc\n\nd", 0).map(|l| (l.at, l.text)).collect();
        assert_eq!(found, [(0, "a"), (3, "b"), (5, "c"), (7, ""), (8, "d")]);
        assert_eq!(lines("a\n", 0).count(), 1);
        assert_eq!(lines("", 0).count(), 0);
    }

    #[test]
    fn tidy_text_has_no_odd_blanks() {
        assert_eq!(
            tidy("\u{feff} Jose\u{301}\u{200e} \t Lima \n", 99),
            "José Lima"
        );
        assert_eq!(tidy("abcdef", 3), "abc");
    }
}
