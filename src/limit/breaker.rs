//! Nothing but a probe while the provider is down: an outage costs a handful of calls, not all of them.

use std::time::Duration;

use super::Wait;

/// So many outcomes are looked at.
const LOOKED_AT: u32 = 20;
/// The longest time between two probes: less than twenty a minute, and a server that is back is not left alone for long.
const LONGEST: Duration = Duration::from_secs(4);
/// So many probes may be out at once: one that is not refused may only be slow, and of several the fastest tells first.
const OUT: usize = 6;

/// Opens when half of the last twenty calls found the provider down; closes when a probe comes through.
#[derive(Clone, Copy, Debug, Default)]
pub struct Breaker {
    /// The last outcomes, newest in the lowest bit; 1 is bad.
    bad: u32,
    seen: u32,
    /// While it is open: nothing starts until then, after it a probe does.
    open: Option<Duration>,
    /// The probes that are out, by when they were sent.
    probes: [Option<Duration>; OUT],
    /// Probes in vain, in a row.
    vain: u32,
    /// Calls sent before this tell nothing of now.
    since: Duration,
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
        match self.open {
            None => Ok(()),
            Some(_) if self.probes.iter().all(Option::is_some) => Err(Wait::Settled),
            Some(until) if now >= until => Ok(()),
            Some(until) => Err(Wait::Until(until)),
        }
    }

    /// A call starts: while open it is a probe.
    pub fn start(&mut self, now: Duration) {
        if let Some(until) = &mut self.open {
            *until = now + LONGEST;
            if let Some(free) = self.probes.iter_mut().find(|probe| probe.is_none()) {
                *free = Some(now);
            }
        }
    }

    /// Whether a call was a probe; then it is none any more.
    fn returned(&mut self, sent: Duration) -> bool {
        let probe = self.probes.iter_mut().find(|probe| **probe == Some(sent));
        probe.is_some_and(|probe| probe.take().is_some())
    }

    /// A call that tells nothing of the provider's health is over.
    pub fn tells_nothing(&mut self, now: Duration, sent: Duration) {
        if self.returned(sent) && self.open.is_some() {
            self.open = Some(now);
        }
    }

    /// The provider did answer.
    pub fn good(&mut self, now: Duration, sent: Duration) -> Turn {
        if self.open.is_none() {
            self.record(0);
            return Turn::None;
        }
        if !self.returned(sent) {
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
        if self.open.is_some() {
            if !self.returned(sent) {
                return Turn::None;
            }
        } else if sent >= self.since {
            self.record(1);
            let most = self.bad.count_ones() * 2;
            if self.seen < LOOKED_AT || most < LOOKED_AT {
                return Turn::None;
            }
        } else {
            return Turn::None;
        }
        let bound = Duration::from_secs(1 << self.vain.min(5)).min(LONGEST);
        self.vain = self.vain.saturating_add(1);
        self.since = now;
        let wait = bound.mul_f64(0.8 + chance.clamp(0.0, 1.0) / 5.0);
        self.open = Some(now + wait);
        Turn::Opened
    }

    fn record(&mut self, bit: u32) {
        self.bad = (self.bad << 1 | bit) & ((1 << LOOKED_AT) - 1);
        self.seen = (self.seen + 1).min(LOOKED_AT);
    }

    /// Whether it lets calls through freely.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.open.is_none()
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
    fn less_than_twenty_probes_a_minute() {
        let mut breaker = broken();
        let mut now = s(1);
        let mut probes = 0;
        while now <= s(61) {
            match breaker.check(now) {
                Ok(()) => {
                    breaker.start(now);
                    probes += 1;
                    assert_eq!(breaker.bad(now, now, 0.0), Turn::Opened);
                }
                Err(Wait::Until(until)) => now = until,
                Err(other) => panic!("{other:?}"),
            }
        }
        assert!((15..=20).contains(&probes), "{probes}");
        breaker.start(now);
        assert_eq!(breaker.good(now, now), Turn::Closed);
        assert!(breaker.is_closed());
    }

    #[test]
    fn of_several_probes_the_fastest_tells() {
        let mut breaker = broken();
        let sent: Vec<Duration> = (1..=OUT as u64).map(|n| s(10 * n)).collect();
        for at in &sent {
            assert_eq!(breaker.check(*at), Ok(()));
            breaker.start(*at);
            assert!(breaker.check(*at + s(1)).is_err());
        }
        assert_eq!(
            breaker.check(s(100)),
            Err(Wait::Settled),
            "no more than that"
        );
        assert_eq!(breaker.bad(s(100), sent[0], 1.0), Turn::Opened);
        assert_eq!(breaker.good(s(101), sent[4]), Turn::Closed);
        assert_eq!(
            breaker.bad(s(102), sent[5], 1.0),
            Turn::None,
            "it was sent before"
        );
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
