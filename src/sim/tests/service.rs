//! Limits, time, chance, other clients, and what is written down of it all.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{TWO, ask, client, read, request, start};
use crate::sim::admission::{Law, Rates};
use crate::sim::fault::{Act, Say};
use crate::sim::law::Latency;
use crate::sim::script::{Rule, Script};
use crate::sim::{Options, Told};

#[test]
fn limits_are_kept_and_told_in_the_clients_own_seconds() {
    let rates = Rates {
        requests: Some(2),
        tokens: Some(100_000),
    };
    let options = |told| Options {
        law: Law {
            rates,
            ..Law::default()
        },
        scale: 100.0,
        told,
        ..Options::default()
    };
    let simulator = start(options(Told::All));
    let came = ask(&simulator, &TWO);
    assert_eq!(came.header("x-ratelimit-limit-requests"), Some("2"));
    assert_eq!(came.header("x-ratelimit-remaining-requests"), Some("1"));
    assert!(
        came.header("x-ratelimit-reset-requests")
            .unwrap()
            .ends_with("ms"),
        "{came:?}"
    );
    ask(&simulator, &TWO);
    let refused = ask(&simulator, &TWO);
    assert_eq!(
        (refused.status(), refused.header("retry-after")),
        (429, Some("1"))
    );
    let millis: u64 = refused.header("retry-after-ms").unwrap().parse().unwrap();
    assert!(
        (100..=600).contains(&millis),
        "a minute is 600 ms here: {millis}"
    );
    assert_eq!(
        (
            simulator.report().limited,
            simulator.report().verdict.over_requests[0]
        ),
        (1, 1)
    );
    let quiet = ask(&start(options(Told::Nothing)), &TWO);
    assert_eq!(quiet.header("x-ratelimit-limit-requests"), None);
    let odd = ask(&start(options(Told::MinusOne)), &TWO);
    assert_eq!(odd.header("x-ratelimit-remaining-tokens"), Some("-1"));
}

#[test]
fn somebody_else_may_have_spent_it_all() {
    let rates = Rates {
        requests: Some(600),
        tokens: Some(1_000_000),
    };
    let simulator = start(Options {
        law: Law {
            rates,
            ..Law::default()
        },
        tenant: Some(rates),
        scale: 1000.0,
        ..Options::default()
    });
    std::thread::park_timeout(Duration::from_millis(90));
    assert_eq!(ask(&simulator, &TWO).status(), 429);
}

#[test]
fn who_hangs_up_has_no_answer_but_a_bill() {
    let simulator = start(Options {
        latency: Latency::constant(Duration::from_millis(40)),
        ..Options::default()
    });
    let mut stream = client(&simulator);
    stream.write_all(&request(&TWO)).unwrap();
    drop(stream);
    while simulator.report().statuses.is_empty() {
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let report = simulator.report();
    assert_eq!((report.answered, report.statuses.get(&0)), (0, Some(&1)));
    assert_eq!(
        report.wasted_tokens,
        report.input_tokens + report.output_tokens
    );
    assert!(report.wasted_tokens > 0 && report.verdict.chunks == 0);
}

#[test]
fn the_same_calls_meet_the_same_fate() {
    let fates = |order: &[usize]| {
        let mut script = Script::default();
        script.add_share("500:30%").unwrap();
        script.add_share("reordered:30%").unwrap();
        let simulator = start(Options {
            script,
            seed: 4,
            ..Options::default()
        });
        let mut fates: Vec<(usize, Vec<u8>)> = Vec::new();
        for n in order {
            let text = format!("Ana: Item {n} for Bo Chan.");
            let came = ask(&simulator, &[&text, "Bo: Yes, Cy Dee."]).json();
            fates.push((*n, came["choices"].to_string().into_bytes()));
        }
        fates.sort();
        fates
    };
    let forth: Vec<usize> = (0..12).collect();
    let back: Vec<usize> = (0..12).rev().collect();
    let found = fates(&forth);
    assert_eq!(found, fates(&back));
    assert!(
        found.iter().any(|fate| fate.1 == b"null") && found.iter().any(|fate| fate.1 != b"null")
    );
}

#[test]
fn a_crowd_slows_it_down_and_then_it_refuses() {
    let simulator = start(Options {
        capacity: Some(2),
        latency: Latency::constant(Duration::from_millis(60)),
        ..Options::default()
    });
    let streams: Vec<TcpStream> = (0..5)
        .map(|_| {
            let mut stream = client(&simulator);
            stream.write_all(&request(&TWO)).unwrap();
            stream
        })
        .collect();
    let statuses: Vec<u16> = streams
        .into_iter()
        .map(|mut stream| read(&mut stream).status())
        .collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == 503).count(),
        1,
        "{statuses:?}"
    );
    let began = Instant::now();
    ask(&simulator, &TWO);
    assert!(began.elapsed() >= Duration::from_millis(60));
    assert_eq!(simulator.report().overloaded, 1);
}

