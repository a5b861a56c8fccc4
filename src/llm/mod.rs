//! Floor 2: one batch of chunks to a model, and one reply or one fault back.
//!
//! ```text
//!   client   one batch to its end: gate, journal, send, settle, retry, halve
//!     lane     a job's way through the gate: its purse, its queue, its statistics
//!     monthly  the purse of all jobs of a state
//!     gate     when a call may start: `limit` behind an async door, shared by all jobs
//!     journal  what is durable before anybody sees it
//!     learn    how long answers are and how far the estimates are off
//!   rules    the provider without a model
//!   openai   the provider over HTTP: Chat Completions and what is compatible with it
//!     chat     its wire format, both ways
//!     fault    what its errors mean
//! ```

mod attempt;
pub mod chat;
pub mod client;
#[cfg(test)]
mod client_tests;
pub mod fault;
pub mod gate;
#[cfg(test)]
mod gate_tests;
pub mod journal;
pub mod lane;
#[cfg(test)]
mod lane_tests;
pub mod learn;
pub mod monthly;
pub mod openai;
mod part;
pub mod prepare;
pub mod preset;
#[cfg(test)]
mod refusal_tests;
pub mod rules;
#[cfg(test)]
mod scripted;
pub mod stats;
mod transport;

use std::pin::Pin;

use crate::model::call::{Batch, Reply};
use crate::model::fault::Fault;

/// A future on the heap.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Somebody who answers batches. One call is one attempt: retries, limits and budgets are the client's.
pub trait Provider: Send + Sync {
    /// Its name in tables.
    fn name(&self) -> &str;

    /// Asks once.
    fn call<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<Reply, Fault>>;

    /// The input tokens that the batch has, about.
    fn estimate(&self, batch: &Batch) -> u64;
}

/// Reads a reply: one entry for each chunk of the batch, in its order.
pub trait Reader: Send + Sync {
    /// What the reply says of each chunk.
    fn read(&self, batch: &Batch, reply: &Reply) -> Vec<ReadAnswer>;
}

/// What a reply says of one chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadAnswer {
    /// An answer that keeps the schema, as canonical JSON.
    Valid(String),
    /// An answer that does not, and why.
    Invalid(String),
    /// One that keeps the schema but was mixed up with that of another chunk.
    Crossed,
    /// Nothing.
    Missing,
}
