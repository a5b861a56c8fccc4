//! Status, headers and body of a refusal -> `Fault`. Decided on the error's code, then its type, then what its
//! message says, then the status: 429 alone may mean "wait", "never" or "pay".

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::chat;
use crate::model::fault::{Fault, FaultKind as K, LimitedBy};

/// Of a message, so many characters are kept.
const KEPT: usize = 300;

/// By `error.code`.
const CODES: [(&str, K); 28] = [
    ("insufficient_quota", K::Quota),
    ("credit_balance_exhausted", K::Quota),
    ("organization_spend_limit_exceeded", K::Quota),
    ("project_spend_limit_exceeded", K::Quota),
    ("organization_usage_limit_exceeded", K::Quota),
    ("enforced_spend_limit_reached", K::Quota),
    ("billing_hard_limit_reached", K::Quota),
    ("billing_not_active", K::Quota),
    ("invalid_api_key", K::Key),
    ("account_deactivated", K::Key),
    ("invalid_organization", K::Key),
    ("unsupported_country_region_territory", K::Key),
    ("model_not_found", K::NoModel),
    ("DeploymentNotFound", K::NoModel),
    ("context_length_exceeded", K::TooLarge),
    ("string_above_max_length", K::TooLarge),
    ("request_too_large", K::TooLarge),
    ("rate_limit_exceeded", K::RateLimit),
    ("resource_unavailable", K::Overloaded),
    ("slow_down", K::SlowDown),
    ("server_is_overloaded", K::Overloaded),
    ("server_error", K::Server),
    ("internal_error", K::Server),
    ("invalid_json_schema", K::BadSchema),
    ("RESOURCE_EXHAUSTED", K::RateLimit),
    ("UNAUTHENTICATED", K::Key),
    ("PERMISSION_DENIED", K::Key),
    ("UNAVAILABLE", K::Overloaded),
];

/// By `error.type`.
const TYPES: [(&str, K); 18] = [
    ("insufficient_quota", K::Quota),
    ("billing_error", K::Quota),
    ("authentication_error", K::Key),
    ("permission_error", K::Key),
    ("not_found_error", K::NoModel),
    ("NotFoundError", K::NoModel),
    ("exceed_context_size_error", K::TooLarge),
    ("request_too_large", K::TooLarge),
    ("rate_limit_error", K::RateLimit),
    ("requests", K::RateLimit),
    ("tokens", K::RateLimit),
    ("overloaded_error", K::Overloaded),
    ("service_unavailable_error", K::Overloaded),
    ("unavailable_error", K::Overloaded),
    ("server_error", K::Server),
    ("api_error", K::Server),
    ("timeout_error", K::Server),
    ("slow_down", K::SlowDown),
];

/// By what the message says, in lower case, where code and type may say less: the sharper meaning wins.
const SAYS: [(&str, K); 8] = [
    ("request too large for", K::TooLarge),
    ("maximum context length", K::TooLarge),
    ("available context size", K::TooLarge),
    ("context window", K::TooLarge),
    ("invalid schema for response_format", K::BadSchema),
    ("api key not valid", K::Key),
    ("resource unavailable", K::Overloaded),
    ("maximum pending requests exceeded", K::Overloaded),
];

/// The meaning of a complete answer that is not a reply.
#[must_use]
pub fn classify(status: u16, headers: &HeaderMap, body: &[u8]) -> Fault {
    let said = Said::read(body);
    let kind = kind(status, &said);
    let label = said.code.as_deref().or(said.kind.as_deref());
    let message = match (label, said.message.as_str()) {
        (Some(label), "") => format!("the provider answered {status} ({})", tidy(label)),
        (Some(label), text) => format!("the provider answered {status} ({}): {text}", tidy(label)),
        (None, "") => format!("the provider answered {status} without a word"),
        (None, text) => format!("the provider answered {status}: {text}"),
    };
    let word = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    Fault {
        kind,
        status: Some(status),
        message,
        retry_after: header_wait(headers)
            .or(said.wait)
            .or_else(|| text_wait(&said.message)),
        should_retry: word("x-should-retry").and_then(|text| text.trim().parse().ok()),
        request_id: request_id(headers),
        limits: Some(Box::new(chat::limits(headers))),
        limited_by: limited_by(&said),
    }
}

