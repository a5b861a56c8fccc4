//! How long answers are and how far the estimates are off: what a call reserves is what it may use, so a tight
//! bound is throughput. (A bound of 8,192 tokens instead of 2,000 makes a run 1.6 to 2.2 times as long.)

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::model::call::{Asked, Usage};

/// The bounds of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The most output tokens that are ever asked for.
    pub most: u32,
    /// Output tokens that every call has besides its answers: what a reasoning model thinks.
    pub extra: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            most: 16_384,
            extra: 0,
        }
    }
}

/// Of so many answers the length is remembered.
const REMEMBERED: usize = 512;
/// Before so many are known, the start holds.
const ENOUGH: usize = 20;
/// Of a hundred answers so many fit, and there is room above that.
const FIT: f64 = 0.995;
const ROOM: f64 = 1.25;

/// What the answers have taught so far.
#[derive(Clone, Debug)]
pub struct Learnt {
    options: Options,
    /// Output tokens as a share of the start's guess, the newest last.
    lengths: VecDeque<f64>,
    /// The share within which they fit.
    fits: f64,
    /// Input tokens as a share of the estimate: mean, and mean distance from it.
    ratio: Option<(f64, f64)>,
}

/// The start's guess. An extraction repeats the words it rests on and names them twice: measured answers have
/// once to twice the tokens of their chunk, and some dozens more for a chunk with little in it. A higher guess
/// wastes quota for the first twenty calls, a lower one cuts their answers.
fn guess(chunks: &[Asked]) -> f64 {
    chunks
        .iter()
        .map(|chunk| 150.0 + 2.0 * f64::from(chunk.tokens))
        .sum()
}

impl Learnt {
    /// Nothing yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            options,
            lengths: VecDeque::new(),
            fits: 1.0,
            ratio: None,
        }
    }

    /// The most tokens that the answer to these chunks may have, `raised` so many times over.
    #[must_use]
    pub fn max_output(&self, chunks: &[Asked], raised: u32) -> u32 {
        let bound = guess(chunks) * self.fits * f64::from(raised.max(1));
        let steps = (bound / 64.0).ceil().clamp(1.0, 1e6);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped just before"
        )]
        let tokens = steps as u32 * 64;
        tokens
            .saturating_add(self.options.extra)
            .min(self.options.most.max(1))
    }

    /// The input tokens to reckon with, given the provider's estimate.
    #[must_use]
    pub fn input(&self, estimate: u64) -> u64 {
        let (mean, off) = self.ratio.unwrap_or((1.0, 0.0));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and no batch is near 2^53 tokens"
        )]
        let tokens = (estimate as f64 * (mean + 2.0 * off)).ceil() as u64;
        tokens
    }

    /// An answer came whole.
    pub fn answered(&mut self, chunks: &[Asked], estimate: u64, usage: Usage) {
        let visible = usage
            .output
            .saturating_sub(u64::from(self.options.extra) / 2);
        self.remember(visible as f64 / guess(chunks).max(1.0));
        let ratio = (usage.input as f64 / estimate.max(1) as f64).clamp(0.25, 4.0);
        self.ratio = Some(match self.ratio {
            None => (ratio, 0.0),
            Some((mean, off)) => {
                let step = ratio - mean;
                (mean + step / 20.0, off + (step.abs() - off) / 20.0)
            }
        });
    }

    /// An answer was cut: it would have been longer than that, nobody knows by how much.
    pub fn cut(&mut self, chunks: &[Asked], max_output: u32) {
        self.remember(1.5 * f64::from(max_output) / guess(chunks).max(1.0));
    }

    fn remember(&mut self, length: f64) {
        if self.lengths.len() == REMEMBERED {
            self.lengths.pop_front();
        }
        self.lengths.push_back(length.clamp(0.0, 16.0));
        if self.lengths.len() < ENOUGH {
            return;
        }
        let mut lengths: Vec<f64> = self.lengths.iter().copied().collect();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place in a short list"
        )]
        let place = (lengths.len() as f64 * FIT).ceil() as usize;
        let (_, fits, _) = lengths.select_nth_unstable_by(place.saturating_sub(1), f64::total_cmp);
        self.fits = *fits * ROOM;
    }
}

