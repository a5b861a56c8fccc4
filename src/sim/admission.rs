//! Who is let in: requests and tokens a minute, as five kinds of provider count them.
//!
//! A call is charged when it arrives with its prompt as estimated and all that its answer may have. What it did not
//! use comes back with the answer, or not at all. Refused calls count as requests, as at the real ones.

use std::collections::VecDeque;
use std::time::Duration;

/// What the rates are counted over.
pub const MINUTE: Duration = Duration::from_mins(1);

/// Requests and tokens a minute; `None` is unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Rates {
    pub requests: Option<u64>,
    pub tokens: Option<u64>,
}

impl Rates {
    /// So many times as much, but at least one.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate times a small positive number"
        )]
        let part = |rate: u64| ((rate as f64 * factor.max(0.0)).round() as u64).max(1);
        Self {
            requests: self.requests.map(part),
            tokens: self.tokens.map(part),
        }
    }
}

/// How a provider counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// The last 60 seconds, at any instant.
    Sliding,
    /// A bucket that refills evenly and holds what comes in so much time.
    Bucket(Duration),
    /// From minute to minute.
    Fixed,
    /// The last 60 seconds, and of requests an even share of it in any so much time.
    Finer(Duration),
}

/// The law of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Law {
    /// How it counts.
    pub model: Model,
    /// How much it lets in.
    pub rates: Rates,
    /// Whether what was not used comes back with the answer.
    pub refunds: bool,
}

impl Default for Law {
    fn default() -> Self {
        Self {
            model: Model::Sliding,
            rates: Rates::default(),
            refunds: true,
        }
    }
}

/// What a refused call ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Requests.
    Requests,
    /// Tokens.
    Tokens,
    /// It alone is more than is ever let in.
    TooLarge,
}

/// A call that is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What it ran into.
    pub bound: Bound,
    /// From now, if nothing else comes in.
    pub wait: Duration,
    /// Of what it ran into: the limit, and how much of it was used.
    pub limit: u64,
    /// See `limit`.
    pub used: u64,
}

/// What is left, and in how long all is back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Left {
    pub requests: u64,
    pub tokens: u64,
    pub requests_reset: Duration,
    pub tokens_reset: Duration,
}

/// Lets calls in.
#[derive(Clone, Debug)]
pub struct Admission {
    law: Law,
    /// What counts yet, oldest first.
    entries: VecDeque<Entry>,
    held: (u64, u64),
    /// Requests and tokens in the bucket, as of then.
    level: (f64, f64),
    filled_at: Duration,
    next: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    id: u64,
    at: Duration,
    leaves: Duration,
    requests: u64,
    tokens: u64,
}

impl Admission {
    /// Nothing has come in yet.
    #[must_use]
    pub fn new(law: Law) -> Self {
        let mut new = Self {
            law,
            entries: VecDeque::new(),
            held: (0, 0),
            level: (0.0, 0.0),
            filled_at: Duration::ZERO,
            next: 0,
        };
        new.level = new.capacity();
        new
    }

    /// The law that holds.
    #[must_use]
    pub fn law(&self) -> Law {
        self.law
    }

    /// Other rates from now on.
    pub fn set_rates(&mut self, now: Duration, rates: Rates) {
        self.refresh(now);
        self.law.rates = rates;
        let capacity = self.capacity();
        self.level = (self.level.0.min(capacity.0), self.level.1.min(capacity.1));
    }

    /// A call comes in with this charge; it is let in under a number, for [`Self::settle`].
    ///
    /// # Errors
    /// If it is not let in.
    pub fn arrive(&mut self, now: Duration, charge: u64) -> Result<u64, Refused> {
        self.refresh(now);
        let refused = match self.law.model {
            Model::Bucket(_) => self.bucket_bound(charge),
            _ => self.window_bound(now, charge),
        };
        let tokens = if refused.is_some() { 0 } else { charge };
        let id = self.enter(now, tokens);
        refused.map_or(Ok(id), Err)
    }

