//! What a reader makes of a source file: a document of turns, each tied to its place in the source.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::unit::Micros;

/// The longest source file that is read, in bytes.
pub const MAX_SOURCE_BYTES: u64 = 256 << 20;

/// How a file was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// WebVTT.
    Vtt,
    /// SubRip.
    Srt,
    /// `Name: words` lines, with or without time stamps.
    Text,
    /// Air-to-ground lines of space missions, under stamps of four numbers.
    Spacelog,
    /// The chat of a meeting: time, name and words between tabs.
    ZoomChat,
    /// A name and a stamp on a line of their own, as Otter, Teams and others write them.
    OtterText,
    /// `Name (00:03):` on a line of its own.
    RevText,
    /// `Q.` and `A.` lines of hearings.
    CourtText,
    /// Plain prose: no speakers.
    Prose,
    /// Markdown, with front matter or bold names.
    Markdown,
    /// A document of Word: its paragraphs, read as text.
    Docx,
    /// Whisper's table of start, end and text.
    WhisperTsv,
    /// Podcasting 2.0 as HTML.
    PodcastHtml,
    /// One JSON object a line.
    Jsonl,
    /// JSON of no service known by name: a list of objects with text.
    Json,
    /// openai-whisper, its API, faster-whisper.
    WhisperJson,
    /// whisper-timestamped.
    WhisperTimestampedJson,
    /// WhisperX: words aligned, speakers told apart.
    WhisperxJson,
    /// whisper.cpp.
    WhisperCppJson,
    /// Deepgram.
    DeepgramJson,
    /// AssemblyAI.
    AssemblyaiJson,
    /// A standard job of Amazon Transcribe.
    AmazonTranscribeJson,
    /// Amazon Transcribe Call Analytics.
    AmazonCallJson,
    /// Rev.ai.
    RevJson,
    /// Podcasting 2.0 as JSON.
    PodcastJson,
    /// Meetings as in QMSum.
    QmsumJson,
    /// Turns of several names as in CRD3.
    Crd3Json,
    /// The captions of YouTube as JSON.
    YoutubeJson3,
}

impl Format {
    /// The name in tables and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Vtt => "vtt",
            Self::Srt => "srt",
            Self::Text => "text",
            Self::Spacelog => "spacelog",
            Self::ZoomChat => "zoom-chat",
            Self::OtterText => "otter-text",
            Self::RevText => "rev-text",
            Self::CourtText => "court-text",
            Self::Prose => "prose",
            Self::Markdown => "markdown",
            Self::Docx => "docx",
            Self::WhisperTsv => "whisper-tsv",
            Self::PodcastHtml => "podcast-html",
            Self::Jsonl => "jsonl",
            Self::Json => "json",
            Self::WhisperJson => "whisper-json",
            Self::WhisperTimestampedJson => "whisper-timestamped-json",
            Self::WhisperxJson => "whisperx-json",
            Self::WhisperCppJson => "whisper-cpp-json",
            Self::DeepgramJson => "deepgram-json",
            Self::AssemblyaiJson => "assemblyai-json",
            Self::AmazonTranscribeJson => "amazon-transcribe-json",
            Self::AmazonCallJson => "amazon-call-json",
            Self::RevJson => "rev-json",
            Self::PodcastJson => "podcast-json",
            Self::QmsumJson => "qmsum-json",
            Self::Crd3Json => "crd3-json",
            Self::YoutubeJson3 => "youtube-json3",
        }
    }

    /// Whether offsets count in the file's own text; those of a file that holds it packed count in what was unpacked.
    #[must_use]
    pub fn has_bytes(self) -> bool {
        self != Self::Docx
    }
}

