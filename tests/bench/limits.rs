//! How near a run comes to the best that its provider allows: `cargo bench --bench limits -- [SCENARIO ...]`.
//!
//! weir runs as a user runs it, in real time, against a simulated provider of this process; what it took is compared with
//! the least that anybody could have taken for the same latencies under the same limits. `list` names the scenarios;
//! without any all are run, three at a time: half an hour.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    unreachable_pub,
    missing_docs,
    reason = "a benchmark: it prints, it tells the time, and a panic ends it"
)]

#[path = "batches.rs"]
mod batches;
#[path = "../it/harness/best.rs"]
mod best;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use weir::sim::admission::{Law, Model, Rates};
use weir::sim::law::{Latency, Tokens};
use weir::sim::script::Script;
use weir::sim::{Options, Simulator};

use best::{Call, best};

/// A load, its provider, and the bar.
struct Scenario {
    name: &'static str,
    chunks: usize,
    /// Words of a chunk.
    words: usize,
    options: Options,
    /// What weir is told besides the usual.
    flags: Vec<String>,
    /// Whether batches are as large as weir finds best; else one chunk a call, unless the flags say.
    adapts: bool,
    in_flight: usize,
    ratio: f64,
    refused: f64,
    judge: fn(&Run) -> Vec<(String, bool)>,
}

/// What came of it.
struct Run {
    wall: f64,
    /// How long it took without what is scripted.
    undisturbed: Option<f64>,
    best: f64,
    refused: f64,
    chunks: u64,
    failed: u64,
    report: weir::sim::log::Report,
    calls: f64,
    busy: f64,
    in_flight: usize,
}

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|name| name != "--bench")
        .collect();
    let mut all = scenarios();
    if wanted.iter().any(|name| name == "list") {
        for scenario in &all {
            println!("{}", scenario.name);
        }
        println!("batches");
        return;
    }
    if wanted.is_empty() || wanted.iter().any(|name| name == "batches") {
        println!("{}", batches::run());
    }
    all.retain(|scenario| wanted.is_empty() || wanted.iter().any(|name| name == scenario.name));
    all.reverse();
    let waiting = Mutex::new(all);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let Some(scenario) = waiting.lock().unwrap().pop() else {
                        break;
                    };
                    println!("{}", run(&scenario));
                }
            });
        }
    });
}

fn law(requests: u64, tokens: u64, model: Model) -> Law {
    Law {
        model,
        rates: Rates {
            requests: Some(requests),
            tokens: Some(tokens),
        },
        refunds: true,
    }
}

fn script(lines: &str) -> Script {
    let mut script = Script::default();
    script.add(lines).unwrap();
    script
}

fn nothing(_: &Run) -> Vec<(String, bool)> {
    Vec::new()
}

fn bound(name: &str, value: f64, most: f64) -> (String, bool) {
    (format!("{name} {value:.3} (bar {most})"), value <= most)
}

fn scenarios() -> Vec<Scenario> {
    let limits = |requests: u64, tokens: u64| {
        let flags = [
            "--requests-per-minute",
            &requests.to_string(),
            "--tokens-per-minute",
            &tokens.to_string(),
        ];
        flags.map(str::to_owned).to_vec()
    };
    let long = Latency::parse("lognormal:20s:0.5").unwrap();
    let load = |name, requests, words, model, ratio, refused| Scenario {
        name,
        chunks: 1767,
        words,
        options: Options {
            law: law(requests, 1_000_000, model),
            latency: long.clone(),
            output: (words > 100).then(|| Tokens::parse("lognormal:1200:0.3").unwrap()),
            seed: 7,
            ..Options::default()
        },
        flags: limits(requests, 1_000_000),
        adapts: false,
        in_flight: 1000,
        ratio,
        refused,
        judge: nothing,
    };
    let second = Model::Bucket(Duration::from_secs(1));
    let mut all = vec![
        load("requests", 500, 40, Model::Sliding, 1.03, 0.005),
        load("tokens", 500, 1100, Model::Sliding, 1.03, 0.005),
        load("quarter", 250, 40, Model::Sliding, 1.03, 0.005),
        load("second", 500, 40, second, 1.05, 0.01),
        load("second-tokens", 500, 1100, second, 1.05, 0.01),
    ];
    let mut headers = load("headers", 500, 40, Model::Sliding, 1.10, 0.02);
    headers.flags = limits(1_000_000_000, 1_000_000_000);
    all.push(headers);
    let mut halved = load("halved", 500, 40, Model::Sliding, f64::MAX, 0.01);
    halved.options.script = script("at 60s: limits x0.5");
    halved.judge = |run| vec![bound("minutes", run.wall / 60.0, 8.5)];
    all.push(halved);
    all.extend(quick(&limits));
    all
}