/// What a rate limit is counted in: by its type, or by what the message says.
fn limited_by(said: &Said) -> Option<LimitedBy> {
    let lower = said.message.to_lowercase();
    match said.kind.as_deref() {
        Some("requests") => Some(LimitedBy::Requests),
        Some("tokens") => Some(LimitedBy::Tokens),
        _ if lower.contains("requests per") => Some(LimitedBy::Requests),
        _ if lower.contains("tokens per") => Some(LimitedBy::Tokens),
        _ => None,
    }
}

fn kind(status: u16, said: &Said) -> K {
    let lower = said.message.to_lowercase();
    let find = |table: &[(&str, K)], text: &Option<String>| {
        let text = text.as_deref()?;
        table.iter().find(|row| row.0 == text).map(|row| row.1)
    };
    let coded = find(&CODES, &said.code)
        .or_else(|| find(&CODES, &said.status))
        .or_else(|| find(&TYPES, &said.kind));
    let spoken = SAYS
        .iter()
        .find(|row| lower.contains(row.0))
        .map(|row| row.1);
    match (coded, spoken) {
        // `slow_down` was the code for an overloaded server once.
        (Some(K::SlowDown), _) if status >= 500 => K::Overloaded,
        // A rate limit that says "request too large" never ends. One that says "quota" does: Gemini's per minute do.
        (Some(K::RateLimit) | None, Some(sharper)) => sharper,
        (Some(kind), _) => kind,
        (None, None) if said.param.as_deref() == Some("response_format") => K::BadSchema,
        (None, None) => by_status(said.number.filter(|_| status < 300).unwrap_or(status)),
    }
}

fn by_status(status: u16) -> K {
    match status {
        300..=399 => K::Redirect,
        401 | 403 => K::Key,
        402 => K::Quota,
        404 => K::NoModel,
        413 => K::TooLarge,
        429 => K::RateLimit,
        503 | 529 => K::Overloaded,
        408 | 409 | 500..=599 => K::Server,
        400..=499 => K::Rejected,
        _ => K::BadBody,
    }
}

/// Whether this refusal is a filter's: some servers answer 400 where others answer with a finish reason.
#[must_use]
pub fn is_filter(status: u16, body: &[u8]) -> bool {
    status == 400 && Said::read(body).code.as_deref() == Some("content_filter")
}

/// What an error body says, of whichever shape.
#[derive(Debug, Default)]
struct Said {
    message: String,
    code: Option<String>,
    kind: Option<String>,
    status: Option<String>,
    param: Option<String>,
    number: Option<u16>,
    wait: Option<Duration>,
}

impl Said {
    fn read(body: &[u8]) -> Self {
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            return Self {
                message: page(body),
                ..Self::default()
            };
        };
        let first = value.as_array().map_or(Some(&value), |list| list.first());
        let whole = first.unwrap_or(&Value::Null);
        let error = whole.get("error").unwrap_or(whole);
        let text = |name: &str| Some(error.get(name)?.as_str()?.to_owned());
        let message = ["message", "detail", "error"]
            .iter()
            .find_map(|name| text(name));
        let message = error.as_str().map(str::to_owned).or(message);
        let number = error.get("code").and_then(Value::as_u64);
        Self {
            message: tidy(&message.unwrap_or_default()),
            code: text("code"),
            kind: text("type"),
            status: text("status"),
            param: text("param"),
            number: number.and_then(|code| u16::try_from(code).ok()),
            wait: delay_of(error),
        }
    }
}

/// Google's `RetryInfo`.
fn delay_of(error: &Value) -> Option<Duration> {
    let details = error.get("details")?.as_array()?;
    let delay = details.iter().find_map(|detail| detail.get("retryDelay"));
    duration(delay?.as_str()?)
}

