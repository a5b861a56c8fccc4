//! Several runs at once in one process, over one state: what they share, and what they do not.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use weir::flow::stop::Ending;
use weir::job::house::House;
use weir::job::order::Order;
use weir::job::run::{Live, Report, RunError, run_in};
use weir::llm::openai::{OpenAi, Options};
use weir::llm::preset::Preset;
use weir::stage::chunk;

use crate::harness::provider::{Act, FakeProvider, Latency, Rule, Script};
use crate::harness::world::World;

/// A folder of records, each of which is a chunk.
fn records(what: &str, count: usize) -> World {
    let mut world = World::new();
    let line = |number| {
        format!(
            r#"{{"speaker": "Ana Lima", "text": "The {what} committee met Bo Chan about item {number} today."}}"#
        )
    };
    let lines: Vec<String> = (0..count).map(line).collect();
    world.write("a.jsonl", &(lines.join("\n") + "\n"));
    world
}

/// One chunk a call, of this server; into `output` of the world, with the state of another.
fn order(world: &World, state: &World, server: &FakeProvider, output: &str) -> Order {
    let options = Options::new(Preset::Compatible, server.url());
    let mut order = world.order(Arc::new(OpenAi::new(options).unwrap()), 1, 7);
    order.reading.chunk = chunk::Options {
        by: chunk::By::Record,
        target: NonZeroU32::new(100).unwrap(),
        drop_thin: true,
    };
    order.reading.hash = "records".into();
    order.client.batch.most_chunks = 1;
    order.client.attempts = 1;
    order.output = world.folder.path().join(output);
    order.state = state.folder.path().join("state");
    order
}

/// Runs orders at once in one house.
fn at_once(orders: Vec<Order>, lives: &[Live]) -> Vec<Result<Report, RunError>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let house = House::open(&orders[0].state, [3; 16]).unwrap();
        let mut runs = JoinSet::new();
        for (place, order) in orders.into_iter().enumerate() {
            let (house, live) = (Arc::clone(&house), lives.get(place).cloned());
            runs.spawn(async move {
                let live = live.unwrap_or_default();
                (place, run_in(&house, &order, &live).await)
            });
        }
        let mut ended = runs.join_all().await;
        ended.sort_by_key(|(place, _)| *place);
        ended.into_iter().map(|(_, report)| report).collect()
    })
}

fn said_of(error: &RunError) -> String {
    weir::job::said(error)
}

fn slow(millis: u64) -> Script {
    Script {
        latency: Latency::Fixed(Duration::from_millis(millis)),
        ..Script::default()
    }
}

/// How often anything was asked, and how many different texts.
fn asked(server: &FakeProvider) -> (usize, usize) {
    let texts: Vec<String> = server
        .log()
        .into_iter()
        .flat_map(|arrival| arrival.texts)
        .collect();
    let distinct: BTreeSet<&String> = texts.iter().collect();
    (texts.len(), distinct.len())
}

#[test]
fn what_two_want_at_once_is_paid_for_once() {
    let world = records("harbour", 120);
    let server = FakeProvider::start(slow(30));
    let orders = ["one", "two"].map(|output| order(&world, &world, &server, output));
    let reports = at_once(orders.to_vec(), &[]);
    assert_eq!(asked(&server), (120, 120));
    let mut called = 0;
    for report in reports {
        let info = report.unwrap().manifest.unwrap().info;
        assert!(info.complete);
        assert_eq!(info.chunks.ok, 120);
        called += info.calls;
    }
    assert_eq!(called, 120, "between them");
}

