//! Collections of meetings and shows: Podcasting 2.0, QMSum, CRD3.

use super::super::builder::Builder;
use super::super::speech::{Part, Speech, Turns};
use super::field::{named, seconds};
use super::string::unescape;
use super::tape::Value;

/// Podcasting 2.0: often one word a segment.
pub(super) fn podcast(builder: &mut Builder<'_>, root: Value<'_>) {
    let mut speech = Speech::new(Turns::Joined);
    let mut who = None;
    for segment in root.get("segments").into_iter().flat_map(Value::items) {
        let Some(text) = segment.get("body").and_then(Value::string) else {
            builder.problem(segment.start(), "a segment has no body");
            continue;
        };
        // The specification: who speaks is named where it changes.
        who = segment.any(&["speaker"]).and_then(named).or(who);
        let part = Part {
            speaker: who.clone(),
            time: (seconds(segment, "startTime"), seconds(segment, "endTime")),
            text,
            tight: false,
        };
        speech.part(builder, part);
    }
    speech.end(builder);
}

/// QMSum: each entry of `meeting_transcripts` is a turn.
pub(super) fn qmsum(builder: &mut Builder<'_>, root: Value<'_>) {
    for item in root
        .get("meeting_transcripts")
        .into_iter()
        .flat_map(Value::items)
    {
        let Some(text) = item.get("content").and_then(Value::string) else {
            builder.problem(item.start(), "an entry of the list has no content");
            continue;
        };
        builder.turn(item.any(&["speaker"]).and_then(named));
        unescape(builder, text);
        builder.end();
    }
}

/// CRD3: each turn has several names at times, and its words in several lines.
pub(super) fn crd3(builder: &mut Builder<'_>, root: Value<'_>) {
    let turns = root.get("TURNS").unwrap_or(root);
    for turn in turns.items() {
        let names = turn.get("NAMES").into_iter().flat_map(Value::items);
        let names: Vec<String> = names.filter_map(named).take(20).collect();
        let lines = turn.get("UTTERANCES");
        if lines.is_none_or(|lines| !lines.is_array()) {
            builder.problem(turn.start(), "a turn has no utterances");
            continue;
        }
        builder.turn((!names.is_empty()).then(|| names.join(" & ")));
        for line in lines.into_iter().flat_map(Value::items) {
            if let Some(text) = line.string() {
                builder.gap();
                unescape(builder, text);
            }
        }
        builder.end();
    }
}
