//! Which service wrote a JSON document, by keys that only it has.

use super::super::plain::tidy;
use super::generic::{alone, list};
use super::tape::Value;
use crate::model::document::{Format, Unreadable};

/// Keys that are named when a document is refused.
const SHOWN: usize = 12;

/// The format of a document and what it was told by.
///
/// # Errors
/// When it is of no known shape, or a service's word that there is no transcript.
pub(in super::super) fn shape(root: Value<'_>) -> Result<(Format, &'static str), Unreadable> {
    if root.is_array() {
        return array(root);
    }
    known(root)?.ok_or_else(|| refused(root))
}

fn array(root: Value<'_>) -> Result<(Format, &'static str), Unreadable> {
    if root.items().next().is_none() {
        return Ok((Format::Json, "an empty JSON array"));
    }
    if has(root, &["NAMES", "UTTERANCES"]) {
        return Ok((Format::Crd3Json, "a JSON array of NAMES and UTTERANCES"));
    }
    if list(root).is_some() {
        return Ok((Format::Json, "a JSON array of objects with text"));
    }
    Err(Unreadable::Unsupported(format!(
        "it is a JSON array whose entries hold no text; {ADVICE}"
    )))
}

const ADVICE: &str = "write it as .jsonl, one turn a line with \"speaker\", \"start\" and \"text\", or export it as .vtt";

/// Whether one of the first entries of a list has all these keys.
fn has(list: Value<'_>, keys: &[&str]) -> bool {
    let mut items = list.items().take(20);
    list.is_array() && items.any(|item| keys.iter().all(|key| item.get(key).is_some()))
}

fn known(root: Value<'_>) -> Result<Option<(Format, &'static str)>, Unreadable> {
    let lists = |key: &str, keys: &[&str]| root.get(key).is_some_and(|list| has(list, keys));
    if let Some(results) = root.get("results").filter(|results| results.is_object()) {
        if results.get("channels").is_some() {
            return Ok(Some((Format::DeepgramJson, "JSON with results.channels")));
        }
        if results.get("transcripts").is_some() || results.get("audio_segments").is_some() {
            let why = "JSON with results.transcripts";
            return Ok(Some((Format::AmazonTranscribeJson, why)));
        }
    }
    let found = if lists("Transcript", &["Content"]) {
        (Format::AmazonCallJson, "JSON with Transcript[].Content")
    } else if lists("monologues", &["elements"]) {
        (Format::RevJson, "JSON with monologues[].elements")
    } else if lists("TURNS", &["UTTERANCES"]) {
        (Format::Crd3Json, "JSON with TURNS[].UTTERANCES")
    } else if lists("meeting_transcripts", &["content"]) {
        (Format::QmsumJson, "JSON with meeting_transcripts[].content")
    } else if lists("events", &["tStartMs"]) {
        (Format::YoutubeJson3, "JSON with events[].tStartMs")
    } else if lists("transcription", &["text"]) {
        (Format::WhisperCppJson, "JSON with transcription[].text")
    } else if lists("segments", &["body"]) {
        (Format::PodcastJson, "JSON with segments[].body")
    } else if let Some(found) = assemblyai(root)? {
        found
    } else if let Some(found) = whisper(root) {
        found
    } else if list(root).is_some() || alone(root).is_some() {
        (
            Format::Json,
            "a JSON object with a list of objects with text",
        )
    } else if root.entries().next().is_none() {
        (Format::Json, "an empty JSON object")
    } else {
        return Ok(None);
    };
    Ok(Some(found))
}

fn assemblyai(root: Value<'_>) -> Result<Option<(Format, &'static str)>, Unreadable> {
    let own = [
        "audio_url",
        "acoustic_model",
        "language_model",
        "speech_model",
    ];
    let Some(status) = root.get("status").and_then(|value| value.text(40)) else {
        return Ok(None);
    };
    if root.get("id").is_none() || !own.iter().any(|key| root.get(key).is_some()) {
        return Ok(None);
    }
    match status.as_str() {
        "completed" => Ok(Some((
            Format::AssemblyaiJson,
            "JSON with status and audio_url",
        ))),
        "error" => {
            let why = root.get("error").and_then(|value| value.text(300));
            Err(Unreadable::Unsupported(format!(
                "it is AssemblyAI's word that transcribing failed, not a transcript: {}",
                tidy(why.as_deref().unwrap_or("no reason is given"), 200)
            )))
        }
        other => Err(Unreadable::Unsupported(format!(
            "it is an AssemblyAI answer of before the transcript was ready (status {:?}); fetch it again",
            tidy(other, 40)
        ))),
    }
}

fn whisper(root: Value<'_>) -> Option<(Format, &'static str)> {
    let segments = root.get("segments").filter(|list| list.is_array());
    let first = |key: &str| {
        let mut items = segments.into_iter().flat_map(Value::items).take(20);
        items.find_map(|segment| segment.get(key))
    };
    let word = |key: &str| first("words").and_then(|words| words.items().find_map(|w| w.get(key)));
    if let Some(segments) = segments.filter(|list| list.items().next().is_some()) {
        if !has(segments, &["text", "start"]) {
            return None;
        }
        let aligned = root.get("word_segments").is_some() || word("score").is_some();
        return Some(if aligned {
            (Format::WhisperxJson, "JSON with segments[].words[].score")
        } else if word("confidence").is_some() && word("text").is_some() {
            (
                Format::WhisperTimestampedJson,
                "JSON with segments[].words[].confidence",
            )
        } else if first("speaker").is_some() && root.get("text").is_none() {
            (Format::WhisperxJson, "JSON with segments[].speaker")
        } else {
            (Format::WhisperJson, "JSON with segments[].start and text")
        });
    }
    let plain = [
        "text", "language", "task", "duration", "segments", "words", "usage", "logprobs",
    ];
    let is_answer = root.entries().all(|(key, _)| plain.contains(&key));
    let has_text = root.get("text").is_some_and(|text| text.string().is_some());
    (is_answer && has_text).then_some((Format::WhisperJson, "JSON with text and nothing else"))
}

fn refused(root: Value<'_>) -> Unreadable {
    let keys: Vec<String> = root
        .entries()
        .take(SHOWN)
        .map(|(key, _)| tidy(key, 40))
        .collect();
    let more = if root.entries().nth(SHOWN).is_some() {
        ", ..."
    } else {
        ""
    };
    Unreadable::Unsupported(format!(
        "it is JSON of no known shape (its keys: {}{more}); {ADVICE}",
        keys.join(", ")
    ))
}
