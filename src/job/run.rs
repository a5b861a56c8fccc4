//! One run from start to end: opens the view, starts the async side and the workers, drives the epochs, stops in order.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;

use super::house::House;
use super::intake::{Feeding, Intake};
use super::open::{OpenError, Opened, open};
use super::order::Order;
use super::watch::Watching;
use super::{parts, said};
use crate::flow::bridge::bridge;
use crate::flow::committer::{Committed, Committer, notices};
use crate::flow::desk::Desk;
use crate::flow::engine::Engine;
use crate::flow::gauges::{Gauges, set};
use crate::flow::gist::Gists;
use crate::flow::scope::Scope;
use crate::flow::stop::{Ending, Stop};
use crate::flow::versions::Stored;
use crate::flow::workers::{Workers, WorkersError};
use crate::llm::lane::Lane;
use crate::llm::stats::Stats;
use crate::model::id::RunId;
use crate::sink::{Manifest, Publisher};
use crate::stage::extract::answer::Validator;
use crate::stage::extract::schema::form;

/// Files of the last snapshot that are fed at a time: some thousand chunks.
const BIT: u64 = 50;

/// A run could not begin, or not go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It could not begin.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The answer schema is no JSON Schema.
    #[error("the answer schema cannot be used: {0}")]
    Schema(String),
    /// The workers.
    #[error(transparent)]
    Workers(#[from] WorkersError),
}

/// What others may look at while a run goes on.
#[derive(Clone, Default)]
pub struct Live {
    /// Counts.
    pub gauges: Arc<Gauges>,
    /// How its calls stand; none before there can be any.
    calls: Arc<Mutex<Calls>>,
    /// To end it early.
    pub stop: Stop,
    /// What the user should know meanwhile.
    pub notes: Notes,
}

/// What the user should know while a run goes on, until somebody takes it.
#[derive(Clone, Debug, Default)]
pub struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    /// Adds one.
    pub fn add(&self, note: String) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(note);
    }

    /// Takes them all.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The lane of a run as long as it goes on, and how it stood at the end.
#[derive(Debug, Default)]
struct Calls {
    lane: Weak<Lane>,
    last: Option<Stats>,
}

