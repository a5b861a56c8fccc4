//! What a run is told to do: the plan, with its provider made and its clock and chance handed in.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::house::Account;
use super::reader::Reading;
use crate::flow::engine::Wall;
use crate::flow::scope::Scope;
use crate::limit::{Caps, Limits};
use crate::llm::Provider;
use crate::llm::client;
use crate::model::call::Question;
use crate::model::id::{JobId, KeyContext};
use crate::model::price::Price;
use crate::model::unit::Usd;
use crate::source::{Root, walk};

/// A run.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
pub struct Order {
    /// The name of the dataflow.
    pub dataflow: String,
    /// Where the transcripts are.
    pub roots: Vec<Root>,
    /// Which files are taken.
    pub files: walk::Options,
    /// How they are read and cut up.
    pub reading: Reading,
    /// What is asked of each chunk.
    pub question: Arc<Question>,
    /// What, besides its text, decides a chunk's answer.
    pub context: KeyContext,
    /// Who answers.
    pub provider: Arc<dyn Provider>,
    /// Whether calls cost something: then they, and their bodies, are kept.
    pub paid: bool,
    /// What they cost, if known.
    pub price: Option<Price>,
    /// Whose limits hold.
    pub account: Account,
    /// When they may start.
    pub limits: Limits,
    /// Its part of what the limits allow while other runs want some of it, too: 1, or more for a larger one.
    pub weight: u32,
    /// What may be spent by this run, with those before it that it goes on from.
    pub caps: Caps,
    /// What may be spent in a calendar month by all runs with the same state.
    pub monthly: Option<Usd>,
    /// A folder of this user, in which processes of this machine see each other.
    pub shared: Option<PathBuf>,
    /// How hard it is tried.
    pub client: client::Options,
    /// The output folder.
    pub output: PathBuf,
    /// The state folder.
    pub state: PathBuf,
    /// Workers of the dataflow, at least one.
    pub workers: usize,
    /// The plan, as a hash.
    pub plan: String,
    /// The guards that are lifted.
    pub allow: Allow,
    /// Whether every file is read, however unchanged it looks.
    pub rehash: bool,
    /// Whether chunks that were given up are asked again.
    pub retry_failures: bool,
    /// What may be asked about.
    pub scope: Scope,
    /// The wall clock, for labels.
    pub wall: Wall,
    /// Chance: tags, jitter.
    pub seed: u64,
    /// How fast results appear.
    pub timing: Timing,
    /// Whether it goes on with what comes, changes and goes in the inputs, until it is ended.
    pub watch: bool,
    /// The job that it is done for, if it is one.
    pub job: Option<JobId>,
}

impl Order {
    /// Whether there are limits to keep: rules have none, and most local servers.
    #[must_use]
    pub fn limited(&self) -> bool {
        const NONE: u64 = 100_000_000;
        let limits = &self.limits;
        let minute = limits.requests_per_minute.min(limits.tokens_per_minute);
        self.paid && (minute < NONE || limits.requests_per_day.is_some())
    }

    /// Whether a call may only be sent when it is durable that it will be: a cap counts it, or a limit, and after a crash
    /// the next process has to know of it.
    #[must_use]
    pub fn awaits_intents(&self) -> bool {
        self.paid && (self.caps.any() || self.monthly.is_some() || self.limited())
    }
}

/// What would otherwise be refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "one for each guard")]
pub struct Allow {
    /// Inputs that lack most documents that were there before.
    pub removal: bool,
    /// A ledger that the output was not built from.
    pub new_ledger: bool,
    /// An output that belongs to another dataflow.
    pub other_dataflow: bool,
    /// What the tables hold as answers to an earlier prompt or model stays, instead of being asked anew.
    pub old_answers: bool,
}

/// How fast results appear.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// The least time between two snapshots.
    pub publish: Duration,
    /// How long a chunk waits before it is told as pending; that of the desk if none.
    pub patience: Option<Duration>,
    /// After an interrupt, how long calls in flight are waited for.
    pub grace: Duration,
    /// Under watch, how long a file must have been left alone before it is taken.
    pub quiet: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        // Snapshots more often than twice a second nobody reads; most models answer within half a minute.
        Self {
            publish: Duration::from_millis(500),
            patience: None,
            grace: Duration::from_secs(30),
            // Programs that write a file in pieces seldom pause longer.
            quiet: Duration::from_secs(2),
        }
    }
}
