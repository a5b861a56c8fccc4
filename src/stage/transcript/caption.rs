//! What WebVTT and SubRip share: inline markup, and cues joined into turns.
//!
//! The readers turn a file into a flat list of events; this module makes turns of them. Cues are two to
//! eight words long, so neighbours of one speaker become one turn; nobody's become sentences.

use std::ops::Range;

use super::builder::Builder;
use super::entity::entity;
use super::head::colon;
use super::name::{Census, Names, Sure, speaker};
use super::plain::{cut, from, head};
use super::speech::Joint;

/// The longest tag; `<` without a `>` so near is a character like any other.
const MAX_TAG: usize = 300;

/// What a caption file says, in its order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A cue starts: its times in milliseconds.
    Cue(i64, i64),
    /// A voice tag, or the end of one.
    Voice(Option<Box<str>>),
    /// Another, unnamed speaker (`>>`, `- `).
    Change,
    /// Text as it stands.
    Text(Range<usize>),
    /// A character written as an entity.
    Glyph(char, Range<usize>),
    /// A line end within a cue.
    Break(Range<usize>),
}

/// Which tags a format has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tags {
    /// Any: WebVTT drops tags that it does not know.
    All,
    /// Those of HTML that players know, and `{\an8}` codes; other angle brackets are text.
    Known,
    /// None: markup was taken off before.
    Plain,
}

const KNOWN: [&str; 22] = [
    "a", "b", "br", "c", "div", "em", "font", "i", "lang", "p", "rt", "ruby", "s", "small", "span",
    "strike", "strong", "sub", "sup", "tt", "u", "v",
];

/// Reads one line of a cue into events; the first marks of another speaker are taken off.
pub(super) fn line(source: &str, range: Range<usize>, tags: Tags, out: &mut Vec<Event>) {
    let text = cut(source, range.clone());
    let mut at = range.start + lead(text, tags, out);
    let mut run = at;
    if tags == Tags::Plain {
        at = range.end;
    }
    while let Some(found) = cut(source, at..range.end).find(['<', '&', '{']) {
        at += found;
        let rest = cut(source, at..range.end);
        let mut events = Vec::new();
        let used = if rest.starts_with('<') {
            tag(rest, tags, at, &mut events)
        } else if rest.starts_with('&') {
            entity(rest).map(|(c, used)| {
                events.push(Event::Glyph(c, at..at + used));
                used
            })
        } else {
            code(rest).filter(|_| tags == Tags::Known)
        };
        if let Some(used) = used {
            push_text(run..at, out);
            out.append(&mut events);
            at += used;
            run = at;
        } else {
            at += 1;
        }
    }
    push_text(run..range.end, out);
}

fn push_text(range: Range<usize>, out: &mut Vec<Event>) {
    if !range.is_empty() {
        out.push(Event::Text(range));
    }
}

/// Bytes of `>>` or `- ` at the start of a line: somebody else speaks.
fn lead(text: &str, tags: Tags, out: &mut Vec<Event>) -> usize {
    let mut rest = text.trim_start();
    let mut angles = 0;
    while let Some(tail) = rest.strip_prefix('>').or_else(|| rest.strip_prefix("&gt;")) {
        rest = tail;
        angles += 1;
    }
    rest = if angles > 1 { rest.trim_start() } else { rest };
    let dash = rest.strip_prefix(['-', '–']).filter(|tail| {
        let next = tail.chars().next();
        tags == Tags::Known && next.is_some_and(|c| c == ' ' || c.is_uppercase())
    });
    if angles < 2 && dash.is_none() {
        return 0;
    }
    out.push(Event::Change);
    text.len() - dash.unwrap_or(rest).trim_start().len()
}

/// A tag at the start of a text: bytes used.
fn tag(text: &str, tags: Tags, at: usize, out: &mut Vec<Event>) -> Option<usize> {
    let window = head(text, MAX_TAG);
    let close = window.find('>')?;
    let inner = cut(window, 1..close);
    let (end, body) = inner
        .strip_prefix('/')
        .map_or((false, inner), |body| (true, body));
    let name = body
        .split(['.', ' ', '\t', '/'])
        .next()
        .unwrap_or("")
        .to_ascii_lowercase();
    let first = name.chars().next()?;
    let stamp = first.is_ascii_digit();
    if !(stamp || first.is_ascii_alphabetic()) {
        return None;
    }
    if tags == Tags::Known && !stamp && KNOWN.binary_search(&name.as_str()).is_err() {
        return None;
    }
    if name == "v" {
        let named = body.split_once([' ', '\t']).filter(|_| !end);
        out.push(Event::Voice(named.map(|(_, name)| unescaped(name).into())));
    } else if name == "br" {
        out.push(Event::Break(at..at + close + 1));
    }
    Some(close + 1)
}

