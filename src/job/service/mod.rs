//! Background jobs over one engine: submitted, queued, run, watched, ended; all of it kept, so that a restart goes on.
//!
//! ```text
//!   spec       what is asked for, and how a job stands       settings   what the operator allows
//!   orders     a request -> a plan -> an order               standing   how far a job is
//!   turn       whose turn it is (pure)                       runner     one job, from start to end
//!   hub        what is told of each job, to whoever listens  outbox     messages that are owed
//! ```

pub mod hub;
pub mod orders;
pub mod outbox;
mod runner;
pub mod settings;
pub mod spec;
pub mod standing;
mod turn;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Notify;

use self::hub::{Hub, Listener};
use self::orders::Unfit;
use self::outbox::Outbox;
use self::runner::Running;
use self::settings::{Access, Settings};
use self::spec::{CapsOf, Job, Odd, Request, Spec, State};
use self::turn::{Entry, Need};
use crate::flow::engine::Wall;
use crate::flow::stop::Ending;
use crate::job::house::House;
use crate::job::open::OpenError;
use crate::model::id::JobId;
use crate::model::unit::{Micros, Usd};
use crate::notify::Channel;
use crate::store::{Database, JobChange, Moved, NewJob, StoreError, StoredJob, Submitted};

/// A page of jobs holds no more than this.
pub const MOST_JOBS: u32 = 200;
/// How often it is looked for messages that are owed, and for jobs that need not be kept.
const CHORES: Duration = Duration::from_secs(1);

/// Why something could not be done with a job.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The request.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// There is no such job.
    #[error("there is no job {0}")]
    Absent(String),
    /// The job stands otherwise.
    #[error("{0}")]
    Conflict(String),
    /// The state.
    #[error("the state of the service cannot be used")]
    Store(#[from] StoreError),
    /// A job that another program wrote.
    #[error(transparent)]
    Odd(#[from] Odd),
    /// A part of weir itself.
    #[error("a fault of weir itself: {0}")]
    Internal(String),
}

/// What may be named in a request.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    /// Dataflows: name and what each makes.
    pub dataflows: Vec<(String, String)>,
    /// Models.
    pub models: Vec<String>,
    /// Folders that may be read.
    pub roots: Vec<String>,
    /// What was uploaded: name, files, bytes.
    pub collections: Vec<(String, (u64, u64))>,
}

/// The jobs of one state.
pub struct Service {
    house: Arc<House>,
    settings: Settings,
    access: RwLock<Access>,
    hub: Arc<Hub>,
    outbox: Outbox,
    running: Mutex<BTreeMap<JobId, Arc<Running>>>,
    /// What is known of what waiting jobs need.
    needs: Mutex<BTreeMap<JobId, Option<Need>>>,
    /// Something may start, or be done.
    wake: Notify,
    wall: Wall,
    /// No more jobs start.
    closing: std::sync::atomic::AtomicBool,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Service({})", self.settings.state.display())
    }
}

impl Service {
    /// Opens the state; jobs that were at work when the last process ended wait for their turn again. Blocks.
    ///
    /// # Errors
    /// If the state cannot be opened, or another process has it.
    pub fn open(
        settings: Settings,
        access: Access,
        channels: Vec<Channel>,
        wall: Wall,
    ) -> Result<Arc<Self>, OpenError> {
        let mut fresh = [0; 16];
        fastrand::fill(&mut fresh);
        let house = House::open(&settings.state, fresh)?;
        let service = Arc::new(Self {
            house,
            access: RwLock::new(access),
            hub: Arc::default(),
            outbox: Outbox::new(channels),
            running: Mutex::default(),
            needs: Mutex::default(),
            wake: Notify::new(),
            wall,
            closing: false.into(),
            settings,
        });
        service.take_up().map_err(|cause| OpenError::State {
            path: service.settings.state.clone(),
            cause,
        })?;
        Ok(service)
    }

