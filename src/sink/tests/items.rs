//! Items of a user's own schema: every shape of column comes back, nulls and nesting included.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{publish, rows};
use crate::model::form::{Field, Form, Items, Shape};
use crate::model::id::SchemaId;
use crate::sink::{Layout, Local, Row, SinkError, Table, sample};

fn field(name: &str, shape: Shape, nullable: bool) -> Field {
    Field {
        name: name.to_owned(),
        shape,
        nullable,
        doc: String::new(),
    }
}

fn layout(schema: u8, quoted: bool) -> Layout {
    let inner = vec![
        field("deep", Shape::List(Box::new(Shape::Bool), true), true),
        field("word", Shape::Label(vec!["a".into(), "b".into()]), true),
    ];
    Layout::of(&Form::Items(Arc::new(Items {
        schema: SchemaId([schema; 16]),
        quoted,
        fields: vec![
            field("count", Shape::Int, false),
            field("inner", Shape::Struct(inner.clone()), true),
            field(
                "list",
                Shape::List(Box::new(Shape::Struct(inner)), false),
                false,
            ),
            field("name", Shape::Text, true),
            field("share", Shape::Float, true),
        ],
    })))
}

fn item(id: u32, json: &Value) -> Row {
    let Row::Item(mut item) = sample::item(id, 1, 1, 1) else {
        panic!("an item");
    };
    item.json = json.to_string().into();
    Row::Item(item)
}

#[test]
fn every_shape_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut local = Local::open(folder.path(), sample::NOW)
        .unwrap()
        .holding(layout(1, true));
    let items = [
        json!({"count": 1, "inner": null, "list": [], "name": null, "share": null}),
        json!({"count": 9_007_199_254_740_993_i64, "inner": {"deep": [true, null], "word": "b"}, "share": 0.25,
               "list": [{"deep": null, "word": "a"}, {"deep": [], "word": null}], "name": "Größe"}),
        json!({"count": 3.0, "inner": {"deep": null, "word": null}, "list": [{"deep": [false], "word": "a"}],
               "name": "", "share": 7}),
    ];
    let come = (0..).zip(&items).map(|(id, json)| item(id, json));
    publish(&mut local, 1, sample::come(come), sample::NOW).unwrap();
    let mut found = Vec::new();
    for row in rows(folder.path(), Table::Items) {
        assert!(row["quote"].is_string() && row["schema_id"].is_string());
        let own = ["count", "inner", "list", "name", "share"];
        found.push(own.map(|name| row[name].clone()));
    }
    // Rows are sorted by document, whose ids are hashes.
    let wanted: Vec<_> = items
        .iter()
        .map(|item| {
            ["count", "inner", "list", "name", "share"].map(|name| match &item[name] {
                Value::Number(number) if name == "count" => {
                    json!(number.as_i64().unwrap_or(3))
                }
                Value::Number(number) => json!(number.as_f64()),
                other => other.clone(),
            })
        })
        .collect();
    assert_eq!(found.len(), wanted.len());
    for row in &wanted {
        assert!(found.contains(row), "{row:#?} is not in {found:#?}");
    }
    let views = std::fs::read_to_string(folder.path().join("views.sql")).unwrap();
    assert!(views.contains("VIEW items ") && !views.contains("VIEW entities "));
}

/// A part is never carried on under columns that it does not have.
#[test]
fn another_schema_is_another_table() {
    let folder = tempfile::tempdir().unwrap();
    let open = |layout| {
        Local::open(folder.path(), sample::NOW)
            .unwrap()
            .holding(layout)
    };
    let mut local = open(layout(1, true));
    let manifest = publish(&mut local, 1, BTreeMap::new(), sample::NOW).unwrap();
    let schema = manifest.tables["items"].schema_id.as_deref();
    assert_eq!(schema, Some("01".repeat(16).as_str()));
    drop(local);
    let mut local = open(layout(2, false));
    let refused = publish(&mut local, 2, BTreeMap::new(), sample::NOW);
    assert!(matches!(refused, Err(SinkError::OtherSchema { .. })));
}

#[test]
fn what_says_nothing_without_a_quote_is_left_out() {
    let names = |quoted| -> Vec<String> {
        let columns = layout(1, quoted).columns(Table::Items);
        columns.into_iter().map(|column| column.name).collect()
    };
    for name in ["spans", "quote", "match", "score"] {
        assert!(names(true).contains(&name.to_owned()));
        assert!(!names(false).contains(&name.to_owned()));
    }
    assert!(names(false).contains(&"speaker".to_owned()));
}
