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
use super::naive::{File, Place, Taken, said, share};

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
pub fn rows(place: &Place<'_>, extraction: &Extraction, taken: &mut Taken) {
    for (index, item) in (0_u32..).zip(&extraction.items) {
        let mut row: Value = serde_json::from_str(&item.json).unwrap();
        let columns = row.as_object_mut().unwrap();
        let id = ItemId::of(&[place.id().as_bytes(), &index.to_le_bytes()]);
        columns.insert("item_id".to_owned(), json!(id.to_string()));
        columns.extend(said(place, &item.grounding));
        taken.add(Table::Items, row);
    }
}

/// The rows of `repeats` and of `shares`, by loops over all places.
pub fn repeated(files: &[&File], places: &[Place<'_>], taken: &mut Taken) {
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
        let documents: BTreeSet<DocId> = places.iter().map(|place| place.file.doc()).collect();
        documents.len()
    };
    for (fingerprint, places) in texts.iter().filter(|(_, places)| places.len() > 1) {
        let first = places.iter().min_by_key(|place| place.at()).unwrap();
        let tokens = u64::from(first.chunk.facts.tokens);
        let row = json!({
            "fingerprint": fingerprint.to_string(),
            "text": first.chunk.text,
            "tokens": tokens,
            "chunks": places.len(),
            "documents": documents(places),
            "repeated_tokens": tokens * (places.len() as u64 - 1),
            "first_doc_id": first.file.doc().to_string(),
            "first_chunk_id": first.id().to_string(),
        });
        taken.add(Table::Repeats, row);
    }
    for file in files {
        let own: Vec<_> = asked()
            .filter(|place| place.file.doc() == file.doc())
            .collect();
        // Chunks and tokens.
        let sum = |counts: &dyn Fn(&[&Place<'_>]) -> bool| -> (u64, u64) {
            own.iter()
                .filter(|place| counts(&texts[&place.chunk.fingerprint]))
                .map(|place| u64::from(place.chunk.facts.tokens))
                .fold((0, 0), |(chunks, sum), tokens| (chunks + 1, sum + tokens))
        };
        let all = sum(&|_| true);
        let repeated = sum(&|places| places.len() > 1);
        let elsewhere = sum(&|places| documents(places) > 1);
        #[expect(clippy::cast_possible_truncation, reason = "as the table holds it")]
        let part = (elsewhere.1 as f64 / all.1.max(1) as f64) as f32;
        let row = json!({
            "doc_id": file.doc().to_string(),
            "path": file.path,
            "chunks": all.0,
            "tokens": all.1,
            "repeated_chunks": repeated.0,
            "repeated_tokens": repeated.1,
            "elsewhere_chunks": elsewhere.0,
            "elsewhere_tokens": elsewhere.1,
            "share": share(part),
        });
        taken.add(Table::Shares, row);
    }
}
