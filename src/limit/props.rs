//! Properties in virtual time, with a strict server as the referee.

use std::time::Duration;

use super::limiter::{End, Limiter, Settled};
use super::{Limits, Ticket, Wait};
use crate::model::call::LimitHeaders;

const MINUTE: Duration = Duration::from_mins(1);

/// What the server sees of a call: when it arrived, what it was charged with, and what it used from when on.
struct Seen {
    sent: Duration,
    arrived: Duration,
    charged: u64,
    used: u64,
    done: Duration,
}

impl Seen {
    /// What it counts at `at` in a sliding minute that gives back what was not used.
    fn counts(&self, at: Duration) -> u64 {
        let inside = self.arrived <= at && at < self.arrived + MINUTE;
        match (inside, at >= self.done) {
            (false, _) => 0,
            (true, false) => self.charged,
            (true, true) => self.used,
        }
    }
}

/// Whether the server says in its answers how much is left: as it stood when the call arrived.
#[derive(Clone, Copy, PartialEq)]
enum Says {
    Nothing,
    WhatIsLeft,
}

struct Load {
    says: Says,
    calls: usize,
    charge: std::ops::Range<u64>,
    latency: std::ops::Range<u64>,
}

/// Runs a load through the limiter as fast as it lets it, in order.
fn run(limits: Limits, load: &Load, seed: u64) -> Vec<Seen> {
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut limiter = Limiter::new(limits);
    let mut now = Duration::ZERO;
    let mut all: Vec<Seen> = Vec::new();
    let mut open: Vec<(Duration, Ticket, u64, Duration, LimitHeaders)> = Vec::new();
    while all.len() < load.calls {
        let tokens = chance.u64(load.charge.clone());
        let ticket = loop {
            open.sort_unstable_by_key(|call| std::cmp::Reverse(call.0));
            while let Some(&(done, ticket, used, latency, limits)) = open.last()
                && done <= now
            {
                open.pop();
                let settled = Settled {
                    tokens: Some(used),
                    limits,
                    end: End::Answered {
                        latency,
                        output: used,
                    },
                };
                limiter.settle(done, ticket, settled, 0.5);
            }
            let next = open.last().map(|call| call.0);
            match limiter.try_reserve(now, tokens) {
                Ok(ticket) => break ticket,
                Err(Wait::Until(at)) => now = next.map_or(at, |done| done.min(at)),
                Err(Wait::Settled) => now = next.expect("something is in flight"),
                Err(other) => panic!("{other:?}"),
            }
        };
        let arrived = now + Duration::from_millis(chance.u64(0..1000));
        let latency = Duration::from_millis(chance.u64(load.latency.clone()));
        let used = chance.u64(tokens / 4..=tokens);
        let done = arrived + latency;
        let mut said = LimitHeaders::default();
        if load.says == Says::WhatIsLeft {
            let held: u64 = all.iter().map(|other| other.counts(arrived)).sum();
            said.remaining_tokens = Some(limits.tokens_per_minute.saturating_sub(held + tokens));
            let inside = all
                .iter()
                .filter(|other| other.arrived <= arrived && arrived < other.arrived + MINUTE);
            said.remaining_requests = Some(
                limits
                    .requests_per_minute
                    .saturating_sub(inside.count() as u64 + 1),
            );
        }
        open.push((
            done + Duration::from_millis(30),
            ticket,
            used,
            latency,
            said,
        ));
        all.push(Seen {
            sent: now,
            arrived,
            charged: tokens,
            used,
            done,
        });
    }
    all
}

fn most_in_window(seen: &[Seen], window: Duration, when: impl Fn(&Seen) -> Duration) -> usize {
    let mut times: Vec<_> = seen.iter().map(when).collect();
    times.sort_unstable();
    let mut first = 0;
    let mut most = 0;
    for (n, at) in times.iter().enumerate() {
        while times[first] + window <= *at {
            first += 1;
        }
        most = most.max(n + 1 - first);
    }
    most
}

#[test]
fn never_over_the_limit_in_any_minute() {
    for seed in 0..12 {
        let mut chance = fastrand::Rng::with_seed(seed);
        let limits = Limits {
            requests_per_minute: chance.u64(20..900),
            tokens_per_minute: chance.u64(100_000..1_000_000),
            requests_per_day: None,
            in_flight: 400,
        };
        let load = Load {
            says: Says::Nothing,
            calls: 700,
            charge: 500..chance.u64(600..12_000),
            latency: 200..chance.u64(300..70_000),
        };
        let seen = run(limits, &load, seed);
        let requests = most_in_window(&seen, MINUTE, |call| call.arrived);
        assert!(requests as u64 <= limits.requests_per_minute, "seed {seed}");
        for call in &seen {
            let tokens: u64 = seen.iter().map(|other| other.counts(call.arrived)).sum();
            assert!(tokens <= limits.tokens_per_minute, "seed {seed}: {tokens}");
        }
        for secs in [1, 10] {
            let most = most_in_window(&seen, Duration::from_secs(secs), |call| call.sent);
            let share = (limits.requests_per_minute * secs).div_ceil(60);
            assert!(most as u64 <= share, "seed {seed}: {most} in {secs} s");
        }
    }
}

/// The seed load: 1,767 calls, 500 requests and a million tokens a minute.
#[test]
fn the_window_is_kept_full() {
    let limits = Limits {
        requests_per_minute: 500,
        tokens_per_minute: 1_000_000,
        requests_per_day: None,
        in_flight: 400,
    };
    let requests_bind = Load {
        says: Says::Nothing,
        calls: 1767,
        charge: 400..1000,
        latency: 15_000..40_000,
    };
    let last = |seen: &[Seen]| seen.iter().map(|call| call.done).max().unwrap();
    let seen = run(limits, &requests_bind, 1);
    let took = last(&seen).as_secs_f64();
    let bound = 60.0 * 1767.0 / 500.0 + 27.5;
    assert!(took < bound * 1.08, "{took} s against {bound} s");

    for says in [Says::Nothing, Says::WhatIsLeft] {
        let tokens_bind = Load {
            says,
            calls: 1767,
            charge: 3900..4100,
            latency: 15_000..40_000,
        };
        let seen = run(limits, &tokens_bind, 1);
        let took = last(&seen).as_secs_f64();
        // What is charged while it is in flight and what is used after: 4,000 for 27.5 s, then 2,500.
        let each = 2500.0 + 1500.0 * 27.5 / 60.0;
        let bound = 60.0 * 1767.0 * each / 1e6 + 27.5;
        assert!(took < bound * 1.05, "{took} s against {bound} s");
    }
}

/// A call that needs the whole minute, in the midst of small ones, starts as soon as the window is empty.
#[test]
fn a_large_call_is_not_starved() {
    let limits = Limits {
        requests_per_minute: 600,
        tokens_per_minute: 100_000,
        requests_per_day: None,
        in_flight: 100,
    };
    let mut limiter = Limiter::new(limits);
    let mut now = Duration::ZERO;
    for _ in 0..20 {
        while let Err(Wait::Until(at)) = limiter.try_reserve(now, 1000) {
            now = at;
        }
    }
    let asked = now;
    while let Err(Wait::Until(at)) = limiter.try_reserve(now, 99_000) {
        now = at;
    }
    assert!(now <= asked + Duration::from_secs(61), "{now:?}");
}
