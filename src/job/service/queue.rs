//! The queue at work: what may start is started, what wants nothing but known text goes past, what ended long ago goes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::interval;

use super::runner::{self, Running};
use super::spec::State;
use super::turn::{self, Entry, Need};
use super::{Service, ServiceError, blocking, orders, spec};
use crate::flow::stop::Ending;
use crate::model::unit::Micros;
use crate::store::StoredJob;

/// How often it is looked for messages that are owed.
const CHORES: Duration = Duration::from_secs(1);
/// How often it is looked for jobs that need not be kept.
const EXPIRY: Duration = Duration::from_mins(1);

impl Service {
    /// Starts what may start, until it is closed; then what is at work ends in order. Jobs go on with the next process.
    pub async fn run(self: Arc<Self>) {
        let mut jobs = JoinSet::new();
        let mut messages = JoinSet::new();
        let mut chores = interval(CHORES);
        let mut expiry = interval(EXPIRY);
        loop {
            let closing = self.closing.load(Ordering::SeqCst);
            if !closing {
                self.start(&mut jobs).await;
            } else if jobs.is_empty() {
                return;
            }
            tokio::select! {
                () = self.wake.notified() => {}
                Some(_) = jobs.join_next(), if !jobs.is_empty() => {}
                Some(_) = messages.join_next(), if !messages.is_empty() => {}
                _ = expiry.tick(), if !closing => self.expire().await,
                _ = chores.tick(), if !closing => {
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
        self.closing.store(true, Ordering::SeqCst);
        for running in self.running().values() {
            running.wish(State::Queued);
            running.live.stop.end(Ending::Interrupted);
        }
        self.wake.notify_one();
    }

    async fn start(self: &Arc<Self>, jobs: &mut JoinSet<()>) {
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
    fn look_ahead(self: &Arc<Self>, waiting: &[Entry], jobs: &mut JoinSet<()>) {
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
}
