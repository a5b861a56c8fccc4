//! Deliveries to a receiver on loopback, and configurations, good and bad.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::config::{MailOptions, Options};
use super::reach::{Lookup, Networks};
use super::webhook::{self, Patience, Webhook};
use super::*;
use crate::secret::Secret;

const SECRET: &str = "a secret that two share";

fn event() -> Event {
    Event {
        kind: Kind::Ended,
        id: "d-1".to_owned(),
        at: Micros(1_764_000_000_000_000),
        job: serde_json::json!({"id": "1", "state": "complete"}),
        subject: "board: complete".to_owned(),
        text: "All done.".to_owned(),
    }
}

fn at(url: &str, networks: Networks) -> webhook::Options {
    webhook::Options::new(url, Secret::new(SECRET).unwrap(), networks).unwrap()
}

/// Names that lead to `addresses`, and how often they were looked up.
fn names(addresses: &'static [&'static str]) -> (Lookup, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let lookup: Lookup = Arc::new(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        let found = addresses
            .iter()
            .map(|address| SocketAddr::new(address.parse().unwrap(), 0));
        let found = found.collect();
        Box::pin(async move { Ok(found) })
    });
    (lookup, count)
}

fn with(options: webhook::Options, lookup: Lookup) -> Webhook {
    Webhook::with(options, lookup, Patience::default()).unwrap()
}

/// A receiver that gives every request the same answer, and counts them.
struct Receiver {
    port: u16,
    heard: Arc<AtomicUsize>,
    _serving: JoinSet<()>,
}

async fn receiver(answer: Vec<u8>) -> Receiver {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&heard);
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            heard_out(&mut stream).await;
            // Whoever hangs up early misses the rest.
            let _gone = stream.write_all(&answer).await;
        }
    });
    Receiver {
        port,
        heard,
        _serving: serving,
    }
}

/// Reads a request up to the end of its JSON.
async fn heard_out(stream: &mut TcpStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"}") {
        match stream.read_buf(&mut request).await {
            Ok(1..) => {}
            _ => break,
        }
    }
}

async fn told(url: &str, networks: Networks) -> Result<(), Undelivered> {
    let webhook = Webhook::new(at(url, networks)).unwrap();
    webhook.deliver(&event(), Micros(0)).await
}

fn answer(head: &str) -> Vec<u8> {
    format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn the_status_decides() {
    for (head, retried, part) in [
        (
            "301 Moved\r\nlocation: http://127.0.0.1:1/",
            false,
            "redirects are not followed",
        ),
        ("308 Moved\r\nlocation: /elsewhere", false, "notify.webhook"),
        ("400 Bad", false, "answered 400"),
        ("401 No", false, "answered 401"),
        ("404 No", false, "answered 404"),
        ("410 Gone", false, "answered 410"),
        ("408 Late", true, "answered 408"),
        ("429 Slow", true, "answered 429"),
        ("500 Oh", true, "answered 500"),
        ("503 Busy", true, "answered 503"),
    ] {
        let receiver = receiver(answer(head)).await;
        let url = format!("http://127.0.0.1:{}/hook/geheim", receiver.port);
        let failed = told(&url, Networks::Own).await.unwrap_err();
        assert!(failed.to_string().contains(part), "{failed}");
        assert!(!format!("{failed:?}").contains("geheim"), "{failed:?}");
        assert_eq!(failed.wait(1, 0.5).is_some(), retried, "{head}");
        assert_eq!(receiver.heard.load(Ordering::Relaxed), 1, "{head}");
    }
    for head in ["200 OK", "202 Later", "204 Nothing"] {
        let receiver = receiver(answer(head)).await;
        let url = format!("http://127.0.0.1:{}/", receiver.port);
        told(&url, Networks::Own).await.unwrap();
    }
}

#[tokio::test]
async fn the_receivers_word_lengthens_the_wait() {
    let receiver = receiver(answer("429 Slow\r\nretry-after: 120")).await;
    let url = format!("http://127.0.0.1:{}/", receiver.port);
    let failed = told(&url, Networks::Own).await.unwrap_err();
    assert_eq!(failed.wait(1, 0.5), Some(Duration::from_mins(2)));
    assert_eq!(failed.wait(8, 1.0), Some(schedule::MOST));
    assert_eq!(failed.wait(schedule::ATTEMPTS, 0.5), None);
    let endless = Undelivered::Retry {
        why: String::new(),
        after: Some(Duration::MAX),
    };
    assert_eq!(endless.wait(1, 0.5), Some(schedule::MOST));
}

/// An answer without end: its sender gets rid of little more than what buffers on the way hold.
#[tokio::test]
async fn a_long_answer_is_not_heard_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        heard_out(&mut stream).await;
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n";
        stream.write_all(head).await.unwrap();
        let mut sent = 0;
        while let Ok(more) = stream.write(&[b'x'; 4096]).await {
            sent += more;
        }
        sent
    });
    let url = format!("http://127.0.0.1:{port}/");
    told(&url, Networks::Own).await.unwrap();
    let sent = serving.join_next().await.unwrap().unwrap();
    assert!(sent < 64 << 20, "{sent}");
}

