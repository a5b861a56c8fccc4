//! The only place where worker threads and the async runtime meet.
//!
//! Questions leave a worker on an unbounded tokio channel, outcomes come back on an unbounded crossbeam one, and the
//! worker is woken through its `SyncActivator`. No send ever waits: how much is in flight is bounded by `intake`, which
//! releases no more documents while too many chunks are unanswered. A capability never leaves its worker; what
//! crosses is a fingerprint.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use timely::scheduling::SyncActivator;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::epochs::Epoch;
use super::gauges::Gauges;
use super::gist::{Gists, Known};
use super::record::Wanted;
use crate::model::id::Fingerprint;
use crate::model::outcome::Outcome;

/// What a worker says to the async side.
#[derive(Clone, Copy, Debug)]
pub enum Question {
    /// The first of its fingerprint on this worker: find out.
    Ask {
        /// Who asks.
        worker: usize,
        /// About which text.
        fingerprint: Fingerprint,
        /// The first epoch that wants it.
        epoch: Epoch,
        /// How urgent it is.
        wanted: Wanted,
    },
    /// Nobody wants it any more: if it is not under way yet, do not start.
    Forget {
        /// Which text.
        fingerprint: Fingerprint,
    },
}

/// What the async side says.
#[derive(Clone, Debug)]
pub struct Outcoming {
    /// About which text.
    pub fingerprint: Fingerprint,
    /// What is known.
    pub outcome: Outcome,
    /// Whether no other outcome will follow.
    pub last: bool,
}

/// What a worker hears of it.
#[derive(Clone, Debug)]
pub struct Heard {
    /// About which text.
    pub fingerprint: Fingerprint,
    /// What is known.
    pub known: Known,
    /// Whether no other outcome will follow.
    pub last: bool,
}

/// Wakes one worker: once for any number of outcomes.
#[derive(Debug, Default)]
pub struct Wake {
    activator: OnceLock<SyncActivator>,
    armed: AtomicBool,
}

impl Wake {
    /// Makes sure that the worker looks at its channels soon. Before the worker is up nothing needs waking.
    pub fn wake(&self) {
        let Some(activator) = self.activator.get() else {
            return;
        };
        if !self.armed.swap(true, Ordering::SeqCst) {
            // A worker that is gone has nothing left to look at.
            activator.activate().ok();
        }
    }

    /// Called by the worker: from now on it can be woken.
    pub(super) fn ready(&self, activator: SyncActivator) {
        self.activator.set(activator).ok();
    }

    /// Called by the worker before it drains its channels, so that what comes later wakes it again.
    pub(super) fn look(&self) {
        self.armed.store(false, Ordering::SeqCst);
    }
}

/// The worker's end.
#[derive(Debug)]
pub struct Port {
    /// This worker's index.
    pub worker: usize,
    /// To the async side.
    pub questions: UnboundedSender<Question>,
    /// From it.
    pub outcomes: crossbeam_channel::Receiver<Heard>,
    /// How it wakes this worker.
    pub wake: Arc<Wake>,
    /// Live counts.
    pub gauges: Arc<Gauges>,
}

/// The async side's end.
#[derive(Debug)]
pub struct Far {
    /// From all workers.
    pub questions: UnboundedReceiver<Question>,
    /// To each worker.
    pub workers: Vec<Return>,
}

/// The way back to one worker.
#[derive(Clone, Debug)]
pub struct Return {
    outcomes: crossbeam_channel::Sender<Heard>,
    wake: Arc<Wake>,
    gists: Arc<Gists>,
}

impl Return {
    /// Sends an outcome and wakes the worker. A worker that is gone needs none.
    pub fn tell(&self, outcome: Outcoming) {
        let Outcoming {
            fingerprint,
            outcome,
            last,
        } = outcome;
        let heard = Heard {
            fingerprint,
            known: self.gists.known(fingerprint, &outcome),
            last,
        };
        if self.outcomes.send(heard).is_ok() {
            self.wake.wake();
        }
    }
}

/// A bridge for `workers` workers; what crosses it to them is made by `gists`.
#[must_use]
pub fn bridge(workers: usize, gists: &Arc<Gists>, gauges: &Arc<Gauges>) -> (Vec<Port>, Far) {
    let (ask, questions) = unbounded_channel();
    let mut ports = Vec::new();
    let mut returns = Vec::new();
    for worker in 0..workers {
        let (tell, outcomes) = crossbeam_channel::unbounded();
        let wake = Arc::new(Wake::default());
        ports.push(Port {
            worker,
            questions: ask.clone(),
            outcomes,
            wake: Arc::clone(&wake),
            gauges: Arc::clone(gauges),
        });
        returns.push(Return {
            outcomes: tell,
            wake,
            gists: Arc::clone(gists),
        });
    }
    (
        ports,
        Far {
            questions,
            workers: returns,
        },
    )
}
