//! The gate against simulated providers, in virtual time: limits are kept whatever the seed, and made use of to the brim.
//!
//! More seeds: `cargo test --release --test it limits::thousands -- --ignored --nocapture`. One that fails is
//! named, and becomes a test of its own.

use std::time::Duration;

use weir::limit::Limits;
use weir::sim::admission::{Law, Model, Rates};

use crate::harness::best::best;
use crate::harness::traffic::{Memory, Outcome, Scenario, calls, run};

const MINUTE: Duration = Duration::from_mins(1);
/// Limits that nobody has told.
const UNTOLD: (u64, u64) = (1_000_000_000, 1_000_000_000_000);

const fn s(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Any of the five models, any limits, any load.
fn by_chance(seed: u64) -> Scenario {
    let mut chance = fastrand::Rng::with_seed(seed);
    let models = [
        Model::Sliding,
        Model::Bucket(MINUTE),
        Model::Fixed,
        Model::Finer(s(10)),
        Model::Finer(s(1)),
    ];
    let model = *chance.choice(&models).unwrap();
    let requests = chance.u64(20..1500);
    let most = chance.u64(1000..12_000);
    let tokens = most * chance.u64(8..300);
    let latencies = [
        "2s",
        "uniform:15s-40s",
        "lognormal:20s:0.5",
        "lognormal:1s:1.5",
        "uniform:1ms-70s",
    ];
    let jitter = match model {
        // The way there must not take long if a second is to hold no more than its share.
        Model::Finer(_) => 0,
        _ => chance.u64(0..900),
    };
    Scenario {
        law: Law {
            model,
            rates: Rates {
                requests: Some(requests),
                tokens: Some(tokens),
            },
            refunds: chance.u8(0..4) > 0,
        },
        limits: Limits {
            requests_per_minute: requests,
            tokens_per_minute: tokens,
            requests_per_day: None,
            in_flight: chance.usize(1..800),
        },
        headers: chance.bool(),
        jitter: Duration::from_millis(jitter),
        change: None,
        outage: None,
        capacity: None,
        restarts: Vec::new(),
        calls: calls(
            chance.usize(100..400),
            seed,
            (500, most),
            (200, 1000),
            chance.choice(&latencies).unwrap(),
        ),
        seed,
    }
}

/// The same, with a client that is killed in the midst of it, up to three times.
fn with_restarts(seed: u64) -> Scenario {
    let mut scenario = by_chance(seed);
    let mut chance = fastrand::Rng::with_seed(seed ^ 0x7e57);
    let mut at = Duration::ZERO;
    for _ in 0..chance.usize(1..=3) {
        at += Duration::from_millis(chance.u64(2_000..70_000));
        let memory = match chance.u8(0..4) {
            0 => Memory::Nothing,
            _ => Memory::Calls,
        };
        scenario.restarts.push((at, memory));
    }
    scenario
}

/// What is wrong with a run.
fn wrong(scenario: &Scenario, out: &Outcome) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut check = |fine: bool, what: String| {
        if !fine {
            wrong.push(what);
        }
    };
    let requests = scenario.law.rates.requests.unwrap();
    check(
        out.answered == scenario.calls.len(),
        format!("{} of {} answered", out.answered, scenario.calls.len()),
    );
    check(
        out.verdict.over_requests[0] == 0,
        format!("{:?} requests in a minute", out.verdict.most_requests),
    );
    for (secs, most) in [(10, out.most_sent[0]), (1, out.most_sent[1])] {
        let share = (requests * secs).div_ceil(60);
        check(
            most as u64 <= share,
            format!("{most} requests in {secs} s, share {share}"),
        );
    }
    if scenario.law.refunds {
        check(
            out.verdict.over_tokens == 0,
            format!("{} tokens in a minute", out.verdict.most_tokens),
        );
        check(out.limited == 0, format!("{} refused", out.limited));
    } else {
        // Nobody says that nothing is given back: the first refusals do, and all that were sent before they came.
        let sent = requests as f64 / 60.0 * 2.0 * scenario.jitter.as_secs_f64();
        // Each process finds out anew.
        let processes = 1.0 + scenario.restarts.len() as f64;
        check(
            out.limited as f64 <= (3.0 + sent) * processes,
            format!("{} refused", out.limited),
        );
    }
    wrong
}