/// A transcript.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// How it was read.
    pub format: Format,
    /// Its title, if the file states one.
    pub title: Option<String>,
    /// When it was recorded, if the file states it.
    pub recorded_at: Option<Micros>,
    /// BCP 47 tag, if the file states one.
    pub language: Option<String>,
    /// Anything else the file states of itself.
    pub meta: BTreeMap<String, String>,
    /// The turns, in file order. For record formats (JSONL) one turn is one record.
    pub turns: Vec<Turn>,
    /// What was wrong with it; the rest was read all the same.
    pub problems: Vec<Problem>,
}

/// One stretch of speech by one speaker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// NFC, blanks collapsed, no markup; `None` where nobody is named.
    pub speaker: Option<String>,
    /// NFC, blanks collapsed (no newline, no two blanks), no markup, trimmed.
    pub text: String,
    /// Verbatim runs of the source and their places in `text`, in text order.
    pub pieces: Vec<Piece>,
    /// Timed stretches of `text`, in text order; the first starts at 0. Never empty unless `text` is.
    pub cues: Vec<Cue>,
}

/// A stretch of text and the stretch of the decoded source that it came from.
///
/// Either both are byte for byte the same, or the piece is an *atom* (`&amp;` for `&`, a line break for a
/// blank) that is taken whole or not at all. Pieces do not overlap. A byte of the text that no piece covers
/// was inserted by the reader (the blank between two cues): a span of the source never crosses it. Between two
/// pieces that touch in the text the source may hold markup, which a span does cross.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Piece {
    /// First byte in the text.
    pub at: u32,
    /// Bytes of text.
    pub len: u32,
    /// Where in the source.
    pub source: Span,
    /// Whether text and source are the same, byte for byte.
    pub verbatim: bool,
}

/// A stretch of the decoded source file, half open, in Unicode code points and in UTF-8 bytes.
///
/// For a UTF-8 file the bytes are the file's own, a byte order mark counted (one code point, three bytes);
/// for any other encoding they are those of its text in UTF-8, without the mark.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Span {
    /// First code point.
    pub char_start: u32,
    /// One past the last code point.
    pub char_end: u32,
    /// First byte.
    pub byte_start: u32,
    /// One past the last byte.
    pub byte_end: u32,
}

impl Span {
    /// What stands for bytes that no file holds in this order: those of a text that was unpacked.
    const NONE: u32 = u32::MAX;

    /// The same stretch where bytes mean nothing.
    #[must_use]
    pub fn without_bytes(self) -> Self {
        Self {
            byte_start: Self::NONE,
            byte_end: Self::NONE,
            ..self
        }
    }

    /// First and one past the last byte, if they mean something.
    #[must_use]
    pub fn bytes(self) -> Option<(u32, u32)> {
        (self.byte_start != Self::NONE).then_some((self.byte_start, self.byte_end))
    }
}

/// A timed stretch of a turn's text; it ends where the next one starts.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Cue {
    /// First byte in the text.
    pub at: u32,
    /// Start, in milliseconds from the start of the recording.
    pub start_ms: Option<i64>,
    /// End, likewise.
    pub end_ms: Option<i64>,
}

/// Something in a file that could not be read as meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Byte offset in the decoded source.
    pub byte: u32,
    /// What is wrong, in a few words.
    pub what: String,
}

/// Why a file gives no document at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Unreadable {
    /// The operating system refused.
    #[error("could not read it: {0}")]
    Io(String),
    /// It changed while it was read, three times.
    #[error("it kept changing while it was read")]
    Unstable,
    /// Longer than [`MAX_SOURCE_BYTES`].
    #[error("it is {0} bytes long; the most that is read is {MAX_SOURCE_BYTES}")]
    TooLong(u64),
    /// Binary, or in no known encoding.
    #[error("it is not text: {0}")]
    NotText(String),
    /// Text, but of a kind that weir does not read.
    #[error("{0}")]
    Unsupported(String),
}

impl Unreadable {
    /// The `reason` in the failures table.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Io(_) => "unreadable",
            Self::Unstable => "unstable_input",
            Self::TooLong(_) => "too_long",
            Self::NotText(_) => "not_text",
            Self::Unsupported(_) => "unsupported",
        }
    }
}
