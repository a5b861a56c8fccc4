//! Lines of speech, in plain text and Markdown: labels and stamps of any tool, and prose without either.
//!
//! Two passes: the first counts labels and stamps to learn how the file is written, the second reads it.

use super::builder::Builder;
use super::clock::Stamp;
use super::front::{Facts, matter};
use super::head::{self, Head};
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
}

/// Reads a file.
pub(super) fn read(builder: &mut Builder<'_>, style: Style) {
    let source = builder.source;
    let start = after_mark(source);
    let front = (style == Style::Markdown)
        .then(|| matter(source, start))
        .flatten();
    let (facts, start) = front.unwrap_or_else(|| (Facts::default(), start));
    let (habits, stamps) = learn(source, start, style);
    if style == Style::Plain {
        let speech = stamps || !habits.names.is_empty();
        builder.document.format = if speech { Format::Text } else { Format::Prose };
    }
    let mut reader = Reader {
        default: facts.only_speaker().map(str::to_owned),
        habits,
        facts,
        builder,
        voice: None,
        block: None,
        last_end: start,
        after_blank: true,
        started: false,
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

fn learn(source: &str, start: usize, style: Style) -> (Habits, bool) {
    let mut names = Census::default();
    let mut headings = Census::default();
    let (mut all, mut bare, mut bracketed, mut spacelog) = (0usize, 0usize, 0usize, false);
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
        let found = head(line.text, spacelog);
        all += 1;
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
    let habits = Habits {
        style,
        carries: names.usual || !headings.is_empty(),
        names,
        headings,
        bare_stamps,
        spacelog,
    };
    (habits, (bare_stamps && bare > 0) || bracketed > 0)
}

/// The head of a line; in air-to-ground files an indented line goes on with the one above.
fn head(line: &str, spacelog: bool) -> Head {
    let mut found = head::read(line);
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
        let found = head(line.text, self.habits.spacelog);
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
        let start = if stamp.is_some() { found.words } else { 0 };
        if start == line.text.len() {
            self.block = stamp;
            if self.habits.spacelog {
                self.builder.end();
            } else {
                self.at(stamp);
            }
            return;
        }
        self.started = true;
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
            Style::Plain => self.builder.text(range),
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
            self.facts.add("title", text);
            return;
        }
        self.builder.turn(None);
        inline(self.builder, range);
        self.builder.turn(self.voice.clone());
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
