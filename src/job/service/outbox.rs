//! Messages that are owed: what they say. They lie in the store with the change that they tell of, and are delivered by
//! whoever knows the channels.

use serde_json::json;

use super::spec::{Job, State};

/// What is told of a job that has ended, as JSON.
pub(super) fn ended(job: &Job) -> String {
    message("job.ended", job, &subject(job))
}

/// What is told of a job that makes no progress, as JSON.
pub(super) fn stalled(job: &Job) -> String {
    let subject = format!("{} makes no progress: {}", job.dataflow, name(job));
    message("job.stalled", job, &subject)
}

fn message(event: &str, job: &Job, subject: &str) -> String {
    json!({"event": event, "subject": subject, "text": text(job), "job": job}).to_string()
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