/// What the server says was used, unless that cannot be: then it is not known.
#[must_use]
pub fn believable(usage: Option<Usage>, estimate: u64, max_output: u32) -> Option<Usage> {
    const OFF: u64 = 8;
    let near = |usage: &Usage| {
        let input = estimate / OFF..=estimate.saturating_mul(OFF).saturating_add(1000);
        input.contains(&usage.input)
            && usage.input > 0
            && usage.output <= u64::from(max_output).saturating_mul(OFF)
    };
    usage.filter(near)
}

/// Shares of `total` by weight; they add up to it exactly.
#[must_use]
pub fn shares(total: u64, weights: &[u64]) -> Vec<u64> {
    let sum: u128 = weights.iter().map(|&weight| u128::from(weight)).sum();
    if sum == 0 {
        // Nobody weighs anything: alike.
        return match weights.len() {
            0 => Vec::new(),
            n => shares(total, &vec![1; n]),
        };
    }
    let mut before = 0_u128;
    let mut given = 0_u64;
    weights
        .iter()
        .map(|&weight| {
            before += u128::from(weight);
            let until = u64::try_from(u128::from(total) * before / sum).unwrap_or(u64::MAX);
            let share = until - given;
            given = until;
            share
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::scripted;

    const fn used(input: u64, output: u64) -> Usage {
        Usage {
            input,
            cached: 0,
            output,
        }
    }

    #[test]
    fn the_bound_follows_the_answers() {
        let chunks = [scripted::asked("x", 300), scripted::asked("y", 300)];
        let mut learnt = Learnt::new(Options::default());
        assert_eq!(learnt.max_output(&chunks, 1), 1536);
        assert_eq!(learnt.max_output(&chunks, 2), 3008);
        for _ in 0..ENOUGH {
            learnt.answered(&chunks, 1000, used(1000, 600));
        }
        assert_eq!(learnt.max_output(&chunks, 1), 768);
        learnt.cut(&chunks, 768);
        assert_eq!(learnt.max_output(&chunks, 1), 1472);
        for _ in 0..REMEMBERED {
            learnt.answered(&chunks, 1000, used(1000, 300));
        }
        assert_eq!(learnt.max_output(&chunks, 1), 384);
        for _ in 0..REMEMBERED {
            learnt.answered(&chunks, 1000, used(1000, 9_000_000));
        }
        assert_eq!(
            learnt.max_output(&chunks, 4),
            16_384,
            "never more than is allowed"
        );
    }

    #[test]
    fn the_estimate_follows_the_usage() {
        let chunks = [scripted::asked("x", 300)];
        let mut learnt = Learnt::new(Options::default());
        assert_eq!(learnt.input(1000), 1000);
        for _ in 0..200 {
            learnt.answered(&chunks, 1000, used(1500, 1));
        }
        assert_eq!(learnt.input(1000), 1500);
    }

    #[test]
    fn usage_that_cannot_be_is_unknown() {
        assert_eq!(
            believable(Some(used(900, 50)), 1000, 100),
            Some(used(900, 50))
        );
        for usage in [
            used(0, 0),
            used(1 << 63, 1),
            used(900, u64::MAX),
            used(100, 1),
        ] {
            assert_eq!(believable(Some(usage), 1000, 100), None, "{usage:?}");
        }
        assert_eq!(believable(None, 1000, 100), None);
    }

    #[test]
    fn shares_add_up() {
        let mut chance = fastrand::Rng::with_seed(11);
        for _ in 0..500 {
            let weights: Vec<u64> = (0..chance.usize(1..20))
                .map(|_| chance.u64(0..900))
                .collect();
            let total = chance.u64(..);
            let sum: u128 = shares(total, &weights).into_iter().map(u128::from).sum();
            assert_eq!(sum, u128::from(total));
        }
        assert_eq!(shares(10, &[1, 1, 2]), [2, 3, 5]);
        assert_eq!(shares(5, &[0, 0]), [2, 3]);
        assert!(shares(5, &[]).is_empty());
    }
}