/// Somebody takes the request and says nothing.
#[tokio::test]
async fn silence_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/geheim");
    let patience = Patience {
        total: Duration::from_millis(100),
        ..Patience::default()
    };
    let options = at(&url, Networks::Own);
    let webhook = Webhook::with(options, reach::system(), patience).unwrap();
    let failed = webhook.deliver(&event(), Micros(0)).await.unwrap_err();
    assert!(
        failed.to_string().ends_with("did not answer in time"),
        "{failed}"
    );
    assert!(failed.wait(1, 0.5).is_some());
}

#[tokio::test]
async fn nobody_there_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let failed = told(&format!("http://127.0.0.1:{port}/geheim"), Networks::Own).await;
    let failed = failed.unwrap_err();
    assert!(failed.wait(1, 0.5).is_some(), "{failed}");
    assert!(
        failed
            .to_string()
            .starts_with("could not reach http://127.0.0.1"),
        "{failed}"
    );
    assert!(!format!("{failed:?}").contains("geheim"), "{failed:?}");
}

/// Names that lead to this machine: the receiver hears nothing, and one lookup serves check and connection alike.
#[tokio::test]
async fn a_name_cannot_lead_to_where_no_delivery_goes() {
    let receiver = receiver(answer("200 OK")).await;
    let url = format!("http://hook.example:{}/", receiver.port);
    for (addresses, own) in [
        (&["127.0.0.1"][..], true),
        (&["::ffff:127.0.0.1"], true),
        (&["10.1.2.3", "192.168.0.1"], false),
        (&["169.254.169.254"], false),
        (&["fd00:ec2::254"], false),
        (&["0.0.0.0"], false),
    ] {
        let (lookup, looked) = names(addresses);
        let webhook = with(at(&url, Networks::Public), lookup);
        let failed = webhook.deliver(&event(), Micros(0)).await.unwrap_err();
        assert!(matches!(failed, Undelivered::Never { .. }), "{failed:?}");
        assert!(
            failed.to_string().contains("no delivery goes there"),
            "{failed}"
        );
        assert_eq!(looked.load(Ordering::Relaxed), 1);
        assert_eq!(receiver.heard.load(Ordering::Relaxed), 0);
        if own {
            let (lookup, _) = names(addresses);
            let webhook = with(at(&url, Networks::Own), lookup);
            webhook.deliver(&event(), Micros(0)).await.unwrap();
            assert_eq!(receiver.heard.swap(0, Ordering::Relaxed), 1);
        }
    }
    // Metadata services are never meant, whatever else is allowed.
    for addresses in [&["169.254.169.254"][..], &["0.0.0.0"], &["ff02::1"]] {
        let (lookup, _) = names(addresses);
        let webhook = with(at(&url, Networks::Own), lookup);
        let failed = webhook.deliver(&event(), Micros(0)).await.unwrap_err();
        assert!(matches!(failed, Undelivered::Never { .. }), "{failed:?}");
        assert!(!failed.to_string().contains("allow_private"), "{failed}");
    }
    let (lookup, _) = names(&[]);
    let webhook = with(at(&url, Networks::Own), lookup);
    let failed = webhook.deliver(&event(), Micros(0)).await.unwrap_err();
    assert!(failed.to_string().contains("no address") && failed.wait(1, 0.5).is_some());
    assert_eq!(receiver.heard.load(Ordering::Relaxed), 0);
}

