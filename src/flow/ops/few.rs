//! A map that is nearly always small: a list as long as it is, a tree beyond. Pure.
//!
//! There are as many of these as there are names, and most names are said in one way, in one document: a tree's first
//! node alone takes ten times the room of what is in it.

use std::collections::BTreeMap;

/// The most entries in a list.
const MOST: usize = 16;

/// A map in the order of its keys.
#[derive(Debug)]
#[expect(
    clippy::box_collection,
    reason = "a pointer keeps the usual case small"
)]
pub(super) enum Few<K, V> {
    /// Sorted.
    List(Vec<(K, V)>),
    Tree(Box<BTreeMap<K, V>>),
}

impl<K, V> Default for Few<K, V> {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl<K: Ord, V> Few<K, V> {
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        match self {
            Self::List(list) => {
                let place = find(list, key).ok()?;
                list.get(place).map(|(_, value)| value)
            }
            Self::Tree(tree) => tree.get(key),
        }
    }

    /// Puts a value in, in place of the one that may be there.
    pub(super) fn put(&mut self, key: K, value: V) {
        match self {
            Self::List(list) => match find(list, &key) {
                Ok(place) => {
                    if let Some((_, there)) = list.get_mut(place) {
                        *there = value;
                    }
                }
                Err(place) if list.len() < MOST => {
                    if list.len() == list.capacity() {
                        list.reserve_exact(1 + list.len() / 4);
                    }
                    list.insert(place, (key, value));
                }
                Err(_) => {
                    let mut tree: BTreeMap<K, V> = std::mem::take(list).into_iter().collect();
                    tree.insert(key, value);
                    *self = Self::Tree(Box::new(tree));
                }
            },
            Self::Tree(tree) => {
                tree.insert(key, value);
            }
        }
    }

    /// Takes a value out.
    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        match self {
            Self::List(list) => {
                let place = find(list, key).ok()?;
                Some(list.remove(place).1)
            }
            Self::Tree(tree) => {
                let value = tree.remove(key);
                if tree.len() <= MOST / 2 {
                    *self = Self::List(std::mem::take(&mut **tree).into_iter().collect());
                }
                value
            }
        }
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        let (list, tree) = match self {
            Self::List(list) => (list.as_slice(), None),
            Self::Tree(tree) => (&[][..], Some(tree)),
        };
        let tree = tree.into_iter().flat_map(|tree| tree.iter());
        list.iter().map(|(key, value)| (key, value)).chain(tree)
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::List(list) => list.len(),
            Self::Tree(tree) => tree.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Ord + Clone> Few<K, u64> {
    /// Adds to a count, or takes from it; what counts nothing is not there.
    pub(super) fn count(&mut self, key: &K, diff: i64) {
        let sum = self.get(key).copied().unwrap_or(0);
        match sum.saturating_add_signed(diff) {
            0 => {
                self.remove(key);
            }
            sum => self.put(key.clone(), sum),
        }
    }
}

fn find<K: Ord, V>(list: &[(K, V)], key: &K) -> Result<usize, usize> {
    list.binary_search_by(|(other, _)| other.cmp(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_what_a_map_does() {
        let mut rng = fastrand::Rng::with_seed(6);
        let (mut lists, mut trees) = (0, 0);
        for _ in 0..50 {
            let mut few = Few::<u8, u64>::default();
            let mut expected: BTreeMap<u8, u64> = BTreeMap::new();
            let (keys, goes) = (rng.u8(1..60), rng.u8(2..5));
            for _ in 0..400 {
                let key = rng.u8(..keys);
                if rng.u8(..4) == 0 {
                    few.count(&key, 2);
                    *expected.entry(key).or_default() += 2;
                } else if rng.u8(..goes) == 0 {
                    let value = rng.u64(1..9);
                    few.put(key, value);
                    expected.insert(key, value);
                } else {
                    assert_eq!(few.remove(&key), expected.remove(&key));
                }
                assert_eq!(few.get(&key), expected.get(&key));
                assert!(few.iter().eq(&expected) && few.iter().rev().eq(expected.iter().rev()));
                assert_eq!(
                    (few.len(), few.is_empty()),
                    (expected.len(), expected.is_empty())
                );
                match few {
                    Few::List(_) => lists += 1,
                    Few::Tree(_) => trees += 1,
                }
            }
        }
        assert!(lists > 1000 && trees > 1000, "{lists} {trees}");
    }

    #[test]
    fn what_counts_nothing_is_not_there() {
        let mut few = Few::default();
        few.count(&"a", 2);
        few.count(&"a", -2);
        few.count(&"b", -1);
        assert!(few.is_empty());
    }
}
