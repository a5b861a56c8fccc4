//! Which files form the next epoch, and when it may be fed.
//!
//! Files are read ahead by the reader pool, in path order, and fed in groups of up to twenty or so many chunks. A group
//! is released while the chunks of open epochs are below a bound (about four windows of calls): nothing else holds
//! intake back, so there is no barrier between a slow call and the next file. Where answers come quickly, the groups grow
//! with them: an epoch costs a round of the whole graph, whatever is in it. While answers are late, empty epochs tick, in
//! which they appear as corrections.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::pool::{Coming, Pool};
use super::reader::{self, Prepared, Reading, StoreProblem};
use super::tempo::Tempo;
use super::watch::Watching;
use crate::failpoint;
use crate::flow::committer::{FileChanges, Notice, Notices};
use crate::flow::epochs::Epoch;
use crate::flow::gauges::{Gauges, add};
use crate::flow::ops::intake::Feed;
use crate::flow::record::Version;
use crate::flow::stop::{Ending, Stop};
use crate::flow::versions::Stored;
use crate::flow::workers::Workers;
use crate::model::id::{DocId, ViewId};
use crate::model::unit::Micros;
use crate::source::SourceFile;
use crate::store::{Database, Pending, StoredFile};

/// The most files in one epoch, of up to a thousand files; of more a fiftieth.
const FILES: usize = 20;
/// Chunks in the first epoch; each one after it takes twice as many, up to the usual size.
const FIRST: u64 = 16;
/// Epochs of the current snapshot that may be open at once: each worker has something to do at every step of the graph.
const AHEAD: u64 = 8;
/// How long a tick is while answers are late.
const TICK: Duration = Duration::from_secs(1);

/// One change to the files of a view.
#[derive(Clone, Debug)]
pub enum Step {
    /// As it was when it was last published; fed again only because every table is rewritten.
    Known(StoredFile),
    /// New or changed: to be read. With it, what it was before, if that is in the current snapshot.
    Read(SourceFile, Option<StoredFile>),
    /// No longer there.
    Gone(StoredFile),
}

/// Everything that intake works with.
pub struct Intake {
    /// The state.
    pub database: Arc<Database>,
    /// Versions that were just read are handed over here.
    pub versions: Arc<Stored>,
    /// How files are read.
    pub reading: Reading,
    /// The view.
    pub view: ViewId,
    /// The workers.
    pub workers: Arc<Workers>,
    /// The committer.
    pub committer: Notices,
    /// Live counts.
    pub gauges: Arc<Gauges>,
    /// Why the run ends early, if it does.
    pub stop: Stop,
    /// The wall clock, for labels.
    pub wall: Arc<dyn Fn() -> Micros + Send + Sync>,
    /// Chunks in open epochs beyond which no more is released.
    pub bound: u64,
    /// Who reads files: one each at a time, and one more is read ahead.
    pub(super) pool: Pool,
}

/// A file that has been read.
struct Read {
    prepared: Prepared,
    /// What it was before.
    before: Option<StoredFile>,
    /// The number of its version once that is durable; none if nothing had to be stored.
    stored: Option<Pending<i64>>,
}

/// What comes next: a file that is being read, or a step without one.
enum Next {
    Reading(Coming<Result<Read, StoreProblem>>),
    Ready(Box<Step>),
}

/// How far feeding is.
pub(super) struct Feeding {
    /// The epoch that is fed next.
    pub(super) epoch: Epoch,
    /// Epochs that may be open still, with their chunks.
    open: VecDeque<(Epoch, u64)>,
    /// Chunks after which the next epoch ends.
    ramp: u64,
    tempo: Tempo,
    /// The files of the view as they were fed last; only under watch.
    known: Option<BTreeMap<DocId, StoredFile>>,
}

impl Feeding {
    /// At an epoch; `known` are the files that were fed before it, if those to come are to be compared with them.
    pub(super) fn new(epoch: Epoch, known: Option<Vec<StoredFile>>) -> Self {
        let by_doc =
            |files: Vec<StoredFile>| files.into_iter().map(|file| (file.doc, file)).collect();
        Self {
            epoch,
            open: VecDeque::new(),
            ramp: FIRST,
            tempo: Tempo::default(),
            known: known.map(by_doc),
        }
    }

    /// The files of the view.
    pub(super) fn known(&self) -> Vec<StoredFile> {
        self.known
            .iter()
            .flat_map(BTreeMap::values)
            .cloned()
            .collect()
    }

    fn note(&mut self, files: &FileChanges) {
        let Some(known) = &mut self.known else { return };
        for doc in &files.gone {
            known.remove(doc);
        }
        known.extend(files.put.iter().map(|file| (file.doc, file.clone())));
    }
}

/// The group that is being filled.
#[derive(Default)]
struct Group {
    changes: Vec<(Version, isize)>,
    files: FileChanges,
    chunks: u64,
    count: usize,
}

