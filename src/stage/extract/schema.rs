//! The form of an answer: what a schema of one chunk may be, and the schema of a whole call made from it.
//!
//! A provider's strict mode takes a part of JSON Schema only: every object lists all its properties as
//! required and allows no others, and nothing is combined by `allOf` and the like.

use serde_json::{Map, Value, json};

use super::columns;
use crate::model::extraction::Kind;
use crate::model::form::Form;

/// Longest schema, as text.
const MAX_BYTES: usize = 100_000;
/// Deepest nesting, two less than a strict server's ten, since the wrapper adds two.
const MAX_DEPTH: usize = 8;
/// What strict servers refuse.
const REFUSED: [&str; 12] = [
    "allOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "unevaluatedProperties",
    "$dynamicRef",
    "prefixItems",
];

/// Why a schema cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Not a JSON Schema at all.
    #[error("the answer schema is not a valid JSON Schema: {0}")]
    Invalid(String),
    /// A JSON Schema, but not one that weir can ask with.
    #[error("the answer schema cannot be used: {at}: {what}")]
    Shape {
        /// Where in the schema, as a JSON pointer; `/` is its root.
        at: String,
        /// What is wrong there.
        what: String,
    },
}

pub(super) fn shape(at: &str, what: impl Into<String>) -> SchemaError {
    let at = if at.is_empty() { "/" } else { at };
    SchemaError::Shape {
        at: at.to_owned(),
        what: what.into(),
    }
}

/// The schema of a whole call's answer: `answers`, a list with one element for each chunk, which is the
/// chunk's id and the properties of `schema`. Definitions move to the root, where `#/$defs/...` finds them.
#[must_use]
pub fn wrap(schema: &Value) -> Value {
    let mut properties = Map::new();
    properties.insert("chunk_id".to_owned(), json!({"type": "string"}));
    if let Some(own) = schema.get("properties").and_then(Value::as_object) {
        properties.extend(own.clone());
    }
    let required: Vec<&String> = properties.keys().collect();
    let required = json!(required);
    let mut root = json!({
        "type": "object",
        "properties": {"answers": {"type": "array", "items": {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        }}},
        "required": ["answers"],
        "additionalProperties": false,
    });
    if let (Some(root), Some(defs)) = (root.as_object_mut(), schema.get("$defs")) {
        root.insert("$defs".to_owned(), defs.clone());
    }
    root
}

/// Whether `schema` describes the answer to one chunk in a form that strict servers take and that weir can
/// read, and in which: an object with a list of `entities` (`name`, `kind`, `aliases`, `quote`) and a list of
/// `relations` (`source`, `predicate`, `target`, `quote`); or one with a list of `items` of any columns.
///
/// # Errors
/// Says where the schema differs, and how.
pub fn check_schema(schema: &Value) -> Result<Form, SchemaError> {
    let bytes = schema.to_string().len();
    if bytes > MAX_BYTES {
        return Err(shape("", format!("{bytes} bytes; at most {MAX_BYTES}")));
    }
    strict(schema, "", 0)?;
    jsonschema::validator_for(schema).map_err(|error| SchemaError::Invalid(error.to_string()))?;
    let root = object(schema, schema, "")?;
    if root.contains_key(columns::LIST) && !root.contains_key("entities") {
        return Ok(Form::Items(std::sync::Arc::new(columns::items(schema)?)));
    }
    only(root, &["entities", "relations"], "")?;
    let entity = element(schema, root, "entities")?;
    let at = "/properties/entities/items";
    only(entity, &["name", "kind", "aliases", "quote"], at)?;
    string(schema, entity, "name", at)?;
    string(schema, entity, "quote", at)?;
    kind(schema, entity, at)?;
    if let Some(aliases) = entity.get("aliases") {
        let items = follow(schema, aliases).get("items").unwrap_or(&Value::Null);
        expect_type(
            follow(schema, items),
            "string",
            &format!("{at}/aliases/items"),
        )?;
    }
    let relation = element(schema, root, "relations")?;
    let at = "/properties/relations/items";
    only(relation, &["source", "predicate", "target", "quote"], at)?;
    for key in ["source", "predicate", "target", "quote"] {
        string(schema, relation, key, at)?;
    }
    Ok(Form::Graph)
}

/// The form of a schema that was checked; one without properties asks nothing.
#[must_use]
pub fn form(schema: &Value) -> Form {
    let root = schema.get("properties").and_then(Value::as_object);
    if root.is_none_or(Map::is_empty) {
        return Form::Repeats;
    }
    columns::shared(schema).map_or(Form::Graph, Form::Items)
}

