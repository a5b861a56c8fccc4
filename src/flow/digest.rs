//! Digests of what flows: equal digests are equal contents, whatever process computed them. Pure.

use std::hash::{Hash, Hasher};

struct Digest(blake3::Hasher);

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
    fn finish(&self) -> u64 {
        0
    }
}

/// A 128-bit digest. Sums of them, by multiplicity, tell whether two sets are equal.
pub(super) fn digest(value: &impl Hash) -> u128 {
    let mut hasher = Digest(blake3::Hasher::new());
    value.hash(&mut hasher);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(hasher.0.finalize().as_bytes().split_at(16).0);
    u128::from_le_bytes(bytes)
}
