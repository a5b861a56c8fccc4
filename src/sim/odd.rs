//! Bodies that are no answers, though the status is 200.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::fault::Odd;
use super::refusal::error;

/// Longer than any client should read.
const TOO_LONG: usize = 9 << 20;
const BOMB: usize = 16 << 20;
const LEVELS: usize = 100_000;

/// The headers of its own, and the body, made from the true one.
pub(super) fn body(odd: Odd, whole: &str) -> (Vec<(&'static str, &'static str)>, Vec<u8>) {
    const JSON: (&str, &str) = ("content-type", "application/json");
    const HTML: (&str, &str) = ("content-type", "text/html");
    let with_content = |content: &str| {
        whole.replacen(
            "\"content\":",
            &format!("\"content\":{content},\"was\":"),
            1,
        )
    };
    let text = match odd {
        Odd::Html => {
            let page = "<!doctype html><title>Sign in</title><p>Please sign in to this network.";
            return (vec![HTML], page.as_bytes().to_vec());
        }
        Odd::Empty => String::new(),
        Odd::Error => error(
            "server_error",
            "",
            "The server had an error while processing your request",
        ),
        Odd::ContentType => {
            return (
                vec![("content-type", "text/plain")],
                whole.as_bytes().to_vec(),
            );
        }
        Odd::TooLong => with_content(&json!("x".repeat(TOO_LONG)).to_string()),
        Odd::Bomb => return (vec![JSON, ("content-encoding", "gzip")], bomb()),
        Odd::Deep => "[".repeat(LEVELS),
        Odd::DuplicateKeys => with_content("\"{\\\"answers\\\":[],\\\"answers\\\":[]}\""),
        Odd::Surrogate => with_content("\"\\ud800\""),
        Odd::Nul => format!("\0{whole}\0"),
        Odd::Overflow => whole.replacen("\"created\":", "\"created\":1e400,\"was\":", 1),
    };
    (vec![JSON], text.into_bytes())
}

fn bomb() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let blanks = vec![b' '; 1 << 16];
    // Writing to a vector cannot fail.
    for _ in 0..BOMB / blanks.len() {
        let _ok = encoder.write_all(&blanks);
    }
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_as_odd_as_they_say() {
        let whole = json!({"created": 1, "choices": [{"message": {"content": "{}"}}]}).to_string();
        let text = |odd| String::from_utf8(body(odd, &whole).1).unwrap();
        assert!(text(Odd::TooLong).len() > TOO_LONG);
        assert!(body(Odd::Bomb, &whole).1.len() < 1 << 20);
        for odd in [
            Odd::Empty,
            Odd::Deep,
            Odd::Surrogate,
            Odd::Nul,
            Odd::Overflow,
            Odd::Html,
        ] {
            assert!(
                serde_json::from_str::<serde_json::Value>(&text(odd)).is_err(),
                "{odd:?}"
            );
        }
        let twice = text(Odd::DuplicateKeys);
        let value: serde_json::Value = serde_json::from_str(&twice).unwrap();
        assert_eq!(
            value["choices"][0]["message"]["content"],
            "{\"answers\":[],\"answers\":[]}"
        );
    }
}
