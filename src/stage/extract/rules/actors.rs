//! Who and what a sentence is about: its names and values, and pronouns where it is clear whom they mean.

use std::ops::Range;

use super::kinds::Named;
use super::tokens::Text;
use crate::model::extraction::Kind;

/// What stands at an end of a relation: a name, a value, a pronoun that stands for a name, or a noun.
#[derive(Clone, Debug)]
pub(super) struct Actor {
    pub(super) tokens: Range<usize>,
    pub(super) kind: Kind,
    pub(super) name: String,
}

/// Who says `I'm Ana Lima`.
pub(super) fn introduced(text: &Text<'_>, here: &[Named]) -> Option<String> {
    let one = here.iter().find(|one| one.kind == Kind::Person)?;
    let n = one.tokens.start;
    let before = |back: usize| n.checked_sub(back).map_or("", |n| text.word(n));
    let says = before(1) == "i'm"
        || (before(2), before(1)) == ("i", "am")
        || (before(3), before(2), before(1)) == ("my", "name", "is");
    says.then(|| one.name.clone())
}

/// The names in a sentence, with `I` for the speaker if the chunk's speech names them, and with `he` and
/// `she` for the only person in the sentence before.
pub(super) fn actors(
    text: &Text<'_>,
    sentence: &Range<usize>,
    here: &[Named],
    me: Option<&str>,
    last: &[String],
) -> Vec<Actor> {
    let mut out: Vec<Actor> = here
        .iter()
        .map(|one| Actor {
            tokens: one.tokens.clone(),
            kind: one.kind,
            name: one.name.clone(),
        })
        .collect();
    for n in sentence.clone() {
        let stands_for = match text.word(n) {
            "i" | "i'm" | "i've" | "i'll" | "i'd" | "my" => me,
            "he" | "she" => {
                let mut before = here
                    .iter()
                    .filter(|one| one.kind == Kind::Person && one.tokens.end <= n);
                match (before.next(), before.next(), last) {
                    (Some(one), None, _) => Some(one.name.as_str()),
                    (None, None, [one]) => Some(one.as_str()),
                    _ => None,
                }
            }
            _ => None,
        };
        if let Some(name) = stands_for {
            out.push(Actor {
                tokens: n..n + 1,
                kind: Kind::Person,
                name: name.to_owned(),
            });
        }
    }
    out.sort_by_key(|actor| actor.tokens.start);
    out
}
