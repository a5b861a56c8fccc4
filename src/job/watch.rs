//! Under watch: after the files of the start, whatever comes, changes and goes, until the run is ended.
//!
//! The system's notices say when to look; a look lists everything, so that moved folders, bursts and lost notices come
//! to the same. `settle` decides what is taken; what is taken is fed as the start was, in epochs of its own.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::changes::{Trust, changes};
use super::intake::{Feeding, Intake, Step};
use super::run::Notes;
use super::settle::Settle;
use crate::flow::committer::Notice;
use crate::flow::gauges::add;
use crate::model::unit::Micros;
use crate::source::notice::Notices;
use crate::source::{Root, walk};
use crate::store::StoredFile;

/// From a notice to the look: a burst of them is one look.
const BURST: Duration = Duration::from_millis(100);
/// A look is due at least so often: some file systems tell nothing, and a queue of notices may overflow.
const RESCAN: Duration = Duration::from_secs(30);
/// The same where there are no notices at all.
const POLL: Duration = Duration::from_secs(2);
/// How long a tick is while answers are late.
const TICK: Duration = Duration::from_secs(1);

/// Why the tables do not follow the inputs for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    /// They cannot be listed.
    Unlisted,
    /// Most of what was there is gone.
    Emptied,
}

/// What is watched, and how.
pub(super) struct Watching {
    roots: Vec<Root>,
    files: walk::Options,
    /// Whether most documents may go at once.
    allow_removal: bool,
    wall: std::sync::Arc<dyn Fn() -> Micros + Send + Sync>,
    notes: Notes,
    notices: Notices,
    settle: Settle,
    start: Instant,
    rescan: Duration,
    next_look: Instant,
    /// What was last said of inputs that are not followed, so that it is said once.
    said: Option<Obstacle>,
}

impl Watching {
    /// Begins to watch; what happens from now on is seen.
    pub(super) fn new(order: &super::order::Order, notes: Notes) -> Self {
        let (notices, problem) = Notices::new(&order.roots, &order.files.skip);
        let rescan = if problem.is_some() { POLL } else { RESCAN };
        if let Some(problem) = problem {
            notes.add(format!(
                "the system does not tell of changes ({problem}): the inputs are listed every {} s",
                POLL.as_secs()
            ));
        }
        let start = Instant::now();
        Self {
            roots: order.roots.clone(),
            files: order.files.clone(),
            allow_removal: order.allow.removal,
            wall: std::sync::Arc::clone(&order.wall),
            notes,
            notices,
            settle: Settle::new(order.timing.quiet),
            start,
            rescan,
            // What changed since the inputs were listed was not watched yet.
            next_look: start,
            said: None,
        }
    }

    /// Waits until a look is due.
    async fn due(&self) {
        tokio::select! {
            () = self.notices.told() => sleep(BURST).await,
            () = sleep_until(self.next_look) => {}
        }
    }

    /// Looks; the steps that are taken now.
    async fn look(&mut self, known: Vec<StoredFile>) -> Vec<Step> {
        let (roots, options) = (self.roots.clone(), self.files.clone());
        let looking = tokio::task::spawn_blocking(move || {
            let listing = walk::walk(&roots, &options)?;
            let mut found = changes(&known, &listing, Trust::Looks);
            let empties = found.empties(known.len());
            let steps = std::mem::take(&mut found.steps);
            Ok::<_, walk::SourceError>((steps, empties, found.gone))
        });
        self.next_look = Instant::now() + self.rescan;
        self.notices.renew();
        let (mut steps, empties, gone) = match looking.await {
            Ok(Ok(looked)) => looked,
            Ok(Err(error)) => {
                let why = format!("{}; waiting for it to come back", super::said(&error));
                self.say(Obstacle::Unlisted, why);
                return Vec::new();
            }
            Err(panicked) => {
                self.say(
                    Obstacle::Unlisted,
                    format!("a look at the inputs ended: {panicked}"),
                );
                return Vec::new();
            }
        };
        if empties && !self.allow_removal {
            let why = format!(
                "{gone} documents have no file any more, which is most of them: they stay in the tables (an unmounted \
                 disk? --allow-removal takes them out)"
            );
            self.say(Obstacle::Emptied, why);
            steps.retain(|step| !matches!(step, Step::Gone(_)));
        } else {
            self.said = None;
        }
        let now = self.start.elapsed();
        let (taken, next) = self.settle.take(steps, now, (self.wall)());
        if let Some(next) = next {
            self.next_look = self.next_look.min(self.start + next);
        }
        taken
    }

    fn say(&mut self, obstacle: Obstacle, why: String) {
        if self.said.replace(obstacle) != Some(obstacle) {
            self.notes.add(why);
        }
    }
}

impl Intake {
    /// Feeds what comes until the run is ended. `false` if it ended in the middle of something.
    pub(super) async fn watch(&self, watching: &mut Watching, feeding: &mut Feeding) -> bool {
        let mut ending = self.stop.watch();
        let mut at_rest = Instant::now();
        loop {
            if self.stop.ending().is_some() || self.workers.is_finished() {
                return true;
            }
            let late = self.gauges.counts().late > 0;
            tokio::select! {
                () = watching.due() => {}
                _ = ending.changed() => continue,
                () = sleep_until(at_rest + TICK), if late => {
                    // Late answers appear in an epoch of their own.
                    self.feed(Vec::new(), feeding.epoch + 1);
                    feeding.epoch += 1;
                    at_rest = Instant::now();
                    continue;
                }
            }
            let steps = watching.look(feeding.known()).await;
            if steps.is_empty() {
                continue;
            }
            let reads = steps.iter().filter(|step| matches!(step, Step::Read(..)));
            add(&self.gauges.files_total, reads.count() as u64);
            self.committer.send(Notice::Fed(false, feeding.epoch)).ok();
            if !self.feed_all(steps, feeding).await {
                return false;
            }
            self.committer.send(Notice::Fed(true, feeding.epoch)).ok();
        }
    }
}
