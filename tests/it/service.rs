//! The job service, as its clients see it: the program itself, over loopback.

mod doors;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::{Value, json};
use weir::sim::Options;
use weir::sim::law::Latency;

use crate::harness::binary::{Weir, until};
use crate::harness::client::Service;
use crate::harness::post::{Post, Replies};
use crate::harness::provider::{Act, FakeProvider, Rule, Script};
use crate::harness::receiver::Receiver;

/// A folder whose service asks this provider.
fn folder(provider: &FakeProvider, more: &str) -> Weir {
    let weir = Weir::new()
        .with("OPENAI_API_KEY", "sk-for-a-test")
        .with("OPENAI_BASE_URL", provider.url());
    let file = format!(
        "[service]\nmodels = [\"m\"]\nallow_uncapped = true\n{more}\n[batch]\nchunks = 1\n[limit]\nrequests = \"6000/min\"\n\
         tokens = \"100000000/min\"\nin_flight = 8\n[models.m]\nprovider = \"openai\"\ninput = 1.0\noutput = 2.0\n"
    );
    weir.write("weir.toml", file);
    weir
}

/// So many transcripts, each a chunk of its own.
fn talks(what: &str, count: usize) -> Vec<(String, Vec<u8>)> {
    let talk = |number| {
        let text = format!(
            "WEBVTT\n\n00:00:01.000 --> 00:00:09.000\n<v Ana Lima>The {what} committee of Harbor {number} met Bo Chan \
             of Tide Works about pump number {number} on Friday.\n"
        );
        (format!("{what}/{number:03}.vtt"), text.into_bytes())
    };
    (0..count).map(talk).collect()
}

fn answering(millis: u64) -> FakeProvider {
    FakeProvider::with(Options {
        latency: Latency::constant(Duration::from_millis(millis)),
        ..Options::default()
    })
}

