//! Foreign text made safe to show: paths, names and messages may hold what moves a cursor or turns a line around.

use std::fmt::Write;

/// Whether a character does something to the terminal or to the order of a line, instead of being seen.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Marks, embeddings, overrides and isolates of text direction.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Line and paragraph separators, the invisible byte order mark, invisible tags.
            | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// For a place within a line: line breaks are shown, too.
///
/// ```
/// assert_eq!(weir::cli::escape::word("a\u{1b}[2J\n\u{202e}b é"), "a\\u{1b}[2J\\n\\u{202e}b é");
/// ```
#[must_use]
pub fn word(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if acts(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// For text of several lines: everything but its line breaks.
#[must_use]
pub fn lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(word).collect();
    lines.join("\n")
}

/// For finished JSON, where such characters can only stand within strings.
#[must_use]
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let written = write!(out, "\\u{unit:04x}");
                debug_assert!(written.is_ok());
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_acts_is_left() {
        for c in (0..=0x10_ffff)
            .filter_map(char::from_u32)
            .filter(|c| acts(*c))
        {
            let text = format!("a{c}b");
            assert!(!word(&text).chars().any(acts), "{c:?}");
            let value = serde_json::Value::String(text);
            let line = json(&value.to_string());
            assert!(!line.chars().any(acts), "{c:?}");
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(&line).unwrap(),
                value
            );
        }
        let acting = "\u{0}\u{1b}\u{7f}\u{9b}\u{61c}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}\u{2028}\u{feff}";
        assert!(acting.chars().all(acts));
        assert_eq!(lines("a\nb\u{7}\n"), "a\nb\\u{7}\n");
        assert_eq!(word("Zoë 東京 🙂"), "Zoë 東京 🙂");
    }
}
