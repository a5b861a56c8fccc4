//! Commands against a provider: refusals, kills, two at a time, and the key that nobody may see.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use super::{KG, dataflow, number, talks, transcript};
use crate::harness::binary::{Ended, until};
use crate::harness::provider::{Act, FakeProvider, Latency, Rule, Script};

/// What no file and no line of output may hold.
const CANARY: &str = "sk-canary-5f1c0ffee5f1c0ffee";

/// `run` on `talks`, with a provider and its limits out of the way.
pub(super) fn ask<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let arguments = [
        "run",
        KG,
        "-i",
        "talks",
        "--model",
        "made-up",
        "--base-url",
        url,
        "--requests-per-minute",
        "100000",
        "--tokens-per-minute",
        "100000000",
    ];
    [&arguments[..], more].concat()
}

fn always(act: Act) -> FakeProvider {
    FakeProvider::start(Script {
        rules: vec![Rule::on("", act)],
        ..Script::default()
    })
}

fn slow(latency: Duration) -> FakeProvider {
    FakeProvider::start(Script {
        latency: Latency::Fixed(latency),
        ..Script::default()
    })
}

/// How often each text was asked about.
fn asked(fake: &FakeProvider) -> BTreeMap<String, usize> {
    let mut asked = BTreeMap::new();
    for text in fake.log().into_iter().flat_map(|call| call.texts) {
        *asked.entry(text).or_default() += 1;
    }
    asked
}

fn rows(ended: &Ended) -> BTreeMap<String, u64> {
    let manifest = &ended.json()["manifest"];
    let tables = manifest["tables"].as_object().unwrap();
    let rows = tables.iter().filter(|(name, _)| *name != "calls");
    rows.map(|(name, table)| (name.clone(), table["rows"].as_u64().unwrap()))
        .collect()
}

#[test]
fn a_provider_that_refuses() {
    let error = |code: &str, text: &str| {
        let error = serde_json::json!({"message": text, "type": code, "param": null, "code": code});
        serde_json::json!({"error": error}).to_string()
    };
    for (status, code, text, words) in [
        (
            401,
            "invalid_api_key",
            "Incorrect API key provided",
            ["(invalid_api_key)", "OPENAI_API_KEY"],
        ),
        (
            429,
            "insufficient_quota",
            "You exceeded your current quota",
            ["quota", "check the plan, the credit"],
        ),
        (
            404,
            "model_not_found",
            "The model `made-up` does not exist",
            ["`made-up` does not exist", "check the model"],
        ),
    ] {
        // In one call and in many: whoever comes to the gate next, or nobody.
        for count in [1, 30] {
            let fake = always(Act::Status(status, Vec::new(), error(code, text)));
            let weir = talks(count).with("OPENAI_API_KEY", CANARY);
            let ended = weir.run(&ask(fake.url(), &["--batch-chunks", "1"]));
            ended.is(6, &words).is(
                6,
                &[
                    "error: asking made-up at http://127.0.0.1",
                    "hint: ",
                    "not asked",
                ],
            );
            // Far below what asking again with pauses would take, on a busy machine too.
            assert!(ended.took < Duration::from_secs(20), "{ended:#?}");
            // Mended, the same run goes on.
            let fine = slow(Duration::ZERO);
            weir.run(&ask(fine.url(), &[])).is(0, &["complete"]);
        }
    }
}

#[test]
#[ignore = "half a minute: so long a server that is not there is waited for"]
fn a_server_that_is_not_there() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("http://127.0.0.1:{port}/v1");
    // By default limits, and with a cap: what never arrived uses up neither.
    let weir = talks(3);
    weir.write(
        "weir.toml",
        "[models.\"made-up\"]\ninput = 1.0\noutput = 4.0\n",
    );
    let arguments = [
        "run",
        KG,
        "-i",
        "talks",
        "--model",
        "made-up",
        "--base-url",
        &url,
        "--max-cost",
        "0.01",
    ];
    let ended = weir.run(&arguments);
    ended.is(
        6,
        &[
            "could not reach the provider",
            &url,
            "hint: check the server",
        ],
    );
    assert!(ended.took < Duration::from_secs(45), "{ended:#?}");
    weir.run(&["status"])
        .is(0, &["not complete", "0 tokens in, 0 out, $0\n"]);
}