    /// What the operator allows.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The store.
    #[must_use]
    pub fn database(&self) -> &Arc<Database> {
        self.house.database()
    }

    /// The clock.
    #[must_use]
    pub fn now(&self) -> Micros {
        (self.wall)()
    }

    /// The key and the environment, from now on: runs that go on keep theirs.
    pub fn reload(&self, access: Access) {
        *self.access.write().unwrap_or_else(PoisonError::into_inner) = access;
        self.wake.notify_one();
    }

    fn access(&self) -> Access {
        self.access
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<JobId, Arc<Running>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn needs(&self) -> MutexGuard<'_, BTreeMap<JobId, Option<Need>>> {
        self.needs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a job would ask, and the plan that it would follow. Reads every file. Blocks.
    ///
    /// # Errors
    /// If the request cannot be taken.
    pub fn forecast(
        &self,
        request: &Request,
    ) -> Result<(crate::plan::Plan, crate::job::forecast::Forecast), ServiceError> {
        let (_, plan) = orders::checked(&self.settings, &self.access(), request)?;
        let order = crate::job::from_plan::order(&plan, crate::job::from_plan::Extras::default())
            .map_err(Unfit::Order)?;
        let forecast = crate::job::forecast::forecast(&order).map_err(Unfit::Forecast)?;
        Ok((plan, forecast))
    }

    /// Checks whether a request could be taken, as `submit` does. Blocks.
    ///
    /// # Errors
    /// If not.
    pub fn check(&self, request: &Request) -> Result<(), ServiceError> {
        orders::checked(&self.settings, &self.access(), request)?;
        Ok(())
    }

    /// Takes a job: it is durable when this returns. The same request with the same key makes no second one.
    ///
    /// # Errors
    /// If it cannot be taken.
    pub async fn submit(
        self: &Arc<Self>,
        request: Request,
        key: Option<String>,
    ) -> Result<Job, ServiceError> {
        let service = Arc::clone(self);
        let checked = move || orders::checked(&service.settings, &service.access(), &request);
        let (spec, _) = blocking(checked).await??;
        let mut bytes = [0; 16];
        fastrand::Rng::new().fill(&mut bytes);
        let id = JobId::of(&[&bytes, &self.now().0.to_le_bytes()]);
        let text = written(&spec)?;
        let new = NewJob {
            job: id,
            spec: text.clone(),
            state: State::Queued.name().to_owned(),
            priority: spec.priority,
            created_at: self.now(),
            request: key.map(|key| (key, *blake3::hash(text.as_bytes()).as_bytes())),
        };
        match self.database().submit(new, Vec::new()).await? {
            Submitted::New => {}
            Submitted::Before(id) => return self.job(id).await,
            Submitted::Conflict => {
                return Err(ServiceError::Conflict(
                    "this Idempotency-Key came with another request before: use a new one"
                        .to_owned(),
                ));
            }
        }
        self.change(id, JobChange::default(), true).await?;
        self.wake.notify_one();
        self.job(id).await
    }

    /// Tells of a job what its client should know.
    ///
    /// # Errors
    /// If the store takes no more.
    pub async fn note(&self, id: JobId, notes: Vec<String>) -> Result<(), ServiceError> {
        if notes.is_empty() {
            return Ok(());
        }
        let event = |note| {
            (
                "note".to_owned(),
                serde_json::json!({"text": note}).to_string(),
            )
        };
        let change = JobChange {
            events: notes.into_iter().map(event).collect(),
            ..JobChange::default()
        };
        self.change(id, change, false).await
    }

    /// A job.
    ///
    /// # Errors
    /// If there is none.
    pub async fn job(&self, id: JobId) -> Result<Job, ServiceError> {
        Ok(spec::job(&self.stored(id).await?)?)
    }

    async fn stored(&self, id: JobId) -> Result<StoredJob, ServiceError> {
        let database = Arc::clone(self.database());
        let found = blocking(move || database.job(id)).await??;
        found.ok_or_else(|| ServiceError::Absent(id.to_string()))
    }

    /// Jobs, the newest first, and where the next page begins.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn jobs(
        &self,
        state: Option<State>,
        before: Option<i64>,
        most: u32,
    ) -> Result<(Vec<Job>, Option<i64>), ServiceError> {
        let database = Arc::clone(self.database());
        let most = most.clamp(1, MOST_JOBS);
        let read = move || database.jobs(state.map(State::name), before, most + 1);
        let mut found = blocking(read).await??;
        let more = found.len() > most as usize;
        found.truncate(most as usize);
        let next = found.last().filter(|_| more).map(|job| job.number);
        let jobs = found.iter().map(spec::job).collect::<Result<_, _>>()?;
        Ok((jobs, next))
    }

