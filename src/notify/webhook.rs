//! A program that is told over HTTP: one signed POST an attempt.
//!
//! No redirect is followed, no proxy asked (it would look names up itself, past the check of addresses), and of the
//! answer nothing counts but its status. The URL can be a secret by itself, as those of chat services are: only its
//! server is ever shown.

use std::error::Error;
use std::fmt;
use std::sync::Once;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url, redirect, retry};

use super::reach::{self, Checked, Lookup, Refused};
use super::sign::sign;
use super::{Event, Undelivered, tidy};
use crate::model::unit::Micros;
use crate::secret::Secret;

pub use super::reach::Networks;

/// How long an attempt may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For name, connection and handshake.
    pub(super) connect: Duration,
    /// For all of it: a receiver takes note and answers; what it does about it, it does later.
    pub(super) total: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            total: Duration::from_secs(15),
        }
    }
}

/// Read of an answer, so that a polite receiver is heard out; nobody looks at it.
const ANSWER: usize = 4 << 10;

/// Whom to tell, and how.
#[derive(Clone)]
pub struct Options {
    url: Url,
    /// Shared with the receiver.
    secret: Secret,
    /// Where it may be.
    networks: Networks,
}

/// A URL that nothing can be delivered to. It is not repeated: it may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// Not a URL.
    #[error("is no URL: write it in full, as in \"https://example.org/hook\"")]
    Unreadable,
    /// Neither `http` nor `https`.
    #[error("is neither http nor https: write it in full, as in \"https://example.org/hook\"")]
    Scheme,
    /// A user name or a password in it.
    #[error(
        "holds a user name or a password: deliveries are signed with webhook_secret_file instead"
    )]
    Credentials,
    /// `#...`.
    #[error("holds a fragment (#...), which is never sent: leave it out")]
    Fragment,
}

/// A webhook that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// Its URL.
    #[error(transparent)]
    Url(#[from] BadUrl),
    /// Its address.
    #[error("{0}")]
    Address(String),
    /// The HTTP client could not be made.
    #[error("could not set up the http client")]
    Client(#[source] reqwest::Error),
}

impl Options {
    /// Checks the URL, and its address if it is written as one; names are looked up for each attempt.
    ///
    /// # Errors
    /// If nothing can be delivered to it.
    pub fn new(url: &str, secret: Secret, networks: Networks) -> Result<Self, Unusable> {
        // The cause would repeat parts of the URL.
        let Ok(url) = Url::parse(url.trim()) else {
            return Err(BadUrl::Unreadable.into());
        };
        let options = Self {
            url,
            secret,
            networks,
        };
        let url = &options.url;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BadUrl::Scheme.into());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BadUrl::Credentials.into());
        }
        if url.fragment().is_some() {
            return Err(BadUrl::Fragment.into());
        }
        match options.literal() {
            Ok(()) => Ok(options),
            Err(refused) => Err(Unusable::Address(refused.to_string())),
        }
    }

    /// An address in the URL is never looked up, so it is checked here.
    fn literal(&self) -> Result<(), Refused> {
        let host = self.url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        match host.parse() {
            Ok(address) => self.networks.refuse(address),
            // A name; it is looked up for each attempt.
            Err(_) => Ok(()),
        }
    }

    /// Its server: what may be shown of it.
    fn shown(&self) -> String {
        self.url.origin().ascii_serialization()
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Options");
        out.field("server", &self.shown());
        out.field("networks", &self.networks)
            .finish_non_exhaustive()
    }
}

/// A program that is told.
#[derive(Debug)]
pub struct Webhook {
    options: Options,
    shown: String,
    client: Client,
}

impl Webhook {
    /// Sets the client up; nothing is sent.
    ///
    /// # Errors
    /// If the client cannot be made.
    pub fn new(options: Options) -> Result<Self, Unusable> {
        Self::with(options, reach::system(), Patience::default())
    }

    pub(super) fn with(
        options: Options,
        lookup: Lookup,
        patience: Patience,
    ) -> Result<Self, Unusable> {
        static TLS: Once = Once::new();
        TLS.call_once(|| {
            // Refused only if the program around has chosen one before, which will do as well.
            let _chosen_before = rustls::crypto::ring::default_provider().install_default();
        });
        let networks = options.networks;
        let client = Client::builder()
            .user_agent(concat!("weir/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(std::sync::Arc::new(Checked { lookup, networks }))
            .no_proxy()
            .redirect(redirect::Policy::none())
            // One layer of retries: that of whoever keeps the deliveries.
            .retry(retry::never())
            .referer(false)
            .no_gzip()
            .http1_only()
            // Deliveries are rare: a connection kept would be a dead one by the next.
            .pool_max_idle_per_host(0)
            .connect_timeout(patience.connect)
            .timeout(patience.total)
            .build()
            .map_err(Unusable::Client)?;
        Ok(Self {
            shown: options.shown(),
            options,
            client,
        })
    }

    /// One attempt; `now` is signed along.
    ///
    /// # Errors
    /// If the receiver did not take it.
    pub async fn deliver(&self, event: &Event, now: Micros) -> Result<(), Undelivered> {
        let Options { url, secret, .. } = &self.options;
        let body = event.body();
        let signature = sign(secret, now.0.div_euclid(1_000_000), &body);
        let request = self
            .client
            .post(url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("weir-event", event.kind.name())
            .header("weir-delivery", event.header_id())
            .header("weir-signature", signature)
            .body(body);
        match request.send().await {
            Ok(response) => self.answered(response).await,
            Err(error) => Err(self.failed(error)),
        }
    }

    async fn answered(&self, mut response: Response) -> Result<(), Undelivered> {
        let status = response.status();
        let word = response.headers().get(RETRY_AFTER).cloned();
        let mut heard = 0;
        // What breaks off now changes nothing: the status is in.
        while let Ok(Some(part)) = response.chunk().await {
            heard += part.len();
            if heard >= ANSWER {
                break;
            }
        }
        let shown = &self.shown;
        if status.is_success() {
            return Ok(());
        }
        let why = format!("{shown} answered {status}");
        let later = status.is_server_error()
            || matches!(
                status,
                StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
            );
        if later {
            let seconds = word.and_then(|word| word.to_str().ok()?.trim().parse().ok());
            return Err(Undelivered::Retry {
                why,
                after: seconds.map(Duration::from_secs),
            });
        }
        Err(Undelivered::never(if status.is_redirection() {
            format!("{why}; redirects are not followed: write where it leads to as notify.webhook")
        } else {
            why
        }))
    }

    fn failed(&self, error: reqwest::Error) -> Undelivered {
        let shown = &self.shown;
        let error = error.without_url();
        let mut last = String::new();
        let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
        while let Some(error) = cause {
            if let Some(refused) = error.downcast_ref::<Refused>() {
                return Undelivered::never(format!("did not call {shown}: {refused}"));
            }
            last = error.to_string();
            cause = error.source();
        }
        if error.is_builder() {
            return Undelivered::never(format!("could not call {shown}: {}", tidy(&last, 200)));
        }
        Undelivered::retry(if error.is_timeout() {
            format!("{shown} did not answer in time")
        } else {
            format!("could not reach {shown}: {}", tidy(&last, 200))
        })
    }
}
