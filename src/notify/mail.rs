//! A person who is told by mail: one message an attempt, over one connection.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use super::message::message;
use super::smtp::{Guard, Server};
use super::{Event, Undelivered, tidy};
use crate::model::unit::Micros;
use crate::secret::Secret;

pub use super::smtp::BadServer;

/// For each step of the conversation.
const STEP: Duration = Duration::from_secs(15);
/// For all of it.
const TOTAL: Duration = Duration::from_mins(1);

/// The way to a mail server; shared by all who are told through it.
#[derive(Clone)]
pub(super) struct Post {
    server: Server,
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

impl Post {
    /// Sets the way up; nothing is sent. `authority` is a certificate (PEM) that is trusted besides the public ones.
    pub(super) fn new(
        server: Server,
        password: Option<&Secret>,
        authority: Option<&[u8]>,
    ) -> Result<Self, smtp::Error> {
        let tls = |host: &str| {
            let mut builder = TlsParameters::builder(host.to_owned());
            if let Some(pem) = authority {
                builder = builder.add_root_certificate(Certificate::from_pem(pem)?);
            }
            builder.build_rustls()
        };
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.host.clone())
                .port(server.port)
                .timeout(Some(STEP))
                .tls(match server.guard {
                    Guard::Tls => Tls::Wrapper(tls(&server.host)?),
                    Guard::StartTls => Tls::Required(tls(&server.host)?),
                    Guard::Loopback => Tls::None,
                });
        if let (Some(user), Some(password)) = (&server.user, password) {
            let password = password.expose().to_owned();
            builder = builder.credentials(Credentials::new(user.clone(), password));
        }
        Ok(Self {
            transport: builder.build(),
            server,
        })
    }
}

/// A person who is told.
pub struct Mail {
    name: String,
    post: Post,
    from: Mailbox,
    to: Mailbox,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Mail");
        out.field("name", &self.name);
        out.field("server", &self.post.server.host)
            .finish_non_exhaustive()
    }
}

impl Mail {
    pub(super) fn new(post: Post, from: Mailbox, to: Mailbox) -> Self {
        Self {
            name: format!("mail:{}", to.email),
            post,
            from,
            to,
        }
    }

    /// `mail:ada@example.org`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One attempt. If the connection breaks after the text was sent, the mail may come twice, with one id.
    ///
    /// # Errors
    /// If the server did not take it.
    pub async fn deliver(&self, event: &Event, now: Micros) -> Result<(), Undelivered> {
        let message = message(event, &self.from, &self.to, now)
            .map_err(|error| Undelivered::never(format!("could not write the mail: {error}")))?;
        let sending = self.post.transport.send(message);
        match tokio::time::timeout(TOTAL, sending).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(self.failed(&error)),
            Err(_) => Err(Undelivered::retry(format!(
                "the mail server {} did not take the mail in time",
                self.post.server.host
            ))),
        }
    }

    fn failed(&self, error: &smtp::Error) -> Undelivered {
        let host = &self.post.server.host;
        let mut last = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            last = error.to_string();
            cause = error.source();
        }
        let said = tidy(&last, 200);
        if let Some(code) = error.status() {
            let why = format!("the mail server {host} refused with {code}: {said}");
            return if error.is_permanent() {
                Undelivered::never(why)
            } else {
                Undelivered::retry(why)
            };
        }
        if error.is_client() {
            // It offers no way to speak to it that is safe, or that the two have in common.
            return Undelivered::never(format!("could not use the mail server {host}: {said}"));
        }
        Undelivered::retry(if error.is_timeout() {
            format!("the mail server {host} did not answer in time")
        } else if said.contains("certificate") {
            let hint = "a server of your own may need its certificate as notify.mail.ca_file";
            format!("could not trust the mail server {host}: {said}; {hint}")
        } else {
            format!("could not reach the mail server {host}: {said}")
        })
    }
}
