//! `parse`: what is known of each text in, the names that it says are one thing out.
//!
//! Input     `Located` places; of each text the one that stands for it.
//! Output    pairs of `Name`s, least first, once for each answer that states them.
//! State     none.
//! Progress  none held.
//! Restart   nothing kept.
//! Order     any.
//! Thinking  `stage::extract`: an answer is parsed and ground once, where it is looked up or comes in, and `flow::gist`
//!           takes out what it says of names.

use super::{Flow, named};
use crate::flow::gist::{Fact, Known};
use crate::flow::record::Located;
use crate::model::extraction::Name;

/// Renders the operator.
#[must_use]
pub fn parse(located: Flow<'_, Located>) -> Flow<'_, (Name, Name)> {
    named(located, "parse", |located| {
        let Known::Answered(gist) = &located.known else {
            return Vec::new();
        };
        if !located.is_first() {
            return Vec::new();
        }
        let aliases = gist.facts.iter().filter_map(|fact| match &**fact {
            Fact::Alias(a, b) => Some((a.clone(), b.clone())),
            _ => None,
        });
        aliases.collect()
    })
}
