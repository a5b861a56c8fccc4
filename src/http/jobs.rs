//! Submit, list, look at, and steer jobs.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::Body;
use super::problem::{Problem, Refusal};
use super::{App, receive};
use crate::job::service::spec::{CapsOf, Job, Request, State as JobState};
use crate::job::service::standing::Standing;
use crate::job::service::{MOST_JOBS, blocking};
use crate::model::id::JobId;

/// A page of jobs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Jobs {
    /// The newest first.
    pub jobs: Vec<Job>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

/// Which jobs.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Only those in this state.
    state: Option<JobState>,
    /// No more than this, at most 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(pattern = "^[0-9]{1,18}$")]
    cursor: Option<String>,
}

/// What changes when a job is resumed.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Resume {
    /// New caps, in place of those that it had.
    caps: Option<CapsOf>,
}

/// What is asked again.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Retry {
    /// Only failures of this reason.
    reason: Option<String>,
}

/// The id of a path.
///
/// # Errors
/// If it is none.
pub(super) fn id(text: &str) -> Result<JobId, Refusal> {
    JobId::parse(text)
        .ok_or_else(|| Refusal::absent(format!("there is no job {text:?}: ids have 32 hex digits")))
}

/// What is asked for, by JSON or by an upload, whose files are then in their collection; and what was left out of it.
async fn taken(
    app: &App,
    request: axum::extract::Request,
) -> Result<(Request, Vec<String>), Refusal> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let multipart = kind
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("multipart/form-data"));
    if multipart {
        let received = receive::receive(app, request).await?;
        return Ok((received.request, received.left_out));
    }
    let Body(wanted) = Body::<Request>::read(request).await?;
    Ok((wanted, Vec::new()))
}

