//! The mirror of a bucket that holds a second of tokens: for a provider that counts finer than it says.

use std::time::Duration;

use super::window::WINDOW;

/// What it holds.
const HOLDS: Duration = Duration::from_secs(1);

/// The bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fine {
    level: f64,
    at: Duration,
    /// Refusals that it did not foresee, and when the last one was.
    strikes: u32,
    struck: Duration,
}

impl Fine {
    /// It was just found empty.
    pub(super) fn empty(now: Duration) -> Self {
        Self {
            level: 0.0,
            at: now,
            strikes: 0,
            struck: now,
        }
    }

    /// A refusal that it did not foresee: it is emptier than it was taken for. Returns how many there were lately.
    pub(super) fn strike(&mut self, now: Duration) -> u32 {
        if now.saturating_sub(self.struck) > WINDOW {
            self.strikes = 0;
        }
        self.strikes += 1;
        self.struck = now;
        self.level = self.level.min(0.0);
        self.strikes
    }

    fn capacity(rate: f64) -> f64 {
        rate * HOLDS.as_secs_f64() / WINDOW.as_secs_f64()
    }

    fn fill(&mut self, now: Duration, rate: f64) {
        let gone = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        let full = self.level + gone * rate / WINDOW.as_secs_f64();
        self.level = full.min(Self::capacity(rate));
    }

    /// From when on it holds so many tokens, at a rate a minute. A call larger than all of it waits until it is full.
    pub(super) fn room_at(&mut self, now: Duration, rate: f64, tokens: u64) -> Duration {
        self.fill(now, rate);
        let missing = (tokens as f64).min(Self::capacity(rate)) - self.level;
        if missing <= 0.0 {
            return Duration::ZERO;
        }
        let wait = missing * WINDOW.as_secs_f64() / rate.max(1.0);
        now + Duration::try_from_secs_f64(wait).unwrap_or(WINDOW)
    }

    /// A call takes so many out.
    pub(super) fn take(&mut self, tokens: u64) {
        self.level -= tokens as f64;
    }

    /// And gives so many back.
    pub(super) fn give(&mut self, now: Duration, rate: f64, tokens: i64) {
        self.fill(now, rate);
        self.level = (self.level + tokens as f64).min(Self::capacity(rate));
    }
}
