//! The documents in which something stands, and the first and last of their times: kept as they come and go. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::id::DocId;
use crate::model::unit::Micros;
use crate::stage::graph::merge::Extent;

/// Documents, and how many of them have which time.
#[derive(Debug, Default)]
pub(super) struct Seen {
    documents: BTreeSet<DocId>,
    times: BTreeMap<Micros, u32>,
}

impl Seen {
    /// A document comes or goes; one that comes again in the same epoch has gone before.
    pub(super) fn change(&mut self, doc: DocId, at: Option<Micros>, diff: isize) {
        let changes = if diff > 0 {
            self.documents.insert(doc)
        } else {
            self.documents.remove(&doc)
        };
        let Some(at) = at.filter(|_| changes) else {
            return;
        };
        let count = self.times.entry(at).or_default();
        *count = count.saturating_add_signed(if diff > 0 { 1 } else { -1 });
        if *count == 0 {
            self.times.remove(&at);
        }
    }

    pub(super) fn extent(&self) -> Extent {
        Extent {
            documents: self.documents.len() as u64,
            first: self.times.first_key_value().map(|(at, _)| *at),
            last: self.times.last_key_value().map(|(at, _)| *at),
        }
    }

    pub(super) fn documents(&self) -> impl Iterator<Item = DocId> + '_ {
        self.documents.iter().copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever comes and goes, it is what the documents that are left give from nothing.
    #[test]
    fn it_is_what_is_left() {
        let mut rng = fastrand::Rng::with_seed(4);
        for _ in 0..200 {
            let mut seen = Seen::default();
            let mut there: BTreeMap<u8, Option<Micros>> = BTreeMap::new();
            for _ in 0..rng.usize(..40) {
                let doc = rng.u8(..6);
                let (at, diff) = match there.remove(&doc) {
                    Some(at) => (at, -1),
                    None => (rng.bool().then(|| Micros(rng.i64(..5))), 1),
                };
                if diff > 0 {
                    there.insert(doc, at);
                }
                seen.change(DocId([doc; 16]), at, diff);
                let times = || there.values().filter_map(|at| *at);
                let expected = Extent {
                    documents: there.len() as u64,
                    first: times().min(),
                    last: times().max(),
                };
                assert_eq!(seen.extent(), expected);
                assert_eq!(seen.is_empty(), there.is_empty());
            }
        }
    }
}
