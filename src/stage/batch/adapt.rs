//! Larger batches while answers are whole and fast, smaller ones when they are cut or wrong.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Size;

/// Between what bounds the size moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Tokens of a batch at the start. Larger shares the instructions among more chunks; smaller loses less when
    /// an answer is cut or mixes chunks up.
    pub tokens: u32,
    /// The most tokens of a batch.
    pub most_tokens: u32,
    /// The most chunks of a batch. Beyond some twenty, models begin to leave chunks out.
    pub most_chunks: usize,
    /// An answer that took longer than this is no reason to grow.
    #[serde(skip)]
    pub slow: Duration,
}

impl Default for Options {
    /// Eight chunks of 300 tokens at first: with instructions of 700 tokens these are a fifth of the input.
    fn default() -> Self {
        Self {
            tokens: 2400,
            most_tokens: 6000,
            most_chunks: 20,
            slow: Duration::from_secs(45),
        }
    }
}

/// Below this size there is nothing to halve: it is a chunk or two.
const LEAST_TOKENS: f64 = 400.0;
/// What every whole answer adds to the size.
const STEP: f64 = 0.02;

/// The size of the next batch.
#[derive(Clone, Copy, Debug)]
pub struct Adapt {
    options: Options,
    tokens: f64,
}

impl Adapt {
    /// At its start.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let tokens = f64::from(options.tokens.min(options.most_tokens));
        Self { options, tokens }
    }

    /// The size of the next batch.
    #[must_use]
    pub fn size(&self) -> Size {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most `most_tokens`"
        )]
        let tokens = self.tokens as u32;
        Size {
            tokens,
            chunks: self.options.most_chunks.max(1),
        }
    }

    /// A batch of so many tokens was answered whole. Only one about as large as allowed proves anything.
    pub fn whole(&mut self, tokens: u32, took: Duration) {
        if took <= self.options.slow && f64::from(tokens) >= 0.7 * self.tokens {
            self.tokens = (self.tokens * (1.0 + STEP)).min(f64::from(self.options.most_tokens));
        }
    }

    /// The answer to a batch of so many tokens was cut, wrong, or left a chunk out. Those that were sent before
    /// the last cut do not cut again.
    pub fn broken(&mut self, tokens: u32) {
        let half = f64::from(tokens) / 2.0;
        let least = LEAST_TOKENS.min(f64::from(self.options.most_tokens));
        self.tokens = self.tokens.min(half.max(least));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Duration = Duration::from_secs(5);

    #[test]
    fn grows_while_whole_and_fast() {
        let mut adapt = Adapt::new(Options::default());
        (0..100).for_each(|_| adapt.whole(adapt.size().tokens, FAST));
        assert_eq!(adapt.size().tokens, 6000);
        let mut adapt = Adapt::new(Options::default());
        (0..100).for_each(|_| adapt.whole(2400, Duration::from_mins(1)));
        (0..100).for_each(|_| adapt.whole(100, FAST));
        assert_eq!(adapt.size().tokens, 2400);
    }

    #[test]
    fn halves_once_for_one_wave() {
        let mut adapt = Adapt::new(Options::default());
        (0..30).for_each(|_| adapt.broken(2400));
        assert_eq!(adapt.size().tokens, 1200);
        adapt.broken(1200);
        assert_eq!(adapt.size().tokens, 600);
        (0..30).for_each(|_| adapt.broken(10));
        assert_eq!(adapt.size().tokens, 400);
    }
}
