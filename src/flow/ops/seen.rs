//! The documents in which something stands, and the first and last of their times: kept as they come and go. Pure.

use super::few::Few;
use super::numbers::{Documents, Numbers};
use crate::model::id::DocId;
use crate::model::unit::Micros;
use crate::stage::graph::merge::Extent;

/// Documents, and how many of them have which time.
#[derive(Debug, Default)]
pub(super) struct Seen {
    documents: Numbers,
    times: Few<Micros, u32>,
}

impl Seen {
    /// A document comes or goes; one that comes again in the same epoch has gone before.
    pub(super) fn change(
        &mut self,
        documents: &mut Documents,
        doc: DocId,
        at: Option<Micros>,
        diff: isize,
    ) {
        let changes = if diff > 0 {
            documents.insert(&mut self.documents, doc)
        } else {
            documents.remove(&mut self.documents, doc)
        };
        let Some(at) = at.filter(|_| changes) else {
            return;
        };
        let count = self.times.get(&at).copied().unwrap_or(0);
        match count.saturating_add_signed(if diff > 0 { 1 } else { -1 }) {
            0 => {
                self.times.remove(&at);
            }
            count => self.times.put(at, count),
        }
    }

    pub(super) fn extent(&self) -> Extent {
        Extent {
            documents: self.documents.len() as u64,
            first: self.times.iter().next().map(|(at, _)| *at),
            last: self.times.iter().next_back().map(|(at, _)| *at),
        }
    }

    pub(super) fn documents<'s>(
        &'s self,
        documents: &'s Documents,
    ) -> impl Iterator<Item = DocId> + 's {
        documents.all(&self.documents)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Whatever comes and goes, it is what the documents that are left give from nothing.
    #[test]
    fn it_is_what_is_left() {
        let mut rng = fastrand::Rng::with_seed(4);
        let mut documents = Documents::default();
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
                seen.change(&mut documents, DocId([doc; 16]), at, diff);
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
