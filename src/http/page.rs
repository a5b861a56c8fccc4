//! The dashboard: one page with its parts, embedded; and answers to what there is not.

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::App;
use super::problem::Refusal;

const JS: &str = "text/javascript; charset=utf-8";
const PAGE: &str = include_str!("page/index.html");

macro_rules! parts {
    ($($name:literal: $kind:expr,)*) => {
        /// The parts of the page: name, type, text.
        const PARTS: &[(&str, &str, &str)] = &[$(($name, $kind, include_str!(concat!("page/", $name))),)*];
    };
}

parts! {
    "app.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "api.js": JS,
    "app.js": JS,
    "charts.js": JS,
    "dialogs.js": JS,
    "docs.css": "text/css; charset=utf-8",
    "docs.js": JS,
    "dom.js": JS,
    "events.js": JS,
    "failures.js": JS,
    "findings.js": JS,
    "format.js": JS,
    "graph.js": JS,
    "job.js": JS,
    "jobs.js": JS,
    "new.js": JS,
    "parts.js": JS,
    "progress.js": JS,
    "tables.js": JS,
    "theme.js": JS,
    "upload.js": JS,
}

/// A page about the interface, for people: it reads the description.
const DOCS: &str = include_str!("page/docs.html");

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(|| async { html(PAGE) }))
        .route("/docs", get(|| async { html(DOCS) }))
        .route("/assets/{name}", get(part))
}

fn html(text: &'static str) -> Response {
    (
        [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, "no-cache"),
        ],
        text,
    )
        .into_response()
}

async fn part(Path(name): Path<String>) -> Response {
    match PARTS.iter().find(|(known, ..)| *known == name) {
        Some((_, kind, text)) => (
            [
                (header::CONTENT_TYPE, *kind),
                (header::CACHE_CONTROL, "no-cache"),
            ],
            *text,
        )
            .into_response(),
        None => Refusal::absent(format!("there is no {name:?}")).into_response(),
    }
}

/// There is no such thing.
pub(super) async fn unknown(uri: Uri) -> Refusal {
    let path: String = uri.path().chars().take(200).collect();
    Refusal::absent(format!(
        "there is nothing at {path:?}; /docs lists what there is"
    ))
}

/// It cannot be asked in this way.
pub(super) async fn other_method() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this cannot be asked with that method; /docs lists what can",
    )
}
