//! The inside of a JSON string, escape by escape.

use std::ops::Range;

use super::super::builder::Builder;
use super::super::plain::{cut, from};

/// Hands the inside of a JSON string to the builder.
pub(in super::super) fn unescape(builder: &mut Builder<'_>, range: Range<usize>) {
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

/// The character that a text starts with as an escape, and the bytes of the escape.
pub(in super::super) fn escape(text: &str) -> (char, usize) {
    match text.as_bytes().get(1) {
        Some(b'n' | b'r' | b't') => ('\n', 2),
        Some(b'b' | b'f') => ('\u{c}', 2),
        Some(b'u') => unicode(text),
        Some(&other) if other.is_ascii() => (other.into(), 2),
        _ => ('\u{fffd}', 1),
    }
}

/// `\u00e9`, or a pair of them; half a pair stands alone in some dumps.
fn unicode(text: &str) -> (char, usize) {
    let unit = |at: usize| {
        let digits = cut(text, at..at + 4);
        let hex = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        hex.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
    };
    let Some(first) = unit(2) else {
        return ('\u{fffd}', 2);
    };
    let second = from(text, 6).starts_with("\\u").then(|| unit(8)).flatten();
    if let Some(second) = second
        && let Some(Ok(c)) = char::decode_utf16([first, second]).next()
        && c.len_utf16() == 2
    {
        return (c, 12);
    }
    (char::from_u32(first.into()).unwrap_or('\u{fffd}'), 6)
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn escapes() {
        for (text, want) in [
            ("\\n", ('\n', 2)),
            ("\\u00e9x", ('é', 6)),
            ("\\ud83d\\ude00", ('😀', 12)),
            ("\\ud83d", ('\u{fffd}', 6)),
            ("\\ud83d\\u0041", ('\u{fffd}', 6)),
            ("\\u12", ('\u{fffd}', 2)),
            ("\\u+123", ('\u{fffd}', 2)),
            ("\\\"", ('"', 2)),
            ("\\é", ('\u{fffd}', 1)),
            ("\\", ('\u{fffd}', 1)),
        ] {
            assert_eq!(escape(text), want, "{text}");
        }
    }
}
