//! From closed epochs to published snapshots: a thread of its own, so that no worker ever waits for a disk.
//!
//! An epoch is complete when every worker has closed it. Complete epochs are published together, as often as keeps
//! publishing below a tenth of the time; sooner if that would be seconds, or if more is ready than should be held in
//! memory. The order of the steps is what makes a kill at any moment safe:
//!
//! 1. `Publisher::prepare` writes the snapshot aside and syncs it. Meanwhile the manifest stores, bit by bit, what the
//!    snapshot holds.
//! 2. With the last of it the epoch is prepared.
//! 3. `Publisher::swap` makes it current: the commit point.
//! 4. The manifest applies what was prepared.
//!
//! A start that finds a prepared epoch looks at what is current, and applies it or forgets it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use differential_dataflow::consolidation::consolidate;

use super::delta;
use super::epochs::Epoch;
use super::gauges::{Gauges, add, set};
use super::gist::Gists;
use super::keeping::Keeping;
use super::ops::commit::Closed;
use super::record::Output;
use super::rendering::Rendering;
use super::stop::{Ending, Stop, said};
use super::totals::Totals;
use super::turns::Turns;
use crate::failpoint;
use crate::model::id::{DocId, ViewId};
use crate::model::unit::Micros;
use crate::sink::{Base, Log, ManifestInfo, Publisher};
use crate::store::{Database, StoredFile, ViewDelta};

/// Fewer changes than these are not added up before they are published.
const READY: usize = 10_000;
/// So many changed chunks are published though the last publication was only just now: what is known of them, and as much
/// of their answers as is kept at hand, is held in memory until then. Or an eighth of those that are live, if that is more: documents are stored in the order of their ids, so
/// that many of them rewrite nearly all of a table.
const FULL: u64 = 40_000;

/// So long it takes to publish a changed chunk with all that is said of it, more or less.
const CHUNK: Duration = Duration::from_micros(40);
/// What is ready waits no longer to be worth it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Changes to the files of a view that belong to one epoch.
#[derive(Clone, Debug, Default)]
pub struct FileChanges {
    /// Files as they are now.
    pub put: Vec<StoredFile>,
    /// Documents whose files are gone.
    pub gone: Vec<DocId>,
}

/// What is said to the committer.
#[derive(Debug)]
pub enum Notice {
    /// A worker closed epochs.
    Closed(Closed),
    /// The files behind an epoch, said before it is fed.
    Files(Epoch, FileChanges),
    /// All files have been fed, before this epoch; `true` if none was left out.
    Fed(bool, Epoch),
}

/// The way to the committer.
pub type Notices = crossbeam_channel::Sender<Notice>;

/// A way to the committer, and its end.
#[must_use]
pub fn notices() -> (Notices, Receiver<Notice>) {
    crossbeam_channel::unbounded()
}

/// What stays the same for all snapshots of a run.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The view.
    pub view: ViewId,
    /// The epoch that the run starts from.
    pub start: Epoch,
    /// Its digest, if what is fed at `start` must give the current snapshot; otherwise every table is rewritten.
    pub resumes: Option<[u8; 16]>,
    /// The last call that the current snapshot lists.
    pub calls_published: i64,
    /// The plan, as a hash.
    pub plan: String,
    /// The derivation, as a hash.
    pub derivation: String,
    /// The manifest's fixed part.
    pub info: ManifestInfo,
    /// How many workers close epochs.
    pub workers: usize,
    /// The least time between two snapshots but the last; if endless, only what is too much to hold comes before it.
    pub interval: Duration,
}

/// What it all came to.
#[derive(Clone, Debug, Default)]
pub struct Committed {
    /// The epoch published last by this run, if any.
    pub epoch: Option<Epoch>,
    /// Documents that came, changed, went.
    pub documents: (u64, u64, u64),
    /// Whether at the end every file was fed and nothing of what is live was unanswered.
    pub complete: bool,
}