/// A page for people, in a few words.
fn page(body: &[u8]) -> String {
    let head = body.get(..500).unwrap_or(body);
    let text = String::from_utf8_lossy(head);
    if !text.trim_start().starts_with('<') {
        return tidy(&text);
    }
    let title = text
        .split_once("<title>")
        .and_then(|(_, rest)| rest.split_once("</title>"));
    title.map_or_else(
        || "an HTML page".to_owned(),
        |(title, _)| format!("an HTML page, {:?}", tidy(title)),
    )
}

/// One line of bounded length without control characters, keys and account ids.
pub(super) fn tidy(text: &str) -> String {
    let words: Vec<_> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .collect();
    let words: Vec<_> = words
        .into_iter()
        .filter(|word| !word.is_empty())
        .map(mask)
        .collect();
    words.join(" ").chars().take(KEPT).collect()
}

/// Hides what follows a prefix that keys and account ids have.
fn mask(word: &str) -> String {
    const PREFIXES: [&str; 5] = ["org-", "proj_", "sk-", "AIza", "key="];
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '*' | '.');
    for prefix in PREFIXES {
        if let Some((before, secret)) = word.split_once(prefix) {
            let hidden: String = secret.chars().take_while(|&c| is_part(c)).collect();
            if hidden.len() >= 6 && !before.ends_with(char::is_alphanumeric) {
                let rest = secret.get(hidden.len()..).unwrap_or_default();
                return format!("{before}{prefix}***{rest}");
            }
        }
    }
    word.to_owned()
}

/// The provider's id of the request.
#[must_use]
pub fn request_id(headers: &HeaderMap) -> Option<String> {
    ["x-request-id", "request-id", "x-litellm-call-id"]
        .iter()
        .find_map(|name| headers.get(*name)?.to_str().ok())
        .map(|id| id.chars().take(200).collect())
}

fn header_wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let seconds = |text: &str, unit: f64| {
        let number: f64 = text.parse().ok()?;
        Duration::try_from_secs_f64(number / unit).ok()
    };
    if let Some(wait) = text("retry-after-ms").and_then(|text| seconds(text, 1e3)) {
        return Some(wait);
    }
    let after = text("retry-after")?;
    seconds(after, 1.0).or_else(|| {
        // Against the server's own clock: ours may differ.
        let parser = jiff::fmt::rfc2822::DateTimeParser::new();
        let then = parser.parse_timestamp(after).ok()?;
        let now = parser.parse_timestamp(text("date")?).ok()?;
        Duration::try_from(then.duration_since(now)).ok()
    })
}

/// `... try again in 6m0s`.
fn text_wait(message: &str) -> Option<Duration> {
    let lower = message.to_lowercase();
    ["try again in ", "retry in ", "retry after "]
        .iter()
        .find_map(|lead| duration(lower.split_once(lead)?.1))
}

