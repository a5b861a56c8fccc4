//! Lines of speech, in plain text and Markdown: labels and stamps of any tool, and prose without either.
//!
//! Two passes: the first counts labels and stamps to learn how the file is written, the second reads it.

use super::builder::Builder;
use super::clock::Stamp;
use super::court::{self, Court};
use super::front::{Facts, date, matter};
use super::head::{self, Form, Head};
use super::markdown::{heading, inline, is_aside};
use super::name::{Census, Names, Sure, is_header, speaker};
use super::plain::{self, Line, after_mark, cut, lines};
use super::spacelog;
use crate::model::document::Format;

/// How markup is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// There is none.
    Plain,
    /// Markdown, with front matter.
    Markdown,
    /// The paragraphs of a document: a title and a date may stand above the speech.
    Paragraphs,
}

/// How a file is written.
struct Habits {
    style: Style,
    names: Names,
    /// Headings that name who speaks.
    headings: Names,
    /// Names are how it is written: what has none goes on with the last.
    carries: bool,
    /// Bare stamps before the words, `00:05 words`.
    bare_stamps: bool,
    /// Stamps of space missions on lines of their own, with marks and notes of that collection.
    spacelog: bool,
    /// How hearings are written.
    court: Court,
    /// Which tool wrote it.
    format: Format,
}

/// Reads a file.
pub(super) fn read(builder: &mut Builder<'_>, style: Style) {
    let source = builder.source;
    let start = after_mark(source);
    let front = (style == Style::Markdown)
        .then(|| matter(source, start))
        .flatten();
    let (facts, start) = front.unwrap_or_else(|| (Facts::default(), start));
    let habits = learn(source, start, style);
    if style == Style::Plain {
        builder.document.format = habits.format;
    }
    let mut facts = facts;
    let default = facts.only_speaker().map(str::to_owned);
    facts.place("header lines");
    let mut reader = Reader {
        default,
        habits,
        facts,
        builder,
        voice: None,
        block: None,
        last_end: start,
        after_blank: true,
        started: false,
        heads: 0,
        under: None,
    };
    reader.voice.clone_from(&reader.default);
    for line in lines(source, start) {
        reader.line(line);
    }
    let (mut facts, inferred) = (reader.facts, reader.default.is_some());
    if inferred {
        facts.add("speaker_from", "front matter, where no name is given");
    }
    facts.write(builder);
}

fn learn(source: &str, start: usize, style: Style) -> Habits {
    let court = court::look(source, start);
    let mut names = Census::default();
    let mut headings = Census::default();
    let (mut all, mut bare, mut bracketed, mut spacelog) = (0usize, 0usize, 0usize, false);
    let (mut labels, mut chat, mut alone, mut colon) = (0usize, 0usize, 0usize, 0usize);
    for line in lines(source, start).filter(|line| !line.is_blank()) {
        if style == Style::Markdown {
            if let Some(range) = heading(line.text) {
                headings.line(Some((plain::head(cut(line.text, range), 200), Sure::No)));
                continue;
            }
            if is_aside(line.text) {
                continue;
            }
        }
        if spacelog::is_stamp(line.text) {
            spacelog = true;
            bracketed += 1;
            continue;
        }
        if spacelog && spacelog::is_note(line.text) {
            continue;
        }
        let found = head(line.text, spacelog, court);
        all += 1;
        labels += usize::from(found.label.is_some());
        match found.form {
            Form::Chat => chat += 1,
            Form::Alone => alone += 1,
            Form::AloneColon => colon += 1,
            Form::Other => {}
        }
        bare += usize::from(found.stamp.is_some_and(|stamp| !stamp.bracketed));
        bracketed += usize::from(found.stamp.is_some_and(|stamp| stamp.bracketed));
        let label = found
            .label
            .map(|(range, sure)| (cut(line.text, range), sure));
        // A line that is nothing but a stamp says nothing about labels.
        if label.is_some() || found.words < line.text.len() {
            names.line(label);
        }
    }
    let bare_stamps = bare * 5 >= all.max(1);
    let (names, headings) = (names.names(), headings.repeated());
    let stamps = (bare_stamps && bare > 0) || bracketed > 0;
    let most = |count: usize| count > 1 && count * 2 > labels;
    let format = if spacelog {
        Format::Spacelog
    } else if court.letters {
        Format::CourtText
    } else if most(chat) {
        Format::ZoomChat
    } else if most(alone) {
        Format::OtterText
    } else if most(colon) {
        Format::RevText
    } else if stamps || !names.is_empty() {
        Format::Text
    } else {
        Format::Prose
    };
    Habits {
        style,
        carries: names.usual || !headings.is_empty(),
        names,
        headings,
        bare_stamps,
        spacelog,
        court,
        format,
    }
}