/// Those without a wait for limits.
fn quick(limits: &dyn Fn(u64, u64) -> Vec<String>) -> Vec<Scenario> {
    let free = |name, chunks, latency: &str, lines: &str| Scenario {
        name,
        chunks,
        words: 40,
        options: Options {
            latency: Latency::parse(latency).unwrap(),
            script: script(lines),
            seed: 7,
            ..Options::default()
        },
        flags: limits(1_000_000, 1_000_000_000),
        adapts: false,
        in_flight: 50,
        ratio: f64::MAX,
        refused: 1.0,
        judge: nothing,
    };
    let mut latency = free("latency", 1767, "2s", "");
    latency.ratio = 1.02;
    latency.judge = |run| {
        let connections = run.report.most_connections as f64;
        vec![bound(
            "connections",
            connections,
            run.in_flight as f64 + 2.0,
        )]
    };
    let mut slots = free("slots", 1767, "lognormal:2s:0.8", "");
    slots.ratio = 1.02;
    slots.judge = |run| vec![bound("idle", 1.0 - run.busy, 0.1)];
    let mut faults = free(
        "faults",
        880,
        "500ms",
        "2%: 429\n2%: 500\n2%: 503\n2%: reset\n2%: cut-json\n2%: not-json",
    );
    faults.judge = |run| {
        let paid = run.report.input_tokens + run.report.output_tokens;
        let wasted = paid as f64 / (paid - run.report.wasted_tokens) as f64;
        vec![
            bound("failed", run.failed as f64, 0.0),
            bound("lost", 880.0 - run.chunks as f64, 0.0),
            bound("paid", wasted, 1.08),
            bound(
                "answers to chunks that had one",
                run.report.verdict.repeated as f64,
                0.0,
            ),
        ]
    };
    let mut mixed = free(
        "mixed",
        880,
        "500ms",
        "2.5%: missing\n2.5%: reordered\n2.5%: repeated\n2.5%: invented",
    );
    mixed
        .flags
        .extend(["--batch-chunks", "10"].map(str::to_owned));
    mixed.judge = |run| {
        vec![
            bound("failed", run.failed as f64, 0.0),
            bound("lost", 880.0 - run.chunks as f64, 0.0),
            bound("calls", run.calls / 88.0, 1.3),
        ]
    };
    let mut poison = free("poison", 880, "500ms", "on \"Item 441:\": 400");
    poison
        .flags
        .extend(["--batch-chunks", "10"].map(str::to_owned));
    poison.judge = |run| {
        vec![
            bound("failed", run.failed as f64, 1.0),
            bound("answered short of 879", 879.0 - run.chunks as f64, 0.0),
        ]
    };
    let mut outage = free("outage", 1767, "2s", "from 20s to 80s: 503");
    outage.options.law = law(1500, 10_000_000, Model::Sliding);
    outage.flags = limits(1500, 10_000_000);
    outage.in_flight = 200;
    outage.judge = |run| after_an_outage(run, 2.0);
    let mut late = free(
        "late-outage",
        1767,
        "lognormal:20s:0.5",
        "from 60s to 120s: 503",
    );
    late.options.law = law(500, 1_000_000, Model::Sliding);
    late.flags = limits(500, 1_000_000);
    late.in_flight = 1000;
    late.judge = |run| after_an_outage(run, 22.7);
    vec![latency, slots, faults, mixed, poison, outage, late]
}

/// 60 s without an answer: how much later than without it ends, and what was asked meanwhile.
fn after_an_outage(run: &Run, latency: f64) -> Vec<(String, bool)> {
    let asked = run.report.faults.get("503").copied().unwrap_or(0);
    let later = run.wall - run.undisturbed.unwrap_or(run.wall);
    vec![
        bound("lost", 1767.0 - run.chunks as f64, 0.0),
        bound(
            "calls that found it down, twenty of which noticed it",
            asked as f64,
            40.0,
        ),
        bound("later than undisturbed", later, 60.0 + 5.0 + latency),
    ]
}

/// Runs a scenario; what came of it, in lines.
fn run(scenario: &Scenario) -> String {
    let undisturbed = scenario.name.ends_with("outage").then(|| {
        let mut options = scenario.options.clone();
        options.script = Script::default();
        ask(scenario, options).0
    });
    let (wall, simulator, done) = ask(scenario, scenario.options.clone());
    judge(scenario, &simulator, (wall, undisturbed), &done)
}

