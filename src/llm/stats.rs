//! How the gate stands: for progress lines and summaries.

use std::collections::VecDeque;
use std::time::Duration;

use super::gate::Settlement;
use crate::limit::limiter::Limiter;
use crate::model::fault::FaultKind;
use crate::model::unit::Usd;

/// Of so many answers the latency is remembered.
const REMEMBERED: usize = 512;

/// What the gate has seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    latencies: VecDeque<Duration>,
    answered: u64,
    waited: Duration,
    tokens: u64,
    limited: u64,
    faults: u64,
}

impl Seen {
    pub(super) fn saw(&mut self, settlement: &Settlement) {
        match &settlement.outcome {
            Ok(latency) => {
                if self.latencies.len() == REMEMBERED {
                    self.latencies.pop_front();
                }
                self.latencies.push_back(*latency);
                self.answered += 1;
                self.waited += *latency;
                let tokens = settlement
                    .usage
                    .map_or(0, |usage| usage.input + usage.output);
                self.tokens = self.tokens.saturating_add(tokens);
            }
            Err(fault) => {
                self.faults += 1;
                if matches!(fault.kind, FaultKind::RateLimit | FaultKind::SlowDown) {
                    self.limited += 1;
                }
            }
        }
    }
}

/// What holds the calls back most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Requests a minute.
    Requests,
    /// Tokens a minute.
    Tokens,
    /// Calls in flight.
    InFlight,
}

impl Binding {
    /// In words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests a minute",
            Self::Tokens => "tokens a minute",
            Self::InFlight => "calls in flight",
        }
    }
}

/// How things stand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stats {
    /// Calls in flight.
    pub in_flight: usize,
    /// How many may be.
    pub allowed: usize,
    /// Requests in the last 60 seconds.
    pub requests: u64,
    /// Tokens in the last 60 seconds: as used where known, as charged where not yet.
    pub tokens: u64,
    /// The limit of requests a minute that holds.
    pub limit_requests: u64,
    /// The limit of tokens a minute that holds.
    pub limit_tokens: u64,
    /// What binds.
    pub binding: Binding,
    /// The share of it that is used: 0 to about 1.
    pub utilisation: f64,
    /// Spent.
    pub spent: Usd,
    /// Put aside for calls in flight.
    pub reserved: Usd,
    /// Calls made, those in flight included.
    pub calls: u64,
    /// Calls answered.
    pub answered: u64,
    /// Calls that ended in a fault.
    pub faults: u64,
    /// Those of them for a rate limit.
    pub limited: u64,
    /// Tokens that the answered calls used.
    pub used: u64,
    /// The mean latency of all answers.
    pub mean: Duration,
    /// 99 of 100 of the last answers took no longer.
    pub p99: Duration,
    /// How long the server's pause lasts yet.
    pub paused: Option<Duration>,
    /// Whether the provider is held to be down: nothing but probes.
    pub down: bool,
}

impl Stats {
    pub(super) fn new(now: Duration, limiter: &Limiter, seen: &Seen) -> Self {
        let load = limiter.budget().load(now);
        let limit = limiter.budget().limit();
        let (in_flight, allowed) = limiter.in_flight();
        let shares = [
            (
                Binding::Requests,
                load.requests as f64 / limit.requests as f64,
            ),
            (Binding::Tokens, load.tokens as f64 / limit.tokens as f64),
            (Binding::InFlight, in_flight as f64 / allowed as f64),
        ];
        let most = shares.into_iter().max_by(|a, b| a.1.total_cmp(&b.1));
        let (binding, utilisation) = most.unwrap_or((Binding::Requests, 0.0));
        let mut latencies: Vec<Duration> = seen.latencies.iter().copied().collect();
        latencies.sort_unstable();
        let place = (latencies.len() * 99).div_ceil(100).saturating_sub(1);
        let answered = u32::try_from(seen.answered).unwrap_or(u32::MAX);
        Self {
            in_flight,
            allowed,
            requests: load.requests,
            tokens: load.tokens,
            limit_requests: limit.requests,
            limit_tokens: limit.tokens,
            binding,
            utilisation,
            spent: limiter.money().spent(),
            reserved: limiter.money().reserved(),
            calls: limiter.money().calls(),
            answered: seen.answered,
            faults: seen.faults,
            limited: seen.limited,
            used: seen.tokens,
            mean: seen.waited.checked_div(answered).unwrap_or_default(),
            p99: latencies.get(place).copied().unwrap_or_default(),
            paused: limiter
                .budget()
                .paused_until(now)
                .map(|until| until.saturating_sub(now)),
            down: limiter.is_open(),
        }
    }

    /// The least time in which the calls made so far could have been made, and what decides it: what the wall
    /// clock is compared with at the end.
    #[must_use]
    pub fn least_time(&self) -> (Duration, Binding) {
        let calls = self.calls as f64;
        let minutes = [
            (Binding::Requests, calls / self.limit_requests as f64),
            (Binding::Tokens, self.used as f64 / self.limit_tokens as f64),
            (
                Binding::InFlight,
                calls * self.mean.as_secs_f64() / 60.0 / self.allowed as f64,
            ),
        ];
        let most = minutes.into_iter().max_by(|a, b| a.1.total_cmp(&b.1));
        let (binding, minutes) = most.unwrap_or((Binding::Requests, 0.0));
        let time = Duration::try_from_secs_f64(minutes * 60.0).unwrap_or(Duration::MAX);
        (self.mean.saturating_add(time), binding)
    }
}
