//! How far a run is: counts as they stand, and what follows from them. Plain data; arithmetic only.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::run::Live;
use super::summary::clock;
use crate::llm::stats::Stats;
use crate::model::record::ChunkCounts;
use crate::model::unit::Usd;

/// Below this many answers a rate says more of the start than of the run.
const ENOUGH: u64 = 5;

/// Files of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FileCounts {
    /// All that are in the view.
    pub total: u64,
    /// Those that are read, or are known without reading.
    pub read: u64,
    /// Those that could not be read.
    pub failed: u64,
}

/// What a limit allows, and what is used of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pace {
    /// In the last minute.
    pub used: u64,
    /// At most in a minute; `None` if there is no limit.
    pub limit: Option<u64>,
}

impl Pace {
    /// The share in use, if there is a limit.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        let limit = self.limit.filter(|limit| *limit > 0)?;
        Some(self.used as f64 / limit as f64)
    }
}

/// A pause of the provider's that is told: shorter ones are part of how limits work.
const TOLD: Duration = Duration::from_secs(5);

/// Why no call is made though chunks wait for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// The provider does not answer; now and then it is tried.
    Down,
    /// The provider said to wait; how long yet, in seconds.
    Asked(#[serde(serialize_with = "seconds")] Duration),
    /// All calls that the limit of 24 hours takes are made; how long until the next, in seconds.
    Daily(#[serde(serialize_with = "seconds")] Duration),
}

impl Hold {
    fn of(stats: &Stats) -> Option<Self> {
        let daily = stats.daily.map(|day| day.left);
        Self::longest(
            stats.down,
            stats.paused.unwrap_or_default(),
            daily.unwrap_or_default(),
        )
    }

    fn longest(down: bool, asked: Duration, daily: Duration) -> Option<Self> {
        if down {
            Some(Self::Down)
        } else if asked.max(daily) < TOLD {
            None
        } else if daily < asked {
            Some(Self::Asked(asked))
        } else {
            Some(Self::Daily(daily))
        }
    }

    /// In words, whatever is left of it.
    #[must_use]
    pub fn why(self) -> &'static str {
        match self {
            Self::Down => "the provider does not answer; it is tried again, and nothing is lost",
            Self::Asked(_) => "the provider said to wait",
            Self::Daily(_) => "all calls that a day takes are made",
        }
    }

    /// How long it lasts yet, if that is known.
    #[must_use]
    pub fn left(self) -> Option<Duration> {
        match self {
            Self::Down => None,
            Self::Asked(left) | Self::Daily(left) => Some(left),
        }
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.why())?;
        match self.left() {
            Some(left) => write!(f, "; the next call in {}", clock(left)),
            None => Ok(()),
        }
    }
}

/// How far a run is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Progress {
    /// Since the run began.
    #[serde(serialize_with = "seconds")]
    pub elapsed: Duration,
    /// Files.
    pub files: FileCounts,
    /// Whether all files are known: until then totals still grow.
    pub listed: bool,
    /// Chunks, as they add up.
    pub chunks: ChunkCounts,
    /// Chunks that were or will be asked in this run; those of the ledger are not among them.
    pub asked: u64,
    /// Those of them that are answered.
    pub answered: u64,
    /// Answers found in the ledger.
    pub cached: u64,
    /// Calls made, retries included.
    pub calls: u64,
    /// Calls under way.
    pub in_flight: u64,
    /// Chunks that wait for a call.
    pub waiting: u64,
    /// Input tokens of the run's calls.
    pub input_tokens: u64,
    /// Output tokens of the run's calls.
    pub output_tokens: u64,
    /// Requests a minute.
    pub requests: Pace,
    /// Tokens a minute.
    pub tokens: Pace,
    /// Requests in 24 hours, if those are limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daily: Option<Pace>,
    /// Why no call is made, if chunks wait and one is not made for long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<Hold>,
    /// What was spent.
    pub spent: Usd,
    /// The most that calls of unknown cost may have cost besides.
    pub unsure: Usd,
    /// Whether the price is known: if not, `spent` says nothing.
    pub price_known: bool,
    /// Failed chunks and files, by reason.
    pub failures: BTreeMap<String, u64>,
    /// The last epoch whose rows can be read.
    pub epoch: u64,
}

fn seconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

impl Progress {
    /// How far a run is, after so long.
    #[must_use]
    pub fn of(live: &Live, elapsed: Duration) -> Self {
        let counts = live.gauges.counts();
        let stats = live.stats();
        let mut failures = BTreeMap::new();
        if counts.failed > 0 {
            failures.insert("chunks".to_owned(), counts.failed);
        }
        if counts.files_failed > 0 {
            failures.insert("files".to_owned(), counts.files_failed);
        }
        Self {
            elapsed,
            files: FileCounts {
                total: counts.files_total,
                read: counts.files_read,
                failed: counts.files_failed,
            },
            listed: counts.files_read >= counts.files_total,
            chunks: ChunkCounts {
                failed: counts.failed,
                ..ChunkCounts::default()
            },
            asked: counts.asked.saturating_sub(counts.cached),
            answered: counts.answered,
            cached: counts.cached,
            calls: counts.calls,
            waiting: counts.waiting,
            input_tokens: counts.input_tokens,
            output_tokens: counts.output_tokens,
            in_flight: stats.map_or(0, |stats| stats.in_flight as u64),
            requests: stats.map_or_else(Pace::default, |stats| {
                pace(stats.requests, stats.limit_requests)
            }),
            tokens: stats.map_or_else(Pace::default, |stats| {
                pace(stats.tokens, stats.limit_tokens)
            }),
            daily: stats
                .and_then(|stats| stats.daily)
                .map(|day| pace(day.made, day.most)),
            held: stats
                .filter(|_| counts.waiting > 0)
                .and_then(|stats| Hold::of(&stats)),
            spent: Usd(counts.spent),
            unsure: Usd(counts.unsure),
            price_known: counts.price_known == 1,
            failures,
            epoch: counts.published_epoch,
        }
    }

