//! What is written down of a call: that it is about to be sent; and, durably before anybody sees it, what came of it.
//!
//! The implementation stamps rows with wall-clock time; here is none.

use std::sync::Arc;
use std::time::Duration;

use super::BoxFuture;
use crate::model::call::{Finish, Question, Usage};
use crate::model::fault::FaultKind;
use crate::model::id::{AnswerKey, CallId, Fingerprint};
use crate::model::unit::{Micros, Usd};

/// Where calls are written down.
pub trait Journal: Send + Sync {
    /// A call is about to be sent. It returns before the call is. Where money is capped it is durable by then, so that a
    /// crash leaves the intent; elsewhere an implementation may only have queued it.
    fn intent(&self, intent: Intent) -> BoxFuture<'_, Result<(), JournalError>>;

    /// A call is over. It returns when that is durable; nobody has seen an answer of it before.
    fn done(&self, done: Done) -> BoxFuture<'_, Result<Kept, JournalError>>;
}

/// How the answers of a call are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Since when.
    pub at: Micros,
    /// Those that had been answered before: that answer stands.
    pub before: Vec<AnswerKey>,
}

/// The journal could not be written: nothing more may be called.
#[derive(Clone, Debug, thiserror::Error)]
#[error("could not record a call")]
pub struct JournalError(#[source] pub Arc<dyn std::error::Error + Send + Sync>);

/// A call about to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
    /// Its id.
    pub call: CallId,
    /// Of the same chunks in the same make-up: 1, 2, ...
    pub attempt: u32,
    /// What is asked.
    pub question: Arc<Question>,
    /// Of which chunks.
    pub keys: Vec<AnswerKey>,
    /// What it is charged with at the limiter.
    pub tokens: u64,
    /// The most that it can cost, if the price is known.
    pub cost_bound: Option<Usd>,
}

/// A call that is over: the facts of a row of `calls`, its body, and the answers that are good.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// Its id.
    pub call: CallId,
    /// Of the same chunks in the same make-up: 1, 2, ...
    pub attempt: u32,
    /// Who was asked.
    pub provider: Arc<str>,
    /// What was asked.
    pub question: Arc<Question>,
    /// How many chunks it asked about.
    pub chunks: u32,
    /// The HTTP status of a fault, or 200.
    pub status: Option<u16>,
    /// `ok`, or the name of the fault.
    pub outcome: &'static str,
    /// Why the model stopped.
    pub finish: Option<Finish>,
    /// How long it waited at the gate.
    pub queued: Duration,
    /// From the first byte sent to the last received.
    pub latency: Duration,
    /// What was used, if the server says so believably.
    pub usage: Option<Usage>,
    /// What it cost, if known. A fault that cannot have been billed costs nothing.
    pub cost: Option<Usd>,
    /// Whether there is a price to reckon with.
    pub price_known: bool,
    /// The provider's id of the request.
    pub request_id: Option<String>,
    /// The whole body of an answer.
    pub body: Option<Arc<[u8]>>,
    /// The good answers of it.
    pub answers: Vec<ValidAnswer>,
}

/// A good answer to one chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidAnswer {
    /// Its ledger key.
    pub key: AnswerKey,
    /// The chunk.
    pub fingerprint: Fingerprint,
    /// What it says, as canonical JSON.
    pub content: String,
    /// Its share of the call's input tokens.
    pub input_tokens: u64,
    /// Its share of the call's output tokens.
    pub output_tokens: u64,
    /// Its share of the cost, if that is known.
    pub cost: Option<Usd>,
}

/// The name of a fault in tables.
#[must_use]
pub fn name(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Unreached => "unreached",
        FaultKind::Connection => "connection",
        FaultKind::Timeout => "timeout",
        FaultKind::RateLimit => "rate_limit",
        FaultKind::SlowDown => "slow_down",
        FaultKind::Overloaded => "overloaded",
        FaultKind::Server => "server",
        FaultKind::TooLarge => "too_large",
        FaultKind::Key => "key",
        FaultKind::Quota => "quota",
        FaultKind::NoModel => "no_model",
        FaultKind::BadSchema => "bad_schema",
        FaultKind::Rejected => "rejected",
        FaultKind::Redirect => "redirect",
        FaultKind::Tls => "tls",
        FaultKind::BadBody => "bad_body",
        FaultKind::TooLongBody => "too_long_body",
    }
}
