//! Floor 4: the whole graph, and `build`, which wires it.
//!
//! ```text
//!  job::intake                                  async side (flow::desk)
//!  (which files changed,                   lookup -> single flight -> batch -> gate -> call -> ledger
//!   reader pool, epochs)                        ^                                       |
//!      | Feed                                   | Question        flow::bridge          v Outcoming
//!      v                                        |                                       |
//!  [intake] -> [read] -+-> [chunk] -+-> [unique] -> [ask] <------------------------------+
//!                      |            |  occurrences    |
//!                      |            |      \          +-> [parse] --- aliases ---+
//!                      |            |       +---------+                          v
//!                      |  dropped   |              [locate] -> mentions ---> [graph] -> entities, relations,
//!                      |            |                 |     -> statements -/      |     mentions, evidence
//!                      v            v                 v                           v
//!                   documents --> [tally] <------- statuses                       |
//!                                   |                 |                           |
//!                                   +-----------> [commit] <----------------------+
//!                                                     | Closed
//!                                                     v
//!                                              flow::committer -> rows -> parts -> snapshot
//! ```
//!
//! Items of a user's own schema go from `locate` straight to `commit`. Where no model is asked, `settle` stands for
//! `ask`, and `repeats` counts what `unique` arranges.
//!
//! Time is an [`epochs::Epoch`]: a group of file changes, or a tick in which late answers appear.
//!
//! Frontiers
//! - `intake` holds its epoch until the driver feeds it and names the next one.
//! - `ask` holds an epoch while an update at it waits for its first outcome, at most for the patience of the desk; and
//!   `now`, at its input's frontier, for corrections.
//! - An epoch is closed when `commit` on every worker has seen the frontier pass it. Nothing else is waited for.
//!
//! Invariants
//! 1. The rows of an epoch are a function of the document versions that are live at it and of what is known of their
//!    fingerprints at it. Neither the order of answers, nor the number of workers, nor what was batched with what shows.
//! 2. An answer is durable before `ask` hears of it.
//! 3. At every epoch `ask` has told exactly one outcome of each live fingerprint.
//! 4. What is fed at the base epoch (the manifest of the last snapshot, with the outcomes it lists as known) gives the
//!    rows of that snapshot: the committer compares a digest, and rewrites every table if it differs.
//! 5. A worker thread never blocks on a channel and never awaits; the async side never sees a capability.
//! 6. A row that did not change is not written as a change, however its document changed.

pub mod bridge;
pub mod committer;
mod delta;
pub mod desk;
pub mod engine;
pub mod epochs;
pub mod flight;
pub mod gauges;
pub mod ops;
pub mod record;
pub mod render;
pub mod scope;
pub mod stop;
mod totals;
pub mod underway;
pub mod versions;
pub mod workers;

use std::sync::Arc;

use differential_dataflow::input::InputSession;
use timely::dataflow::Scope;

use bridge::Port;
use committer::Notices;
use epochs::Epoch;
use ops::read::Versions;
use record::{Occurrence, Output, Told, Version};

use crate::model::form::Form;
use crate::model::id::Fingerprint;

/// Wires the graph on one worker and returns the input session of its `intake`.
pub fn build(
    scope: Scope<'_, Epoch>,
    port: Port,
    base: Epoch,
    versions: Arc<dyn Versions>,
    committer: Notices,
    form: &Form,
) -> InputSession<Epoch, Version, isize> {
    let worker = port.worker;
    let (session, fed) = ops::intake::intake(scope, base);
    let loaded = ops::read::read(fed, versions);
    let (unreadable, documents) = {
        let facts = loaded.clone().map(|loaded| loaded.facts);
        (
            facts.clone().filter(|facts| facts.unreadable.is_some()),
            facts.filter(|facts| facts.is_document()),
        )
    };
    let places = ops::chunk::chunk(loaded);
    let dropped = places
        .clone()
        .filter(|place| place.0.facts.dropped.is_some());
    let occurrences = ops::unique::arrange(places.filter(|place| place.0.facts.dropped.is_none()));
    let unique = ops::unique::unique(occurrences.clone());
    let asks = *form != Form::Repeats;
    let told = if asks {
        ops::ask::ask(unique, port, base)
    } else {
        ops::settle::settle(unique, port)
    };
    let located = ops::locate::locate(told.clone(), occurrences.clone());
    let rows = ops::tally::tally(documents.clone(), dropped.clone(), located.clone());
    let mut outputs = vec![
        unreadable.map(Output::Unreadable),
        rows.map(Output::Document),
        dropped.map(Output::Dropped),
        located
            .clone()
            .map(|(place, told)| Output::Chunk(place, told)),
    ];
    if asks {
        let known = told.clone();
        outputs.push(known.map(|(fingerprint, told)| Output::Known(fingerprint, told.outcome)));
    }
    match form {
        Form::Graph => outputs.extend(graph(told, located)),
        Form::Items(_) => outputs.push(ops::locate::items(located).map(Output::Item)),
        Form::Repeats => {
            let (repeats, shares) = ops::repeats::repeats(documents, occurrences);
            outputs.push(repeats.map(Output::Repeat));
            outputs.push(shares.map(Output::Share));
        }
    }
    let first = outputs.remove(0);
    ops::commit::commit(first.concatenate(outputs), worker, committer);
    session
}

/// What a graph puts out.
fn graph<'s>(
    told: ops::Flow<'s, (Fingerprint, Told)>,
    located: ops::Flow<'s, (Occurrence, Told)>,
) -> [ops::Flow<'s, Output>; 4] {
    let aliases = ops::parse::parse(told);
    let graph = ops::graph::graph(
        ops::locate::mentions(located.clone()),
        ops::locate::statements(located),
        aliases,
    );
    [
        graph
            .mentions
            .map(|(item, name)| Output::Mention(item, name)),
        graph
            .evidence
            .map(|(item, key)| Output::Evidence(item, key)),
        graph.entities.map(Output::Entity),
        graph.relations.map(Output::Relation),
    ]
}
