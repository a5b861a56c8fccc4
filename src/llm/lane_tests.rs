//! Several jobs at one gate, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::gate::{Closed, Gate, Refused, Settlement};
use super::lane::{Lane, Terms};
use crate::limit::{Caps, Charge, Exhausted, Limits};
use crate::model::call::{LimitHeaders, Usage};
use crate::model::fault::{Fault, FaultKind};

const SECOND: Duration = Duration::from_secs(1);

fn terms(weight: u32) -> Terms {
    Terms {
        limits: Limits {
            requests_per_minute: 600,
            tokens_per_minute: 1_000_000,
            requests_per_day: None,
            in_flight: 50,
        },
        weight,
        ..Terms::default()
    }
}

fn charge(tokens: u64) -> Charge {
    Charge {
        tokens,
        cost_bound: None,
    }
}

fn answered() -> Settlement {
    Settlement {
        usage: Some(Usage {
            input: 1,
            cached: 0,
            output: 0,
        }),
        cost: None,
        limits: LimitHeaders::default(),
        outcome: Ok(SECOND),
    }
}

/// Starts calls of a second as fast as the lane lets it, as a desk does: waits, cuts, reserves. Until then.
async fn work(lane: Arc<Lane>, tokens: u64, end: Instant) -> u64 {
    let mut calls = JoinSet::new();
    let mut started = 0;
    while Instant::now() < end {
        tokio::select! {
            ready = lane.ready(charge(tokens)) => ready.unwrap(),
            () = tokio::time::sleep_until(end) => break,
        }
        // Cutting takes a moment, in which the lane wants nothing.
        sleep(SECOND / 500).await;
        let grant = match lane.try_reserve(charge(tokens)) {
            Ok(grant) => grant,
            Err(_) => lane.reserve(charge(tokens)).await.unwrap(),
        };
        started += 1;
        calls.spawn(async move {
            sleep(SECOND).await;
            grant.settle(&answered());
        });
    }
    calls.join_all().await;
    started
}

async fn together(work_of: &[(u32, u64, Duration, Duration)]) -> Vec<u64> {
    let gate = Gate::new(1);
    let start = Instant::now();
    let mut jobs = JoinSet::new();
    for (place, (weight, tokens, from, to)) in work_of.iter().copied().enumerate() {
        let gate = Arc::clone(&gate);
        jobs.spawn(async move {
            sleep(from).await;
            (
                place,
                work(gate.lane(terms(weight)), tokens, start + to).await,
            )
        });
    }
    let mut got = jobs.join_all().await;
    got.sort_unstable();
    got.into_iter().map(|(_, started)| started).collect()
}

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn equal_shares_by_weight_and_all_to_a_lone_one() {
    let of = |weight| (weight, 10, Duration::ZERO, MINUTE);
    let alone = together(&[of(1)]).await[0];
    assert!((585..=601).contains(&alone), "{alone}");
    let got = together(&[of(1), of(1)]).await;
    assert!(
        got[0].abs_diff(got[1]) <= 6 && got[0] + got[1] > 580,
        "{got:?}"
    );
    let got = together(&[of(1), of(3)]).await;
    assert!(
        (3 * got[0]).abs_diff(got[1]) <= 12 && got[0] + got[1] > 580,
        "{got:?}"
    );
    // The second comes for the last third only.
    let got = together(&[of(1), (1, 10, MINUTE * 2 / 3, MINUTE)]).await;
    assert!((90..=104).contains(&got[1]), "{got:?}");
}

#[tokio::test(start_paused = true)]
async fn a_large_call_keeps_its_turn_until_there_is_room() {
    // Of a minute's tokens the first takes a fifth with every call.
    let got = together(&[
        (1, 200_000, Duration::ZERO, 4 * MINUTE),
        (1, 10_000, Duration::ZERO, 4 * MINUTE),
    ])
    .await;
    // Calls are settled with next to nothing, so that tokens bind while they are in flight only.
    assert!(got[0] > 100 && got[1] > 1500, "{got:?}");
    let parts = got[0] as f64 * 0.2 / (got[1] as f64 * 0.01);
    assert!((0.9..=1.1).contains(&parts), "{parts}: {got:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lane_without_money_is_in_nobodys_way() {
    let gate = Gate::new(1);
    let caps = Caps {
        tokens: Some(100),
        ..Caps::default()
    };
    let poor = gate.lane(Terms { caps, ..terms(1) });
    let rich = gate.lane(terms(1));
    let first = poor.reserve(charge(80)).await.unwrap();
    let mut tasks = JoinSet::new();
    let waits = Arc::clone(&poor);
    tasks.spawn(async move { waits.reserve(charge(80)).await.map(drop) });
    sleep(SECOND).await;
    for _ in 0..20 {
        rich.reserve(charge(80)).await.unwrap().settle(&answered());
    }
    assert!(tasks.try_join_next().is_none(), "it may get something back");
    drop(first);
    let refused = tasks.join_next().await.unwrap().unwrap();
    let spent = Exhausted::Tokens { cap: 100, used: 80 };
    assert_eq!(refused, Err(Refused::Exhausted(spent)));
    let (poor, rich) = (poor.stats(), rich.stats());
    assert_eq!((poor.calls, rich.calls, poor.requests), (1, 20, 21));
    assert_eq!((poor.answered, rich.answered, poor.jobs), (0, 20, 2));
}

#[tokio::test(start_paused = true)]
async fn a_bad_key_ends_all_a_bad_schema_its_own() {
    let gate = Gate::new(1);
    let [first, second] = [gate.lane(terms(1)), gate.lane(terms(1))];
    let schema = Fault::new(FaultKind::BadSchema, "no");
    first.stop(schema.clone());
    assert_eq!(first.closed(), Some(Closed::Fault(schema)));
    assert_eq!(second.closed(), None);
    let third = gate.lane(terms(1));
    let key = Fault::new(FaultKind::Key, "no");
    second.stop(key.clone());
    assert_eq!(third.closed(), Some(Closed::Fault(key)));
    assert_eq!(
        gate.lane(terms(1)).closed(),
        None,
        "who comes later may try"
    );
}

#[tokio::test(start_paused = true)]
async fn the_strictest_limits_hold_as_long_as_their_job_does() {
    let gate = Gate::new(1);
    let lane = gate.lane(terms(1));
    let mut strict = terms(1);
    strict.limits.requests_per_minute = 60;
    strict.limits.requests_per_day = Some(1000);
    let other = gate.lane(strict);
    assert_eq!(lane.stats().limit_requests, 60);
    drop(other);
    assert_eq!(lane.stats().limit_requests, 600);
    assert_eq!(gate.lanes(), 1);
}
