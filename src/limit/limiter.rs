//! All the brakes as one: reserve, send, settle.

use std::collections::BTreeMap;
use std::time::Duration;

use super::backoff::{Retries, clamp_word};
use super::breaker::{Breaker, Turn};
use super::budget::{Budget, Load};
use super::pace::{EXPECTED_LATENCY, Pace};
use super::{Limits, Ticket, Wait};
use crate::model::call::LimitHeaders;
use crate::model::fault::{FaultKind, LimitedBy};

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With an answer.
    Answered {
        /// From the first byte sent to the last received.
        latency: Duration,
        /// Output tokens.
        output: u64,
    },
    /// With none.
    Fault {
        /// What went wrong.
        kind: FaultKind,
        /// The server's word on when to come again.
        retry_after: Option<Duration>,
        /// What a rate limit was counted in.
        limited_by: Option<LimitedBy>,
    },
    /// It was never sent.
    Unsent,
    /// Nobody knows.
    Unknown,
}

/// What is known of a call when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Tokens used; as charged if unknown.
    pub tokens: Option<u64>,
    /// What the server said of its limits.
    pub limits: LimitHeaders,
    /// How it ended.
    pub end: End,
}

/// The pause after a rate limit of which the server did not say how long it lasts.
const UNSAID_PAUSE: Duration = Duration::from_secs(1);

/// The limiter.
#[derive(Clone, Debug)]
pub struct Limiter {
    budget: Budget,
    pace: Pace,
    breaker: Breaker,
    retries: Retries,
    open: BTreeMap<Ticket, Open>,
    open_tokens: u64,
    /// When the last answer came.
    answered_at: Option<Duration>,
    /// Since when nothing but faults came.
    failing_since: Option<Duration>,
    starts: Starts,
}

/// The calls that were started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Starts {
    /// How many.
    pub count: u64,
    /// What they reserved together.
    pub reserved: u64,
    /// When the first one started, and the last.
    pub first: Duration,
    /// See `first`.
    pub last: Duration,
}

impl Starts {
    /// What was started since, with when the first of it was: that is handed in with what was before.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            count: self.count.saturating_sub(before.count),
            reserved: self.reserved.saturating_sub(before.reserved),
            first: before.first,
            last: self.last,
        }
    }

    fn add(&mut self, now: Duration, tokens: u64) {
        if self.count == 0 {
            self.first = now;
        }
        self.count += 1;
        self.reserved = self.reserved.saturating_add(tokens);
        self.last = now;
    }
}

#[derive(Clone, Copy, Debug)]
struct Open {
    sent: Duration,
    tokens: u64,
}

