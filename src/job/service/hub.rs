//! What is told of each job, as it is told: the last events in memory, all others in the store.
//!
//! An event is stored before anybody hears of it, so its place is good over restarts, and whoever comes back with the
//! last place it saw misses nothing and hears nothing twice. Nobody is waited for: a slow reader reads later.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::spec::State;
use crate::model::id::JobId;
use crate::store::{Database, JobEvent, StoreError};

/// Of so many events of a job the text is held; more are read from the store.
const RECENT: usize = 64;
/// So many events are read from the store at a time.
const PAGE: u32 = 256;

/// Something that was told of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place, from 1.
    pub seq: u64,
    /// What kind: `state`, `progress`, `epoch` or `note`.
    pub kind: Arc<str>,
    /// As JSON.
    pub data: Arc<str>,
}

impl From<JobEvent> for Event {
    fn from(event: JobEvent) -> Self {
        Self {
            seq: event.seq,
            kind: event.kind.into(),
            data: event.data.into(),
        }
    }
}

impl Event {
    /// Whether it says that the job has ended.
    #[must_use]
    pub fn ends(&self) -> bool {
        #[derive(serde::Deserialize)]
        struct Said {
            state: State,
        }
        &*self.kind == "state"
            && serde_json::from_str::<Said>(&self.data).is_ok_and(|said| said.state.ended())
    }
}

#[derive(Debug)]
struct Channel {
    recent: VecDeque<Event>,
    last: watch::Sender<u64>,
}

impl Default for Channel {
    fn default() -> Self {
        Self {
            recent: VecDeque::new(),
            last: watch::Sender::new(0),
        }
    }
}

/// All jobs that somebody tells or hears of.
#[derive(Debug, Default)]
pub struct Hub(Mutex<BTreeMap<JobId, Channel>>);

impl Hub {
    fn channels(&self) -> MutexGuard<'_, BTreeMap<JobId, Channel>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells what was stored, the last of it at a place.
    pub(super) fn tell(&self, job: JobId, last: u64, events: Vec<(String, String)>) {
        if events.is_empty() {
            return;
        }
        let mut channels = self.channels();
        let channel = channels.entry(job).or_default();
        let first = (last + 1).saturating_sub(events.len() as u64);
        if channel
            .recent
            .back()
            .is_some_and(|event| event.seq + 1 != first)
        {
            channel.recent.clear();
        }
        for (seq, (kind, data)) in (first..).zip(events) {
            channel.recent.push_back(Event {
                seq,
                kind: kind.into(),
                data: data.into(),
            });
        }
        while channel.recent.len() > RECENT {
            channel.recent.pop_front();
        }
        channel.last.send_replace(last);
    }

    /// The events after a place, as far as they are held without a gap.
    fn after(&self, job: JobId, seen: u64) -> Vec<Event> {
        let channels = self.channels();
        let Some(channel) = channels.get(&job) else {
            return Vec::new();
        };
        let whole = channel
            .recent
            .front()
            .is_some_and(|event| event.seq <= seen + 1);
        if !whole {
            return Vec::new();
        }
        let new = channel.recent.iter().filter(|event| event.seq > seen);
        new.cloned().collect()
    }

    fn watch(&self, job: JobId) -> watch::Receiver<u64> {
        self.channels().entry(job).or_default().last.subscribe()
    }

    /// Nobody tells of it any more.
    pub(super) fn forget(&self, job: JobId) {
        self.channels().remove(&job);
    }
}

/// What is told of one job, after a place.
#[derive(Debug)]
pub struct Listener {
    hub: Arc<Hub>,
    database: Arc<Database>,
    job: JobId,
    seen: u64,
    last: watch::Receiver<u64>,
    /// Whether the store was asked: what was told before this process began is only there.
    looked: bool,
    /// Whether the job had ended before.
    over: bool,
    ended: bool,
}

impl Listener {
    /// From after a place on, 0 for all of it; `over` if the job has ended.
    pub(super) fn new(
        hub: Arc<Hub>,
        database: Arc<Database>,
        job: JobId,
        after: u64,
        over: bool,
    ) -> Self {
        let last = hub.watch(job);
        Self {
            hub,
            database,
            job,
            seen: after,
            last,
            looked: false,
            over,
            ended: false,
        }
    }

    /// The next events, at least one; none once the job has ended and all of it was told, or was deleted.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn next(&mut self) -> Result<Vec<Event>, StoreError> {
        while !self.ended {
            let last = *self.last.borrow_and_update();
            let mut events = self.hub.after(self.job, self.seen);
            if events.is_empty() && (last > self.seen || !self.looked) {
                // What memory holds does not go back so far.
                events = self.stored().await?;
                self.looked = true;
            }
            if let Some(last) = events.last() {
                self.seen = last.seq;
                self.ended = last.ends();
                return Ok(events);
            }
            self.ended = self.over || self.last.changed().await.is_err();
        }
        Ok(Vec::new())
    }

    /// Whether the job had ended when it was begun to listen.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    async fn stored(&self) -> Result<Vec<Event>, StoreError> {
        let (database, job, seen) = (Arc::clone(&self.database), self.job, self.seen);
        let read = tokio::task::spawn_blocking(move || database.job_events(job, seen, PAGE));
        let gone = Err(StoreError::Stopped { cause: None });
        let events = read.await.unwrap_or(gone)?;
        Ok(events.into_iter().map(Event::from).collect())
    }
}
