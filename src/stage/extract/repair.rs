//! The few mends that are allowed on an answer: taking off what stands around the JSON.
//!
//! The JSON itself is never touched. No trailing comma is dropped and no bracket is closed: to mend the
//! grammar is to write a second parser, and an answer that was cut would come out of it as a whole one.

use serde_json::{Map, Value};

/// The answer without a byte order mark, a `<think>` part before it, and a code fence around it.
pub(super) fn bare(content: &str) -> &str {
    let text = content.trim_start_matches('\u{feff}').trim();
    let text = after_thought(text).unwrap_or(text);
    in_fence(text).unwrap_or(text)
}

/// What follows a closed `<think>` part at the very start.
fn after_thought(text: &str) -> Option<&str> {
    let (_, rest) = text.strip_prefix("<think>")?.split_once("</think>")?;
    Some(rest.trim())
}

/// What stands in a code fence, if the text is one fence from start to end.
fn in_fence(text: &str) -> Option<&str> {
    let (language, rest) = text.strip_prefix("```")?.split_once('\n')?;
    let known = ["", "json", "JSON"].contains(&language.trim());
    known.then(|| rest.strip_suffix("```").map(str::trim))?
}

/// The list of answers: that of the wrapper; or a bare list, whose elements carry their ids all the same;
/// or, of a single chunk, its answer alone with or without an id.
pub(super) fn answers(root: Value, tags: &[String]) -> Option<Vec<Value>> {
    match root {
        Value::Array(list) => Some(list),
        Value::Object(mut map) => match (map.remove("answers"), tags) {
            (Some(Value::Array(list)), _) => Some(list),
            (None, [tag]) => Some(vec![alone(map, tag)]),
            _ => None,
        },
        _ => None,
    }
}

fn alone(mut map: Map<String, Value>, tag: &str) -> Value {
    map.entry("chunk_id").or_insert_with(|| tag.into());
    Value::Object(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_around_is_taken_off() {
        let rows = [
            ("{}", "{}"),
            ("\u{feff}{}", "{}"),
            (" \n{}\n", "{}"),
            ("```json\n{}\n```", "{}"),
            ("```\n{}\n```\n", "{}"),
            ("<think>hm {\"a\": 1}</think>\n{}", "{}"),
            ("<think>hm</think>\n```json\n{}\n```", "{}"),
        ];
        for (content, wanted) in rows {
            assert_eq!(bare(content), wanted, "{content}");
        }
    }

    #[test]
    fn nothing_else_is_touched() {
        let rows = [
            "Here it is: {}",
            "{} I hope this helps",
            "<think>never closed {}",
            "```json\n{}",
            "```python\n{}\n```",
            "[1,]",
        ];
        for content in rows {
            assert_eq!(bare(content), content);
        }
    }
}
