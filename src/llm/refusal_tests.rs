//! Refusals that money, a key or a permission must mend: after one, whatever it looks like on the wire, nobody is let
//! through the gate any more. In virtual time.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::json;
use tokio::time::Instant;

use super::client::Verdict;
use super::client_tests::{Stand, stand, texts};
use super::fault::classify;
use super::gate::Closed;
use super::scripted::{Notes, Scripted};
use crate::limit::{Caps, Limits};
use crate::model::fault::{Fault, FaultKind as K};

const SECOND: Duration = Duration::from_secs(1);
/// How long a call takes, and how many go out in a second.
const LATENCY: Duration = Duration::from_secs(5);
const A_SECOND: u64 = 10;
/// This call is answered with a server error, so that its chunk waits for another try.
const ERROR: usize = 20;
/// And this one is refused.
const REFUSED: usize = 60;

/// Status, type, code, and what it is.
const REFUSALS: [(u16, &str, &str, K); 17] = [
    (401, "invalid_request_error", "invalid_api_key", K::Key),
    (401, "authentication_error", "", K::Key),
    (401, "", "", K::Key),
    (402, "", "", K::Quota),
    (402, "billing_error", "", K::Quota),
    (403, "", "", K::Key),
    (403, "permission_error", "", K::Key),
    (
        403,
        "request_forbidden",
        "unsupported_country_region_territory",
        K::Key,
    ),
    (
        400,
        "invalid_request_error",
        "billing_hard_limit_reached",
        K::Quota,
    ),
    (429, "insufficient_quota", "insufficient_quota", K::Quota),
    (
        429,
        "insufficient_quota",
        "credit_balance_exhausted",
        K::Quota,
    ),
    (
        429,
        "insufficient_quota",
        "organization_spend_limit_exceeded",
        K::Quota,
    ),
    (
        429,
        "insufficient_quota",
        "project_spend_limit_exceeded",
        K::Quota,
    ),
    (
        429,
        "insufficient_quota",
        "organization_usage_limit_exceeded",
        K::Quota,
    ),
    (429, "insufficient_quota", "", K::Quota),
    (
        429,
        "rate_limit_error",
        "billing_hard_limit_reached",
        K::Quota,
    ),
    (429, "", "billing_not_active", K::Quota),
];

fn refusal(status: u16, kind: &str, code: &str) -> Fault {
    let error = json!({"message": "not for you", "type": kind, "param": null, "code": code});
    let body = json!({ "error": error }).to_string();
    // Without code and type not even a word.
    let body = if kind.is_empty() && code.is_empty() {
        String::new()
    } else {
        body
    };
    classify(status, &HeaderMap::new(), body.as_bytes())
}

/// Asks a thousand texts one by one, of which one is refused when as many as fit are under way and the rest waits at the
/// gate; `slow` is how long it takes to note what came of a call.
async fn refused(fault: &Fault, slow: Duration) -> Stand {
    let played = fault.clone();
    let provider = Scripted::new(LATENCY, move |_, nth| match nth {
        ERROR => Some(Err(Fault::new(K::Server, "for once"))),
        REFUSED.. => Some(Err(played.clone())),
        _ => None,
    });
    let limits = Limits {
        requests_per_minute: 60 * A_SECOND,
        tokens_per_minute: 100_000_000,
        requests_per_day: None,
        in_flight: 1000,
    };
    let notes = Notes {
        slow,
        ..Notes::default()
    };
    let stand = stand(&provider, limits, Caps::default(), notes);
    let batches: Vec<_> = texts(1000).chunks(1).map(<[_]>::to_vec).collect();
    let told = stand.ask(&batches).await;
    assert_eq!(told.len(), 1000, "everybody hears");
    let unasked = Verdict::Unasked(fault.message.clone());
    let lost = told.values().filter(|verdict| **verdict == unasked).count();
    assert!(lost > 900, "{lost} of 1000 were not asked");
    stand
}

/// How long after the refusal the last call went out, and how many did.
fn last(stand: &Stand) -> (Option<Duration>, usize) {
    let calls = stand.provider.calls.lock().unwrap();
    let starts: Vec<Instant> = calls.iter().map(|(at, _)| *at).collect();
    let came = starts[REFUSED - 1] + LATENCY;
    let late = starts
        .iter()
        .filter_map(|at| at.checked_duration_since(came));
    (late.max(), calls.len())
}

#[tokio::test(start_paused = true)]
async fn nobody_is_admitted_later_than_a_second() {
    for (status, kind, code, meaning) in REFUSALS {
        let fault = refusal(status, kind, code);
        let what = format!("{status} {kind} {code}");
        assert_eq!(fault.kind, meaning, "{what}");
        let stand = refused(&fault, Duration::ZERO).await;
        let (late, calls) = last(&stand);
        assert!(late.is_none_or(|late| late <= SECOND), "{what}: {late:?}");
        // Those that went out while it was under way.
        let most = (LATENCY.as_secs() + 1) * A_SECOND;
        let after = (calls - REFUSED) as u64;
        assert!(after > 0 && after <= most, "{what}: {after} calls");
        assert_eq!(stand.lane.closed(), Some(Closed::Fault(fault)), "{what}");
    }
}

/// A disk that takes half a minute for a note keeps nobody from hearing of it at once.
#[tokio::test(start_paused = true)]
async fn a_slow_disk_does_not_hold_the_gate_open() {
    let fault = refusal(402, "", "");
    let (late, _) = last(&refused(&fault, 30 * SECOND).await);
    assert!(late.is_none_or(|late| late <= SECOND), "{late:?}");
}

/// What only looks like them does not end a run: limits by the minute, a request that is too large for one.
#[tokio::test(start_paused = true)]
async fn a_limit_by_the_minute_is_no_refusal() {
    for (status, kind, code) in [
        (429, "tokens", "rate_limit_exceeded"),
        (429, "rate_limit_error", "slow_down"),
        (429, "", ""),
    ] {
        let fault = refusal(status, kind, code);
        let provider = Scripted::new(LATENCY, move |_, nth| {
            (nth == 3).then(|| Err(fault.clone()))
        });
        let limits = Limits {
            requests_per_minute: 600,
            ..Limits::default()
        };
        let stand = stand(&provider, limits, Caps::default(), Notes::default());
        let batches: Vec<_> = texts(9).chunks(1).map(<[_]>::to_vec).collect();
        let told = stand.ask(&batches).await;
        let answered = |verdict: &&Verdict| matches!(verdict, Verdict::Answered { .. });
        assert_eq!(told.values().filter(answered).count(), 9, "{kind} {code}");
        assert_eq!(stand.lane.closed(), None);
    }
}
