//! Answers and faults as they arrive on the wire.

use std::io::Write;

use serde_json::Value;

use super::{TWO, always, ask, ask_briefly, client, read, request, start};
use crate::sim::Options;

#[test]
fn an_answer_is_whole_and_the_connection_lives_on() {
    let simulator = start(Options::default());
    let mut stream = client(&simulator);
    for _ in 0..3 {
        stream.write_all(&request(&TWO)).unwrap();
        let came = read(&mut stream);
        assert_eq!(
            (
                came.status(),
                came.json()["choices"][0]["finish_reason"].as_str()
            ),
            (200, Some("stop"))
        );
        let content: Value = serde_json::from_str(
            came.json()["choices"][0]["message"]["content"]
                .as_str()
                .unwrap(),
        )
        .unwrap();
        assert_eq!(content["answers"][1]["chunk_id"], "t1");
        assert!(came.header("x-request-id").unwrap().starts_with("req_sim_"));
    }
    let report = simulator.report();
    assert_eq!(
        (report.calls, report.answered, report.connections),
        (3, 3, 1)
    );
    assert_eq!((report.verdict.chunks, report.verdict.repeated), (2, 4));
    stream
        .write_all(b"GET /sim/report HTTP/1.1\r\n\r\n")
        .unwrap();
    assert_eq!(read(&mut stream).json()["repeated"], 4);
    stream
        .write_all(b"GET /v1/models HTTP/1.1\r\n\r\n")
        .unwrap();
    assert_eq!(read(&mut stream).json()["object"], "list");
}

#[test]
fn refusals_say_what_they_are() {
    for (name, status, code, wait) in [
        ("429", 429, "rate_limit_exceeded", Some("2")),
        ("429-negative", 429, "rate_limit_exceeded", Some("-5")),
        ("429-nan", 429, "rate_limit_exceeded", Some("nan")),
        ("429-huge", 429, "rate_limit_exceeded", Some("1000000000")),
        ("429-bare", 429, "rate_limit_exceeded", None),
        ("slow-down", 429, "slow_down", Some("2")),
        ("quota", 429, "insufficient_quota", None),
        ("401", 401, "invalid_api_key", None),
        ("context", 400, "context_length_exceeded", None),
        ("404", 404, "model_not_found", None),
        ("503", 503, "server_is_overloaded", None),
    ] {
        let came = ask(&always(name), &TWO);
        assert_eq!(
            (came.status(), came.json()["error"]["code"].as_str()),
            (status, Some(code)),
            "{name}"
        );
        assert_eq!(came.header("retry-after"), wait, "{name}");
    }
    let millis = ask(&always("429-ms"), &TWO);
    assert_eq!(
        (
            millis.header("retry-after-ms"),
            millis.header("retry-after")
        ),
        (Some("500"), None)
    );
    let dated = ask(&always("429-date"), &TWO);
    assert!(
        dated.header("retry-after").unwrap().ends_with(" gmt"),
        "{dated:?}"
    );
    assert_eq!(
        ask(&always("429-gemini"), &TWO).json()[0]["error"]["code"],
        429
    );
    assert!(ask(&always("502-html"), &TWO).body.starts_with(b"<html>"));
    for (name, status) in [
        ("500", 500),
        ("502", 502),
        ("504", 504),
        ("529", 529),
        ("413", 413),
        ("422", 422),
        ("402", 402),
    ] {
        assert_eq!(ask(&always(name), &TWO).status(), status);
    }
}

#[test]
fn a_redirect_leads_to_a_recorder() {
    let simulator = always("redirect");
    let came = ask(&simulator, &TWO);
    assert_eq!(
        (came.status(), came.header("location")),
        (307, Some("/sim/elsewhere"))
    );
    let mut stream = client(&simulator);
    stream
        .write_all(b"POST /sim/elsewhere HTTP/1.1\r\nauthorization: k\r\ncontent-length: 0\r\n\r\n")
        .unwrap();
    read(&mut stream);
    assert_eq!(
        (
            simulator.report().followed,
            simulator.report().followed_with_key
        ),
        (1, 1)
    );
}