    /// Somebody else with the same account spends this.
    pub fn spend(&mut self, at: Duration, tokens: u64) {
        self.refresh(at);
        self.enter(at, tokens);
    }

    /// A call is over, and used so much.
    pub fn settle(&mut self, now: Duration, id: u64, charge: u64, used: u64) {
        self.refresh(now);
        if !self.law.refunds {
            return;
        }
        if let Model::Bucket(_) = self.law.model {
            let back = charge as f64 - used as f64;
            self.level.1 = (self.level.1 + back).min(self.capacity().1);
            return;
        }
        let place = self.entries.partition_point(|entry| entry.id < id);
        if let Some(entry) = self.entries.get_mut(place).filter(|entry| entry.id == id) {
            self.held.1 = self.held.1 - entry.tokens + used;
            entry.tokens = used;
        }
    }

    /// What is left.
    pub fn left(&mut self, now: Duration) -> Left {
        self.refresh(now);
        let (requests, tokens) = (self.requests(), self.tokens());
        if let Model::Bucket(_) = self.law.model {
            let capacity = self.capacity();
            let reset = |level: f64, full: f64, rate: u64| {
                seconds((full - level).max(0.0) / per_second(rate))
            };
            return Left {
                requests: whole(self.level.0),
                tokens: whole(self.level.1),
                requests_reset: reset(self.level.0, capacity.0, requests),
                tokens_reset: reset(self.level.1, capacity.1, tokens),
            };
        }
        let last = |counts: fn(&Entry) -> u64| {
            let mut entries = self.entries.iter().rev();
            let last = entries.find(|entry| counts(entry) > 0);
            last.map_or(Duration::ZERO, |entry| entry.leaves.saturating_sub(now))
        };
        Left {
            requests: requests.saturating_sub(self.held.0),
            tokens: tokens.saturating_sub(self.held.1),
            requests_reset: last(|entry| entry.requests),
            tokens_reset: last(|entry| entry.tokens),
        }
    }

    fn requests(&self) -> u64 {
        self.law.rates.requests.unwrap_or(UNLIMITED)
    }

    fn tokens(&self) -> u64 {
        self.law.rates.tokens.unwrap_or(UNLIMITED)
    }

    /// What the bucket holds; a single request always fits.
    fn capacity(&self) -> (f64, f64) {
        let Model::Bucket(holds) = self.law.model else {
            return (0.0, 0.0);
        };
        let share = holds.as_secs_f64() / MINUTE.as_secs_f64();
        let part = |rate: u64| (rate as f64 * share).max(1.0);
        (part(self.requests()), part(self.tokens()))
    }

    fn bucket_bound(&self, charge: u64) -> Option<Refused> {
        let capacity = self.capacity();
        let refused = |bound, missing: f64, rate: u64, full: f64, level: f64| Refused {
            bound,
            wait: seconds(missing / per_second(rate)),
            limit: rate,
            used: whole(full - level),
        };
        let (requests, tokens) = (self.requests(), self.tokens());
        let need = charge as f64;
        if need > capacity.1 {
            return Some(Refused {
                bound: Bound::TooLarge,
                wait: Duration::ZERO,
                limit: whole(capacity.1),
                used: whole(capacity.1 - self.level.1),
            });
        }
        if self.level.0 + GRAIN < 1.0 {
            let missing = 1.0 - self.level.0;
            return Some(refused(
                Bound::Requests,
                missing,
                requests,
                capacity.0,
                self.level.0,
            ));
        }
        (self.level.1 + GRAIN < need).then(|| {
            let missing = need - self.level.1;
            refused(Bound::Tokens, missing, tokens, capacity.1, self.level.1)
        })
    }

