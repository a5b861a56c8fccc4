//! A provider on loopback that answers Chat Completions as a pure function of each chunk, and misbehaves on
//! demand. Plain HTTP/1.1 with keep-alive, on a thread of its own.

#![allow(dead_code, reason = "a tool: not every test uses every part of it")]
#![expect(
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a panic here fails the test that asked for it, which is as it should be"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// How it behaves. The default answers everything at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    pub(crate) latency: Latency,
    /// The first one that applies decides.
    pub(crate) rules: Vec<Rule>,
    /// Sent with every answer.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) seed: u64,
}

/// How long an answer takes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Latency {
    #[default]
    None,
    Fixed(Duration),
    LogNormal {
        median: Duration,
        sigma: f64,
    },
}

/// What it does if any chunk of a call contains a text.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// Empty: in any case.
    pub(crate) contains: String,
    /// Only for the first so many calls that it applies to.
    pub(crate) times: usize,
    pub(crate) act: Act,
}

impl Rule {
    /// Whenever a chunk contains this.
    pub(crate) fn on(contains: &str, act: Act) -> Self {
        Self {
            contains: contains.to_owned(),
            times: usize::MAX,
            act,
        }
    }

    /// Only the first so many times.
    pub(crate) fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }
}

/// How it misbehaves.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// An answer of this status, with these headers and this body.
    Status(u16, Vec<(String, String)>, String),
    /// The model refuses.
    Refuse,
    /// The answer is cut in the middle.
    Length,
    /// A filter cuts it.
    Filter,
    /// Words instead of JSON.
    Garbage,
    /// The chunks with the text are left out.
    Drop,
    /// An answer to a chunk that nobody asked about comes along.
    Invent,
    /// The ids of the first two answers are crossed.
    Swap,
    /// Every answer comes twice.
    Repeat,
    /// No usage.
    NoUsage,
    /// No answer, ever.
    Hang,
    /// The connection is cut within the body.
    Reset,
}

/// A call as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    /// Since the start.
    pub(crate) at: Duration,
    /// The texts asked about, in order.
    pub(crate) texts: Vec<String>,
    /// Their ids.
    pub(crate) tags: Vec<String>,
    /// The status of the answer; 0 for none.
    pub(crate) status: u16,
    /// The whole request.
    pub(crate) request: Value,
    /// The value of `authorization`.
    pub(crate) key: Option<String>,
}

/// Status, headers, body.
type Answer = (u16, Vec<(String, String)>, String);

/// The running provider; dropped, it stops.
pub(crate) struct FakeProvider {
    url: String,
    log: Arc<Mutex<Vec<Arrival>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Server {
    script: Script,
    start: Instant,
    log: Arc<Mutex<Vec<Arrival>>>,
    /// How often each rule applied.
    applied: Mutex<Vec<usize>>,
    chance: Mutex<fastrand::Rng>,
}

impl FakeProvider {
    pub(crate) fn start(script: Script) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("an address");
        let log = Arc::<Mutex<Vec<Arrival>>>::default();
        let server = Arc::new(Server {
            applied: Mutex::new(vec![0; script.rules.len()]),
            chance: Mutex::new(fastrand::Rng::with_seed(script.seed)),
            script,
            start: Instant::now(),
            log: Arc::clone(&log),
        });
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    () = accept(listener, server) => {}
                    _ = stopped => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("fake-provider".into());
        Self {
            url: format!("http://{address}/v1"),
            log,
            stop: Some(stop),
            thread: Some(thread.spawn(run).expect("a thread")),
        }
    }

    /// The base URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The calls so far, in order of arrival.
    pub(crate) fn log(&self) -> Vec<Arrival> {
        self.log.lock().expect("no panic while it is held").clone()
    }

    /// The most calls that arrived within any stretch of this length.
    pub(crate) fn most_within(&self, window: Duration) -> usize {
        let log = self.log();
        let within = |arrival: &Arrival| {
            let later = log.iter().filter(|other| other.at >= arrival.at);
            later.filter(|other| other.at < arrival.at + window).count()
        };
        log.iter().map(within).max().unwrap_or(0)
    }
}

impl Drop for FakeProvider {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _gone = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, server: Arc<Server>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(serve(stream, Arc::clone(&server)));
                }
            }
            Some(_ended) = connections.join_next() => {}
        }
    }
}

