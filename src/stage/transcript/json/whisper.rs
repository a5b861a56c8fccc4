//! The Whisper family: openai-whisper and its API, faster-whisper, whisper-timestamped, WhisperX, whisper.cpp.

use std::ops::Range;

use super::super::builder::Builder;
use super::super::front::Facts;
use super::super::plain::cut;
use super::super::speech::{Part, Speech, Turns};
use super::field::{milliseconds, named, seconds};
use super::tape::Value;

/// A text that comes so often in a row is a loop of the model, not speech.
const LOOP: usize = 4;

/// Reads a document with `segments`, or with `text` and perhaps `words`.
pub(super) fn read(builder: &mut Builder<'_>, root: Value<'_>, facts: &mut Facts) {
    let language = root
        .any(&["language"])
        .or_else(|| root.get("info")?.get("language"));
    if let Some(language) = language.and_then(|value| value.text(40)) {
        facts.add("language", &language);
    }
    let mut speech = Speech::new(Turns::Joined);
    let segments = root
        .get("segments")
        .filter(|list| list.items().next().is_some());
    if let Some(segments) = segments {
        let mut runs = Loops::default();
        for segment in segments.items() {
            if let Some(text) = segment.get("text").and_then(Value::string) {
                if runs.is_loop(builder, segments, segment, text.clone()) {
                    continue;
                }
                made_up(builder, segment);
                write(builder, &mut speech, segment, text);
            } else if let Some(words) = segment.get("words").filter(|words| words.is_array()) {
                words
                    .items()
                    .for_each(|word| self::word(builder, &mut speech, word, None));
            } else {
                builder.problem(segment.start(), "a segment has no text");
            }
        }
    } else {
        alone(builder, &mut speech, root);
    }
    speech.end(builder);
}

/// A segment; one whose words have several speakers is theirs word by word.
fn write(builder: &mut Builder<'_>, speech: &mut Speech, segment: Value<'_>, text: Range<usize>) {
    let own = segment.any(&["speaker"]).and_then(named);
    let words = segment.get("words");
    let voices = || {
        let words = words.into_iter().flat_map(Value::items);
        words.filter_map(|word| word.any(&["speaker"]).map(Value::raw))
    };
    let first = voices().next();
    if voices().any(|voice| Some(voice) != first) {
        let words = words.into_iter().flat_map(Value::items);
        let mut last = None;
        for word in words {
            // A number often has neither time nor speaker: it is said by who spoke before.
            last = word.any(&["speaker"]).and_then(named).or(last);
            self::word(builder, speech, word, last.clone().or_else(|| own.clone()));
        }
        return;
    }
    let part = Part {
        speaker: own.or_else(|| {
            let mut words = words.into_iter().flat_map(Value::items);
            words.find_map(|word| word.any(&["speaker"]).and_then(named))
        }),
        time: (seconds(segment, "start"), seconds(segment, "end")),
        text,
        tight: false,
    };
    speech.part(builder, part);
}

fn word(builder: &mut Builder<'_>, speech: &mut Speech, word: Value<'_>, who: Option<String>) {
    let Some(text) = word.any(&["word", "text"]).and_then(Value::string) else {
        return;
    };
    let part = Part {
        speaker: who,
        time: (seconds(word, "start"), seconds(word, "end")),
        text,
        tight: false,
    };
    speech.part(builder, part);
}

