//! What went wrong -> a status and a problem document (RFC 9457). The only place that picks a status.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::job::said;
use crate::job::service::ServiceError;
use crate::job::service::orders::Unfit;
use crate::sink::SinkError;
use crate::store::StoreError;

/// A problem document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Problem {
    /// What kind of problem; `about:blank`: the status says it.
    #[schema(example = "about:blank")]
    pub r#type: String,
    /// The status in words.
    #[schema(example = "Not Found")]
    pub title: String,
    /// The status.
    #[schema(example = 404)]
    pub status: u16,
    /// What was tried on what, and what to do.
    pub detail: String,
    /// Each of several things that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

/// A problem document on its way.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    detail: String,
    errors: Vec<String>,
    retry_after: Option<u64>,
}

impl Refusal {
    /// With a status and what there is to say.
    #[must_use]
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
        }
    }

    /// The request is not right.
    #[must_use]
    pub(super) fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// There is no such thing.
    #[must_use]
    pub(super) fn absent(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// It may be tried again after so many seconds.
    #[must_use]
    pub(super) fn after(self, seconds: u64) -> Self {
        Self {
            retry_after: Some(seconds),
            ..self
        }
    }

    fn internal(error: &dyn std::error::Error) -> Self {
        let why = said(error);
        tracing::error!("a request failed: {why}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, why)
    }

    /// As the document that is sent.
    #[must_use]
    pub(super) fn problem(&self) -> Problem {
        Problem {
            r#type: "about:blank".to_owned(),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            errors: self.errors.clone(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.problem())).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Unfit(unfit) => unfit.into(),
            ServiceError::Absent(_) => {
                Self::absent(format!("{error}; GET /api/v1/jobs lists them"))
            }
            ServiceError::Conflict(why) => Self::new(StatusCode::CONFLICT, why),
            ServiceError::Store(error) => error.into(),
            ServiceError::Odd(_) | ServiceError::Internal(_) => Self::internal(&error),
        }
    }
}

impl From<Unfit> for Refusal {
    fn from(unfit: Unfit) -> Self {
        let status = match &unfit {
            Unfit::Request(_) | Unfit::Plan(_) | Unfit::Source(_) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Unfit::Forbidden(_) => StatusCode::FORBIDDEN,
            Unfit::Tables(_) => StatusCode::CONFLICT,
            Unfit::Store(_) | Unfit::Order(_) | Unfit::Forecast(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        let errors = match &unfit {
            Unfit::Plan(problems) => problems.0.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        };
        Self {
            errors,
            ..Self::new(status, said(&unfit))
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let full = matches!(error, StoreError::Full { .. });
        let refusal = Self::internal(&error);
        if full {
            return Self::new(StatusCode::INSUFFICIENT_STORAGE, refusal.detail);
        }
        Self::new(StatusCode::SERVICE_UNAVAILABLE, refusal.detail)
    }
}

impl From<SinkError> for Refusal {
    fn from(error: SinkError) -> Self {
        if let SinkError::Io { source, .. } = &error
            && source.kind() == std::io::ErrorKind::NotFound
        {
            return Self::absent("nothing is published yet: tables are there with the first epoch")
                .after(1);
        }
        Self::internal(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_its_status() {
        let cases: [(Refusal, u16); 5] = [
            (ServiceError::Absent("a".into()).into(), 404),
            (ServiceError::Conflict("a".into()).into(), 409),
            (Unfit::Request("a".into()).into(), 422),
            (Unfit::Forbidden("a".into()).into(), 403),
            (StoreError::Stopped { cause: None }.into(), 503),
        ];
        for (refusal, status) in cases {
            let problem = refusal.problem();
            assert_eq!(problem.status, status);
            assert!(!problem.title.is_empty() && !problem.detail.is_empty());
            let response = refusal.into_response();
            assert_eq!(
                response.headers()[header::CONTENT_TYPE],
                "application/problem+json"
            );
        }
    }
}
