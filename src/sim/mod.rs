//! Floor 2: a provider to rehearse against. It speaks OpenAI's wire format on loopback, keeps limits as providers do,
//! takes its time, answers each chunk as a pure function of its text, misbehaves on demand, and looks on as a referee.
//!
//! ```text
//!   http       bytes -> requests; answers -> bytes, if need be not all of them
//!   serve      listens; one task a connection
//!   ask        what a request asks: chunks, schema, charge
//!   desk       what becomes of a call: limits, capacity, faults, latency, answer
//!   admission  who is let in: five kinds of limits
//!   law        how long things take
//!   script     what goes wrong when          fault, refusal, odd   what can go wrong
//!   answer     what the model says           entity, shape         for a knowledge graph, for any schema
//!   referee    were the limits kept, was anything paid for twice
//!   log        every call, kept or written down; a report
//! ```
//!
//! All times are simulated ones. With a time scale of 10 a simulated minute takes six seconds, and latencies shrink
//! with it; what the client is told to wait for is in seconds of its own.
//!
//! Chance is drawn from the seed, the texts of a call and how often they came: the same calls meet the same fate in
//! whatever order they arrive.

pub mod admission;
mod answer;
mod ask;
mod desk;
mod entity;
pub mod fault;
mod http;
pub mod law;
pub mod log;
mod odd;
pub mod referee;
mod refusal;
pub mod script;
mod serve;
mod shape;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use admission::{Law, Rates};
use law::{Latency, Tokens};
use script::Script;

pub use serve::{Service, Simulator};

/// What is said of the limits in the headers of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Told {
    /// All six, as OpenAI does.
    #[default]
    All,
    /// Nothing.
    Nothing,
    /// The number -1, as some proxies do.
    MinusOne,
}

/// How it behaves. The default answers everything at once and has no limits.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Its limits.
    pub law: Law,
    /// What it says of them.
    pub told: Told,
    /// How long an answer takes.
    pub latency: Latency,
    /// Output tokens of an answer, where they are not to be those of its content.
    pub output: Option<Tokens>,
    /// So many calls at once are borne well: with more each takes longer, with twice as many the next is refused.
    pub capacity: Option<u64>,
    /// The most tokens of a prompt.
    pub context: Option<u64>,
    /// What somebody else with the same account spends, all the time.
    pub tenant: Option<Rates>,
    /// What goes wrong.
    pub script: Script,
    /// Simulated seconds in a second; 0 is 1.
    pub scale: f64,
    /// Of all chance.
    pub seed: u64,
    /// Sent with every answer.
    pub headers: Vec<(String, String)>,
    /// US dollars a million input and output tokens.
    pub price: Option<(f64, f64)>,
    /// Where each call is written down, one JSON object a line.
    pub log: Option<PathBuf>,
    /// Whether calls are kept with their requests and texts, for [`Simulator::log`].
    pub keep: bool,
}
