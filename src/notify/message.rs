//! An event as a mail: plain text, one person, nothing in it that a name could turn into a header.

use std::time::{Duration, UNIX_EPOCH};

use lettre::Message;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};

use super::{Event, tidy};
use crate::model::unit::Micros;

/// Characters of a subject.
const SUBJECT: usize = 150;
/// Characters of a line of the text, and lines.
const LINE: usize = 900;
const LINES: usize = 200;
/// The last second that a date of a mail can be of: 9999-12-31.
const LAST: u64 = 253_402_300_799;

/// The mail. Its id is that of the delivery, so that a mail that comes twice is seen to be one.
pub(super) fn message(
    event: &Event,
    from: &Mailbox,
    to: &Mailbox,
    now: Micros,
) -> Result<Message, lettre::error::Error> {
    let seconds = u64::try_from(now.0 / 1_000_000).unwrap_or(0).min(LAST);
    let id = format!("<{}@{}>", event.header_id(), from.email.domain());
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    Message::builder()
        .from(from.clone())
        .to(to.clone())
        .subject(tidy(&event.subject, SUBJECT))
        .date(UNIX_EPOCH + Duration::from_secs(seconds))
        .message_id(Some(id))
        // Nobody's answering machine is to answer.
        .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
        .header(ContentType::TEXT_PLAIN)
        .body(text(&event.text))
}

/// Lines as they are, each without what does not show.
fn text(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines().take(LINES) {
        let indent = line.len() - line.trim_start_matches(' ').len();
        out.extend(std::iter::repeat_n(' ', indent.min(40)));
        out.push_str(&tidy(line, LINE));
        out.push_str("\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::Kind;

    fn formatted(id: &str, subject: &str, text: &str) -> String {
        let event = Event {
            kind: Kind::Ended,
            id: id.to_owned(),
            at: Micros(0),
            job: serde_json::Value::Null,
            subject: subject.to_owned(),
            text: text.to_owned(),
        };
        let from = "weir <weir@example.org>".parse().unwrap();
        let to = "Zoë <zoe@example.org>".parse().unwrap();
        let message = message(&event, &from, &to, Micros(1_764_000_000_000_000)).unwrap();
        String::from_utf8(message.formatted()).unwrap()
    }

    #[test]
    fn a_mail_says_what_it_is() {
        let mail = formatted("d-1", "board: complete", "All done.\n  12 files\n");
        let (head, body) = mail.split_once("\r\n\r\n").unwrap();
        for line in [
            "From: weir <weir@example.org>",
            "Subject: board: complete",
            "Message-ID: <d-1@example.org>",
            "Date: Mon, 24 Nov 2025 16:00:00 +0000",
            "Auto-Submitted: auto-generated",
            "Content-Type: text/plain; charset=utf-8",
        ] {
            assert!(head.contains(line), "{line}\n{head}");
        }
        assert!(
            head.contains("<zoe@example.org>") && head.contains("=?utf-8?"),
            "{head}"
        );
        assert_eq!(body, "All done.\r\n  12 files\r\n");
    }

    #[test]
    fn a_subject_is_one_line() {
        let mail = formatted("a\r\nBcc: b", "a\r\nBcc: x@example.org\t\u{202e}b", "");
        let line = "\r\nSubject: a Bcc: x@example.org b\r\n";
        assert!(mail.contains(line), "{mail}");
        assert!(
            mail.contains("\r\nMessage-ID: <a--Bcc--b@example.org>\r\n"),
            "{mail}"
        );
    }

    /// Names of collections and files come from users, and reasons from servers.
    #[test]
    fn no_text_becomes_a_header() {
        let evil = "a\r\nBcc: x@example.org\r\n\r\nbody\u{2028}\u{85}\u{b}\0\u{202e}";
        let long = "é\r\nX-Evil: 1".repeat(200);
        for subject in [evil, &long, "\r\n", "", "=?utf-8?b?DQpCY2M6IGE=?="] {
            let mail = formatted(evil, subject, &format!("{evil}\r\n.\r\nQUIT\r\n"));
            let (head, _) = mail.split_once("\r\n\r\n").unwrap();
            let names: Vec<_> = head
                .split("\r\n")
                .filter(|line| !line.starts_with([' ', '\t']))
                .map(|line| line.split(':').next().unwrap())
                .collect();
            assert_eq!(
                names,
                [
                    "From",
                    "To",
                    "Subject",
                    "Date",
                    "Message-ID",
                    "Auto-Submitted",
                    "Content-Type",
                    "Content-Transfer-Encoding",
                ],
                "{mail}"
            );
            assert!(
                head.split("\r\n")
                    .all(|line| line.len() < 998 && !line.contains(['\r', '\n']))
            );
        }
    }
}
