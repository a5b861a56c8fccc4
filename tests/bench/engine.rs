//! What the engine costs, as ratios to a bar or to a peer in the same run: `cargo bench --bench engine`.
//!
//! 8,834 chunks of about a kilobyte are asked one by one, 50 at a time, of a server on loopback that answers at once:
//! the CPU that weir takes for it, all its work included, against a bare client that sends the same bodies at the same
//! concurrency and parses the answers; and what the same run takes from known answers, without a call. Server and bare client are this binary again, as processes of their own, so that
//! each is charged with its own work only.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark: it prints, it tells the time, and a panic ends it"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

const CALLS: usize = 8834;
const IN_FLIGHT: usize = 50;
const ROUNDS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    match arguments.get(1).map(String::as_str) {
        Some("--serve") => runtime.block_on(serve(arguments.get(2).map(Path::new))),
        Some("--bare") => runtime.block_on(bare(&arguments[2], Path::new(&arguments[3]))),
        Some("--tokenizer") => assert!(weir::stage::tokens::count("a word") > 0),
        _ => compare(),
    }
}

/// Kilobytes of words by chance; none twice.
fn text(chance: &mut fastrand::Rng, number: usize) -> String {
    const WORDS: [&str; 12] = [
        "harbour", "meeting", "gate", "tide", "money", "Ana", "Lisbon", "the", "of", "and", "we",
        "agreed",
    ];
    let mut text = format!("Item {number}:");
    while text.len() < 1000 {
        text.push(' ');
        text.push_str(chance.choice(WORDS).unwrap());
    }
    text
}

fn compare() {
    let folder = tempfile::tempdir().unwrap();
    let talks = folder.path().join("talks");
    fs::create_dir(&talks).unwrap();
    let mut chance = fastrand::Rng::with_seed(7);
    let mut number = 0;
    for file in 0..150 {
        let mut lines = String::new();
        while number < CALLS * (file + 1) / 150 {
            let record = json!({"speaker": "Ana Lima", "text": text(&mut chance, number)});
            writeln!(lines, "{record}").unwrap();
            number += 1;
        }
        fs::write(talks.join(format!("{file:03}.jsonl")), lines).unwrap();
    }
    let body = folder.path().join("body.json");
    let (mut server, url) = start_server(&body);
    let me = std::env::current_exe().unwrap();
    let table = measure(Command::new(&me).arg("--tokenizer"));
    let mut run = weir(folder.path(), &talks);
    run.args([
        "--model",
        "made-up",
        "--base-url",
        &url,
        "--preset",
        "compatible",
        "--batch-chunks",
        "1",
    ]);
    run.args([
        "--requests-per-minute",
        "100000000",
        "--tokens-per-minute",
        "1000000000000",
        "--yes",
    ]);
    run.args([
        "--in-flight",
        &IN_FLIGHT.to_string(),
        "--set",
        "chunk.by=record",
    ]);
    // In turns, and of each the middle one: a machine has its moods.
    let mut rehash = Command::new(run.get_program());
    rehash
        .args(run.get_args())
        .arg("--rehash")
        .current_dir(folder.path());
    let (mut cold, mut known, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        fs::remove_dir_all(folder.path().join("out")).ok();
        fs::remove_dir_all(folder.path().join("state")).ok();
        cold.push(measure(&mut run));
        fs::remove_dir_all(folder.path().join("out")).unwrap();
        known.push(measure(&mut rehash));
        bare.push(measure(Command::new(&me).args(["--bare", &url]).arg(&body)));
    }
    let (cold, known, bare) = (middle(cold), middle(known), middle(bare));
    let again = measure(&mut run);
    server.kill().unwrap();
    server.wait().unwrap();
    println!(
        "{CALLS} calls of one chunk, {IN_FLIGHT} at a time, to an instant server on loopback; the middle of {ROUNDS} rounds"
    );
    println!("  bare client    {:.2} s CPU, {:.2} s", bare.cpu, bare.wall);
    println!(
        "  weir           {:.2} s CPU, {:.2} s, ratio {:.2} (bar 2.00)",
        cold.cpu,
        cold.wall,
        cold.cpu / bare.cpu
    );
    println!(
        "  without calls  {:.2} s CPU, {:.2} s: the same files read and published again from known answers; what calls take \
         beside that, ratio {:.2}",
        known.cpu,
        known.wall,
        (cold.cpu - known.cpu) / bare.cpu
    );
    println!(
        "  peak memory    {:.0} MiB, {:.0} beside the tokenizer's table of {:.0} (bar 64)",
        cold.peak,
        cold.peak - table.peak,
        table.peak
    );
    println!(
        "  no change      {:.3} s, ratio {:.2} (bar 0.100 s)",
        again.wall,
        again.wall / 0.1
    );
    rules(folder.path());
}

