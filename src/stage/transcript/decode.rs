//! Bytes to text: encodings by byte order mark, else UTF-8, else the likeliest; binary files are told from text here.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1250, WINDOWS_1252};

use super::docx;
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
    /// The encoding, and how it was told.
    pub encoding: String,
    /// What the container of the text says of it; of a bare file nothing.
    pub packed: Option<Vec<(&'static str, String)>>,
}

impl Decoded<'_> {
    /// The content: the text without its mark and with every line end as LF, so that a file saved anew
    /// by another editor is not a new one.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        if let Some(facts) = &self.packed {
            let facts = facts
                .iter()
                .flat_map(|(key, value)| [key.as_bytes(), value.as_bytes()]);
            let parts: Vec<&[u8]> = std::iter::once(self.text.as_bytes()).chain(facts).collect();
            return ContentHash::of(&parts);
        }
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
    if bytes.starts_with(b"PK\x03\x04") {
        return unpacked(bytes);
    }
    if let Some(what) = container(bytes) {
        return Err(Unreadable::Unsupported(what.into()));
    }
    let (text, encoding) = text(bytes);
    let odd = text.chars().filter(|&c| is_odd(c)).count();
    if odd * 100 > text.len() {
        return Err(Unreadable::NotText(format!(
            "{odd} of {} bytes are NULs or control characters",
            text.len()
        )));
    }
    let mut problems = Vec::new();
    // A file may hold the character itself; what cannot be told from it is said all the same.
    let bad = text.matches('\u{fffd}').count();
    if bad > 0 && !bytes.windows(3).any(|window| window == b"\xef\xbf\xbd") {
        let all = text.chars().count();
        if bad * 100 > all {
            return Err(Unreadable::NotText(format!(
                "{bad} of {all} characters are not in its encoding; save it as UTF-8"
            )));
        }
        problems.push(Problem {
            byte: offset(text.find('\u{fffd}').unwrap_or(0)),
            what: format!("{bad} places are not in its encoding and were read as U+FFFD"),
        });
    }
    // A file whose bytes are its characters' is its own text; of any other it is the text that offsets count in.
    if u32::try_from(text.len()).is_err() {
        return Err(Unreadable::TooLong(text.len() as u64));
    }
    Ok(Decoded {
        text,
        problems,
        encoding,
        packed: None,
    })
}

fn unpacked(bytes: &[u8]) -> Result<Decoded<'_>, Unreadable> {
    let found = docx::extract(bytes)?;
    let mut problems = Vec::new();
    if let Some(at) = found.broken {
        problems.push(Problem {
            byte: offset(at),
            what: "the document is damaged: it cannot be read on from here".to_owned(),
        });
    }
    Ok(Decoded {
        text: Cow::Owned(found.text),
        problems,
        encoding: "UTF-8, in a zip".to_owned(),
        packed: Some(found.facts),
    })
}

