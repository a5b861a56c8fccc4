//! Whether a request may come from where it says: its `Host` and `Origin`.
//!
//! A page of anybody's can make a browser send requests to this machine. Two headers that no page can set tell them
//! apart. `Host` names whom the browser believes to speak to: after a name of the page's own was pointed at this machine
//! (DNS rebinding) it is that name. `Origin` names the page that sends.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// A server as it stands in `Host`: name or address, and port.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Authority {
    host: String,
    port: Option<u16>,
}

impl Authority {
    /// `None` if it is none: user names, blanks, dots at the end, anything odd.
    fn read(text: &str) -> Option<Self> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (text, None),
        };
        let port = match port {
            None => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            Some(_) => return None,
        };
        let address = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        if let Some(address) = address {
            let IpAddr::V6(address) = address.parse().ok()? else {
                return None;
            };
            // One way to write it.
            return Some(Self {
                host: format!("[{address}]"),
                port,
            });
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let whole = !host.is_empty() && host.len() <= 253 && !host.ends_with('.');
        (whole && host.chars().all(plain)).then(|| Self {
            host: host.to_ascii_lowercase(),
            port,
        })
    }

    fn is_address(&self) -> bool {
        self.host.starts_with('[') || self.host.parse::<IpAddr>().is_ok()
    }
}

/// How the service can be reached, and thus what `Host` and `Origin` may say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doors {
    bound: SocketAddr,
    public: Option<Public>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Public {
    scheme: &'static str,
    usual_port: u16,
    authority: Authority,
}

/// A public URL that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the public URL must be scheme, server and perhaps port, as in https://weir.example.org")]
pub struct BadPublicUrl;

/// Why a request is not heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No `Host`, or none that can be read.
    #[error("the Host header is missing or malformed")]
    NoHost,
    /// Another `Host`.
    #[error(
        "the Host header names another server; if this one is reached by that name, start it with --public-url"
    )]
    Host,
    /// A page of another server.
    #[error(
        "the Origin header names another server; if this one is reached by that name, start it with --public-url"
    )]
    Origin,
}

impl Doors {
    /// The doors of a service that listens on `bound` and is known as `public_url`, as behind a proxy.
    ///
    /// # Errors
    /// If the URL holds anything but scheme, server and port.
    pub fn new(bound: SocketAddr, public_url: Option<&str>) -> Result<Self, BadPublicUrl> {
        let public = public_url.map(|url| public(url).ok_or(BadPublicUrl));
        Ok(Self {
            bound,
            public: public.transpose()?,
        })
    }

    /// Whether a request with these headers is heard. A request with several of one kind is malformed; whoever calls
    /// refuses it before.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&self, host: Option<&str>, origin: Option<&str>) -> Result<(), Denied> {
        let host = host.and_then(Authority::read).ok_or(Denied::NoHost)?;
        let direct = self.is_bound(&host);
        if !direct && !self.is_public(&host) {
            return Err(Denied::Host);
        }
        let Some(origin) = origin else {
            // Programs send none; browsers send none with what a link or a typed address asks for.
            return Ok(());
        };
        // `null` is any page that hides where it comes from.
        let Some((scheme, rest)) = origin.split_once("://") else {
            return Err(Denied::Origin);
        };
        let sender = Authority::read(rest).ok_or(Denied::Origin)?;
        let public = self.public.as_ref();
        if public.is_some_and(|public| public.scheme == scheme) && self.is_public(&sender) {
            return Ok(());
        }
        let same = sender.host == host.host && sender.port.unwrap_or(80) == host.port.unwrap_or(80);
        if direct && scheme == "http" && same {
            return Ok(());
        }
        Err(Denied::Origin)
    }

    fn is_bound(&self, host: &Authority) -> bool {
        if host.port.unwrap_or(80) != self.bound.port() {
            return false;
        }
        let name = host.host.as_str();
        let address = self.bound.ip();
        // Only names can be pointed elsewhere: on a service that listens everywhere any address is its own.
        matches!(name, "localhost" | "127.0.0.1" | "[::1]")
            || address.is_unspecified() && host.is_address()
            || Authority::read(&literal(address)).is_some_and(|bound| bound.host == name)
    }

    fn is_public(&self, host: &Authority) -> bool {
        self.public.as_ref().is_some_and(|public| {
            let port = |authority: &Authority| authority.port.unwrap_or(public.usual_port);
            public.authority.host == host.host && port(&public.authority) == port(host)
        })
    }
}