/// The first is stopped while it asks: the second asks what it left.
#[test]
fn what_one_gives_up_the_other_asks() {
    let world = records("harbour", 60);
    let server = FakeProvider::start(slow(40));
    let orders = ["one", "two"].map(|output| order(&world, &world, &server, output));
    let first = Live::default();
    let stop = first.clone();
    let stopper = std::thread::spawn(move || {
        while stop.gauges.counts().answered < 5 {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        stop.stop.end(Ending::Interrupted);
    });
    let reports = at_once(orders.to_vec(), &[first]);
    stopper.join().unwrap();
    assert_eq!(asked(&server), (60, 60));
    let [first, second] = <[_; 2]>::try_from(reports).unwrap().map(Result::unwrap);
    assert_eq!(first.ending, Some(Ending::Interrupted));
    assert!(second.manifest.unwrap().info.complete);
}

/// A fault that may pass is no answer: the second asks again.
#[test]
fn what_fails_for_one_is_asked_again_by_the_other() {
    let world = records("harbour", 10);
    let down = Act::Status(500, Vec::new(), "down".into());
    let server = FakeProvider::start(Script {
        rules: vec![Rule::on("item 7 ", down).times(1)],
        ..slow(30)
    });
    let orders = ["one", "two"].map(|output| {
        let mut order = order(&world, &world, &server, output);
        // One at a time: a fault while no other call is under way is the call's own, and it is given up.
        order.limits.in_flight = 1;
        order
    });
    let reports = at_once(orders.to_vec(), &[]);
    assert_eq!(asked(&server), (11, 10));
    let counts = |reports: Vec<Result<Report, RunError>>| {
        let chunks =
            |report: Result<Report, RunError>| report.unwrap().manifest.unwrap().info.chunks;
        let counts: Vec<_> = reports.into_iter().map(chunks).collect();
        let failed: u64 = counts.iter().map(|chunks| chunks.failed).sum();
        let ok: u64 = counts.iter().map(|chunks| chunks.ok).sum();
        (failed, ok)
    };
    // The one that met the fault gives it up, or hears the other's answer in time: which, is a matter of moments.
    let first = counts(reports);
    assert!(first == (1, 19) || first == (0, 20), "{first:?}");
    // Either way both have all of it the next time, and nothing more is asked.
    assert_eq!(counts(at_once(orders.to_vec(), &[])), (0, 20));
    assert_eq!(asked(&server), (11, 10));
}

#[test]
fn two_into_one_output_are_refused() {
    let world = records("harbour", 40);
    let server = FakeProvider::start(slow(30));
    let orders = ["one", "one"].map(|output| order(&world, &world, &server, output));
    let reports = at_once(orders.to_vec(), &[]);
    let refused: Vec<String> = reports
        .iter()
        .filter_map(|report| report.as_ref().err().map(said_of))
        .collect();
    assert_eq!(refused.len(), 1, "{reports:?}");
    assert!(refused[0].contains("in use"), "{refused:?}");
    assert_eq!(asked(&server), (40, 40));
}

/// Two folders, one account of 1,200 requests a minute: while both want, they come in turn.
#[test]
fn jobs_at_one_gate_get_equal_shares() {
    let (small, large) = (records("harbour", 40), records("tide", 120));
    let server = FakeProvider::start(slow(60));
    let mut orders = vec![
        order(&large, &small, &server, "out"),
        order(&small, &small, &server, "out"),
    ];
    for order in &mut orders {
        order.limits.requests_per_minute = 1200;
    }
    let lives = [Live::default(), Live::default()];
    for report in at_once(orders, &lives) {
        assert!(report.unwrap().manifest.unwrap().info.complete);
    }
    let stats = lives.map(|live| live.stats().unwrap());
    assert_eq!((stats[0].calls, stats[1].calls), (120, 40));
    // From the first call of the small one to its last the other has as many.
    let log = server.log();
    let is_small: Vec<bool> = log
        .iter()
        .map(|arrival| arrival.texts.iter().any(|text| text.contains("harbour")))
        .collect();
    let first = is_small.iter().position(|small| *small).unwrap();
    let last = is_small.iter().rposition(|small| *small).unwrap();
    let others = is_small[first..=last]
        .iter()
        .filter(|small| !**small)
        .count();
    assert!(
        (36..=48).contains(&others),
        "{others} of the other beside 40"
    );
}

/// As a process would after the one before it was killed or has ended: with a house of its own.
fn alone(order: &Order, live: &Live) -> Report {
    let mut reports = at_once(vec![order.clone()], std::slice::from_ref(live));
    reports.remove(0).unwrap()
}

/// What the process before has used of the provider's minute, and of its day, is used.
#[test]
fn limits_last_beyond_a_process() {
    let (first, second) = (records("harbour", 10), records("tide", 10));
    let server = FakeProvider::start(Script::default());
    alone(&order(&first, &first, &server, "out"), &Live::default());
    let live = Live::default();
    let mut again = order(&second, &first, &server, "out");
    // A day has no more for it than two.
    again.limits.requests_per_day = Some(12);
    let stop = live.clone();
    let stopper = std::thread::spawn(move || {
        let mut seen = 0;
        while seen < 100 {
            std::thread::park_timeout(Duration::from_millis(10));
            seen = if stop.gauges.counts().calls < 2 {
                0
            } else {
                seen + 1
            };
        }
        stop.stop.end(Ending::Interrupted);
    });
    let report = alone(&again, &live);
    stopper.join().unwrap();
    assert_eq!(report.ending, Some(Ending::Interrupted));
    assert_eq!(asked(&server), (12, 12));
    let stats = live.stats().unwrap();
    assert_eq!(
        (stats.calls, stats.requests),
        (2, 12),
        "of the minute, those before too"
    );
}
