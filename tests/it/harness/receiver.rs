//! A receiver of webhooks on loopback: it keeps what it is given and answers by script, the last answer for ever.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A request as it came in.
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    /// Method and path.
    pub line: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// Status and headers of an answer, from the request. An empty one hangs up.
pub type Answer = Box<dyn Fn(&Delivery) -> String + Send>;

/// The receiver; it ends when it is dropped.
pub struct Receiver {
    pub port: u16,
    heard: Arc<Mutex<Vec<Delivery>>>,
    _serving: JoinSet<()>,
}

impl Receiver {
    pub async fn open(mut script: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&heard);
        let mut serving = JoinSet::new();
        script.reverse();
        serving.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some(delivery) = read(&mut stream).await else {
                    continue;
                };
                let answer = script.last().unwrap()(&delivery);
                if script.len() > 1 {
                    script.pop();
                }
                shared.lock().unwrap().push(delivery);
                if !answer.is_empty() {
                    let text = format!(
                        "HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                    );
                    // Whoever hung up does not hear it.
                    let _gone = stream.write_all(text.as_bytes()).await;
                }
            }
        });
        Self {
            port,
            heard,
            _serving: serving,
        }
    }

    /// One that always answers the same.
    pub async fn always(answer: &'static str) -> Self {
        Self::open(vec![Box::new(|_| answer.to_owned())]).await
    }

    pub fn heard(&self) -> Vec<Delivery> {
        self.heard.lock().unwrap().clone()
    }
}

async fn read(stream: &mut TcpStream) -> Option<Delivery> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let mut lines = head.split("\r\n");
            let line = lines.next()?.to_owned();
            let headers: BTreeMap<String, String> = lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect();
            let length: usize = headers.get("content-length")?.parse().ok()?;
            let body = bytes[head.len() + 4..].to_vec();
            if body.len() >= length {
                return Some(Delivery {
                    line,
                    headers,
                    body,
                });
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
