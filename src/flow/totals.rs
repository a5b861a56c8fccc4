//! Sums over all that is live: what the manifest counts, and the digest that a restart is compared with. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::digest::digest;
use super::gist::{Known, Origin};
use super::record::Output;
use crate::model::record::ChunkCounts;
use crate::sink::Vintage;

/// Sums over what is live.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    pub(super) documents: i64,
    chunks: [i64; 7],
    pub(super) failures: i64,
    /// Texts that have an answer, by what it is to.
    vintages: BTreeMap<Arc<Origin>, i64>,
    pub(super) digest: u128,
}

impl Totals {
    /// Takes a change.
    pub(super) fn take(&mut self, output: &Output, diff: isize) {
        let diff = diff as i64;
        let digest = digest(output);
        let digest = digest.wrapping_mul(i128::from(diff).cast_unsigned());
        self.digest = self.digest.wrapping_add(digest);
        let Output::Document(document) = output else {
            return;
        };
        let head = document.head();
        self.failures += diff * i64::from(head.is_unreadable);
        if !head.is_document {
            return;
        }
        self.documents += diff;
        let counts = document.assembled.counts();
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
        for chunk in &document.assembled.chunks {
            // Of each text one chunk is no duplicate.
            if let (None, Known::Answered(gist)) = (&chunk.first, &chunk.known) {
                *self.vintages.entry(Arc::clone(&gist.origin)).or_default() += diff;
            }
        }
    }

    /// What the answers are to: the present question first, then the most frequent.
    pub(super) fn vintages(&self) -> Vec<Vintage> {
        let mut found: Vec<Vintage> = self
            .vintages
            .iter()
            .filter(|(_, texts)| **texts > 0)
            .map(|(origin, texts)| Vintage {
                prompt_id: origin.prompt.to_string(),
                schema_id: origin.schema.to_string(),
                model: origin.model.to_string(),
                current: origin.current,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::document::{Assembled, ChunkState, Document, Head};
    use crate::model::id::DocId;

    fn document(version: i64, known: Known) -> Output {
        let head = Head {
            doc: DocId([1; 16]),
            path: "a.vtt".into(),
            version,
            at: None,
            is_document: true,
            is_unreadable: false,
            dropped: 1,
        };
        let chunk = ChunkState {
            position: 0,
            first: None,
            known,
        };
        let assembled = Assembled::new(Arc::new(head), vec![chunk]);
        Output::Document(Arc::new(Document::new(Arc::new(assembled), Vec::new())))
    }

    #[test]
    fn what_comes_and_goes_leaves_nothing() {
        let mut totals = Totals::default();
        totals.take(&document(1, Known::Pending), 1);
        let counts = totals.chunks();
        assert_eq!((counts.total, counts.pending, counts.dropped), (2, 1, 1));
        assert!(counts.adds_up() && totals.digest != 0);
        let before = totals.digest;
        totals.take(&document(1, Known::Pending), -1);
        totals.take(&document(2, Known::Pending), 1);
        assert_ne!(totals.digest, before);
        totals.take(&document(2, Known::Pending), -1);
        totals.take(&document(2, Known::Unasked), 1);
        assert_eq!(totals.chunks().unasked, 1);
        totals.take(&document(2, Known::Unasked), -1);
        assert_eq!((totals.digest, totals.documents), (0, 0));
        assert_eq!(totals.chunks(), ChunkCounts::default());
    }
}