/// Refuses what a strict server refuses.
fn strict(schema: &Value, at: &str, depth: usize) -> Result<(), SchemaError> {
    if depth > MAX_DEPTH {
        return Err(shape(at, format!("nested deeper than {MAX_DEPTH}")));
    }
    let Some(map) = schema.as_object() else {
        return Err(shape(at, "a schema must be an object"));
    };
    if let Some(word) = REFUSED.iter().find(|word| map.contains_key(**word)) {
        return Err(shape(at, format!("strict servers do not take \"{word}\"")));
    }
    if map
        .get("$ref")
        .and_then(Value::as_str)
        .is_some_and(|to| !to.starts_with("#/$defs/"))
    {
        return Err(shape(at, "\"$ref\" must be to \"#/$defs/...\""));
    }
    if let Some(properties) = map.get("properties").and_then(Value::as_object) {
        if map.get("additionalProperties") != Some(&Value::Bool(false)) {
            return Err(shape(at, "\"additionalProperties\" must be false"));
        }
        let required = map.get("required").and_then(Value::as_array);
        for (key, inner) in properties {
            let listed =
                required.is_some_and(|list| list.iter().any(|one| one.as_str() == Some(key)));
            if !listed {
                return Err(shape(
                    at,
                    format!("\"{key}\" must be listed in \"required\""),
                ));
            }
            strict(inner, &format!("{at}/properties/{key}"), depth + 1)?;
        }
    }
    if let Some(items) = map.get("items") {
        strict(items, &format!("{at}/items"), depth + 1)?;
    }
    if let Some(defs) = map.get("$defs").and_then(Value::as_object) {
        for (key, inner) in defs {
            strict(inner, &format!("{at}/$defs/{key}"), depth + 1)?;
        }
    }
    if let Some(any) = map.get("anyOf").and_then(Value::as_array) {
        if depth == 0 {
            return Err(shape(at, "the root must be an object, not \"anyOf\""));
        }
        for inner in any {
            strict(inner, &format!("{at}/anyOf"), depth + 1)?;
        }
    }
    Ok(())
}

/// What a reference stands for; one step only, since weir's forms need no more.
fn follow<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|to| root.pointer(to.strip_prefix('#')?))
        .unwrap_or(schema)
}

fn expect_type(schema: &Value, wanted: &str, at: &str) -> Result<(), SchemaError> {
    match schema.get("type").and_then(Value::as_str) {
        Some(found) if found == wanted => Ok(()),
        _ => Err(shape(at, format!("must have \"type\": \"{wanted}\""))),
    }
}

fn object<'a>(
    root: &'a Value,
    schema: &'a Value,
    at: &str,
) -> Result<&'a Map<String, Value>, SchemaError> {
    let schema = follow(root, schema);
    expect_type(schema, "object", at)?;
    schema
        .get("properties")
        .and_then(Value::as_object)
        .ok_or_else(|| shape(at, "must have \"properties\""))
}

fn element<'a>(
    root: &'a Value,
    properties: &'a Map<String, Value>,
    key: &str,
) -> Result<&'a Map<String, Value>, SchemaError> {
    let at = format!("/properties/{key}");
    let list = properties
        .get(key)
        .ok_or_else(|| {
            let what = format!(
                "must have \"{key}\" (a graph has \"entities\" and \"relations\"), or be one list of \"{}\" of your own",
                columns::LIST
            );
            shape("/properties", what)
        })?;
    let list = follow(root, list);
    expect_type(list, "array", &at)?;
    let items = list
        .get("items")
        .ok_or_else(|| shape(&at, "must have \"items\""))?;
    object(root, items, &format!("{at}/items"))
}

fn only(properties: &Map<String, Value>, known: &[&str], at: &str) -> Result<(), SchemaError> {
    match properties.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(shape(
            &format!("{at}/properties"),
            format!(
                "there is no table for \"{key}\" in a graph; known are {}",
                known.join(", ")
            ),
        )),
        None => Ok(()),
    }
}

fn string(
    root: &Value,
    properties: &Map<String, Value>,
    key: &str,
    at: &str,
) -> Result<(), SchemaError> {
    let inner = properties
        .get(key)
        .ok_or_else(|| shape(&format!("{at}/properties"), format!("must have \"{key}\"")))?;
    expect_type(
        follow(root, inner),
        "string",
        &format!("{at}/properties/{key}"),
    )
}