/// No segments: the whole text, with the times of the words where they are as many as its own.
fn alone(builder: &mut Builder<'_>, speech: &mut Speech, root: Value<'_>) {
    let words = root
        .get("words")
        .filter(|words| words.items().next().is_some());
    let Some(text) = root.get("text").and_then(Value::string) else {
        // Words alone have no punctuation, but are better than nothing.
        words
            .into_iter()
            .flat_map(Value::items)
            .for_each(|word| self::word(builder, speech, word, None));
        return;
    };
    let tokens = || {
        let inside = cut(builder.source, text.clone());
        let mut at = text.start;
        inside.split(' ').filter_map(move |token| {
            let range = at..at + token.len();
            at = range.end + 1;
            (!token.is_empty()).then_some(range)
        })
    };
    let times = words.filter(|words| words.items().count() == tokens().count());
    if let Some(words) = times {
        let tokens: Vec<_> = tokens().collect();
        for (word, text) in words.items().zip(tokens) {
            let part = Part {
                speaker: None,
                time: (seconds(word, "start"), seconds(word, "end")),
                text,
                tight: false,
            };
            speech.part(builder, part);
        }
        return;
    }
    let first = words.and_then(|words| words.items().find_map(|word| seconds(word, "start")));
    let last = words.and_then(|words| words.items().filter_map(|word| seconds(word, "end")).last());
    let part = Part {
        speaker: None,
        time: (first, last),
        text,
        tight: false,
    };
    speech.part(builder, part);
}

/// Silence that the model filled with words is marked, not dropped: nobody can be sure.
fn made_up(builder: &mut Builder<'_>, segment: Value<'_>) {
    let number = |key| segment.get(key).and_then(Value::number);
    let (Some(silence), Some(sure)) = (number("no_speech_prob"), number("avg_logprob")) else {
        return;
    };
    if silence > 0.6 && sure < -1.0 {
        builder.problem(
            segment.start(),
            format!(
                "perhaps made up on silence: no_speech_prob {silence:.2}, avg_logprob {sure:.2}"
            ),
        );
    }
}

/// Segments that say the same thing over and over.
#[derive(Default)]
struct Loops {
    /// How many more segments belong to the run.
    left: usize,
}

impl Loops {
    /// Whether a segment only repeats what was said before, in a loop.
    fn is_loop(
        &mut self,
        builder: &mut Builder<'_>,
        list: Value<'_>,
        segment: Value<'_>,
        text: Range<usize>,
    ) -> bool {
        if self.left > 0 {
            self.left -= 1;
            return true;
        }
        let source = builder.source;
        let said = cut(source, text).trim();
        if said.is_empty() {
            return false;
        }
        let same = |value: &Value<'_>| {
            let text = value.get("text").and_then(Value::string);
            text.is_some_and(|text| cut(source, text).trim() == said)
        };
        // Runs shorter than a loop are counted again from each of their segments, which is no matter.
        let times = 1 + list.after(segment).take_while(same).count();
        if times >= LOOP {
            self.left = times - 1;
            builder.problem(
                segment.start(),
                format!("a segment comes {times} times in a row, as models loop; it was read once"),
            );
        }
        false
    }
}

/// Reads what whisper.cpp writes.
pub(super) fn cpp(builder: &mut Builder<'_>, root: Value<'_>, facts: &mut Facts) {
    let language = root
        .get("result")
        .and_then(|result| result.get("language"))
        .and_then(|value| value.text(40));
    if let Some(language) = language {
        facts.add("language", &language);
    }
    let mut speech = Speech::new(Turns::Joined);
    let list = root.get("transcription");
    let mut runs = Loops::default();
    for segment in list.into_iter().flat_map(Value::items) {
        let Some(text) = segment.get("text").and_then(Value::string) else {
            builder.problem(segment.start(), "a segment has no text");
            continue;
        };
        if list.is_some_and(|list| runs.is_loop(builder, list, segment, text.clone())) {
            continue;
        }
        let stamp = |key| {
            let offsets = segment.get("offsets");
            let clock = || super::time("", segment.get("timestamps")?.get(key)?);
            offsets
                .and_then(|offsets| milliseconds(offsets, key))
                .or_else(|| clock().map(|clock| clock.ms(super::Unit::Seconds)))
        };
        let turned = segment
            .get("speaker_turn_next")
            .is_some_and(|v| v.raw() == "true");
        let part = Part {
            speaker: segment.any(&["speaker"]).and_then(named),
            time: (stamp("from"), stamp("to")),
            text,
            tight: false,
        };
        speech.part(builder, part);
        if turned {
            speech.turn(builder);
        }
    }
    speech.end(builder);
}