/// Of the addresses of a name only the good ones are connected to: the order of the answer changes nothing.
#[tokio::test]
async fn bad_addresses_are_left_out() {
    use reqwest::dns::Resolve;
    let (lookup, _) = names(&["127.0.0.1", "9.9.9.9", "10.0.0.1", "1.1.1.1"]);
    let networks = Networks::Public;
    let checked = reach::Checked { lookup, networks };
    let found = checked.resolve("hook.example".parse().unwrap()).await;
    let found: Vec<String> = found.unwrap().map(|found| found.ip().to_string()).collect();
    assert_eq!(found, ["9.9.9.9", "1.1.1.1"]);
}

/// The system's own resolver, with the one name that everybody has.
#[tokio::test]
async fn localhost_is_private() {
    let receiver = receiver(answer("200 OK")).await;
    let url = format!("http://localhost:{}/", receiver.port);
    let failed = told(&url, Networks::Public).await.unwrap_err();
    assert!(
        failed.to_string().contains("a loopback address"),
        "{failed}"
    );
    assert!(
        failed.to_string().contains("allow_private = true"),
        "{failed}"
    );
    assert_eq!(receiver.heard.load(Ordering::Relaxed), 0);
    told(&url, Networks::Own).await.unwrap();
    assert_eq!(receiver.heard.load(Ordering::Relaxed), 1);
}

/// Addresses are written in many ways; URLs know them all.
#[test]
fn addresses_in_urls_are_checked_at_once() {
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "10.0.0.1",
        "169.254.169.254",
        "0",
    ] {
        let secret = Secret::new(SECRET).unwrap();
        let url = format!("http://{host}/geheim");
        let refused = webhook::Options::new(&url, secret, Networks::Public).unwrap_err();
        assert!(
            refused.to_string().contains("no delivery goes there"),
            "{host}: {refused}"
        );
    }
}

