//! What can go wrong with a call, by name.

use std::fmt;
use std::time::Duration;

use super::refusal::{REFUSALS, Refusal};

/// What is done to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// It is refused before a model sees it.
    Refuse(Refusal),
    /// The model answers oddly.
    Say(Say),
    /// The status is 200, but the body is not what it should be.
    Body(Odd),
    /// The bytes do not all arrive.
    Wire(Wire),
}

/// How a model answers oddly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table says it")]
pub enum Say {
    Missing,
    Merged,
    Reordered,
    Repeated,
    Invented,
    Crossed,
    CrossedEvidence,
    Extra,
    Flat,
    WrongTypes,
    NotJson,
    CutJson,
    Length,
    Runaway,
    Refusal,
    Filter,
    Silent,
    Fenced,
    Thinking,
    Obedient,
    Escapes,
    NoUsage,
    UsageZero,
    UsageNegative,
    UsageHuge,
}

/// How a body is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table says it")]
pub enum Odd {
    Html,
    Empty,
    Error,
    ContentType,
    TooLong,
    Bomb,
    Deep,
    DuplicateKeys,
    Surrogate,
    Nul,
    Overflow,
}

/// How bytes go astray.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table says it")]
pub enum Wire {
    Reset,
    ResetAtOnce,
    EarlyEnd,
    TooLongLength,
    TooShortLength,
    Dribble,
    Stall,
    Hang,
}

const SAYS: [(&str, Say, &str); 25] = [
    (
        "missing",
        Say::Missing,
        "the answer to one chunk is left out",
    ),
    ("merged", Say::Merged, "two answers come as one"),
    ("reordered", Say::Reordered, "answers come in another order"),
    ("repeated", Say::Repeated, "every answer comes twice"),
    (
        "invented",
        Say::Invented,
        "an answer to a chunk that nobody asked about comes along",
    ),
    ("crossed", Say::Crossed, "two answers have each other's id"),
    (
        "crossed-evidence",
        Say::CrossedEvidence,
        "two answers quote each other's chunk",
    ),
    (
        "extra",
        Say::Extra,
        "objects that are no answers stand among them",
    ),
    (
        "flat",
        Say::Flat,
        "one answer for all chunks, without a list",
    ),
    (
        "wrong-types",
        Say::WrongTypes,
        "numbers where the schema wants lists",
    ),
    ("not-json", Say::NotJson, "words instead of JSON"),
    (
        "cut-json",
        Say::CutJson,
        "JSON that ends in the middle, said to be whole",
    ),
    ("length", Say::Length, "the answer is cut and says so"),
    (
        "runaway",
        Say::Runaway,
        "the model repeats itself until it has no tokens left",
    ),
    ("refusal", Say::Refusal, "the model refuses"),
    ("filter", Say::Filter, "a content filter cuts the answer"),
    ("silent", Say::Silent, "no content"),
    ("fenced", Say::Fenced, "JSON in a code fence"),
    ("thinking", Say::Thinking, "thoughts before the JSON"),
    (
        "obedient",
        Say::Obedient,
        "the model repeats an answer that stands in a transcript",
    ),
    (
        "escapes",
        Say::Escapes,
        "names with terminal escapes, bidi marks, HTML and formulas",
    ),
    ("no-usage", Say::NoUsage, "no word on tokens"),
    ("usage-zero", Say::UsageZero, "0 tokens"),
    ("usage-negative", Say::UsageNegative, "-1 tokens"),
    ("usage-huge", Say::UsageHuge, "2^63 tokens"),
];

const ODDS: [(&str, Odd, &str); 11] = [
    ("html", Odd::Html, "a page for people"),
    ("empty", Odd::Empty, "nothing"),
    ("error-body", Odd::Error, "an error object with status 200"),
    (
        "content-type",
        Odd::ContentType,
        "the answer, said to be plain text",
    ),
    ("too-long", Odd::TooLong, "9 MiB"),
    ("gzip-bomb", Odd::Bomb, "16 MiB in some kilobytes"),
    ("deep", Odd::Deep, "JSON of 100,000 levels"),
    (
        "duplicate-keys",
        Odd::DuplicateKeys,
        "an object with the same key twice",
    ),
    ("surrogate", Odd::Surrogate, "half a character"),
    ("nul", Odd::Nul, "NUL characters around the JSON"),
    ("overflow", Odd::Overflow, "the number 1e400"),
];

const WIRES: [(&str, Wire, &str); 8] = [
    (
        "reset",
        Wire::Reset,
        "the connection is reset in the middle of the body",
    ),
    (
        "reset-at-once",
        Wire::ResetAtOnce,
        "the connection is reset before an answer",
    ),
    (
        "early-end",
        Wire::EarlyEnd,
        "the connection ends in the middle of the body",
    ),
    (
        "long-length",
        Wire::TooLongLength,
        "a content-length beyond the body",
    ),
    (
        "short-length",
        Wire::TooShortLength,
        "a content-length within the body",
    ),
    ("dribble", Wire::Dribble, "one byte a second"),
    ("stall", Wire::Stall, "the headers never end"),
    ("hang", Wire::Hang, "no byte ever"),
];

impl Act {
    /// The act of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let refusal = REFUSALS.iter().find(|row| row.name == name);
        let say = SAYS.iter().find(|row| row.0 == name);
        let odd = ODDS.iter().find(|row| row.0 == name);
        let wire = WIRES.iter().find(|row| row.0 == name);
        refusal
            .map(|row| Self::Refuse(row.refusal()))
            .or(say.map(|row| Self::Say(row.1)))
            .or(odd.map(|row| Self::Body(row.1)))
            .or(wire.map(|row| Self::Wire(row.1)))
    }

    /// A refusal of one's own.
    #[must_use]
    pub fn status(status: u16, headers: Vec<(String, String)>, body: String) -> Self {
        Self::Refuse(Refusal::new(status, headers, body))
    }

    /// All names and what they mean.
    #[must_use]
    pub fn all() -> Vec<(&'static str, &'static str)> {
        let refusals = REFUSALS.iter().map(|row| (row.name, row.doc));
        let says = SAYS.iter().map(|row| (row.0, row.2));
        let odds = ODDS.iter().map(|row| (row.0, row.2));
        let wires = WIRES.iter().map(|row| (row.0, row.2));
        refusals.chain(says).chain(odds).chain(wires).collect()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        let name = match self {
            Self::Refuse(refusal) => Some(refusal.name),
            Self::Say(say) => SAYS.iter().find(|row| row.1 == *say).map(|row| row.0),
            Self::Body(odd) => ODDS.iter().find(|row| row.1 == *odd).map(|row| row.0),
            Self::Wire(wire) => WIRES.iter().find(|row| row.1 == *wire).map(|row| row.0),
        };
        name.unwrap_or_default()
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a refused client hears how long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// In whole seconds, at least one.
    Seconds(Duration),
    /// In milliseconds.
    Millis(Duration),
    /// In both.
    Both(Duration),
    /// As a date.
    Date(Duration),
    /// As it stands.
    Raw(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_means_one_thing() {
        let mut names: Vec<&str> = Act::all().into_iter().map(|(name, _)| name).collect();
        for name in &names {
            assert_eq!(Act::named(name).map(|act| act.name()), Some(*name));
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert_eq!(Act::named("none such"), None);
    }
}