/// One connection: requests one after the other, until either side ends it.
async fn serve(mut stream: TcpStream, server: Arc<Server>) {
    let mut read = Vec::new();
    while let Some((head, body)) = request(&mut stream, &mut read).await {
        let request: Value = serde_json::from_slice(&body).unwrap_or_default();
        let chunks = chunks(&request);
        let act = server.act(&chunks);
        let place = server.arrived(&head, &request, &chunks);
        let Some((status, headers, body)) = server.answer(&request, &chunks, act.as_ref()) else {
            std::future::pending::<()>().await;
            return;
        };
        sleep(server.latency()).await;
        server.answered(place, status);
        let mut text = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in server.script.headers.iter().chain(&headers) {
            let _written = write!(text, "{name}: {value}\r\n");
        }
        text.push_str("\r\n");
        let is_cut = matches!(act, Some(Act::Reset));
        text.push_str(if is_cut {
            body.split_at(body.len() / 2).0
        } else {
            &body
        });
        if stream.write_all(text.as_bytes()).await.is_err() || is_cut {
            return;
        }
    }
}

/// The next request: its head in lower case, and its body.
async fn request(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<(String, Vec<u8>)> {
    loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..end]).into_owned();
            let length = header(&head, "content-length").and_then(|text| text.parse().ok());
            let total = end + 4 + length.unwrap_or(0);
            if read.len() >= total {
                let body = read[end + 4..total].to_vec();
                read.drain(..total);
                return Some((head, body));
            }
        }
        if stream.read_buf(read).await.ok()? == 0 {
            return None;
        }
    }
}

fn header(head: &str, name: &str) -> Option<String> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    let found = lines.find(|line| line.0.eq_ignore_ascii_case(name))?;
    Some(found.1.trim().to_owned())
}

impl Server {
    /// What to do with a call, by the first rule that applies.
    fn act(&self, chunks: &[(String, String)]) -> Option<Act> {
        let mut applied = self.applied.lock().expect("no panic while it is held");
        let rules = self.script.rules.iter().zip(applied.iter_mut());
        for (rule, times) in rules {
            let is_meant = chunks.iter().any(|chunk| chunk.1.contains(&rule.contains));
            if is_meant && *times < rule.times {
                *times += 1;
                return Some(rule.act.clone());
            }
        }
        None
    }

    fn arrived(&self, head: &str, request: &Value, chunks: &[(String, String)]) -> usize {
        let mut log = self.log.lock().expect("no panic while it is held");
        log.push(Arrival {
            at: self.start.elapsed(),
            texts: chunks.iter().map(|chunk| chunk.1.clone()).collect(),
            tags: chunks.iter().map(|chunk| chunk.0.clone()).collect(),
            status: 0,
            request: request.clone(),
            key: header(head, "authorization"),
        });
        log.len() - 1
    }

    fn answered(&self, place: usize, status: u16) {
        let mut log = self.log.lock().expect("no panic while it is held");
        log[place].status = status;
    }

    fn latency(&self) -> Duration {
        match self.script.latency {
            Latency::None => Duration::ZERO,
            Latency::Fixed(time) => time,
            Latency::LogNormal { median, sigma } => {
                let mut chance = self.chance.lock().expect("no panic while it is held");
                let (a, b) = (1.0 - chance.f64(), chance.f64());
                let normal = (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos();
                median.mul_f64((sigma * normal).exp())
            }
        }
    }

    /// Status, headers and body; `None` to hang.
    fn answer(
        &self,
        request: &Value,
        chunks: &[(String, String)],
        act: Option<&Act>,
    ) -> Option<Answer> {
        let schema =
            request.pointer("/response_format/json_schema/schema/properties/answers/items");
        let rule = |text: &str| {
            let mut rules = self.script.rules.iter();
            rules.any(|rule| matches!(rule.act, Act::Drop) && text.contains(&rule.contains))
        };
        let is_drop = matches!(act, Some(Act::Drop));
        let kept = chunks.iter().filter(|chunk| !(is_drop && rule(&chunk.1)));
        let mut answers: Vec<Value> = kept.map(|(tag, text)| about(tag, text, schema)).collect();
        match act {
            Some(Act::Hang) => return None,
            Some(Act::Status(status, headers, body)) => {
                return Some((*status, headers.clone(), body.clone()));
            }
            Some(Act::Invent) => answers.push(about("zzzzz", "Nobody asked Anybody", schema)),
            Some(Act::Swap) if answers.len() > 1 => {
                let first = answers[0]["chunk_id"].take();
                let second = answers[1]["chunk_id"].take();
                answers[0]["chunk_id"] = second;
                answers[1]["chunk_id"] = first;
            }
            Some(Act::Repeat) => answers.extend(answers.clone()),
            _ => {}
        }
        let whole = json!({ "answers": answers }).to_string();
        let (content, refusal, finish) = match act {
            Some(Act::Refuse) => (Value::Null, json!("I cannot help with that."), "stop"),
            Some(Act::Filter) => (Value::Null, Value::Null, "content_filter"),
            Some(Act::Garbage) => (json!("Here you are: entities galore!"), Value::Null, "stop"),
            Some(Act::Length) => {
                let half = whole.floor_char_boundary(whole.len() / 2);
                (json!(whole[..half]), Value::Null, "length")
            }
            _ => (json!(whole), Value::Null, "stop"),
        };
        let input = request["messages"].to_string().len() / 4;
        let output = content.as_str().map_or(0, str::len) / 4;
        let mut body = json!({
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": request["model"],
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": content, "refusal": refusal},
                "finish_reason": finish,
            }],
            "usage": {"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output},
        });
        if matches!(act, Some(Act::NoUsage)) {
            body["usage"].take();
        }
        Some((200, Vec::new(), body.to_string()))
    }
}

