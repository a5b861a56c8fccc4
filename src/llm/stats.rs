//! How the gate stands: for progress lines and summaries.

use std::collections::VecDeque;
use std::time::Duration;

use super::gate::{Seat, Settlement};
use crate::limit::budget::{Refunds, WINDOW};
use crate::limit::day::Daily;
use crate::limit::limiter::{Limiter, Starts};
use crate::limit::purse::Gone;
use crate::model::fault::FaultKind;
use crate::model::unit::Usd;

/// Of so many answers the latency is remembered.
const REMEMBERED: usize = 512;

/// What a lane has seen.
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

/// How things stand. Calls, answers and money are those of one job; the limits and what is used of them are those of the
/// gate, which it may share with others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stats {
    /// Calls in flight.
    pub in_flight: usize,
    /// How many may be in flight at the gate.
    pub allowed: usize,
    /// How many jobs there are at the gate.
    pub jobs: usize,
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
    /// What counts against the caps: by this run, and by those before it that it goes on from.
    pub gone: Gone,
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
    /// Half of the last answers took no longer.
    pub p50: Duration,
    /// 95 of 100 of them.
    pub p95: Duration,
    /// 99 of 100 of them.
    pub p99: Duration,
    /// How long the server's pause lasts yet.
    pub paused: Option<Duration>,
    /// How the limit of a day stands, if there is one.
    pub daily: Option<Daily>,
    /// Whether the provider is held to be down: nothing but probes.
    pub down: bool,
    /// The calls that the gate started from the first to the last of this job.
    pub starts: Starts,
    /// Whether the provider gives back what a call did not use.
    pub refunds: Refunds,
}

impl Stats {
    pub(super) fn new(now: Duration, limiter: &Limiter, seat: &Seat, jobs: usize) -> Self {
        let seen = &seat.seen;
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
        let within = |share: usize| {
            let place = (latencies.len() * share).div_ceil(100).saturating_sub(1);
            latencies.get(place).copied().unwrap_or_default()
        };
        let gone = seat.purse.gone();
        let answered = u32::try_from(seen.answered).unwrap_or(u32::MAX);
        Self {
            in_flight: usize::try_from(seat.purse.open()).unwrap_or(usize::MAX),
            allowed,
            jobs,
            requests: load.requests,
            tokens: load.tokens,
            limit_requests: limit.requests,
            limit_tokens: limit.tokens,
            binding,
            utilisation,
            spent: gone.cost.saturating_sub(seat.before.cost),
            gone,
            reserved: seat.purse.reserved(),
            calls: gone.calls.saturating_sub(seat.before.calls),
            answered: seen.answered,
            faults: seen.faults,
            limited: seen.limited,
            used: seen.tokens,
            mean: seen.waited.checked_div(answered).unwrap_or_default(),
            p50: within(50),
            p95: within(95),
            p99: within(99),
            paused: limiter
                .budget()
                .paused_until(now)
                .map(|until| until.saturating_sub(now)),
            daily: limiter.budget().daily(now),
            down: limiter.is_open(),
            starts: seat
                .starts
                .map(|(first, last)| last.since(first))
                .unwrap_or_default(),
            refunds: limiter.budget().refunds(),
        }
    }

    /// The share of what the limits allow that was made use of while calls were to be started, and the limit that
    /// bound: the least time in which as many could have been started, to the time it took. The answers of the last
    /// ones are waited for in any case; nothing can be said of a single call.
    #[must_use]
    pub fn pace(&self) -> Option<(f64, Binding)> {
        let Starts {
            count,
            reserved,
            first,
            last,
        } = self.starts;
        let took = last
            .checked_sub(first)
            .filter(|took| !took.is_zero())?
            .as_secs_f64();
        let more = count.saturating_sub(1) as f64;
        let minute = WINDOW.as_secs_f64();
        let latency = self.mean.as_secs_f64();
        let apart = minute / self.limit_requests as f64;
        // A call counts what it reserved until it is answered, and what it used from then on.
        let each = reserved as f64 / count as f64;
        let used = self.used as f64 / self.answered.max(1) as f64;
        let counted = match self.refunds {
            Refunds::Given => used + (each - used).max(0.0) * (latency / minute).min(1.0),
            Refunds::Withheld => each,
        };
        // Each minute takes so many, as fast as requests may follow each other.
        let fit = (self.limit_tokens as f64 / counted.max(1.0)).max(1.0);
        let full = (more / fit).floor();
        let rows = [
            (Binding::Requests, more * apart),
            (Binding::Tokens, full * minute + (more - full * fit) * apart),
            (
                Binding::InFlight,
                (count as f64 / self.allowed as f64 - 1.0) * latency,
            ),
        ];
        // Where no minute is filled, requests alone decide.
        let rows = rows
            .into_iter()
            .filter(|row| row.0 != Binding::Tokens || full > 0.0);
        let (binding, least) = rows.max_by(|a, b| a.1.total_cmp(&b.1))?;
        Some(((least / took).clamp(0.0, 1.0), binding))
    }
}
