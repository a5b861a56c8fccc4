//! The way to the provider and back: bounded bodies, and what breaks on the way.

use reqwest::Response;

use super::chat;
use super::fault::tidy;
use crate::model::fault::{Fault, FaultKind};

/// The whole body, as long as it is within bounds; counted after decompression.
pub(super) async fn whole(response: &mut Response) -> Result<Vec<u8>, Fault> {
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(part) = response
        .chunk()
        .await
        .map_err(|error| transport(error, Some(status)))?
    {
        if body.len() + part.len() > chat::MAX_BODY {
            let message = format!("the answer is longer than {} MiB", chat::MAX_BODY >> 20);
            return Err(Fault {
                status: Some(status),
                ..Fault::new(FaultKind::TooLongBody, message)
            });
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

/// What went wrong on the way.
pub(super) fn transport(error: reqwest::Error, status: Option<u16>) -> Fault {
    let error = error.without_url();
    let mut causes = Vec::new();
    let mut tls = None;
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        causes.push(error.to_string());
        tls = tls.or_else(|| distrust(error));
        cause = error.source();
    }
    let last = tidy(causes.last().map_or("", String::as_str));
    let (kind, message) = if let Some(tls) = tls {
        (
            FaultKind::Tls,
            format!("the certificate of the provider is not trusted: {tls}"),
        )
    } else if error.is_timeout() && !error.is_connect() {
        (
            FaultKind::Timeout,
            "the provider did not answer in time".to_owned(),
        )
    } else if status.is_some() || error.is_body() || error.is_decode() {
        (
            FaultKind::Connection,
            format!("the answer broke off: {last}"),
        )
    } else {
        let kind = if error.is_connect() {
            FaultKind::Unreached
        } else {
            FaultKind::Connection
        };
        (kind, format!("could not reach the provider: {last}"))
    };
    Fault {
        status,
        ..Fault::new(kind, message)
    }
}

/// Whether a certificate was refused; a handshake that broke off is tried again.
fn distrust(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let inner = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    let tls = error
        .downcast_ref::<rustls::Error>()
        .or_else(|| inner?.downcast_ref::<rustls::Error>())?;
    match tls {
        rustls::Error::InvalidCertificate(why) => Some(tidy(&format!("{why:?}"))),
        _ => None,
    }
}
