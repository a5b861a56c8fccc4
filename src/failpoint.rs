//! Places where a debug build can be made to panic, to show that no part of weir that dies leaves the others waiting.
//!
//! `WEIR_PANIC=committer weir run ...` panics where the committer passes for the first time. A release build neither reads
//! the variable nor has a trace of the places.

/// Passes a place.
///
/// # Panics
/// If it is the one that `WEIR_PANIC` names.
#[cfg(debug_assertions)]
pub fn pass(place: &str) {
    static NAMED: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let named = NAMED.get_or_init(|| std::env::var("WEIR_PANIC").ok());
    assert!(named.as_deref() != Some(place), "told to panic in {place}");
}

/// Nothing.
#[cfg(not(debug_assertions))]
#[inline]
pub fn pass(_place: &str) {}
