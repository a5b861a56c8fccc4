//! A JSON Schema of items -> columns: object to struct, array to list, words to a dictionary. What has no column is
//! refused by its place in the schema.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::schema::{SchemaError, shape};
use crate::model::form::{Field, Items, Shape};
use crate::model::id::SchemaId;

/// The name of the list that an answer of items is.
pub const LIST: &str = "items";
/// The property that says which words an item rests on.
pub const QUOTE: &str = "quote";
/// The columns that every row of items has already.
const TAKEN: [&str; 14] = [
    "item_id",
    "doc_id",
    "chunk_id",
    "speaker",
    "start_ms",
    "end_ms",
    "spans",
    "match",
    "score",
    "model",
    "prompt_id",
    "schema_id",
    "_epoch",
    "_diff",
];
/// Deepest nesting of a column.
const MAX_DEPTH: usize = 6;
/// Most columns, as Parquet counts them.
const MAX_COLUMNS: usize = 256;
/// Longest name of a column, in bytes.
const MAX_NAME: usize = 100;

/// The schema with what a strict server wants and people leave out: every object closed, every property required, and
/// one that was optional made to take null.
#[must_use]
pub fn completed(mut schema: Value) -> Value {
    complete(&mut schema, 0);
    schema
}

fn complete(schema: &mut Value, depth: usize) {
    // Deeper ones are refused when they are checked.
    if depth > 32 {
        return;
    }
    let Some(map) = schema.as_object_mut() else {
        return;
    };
    for key in ["$defs", "properties"] {
        if let Some(inner) = map.get_mut(key).and_then(Value::as_object_mut) {
            inner
                .values_mut()
                .for_each(|inner| complete(inner, depth + 1));
        }
    }
    if let Some(items) = map.get_mut("items") {
        complete(items, depth + 1);
    }
    if let Some(any) = map.get_mut("anyOf").and_then(Value::as_array_mut) {
        for inner in any {
            complete(inner, depth + 1);
        }
    }
    let required: BTreeSet<String> = map
        .get("required")
        .and_then(Value::as_array)
        .map(|names| {
            let names = names.iter().filter_map(Value::as_str);
            names.map(str::to_owned).collect()
        })
        .unwrap_or_default();
    let Some(properties) = map.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for (name, inner) in properties.iter_mut() {
        if !required.contains(name) && !takes_null(inner) {
            *inner = json!({"anyOf": [inner.take(), {"type": "null"}]});
        }
    }
    let names: Vec<&String> = properties.keys().collect();
    let names = json!(names);
    // A list that is complete stays in its order: what was strict already keeps its text, and so its ledger keys.
    let whole = properties.keys().all(|name| required.contains(name));
    if !whole {
        map.insert("required".to_owned(), names);
    }
    map.entry("additionalProperties")
        .or_insert(Value::Bool(false));
}

fn takes_null(schema: &Value) -> bool {
    let named = |value: &Value| value.as_str() == Some("null");
    match schema.get("type") {
        Some(Value::Array(types)) => types.iter().any(named),
        Some(one) => named(one),
        None => schema
            .get("anyOf")
            .and_then(Value::as_array)
            .is_some_and(|any| any.iter().any(takes_null)),
    }
}

