//! What clients do with jobs: submit, look, pause, resume, retry, end, delete.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::hub::Listener;
use super::orders::{self, Unfit};
use super::spec::{self, CapsOf, Job, Request, Spec, State};
use super::{MOST_JOBS, Service, ServiceError, blocking, written};
use crate::flow::stop::Ending;
use crate::job::forecast::{Forecast, forecast};
use crate::job::from_plan::{Extras, order};
use crate::model::id::JobId;
use crate::plan::Plan;
use crate::store::{JobChange, Moved, NewJob, StoredJob, Submitted};

impl Service {
    /// What a job would ask, and the plan that it would follow. Reads every file. Blocks.
    ///
    /// # Errors
    /// If the request cannot be taken.
    pub fn forecast(&self, request: &Request) -> Result<(Plan, Forecast), ServiceError> {
        let (_, plan) = orders::checked(&self.settings, &self.access(), request)?;
        let order = order(&plan, Extras::default()).map_err(Unfit::Order)?;
        let forecast = forecast(&order).map_err(Unfit::Forecast)?;
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

    pub(super) async fn stored(&self, id: JobId) -> Result<StoredJob, ServiceError> {
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
    pub async fn output(&self, id: JobId) -> Result<PathBuf, ServiceError> {
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
}

fn conflict(job: &Job, what: &str) -> ServiceError {
    ServiceError::Conflict(format!("job {} is {}: it {what}", job.id, job.state.name()))
}