/// The head of a line; in air-to-ground files an indented line goes on with the one above.
fn head(line: &str, spacelog: bool, court: Court) -> Head {
    let skip = court.skip(line);
    let rest = plain::from(line, skip);
    let mut found = court.head(rest).unwrap_or_else(|| head::read(rest));
    found.body += skip;
    found.words += skip;
    if let Some((label, _)) = &mut found.label {
        *label = label.start + skip..label.end + skip;
    }
    if spacelog && line.starts_with([' ', '\t']) {
        found.label = None;
    }
    found
}

struct Reader<'b, 's> {
    builder: &'b mut Builder<'s>,
    habits: Habits,
    facts: Facts,
    /// Who speaks where nobody is named.
    default: Option<String>,
    voice: Option<String>,
    /// A stamp on a line of its own: goes for all lines up to the next one.
    block: Option<Stamp>,
    /// Where the last line that was read ended.
    last_end: usize,
    after_blank: bool,
    /// Some speech has been read: what heads the file is over.
    started: bool,
    /// Paragraphs above the speech.
    heads: usize,
    /// What the next of them is about.
    under: Option<&'static str>,
}

/// Paragraphs that may stand above the speech.
const MAX_HEADS: usize = 8;

/// `1h 2m 3s`.
fn is_length(text: &str) -> bool {
    let number = |part: &str| {
        let digits = part.trim_end_matches(['h', 'm', 's']);
        digits.len() + 1 == part.len()
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.is_empty()
    };
    !text.is_empty() && text.split_whitespace().all(number)
}

impl Reader<'_, '_> {
    fn line(&mut self, line: Line<'_>) {
        if line.is_blank() {
            self.after_blank = true;
            return;
        }
        if self.habits.spacelog && spacelog::is_note(line.text) {
            return;
        }
        if self.habits.style == Style::Markdown {
            if is_aside(line.text) {
                return;
            }
            if let Some(range) = heading(line.text) {
                self.heading(&line, line.at + range.start..line.at + range.end);
                return;
            }
        }
        if line
            .text
            .trim_start()
            .starts_with("Transcribed by https://otter.ai")
        {
            return;
        }
        let has_title =
            self.habits.style == Style::Paragraphs || self.habits.format == Format::OtterText;
        if has_title && self.heads(&line) {
            return;
        }
        let found = head(line.text, self.habits.spacelog, self.habits.court);
        let named = found
            .label
            .as_ref()
            .and_then(|(range, _)| self.habits.names.find(cut(line.text, range.clone())));
        if let Some(name) = named {
            self.named(&line, name, &found);
        } else if !self.states(&line, &found) {
            self.unnamed(&line, &found);
        }
        self.last_end = line.end();
        self.after_blank = false;
    }

    /// A line that starts with a name.
    fn named(&mut self, line: &Line<'_>, name: String, found: &Head) {
        self.started = true;
        self.builder.turn(Some(name.clone()));
        self.voice = Some(name);
        self.at(found.stamp.or(self.block));
        self.words(line, found.body);
    }

