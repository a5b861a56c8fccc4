//! JSON bodies: bounded, strict, and refused with words.

use axum::body::to_bytes;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;

use super::problem::Refusal;

/// No JSON body is larger.
const MOST: usize = 256 << 10;

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> Body<T> {
    /// Reads one.
    ///
    /// # Errors
    /// If it is no JSON, not of this form, or too large.
    pub(super) async fn read(request: axum::extract::Request) -> Result<Self, Refusal> {
        Self::optional(request).await?.map(Self).ok_or_else(|| {
            Refusal::bad(
                "the body is empty: a JSON object is wanted, with content type application/json",
            )
        })
    }

    /// Reads one, if there is any.
    ///
    /// # Errors
    /// If it is no JSON, not of this form, or too large.
    pub(super) async fn optional(request: axum::extract::Request) -> Result<Option<T>, Refusal> {
        let kind = request.headers().get(header::CONTENT_TYPE).cloned();
        let bytes = to_bytes(request.into_body(), MOST).await.map_err(|error| {
            let large = std::error::Error::source(&error)
                .is_some_and(|cause| cause.to_string().contains("limit"));
            let status = if large {
                StatusCode::PAYLOAD_TOO_LARGE
            } else {
                StatusCode::BAD_REQUEST
            };
            Refusal::new(
                status,
                format!("the body could not be read (at most {MOST} bytes): {error}"),
            )
        })?;
        if bytes.is_empty() {
            return Ok(None);
        }
        // A form of another site can send text, but not this type.
        let json = kind
            .as_ref()
            .and_then(|kind| kind.to_str().ok())
            .and_then(|kind| kind.split(';').next())
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
        if !json {
            return Err(Refusal::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "a JSON body needs content type application/json",
            ));
        }
        serde_json::from_slice(&bytes)
            .map_err(|error| Refusal::bad(format!("the body is not what is wanted: {error}")))
    }
}