async fn try_seeds(seeds: impl Iterator<Item = u64>, make: impl Fn(u64) -> Scenario) {
    for seed in seeds {
        let scenario = make(seed);
        let out = run(scenario.clone()).await;
        let wrong = wrong(&scenario, &out);
        assert!(
            wrong.is_empty(),
            "seed {seed}: {}: {:?} {:?}",
            wrong.join(", "),
            scenario.law,
            scenario.limits
        );
    }
}

#[tokio::test(start_paused = true)]
async fn no_limit_is_passed_in_any_window() {
    try_seeds(0..200, by_chance).await;
}

#[tokio::test(start_paused = true)]
async fn no_limit_is_passed_though_the_client_is_killed() {
    try_seeds(0..100, with_restarts).await;
}

/// The check is checked: a client that forgets the last minute is found out.
#[tokio::test(start_paused = true)]
async fn a_client_that_forgets_is_found_out() {
    let mut found = 0;
    for seed in 0..40 {
        let mut scenario = with_restarts(seed);
        scenario.headers = false;
        scenario.limits.in_flight = 800;
        for (_, memory) in &mut scenario.restarts {
            *memory = Memory::Forgotten;
        }
        let out = run(scenario.clone()).await;
        found += usize::from(!wrong(&scenario, &out).is_empty());
    }
    assert!(found >= 20, "{found} of 40");
}

#[tokio::test(start_paused = true)]
#[ignore = "some minutes"]
async fn thousands() {
    try_seeds(0..10_000, by_chance).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "some minutes"]
async fn thousands_of_restarts() {
    try_seeds(0..10_000, with_restarts).await;
}

/// Three calls had waited for room and went off at the same moment: all were refused where one would have told as much.
#[tokio::test(start_paused = true)]
async fn what_waited_for_room_goes_off_one_by_one() {
    try_seeds([8213].into_iter(), by_chance).await;
}

#[tokio::test(start_paused = true)]
async fn one_seed_one_trace() {
    for seed in [3, 14, 15] {
        let (one, other) = (run(by_chance(seed)).await, run(by_chance(seed)).await);
        assert_eq!(one, other);
        assert_ne!(one.trace, run(by_chance(seed + 1)).await.trace);
    }
}

/// The check is checked: a client that is told too much is found out.
#[tokio::test(start_paused = true)]
async fn a_client_that_passes_its_limits_is_found_out() {
    let mut found = 0;
    for seed in 0..20 {
        let mut scenario = by_chance(seed);
        scenario.headers = false;
        scenario.limits.requests_per_minute *= 2;
        scenario.limits.tokens_per_minute *= 2;
        scenario.limits.in_flight = 800;
        let out = run(scenario.clone()).await;
        found += usize::from(!wrong(&scenario, &out).is_empty());
    }
    assert!(found >= 15, "{found} of 20");
}

/// 1,767 calls of 20 s, by chance; what each reserves, and 60 % of which it uses.
fn seed_load(requests: u64, charge: u64) -> Scenario {
    let tokens = 1_000_000;
    Scenario {
        law: Law {
            rates: Rates {
                requests: Some(requests),
                tokens: Some(tokens),
            },
            ..Law::default()
        },
        limits: Limits {
            requests_per_minute: requests,
            tokens_per_minute: tokens,
            requests_per_day: None,
            in_flight: 1000,
        },
        headers: true,
        jitter: Duration::from_millis(5),
        change: None,
        outage: None,
        capacity: None,
        restarts: Vec::new(),
        calls: calls(1767, 7, (charge, charge), (600, 600), "lognormal:20s:0.5"),
        seed: 1,
    }
}

