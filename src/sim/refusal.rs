//! How a provider says no: status, headers, words.

use std::time::Duration;

use serde_json::json;

use super::admission::{Bound, Refused};
use super::fault::Word;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub(super) name: &'static str,
    /// The status.
    pub status: u16,
    /// Headers of its own.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// How long to wait.
    pub wait: Option<Word>,
}

impl Refusal {
    /// One without a name.
    pub(super) fn new(status: u16, headers: Vec<(String, String)>, body: String) -> Self {
        Self {
            name: "status",
            status,
            headers,
            body,
            wait: None,
        }
    }
}

/// A refusal that has a name.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) doc: &'static str,
    status: u16,
    kind: &'static str,
    code: &'static str,
    message: &'static str,
    wait: Option<Word>,
}

const TWO: Duration = Duration::from_secs(2);

const fn row(
    name: &'static str,
    doc: &'static str,
    status: u16,
    error: [&'static str; 3],
    wait: Option<Word>,
) -> Row {
    let [kind, code, message] = error;
    Row {
        name,
        doc,
        status,
        kind,
        code,
        message,
        wait,
    }
}

const RATE: [&str; 3] = [
    "requests",
    "rate_limit_exceeded",
    "Rate limit reached for the simulated model on requests per min (RPM)",
];
const DOWN: [&str; 3] = [
    "server_error",
    "",
    "The server had an error while processing your request",
];
const MONEY: [&str; 3] = [
    "insufficient_quota",
    "insufficient_quota",
    "You exceeded your current quota, please check your plan and billing details",
];

/// The body of this one is a page, of that one a list: see [`Row::refusal`].
const PAGE: &str = "502-html";
const LIST: &str = "429-gemini";

pub(super) const REFUSALS: [Row; 32] = [
    row(
        "429",
        "rate limit, to wait 2 s",
        429,
        RATE,
        Some(Word::Seconds(TWO)),
    ),
    row(
        "429-ms",
        "rate limit, to wait 500 ms",
        429,
        RATE,
        Some(Word::Millis(Duration::from_millis(500))),
    ),
    row(
        "429-date",
        "rate limit, to wait until a date",
        429,
        RATE,
        Some(Word::Date(TWO)),
    ),
    row("429-bare", "rate limit, not said how long", 429, RATE, None),
    row(
        "429-negative",
        "rate limit, retry-after: -5",
        429,
        RATE,
        Some(Word::Raw("-5")),
    ),
    row(
        "429-nan",
        "rate limit, retry-after: NaN",
        429,
        RATE,
        Some(Word::Raw("NaN")),
    ),
    row(
        "429-huge",
        "rate limit, retry-after: 1e9",
        429,
        RATE,
        Some(Word::Raw("1000000000")),
    ),
    row(
        "429-tokens",
        "rate limit of tokens, to wait 2 s",
        429,
        [
            "tokens",
            "rate_limit_exceeded",
            "Rate limit reached for the simulated model on tokens per min (TPM)",
        ],
        Some(Word::Both(TWO)),
    ),
    row(
        LIST,
        "rate limit in a list, with a numeric code",
        429,
        RATE,
        None,
    ),
    row(
        "too-large",
        "429 that never succeeds: larger than a minute's tokens",
        429,
        [
            "tokens",
            "rate_limit_exceeded",
            "Request too large for the simulated model: Limit 30000, Requested 31538",
        ],
        None,
    ),
    row(
        "slow-down",
        "429: the traffic grew too fast",
        429,
        ["rate_limit_error", "slow_down", "Please slow down"],
        Some(Word::Seconds(TWO)),
    ),
    row("quota", "429: no money", 429, MONEY, None),
    row(
        "spend-limit",
        "429: the spend limit of the project",
        429,
        [
            "insufficient_quota",
            "project_spend_limit_exceeded",
            "The spend limit of this project is reached",
        ],
        None,
    ),
    row(
        "401",
        "the key is wrong",
        401,
        [
            "invalid_request_error",
            "invalid_api_key",
            "Incorrect API key provided",
        ],
        None,
    ),
    row(
        "402",
        "no money",
        402,
        ["billing_error", "", "Payment required"],
        None,
    ),
    row(
        "403",
        "not allowed",
        403,
        [
            "permission_error",
            "",
            "You are not allowed to use this model",
        ],
        None,
    ),
    row(
        "400",
        "bad request",
        400,
        [
            "invalid_request_error",
            "",
            "We could not parse the value of a field",
        ],
        None,
    ),
    row(
        "context",
        "400: the prompt is too long",
        400,
        [
            "invalid_request_error",
            "context_length_exceeded",
            "This model's maximum context length is 8192 tokens",
        ],
        None,
    ),
    row(
        "schema",
        "400: the schema is not taken",
        400,
        [
            "invalid_request_error",
            "",
            "Invalid schema for response_format 'simulated'",
        ],
        None,
    ),
    row(
        "filter-400",
        "400: a content filter refuses the prompt",
        400,
        [
            "invalid_request_error",
            "content_filter",
            "The prompt was filtered",
        ],
        None,
    ),
    row(
        "404",
        "no such model",
        404,
        [
            "invalid_request_error",
            "model_not_found",
            "The model does not exist",
        ],
        None,
    ),
    row(
        "408",
        "timeout of the server",
        408,
        ["timeout_error", "", "The request took too long"],
        None,
    ),
    row(
        "409",
        "a lock",
        409,
        ["invalid_request_error", "", "The resource is locked"],
        None,
    ),
    row(
        "413",
        "too large",
        413,
        ["request_too_large", "", "The request is too large"],
        None,
    ),
    row(
        "422",
        "not processable",
        422,
        ["invalid_request_error", "", "Unprocessable"],
        None,
    ),
    row(
        "redirect",
        "307 to a recorder on this server",
        307,
        ["", "", ""],
        None,
    ),
    row("500", "the server failed", 500, DOWN, None),
    row("502", "the gateway failed", 502, DOWN, None),
    row(
        PAGE,
        "the gateway failed, with a page for people",
        502,
        DOWN,
        None,
    ),
    row(
        "503",
        "the server is overloaded",
        503,
        [
            "service_unavailable_error",
            "server_is_overloaded",
            "The engine is currently overloaded",
        ],
        None,
    ),
    row("504", "the gateway waited too long", 504, DOWN, None),
    row(
        "529",
        "the server is overloaded",
        529,
        ["overloaded_error", "", "Overloaded"],
        None,
    ),
];

/// Where a redirect leads: what arrives there is counted.
pub(super) const ELSEWHERE: &str = "/sim/elsewhere";

impl Row {
    pub(super) fn refusal(&self) -> Refusal {
        let body = if self.name == PAGE {
            "<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"
                .to_owned()
        } else if self.name == LIST {
            let error = json!({"code": 429, "status": "RESOURCE_EXHAUSTED",
                "message": "Resource has been exhausted (e.g. check quota)."});
            json!([{ "error": error }]).to_string()
        } else {
            error(self.kind, self.code, self.message)
        };
        let elsewhere =
            (self.name == "redirect").then(|| ("location".to_owned(), ELSEWHERE.to_owned()));
        Refusal {
            name: self.name,
            status: self.status,
            headers: elsewhere.into_iter().collect(),
            body,
            wait: self.wait,
        }
    }
}

/// The body of an error; an empty code is none.
pub(super) fn error(kind: &str, code: &str, message: &str) -> String {
    let code = (!code.is_empty()).then_some(code);
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}}).to_string()
}

