//! The tables that leave weir: their names, versions, columns and Arrow schemas.

mod graph;
mod items;
mod layout;
mod ledger;
mod repeats;
mod source;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};

pub(super) use items::{HEAD, TAIL, quoted_only};
pub(super) use layout::arrow;
pub use layout::{Described, Layout};

/// A table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "see `Table::doc`")]
pub enum Table {
    Documents,
    Chunks,
    Mentions,
    Entities,
    Relations,
    Evidence,
    Items,
    Repeats,
    Shares,
    Failures,
    Calls,
}

/// A column, as in the data dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnType,
    /// Whether it may be null.
    pub nullable: bool,
    /// What it says.
    pub doc: &'static str,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// An id or a digest: lower-case hex as text.
    Hex,
    /// Text.
    Text,
    /// One of a few words: text, dictionary-encoded.
    Label,
    /// A whole number; signed throughout, so that differences do not wrap round.
    Int,
    /// Yes or no.
    Bool,
    /// 0.0 to 1.0, single precision.
    Share,
    /// US dollars.
    Dollars,
    /// Microseconds since 1970, UTC.
    Time,
    /// Texts, in order.
    Texts,
    /// Texts by name.
    Map,
    /// Stretches of the decoded source: `char_start, char_end, byte_start, byte_end`.
    Spans,
    /// Why names are one entity: `a, b, rule`.
    Merges,
}

/// The names of the fields of a span.
pub(super) const SPAN: [&str; 4] = ["char_start", "char_end", "byte_start", "byte_end"];
/// The names of the fields of a merge.
pub(super) const MERGE: [&str; 3] = ["a", "b", "rule"];

/// A column that is never null.
const fn must(name: &'static str, kind: ColumnType, doc: &'static str) -> Column {
    Column {
        name,
        kind,
        nullable: false,
        doc,
    }
}

/// A column that may be null.
const fn may(name: &'static str, kind: ColumnType, doc: &'static str) -> Column {
    Column {
        name,
        kind,
        nullable: true,
        doc,
    }
}

impl Table {
    /// All of them, in the order of the data.
    pub const ALL: [Self; 11] = [
        Self::Documents,
        Self::Chunks,
        Self::Mentions,
        Self::Entities,
        Self::Relations,
        Self::Evidence,
        Self::Items,
        Self::Repeats,
        Self::Shares,
        Self::Failures,
        Self::Calls,
    ];

    /// Its name: folder, view and manifest entry.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Documents => "documents",
            Self::Chunks => "chunks",
            Self::Mentions => "mentions",
            Self::Entities => "entities",
            Self::Relations => "relations",
            Self::Evidence => "evidence",
            Self::Items => "items",
            Self::Repeats => "repeats",
            Self::Shares => "shares",
            Self::Failures => "failures",
            Self::Calls => "calls",
        }
    }

    /// The table of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// What a row of it is.
    #[must_use]
    pub fn doc(self) -> &'static str {
        match self {
            Self::Documents => "One row for each source file that was read.",
            Self::Chunks => "One row for each chunk of a document, asked or not.",
            Self::Mentions => "One row for each place where an entity is named.",
            Self::Entities => {
                "One row for each person, organisation, or other thing that is talked of."
            }
            Self::Relations => "One row for each distinct statement that links two entities.",
            Self::Evidence => "One row for each place where a relation is stated.",
            Self::Items => {
                "One row for each item of an answer, with the columns of the answer schema."
            }
            Self::Repeats => "One row for each text of a chunk that stands more than once.",
            Self::Shares => "One row for each document: how much of it stands elsewhere, too.",
            Self::Failures => {
                "One row for each file that was not read and each chunk without an answer."
            }
            Self::Calls => {
                "One row for each HTTP attempt; not part of what makes two outputs equal."
            }
        }
    }

    /// The version of its columns: goes up with every change to them.
    #[must_use]
    pub fn version(self) -> u32 {
        match self {
            // 2: bytes may be null, and `schema_id` of what is said.
            Self::Chunks | Self::Mentions | Self::Evidence => 2,
            _ => 1,
        }
    }

    /// Its columns, in order; of `items` those that do not depend on the answer schema.
    #[must_use]
    pub fn columns(self) -> &'static [Column] {
        match self {
            Self::Documents => source::DOCUMENTS,
            Self::Chunks => source::CHUNKS,
            Self::Mentions => graph::MENTIONS,
            Self::Entities => graph::ENTITIES,
            Self::Relations => graph::RELATIONS,
            Self::Evidence => graph::EVIDENCE,
            Self::Items => items::FIXED,
            Self::Repeats => repeats::REPEATS,
            Self::Shares => repeats::SHARES,
            Self::Failures => ledger::FAILURES,
            Self::Calls => ledger::CALLS,
        }
    }

    /// The columns that rows are sorted by and told apart by.
    #[must_use]
    pub fn key(self) -> &'static [&'static str] {
        match self {
            Self::Documents | Self::Shares => &["doc_id"],
            Self::Chunks => &["doc_id", "position"],
            Self::Mentions => &["doc_id", "chunk_id", "mention_id"],
            Self::Entities => &["entity_id"],
            Self::Relations => &["relation_id"],
            Self::Evidence => &["doc_id", "chunk_id", "evidence_id"],
            Self::Items => &["doc_id", "chunk_id", "item_id"],
            Self::Repeats => &["fingerprint"],
            Self::Failures => &["failure_id"],
            Self::Calls => &["call_id"],
        }
    }
}

