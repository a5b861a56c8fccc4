//! How a receiver knows that a delivery is ours, and fresh.
//!
//! `weir-signature: t=<unix seconds>,v1=<hex>`: HMAC-SHA256 with the shared secret over `<t>.<body>`. The time is that of
//! the attempt and is signed with the body, so that a receiver can refuse what somebody recorded and sends again.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secret::Secret;

/// Shorter ones can be found by trying; `openssl rand -hex 32` gives 64.
pub const LEAST: usize = 16;

/// How old a delivery may be for [`verify`] if nobody knows better, in seconds.
pub const TOLERANCE: u64 = 300;

fn mac(secret: &Secret, seconds: i64, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())
        .expect("a key of any length will do for an HMAC");
    mac.update(seconds.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}

/// The value of the header `weir-signature`.
#[must_use]
pub fn sign(secret: &Secret, seconds: i64, body: &[u8]) -> String {
    let mut text = format!("t={seconds},v1=");
    for byte in mac(secret, seconds, body).finalize().into_bytes() {
        write!(text, "{byte:02x}").expect("a string takes any text");
    }
    text
}

/// Whether a header was made with the secret for this body, at most `tolerance` seconds before or after `now`.
///
/// ```
/// use weir::notify::sign::{TOLERANCE, sign, verify};
/// let secret = weir::secret::Secret::new("a secret that two share").unwrap();
/// let header = sign(&secret, 1_700_000_000, b"{}");
/// assert!(verify(&secret, &header, b"{}", 1_700_000_100, TOLERANCE));
/// assert!(!verify(&secret, &header, b"{ }", 1_700_000_100, TOLERANCE));
/// assert!(!verify(&secret, &header, b"{}", 1_700_000_900, TOLERANCE));
/// ```
#[must_use]
pub fn verify(secret: &Secret, header: &str, body: &[u8], now: i64, tolerance: u64) -> bool {
    let field = |name: &str| {
        let mut fields = header.split(',').filter_map(|field| field.split_once('='));
        fields.find(|(key, _)| key.trim() == name)
    };
    let Some(seconds) = field("t").and_then(|(_, value)| value.trim().parse::<i64>().ok()) else {
        return false;
    };
    let Some(tag) = field("v1").and_then(|(_, value)| bytes(value.trim())) else {
        return false;
    };
    // The comparison takes the same time wherever the two differ.
    now.abs_diff(seconds) <= tolerance && mac(secret, seconds, body).verify_slice(&tag).is_ok()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = hex.chars().map(|c| c.to_digit(16)).collect();
    digits?
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(high * 16 + low).ok(),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret::new("Jefe and what he wants").unwrap()
    }

    /// The figure is that of another implementation, Python's `hmac`.
    #[test]
    fn it_is_an_hmac_of_time_and_body() {
        let header = sign(&secret(), 1_764_000_000, br#"{"event":"job.ended"}"#);
        assert_eq!(header, PYTHON);
    }

    const PYTHON: &str =
        "t=1764000000,v1=1aa71afd9281a9b04227abd7a24b575d82f28f5f020a9b8d4ce8901817cc9626";

    #[test]
    fn nothing_else_passes() {
        let good = sign(&secret(), 1_000, b"body");
        let passes = |header: &str, body: &[u8], now| verify(&secret(), header, body, now, 300);
        assert!(passes(&good, b"body", 1_300));
        assert!(passes(&good, b"body", 700));
        assert!(!passes(&good, b"body", 1_301));
        assert!(!passes(&good, b"bodY", 1_000));
        let other = Secret::new("somebody else's secret").unwrap();
        assert!(!verify(&other, &good, b"body", 1_000, 300));
        let later = good.replace("t=1000", "t=1001");
        for bad in [
            "",
            "t=1000",
            "v1=00",
            "t=,v1=",
            "t=1000,v1=0",
            "t=1000,v1=zz",
            good.rsplit_once(|_| true).unwrap().0,
            &later,
        ] {
            assert!(!passes(bad, b"body", 1_000), "{bad}");
        }
    }
}