fn private(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn read(json: serde_json::Value) -> Options {
    serde_json::from_value(json).unwrap()
}

#[test]
fn a_good_configuration_gives_channels() {
    let folder = tempfile::tempdir().unwrap();
    private(folder.path(), "hook", &format!("{SECRET}\n"));
    private(folder.path(), "pass", "geheim");
    let options: Options = toml::from_str(
        r#"
        webhook = "https://example.org/hook/geheim"
        webhook_secret_file = "hook"
        [mail]
        smtp = "smtps://weir%40example.org@mail.example.org"
        password_file = "pass"
        from = "weir <weir@example.org>"
        to = ["ada@example.org", "Zoë <zoe@example.org>"]
        "#,
    )
    .unwrap();
    let channels = channels(&options, folder.path(), None).unwrap();
    let names: Vec<_> = channels.iter().map(Channel::name).collect();
    assert_eq!(
        names,
        ["webhook", "mail:ada@example.org", "mail:zoe@example.org"]
    );
    let shown = format!("{options:?} {channels:?}");
    assert!(
        !shown.contains("geheim") && !shown.contains(SECRET),
        "{shown}"
    );
    let none = super::channels(&Options::default(), folder.path(), None).unwrap();
    assert!(none.is_empty());
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    private(folder.path(), "short", "12345");
    private(folder.path(), "pass", "geheim");
    private(folder.path(), "none.pem", "x");
    let wrong = |json| {
        let problems = channels(&read(json), folder.path(), None).unwrap_err();
        let text = problems.to_string();
        assert!(
            !text.contains("geheim") && !text.contains("12345"),
            "{text}"
        );
        text
    };
    let all = wrong(serde_json::json!({
        "webhook": "https://ada:geheim@example.org/", "webhook_secret_file": "nowhere",
        "mail": {"smtp": "smtp://ada:geheim@mail", "password_file": "pass", "from": "me", "to": ["a@b.c\r\nBcc: d@e.f"],
                 "ca_file": "none.pem"},
    }));
    let keys: Vec<_> = all
        .lines()
        .map(|line| line.split(':').next().unwrap())
        .collect();
    assert_eq!(
        keys,
        [
            "notify.webhook_secret_file",
            "notify.webhook",
            "notify.mail.smtp",
            "notify.mail.ca_file",
            "notify.mail.from",
            "notify.mail.to",
        ],
        "{all}"
    );
    for (json, part) in [
        (
            serde_json::json!({"webhook": "https://example.org"}),
            "openssl rand -hex 32",
        ),
        (
            serde_json::json!({"webhook_secret_file": "pass"}),
            "notify.webhook: is missing",
        ),
        (
            serde_json::json!({"webhook": "https://example.org", "webhook_secret_file": "short"}),
            "less than 16 characters",
        ),
        (
            serde_json::json!({"mail": {}}),
            "notify.mail.from: is missing",
        ),
        (
            serde_json::json!({"mail": {"smtp": "smtps://ada@mail", "from": "a@b.c", "to": ["a@b.c"]}}),
            "WEIR_SMTP_PASSWORD",
        ),
        (
            serde_json::json!({"mail": {"smtp": "smtps://mail", "from": "a@b.c", "to": ["a@b.c"], "password_file": "pass"}}),
            "names no user",
        ),
        (
            serde_json::json!({"mail": {"smtp": "smtps://mail", "from": "a@b.c", "to": ["a@b.c", "A@b.c"]}}),
            "names A@b.c twice",
        ),
        (
            serde_json::json!({"mail": {"smtp": "smtps://mail", "from": "a@b.c", "to": vec!["a@b.c"; 21]}}),
            "more than 20",
        ),
    ] {
        let text = wrong(json);
        assert!(text.contains(part), "{text}");
    }
    for (url, part) in [
        ("hook", "in full"),
        ("ftp://example.org", "neither http nor https"),
        ("https://example.org/#a", "fragment"),
        ("http://127.0.0.1/", "allow_private = true"),
    ] {
        private(folder.path(), "hook", SECRET);
        let text = wrong(serde_json::json!({"webhook": url, "webhook_secret_file": "hook"}));
        assert!(text.contains(part), "{text}");
    }
    let strict = serde_json::from_value::<Options>(serde_json::json!({"webhok": "x"}));
    assert!(strict.unwrap_err().to_string().contains("expected one of"));
    let environment = Secret::new("geheim").unwrap();
    let mail = MailOptions {
        smtp: Some("smtps://ada@mail".to_owned()),
        from: Some("a@b.c".to_owned()),
        to: vec!["a@b.c".to_owned()],
        ..MailOptions::default()
    };
    let options = Options {
        mail: Some(mail),
        ..Options::default()
    };
    assert_eq!(
        channels(&options, folder.path(), Some(&environment))
            .unwrap()
            .len(),
        1
    );
}

/// A mail server takes the connection and says nothing: on a clock that jumps, an attempt ends all the same.
#[tokio::test(start_paused = true)]
async fn a_silent_mail_server_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let options = read(serde_json::json!({
        "mail": {"smtp": format!("smtp://127.0.0.1:{port}"), "from": "a@b.c", "to": ["a@b.c"]},
    }));
    let channels = channels(&options, Path::new(""), None).unwrap();
    let event = event();
    let attempt = channels[0].deliver(&event, Micros(0));
    let ended = tokio::time::timeout(Duration::from_mins(2), attempt).await;
    let failed = ended.expect("it ends within a minute").unwrap_err();
    assert!(failed.wait(1, 0.5).is_some(), "{failed}");
}