impl Column {
    pub(super) fn field(&self) -> Field {
        Field::new(self.name, self.kind.arrow(), self.nullable)
    }
}

impl ColumnType {
    /// In words, for the data dictionary.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hex => "hex text",
            Self::Text => "text",
            Self::Label => "label",
            Self::Int => "integer",
            Self::Bool => "boolean",
            Self::Share => "0 to 1",
            Self::Dollars => "dollars",
            Self::Time => "timestamp UTC",
            Self::Texts => "list<text>",
            Self::Map => "map<text, text>",
            Self::Spans => "list<struct<char_start, char_end, byte_start, byte_end>>",
            Self::Merges => "list<struct<a, b, rule>>",
        }
    }

    /// How Arrow writes it.
    pub(super) fn arrow(self) -> DataType {
        match self {
            Self::Hex | Self::Text => DataType::Utf8,
            Self::Label => {
                DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
            }
            Self::Int => DataType::Int64,
            Self::Bool => DataType::Boolean,
            Self::Share => DataType::Float32,
            Self::Dollars => DataType::Float64,
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Texts | Self::Spans | Self::Merges => {
                DataType::List(Arc::new(Field::new("element", self.item(), false)))
            }
            Self::Map => {
                DataType::Map(Arc::new(Field::new("key_value", self.item(), false)), false)
            }
        }
    }

    /// What its items are, if it holds several.
    pub(super) fn item(self) -> DataType {
        let structure = |names: &[&str], kind: &DataType| {
            // The bytes of what was unpacked are nobody's.
            let field = |name: &&str| Field::new(*name, kind.clone(), name.starts_with("byte_"));
            DataType::Struct(names.iter().map(field).collect::<Fields>())
        };
        match self {
            Self::Spans => structure(&SPAN, &DataType::Int64),
            Self::Merges => structure(&MERGE, &DataType::Utf8),
            Self::Map => structure(&["key", "value"], &DataType::Utf8),
            _ => DataType::Utf8,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn columns_are_named_once_documented_and_cover_the_key() {
        for table in Table::ALL {
            let names: BTreeSet<_> = table.columns().iter().map(|c| c.name).collect();
            assert_eq!(names.len(), table.columns().len(), "{}", table.name());
            for column in table.columns() {
                assert!(column.doc.ends_with('.'), "{}", column.name);
            }
            for key in table.key() {
                let column = table.columns().iter().find(|c| c.name == *key).unwrap();
                assert!(!column.nullable, "{key}");
            }
            assert_eq!(Table::parse(table.name()), Some(table));
        }
    }
}
