//! WebVTT: voice tags, labels of Zoom, `>>` of YouTube, and its rolling captions.

use super::builder::Builder;
use super::caption::{Event, Tags, line as inline, write};
use super::clock::range;
use super::front::Facts;
use super::plain::{Line, after_mark, from, lines};
use super::rolling::unroll;

/// Whether a text has the signature: `WEBVTT`, alone or with a title after a blank.
pub(super) fn is_vtt(text: &str) -> bool {
    let rest = from(text, after_mark(text)).strip_prefix("WEBVTT");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r']))
}

/// Reads a file with the signature.
pub(super) fn read(builder: &mut Builder<'_>) {
    let source = builder.source;
    let mut reader = Reader {
        source,
        events: Vec::new(),
        held: None,
        place: Place::Header,
        last_end: None,
        facts: Facts::at("the header of the file"),
    };
    for (index, line) in lines(source, after_mark(source)).enumerate() {
        if index == 0 {
            let title = from(line.text, "WEBVTT".len());
            reader
                .facts
                .add("title", title.trim_start_matches([' ', '\t', '-']));
        } else {
            reader.line(builder, line);
        }
    }
    reader.release(builder);
    reader.facts.write(builder);
    // Only the live captions of YouTube have these tags.
    let events = unroll(source, reader.events, source.contains("><c>"));
    write(builder, &events);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the lines below the signature.
    Header,
    /// In a comment, a style sheet or a region.
    Aside,
    /// Between blocks.
    Between,
    /// In a cue, below its times.
    Cue,
}

struct Reader<'s> {
    source: &'s str,
    events: Vec<Event>,
    /// The line before: whether it is text or a cue's name shows in the next one.
    held: Option<Line<'s>>,
    place: Place,
    /// Where the last line of text of this cue ended.
    last_end: Option<usize>,
    facts: Facts,
}

impl<'s> Reader<'s> {
    fn line(&mut self, builder: &mut Builder<'_>, line: Line<'s>) {
        if line.text.contains("-->") {
            self.times(builder, line);
        } else if line.is_blank() {
            self.release(builder);
            self.place = Place::Between;
        } else {
            match self.place {
                Place::Header => {
                    if let Some((key, value)) = line.text.split_once(':') {
                        self.facts.add(key, value);
                    }
                }
                Place::Aside => {}
                Place::Between if self.held.is_none() && is_aside(line.text) => {
                    self.place = Place::Aside;
                }
                Place::Between | Place::Cue => {
                    self.release(builder);
                    self.held = Some(line);
                }
            }
        }
    }

    fn times(&mut self, builder: &mut Builder<'_>, line: Line<'s>) {
        let is_number = |line: &Line<'_>| line.text.trim().bytes().all(|b| b.is_ascii_digit());
        // Right above the times stands the cue's name; if no blank line is between, only a number is one.
        if self.place == Place::Between || self.held.as_ref().is_some_and(is_number) {
            self.held = None;
        }
        self.release(builder);
        if let Some((start, end)) = range(line.text) {
            self.events.push(Event::Cue(start, end));
            self.place = Place::Cue;
            self.last_end = None;
        } else {
            builder.problem(
                line.at,
                "the times of this cue cannot be read; it was left out",
            );
            self.place = Place::Aside;
        }
    }

    /// The line held turned out to be text.
    fn release(&mut self, builder: &mut Builder<'_>) {
        let Some(line) = self.held.take() else { return };
        if self.place != Place::Cue {
            builder.problem(line.at, "text outside of any cue");
            if self.events.is_empty() {
                return;
            }
        }
        if let Some(end) = self.last_end {
            self.events.push(Event::Break(end..line.at));
        }
        self.last_end = Some(line.end());
        inline(
            self.source,
            line.at..line.end(),
            Tags::All,
            &mut self.events,
        );
    }
}

fn is_aside(line: &str) -> bool {
    let word = line.split([' ', '\t']).next().unwrap_or("");
    word == "NOTE" || matches!(line.trim_end(), "STYLE" | "REGION")
}

