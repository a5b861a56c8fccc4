//! One job, from start to end: its order is made, carried out and watched, and what it comes to is kept and told.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::spec::State;
use super::standing::Standing;
use super::turn::Entry;
use super::{Service, ServiceError, blocking, orders, outbox, spec};
use crate::flow::stop::Ending;
use crate::job::progress::Progress;
use crate::job::run::{Live, Report, RunError, run_in};
use crate::job::said;
use crate::plan::ProviderChoice;
use crate::sink::{Snapshot, Table, for_each_row};
use crate::store::{JobChange, Moved};

/// How often it is looked how far a job is.
const TICK: Duration = Duration::from_millis(250);
/// How often progress is told while nothing else is.
const TELL: Duration = Duration::from_secs(1);

/// A job at work.
pub(super) struct Running {
    /// What it is in the queue.
    pub(super) entry: Entry,
    /// What it counts, and how to end it.
    pub(super) live: Live,
    state: Mutex<Inner>,
}

struct Inner {
    wish: Option<State>,
    standing: Standing,
    moved: Instant,
    stalled: bool,
}

impl Running {
    pub(super) fn new(entry: Entry) -> Self {
        Self {
            entry,
            live: Live::default(),
            state: Mutex::new(Inner {
                wish: None,
                standing: Standing::default(),
                moved: Instant::now(),
                stalled: false,
            }),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state that it is to enter when it has stopped; to end it is stronger than to let it wait.
    pub(super) fn wish(&self, state: State) {
        let mut inner = self.inner();
        if inner.wish != Some(State::Cancelled) {
            inner.wish = Some(state);
        }
    }

    /// How far it is, and for how long it has been so.
    pub(super) fn standing(&self) -> (Standing, Duration) {
        let inner = self.inner();
        (inner.standing.clone(), inner.moved.elapsed())
    }
}

/// Carries a job out; whatever comes of it is kept.
pub(super) async fn carry_out(service: &Arc<Service>, running: &Arc<Running>) {
    let id = running.entry.job;
    let (state, reason, progress) = match attempt(service, running).await {
        Ok(done) => done,
        Err(error) => (State::Failed, Some(said(&error)), None),
    };
    let wish = running.inner().wish;
    let (state, reason) = match (state, wish) {
        // It was told to stop, and had work left.
        (State::Paused, Some(wish)) => (wish, None),
        (state, _) => (state, reason),
    };
    let moved = if state.ended() {
        Moved::Ended
    } else {
        Moved::Again
    };
    let change = JobChange {
        state: Some((state.name().to_owned(), reason, service.now())),
        moved,
        progress,
        ..JobChange::default()
    };
    // The state takes no more writes, or the job is gone: the next process takes it up again.
    if let Err(error) = service.change(id, change, true).await {
        tracing::error!(job = %id, "could not store how a job ended: {}", said(&error));
    }
}

type Done = (State, Option<String>, Option<String>);

async fn attempt(service: &Arc<Service>, running: &Arc<Running>) -> Result<Done, ServiceError> {
    let id = running.entry.job;
    let mut spec = spec::spec(&service.stored(id).await?)?;
    let making = (Arc::clone(service), spec.clone());
    let made = blocking(move || {
        let (service, spec) = making;
        orders::ordered(
            &service.settings,
            &service.access(),
            service.database(),
            &spec,
        )
    });
    let (plan, mut order) = made.await??;
    order.job = Some(id);
    order.weight = weight(spec.priority);
    // What was to be asked again is asked once.
    let retry = spec.retry.take().is_some();
    let change = JobChange {
        state: Some((State::Running.name().to_owned(), None, service.now())),
        moved: Moved::Started,
        spec: retry.then(|| super::written(&spec)).transpose()?,
        ..JobChange::default()
    };
    service.change(id, change, true).await?;

    let began = Instant::now();
    let run = run_in(&service.house, &order, &running.live);
    tokio::pin!(run);
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut teller = Teller::new(&plan.output);
    let ended = loop {
        tokio::select! {
            ended = &mut run => break ended,
            _ = tick.tick() => teller.tell(service, running, began, false).await?,
        }
    };
    teller.tell(service, running, began, true).await?;
    let standing = running.inner().standing.clone();
    let progress = serde_json::to_string(&standing).ok();
    let (state, reason) = match ended {
        Ok(report) => outcome(&report, plan.provider != ProviderChoice::Rules),
        Err(error) => (State::Failed, Some(failure(&error))),
    };
    Ok((state, reason, progress))
}

/// A share of the limit: each step of priority is worth a fifth more.
fn weight(priority: i64) -> u32 {
    let steps = u32::try_from(priority.clamp(-10, 10) + 10).unwrap_or(10);
    // 1.2 to the power of the steps, times 100: from 16 at -10 by way of 100 at 0 to 619 at 10.
    let scaled = (f64::from(steps) - 10.0) * 1.2_f64.ln();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 16 to 620"
    )]
    let weight = (scaled.exp() * 100.0).round() as u32;
    weight.max(1)
}

fn failure(error: &RunError) -> String {
    said(error)
}

