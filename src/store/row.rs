//! Between columns and the types of `model`.

use crate::model::id::digest;
use crate::model::unit::Usd;

/// Columns are signed; what is beyond them (a server may claim any number of tokens) is stored as the most they hold.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The way back; a negative count is not one that was stored.
pub(super) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// For counts that are `u32` in `model`.
pub(super) fn small(value: i64) -> u32 {
    u32::try_from(value.max(0)).unwrap_or(u32::MAX)
}

/// For optional counts.
pub(super) fn signed_option(value: Option<u64>) -> Option<i64> {
    value.map(signed)
}

/// For optional costs.
pub(super) fn cost(value: Option<Usd>) -> Option<i64> {
    value.map(|usd| signed(usd.0))
}

/// The way back.
pub(super) fn usd(value: Option<i64>) -> Option<Usd> {
    value.map(|nano| Usd(unsigned(nano)))
}

/// A sum by SQL's `total`, which unlike `sum` cannot overflow, and is exact up to 9 * 10^15.
pub(super) fn total(value: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the range of u64"
    )]
    let whole = value.clamp(0.0, 1e19) as u64;
    whole
}

/// Guards a stored value against what happens to disks.
pub(super) fn check(parts: &[&[u8]]) -> [u8; 16] {
    let whole = digest("weir stored value", parts);
    let mut half = [0; 16];
    half.copy_from_slice(whole.split_at(16).0);
    half
}
