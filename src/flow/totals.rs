//! Sums over all live outputs: what the manifest counts, and the digest that a restart is compared with. Pure.

use std::hash::{Hash, Hasher};

use super::record::Output;
use crate::model::record::ChunkCounts;

/// Sums over the rows that are live.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) documents: i64,
    /// Outputs of any kind.
    pub(super) live: i64,
    chunks: [i64; 7],
    pub(super) failures: i64,
}

impl Totals {
    /// Takes a change.
    pub(super) fn take(&mut self, output: &Output, diff: isize) {
        let diff = diff as i64;
        self.live += diff;
        match output {
            Output::Document(row) => {
                self.documents += diff;
                let counts = row.chunks;
                let each = [
                    counts.total,
                    counts.ok,
                    counts.failed,
                    counts.dropped,
                    counts.duplicate,
                    counts.pending,
                    counts.unasked,
                ];
                for (sum, count) in self.chunks.iter_mut().zip(each) {
                    *sum += diff * count.cast_signed();
                }
                self.failures += diff * counts.failed.cast_signed();
            }
            Output::Unreadable(_) => self.failures += diff,
            _ => {}
        }
    }

    /// How the chunks of all documents add up.
    pub(super) fn chunks(&self) -> ChunkCounts {
        let [total, ok, failed, dropped, duplicate, pending, unasked] =
            self.chunks.map(i64::unsigned_abs);
        ChunkCounts {
            total,
            ok,
            failed,
            dropped,
            duplicate,
            pending,
            unasked,
        }
    }
}

/// A 128-bit digest of one output; sums of them, by multiplicity, tell whether two sets of outputs are equal.
pub(super) fn digest(output: &Output) -> u128 {
    struct Digest(blake3::Hasher);
    impl Hasher for Digest {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut hasher = Digest(blake3::Hasher::new());
    output.hash(&mut hasher);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(hasher.0.finalize().as_bytes().split_at(16).0);
    u128::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::Fingerprint;
    use crate::model::outcome::Outcome;

    #[test]
    fn digests_tell_outputs_apart() {
        let known = |byte, outcome| digest(&Output::Known(Fingerprint([byte; 32]), outcome));
        assert_eq!(known(1, Outcome::Pending), known(1, Outcome::Pending));
        assert_ne!(known(1, Outcome::Pending), known(1, Outcome::Unasked));
        assert_ne!(known(1, Outcome::Pending), known(2, Outcome::Pending));
    }
}
