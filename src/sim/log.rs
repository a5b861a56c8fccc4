//! Every call, kept or written down, and what they come to.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::admission::Law;
use super::referee::Verdict;

/// A call as it came in, and what became of it.
#[derive(Clone, Debug, Default)]
pub struct Arrival {
    /// When, since the start.
    pub at: Duration,
    /// When it was over.
    pub done: Option<Duration>,
    /// The texts asked about, in order.
    pub texts: Vec<String>,
    /// Their ids.
    pub tags: Vec<String>,
    /// The status of the answer; 0 for none.
    pub status: u16,
    /// What went wrong, if anything did.
    pub fault: Option<&'static str>,
    /// The tokens it was charged with, and those it used.
    pub tokens: (u64, u64),
    /// The latency that was drawn for it.
    pub latency: Duration,
    /// The whole request.
    pub request: Value,
    /// The value of `authorization`.
    pub key: Option<String>,
}

/// A line of the log: no texts and no keys.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Line<'a> {
    pub(super) call: u64,
    /// Simulated seconds since the start.
    pub(super) at: f64,
    pub(super) done: f64,
    pub(super) model: &'a str,
    pub(super) chunks: usize,
    /// How often these chunks had come before.
    pub(super) again: u32,
    pub(super) charge: u64,
    pub(super) admitted: bool,
    pub(super) fault: Option<&'static str>,
    pub(super) status: u16,
    pub(super) input: u64,
    pub(super) output: u64,
    pub(super) in_flight: u64,
    pub(super) delivered: bool,
}

/// What the calls come to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Simulated seconds since the start.
    pub seconds: f64,
    /// Calls that came in.
    pub calls: u64,
    /// Those with a whole answer that arrived.
    pub answered: u64,
    /// Those that the limits did not let in.
    pub limited: u64,
    /// Those that the capacity did not bear.
    pub overloaded: u64,
    /// Faults by name.
    pub faults: BTreeMap<&'static str, u64>,
    /// Answers by status; 0 for none.
    pub statuses: BTreeMap<u16, u64>,
    /// Limits, and what was paid for twice.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Input tokens that are billed.
    pub input_tokens: u64,
    /// Output tokens that are billed.
    pub output_tokens: u64,
    /// Billed tokens of calls that brought a chunk no answer.
    pub wasted_tokens: u64,
    /// The bill, if there is a price.
    pub cost_usd: Option<f64>,
    /// The most calls in flight.
    pub most_in_flight: u64,
    /// Seconds that calls were in flight, summed up.
    pub busy_seconds: f64,
    /// Connections that were made, and the most at once.
    pub connections: u64,
    /// See `connections`.
    pub most_connections: u64,
    /// Requests that followed a redirect, and those of them that brought a key along.
    pub followed: u64,
    /// See `followed`.
    pub followed_with_key: u64,
}

impl Report {
    /// For people; `law` is what the calls came under at the end.
    #[must_use]
    pub fn text(&self, law: Law) -> String {
        let mut text = String::new();
        let mut line = |name: &str, words: String| {
            // Writing to a string cannot fail.
            let _ok = writeln!(text, "  {name:<12} {words}");
        };
        line(
            "calls",
            format!(
                "{} in {:.1} s, {} answered",
                self.calls, self.seconds, self.answered
            ),
        );
        let [minute, ten, one] = self.verdict.most_requests;
        line(
            "requests",
            format!(
                "{minute} at most in any minute{}, {ten} in 10 s, {one} in 1 s",
                of(law.rates.requests)
            ),
        );
        line(
            "tokens",
            format!(
                "{} at most in any minute{}",
                self.verdict.most_tokens,
                of(law.rates.tokens)
            ),
        );
        let over = self.verdict.over_requests;
        line(
            "over",
            format!(
                "{} calls came above the requests a minute, {} above the tokens; {} above an even share of 10 s, {} of 1 s",
                over[0], self.verdict.over_tokens, over[1], over[2]
            ),
        );
        line(
            "refused",
            format!(
                "{} for limits, {} for capacity",
                self.limited, self.overloaded
            ),
        );
        if !self.faults.is_empty() {
            let faults = self
                .faults
                .iter()
                .map(|(name, count)| format!("{name} {count}"));
            line("faults", faults.collect::<Vec<_>>().join(", "));
        }
        let bill = self
            .cost_usd
            .map_or_else(String::new, |cost| format!(", ${cost:.4}"));
        line(
            "billed",
            format!(
                "{} tokens in, {} out{bill}; {} of them for calls that brought no answer",
                self.input_tokens, self.output_tokens, self.wasted_tokens
            ),
        );
        line(
            "chunks",
            format!(
                "{} answered, {} answers to chunks that had one",
                self.verdict.chunks, self.verdict.repeated
            ),
        );
        line(
            "in flight",
            format!(
                "{} at most, over {} connections at once, {} in all",
                self.most_in_flight, self.most_connections, self.connections
            ),
        );
        if self.followed > 0 {
            line(
                "redirects",
                format!(
                    "{} followed, {} of them with a key",
                    self.followed, self.followed_with_key
                ),
            );
        }
        text
    }
}

fn of(limit: Option<u64>) -> String {
    limit.map_or_else(String::new, |limit| format!(" (limit {limit})"))
}
