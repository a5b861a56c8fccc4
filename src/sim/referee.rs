//! Looks on: were the limits kept, what was used, and was anything paid for twice?
//!
//! It knows nothing of how calls are let in: it counts arrivals, refused ones too, in sliding windows of its own.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::Serialize;

use super::admission::{MINUTE, Rates, finer};

/// The windows in which requests are counted.
const WINDOWS: [Duration; 3] = [MINUTE, Duration::from_secs(10), Duration::from_secs(1)];

/// The referee.
#[derive(Debug)]
pub struct Referee {
    rates: Rates,
    /// The rates before, and until when what came under them still counts.
    before: Rates,
    until: Duration,
    times: [VecDeque<Duration>; 3],
    tokens: VecDeque<Counted>,
    held: u64,
    answered: BTreeMap<[u8; 16], u32>,
    seen: Verdict,
}

#[derive(Clone, Copy, Debug)]
struct Counted {
    number: u64,
    at: Duration,
    tokens: u64,
}

/// What the referee saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The most requests in any minute, ten seconds, second.
    pub most_requests: [u64; 3],
    /// Arrivals with which more had come than the limit in a minute, or its even share in ten seconds, a second.
    pub over_requests: [u64; 3],
    /// The most tokens in any minute: as charged until the answer, as used from then on.
    pub most_tokens: u64,
    /// Arrivals with which it was more than the limit.
    pub over_tokens: u64,
    /// Chunks that were answered.
    pub chunks: u64,
    /// Answers to chunks that had been answered before.
    pub repeated: u64,
}

impl Referee {
    /// For these limits.
    #[must_use]
    pub fn new(rates: Rates) -> Self {
        Self {
            rates,
            before: rates,
            until: Duration::ZERO,
            times: Default::default(),
            tokens: VecDeque::new(),
            held: 0,
            answered: BTreeMap::new(),
            seen: Verdict::default(),
        }
    }

    /// Other limits from now on; the old ones hold for the windows that reach back to them, and for the calls on their way.
    pub fn change(&mut self, now: Duration, rates: Rates) {
        self.before = self.rates;
        self.rates = rates;
        self.until = now + 2 * MINUTE;
    }

    /// A call arrived.
    pub fn arrived(&mut self, now: Duration, number: u64, charge: u64) {
        let rates = self.rates_at(now);
        let windows = self.times.iter_mut().zip(WINDOWS).enumerate();
        for (place, (times, window)) in windows {
            while times.front().is_some_and(|first| *first + window <= now) {
                times.pop_front();
            }
            times.push_back(now);
            let count = times.len() as u64;
            let most = rates
                .requests
                .map_or(u64::MAX, |requests| finer(requests, window));
            if let Some(seen) = self.seen.most_requests.get_mut(place) {
                *seen = count.max(*seen);
            }
            if let Some(over) = self.seen.over_requests.get_mut(place) {
                *over += u64::from(count > most);
            }
        }
        while let Some(first) = self.tokens.front().filter(|first| first.at + MINUTE <= now) {
            self.held -= first.tokens;
            self.tokens.pop_front();
        }
        self.held += charge;
        self.tokens.push_back(Counted {
            number,
            at: now,
            tokens: charge,
        });
        self.seen.most_tokens = self.seen.most_tokens.max(self.held);
        self.seen.over_tokens += u64::from(rates.tokens.is_some_and(|most| self.held > most));
    }

    /// A call is over, and used so much.
    pub fn done(&mut self, number: u64, used: u64) {
        let place = self
            .tokens
            .partition_point(|counted| counted.number < number);
        if let Some(counted) = self
            .tokens
            .get_mut(place)
            .filter(|counted| counted.number == number)
        {
            self.held = self.held - counted.tokens + used;
            counted.tokens = used;
        }
    }

    /// A chunk got its answer, and the client has it.
    pub fn answered(&mut self, chunk: &str) {
        let mut key = [0; 16];
        let hash = blake3::hash(chunk.as_bytes());
        key.iter_mut()
            .zip(hash.as_bytes())
            .for_each(|(to, from)| *to = *from);
        let times = self.answered.entry(key).or_default();
        *times += 1;
        if *times == 1 {
            self.seen.chunks += 1;
        } else {
            self.seen.repeated += 1;
        }
    }

