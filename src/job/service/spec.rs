//! What a client asks for, and how a job stands: the objects of the service's interface. Plain data.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::standing::Standing;
use crate::limit::Caps;
use crate::model::unit::{Micros, Usd};
use crate::store::StoredJob;

/// What is read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Input {
    /// What was uploaded under this name.
    Collection(String),
    /// A folder of the server, below one of its roots.
    Folder(String),
    /// The sample transcripts.
    Samples(bool),
}

/// What may be spent by a job, over all its runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CapsOf {
    /// US dollars.
    #[schema(minimum = 0, example = 5.0)]
    pub cost_usd: Option<f64>,
    /// Calls, retries included.
    pub calls: Option<u64>,
    /// Tokens, input and output together.
    pub tokens: Option<u64>,
}

impl CapsOf {
    /// As the limiter takes them; `None` if the cost is no amount of money.
    #[must_use]
    pub fn caps(self) -> Option<Caps> {
        let cost = match self.cost_usd {
            Some(dollars) => Some(Usd::from_dollars(dollars)?),
            None => None,
        };
        Some(Caps {
            cost,
            calls: self.calls,
            tokens: self.tokens,
        })
    }
}

/// What a client asks for: exactly one of `collection`, `folder` and `samples`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The name of a dataflow.
    #[schema(example = "knowledge-graph")]
    pub dataflow: String,
    /// What was uploaded under this name.
    #[schema(example = "board-meetings")]
    pub collection: Option<String>,
    /// A folder of the server, below one of its roots.
    pub folder: Option<String>,
    /// The sample transcripts.
    #[serde(default)]
    pub samples: bool,
    /// Who answers: `rules` or `openai`.
    #[schema(example = "rules")]
    pub provider: Option<String>,
    /// The model; the operator's, if none is named.
    pub model: Option<String>,
    /// What may be spent.
    #[serde(default)]
    pub caps: CapsOf,
    /// Which goes first: -10 to 10, higher first.
    #[serde(default)]
    #[schema(minimum = -10, maximum = 10)]
    pub priority: i64,
}

/// A job, as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// The name of the dataflow.
    pub dataflow: String,
    /// What is read.
    pub input: Input,
    /// Who answers.
    pub provider: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// What may be spent.
    pub caps: CapsOf,
    /// Which goes first.
    pub priority: i64,
    /// Failures of this reason (all, if empty) are asked again by the next run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<String>,
}

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It waits for its turn.
    Queued,
    /// It is at work.
    Running,
    /// It was told to wait.
    Paused,
    /// All is answered.
    Complete,
    /// It is finished, and something failed.
    Failures,
    /// Its budget is spent with work left.
    Incomplete,
    /// It could not go on.
    Failed,
    /// It was told to end.
    Cancelled,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Running,
        Self::Paused,
        Self::Complete,
        Self::Failures,
        Self::Incomplete,
        Self::Failed,
        Self::Cancelled,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Complete => "complete",
            Self::Failures => "failures",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// From its name; none if it is not one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing more happens by itself.
    #[must_use]
    pub fn ended(self) -> bool {
        !matches!(self, Self::Queued | Self::Running | Self::Paused)
    }
}

/// A job, as clients see it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Job {
    /// Its id: 32 hex digits.
    #[schema(example = "0f9c1e7a5b7d4c0e8a3b2f1d6e5c4b3a")]
    pub id: String,
    /// The name of the dataflow.
    pub dataflow: String,
    /// What is read.
    pub input: Input,
    /// Who answers.
    pub provider: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// Which goes first.
    pub priority: i64,
    /// What may be spent.
    pub caps: CapsOf,
    /// How it stands.
    pub state: State,
    /// Why it stands so.
    pub reason: Option<String>,
    /// How often it was started.
    pub run: u32,
    /// When it was submitted, RFC 3339.
    pub created_at: String,
    /// When it was first started.
    pub started_at: Option<String>,
    /// When it ended.
    pub ended_at: Option<String>,
    /// How far it is.
    pub progress: Standing,
}

/// A stored job that this program does not understand.
#[derive(Debug, thiserror::Error)]
#[error("job {id} is not as this weir writes them: {what}")]
pub struct Odd {
    id: String,
    what: String,
}

/// What was asked for of a stored job.
///
/// # Errors
/// If it was written by another program.
pub fn spec(stored: &StoredJob) -> Result<Spec, Odd> {
    serde_json::from_str(&stored.spec).map_err(|error| Odd {
        id: stored.job.to_string(),
        what: error.to_string(),
    })
}

/// A stored job, as clients see it.
///
/// # Errors
/// If it was written by another program.
pub fn job(stored: &StoredJob) -> Result<Job, Odd> {
    let odd = |what: String| Odd {
        id: stored.job.to_string(),
        what,
    };
    let spec = spec(stored)?;
    let progress = match &stored.progress {
        Some(text) => serde_json::from_str(text).map_err(|error| odd(error.to_string()))?,
        None => Standing::default(),
    };
    let state =
        State::parse(&stored.state).ok_or_else(|| odd(format!("state {}", stored.state)))?;
    let at = |time: Option<Micros>| time.map(|time| time.to_string());
    Ok(Job {
        id: stored.job.to_string(),
        dataflow: spec.dataflow,
        input: spec.input,
        provider: spec.provider,
        model: spec.model,
        priority: stored.priority,
        caps: spec.caps,
        state,
        reason: stored.reason.clone(),
        run: stored.runs,
        created_at: stored.created_at.to_string(),
        started_at: at(stored.started_at),
        ended_at: at(stored.ended_at),
        progress,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_names_that_parse() {
        for state in State::ALL {
            assert_eq!(State::parse(state.name()), Some(state));
            let json = serde_json::to_value(state).unwrap();
            assert_eq!(json, state.name());
        }
        assert_eq!(State::parse("done"), None);
    }

    #[test]
    fn requests_are_strict() {
        let read = |text: &str| serde_json::from_str::<Request>(text);
        let request = read(r#"{"dataflow":"topics","folder":"/srv/a","caps":{"cost_usd":5}}"#);
        let caps = request.unwrap().caps.caps().unwrap();
        assert_eq!(caps.cost, Some(Usd(5_000_000_000)));
        assert!(read(r#"{"dataflow":"topics","base_url":"http://evil"}"#).is_err());
        assert!(read(r#"{"dataflow":"topics","caps":{"money":5}}"#).is_err());
        let negative = CapsOf {
            cost_usd: Some(-1.0),
            ..CapsOf::default()
        };
        assert_eq!(negative.caps(), None);
    }

    #[test]
    fn an_input_names_its_kind() {
        let json = serde_json::to_value(Input::Collection("a".into())).unwrap();
        assert_eq!(json, serde_json::json!({"collection": "a"}));
    }
}
