//! `chunk`: documents in, the places of their chunks out.
//!
//! Input     `Loaded` documents.
//! Output    an `Occurrence` for each chunk, at the same epoch. An edited document withdraws all of its old places and
//!           brings all of its new ones; those that are equal cancel in the next arrangement.
//! State     none.
//! Progress  none held.
//! Restart   nothing kept.
//! Order     any.
//! Thinking  `stage::chunk::split`, run by the reader pool.

use super::{Flow, named};
use crate::flow::record::{Loaded, Occurrence};

/// Renders the operator.
#[must_use]
pub fn chunk(loaded: Flow<'_, Loaded>) -> Flow<'_, Occurrence> {
    named(loaded, "chunk", |loaded| {
        loaded.chunks.iter().cloned().collect::<Vec<_>>()
    })
}
