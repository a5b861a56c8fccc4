//! What is told of a job, live: server-sent events, or the same over a WebSocket. Whoever comes back with the last id it
//! saw misses nothing and hears nothing twice.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{Stream, unfold};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{interval, timeout};
use utoipa::IntoParams;

use super::problem::{Problem, Refusal};
use super::{App, jobs};
use crate::job::said;
use crate::job::service::hub::{Event, Listener};

/// So often something is said, so that nobody in between takes the connection for dead.
const ALIVE: Duration = Duration::from_secs(15);
/// Whoever takes no message for so long is given up.
const SLOW: Duration = Duration::from_secs(30);

/// From where on.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct From {
    /// The last id that was seen; 0 for all.
    #[serde(default)]
    after: u64,
}

/// A place among the clients that listen.
fn place(app: &App) -> Result<OwnedSemaphorePermit, Refusal> {
    let place = Arc::clone(&app.listeners).try_acquire_owned();
    place.ok().ok_or_else(|| {
        let detail = "too many clients listen: come back in a while, or ask for progress";
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, detail).after(10)
    })
}

/// Server-sent events: `state`, `progress`, `epoch` and `note`. The stream ends when the job does.
#[utoipa::path(get, path = "/jobs/{id}/events", tag = "jobs",
    params(("id" = String, Path), From, ("Last-Event-ID" = Option<u64>, Header, description = "As `after`, and before it")),
    responses(
        (status = 200, content_type = "text/event-stream", body = String),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn events(
    State(app): State<App>,
    Path(job): Path<String>,
    from: Result<Query<From>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let Query(from) = from.map_err(|error| Refusal::bad(error.body_text()))?;
    let after = match headers.get("last-event-id") {
        None => from.after,
        Some(value) => value
            .to_str()
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .ok_or_else(|| Refusal::bad("Last-Event-ID is not a number that an event had"))?,
    };
    let mut listener = app.service.listen(jobs::id(&job)?, after).await?;
    let mut waiting = VecDeque::new();
    if listener.is_over() {
        waiting.extend(listener.next().await?);
        if waiting.is_empty() {
            // It tells a browser not to come back.
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
    }
    let place = place(&app)?;
    let alive = KeepAlive::new().interval(ALIVE);
    let sse = Sse::new(stream(listener, waiting, place)).keep_alive(alive);
    // Proxies must not collect what is meant to be live.
    Ok(([("x-accel-buffering", "no")], sse).into_response())
}

fn stream(
    listener: Listener,
    waiting: VecDeque<Event>,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<sse::Event, Infallible>> {
    unfold(
        (listener, waiting, place),
        async |(mut listener, mut waiting, place)| {
            if waiting.is_empty() {
                waiting.extend(next(&mut listener).await);
            }
            let event = waiting.pop_front()?;
            let sent = sse::Event::default()
                .id(event.seq.to_string())
                .event(&*event.kind)
                .data(&*event.data);
            Some((Ok(sent), (listener, waiting, place)))
        },
    )
}

/// The next events; none at the end, or if they cannot be read.
async fn next(listener: &mut Listener) -> Vec<Event> {
    listener.next().await.unwrap_or_else(|error| {
        tracing::error!("events could not be read: {}", said(&error));
        Vec::new()
    })
}

/// The same as JSON texts over a WebSocket: `{"id": 12, "event": "progress", "data": {...}}`.
#[utoipa::path(get, path = "/jobs/{id}/ws", tag = "jobs", params(("id" = String, Path), From), responses(
    (status = 101, description = "Switching protocols"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 426, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn socket(
    State(app): State<App>,
    Path(job): Path<String>,
    from: Result<Query<From>, QueryRejection>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let Query(from) = from.map_err(|error| Refusal::bad(error.body_text()))?;
    let listener = app.service.listen(jobs::id(&job)?, from.after).await?;
    let upgrade = upgrade.map_err(|error| {
        Refusal::new(
            StatusCode::UPGRADE_REQUIRED,
            format!("a WebSocket handshake is wanted: {error}"),
        )
    })?;
    let place = place(&app)?;
    // Clients have nothing to say.
    let upgrade = upgrade.max_message_size(1 << 10).max_frame_size(1 << 10);
    Ok(upgrade.on_upgrade(move |socket| speak(socket, listener, place)))
}

async fn speak(mut socket: WebSocket, mut listener: Listener, place: OwnedSemaphorePermit) {
    let mut alive = interval(ALIVE);
    loop {
        let message = tokio::select! {
            events = next(&mut listener) => {
                if events.is_empty() {
                    break;
                }
                events.iter().map(text).collect()
            }
            said = socket.recv() => match said {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => Vec::new(),
            },
            _ = alive.tick() => vec![Message::Ping(axum::body::Bytes::new())],
        };
        for message in message {
            if !matches!(timeout(SLOW, socket.send(message)).await, Ok(Ok(()))) {
                return;
            }
        }
    }
    timeout(SLOW, socket.send(Message::Close(None))).await.ok();
    drop(place);
}

fn text(event: &Event) -> Message {
    // The data is JSON already.
    let kind = serde_json::Value::from(&*event.kind);
    let text = format!(
        "{{\"id\":{},\"event\":{kind},\"data\":{}}}",
        event.seq, event.data
    );
    Message::Text(text.into())
}