/// The columns of a schema whose answers are lists of items.
///
/// # Errors
/// Names the first place that has no column, and why.
pub fn items(schema: &Value) -> Result<Items, SchemaError> {
    let root = schema.get("properties").and_then(Value::as_object);
    let list = root.and_then(|root| root.get(LIST)).unwrap_or(&Value::Null);
    if let Some(other) = root.and_then(|root| root.keys().find(|key| *key != LIST)) {
        return Err(shape(
            &format!("/properties/{other}"),
            format!(
                "an answer is one list of \"{LIST}\" and nothing beside it; put it into the items"
            ),
        ));
    }
    let walk = Walk { root: schema };
    let at = format!("/properties/{LIST}");
    let (found, nullable) = walk.column(list, &at, 0, &[])?;
    let Shape::List(item, false) = found else {
        return Err(shape(&at, "must be an array of objects"));
    };
    let Shape::Struct(mut fields) = *item else {
        return Err(shape(
            &format!("{at}/items"),
            "must be an object with \"properties\": its properties become the columns",
        ));
    };
    if nullable {
        return Err(shape(&at, "must not be null: an empty list says as much"));
    }
    let at = format!("{at}/items/properties");
    let before = fields.len();
    if let Some(quote) = fields.iter().find(|field| field.name == QUOTE)
        && quote.shape != Shape::Text
    {
        let at = format!("{at}/{QUOTE}");
        return Err(shape(
            &at,
            "must be a string: the words that an item rests on",
        ));
    }
    fields.retain(|field| field.name != QUOTE);
    for field in &fields {
        let at = format!("{at}/{}", field.name);
        let lower = field.name.to_lowercase();
        if TAKEN.contains(&lower.as_str()) || lower == QUOTE {
            let why = format!("every row of items has a column \"{lower}\"; choose another name");
            return Err(shape(&at, why));
        }
    }
    let columns: usize = fields.iter().map(|field| field.shape.leaves()).sum();
    if columns > MAX_COLUMNS {
        let why = format!("{columns} columns; at most {MAX_COLUMNS}");
        return Err(shape(&at, why));
    }
    Ok(Items {
        schema: SchemaId::of(&[schema.to_string().as_bytes()]),
        quoted: fields.len() < before,
        fields,
    })
}

struct Walk<'a> {
    root: &'a Value,
}

impl Walk<'_> {
    /// What a schema's values are, and whether null is one of them. `trail` holds the references followed so far.
    fn column(
        &self,
        schema: &Value,
        at: &str,
        depth: usize,
        trail: &[&str],
    ) -> Result<(Shape, bool), SchemaError> {
        if depth > MAX_DEPTH {
            return Err(shape(at, format!("nested deeper than {MAX_DEPTH}")));
        }
        if let Some(to) = schema.get("$ref").and_then(Value::as_str) {
            if trail.contains(&to) {
                let why = format!("{to} holds itself: a table has no endless columns");
                return Err(shape(at, why));
            }
            let found = to.strip_prefix('#').and_then(|to| self.root.pointer(to));
            let found = found.ok_or_else(|| shape(at, format!("there is no {to}")))?;
            return self.column(found, at, depth, &[trail, &[to]].concat());
        }
        if let Some(any) = schema.get("anyOf").and_then(Value::as_array) {
            let is_null = |one: &&Value| one.get("type").and_then(Value::as_str) == Some("null");
            let others: Vec<&Value> = any.iter().filter(|one| !is_null(one)).collect();
            let [one] = others[..] else {
                let why = "a column has one type: \"anyOf\" takes one, and null beside it";
                return Err(shape(at, why));
            };
            let (found, nullable) = self.column(one, at, depth, trail)?;
            return Ok((found, nullable || others.len() < any.len()));
        }
        let (kind, nullable) = kind(schema, at)?;
        if let Some(words) = words(schema) {
            return labels(kind, nullable, &words, at);
        }
        let found = match kind {
            "string" => Shape::Text,
            "integer" => Shape::Int,
            "number" => Shape::Float,
            "boolean" => Shape::Bool,
            "array" => {
                let at = format!("{at}/items");
                let items = schema.get("items");
                let items = items.ok_or_else(|| shape(&at, "is missing: a list has one type"))?;
                let (item, nullable) = self.column(items, &at, depth + 1, trail)?;
                Shape::List(Box::new(item), nullable)
            }
            "object" => Shape::Struct(self.fields(schema, at, depth, trail)?),
            other => {
                let why = format!("there is no column for the type \"{other}\"");
                return Err(shape(at, why));
            }
        };
        Ok((found, nullable))
    }

    fn fields(
        &self,
        schema: &Value,
        at: &str,
        depth: usize,
        trail: &[&str],
    ) -> Result<Vec<Field>, SchemaError> {
        let none = Map::new();
        let properties = schema
            .get("properties")
            .and_then(Value::as_object)
            .unwrap_or(&none);
        if properties.is_empty() {
            return Err(shape(
                at,
                "an object needs \"properties\": an open one has no columns",
            ));
        }
        let mut seen = BTreeSet::new();
        let mut fields = Vec::new();
        for (name, inner) in properties {
            let at = format!("{at}/properties/{name}");
            let odd = name.is_empty() || name.len() > MAX_NAME || name.contains(char::is_control);
            if odd {
                let why = format!("a name is 1 to {MAX_NAME} bytes without control characters");
                return Err(shape(&at, why));
            }
            if !seen.insert(name.to_lowercase()) {
                let why = "differs from another name in case only, and SQL takes both for one";
                return Err(shape(&at, why));
            }
            let (shape, nullable) = self.column(inner, &at, depth + 1, trail)?;
            let said = inner.get("description").and_then(Value::as_str);
            fields.push(Field {
                name: name.clone(),
                shape,
                nullable,
                doc: said.unwrap_or_default().to_owned(),
            });
        }
        Ok(fields)
    }
}

