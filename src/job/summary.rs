//! What a run did: what changed, what it cost, what failed and how to go on, where the tables are.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::model::record::ChunkCounts;
use crate::model::unit::Usd;

/// What changed of a view, in documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// Documents that are new.
    pub added: u64,
    /// Documents whose content is another.
    pub changed: u64,
    /// Documents that are gone.
    pub removed: u64,
    /// Documents that are as they were.
    pub unchanged: u64,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Everything was answered.
    #[default]
    Complete,
    /// Everything was asked; some failed.
    Failures,
    /// Only some were to be asked; the others are left.
    Part,
    /// A cap of the budget was reached.
    Budget,
    /// The provider refused: key, quota, certificate.
    Refused,
    /// It was interrupted.
    Interrupted,
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// The dataflow.
    pub dataflow: String,
    /// How it ended.
    pub ending: Ending,
    /// Documents.
    pub documents: Changes,
    /// Chunks of the whole view, as they add up.
    pub chunks: ChunkCounts,
    /// Answers of this run's calls.
    pub called: u64,
    /// Answers found in the ledger.
    pub cached: u64,
    /// Calls, retries included.
    pub calls: u64,
    /// Input tokens of this run.
    pub input_tokens: u64,
    /// Output tokens of this run.
    pub output_tokens: u64,
    /// What this run cost; `None` if the price is unknown.
    pub cost: Option<Usd>,
    /// The most that calls of unknown cost, such as broke off, may have cost besides.
    pub unsure: Usd,
    /// What failed in this run, by reason.
    pub failures: BTreeMap<String, u64>,
    /// Failed chunks that the next run asks again by itself.
    pub transient: u64,
    /// The rows of each table.
    pub tables: BTreeMap<String, u64>,
    /// Where the tables are.
    #[serde(serialize_with = "lossy")]
    pub output: PathBuf,
    /// The epoch that can be read now.
    pub epoch: u64,
    /// The limit that bound, and the mean share of it in use while calls were waiting.
    pub bound: Option<(String, f64)>,
    /// How long it took.
    #[serde(skip)]
    pub elapsed: Duration,
}

/// A path of odd bytes is shown as well as can be, rather than losing the whole summary.
fn lossy<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

