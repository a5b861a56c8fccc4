//! Events to a webhook and to people, over loopback: what arrives, what is tried again, and what is never said.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::{Value, json};
use weir::model::unit::Micros;
use weir::notify::config::Options;
use weir::notify::sign::{TOLERANCE, verify};
use weir::notify::{Channel, Event, Kind, Undelivered, channels};
use weir::secret::Secret;

use super::harness::post::{Post, Replies};
use super::harness::receiver::{Answer, Receiver};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const START: Micros = Micros(1_764_000_000_000_000);

fn event() -> Event {
    Event {
        kind: Kind::Ended,
        id: "3f-7".to_owned(),
        at: START,
        job: json!({"id": "3f", "state": "failures", "input": {"collection": "böard\r\nBcc: x@example.org"}}),
        subject: "böard\r\nBcc: x@example.org: finished with failures".to_owned(),
        text: "finished with 3 failures\n.\n.dots\nsee http://127.0.0.1:8787/".to_owned(),
    }
}

/// Those whom a configuration tells.
fn told(options: Value) -> Vec<Channel> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("hook", SECRET), ("pass", "geheim")] {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let options: Options = serde_json::from_value(options).unwrap();
    channels(&options, folder.path(), None).unwrap()
}

fn webhook(port: u16) -> Channel {
    told(json!({
        "webhook": format!("http://127.0.0.1:{port}/hook?room=7"),
        "webhook_secret_file": "hook",
        "allow_private": true,
    }))
    .remove(0)
}

fn mails(smtp: &str, to: &[&str]) -> Vec<Channel> {
    let mut mail = json!({"smtp": smtp, "from": "weir <weir@example.org>", "to": to});
    if smtp.contains('@') {
        mail["password_file"] = "pass".into();
    }
    told(json!({ "mail": mail }))
}

fn mail(smtp: &str) -> Channel {
    mails(smtp, &["ada@example.org"]).remove(0)
}

fn say(answer: &'static str) -> Answer {
    Box::new(move |_| answer.to_owned())
}

/// Attempts as somebody makes them who keeps to the schedule, on a clock of its own; how long it took, and the end.
async fn delivered(channel: &Channel, event: &Event) -> (Duration, u32, Result<(), Undelivered>) {
    let mut chance = fastrand::Rng::with_seed(1);
    let mut passed = Duration::ZERO;
    for failed in 1.. {
        let now = START.0 + i64::try_from(passed.as_micros()).unwrap();
        let outcome = channel.deliver(event, Micros(now)).await;
        let wait = outcome
            .as_ref()
            .err()
            .map(|why| why.wait(failed, chance.f64()));
        match wait {
            Some(Some(wait)) => passed += wait,
            _ => return (passed, failed, outcome),
        }
    }
    unreachable!("the schedule ends")
}

/// A receiver that was down for a while gets the event once, signed anew, under one id.
#[tokio::test]
async fn a_webhook_is_tried_until_it_is_heard() {
    let checked: Answer = Box::new(|delivery| {
        let signature = &delivery.headers["weir-signature"];
        let time = signature.split([',', '=']).nth(1).unwrap();
        let good = verify(
            &Secret::new(SECRET).unwrap(),
            signature,
            &delivery.body,
            time.parse().unwrap(),
            TOLERANCE,
        );
        let good = good && delivery.headers["weir-delivery"] == "3f-7";
        if good { "204 Good" } else { "400 Forged" }.to_owned()
    });
    let script = vec![say("500 Oh"), say("500 Oh"), say("500 Oh"), checked];
    let receiver = Receiver::open(script).await;
    let (passed, attempts, outcome) = delivered(&webhook(receiver.port), &event()).await;
    assert_eq!((attempts, outcome), (4, Ok(())));
    assert!(
        passed > Duration::ZERO && passed < Duration::from_mins(2),
        "{passed:?}"
    );
    let heard = receiver.heard();
    assert_eq!(heard.len(), 4);
    for delivery in &heard {
        assert_eq!(delivery.line, "POST /hook?room=7 HTTP/1.1");
        assert_eq!(delivery.headers["content-type"], "application/json");
        assert_eq!(delivery.headers["weir-event"], "job.ended");
        assert_eq!(delivery.body, heard[0].body);
        assert!(delivery.headers["user-agent"].starts_with("weir/"));
    }
    assert_ne!(
        heard[0].headers["weir-signature"],
        heard[3].headers["weir-signature"]
    );
    let body: Value = serde_json::from_slice(&heard[3].body).unwrap();
    assert_eq!(body["event"], "job.ended");
    assert_eq!(body["id"], "3f-7");
    assert_eq!(body["at"], "2025-11-24T16:00:00Z");
    assert_eq!(body["job"], event().job);
}

/// One that stays down is given up in the end; one that hangs up is as one that is down.
#[tokio::test]
async fn a_webhook_is_given_up_after_an_hour_or_two() {
    let receiver = Receiver::open(vec![
        say(""),
        say("503 Busy"),
        say("429 Slow"),
        say("408 Late"),
    ])
    .await;
    let (passed, attempts, outcome) = delivered(&webhook(receiver.port), &event()).await;
    assert_eq!(attempts, 15);
    assert!(outcome.unwrap_err().to_string().contains("answered 408"));
    assert!((30..130).contains(&(passed.as_secs() / 60)), "{passed:?}");
    assert_eq!(receiver.heard().len(), 15);
}

