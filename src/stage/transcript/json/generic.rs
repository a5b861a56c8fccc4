//! JSON of no service that is known by name: a list of objects with words under one of the usual keys.

use super::super::builder::Builder;
use super::super::front::Facts;
use super::super::speech::{Part, Speech, Turns};
use super::field::{Clock, Unit, guess, named, time};
use super::tape::Value;

/// Where words stand.
pub(in super::super) const TEXT: [&str; 9] = [
    "text",
    "content",
    "body",
    "transcript",
    "utterance",
    "value",
    "message",
    "sentence",
    "caption",
];
/// Where who speaks stands.
pub(in super::super) const SPEAKER: [&str; 11] = [
    "speaker",
    "speaker_name",
    "speakerName",
    "speaker_label",
    "name",
    "from",
    "role",
    "author",
    "user",
    "participant",
    "speaker_id",
];
/// Where a start stands.
pub(in super::super) const START: [&str; 12] = [
    "start",
    "startTime",
    "start_time",
    "start_ms",
    "startMs",
    "begin",
    "ts",
    "offset",
    "timestamp",
    "time",
    "start_timestamp",
    "startOffsetMs",
];
/// Where an end stands.
pub(in super::super) const END: [&str; 8] = [
    "end",
    "endTime",
    "end_time",
    "end_ms",
    "endMs",
    "finish",
    "end_ts",
    "end_timestamp",
];
/// Where a length stands, if no end does.
pub(in super::super) const LENGTH: [&str; 4] = ["duration", "dur", "duration_ms", "durationMs"];

/// Where a list of such objects stands.
const LISTS: [&str; 16] = [
    "segments",
    "utterances",
    "turns",
    "monologues",
    "transcript",
    "results",
    "events",
    "meeting_transcripts",
    "body",
    "messages",
    "captions",
    "cues",
    "sentences",
    "dialogue",
    "entries",
    "data",
];

/// The list of turns: the document itself, or under one of its keys, or under a key of an object there.
pub(super) fn list(root: Value<'_>) -> Option<Value<'_>> {
    if root.is_array() {
        return speaks(root).then_some(root);
    }
    within(root).or_else(|| {
        let mut inner = LISTS.iter().chain(&["result", "response"]);
        inner.find_map(|key| within(root.get(key).filter(|value| value.is_object())?))
    })
}

fn speaks(list: Value<'_>) -> bool {
    let mut items = list.items().take(50);
    list.is_array() && items.any(|item| item.any(&TEXT).is_some_and(|text| text.string().is_some()))
}

fn within(object: Value<'_>) -> Option<Value<'_>> {
    let mut lists = LISTS.iter().filter_map(|key| object.get(key));
    lists.find(|list| speaks(*list))
}

/// The words of a document that is one text.
pub(super) fn alone(root: Value<'_>) -> Option<Value<'_>> {
    root.any(&["text", "transcript", "content"])
        .filter(|text| text.string().is_some())
}

/// Reads any of these.
pub(super) fn read(builder: &mut Builder<'_>, root: Value<'_>, facts: &mut Facts) {
    scalars(root, facts);
    for key in ["metadata", "meta", "info"] {
        if let Some(inner) = root.get(key).filter(|inner| inner.is_object()) {
            scalars(inner, facts);
        }
    }
    let Some(list) = list(root) else {
        if let Some(text) = alone(root).and_then(Value::string) {
            let mut speech = Speech::new(Turns::Each);
            speech.part(
                builder,
                Part {
                    speaker: root.any(&SPEAKER).and_then(named),
                    time: (None, None),
                    text,
                    tight: false,
                },
            );
            speech.end(builder);
        }
        return;
    };
    let unit = unit(list);
    if unit == Unit::Milliseconds {
        facts.add(
            "times",
            "taken as milliseconds: as seconds the speech would be too slow",
        );
    }
    let timed = list
        .items()
        .take(50)
        .any(|item| clock(item, &START).is_some());
    let mut speech = Speech::new(if timed { Turns::Joined } else { Turns::Each });
    for item in list.items() {
        let Some(text) = item.any(&TEXT).and_then(Value::string) else {
            let is_empty = TEXT
                .iter()
                .any(|key| item.get(key).is_some_and(Value::is_null));
            if !is_empty {
                builder.problem(item.start(), "an entry of the list has no text");
            }
            continue;
        };
        let start = clock(item, &START).map(|clock| clock.ms(unit));
        let end = clock(item, &END).map(|clock| clock.ms(unit)).or_else(|| {
            let length = clock(item, &LENGTH)?.ms(unit);
            Some(start?.saturating_add(length))
        });
        let part = Part {
            speaker: item.any(&SPEAKER).and_then(named),
            time: (start, end),
            text,
            tight: false,
        };
        speech.part(builder, part);
    }
    speech.end(builder);
}

fn clock(item: Value<'_>, keys: &[&str]) -> Option<Clock> {
    keys.iter().find_map(|key| time(key, item.get(key)?))
}

/// What whole numbers count: told from how long the words would take, or the whole.
fn unit(list: Value<'_>) -> Unit {
    let mut bytes = 0;
    let mut latest = None;
    for item in list.items() {
        let Some(text) = item.any(&TEXT).and_then(Value::string) else {
            continue;
        };
        bytes += text.len();
        let start = clock(item, &START);
        let end = clock(item, &END);
        if let (Some(start), Some(end)) = (start, end) {
            return guess(start, end, text.len());
        }
        latest = start.or(latest);
    }
    latest.map_or(Unit::Seconds, |end| guess(Clock::Whole(0.0), end, bytes))
}

/// What an object says of the whole: its texts, numbers and truths.
pub(in super::super) fn scalars(object: Value<'_>, facts: &mut Facts) {
    for (key, value) in object.entries() {
        if value.is_null() || value.is_object() || value.is_array() || TEXT.contains(&key) {
            continue;
        }
        match value.text(4000) {
            Some(text) => facts.add(key, &text),
            None => facts.add(key, value.raw()),
        }
    }
}
