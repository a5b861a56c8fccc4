//! What is wrong with a plan: all of it at once, each thing with its key and its place.

use std::fmt;

use super::origin::Origin;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where the value was given, if it was.
    pub origin: Option<Origin>,
    /// The key, if it is about one.
    pub key: Option<String>,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Problem {
    /// About the whole.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            origin: None,
            key: None,
            message: message.into(),
        }
    }

    /// About a key, wherever its value came from.
    pub(super) fn of(key: &str, origin: Origin, message: impl Into<String>) -> Self {
        Self {
            origin: Some(origin),
            key: Some(key.to_owned()),
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = self
            .origin
            .as_ref()
            .filter(|origin| **origin != Origin::Default)
        {
            write!(f, "{}: ", origin.place())?;
        }
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// Everything that is wrong, a line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct PlanErrors(pub Vec<Problem>);

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n")
}