#[cfg(test)]
mod tests {
    use crate::stage::transcript::tests::turns;

    #[test]
    fn signature() {
        for (text, want) in [
            ("WEBVTT", true),
            ("\u{feff}WEBVTT\n", true),
            ("WEBVTT - title\n", true),
            ("WEBVTTx", false),
            (" WEBVTT", false),
            ("webvtt", false),
        ] {
            assert_eq!(super::is_vtt(text), want, "{text}");
        }
    }

    #[test]
    fn cues_become_turns() {
        let table = [
            // Voice tags, entities, notes, styles, identifiers.
            (
                "WEBVTT - any\n\nNOTE a\nb\n\nSTYLE\n::cue{}\n\nid-1\n00:01.000 --> 00:02.500 align:start\n<v Ana Lima>Hello &amp; <i>welcome</i>.</v>\n\n00:00:03.000 --> 00:00:04.000\n<v.loud Bo>No end <00:00:03.500>tag\n",
                "Ana Lima@1000-2500: Hello & welcome.|Bo@3000-4000: No end tag",
            ),
            // Zoom: numbers, labels, cues that go on.
            (
                "WEBVTT\n\n1\n00:01.000 --> 00:02.000\nAna | X: So,\n\n2\n00:02.100 --> 00:03.000\nwe start: now.\n\n3\n00:03.000 --> 00:04.000\nBo: Yes.\n\n4\n00:09.000 --> 00:10.000\nBo: More.\n\n5\n00:10.000 --> 00:11.000\nAna | X: End.\n",
                "Ana | X@1000-3000: So, we start: now.|Bo@3000-4000: Yes.|Bo@9000-10000: More.|Ana | X@10000-11000: End.",
            ),
            // YouTube: another speaker, no names; sentences make turns.
            (
                "WEBVTT\nKind: captions\nLanguage: en\n\n00:01.000 --> 00:02.000\nIt is\n\n00:02.000 --> 00:03.000\ndone.\n\n00:03.000 --> 00:04.000\n&gt;&gt; Is\n>> it?\n",
                "-@1000-3000: It is done.|-@3000-4000: Is|-@3000-4000: it?",
            ),
            // Rolling captions.
            (
                "WEBVTT\n\n00:02.000 --> 00:04.000\nwe are going up\nto<00:02.500><c> the</c><00:03.000><c> roof</c>\n\n00:04.000 --> 00:04.010\nto the roof\n \n\n00:04.010 --> 00:06.000\nto the roof\nand<00:05.000><c> down</c>\n",
                "-@2000-6000: we are going up to the roof and down",
            ),
            // No blank line between cues, two voices in one, an empty cue.
            (
                "WEBVTT\n00:01.000 --> 00:02.000\n<v A>x</v> <v B>y</v>\n7\n00:02.000 --> 00:03.000\n\n00:03.000-->00:04.000\n<v B>z\n",
                "A@1000-2000: x|B@1000-4000: y z",
            ),
            // Unreadable times; text outside of a cue.
            (
                "WEBVTT\n\nlost\n\nx --> y\ngone\n\n00:01.000 --> 00:02.000\na\n\nb\n\nnote\nc\n",
                "-@1000-2000: a b note c",
            ),
            ("WEBVTT", ""),
            (
                "WEBVTT\n\n00:01.000 --> 00:02.000\n\u{301}é < 3 && 4 > &lt;b&gt; &nosuch;",
                "-@1000-2000: \u{301}é < 3 && 4 > <b> &nosuch;",
            ),
            // Reversed and negative times are kept as they are.
            ("WEBVTT\n\n00:05.000 --> 00:01.000\na\n", "-@5000-1000: a"),
            (
                "WEBVTT\r\n\r\n00:05.000 --> 00:06.000\r\na\r\nb\r\n",
                "-@5000-6000: a b",
            ),
        ];
        for (source, want) in table {
            assert_eq!(turns("x", source), want, "{source}");
        }
    }
}
