//! What was known of a fingerprint in the last snapshot, as the manifest stores it: answers by their key.

use serde::{Deserialize, Serialize};

use crate::model::id::AnswerKey;
use crate::model::outcome::{ChunkFailure, Outcome};

/// An outcome without the answer itself, which the ledger has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Published {
    /// Answered: the ledger key.
    Answered(AnswerKey),
    /// Failed.
    Failed(ChunkFailure),
    /// Was being asked.
    Pending,
    /// Was not asked.
    Unasked,
}

/// As bytes.
#[must_use]
pub fn encode(outcome: &Outcome) -> Vec<u8> {
    let published = match outcome {
        Outcome::Answered(answer) => Published::Answered(answer.key),
        Outcome::Failed(failure) => Published::Failed((**failure).clone()),
        Outcome::Pending => Published::Pending,
        Outcome::Unasked | Outcome::Nothing => Published::Unasked,
    };
    // Plain data into a growing buffer: this encoding cannot fail, and an empty one would only cost a rewrite.
    postcard::to_stdvec(&published).unwrap_or_default()
}

/// From bytes; `None` if they are not what `encode` wrote.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<Published> {
    postcard::from_bytes(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        assert_eq!(decode(&encode(&Outcome::Unasked)), Some(Published::Unasked));
        assert_eq!(decode(&[77, 1]), None);
    }
}