/// The text, and its encoding: by its mark, else UTF-8 if it is that throughout, else the likeliest.
fn text(bytes: &[u8]) -> (Cow<'_, str>, String) {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes)
        && encoding != UTF_8
    {
        let rest = bytes.get(mark..).unwrap_or_default();
        let (text, _) = encoding.decode_without_bom_handling(rest);
        return (text, format!("{}, by its byte order mark", encoding.name()));
    }
    if let Some(encoding) = unmarked(bytes) {
        let (text, _) = encoding.decode_without_bom_handling(bytes);
        return (text, format!("{}, by its zero bytes", encoding.name()));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let marked = text.starts_with('\u{feff}');
        let how = if marked {
            "UTF-8, by its byte order mark"
        } else {
            "UTF-8"
        };
        return (Cow::Borrowed(text), how.to_owned());
    }
    let (mut good, mut bad) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    // Other encodings make hardly any characters of UTF-8 by chance: this is such a file, damaged.
    if bytes.starts_with(b"\xef\xbb\xbf") || good > bad {
        let text = Cow::Owned(String::from_utf8_lossy(bytes).into_owned());
        return (text, "UTF-8, with errors".to_owned());
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    let mut encoding = detector.guess(None, Utf8Detection::Deny);
    if encoding == WINDOWS_1250 && is_western(bytes) {
        encoding = WINDOWS_1252;
    }
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    let owned = Cow::Owned(text.into_owned());
    (owned, format!("{}, by its letters", encoding.name()))
}

/// Short texts in Portuguese or French are taken for Central European ones: they have letters that stand for rare ones
/// there, and none of those that no text of there does without.
fn is_western(bytes: &[u8]) -> bool {
    let central = |b: &u8| matches!(b, 0x8a | 0x8c..=0x8f | 0x9a | 0x9c..=0x9f | 0xa3 | 0xa5 | 0xb3 | 0xb9 | 0xba | 0xbf | 0xfe);
    let western = |b: &u8| matches!(b, 0xe0 | 0xe3 | 0xe7 | 0xea);
    bytes.iter().any(western) && !bytes.iter().any(central)
}

/// UTF-16 without a mark: every other byte of Western text is zero.
fn unmarked(bytes: &[u8]) -> Option<&'static Encoding> {
    let first = bytes.get(..bytes.len().min(4096)).unwrap_or_default();
    let zeros = |parity: usize| {
        first
            .iter()
            .skip(parity)
            .step_by(2)
            .filter(|b| **b == 0)
            .count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    let most = first.len() / 2;
    if !bytes.len().is_multiple_of(2) || most < 4 {
        None
    } else if odd * 10 > most * 7 && even * 20 < most {
        Some(UTF_16LE)
    } else if even * 10 > most * 7 && odd * 20 < most {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// What no text holds, of the old controls and of those that a wrong encoding makes of other bytes.
fn is_odd(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{c}' | '\u{85}')
}

/// What a file is that holds text inside something else.
fn container(bytes: &[u8]) -> Option<&'static str> {
    let kinds: [(&[u8], &str); 15] = [
        (b"PK\x05\x06", "it is an empty zip archive"),
        (
            b"%PDF",
            "it is a PDF; export the transcript as .docx, .vtt or .txt",
        ),
        (
            b"7z\xbc\xaf\x27\x1c",
            "it is a 7-zip archive; unpack it first",
        ),
        (b"Rar!", "it is a rar archive; unpack it first"),
        (b"OggS", "it is a recording, not its transcript"),
        (b"ID3", "it is a recording, not its transcript"),
        (b"RIFF", "it is a recording, not its transcript"),
        (b"fLaC", "it is a recording, not its transcript"),
        (b"\x1a\x45\xdf\xa3", "it is a recording, not its transcript"),
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
    if bytes.get(4..8) == Some(b"ftyp") {
        return Some("it is a recording, not its transcript");
    }
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
        let mut bytes = "wörd ".repeat(100).into_bytes();
        bytes.extend(b"caf\xe9 ");
        let read = decoded(&bytes).unwrap();
        assert_eq!(read.problems.len(), 1);
        assert_eq!(read.problems[0].byte, 603);
        assert!(read.text.ends_with("caf\u{fffd} "));
        let reason = |bytes: &[u8]| decoded(bytes).unwrap_err().reason();
        assert_eq!(reason(b"\xe9\xa9\xe9\xa9\x01\x02\xff"), "not_text");
        assert_eq!(reason(b"a\0b\0c\0d"), "not_text");
        assert_eq!(reason(b"PK\x03\x04word/document.xml"), "unsupported");
        assert_eq!(reason(b"%PDF-1.7"), "unsupported");
        assert_eq!(reason(b"\0\0\0\x20ftypM4A "), "unsupported");
        assert_eq!(decoded(b"").unwrap().text, "");
    }

    #[test]
    fn encodings_by_letters() {
        for (encoding, text) in [
            (
                "windows-1252",
                "Ana: Olá, você já sabe que não há reunião amanhã às nove da manhã?",
            ),
            (
                "windows-1250",
                "Anna: Dzień dobry, zaczynamy spotkanie. Będziemy mówić o budżecie na przyszły rok.",
            ),
            (
                "windows-1251",
                "Анна: Добрый день, начнём наше совещание о бюджете на следующий год.",
            ),
            (
                "Shift_JIS",
                "田中: おはようございます。今日の会議を始めましょう。資料はお手元にあります。",
            ),
            (
                "GBK",
                "王芳：大家好，我们现在开始今天的会议，请大家先看一下上周的记录。",
            ),
            (
                "Big5",
                "陳明：各位早安，我們現在開始今天的會議，請先看一下上週的紀錄。",
            ),
            (
                "EUC-KR",
                "김민수: 안녕하세요, 지금부터 오늘 회의를 시작하겠습니다. 자료를 봐 주세요.",
            ),
            ("UTF-16LE", "Ana: no mark at all"),
            ("UTF-16BE", "Ana: no mark at all"),
        ] {
            let bytes = match encoding {
                "UTF-16LE" | "UTF-16BE" => utf16(text, encoding == "UTF-16BE").split_off(2),
                _ => Encoding::for_label(encoding.as_bytes())
                    .unwrap()
                    .encode(text)
                    .0
                    .into_owned(),
            };
            let read = decoded(&bytes).unwrap();
            assert_eq!(read.text, text, "{encoding}");
            assert!(read.encoding.starts_with(encoding), "{}", read.encoding);
            assert!(read.problems.is_empty());
        }
    }
}
