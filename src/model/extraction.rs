//! What an answer says of one chunk, tied to the shown text: a pure function of (answer, shown text).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The kinds of entity, in the order of their codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    Person,
    Organization,
    Place,
    Product,
    Event,
    Work,
    Date,
    Time,
    Money,
    Percent,
    Quantity,
    Other,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Person,
        Self::Organization,
        Self::Place,
        Self::Product,
        Self::Event,
        Self::Work,
        Self::Date,
        Self::Time,
        Self::Money,
        Self::Percent,
        Self::Quantity,
        Self::Other,
    ];

    /// The name in tables, prompts and schemas.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Organization => "organization",
            Self::Place => "place",
            Self::Product => "product",
            Self::Event => "event",
            Self::Work => "work",
            Self::Date => "date",
            Self::Time => "time",
            Self::Money => "money",
            Self::Percent => "percent",
            Self::Quantity => "quantity",
            Self::Other => "other",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// An entity's name as compared: its kind, and the normal form of the name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Name {
    /// The kind.
    pub kind: Kind,
    /// The normal form, see `stage::extract::name`.
    pub normal: Arc<str>,
}

/// How a quote was found in the shown text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Match {
    /// Byte for byte.
    Exact,
    /// But for case, quotation marks, dashes and blanks.
    Normalised,
    /// Most of its words, in order.
    Fuzzy,
    /// Not at all: the item is flagged as unsupported.
    None,
}

impl Match {
    /// The name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Normalised => "normalised",
            Self::Fuzzy => "fuzzy",
            Self::None => "none",
        }
    }
}

/// A quote and where it stands in the shown text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Grounding {
    /// First byte in the shown text; 0 if not found.
    pub start: u32,
    /// One past its last byte; 0 if not found.
    pub end: u32,
    /// How it was found.
    pub matched: Match,
    /// 1000 for an exact match, less for a looser one, 0 for none.
    pub score: u16,
    /// The words as they stand in the shown text if found, else as the answer gave them.
    pub quote: Arc<str>,
}

/// One mention of an entity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mention {
    /// Kind and normal name.
    pub name: Name,
    /// The name as the answer gives it.
    pub surface: Arc<str>,
    /// Where it is said.
    pub grounding: Grounding,
}

/// One statement that two entities are related.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Statement {
    /// Who or what.
    pub source: Name,
    /// Normal form: lower case, words joined by `_`.
    pub predicate: Arc<str>,
    /// To whom or what.
    pub target: Name,
    /// The words that say so.
    pub grounding: Grounding,
}

/// Two names that the text itself says are one thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Alias {
    /// The one.
    pub name: Name,
    /// The other, of the same kind.
    pub other: Name,
}

/// One item of an answer whose schema is the user's own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Said {
    /// The item without its quote, as compact JSON with sorted keys.
    pub json: Arc<str>,
    /// Where its quote stands; nowhere if it has none.
    pub grounding: Grounding,
}

/// All that one answer says of one chunk. Every name in `statements` and `aliases` is that of a mention,
/// or an alias of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Extraction {
    /// In answer order.
    pub mentions: Vec<Mention>,
    /// In answer order.
    pub statements: Vec<Statement>,
    /// In answer order.
    pub aliases: Vec<Alias>,
    /// In answer order.
    pub items: Vec<Said>,
}
