//! Where something is said, by whom, and how it was found.

use serde_json::{Map, Value, json};
use weir::model::extraction::{Grounding, Match};
use weir::stage::locate;

use super::{Place, share};

/// The columns that whatever is said has beside its own.
pub fn said(place: &Place<'_>, grounding: &Grounding) -> Map<String, Value> {
    let (facts, question) = (&place.chunk.facts, &place.order.question);
    let (from, to) = (grounding.start, grounding.end);
    let found = grounding.matched != Match::None;
    let (speaker, start, end) = if found {
        locate::said(&facts.map, from, to)
    } else {
        let alone = (facts.speakers.len() == 1).then_some(0);
        (alone, facts.start_ms, facts.end_ms)
    };
    let speaker = speaker.map(|at| facts.speakers[usize::from(at)].as_str());
    let spans = if found {
        locate::spans(&facts.map, &place.chunk.text, from, to)
    } else {
        Vec::new()
    };
    if grounding.matched == Match::Exact {
        slices_back(place, grounding, speaker);
    }
    let spans: Vec<Value> = spans
        .iter()
        .map(|span| {
            json!({
                "char_start": span.char_start,
                "char_end": span.char_end,
                "byte_start": span.byte_start,
                "byte_end": span.byte_end,
            })
        })
        .collect();
    let columns = json!({
        "doc_id": place.file.doc().to_string(),
        "chunk_id": place.id().to_string(),
        "speaker": speaker,
        "start_ms": start,
        "end_ms": end,
        "spans": spans,
        "quote": grounding.quote,
        "match": grounding.matched.name(),
        "score": share(f32::from(grounding.score) / 1000.0),
        "model": question.model,
        "prompt_id": question.prompt_id.to_string(),
        "schema_id": question.schema_id.to_string(),
    });
    columns.as_object().unwrap().clone()
}

/// The spans of the file are the quote, in bytes and in code points, and its line begins with who says it.
fn slices_back(place: &Place<'_>, grounding: &Grounding, speaker: Option<&str>) {
    let shown = &place.chunk.text;
    let spans = locate::spans(
        &place.chunk.facts.map,
        shown,
        grounding.start,
        grounding.end,
    );
    let source = std::str::from_utf8(&place.file.bytes).unwrap();
    let points: Vec<char> = source.chars().collect();
    let bytes: Vec<&str> = spans
        .iter()
        .map(|span| &source[span.byte_start as usize..span.byte_end as usize])
        .collect();
    let chars: Vec<String> = spans
        .iter()
        .map(|span| {
            points[span.char_start as usize..span.char_end as usize]
                .iter()
                .collect()
        })
        .collect();
    let what = format!("{:?} in {}", grounding.quote, place.file.path);
    assert_eq!(bytes.join(" "), *grounding.quote, "bytes of {what}");
    assert_eq!(chars.join(" "), *grounding.quote, "code points of {what}");
    let before = &shown[..grounding.start as usize];
    let line = &shown[before.rfind('\n').map_or(0, |at| at + 1)..];
    if let Some(speaker) = speaker {
        let label = format!("{speaker}: ");
        assert!(line.starts_with(&label), "speaker of {what}: {speaker}");
    }
}