    fn window_bound(&self, now: Duration, charge: u64) -> Option<Refused> {
        let (requests, tokens) = (self.requests(), self.tokens());
        if charge > tokens {
            return Some(Refused {
                bound: Bound::TooLarge,
                wait: Duration::ZERO,
                limit: tokens,
                used: self.held.1,
            });
        }
        if self.held.0 >= requests {
            let over = self.held.0 - requests;
            return Some(Refused {
                bound: Bound::Requests,
                wait: self.gone(now, over, |entry| entry.requests),
                limit: requests,
                used: self.held.0,
            });
        }
        if let Some(wait) = self.finer_bound(now, requests) {
            return Some(Refused {
                bound: Bound::Requests,
                wait,
                limit: requests,
                used: self.held.0,
            });
        }
        let sum = self.held.1.saturating_add(charge);
        (sum > tokens).then(|| Refused {
            bound: Bound::Tokens,
            wait: self.gone(now, sum - tokens - 1, |entry| entry.tokens),
            limit: tokens,
            used: self.held.1,
        })
    }

    /// How long until more than `over` of what is counted is gone.
    fn gone(&self, now: Duration, over: u64, counts: fn(&Entry) -> u64) -> Duration {
        let mut gone = 0_u64;
        for entry in &self.entries {
            gone += counts(entry);
            if gone > over {
                return entry.leaves.saturating_sub(now);
            }
        }
        Duration::ZERO
    }

    /// How long until the finer window has room, if it has none.
    fn finer_bound(&self, now: Duration, requests: u64) -> Option<Duration> {
        let Model::Finer(window) = self.law.model else {
            return None;
        };
        let most = finer(requests, window);
        // The one that must leave is `most` before the end.
        let mut recent = self.entries.iter().rev().filter(|entry| entry.requests > 0);
        let nth = recent.nth(usize::try_from(most).unwrap_or(usize::MAX) - 1)?;
        let leaves = nth.at + window;
        (leaves > now).then(|| leaves.saturating_sub(now))
    }

    fn enter(&mut self, at: Duration, tokens: u64) -> u64 {
        let id = self.next;
        self.next += 1;
        let leaves = match self.law.model {
            Model::Bucket(_) => {
                self.level.0 = (self.level.0 - 1.0).max(0.0);
                self.level.1 -= tokens as f64;
                return id;
            }
            Model::Fixed => MINUTE * (minute(at) + 1),
            Model::Sliding | Model::Finer(_) => at + MINUTE,
        };
        self.held.0 += 1;
        self.held.1 = self.held.1.saturating_add(tokens);
        self.entries.push_back(Entry {
            id,
            at,
            leaves,
            requests: 1,
            tokens,
        });
        id
    }

    /// What no longer counts goes; the bucket fills.
    fn refresh(&mut self, now: Duration) {
        while let Some(entry) = self.entries.front().filter(|entry| entry.leaves <= now) {
            self.held.0 -= entry.requests;
            self.held.1 = self.held.1.saturating_sub(entry.tokens);
            self.entries.pop_front();
        }
        if let Model::Bucket(_) = self.law.model {
            let gone = now.saturating_sub(self.filled_at).as_secs_f64();
            self.filled_at = self.filled_at.max(now);
            let full = self.capacity();
            let rise =
                |level: f64, rate: u64, full: f64| (level + gone * per_second(rate)).min(full);
            self.level.0 = rise(self.level.0, self.requests(), full.0);
            self.level.1 = rise(self.level.1, self.tokens(), full.1);
        }
    }
}

/// More than anybody sends.
const UNLIMITED: u64 = 1 << 50;
/// Sums of fractions are off by less than this.
const GRAIN: f64 = 1e-6;

/// An even share of a minute's requests, rounded up.
#[must_use]
pub fn finer(requests: u64, window: Duration) -> u64 {
    whole((requests as f64 * window.as_secs_f64() / MINUTE.as_secs_f64() - GRAIN).ceil()).max(1)
}

fn minute(at: Duration) -> u32 {
    u32::try_from(at.as_secs() / MINUTE.as_secs()).unwrap_or(u32::MAX - 1)
}

fn per_second(rate: u64) -> f64 {
    rate.max(1) as f64 / MINUTE.as_secs_f64()
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a saturating cast of what is no less than nothing"
)]
fn whole(number: f64) -> u64 {
    number.max(0.0) as u64
}