/// How long it took, to the least that it could, and what share of the calls was refused.
async fn measure(scenario: Scenario) -> (f64, f64, Outcome) {
    let (law, in_flight) = (scenario.law, scenario.limits.in_flight);
    let total = scenario.calls.len();
    let out = run(scenario).await;
    assert_eq!(out.answered, total);
    let order: Vec<_> = out.arrivals.iter().map(|arrival| arrival.1).collect();
    let ratio = out.wall.as_secs_f64() / best(law, in_flight, &order).as_secs_f64();
    (ratio, out.limited as f64 / total as f64, out)
}

#[tokio::test(start_paused = true)]
async fn the_windows_are_kept_full() {
    for (requests, charge) in [(500, 1500), (500, 4000), (250, 1500)] {
        for headers in [true, false] {
            let scenario = Scenario {
                headers,
                ..seed_load(requests, charge)
            };
            let (ratio, refused, out) = measure(scenario).await;
            assert!(
                ratio <= 1.03 && refused <= 0.005,
                "{requests} {charge}: {ratio} {refused}"
            );
            assert!(
                (0.95..=1.0).contains(&out.utilisation),
                "{} of {}",
                out.utilisation,
                out.binding
            );
            let binding = if charge == 4000 {
                "tokens a minute"
            } else {
                "requests a minute"
            };
            assert_eq!(out.binding, binding);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_counts_by_the_second_is_found_out() {
    for (requests, charge) in [(500, 1500), (500, 4000), (250, 1500)] {
        for (headers, refunds) in [(true, true), (false, true), (true, false), (false, false)] {
            let mut scenario = seed_load(requests, charge);
            scenario.law.model = Model::Bucket(s(1));
            scenario.law.refunds = refunds;
            scenario.headers = headers;
            let (ratio, refused, _) = measure(scenario).await;
            assert!(
                ratio <= 1.05 && refused <= 0.01,
                "{requests} {charge} {refunds}: {ratio} {refused}"
            );
        }
    }
}

/// On a busy machine or a long way a few calls come together and are refused: that is no proof that nothing comes back.
#[tokio::test(start_paused = true)]
async fn jitter_is_not_taken_for_a_provider_that_gives_nothing_back() {
    for (jitter, refunds) in [(100, true), (250, true), (250, false)] {
        for seed in 0..4 {
            let mut scenario = seed_load(500, 4000);
            scenario.law.model = Model::Bucket(s(1));
            scenario.law.refunds = refunds;
            scenario.jitter = Duration::from_millis(jitter);
            scenario.seed = seed;
            let (ratio, refused, _) = measure(scenario).await;
            assert!(
                ratio <= 1.05 && refused <= 0.01,
                "{jitter} {refunds} {seed}: {ratio} {refused}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_gives_nothing_back_is_found_out() {
    for model in [
        Model::Sliding,
        Model::Fixed,
        Model::Bucket(MINUTE),
        Model::Finer(s(1)),
    ] {
        for headers in [true, false] {
            let mut scenario = seed_load(500, 4000);
            scenario.law.model = model;
            scenario.law.refunds = false;
            scenario.headers = headers;
            let (ratio, refused, _) = measure(scenario).await;
            assert!(
                ratio <= 1.12 && refused <= 0.005,
                "{model:?} {headers}: {ratio} {refused}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn limits_are_learnt_from_headers() {
    for (requests, charge) in [(500, 1500), (500, 4000), (250, 1500)] {
        for model in [Model::Sliding, Model::Bucket(s(1)), Model::Bucket(MINUTE)] {
            for in_flight in [256, 1000] {
                let mut scenario = seed_load(requests, charge);
                scenario.law.model = model;
                (
                    scenario.limits.requests_per_minute,
                    scenario.limits.tokens_per_minute,
                ) = UNTOLD;
                scenario.limits.in_flight = in_flight;
                let (ratio, refused, _) = measure(scenario).await;
                let most = if (model, charge) == (Model::Bucket(MINUTE), 4000) {
                    1.4
                } else {
                    1.1
                };
                assert!(
                    ratio <= most && refused <= 0.02,
                    "{requests} {charge} {model:?}: {ratio} {refused}"
                );
            }
        }
    }
}

/// From two minutes after the change on hardly anything is refused, and the new limits are made use of.
#[tokio::test(start_paused = true)]
async fn halved_limits_are_settled_within_two_minutes() {
    for headers in [true, false] {
        for charge in [1500, 4000] {
            let mut scenario = seed_load(500, charge);
            scenario.headers = headers;
            scenario.change = Some((MINUTE, scenario.law.rates.times(0.5)));
            let (_, refused, out) = measure(scenario).await;
            assert!(refused <= 0.01, "{refused}");
            let late = out.refusals.iter().filter(|at| **at > 3 * MINUTE).count();
            // Where no header tells the new limits, a hundredth more is tried every minute.
            assert!(late <= 5, "{late} refused after two minutes");
            let from = 3 * MINUTE;
            let third = out
                .arrivals
                .iter()
                .filter(|(at, _)| (from..from + MINUTE).contains(at))
                .count();
            let most = if charge == 4000 { 166 } else { 250 };
            // Told, it knows them; untold, it finds them from above in steps of a tenth.
            let share = if headers { 0.9 } else { 0.75 };
            assert!(
                third as f64 >= share * f64::from(most),
                "{third} in the third minute after, of {most}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn slots_are_kept_busy() {
    for (latency, seed) in [("2s", 1), ("lognormal:2s:0.8", 2)] {
        let mut scenario = seed_load(100_000, 1000);
        scenario.law.rates.tokens = None;
        scenario.limits.tokens_per_minute = UNTOLD.1;
        scenario.limits.in_flight = 50;
        scenario.calls = calls(1767, seed, (1000, 1000), (600, 600), latency);
        let (ratio, _, out) = measure(scenario).await;
        let last = out.arrivals.last().unwrap().0.as_secs_f64();
        let busy = out.busy_until_last / last / 50.0;
        assert!(
            ratio <= 1.02 && busy >= 0.9,
            "{latency}: {ratio}, busy {busy}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_costs_its_length_and_little_more() {
    for (requests, latency, mean) in [(500, "lognormal:20s:0.5", 22.7), (1500, "2s", 2.0)] {
        let mut scenario = seed_load(requests, 1500);
        scenario.law.rates.tokens = Some(10_000_000);
        scenario.limits.tokens_per_minute = 10_000_000;
        scenario.calls = calls(1767, 7, (1500, 1500), (600, 600), latency);
        let undisturbed = run(scenario.clone()).await.wall.as_secs_f64();
        scenario.outage = Some((s(30), s(90)));
        let (_, _, out) = measure(scenario).await;
        let wall = out.wall.as_secs_f64();
        assert!(
            wall <= undisturbed + 60.0 + 5.0 + mean,
            "{latency}: {wall} after {undisturbed}"
        );
        // Of those that found it down, the first twenty are how it was noticed.
        assert!(out.down <= 20 + 20, "{} calls while it was down", out.down);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hidden_capacity_is_found() {
    let mut scenario = seed_load(5000, 1500);
    scenario.law.rates.tokens = None;
    scenario.limits.tokens_per_minute = UNTOLD.1;
    scenario.calls = calls(1767, 7, (1500, 1500), (600, 600), "lognormal:10s:0.3");
    scenario.capacity = Some(60);
    let (_, _, out) = measure(scenario).await;
    let least = 1767.0 * 10.46 / 60.0;
    assert!(
        out.wall.as_secs_f64() <= 1.15 * least,
        "{:?} of {least}",
        out.wall
    );
    assert!(out.overloaded <= 40, "{} refused", out.overloaded);
}
