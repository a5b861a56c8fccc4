//! The documents in which something stands, and the first and last of their times: kept as they come and go. Pure.

use std::collections::BTreeMap;

use crate::model::id::DocId;
use crate::model::unit::Micros;
use crate::stage::graph::merge::Extent;

/// Documents, each with what it counts for and its time.
#[derive(Debug, Default)]
pub(super) struct Seen {
    documents: BTreeMap<DocId, (Option<Micros>, u32)>,
    extent: Extent,
}

impl Seen {
    /// Adds or takes away, once for each time that something stands there.
    pub(super) fn change(&mut self, doc: DocId, at: Option<Micros>, diff: isize) {
        let entry = self.documents.entry(doc).or_insert((at, 0));
        let times = entry.1.saturating_add_signed(i32::try_from(diff).unwrap_or(0));
        *entry = if diff > 0 { (at, times) } else { (entry.0, times) };
        if times == 0 {
            self.documents.remove(&doc);
        }
        self.extent.documents = self.documents.len() as u64;
        if diff > 0 {
            self.extent.first = self.extent.first.into_iter().chain(at).min();
            self.extent.last = self.extent.last.into_iter().chain(at).max();
        } else if at.is_some() && (at == self.extent.first || at == self.extent.last) {
            // Only what stood at an end can have moved it.
            let times = || self.documents.values().filter_map(|(at, _)| *at);
            (self.extent.first, self.extent.last) = (times().min(), times().max());
        }
    }

    pub(super) fn extent(&self) -> Extent {
        self.extent
    }

    pub(super) fn documents(&self) -> impl Iterator<Item = (DocId, Option<Micros>)> + '_ {
        self.documents.iter().map(|(doc, (at, _))| (*doc, *at))
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
            let mut there: BTreeMap<u8, (Option<i64>, i32)> = BTreeMap::new();
            for _ in 0..rng.usize(..40) {
                let doc = rng.u8(..6);
                let entry = there.entry(doc).or_insert((rng.bool().then(|| rng.i64(..5)), 0));
                let comes = entry.1 == 0 || rng.bool();
                entry.1 += if comes { 1 } else { -1 };
                let diff = if comes { 1 } else { -1 };
                seen.change(DocId([doc; 16]), entry.0.map(Micros), diff);
                if entry.1 == 0 {
                    there.remove(&doc);
                }
                let times = || there.values().filter_map(|(at, _)| at.map(Micros));
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
