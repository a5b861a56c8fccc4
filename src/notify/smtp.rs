//! `smtps://user@host:465` -> a mail server, and how to speak to it.

use std::net::IpAddr;

use reqwest::Url;

/// How a connection is kept from being read or taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// TLS from the first byte.
    Tls,
    /// TLS after `STARTTLS`; without it nothing is said.
    StartTls,
    /// None, within this machine.
    Loopback,
}

/// A mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) guard: Guard,
    pub(super) user: Option<String>,
}

/// Says what is wrong with a server as it is written. It is not repeated: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadServer {
    /// Not of this form.
    #[error("is no mail server: write \"smtps://user@host:465\", or \"smtp://user@host:587\"")]
    Form,
    /// A password in it.
    #[error("holds a password: write it into a file (chmod 600) and name that as password_file")]
    Password,
    /// A path, query or fragment.
    #[error("ends in more than a port: write \"smtps://user@host:465\" and nothing behind it")]
    More,
    /// A user name that is no text.
    #[error("holds a user name that is no text; @ is written %40 in it, % is written %25")]
    User,
}

/// Reads a server.
pub(super) fn read(text: &str) -> Result<Server, BadServer> {
    let Ok(url) = Url::parse(text.trim()) else {
        return Err(BadServer::Form);
    };
    if url.password().is_some() {
        return Err(BadServer::Password);
    }
    let tls = match url.scheme() {
        "smtps" => true,
        "smtp" => false,
        _ => return Err(BadServer::Form),
    };
    let host = url.host_str().unwrap_or("");
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let address = host.parse::<IpAddr>().ok();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    if host.is_empty() || address.is_none() && !host.chars().all(plain) {
        return Err(BadServer::Form);
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(BadServer::More);
    }
    let user = decoded(url.username()).ok_or(BadServer::User)?;
    let here = address.is_some_and(|address| address.is_loopback())
        || host.eq_ignore_ascii_case("localhost");
    let (guard, port) = match (tls, here) {
        (true, _) => (Guard::Tls, 465),
        (false, true) => (Guard::Loopback, 25),
        (false, false) => (Guard::StartTls, 587),
    };
    Ok(Server {
        host: host.to_owned(),
        port: url.port().unwrap_or(port),
        guard,
        user: (!user.is_empty()).then_some(user),
    })
}

/// `%40` -> `@`.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
    }
    let text = String::from_utf8(bytes).ok()?;
    (!text.contains(char::is_control)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read() {
        let good = |text: &str| {
            let server = read(text).unwrap();
            let user = server.user.unwrap_or_default();
            format!("{user}|{}|{}|{:?}", server.host, server.port, server.guard)
        };
        for (text, expected) in [
            (
                "smtps://ada@mail.example.org",
                "ada|mail.example.org|465|Tls",
            ),
            (
                "smtps://mail.example.org:8465/",
                "|mail.example.org|8465|Tls",
            ),
            ("smtp://mail.example.org", "|mail.example.org|587|StartTls"),
            (
                "smtp://ada%40example.org@mail:25",
                "ada@example.org|mail|25|StartTls",
            ),
            ("smtp://127.0.0.1:2525", "|127.0.0.1|2525|Loopback"),
            ("smtp://localhost", "|localhost|25|Loopback"),
            ("smtp://[::1]:25", "|::1|25|Loopback"),
            ("smtps://[::1]", "|::1|465|Tls"),
            // Not this machine, whatever it looks like.
            (
                "smtp://localhost.example.org",
                "|localhost.example.org|587|StartTls",
            ),
            (
                "smtp://127.0.0.1.example.org",
                "|127.0.0.1.example.org|587|StartTls",
            ),
            ("smtp://10.0.0.1", "|10.0.0.1|587|StartTls"),
        ] {
            assert_eq!(good(text), expected, "{text}");
        }
        for (text, expected) in [
            ("", BadServer::Form),
            ("mail.example.org", BadServer::Form),
            ("mail.example.org:25", BadServer::Form),
            ("https://mail.example.org", BadServer::Form),
            ("smtp://", BadServer::Form),
            ("smtp://a b", BadServer::Form),
            ("smtp://a%0d%0ab", BadServer::Form),
            ("smtps://ada:geheim@mail", BadServer::Password),
            ("smtps://mail/?tls=none", BadServer::More),
            ("smtps://mail/name", BadServer::More),
            ("smtps://a%0ab@mail", BadServer::User),
            ("smtps://a%ff@mail", BadServer::User),
            ("smtps://a%4@mail", BadServer::User),
        ] {
            assert_eq!(read(text), Err(expected), "{text}");
        }
    }
}