fn id(job: &Value) -> String {
    job["id"].as_str().unwrap().to_owned()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn an_upload_is_run_told_of_and_fetched() {
    let provider = answering(5);
    let runtime = runtime();
    let hook = runtime.block_on(Receiver::open(vec![Box::new(|_| "200 OK".to_owned())]));
    let post = runtime.block_on(Post::open(Replies::new()));
    let weir = folder(
        &provider,
        &format!(
            "[notify]\nwebhook = \"http://127.0.0.1:{}/h\"\nwebhook_secret_file = \"secret\"\nallow_private = true\n\
             [notify.mail]\nsmtp = \"smtp://127.0.0.1:{}\"\nfrom = \"weir@example.org\"\nto = [\"ada@example.org\"]\n",
            hook.port, post.port
        ),
    );
    weir.write("secret", "0123456789abcdef0123456789abcdef");
    fs::set_permissions(weir.path("secret"), fs::Permissions::from_mode(0o600)).unwrap();
    let service = Service::start(&weir, &[]);
    let files = talks("pumps", 20);
    let wanted = json!({"dataflow": "knowledge-graph", "collection": "board", "model": "m"});
    let job = service.upload(&wanted, &files).is(202).json();
    assert!(["queued", "running", "complete"].contains(&job["state"].as_str().unwrap()));
    let job = id(&job);
    let mut told = Vec::new();
    let mut events = service.events(&job, 0);
    while let Some(event) = events.next() {
        told.push(event);
    }
    // Without a gap or a repeat, and monotone.
    let ids: Vec<u64> = told.iter().map(|event| event.id).collect();
    assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>());
    let progress: Vec<&Value> = told
        .iter()
        .filter(|event| event.event == "progress")
        .map(|event| &event.data)
        .collect();
    for pair in progress.windows(2) {
        for count in ["answered", "calls", "epoch", "input_tokens"] {
            assert!(
                pair[0][count].as_u64() <= pair[1][count].as_u64(),
                "{count}"
            );
        }
    }
    let last = &told.last().unwrap().data;
    assert_eq!(
        (&last["state"], &last["progress"]["answered"]),
        (&json!("complete"), &json!(20))
    );
    // What is told is what was asked and billed.
    let report = provider.report();
    let progress = &last["progress"];
    assert_eq!(progress["calls"], report.calls);
    assert_eq!(progress["input_tokens"], report.input_tokens);
    assert_eq!(progress["output_tokens"], report.output_tokens);
    let metrics = service.get("/metrics").is(200).text();
    let calls = format!(
        "weir_calls_total{{model=\"m\",outcome=\"ok\"}} {}",
        report.calls
    );
    assert!(metrics.contains(&calls), "{metrics}");

    // What is fetched is what the command line exports, byte for byte.
    let tables = service
        .get(&format!("/api/v1/jobs/{job}/tables"))
        .is(200)
        .json();
    let of = "out/board/knowledge-graph";
    weir.run(&["export", "-o", of, "--format", "parquet", "--to", "export/"])
        .is(0, &[]);
    for table in tables["tables"].as_array().unwrap() {
        let name = table["name"].as_str().unwrap();
        let path = format!("/api/v1/jobs/{job}/tables/{name}");
        let fetched = service.get(&format!("{path}?format=parquet")).is(200);
        let exported = fs::read(weir.path(&format!("export/{name}.parquet"))).unwrap();
        assert!(fetched.body == exported, "{name}");
        let lines = service.get(&format!("{path}?format=jsonl")).is(200).text();
        assert_eq!(
            lines.lines().count() as u64,
            table["rows"].as_u64().unwrap(),
            "{name}"
        );
        let arrow = service.get(&format!("{path}?format=arrow&limit=1")).is(200);
        assert!(arrow.body.starts_with(&[0xff; 4]), "{name}");
    }
    let path = format!("/api/v1/jobs/{job}/tables/entities");
    let some = service
        .get(&format!("{path}?columns=name,kind&limit=3&format=csv"))
        .is(200)
        .text();
    let lines: Vec<&str> = some.lines().collect();
    assert!(
        (2..=4).contains(&lines.len()) && lines[0] == "name,kind",
        "{some}"
    );
    let name = lines[1].split(',').next().unwrap();
    let encoded = name.replace(' ', "%20");
    let one = service
        .get(&format!("{path}?where=name:{encoded}&format=jsonl"))
        .is(200)
        .text();
    assert!(
        one.lines().count() >= 1 && one.lines().all(|line| line.contains(name)),
        "{one}"
    );
    let part = name[1..4].to_uppercase().replace(' ', "%20");
    let part = service
        .get(&format!("{path}?where=name~{part}&format=jsonl"))
        .is(200)
        .text();
    assert!(part.lines().count() >= one.lines().count(), "{part}");
    let none = service
        .get(&format!("{path}?where=name:{encoded}&where=kind:none"))
        .is(200)
        .text();
    assert_eq!(none, "");
    service.get(&format!("{path}?columns=nothing")).is(400);
    service
        .get(&format!("/api/v1/jobs/{job}/tables/nothing"))
        .is(404);

    // The graph, and what was said, by whom and when.
    let graph = service
        .get(&format!("/api/v1/jobs/{job}/graph?top=10"))
        .is(200)
        .json();
    let entity = graph["entities"][0]["id"].as_str().unwrap();
    let seen = service
        .get(&format!("/api/v1/jobs/{job}/entities/{entity}"))
        .is(200)
        .json();
    let said = &seen["mentions"][0];
    assert_eq!(said["speaker"], "Ana Lima");
    assert_eq!(said["start_ms"], 1000);
    assert!(!said["quote"].as_str().unwrap().is_empty());

    until("the webhook is called", || !hook.heard().is_empty());
    until("the mail came", || !post.letters().is_empty());
    let body: Value = serde_json::from_slice(&hook.heard()[0].body).unwrap();
    assert_eq!(
        (&body["event"], &body["job"]["id"]),
        (&json!("job.ended"), &json!(job))
    );
    assert!(post.letters()[0].header("Subject").contains("complete"));

    // Again: nothing is paid for; another file: only it.
    let again = service.upload(&wanted, &talks("gates", 1)).is(202).json();
    let again = service.until(&id(&again), &["complete"]);
    assert_eq!(
        (&again["progress"]["answered"], &again["progress"]["cached"]),
        (&json!(1), &json!(20))
    );
    assert_eq!(provider.report().calls, 21);
    service.running.terminate();
    service.running.wait().is(0, &[]);
}