impl Limiter {
    /// With nothing in flight.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            budget: Budget::new(limits),
            pace: Pace::new(
                limits.requests_per_minute,
                EXPECTED_LATENCY,
                limits.in_flight,
            ),
            breaker: Breaker::default(),
            retries: Retries::default(),
            open: BTreeMap::new(),
            open_tokens: 0,
            answered_at: None,
            failing_since: None,
            starts: Starts::default(),
        }
    }

    /// Other limits hold from now on.
    pub fn allow(&mut self, limits: Limits) {
        self.budget.allow(limits);
        self.pace.allow(
            limits.requests_per_minute,
            EXPECTED_LATENCY,
            limits.in_flight,
        );
    }

    /// The part of a minute that a call of so many tokens takes.
    #[must_use]
    pub fn part(&self, tokens: u64) -> f64 {
        let limit = self.budget.limit();
        (1.0 / limit.requests as f64).max(tokens as f64 / limit.tokens as f64)
    }

    /// Whether a call of so many tokens may start now.
    ///
    /// # Errors
    /// What to wait for, or that it may never start.
    pub fn check(&mut self, now: Duration, tokens: u64) -> Result<(), Wait> {
        let budget = self.budget.check(now, tokens);
        if let Err(Wait::TooLarge { .. }) = budget {
            return budget;
        }
        if self.open.len() >= self.pace.allowed() {
            return Err(Wait::Settled);
        }
        self.breaker.check(now)?;
        budget
    }

    /// Starts a call if it may start now.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn try_reserve(&mut self, now: Duration, tokens: u64) -> Result<Ticket, Wait> {
        self.check(now, tokens)?;
        self.breaker.start(now);
        let ticket = Ticket(self.budget.book(now, tokens));
        self.open_tokens += tokens;
        self.starts.add(now, tokens);
        self.open.insert(ticket, Open { sent: now, tokens });
        Ok(ticket)
    }

    /// A call is over; `chance` is in 0..1. A ticket that was settled before changes nothing.
    pub fn settle(&mut self, now: Duration, ticket: Ticket, settled: Settled, chance: f64) {
        let Some(open) = self.open.remove(&ticket) else {
            return;
        };
        self.open_tokens = self.open_tokens.saturating_sub(open.tokens);
        if settled.end == End::Unsent {
            self.budget.cancel(now, ticket.0, open.tokens);
            self.breaker.tells_nothing(now, open.sent);
            return;
        }
        let limited = match settled.end {
            End::Fault {
                kind: FaultKind::RateLimit,
                limited_by,
                ..
            } => Some(limited_by),
            _ => None,
        };
        if limited.is_some() {
            self.budget.refuse(now, ticket.0, open.tokens);
        } else if let Some(tokens) = settled.tokens {
            self.budget.settle(now, ticket.0, open.tokens, tokens);
        }
        let flying = Load {
            requests: self.open.len() as u64,
            tokens: self.open_tokens,
        };
        let limit = self.budget.limit();
        self.budget.heard(now, settled.limits, flying);
        // Limits that are lower than was known explain a refusal.
        let is_news = self.budget.limit() != limit;
        if let Some(by) = limited.filter(|_| !is_news) {
            self.budget.limited(now, open.sent, open.tokens, by);
        }
        self.learn(now, open.sent, settled.end, chance);
    }

    fn learn(&mut self, now: Duration, sent: Duration, end: End, chance: f64) {
        use FaultKind as K;
        match end {
            End::Answered { latency, output } => {
                self.answered_at = Some(now);
                self.budget.answered();
                self.failing_since = None;
                self.retries.answered();
                if self.breaker.good(now, sent) == Turn::Closed {
                    self.pace.restart(now);
                }
                self.pace.succeeded(self.open.len() + 1);
                self.pace.took(now, sent, latency, output);
            }
            End::Fault {
                kind, retry_after, ..
            } => {
                self.failing_since.get_or_insert(now);
                if kind == K::SlowDown {
                    self.budget.slow_down(now, sent);
                }
                if matches!(kind, K::RateLimit | K::SlowDown) {
                    self.budget
                        .pause(now + retry_after.map_or(UNSAID_PAUSE, clamp_word));
                } else if let Some(word) = retry_after {
                    self.budget.pause(now + clamp_word(word));
                }
                if matches!(kind, K::Overloaded | K::Timeout) {
                    self.pace.pushed_back(now, sent);
                }
                match kind {
                    K::Overloaded | K::Timeout | K::Unreached | K::Connection | K::Server => {
                        let was_closed = self.breaker.is_closed();
                        let turn = self.breaker.bad(now, sent, chance);
                        if was_closed && turn == Turn::Opened {
                            self.pace.outage();
                        }
                    }
                    _ => self.breaker.tells_nothing(now, sent),
                }
            }
            End::Unsent | End::Unknown => self.breaker.tells_nothing(now, sent),
        }
    }

    /// A call of a run before this one: it may still be in the provider's window.
    pub fn recall(&mut self, now: Duration, age: Duration, tokens: u64) {
        self.budget.recall(now, age, tokens);
    }

    /// Nothing starts before this time.
    pub fn pause(&mut self, until: Duration) {
        self.budget.pause(until);
    }

    /// The budget of retries.
    pub fn retries(&mut self) -> &mut Retries {
        &mut self.retries
    }

    /// The calls that were started.
    #[must_use]
    pub fn starts(&self) -> Starts {
        self.starts
    }

    /// When the last answer came.
    #[must_use]
    pub fn answered_at(&self) -> Option<Duration> {
        self.answered_at
    }

    /// Since when nothing but faults came.
    #[must_use]
    pub fn failing_since(&self) -> Option<Duration> {
        self.failing_since
    }

    /// Calls in flight, and how many may be.
    #[must_use]
    pub fn in_flight(&self) -> (usize, usize) {
        (self.open.len(), self.pace.allowed())
    }

    /// The mirror of the provider's windows.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Whether the provider is held to be down.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.breaker.is_closed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn limiter() -> Limiter {
        let limits = Limits {
            requests_per_minute: 6000,
            tokens_per_minute: 10_000,
            requests_per_day: None,
            in_flight: 100,
        };
        Limiter::new(limits)
    }

    fn ended(end: End) -> Settled {
        Settled {
            tokens: None,
            limits: LimitHeaders::default(),
            end,
        }
    }

    #[test]
    fn what_is_in_flight_explains_a_gap() {
        let left = |remaining| Settled {
            tokens: Some(1000),
            limits: LimitHeaders {
                remaining_tokens: Some(remaining),
                ..LimitHeaders::default()
            },
            ..ended(End::Unknown)
        };
        let mut limiter = limiter();
        let first = limiter.try_reserve(s(0), 1000).unwrap();
        let second = limiter.try_reserve(s(1), 4000).unwrap();
        limiter.settle(s(2), first, left(2000), 0.5);
        assert_eq!(limiter.budget().load(s(2)).tokens, 5000);
        limiter.settle(s(3), second, left(2000), 0.5);
        assert_eq!(
            limiter.budget().load(s(3)).tokens,
            8000,
            "now it is somebody else's"
        );
    }

    /// Rules, and many a local server, say nothing of limits and nothing of use.
    #[test]
    fn the_first_answer_ends_the_careful_start_whatever_it_says() {
        let limits = Limits {
            requests_per_minute: 1_000_000_000,
            tokens_per_minute: 1_000_000_000_000,
            ..Limits::default()
        };
        let mut limiter = Limiter::new(limits);
        let first = limiter.try_reserve(s(0), 1).unwrap();
        assert!(limiter.try_reserve(s(0), 1).is_err(), "careful");
        let answered = End::Answered {
            latency: s(1),
            output: 0,
        };
        limiter.settle(s(1), first, ended(answered), 0.5);
        for call in 0..20 {
            assert!(limiter.try_reserve(s(1), 1).is_ok(), "{call}");
        }
    }

    #[test]
    fn an_unknown_end_keeps_the_worst_case_and_an_unsent_call_nothing() {
        let mut limiter = limiter();
        let lost = limiter.try_reserve(s(0), 1000).unwrap();
        let unsent = limiter.try_reserve(s(1), 500).unwrap();
        limiter.settle(s(2), lost, ended(End::Unknown), 0.5);
        limiter.settle(s(2), unsent, ended(End::Unsent), 0.5);
        limiter.settle(s(2), unsent, ended(End::Unknown), 0.5);
        assert_eq!(limiter.budget().load(s(2)).tokens, 1000);
        assert_eq!(limiter.in_flight().0, 0);
    }

    #[test]
    fn a_rate_limit_pauses_by_the_servers_word_and_by_a_second_without() {
        for (retry_after, until) in [(Some(s(7)), 9), (Some(s(9999)), 122), (None, 3)] {
            let mut limiter = limiter();
            let ticket = limiter.try_reserve(s(1), 1).unwrap();
            let kind = FaultKind::RateLimit;
            limiter.settle(
                s(2),
                ticket,
                ended(End::Fault {
                    kind,
                    retry_after,
                    limited_by: None,
                }),
                0.5,
            );
            assert_eq!(limiter.check(s(2), 1), Err(Wait::Until(s(until))));
        }
    }
}