/// For logs: the addresses that the service answers to.
impl fmt::Display for Doors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Public {
            scheme, authority, ..
        }) = &self.public
        {
            write!(f, "{scheme}://{}", authority.host)?;
            return authority.port.map_or(Ok(()), |port| write!(f, ":{port}"));
        }
        write!(f, "http://{}", self.bound)
    }
}

fn literal(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

fn public(url: &str) -> Option<Public> {
    let (scheme, rest) = url.trim().split_once("://")?;
    let (scheme, usual_port) = match scheme.to_ascii_lowercase().as_str() {
        "http" => ("http", 80),
        "https" => ("https", 443),
        _ => return None,
    };
    Some(Public {
        scheme,
        usual_port,
        authority: Authority::read(rest.strip_suffix('/').unwrap_or(rest))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(bound: &str, public: Option<&str>, host: &str, origin: &str) -> &'static str {
        let doors = Doors::new(bound.parse().unwrap(), public).unwrap();
        let given = |text| Some(text).filter(|text: &&str| *text != "-");
        match doors.admit(given(host), given(origin)) {
            Ok(()) => "ok",
            Err(Denied::NoHost) => "no host",
            Err(Denied::Host) => "host",
            Err(Denied::Origin) => "origin",
        }
    }

    #[test]
    fn on_loopback() {
        for (host, origin, expected) in [
            ("127.0.0.1:8787", "-", "ok"),
            ("localhost:8787", "-", "ok"),
            ("LOCALHOST:8787", "http://localhost:8787", "ok"),
            ("[::1]:8787", "http://[::1]:8787", "ok"),
            ("[0:0::1]:8787", "http://[::1]:8787", "ok"),
            ("127.0.0.1:8787", "http://127.0.0.1:8787", "ok"),
            // Rebinding, and what might pass for one of ours.
            ("evil.example:8787", "-", "host"),
            ("127.0.0.1.evil.example:8787", "-", "host"),
            ("localhost.evil.example:8787", "-", "host"),
            ("localhost.:8787", "-", "no host"),
            ("localhost", "-", "host"),
            ("localhost:80", "-", "host"),
            ("localhost:8788", "-", "host"),
            ("192.168.1.5:8787", "-", "host"),
            ("127.0.0.2:8787", "-", "host"),
            ("0.0.0.0:8787", "-", "host"),
            ("user@localhost:8787", "-", "no host"),
            ("localhost:8787/", "-", "no host"),
            ("localhost:8787, evil.example", "-", "no host"),
            ("localhost:+8787", "-", "no host"),
            ("localhost:88787", "-", "no host"),
            ("localhost:", "-", "no host"),
            ("[::1", "-", "no host"),
            ("::1:8787", "-", "no host"),
            ("[127.0.0.1]:8787", "-", "no host"),
            (" localhost:8787", "-", "no host"),
            ("löcalhost:8787", "-", "no host"),
            ("", "-", "no host"),
            ("-", "-", "no host"),
            // Other pages.
            ("localhost:8787", "null", "origin"),
            ("localhost:8787", "", "origin"),
            ("localhost:8787", "http://evil.example", "origin"),
            ("localhost:8787", "http://localhost", "origin"),
            ("localhost:8787", "http://localhost:3000", "origin"),
            ("localhost:8787", "https://localhost:8787", "origin"),
            ("localhost:8787", "http://127.0.0.1:8787", "origin"),
            (
                "localhost:8787",
                "http://localhost:8787.evil.example",
                "origin",
            ),
            (
                "localhost:8787",
                "http://localhost:8787@evil.example",
                "origin",
            ),
            ("localhost:8787", "http://localhost:8787/", "origin"),
            ("localhost:8787", "file://", "origin"),
            ("localhost:8787", "chrome-extension://abc", "origin"),
        ] {
            let found = admit("127.0.0.1:8787", None, host, origin);
            assert_eq!(found, expected, "{host} {origin}");
        }
    }

    #[test]
    fn elsewhere() {
        for (bound, public, host, origin, expected) in [
            (
                "192.168.1.5:8787",
                None,
                "192.168.1.5:8787",
                "http://192.168.1.5:8787",
                "ok",
            ),
            ("192.168.1.5:8787", None, "192.168.1.6:8787", "-", "host"),
            (
                "[fd00::5]:8787",
                None,
                "[FD00::5]:8787",
                "http://[fd00::5]:8787",
                "ok",
            ),
            // Everywhere: any address, no name.
            (
                "0.0.0.0:8787",
                None,
                "192.168.1.5:8787",
                "http://192.168.1.5:8787",
                "ok",
            ),
            ("[::]:8787", None, "[fd00::7]:8787", "-", "ok"),
            ("[::]:8787", None, "weir.example.org:8787", "-", "host"),
            (
                "[::]:8787",
                None,
                "192.168.1.5:8787",
                "http://192.168.1.6:8787",
                "origin",
            ),
            // The port that need not be said.
            (
                "0.0.0.0:80",
                None,
                "192.168.1.5",
                "http://192.168.1.5",
                "ok",
            ),
            (
                "127.0.0.1:80",
                None,
                "localhost",
                "http://localhost:80",
                "ok",
            ),
        ] {
            let found = admit(bound, public, host, origin);
            assert_eq!(found, expected, "{bound} {public:?} {host} {origin}");
        }
    }

    #[test]
    fn behind_a_proxy() {
        let bound = "127.0.0.1:8787";
        let public = Some("https://Weir.example.org/");
        for (public, host, origin, expected) in [
            // Behind a proxy that passes the name on, or does not.
            (public, "weir.example.org", "https://weir.example.org", "ok"),
            (
                public,
                "weir.example.org:443",
                "https://weir.example.org",
                "ok",
            ),
            (public, "127.0.0.1:8787", "https://weir.example.org", "ok"),
            (public, "localhost:8787", "http://localhost:8787", "ok"),
            (
                public,
                "weir.example.org",
                "http://weir.example.org",
                "origin",
            ),
            (
                public,
                "weir.example.org",
                "https://weir.example.org:444",
                "origin",
            ),
            (public, "weir.example.org:8787", "-", "host"),
            (public, "weir.example.org.evil.example", "-", "host"),
            (public, "weir.example.org", "https://evil.example", "origin"),
            (public, "evil.example", "https://weir.example.org", "host"),
            (Some("http://box:9000"), "box:9000", "http://box:9000", "ok"),
            (Some("http://box:9000"), "box", "-", "host"),
        ] {
            let found = admit(bound, public, host, origin);
            assert_eq!(found, expected, "{bound} {public:?} {host} {origin}");
        }
    }

    #[test]
    fn public_urls_are_servers() {
        let bound = "127.0.0.1:8787".parse().unwrap();
        for bad in [
            "weir.example.org",
            "ftp://weir.example.org",
            "https://",
            "https://weir.example.org/sub",
            "https://a:b@weir.example.org",
            "https://weir.example.org?x",
        ] {
            assert_eq!(Doors::new(bound, Some(bad)), Err(BadPublicUrl), "{bad}");
        }
        let shown = |url| Doors::new(bound, url).unwrap().to_string();
        assert_eq!(shown(None), "http://127.0.0.1:8787");
        assert_eq!(
            shown(Some("https://weir.example.org/")),
            "https://weir.example.org"
        );
        assert_eq!(shown(Some("http://box:9000")), "http://box:9000");
    }
}
