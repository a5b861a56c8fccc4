//! The answers of the `rules` provider in the forms that are no graph: action items and topics, in English.
//!
//! Deterministic, in linear time, and a function of the chunk's text alone. `sentences` cuts the speech, `due` reads
//! when something is to be done, `words` is the lexicon; `actions` and `topics` are the two sets of rules.

mod actions;
mod due;
mod sentences;
mod topics;
mod words;

use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};

use super::columns::{LIST, QUOTE};
use super::schema;
use crate::model::form::{Field, Form, Items, Shape};

/// Most items of one chunk.
const MAX_ITEMS: usize = 100;

/// A set of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruleset {
    /// Entities and relations.
    Graph,
    /// Tasks, decisions, open questions.
    Actions,
    /// What a chunk is about.
    Topics,
}

impl Ruleset {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Graph, Self::Actions, Self::Topics];

    /// The shipped dataflow that it serves.
    #[must_use]
    pub fn dataflow(self) -> &'static str {
        match self {
            Self::Graph => "knowledge-graph",
            Self::Actions => "action-items",
            Self::Topics => "topics",
        }
    }

    /// The rules that can answer in the form of `schema`: of a graph, or of items whose properties are among those of
    /// a shipped schema, as they are there. Other words in descriptions, more in an enum and fewer properties change
    /// nothing.
    #[must_use]
    pub fn serving(schema: &Value) -> Option<Self> {
        match schema::form(schema) {
            Form::Graph => Some(Self::Graph),
            Form::Repeats => None,
            Form::Items(items) => [Self::Actions, Self::Topics]
                .into_iter()
                .find(|rules| rules.shipped().is_some_and(|own| serves(own, &items))),
        }
    }

    /// The columns of the shipped schema.
    fn shipped(self) -> Option<&'static Items> {
        static ACTIONS: OnceLock<Option<Arc<Items>>> = OnceLock::new();
        static TOPICS: OnceLock<Option<Arc<Items>>> = OnceLock::new();
        let (place, text) = match self {
            Self::Graph => return None,
            Self::Actions => (
                &ACTIONS,
                include_str!("../../../../dataflows/schemas/action-items.json"),
            ),
            Self::Topics => (
                &TOPICS,
                include_str!("../../../../dataflows/schemas/topics.json"),
            ),
        };
        place
            .get_or_init(|| super::columns::shared(&serde_json::from_str(text).ok()?))
            .as_deref()
    }

    /// What the rules say of a shown text, in the form of `schema`, which they serve.
    #[must_use]
    pub fn answer(self, schema: &Value, shown: &str) -> Value {
        let found = match self {
            Self::Graph => return super::rules::answer(shown),
            Self::Actions => actions::find(shown),
            Self::Topics => topics::find(shown),
        };
        let wanted = schema.pointer("/properties/items/items/properties");
        let wanted = wanted.and_then(Value::as_object);
        let list = found.into_iter().take(MAX_ITEMS).map(|mut item| {
            item.retain(|name, _| wanted.is_none_or(|wanted| wanted.contains_key(name)));
            Value::Object(item)
        });
        Value::Object(Map::from_iter([(LIST.to_owned(), list.collect())]))
    }
}

/// Whether items of `own` columns can be put into `wanted` ones.
fn serves(own: &Items, wanted: &Items) -> bool {
    let holds = |from: &Field| {
        let to = own.fields.iter().find(|to| to.name == from.name);
        to.is_some_and(|to| fits(&to.shape, &from.shape) && (from.nullable || !to.nullable))
    };
    own.quoted >= wanted.quoted && wanted.fields.iter().all(holds)
}

fn fits(own: &Shape, wanted: &Shape) -> bool {
    match (own, wanted) {
        (Shape::Label(own), Shape::Label(wanted)) => own.iter().all(|word| wanted.contains(word)),
        (Shape::Label(_), Shape::Text) => true,
        (own, wanted) => own == wanted,
    }
}

/// An item made of text properties.
fn item<'a>(
    properties: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
) -> Map<String, Value> {
    let value = |text: Option<&str>| text.map_or(Value::Null, Value::from);
    properties
        .into_iter()
        .map(|(name, text)| (name.to_owned(), value(text)))
        .collect()
}

/// The name of the property that holds the words an item rests on.
const SAID: &str = QUOTE;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::stage::extract::answer::Validator;

    fn shipped(name: &str) -> Value {
        let text = match name {
            "action-items" => include_str!("../../../../dataflows/schemas/action-items.json"),
            _ => include_str!("../../../../dataflows/schemas/topics.json"),
        };
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_schema_is_served_by_its_shape() {
        let actions = shipped("action-items");
        assert_eq!(Ruleset::serving(&actions), Some(Ruleset::Actions));
        assert_eq!(Ruleset::serving(&shipped("topics")), Some(Ruleset::Topics));
        let item = "/properties/items/items";
        let mut fewer = actions.clone();
        let properties = fewer.pointer_mut(item).unwrap();
        properties["properties"]
            .as_object_mut()
            .unwrap()
            .remove("due");
        properties["required"] = json!(["kind", "owner", "quote", "text"]);
        assert_eq!(Ruleset::serving(&fewer), Some(Ruleset::Actions));
        let answer = Ruleset::Actions.answer(&fewer, "Ana: I'll send the letter on Friday.\n");
        assert_eq!(answer["items"][0].get("due"), None, "{answer}");
        let mut more = actions.clone();
        more.pointer_mut(item).unwrap()["properties"]["mood"] = json!({"type": "string"});
        assert_eq!(Ruleset::serving(&more), None);
        let mut other = actions;
        other.pointer_mut(item).unwrap()["properties"]["kind"]["enum"] = json!(["task"]);
        assert_eq!(Ruleset::serving(&other), None);
    }

    /// Whatever the text, an answer keeps to its schema and quotes what stands there.
    #[test]
    fn answers_keep_to_their_schema() {
        let mut chance = fastrand::Rng::with_seed(4);
        let bits = [
            "I'll",
            " send",
            " by",
            " Friday",
            "?",
            ".",
            "\n",
            "Ana: ",
            " can you",
            " we decided",
            " ’",
            " é",
            " let's",
            " tide",
            " mill",
            " the tide mill",
            " 14",
            " March",
            ",",
            " we need to",
        ];
        for name in ["action-items", "topics"] {
            let schema = shipped(name);
            let validator = Validator::new(&schema).unwrap();
            let rules = Ruleset::serving(&schema).unwrap();
            for _ in 0..500 {
                let shown: String = (0..chance.usize(0..40))
                    .map(|_| bits[chance.usize(..bits.len())])
                    .collect();
                let answer = rules.answer(&schema, &shown);
                validator.check(&answer).unwrap();
                for item in answer["items"].as_array().unwrap() {
                    let quote = item["quote"].as_str().unwrap();
                    assert!(
                        !quote.is_empty() && shown.contains(quote),
                        "{quote:?} in {shown:?}"
                    );
                }
                assert_eq!(answer, rules.answer(&schema, &shown));
            }
        }
    }
}