    /// A line that goes on with a turn, or starts one of nobody.
    fn unnamed(&mut self, line: &Line<'_>, found: &Head) {
        let stamp = found.stamp.filter(|stamp| {
            stamp.bracketed || self.habits.bare_stamps || found.words == line.text.len()
        });
        let start = if stamp.is_some() {
            found.words
        } else {
            self.habits.court.skip(line.text)
        };
        if plain::from(line.text, start).trim().is_empty() {
            self.block = stamp;
            if self.habits.spacelog {
                self.builder.end();
            } else {
                self.at(stamp);
            }
            return;
        }
        self.started = true;
        // Captions in capitals: another speaker, whom nobody names.
        let mut start = start;
        if let Some(words) = plain::from(line.text, start)
            .trim_start()
            .strip_prefix(">>")
        {
            start = line.text.len() - words.trim_start_matches(['>', ' ']).len();
            self.voice.clone_from(&self.default);
            self.builder.end();
        }
        // Where names are not how the file is written, a paragraph does not go on with the last of them.
        if self.after_blank && !self.habits.carries {
            self.voice.clone_from(&self.default);
        }
        let named = self.voice.is_some() && self.voice != self.default;
        let same = self.builder.speaker() == self.voice.as_deref();
        let (sentence, long) = (self.builder.ends_sentence(), self.builder.is_long());
        // A stamp a line is how captions come: a sentence is enough. Other lines may be wrapped prose.
        let rounded = if stamp.is_some() {
            sentence || long
        } else {
            sentence && long
        };
        let ends = !named && (self.after_blank || rounded);
        if !same || ends {
            self.builder.turn(self.voice.clone());
            self.at(self.block);
        } else if self.builder.is_open() {
            self.builder.blank(self.last_end..line.at);
        }
        if stamp.is_some() {
            self.at(stamp);
        }
        self.words(line, start);
    }

    fn at(&mut self, stamp: Option<Stamp>) {
        if let Some(stamp) = stamp {
            self.builder.cue(Some(stamp.start), stamp.end);
        }
    }

    fn words(&mut self, line: &Line<'_>, start: usize) {
        let range = line.at + start..line.end();
        match self.habits.style {
            Style::Markdown => inline(self.builder, range),
            Style::Plain if self.habits.spacelog => spacelog::inline(self.builder, range),
            Style::Plain | Style::Paragraphs => self.builder.text(range),
        }
    }

    /// Headings are topics: a turn of nobody, and a border. Some files name the speaker in them.
    fn heading(&mut self, line: &Line<'_>, range: std::ops::Range<usize>) {
        let source = self.builder.source;
        let text = cut(source, range.clone());
        self.block = None;
        self.builder.end();
        self.after_blank = false;
        self.last_end = line.end();
        if let Some(name) = self.habits.headings.find(plain::head(text, 200)) {
            self.started = true;
            self.builder.turn(Some(name.clone()));
            self.voice = Some(name);
            return;
        }
        self.voice.clone_from(&self.default);
        if !self.started && line.text.starts_with("# ") && self.builder.document.turns.is_empty() {
            self.facts.place("the first heading");
            self.facts.add("title", text);
            self.facts.place("header lines");
            return;
        }
        self.builder.turn(None);
        inline(self.builder, range);
        self.builder.turn(self.voice.clone());
    }

    /// Title, date and length above the speech of a document, and what the program says of itself.
    fn heads(&mut self, line: &Line<'_>) -> bool {
        let text = line.text.trim();
        if text.ends_with(" started transcription") || text.ends_with(" stopped transcription") {
            return true;
        }
        let speaks = self.started || self.habits.names.is_empty();
        if speaks || self.heads > MAX_HEADS || text.len() > 2000 {
            return false;
        }
        let found = head(line.text, false, self.habits.court);
        if found.label.is_some() || found.stamp.is_some() {
            return false;
        }
        self.heads += 1;
        // Otter names these on a line of their own.
        let topic = match text {
            "SUMMARY KEYWORDS" => Some("keywords"),
            "SPEAKERS" => Some("speakers"),
            _ => None,
        };
        let under = std::mem::replace(&mut self.under, topic);
        if topic.is_some() {
            return true;
        }
        // `Tue, May 19, 2026 10:00AM • 31:05`
        let (day, _) = text.split_once('•').unwrap_or((text, ""));
        let key = if let Some(under) = under {
            under
        } else if date(day.trim()).is_some() {
            "date"
        } else if is_length(text) {
            "duration"
        } else if self.heads == 1 {
            "title"
        } else {
            return false;
        };
        let text = if key == "date" { day.trim() } else { text };
        self.facts.place("the first paragraphs");
        self.facts.add(key, text);
        self.facts.place("header lines");
        true
    }

    /// `Date: 6 May 2020` before the speech starts: a fact about the file.
    fn states(&mut self, line: &Line<'_>, found: &Head) -> bool {
        let Some((range, _)) = found.label.as_ref().filter(|_| !self.started) else {
            return false;
        };
        let Some(key) = speaker(cut(line.text, range.clone())).filter(|key| is_header(key)) else {
            return false;
        };
        self.facts
            .add(&key, cut(line.text, found.body..line.text.len()));
        true
    }
}
