//! What is known of a chunk: an answer, a failure, or why there is none yet.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::extraction::Extraction;
use super::id::{AnswerKey, CallId, PromptId, SchemaId};
use super::unit::{Micros, Usd};

/// An answer to one chunk, grounded on its shown text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// Its ledger key: equal keys are equal answers, so comparisons look no further.
    pub key: AnswerKey,
    /// Who answered.
    pub provider: Arc<str>,
    /// The model as asked for.
    pub model: Arc<str>,
    /// The prompt.
    pub prompt: PromptId,
    /// The answer schema.
    pub schema: SchemaId,
    /// When.
    pub answered_at: Micros,
    /// Whether this view paid for it; otherwise it was found in the ledger.
    pub called: bool,
    /// Its share of the call's input tokens.
    pub input_tokens: u64,
    /// Its share of the call's output tokens.
    pub output_tokens: u64,
    /// Its share of the cost, if the price is known.
    pub cost: Option<Usd>,
    /// What it says.
    pub extraction: Extraction,
}

impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}
impl Eq for Answer {}
impl PartialOrd for Answer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Answer {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}
impl std::hash::Hash for Answer {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

/// Why a chunk has no answer though it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailReason {
    /// Transport attempts used up: network, 5xx, rate limits.
    Unreachable,
    /// The provider rejected the request (4xx).
    Rejected,
    /// The model refused.
    Refused,
    /// A filter cut the answer.
    Filtered,
    /// Longer than the model takes, alone.
    TooLong,
    /// Answers kept breaking the schema.
    Invalid,
    /// Answers kept leaving it out.
    Missing,
    /// Answers kept being cut at the most tokens allowed.
    Truncated,
}

impl FailReason {
    /// The name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Rejected => "rejected",
            Self::Refused => "refused",
            Self::Filtered => "filtered",
            Self::TooLong => "too_long",
            Self::Invalid => "invalid",
            Self::Missing => "missing",
            Self::Truncated => "truncated",
        }
    }

    /// Whether the next run asks again by itself: only where the fault was not the chunk's or the model's.
    #[must_use]
    pub fn transient(self) -> bool {
        matches!(self, Self::Unreachable)
    }
}

/// A chunk that was asked and has no answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChunkFailure {
    /// Its ledger key.
    pub key: AnswerKey,
    /// Why.
    pub reason: FailReason,
    /// For people.
    pub message: String,
    /// Calls made for it.
    pub attempts: u32,
    /// The first of them.
    pub first_at: Micros,
    /// The last.
    pub last_at: Micros,
    /// The last call whose body is kept.
    pub call: Option<CallId>,
}

/// What is known of a chunk at an epoch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// Answered.
    Answered(Arc<Answer>),
    /// Asked in vain.
    Failed(Arc<ChunkFailure>),
    /// Being asked; the answer comes as a correction.
    Pending,
    /// Not asked: budget, stop, refusal of the key.
    Unasked,
    /// Nothing to ask: the dataflow has no model.
    Nothing,
}