#[test]
fn a_budget() {
    let fake = slow(Duration::from_millis(20));
    let weir = talks(12);
    weir.write(
        "weir.toml",
        "[models.\"made-up\"]\ninput = 1.0\noutput = 4.0\n",
    );
    let capped = weir.run(&ask(
        fake.url(),
        &["--batch-chunks", "1", "--max-calls", "3"],
    ));
    capped.is(
        4,
        &[
            "stopped: the budget is spent",
            "3 answered",
            "9 not asked",
            "higher cap",
        ],
    );
    assert_eq!(fake.log().len(), 3);
    let ended = weir.run(&ask(
        fake.url(),
        &["--batch-chunks", "1", "--max-cost", "5", "--json"],
    ));
    assert_eq!(number(ended.is(0, &[]), "/manifest/chunks/ok"), 12);
    assert!(ended.json()["manifest"]["cost_usd"].as_f64().unwrap() > 0.0);
    assert!(asked(&fake).values().all(|times| *times == 1));
    weir.run(&[
        "plan",
        KG,
        "-i",
        "talks",
        "--model",
        "made-up",
        "--base-url",
        fake.url(),
    ])
    .is(0, &[" 12 "]);
}

#[test]
fn two_at_a_time() {
    let fake = always(Act::Hang);
    let weir = talks(2);
    let first = weir.start(&ask(fake.url(), &[]));
    until("a call", || !fake.log().is_empty());
    let owner = format!("process {}", first.pid());
    let second = weir.run(&ask(fake.url(), &[]));
    second.is(2, &["the state in .weir is in use by", &owner]);
    let third = weir.run(&ask(fake.url(), &["--state", "other"]));
    third.is(
        2,
        &[
            "the output folder",
            "is in use by",
            &first.pid().to_string(),
        ],
    );
    assert!(second.took.max(third.took) < Duration::from_secs(2));
    weir.run(&["status"]).is(0, &["still going"]);
    // The first signal waits for the call that hangs, the second does not.
    first.terminate();
    until("word of it", || {
        first.said().contains("again to stop at once")
    });
    first.terminate();
    let ended = first.wait();
    ended.is(7, &["stopped at once"]);
    assert!(ended.took < Duration::from_secs(20));
}

#[test]
fn a_run_that_is_interrupted() {
    let fake = slow(Duration::from_millis(200));
    let weir = talks(20);
    let more = ["--batch-chunks", "1", "--in-flight", "4"];
    let first = weir.start(&ask(fake.url(), &more));
    until("a few calls", || fake.log().len() > 6);
    first.terminate();
    let ended = first.wait();
    ended.is(
        7,
        &[
            "stopping: calls in flight are waited for",
            "interrupted",
            "not asked",
            "goes on from here",
        ],
    );
    assert!(asked(&fake).len() < 20);
    weir.run(&ask(fake.url(), &more)).is(0, &["20 answered"]);
    weir.run(&["status"])
        .is(0, &["20 calls so far", "cost unknown"]);
    let asked = asked(&fake);
    assert_eq!(asked.len(), 20);
    assert!(asked.values().all(|times| *times == 1), "{asked:?}");
}

