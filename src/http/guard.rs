//! Whose requests are heard: the right host, no foreign page, a token where one is needed; and what every answer says to
//! browsers.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::App;
use super::access::bearer;
use super::problem::Refusal;

/// What every answer says.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
         form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    ),
];

/// Requests for another host, or from another page, are not heard.
pub(super) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let admitted = {
        let headers = request.headers();
        // Of several nobody knows which one a server in between went by.
        let several = |name| headers.get_all(name).iter().nth(1).is_some();
        let text = |name| {
            let value = headers.get(&name);
            value.map(|value| {
                value
                    .to_str()
                    .ok()
                    .filter(|_| !several(name))
                    .unwrap_or("?")
            })
        };
        // A request line may name the host too.
        let named = || {
            request
                .uri()
                .authority()
                .map(axum::http::uri::Authority::as_str)
        };
        let host = text(header::HOST).or_else(named);
        app.options.doors.admit(host, text(header::ORIGIN))
    };
    let api = request.uri().path().starts_with("/api/");
    let mut response = match admitted {
        Ok(()) => next.run(request).await,
        Err(denied) => Refusal::new(StatusCode::FORBIDDEN, denied.to_string()).into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if api {
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
    }
    response
}

/// Where there are tokens, one is needed.
pub(super) async fn token(State(app): State<App>, request: Request, next: Next) -> Response {
    let access = &app.options.access;
    if access.tokens().is_empty() {
        return next.run(request).await;
    }
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(bearer);
    if given.and_then(|token| access.check(token)).is_some() {
        return next.run(request).await;
    }
    let detail = match given {
        Some(_) => "the token is not one of this service",
        None => "a token is needed: send Authorization: Bearer TOKEN",
    };
    Refusal::new(StatusCode::UNAUTHORIZED, detail).into_response()
}
