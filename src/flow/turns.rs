//! Which documents came, changed and went in the course of a run, each counted once however often it was touched. Pure.

use std::collections::BTreeMap;

use crate::model::id::DocId;

/// What became of each document that was touched.
#[derive(Debug, Default)]
pub(super) struct Turns(BTreeMap<DocId, Turn>);

/// Whether a document was there before the run, and whether it is now.
#[derive(Clone, Copy, Debug)]
struct Turn {
    was: bool,
    is: bool,
}

impl Turns {
    /// A document was touched; `net` says how many more times it is there than before.
    pub(super) fn take(&mut self, doc: DocId, net: isize) {
        let turn = self.0.entry(doc).or_insert(Turn {
            was: net <= 0,
            is: net <= 0,
        });
        turn.is = net > 0 || (net == 0 && turn.is);
    }

    /// How many documents came, changed, went.
    pub(super) fn counts(&self) -> (u64, u64, u64) {
        let (mut came, mut changed, mut went) = (0, 0, 0);
        for Turn { was, is } in self.0.values() {
            came += u64::from(!was && *is);
            changed += u64::from(*was && *is);
            went += u64::from(*was && !is);
        }
        (came, changed, went)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_document_counts_once() {
        let mut turns = Turns::default();
        let mut touch = |doc: u8, nets: &[isize]| {
            for net in nets {
                turns.take(DocId([doc; 16]), *net);
            }
        };
        touch(1, &[1, 0, 0]);
        touch(2, &[0, 0]);
        touch(3, &[0, -1]);
        touch(4, &[1, -1]);
        touch(5, &[-1, 1]);
        touch(6, &[1]);
        assert_eq!(turns.counts(), (2, 2, 1));
    }
}
