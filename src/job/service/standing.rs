//! How far a job is, with all that follows from it: what clients, metrics and the command line show alike.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::job::progress::{Hold, Progress};
use crate::llm::stats::Stats;
use crate::model::record::ChunkCounts;
use crate::model::unit::Micros;

/// Files of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Files {
    /// All that are to be read.
    pub total: u64,
    /// Those that were read.
    pub read: u64,
    /// Those that could not be.
    pub failed: u64,
}

/// The chunks of all documents, as they were published last: they add up to `total`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "as in the table `documents`")]
pub struct Chunks {
    pub total: u64,
    pub ok: u64,
    pub failed: u64,
    pub dropped: u64,
    pub duplicate: u64,
    pub pending: u64,
    pub unasked: u64,
}

impl From<ChunkCounts> for Chunks {
    fn from(counts: ChunkCounts) -> Self {
        Self {
            total: counts.total,
            ok: counts.ok,
            failed: counts.failed,
            dropped: counts.dropped,
            duplicate: counts.duplicate,
            pending: counts.pending,
            unasked: counts.unasked,
        }
    }
}

/// What a limit allows in a minute, and what is used of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Used {
    /// In the last minute.
    pub used: u64,
    /// At most in a minute; null if there is no limit.
    pub limit: Option<u64>,
}

/// Of the last answers, how long they took, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Latency {
    /// Half of them took no longer.
    pub p50: f64,
    /// 95 of 100.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
}

/// How far a job is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Standing {
    /// When this was so, RFC 3339.
    pub at: String,
    /// Seconds of this run.
    pub elapsed_s: f64,
    /// Whether all files are known: before, totals still grow.
    pub listed: bool,
    /// Files of this run.
    pub files: Files,
    /// Chunks as published.
    pub chunks: Chunks,
    /// Chunks to be asked in this run; those that are known are not among them.
    pub asked: u64,
    /// Those of them that are answered.
    pub answered: u64,
    /// Chunks whose answer was known.
    pub cached: u64,
    /// Calls made in this run, retries included.
    pub calls: u64,
    /// Calls under way.
    pub in_flight: u64,
    /// Chunks that wait for a call.
    pub waiting: u64,
    /// Requests a minute, of all jobs that share the limit.
    pub requests: Used,
    /// Tokens a minute, of all jobs that share the limit.
    pub tokens: Used,
    /// What holds the calls back most.
    pub binding: String,
    /// The share of it that is used.
    pub utilisation: f64,
    /// Whether the provider is held to be down.
    pub provider_down: bool,
    /// Why no call is made, in words, if chunks wait and one is not made for long.
    pub held: Option<String>,
    /// When that ends, if it is known.
    pub held_until: Option<String>,
    /// Answers a minute, over the run.
    pub rate_per_minute: Option<f64>,
    /// Seconds left, if it can be said.
    pub left_s: Option<f64>,
    /// What this run has cost; null if prices are not known.
    pub cost_usd: Option<f64>,
    /// The most that calls that broke off, whose cost nobody says, may have cost besides.
    #[serde(default)]
    pub unsure_usd: f64,
    /// What it will have cost.
    pub projected_usd: Option<f64>,
    /// Whether prices are known.
    pub price_known: bool,
    /// Input tokens of this run.
    pub input_tokens: u64,
    /// Output tokens of this run.
    pub output_tokens: u64,
    /// How long answers take.
    pub latency_s: Option<Latency>,
    /// Answers that said: too fast.
    pub refused: u64,
    /// Calls that ended in any fault.
    pub faults: u64,
    /// What failed, by reason.
    pub failures: BTreeMap<String, u64>,
    /// The epoch that was published last.
    pub epoch: u64,
}

impl Standing {
    /// From what a run counts and how its gate stands.
    #[must_use]
    pub fn of(now: Micros, progress: &Progress, stats: Option<&Stats>) -> Self {
        let files = progress.files;
        let used = |pace: crate::job::progress::Pace| Used {
            used: pace.used,
            limit: pace.limit,
        };
        // Without a limit in sight (rules have none) nothing binds.
        let limited = progress.requests.limit.is_some() || progress.tokens.limit.is_some();
        let gate = stats.filter(|_| limited);
        Self {
            at: now.to_string(),
            elapsed_s: progress.elapsed.as_secs_f64(),
            listed: progress.listed,
            files: Files {
                total: files.total,
                read: files.read,
                failed: files.failed,
            },
            chunks: progress.chunks.into(),
            asked: progress.asked,
            answered: progress.answered,
            cached: progress.cached,
            calls: progress.calls,
            in_flight: progress.in_flight,
            waiting: progress.waiting,
            requests: used(progress.requests),
            tokens: used(progress.tokens),
            binding: gate.map_or("", |stats| stats.binding.name()).to_owned(),
            utilisation: gate.map_or(0.0, |stats| stats.utilisation),
            provider_down: stats.is_some_and(|stats| stats.down),
            held: progress.held.map(|held| held.why().to_owned()),
            held_until: progress.held.and_then(Hold::left).map(|left| {
                let left = i64::try_from(left.as_micros()).unwrap_or(i64::MAX);
                Micros(now.0.saturating_add(left)).to_string()
            }),
            rate_per_minute: progress.rate(),
            left_s: progress.left().map(|left| left.as_secs_f64()),
            cost_usd: progress.price_known.then(|| progress.spent.dollars()),
            unsure_usd: progress.unsure.dollars(),
            projected_usd: progress.projected().map(crate::model::unit::Usd::dollars),
            price_known: progress.price_known,
            input_tokens: progress.input_tokens,
            output_tokens: progress.output_tokens,
            latency_s: stats
                .filter(|stats| stats.answered > 0)
                .map(|stats| Latency {
                    p50: stats.p50.as_secs_f64(),
                    p95: stats.p95.as_secs_f64(),
                    p99: stats.p99.as_secs_f64(),
                }),
            refused: stats.map_or(0, |stats| stats.limited),
            faults: stats.map_or(0, |stats| stats.faults),
            failures: progress.failures.clone(),
            epoch: progress.epoch,
        }
    }

    /// Whether anything but the time is other than before.
    #[must_use]
    pub fn moved(&self, before: &Self) -> bool {
        let still = Self {
            at: before.at.clone(),
            elapsed_s: before.elapsed_s,
            rate_per_minute: before.rate_per_minute,
            left_s: before.left_s,
            requests: before.requests,
            tokens: before.tokens,
            utilisation: before.utilisation,
            held_until: before.held_until.clone(),
            ..self.clone()
        };
        still != *before
    }
}