    /// What it saw so far.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.seen
    }

    fn rates_at(&self, now: Duration) -> Rates {
        if now >= self.until {
            return self.rates;
        }
        let higher = |one: Option<u64>, other: Option<u64>| Some(one?.max(other?));
        Rates {
            requests: higher(self.before.requests, self.rates.requests),
            tokens: higher(self.before.tokens, self.rates.tokens),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::admission::{Admission, Law, Model};

    const RATES: Rates = Rates {
        requests: Some(60),
        tokens: Some(10_000),
    };

    /// Calls as fast as an admission lets them in; the referee looks on.
    fn watch(law: Law, tokens: u64) -> Verdict {
        let mut chance = fastrand::Rng::with_seed(5);
        let mut admission = Admission::new(law);
        let mut referee = Referee::new(RATES);
        let mut now = Duration::ZERO;
        let mut number = 0;
        while now < 5 * MINUTE {
            now += Duration::from_millis(chance.u64(0..400));
            if admission.clone().arrive(now, tokens).is_err() {
                continue;
            }
            let id = admission.arrive(now, tokens).unwrap();
            referee.arrived(now, number, tokens);
            let used = tokens / 2;
            admission.settle(now, id, tokens, used);
            referee.done(number, used);
            number += 1;
        }
        referee.verdict()
    }

    #[test]
    fn a_provider_that_keeps_its_limits_is_clean() {
        for law in [
            Law {
                rates: RATES,
                ..Law::default()
            },
            Law {
                rates: RATES,
                model: Model::Finer(Duration::from_secs(1)),
                refunds: false,
            },
        ] {
            for tokens in [100, 600] {
                let seen = watch(law, tokens);
                assert_eq!(
                    (seen.over_requests[0], seen.over_tokens),
                    (0, 0),
                    "{law:?} {seen:?}"
                );
            }
        }
    }

    /// A bucket as large as the limit lets almost twice of it into one minute, and so does a counter that starts anew.
    #[test]
    fn a_provider_that_does_not_is_caught() {
        let law = |model| Law {
            rates: RATES,
            model,
            refunds: true,
        };
        for model in [Model::Bucket(MINUTE), Model::Fixed] {
            let seen = watch(law(model), 100);
            assert!(
                seen.over_requests[0] > 0 && seen.most_requests[0] > 60,
                "{model:?} {seen:?}"
            );
            let seen = watch(law(model), 600);
            assert!(
                seen.over_tokens > 0 && seen.most_tokens > 10_000,
                "{model:?} {seen:?}"
            );
        }
        let seen = watch(law(Model::Sliding), 100);
        assert!(
            seen.over_requests[2] > 0,
            "sixty at once are too many in a second: {seen:?}"
        );
    }

    #[test]
    fn as_counted_by_hand() {
        let mut chance = fastrand::Rng::with_seed(9);
        let mut referee = Referee::new(RATES);
        let mut at: Vec<Duration> = Vec::new();
        for number in 0..600 {
            let step = chance.u64(0..2000);
            let now = at.last().copied().unwrap_or_default() + Duration::from_millis(step);
            at.push(now);
            referee.arrived(now, number, 10);
        }
        let most = |window: Duration| {
            let counts = at.iter().map(|end| {
                at.iter()
                    .filter(|one| **one <= *end && **one + window > *end)
                    .count()
            });
            counts.max().unwrap() as u64
        };
        assert_eq!(referee.verdict().most_requests, WINDOWS.map(most));
        assert_eq!(referee.verdict().most_tokens, 10 * most(MINUTE));
    }

    #[test]
    fn paid_for_twice() {
        let mut referee = Referee::new(RATES);
        for chunk in ["a", "b", "a", "a"] {
            referee.answered(chunk);
        }
        assert_eq!(
            (referee.verdict().chunks, referee.verdict().repeated),
            (2, 2)
        );
    }
}
