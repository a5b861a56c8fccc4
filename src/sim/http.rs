//! HTTP/1.1 by hand: what must be cut, dribbled or reset needs the bare socket.

use std::fmt::Write as _;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::desk::Reply;
use super::fault::{Wire, Word};

/// The longest head of a request.
const HEAD: usize = 64 << 10;
/// The longest body.
const BODY: usize = 32 << 20;
/// Most headers of a request.
const HEADERS: usize = 100;
/// A connection on which nothing comes for so long is closed.
const IDLE: Duration = Duration::from_mins(5);

/// A request.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) key: Option<String>,
    pub(super) close: bool,
    pub(super) body: Vec<u8>,
}

/// Why there is no request.
#[derive(Debug)]
pub(super) enum Unread {
    /// The connection is over.
    Over,
    /// It cannot be taken: the status, and why.
    Wrong(u16, &'static str),
}

struct Head {
    request: Request,
    length: Option<usize>,
    chunked: bool,
    expects: bool,
    size: usize,
}

/// The next request of a connection; `read` holds what has come already.
pub(super) async fn request(stream: &mut TcpStream, read: &mut Vec<u8>) -> Result<Request, Unread> {
    let head = loop {
        if let Some(head) = head(read)? {
            break head;
        }
        if read.len() > HEAD {
            return Err(Unread::Wrong(431, "the headers are too long"));
        }
        more(stream, read).await?;
    };
    if head.chunked {
        return Err(Unread::Wrong(411, "a body needs a content-length"));
    }
    let length = head.length.unwrap_or(0);
    if length > BODY {
        return Err(Unread::Wrong(413, "the body is too long"));
    }
    if head.expects && read.len() < head.size + length {
        let written = stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await;
        written.map_err(|_closed| Unread::Over)?;
    }
    while read.len() < head.size + length {
        more(stream, read).await?;
    }
    let mut request = head.request;
    request.body = read
        .get(head.size..head.size + length)
        .unwrap_or_default()
        .to_vec();
    read.drain(..head.size + length);
    Ok(request)
}

async fn more(stream: &mut TcpStream, read: &mut Vec<u8>) -> Result<(), Unread> {
    match timeout(IDLE, stream.read_buf(read)).await {
        Ok(Ok(count)) if count > 0 => Ok(()),
        _ => Err(Unread::Over),
    }
}

fn head(read: &[u8]) -> Result<Option<Head>, Unread> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let size = match parsed.parse(read) {
        Ok(httparse::Status::Complete(size)) => size,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(Unread::Wrong(400, "this is not HTTP")),
    };
    let find = |name: &str| {
        let header = parsed
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(header.value).ok().map(str::trim)
    };
    let has = |name: &str, word: &str| {
        find(name).is_some_and(|value| value.to_ascii_lowercase().contains(word))
    };
    let length = match find("content-length").map(str::parse) {
        None => None,
        Some(Ok(length)) => Some(length),
        Some(Err(_)) => return Err(Unread::Wrong(400, "the content-length is no number")),
    };
    Ok(Some(Head {
        length,
        chunked: find("transfer-encoding").is_some(),
        expects: has("expect", "100-continue"),
        size,
        request: Request {
            method: parsed.method.unwrap_or_default().to_owned(),
            path: parsed.path.unwrap_or_default().to_owned(),
            key: find("authorization").map(str::to_owned),
            close: has("connection", "close"),
            body: Vec::new(),
        },
    }))
}

/// Sends an answer; `false` if the connection is over. `scale`: simulated seconds in a second.
pub(super) async fn respond(
    stream: &mut TcpStream,
    reply: &Reply,
    wire: Option<Wire>,
    scale: f64,
) -> io::Result<bool> {
    let length = reply.body.len();
    let said = match wire {
        Some(Wire::TooLongLength) => length + 100,
        Some(Wire::TooShortLength) => length / 2,
        _ => length,
    };
    let mut bytes = head_of(reply, said, scale).into_bytes();
    match wire {
        None => {
            bytes.extend_from_slice(&reply.body);
            stream.write_all(&bytes).await?;
            Ok(true)
        }
        Some(Wire::Hang) => gone(stream).await,
        Some(Wire::ResetAtOnce) => stream.set_zero_linger().map(|()| false),
        Some(Wire::Stall) => {
            bytes.truncate(bytes.len() / 2);
            stream.write_all(&bytes).await?;
            gone(stream).await
        }
        Some(Wire::Dribble) => {
            stream.write_all(&bytes).await?;
            for byte in &reply.body {
                stream.write_all(&[*byte]).await?;
                sleep(Duration::from_secs(1).div_f64(scale)).await;
            }
            Ok(true)
        }
        Some(Wire::Reset) => {
            bytes.extend_from_slice(reply.body.get(..length / 2).unwrap_or_default());
            stream.write_all(&bytes).await?;
            stream.flush().await?;
            // What was sent arrives before it breaks off, as far as a machine of one's own can be told to.
            sleep(Duration::from_millis(5)).await;
            stream.set_zero_linger().map(|()| false)
        }
        Some(Wire::EarlyEnd) => {
            bytes.extend_from_slice(reply.body.get(..length / 2).unwrap_or_default());
            stream.write_all(&bytes).await?;
            Ok(false)
        }
        Some(Wire::TooLongLength | Wire::TooShortLength) => {
            bytes.extend_from_slice(&reply.body);
            stream.write_all(&bytes).await?;
            Ok(false)
        }
    }
}

/// Waits until the client has gone.
async fn gone(stream: &mut TcpStream) -> io::Result<bool> {
    let mut void = [0; 1024];
    while stream.read(&mut void).await? > 0 {}
    Ok(false)
}

fn head_of(reply: &Reply, length: usize, scale: f64) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let mut text = format!(
        "HTTP/1.1 {} {}\r\ndate: {}\r\ncontent-length: {length}\r\n",
        reply.status,
        phrase(reply.status),
        date(now)
    );
    let mut add = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ok = write!(text, "{name}: {value}\r\n");
    };
    for (name, value) in &reply.headers {
        add(name, value);
    }
    if !reply.headers.iter().any(|(name, _)| name == "content-type") {
        add("content-type", "application/json");
    }
    let told = |wait: Duration| wait.div_f64(scale);
    let whole = |wait: Duration| told(wait).as_secs_f64().ceil().max(1.0).to_string();
    let millis = |wait: Duration| told(wait).as_millis().max(1).to_string();
    match reply.wait {
        None => {}
        Some(Word::Seconds(wait)) => add("retry-after", &whole(wait)),
        Some(Word::Millis(wait)) => add("retry-after-ms", &millis(wait)),
        Some(Word::Both(wait)) => {
            add("retry-after-ms", &millis(wait));
            add("retry-after", &whole(wait));
        }
        Some(Word::Date(wait)) => add("retry-after", &date(now + told(wait))),
        Some(Word::Raw(text)) => add("retry-after", text),
    }
    text.push_str("\r\n");
    text
}

/// A time as HTTP writes it.
fn date(since: Duration) -> String {
    let seconds = i64::try_from(since.as_secs()).unwrap_or_default();
    let stamp = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
    printer
        .timestamp_to_rfc9110_string(&stamp)
        .unwrap_or_default()
}

fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Status",
    }
}
