//! The captions of YouTube as JSON: events of segments, no line shown twice.

use super::super::builder::Builder;
use super::super::caption::{Event, Tags, line, write};
use super::tape::Value;

/// Reads a document. Its text is treated like that of other captions: `>>` is another speaker.
pub(super) fn read(builder: &mut Builder<'_>, root: Value<'_>) {
    let mut events = Vec::new();
    for event in root.get("events").into_iter().flat_map(Value::items) {
        let number = |key| event.get(key).and_then(Value::number);
        // An event that is appended only breaks the line above.
        if number("aAppend") == Some(1.0) {
            continue;
        }
        let Some(segments) = event.get("segs") else {
            continue;
        };
        let start = number("tStartMs").unwrap_or(0.0);
        let end = start + number("dDurationMs").unwrap_or(0.0);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a cast from a float saturates"
        )]
        events.push(Event::Cue(start as i64, end as i64));
        let mut opened = false;
        for text in segments
            .items()
            .filter_map(|segment| segment.get("utf8")?.string())
        {
            escaped(builder.source, text, &mut opened, &mut events);
        }
    }
    write(builder, &events);
}

/// The inside of a JSON string as events: the first of a cue may name another speaker.
fn escaped(source: &str, range: std::ops::Range<usize>, opened: &mut bool, out: &mut Vec<Event>) {
    use super::super::plain::cut;
    let mut at = range.start;
    while at < range.end {
        let rest = cut(source, at..range.end);
        let length = rest.find('\\').unwrap_or(rest.len());
        if length > 0 {
            let text = at..at + length;
            if std::mem::replace(opened, true) {
                out.push(Event::Text(text));
            } else {
                line(source, text, Tags::Plain, out);
            }
        } else {
            let (c, used) = super::string::escape(rest);
            let place = at..at + used;
            out.push(if c == '\n' {
                *opened = false;
                Event::Break(place)
            } else {
                Event::Glyph(c, place)
            });
            at += used;
            continue;
        }
        at += length;
    }
}