#[test]
fn odd_bodies_arrive_as_they_are() {
    assert_eq!(
        ask(&always("html"), &TWO).header("content-type"),
        Some("text/html")
    );
    assert_eq!(ask(&always("empty"), &TWO).body, b"");
    assert!(ask(&always("error-body"), &TWO).json()["error"].is_object());
    assert_eq!(
        ask(&always("content-type"), &TWO).header("content-type"),
        Some("text/plain")
    );
    assert!(ask(&always("too-long"), &TWO).body.len() > 9 << 20);
    assert_eq!(
        ask(&always("gzip-bomb"), &TWO).header("content-encoding"),
        Some("gzip")
    );
    assert!(ask(&always("deep"), &TWO).body.starts_with(b"[[[["));
    for name in ["surrogate", "nul", "overflow"] {
        assert_eq!(ask(&always(name), &TWO).json(), Value::Null, "{name}");
    }
}

#[test]
fn bytes_go_astray_as_they_say() {
    let reset = ask(&always("reset"), &TWO);
    assert!(
        reset.reset
            && reset.status() == 200
            && !reset.body.is_empty()
            && reset.body.len() < reset.length()
    );
    let at_once = ask(&always("reset-at-once"), &TWO);
    assert!(at_once.reset && at_once.head.is_empty(), "{at_once:?}");
    let early = ask(&always("early-end"), &TWO);
    assert!(!early.reset && !early.timed_out && early.body.len() < early.length());
    let long = ask(&always("long-length"), &TWO);
    assert!(!long.timed_out && long.body.len() + 100 == long.length() && long.json().is_object());
    let short = ask(&always("short-length"), &TWO);
    assert!(
        short.body.len() >= short.length()
            && serde_json::from_slice::<Value>(&short.body[..short.length()]).is_err()
    );
    let dribble = ask_briefly(&always("dribble"), &TWO);
    assert!(dribble.timed_out && dribble.status() == 200 && dribble.body.len() <= 2);
    let stall = ask_briefly(&always("stall"), &TWO);
    assert!(stall.timed_out && stall.head.starts_with("http/1.1 200") && stall.body.is_empty());
    let hang = ask_briefly(&always("hang"), &TWO);
    assert!(hang.timed_out && hang.head.is_empty());
}

#[test]
fn what_a_model_says_oddly() {
    let message = |name: &str| ask(&always(name), &TWO).json()["choices"][0].clone();
    assert_eq!(message("length")["finish_reason"], "length");
    assert_eq!(message("runaway")["finish_reason"], "length");
    assert_eq!(message("filter")["finish_reason"], "content_filter");
    assert!(message("refusal")["message"]["refusal"].is_string());
    assert_eq!(message("silent")["message"]["content"], Value::Null);
    let content = |name: &str| {
        let text = message(name)["message"]["content"]
            .as_str()
            .unwrap()
            .to_owned();
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        (text, value)
    };
    let tags = |name: &str| {
        let answers = content(name).1["answers"].as_array().unwrap().clone();
        answers
            .iter()
            .map(|one| one["chunk_id"].as_str().unwrap_or("-").to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(tags("missing"), "t0");
    assert_eq!(tags("merged"), "t0");
    assert_eq!(tags("reordered"), "t1 t0");
    assert_eq!(tags("repeated"), "t0 t1 t0 t1");
    assert_eq!(tags("invented"), "t0 t1 zzzzz");
    assert_eq!(tags("crossed"), "t1 t0");
    assert_eq!(tags("extra"), "- t0 t1 -");
    assert_eq!(
        content("crossed-evidence").1["answers"][1]["entities"][0]["name"],
        "Bo Chan"
    );
    assert_eq!(content("flat").1["chunk_id"], "t0");
    assert_eq!(content("wrong-types").1["answers"][0]["entities"], 7);
    for name in ["not-json", "cut-json"] {
        assert!(
            content(name).1.is_null() && message(name)["finish_reason"] == "stop",
            "{name}"
        );
    }
    assert!(
        content("fenced").0.starts_with("```json") && content("thinking").0.starts_with("<think>")
    );
    assert!(content("escapes").0.contains("\\u001b]0;x"));
    let usage = |name: &str| ask(&always(name), &TWO).json()["usage"].clone();
    assert_eq!(usage("no-usage"), Value::Null);
    assert_eq!(usage("usage-zero")["prompt_tokens"], 0);
    assert_eq!(usage("usage-negative")["completion_tokens"], -1);
    assert_eq!(usage("usage-huge")["prompt_tokens"], 1_u64 << 63);
}
