//! `weir simulate-provider`: a rehearsal as a user does it, by the command that it prints.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::harness::binary::{Weir, until};

fn rehearse(more: &[&str], also: &[&str]) -> Value {
    let weir = Weir::new();
    let arguments = [
        "simulate-provider",
        "--listen",
        "127.0.0.1:0",
        "--for",
        "50s",
    ];
    let provider = weir.start(&[&arguments[..], more].concat());
    until("the command to run", || provider.said().contains("--yes"));
    let said = provider.said();
    let command = said.lines().find_map(|line| line.split_once("weir run "));
    let mut run = vec!["run"];
    run.extend(command.unwrap().1.split_whitespace());
    run.extend(also);
    weir.run(&run).is(0, &["complete"]);
    weir.run(&run).is(0, &["nothing changed"]);
    let url = run.iter().find(|word| word.starts_with("http://")).unwrap();
    let report = report(
        url.strip_prefix("http://")
            .unwrap()
            .split('/')
            .next()
            .unwrap(),
    );
    provider.terminate();
    provider.wait().is(0, &["answers to chunks that had one"]);
    report
}

/// What the referee says, over the wire.
fn report(address: &str) -> Value {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = "GET /sim/report HTTP/1.1\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[test]
fn a_rehearsal_under_limits_and_faults() {
    let limits = [
        "--requests-per-minute",
        "600",
        "--tokens-per-minute",
        "1000000",
        "--latency",
        "20ms",
    ];
    let faults = [
        "--fault",
        "503:10%",
        "--fault",
        "reset:10%",
        "--fault",
        "missing:10%",
        "--seed",
        "7",
    ];
    let log = ["--log", "calls.jsonl", "--price", "1:2"];
    let report = rehearse(
        &[&limits[..], &faults, &log].concat(),
        &["--batch-chunks", "3"],
    );
    assert_eq!(
        (&report["chunks"], &report["repeated"]),
        (&25.into(), &0.into()),
        "{report}"
    );
    assert_eq!(
        (&report["over_requests"][0], &report["limited"]),
        (&0.into(), &0.into()),
        "{report}"
    );
    let failed = report["faults"]
        .as_object()
        .unwrap()
        .values()
        .filter_map(Value::as_u64);
    assert!(
        failed.sum::<u64>() > 0 && report["cost_usd"].as_f64().unwrap() > 0.0,
        "{report}"
    );
}

#[test]
fn an_hour_in_a_minute() {
    let report = rehearse(&["--latency", "20s", "--time-scale", "200"], &[]);
    assert_eq!(&report["chunks"], 25, "{report}");
    assert!(report["busy_seconds"].as_f64().unwrap() >= 20.0, "{report}");
}

#[test]
fn what_cannot_be_simulated_is_said() {
    let weir = Weir::new();
    weir.write("bad.txt", "call 3: 500\nnow and then: 503\n");
    for (arguments, words) in [
        (
            ["--listen", "0.0.0.0:8089"],
            [
                "is not an address of loopback",
                "hint: --listen 127.0.0.1:8089",
            ],
        ),
        (
            ["--fault", "fire:2%"],
            ["\"fire\" is no fault; known are 429", "--fault"],
        ),
        (
            ["--fault", "429"],
            ["fault and share such as 429:2%", "--fault"],
        ),
        (
            ["--latency", "soon"],
            ["no time such as 250ms", "--latency"],
        ),
        (
            ["--counts", "daily"],
            ["known are sliding, bucket", "--counts"],
        ),
        (
            ["--script", "bad.txt"],
            ["bad.txt, line 2", "says not when"],
        ),
        (
            ["--script", "none.txt"],
            ["could not read none.txt", "No such file"],
        ),
    ] {
        weir.run(&[&["simulate-provider", "--for", "1ms"], &arguments[..]].concat())
            .is(2, &words);
    }
}

#[test]
fn the_help_names_every_fault() {
    let help = Weir::new().run(&["simulate-provider", "--help"]);
    help.is(
        0,
        &[
            "429-negative",
            "crossed-evidence",
            "gzip-bomb",
            "dribble",
            "on \"poison\": 400",
        ],
    );
}
