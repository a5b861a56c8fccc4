//! Which schemas have columns, and what is said of those that have none.

use serde_json::{Value, json};

use super::answer::Validator;
use super::columns::completed;
use super::schema::{check_schema, wrap};
use crate::model::form::{Field, Form};

fn of(item: &Value) -> Value {
    completed(json!({
        "type": "object",
        "properties": {"items": {"type": "array", "items": item}},
        "$defs": {"day": {"type": "object", "properties": {"date": {"type": "string", "format": "date"}}},
                  "loop": {"type": "object", "properties": {"next": {"$ref": "#/$defs/loop"}}}},
        "required": ["items"],
    }))
}

fn fields(item: &Value) -> Result<Vec<String>, String> {
    let schema = of(item);
    let Form::Items(items) = check_schema(&schema).map_err(|error| error.to_string())? else {
        return Err("no items".to_owned());
    };
    let show = |field: &Field| {
        let null = if field.nullable { "?" } else { "" };
        format!("{}: {}{null}", field.name, field.shape.name())
    };
    Ok(items.fields.iter().map(show).collect())
}

#[test]
fn every_shape_has_its_column() {
    let found = fields(&json!({
        "type": "object",
        "properties": {
            "any": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "day": {"$ref": "#/$defs/day"},
            "flag": {"type": "boolean"},
            "optional": {"type": "number"},
            "tags": {"type": "array", "items": {"type": ["string", "null"]}},
            "title": {"type": "string", "format": "date-time"},
            "word": {"enum": ["a", "b", null]},
            "quote": {"type": "string"},
        },
        "required": ["any", "day", "flag", "tags", "title", "word", "quote"],
    }));
    assert_eq!(
        found.unwrap(),
        [
            "any: integer?",
            "day: struct<date: text>",
            "flag: boolean",
            "optional: number?",
            "tags: list<text>",
            "title: text",
            "word: label?",
        ]
    );
}

/// What has no column is refused by its place.
#[test]
fn what_has_no_column_is_named() {
    let at = "/properties/items/items/properties/x";
    for (inner, wanted) in [
        (
            json!({"type": ["string", "integer"]}),
            "one type, not [string, integer]",
        ),
        (
            json!({"anyOf": [{"type": "string"}, {"type": "integer"}]}),
            "\"anyOf\" takes one",
        ),
        (json!({"type": "array"}), "x/items: is missing"),
        (json!({"type": "object"}), "an object needs \"properties\""),
        (json!({}), "must have a \"type\""),
        (
            json!({"type": "string", "enum": ["a", 1]}),
            "not of its type",
        ),
        (json!({"$ref": "#/$defs/loop"}), "holds itself"),
        (json!({"$ref": "#/$defs/none"}), "does not exist"),
        (
            json!({"type": "object", "properties": {"a": {"type": "string"}, "A": {"type": "string"}}}),
            "in case only",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": true}),
            "must be false",
        ),
    ] {
        let error =
            fields(&json!({"type": "object", "properties": {"x": inner}, "required": ["x"]}))
                .unwrap_err();
        assert!(
            (error.contains(at) || error.contains("JSON Schema")) && error.contains(wanted),
            "{error} does not say {wanted}"
        );
    }
    for taken in ["speaker", "Doc_ID", "score"] {
        let item = json!({"type": "object", "properties": {taken: {"type": "string"}}});
        let error = fields(&item).unwrap_err();
        assert!(error.contains("choose another name"), "{error}");
    }
    let error = fields(&json!({"type": "string"})).unwrap_err();
    assert!(
        error.contains("its properties become the columns"),
        "{error}"
    );
    let mut beside = of(&json!({"type": "object", "properties": {"a": {"type": "string"}}}));
    beside["properties"]["more"] = json!({"type": "string"});
    let error = check_schema(&completed(beside)).unwrap_err().to_string();
    assert!(error.contains("nothing beside it"), "{error}");
}

#[test]
fn completing_changes_nothing_that_is_complete() {
    let schema = include_str!("../../../dataflows/schemas/action-items.json");
    let schema: Value = serde_json::from_str(schema).unwrap();
    assert_eq!(completed(schema.clone()), schema);
    let open = of(&json!({"type": "object", "properties": {"a": {"type": "string"}}}));
    assert_eq!(completed(open.clone()), open);
    check_schema(&open).unwrap();
    let wrapped = wrap(&open);
    assert!(jsonschema::is_valid(
        &wrapped,
        &json!({"answers": [{"chunk_id": "t", "items": [{"a": null}]}]})
    ));
}

#[test]
fn whole_numbers_must_fit() {
    let schema =
        of(&json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}));
    let validator = Validator::new(&schema).unwrap();
    for (number, fits) in [
        (json!(3), true),
        (json!(3.0), true),
        (json!(i64::MAX), true),
        (json!(u64::MAX), false),
        (json!(1e300), false),
    ] {
        let answer = json!({"items": [{"n": number}]});
        assert_eq!(validator.check(&answer).is_ok(), fits, "{answer}");
    }
}
