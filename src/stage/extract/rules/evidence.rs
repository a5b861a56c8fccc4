//! What a chunk itself says of its words: how they are written elsewhere in it, and who speaks.

use std::collections::{BTreeMap, BTreeSet};

use super::tokens::{Shape, Text};
use super::words::Class;

/// How often a word is written how, within sentences of the chunk.
#[derive(Clone, Copy, Debug, Default)]
struct Writing {
    lower: u32,
    capital: u32,
}

/// What the chunk itself says of its words.
pub(super) struct Evidence<'t> {
    writing: BTreeMap<&'t str, Writing>,
    /// The words of the speaker labels that look like persons' names.
    pub(super) labels: BTreeSet<String>,
}

impl<'t> Evidence<'t> {
    pub(super) fn of(text: &'t Text<'_>) -> Self {
        let mut writing: BTreeMap<&str, Writing> = BTreeMap::new();
        let cased = |shape| matches!(shape, Shape::Title | Shape::Upper | Shape::Mixed);
        for token in text.tokens.iter().filter(|token| cased(token.shape)) {
            let entry = writing.entry(token.low.as_ref()).or_default();
            entry.capital += u32::from(!token.opens);
        }
        for token in text
            .tokens
            .iter()
            .filter(|token| token.shape == Shape::Lower)
        {
            if let Some(entry) = writing.get_mut(token.low.as_ref()) {
                entry.lower += 1;
            }
        }
        let labels = text
            .turns
            .iter()
            .flat_map(|turn| label_words(turn.label))
            .collect();
        Self { writing, labels }
    }

    /// Whether the word is more at home in lower case.
    pub(super) fn common(&self, word: &str) -> bool {
        self.writing
            .get(word)
            .is_some_and(|seen| seen.lower > seen.capital)
    }

    /// Whether it has its capital twice or more, and never lacks it.
    pub(super) fn always(&self, word: &str) -> bool {
        self.writing
            .get(word)
            .is_some_and(|seen| seen.capital > 1 && seen.lower == 0)
    }
}

/// The words of a label if it may be a person's name: `Ana Lima`, not `Speaker 1` or `THE OPERATOR`.
pub(super) fn label_words(label: &str) -> Vec<String> {
    let words: Vec<String> = label
        .split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '-')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let generic = |word: &String| {
        word.chars().any(char::is_numeric)
            || Class::of(word).has(Class::STOP)
            || matches!(
                word.as_str(),
                "speaker"
                    | "unknown"
                    | "interviewer"
                    | "moderator"
                    | "agent"
                    | "audience"
                    | "panelist"
            )
    };
    if words.len() > 4 || words.iter().any(generic) {
        Vec::new()
    } else {
        words
    }
}
