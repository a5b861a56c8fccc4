//! What a model's answer says of each chunk of its batch: matched by the echoed id, never by position.
//!
//! An answer that does not parse from its first to its last byte says nothing of any chunk. Elements that
//! stand whole before a cut are not used either: which of them the model would still have changed or
//! repeated cannot be known, to find them takes a second, more forgiving parser, and a cut answer must never
//! become a success by another door. The chunks are asked again in smaller batches instead.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::schema::SchemaError;
use super::{columns, json, repair};
use crate::model::form::Items;

/// The longest answer that is read.
pub const MAX_BYTES: usize = 8 << 20;
/// The longest complaint about an answer, in bytes.
const MAX_WORDS: usize = 300;

/// What an answer says of one chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Its answer without the id, as compact JSON with sorted keys: the form that the ledger keeps.
    Valid(String),
    /// Something, but not what was asked for. What is wrong, in a few words that quote nothing from it.
    Invalid(String),
    /// Nothing.
    Missing,
}

/// The schema of one chunk's answer, compiled.
#[derive(Clone, Debug)]
pub struct Validator {
    compiled: jsonschema::Validator,
    items: Option<Arc<Items>>,
}

impl Validator {
    /// Compiles the schema of one chunk's answer.
    ///
    /// # Errors
    /// If it is not a JSON Schema.
    pub fn new(schema: &Value) -> Result<Self, SchemaError> {
        let compiled = jsonschema::validator_for(schema)
            .map_err(|error| SchemaError::Invalid(error.to_string()))?;
        let items = columns::shared(schema);
        Ok(Self { compiled, items })
    }

    /// Whether `answer` keeps to the schema; if not, what is wrong where.
    pub(super) fn check(&self, answer: &Value) -> Result<(), String> {
        self.compiled.validate(answer).map_err(|error| {
            // Masked: the words of a transcript must not come back as a hint of ours.
            let text = format!("{} at {}/", error.masked(), error.instance_path());
            let end = text.floor_char_boundary(MAX_WORDS);
            text.get(..end).unwrap_or_default().to_owned()
        })?;
        // What the schema allows and a column cannot hold.
        let items = self.items.as_deref();
        match items.and_then(|items| columns::overflow(items, answer)) {
            Some(name) => Err(format!("the whole number \"{name}\" is beyond 64 bits")),
            None => Ok(()),
        }
    }
}

/// What `content` says of each of `tags`, in their order. Ids that were not asked for are ignored; an id that
/// comes twice must say the same twice.
#[must_use]
pub fn read(content: &str, tags: &[String], validator: &Validator) -> Vec<Found> {
    match parts(content, tags) {
        Ok(parts) => tags
            .iter()
            .map(|tag| {
                parts
                    .get(tag.as_str())
                    .map_or(Found::Missing, |part| judge(part, validator))
            })
            .collect(),
        Err(why) => vec![Found::Invalid(why); tags.len()],
    }
}

/// The different things that are said of each tag.
fn parts<'t>(content: &str, tags: &'t [String]) -> Result<BTreeMap<&'t str, Vec<Value>>, String> {
    if content.len() > MAX_BYTES {
        return Err(format!("the answer is longer than {MAX_BYTES} bytes"));
    }
    let root = json::parse(repair::bare(content)).map_err(|error| match error.classify() {
        serde_json::error::Category::Eof => "the answer ends in the middle".to_owned(),
        _ => format!(
            "the answer is not JSON: line {} column {}",
            error.line(),
            error.column()
        ),
    })?;
    let answers =
        repair::answers(root, tags).ok_or("the answer has no list \"answers\"".to_owned())?;
    let mut parts: BTreeMap<&str, Vec<Value>> =
        tags.iter().map(|tag| (tag.as_str(), Vec::new())).collect();
    for mut element in answers {
        let Some(tag) = element.get("chunk_id").and_then(Value::as_str) else {
            continue;
        };
        let Some(said) = parts.get_mut(tag) else {
            continue;
        };
        if let Some(map) = element.as_object_mut() {
            map.remove("chunk_id");
        }
        // Two are enough to know that they differ.
        if said.len() < 2 && !said.contains(&element) {
            said.push(element);
        }
    }
    Ok(parts)
}

