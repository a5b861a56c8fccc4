//! The gate in virtual time.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::gate::{Blocked, Closed, Refused, Settlement};
use super::lane::{Lane, Terms};
use crate::limit::{Caps, Charge, Exhausted, Limits};
use crate::model::call::{LimitHeaders, Usage};
use crate::model::fault::{Fault, FaultKind};

const SECOND: Duration = Duration::from_secs(1);

fn lane(in_flight: usize) -> Arc<Lane> {
    let limits = Limits {
        requests_per_minute: 60_000,
        tokens_per_minute: 10_000,
        requests_per_day: None,
        in_flight,
    };
    Lane::alone(limits, Caps::default(), 1)
}

fn charge(tokens: u64) -> Charge {
    Charge {
        tokens,
        cost_bound: None,
    }
}

fn answered(tokens: u64) -> Settlement {
    Settlement {
        usage: Some(Usage {
            input: tokens,
            cached: 0,
            output: 0,
        }),
        cost: None,
        limits: LimitHeaders::default(),
        outcome: Ok(SECOND),
    }
}

#[tokio::test(start_paused = true)]
async fn settling_lets_the_next_one_in() {
    let lane = lane(10);
    let first = lane.reserve(charge(9000)).await.unwrap();
    assert_eq!(lane.try_reserve(charge(9000)).unwrap_err(), Blocked::NotYet);
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    let other = Arc::clone(&lane);
    tasks.spawn(async move { other.reserve(charge(9000)).await.map(drop) });
    sleep(3 * SECOND).await;
    first.settle(&answered(500));
    tasks.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(start.elapsed(), 3 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn who_comes_first_starts_first() {
    let lane = lane(10);
    let start = Instant::now();
    drop(lane.reserve(charge(5000)).await.unwrap());
    let mut tasks = JoinSet::new();
    for tokens in [9900, 100, 100] {
        let lane = Arc::clone(&lane);
        tasks.spawn(async move {
            let grant = lane.reserve(charge(tokens)).await.unwrap();
            grant.settle(&answered(tokens));
            (tokens, start.elapsed().as_secs())
        });
        tokio::task::yield_now().await;
    }
    assert_eq!(
        lane.try_reserve(charge(1)).unwrap_err(),
        Blocked::NotYet,
        "no pushing in"
    );
    let started = tasks.join_all().await;
    assert_eq!(started, [(9900, 61), (100, 122), (100, 122)]);
}

#[tokio::test(start_paused = true)]
async fn a_dispatcher_waits_cuts_and_reserves() {
    let lane = lane(1);
    let grant = lane.try_reserve(charge(100)).unwrap();
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        sleep(5 * SECOND).await;
        grant.settle(&answered(100));
    });
    lane.ready(charge(200)).await.unwrap();
    assert_eq!(start.elapsed(), 5 * SECOND);
    lane.try_reserve(charge(150)).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_dropped_grant_stays_charged_and_an_unsent_one_does_not() {
    let lane = lane(10);
    lane.try_reserve(charge(9000)).unwrap().unsent();
    assert_eq!(lane.stats().tokens, 0);
    sleep(SECOND).await;
    drop(lane.try_reserve(charge(9000)).unwrap());
    let stats = lane.stats();
    assert_eq!((stats.tokens, stats.in_flight, stats.calls), (9000, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn closing_refuses_all_who_wait() {
    let lane = lane(1);
    let _grant = lane.try_reserve(charge(1)).unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let lane = Arc::clone(&lane);
        tasks.spawn(async move { lane.reserve(charge(1)).await.map(drop) });
    }
    let sleeper = Arc::clone(&lane);
    tasks.spawn(async move {
        sleeper.sleep(100 * SECOND).await;
        sleeper.ready(charge(1)).await
    });
    sleep(SECOND).await;
    let start = Instant::now();
    lane.stop(Fault::new(FaultKind::Key, "no"));
    lane.close(&Closed::Cancelled);
    let closed = Closed::Fault(Fault::new(FaultKind::Key, "no"));
    for refused in tasks.join_all().await {
        assert_eq!(refused, Err(Refused::Closed(closed.clone())));
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    let again = lane.gate().lane(Terms::default());
    assert_eq!(again.closed(), None, "whoever comes after may try");
}

#[tokio::test(start_paused = true)]
async fn never_is_said_at_once() {
    let lane = lane(1);
    let _grant = lane.try_reserve(charge(1)).unwrap();
    let large = Refused::TooLarge {
        tokens: 10_001,
        most: 9900,
    };
    assert_eq!(lane.reserve(charge(10_001)).await.unwrap_err(), large);
    assert_eq!(
        lane.try_reserve(charge(10_001)).unwrap_err(),
        Blocked::Refused(large)
    );
    let caps = Caps {
        cost: None,
        calls: Some(0),
        tokens: None,
    };
    let poor = Lane::alone(Limits::default(), caps, 1);
    let refused = poor.reserve(charge(1)).await.unwrap_err();
    assert_eq!(refused, Refused::Exhausted(Exhausted::Calls(0)));
}

#[tokio::test(start_paused = true)]
async fn a_restart_waits_for_the_minute_before() {
    let lane = lane(1);
    lane.gate().recall([
        (10 * SECOND, 5000),
        (50 * SECOND, 4000),
        (90 * SECOND, 4000),
    ]);
    let start = Instant::now();
    lane.ready(charge(4000)).await.unwrap();
    assert_eq!(start.elapsed(), 11 * SECOND, "when the second has left");
    let held = self::lane(1);
    held.gate().hold(61 * SECOND);
    let start = Instant::now();
    held.ready(charge(1)).await.unwrap();
    assert_eq!(start.elapsed(), 61 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn the_snapshot_names_what_binds() {
    let lane = lane(4);
    let grants: Vec<_> = (0..2)
        .map(|_| lane.try_reserve(charge(4000)).unwrap())
        .collect();
    let stats = lane.stats();
    assert_eq!(stats.binding.name(), "tokens a minute");
    assert!(
        (stats.utilisation - 0.8).abs() < 1e-9,
        "{}",
        stats.utilisation
    );
    for grant in grants {
        sleep(SECOND).await;
        grant.settle(&answered(1000));
    }
    let stats = lane.stats();
    assert_eq!((stats.used, stats.mean, stats.p99), (2000, SECOND, SECOND));
    // Both at once: with 60,000 a minute the second might have started a millisecond later.
    assert_eq!(stats.pace(), None);
}