/// The state that a run leaves its job in. `Paused` stands for: told to stop, with work left.
fn outcome(report: &Report, asks: bool) -> (State, Option<String>) {
    let info = report.manifest.as_ref().map(|manifest| &manifest.info);
    let failed = info.map_or(0, |info| info.failures);
    match &report.ending {
        Some(ending @ Ending::Budget(_)) => (State::Incomplete, Some(ending.to_string())),
        Some(
            ending @ (Ending::Refused(_)
            | Ending::Storage(_)
            | Ending::Room(_)
            | Ending::Internal(_)
            | Ending::Mismatch),
        ) => (State::Failed, Some(ending.to_string())),
        Some(Ending::Interrupted) if info.is_none_or(|info| !info.complete) => {
            (State::Paused, None)
        }
        Some(Ending::Interrupted) | None => {
            let left = info.map_or(0, |info| info.chunks.unasked);
            if left > 0 && asks {
                let why = format!("{left} chunks were not to be asked");
                (State::Incomplete, Some(why))
            } else if failed > 0 {
                (State::Failures, None)
            } else {
                (State::Complete, None)
            }
        }
    }
}

/// What has been told of a run so far.
struct Teller<'a> {
    output: &'a Path,
    told: Instant,
    epoch: u64,
    failures: BTreeMap<String, u64>,
    chunks: crate::model::record::ChunkCounts,
}

impl<'a> Teller<'a> {
    fn new(output: &'a Path) -> Self {
        Self {
            output,
            told: Instant::now()
                .checked_sub(TELL)
                .unwrap_or_else(Instant::now),
            epoch: 0,
            failures: BTreeMap::new(),
            chunks: crate::model::record::ChunkCounts::default(),
        }
    }

    /// Looks how far the run is, and tells what is new of it.
    async fn tell(
        &mut self,
        service: &Arc<Service>,
        running: &Arc<Running>,
        began: Instant,
        last: bool,
    ) -> Result<(), ServiceError> {
        let mut events: Vec<(String, String)> = Vec::new();
        for note in running.live.notes.take() {
            events.push(("note".to_owned(), json!({"text": note}).to_string()));
        }
        let mut progress = Progress::of(&running.live, began.elapsed());
        if progress.epoch != self.epoch || last {
            self.epoch = progress.epoch;
            events.extend(self.published(last).await);
        }
        progress.chunks = self.chunks;
        if !self.failures.is_empty() {
            progress.failures.clone_from(&self.failures);
        }
        let stats = running.live.stats();
        let standing = Standing::of(service.now(), &progress, stats.as_ref());
        let (moved, stalled) = {
            let mut inner = running.inner();
            let moved = standing.moved(&inner.standing);
            if moved {
                inner.moved = Instant::now();
                inner.stalled = false;
            }
            let over = !inner.stalled && inner.moved.elapsed() > service.settings.stall;
            inner.stalled |= over;
            inner.standing = standing.clone();
            (moved, over)
        };
        let due = last || (moved && self.told.elapsed() >= TELL);
        if !due && events.is_empty() && !stalled {
            return Ok(());
        }
        let text = serde_json::to_string(&standing)
            .map_err(|error| ServiceError::Internal(error.to_string()))?;
        if due {
            self.told = Instant::now();
            events.push(("progress".to_owned(), text.clone()));
        }
        let mut deliveries = Vec::new();
        if stalled {
            let job = service.job(running.entry.job).await?;
            let event = outbox::stalled(&job, service.now());
            deliveries.extend(service.outbox.owed(&event));
        }
        let change = JobChange {
            progress: Some(text),
            events,
            deliveries,
            ..JobChange::default()
        };
        service.change(running.entry.job, change, false).await
    }

    /// What was published last: its event, if it is one that was not told.
    async fn published(&mut self, last: bool) -> Option<(String, String)> {
        let current = self.output.join("current");
        let known = self.failures.values().sum::<u64>();
        let read = move || {
            let snapshot = Snapshot::open(&current).ok()?;
            let info = &snapshot.manifest().info;
            let (chunks, failures) = (info.chunks, info.failures);
            let reasons = (failures != known).then(|| reasons(&snapshot));
            let rows: BTreeMap<String, u64> = snapshot
                .manifest()
                .tables
                .iter()
                .map(|(name, table)| (name.clone(), table.rows))
                .collect();
            Some((snapshot.epoch(), chunks, reasons, rows))
        };
        let (epoch, chunks, reasons, rows) = blocking(read).await.ok().flatten()?;
        self.chunks = chunks;
        if let Some(reasons) = reasons {
            self.failures = reasons;
        }
        if last && epoch == self.epoch {
            return None;
        }
        let data: Value = json!({"epoch": epoch, "rows": rows});
        Some(("epoch".to_owned(), data.to_string()))
    }
}

/// What failed, by reason.
fn reasons(snapshot: &Snapshot) -> BTreeMap<String, u64> {
    let mut reasons = BTreeMap::new();
    for_each_row(snapshot.folder(), Table::Failures, |row| {
        if let Some(reason) = row.get("reason").and_then(Value::as_str) {
            *reasons.entry(reason.to_owned()).or_default() += 1;
        }
        ControlFlow::<()>::Continue(())
    })
    .ok();
    reasons
}
