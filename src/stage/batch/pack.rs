//! Which of the waiting chunks make the next batch.

use super::Size;

/// Chunks that do not fit are passed over at most so many times as the batch may have chunks: the order of
/// asking is the order of urgency, and a fuller batch is worth a small step out of it, not a large one.
const LOOK_AHEAD: usize = 4;

/// The places, ascending, of those that make the next batch. `waiting` holds their tokens, most urgent first.
///
/// The most urgent one is always taken, whatever its size; then each that still fits. At one size the same
/// chunks give the same batches.
///
/// ```
/// use weir::stage::batch::{Size, pack::pack};
/// let size = Size { tokens: 1000, chunks: 3 };
/// assert_eq!(pack([400, 700, 500, 100, 100], size), [0, 2, 3]);
/// assert_eq!(pack([5000, 1], size), [0]);
/// ```
pub fn pack(waiting: impl IntoIterator<Item = u32>, size: Size) -> Vec<usize> {
    let most = size.chunks.max(1);
    let mut taken = Vec::new();
    let mut sum = 0_u64;
    for (place, tokens) in waiting
        .into_iter()
        .enumerate()
        .take(most.saturating_mul(LOOK_AHEAD))
    {
        if taken.is_empty() || sum + u64::from(tokens) <= u64::from(size.tokens) {
            taken.push(place);
            sum += u64::from(tokens);
        }
        if taken.len() == most {
            break;
        }
    }
    taken
}

/// Whether the waiting chunks fill a batch: then there is no reason to wait for more.
pub fn is_full(waiting: impl IntoIterator<Item = u32>, size: Size) -> bool {
    let mut sum = 0_u64;
    waiting.into_iter().enumerate().any(|(place, tokens)| {
        sum += u64::from(tokens);
        place + 1 >= size.chunks.max(1) || sum >= u64::from(size.tokens)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_keep_their_bounds_and_lose_nothing() {
        let mut chance = fastrand::Rng::with_seed(3);
        for _ in 0..300 {
            let size = Size {
                tokens: chance.u32(0..4000),
                chunks: chance.usize(0..20),
            };
            let mut waiting: Vec<u32> = (0..chance.usize(0..80))
                .map(|_| chance.u32(0..1500))
                .collect();
            while !waiting.is_empty() {
                let taken = pack(waiting.iter().copied(), size);
                assert_eq!(
                    taken.first(),
                    Some(&0),
                    "the most urgent is in the next batch"
                );
                assert!(taken.len() <= size.chunks.max(1));
                assert!(taken.is_sorted_by(|a, b| a < b));
                let sum: u32 = taken.iter().map(|&place| waiting[place]).sum();
                assert!(taken.len() == 1 || sum <= size.tokens);
                for place in taken.into_iter().rev() {
                    waiting.remove(place);
                }
            }
        }
    }

    #[test]
    fn full_is_when_waiting_changes_nothing() {
        let size = Size {
            tokens: 1000,
            chunks: 3,
        };
        assert!(!is_full([400, 500], size));
        assert!(is_full([400, 600], size));
        assert!(is_full([1, 1, 1], size));
        assert!(!is_full([], size));
    }
}
