//! A client of the service: plain HTTP over a socket, so that what is sent is exactly what a test says.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::binary::{Running, Weir, until};

/// A service that runs.
pub(crate) struct Service {
    pub(crate) running: Running,
    pub(crate) address: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Panics unless it has this status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n{}", self.head, self.text());
        self
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}: ");
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(prefix.as_str()))
    }
}

/// Something that was told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) id: u64,
    pub(crate) event: String,
    pub(crate) data: Value,
}

/// A stream of events.
pub(crate) struct Events(BufReader<TcpStream>);

impl Events {
    /// The next one; none at the end of the stream.
    pub(crate) fn next(&mut self) -> Option<Told> {
        let (mut id, mut event, mut data) = (0, String::new(), String::new());
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end();
            if let Some(text) = line.strip_prefix("id: ") {
                id = text.parse().unwrap();
            } else if let Some(text) = line.strip_prefix("event: ") {
                text.clone_into(&mut event);
            } else if let Some(text) = line.strip_prefix("data: ") {
                text.clone_into(&mut data);
            } else if line.is_empty() && id > 0 {
                let data = serde_json::from_str(&data).unwrap();
                return Some(Told { id, event, data });
            }
        }
    }
}

impl Service {
    /// Starts `weir serve` in a folder, and waits until it answers.
    pub(crate) fn start(weir: &Weir, arguments: &[&str]) -> Self {
        let mut all = vec!["serve", "--log", "text"];
        if !arguments.contains(&"--listen") {
            all.extend(["--listen", "127.0.0.1:0"]);
        }
        all.extend(arguments);
        let running = weir.start(&all);
        until("it listens", || running.out().contains('\n'));
        let out = running.out();
        let address = out.trim().trim_start_matches("http://").to_owned();
        Self { running, address }
    }

    /// Sends bytes as they are; reads the answer to its end.
    pub(crate) fn send(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(50)))
            .unwrap();
        // A service that refuses early hangs up while more is sent.
        let _sent = stream.write_all(request);
        let mut all = Vec::new();
        let _cut = stream.read_to_end(&mut all);
        let end = all
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer: {}", String::from_utf8_lossy(&all)));
        let head = String::from_utf8_lossy(&all[..end]).into_owned();
        let body = all[end + 4..].to_vec();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let chunked = head.to_lowercase().contains("transfer-encoding: chunked");
        let body = if chunked { unchunked(&body) } else { body };
        Answer { status, head, body }
    }

    /// A request with headers and a body.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "host") {
            write!(request, "host: {}\r\n", self.address).unwrap();
        }
        for (name, value) in headers {
            write!(request, "{name}: {value}\r\n").unwrap();
        }
        write!(request, "content-length: {}\r\n\r\n", body.len()).unwrap();
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(body);
        self.send(&bytes)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.ask(
            "POST",
            path,
            &[("content-type", "application/json")],
            text.as_bytes(),
        )
    }

    /// Submits a job with an upload.
    pub(crate) fn upload(&self, job: &Value, files: &[(String, Vec<u8>)]) -> Answer {
        let (kind, body) = form(job, files);
        self.ask("POST", "/api/v1/jobs", &[("content-type", &kind)], &body)
    }

    /// What is told of a job after an id.
    pub(crate) fn events(&self, job: &str, after: u64) -> Events {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(50)))
            .unwrap();
        let head = format!(
            "GET /api/v1/jobs/{job}/events HTTP/1.0\r\nhost: {}\r\nlast-event-id: {after}\r\n\r\n",
            self.address
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).unwrap();
        }
        Events(reader)
    }

    /// What is told of a job after an id, over a WebSocket, to its end.
    pub(crate) fn socket(&self, job: &str, after: u64) -> Vec<Told> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(50)))
            .unwrap();
        let head = format!(
            "GET /api/v1/jobs/{job}/ws?after={after} HTTP/1.1\r\nhost: {}\r\nconnection: upgrade\r\n\
             upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            self.address
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert!(line.contains(" 101 "), "{line}");
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).unwrap();
        }
        let mut told = Vec::new();
        loop {
            let mut start = [0; 2];
            reader.read_exact(&mut start).unwrap();
            let length = match start[1] {
                126 => {
                    let mut bytes = [0; 2];
                    reader.read_exact(&mut bytes).unwrap();
                    usize::from(u16::from_be_bytes(bytes))
                }
                127 => {
                    let mut bytes = [0; 8];
                    reader.read_exact(&mut bytes).unwrap();
                    usize::try_from(u64::from_be_bytes(bytes)).unwrap()
                }
                short => usize::from(short),
            };
            let mut text = vec![0; length];
            reader.read_exact(&mut text).unwrap();
            match start[0] {
                0x81 => {
                    let said: Value = serde_json::from_slice(&text).unwrap();
                    told.push(Told {
                        id: said["id"].as_u64().unwrap(),
                        event: said["event"].as_str().unwrap().to_owned(),
                        data: said["data"].clone(),
                    });
                }
                // A ping.
                0x89 => {}
                0x88 => return told,
                other => panic!("frame {other:#x}"),
            }
        }
    }

    /// Waits until a job is in one of these states; gives it as it is then.
    #[track_caller]
    pub(crate) fn until(&self, job: &str, states: &[&str]) -> Value {
        let path = format!("/api/v1/jobs/{job}");
        let is = |job: &Value| states.contains(&job["state"].as_str().unwrap());
        until(&format!("job is {states:?}"), || {
            is(&self.get(&path).is(200).json())
        });
        self.get(&path).json()
    }
}

/// A multipart form: its type and its bytes.
pub(crate) fn form(job: &Value, files: &[(String, Vec<u8>)]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    let mut part = |head: &str, bytes: &[u8]| {
        body.extend_from_slice(
            format!("--cut\r\ncontent-disposition: form-data; {head}\r\n\r\n").as_bytes(),
        );
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    };
    part("name=\"job\"", job.to_string().as_bytes());
    for (name, bytes) in files {
        part(&format!("name=\"file\"; filename=\"{name}\""), bytes);
    }
    body.extend_from_slice(b"--cut--\r\n");
    ("multipart/form-data; boundary=cut".to_owned(), body)
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = body.windows(2).position(|two| two == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&body[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            break;
        }
        whole.extend_from_slice(&body[end + 2..end + 2 + length]);
        body = &body[end + 4 + length..];
    }
    whole
}