    /// How many jobs are in each state.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn counts(&self) -> Result<BTreeMap<String, u64>, ServiceError> {
        let database = Arc::clone(self.database());
        let found = blocking(move || database.job_states()).await??;
        let mut counts: BTreeMap<String, u64> = State::ALL
            .iter()
            .map(|state| (state.name().to_owned(), 0))
            .collect();
        counts.extend(found);
        Ok(counts)
    }

    /// What is told of a job after a place.
    ///
    /// # Errors
    /// If there is no such job.
    pub async fn listen(&self, id: JobId, after: u64) -> Result<Listener, ServiceError> {
        let job = self.job(id).await?;
        let (hub, database) = (Arc::clone(&self.hub), Arc::clone(self.database()));
        Ok(Listener::new(hub, database, id, after, job.state.ended()))
    }

    /// Where the tables of a job lie.
    ///
    /// # Errors
    /// If there is no such job.
    pub async fn output(&self, id: JobId) -> Result<std::path::PathBuf, ServiceError> {
        let spec = spec::spec(&self.stored(id).await?)?;
        Ok(orders::output(&self.settings, &spec))
    }

    /// Ends a job: what it paid for is kept, and what it published stays.
    ///
    /// # Errors
    /// If it has ended.
    pub async fn cancel(&self, id: JobId) -> Result<Job, ServiceError> {
        self.turn_to(id, State::Cancelled).await
    }

    /// Lets a job wait until it is resumed.
    ///
    /// # Errors
    /// If it has ended, or waits so already.
    pub async fn pause(&self, id: JobId) -> Result<Job, ServiceError> {
        self.turn_to(id, State::Paused).await
    }

    async fn turn_to(&self, id: JobId, wish: State) -> Result<Job, ServiceError> {
        let job = self.job(id).await?;
        if let Some(running) = self.running().get(&id) {
            running.wish(wish);
            running.live.stop.end(Ending::Interrupted);
            return Ok(job);
        }
        let fine = match job.state {
            State::Queued | State::Running => true,
            State::Paused => wish == State::Cancelled,
            _ => false,
        };
        if !fine {
            return Err(conflict(&job, "was asked to change"));
        }
        let moved = if wish.ended() {
            Moved::Ended
        } else {
            Moved::No
        };
        self.enter(id, wish, None, moved).await?;
        self.job(id).await
    }

    /// Lets a job that waits, was ended or ran out of budget go on; caps that are given replace those that it had.
    ///
    /// # Errors
    /// If it is at work, or finished.
    pub async fn resume(&self, id: JobId, caps: Option<CapsOf>) -> Result<Job, ServiceError> {
        let stored = self.stored(id).await?;
        let job = spec::job(&stored)?;
        if !matches!(
            job.state,
            State::Paused | State::Incomplete | State::Failed | State::Cancelled | State::Failures
        ) {
            return Err(conflict(&job, "cannot be resumed"));
        }
        let mut spec = spec::spec(&stored)?;
        if let Some(caps) = caps {
            if caps.caps().is_none() {
                return Err(
                    Unfit::Request("caps.cost_usd is no amount of US dollars".to_owned()).into(),
                );
            }
            spec.caps = orders::bounded(&self.settings, caps)?;
        }
        self.again(id, &spec).await
    }

    /// Asks what failed again: of one reason, or all.
    ///
    /// # Errors
    /// If the job is at work.
    pub async fn retry(&self, id: JobId, reason: Option<String>) -> Result<Job, ServiceError> {
        let stored = self.stored(id).await?;
        let job = spec::job(&stored)?;
        if !job.state.ended() {
            return Err(conflict(&job, "cannot be asked again before it has ended"));
        }
        let mut spec = spec::spec(&stored)?;
        spec.retry = Some(reason.unwrap_or_default());
        self.again(id, &spec).await
    }

    async fn again(&self, id: JobId, spec: &Spec) -> Result<Job, ServiceError> {
        let change = JobChange {
            state: Some((State::Queued.name().to_owned(), None, self.now())),
            moved: Moved::Again,
            spec: Some(written(spec)?),
            ..JobChange::default()
        };
        self.change(id, change, true).await?;
        self.wake.notify_one();
        self.job(id).await
    }

    /// Removes a job that has ended, and what was told of it; tables and answers stay.
    ///
    /// # Errors
    /// If it has not ended.
    pub async fn delete(&self, id: JobId) -> Result<(), ServiceError> {
        let job = self.job(id).await?;
        if !job.state.ended() {
            return Err(conflict(&job, "cannot be deleted before it has ended"));
        }
        self.database().delete_job(id).await?;
        self.hub.forget(id);
        Ok(())
    }

    /// What may be named in a request. Blocks.
    #[must_use]
    pub fn offer(&self) -> Offer {
        let settings = &self.settings;
        let mut models = vec!["rules".to_owned()];
        models.extend(settings.models.iter().cloned());
        let names = std::fs::read_dir(settings.collections())
            .into_iter()
            .flatten()
            .flatten();
        let names = names.filter_map(|entry| entry.file_name().into_string().ok());
        let mut collections: Vec<_> = names
            .filter(|name| settings::is_collection(name))
            .map(|name| {
                let size = orders::files(&settings.collection(&name));
                (name, size)
            })
            .collect();
        collections.sort();
        Offer {
            dataflows: orders::dataflows(settings),
            models,
            roots: settings
                .roots
                .iter()
                .map(|root| root.display().to_string())
                .collect(),
            collections,
        }
    }

    /// Whether the state can be read and takes writes.
    ///
    /// # Errors
    /// If not.
    pub async fn ready(&self) -> Result<(), ServiceError> {
        // It changes no job: there is none of this id.
        self.database()
            .change_job(JobId([0; 16]), JobChange::default())
            .await?;
        Ok(())
    }

    /// What was spent in this calendar month, and what may be. Blocks.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn month(&self) -> Result<(Usd, Option<Usd>), StoreError> {
        Ok((Usd(0), None))
    }

    /// How all jobs at work stand: each with its progress, and since when nothing moved.
    #[must_use]
    pub fn at_work(&self) -> Vec<(JobId, standing::Standing, Duration)> {
        let running = self.running();
        let of = |(id, job): (&JobId, &Arc<Running>)| {
            let (standing, still) = job.standing();
            (*id, standing, still)
        };
        running.iter().map(of).collect()
    }

    /// Starts what may start, until it is closed; then what is at work ends in order. Jobs go on with the next process.
    pub async fn run(self: Arc<Self>) {
        let mut jobs = tokio::task::JoinSet::new();
        let mut messages = tokio::task::JoinSet::new();
        let mut chores = tokio::time::interval(CHORES);
        loop {
            let closing = self.closing.load(std::sync::atomic::Ordering::SeqCst);
            if !closing {
                self.start(&mut jobs).await;
            } else if jobs.is_empty() {
                return;
            }
            tokio::select! {
                () = self.wake.notified() => {}
                Some(_) = jobs.join_next(), if !jobs.is_empty() => {}
                Some(_) = messages.join_next(), if !messages.is_empty() => {}
                _ = chores.tick(), if !closing => {
                    self.expire().await;
                    let sent = self.outbox.deliver(self.database(), self.now(), &mut messages);
                    if let Err(error) = sent.await {
                        tracing::error!("could not look up what is to be delivered: {error}");
                    }
                }
            }
        }
    }

    /// No job starts any more; those at work are told to stop and wait for the next process.
    pub fn close(&self) {
        self.closing
            .store(true, std::sync::atomic::Ordering::SeqCst);
        for running in self.running().values() {
            running.wish(State::Queued);
            running.live.stop.end(Ending::Interrupted);
        }
        self.wake.notify_one();
    }

    async fn start(self: &Arc<Self>, jobs: &mut tokio::task::JoinSet<()>) {
        loop {
            let Ok(waiting) = self.waiting().await else {
                return;
            };
            let running: Vec<Entry> = self
                .running()
                .values()
                .map(|running| running.entry.clone())
                .collect();
            let Some(next) = turn::next(&waiting, &running, self.settings.at_once) else {
                self.look_ahead(&waiting, jobs);
                return;
            };
            let running = Arc::new(Running::new(next.clone()));
            self.running().insert(next.job, Arc::clone(&running));
            self.needs().remove(&next.job);
            let service = Arc::clone(self);
            jobs.spawn(async move {
                runner::carry_out(&service, &running).await;
                service.running().remove(&running.entry.job);
                service.wake.notify_one();
            });
        }
    }

    /// The jobs that wait, with what is known of their needs.
    async fn waiting(&self) -> Result<Vec<Entry>, ServiceError> {
        let database = Arc::clone(self.database());
        let read = move || database.jobs(Some(State::Queued.name()), None, u32::MAX);
        let stored = blocking(read).await??;
        let (needs, running) = (
            self.needs().clone(),
            self.running().keys().copied().collect::<Vec<_>>(),
        );
        let entry = |job: &StoredJob| {
            let spec = spec::spec(job).ok()?;
            let rules = spec
                .provider
                .as_deref()
                .is_some_and(|provider| provider != "openai");
            let known = needs.get(&job.job).copied().flatten();
            Some(Entry {
                job: job.job,
                number: job.number,
                priority: job.priority,
                view: orders::output(&self.settings, &spec).display().to_string(),
                need: if rules {
                    Need::Nothing
                } else {
                    known.unwrap_or(Need::Calls)
                },
            })
        };
        let waits = |job: &&StoredJob| !running.contains(&job.job);
        Ok(stored.iter().filter(waits).filter_map(entry).collect())
    }

    /// While jobs wait behind calls, it is found out which of them need none.
    fn look_ahead(self: &Arc<Self>, waiting: &[Entry], jobs: &mut tokio::task::JoinSet<()>) {
        let unknown = waiting
            .iter()
            .find(|entry| entry.need == Need::Calls && !self.needs().contains_key(&entry.job));
        let Some(entry) = unknown else { return };
        let (service, id) = (Arc::clone(self), entry.job);
        self.needs().insert(id, None);
        jobs.spawn(async move {
            let Ok(stored) = service.stored(id).await else {
                return;
            };
            let looking = Arc::clone(&service);
            let look = move || {
                let spec = spec::spec(&stored).ok()?;
                let access = looking.access();
                let ordered =
                    orders::ordered(&looking.settings, &access, looking.database(), &spec);
                let (plan, order) = ordered.ok()?;
                Some(orders::calls_nothing(&plan, &order))
            };
            let free = blocking(look).await.ok().flatten().unwrap_or(false);
            let need = if free { Need::Nothing } else { Need::Calls };
            service.needs().insert(id, Some(need));
            service.wake.notify_one();
        });
    }

    /// Jobs that were at work wait again.
    fn take_up(&self) -> Result<(), StoreError> {
        for stored in self
            .database()
            .jobs(Some(State::Running.name()), None, u32::MAX)?
        {
            let now = self.now();
            let mut told = stored.clone();
            State::Queued.name().clone_into(&mut told.state);
            let events = spec::job(&told)
                .ok()
                .and_then(|job| serde_json::to_string(&job).ok())
                .map(|text| ("state".to_owned(), text));
            let change = JobChange {
                state: Some((State::Queued.name().to_owned(), None, now)),
                moved: Moved::Again,
                events: events.into_iter().collect(),
                at: now,
                ..JobChange::default()
            };
            self.database().change_job(stored.job, change).wait()?;
        }
        Ok(())
    }

    /// Jobs that ended long ago are removed.
    async fn expire(&self) {
        let Some(keep) = self.settings.keep else {
            return;
        };
        let keep = i64::try_from(keep.as_micros()).unwrap_or(i64::MAX);
        let until = Micros(self.now().0.saturating_sub(keep));
        let database = Arc::clone(self.database());
        let Ok(Ok(jobs)) = blocking(move || database.jobs(None, None, u32::MAX)).await else {
            return;
        };
        for job in jobs {
            let old = job.ended_at.is_some_and(|ended| ended < until);
            if old && State::parse(&job.state).is_some_and(State::ended) {
                self.database().delete_job(job.job).await.ok();
                self.hub.forget(job.job);
            }
        }
    }

    /// A job enters a state.
    async fn enter(
        &self,
        id: JobId,
        state: State,
        reason: Option<String>,
        moved: Moved,
    ) -> Result<(), ServiceError> {
        let change = JobChange {
            state: Some((state.name().to_owned(), reason, self.now())),
            moved,
            ..JobChange::default()
        };
        self.change(id, change, true).await
    }

    /// Stores a change and tells of it; `state` if the job as it is then is to be told too.
    async fn change(&self, id: JobId, change: JobChange, state: bool) -> Result<(), ServiceError> {
        let now = self.now();
        let mut change = JobChange { at: now, ..change };
        if state {
            let mut told = self.stored(id).await?;
            apply(&mut told, &change);
            let job = spec::job(&told)?;
            let text = serde_json::to_string(&job)
                .map_err(|error| ServiceError::Internal(error.to_string()))?;
            if job.state.ended() && change.state.is_some() {
                let event = outbox::ended(&job, now);
                change.deliveries.extend(self.outbox.owed(&event));
            }
            change.events.push(("state".to_owned(), text));
        }
        let events = change.events.clone();
        if let Some(last) = self.database().change_job(id, change).await? {
            self.hub.tell(id, last, events);
        }
        Ok(())
    }
}

/// A stored job as it will be after a change.
fn apply(job: &mut StoredJob, change: &JobChange) {
    if let Some((state, reason, at)) = &change.state {
        job.state.clone_from(state);
        job.reason.clone_from(reason);
        match change.moved {
            Moved::No => {}
            Moved::Started => {
                job.started_at.get_or_insert(*at);
                job.ended_at = None;
                job.runs += 1;
            }
            Moved::Ended => job.ended_at = Some(*at),
            Moved::Again => job.ended_at = None,
        }
    }
    if let Some(spec) = &change.spec {
        job.spec.clone_from(spec);
    }
    if let Some(progress) = &change.progress {
        job.progress = Some(progress.clone());
    }
}

fn written(spec: &Spec) -> Result<String, ServiceError> {
    serde_json::to_string(spec).map_err(|error| ServiceError::Internal(error.to_string()))
}

fn conflict(job: &Job, what: &str) -> ServiceError {
    ServiceError::Conflict(format!("job {} is {}: it {what}", job.id, job.state.name()))
}

/// Work that blocks, off the async threads.
///
/// # Errors
/// If it panicked.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ServiceError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ServiceError::Internal(error.to_string()))
}
