//! The simulator as a client sees it that trusts nothing.

mod admission;
mod service;
mod wire;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::fault::Act;
use super::script::{Rule, Script};
use super::{Options, Simulator};

/// What came back: the head in lower case, the body, and how the connection went on.
#[derive(Debug, Default)]
pub(super) struct Came {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
    pub(super) reset: bool,
    pub(super) timed_out: bool,
}

impl Came {
    pub(super) fn status(&self) -> u16 {
        self.head
            .get(9..12)
            .and_then(|text| text.parse().ok())
            .unwrap_or(0)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|line| line.0 == name).map(|line| line.1)
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(super) fn length(&self) -> usize {
        self.header("content-length").unwrap().parse().unwrap()
    }
}

pub(super) fn client(simulator: &Simulator) -> TcpStream {
    let url = simulator.url();
    let address = url
        .strip_prefix("http://")
        .unwrap()
        .strip_suffix("/v1")
        .unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream
}

pub(super) fn request(texts: &[&str]) -> Vec<u8> {
    let chunks: Vec<String> = texts
        .iter()
        .enumerate()
        .map(|(n, text)| format!("<chunk id=\"t{n}\" mark=\"m\">\n{text}\n</chunk mark=\"m\">\n"))
        .collect();
    let kg: Value = serde_json::from_str(include_str!(
        "../../../dataflows/schemas/knowledge-graph.json"
    ))
    .unwrap();
    let mut items = kg.clone();
    items["properties"]["chunk_id"] = json!({"type": "string"});
    let schema =
        json!({"type": "object", "properties": {"answers": {"type": "array", "items": items}}});
    let body = json!({"model": "m", "max_tokens": 500, "messages": [{"role": "user", "content": chunks.concat()}],
        "response_format": {"json_schema": {"schema": schema}}})
    .to_string();
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\n";
    format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Reads until the body is whole, or nothing more comes.
pub(super) fn read(stream: &mut TcpStream) -> Came {
    let mut came = Came::default();
    let mut bytes = Vec::new();
    let mut part = [0; 16_384];
    loop {
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&part[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                came.timed_out = true;
                break;
            }
            Err(_) => {
                came.reset = true;
                break;
            }
        }
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            came.head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            if bytes.len() >= end + 4 + came.length() {
                break;
            }
        }
    }
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .map_or(bytes.len(), |end| end + 4);
    came.body = bytes.split_off(end);
    if came.head.is_empty() {
        came.head = String::from_utf8_lossy(&bytes).to_lowercase();
    }
    came
}

pub(super) fn ask(simulator: &Simulator, texts: &[&str]) -> Came {
    let mut stream = client(simulator);
    stream.write_all(&request(texts)).unwrap();
    read(&mut stream)
}

/// Asks, and waits for no more than a moment at a time.
pub(super) fn ask_briefly(simulator: &Simulator, texts: &[&str]) -> Came {
    let mut stream = client(simulator);
    let moment = Some(Duration::from_millis(400));
    stream.set_read_timeout(moment).unwrap();
    stream.write_all(&request(texts)).unwrap();
    read(&mut stream)
}

pub(super) fn start(options: Options) -> Simulator {
    Simulator::start(options).unwrap()
}

pub(super) fn always(name: &str) -> Simulator {
    let act = Act::named(name).unwrap();
    start(Options {
        script: Script {
            rules: vec![Rule::always(act)],
            ..Script::default()
        },
        ..Options::default()
    })
}

pub(super) const TWO: [&str; 2] = [
    "Ana: I met Bo Chan at the Harbour Lab.",
    "Bo: So did Cy Dee.",
];