/// `1h2m3.5s`, `644ms`, `20 seconds`: as far as it can be read, from the start.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim_start();
    let mut sum = None;
    loop {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let after = after.trim_start();
        let letters = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, next) = after.split_at(letters);
        let seconds = match unit {
            "h" | "hour" | "hours" => 3600.0,
            "m" | "min" | "minute" | "minutes" => 60.0,
            "s" | "sec" | "second" | "seconds" => 1.0,
            "ms" | "milliseconds" => 1e-3,
            _ => return sum,
        };
        let Ok(number) = number.trim_end_matches('.').parse::<f64>() else {
            return sum;
        };
        let part = Duration::try_from_secs_f64(number * seconds).ok()?;
        sum = Some(sum.unwrap_or(Duration::ZERO).saturating_add(part));
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            let value = HeaderValue::from_str(value).unwrap();
            (HeaderName::from_static(name), value)
        };
        pairs.iter().map(pair).collect()
    }

    fn openai(message: &str, kind: &str, code: &str) -> String {
        let error =
            serde_json::json!({"message": message, "type": kind, "param": null, "code": code});
        serde_json::json!({"error": error}).to_string()
    }

    /// Every line of the table of errors, and the shapes that other servers give them.
    #[test]
    fn every_error_means_what_it_should() {
        let request = "invalid_request_error";
        let limit = "rate_limit_exceeded";
        let rows: Vec<(u16, String, K)> = vec![
            (400, openai("too long", request, "context_length_exceeded"), K::TooLarge),
            (400, openai("Invalid schema for response_format 'kg': 6 levels of nesting exceeds limit of 5", request, ""), K::BadSchema),
            (400, r#"{"error":{"message":"no","type":"invalid_request_error","param":"response_format","code":null}}"#.into(), K::BadSchema),
            (400, openai("Unsupported parameter: 'temperature'", request, "unsupported_parameter"), K::Rejected),
            (400, openai("Billing hard limit has been reached", request, "billing_hard_limit_reached"), K::Quota),
            (401, openai("Incorrect API key provided", request, "invalid_api_key"), K::Key),
            (403, openai("Country not supported", "request_forbidden", "unsupported_country_region_territory"), K::Key),
            (403, openai("no", "permission_error", ""), K::Key),
            (404, openai("The model `x` does not exist", request, "model_not_found"), K::NoModel),
            (404, "404 page not found".into(), K::NoModel),
            (408, String::new(), K::Server),
            (409, String::new(), K::Server),
            (402, String::new(), K::Quota),
            (413, "<html><title>413 Request Entity Too Large</title>".into(), K::TooLarge),
            (422, r#"{"detail":"unprocessable"}"#.into(), K::Rejected),
            (429, openai("Rate limit reached for gpt-4o", "requests", limit), K::RateLimit),
            (429, openai("Rate limit reached for gpt-4o", "tokens", limit), K::RateLimit),
            (429, openai("Request too large for gpt-4o ... Limit 30000, Requested 31538", "tokens", limit), K::TooLarge),
            (429, openai("slow", "rate_limit_error", "slow_down"), K::SlowDown),
            (429, openai("quota", "insufficient_quota", "credit_balance_exhausted"), K::Quota),
            (429, openai("quota", "insufficient_quota", "organization_spend_limit_exceeded"), K::Quota),
            (429, openai("quota", "insufficient_quota", "project_spend_limit_exceeded"), K::Quota),
            (429, openai("quota", "insufficient_quota", "organization_usage_limit_exceeded"), K::Quota),
            (429, openai("You exceeded your current quota", "insufficient_quota", "insufficient_quota"), K::Quota),
            (429, openai("Resource unavailable", "resource_unavailable", ""), K::Overloaded),
            (429, "too many".into(), K::RateLimit),
            (500, openai("oops", "server_error", ""), K::Server),
            (502, "<html><head><title>502 Bad Gateway</title></head>".into(), K::Server),
            (504, String::new(), K::Server),
            (503, openai("busy", "service_unavailable_error", "server_is_overloaded"), K::Overloaded),
            (503, openai("busy", "service_unavailable_error", "slow_down"), K::Overloaded),
            (503, "server busy, please try again.  maximum pending requests exceeded".into(), K::Overloaded),
            (307, String::new(), K::Redirect),
            // Anthropic's shape.
            (529, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#.into(), K::Overloaded),
            (400, r#"{"type":"error","error":{"type":"billing_error","message":"pay"}}"#.into(), K::Quota),
            (429, r#"{"error":{"type":"rate_limit_error","code":"enforced_spend_limit_reached"}}"#.into(), K::Quota),
            // Gemini's array, with numeric codes.
            (429, r#"[{"error":{"code":429,"message":"Resource has been exhausted (e.g. check quota).","status":"RESOURCE_EXHAUSTED"}}]"#.into(), K::RateLimit),
            (400, r#"[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}]"#.into(), K::Key),
            (503, r#"[{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}]"#.into(), K::Overloaded),
            (429, r#"[{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details. Please retry in 34s.","status":"RESOURCE_EXHAUSTED"}}]"#.into(), K::RateLimit),
            // llama.cpp, vLLM.
            (503, r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#.into(), K::Overloaded),
            (400, r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}"#.into(), K::TooLarge),
            (400, r#"{"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","param":null,"code":400}"#.into(), K::TooLarge),
            (404, r#"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","code":404}"#.into(), K::NoModel),
            // 200, but an error all the same.
            (200, r#"{"error":{"code":503,"message":"busy"}}"#.into(), K::Overloaded),
            (200, openai("Rate limit reached", "tokens", limit), K::RateLimit),
            (200, "<!doctype html><title>Welcome</title>".into(), K::BadBody),
            (200, String::new(), K::BadBody),
            (200, r#"{"error":"no model loaded"}"#.into(), K::BadBody),
            (418, "[]".into(), K::Rejected),
        ];
        for (status, body, kind) in rows {
            let fault = classify(status, &HeaderMap::new(), body.as_bytes());
            assert_eq!(fault.kind, kind, "{status} {body}");
            assert_eq!(fault.status, Some(status));
        }
    }

    #[test]
    fn the_wait_in_all_its_forms() {
        let ms = |headers: &HeaderMap, body: &str| {
            let wait = classify(429, headers, body.as_bytes()).retry_after;
            wait.map(|wait| wait.as_millis())
        };
        let header = |pairs: &[(&'static str, &str)]| ms(&headers(pairs), "");
        assert_eq!(header(&[("retry-after", "7")]), Some(7000));
        assert_eq!(header(&[("retry-after", "0.5")]), Some(500));
        assert_eq!(
            header(&[("retry-after", "7"), ("retry-after-ms", "20")]),
            Some(20)
        );
        let then = ("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT");
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(header(&[then, date]), Some(30_000));
        assert_eq!(header(&[then]), None);
        for odd in ["-1", "NaN", "inf", "1e300", "soon", ""] {
            assert_eq!(header(&[("retry-after", odd)]), None, "{odd}");
        }
        assert_eq!(header(&[("retry-after", "1e9")]), Some(1_000_000_000_000));
        let texts = [
            ("Please try again in 18.642s.", Some(18_642)),
            ("Please try again in 644ms.", Some(644)),
            ("try again in 6m0s", Some(360_000)),
            ("try again in 1h2m3.5s. Visit", Some(3_723_500)),
            ("Please retry in 20 seconds", Some(20_000)),
            ("try again in a while", None),
            ("try again in 5", None),
            ("try again in 99999999999999999999999999h", None),
        ];
        for (text, wait) in texts {
            assert_eq!(
                ms(&HeaderMap::new(), &openai(text, "tokens", "")),
                wait,
                "{text}"
            );
        }
        let info = r#"[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"@type":"x"},{"retryDelay":"34s"}]}}]"#;
        assert_eq!(ms(&HeaderMap::new(), info), Some(34_000));
    }

    #[test]
    fn secrets_and_accounts_are_masked() {
        let text = "Rate limit reached for gpt-4o in organization org-AbCdEf123456 on tokens. Key (sk-abc***xyz9), task-oriented";
        let fault = classify(
            429,
            &HeaderMap::new(),
            openai(text, "tokens", "").as_bytes(),
        );
        assert!(
            fault
                .message
                .contains("organization org-*** on tokens. Key (sk-***), task-oriented"),
            "{fault}"
        );
    }

    #[test]
    fn bodies_for_people_are_short_and_on_one_line() {
        let body = format!(
            "<html>\n<title>Bad\n\u{1b}[31m Gateway</title>{}",
            "x".repeat(10_000)
        );
        let fault = classify(502, &HeaderMap::new(), body.as_bytes());
        assert_eq!(
            fault.message,
            r#"the provider answered 502: an HTML page, "Bad [31m Gateway""#
        );
        let plain = classify(500, &HeaderMap::new(), "é".repeat(5000).as_bytes());
        assert!(plain.message.chars().count() < 350);
    }

    #[test]
    fn headers_of_interest() {
        let seen = headers(&[("x-should-retry", "false"), ("x-request-id", "req_1")]);
        let fault = classify(500, &seen, b"");
        assert_eq!(fault.should_retry, Some(false));
        assert_eq!(fault.request_id.as_deref(), Some("req_1"));
        assert!(is_filter(
            400,
            openai("filtered", "", "content_filter").as_bytes()
        ));
        assert!(!is_filter(
            429,
            openai("filtered", "", "content_filter").as_bytes()
        ));
    }
}