fn kind(root: &Value, entity: &Map<String, Value>, at: &str) -> Result<(), SchemaError> {
    string(root, entity, "kind", at)?;
    let at = format!("{at}/properties/kind");
    let kinds = entity.get("kind").map(|inner| follow(root, inner));
    let Some(names) = kinds
        .and_then(|kind| kind.get("enum"))
        .and_then(Value::as_array)
    else {
        return Err(shape(&at, "must have an \"enum\" of kinds"));
    };
    match names
        .iter()
        .find(|name| name.as_str().and_then(Kind::parse).is_none())
    {
        Some(name) => {
            let known = Kind::ALL.map(Kind::name).join(", ");
            Err(shape(
                &at,
                format!("unknown kind {name}; known are {known}"),
            ))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> Value {
        serde_json::from_str(include_str!(
            "../../../dataflows/schemas/knowledge-graph.json"
        ))
        .unwrap()
    }

    #[test]
    fn the_shipped_schema_is_taken() {
        check_schema(&shipped()).unwrap();
    }

    #[test]
    fn the_wrapped_schema_is_strict_and_starts_with_the_id() {
        let wrapped = wrap(&shipped());
        strict(&wrapped, "", 0).unwrap();
        let element = wrapped.pointer("/properties/answers/items").unwrap();
        let keys: Vec<_> = element["properties"].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["chunk_id", "entities", "relations"]);
        assert_eq!(
            element["required"],
            json!(["chunk_id", "entities", "relations"])
        );
        assert!(jsonschema::is_valid(
            &wrapped,
            &json!({"answers": [{"chunk_id": "a", "entities": [], "relations": []}]})
        ));
        assert!(!jsonschema::is_valid(
            &wrapped,
            &json!({"answers": [{"chunk_id": "a"}]})
        ));
    }

    #[test]
    fn definitions_move_to_the_root() {
        let mut schema = shipped();
        let entity = schema["properties"]["entities"]["items"].take();
        schema["$defs"] = json!({ "entity": entity });
        schema["properties"]["entities"]["items"] = json!({"$ref": "#/$defs/entity"});
        check_schema(&schema).unwrap();
        let wrapped = wrap(&schema);
        assert!(jsonschema::is_valid(
            &wrapped,
            &json!({"answers": [{"chunk_id": "a", "relations": [], "entities": [
                {"name": "Ana", "kind": "person", "aliases": [], "quote": "Ana"}]}]})
        ));
        assert!(!jsonschema::is_valid(
            &wrapped,
            &json!({"answers": [{"chunk_id": "a", "relations": [], "entities": [{}]}]})
        ));
    }

    /// One change to the shipped schema a row, and a part of what must be said of it.
    #[test]
    fn what_is_wrong_is_said() {
        type Change = fn(&mut Value);
        let rows: [(&str, Change); 10] = [
            ("/: must have \"type\": \"object\"", |s| {
                s["type"] = json!("array");
            }),
            ("\"additionalProperties\" must be false", |s| {
                s["additionalProperties"] = json!(true);
            }),
            ("\"entities\" must be listed", |s| {
                s["required"] = json!(["relations"]);
            }),
            ("do not take \"allOf\"", |s| s["allOf"] = json!([])),
            ("there is no table for \"topics\"", |s| {
                s["properties"]["topics"] = json!({"type": "string"});
                s["required"] = json!(["entities", "relations", "topics"]);
            }),
            ("unknown kind \"alien\"", |s| {
                s["properties"]["entities"]["items"]["properties"]["kind"]["enum"] =
                    json!(["alien"]);
            }),
            (
                "entities/items/properties/name: must have \"type\": \"string\"",
                |s| {
                    s["properties"]["entities"]["items"]["properties"]["name"] =
                        json!({"type": "integer"});
                },
            ),
            ("must have \"type\": \"array\"", |s| {
                s["properties"]["relations"] = json!({"type": "string"});
            }),
            ("not a valid JSON Schema", |s| {
                s["properties"]["relations"]["maxItems"] = json!("many");
            }),
            ("\"$ref\" must be to", |s| {
                s["properties"]["entities"] = json!({"$ref": "#"});
            }),
        ];
        for (wanted, change) in rows {
            let mut schema = shipped();
            change(&mut schema);
            let error = check_schema(&schema).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error} does not say {wanted}");
        }
        assert!(check_schema(&json!(true)).is_err());
        assert!(check_schema(&json!({})).is_err());
    }
}