impl Intake {
    /// Feeds the versions of the current snapshot, in all epochs from the first one up to its own: bit by bit, so that
    /// little of it waits at a time.
    pub async fn base(&self, files: &[StoredFile], first: Epoch, epoch: Epoch) {
        let epochs = usize::try_from(epoch - first).unwrap_or(usize::MAX);
        let size = files.len().div_ceil(epochs.saturating_add(1)).max(1);
        let mut bits = files.chunks(size);
        for epoch in first..=epoch {
            let bit = bits.next().unwrap_or_default();
            let changes = bit.iter().filter_map(|file| version(file, 1)).collect();
            self.feed(changes, epoch + 1);
            self.follow(first, epoch).await;
        }
    }

    /// Waits until what has been fed is not far ahead of what has closed: a worker that is faster than the others would
    /// load all of its share, and hold it until they have theirs. An epoch that does not close for a while holds up
    /// nobody.
    async fn follow(&self, first: Epoch, epoch: Epoch) {
        let mut before = None;
        loop {
            let changed = self.gauges.changed.notified();
            let open = self.gauges.counts().open_epoch.max(first);
            let over = self.stop.ending().is_some() || self.workers.is_finished();
            if epoch < open.saturating_add(AHEAD) || over || before == Some(open) {
                return;
            }
            if timeout(TICK, changed).await.is_err() {
                before = Some(open);
            }
        }
    }

    /// Feeds all steps, then what comes under watch, and waits until nothing is late; then closes the inputs.
    /// Returns whether every step was fed.
    pub(super) async fn run(
        &self,
        steps: Vec<Step>,
        mut feeding: Feeding,
        watching: Option<&mut Watching>,
    ) -> bool {
        let mut whole = self.feed_all(steps, &mut feeding).await;
        self.committer.send(Notice::Fed(whole, feeding.epoch)).ok();
        if let (true, Some(watching)) = (whole, watching) {
            whole = self.watch(watching, &mut feeding).await;
        }
        self.settle(feeding.epoch).await;
        self.workers.close();
        whole
    }

    /// Feeds these steps. `false` if not all of them were.
    pub(super) async fn feed_all(&self, steps: Vec<Step>, feeding: &mut Feeding) -> bool {
        let total = steps.len() as u64;
        let most = FILES.max(steps.len() / 50);
        let mut steps = VecDeque::from(steps);
        let mut reading: VecDeque<Next> = VecDeque::new();
        let mut group = Group::default();
        let mut whole = true;
        loop {
            if self
                .stop
                .ending()
                .is_some_and(|ending| !matches!(ending, Ending::Budget(_)))
            {
                whole = steps.is_empty() && reading.is_empty();
                break;
            }
            while reading.len() <= self.pool.threads {
                let Some(step) = steps.pop_front() else { break };
                reading.push_back(self.start(step));
            }
            let Some(next) = reading.pop_front() else {
                break;
            };
            if !self.finish(next, &mut group).await {
                whole = false;
                break;
            }
            let size = self.group_size(total).max(feeding.tempo.chunks);
            if group.count >= most || group.chunks >= size.min(feeding.ramp) {
                // The first epochs are small, so that there are rows after little more than one call.
                feeding.ramp = feeding.ramp.saturating_mul(2);
                feeding.open.push_back((feeding.epoch, group.chunks));
                self.release(&mut group, feeding);
                self.room(feeding).await;
            }
        }
        // What is read already stays in the manifest, unreferenced, until it is collected; the rest is not read.
        drop(reading);
        if group.count > 0 {
            feeding.open.push_back((feeding.epoch, group.chunks));
            self.release(&mut group, feeding);
        }
        whole
    }

    /// So many chunks that there are results soon, and not so few that a large folder makes thousands of epochs.
    fn group_size(&self, files: u64) -> u64 {
        (self.bound / 4).clamp(64, 4096).max(files / 50)
    }

    fn start(&self, step: Step) -> Next {
        let Step::Read(file, before) = step else {
            return Next::Ready(Box::new(step));
        };
        let (database, reading, view) =
            (Arc::clone(&self.database), self.reading.clone(), self.view);
        let now = (self.wall)();
        Next::Reading(self.pool.run(move || {
            failpoint::pass("reader");
            let mut prepared = reader::prepare(&file, &reading, now);
            let stored = if same(&prepared.file, before.as_ref()) {
                None
            } else {
                Some(reader::store(&database, view, &reading, &mut prepared)?)
            };
            Ok(Read {
                prepared,
                before,
                stored,
            })
        }))
    }

    /// Puts a step into the group. `false` if the run cannot go on.
    async fn finish(&self, step: Next, group: &mut Group) -> bool {
        group.count += 1;
        match step {
            Next::Ready(step) => match *step {
                Step::Known(file) => {
                    group.changes.extend(version(&file, 1));
                    // How many chunks it has is not known before it is loaded: a typical transcript's.
                    group.chunks += 60;
                    group.files.put.push(file);
                }
                Step::Gone(file) => {
                    group.changes.extend(version(&file, -1));
                    group.files.gone.push(file.doc);
                }
                Step::Read(..) => {}
            },
            Next::Reading(coming) => {
                let Ok(read) = coming.await else {
                    let what = "a thread that reads files has ended".to_owned();
                    self.stop.end(Ending::Internal(what));
                    return false;
                };
                let durable = match read {
                    Ok(read) => durable(read).await,
                    Err(problem) => Err(problem),
                };
                match durable {
                    Ok((prepared, before)) => self.take(prepared, before, group),
                    Err(problem) => {
                        self.stop.end(Ending::Storage(super::said(&problem)));
                        return false;
                    }
                }
            }
        }
        true
    }