/// With rules, by workers, against reading and hashing the same files.
fn rules(folder: &Path) {
    let talks = folder.join("prose");
    fs::create_dir(&talks).unwrap();
    let mut chance = fastrand::Rng::with_seed(8);
    let (mut bytes, mut number) = (0, 0);
    for file in 0..100 {
        let mut lines = String::new();
        while lines.len() < 200_000 {
            writeln!(
                lines,
                "Speaker {}: {}.",
                chance.u8(0..5),
                text(&mut chance, number)
            )
            .unwrap();
            number += 1;
        }
        bytes += lines.len();
        fs::write(talks.join(format!("{file:03}.txt")), lines).unwrap();
    }
    let begin = Instant::now();
    for entry in fs::read_dir(&talks).unwrap() {
        blake3::hash(&fs::read(entry.unwrap().path()).unwrap());
    }
    let hashed = begin.elapsed().as_secs_f64();
    let megabytes = bytes as f64 / 1e6;
    for workers in ["1", "2"] {
        fs::remove_dir_all(folder.join("out")).ok();
        fs::remove_dir_all(folder.join("state")).ok();
        let run = measure(weir(folder, &talks).args(["--workers", workers]));
        println!(
            "rules, {workers} worker(s): {megabytes:.0} MB in {:.2} s: {:.1} MB/s, {:.0} turns/s, {:.2} s CPU, {:.0} MiB; \
             {:.0} x a bare read and hash",
            run.wall,
            megabytes / run.wall,
            f64::from(u32::try_from(number).unwrap()) / run.wall,
            run.cpu,
            run.peak,
            run.wall / hashed
        );
    }
}

fn weir(folder: &Path, talks: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command
        .args(["run", "knowledge-graph", "--quiet", "-i"])
        .arg(talks)
        .current_dir(folder);
    command
        .arg("-o")
        .arg(folder.join("out"))
        .arg("--state")
        .arg(folder.join("state"));
    command
}

/// What a process took.
struct Took {
    cpu: f64,
    wall: f64,
    peak: f64,
}

/// The middle one by CPU, with the highest peak of all.
fn middle(mut took: Vec<Took>) -> Took {
    let peak = took.iter().map(|took| took.peak).fold(0.0, f64::max);
    took.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
    let middle = took.swap_remove(took.len() / 2);
    Took { peak, ..middle }
}

/// CPU seconds of all children that have ended.
fn children() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    // cutime and cstime, the 16th and 17th field, in hundredths of a second; the first two are cut off.
    (fields[13].parse::<f64>().unwrap() + fields[14].parse::<f64>().unwrap()) / 100.0
}

fn measure(command: &mut Command) -> Took {
    let before = children();
    let begin = Instant::now();
    let mut child = command.spawn().unwrap();
    let mut peak: f64 = 0.0;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let high = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = high.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
        peak = peak.max(kibibytes.unwrap_or(0.0) / 1024.0);
        std::thread::sleep(Duration::from_millis(2));
    };
    assert!(status.success(), "{command:?}: {status}");
    Took {
        cpu: children() - before,
        wall: begin.elapsed().as_secs_f64(),
        peak,
    }
}

