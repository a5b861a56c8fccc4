//! Budgets that last: the program killed at any moment, started again, and never billed more than its cap; by the log of
//! a provider that writes the bill.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use weir::sim::Options;
use weir::sim::law::Latency;

use crate::harness::binary::{Ended, Weir, until};
use crate::harness::provider::{Act, FakeProvider, Rule, Script};

/// Dollars a million tokens, in and out.
const PRICE: (f64, f64) = (10.0, 40.0);

fn provider(seed: u64) -> FakeProvider {
    FakeProvider::with(Options {
        latency: Latency::log_normal(Duration::from_millis(60), 0.6),
        price: Some(PRICE),
        seed,
        ..Options::default()
    })
}

/// Talks of so many chunks, and a price list.
fn talks(files: usize) -> Weir {
    let weir = Weir::new();
    for file in 0..files {
        let line = |line| {
            format!(
                "Ana Lima: In the year {}, Bo Chan of the Tide Mill Trust paid {line} visits to the {file}. lock.\n",
                1800 + line
            )
        };
        let text: String = (0..60).map(line).collect();
        weir.write(&format!("talks/{file}.txt"), text);
    }
    price(&weir, "");
    weir
}

fn price(weir: &Weir, more: &str) {
    let (input, output) = PRICE;
    weir.write(
        "weir.toml",
        format!("[models.made-up]\ninput = {input}\noutput = {output}\n{more}"),
    );
}

fn command<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let arguments = [
        "run",
        "knowledge-graph",
        "-i",
        "talks",
        "--model",
        "made-up",
        "--base-url",
        url,
        "--batch-chunks",
        "1",
        "--requests-per-minute",
        "6000",
        "--tokens-per-minute",
        "100000000",
        "--in-flight",
        "8",
    ];
    [&arguments[..], more].concat()
}

fn bill(fake: &FakeProvider) -> f64 {
    fake.report().cost_usd.unwrap()
}

/// Kills a run at some of its calls, starts it again, and lets the last one come to its end. What it was billed, how many
/// kills there were, and how it ended.
fn killed(seed: u64, cap: &[&str]) -> (FakeProvider, usize, Ended) {
    let mut chance = fastrand::Rng::with_seed(seed);
    let fake = provider(seed);
    let weir = talks(8);
    let arguments = command(fake.url(), cap);
    let mut kills = 0;
    for _ in 0..3 {
        let before = fake.log().len();
        let mut running = weir.start(&arguments);
        let calls = before + chance.usize(1..12);
        while fake.log().len() < calls && !running.has_ended() {
            thread::park_timeout(Duration::from_millis(2));
        }
        thread::park_timeout(Duration::from_micros(chance.u64(0..40_000)));
        if running.has_ended() {
            // It had come to its cap before.
            running.wait().is(4, &["is reached"]);
        } else {
            running.kill();
            kills += 1;
        }
    }
    let ended = weir.run(&arguments);
    // What the provider was still at when a run was killed is billed all the same.
    let quiet = || fake.log().iter().all(|arrival| arrival.done.is_some());
    until("the last answers", quiet);
    let again = weir.run(&arguments);
    again.is(4, &["is reached", "the runs that this one goes on from"]);
    (fake, kills, ended)
}

fn never_over_money(seeds: std::ops::Range<u64>) -> (usize, f64) {
    let cap = 0.9;
    let mut kills = 0;
    let mut least = f64::MAX;
    for seed in seeds {
        let (fake, times, ended) = killed(seed, &["--max-cost", "0.9"]);
        ended.is(4, &["the cost cap of"]);
        let bill = bill(&fake);
        assert!(bill <= cap, "seed {seed}: {bill} of {cap}");
        kills += times;
        least = least.min(bill / cap);
    }
    (kills, least)
}

#[test]
fn a_killed_run_is_never_billed_more_than_its_cap() {
    let (kills, least) = never_over_money(0..2);
    assert!(
        kills >= 3 && least > 0.3,
        "{kills} kills, {least} of the cap"
    );
}

/// `cargo test --test it budget::kills -- --ignored --nocapture`
#[test]
#[ignore = "a few minutes: 40 jobs, about 100 kills"]
fn kills() {
    let (kills, least) = never_over_money(100..140);
    println!(
        "{kills} kills, 0 over the cap; at least {:.0} % of it was made use of",
        least * 100.0
    );
    assert!(kills >= 80);
}

