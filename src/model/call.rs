//! What goes to a model and what comes back.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::id::{AnswerKey, CallId, Fingerprint, PromptId, SchemaId};
use super::unit::Usd;

/// What is the same for all calls of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The instructions, without any chunk.
    pub prompt: Arc<str>,
    /// Its id.
    pub prompt_id: PromptId,
    /// The JSON Schema of one chunk's answer.
    pub schema: Arc<serde_json::Value>,
    /// Its id.
    pub schema_id: SchemaId,
    /// A short name for the schema, `[A-Za-z0-9_-]{1,64}`.
    pub schema_name: Arc<str>,
    /// The model as asked for.
    pub model: Arc<str>,
    /// Request parameters that go on the wire as they are (`temperature`, `seed`, `service_tier`, ...).
    pub parameters: Arc<serde_json::Map<String, serde_json::Value>>,
}

/// One chunk within a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The id that the model must echo; random, and of this call only.
    pub tag: String,
    /// The chunk.
    pub fingerprint: Fingerprint,
    /// Its ledger key.
    pub key: AnswerKey,
    /// The shown text.
    pub text: Arc<str>,
    /// Its tokens.
    pub tokens: u32,
}

/// One call: a batch of chunks, asked together.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Its id.
    pub call: CallId,
    /// What is asked of each chunk.
    pub question: Arc<Question>,
    /// The chunks, at least one.
    pub chunks: Vec<Asked>,
    /// The most tokens the answer may have.
    pub max_output: u32,
    /// A word on what was wrong with the last answer, if this is another try: a retry must change something.
    pub hint: Option<String>,
}

/// Why the model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// It was done.
    Stop,
    /// It ran into `max_output`: the answer is cut.
    Length,
    /// A filter cut it.
    ContentFilter,
    /// It refused to answer.
    Refusal,
    /// Anything else.
    Other,
}

/// Tokens as the provider counts them; each is a part of the bill.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Usage {
    /// All input tokens, cached ones included.
    pub input: u64,
    /// Those of them that were cached.
    pub cached: u64,
    /// Output tokens, reasoning included.
    pub output: u64,
}

/// What the server says of its limits. Absent, negative or unreadable is unknown, never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitHeaders {
    /// Requests a minute.
    pub limit_requests: Option<u64>,
    /// Tokens a minute.
    pub limit_tokens: Option<u64>,
    /// Requests left.
    pub remaining_requests: Option<u64>,
    /// Tokens left.
    pub remaining_tokens: Option<u64>,
    /// In how long all requests are back.
    pub reset_requests: Option<Duration>,
    /// In how long all tokens are back.
    pub reset_tokens: Option<Duration>,
}

/// A complete 2xx answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The text of the answer; empty if refused.
    pub content: String,
    /// Why the model stopped.
    pub finish: Finish,
    /// What was used, if the server says.
    pub usage: Option<Usage>,
    /// What the server says it cost, if it does.
    pub cost: Option<Usd>,
    /// The model that answered, as the server names it.
    pub model: Option<String>,
    /// The provider's id of the request.
    pub request_id: Option<String>,
    /// What the server says of its limits.
    pub limits: LimitHeaders,
    /// The whole body, as it came.
    pub body: Arc<[u8]>,
    /// From the first byte sent to the last received.
    pub latency: Duration,
}