/// The chunks of a request: id and text, as `stage::extract::prompt` fences them.
fn chunks(request: &Value) -> Vec<(String, String)> {
    let empty = Vec::new();
    let messages = request["messages"].as_array().unwrap_or(&empty);
    let user = messages.iter().find(|message| message["role"] == "user");
    let text = user
        .and_then(|message| message["content"].as_str())
        .unwrap_or_default();
    let mut chunks = Vec::new();
    let mut open: Option<(String, String, String)> = None;
    for line in text.lines() {
        match &mut open {
            Some((_, close, _)) if line == close => {
                let (tag, _, text) = open.take().expect("just seen");
                chunks.push((tag, text));
            }
            Some((_, _, text)) => {
                text.push_str(line);
                text.push('\n');
            }
            None => {
                let mut parts = line.split('"');
                if parts.next() == Some("<chunk id=") {
                    let tag = parts.next().unwrap_or_default().to_owned();
                    let mark = parts.nth(1).unwrap_or_default();
                    open = Some((tag, format!("</chunk mark=\"{mark}\">"), String::new()));
                }
            }
        }
    }
    chunks
}

/// The answer to one chunk: every capitalised word is a person, and the first mentions the second. For a schema
/// without entities, the least that keeps it.
fn about(tag: &str, text: &str, schema: Option<&Value>) -> Value {
    let known = schema.and_then(|schema| schema.pointer("/properties/entities"));
    if let Some(schema) = schema.filter(|_| known.is_none())
        && let Value::Object(mut least) = least(schema)
    {
        least.insert("chunk_id".into(), tag.into());
        return Value::Object(least);
    }
    let names = names(text);
    let person =
        |name: &String| json!({"name": name, "kind": "person", "aliases": [], "quote": name});
    let entities: Vec<Value> = names.iter().map(person).collect();
    let relations = match names.as_slice() {
        [one, other, ..] => {
            json!([{"source": one, "predicate": "mentions", "target": other, "quote": one}])
        }
        _ => json!([]),
    };
    json!({"chunk_id": tag, "entities": entities, "relations": relations})
}

/// The distinct capitalised words, in order; labels at the start of a line do not count.
fn names(text: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut names = Vec::new();
    for line in text.lines() {
        let said = line.split_once(": ").map_or(line, |(_, said)| said);
        for word in said.split(|c: char| !c.is_alphabetic()) {
            let is_name = word.starts_with(char::is_uppercase) && word.chars().count() > 1;
            if is_name && seen.insert(word) {
                names.push(word.to_owned());
            }
        }
    }
    names
}

/// The least value that keeps a schema.
fn least(schema: &Value) -> Value {
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    let kind = &schema["type"];
    let kinds: Vec<&str> = match kind {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    if kinds.contains(&"null") {
        return Value::Null;
    }
    match kinds.first() {
        Some(&"object") => {
            let empty = Map::new();
            let all = schema["properties"].as_object().unwrap_or(&empty);
            all.iter()
                .map(|(name, of)| (name.clone(), least(of)))
                .collect()
        }
        Some(&"array") => json!([]),
        Some(&"string") => json!(""),
        Some(&"boolean") => json!(false),
        Some(&("integer" | "number")) => json!(0),
        _ => Value::Null,
    }
}