#[test]
fn calls_and_tokens_are_capped_over_restarts_too() {
    let (fake, _, ended) = killed(7, &["--max-calls", "40"]);
    ended.is(4, &["the cap of 40 calls is reached"]);
    let calls = fake.log().len();
    assert!((30..=40).contains(&calls), "{calls}");
    let (fake, _, ended) = killed(8, &["--max-tokens", "60000"]);
    ended.is(4, &["the cap of 60000 tokens is reached"]);
    let report = fake.report();
    assert!(
        report.input_tokens + report.output_tokens <= 60_000,
        "{report:?}"
    );
}

#[test]
fn a_raised_cap_goes_on_and_a_complete_run_starts_anew() {
    let fake = provider(1);
    let weir = talks(2);
    let calls = |cap: &str| {
        let before = fake.log().len();
        let ended = weir.run(&command(fake.url(), &["--max-calls", cap]));
        (fake.log().len() - before, ended)
    };
    let (first, ended) = calls("5");
    ended.is(4, &["the cap of 5 calls is reached; a higher one goes on"]);
    let (again, ended) = calls("5");
    ended.is(4, &["5 calls and", "not asked"]);
    let (more, ended) = calls("8");
    ended.is(4, &["the cap of 8 calls"]);
    assert_eq!((first, again, more), (5, 0, 3));
    calls("1000").1.is(0, &["complete"]);
    weir.write(
        "talks/new.txt",
        "Ana Lima: In the year 1901 Bo Chan met Cleo Diaz at the Tide Mill Trust again.\n",
    );
    let (new, ended) = calls("1");
    ended.is(0, &["complete"]);
    assert_eq!(new, 1, "a budget of its own");
}

#[test]
fn a_month_is_one_purse_for_all() {
    let fake = provider(2);
    let weir = talks(6);
    price(&weir, "[budget]\nmonthly_usd = 0.5\n");
    weir.run(&command(
        fake.url(),
        &["-o", "one", "--set", "chunk.target=200"],
    ))
    .is(4, &["the cap of $0.5000 a month is reached"]);
    let calls = fake.log().len();
    let bill = bill(&fake);
    assert!(bill <= 0.5 && bill > 0.3, "{bill}");
    let other = command(fake.url(), &["-o", "two", "--set", "chunk.target=300"]);
    weir.run(&other).is(4, &["a month is reached"]);
    assert!(
        fake.log().len() <= calls + 3,
        "what was left was less than a call"
    );
    let plan = [&["plan"], &other[1..]].concat();
    weir.run(&plan).is(0, &["this month", "of $0.50"]);
    weir.run(&["ledger"]).is(0, &["this month", "of $0.50"]);
    weir.run(&["check", "knowledge-graph"])
        .is(0, &["budget.monthly_usd", "weir.toml:5"]);
}

/// After a refusal of the key nothing is admitted later than a second.
#[test]
fn nothing_is_sent_after_a_refused_key() {
    let body = r#"{"error": {"message": "Incorrect API key provided", "type": "invalid_request_error", "code": "invalid_api_key"}}"#;
    let fake = FakeProvider::start(Script {
        rules: vec![Rule::on(
            "25 visits",
            Act::Status(401, Vec::new(), body.into()),
        )],
        latency: crate::harness::provider::Latency::Fixed(Duration::from_millis(300)),
        ..Script::default()
    });
    let weir = talks(8);
    weir.run(&command(fake.url(), &[]))
        .is(6, &["Incorrect API key"]);
    let log = fake.log();
    let refused = log.iter().filter(|arrival| arrival.status == 401);
    let first = refused.filter_map(|arrival| arrival.done).min().unwrap();
    let last = log.iter().map(|arrival| arrival.at).max().unwrap();
    assert!(last <= first + Duration::from_secs(1), "{first:?} {last:?}");
    let texts: BTreeSet<&String> = log.iter().flat_map(|arrival| &arrival.texts).collect();
    assert!(texts.len() > 5, "it came in the midst of it");
}

/// Another state, the same account: said, not forbidden.
#[test]
fn another_process_with_the_same_account_is_noticed() {
    let fake = FakeProvider::start(Script {
        latency: crate::harness::provider::Latency::Fixed(Duration::from_millis(300)),
        ..Script::default()
    });
    let shared = tempfile::tempdir().unwrap();
    let folder = shared.path().to_str().unwrap();
    let [first, second] = [talks(40), talks(1)].map(|weir| weir.with("XDG_RUNTIME_DIR", folder));
    let arguments = command(fake.url(), &[]);
    let running = first.start(&arguments);
    until("it asks", || !fake.log().is_empty());
    let pid = running.pid();
    second.run(&arguments).is(
        0,
        &[&format!("process {pid} asks made-up with the same key")],
    );
    running.kill();
    let alone = second.run(&command(fake.url(), &["--retry-failures", "-o", "other"]));
    assert!(!alone.err.contains("same key"), "{alone:#?}");
}
