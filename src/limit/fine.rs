//! The mirror of a bucket that holds a second of tokens: for a provider that counts finer than it says.

use std::time::Duration;

use super::window::WINDOW;

/// What it holds.
const HOLDS: Duration = Duration::from_secs(1);

/// So many refusals that it did not foresee are more than jitter, if they come close together: where nothing is given back,
/// and it is thought to be, every third call or so is refused.
const PROOF: f64 = 3.0;
/// So many calls that are let in take one of them back.
const CALM: f64 = 40.0;
/// So long without any, and what they were taken to prove is tried anew; each time it proves true, for twice as long.
const FORGIVES: Duration = Duration::from_mins(5);

/// The bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fine {
    level: f64,
    at: Duration,
    /// Refusals that it did not foresee, of late; and when the last one was.
    strikes: f64,
    struck: Duration,
    /// When it was given up that anything is given back, and for how long.
    doubted: Option<Duration>,
    forgives: Duration,
}

impl Fine {
    /// It was just found empty.
    pub(super) fn empty(now: Duration) -> Self {
        Self {
            level: 0.0,
            at: now,
            strikes: 0.0,
            struck: now,
            doubted: None,
            forgives: FORGIVES,
        }
    }

    /// A refusal that it did not foresee: it is emptier than it was taken for. Returns whether there were too many lately.
    pub(super) fn strike(&mut self, now: Duration) -> bool {
        self.strikes += 1.0;
        self.struck = now;
        self.level = self.level.min(0.0);
        self.strikes >= PROOF
    }

    /// Nothing is given back, it seems.
    pub(super) fn doubt(&mut self, now: Duration) {
        self.strikes = 0.0;
        self.doubted = Some(now);
    }

    /// Whether it is time to see whether something is given back after all.
    pub(super) fn tries_anew(&mut self, now: Duration) -> bool {
        let since = self.doubted.map(|doubted| doubted.max(self.struck));
        let forgiven = since.is_some_and(|since| now.saturating_sub(since) > self.forgives);
        if forgiven {
            self.doubted = None;
            self.forgives *= 2;
        }
        forgiven
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
        self.strikes = (self.strikes - 1.0 / CALM).max(0.0);
    }

    /// And gives so many back.
    pub(super) fn give(&mut self, now: Duration, rate: f64, tokens: i64) {
        self.fill(now, rate);
        self.level = (self.level + tokens as f64).min(Self::capacity(rate));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn refusals_prove_something_only_close_together() {
        let mut fine = Fine::empty(s(0));
        assert!(!(0..2).any(|n| fine.strike(s(n))));
        (0..80).for_each(|_| fine.take(1));
        assert!(!(2..4).any(|n| fine.strike(s(n))), "these are others");
        assert!(fine.strike(s(4)));
    }

    #[test]
    fn what_was_proven_is_tried_anew_less_and_less_often() {
        let mut fine = Fine::empty(s(0));
        assert!(!fine.tries_anew(s(100_000)), "nothing was");
        fine.doubt(s(100));
        assert!(!fine.tries_anew(s(400)) && fine.tries_anew(s(401)));
        assert!(!fine.tries_anew(s(100_000)), "once");
        fine.doubt(s(500));
        fine.strike(s(600));
        assert!(!fine.tries_anew(s(1200)) && fine.tries_anew(s(1201)));
    }
}