impl Live {
    /// How its calls stand, and the gate that they go through.
    #[must_use]
    pub fn stats(&self) -> Option<Stats> {
        let calls = self.calls();
        let now = calls.lane.upgrade().map(|lane| lane.stats());
        now.or(calls.last)
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a run came to.
#[derive(Debug)]
pub struct Report {
    /// Why it ended early, if it did.
    pub ending: Option<Ending>,
    /// Whether there was nothing to do.
    pub unchanged: bool,
    /// What is published now, if anything ever was. Its calls, cached chunks, tokens and cost are those of this run.
    pub manifest: Option<Manifest>,
    /// Documents that came, changed and went, and files that stayed as they were.
    pub documents: (u64, u64, u64),
    /// Files found.
    pub files: usize,
    /// How the gate stood at the end.
    pub stats: Option<Stats>,
    /// What was passed over in the inputs, in words.
    pub passed_over: Vec<String>,
}

/// Runs an order to its end, with a state that is opened for it alone. What is published by then is whole, however it
/// ends.
///
/// # Errors
/// If it cannot begin, or a part of it died; what was published before stays.
pub async fn run(order: &Order, live: &Live) -> Result<Report, RunError> {
    to_the_end(order, None, live).await
}

/// As [`run`], beside the other runs of a house.
///
/// # Errors
/// As [`run`]; the order must be for the state of the house.
pub async fn run_in(house: &Arc<House>, order: &Order, live: &Live) -> Result<Report, RunError> {
    to_the_end(order, Some(house), live).await
}

async fn to_the_end(
    order: &Order,
    house: Option<&Arc<House>>,
    live: &Live,
) -> Result<Report, RunError> {
    if let Some(report) = attempt(order, house, live, false).await? {
        Ok(report)
    } else {
        // The tables do not follow from the manifest (an older bug, a changed file): they are rewritten, from the
        // ledger, without a call.
        live.stop.mended();
        attempt(order, house, live, true)
            .await?
            .ok_or_else(|| RunError::Schema("the tables differ even from nothing".into()))
    }
}

async fn attempt(
    order: &Order,
    house: Option<&Arc<House>>,
    live: &Live,
    rewrite: bool,
) -> Result<Option<Report>, RunError> {
    let validator = validator(order)?;
    let mut chance = fastrand::Rng::with_seed(order.seed);
    let mut fresh = [0; 16];
    chance.fill(&mut fresh);
    let opening = {
        let (order, house) = (order.clone(), house.cloned());
        tokio::task::spawn_blocking(move || open(&order, house.as_ref(), fresh, rewrite))
    };
    let opened = opening
        .await
        .map_err(|error| WorkersError::Panicked(error.to_string()))??;
    if opened.unchanged(order) && !order.watch {
        return Ok(Some(unchanged(&opened)));
    }
    carry_out(order, live, opened, validator, chance).await
}

/// What tells whether an answer keeps the schema.
pub(super) fn validator(order: &Order) -> Result<Validator, RunError> {
    Validator::new(&order.question.schema).map_err(|error| RunError::Schema(error.to_string()))
}

/// Runs what was opened; `None` if the tables turn out not to follow from the manifest.
pub(super) async fn carry_out(
    order: &Order,
    live: &Live,
    opened: Opened,
    validator: Validator,
    mut chance: fastrand::Rng,
) -> Result<Option<Report>, RunError> {
    let mut fresh = [0; 16];
    chance.fill(&mut fresh);
    let run = RunId::of(&[&fresh, &(order.wall)().0.to_le_bytes()]);
    let schema = order.question.schema.to_string();
    let database = opened.house.database();
    let began = database.begin_run(run, opened.view, (order.wall)(), schema);
    began.await.map_err(|cause| OpenError::State {
        path: order.state.clone(),
        cause,
    })?;
    for note in &opened.notes {
        live.notes.add(note.clone());
    }
    let lane = opened.gate.lane(opened.terms.clone());
    live.calls().lane = Arc::downgrade(&lane);
    let running = Running::start(order, live, opened, lane, run, validator, chance.u64(..))?;
    running.finish(order, live).await
}

fn unchanged(opened: &Opened) -> Report {
    let manifest = opened.publisher.current().map(|snapshot| {
        let mut manifest = snapshot.manifest().clone();
        manifest.info.calls = 0;
        manifest.info.cached = 0;
        manifest.info.tokens = crate::sink::Tokens::default();
        manifest.info.cost_usd = Some(0.0);
        manifest
    });
    Report {
        ending: None,
        unchanged: true,
        manifest,
        documents: (0, 0, 0),
        files: opened.listing.files.len(),
        stats: None,
        passed_over: passed_over(opened),
    }
}

fn passed_over(opened: &Opened) -> Vec<String> {
    opened
        .listing
        .problems
        .iter()
        .map(|problem| format!("{}: {}", problem.relative, problem.what))
        .collect()
}

/// The epoch at which a snapshot of so many files begins to be fed, so that the last of them come at its own.
fn first_epoch(start: u64, files: usize) -> u64 {
    start.saturating_sub(files as u64 / BIT)
}

/// Everything that runs.
struct Running {
    intake: Intake,
    steps: Vec<super::intake::Step>,
    base: Option<Vec<crate::store::StoredFile>>,
    start: u64,
    committer: thread::JoinHandle<(Committed, Box<dyn Publisher + Send>)>,
    desk: tokio::task::JoinSet<()>,
    lane: Arc<Lane>,
    /// Kept to the end: what it holds tells other processes of this one.
    _house: Arc<House>,
    run: RunId,
    files: usize,
    passed_over: Vec<String>,
    watching: Option<Watching>,
}

impl Running {
    fn start(
        order: &Order,
        live: &Live,
        opened: Opened,
        lane: Arc<Lane>,
        run: RunId,
        validator: Validator,
        seed: u64,
    ) -> Result<Self, RunError> {
        let resumes = opened.resumes();
        let watching = order
            .watch
            .then(|| Watching::new(order, live.notes.clone()));
        let passed_over = passed_over(&opened);
        let Opened {
            house,
            publisher,
            view,
            before,
            known,
            listing,
            changes,
            start,
            derivation,
            ..
        } = opened;
        let database = Arc::clone(house.database());
        let gauges = Arc::clone(&live.gauges);
        set(&gauges.files_total, changes.reads());
        set(&gauges.price_known, u64::from(order.price.is_some()));
        let engine = Arc::new(Engine {
            database: Arc::clone(&database),
            lane: Arc::clone(&lane),
            underway: Arc::clone(house.underway()),
            provider: Arc::clone(&order.provider),
            wall: Arc::clone(&order.wall),
        });
        let inquiry = parts::inquiry(order, &database, view, start, resumes)?;
        let client = parts::client(order, &engine, view, run, &gauges, validator, seed);
        let before = before.as_ref().filter(|_| resumes);
        let info = parts::info(order, &database, view, &derivation, &listing);
        let terms = parts::terms(order, view, start, before, derivation, info);
        let gists = Arc::new(Gists::new(order.context.clone()));
        let (ports, far) = bridge(order.workers, &gists, &gauges);
        let (notices, came) = notices();
        let committer = Committer::new(
            terms,
            Arc::clone(&database),
            Box::new(publisher),
            Arc::clone(&gists),
            Arc::clone(&gauges),
            live.stop.clone(),
            Arc::clone(&order.wall),
        );
        let committer = thread::Builder::new()
            .name("weir committer".into())
            .spawn(move || committer.run(&came))
            .map_err(|error| WorkersError::Start(error.to_string()))?;
        let pool = parts::readers()?;
        let stored = Arc::clone(&database);
        let versions = Arc::new(Stored::new(stored, view, gists, live.stop.clone()));
        let first = first_epoch(start, if resumes { known.len() } else { 0 });
        let workers = Workers::start(
            ports,
            (first, start),
            Arc::clone(&versions) as _,
            notices.clone(),
            form(&order.question.schema),
        )?;
        let mut desk = tokio::task::JoinSet::new();
        desk.spawn(
            Desk::new(
                engine,
                inquiry,
                client,
                Arc::clone(&gauges),
                live.stop.clone(),
                far,
            )
            .run(),
        );

        let most_chunks = order.client.batch.most_chunks.max(1) as u64;
        // What costs nothing need not come out little by little.
        let least = if order.paid { 256 } else { 16_384 };
        Ok(Self {
            intake: Intake {
                database,
                versions,
                reading: order.reading.clone(),
                view,
                workers: Arc::new(workers),
                committer: notices,
                gauges,
                stop: live.stop.clone(),
                wall: Arc::clone(&order.wall),
                bound: (order.limits.in_flight as u64 * most_chunks * 4).max(least),
                pool,
            },
            files: listing.files.len(),
            steps: changes.steps,
            base: resumes.then_some(known),
            start,
            committer,
            desk,
            lane,
            _house: house,
            run,
            passed_over,
            watching,
        })
    }

    async fn finish(mut self, order: &Order, live: &Live) -> Result<Option<Report>, RunError> {
        let known = self.base.as_deref().unwrap_or_default();
        let first = first_epoch(self.start, known.len());
        self.intake.base(known, first, self.start).await;
        let known = self.base.take().unwrap_or_default();
        let feeding = Feeding::new(self.start + 1, order.watch.then_some(known));
        let steps = std::mem::take(&mut self.steps);
        self.intake
            .run(steps, feeding, self.watching.as_mut())
            .await;
        let database = Arc::clone(&self.intake.database);
        let Intake {
            workers,
            committer: notices,
            ..
        } = self.intake;
        drop(notices);
        let joined = tokio::task::spawn_blocking(move || match Arc::into_inner(workers) {
            Some(workers) => workers.join(),
            None => Ok(()),
        });
        joined
            .await
            .map_err(|error| WorkersError::Panicked(error.to_string()))??;
        let committer = self.committer;
        let joined = tokio::task::spawn_blocking(move || committer.join());
        let Ok(Ok((done, publisher))) = joined.await else {
            return Err(WorkersError::Panicked("the committer".into()).into());
        };
        // With the workers gone no question can come: the desk ends by itself.
        while let Some(ended) = self.desk.join_next().await {
            if let Err(error) = ended {
                live.stop.end(Ending::Internal(error.to_string()));
            }
        }
        // Nothing was left when it was told to stop: that is no early end.
        let left = |ending: &Ending| *ending != Ending::Interrupted || !done.complete;
        let ending = live.stop.ending().filter(left);
        let manifest = publisher
            .current()
            .map(|snapshot| snapshot.manifest().clone());
        let summary = serde_json::to_string(&manifest.as_ref().map(|manifest| &manifest.info))
            .unwrap_or_default();
        let ended = database.end_run(
            self.run,
            (order.wall)(),
            i32::from(ending.is_some()),
            // What asks nothing says nothing of what there is to ask.
            ending.is_none() && order.scope != Scope::AsPublished,
            summary,
        );
        if let Err(error) = ended.await {
            live.stop.end(Ending::Storage(said(&error)));
        }
        let stats = self.lane.stats();
        live.calls().last = Some(stats);
        if ending == Some(Ending::Mismatch) {
            return Ok(None);
        }
        Ok(Some(Report {
            ending: live.stop.ending().filter(left),
            unchanged: false,
            manifest,
            documents: done.documents,
            files: self.files,
            stats: Some(stats),
            passed_over: self.passed_over,
        }))
    }
}
