//! Starts the workers, hands out what drives them, joins them.

use std::sync::{Arc, Mutex};
use std::thread;

use crossbeam_channel::{Receiver, Sender};
use timely::{CommunicationConfig, Config, WorkerConfig};

use super::bridge::{Port, Wake};
use super::build;
use super::committer::Notices;
use super::epochs::Epoch;
use super::ops::intake::Feed;
use super::ops::read::Versions;
use crate::model::form::Form;

/// The workers could not be started, or one of them ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum WorkersError {
    /// The threads could not be made.
    #[error("could not start the workers: {0}")]
    Start(String),
    /// One panicked; the panic itself has been printed.
    #[error("a worker panicked: {0}")]
    Panicked(String),
}

/// The running workers.
pub struct Workers {
    feeds: Vec<(Sender<Feed>, Arc<Wake>)>,
    threads: thread::JoinHandle<Result<(), WorkersError>>,
}

/// What a worker takes with it when it starts.
struct Kit {
    port: Port,
    feed: Receiver<Feed>,
}

impl Workers {
    /// Starts one worker a port; `epochs` are the first that is fed, and the last of what the last snapshot holds.
    ///
    /// # Errors
    /// If the operating system gives no thread.
    pub fn start(
        ports: Vec<Port>,
        epochs: (Epoch, Epoch),
        versions: Arc<dyn Versions>,
        committer: Notices,
        form: Form,
    ) -> Result<Self, WorkersError> {
        let count = ports.len();
        let mut feeds = Vec::new();
        let mut kits = Vec::new();
        for port in ports {
            let (feed, receiver) = crossbeam_channel::unbounded();
            feeds.push((feed, Arc::clone(&port.wake)));
            kits.push(Some(Kit {
                port,
                feed: receiver,
            }));
        }
        let kits = Mutex::new(kits);
        let threads = thread::Builder::new()
            .name("weir workers".into())
            .spawn(move || run(count, kits, epochs, versions, committer, &form))
            .map_err(|error| WorkersError::Start(error.to_string()))?;
        Ok(Self { feeds, threads })
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.feeds.len()
    }

    /// Tells one worker what to feed.
    pub fn feed(&self, worker: usize, feed: Feed) {
        if let Some((sender, wake)) = self.feeds.get(worker) {
            // A worker that has panicked is found out by `join`.
            sender.send(feed).ok();
            wake.wake();
        }
    }

    /// Tells every worker that nothing more comes.
    pub fn close(&self) {
        for worker in 0..self.count() {
            self.feed(worker, Feed::Close);
        }
    }

    /// Whether all have ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.threads.is_finished()
    }

    /// Waits for all of them to end. Blocks: not for an async thread.
    ///
    /// # Errors
    /// If one panicked.
    pub fn join(self) -> Result<(), WorkersError> {
        drop(self.feeds);
        match self.threads.join() {
            Ok(ended) => ended,
            Err(_) => Err(WorkersError::Panicked(
                "the thread that owns the workers".into(),
            )),
        }
    }
}

fn run(
    count: usize,
    kits: Mutex<Vec<Option<Kit>>>,
    epochs: (Epoch, Epoch),
    versions: Arc<dyn Versions>,
    committer: Notices,
    form: &Form,
) -> Result<(), WorkersError> {
    let form = form.clone();
    let communication = if count == 1 {
        CommunicationConfig::Thread
    } else {
        CommunicationConfig::Process(count)
    };
    let config = Config {
        communication,
        worker: WorkerConfig::default(),
    };
    let guards = timely::execute(config, move |worker| {
        let kit = kits
            .lock()
            .ok()
            .and_then(|mut kits| kits.get_mut(worker.index()).and_then(Option::take));
        let Some(Kit { port, feed }) = kit else {
            return;
        };
        let (versions, committer) = (Arc::clone(&versions), committer.clone());
        let mut session =
            Some(worker.dataflow(|scope| build(scope, port, epochs, versions, committer, &form)));
        loop {
            while let Ok(feed) = feed.try_recv() {
                match (feed, &mut session) {
                    (Feed::Epoch { changes, next }, Some(session)) => {
                        for (version, diff) in changes {
                            session.update(version, diff);
                        }
                        session.advance_to(next);
                        session.flush();
                    }
                    (Feed::Close, open) => *open = None,
                    (Feed::Epoch { .. }, None) => {}
                }
                worker.step();
            }
            // Woken by the bridge, by a feed (through the same activator) and by the other workers.
            if !worker.step_or_park(None) {
                break;
            }
        }
    })
    .map_err(WorkersError::Start)?;
    guards
        .join()
        .into_iter()
        .try_for_each(|ended| ended.map_err(WorkersError::Panicked))
}
