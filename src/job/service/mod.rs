//! Background jobs over one engine: submitted, queued, run, watched, ended; all of it kept, so that a restart goes on.
//!
//! ```text
//!   spec       what is asked for, and how a job stands       settings   what the operator allows
//!   orders     a request -> a plan -> an order               standing   how far a job is
//!   turn       whose turn it is (pure)                       runner     one job, from start to end
//!   hub        what is told of each job, to whoever listens  outbox     messages that are owed
//!   steer      what clients do with jobs                     queue      what is started when
//!   tell       a job changes, and it is told
//! ```

pub mod hub;
pub mod orders;
pub mod outbox;
mod queue;
mod runner;
pub mod settings;
pub mod spec;
pub mod standing;
mod steer;
mod tell;
mod turn;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Notify;

use self::hub::Hub;
use self::orders::Unfit;
use self::outbox::Outbox;
use self::runner::Running;
use self::settings::{Access, Settings};
use self::spec::{Odd, Spec, State};
use self::turn::Need;
use crate::flow::engine::Wall;
use crate::job::house::House;
use crate::job::open::OpenError;
use crate::model::id::JobId;
use crate::model::unit::{Micros, Usd};
use crate::notify::Channel;
use crate::plan::operator;
use crate::store::{Database, JobChange, Moved, StoreError};

/// A page of jobs holds no more than this.
pub const MOST_JOBS: u32 = 200;

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
        let settings = &self.settings;
        let cap = operator::monthly(&settings.directory, settings.config.as_deref());
        Ok((self.database().spent_since(self.now().month())?, cap))
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
}

fn written(spec: &Spec) -> Result<String, ServiceError> {
    serde_json::to_string(spec).map_err(|error| ServiceError::Internal(error.to_string()))
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
