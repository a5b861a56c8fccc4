//! Amazon Transcribe: the standard job, and Call Analytics.

use std::collections::BTreeMap;

use super::super::builder::Builder;
use super::super::front::Facts;
use super::super::speech::{Part, Speech, Turns};
use super::field::{milliseconds, named, seconds};
use super::tape::Value;

/// The standard job: whole segments where the output has them, else items, with the speakers of `speaker_labels`.
pub(super) fn job(builder: &mut Builder<'_>, root: Value<'_>, facts: &mut Facts) {
    let Some(results) = root.get("results") else {
        return;
    };
    let language = results
        .any(&["language_code"])
        .and_then(|value| value.text(40));
    if let Some(language) = language {
        facts.add("language", &language);
    }
    if let Some(name) = root.get("jobName").and_then(|value| value.text(300)) {
        facts.add("job", &name);
    }
    let mut speech = Speech::new(Turns::Joined);
    let segments = results
        .get("audio_segments")
        .into_iter()
        .flat_map(Value::items);
    let mut any = false;
    for segment in segments {
        let Some(text) = segment.get("transcript").and_then(Value::string) else {
            continue;
        };
        any = true;
        let part = Part {
            speaker: segment.any(&["speaker_label"]).and_then(named),
            time: (seconds(segment, "start_time"), seconds(segment, "end_time")),
            text,
            tight: false,
        };
        speech.part(builder, part);
    }
    if !any {
        any = items(builder, &mut speech, results);
    }
    let whole = results
        .get("transcripts")
        .and_then(|list| list.items().next());
    let text = whole.and_then(|whole| whole.get("transcript")?.string());
    if let Some(text) = text.filter(|_| !any) {
        let part = Part {
            speaker: None,
            time: (None, None),
            text,
            tight: false,
        };
        speech.part(builder, part);
    }
    speech.end(builder);
}

fn items(builder: &mut Builder<'_>, speech: &mut Speech, results: Value<'_>) -> bool {
    // Times are strings, equal to the letter in both lists.
    let mut labels = BTreeMap::new();
    let segments = results
        .get("speaker_labels")
        .and_then(|labels| labels.get("segments"));
    for segment in segments.into_iter().flat_map(Value::items) {
        for item in segment.get("items").into_iter().flat_map(Value::items) {
            if let (Some(at), Some(who)) = (item.get("start_time"), item.any(&["speaker_label"])) {
                labels.insert(at.raw(), who);
            }
        }
    }
    let mut any = false;
    let mut last = None;
    for item in results.get("items").into_iter().flat_map(Value::items) {
        let best = item
            .get("alternatives")
            .and_then(|list| list.items().next());
        let text = best.and_then(|best| best.get("content")?.string());
        let Some(text) = text else { continue };
        any = true;
        let tight = item
            .get("type")
            .is_some_and(|kind| kind.raw() == "\"punctuation\"");
        if !tight {
            let label = item
                .get("start_time")
                .and_then(|at| labels.get(at.raw()).copied());
            last = item
                .any(&["speaker_label"])
                .or(label)
                .and_then(named)
                .or(last);
        }
        let part = Part {
            speaker: last.clone(),
            time: (seconds(item, "start_time"), seconds(item, "end_time")),
            text,
            tight,
        };
        speech.part(builder, part);
    }
    any
}

/// Call Analytics: one entry an utterance, with the role of who speaks.
pub(super) fn call(builder: &mut Builder<'_>, root: Value<'_>, facts: &mut Facts) {
    let pairs = [
        ("LanguageCode", "language"),
        ("JobName", "job"),
        ("ContactId", "contact"),
        ("Channel", "channel"),
    ];
    for (key, name) in pairs {
        if let Some(text) = root.get(key).and_then(|value| value.text(300)) {
            facts.add(name, &text);
        }
    }
    let mut speech = Speech::new(Turns::Joined);
    for item in root.get("Transcript").into_iter().flat_map(Value::items) {
        let Some(text) = item.get("Content").and_then(Value::string) else {
            builder.problem(item.start(), "an entry of the list has no text");
            continue;
        };
        let part = Part {
            speaker: item
                .any(&["ParticipantRole", "ParticipantId"])
                .and_then(named),
            time: (
                milliseconds(item, "BeginOffsetMillis"),
                milliseconds(item, "EndOffsetMillis"),
            ),
            text,
            tight: false,
        };
        speech.part(builder, part);
    }
    speech.end(builder);
}
