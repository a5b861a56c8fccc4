//! `locate`: what is known of a fingerprint in, joined back to every place where its text stands.
//!
//! Input     `Told` by fingerprint; the arrangement `occurrences`.
//! Output    (place, told) for every occurrence; and an `Item` for each mention, statement and item of an answer,
//!           at each of its places.
//! State     the arrangement `outcomes`; answers are shared, not copied.
//! Progress  none held.
//! Restart   rebuilt.
//! Order     any.
//! Thinking  `stage::locate`, when rows are made: only there are offsets mapped to the source.

use std::sync::Arc;

use super::unique::Occurrences;
use super::{Flow, named};
use crate::flow::record::{Item, Occurrence, Told};
use crate::model::id::Fingerprint;
use crate::model::outcome::Outcome;

/// Joins outcomes back to their places.
#[must_use]
pub fn locate<'s>(
    told: Flow<'s, (Fingerprint, Told)>,
    occurrences: Occurrences<'s>,
) -> Flow<'s, (Occurrence, Told)> {
    let outcomes = told.arrange_by_key_named("outcomes");
    occurrences.join_core(outcomes, |_fingerprint, place, told| {
        Some((place.clone(), told.clone()))
    })
}

/// The mentions at each place.
#[must_use]
pub fn mentions(located: Flow<'_, (Occurrence, Told)>) -> Flow<'_, Item> {
    named(located, "locate mentions", |(place, told)| {
        at_place(&place, &told.outcome, |extraction| {
            extraction.mentions.len()
        })
    })
}

/// The statements at each place.
#[must_use]
pub fn statements(located: Flow<'_, (Occurrence, Told)>) -> Flow<'_, Item> {
    named(located, "locate statements", |(place, told)| {
        at_place(&place, &told.outcome, |extraction| {
            extraction.statements.len()
        })
    })
}

/// The items of a user's own schema at each place.
#[must_use]
pub fn items(located: Flow<'_, (Occurrence, Told)>) -> Flow<'_, Item> {
    named(located, "locate items", |(place, told)| {
        at_place(&place, &told.outcome, |extraction| extraction.items.len())
    })
}

fn at_place(
    place: &Occurrence,
    outcome: &Outcome,
    count: fn(&crate::model::extraction::Extraction) -> usize,
) -> Vec<Item> {
    let Outcome::Answered(answer) = outcome else {
        return Vec::new();
    };
    let count = u32::try_from(count(&answer.extraction)).unwrap_or(u32::MAX);
    (0..count)
        .map(|index| Item {
            place: place.clone(),
            answer: Arc::clone(answer),
            index,
        })
        .collect()
}