/// The one type of a schema besides null, and whether null is one, too.
fn kind<'a>(schema: &'a Value, at: &str) -> Result<(&'a str, bool), SchemaError> {
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ if words(schema).is_some_and(|words| words.iter().any(|word| word.is_string())) => {
            vec!["string"]
        }
        _ => return Err(shape(at, "must have a \"type\"")),
    };
    let others: Vec<&str> = types.iter().copied().filter(|one| *one != "null").collect();
    let [one] = others[..] else {
        let why = format!("a column has one type, not [{}]", types.join(", "));
        return Err(shape(at, why));
    };
    Ok((one, others.len() < types.len()))
}

/// The only values that a schema allows, if it lists them.
fn words(schema: &Value) -> Option<Vec<&Value>> {
    let listed = schema.get("enum").and_then(Value::as_array);
    let one = schema.get("const");
    match (listed, one) {
        (Some(listed), _) => Some(listed.iter().collect()),
        (None, Some(one)) => Some(vec![one]),
        (None, None) => None,
    }
}

fn labels(
    kind: &str,
    nullable: bool,
    words: &[&Value],
    at: &str,
) -> Result<(Shape, bool), SchemaError> {
    let nullable = nullable || words.iter().any(|word| word.is_null());
    let words: Vec<&Value> = words
        .iter()
        .copied()
        .filter(|word| !word.is_null())
        .collect();
    let texts: Vec<String> = words
        .iter()
        .filter_map(|word| word.as_str().map(str::to_owned))
        .collect();
    let of_kind = |fits: fn(&Value) -> bool| words.iter().all(|word| fits(word));
    let found = match kind {
        "string" if texts.len() == words.len() => Shape::Label(texts),
        "integer" if of_kind(Value::is_i64) => Shape::Int,
        "number" if of_kind(Value::is_number) => Shape::Float,
        "boolean" if of_kind(Value::is_boolean) => Shape::Bool,
        _ => {
            let why = format!("lists values that are not of its type \"{kind}\"");
            return Err(shape(at, why));
        }
    };
    Ok((found, nullable))
}

/// Whether an answer has a whole number where its columns cannot hold it; if so, where.
pub(super) fn overflow(items: &Items, answer: &Value) -> Option<String> {
    let list = answer.get(LIST).and_then(Value::as_array)?;
    list.iter()
        .find_map(|item| fields_overflow(&items.fields, item))
}

fn fields_overflow(fields: &[Field], object: &Value) -> Option<String> {
    fields.iter().find_map(|field| {
        let inner = object.get(&field.name)?;
        shape_overflow(&field.shape, inner).then(|| field.name.clone())
    })
}

fn shape_overflow(shape: &Shape, value: &Value) -> bool {
    match (shape, value) {
        (Shape::Int, Value::Number(number)) => {
            // JSON Schema takes 3.0 for an integer, and so do we, as far as it is exact.
            let exact = |float: f64| float.abs() < 9_007_199_254_740_992.0;
            number.as_i64().is_none() && (number.is_u64() || !number.as_f64().is_some_and(exact))
        }
        (Shape::List(inner, _), Value::Array(items)) => {
            items.iter().any(|item| shape_overflow(inner, item))
        }
        (Shape::Struct(fields), object) => fields_overflow(fields, object).is_some(),
        _ => false,
    }
}

/// The columns of a schema of items, shared.
pub(super) fn shared(schema: &Value) -> Option<Arc<Items>> {
    items(schema).ok().map(Arc::new)
}
