//! Where a value came from.

use std::fmt;
use std::sync::Arc;

use super::key::KeyPath;

/// Where a value came from; later ones win.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody gave it.
    Default,
    /// It follows from another value, which is named.
    Derived(Arc<str>),
    /// A line of a dataflow file.
    Dataflow(Place),
    /// A line of `weir.toml`.
    Operator(Place),
    /// An environment variable.
    Environment(&'static str),
    /// A flag of the command line.
    Flag(&'static str),
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as the user knows it.
    pub file: Arc<str>,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl Origin {
    /// Of two values the one of the higher rank holds.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Default | Self::Derived(_) => 0,
            Self::Dataflow(_) => 1,
            Self::Operator(_) => 2,
            Self::Environment(_) => 3,
            Self::Flag(_) => 4,
        }
    }

    /// With the column, for editors to jump to.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Dataflow(place) | Self::Operator(place) => {
                format!("{}:{}:{}", place.file, place.line, place.column)
            }
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Derived(from) => f.write_str(from),
            Self::Dataflow(place) => write!(f, "dataflow file {}:{}", place.file, place.line),
            Self::Operator(place) => write!(f, "{}:{}", place.file, place.line),
            Self::Environment(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// A value as it was given.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// Its key.
    pub key: KeyPath,
    /// The value.
    pub value: serde_json::Value,
    /// The text it was read from, if it had no quotes: `--set name=2024` may mean the number or the word.
    pub raw: Option<String>,
    /// Where it came from.
    pub origin: Origin,
}

impl Given {
    /// A value for a key that needs no quotes.
    #[must_use]
    pub fn new(key: &str, value: impl Into<serde_json::Value>, origin: Origin) -> Self {
        Self {
            key: KeyPath::plain(key),
            value: value.into(),
            raw: None,
            origin,
        }
    }
}