/// Publishes what workers close.
pub struct Committer {
    terms: Terms,
    database: Arc<Database>,
    publisher: Box<dyn Publisher + Send>,
    gists: Arc<Gists>,
    gauges: Arc<Gauges>,
    stop: Stop,
    wall: Arc<dyn Fn() -> Micros + Send + Sync>,
    frontiers: Vec<Option<Epoch>>,
    open: BTreeMap<Epoch, Vec<(Output, isize)>>,
    files: BTreeMap<Epoch, FileChanges>,
    ready: Vec<(Output, isize)>,
    /// How many these were when they were last added up.
    ready_least: usize,
    /// Chunks of the documents among it.
    ready_chunks: u64,
    ready_files: BTreeMap<DocId, Option<StoredFile>>,
    last_complete: Epoch,
    totals: Totals,
    based: bool,
    /// Once every file has been fed: the epoch after the last.
    fed: Option<Epoch>,
    said_complete: Option<bool>,
    published: Committed,
    turns: Turns,
}

impl Committer {
    /// A committer that has published nothing yet.
    #[must_use]
    pub fn new(
        terms: Terms,
        database: Arc<Database>,
        publisher: Box<dyn Publisher + Send>,
        gists: Arc<Gists>,
        gauges: Arc<Gauges>,
        stop: Stop,
        wall: Arc<dyn Fn() -> Micros + Send + Sync>,
    ) -> Self {
        Self {
            frontiers: vec![Some(0); terms.workers],
            last_complete: terms.start,
            based: terms.resumes.is_none(),
            terms,
            database,
            publisher,
            gists,
            gauges,
            stop,
            wall,
            open: BTreeMap::new(),
            files: BTreeMap::new(),
            ready: Vec::new(),
            ready_least: READY,
            ready_chunks: 0,
            ready_files: BTreeMap::new(),
            totals: Totals::default(),
            fed: None,
            said_complete: None,
            published: Committed::default(),
            turns: Turns::default(),
        }
    }