/// A text with its character references read.
pub(super) fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (c, used) = entity(rest).unwrap_or((c, c.len_utf8()));
        out.push(c);
        rest = from(rest, used);
    }
    out
}

/// A `{\...}` code of old subtitle tools.
fn code(text: &str) -> Option<usize> {
    let window = head(text, MAX_TAG);
    window
        .starts_with("{\\")
        .then(|| window.find('}'))?
        .map(|at| at + 1)
}

/// Makes turns of the events.
pub(super) fn write(builder: &mut Builder<'_>, events: &[Event]) {
    let voiced = events
        .iter()
        .any(|event| matches!(event, Event::Voice(Some(_))));
    let names = if voiced {
        None
    } else {
        Some(names(builder.source, events))
    };
    let mut writer = Writer {
        builder,
        names,
        voice: None,
        time: (0, 0),
        joint: Joint::default(),
        changed: false,
        fresh: true,
    };
    let mut line_start = true;
    for event in events {
        match event {
            Event::Cue(start, end) => {
                writer.time = (*start, *end);
                writer.fresh = true;
                line_start = true;
                // A label in the text goes for the cues after it too; a tag for its own cue only.
                if voiced {
                    writer.voice = None;
                }
            }
            Event::Voice(name) => {
                writer.voice = name.as_deref().and_then(speaker);
                writer.fresh = true;
            }
            Event::Change => {
                writer.voice = None;
                writer.changed = true;
                writer.fresh = true;
                line_start = true;
            }
            Event::Break(range) => {
                writer.builder.blank(range.clone());
                line_start = true;
            }
            Event::Text(range) => {
                writer.text(range.clone(), line_start);
                line_start = false;
            }
            Event::Glyph(c, range) => {
                writer.enter();
                writer.builder.glyph(*c, range.clone());
                line_start = false;
            }
        }
    }
}

/// Which labels at the starts of lines are names.
fn names(source: &str, events: &[Event]) -> Names {
    let mut census = Census::default();
    let mut line_start = true;
    for event in events {
        match event {
            Event::Text(range) if line_start => {
                let text = cut(source, range.clone());
                census.line(colon(text).map(|(end, _)| (head(text, end), Sure::No)));
                line_start = false;
            }
            Event::Text(_) | Event::Glyph(..) => line_start = false,
            _ => line_start = true,
        }
    }
    census.names()
}

struct Writer<'b, 's> {
    builder: &'b mut Builder<'s>,
    names: Option<Names>,
    voice: Option<String>,
    time: (i64, i64),
    joint: Joint,
    changed: bool,
    /// The next word starts a cue or a voice.
    fresh: bool,
}

impl Writer<'_, '_> {
    fn text(&mut self, mut range: Range<usize>, line_start: bool) {
        let text = cut(self.builder.source, range.clone());
        if text.trim().is_empty() {
            self.builder.blank(range);
            return;
        }
        if line_start
            && let Some(names) = &self.names
            && let Some((end, body)) = colon(text)
            && let Some(name) = names.find(head(text, end))
        {
            self.voice = Some(name);
            self.fresh = true;
            range.start += body;
        }
        if !range.is_empty() {
            self.enter();
            self.builder.text(range);
        }
    }

    fn enter(&mut self) {
        if !std::mem::take(&mut self.fresh) {
            return;
        }
        let (start, end) = self.time;
        let changed = std::mem::take(&mut self.changed);
        self.joint.enter(
            self.builder,
            self.voice.as_deref(),
            (Some(start), Some(end)),
            changed,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(text: &str, tags: Tags) -> Vec<Event> {
        let mut out = Vec::new();
        line(text, 0..text.len(), tags, &mut out);
        out
    }

    #[test]
    fn tags_and_entities() {
        assert!(KNOWN.is_sorted());
        let found = events("<v.loud Bo &amp; Al>a<00:01.000><c> b</c>", Tags::All);
        assert_eq!(
            found,
            [
                Event::Voice(Some("Bo & Al".into())),
                Event::Text(20..21),
                Event::Text(35..37)
            ]
        );
        assert_eq!(events("a < b &x; {c}", Tags::All), [Event::Text(0..13)]);
        assert_eq!(
            events("{\\an8}<b>x</b><y>", Tags::Known),
            [Event::Text(9..10), Event::Text(14..17)]
        );
        assert_eq!(
            events(">> - Hi", Tags::Known),
            [Event::Change, Event::Text(5..7)]
        );
        assert_eq!(events("- Hi", Tags::All), [Event::Text(0..4)]);
    }

    #[test]
    fn open_marks_do_not_cost_much() {
        for unit in ["<", "<v", "&", "{\\", "<v a", "&#"] {
            let text = unit.repeat(100_000);
            assert!(!events(&text, Tags::Known).is_empty());
        }
    }
}
