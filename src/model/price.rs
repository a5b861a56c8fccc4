//! What a model costs, and what a call may be charged with.

use super::call::Usage;
use super::unit::Usd;

/// Prices in nano-dollars for one token (equal to dollars per 1,000 million tokens).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    /// Input.
    pub input: f64,
    /// Cached input; the full price if the list gives none.
    pub cached: f64,
    /// Output.
    pub output: f64,
}

impl Price {
    /// From a price list in dollars per million tokens.
    #[must_use]
    pub fn per_million(input: f64, cached: Option<f64>, output: f64) -> Self {
        Self {
            input: input * 1e3,
            cached: cached.unwrap_or(input) * 1e3,
            output: output * 1e3,
        }
    }

    /// What this usage costs, rounded up to the nano-dollar.
    #[must_use]
    pub fn cost(&self, usage: Usage) -> Usd {
        let cached = usage.cached.min(usage.input);
        let fresh = usage.input - cached;
        let nano = fresh as f64 * self.input
            + cached as f64 * self.cached
            + usage.output as f64 * self.output;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the range of u64"
        )]
        Usd(nano.ceil().clamp(0.0, 1e18) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_tokens_are_part_of_the_input() {
        let price = Price::per_million(0.15, Some(0.075), 0.60);
        let usage = Usage {
            input: 1_000_000,
            cached: 500_000,
            output: 1_000_000,
        };
        assert_eq!(
            price.cost(usage),
            Usd::from_dollars(0.075 + 0.0375 + 0.60).unwrap()
        );
    }
}