#[test]
fn a_run_that_is_killed() {
    let fake = slow(Duration::from_millis(150));
    let weir = talks(100);
    let more = ["--batch-chunks", "1", "--in-flight", "20", "--json"];
    let first = weir.start(&ask(fake.url(), &more));
    until("half of the calls", || {
        fake.log().iter().filter(|call| call.status == 200).count() > 50
    });
    first.kill();
    let again = weir.run(&ask(fake.url(), &more));
    again.is(0, &[]);
    let asked = asked(&fake);
    assert_eq!(asked.len(), 100);
    assert!(asked.values().all(|times| *times <= 2), "{asked:?}");
    let twice = asked.values().filter(|times| **times == 2).count();
    assert!(twice <= 20, "{twice} texts were paid for twice");

    let calm = talks(100);
    let undisturbed = calm.run(&ask(fake.url(), &more));
    assert_eq!(rows(&again), rows(undisturbed.is(0, &[])));
    assert_eq!(
        again.json()["manifest"]["chunks"],
        undisturbed.json()["manifest"]["chunks"]
    );
    weir.run(&["status"])
        .is(0, &["with unknown outcome", "still going, or killed"]);
}

#[test]
fn nobody_sees_the_key() {
    let echo = format!(
        "{{\"error\": {{\"message\": \"bad key {CANARY}\", \"code\": \"invalid_api_key\"}}}}"
    );
    let weir = talks(2).with("OPENAI_API_KEY", CANARY);
    dataflow(&weir, "a.toml", |text| text);
    let mut said = String::new();
    let mut hear = |ended: Ended| {
        said.push_str(&ended.out);
        said.push_str(&ended.err);
        ended.code
    };
    let fine = slow(Duration::ZERO);
    let bad = always(Act::Status(
        401,
        vec![("x-request-id".into(), CANARY.into())],
        echo,
    ));
    assert_eq!(
        hear(weir.run(&["check", KG, "--model", "made-up", "--base-url", fine.url()])),
        0
    );
    assert_eq!(hear(weir.run(&ask(bad.url(), &[]))), 6);
    assert_eq!(hear(weir.run(&ask(fine.url(), &["--json"]))), 0);
    weir.write("talks/more.txt", transcript(99));
    assert_eq!(hear(weir.run(&ask(bad.url(), &["--json"]))), 6);
    assert_eq!(hear(weir.run(&["status", "--json"])), 0);
    assert!(
        fine.log()
            .iter()
            .all(|call| call.key.as_deref() == Some(&format!("Bearer {CANARY}")))
    );
    assert!(!fine.log().is_empty());
    assert!(!said.contains(CANARY), "{said}");
    for path in weir.everything().iter().filter(|path| path.is_file()) {
        let bytes = fs::read(path).unwrap();
        let holds = bytes
            .windows(CANARY.len())
            .any(|window| window == CANARY.as_bytes());
        assert!(!holds, "{}", path.display());
    }
}

/// The memory of a run that calls holds the key; a core file would be a copy of it.
#[cfg(target_os = "linux")]
#[test]
fn no_core_is_left() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let before = getrlimit(Resource::Core);
    // What follows inherits it.
    let most = Rlimit {
        current: before.maximum,
        ..before
    };
    setrlimit(Resource::Core, most).unwrap();
    let fake = always(Act::Hang);
    let weir = talks(1).with("OPENAI_API_KEY", CANARY);
    let running = weir.start(&ask(fake.url(), &[]));
    until("a call", || !fake.log().is_empty());
    setrlimit(Resource::Core, before).unwrap();
    let limits = fs::read_to_string(format!("/proc/{}/limits", running.pid())).unwrap();
    let core = limits.lines().find(|line| line.contains("core file size"));
    assert_eq!(
        core.unwrap().split_whitespace().nth(4),
        Some("0"),
        "{core:?}"
    );
    // Not SIGQUIT: what a shell starts in the background may be told to ignore that.
    running.signal("-ABRT");
    let ended = running.wait();
    assert_eq!(ended.code, -1, "{ended:?}");
    let is_core = |path: &&std::path::PathBuf| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("core"))
    };
    assert_eq!(weir.everything().iter().find(is_core), None);
}
