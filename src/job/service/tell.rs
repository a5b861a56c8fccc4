//! A job changes: what it is then is stored, with what tells of it and the messages that it owes, and then told.

use super::spec::State;
use super::{Service, ServiceError, outbox, spec};
use crate::model::id::JobId;
use crate::store::{JobChange, Moved, StoredJob};

impl Service {
    /// A job enters a state.
    pub(super) async fn enter(
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
    pub(super) async fn change(
        &self,
        id: JobId,
        change: JobChange,
        state: bool,
    ) -> Result<(), ServiceError> {
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