/// The jobs, newest first.
#[utoipa::path(get, path = "/jobs", tag = "jobs", params(Which), responses(
    (status = 200, body = Jobs),
    (status = 400, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn list(
    State(app): State<App>,
    which: Result<Query<Which>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Jobs>, Refusal> {
    let Query(which) = which.map_err(|error| Refusal::bad(error.body_text()))?;
    let limit = which.limit.unwrap_or(50);
    if !(1..=MOST_JOBS).contains(&limit) {
        return Err(Refusal::bad(format!("limit must be 1 to {MOST_JOBS}")));
    }
    let before = match which.cursor.map(|cursor| cursor.parse()) {
        None => None,
        Some(Ok(before)) => Some(before),
        Some(Err(_)) => return Err(Refusal::bad("cursor is not one that a page gave as next")),
    };
    let (jobs, next) = app.service.jobs(which.state, before, limit).await?;
    let next = next.map(|next| next.to_string());
    Ok(Json(Jobs { jobs, next }))
}

/// Submits a job: JSON, or a multipart upload with a part `job` (that JSON) and any number of parts `file`.
#[utoipa::path(post, path = "/jobs", tag = "jobs",
    request_body(content((Request = "application/json"), (receive::Upload = "multipart/form-data"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request makes one job")),
    responses(
        (status = 202, body = Job, headers(("location" = String))),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn submit(
    State(app): State<App>,
    headers: HeaderMap,
    request: axum::extract::Request,
) -> Result<Response, Refusal> {
    let key = match headers.get("idempotency-key") {
        None => None,
        Some(value) => match value.to_str() {
            Ok(key) if (1..=200).contains(&key.len()) => Some(key.to_owned()),
            _ => {
                return Err(Refusal::bad(
                    "Idempotency-Key must be 1 to 200 printable characters",
                ));
            }
        },
    };
    let (wanted, left_out) = taken(&app, request).await?;
    let job = app.service.submit(wanted, key).await?;
    app.service.note(id(&job.id)?, left_out).await?;
    let place = format!("/api/v1/jobs/{}", job.id);
    let place = HeaderValue::from_str(&place).map_err(|error| Refusal::bad(error.to_string()))?;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, place)], Json(job)).into_response())
}

/// A job.
#[utoipa::path(get, path = "/jobs/{id}", tag = "jobs", params(("id" = String, Path)), responses(
    (status = 200, body = Job),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn show(
    State(app): State<App>,
    Path(job): Path<String>,
) -> Result<Json<Job>, Refusal> {
    Ok(Json(app.service.job(id(&job)?).await?))
}

/// How far a job is.
#[utoipa::path(get, path = "/jobs/{id}/progress", tag = "jobs", params(("id" = String, Path)), responses(
    (status = 200, body = Standing),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn progress(
    State(app): State<App>,
    Path(job): Path<String>,
) -> Result<Json<Standing>, Refusal> {
    Ok(Json(app.service.job(id(&job)?).await?.progress))
}

/// Removes a job that has ended; its tables and all answers stay.
#[utoipa::path(delete, path = "/jobs/{id}", tag = "jobs", params(("id" = String, Path)), responses(
    (status = 204),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn remove(
    State(app): State<App>,
    Path(job): Path<String>,
) -> Result<StatusCode, Refusal> {
    app.service.delete(id(&job)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a job: what it paid for is kept, what it published stays.
#[utoipa::path(post, path = "/jobs/{id}/cancel", tag = "jobs", params(("id" = String, Path)), responses(
    (status = 200, body = Job),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn cancel(
    State(app): State<App>,
    Path(job): Path<String>,
) -> Result<Json<Job>, Refusal> {
    Ok(Json(app.service.cancel(id(&job)?).await?))
}

/// Lets a job wait: calls in flight are waited for, no more are made.
#[utoipa::path(post, path = "/jobs/{id}/pause", tag = "jobs", params(("id" = String, Path)), responses(
    (status = 200, body = Job),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn pause(
    State(app): State<App>,
    Path(job): Path<String>,
) -> Result<Json<Job>, Refusal> {
    Ok(Json(app.service.pause(id(&job)?).await?))
}

/// Lets a job go on that waits, was cancelled, failed, or ran out of budget; with other caps, if some are given.
#[utoipa::path(post, path = "/jobs/{id}/resume", tag = "jobs", params(("id" = String, Path)),
    request_body(content = Option<Resume>), responses(
    (status = 200, body = Job),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn resume(
    State(app): State<App>,
    Path(job): Path<String>,
    request: axum::extract::Request,
) -> Result<Json<Job>, Refusal> {
    let id = id(&job)?;
    let wish = Body::<Resume>::optional(request).await?.unwrap_or_default();
    Ok(Json(app.service.resume(id, wish.caps).await?))
}

/// Asks what failed again.
#[utoipa::path(post, path = "/jobs/{id}/retry-failures", tag = "jobs", params(("id" = String, Path)),
    request_body(content = Option<Retry>), responses(
    (status = 200, body = Job),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn retry(
    State(app): State<App>,
    Path(job): Path<String>,
    request: axum::extract::Request,
) -> Result<Json<Job>, Refusal> {
    let id = id(&job)?;
    let wish = Body::<Retry>::optional(request).await?.unwrap_or_default();
    Ok(Json(app.service.retry(id, wish.reason).await?))
}

/// What a job would ask and cost; nothing is asked. The fields are those of `weir plan --json`, and `collection`. With an
/// upload its files are kept in their collection, so that the job itself need not bring them again.
#[utoipa::path(post, path = "/plan", tag = "jobs",
    request_body(content((Request = "application/json"), (receive::Upload = "multipart/form-data"))), responses(
    (status = 200, body = serde_json::Value),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn plan(
    State(app): State<App>,
    request: axum::extract::Request,
) -> Result<Json<serde_json::Value>, Refusal> {
    let (wanted, _) = taken(&app, request).await?;
    let service = Arc::clone(&app.service);
    let told = blocking(move || {
        let (plan, forecast) = service.forecast(&wanted)?;
        let mut told = crate::job::foretold::json(&plan, &forecast);
        if let Some(told) = told.as_object_mut() {
            told.insert("collection".to_owned(), wanted.collection.into());
        }
        Ok::<_, crate::job::service::ServiceError>(told)
    });
    Ok(Json(told.await??))
}
