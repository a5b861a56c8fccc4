//! Sets of documents in little room: each document has a number, and a set holds numbers. Pure.
//!
//! A name that stands in every document of a large folder is in as many sets as there are names, and an id has sixteen
//! bytes that say nothing to each other; of numbers a set takes two bytes each.

use std::collections::BTreeMap;

use crate::model::id::DocId;

/// The most numbers in one list; beyond, there is one for each block.
const MOST: usize = 32;
/// Numbers in a block, as a power of two.
const BLOCK: u32 = 12;

/// Which number each document has, as long as it is in any set.
#[derive(Debug, Default)]
pub(super) struct Documents {
    numbers: BTreeMap<DocId, u32>,
    /// By number: the document, and in how many sets it is.
    held: Vec<(DocId, u32)>,
    free: Vec<u32>,
}

impl Documents {
    /// Puts a document into a set. `false` if it was in it.
    pub(super) fn insert(&mut self, set: &mut Numbers, doc: DocId) -> bool {
        let number = self.numbers.get(&doc).copied().unwrap_or_else(|| {
            let number = self.free.pop().unwrap_or_else(|| {
                self.held.push((doc, 0));
                u32::try_from(self.held.len() - 1).unwrap_or(u32::MAX)
            });
            self.numbers.insert(doc, number);
            number
        });
        let new = set.insert(number);
        if let Some(held) = self.held.get_mut(number as usize) {
            *held = (doc, held.1 + u32::from(new));
        }
        new
    }

    /// Takes a document out of a set. `false` if it was not in it.
    pub(super) fn remove(&mut self, set: &mut Numbers, doc: DocId) -> bool {
        let Some(number) = self.numbers.get(&doc).copied() else {
            return false;
        };
        let was = set.remove(number);
        if let (true, Some((_, count))) = (was, self.held.get_mut(number as usize)) {
            *count -= 1;
            if *count == 0 {
                self.numbers.remove(&doc);
                self.free.push(number);
            }
        }
        was
    }

    /// The documents of a set, in the order of their numbers.
    pub(super) fn all<'d>(&'d self, set: &'d Numbers) -> impl Iterator<Item = DocId> + 'd {
        let of = |number: u32| self.held.get(number as usize).map(|(doc, _)| *doc);
        set.iter().filter_map(of)
    }
}

/// A set of numbers.
#[derive(Debug)]
#[expect(
    clippy::box_collection,
    reason = "a pointer keeps the usual case small"
)]
pub(super) enum Numbers {
    /// Sorted.
    List(Vec<u32>),
    /// By what stands before the last twelve bits of a number, these bits, sorted.
    Blocks(Box<BTreeMap<u32, Vec<u16>>>),
}

impl Default for Numbers {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

/// The block of a number, and its place in it.
fn split(number: u32) -> (u32, u16) {
    let place = number & ((1 << BLOCK) - 1);
    (number >> BLOCK, u16::try_from(place).unwrap_or(u16::MAX))
}

/// Puts a value into a sorted list. `false` if it was there.
fn put<T: Ord>(list: &mut Vec<T>, value: T) -> bool {
    let Err(place) = list.binary_search(&value) else {
        return false;
    };
    if list.len() == list.capacity() {
        list.reserve_exact(1 + list.len() / 8);
    }
    list.insert(place, value);
    true
}

/// Takes a value out of a sorted list. `false` if it was not there.
fn take<T: Ord>(list: &mut Vec<T>, value: &T) -> bool {
    let found = list.binary_search(value);
    found.map(|place| list.remove(place)).is_ok()
}

impl Numbers {
    fn insert(&mut self, number: u32) -> bool {
        if let Self::List(list) = self {
            if list.len() < MOST {
                return put(list, number);
            }
            let mut blocks: BTreeMap<u32, Vec<u16>> = BTreeMap::new();
            for number in std::mem::take(list) {
                let (block, place) = split(number);
                blocks.entry(block).or_default().push(place);
            }
            *self = Self::Blocks(Box::new(blocks));
        }
        match self {
            Self::List(list) => put(list, number),
            Self::Blocks(blocks) => {
                let (block, place) = split(number);
                put(blocks.entry(block).or_default(), place)
            }
        }
    }

    fn remove(&mut self, number: u32) -> bool {
        match self {
            Self::List(list) => take(list, &number),
            Self::Blocks(blocks) => {
                let (block, place) = split(number);
                let Some(list) = blocks.get_mut(&block) else {
                    return false;
                };
                let was = take(list, &place);
                if list.is_empty() {
                    blocks.remove(&block);
                }
                if blocks.is_empty() {
                    *self = Self::default();
                }
                was
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let (list, blocks) = match self {
            Self::List(list) => (list.as_slice(), None),
            Self::Blocks(blocks) => (&[][..], Some(blocks)),
        };
        let blocks = blocks.into_iter().flat_map(|blocks| blocks.iter());
        let numbers = blocks.flat_map(|(block, list)| {
            list.iter()
                .map(move |place| (block << BLOCK) | u32::from(*place))
        });
        list.iter().copied().chain(numbers)
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::List(list) => list.len(),
            Self::Blocks(blocks) => blocks.values().map(Vec::len).sum(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::List(list) => list.is_empty(),
            Self::Blocks(blocks) => blocks.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn doc(number: u32) -> DocId {
        let mut id = [0; 16];
        // In another order than that of the numbers.
        id[..4].copy_from_slice(&number.wrapping_mul(2_654_435_761).to_le_bytes());
        DocId(id)
    }

    #[test]
    fn sets_hold_what_was_put_into_them() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut documents = Documents::default();
        let mut sets: Vec<(Numbers, BTreeSet<DocId>)> = Vec::new();
        sets.resize_with(6, Default::default);
        for round in 0..30_000_u32 {
            // Many come, then many go.
            let comes = rng.u32(..10) < if round % 10_000 < 6_000 { 8 } else { 1 };
            let at = rng.usize(..6);
            let doc = doc(rng.u32(..[3, 40, 400, 9_000, 9_000, 9_000][at]));
            let (set, expected) = &mut sets[at];
            if comes {
                assert_eq!(documents.insert(set, doc), expected.insert(doc));
            } else {
                assert_eq!(documents.remove(set, doc), expected.remove(&doc));
            }
            assert_eq!(set.is_empty(), expected.is_empty());
            if round % 500 == 0 {
                assert_eq!(set.len(), expected.len());
                let found: BTreeSet<DocId> = documents.all(set).collect();
                assert_eq!(found, *expected);
            }
        }
        assert!(matches!(sets[5].0, Numbers::Blocks(_)));
        assert!(documents.held.len() > 1 << BLOCK);
        for (set, expected) in &mut sets {
            for doc in std::mem::take(expected) {
                assert!(documents.remove(set, doc));
            }
            assert!(set.is_empty());
        }
        assert!(documents.numbers.is_empty());
        assert_eq!(documents.free.len(), documents.held.len());
    }
}
