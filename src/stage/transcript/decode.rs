//! Bytes to text: encodings by byte order mark, else UTF-8; binary files are told from text here.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};

use super::plain::{after_mark, from, offset};
use crate::model::document::{MAX_SOURCE_BYTES, Problem, Unreadable};
use crate::model::id::ContentHash;

/// The text of a source file: what every [`Span`](crate::model::document::Span) counts in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded<'b> {
    /// The text. A UTF-8 file keeps its byte order mark here, so that offsets are the file's own.
    pub text: Cow<'b, str>,
    /// At most one: bytes that are not in the encoding, each replaced by U+FFFD.
    pub problems: Vec<Problem>,
}

impl Decoded<'_> {
    /// The content: the text without its mark and with every line end as LF, so that a file saved anew
    /// by another editor is not a new one.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        let text = from(&self.text, after_mark(&self.text));
        if text.contains('\r') {
            let normal = text.replace("\r\n", "\n").replace('\r', "\n");
            return ContentHash::of(&[normal.as_bytes()]);
        }
        ContentHash::of(&[text.as_bytes()])
    }
}

/// Decodes a file.
///
/// # Errors
/// When it is too long, binary, or of a kind that holds text but is read by other programs.
pub fn decoded(bytes: &[u8]) -> Result<Decoded<'_>, Unreadable> {
    let length = bytes.len() as u64;
    if length > MAX_SOURCE_BYTES {
        return Err(Unreadable::TooLong(length));
    }
    if let Some(what) = container(bytes) {
        return Err(Unreadable::Unsupported(what.into()));
    }
    let (text, bad, first) = match Encoding::for_bom(bytes) {
        Some((encoding, mark)) if encoding != UTF_8 => {
            let (text, errors) =
                encoding.decode_without_bom_handling(bytes.get(mark..).unwrap_or_default());
            let first = text.find('\u{fffd}').unwrap_or(0);
            let bad = if errors {
                text.matches('\u{fffd}').count()
            } else {
                0
            };
            (Cow::Owned(text.into_owned()), bad, first)
        }
        _ => utf8(bytes),
    };
    let odd = text.bytes().filter(|&b| is_odd(b)).count();
    if odd * 100 > text.len() {
        return Err(Unreadable::NotText(format!(
            "{odd} of {} bytes are NULs or control characters",
            text.len()
        )));
    }
    let mut problems = Vec::new();
    if bad > 0 {
        let all = text.chars().count();
        if bad * 100 > all {
            return Err(Unreadable::NotText(format!(
                "{bad} of {all} characters are not in its encoding; save it as UTF-8"
            )));
        }
        problems.push(Problem {
            byte: offset(first),
            what: format!("{bad} places are not in its encoding and were read as U+FFFD"),
        });
    }
    Ok(Decoded { text, problems })
}

fn utf8(bytes: &[u8]) -> (Cow<'_, str>, usize, usize) {
    let first = match std::str::from_utf8(bytes) {
        Ok(text) => return (Cow::Borrowed(text), 0, 0),
        Err(error) => error.valid_up_to(),
    };
    let mut text = String::with_capacity(bytes.len());
    let mut bad = 0;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push('\u{fffd}');
            bad += 1;
        }
    }
    (Cow::Owned(text), bad, first)
}

fn is_odd(byte: u8) -> bool {
    (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c)) || byte == 0x7f
}

/// What a file is that holds text inside something else.
fn container(bytes: &[u8]) -> Option<&'static str> {
    let kinds: [(&[u8], &str); 8] = [
        (
            b"PK\x03\x04",
            "it is a zip or an office document such as .docx; export the transcript as .vtt or .txt",
        ),
        (
            b"%PDF",
            "it is a PDF; export the transcript as .vtt or .txt",
        ),
        (b"{\\rtf", "it is rich text; save it as plain text"),
        (b"\x1f\x8b", "it is compressed by gzip; unpack it first"),
        (b"\xfd7zXZ\0", "it is compressed by xz; unpack it first"),
        (
            b"\x28\xb5\x2f\xfd",
            "it is compressed by zstd; unpack it first",
        ),
        (b"BZh", "it is compressed by bzip2; unpack it first"),
        (
            b"\xd0\xcf\x11\xe0",
            "it is an old office document; save it as plain text",
        ),
    ];
    let known = kinds.iter().find(|(magic, _)| bytes.starts_with(magic));
    known.map(|(_, what)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, big: bool) -> Vec<u8> {
        let mut bytes = if big {
            vec![0xfe, 0xff]
        } else {
            vec![0xff, 0xfe]
        };
        for unit in text.encode_utf16() {
            bytes.extend(if big {
                unit.to_be_bytes()
            } else {
                unit.to_le_bytes()
            });
        }
        bytes
    }

    #[test]
    fn encodings_by_mark() {
        let text = "Ana: Olá 😀.\n";
        let hash = decoded(text.as_bytes()).unwrap().hash();
        for bytes in [
            utf16(text, true),
            utf16(text, false),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            text.replace('\n', "\r\n").into_bytes(),
            text.replace('\n', "\r").into_bytes(),
        ] {
            assert_eq!(decoded(&bytes).unwrap().hash(), hash);
        }
        assert_eq!(decoded(&utf16(text, true)).unwrap().text, text);
        assert!(
            decoded(b"\xef\xbb\xbfhi")
                .unwrap()
                .text
                .starts_with('\u{feff}')
        );
        assert_ne!(decoded(b"other").unwrap().hash(), hash);
    }

    #[test]
    fn a_few_bad_bytes_are_a_problem_many_are_not_text() {
        let mut bytes = "word ".repeat(100).into_bytes();
        bytes.extend(b"caf\xe9 ");
        let read = decoded(&bytes).unwrap();
        assert_eq!(read.problems.len(), 1);
        assert_eq!(read.problems[0].byte, 503);
        assert!(read.text.ends_with("caf\u{fffd} "));
        let reason = |bytes: &[u8]| decoded(bytes).unwrap_err().reason();
        assert_eq!(reason(b"caf\xe9 \xe0 \xff"), "not_text");
        assert_eq!(reason(b"a\0b\0c\0"), "not_text");
        assert_eq!(reason(b"PK\x03\x04word/document.xml"), "unsupported");
        assert_eq!(decoded(b"").unwrap().text, "");
    }
}
