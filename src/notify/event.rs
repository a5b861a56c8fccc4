//! What is told.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::unit::Micros;

/// What happened to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// It will do nothing more by itself.
    #[serde(rename = "job.ended")]
    Ended,
    /// It runs and does not get on.
    #[serde(rename = "job.stalled")]
    Stalled,
}

impl Kind {
    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ended => "job.ended",
            Self::Stalled => "job.stalled",
        }
    }
}

/// One thing to tell. It can be kept as JSON between attempts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub kind: Kind,
    /// Of this delivery, the same for every attempt: letters, digits, `-`, `_`, `.`.
    pub id: String,
    /// When it happened.
    pub at: Micros,
    /// The job, as its API shows it.
    pub job: Value,
    /// For people: one line.
    pub subject: String,
    /// For people: what happened, and what they may do.
    pub text: String,
}

impl Event {
    /// The body of a webhook. The same bytes for every attempt.
    pub(super) fn body(&self) -> Vec<u8> {
        let body = serde_json::json!({
            "event": self.kind.name(),
            "id": self.id,
            "at": self.at.to_string(),
            "job": self.job,
        });
        body.to_string().into_bytes()
    }

    /// Its id, fit for a header whatever it is: what does not belong there becomes `-`.
    pub(super) fn header_id(&self) -> String {
        let fit = |c: char| match c {
            c if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') => c,
            _ => '-',
        };
        self.id.chars().take(128).map(fit).collect()
    }
}
