//! Messages that are owed: what they say, and when they are tried. They lie in the store with the change that they tell
//! of, so that a restart owes them still.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;

use super::spec::{Job, State};
use super::{ServiceError, blocking};
use crate::model::unit::Micros;
use crate::notify::{Channel, Event, Kind};
use crate::store::{Database, Delivery};

/// So many messages of a channel are under way at once.
const AT_ONCE: u32 = 8;

/// What is told of a job that has ended, as JSON.
pub(super) fn ended(job: &Job, at: Micros) -> String {
    message(Kind::Ended, job, at, subject(job))
}

/// What is told of a job that makes no progress, as JSON.
pub(super) fn stalled(job: &Job, at: Micros) -> String {
    let subject = format!("{} makes no progress: {}", job.dataflow, name(job));
    message(Kind::Stalled, job, at, subject)
}

fn message(kind: Kind, job: &Job, at: Micros, subject: String) -> String {
    let event = Event {
        kind,
        // The same for every attempt and every channel.
        id: format!("{}-{}-{}", job.id, job.run, kind.name()),
        at,
        job: serde_json::to_value(job).unwrap_or_default(),
        subject,
        text: text(job),
    };
    serde_json::to_string(&event).unwrap_or_default()
}

/// Delivers what is owed.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    channels: Vec<Arc<Channel>>,
    under_way: Arc<Mutex<BTreeSet<i64>>>,
}

impl Outbox {
    pub(super) fn new(channels: Vec<Channel>) -> Self {
        Self {
            channels: channels.into_iter().map(Arc::new).collect(),
            under_way: Arc::default(),
        }
    }

    /// What each channel is owed of an event.
    pub(super) fn owed(&self, event: &str) -> Vec<(String, String)> {
        let owed = |channel: &Arc<Channel>| (channel.name().to_owned(), event.to_owned());
        self.channels.iter().map(owed).collect()
    }

    /// Begins to deliver what is due.
    pub(super) async fn deliver(
        &self,
        database: &Arc<Database>,
        now: Micros,
        tasks: &mut JoinSet<()>,
    ) -> Result<(), ServiceError> {
        let reading = Arc::clone(database);
        let due = blocking(move || reading.deliveries(now, AT_ONCE)).await??;
        for delivery in due {
            let new = self
                .under_way
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(delivery.delivery);
            if !new {
                continue;
            }
            let channel = self
                .channels
                .iter()
                .find(|channel| channel.name() == delivery.channel);
            let (channel, database) = (channel.cloned(), Arc::clone(database));
            let under_way = Arc::clone(&self.under_way);
            tasks.spawn(async move {
                let again = attempt(channel.as_deref(), &delivery, now).await;
                if let Err(error) = database.delivered(delivery.delivery, again).await {
                    tracing::error!("could not note a delivery: {error}");
                }
                under_way
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .remove(&delivery.delivery);
            });
        }
        Ok(())
    }
}

/// Tries once; says when it is to be tried again, if it is.
async fn attempt(
    channel: Option<&Channel>,
    delivery: &Delivery,
    now: Micros,
) -> Option<(Micros, String)> {
    let to = &delivery.channel;
    let Some(channel) = channel else {
        tracing::warn!("a message to {to} is given up: no such channel is configured any more");
        return None;
    };
    let event: Event = match serde_json::from_str(&delivery.event) {
        Ok(event) => event,
        Err(error) => {
            tracing::error!(
                "a message to {to} is given up: it is not as this weir writes them: {error}"
            );
            return None;
        }
    };
    let failed = match channel.deliver(&event, now).await {
        Ok(()) => {
            tracing::info!("{} told of {}", to, event.subject);
            return None;
        }
        Err(failed) => failed,
    };
    let Some(wait) = failed.wait(delivery.attempts + 1, fastrand::f64()) else {
        tracing::error!("a message to {to} is given up: {failed}");
        return None;
    };
    tracing::warn!(
        "a message to {to} is tried again in {} s: {failed}",
        wait.as_secs()
    );
    let wait = i64::try_from(wait.max(Duration::from_secs(1)).as_micros()).unwrap_or(i64::MAX);
    Some((Micros(now.0.saturating_add(wait)), failed.to_string()))
}

fn name(job: &Job) -> String {
    use super::spec::Input;
    match &job.input {
        Input::Collection(name) => format!("collection {name}"),
        Input::Folder(path) => format!("folder {path}"),
        Input::Samples(_) => "the samples".to_owned(),
    }
}

fn subject(job: &Job) -> String {
    let what = match job.state {
        State::Complete => "is complete",
        State::Failures => "is finished, with failures",
        State::Incomplete => "is incomplete: its budget is spent",
        State::Failed => "failed",
        State::Cancelled => "was cancelled",
        _ => "changed",
    };
    format!("{} {what}: {}", job.dataflow, name(job))
}

/// For people.
fn text(job: &Job) -> String {
    let p = &job.progress;
    let mut lines = vec![
        format!("Job {}: {} over {}", job.id, job.dataflow, name(job)),
        format!("State: {}", job.state.name()),
    ];
    lines.extend(
        job.reason
            .as_ref()
            .map(|reason| format!("Reason: {reason}")),
    );
    lines.push(format!(
        "Chunks: {} answered by calls, {} known before, of {} in all",
        p.answered, p.cached, p.chunks.total
    ));
    let failed: u64 = p.failures.values().sum();
    if failed > 0 {
        let by: Vec<String> = p
            .failures
            .iter()
            .map(|(reason, count)| format!("{reason} {count}"))
            .collect();
        lines.push(format!("Failures: {failed} ({})", by.join(", ")));
    }
    if let Some(cost) = p.cost_usd {
        lines.push(format!("Cost of this run: ${cost:.4}"));
    }
    lines.join("\n")
}