/// The refusal of a call that the limits do not let in. `told` is the wait as the client's clock runs.
pub(super) fn limited(model: &str, refused: Refused, requested: u64, told: Duration) -> Refusal {
    let (kind, what) = match refused.bound {
        Bound::Requests => ("requests", "requests per min (RPM)"),
        Bound::Tokens | Bound::TooLarge => ("tokens", "tokens per min (TPM)"),
    };
    let numbers = format!(
        "Limit {}, Used {}, Requested {requested}",
        refused.limit, refused.used
    );
    let (message, wait) = if refused.bound == Bound::TooLarge {
        (
            format!(
                "Request too large for {model} on {what}: {numbers}. The input or output tokens must be reduced."
            ),
            None,
        )
    } else {
        let text = format!(
            "Rate limit reached for {model} on {what}: {numbers}. Please try again in {}.",
            go(told)
        );
        (text, Some(Word::Both(refused.wait)))
    };
    Refusal {
        name: "limit",
        status: 429,
        headers: Vec::new(),
        body: error(kind, "rate_limit_exceeded", &message),
        wait,
    }
}

/// A time as Go prints it: `20ms`, `1.5s`, `6m0s`.
pub(super) fn go(time: Duration) -> String {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    if millis < 1000 {
        return format!("{millis}ms");
    }
    let seconds = (millis % 60_000) as f64 / 1e3;
    match (millis / 3_600_000, millis / 60_000 % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_go_prints_them() {
        let times = [
            (20, "20ms"),
            (1500, "1.5s"),
            (360_000, "6m0s"),
            (62_500, "1m2.5s"),
            (7_200_000, "2h0m0s"),
        ];
        for (millis, text) in times {
            assert_eq!(go(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn a_limit_says_what_was_used_and_for_how_long() {
        let refused = Refused {
            bound: Bound::Tokens,
            wait: Duration::from_secs(20),
            limit: 30_000,
            used: 14_567,
        };
        let said = limited("m", refused, 24_754, TWO);
        assert!(
            said.body
                .contains("Limit 30000, Used 14567, Requested 24754. Please try again in 2s."),
            "{}",
            said.body
        );
        assert_eq!(said.wait, Some(Word::Both(Duration::from_secs(20))));
    }
}
