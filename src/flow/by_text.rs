//! A map by fingerprint that holds many small values in little room. Pure.
//!
//! Fingerprints are spread evenly, so their first two bytes say in which of 65,536 short sorted lists one stands: a list
//! has hardly more room than it needs, where the nodes of a tree stand half empty, and is found in fewer steps.

use std::collections::BTreeMap;

use crate::model::id::Fingerprint;

/// Room for so many more is made at a time.
const MORE: usize = 2;

/// Values by fingerprint.
#[derive(Debug)]
pub(super) struct ByText<T>(BTreeMap<[u8; 2], Vec<(Fingerprint, T)>>);

impl<T> Default for ByText<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

fn list(fingerprint: Fingerprint) -> [u8; 2] {
    let Fingerprint([first, second, ..]) = fingerprint;
    [first, second]
}

fn find<T>(list: &[(Fingerprint, T)], fingerprint: Fingerprint) -> Result<usize, usize> {
    list.binary_search_by_key(&fingerprint, |(other, _)| *other)
}

impl<T> ByText<T> {
    /// Puts a value in, in place of the one that may be there.
    pub(super) fn put(&mut self, fingerprint: Fingerprint, value: T) {
        let list = self.0.entry(list(fingerprint)).or_default();
        match find(list, fingerprint) {
            Ok(place) => {
                if let Some((_, there)) = list.get_mut(place) {
                    *there = value;
                }
            }
            Err(place) => {
                if list.len() == list.capacity() {
                    list.reserve_exact(MORE.max(list.len() / 8));
                }
                list.insert(place, (fingerprint, value));
            }
        }
    }

    /// Takes the value of a fingerprint out.
    pub(super) fn take(&mut self, fingerprint: Fingerprint) -> Option<T> {
        let of = list(fingerprint);
        let list = self.0.get_mut(&of)?;
        let place = find(list, fingerprint).ok()?;
        let (_, value) = list.remove(place);
        if list.is_empty() {
            self.0.remove(&of);
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_what_a_map_does() {
        let mut rng = fastrand::Rng::with_seed(5);
        let mut texts = ByText::<u32>::default();
        let mut expected: BTreeMap<Fingerprint, u32> = BTreeMap::new();
        for _ in 0..4_000 {
            let mut bytes = [0; 32];
            (bytes[0], bytes[31]) = (rng.u8(..4), rng.u8(..16));
            let fingerprint = Fingerprint(bytes);
            if rng.u8(..3) == 0 {
                assert_eq!(texts.take(fingerprint), expected.remove(&fingerprint));
            } else {
                let value = rng.u32(..);
                texts.put(fingerprint, value);
                expected.insert(fingerprint, value);
            }
        }
        for (fingerprint, value) in &expected {
            assert_eq!(texts.take(*fingerprint), Some(*value));
        }
        assert!(texts.0.is_empty() && !expected.is_empty());
    }
}