    fn take(&self, prepared: Prepared, before: Option<StoredFile>, group: &mut Group) {
        add(&self.gauges.files_read, 1);
        if prepared.file.failure.is_some() {
            add(&self.gauges.files_failed, 1);
        }
        if same(&prepared.file, before.as_ref()) {
            // It only looked changed: nothing to feed, but the next listing should find it unchanged.
            let mut file = prepared.file;
            if let Some(before) = before {
                file.version = before.version;
                file.failure = before.failure;
            }
            group.files.put.push(file);
            return;
        }
        if let Some(number) = prepared.file.version {
            let chunks = prepared.loaded.chunks.len() as u64;
            group.chunks += chunks;
            add(&self.gauges.chunks_fed, chunks);
            self.versions.hand_over(number, &prepared.loaded);
            group.changes.push((
                Version {
                    doc: prepared.file.doc,
                    number,
                },
                1,
            ));
        }
        group
            .changes
            .extend(before.as_ref().and_then(|before| version(before, -1)));
        group.files.put.push(prepared.file);
    }

    /// Feeds the group at the current epoch, which then ends.
    fn release(&self, group: &mut Group, feeding: &mut Feeding) {
        let Group { changes, files, .. } = std::mem::take(group);
        feeding.note(&files);
        self.committer
            .send(Notice::Files(feeding.epoch, files))
            .ok();
        self.feed(changes, feeding.epoch + 1);
        feeding.epoch += 1;
    }

    pub(super) fn feed(&self, changes: Vec<(Version, isize)>, next: Epoch) {
        let count = self.workers.count();
        let mut shares = vec![Vec::new(); count];
        for change in changes {
            if let Some(share) = shares.get_mut(share(change.0.doc, count)) {
                share.push(change);
            }
        }
        for (worker, changes) in shares.into_iter().enumerate() {
            self.workers.feed(worker, Feed::Epoch { changes, next });
        }
    }

    /// Waits until the chunks of open epochs are below the bound.
    async fn room(&self, feeding: &mut Feeding) {
        let Feeding { open, tempo, .. } = feeding;
        loop {
            let changed = self.gauges.changed.notified();
            let counts = self.gauges.counts();
            let answered = counts.answered + counts.cached + counts.failed;
            tempo.note(Instant::now(), answered);
            let bound = self.bound.max(4 * tempo.chunks);
            while open
                .front()
                .is_some_and(|(epoch, _)| *epoch < counts.open_epoch)
            {
                open.pop_front();
            }
            let chunks: u64 = open.iter().map(|(_, chunks)| chunks).sum();
            // One slow call may hold its epoch open: what counts then is how much is really under way.
            let trickle = counts.underway < bound / 4 && open.len() < 64;
            if chunks < bound || trickle || self.stop.ending().is_some() {
                return;
            }
            timeout(TICK, changed).await.ok();
        }
    }

    /// Waits until every epoch before `epoch` has closed and nothing is late, ticking while anything is.
    async fn settle(&self, mut epoch: Epoch) {
        loop {
            let changed = self.gauges.changed.notified();
            let counts = self.gauges.counts();
            let abandoned = self.stop.ending().is_some_and(|ending| !ending.publishes());
            if abandoned
                || (counts.open_epoch >= epoch && counts.late == 0 && counts.underway == 0)
                || self.workers.is_finished()
            {
                return;
            }
            if counts.late > 0 {
                self.feed(Vec::new(), epoch + 1);
                epoch += 1;
                sleep(TICK).await;
            } else {
                timeout(TICK, changed).await.ok();
            }
        }
    }
}

/// A file whose version is in the manifest, and what it was before.
async fn durable(read: Read) -> Result<(Prepared, Option<StoredFile>), StoreProblem> {
    let Read {
        mut prepared,
        before,
        stored,
    } = read;
    if let Some(stored) = stored {
        prepared.file.version = Some(stored.await?);
    }
    Ok((prepared, before))
}

/// Whether a file that was read again holds what it held when it was last published.
fn same(now: &StoredFile, before: Option<&StoredFile>) -> bool {
    let Some(before) = before else { return false };
    let reason = |file: &StoredFile| {
        file.failure
            .as_ref()
            .map(|failure| (failure.reason.clone(), failure.message.clone()))
    };
    before.version.is_some()
        && now.content_hash == before.content_hash
        && reason(now) == reason(before)
}

fn version(file: &StoredFile, diff: isize) -> Option<(Version, isize)> {
    file.version.map(|number| {
        (
            Version {
                doc: file.doc,
                number,
            },
            diff,
        )
    })
}

/// The worker that a document is fed to.
fn share(doc: DocId, workers: usize) -> usize {
    let DocId([first, second, ..]) = doc;
    usize::from(u16::from_le_bytes([first, second])) % workers.max(1)
}
