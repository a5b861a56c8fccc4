//! Deepgram, AssemblyAI and Rev.ai.

use std::cell::Cell;

use super::super::builder::Builder;
use super::super::front::Facts;
use super::super::plain::cut;
use super::super::speech::{Part, Speech, Turns};
use super::field::{lettered, milliseconds, named, seconds};
use super::tape::Value;

/// Deepgram: utterances if there are any, else paragraphs, else words, else the bare text; channel by channel.
pub(super) fn deepgram(builder: &mut Builder<'_>, root: Value<'_>, facts: &mut Facts) {
    let results = root.get("results");
    let metadata = root.get("metadata");
    for (key, name) in [("created", "transcribed_at"), ("request_id", "request_id")] {
        if let Some(text) = metadata.and_then(|m| m.get(key)?.text(100)) {
            facts.add(name, &text);
        }
    }
    let channels = || {
        results
            .and_then(|r| r.get("channels"))
            .into_iter()
            .flat_map(Value::items)
    };
    let language = channels().find_map(|channel| channel.any(&["detected_language"]));
    if let Some(language) = language.and_then(|value| value.text(40)) {
        facts.add("language", &language);
    }
    let several = channels().nth(1).is_some();
    let mut speech = Speech::new(Turns::Joined);
    let utterances = results.and_then(|r| r.get("utterances"));
    if let Some(list) = utterances.filter(|list| list.items().next().is_some()) {
        for item in list.items() {
            let Some(text) = item.get("transcript").and_then(Value::string) else {
                builder.problem(item.start(), "an utterance has no transcript");
                continue;
            };
            let channel = item.get("channel").and_then(Value::number);
            let part = Part {
                speaker: item
                    .any(&["speaker"])
                    .and_then(named)
                    .or_else(|| channel.filter(|_| several).map(of_channel)),
                time: (seconds(item, "start"), seconds(item, "end")),
                text,
                tight: false,
            };
            speech.part(builder, part);
        }
    } else {
        for (index, channel) in channels().enumerate() {
            let default = several.then(|| of_channel(index as f64));
            self::channel(builder, &mut speech, channel, default.as_ref());
            speech.turn(builder);
        }
    }
    speech.end(builder);
}

/// Several channels are several people.
fn of_channel(index: f64) -> String {
    format!("Channel {index:.0}")
}

fn channel(
    builder: &mut Builder<'_>,
    speech: &mut Speech,
    channel: Value<'_>,
    default: Option<&String>,
) {
    let best = channel
        .get("alternatives")
        .and_then(|list| list.items().next());
    let Some(best) = best else { return };
    let paragraphs = best.get("paragraphs").and_then(|p| p.get("paragraphs"));
    let any = Cell::new(false);
    let mut say = |builder: &mut Builder<'_>, who: Value<'_>, item: Value<'_>, keys: &[&str]| {
        let Some(text) = item.any(keys).and_then(Value::string) else {
            return;
        };
        any.set(true);
        let part = Part {
            speaker: who
                .any(&["speaker"])
                .and_then(named)
                .or_else(|| default.cloned()),
            time: (seconds(item, "start"), seconds(item, "end")),
            text,
            tight: false,
        };
        speech.part(builder, part);
    };
    for paragraph in paragraphs.into_iter().flat_map(Value::items) {
        for sentence in paragraph
            .get("sentences")
            .into_iter()
            .flat_map(Value::items)
        {
            say(builder, paragraph, sentence, &["text"]);
        }
    }
    if any.get() {
        return;
    }
    for word in best.get("words").into_iter().flat_map(Value::items) {
        say(builder, word, word, &["punctuated_word", "word"]);
    }
    if !any.get() {
        say(builder, best, best, &["transcript"]);
    }
}

/// AssemblyAI: utterances if there are any, else words, else the bare text. All times are milliseconds.
pub(super) fn assemblyai(builder: &mut Builder<'_>, root: Value<'_>, facts: &mut Facts) {
    // Of everything else in the answer only this is about the recording; `audio_url` may be a signed address.
    for (key, name) in [("language_code", "language"), ("id", "transcript_id")] {
        if let Some(text) = root.get(key).and_then(|value| value.text(100)) {
            facts.add(name, &text);
        }
    }
    let mut speech = Speech::new(Turns::Joined);
    let list = ["utterances", "words"].iter().find_map(|key| {
        let list = root.get(key)?;
        list.items().next().map(|_| list)
    });
    for item in list.into_iter().flat_map(Value::items) {
        let Some(text) = item.get("text").and_then(Value::string) else {
            builder.problem(item.start(), "an entry of the list has no text");
            continue;
        };
        let part = Part {
            speaker: item.any(&["speaker", "channel"]).and_then(lettered),
            time: (milliseconds(item, "start"), milliseconds(item, "end")),
            text,
            tight: false,
        };
        speech.part(builder, part);
    }
    let text = root.get("text").and_then(Value::string);
    if let Some(text) = text.filter(|_| list.is_none()) {
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

/// Rev.ai: elements are joined as they are, blanks and punctuation included.
pub(super) fn rev(builder: &mut Builder<'_>, root: Value<'_>) {
    let names = || root.get("speakers").into_iter().flat_map(Value::items);
    for monologue in root.get("monologues").into_iter().flat_map(Value::items) {
        let number = monologue.any(&["speaker"]);
        let name = names().find_map(|entry| {
            let same = entry.get("id")?.raw() == number?.raw();
            same.then(|| named(entry.any(&["name"])?)).flatten()
        });
        let speaker = name.or_else(|| number.and_then(named));
        let mut speech = Speech::new(Turns::Joined);
        let mut joins = false;
        for element in monologue.get("elements").into_iter().flat_map(Value::items) {
            let Some(text) = element.get("value").and_then(Value::string) else {
                continue;
            };
            let is_mark = element
                .get("type")
                .is_some_and(|kind| kind.raw() == "\"punct\"");
            let tight = is_mark || joins;
            // `well`, `-`, `known`: a mark without a blank behind it joins.
            joins = is_mark && !cut(builder.source, text.clone()).ends_with(' ');
            let part = Part {
                speaker: speaker.clone(),
                time: (seconds(element, "ts"), seconds(element, "end_ts")),
                text,
                tight,
            };
            speech.part(builder, part);
        }
        speech.end(builder);
    }
}
