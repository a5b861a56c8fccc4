//! What a dataflow makes of its chunks: a graph, items with columns of their own, or a count of repeats.

use std::sync::Arc;

use super::id::SchemaId;

/// Which tables there are besides those of every dataflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// Entities and relations, with what says so.
    Graph,
    /// One list of items a chunk.
    Items(Arc<Items>),
    /// No model is asked: which texts stand more than once, and where.
    Repeats,
}

impl Form {
    /// What tells apart tables that cannot be carried on from one another.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Graph => "graph".to_owned(),
            Self::Items(items) => format!("items {}", items.schema),
            Self::Repeats => "repeats".to_owned(),
        }
    }
}

/// The columns of the items of an answer schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Items {
    /// The answer schema.
    pub schema: SchemaId,
    /// Whether an item has a `quote`, so that it can be found in the text.
    pub quoted: bool,
    /// Its other properties, in the order of their names.
    pub fields: Vec<Field>,
}

/// A property of an item, or of an object in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub shape: Shape,
    /// Whether it may be null.
    pub nullable: bool,
    /// What the schema says of it.
    pub doc: String,
}

/// What a property holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Text; dates and times, too.
    Text,
    /// One of these words.
    Label(Vec<String>),
    /// A whole number of 64 bits.
    Int,
    /// A number.
    Float,
    /// Yes or no.
    Bool,
    /// Several of one shape; whether one of them may be null.
    List(Box<Shape>, bool),
    /// Several properties.
    Struct(Vec<Field>),
}

impl Shape {
    /// In words, for the data dictionary.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Label(_) => "label".to_owned(),
            Self::Int => "integer".to_owned(),
            Self::Float => "number".to_owned(),
            Self::Bool => "boolean".to_owned(),
            Self::List(inner, _) => format!("list<{}>", inner.name()),
            Self::Struct(fields) => {
                let inner: Vec<String> = fields
                    .iter()
                    .map(|field| format!("{}: {}", field.name, field.shape.name()))
                    .collect();
                format!("struct<{}>", inner.join(", "))
            }
        }
    }

    /// How many columns it takes, as Parquet counts them.
    #[must_use]
    pub fn leaves(&self) -> usize {
        match self {
            Self::List(inner, _) => inner.leaves(),
            Self::Struct(fields) => fields.iter().map(|field| field.shape.leaves()).sum(),
            _ => 1,
        }
    }
}