fn judge(said: &[Value], validator: &Validator) -> Found {
    match said {
        [] => Found::Missing,
        [one] => match validator.check(one) {
            Ok(()) => Found::Valid(one.to_string()),
            Err(why) => Found::Invalid(why),
        },
        _ => Found::Invalid("the same chunk_id with different answers".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn validator() -> Validator {
        let schema = include_str!("../../../dataflows/schemas/knowledge-graph.json");
        Validator::new(&serde_json::from_str(schema).unwrap()).unwrap()
    }

    fn tags(n: usize) -> Vec<String> {
        (0..n).map(|n| format!("t{n}")).collect()
    }

    fn part(tag: &str, name: &str) -> Value {
        json!({"chunk_id": tag, "relations": [], "entities": [
            {"name": name, "kind": "person", "aliases": [], "quote": name}]})
    }

    fn valid(name: &str) -> Found {
        Found::Valid(format!(
            r#"{{"entities":[{{"aliases":[],"kind":"person","name":"{name}","quote":"{name}"}}],"relations":[]}}"#
        ))
    }

    fn ask(root: &Value, n: usize) -> Vec<Found> {
        read(&root.to_string(), &tags(n), &validator())
    }

    #[test]
    fn ids_decide_not_positions() {
        let root = json!({"answers": [part("t1", "Bo"), part("nobody", "Eve"), part("t0", "Ana")]});
        assert_eq!(ask(&root, 3), [valid("Ana"), valid("Bo"), Found::Missing]);
    }

    #[test]
    fn repeats_must_agree() {
        let same = json!({"answers": [part("t0", "Ana"), part("t0", "Ana"), part("t1", "Bo")]});
        assert_eq!(ask(&same, 2), [valid("Ana"), valid("Bo")]);
        let differ = json!({"answers": [part("t0", "Ana"), part("t0", "Eve"), part("t1", "Bo")]});
        let found = ask(&differ, 2);
        assert!(matches!(found[0], Found::Invalid(_)));
        assert_eq!(found[1], valid("Bo"));
    }

    #[test]
    fn one_bad_part_spoils_only_itself_and_is_not_quoted() {
        let mut bad = part("t0", "Ana");
        bad["entities"][0]["kind"] = json!("SECRET");
        let found = ask(&json!({"answers": [bad, part("t1", "Bo")]}), 2);
        let Found::Invalid(why) = &found[0] else {
            panic!("{found:?}")
        };
        assert!(
            why.contains("/entities/0/kind") && !why.contains("SECRET"),
            "{why}"
        );
        assert_eq!(found[1], valid("Bo"));
    }

    #[test]
    fn a_lone_answer_needs_no_wrapper() {
        let mut alone = part("t0", "Ana");
        assert_eq!(ask(&alone, 1), [valid("Ana")]);
        alone["chunk_id"] = json!("another");
        assert_eq!(ask(&alone, 1), [Found::Missing]);
        alone.as_object_mut().unwrap().remove("chunk_id");
        assert_eq!(ask(&alone, 1), [valid("Ana")]);
        assert!(matches!(
            ask(&alone, 2)[..],
            [Found::Invalid(_), Found::Invalid(_)]
        ));
        assert_eq!(
            ask(&json!([part("t1", "Bo"), part("t0", "Ana")]), 2),
            [valid("Ana"), valid("Bo")]
        );
    }

    #[test]
    fn a_cut_answer_is_never_a_success() {
        let whole = json!({"answers": [part("t0", "Ana"), part("t1", "Bo")]}).to_string();
        for end in 0..whole.len() {
            let Some(cut) = whole.get(..end) else {
                continue;
            };
            for found in read(cut, &tags(2), &validator()) {
                assert!(matches!(found, Found::Invalid(_)), "{end}: {found:?}");
            }
        }
    }

    #[test]
    fn what_is_not_an_answer_is_invalid_for_all() {
        for content in [
            "",
            "null",
            "{}",
            "[]x",
            r#"{"error":{"message":"no"}}"#,
            "<html></html>",
            r#"{"answers":{}}"#,
        ] {
            let found = read(content, &tags(2), &validator());
            assert!(
                matches!(found[..], [Found::Invalid(_), Found::Invalid(_)]),
                "{content}"
            );
        }
        let long = " ".repeat(MAX_BYTES + 1);
        assert!(matches!(
            read(&long, &tags(1), &validator())[..],
            [Found::Invalid(_)]
        ));
    }

    /// Mutations of a good answer: whatever happens to it, no chunk gets another's part, and nothing panics.
    #[test]
    fn mutated_answers_never_cross() {
        let mut rng = fastrand::Rng::with_seed(7);
        let validator = validator();
        let names = ["Ana", "Bo", "Cy"];
        for _ in 0..2000 {
            let mut list: Vec<Value> = (0..3).map(|n| part(&format!("t{n}"), names[n])).collect();
            for _ in 0..rng.usize(0..4) {
                let n = rng.usize(0..list.len().max(1));
                match rng.u8(0..5) {
                    0 if !list.is_empty() => drop(list.remove(n)),
                    1 if !list.is_empty() => list.push(list[n].clone()),
                    2 => rng.shuffle(&mut list),
                    3 => list.push(json!([1, null])),
                    _ => list.push(part("t9", "Eve")),
                }
            }
            let mut text = json!({"answers": list}).to_string();
            if rng.u8(0..4) == 0 {
                let at = rng.usize(0..text.len());
                text.replace_range(at..=at, ["x", "\"", "}", ""][rng.usize(0..4)]);
            }
            for (n, found) in read(&text, &tags(3), &validator).iter().enumerate() {
                if let Found::Valid(part) = found {
                    let others = names.iter().filter(|name| **name != names[n]);
                    assert!(
                        others.into_iter().all(|name| !part.contains(name)),
                        "{text}"
                    );
                }
            }
        }
    }
}