#[tokio::test]
async fn a_refusal_is_final_and_a_redirect_is_one() {
    let receiver = Receiver::always("401 Who").await;
    let (_, attempts, outcome) = delivered(&webhook(receiver.port), &event()).await;
    assert_eq!(attempts, 1);
    assert!(
        matches!(outcome, Err(Undelivered::Never { .. })),
        "{outcome:?}"
    );
    let elsewhere = Receiver::always("200 OK").await;
    let port = elsewhere.port;
    let lead: Answer =
        Box::new(move |_| format!("307 There\r\nlocation: http://127.0.0.1:{port}/"));
    let receiver = Receiver::open(vec![lead]).await;
    let (_, attempts, outcome) = delivered(&webhook(receiver.port), &event()).await;
    assert_eq!(attempts, 1);
    assert!(
        outcome
            .unwrap_err()
            .to_string()
            .contains("redirects are not followed")
    );
    assert_eq!(elsewhere.heard().len(), 0);
}

#[tokio::test]
async fn people_get_a_mail_each() {
    let post = Post::open(Replies::new()).await;
    let smtp = format!("smtp://127.0.0.1:{}", post.port);
    for channel in mails(&smtp, &["ada@example.org", "Zoë <zoe@example.org>"]) {
        channel.deliver(&event(), START).await.unwrap();
    }
    let letters = post.letters();
    let to: Vec<_> = letters.iter().map(|letter| letter.to.join(",")).collect();
    assert_eq!(to, ["ada@example.org", "zoe@example.org"]);
    for letter in &letters {
        assert_eq!(letter.from, "weir@example.org");
        assert_eq!(letter.header("From"), "weir <weir@example.org>");
        assert_eq!(letter.header("Message-ID"), "<3f-7@example.org>");
        assert_eq!(letter.header("Date"), "Mon, 24 Nov 2025 16:00:00 +0000");
        assert_eq!(letter.header("Auto-Submitted"), "auto-generated");
        assert_eq!(letter.header("Content-Type"), "text/plain; charset=utf-8");
        assert!(
            letter.header("Subject").starts_with("=?utf-8?"),
            "{letter:?}"
        );
        // The name of a collection made no header of itself.
        assert!(!letter.text.contains("\r\nBcc"), "{letter:?}");
        let text = "finished with 3 failures\r\n.\r\n.dots\r\nsee http://127.0.0.1:8787/\r\n";
        assert_eq!(letter.body().trim_end(), text.trim_end());
    }
    assert!(post.commands().iter().any(|command| command == "QUIT"));
}

#[tokio::test]
async fn a_mail_server_refuses_for_now_or_for_good() {
    for (command, answer, attempts, part) in [
        ("CONNECT", "421 too many", 15, "421"),
        ("CONNECT", "554 not you", 1, "554"),
        ("CONNECT", "", 15, "could not reach the mail server"),
        (
            "CONNECT",
            "SSH-2.0-OpenSSH_9",
            15,
            "could not reach the mail server",
        ),
        ("MAIL", "451 later", 15, "451"),
        ("RCPT", "450 grey", 15, "450"),
        ("RCPT", "550 no such person\u{1b}[2J", 1, "no such person"),
        ("DATA", "552 full", 1, "552"),
        ("END", "554 spam", 1, "554"),
        ("END", "", 15, "could not reach the mail server"),
    ] {
        let post = Post::open(Replies::from([(command, answer)])).await;
        let channel = mail(&format!("smtp://127.0.0.1:{}", post.port));
        let (_, made, outcome) = delivered(&channel, &event()).await;
        let failed = outcome.unwrap_err().to_string();
        assert_eq!(made, attempts, "{command} {answer}: {failed}");
        assert!(failed.contains(part), "{command} {answer}: {failed}");
        assert!(!failed.contains('\u{1b}'), "{failed:?}");
        assert_eq!(post.letters().len(), 0);
    }
}

/// A password is for the server that its user named, and is shown to nobody else.
#[tokio::test]
async fn passwords_are_for_the_server_alone() {
    let post = Post::open(Replies::new()).await;
    let channel = mail(&format!("smtp://ada@127.0.0.1:{}", post.port));
    channel.deliver(&event(), START).await.unwrap();
    // "\0ada\0geheim" in base64.
    let said = "AUTH PLAIN AGFkYQBnZWhlaW0=";
    assert!(
        post.commands().iter().any(|command| command == said),
        "{:?}",
        post.commands()
    );
    let post = Post::open(Replies::from([("AUTH", "535 wrong")])).await;
    let channel = mail(&format!("smtp://ada@127.0.0.1:{}", post.port));
    let failed = channel.deliver(&event(), START).await.unwrap_err();
    assert!(matches!(failed, Undelivered::Never { .. }), "{failed:?}");
    assert!(
        !format!("{failed:?} {channel:?}").contains("geheim"),
        "{failed:?}"
    );
}

/// Without TLS nothing is said to a server elsewhere. `127.1` leads here and does not look as if it did.
#[tokio::test]
async fn nothing_is_said_in_the_open() {
    for (smtp, part, attempts) in [
        ("smtp://ada@127.1", "STARTTLS is not supported", 1),
        ("smtps://ada@127.0.0.1", "mail server 127.0.0.1", 15),
    ] {
        let post = Post::open(Replies::new()).await;
        let channel = mail(&format!("{smtp}:{}", post.port));
        let (_, made, outcome) = delivered(&channel, &event()).await;
        let failed = outcome.unwrap_err().to_string();
        assert!(failed.contains(part), "{failed}");
        assert_eq!(made, attempts, "{failed}");
        let mut commands = post.commands();
        commands.retain(|command| command.starts_with("AUTH") || command.starts_with("MAIL"));
        assert_eq!(commands, Vec::<String>::new());
    }
}
