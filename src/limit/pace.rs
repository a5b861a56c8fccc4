//! How many calls in flight: up by four a round trip when full, down by a ratio when pushed back.
//!
//! The rate limits are the throttle; this is the brake for a server that bears less than it allows. It starts
//! where the allowed rate and the expected latency put it (Little's law), since climbing there from below costs
//! more than a run of minutes has: in simulation 1,244 s from 20 against 527 s from there.

use std::time::Duration;

/// The latency expected before one is known.
pub const EXPECTED_LATENCY: Duration = Duration::from_secs(20);
/// It never brakes below this, unless less is allowed from the start.
const LEAST: f64 = 4.0;
/// Room above Little's law: latencies scatter, and the answers that are there first are the quick ones. With a fifth, a
/// run of 1,767 calls of 20 s lost 2 s on its way up.
const SLACK: f64 = 1.5;
/// What was borne is forgotten by a tenth with every round trip.
const FADES: f64 = 0.1;
/// Latencies alone widen it no further than this times its start: they also grow with the load.
const WIDER: f64 = 3.0;

/// The allowed number of calls in flight.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    allowed: f64,
    most: f64,
    /// In flight when calls came back whole, of late.
    proven: f64,
    /// Below this it doubles with every wave: it was borne before the outage.
    borne: f64,
    cut_at: Option<Duration>,
    /// Calls a second at the allowed rate.
    rate: f64,
    /// What is allowed by what the latencies show, while nothing was ever cut.
    widest: f64,
    short: Speed,
    long: Speed,
    seen: u32,
}

/// Running means of latency and output.
#[derive(Clone, Copy, Debug, Default)]
struct Speed {
    seconds: f64,
    output: f64,
}

impl Speed {
    fn mix(&mut self, new: Self, share: f64) {
        self.seconds += (new.seconds - self.seconds) * share;
        self.output += (new.output - self.output) * share;
    }

    /// Seconds for an output token.
    fn each(self) -> f64 {
        self.seconds / self.output.max(1.0)
    }
}

impl Pace {
    /// Starts at what `requests_per_minute` needs at a latency, at most `most`.
    #[must_use]
    pub fn new(requests_per_minute: u64, latency: Duration, most: usize) -> Self {
        let most = most.max(1) as f64;
        let rate = requests_per_minute as f64 / 60.0;
        let needed = (rate * latency.as_secs_f64()).ceil();
        Self {
            allowed: (SLACK * needed).floor().max(LEAST).min(most),
            most,
            proven: 0.0,
            borne: 0.0,
            cut_at: None,
            rate,
            widest: WIDER * needed,
            short: Speed::default(),
            long: Speed::default(),
            seen: 0,
        }
    }

    /// Another rate and another bound hold from now on; what was learnt of the server stays.
    pub fn allow(&mut self, requests_per_minute: u64, latency: Duration, most: usize) {
        let fresh = Self::new(requests_per_minute, latency, most);
        if self.cut_at.is_none() {
            self.allowed = self.allowed.max(fresh.allowed);
        }
        self.allowed = self.allowed.min(fresh.most);
        (self.most, self.rate, self.widest) = (fresh.most, fresh.rate, fresh.widest);
    }

