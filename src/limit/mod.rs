//! Floor 1: when a call may start. A state machine that is handed the time and chance; it never waits.
//!
//! `now` is everywhere the time since one arbitrary origin, on a clock that never goes back.
//!
//! ```text
//!   budget   requests and tokens a minute, requests a day: a mirror of the provider's own windows
//!     window   the last minute            fine   a second, where the provider counts tokens by it
//!     day      requests in 24 hours
//!   pace     how many calls in flight
//!   breaker  nothing but a probe while the provider is down
//!   backoff  when the same call is tried again
//!   limiter  all of them as one: reserve, then settle
//!
//!   share    which of several jobs at one limiter is next
//!   purse    what a job may spend, and how many calls it may make
//!   month    what all of them may spend in a calendar month
//! ```

pub mod backoff;
pub mod breaker;
pub mod budget;
#[cfg(test)]
mod budget_tests;
pub mod day;
mod fine;
pub mod limiter;
pub mod month;
pub mod pace;
#[cfg(test)]
mod props;
pub mod purse;
pub mod share;
mod window;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::unit::Usd;

/// What the provider allows. The defaults are low on purpose: too low is slow, too high loses calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests a minute. The lower of this and what the server says holds.
    pub requests_per_minute: u64,
    /// Tokens a minute, input and reserved output together. The lower of this and what the server says holds.
    pub tokens_per_minute: u64,
    /// Requests in any 24 hours, if there is such a limit.
    pub requests_per_day: Option<u64>,
    /// The most calls in flight at once. A brake, not the throttle: it starts at what the rate needs.
    pub in_flight: usize,
}

impl Default for Limits {
    /// The lowest published paid tier for tokens, and one request a second.
    fn default() -> Self {
        Self {
            requests_per_minute: 60,
            tokens_per_minute: 30_000,
            requests_per_day: None,
            in_flight: 256,
        }
    }
}

impl Limits {
    /// The stricter of each.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        let days = [self.requests_per_day, other.requests_per_day];
        Self {
            requests_per_minute: self.requests_per_minute.min(other.requests_per_minute),
            tokens_per_minute: self.tokens_per_minute.min(other.tokens_per_minute),
            requests_per_day: days.into_iter().flatten().min(),
            in_flight: self.in_flight.min(other.in_flight),
        }
    }
}

/// What may be spent by all calls of a job together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// The most money: spent, reserved and the next call's worst case together stay at or below it.
    pub cost: Option<Usd>,
    /// The most calls, retries included.
    pub calls: Option<u64>,
    /// The most tokens, input and output together.
    pub tokens: Option<u64>,
}

impl Caps {
    /// Whether there is any.
    #[must_use]
    pub fn any(&self) -> bool {
        self.cost.is_some() || self.calls.is_some() || self.tokens.is_some()
    }
}

/// The worst case of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Input tokens as estimated and the most output tokens.
    pub tokens: u64,
    /// What these cost; `None` if the price is unknown.
    pub cost_bound: Option<Usd>,
}

/// A call that may start now. It must be settled.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
pub struct Ticket(pub u64);

/// Why a call may not start now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Not before this time; earlier if something settles.
    Until(Duration),
    /// Not before something settles.
    Settled,
    /// Never: the call alone is larger than a minute allows.
    TooLarge {
        /// What it would be charged with.
        tokens: u64,
        /// The most that a minute takes.
        most: u64,
    },
    /// Never: what may be spent is spent.
    Exhausted(Exhausted),
}

/// Which cap is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exhausted {
    /// The next call could cost more than is left.
    #[error("the cost cap of {cap} is reached: {spent} spent; a higher one goes on from here")]
    Cost {
        /// The cap.
        cap: Usd,
        /// What is spent.
        spent: Usd,
    },
    /// The next call could cost more than is left of the month.
    #[error(
        "the cap of {cap} a month is reached: {spent} spent in this one; a higher one, or the next month, goes on from here"
    )]
    Month {
        /// The cap.
        cap: Usd,
        /// What is spent.
        spent: Usd,
    },
    /// There is a cost cap, but the price of a call is unknown.
    #[error("there is a cost cap, but the price of this model is unknown")]
    Unpriced,
    /// The next call could use more tokens than are left.
    #[error("the cap of {cap} tokens is reached: {used} used; a higher one goes on from here")]
    Tokens {
        /// The cap.
        cap: u64,
        /// What is used.
        used: u64,
    },
    /// As many calls were made as are allowed.
    #[error("the cap of {0} calls is reached; a higher one goes on from here")]
    Calls(u64),
}
