//! Floor 3: the checked plan, the only thing that a run is built from.
//!
//! ```text
//!   dataflow file   what is asked, of what, in which form      file, shipped, key
//!   weir.toml       limits, servers, models: the operator's    file, models
//!   environment     keys, the server                           handed in as values
//!   flags, --set    anything, for this run                     handed in as values
//!                        |
//!                    resolve -> Plan, with the origin of every value; or all problems at once
//! ```
//!
//! A later line wins. `estimate` says what a plan will call and cost before anything is spent.

pub mod error;
pub mod estimate;
mod file;
mod hash;
pub mod key;
mod limits;
pub mod models;
pub mod operator;
pub mod origin;
mod place;
mod provider;
mod question;
pub mod resolve;
mod settings;
pub mod shipped;
#[cfg(test)]
mod tests;
mod value;

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use file::{is_dataflow_text, parse_set};
pub use provider::RULES as RULES_MODEL;
pub use resolve::resolve;

use crate::limit::Limits;
use crate::llm::preset::Preset;
use crate::model::call::Question;
use crate::model::id::KeyContext;
use crate::model::price::Price;
use crate::model::unit::Usd;
use crate::secret::Secret;
use crate::source::{Root, walk};
use crate::stage::chunk;
use crate::stage::transcript::metadata::Pattern;
use origin::Origin;

/// What to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Roots {
    /// The sample transcripts that come with the program.
    Samples,
    /// Files and folders, each under a label of its own.
    Given(Vec<Root>),
}

/// How chunks are put together into calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// The most chunks of a call; adapted if not given.
    pub chunks: Option<NonZeroU32>,
    /// Tokens of a call's chunks at the start; adapted from there.
    pub tokens: NonZeroU32,
    /// How long a batch that is not full waits for more chunks.
    pub linger: Duration,
}

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderChoice {
    /// The embedded rules: no key, no network, no cost.
    Rules,
    /// Nobody: the dataflow asks nothing.
    Nobody,
    /// A server that speaks Chat Completions.
    OpenAi {
        /// Up to what stands before `/chat/completions`, without a slash at the end.
        base_url: String,
        /// The kind of server.
        preset: Preset,
        /// The key, if there is one that may be sent there.
        key: Option<Secret>,
        /// The longest that one call may take.
        timeout: Duration,
    },
}

impl ProviderChoice {
    /// Its name in tables and messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Nobody => "none",
            Self::OpenAi { .. } => "openai",
        }
    }
}

/// What may be spent by one run, and by all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// The most money.
    pub max_cost: Option<Usd>,
    /// The most calls, retries included.
    pub max_calls: Option<u64>,
    /// The most tokens, input and output together.
    pub max_tokens: Option<u64>,
    /// The most money in a calendar month, over all that is run with the same state.
    pub monthly: Option<Usd>,
}

impl Budget {
    /// Whether there is a cap at all.
    #[must_use]
    pub fn capped(&self) -> bool {
        self.max_cost.is_some() || self.max_calls.is_some() || self.max_tokens.is_some()
    }
}

/// A value of the plan and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its key.
    pub key: String,
    /// The value, for people; secrets are `***`.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

/// A checked plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The dataflow's name, `[A-Za-z0-9_-]{1,64}`.
    pub name: String,
    /// What it makes.
    pub description: String,
    /// What to read.
    pub roots: Roots,
    /// Which files of it.
    pub source: walk::Options,
    /// What the paths of files say of their documents.
    pub metadata: Option<Pattern>,
    /// How documents are cut.
    pub chunk: chunk::Options,
    /// Chunks worth less are not asked; of 1000.
    pub value_min: u16,
    /// How chunks are put together into calls.
    pub batch: Batching,
    /// What is asked.
    pub question: Arc<Question>,
    /// What decides an answer besides its chunk.
    pub key_context: KeyContext,
    /// Who answers.
    pub provider: ProviderChoice,
    /// What it costs; `None` if unknown.
    pub price: Option<Price>,
    /// The most tokens of a prompt, if known.
    pub context: Option<u64>,
    /// The most tokens of an answer, if known.
    pub max_output: Option<u64>,
    /// What the server allows.
    pub limits: Limits,
    /// What may be spent.
    pub budget: Budget,
    /// The folder of the tables.
    pub output: PathBuf,
    /// The folder of the state.
    pub state: PathBuf,
    /// Worker threads; rows do not depend on it.
    pub workers: NonZeroUsize,
    /// Every value and its origin, in the order of the data.
    pub origins: Vec<Setting>,
    /// What the user should know though it is not wrong.
    pub notes: Vec<String>,
    /// Of all that decides rows: equal hashes over equal files are equal tables.
    pub hash: String,
    /// Of what decides how a file becomes chunks.
    pub reading: String,
}

impl Plan {
    /// Whether calls may cost money: they go over the network, and are not known to be free.
    #[must_use]
    pub fn paid(&self) -> bool {
        let remote = match &self.provider {
            ProviderChoice::Rules | ProviderChoice::Nobody => false,
            ProviderChoice::OpenAi { base_url, .. } => !provider::is_loopback(base_url),
        };
        remote && !self.price.is_some_and(is_free)
    }

    /// Whether calls count in the month: they may cost money, or a price was given for a server on this machine.
    #[must_use]
    pub fn costs(&self) -> bool {
        self.paid() || self.price.is_some_and(|price| !is_free(price))
    }
}

fn is_free(price: Price) -> bool {
    price.input == 0.0 && price.cached == 0.0 && price.output == 0.0
}