/// Runs weir against a provider: how long it took, and what it said at the end.
fn ask(scenario: &Scenario, mut options: Options) -> (f64, Simulator, Value) {
    let folder = tempfile::tempdir().unwrap();
    corpus(&folder.path().join("talks.jsonl"), scenario);
    options.keep = true;
    let simulator = Simulator::start(options).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    command.args([
        "run",
        "knowledge-graph",
        "-i",
        "talks.jsonl",
        "--model",
        "sim",
        "--yes",
        "--json",
    ]);
    command.args([
        "--set",
        "chunk.by=record",
        "--set",
        "chunk.drop_thin=false",
        "--base-url",
        &simulator.url(),
    ]);
    if !scenario.adapts && !scenario.flags.iter().any(|flag| flag == "--batch-chunks") {
        command.args(["--batch-chunks", "1"]);
    }
    command
        .args(&scenario.flags)
        .args(["--in-flight", &scenario.in_flight.to_string()]);
    let began = Instant::now();
    let output = command.output().unwrap();
    let wall = began.elapsed().as_secs_f64();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = text.lines().last().unwrap_or_default();
    (
        wall,
        simulator,
        serde_json::from_str(last).unwrap_or_default(),
    )
}

fn judge(
    scenario: &Scenario,
    simulator: &Simulator,
    (wall, undisturbed): (f64, Option<f64>),
    done: &Value,
) -> String {
    let log = simulator.log();
    let answered = log.iter().filter(|call| call.status == 200);
    let calls: Vec<Call> = answered
        .clone()
        .map(|call| Call {
            charge: call.tokens.0,
            used: call.tokens.1,
            latency: call.latency,
        })
        .collect();
    let best = best(scenario.options.law, scenario.in_flight, &calls).as_secs_f64();
    let last = log.iter().map(|call| call.at).max().unwrap_or_default();
    let first = log.first().map_or(last, |call| call.at);
    let flying = log
        .iter()
        .map(|call| (call.at + call.latency).min(last).saturating_sub(call.at));
    let span = last.saturating_sub(first).as_secs_f64();
    let calls_span = log
        .iter()
        .filter_map(|call| call.done)
        .max()
        .unwrap_or_default()
        .saturating_sub(first);
    let report = simulator.report();
    let count = |name: &str| done["manifest"]["chunks"][name].as_u64().unwrap_or(0);
    let run = Run {
        wall,
        undisturbed,
        best,
        refused: report.limited as f64 / scenario.chunks as f64,
        chunks: count("ok"),
        failed: count("failed"),
        calls: report.calls as f64,
        busy: flying.sum::<Duration>().as_secs_f64() / span / scenario.in_flight as f64,
        in_flight: scenario.in_flight,
        report,
    };
    let mut text = format!(
        "{}: {:.1} s, {:.1} s from the first call to the last answer; best {:.1} s; {} calls, {} chunks answered, {} failed",
        scenario.name,
        run.wall,
        calls_span.as_secs_f64(),
        run.best,
        run.calls,
        run.chunks,
        run.failed
    );
    let mut bars = (scenario.judge)(&run);
    if scenario.ratio < f64::MAX {
        bars.insert(0, bound("ratio", run.wall / run.best, scenario.ratio));
        bars.insert(
            1,
            bound(
                "of the calls alone",
                calls_span.as_secs_f64() / run.best,
                scenario.ratio,
            ),
        );
        bars.insert(2, bound("refused", run.refused, scenario.refused));
    }
    for (words, held) in bars {
        write!(text, "\n  {} {words}", if held { "    " } else { "OVER" }).unwrap();
    }
    let verdict = run.report.verdict;
    write!(
        text,
        "\n       over the minute: {} requests, {} tokens; in 10 s {}, in 1 s {}; {} connections, {} in flight; says {}",
        verdict.over_requests[0],
        verdict.over_tokens,
        verdict.over_requests[1],
        verdict.over_requests[2],
        run.report.most_connections,
        run.report.most_in_flight,
        done["summary"]["bound"]
    )
    .unwrap();
    text
}

/// One record a chunk, none twice.
fn corpus(path: &Path, scenario: &Scenario) {
    const WORDS: [&str; 12] = [
        "harbour", "meeting", "gate", "tide", "money", "Ana", "Lisbon", "the", "of", "and", "we",
        "agreed",
    ];
    let mut chance = fastrand::Rng::with_seed(7);
    let mut lines = String::new();
    for number in 0..scenario.chunks {
        let mut text = format!("Item {number}:");
        for _ in 0..scenario.words {
            text.push(' ');
            text.push_str(chance.choice(WORDS).unwrap());
        }
        writeln!(lines, "{}", json!({"speaker": "Bo Chan", "text": text})).unwrap();
    }
    fs::write(path, lines).unwrap();
}