    /// Chunks of this run that are done with, well or not.
    #[must_use]
    pub fn finished(&self) -> u64 {
        let failed = self
            .chunks
            .failed
            .min(self.asked.saturating_sub(self.answered));
        self.answered + failed
    }

    /// Answers a minute, over the whole run; `None` while there are too few.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        let minutes = self.elapsed.as_secs_f64() / 60.0;
        (self.answered >= ENOUGH && minutes > 0.0).then(|| self.answered as f64 / minutes)
    }

    /// Time left, if anything is left and it can be said.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        let open = self.asked.saturating_sub(self.finished());
        if open == 0 || !self.listed || self.held.is_some() {
            return None;
        }
        // Beyond the limit of a day the pace says nothing.
        if let Some(Pace {
            used,
            limit: Some(most),
        }) = self.daily
            && u128::from(open) * u128::from(self.calls)
                > u128::from(most.saturating_sub(used)) * u128::from(self.answered.max(1))
        {
            return None;
        }
        let minutes = open as f64 / self.rate()?;
        Duration::try_from_secs_f64(minutes * 60.0).ok()
    }

    /// What the run will have cost, if the price is known and there are enough answers to tell.
    #[must_use]
    pub fn projected(&self) -> Option<Usd> {
        if !self.price_known || !self.listed {
            return None;
        }
        if self.asked <= self.answered {
            return Some(self.spent);
        }
        (self.answered >= ENOUGH)
            .then(|| self.spent.dollars() * self.asked as f64 / self.answered as f64)
            .and_then(Usd::from_dollars)
    }

    /// All failures.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }
}

/// Beyond any limit that an account has: whoever sets so much, or more, means none. So do rules.
const NO_LIMIT: u64 = 1_000_000_000;

/// What is used, and of what limit.
fn pace(used: u64, limit: u64) -> Pace {
    Pace {
        used,
        limit: (limit < NO_LIMIT).then_some(limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn halfway() -> Progress {
        Progress {
            elapsed: Duration::from_mins(1),
            listed: true,
            asked: 100,
            answered: 50,
            spent: Usd(1_000_000_000),
            price_known: true,
            ..Progress::default()
        }
    }

    #[test]
    fn what_follows_from_the_counts() {
        let run = halfway();
        assert_eq!(run.left(), Some(Duration::from_mins(1)));
        assert_eq!(run.projected(), Some(Usd(2_000_000_000)));
        let unpriced = Progress {
            price_known: false,
            ..halfway()
        };
        assert_eq!(unpriced.projected(), None);
        let growing = Progress {
            listed: false,
            ..halfway()
        };
        assert_eq!((growing.left(), growing.projected()), (None, None));
        let failing = Progress {
            chunks: ChunkCounts {
                failed: 50,
                ..ChunkCounts::default()
            },
            ..halfway()
        };
        assert_eq!((failing.finished(), failing.left()), (100, None));
    }

    #[test]
    fn what_holds_longest_is_told_if_it_is_long() {
        let [none, brief, long] = [0, 4, 60].map(Duration::from_secs);
        let longest = Hold::longest;
        assert_eq!(longest(true, long, long), Some(Hold::Down));
        assert_eq!(longest(false, brief, brief), None);
        assert_eq!(longest(false, long, brief), Some(Hold::Asked(long)));
        assert_eq!(longest(false, brief, long), Some(Hold::Daily(long)));
        assert_eq!(longest(false, none, none), None);
    }

    #[test]
    fn what_holds_a_run_leaves_its_end_open() {
        let day = |used| Progress {
            calls: 50,
            daily: Some(Pace {
                used,
                limit: Some(200),
            }),
            ..halfway()
        };
        assert_eq!(day(150).left(), Some(Duration::from_mins(1)));
        assert_eq!(day(151).left(), None);
        let hour = Duration::from_hours(1);
        for (held, words) in [
            (Hold::Down, "the provider does not answer"),
            (
                Hold::Asked(hour),
                "the provider said to wait; the next call in 1h00m",
            ),
            (Hold::Daily(hour), "are made; the next call in 1h00m"),
        ] {
            let run = Progress {
                held: Some(held),
                ..halfway()
            };
            assert_eq!(run.left(), None);
            assert!(held.to_string().contains(words), "{held}");
        }
    }

    /// Some accounts may use 150 million tokens a minute.
    #[test]
    fn what_is_used_is_told_whatever_the_limit() {
        let wide = pace(5, 150_000_000);
        assert_eq!((wide.used, wide.limit), (5, Some(150_000_000)));
        let none = pace(5, u64::MAX);
        assert_eq!((none.used, none.limit), (5, None));
    }

    #[test]
    fn nothing_yet_is_nothing_said() {
        let start = Progress::default();
        assert_eq!((start.rate(), start.left()), (None, None));
        assert_eq!(
            Pace {
                used: 3,
                limit: Some(0)
            }
            .share(),
            None
        );
    }
}
