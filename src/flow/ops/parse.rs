//! `parse`: what is known of a fingerprint in, the names that its text says are one thing out.
//!
//! Input     `Told` for each fingerprint.
//! Output    pairs of `Name`s, least first, once for each answer that states them.
//! State     none.
//! Progress  none held.
//! Restart   nothing kept.
//! Order     any.
//! Thinking  `stage::extract`: an answer is parsed and ground once, where it is looked up or comes in, so that here
//!           only what belongs to the text alone is taken out; mentions and statements go on to `locate`.

use super::{Flow, named};
use crate::flow::record::Told;
use crate::model::extraction::Name;
use crate::model::id::Fingerprint;
use crate::model::outcome::Outcome;

/// Renders the operator.
#[must_use]
pub fn parse(told: Flow<'_, (Fingerprint, Told)>) -> Flow<'_, (Name, Name)> {
    named(told, "parse", |(_, told)| {
        let Outcome::Answered(answer) = told.outcome else {
            return Vec::new();
        };
        let aliases = answer
            .extraction
            .aliases
            .iter()
            .filter(|alias| alias.name != alias.other);
        aliases
            .map(|alias| {
                let (a, b) = (alias.name.clone(), alias.other.clone());
                if a <= b { (a, b) } else { (b, a) }
            })
            .collect()
    })
}