    /// Publishes until every worker has closed its last epoch and all senders are gone.
    #[must_use]
    pub fn run(mut self, notices: &Receiver<Notice>) -> (Committed, Box<dyn Publisher + Send>) {
        let clock = quanta();
        let mut next = match self.terms.interval {
            Duration::MAX => Duration::MAX,
            _ => Duration::ZERO,
        };
        let mut last = Duration::ZERO;
        loop {
            let wait = if self.has_news() {
                let due = next.max(last + self.worth());
                due.saturating_sub(clock()).min(Duration::from_hours(1))
            } else {
                Duration::from_hours(1)
            };
            match notices.recv_timeout(wait) {
                Ok(notice) => {
                    self.take(notice);
                    while let Ok(notice) = notices.try_recv() {
                        self.take(notice);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let due = next.max(last + self.worth());
            if self.has_news() && (clock() >= due || self.is_full()) {
                let began = clock();
                self.publish(false);
                last = clock();
                let took = last.saturating_sub(began);
                next = last.saturating_add((took * 9).max(self.terms.interval));
            }
        }
        self.publish(true);
        self.published.complete = self.is_complete();
        self.published.documents = self.turns.counts();
        (self.published, self.publisher)
    }

    fn take(&mut self, notice: Notice) {
        match notice {
            Notice::Files(epoch, changes) => {
                self.files.insert(epoch, changes);
            }
            Notice::Fed(whole, next) => self.fed = whole.then_some(next),
            Notice::Closed(closed) => {
                for (epoch, outputs) in closed.epochs {
                    self.open.entry(epoch).or_default().extend(outputs);
                }
                if let Some(frontier) = self.frontiers.get_mut(closed.worker) {
                    *frontier = closed.frontier;
                }
                self.complete();
            }
        }
    }

    /// Moves what every worker has closed to what is ready to be published.
    fn complete(&mut self) {
        let frontier = self.frontier();
        let still_open = self.open.split_off(&frontier);
        for (epoch, mut outputs) in std::mem::replace(&mut self.open, still_open) {
            // The frontier may pass several epochs at once: what is compared is the base alone.
            if epoch > self.terms.start {
                self.compare();
            }
            consolidate(&mut outputs);
            for (output, diff) in &outputs {
                self.totals.take(output, *diff);
            }
            if epoch > self.terms.start || self.terms.resumes.is_none() {
                self.count_documents(&outputs);
                self.ready_chunks += outputs
                    .iter()
                    .map(|(output, _)| chunks(output))
                    .sum::<u64>();
                self.ready.append(&mut outputs);
            }
            self.last_complete = self.last_complete.max(epoch);
        }
        if self.ready.len() > self.ready_least * 2 {
            // Rows of what is named everywhere change at every epoch: of each the first and the last count.
            consolidate(&mut self.ready);
            self.ready.shrink_to_fit();
            self.ready_least = self.ready.len().max(READY);
        }
        if frontier > self.terms.start {
            self.compare();
        }
        let files_open = self.files.split_off(&frontier);
        for (epoch, changes) in std::mem::replace(&mut self.files, files_open) {
            self.ready_files
                .extend(changes.gone.into_iter().map(|doc| (doc, None)));
            self.ready_files
                .extend(changes.put.into_iter().map(|file| (file.doc, Some(file))));
            self.last_complete = self.last_complete.max(epoch);
        }
        set(&self.gauges.open_epoch, frontier);
        self.gauges.changed.notify_waiters();
    }

    /// Compares what the base gave with the digest of the snapshot that it must give; once.
    fn compare(&mut self) {
        if !self.based && self.terms.resumes != Some(self.totals.digest.to_le_bytes()) {
            self.stop.end(Ending::Mismatch);
        }
        self.based = true;
    }

    fn count_documents(&mut self, outputs: &[(Output, isize)]) {
        let mut documents: BTreeMap<DocId, isize> = BTreeMap::new();
        for (output, diff) in outputs {
            if let Output::Document(document) = output
                && document.head().is_document
            {
                *documents.entry(document.head().doc).or_default() += diff;
            }
        }
        for (doc, net) in documents {
            self.turns.take(doc, net);
        }
    }

    fn has_news(&self) -> bool {
        let completed = self.said_complete == Some(false) && self.is_complete();
        !self.ready.is_empty() || !self.ready_files.is_empty() || completed
    }

    /// So long after the last snapshot, what is ready is worth one: it would take a tenth of the time since. The first
    /// one is worth it at once.
    fn worth(&self) -> Duration {
        if self.published.epoch.is_none() {
            return Duration::ZERO;
        }
        let chunks = u32::try_from(self.ready_chunks).unwrap_or(u32::MAX);
        CHUNK.saturating_mul(chunks).saturating_mul(9).min(PATIENCE)
    }

    /// Whether more is ready than should be held.
    fn is_full(&self) -> bool {
        self.ready_chunks >= FULL.max(self.totals.chunks().total / 8)
    }

    /// Whether nothing of what is live is unanswered, and all files are among it.
    fn is_complete(&self) -> bool {
        let chunks = self.totals.chunks();
        let all = self.fed.is_some_and(|next| self.frontier() >= next);
        all && chunks.failed + chunks.pending + chunks.unasked == 0
    }

    /// The first epoch that is open on any worker. One that has ended is later than any epoch.
    fn frontier(&self) -> Epoch {
        self.frontiers
            .iter()
            .map(|frontier| frontier.unwrap_or(Epoch::MAX))
            .min()
            .unwrap_or(Epoch::MAX)
    }

    fn publish(&mut self, last: bool) {
        if self.stop.ending().is_some_and(|ending| !ending.publishes()) || !self.based {
            return;
        }
        let complete = self.is_complete();
        let first = self.terms.resumes.is_none() && self.published.epoch.is_none();
        let news = last && self.said_complete != Some(complete);
        if !(news || first || self.has_news()) {
            return;
        }
        if let Err(ending) = self.try_publish(complete) {
            self.stop.end(ending);
        }
    }

    fn try_publish(&mut self, complete: bool) -> Result<(), Ending> {
        failpoint::pass("committer");
        // Names of snapshots are never used twice, so one that only says "complete" has an epoch of its own.
        let before = self.published.epoch.unwrap_or(self.terms.start);
        let epoch = self.last_complete.max(before + 1);
        let mut ready = std::mem::take(&mut self.ready);
        (self.ready_chunks, self.ready_least) = (0, READY);
        consolidate(&mut ready);
        let files = std::mem::take(&mut self.ready_files);
        let now = (self.wall)();

        let rewrites = self.terms.resumes.is_none() && self.published.epoch.is_none();
        let base = if rewrites { Base::Empty } else { Base::Current };
        let log = if rewrites { Log::Skip } else { Log::Write };
        let info = self.info(complete, now);
        let mut keeping = Keeping::new(&self.database, self.terms.view, epoch);
        if rewrites {
            // What earlier snapshots listed as known, and the one that replaces them all does not.
            let afresh = ViewDelta {
                outcomes_afresh: true,
                ..ViewDelta::default()
            };
            keeping.add(afresh).map_err(storage)?;
        }
        let listed = self.terms.calls_published;
        let mut rendering = Rendering::new(&self.database, &self.gists, keeping, ready, listed);
        let prepared = self
            .publisher
            .prepare(epoch, &mut rendering, base, log, info)
            .map_err(|error| {
                if rendering.mismatch {
                    Ending::Mismatch
                } else {
                    storage(error)
                }
            })?;

        let listed = rendering.listed;
        let mut delta = ViewDelta {
            plan: self.terms.plan.clone(),
            derivation: self.terms.derivation.clone(),
            digest: self.totals.digest.to_le_bytes().to_vec(),
            at: now,
            complete,
            calls_published: listed,
            ..ViewDelta::default()
        };
        delta::files(files, &mut delta);
        delta.manifest_json = serde_json::to_string(prepared.manifest()).map_err(storage)?;
        rendering.finish(delta).map_err(storage)?;
        self.publisher.swap(prepared).map_err(storage)?;
        failpoint::pass("swapped");
        self.database
            .commit(self.terms.view, epoch)
            .wait()
            .map_err(storage)?;

        self.terms.calls_published = listed;
        self.said_complete = Some(complete);
        self.published.epoch = Some(epoch);
        set(&self.gauges.published_epoch, epoch);
        add(&self.gauges.snapshots, 1);
        self.gauges.changed.notify_waiters();
        Ok(())
    }

    fn info(&self, complete: bool, now: Micros) -> ManifestInfo {
        let counts = self.gauges.counts();
        let mut info = self.terms.info.clone();
        info.published_at = now;
        info.complete = complete;
        info.documents = self.totals.documents.unsigned_abs();
        info.chunks = self.totals.chunks();
        info.failures = self.totals.failures.unsigned_abs();
        info.vintages = self.totals.vintages();
        info.calls = counts.calls;
        info.cached = counts.cached;
        info.tokens.input = counts.input_tokens;
        info.tokens.output = counts.output_tokens;
        info.cost_usd = info.price_known.then_some(counts.spent as f64 / 1e9);
        info
    }
}

/// The chunks whose rows an output may change.
fn chunks(output: &Output) -> u64 {
    match output {
        Output::Document(document) => document.assembled.chunks.len() as u64,
        _ => 0,
    }
}

/// Monotonic time since now, for pacing the publisher only: nothing that is written depends on it.
fn quanta() -> impl Fn() -> Duration {
    let start = tokio::time::Instant::now();
    move || start.elapsed()
}

/// What the storage refused.
fn storage(error: impl std::error::Error) -> Ending {
    Ending::Storage(said(error))
}
