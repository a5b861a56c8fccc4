//! Which tables an output holds, and the columns of each: all but those of `items` are the same everywhere.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};

use super::{Column, HEAD, TAIL, Table, quoted_only};
use crate::model::form::{Field as Property, Form, Items, Shape};

/// The tables of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    tables: Vec<Table>,
    items: Option<Arc<Items>>,
}

/// A column as the data dictionary shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its name.
    pub name: String,
    /// What it holds, in words.
    pub kind: String,
    /// Whether it may be null.
    pub nullable: bool,
    /// What it says.
    pub doc: String,
}

impl From<&Column> for Described {
    fn from(column: &Column) -> Self {
        Self {
            name: column.name.to_owned(),
            kind: column.kind.name().to_owned(),
            nullable: column.nullable,
            doc: column.doc.to_owned(),
        }
    }
}

impl Layout {
    /// Of what a dataflow makes of its chunks.
    #[must_use]
    pub fn of(form: &Form) -> Self {
        use Table as T;
        let (own, items): (&[Table], _) = match form {
            Form::Graph => (&[T::Mentions, T::Entities, T::Relations, T::Evidence], None),
            Form::Items(items) => (&[T::Items], Some(Arc::clone(items))),
            Form::Repeats => (&[T::Repeats, T::Shares], None),
        };
        let everywhere = [T::Documents, T::Chunks, T::Failures];
        // Without a model there is nothing to call.
        let calls = (*form != Form::Repeats).then_some(T::Calls);
        let held = |table: &T| {
            everywhere.contains(table) || own.contains(table) || calls.as_ref() == Some(table)
        };
        Self {
            tables: T::ALL.into_iter().filter(held).collect(),
            items,
        }
    }

    /// Every table there is, `items` without columns of its own.
    #[must_use]
    pub fn every() -> Self {
        Self {
            tables: Table::ALL.to_vec(),
            items: None,
        }
    }

    /// Its tables, in the order of the data.
    #[must_use]
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    pub(in crate::sink) fn items(&self) -> Option<&Items> {
        self.items.as_deref()
    }

    /// Whether a column of `items` is one of this output's.
    pub(in crate::sink) fn has(&self, column: &Column) -> bool {
        self.items().is_none_or(|items| items.quoted) || !quoted_only(column)
    }

    /// The answer schema that the columns of a table follow from, if they follow from one.
    pub(in crate::sink) fn schema_id(&self, table: Table) -> Option<String> {
        let items = self.items().filter(|_| table == Table::Items);
        items.map(|items| items.schema.to_string())
    }

    /// The columns of a table, in order.
    #[must_use]
    pub fn columns(&self, table: Table) -> Vec<Described> {
        if table != Table::Items {
            return table.columns().iter().map(Described::from).collect();
        }
        let own = self.items().map_or(&[][..], |items| &items.fields);
        let own = own.iter().map(|field| Described {
            name: field.name.clone(),
            kind: field.shape.name(),
            nullable: field.nullable,
            doc: field.doc.clone(),
        });
        let fixed = |columns: &'static [Column]| {
            let held = columns.iter().filter(|column| self.has(column));
            held.map(Described::from).collect::<Vec<_>>()
        };
        fixed(HEAD)
            .into_iter()
            .chain(own)
            .chain(fixed(TAIL))
            .collect()
    }

    fn fields(&self, table: Table) -> Vec<Field> {
        if table != Table::Items {
            return table.columns().iter().map(Column::field).collect();
        }
        let own = self.items().map_or(&[][..], |items| &items.fields);
        let head = HEAD.iter().map(Column::field);
        let tail = TAIL
            .iter()
            .filter(|column| self.has(column))
            .map(Column::field);
        head.chain(own.iter().map(field)).chain(tail).collect()
    }

    /// The Arrow schema of a table.
    #[must_use]
    pub fn schema(&self, table: Table) -> SchemaRef {
        Arc::new(Schema::new(self.fields(table)))
    }

    /// The Arrow schema of its changes: its columns, `_epoch` and `_diff`.
    pub(in crate::sink) fn change_schema(&self, table: Table) -> SchemaRef {
        let mut all = self.fields(table);
        all.extend([
            Field::new("_epoch", DataType::Int64, false),
            Field::new("_diff", DataType::Int64, false),
        ]);
        Arc::new(Schema::new(all))
    }
}

fn field(property: &Property) -> Field {
    Field::new(&property.name, arrow(&property.shape), property.nullable)
}

/// How Arrow writes a property.
pub(in crate::sink) fn arrow(shape: &Shape) -> DataType {
    match shape {
        Shape::Text => DataType::Utf8,
        Shape::Label(_) => {
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
        }
        Shape::Int => DataType::Int64,
        Shape::Float => DataType::Float64,
        Shape::Bool => DataType::Boolean,
        Shape::List(inner, nullable) => {
            DataType::List(Arc::new(Field::new("element", arrow(inner), *nullable)))
        }
        Shape::Struct(fields) => DataType::Struct(fields.iter().map(field).collect::<Fields>()),
    }
}
