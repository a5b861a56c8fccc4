//! A mail server on loopback that speaks as much ESMTP as a client needs, keeps what it is given, and can be told to
//! refuse.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A mail as it came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Letter {
    pub from: String,
    pub to: Vec<String>,
    /// Headers and text, dots taken off, lines ended by CR LF.
    pub text: String,
}

impl Letter {
    /// The value of a header that stands there once.
    pub fn header(&self, name: &str) -> &str {
        let (head, _) = self.text.split_once("\r\n\r\n").unwrap();
        let lines = head.split("\r\n");
        let mut found = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let value = found.next().unwrap();
        assert_eq!(found.next(), None, "{name} twice");
        value
    }

    pub fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").unwrap().1
    }
}

/// What it does by command (the first word, in capitals); `CONNECT` is before the first. An empty reply hangs up.
pub type Replies = BTreeMap<&'static str, &'static str>;

#[derive(Debug, Default)]
struct Kept {
    letters: Vec<Letter>,
    commands: Vec<String>,
}

/// The server; it ends when it is dropped.
pub struct Post {
    pub port: u16,
    kept: Arc<Mutex<Kept>>,
    _serving: JoinSet<()>,
}

impl Post {
    pub async fn open(replies: Replies) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let kept = Arc::new(Mutex::new(Kept::default()));
        let shared = Arc::clone(&kept);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Whoever hangs up in the middle ends the conversation, and nothing else.
                let _over = converse(stream, &replies, &shared).await;
            }
        });
        Self {
            port,
            kept,
            _serving: serving,
        }
    }

    pub fn letters(&self) -> Vec<Letter> {
        self.kept.lock().unwrap().letters.clone()
    }

    /// The commands it was given, one for a line, as they were.
    pub fn commands(&self) -> Vec<String> {
        self.kept.lock().unwrap().commands.clone()
    }
}

/// Sends a reply; whether to go on.
async fn reply(stream: &mut BufReader<TcpStream>, text: &str) -> std::io::Result<bool> {
    if text.is_empty() {
        return Ok(false);
    }
    stream.write_all(format!("{text}\r\n").as_bytes()).await?;
    Ok(!text.starts_with("421"))
}

async fn line(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<String>> {
    let mut bytes = Vec::new();
    stream.read_until(b'\n', &mut bytes).await?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(text.strip_suffix("\r\n").map(str::to_owned))
}

async fn converse(stream: TcpStream, replies: &Replies, kept: &Mutex<Kept>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let said = |command: &str, usual| replies.get(command).copied().unwrap_or(usual);
    if !reply(&mut stream, said("CONNECT", "220 post ESMTP")).await? {
        return Ok(());
    }
    let mut letter = Letter::default();
    while let Some(command) = line(&mut stream).await? {
        kept.lock().unwrap().commands.push(command.clone());
        let word = command.split([' ', ':']).next().unwrap().to_uppercase();
        let inside = || {
            let (_, rest) = command.split_once('<').unwrap();
            rest.split('>').next().unwrap().to_owned()
        };
        let usual = match word.as_str() {
            "EHLO" => "250-post\r\n250-AUTH PLAIN\r\n250 8BITMIME",
            "AUTH" => "235 welcome",
            "MAIL" => {
                letter.from = inside();
                "250 ok"
            }
            "RCPT" => {
                letter.to.push(inside());
                "250 ok"
            }
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            _ => "502 what?",
        };
        let answer = said(&word, usual);
        if !reply(&mut stream, answer).await? {
            return Ok(());
        }
        if word == "DATA" && answer.starts_with("354") {
            while let Some(line) = line(&mut stream).await?.filter(|line| line != ".") {
                letter.text += line.strip_prefix('.').unwrap_or(&line);
                letter.text += "\r\n";
            }
            let end = said("END", "250 kept");
            if end.starts_with("250") {
                let letter = std::mem::take(&mut letter);
                kept.lock().unwrap().letters.push(letter);
            }
            if !reply(&mut stream, end).await? {
                return Ok(());
            }
        }
        if word == "QUIT" {
            return Ok(());
        }
    }
    Ok(())
}
