//! `commit`: all outputs in, each closed epoch handed to the committer.
//!
//! Input     every `Output` of this worker, as it comes.
//! Output    none in the graph: `Closed` messages on a channel, in order of epochs.
//! State     outputs of the epochs that are still open.
//! Progress  none held: what the frontier has passed is complete on this worker; an epoch is complete when every worker
//!           has closed it. The committer counts them.
//! Restart   nothing kept: outputs at the epoch of the last snapshot are only compared with it.
//! Order     any within an epoch; the committer puts rows in order.
//! Thinking  `flow::epochs`; then `flow::committer`: rows, parts, snapshot.

use differential_dataflow::consolidation::consolidate;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::Operator;

use super::Flow;
use crate::flow::committer::{Notice, Notices};
use crate::flow::epochs::{Epoch, Epochs};
use crate::flow::record::Output;

/// What one worker says to the committer.
#[derive(Clone, Debug)]
pub struct Closed {
    /// Which worker.
    pub worker: usize,
    /// Its epochs that closed, consolidated, in order; one without outputs is not among them.
    pub epochs: Vec<(Epoch, Vec<(Output, isize)>)>,
    /// The first epoch still open on it; `None` at the end.
    pub frontier: Option<Epoch>,
}

/// Renders the operator.
pub fn commit(outputs: Flow<'_, Output>, worker: usize, committer: Notices) {
    let mut open = Epochs::<Vec<(Output, isize)>>::default();
    let mut said: Option<Option<Epoch>> = None;
    outputs
        .inner
        .sink(Pipeline, "commit", move |(input, frontier)| {
            input.for_each(|_capability, records| {
                for (output, epoch, diff) in records.drain(..) {
                    open.at(epoch).push((output, diff));
                }
            });
            let frontier = frontier.frontier().first().copied();
            if said == Some(frontier) {
                return;
            }
            said = Some(frontier);
            let mut epochs = open.close(frontier);
            for (_, outputs) in &mut epochs {
                consolidate(outputs);
            }
            // The committer goes first only when the run is being abandoned.
            committer
                .send(Notice::Closed(Closed {
                    worker,
                    epochs,
                    frontier,
                }))
                .ok();
        });
}
