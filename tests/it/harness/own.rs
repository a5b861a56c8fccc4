//! The forms that are no graph, for the oracle: what is asked, what is answered, and the rows from scratch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use weir::job::order::Order;
use weir::model::call::Question;
use weir::model::extraction::Extraction;
use weir::model::id::{DocId, Fingerprint, ItemId, SchemaId};
use weir::sink::Table;

use super::dice::{ORGANISATIONS, PEOPLE, whole};
use super::naive::{Place, said};

/// A schema with every shape of column.
fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {"items": {"type": "array", "items": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "kind": {"type": "string", "enum": ["person", "organization"]},
                "short": {"type": ["string", "null"]},
                "size": {
                    "type": "object",
                    "properties": {"letters": {"type": "integer"}, "share": {"type": "number"}},
                    "required": ["letters", "share"],
                    "additionalProperties": false,
                },
                "parts": {"type": "array", "items": {"type": "string"}},
                "quote": {"type": "string"},
            },
            "required": ["name", "kind", "short", "size", "parts", "quote"],
            "additionalProperties": false,
        }}},
        "required": ["items"],
        "additionalProperties": false,
    })
}

/// The order with another question, in another form.
fn asking(mut order: Order, schema: Value) -> Order {
    let question = Question {
        schema_id: SchemaId::of(&[schema.to_string().as_bytes()]),
        schema: Arc::new(schema),
        ..(*order.question).clone()
    };
    order.context.schema = question.schema_id;
    order.question = Arc::new(question);
    order
}

/// Items instead of a graph.
pub fn items(order: Order) -> Order {
    asking(order, schema())
}

/// No model at all.
pub fn repeats(order: Order) -> Order {
    asking(order, json!({}))
}

/// The items of a text: every known name in it, people's twice.
pub fn items_of(text: &str) -> Value {
    let item = |name: &str, kind: &str| {
        let parts: Vec<&str> = name.split(' ').collect();
        json!({
            "name": name,
            "kind": kind,
            "short": parts.get(1).map(|_| parts[0]),
            "size": {"letters": name.len(), "share": 0.5},
            "parts": parts,
            "quote": name,
        })
    };
    let people = PEOPLE.iter().flat_map(|name| [(*name, "person"); 2]);
    let others = ORGANISATIONS.iter().map(|name| (*name, "organization"));
    let found = people.chain(others).filter(|(name, _)| whole(text, name));
    json!({"items": found.map(|(name, kind)| item(name, kind)).collect::<Vec<_>>()})
}

/// The rows of `items` at a place.
pub fn rows(place: &Place<'_>, extraction: &Extraction, add: &mut impl FnMut(Table, Vec<String>)) {
    for (index, item) in (0_u32..).zip(&extraction.items) {
        let own: Value = serde_json::from_str(&item.json).unwrap();
        let id = ItemId::of(&[place.id().as_bytes(), &index.to_le_bytes()]);
        let mut cells = vec![id.to_string(), columns(&own)];
        cells.extend(said(place, &item.grounding));
        add(Table::Items, cells);
    }
}

/// The columns of the schema, as one text.
pub fn columns(row: &Value) -> String {
    ["name", "kind", "short", "size", "parts"]
        .map(|name| row[name].to_string())
        .join(" ")
}

/// The rows of `repeats` and of `shares`, by loops over all places.
pub fn repeated(places: &[Place<'_>], add: &mut impl FnMut(Table, Vec<String>)) {
    let asked = || {
        places
            .iter()
            .filter(|place| place.chunk.facts.dropped.is_none())
    };
    let mut texts: BTreeMap<Fingerprint, Vec<&Place<'_>>> = BTreeMap::new();
    for place in asked() {
        texts
            .entry(place.chunk.fingerprint)
            .or_default()
            .push(place);
    }
    let documents = |places: &[&Place<'_>]| {
        let documents: BTreeSet<DocId> = places.iter().map(|place| place.file.doc).collect();
        documents.len()
    };
    for (fingerprint, places) in texts.iter().filter(|(_, places)| places.len() > 1) {
        let first = places
            .iter()
            .min_by_key(|place| (place.file.doc, place.chunk.facts.position));
        add(
            Table::Repeats,
            vec![
                fingerprint.to_string(),
                places[0].chunk.text.to_string(),
                places.len().to_string(),
                documents(places).to_string(),
                first.unwrap().id().to_string(),
            ],
        );
    }
    let all: BTreeMap<DocId, &str> = places
        .iter()
        .map(|place| (place.file.doc, place.file.path.as_str()))
        .collect();
    for (doc, path) in all {
        let own: Vec<_> = asked().filter(|place| place.file.doc == doc).collect();
        let tokens = |counts: &dyn Fn(&[&Place<'_>]) -> bool| -> u64 {
            own.iter()
                .filter(|place| counts(&texts[&place.chunk.fingerprint]))
                .map(|place| u64::from(place.chunk.facts.tokens))
                .sum()
        };
        add(
            Table::Shares,
            vec![
                doc.to_string(),
                path.to_owned(),
                own.len().to_string(),
                tokens(&|_| true).to_string(),
                tokens(&|places| places.len() > 1).to_string(),
                tokens(&|places| documents(places) > 1).to_string(),
            ],
        );
    }
}
