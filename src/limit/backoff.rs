//! When to try again: the server's word first, else exponential with full jitter; and a budget of retries.

use std::time::Duration;

/// The shortest and the longest wait that a server may ask for.
pub const WORD: (Duration, Duration) = (Duration::from_millis(50), Duration::from_mins(2));

/// How long to wait before a call is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The bound of the first wait; it doubles with every attempt.
    pub base: Duration,
    /// The bound of any wait. In an outage the breaker keeps calls back: this need not.
    pub most: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            base: Duration::from_secs(1),
            most: Duration::from_secs(20),
        }
    }
}

impl Backoff {
    /// The wait after `failed` attempts (1 after the first); `chance` is in 0..1.
    #[must_use]
    pub fn delay(&self, failed: u32, word: Option<Duration>, chance: f64) -> Duration {
        if let Some(word) = word {
            return clamp_word(word);
        }
        let doublings = failed.saturating_sub(1).min(20);
        let bound = self.base.saturating_mul(1 << doublings).min(self.most);
        bound.mul_f64(chance.clamp(0.0, 1.0))
    }
}

/// A server's word on when to come again, within reason.
#[must_use]
pub fn clamp_word(word: Duration) -> Duration {
    word.clamp(WORD.0, WORD.1)
}

/// Retries may be a tenth of the first attempts and half of the answers, and ten a minute in any case: an error
/// storm parks instead of feeding itself, and what is parked is tried again as soon as answers come.
#[derive(Clone, Copy, Debug)]
pub struct Retries {
    tokens: f64,
    at: Duration,
}

/// Earned by every first attempt.
const EARNED: f64 = 0.1;
/// Earned by every answer.
const ANSWERED: f64 = 0.5;
/// Earned with time: ten a minute.
const PER_SECOND: f64 = 10.0 / 60.0;
/// The most that is saved up: a burst of failures after a long calm does not wait.
const SAVED: f64 = 50.0;

impl Default for Retries {
    fn default() -> Self {
        Self {
            tokens: 10.0,
            at: Duration::ZERO,
        }
    }
}

impl Retries {
    /// A first attempt was made.
    pub fn earn(&mut self) {
        self.tokens = (self.tokens + EARNED).min(SAVED);
    }

    /// An answer came: the server is up.
    pub fn answered(&mut self) {
        self.tokens = (self.tokens + ANSWERED).min(SAVED);
    }

    /// Takes `cost` out of the budget.
    ///
    /// # Errors
    /// When to ask again.
    pub fn spend(&mut self, now: Duration, cost: f64) -> Result<(), Duration> {
        let gone = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.tokens = (self.tokens + gone * PER_SECOND).min(SAVED);
        if self.tokens + 1e-9 >= cost {
            self.tokens -= cost;
            return Ok(());
        }
        let missing = (cost - self.tokens) / PER_SECOND;
        Err(now + Duration::from_secs_f64(missing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_word_wins_within_reason() {
        let backoff = Backoff::default();
        let word = |secs| backoff.delay(3, Some(Duration::from_secs_f64(secs)), 0.5);
        assert_eq!(word(7.5), Duration::from_secs_f64(7.5));
        assert_eq!(word(0.0), Duration::from_millis(50));
        assert_eq!(word(1e9), Duration::from_mins(2));
    }

    #[test]
    fn jitter_is_full_and_bounded() {
        let backoff = Backoff::default();
        let bounds = [1, 2, 4, 8, 16, 20, 20];
        for (failed, bound) in (1..).zip(bounds) {
            assert_eq!(backoff.delay(failed, None, 1.0), Duration::from_secs(bound));
            assert_eq!(backoff.delay(failed, None, 0.0), Duration::ZERO);
        }
        assert_eq!(backoff.delay(u32::MAX, None, 2.0), backoff.most);
    }

    #[test]
    fn an_empty_budget_says_when_to_ask_again() {
        let mut retries = Retries::default();
        let now = Duration::from_secs(0);
        for _ in 0..10 {
            retries.spend(now, 1.0).unwrap();
        }
        let later = retries.spend(now, 1.0).unwrap_err();
        assert!(later > Duration::from_secs(5) && later < Duration::from_secs(7));
        retries.spend(later, 1.0).unwrap();
        (0..5).for_each(|_| retries.earn());
        retries.spend(later, 1.0).unwrap_err();
        retries.answered();
        retries.spend(later, 1.0).unwrap();
    }
}