#[test]
fn while_it_is_gone_nobody_listens() {
    let mut script = Script::default();
    script.add("from 10s to 60s: gone").unwrap();
    let simulator = start(Options {
        script,
        scale: 100.0,
        ..Options::default()
    });
    let url = simulator.url();
    let address = url
        .strip_prefix("http://")
        .unwrap()
        .strip_suffix("/v1")
        .unwrap();
    assert_eq!(ask(&simulator, &TWO).status(), 200);
    let refused = || TcpStream::connect(address).is_err();
    while !refused() {
        std::thread::park_timeout(Duration::from_millis(5));
    }
    while refused() {
        std::thread::park_timeout(Duration::from_millis(5));
    }
    assert_eq!(ask(&simulator, &TWO).status(), 200);
}

#[test]
fn what_is_no_request_is_refused_within_bounds() {
    let simulator = start(Options::default());
    let send = |bytes: &[u8]| {
        let mut stream = client(&simulator);
        stream.write_all(bytes).unwrap();
        read(&mut stream).status()
    };
    assert_eq!(send(b"hello there\r\n\r\n"), 400);
    assert_eq!(
        send(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 99999999\r\n\r\n"),
        413
    );
    assert_eq!(
        send(b"POST /v1/chat/completions HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"),
        411
    );
    assert_eq!(
        send(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}"),
        400
    );
    assert_eq!(send(b"GET /nowhere HTTP/1.1\r\n\r\n"), 404);
    let long = format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(70_000));
    assert_eq!(send(long.as_bytes()), 431);
}

#[test]
fn calls_are_written_down() {
    let path = std::env::temp_dir().join(format!("sim-{}.jsonl", std::process::id()));
    let act = Act::Say(Say::Missing);
    let simulator = start(Options {
        log: Some(path.clone()),
        keep: true,
        script: Script {
            rules: vec![Rule::always(act)],
            ..Script::default()
        },
        price: Some((1.0, 2.0)),
        ..Options::default()
    });
    ask(&simulator, &TWO);
    ask(&simulator, &TWO);
    let log = simulator.log();
    assert_eq!((log.len(), log[0].key.as_deref()), (2, Some("Bearer k")));
    assert_eq!(
        (log[0].texts[1].as_str(), log[0].status),
        ("Bo: So did Cy Dee.\n", 200)
    );
    let report = simulator.report();
    let bill = report.input_tokens as f64 + 2.0 * report.output_tokens as f64;
    assert!((report.cost_usd.unwrap() - bill / 1e6).abs() < 1e-9 && bill > 0.0);
    drop(simulator);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (lines.len(), &lines[1]["again"], &lines[1]["fault"]),
        (2, &json!(1), &json!("missing"))
    );
    assert!(!text.contains("Bo Chan") && !text.contains("Bearer"));
}