#[test]
fn a_killed_service_goes_on_and_pays_for_nothing_twice() {
    let provider = answering(120);
    let weir = folder(&provider, "");
    let service = Service::start(&weir, &[]);
    let wanted = json!({"dataflow": "knowledge-graph", "collection": "board", "model": "m"});
    let job = id(&service.upload(&wanted, &talks("pumps", 60)).is(202).json());
    let mut events = service.events(&job, 0);
    let mut told = Vec::new();
    while let Some(event) = events.next() {
        let enough = event.event == "progress" && event.data["answered"].as_u64() >= Some(15);
        told.push(event);
        if enough {
            break;
        }
    }
    service.running.kill();
    let paid = provider.report();
    let service = Service::start(&weir, &[]);
    let mut events = service.events(&job, told.last().unwrap().id);
    while let Some(event) = events.next() {
        told.push(event);
    }
    let ids: Vec<u64> = told.iter().map(|event| event.id).collect();
    assert_eq!(
        ids,
        (1..=ids.len() as u64).collect::<Vec<_>>(),
        "without a gap or a repeat"
    );
    // A WebSocket says the same, from wherever it goes on.
    assert_eq!(service.socket(&job, 0), told);
    assert_eq!(service.socket(&job, 7), told[7..]);
    let states: Vec<&str> = told
        .iter()
        .filter(|event| event.event == "state")
        .map(|event| event.data["state"].as_str().unwrap())
        .collect();
    assert_eq!(
        states,
        ["queued", "running", "queued", "running", "complete"]
    );
    let known = told.last().unwrap().data["progress"]["cached"]
        .as_u64()
        .unwrap();
    assert!(known >= 15, "{known} answers were known");
    // At most what was in flight is paid for twice.
    let report = provider.report();
    assert!(
        report.calls <= 60 + 8,
        "{} calls, {} before the kill",
        report.calls,
        paid.calls
    );
    // Counters count what this process did: the second part, and after it nothing.
    let answered = |metrics: &str| -> u64 {
        let line = metrics
            .lines()
            .find(|line| line.starts_with("weir_chunks_answered_total{"));
        line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    };
    let now = told.last().unwrap().data["progress"]["answered"]
        .as_u64()
        .unwrap();
    assert_eq!(answered(&service.get("/metrics").is(200).text()), now);
    let rows = service.get(&format!(
        "/api/v1/jobs/{job}/tables/chunks?columns=status&format=jsonl"
    ));
    assert_eq!(rows.is(200).text().matches("\"ok\"").count(), 60);
}

#[test]
fn jobs_wait_for_their_turn_but_not_behind_calls_that_they_do_not_need() {
    let provider = answering(100);
    let weir = folder(&provider, "jobs_at_once = 1");
    let service = Service::start(&weir, &[]);
    let wanted = |collection: &str, priority: i64| json!({"dataflow": "topics", "collection": collection, "model": "m", "priority": priority});
    let known = id(&service
        .upload(&wanted("known", 0), &talks("known", 4))
        .is(202)
        .json());
    service.until(&known, &["complete"]);
    let long = id(&service
        .upload(&wanted("long", 0), &talks("long", 120))
        .is(202)
        .json());
    service.until(&long, &["running"]);
    let low = id(&service
        .upload(&wanted("low", -5), &talks("low", 2))
        .is(202)
        .json());
    let high = id(&service
        .upload(&wanted("high", 5), &talks("high", 2))
        .is(202)
        .json());
    // The same texts under another name: all is known.
    let free = id(&service
        .upload(&wanted("free", -10), &talks("known", 4))
        .is(202)
        .json());
    let free = service.until(&free, &["complete"]);
    assert_eq!(free["progress"]["calls"], 0);
    assert_eq!(
        service.get(&format!("/api/v1/jobs/{long}")).json()["state"],
        "running"
    );
    assert_eq!(
        service.get(&format!("/api/v1/jobs/{high}")).json()["state"],
        "queued"
    );
    service
        .post(&format!("/api/v1/jobs/{long}/cancel"), &Value::Null)
        .is(200);
    service.until(&long, &["cancelled"]);
    let high = service.until(&high, &["complete"]);
    let low = service.until(&low, &["complete"]);
    let at = |job: &Value| job["ended_at"].as_str().unwrap().to_owned();
    assert!(at(&high) < at(&low));
}

