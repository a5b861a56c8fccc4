//! Sums over all live outputs: what the manifest counts, and the digest that a restart is compared with. Pure.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::record::Output;
use crate::model::id::{KeyContext, PromptId, SchemaId};
use crate::model::outcome::Outcome;
use crate::model::record::ChunkCounts;
use crate::sink::Vintage;

/// Sums over the rows that are live.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    pub(super) documents: i64,
    /// Outputs of any kind.
    pub(super) live: i64,
    chunks: [i64; 7],
    pub(super) failures: i64,
    /// Texts that have an answer, by prompt, schema and model, and whether it is to the present question.
    vintages: BTreeMap<(PromptId, SchemaId, Arc<str>, bool), i64>,
}

impl Totals {
    /// Takes a change; `asked` is what the plan asks.
    pub(super) fn take(&mut self, output: &Output, diff: isize, asked: &KeyContext) {
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
            Output::Known(fingerprint, Outcome::Answered(answer)) => {
                let current = asked.key(*fingerprint) == answer.key;
                let model = Arc::clone(&answer.model);
                let vintage = (answer.prompt, answer.schema, model, current);
                *self.vintages.entry(vintage).or_default() += diff;
            }
            _ => {}
        }
    }

    /// What the answers are to: the present question first, then the most frequent.
    pub(super) fn vintages(&self) -> Vec<Vintage> {
        let mut found: Vec<Vintage> = self
            .vintages
            .iter()
            .filter(|(_, texts)| **texts > 0)
            .map(|((prompt, schema, model, current), texts)| Vintage {
                prompt_id: prompt.to_string(),
                schema_id: schema.to_string(),
                model: model.to_string(),
                current: *current,
                texts: texts.unsigned_abs(),
            })
            .collect();
        found.sort_by_key(|vintage| (!vintage.current, std::cmp::Reverse(vintage.texts)));
        found
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
