//! Floor 4: the whole graph, and `build`, which wires it.
//!
//! ```text
//!  job::intake                                  async side (flow::desk)
//!  (which files changed,                   lookup -> single flight -> batch -> gate -> call -> ledger
//!   reader pool, epochs)                        ^                                       |
//!      | Feed                                   | Question        flow::bridge          v Outcoming
//!      v                              places    |                                       |
//!  [intake] -> [read] -+----------------------> [ask] <---------------------------------+
//!                      |                          | located
//!                      | heads                    +--> [parse] --- aliases ---+
//!                      v                          v                           v
//!                      +--------------------> [assemble] -- tallies ------> [names] -> [entities]
//!                                                 |                           |             |
//!                                                 v                        labels           | shown names
//!                                              [label] <----------------------+             v
//!                                                 | documents ------------------------> [relations]
//!                                                 v                                         |
//!                                              [commit] <-----------------------------------+
//!                                                 | Closed
//!                                                 v
//!                           flow::committer -> rendering -> rows -> parts -> snapshot
//! ```
//!
//! What flows of a document is its version, what is known of each of its chunks, and how often it says which name: some
//! hundred bytes a chunk. Texts, spans, quotes and whole answers stay in the state; the rows that depend on one document
//! alone are made from it when they are published, and made again when they are withdrawn.
//!
//! Items of a user's own schema need nothing of the graph. Where no model is asked, `repeats` counts the places of
//! texts.
//!
//! Time is an [`epochs::Epoch`]: a group of file changes, or a tick in which late answers appear.
//!
//! What is held, of each text that stands in one place: its place and a pointer to its gist (90 bytes, `flight`), the gist
//! (60, and 8 for each thing that it says of names), its state in its document (32, `assemble`). Of each name, some 500
//! bytes, and two for each document that it stands in (`names`); what several texts say alike is there once. Whatever else
//! there is belongs to what is on its way: a bounded number of open epochs, of calls, of rows that are being written.
//!
//! Frontiers
//! - `intake` holds its epoch until the driver feeds it and names the next one.
//! - `ask` holds an epoch while a place at it waits for the first outcome of its text, at most for the patience of the
//!   desk; and `now`, at its input's frontier, for corrections.
//! - An epoch is closed when `commit` on every worker has seen the frontier pass it. Nothing else is waited for.
//!
//! Invariants
//! 1. The rows of an epoch are a function of the document versions that are live at it and of what is known of their
//!    texts at it. Neither the order of answers, nor the number of workers, nor what was batched with what shows.
//! 2. An answer is durable before `ask` hears of it.
//! 3. At every epoch `ask` has told exactly one outcome of each live text, at each of its places.
//! 4. What is fed up to the base epoch (the outlines of the last snapshot) gives what that snapshot holds: the committer
//!    compares a digest, and rewrites every table if it differs.
//! 5. A worker thread never blocks on a channel and never awaits; the async side never sees a capability.
//! 6. A row that did not change is not written as a change, however its document changed.
//! 7. Equal outputs have equal rows: an output is compared by the digest of everything that its rows are made from, and
//!    an answer that is not what its mark says is not rendered.

mod at_hand;
pub mod bridge;
mod by_text;
pub mod committer;
mod delta;
pub mod desk;
mod digest;
pub mod document;
pub mod engine;
pub mod epochs;
pub mod flight;
pub mod gauges;
pub mod gist;
mod keeping;
pub mod ops;
pub mod outline;
pub mod record;
pub mod render;
mod rendering;
pub mod scope;
pub mod stop;
mod totals;
mod turns;
pub mod underway;
pub mod versions;
pub mod workers;

use std::sync::Arc;

use differential_dataflow::input::InputSession;
use timely::dataflow::Scope;

use bridge::Port;
use committer::Notices;
use epochs::Epoch;
use ops::ask::Asking;
use ops::read::Versions;
use record::{Output, Version};

use crate::model::form::Form;

/// Wires the graph on one worker and returns the input session of its `intake`. What is fed up to `base` is what the
/// last snapshot holds.
pub fn build(
    scope: Scope<'_, Epoch>,
    port: Port,
    (first, base): (Epoch, Epoch),
    versions: Arc<dyn Versions>,
    committer: Notices,
    form: &Form,
) -> InputSession<Epoch, Version, isize> {
    let worker = port.worker;
    let (session, fed) = ops::intake::intake(scope, first);
    let briefs = ops::read::read(fed, versions, base);
    let heads = briefs.clone().map(|brief| brief.head);
    let places = ops::named(briefs, "places", |brief| brief.places);
    let asking = match form {
        Form::Repeats => Asking::Nobody,
        Form::Graph | Form::Items(_) => Asking::Model,
    };
    let located = ops::ask::ask(places.clone(), port, base, asking);
    let assembled = ops::assemble::assemble(heads.clone(), located.clone());
    let (documents, others) = match form {
        Form::Graph => {
            let aliases = ops::parse::parse(located);
            let names = ops::graph::names(assembled.clone(), aliases);
            let documents = ops::label::label(assembled, Some(names.labels));
            let relations = ops::graph::relations(documents.clone(), names.entities.clone());
            let others = vec![
                names.entities.map(|(_, row)| Output::Entity(row)),
                relations.map(Output::Relation),
            ];
            (documents, others)
        }
        Form::Items(_) => (ops::label::label(assembled, None), Vec::new()),
        Form::Repeats => {
            let whole = heads.filter(|head| head.is_document);
            let (repeats, shares) = ops::repeats::repeats(whole, places);
            let others = vec![repeats.map(Output::Repeat), shares.map(Output::Share)];
            (ops::label::label(assembled, None), others)
        }
    };
    let outputs = documents.map(Output::Document).concatenate(others);
    ops::commit::commit(outputs, worker, committer);
    session
}
