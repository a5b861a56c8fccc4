//! What was known of a fingerprint in the last snapshot, as the manifest stores it: answers by their key.

use serde::{Deserialize, Serialize};

use crate::model::id::AnswerKey;
use crate::model::outcome::ChunkFailure;

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

impl Published {
    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // Plain data into a growing buffer: this encoding cannot fail, and an empty one would only cost a rewrite.
        postcard::to_stdvec(self).unwrap_or_default()
    }
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
        let known = Published::Unasked;
        assert_eq!(decode(&known.encode()), Some(known));
        assert_eq!(decode(&[77, 1]), None);
    }
}
