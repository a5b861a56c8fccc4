//! What batches are worth: the same chunks asked one by one, ten and twelve at a time, and as many as weir finds best, side
//! by side, where a call is charged as OpenAI does: with its prompt and the most tokens of its answer.

use std::fmt::Write as _;

use weir::sim::Options;
use weir::sim::admission::Model;
use weir::sim::law::Latency;

use super::{Scenario, ask, law, nothing};

const CHUNKS: usize = 440;

/// What one size came to.
struct Size {
    name: &'static str,
    calls: u64,
    used: u64,
    charged: u64,
    minutes: f64,
    chunks: u64,
}

/// The table, and whether the adapted size is near the best fixed one.
pub fn run() -> String {
    let sizes = ["1", "10", "12", "adapted"];
    let measured: Vec<Size> = std::thread::scope(|scope| {
        let threads = sizes.map(|name| scope.spawn(move || measure(name)));
        let joined = threads.into_iter().map(|thread| thread.join().unwrap());
        joined.collect()
    });
    let mut text = format!(
        "batches: {CHUNKS} chunks, 500 requests and 200,000 tokens a minute, 2 s and 10 ms an output token\n  {:>8} \
         {:>6} {:>12} {:>12} {:>8}",
        "chunks", "calls", "tokens used", "charged", "minutes"
    );
    for size in &measured {
        write!(
            text,
            "\n  {:>8} {:>6} {:>12} {:>12} {:>8.2}",
            size.name, size.calls, size.used, size.charged, size.minutes
        )
        .unwrap();
        assert_eq!(size.chunks, CHUNKS as u64, "all are answered");
    }
    let (fixed, adapted) = measured.split_at(3);
    let best = fixed
        .iter()
        .map(|size| size.minutes)
        .fold(f64::MAX, f64::min);
    let ratio = adapted[0].minutes / best;
    let held = if ratio <= 1.1 { "    " } else { "OVER" };
    write!(
        text,
        "\n  {held} adapted to the best fixed size {ratio:.3} (bar 1.1)"
    )
    .unwrap();
    text
}

fn measure(name: &'static str) -> Size {
    let mut flags: Vec<String> = [
        "--requests-per-minute",
        "500",
        "--tokens-per-minute",
        "200000",
    ]
    .map(str::to_owned)
    .to_vec();
    if name != "adapted" {
        flags.extend(["--batch-chunks", name].map(str::to_owned));
    }
    let scenario = Scenario {
        name: "batches",
        chunks: CHUNKS,
        words: 180,
        options: Options {
            law: law(500, 200_000, Model::Sliding),
            latency: Latency::parse("constant:2s+per-token:10ms").unwrap(),
            seed: 7,
            ..Options::default()
        },
        adapts: name == "adapted",
        flags,
        in_flight: 200,
        ratio: f64::MAX,
        refused: 1.0,
        judge: nothing,
    };
    let (_, simulator, done) = ask(&scenario, scenario.options.clone());
    let log = simulator.log();
    let report = simulator.report();
    let first = log.first().map_or(0.0, |call| call.at.as_secs_f64());
    let last = log.iter().filter_map(|call| call.done).max();
    Size {
        name,
        calls: report.calls,
        used: report.input_tokens + report.output_tokens,
        charged: log.iter().map(|call| call.tokens.0).sum(),
        minutes: (last.unwrap_or_default().as_secs_f64() - first) / 60.0,
        chunks: done["manifest"]["chunks"]["ok"].as_u64().unwrap_or(0),
    }
}