#[test]
fn jobs_are_paused_resumed_capped_retried_and_deleted() {
    let provider = FakeProvider::start(Script {
        latency: crate::harness::provider::Latency::Fixed(Duration::from_millis(40)),
        rules: vec![Rule::on("Harbor 7 ", Act::Refuse).times(1)],
        ..Script::default()
    });
    let weir = folder(&provider, "");
    let service = Service::start(&weir, &[]);
    let wanted = json!({
        "dataflow": "topics", "collection": "board", "model": "m", "caps": {"calls": 10},
    });
    let job = id(&service.upload(&wanted, &talks("pumps", 30)).is(202).json());
    let post = |what: &str, body: Value| service.post(&format!("/api/v1/jobs/{job}/{what}"), &body);
    let done = service.until(&job, &["incomplete"]);
    assert!(done["reason"].as_str().unwrap().contains("10"), "{done}");
    assert_eq!(provider.report().calls, 10);
    service
        .ask("DELETE", &format!("/api/v1/jobs/{job}/nothing"), &[], b"")
        .is(404);
    post("pause", Value::Null).is(409);
    // Raised: it goes on, is paused with work left, and goes on again.
    post("resume", json!({"caps": {"calls": 1000}})).is(200);
    until("it calls again", || provider.report().calls > 12);
    post("pause", Value::Null).is(200);
    service.until(&job, &["paused"]);
    let paused = provider.report().calls;
    post("retry-failures", Value::Null).is(409);
    post("resume", Value::Null).is(200);
    let done = service.until(&job, &["failures", "complete"]);
    assert_eq!(done["state"], "failures", "{done}");
    assert!(provider.report().calls > paused);
    let failures = service
        .get(&format!("/api/v1/jobs/{job}/failures"))
        .is(200)
        .json();
    assert_eq!(failures["failures"].as_array().unwrap().len(), 1);
    let reason = failures["failures"][0]["reason"].as_str().unwrap();
    assert_eq!(done["progress"]["failures"][reason], 1);
    let before = provider.report().calls;
    post("retry-failures", json!({"reason": reason})).is(200);
    let done = service.until(&job, &["complete", "failures"]);
    assert_eq!(done["state"], "complete", "{done}");
    assert_eq!(provider.report().calls, before + 1);
    service
        .ask("DELETE", &format!("/api/v1/jobs/{job}"), &[], b"")
        .is(204);
    service.get(&format!("/api/v1/jobs/{job}")).is(404);
}

#[test]
fn the_same_request_twice_is_one_job() {
    let provider = answering(0);
    let weir = folder(&provider, "");
    let service = Service::start(&weir, &[]);
    let submit = |key: &str, dataflow: &str| {
        let body = json!({"dataflow": dataflow, "samples": true});
        let headers = [
            ("idempotency-key", key),
            ("content-type", "application/json"),
        ];
        service.ask(
            "POST",
            "/api/v1/jobs",
            &headers,
            body.to_string().as_bytes(),
        )
    };
    let first = submit("a", "topics").is(202).json();
    assert_eq!(submit("a", "topics").is(202).json()["id"], first["id"]);
    submit("a", "duplicates").is(409);
    let second = submit("b", "topics").is(202).json();
    assert_ne!(second["id"], first["id"]);
    let third = submit("c", "duplicates").is(202).json();
    // Pages, the newest first.
    let page = service.get("/api/v1/jobs?limit=2").is(200).json();
    let ids = |page: &Value| -> Vec<Value> {
        page["jobs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|job| job["id"].clone())
            .collect()
    };
    assert_eq!(ids(&page), [third["id"].clone(), second["id"].clone()]);
    let next = page["next"].as_str().unwrap();
    let rest = service
        .get(&format!("/api/v1/jobs?cursor={next}"))
        .is(200)
        .json();
    assert_eq!(
        (ids(&rest), &rest["next"]),
        (vec![first["id"].clone()], &Value::Null)
    );
    for job in [first, second, third] {
        service.until(&id(&job), &["complete"]);
    }
    let plan = service.post(
        "/api/v1/plan",
        &json!({"dataflow": "topics", "samples": true, "model": "m"}),
    );
    let plan = plan.is(200).json();
    assert!(plan["chunks"]["new"].as_u64().unwrap() > 0, "{plan}");
    assert_eq!(provider.report().calls, 0);
    let names: BTreeSet<String> = service.get("/api/v1/system").is(200).json()["dataflows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        names.contains("knowledge-graph") && names.len() == 4,
        "{names:?}"
    );
}