    /// How many calls may be in flight.
    #[must_use]
    pub fn allowed(&self) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 1 and a usize"
        )]
        let whole = self.allowed as usize;
        whole.max(1)
    }

    /// A call came back whole. `in_flight` counts it.
    pub fn succeeded(&mut self, in_flight: usize) {
        let faded = self.proven * (1.0 - FADES / self.proven.max(1.0));
        self.proven = faded.max(in_flight as f64);
        if in_flight as f64 >= self.allowed / 2.0 {
            let more = if self.allowed < self.borne {
                1.0
            } else {
                4.0 / self.allowed
            };
            self.allowed = (self.allowed + more).min(self.most);
        }
    }

    /// The server had more than it can bear. Once for all calls that were sent before the last cut.
    pub fn pushed_back(&mut self, now: Duration, sent: Duration) {
        self.cut(now, sent, 0.7);
    }

    /// What an answer says of the server's speed. Until the first cut the latencies seen widen the start, which
    /// was made for an expected one; and it brakes when the last dozen calls took half as long again for an
    /// output token as the last hundred.
    pub fn took(&mut self, now: Duration, sent: Duration, latency: Duration, output: u64) {
        let new = Speed {
            seconds: latency.as_secs_f64(),
            output: output as f64,
        };
        self.seen = self.seen.saturating_add(1);
        let share = 1.0 / f64::from(self.seen);
        self.short.mix(new, share.max(1.0 / 12.0));
        self.long.mix(new, share.max(1.0 / 100.0));
        if self.cut_at.is_none() {
            let needed = (self.rate * self.long.seconds * SLACK).min(self.widest);
            self.allowed = self.allowed.max(needed.min(self.most));
        }
        if self.seen >= 50 && self.short.each() > 1.5 * self.long.each() {
            self.cut(now, sent, 0.9);
        }
    }

    /// An outage begins: what was borne until now is what will be borne after it.
    pub fn outage(&mut self) {
        self.borne = self.proven;
    }

    /// The server is back after an outage: near what it has borne, and by one more for every good answer until it is
    /// that again. Requests are spaced in any case, so it does not come all at once; from the least upwards, calls of
    /// twenty seconds took minutes to come back to their rate.
    pub fn restart(&mut self, now: Duration) {
        self.allowed = (0.7 * self.borne).max(LEAST).min(self.most);
        self.cut_at = Some(now);
    }

    fn cut(&mut self, now: Duration, sent: Duration, ratio: f64) {
        // Refusals come quickly, so that more than a wave of calls may be sent and refused before an answer is due.
        let wave = Duration::try_from_secs_f64(self.long.seconds).unwrap_or_default();
        if self.cut_at.is_none_or(|at| sent >= at && now >= at + wave) {
            self.allowed = (self.allowed * ratio).max(LEAST.min(self.most));
            self.cut_at = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn starts_where_the_rate_needs_it() {
        let start = |rate, most| Pace::new(rate, EXPECTED_LATENCY, most).allowed();
        assert_eq!(start(500, 1000), 250);
        assert_eq!(start(500, 100), 100);
        assert_eq!(start(1, 100), 4);
        assert_eq!(start(500, 1), 1);
        assert_eq!(start(500, 0), 1);
    }

    #[test]
    fn other_limits_move_the_bounds_and_keep_what_was_learnt() {
        let mut pace = Pace::new(60, EXPECTED_LATENCY, 1000);
        pace.allow(500, EXPECTED_LATENCY, 1000);
        assert_eq!(pace.allowed(), 250);
        pace.allow(500, EXPECTED_LATENCY, 100);
        assert_eq!(pace.allowed(), 100);
        pace.pushed_back(s(30), s(10));
        pace.allow(500, EXPECTED_LATENCY, 1000);
        assert_eq!(pace.allowed(), 70, "it was pushed back");
    }

    #[test]
    fn four_more_a_round_trip_when_full() {
        let mut pace = Pace::new(500, s(8), 1000);
        let before = pace.allowed();
        for _ in 0..before {
            pace.succeeded(before);
        }
        assert!((before + 3..=before + 4).contains(&pace.allowed()));
        for _ in 0..1000 {
            pace.succeeded(3);
        }
        assert!(pace.allowed() <= before + 4, "an idle lane proves nothing");
    }

    #[test]
    fn one_cut_for_a_whole_wave() {
        let mut pace = Pace::new(500, s(8), 1000);
        for _ in 0..100 {
            pace.pushed_back(s(30), s(10));
        }
        assert_eq!(pace.allowed(), 70);
        pace.pushed_back(s(50), s(31));
        assert_eq!(pace.allowed(), 49);
        for n in 0..100 {
            pace.pushed_back(s(60 + n), s(60 + n));
        }
        assert_eq!(pace.allowed(), 4);
    }

    #[test]
    fn after_an_outage_it_is_soon_what_it_was() {
        let mut pace = Pace::new(500, s(8), 1000);
        pace.succeeded(100);
        pace.outage();
        for n in 0..9 {
            pace.pushed_back(s(n), s(n));
        }
        assert_eq!(pace.allowed(), 4);
        pace.restart(s(10));
        assert_eq!(pace.allowed(), 70);
        let wave = pace.allowed();
        (0..wave).for_each(|_| pace.succeeded(wave));
        assert!((95..=102).contains(&pace.allowed()), "{}", pace.allowed());
        let mut fresh = Pace::new(500, s(8), 1000);
        fresh.restart(s(10));
        assert_eq!(fresh.allowed(), 4, "nothing was borne yet");
    }

    #[test]
    fn brakes_when_the_server_slows_down() {
        let mut pace = Pace::new(500, s(8), 1000);
        for n in 0..200 {
            pace.took(s(n), s(n), s(10), 100);
        }
        assert_eq!(pace.allowed(), 125);
        for n in 200..220 {
            pace.took(s(n), s(n), s(40), 100);
        }
        assert!(pace.allowed() < 125);
    }
}