impl Summary {
    /// For people, a line each.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let written = self.write(&mut text);
        debug_assert!(written.is_ok());
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let ending = match self.ending {
            Ending::Complete => "complete",
            Ending::Failures => "done, with failures",
            Ending::Part => "a part was asked",
            Ending::Budget => "stopped: the budget is spent",
            Ending::Refused => "stopped: the provider does not answer",
            Ending::Interrupted => "interrupted",
        };
        writeln!(
            out,
            "{}: {ending} in {}",
            self.dataflow,
            clock(self.elapsed)
        )?;
        let documents = self.documents;
        writeln!(
            out,
            "documents  {} added, {} changed, {} removed, {} unchanged",
            documents.added, documents.changed, documents.removed, documents.unchanged
        )?;
        let c = self.chunks;
        write!(out, "chunks     {}: {} ", c.total, c.ok)?;
        if self.tables.contains_key("repeats") {
            write!(out, "distinct")?;
        } else {
            write!(out, "answered ({} new, {} known)", self.called, self.cached)?;
        }
        for (count, name) in [
            (c.duplicate, "duplicate"),
            (c.dropped, "dropped"),
            (c.failed, "failed"),
            (c.pending, "pending"),
            (c.unasked, "not asked"),
        ] {
            if count > 0 {
                write!(out, ", {count} {name}")?;
            }
        }
        writeln!(out)?;
        if self.calls > 0 {
            let cost = self.cost.map_or_else(
                || "cost unknown: the price of this model is not known".to_owned(),
                |cost| match self.unsure {
                    Usd(0) => cost.to_string(),
                    unsure => format!("{cost}, and at most {unsure} for calls that broke off"),
                },
            );
            writeln!(
                out,
                "calls      {}: {} tokens in, {} out, {cost}",
                self.calls, self.input_tokens, self.output_tokens
            )?;
        }
        if let Some((limit, share)) = &self.bound {
            writeln!(out, "pace       {:.0}% of {limit}", share * 100.0)?;
        }
        self.write_failures(out)?;
        let rows: Vec<String> = self
            .tables
            .iter()
            .map(|(table, rows)| format!("{table} {rows}"))
            .collect();
        if !rows.is_empty() {
            writeln!(out, "rows       {}", rows.join(", "))?;
        }
        let folder = self.output.display();
        writeln!(out, "tables     {folder} (epoch {})", self.epoch)?;
        writeln!(out, "           duckdb -init {folder}/views.sql")
    }

    fn write_failures(&self, out: &mut String) -> std::fmt::Result {
        let all: u64 = self.failures.values().sum();
        if all > 0 {
            let reasons: Vec<String> = self
                .failures
                .iter()
                .map(|(reason, count)| format!("{reason} {count}"))
                .collect();
            writeln!(
                out,
                "failures   {}: SELECT * FROM failures",
                reasons.join(", ")
            )?;
            if self.transient > 0 {
                writeln!(
                    out,
                    "           {} are asked again by the next run",
                    self.transient
                )?;
            }
            let chunks = self.chunks.failed;
            if chunks > self.transient {
                writeln!(
                    out,
                    "           {} only with --retry-failures",
                    chunks - self.transient
                )?;
            }
            if all > chunks {
                writeln!(
                    out,
                    "           {} files could not be read: SELECT path, message FROM failures",
                    all - chunks
                )?;
            }
        }
        match self.ending {
            Ending::Complete | Ending::Failures => Ok(()),
            Ending::Part => writeln!(
                out,
                "           a run of all asks the rest; what is answered is known to it"
            ),
            Ending::Budget => writeln!(
                out,
                "           the same run with a higher cap goes on from here"
            ),
            Ending::Refused => writeln!(
                out,
                "           once that is mended, the same run goes on from here"
            ),
            Ending::Interrupted => writeln!(out, "           the same run goes on from here"),
        }
    }
}

/// A stretch of time: `4.2s`, `3m07s`, `2h05m`.
#[must_use]
pub fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds}.{}s", time.subsec_millis() / 100),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_says_it_all() {
        let summary = Summary {
            dataflow: "knowledge-graph".into(),
            ending: Ending::Failures,
            documents: Changes {
                added: 3,
                ..Changes::default()
            },
            chunks: ChunkCounts {
                total: 10,
                ok: 7,
                failed: 2,
                duplicate: 1,
                ..ChunkCounts::default()
            },
            called: 5,
            cached: 2,
            calls: 4,
            input_tokens: 4000,
            output_tokens: 900,
            cost: Usd::from_dollars(0.0421),
            unsure: Usd(0),
            failures: BTreeMap::from([("refused".into(), 1), ("unreachable".into(), 1)]),
            transient: 1,
            tables: BTreeMap::from([("entities".into(), 12)]),
            output: "out/knowledge-graph".into(),
            epoch: 2,
            bound: Some(("tokens a minute".into(), 0.93)),
            elapsed: Duration::from_secs(187),
        };
        assert_eq!(
            summary.text(),
            "knowledge-graph: done, with failures in 3m07s\n\
             documents  3 added, 0 changed, 0 removed, 0 unchanged\n\
             chunks     10: 7 answered (5 new, 2 known), 1 duplicate, 2 failed\n\
             calls      4: 4000 tokens in, 900 out, $0.0421\n\
             pace       93% of tokens a minute\n\
             failures   refused 1, unreachable 1: SELECT * FROM failures\n           \
                        1 are asked again by the next run\n           \
                        1 only with --retry-failures\n\
             rows       entities 12\n\
             tables     out/knowledge-graph (epoch 2)\n           \
                        duckdb -init out/knowledge-graph/views.sql\n"
        );
    }

    #[test]
    fn times() {
        for (seconds, text) in [
            (4.2, "4.2s"),
            (59.99, "59.9s"),
            (187.0, "3m07s"),
            (7500.0, "2h05m"),
        ] {
            assert_eq!(clock(Duration::from_secs_f64(seconds)), text);
        }
    }
}