fn start_server(body: &Path) -> (Child, String) {
    let me = std::env::current_exe().unwrap();
    let mut server = Command::new(me)
        .arg("--serve")
        .arg(body)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(
        &mut std::io::BufReader::new(server.stdout.take().unwrap()),
        &mut line,
    )
    .unwrap();
    (server, line.trim().to_owned())
}

/// Answers; leaves the first body that comes in a file.
async fn serve(first: Option<&Path>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("http://{}/v1", listener.local_addr().unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    let first = Arc::new(Mutex::new(first.map(Path::to_owned)));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let first = Arc::clone(&first);
        tasks.spawn(async move {
            let mut stream = BufReader::new(stream);
            loop {
                let (mut length, mut line) = (0, String::new());
                loop {
                    line.clear();
                    if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                        return;
                    }
                    let lower = line.to_ascii_lowercase();
                    if let Some(value) = lower.strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    if line == "\r\n" {
                        break;
                    }
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).await.unwrap();
                if let Some(path) = first.lock().unwrap().take() {
                    fs::write(path, &body).unwrap();
                }
                let answer = answer(&body);
                // In one piece: two would wait for each other's acknowledgement, forty milliseconds a call.
                let whole = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{answer}",
                    answer.len()
                );
                stream.get_mut().write_all(whole.as_bytes()).await.unwrap();
            }
        });
    }
}

/// A typical answer about one chunk: three entities, one relation.
fn answer(body: &[u8]) -> String {
    let request: Value = serde_json::from_slice(body).unwrap();
    let messages = request["messages"].as_array().unwrap();
    let user = messages.last().unwrap()["content"].as_str().unwrap();
    let tag = user
        .split("<chunk id=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or("x");
    let entity =
        |name: &str, kind: &str| json!({"name": name, "kind": kind, "aliases": [], "quote": name});
    let content = json!({"answers": [{
        "chunk_id": tag,
        "entities": [entity("Ana", "person"), entity("Lisbon", "place"), entity("tide", "other")],
        "relations": [{"source": "Ana", "predicate": "lives in", "target": "Lisbon", "quote": "Ana"}],
    }]});
    json!({
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content.to_string()}}],
        "usage": {"prompt_tokens": body.len() / 4, "completion_tokens": 120},
    })
    .to_string()
}

/// Sends as many bodies as weir, all of them as the one in a file but for the text, and parses the answers.
async fn bare(url: &str, body: &Path) {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let client = reqwest::Client::builder()
        .pool_max_idle_per_host(IN_FLIGHT)
        .build()
        .unwrap();
    let body: Value = serde_json::from_slice(&fs::read(body).unwrap()).unwrap();
    assert_eq!(body["messages"].as_array().unwrap().len(), 2);
    let body = Arc::new(body);
    let slots = Arc::new(tokio::sync::Semaphore::new(IN_FLIGHT));
    let mut tasks = tokio::task::JoinSet::new();
    let mut chance = fastrand::Rng::with_seed(7);
    for number in 0..CALLS {
        let permit = Arc::clone(&slots).acquire_owned().await.unwrap();
        let (client, body, url) = (
            client.clone(),
            Arc::clone(&body),
            format!("{url}/chat/completions"),
        );
        let user = format!(
            "<chunk id=\"t{number}\" mark=\"abcdefgh\">\nAna Lima: {}\n</chunk mark=\"abcdefgh\">\n",
            text(&mut chance, number)
        );
        tasks.spawn(async move {
            let mut body = Value::clone(&body);
            body["messages"][1]["content"] = Value::String(user);
            let sent = client
                .post(url)
                .header("content-type", "application/json")
                .body(body.to_string())
                .send()
                .await;
            let bytes = sent.unwrap().bytes().await.unwrap();
            let reply: Value = serde_json::from_slice(&bytes).unwrap();
            let content: Value =
                serde_json::from_str(reply["choices"][0]["message"]["content"].as_str().unwrap())
                    .unwrap();
            assert!(content["answers"].is_array());
            drop(permit);
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}
