//! Which answers are in use: those that a published table shows.

use std::collections::BTreeSet;

use crate::flow::desk::published::{self, Published};
use crate::model::id::AnswerKey;
use crate::store::{Database, StoreError};

/// The keys of all answers that the last snapshot of any view is made from.
///
/// # Errors
/// If the database cannot be read.
pub fn used(database: &Database) -> Result<BTreeSet<AnswerKey>, StoreError> {
    let mut keys = BTreeSet::new();
    database.every_outcome(|outcome| {
        if let Some(Published::Answered(key)) = published::decode(outcome) {
            keys.insert(key);
        }
    })?;
    Ok(keys)
}
