//! Floor 5: one run from start to end; many of them as jobs of a service; and what is done with tables and state between.
//!
//! ```text
//!   from_plan   a checked plan -> an order          forecast   what it would ask
//!   foretold    a forecast in figures               sample     which few chunks to ask first
//!   house       what the runs of a process share: ledger, gates, what is being asked
//!   neighbours  other processes with the same account
//!   open        state and output locked, guards, what the run starts from
//!   changes     which files came, changed, went
//!   parts       what a run is made of
//!   run         async side, workers and committer started, driven, stopped in order
//!   intake      which files form the next epoch     reader     a file -> a version in the manifest
//!   tempo       how large an epoch should be        pool       threads that read
//!   watch       what comes after that               settle     which of it is taken now
//!   progress    how far it is                       summary    what it came to
//!
//!   failed      what failed, to be asked again      shown      all that is known of a chunk
//!   verify      whether tables and state are sound  ledger     which answers are in use
//!   explore     the graph, piece by piece           forget     a document erased everywhere
//!
//!   service     jobs: submitted, queued, run by `run`, watched, kept
//! ```

pub mod changes;
pub mod explore;
pub mod failed;
pub mod forecast;
pub mod foretold;
pub mod forget;
pub mod from_plan;
pub mod house;
pub mod intake;
pub mod ledger;
mod neighbours;
pub mod open;
pub mod order;
mod parts;
mod pool;
pub mod progress;
pub mod reader;
pub mod run;
pub mod sample;
pub mod samples;
pub mod service;
mod settle;
pub mod shown;
pub mod summary;
mod tempo;
pub mod verify;
mod watch;

/// An error with all its causes, in one line.
#[must_use]
pub fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
