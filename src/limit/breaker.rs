//! Nothing but a probe while the provider is down: an outage costs a handful of calls, not all of them.

use std::time::Duration;

use super::Wait;

/// So many outcomes are looked at.
const LOOKED_AT: u32 = 20;
/// The longest time between two probes: some six a minute, and a server that is back is not left alone for long.
const LONGEST: Duration = Duration::from_secs(15);

/// Opens when half of the last twenty calls found the provider down; closes when a probe comes through.
#[derive(Clone, Copy, Debug, Default)]
pub struct Breaker {
    /// The last outcomes, newest in the lowest bit; 1 is bad.
    bad: u32,
    seen: u32,
    state: State,
    /// Times opened in a row.
    opened: u32,
    /// Calls sent before this tell nothing of now.
    since: Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Closed,
    /// Until then nothing starts; after it one probe does.
    Open(Duration),
    /// The probe, sent then, is out.
    Probing(Duration),
}

/// What an outcome changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing.
    None,
    /// It opened.
    Opened,
    /// It closed: start low.
    Closed,
}

impl Breaker {
    /// Whether a call may start.
    ///
    /// # Errors
    /// When the next probe may.
    pub fn check(&self, now: Duration) -> Result<(), Wait> {
        match self.state {
            State::Closed => Ok(()),
            State::Open(until) if now >= until => Ok(()),
            State::Open(until) => Err(Wait::Until(until)),
            State::Probing(_) => Err(Wait::Settled),
        }
    }

    /// A call starts: while open it is the probe.
    pub fn start(&mut self, now: Duration) {
        if matches!(self.state, State::Open(_)) {
            self.state = State::Probing(now);
        }
    }

    /// A call that tells nothing of the provider's health is over.
    pub fn tells_nothing(&mut self, now: Duration, sent: Duration) {
        if self.state == State::Probing(sent) {
            self.state = State::Open(now);
        }
    }

    /// The provider did answer.
    pub fn good(&mut self, now: Duration, sent: Duration) -> Turn {
        if self.state == State::Closed {
            self.record(0);
            return Turn::None;
        }
        if sent < self.since && self.state != State::Probing(sent) {
            return Turn::None;
        }
        *self = Self {
            since: now,
            ..Self::default()
        };
        Turn::Closed
    }

    /// The provider did not; `chance` is in 0..1.
    pub fn bad(&mut self, now: Duration, sent: Duration, chance: f64) -> Turn {
        match self.state {
            State::Closed if sent >= self.since => {
                self.record(1);
                let most = self.bad.count_ones() * 2;
                if self.seen < LOOKED_AT || most < LOOKED_AT {
                    return Turn::None;
                }
            }
            State::Probing(at) if at == sent => {}
            _ => return Turn::None,
        }
        let bound = Duration::from_secs(1 << self.opened.min(5)).min(LONGEST);
        self.opened = self.opened.saturating_add(1);
        self.since = now;
        let wait = bound.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0);
        self.state = State::Open(now + wait);
        Turn::Opened
    }

    fn record(&mut self, bit: u32) {
        self.bad = (self.bad << 1 | bit) & ((1 << LOOKED_AT) - 1);
        self.seen = (self.seen + 1).min(LOOKED_AT);
    }

    /// Whether it lets calls through freely.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn broken() -> Breaker {
        let mut breaker = Breaker::default();
        for n in 0..19 {
            assert_eq!(breaker.bad(s(1), s(0), 1.0), Turn::None, "{n}");
        }
        assert_eq!(breaker.bad(s(1), s(0), 1.0), Turn::Opened);
        breaker
    }

    #[test]
    fn one_probe_at_a_time_and_ever_fewer() {
        let mut breaker = broken();
        assert_eq!(breaker.check(s(1)), Err(Wait::Until(s(2))));
        let mut now = s(2);
        for wait in [2, 4, 8, 15, 15] {
            breaker.check(now).unwrap();
            breaker.start(now);
            assert_eq!(breaker.check(now), Err(Wait::Settled));
            assert_eq!(breaker.bad(now, now, 1.0), Turn::Opened);
            assert_eq!(breaker.check(now), Err(Wait::Until(now + s(wait))));
            now += s(wait);
        }
        breaker.start(now);
        assert_eq!(breaker.good(now, now), Turn::Closed);
        assert!(breaker.is_closed());
    }

    #[test]
    fn stragglers_of_before_do_not_count() {
        let mut breaker = broken();
        assert_eq!(breaker.bad(s(2), s(0), 1.0), Turn::None);
        assert_eq!(breaker.good(s(2), s(0)), Turn::None);
        breaker.start(s(3));
        assert_eq!(breaker.good(s(4), s(3)), Turn::Closed);
        for _ in 0..30 {
            assert_eq!(breaker.bad(s(5), s(0), 1.0), Turn::None);
        }
    }

    #[test]
    fn half_is_the_measure() {
        let mut breaker = Breaker::default();
        for _ in 0..100 {
            assert_eq!(breaker.good(s(1), s(1)), Turn::None);
            assert_eq!(breaker.good(s(1), s(1)), Turn::None);
            assert_eq!(breaker.bad(s(1), s(1), 0.0), Turn::None);
        }
    }

    #[test]
    fn a_probe_that_tells_nothing_is_sent_again() {
        let mut breaker = broken();
        breaker.start(s(5));
        breaker.tells_nothing(s(6), s(5));
        assert_eq!(breaker.check(s(6)), Ok(()));
    }
}
