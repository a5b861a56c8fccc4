//! The provider over HTTP: OpenAI's Chat Completions, and every server that speaks it.
//!
//! HTTP/1.1 on purpose: one HTTP/2 connection takes about a hundred calls at once, and then they wait unseen.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Url, redirect, retry};
use tokio::time::Instant;

use super::chat::{self, Fixed, Said};
use super::fault::{classify, is_filter, request_id};
use super::preset::Preset;
use super::transport::{transport, whole};
use super::{BoxFuture, Provider};
use crate::model::call::{Batch, Finish, Question, Reply};
use crate::model::fault::{Fault, FaultKind};
use crate::model::id::{PromptId, SchemaId};

/// Bytes around each chunk: its fence, with tag and mark.
const FENCE: usize = 64;

/// A secret that never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Arc<str>);

impl Key {
    /// A key, without the blanks around it; `None` if nothing is left.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.into()))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where and how to call.
#[derive(Clone, Debug)]
pub struct Options {
    /// The kind of server.
    pub preset: Preset,
    /// Up to and including `/v1`, or whatever stands before `/chat/completions`.
    pub base_url: String,
    /// The key, if the server wants one.
    pub key: Option<Key>,
    /// For the connection. Longer than a handshake ever takes, shorter than a person's patience.
    pub connect: Duration,
    /// For the whole call. Answers of thousands of tokens take minutes on slow servers.
    pub total: Duration,
    /// Idle connections that are kept: as many as there are calls in flight, or each call pays a handshake.
    pub connections: usize,
}

impl Options {
    /// The usual ones for a kind of server.
    #[must_use]
    pub fn new(preset: Preset, base_url: impl Into<String>) -> Self {
        Self {
            preset,
            base_url: base_url.into(),
            key: None,
            connect: Duration::from_secs(10),
            total: Duration::from_mins(10),
            connections: 256,
        }
    }
}

/// Options that cannot be used. The URL is not repeated: it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum Misconfigured {
    /// Not a URL.
    #[error("the base url cannot be read: {0}")]
    Url(String),
    /// Neither `http` nor `https`.
    #[error("the base url is {0:?}, neither http nor https")]
    Scheme(String),
    /// A name or password in the URL would end up in logs.
    #[error("the base url holds a user name or a password")]
    Credentials,
    /// The key cannot stand in a header.
    #[error("the key holds characters that cannot stand in a header")]
    Key,
    /// The HTTP client could not be made.
    #[error("could not set up the http client")]
    Client(#[source] reqwest::Error),
}

/// The provider.
#[derive(Debug)]
pub struct OpenAi {
    options: Options,
    url: Url,
    client: Client,
    /// By prompt and schema; written once.
    fixed: Mutex<BTreeMap<(PromptId, SchemaId), Arc<Fixed>>>,
}

impl OpenAi {
    /// Sets the client up; nothing is sent.
    ///
    /// # Errors
    /// If the options cannot be used.
    pub fn new(options: Options) -> Result<Self, Misconfigured> {
        static TLS: Once = Once::new();
        TLS.call_once(|| {
            // Refused only if the program around has chosen one before, which will do as well.
            let _chosen_before = rustls::crypto::ring::default_provider().install_default();
        });
        let url = endpoint(&options.base_url)?;
        let mut builder = Client::builder()
            .default_headers(headers(options.key.as_ref())?)
            .user_agent(concat!("weir/", env!("CARGO_PKG_VERSION")))
            // One layer of retries, ours; and a key must not follow a redirect.
            .retry(retry::never())
            .redirect(redirect::Policy::none())
            .referer(false)
            .http1_only()
            .connect_timeout(options.connect)
            .pool_max_idle_per_host(options.connections)
            .pool_idle_timeout(Duration::from_secs(50))
            .tcp_keepalive(Duration::from_secs(30));
        if is_loopback(&url) {
            builder = builder.no_proxy();
        }
        Ok(Self {
            client: builder.build().map_err(Misconfigured::Client)?,
            options,
            url,
            fixed: Mutex::default(),
        })
    }

    async fn ask(&self, batch: &Batch) -> Result<Reply, Fault> {
        let preset = self.options.preset;
        let body = self
            .fixed(&batch.question)
            .and_then(|fixed| chat::request(preset, batch, &fixed))
            .map_err(|error| unwritable(&error))?;
        let started = Instant::now();
        let mut request = self
            .client
            .post(self.url.clone())
            .timeout(chat::timeout(batch, self.options.total))
            .body(body);
        if preset == Preset::OpenAi {
            request = request.header("x-client-request-id", batch.call.to_string());
        }
        let mut response = request
            .send()
            .await
            .map_err(|error| transport(error, None))?;
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let body = whole(&mut response).await.map_err(|fault| Fault {
            request_id: request_id(&headers).map(|id| self.masked(id)),
            ..fault
        })?;
        let said = match status {
            200..=299 => chat::answer(&body),
            _ if is_filter(status, &body) => Some(filtered()),
            _ => None,
        };
        let said = said.ok_or_else(|| self.without_key(classify(status, &headers, &body)))?;
        Ok(Reply {
            content: said.content,
            finish: said.finish,
            usage: said.usage,
            cost: said.cost.or_else(|| chat::cost(&headers)),
            model: said.model,
            request_id: request_id(&headers).map(|id| self.masked(id)),
            limits: chat::limits(&headers),
            body: body.into(),
            latency: started.elapsed(),
        })
    }

    /// What all calls of a question share; written at the first of them.
    fn fixed(&self, question: &Question) -> Result<Arc<Fixed>, serde_json::Error> {
        let key = (question.prompt_id, question.schema_id);
        let mut fixed = self.fixed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fixed) = fixed.get(&key) {
            return Ok(Arc::clone(fixed));
        }
        let fresh = Arc::new(Fixed::new(self.options.preset, question)?);
        fixed.insert(key, Arc::clone(&fresh));
        Ok(fresh)
    }

    /// Some servers repeat the key that they refuse.
    fn without_key(&self, mut fault: Fault) -> Fault {
        fault.message = self.masked(fault.message);
        fault.request_id = fault.request_id.map(|id| self.masked(id));
        fault
    }

    fn masked(&self, text: String) -> String {
        match &self.options.key {
            Some(Key(key)) => text.replace(key.as_ref(), "***"),
            None => text,
        }
    }
}

impl Provider for OpenAi {
    fn name(&self) -> &str {
        self.options.preset.name()
    }

    fn call<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<Reply, Fault>> {
        Box::pin(self.ask(batch))
    }

    /// The chunks are counted, the rest is taken at three bytes a token: more than English has. How far that is
    /// off for a model is learnt from its answers, see `learn`.
    fn estimate(&self, batch: &Batch) -> u64 {
        let question = &batch.question;
        // What cannot be written is told when it is sent.
        let fixed = self.fixed(question).map_or(0, |fixed| fixed.bytes);
        let tokens = batch.chunks.iter().map(|chunk| u64::from(chunk.tokens));
        let hint = batch.hint.as_ref().map_or(0, String::len);
        let around = fixed + hint + batch.chunks.len() * FENCE;
        tokens.sum::<u64>() + (around as u64).div_ceil(3)
    }
}

fn unwritable(error: &serde_json::Error) -> Fault {
    let message = format!("could not write the request as JSON: {error}");
    Fault::new(FaultKind::Rejected, message)
}

/// A prompt that a filter refused: as an answer that a filter cut, for which smaller batches are asked.
fn filtered() -> Said {
    Said {
        content: String::new(),
        finish: Finish::ContentFilter,
        usage: None,
        cost: None,
        model: None,
    }
}

fn endpoint(base: &str) -> Result<Url, Misconfigured> {
    let mut url = Url::parse(base).map_err(|error| Misconfigured::Url(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Misconfigured::Scheme(url.scheme().to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Misconfigured::Credentials);
    }
    let path = format!("{}/chat/completions", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost"
        || bare
            .parse()
            .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

fn headers(key: Option<&Key>) -> Result<HeaderMap, Misconfigured> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(Key(key)) = key {
        let value = HeaderValue::try_from(format!("Bearer {key}"));
        let mut value = value.ok().ok_or(Misconfigured::Key)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::scripted;
    use crate::model::fault::FaultKind;

    #[test]
    fn the_path_is_joined_whatever_the_base() {
        let join = |base: &str| endpoint(base).map(|url| url.to_string()).ok();
        let joined = |url: &str| Some(url.to_owned());
        for base in ["https://api.openai.com/v1", "https://api.openai.com/v1/"] {
            assert_eq!(
                join(base),
                joined("https://api.openai.com/v1/chat/completions")
            );
        }
        assert_eq!(
            join("http://[::1]:80"),
            joined("http://[::1]/chat/completions")
        );
        assert_eq!(
            join("https://x.azure.com/openai/deployments/d?api-version=1"),
            joined("https://x.azure.com/openai/deployments/d/chat/completions?api-version=1")
        );
        for base in [
            "",
            "api.openai.com",
            "file:///etc",
            "https://a:b@c/v1",
            "https://a@c/v1",
        ] {
            assert_eq!(join(base), None, "{base}");
        }
    }

    #[test]
    fn the_key_never_prints() {
        let mut options = Options::new(Preset::OpenAi, "https://api.openai.com/v1");
        options.key = Key::new(" canary-key\n");
        let provider = OpenAi::new(options).unwrap();
        assert!(!format!("{provider:?}").contains("canary"), "{provider:?}");
        let fault = provider.without_key(Fault::new(FaultKind::Key, "no such key: canary-key"));
        assert_eq!(fault.message, "no such key: ***");
        assert_eq!(Key::new("  "), None);
        let mut odd = Options::new(Preset::OpenAi, "https://api.openai.com/v1");
        odd.key = Key::new("a\nb");
        assert!(matches!(OpenAi::new(odd), Err(Misconfigured::Key)));
    }

    #[test]
    fn local_servers_are_called_directly() {
        let local = |url: &str| is_loopback(&Url::parse(url).unwrap());
        assert!(
            local("http://127.0.0.1:11434") && local("http://[::1]/") && local("http://localhost")
        );
        assert!(!local("https://api.openai.com") && !local("http://10.0.0.1"));
    }

    #[tokio::test]
    async fn a_closed_port_is_never_reached() {
        let options = Options::new(Preset::Ollama, "http://127.0.0.1:1/v1");
        let fault = OpenAi::new(options)
            .unwrap()
            .call(&scripted::batch(&["x"]))
            .await
            .unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unreached);
        assert!(
            fault.message.starts_with("could not reach the provider: "),
            "{fault}"
        );
        assert!(!fault.message.contains("127.0.0.1"), "{fault}");
    }

    #[test]
    fn the_estimate_covers_what_is_sent() {
        let provider = OpenAi::new(Options::new(Preset::OpenAi, "https://a/v1")).unwrap();
        let one = provider.estimate(&scripted::batch(&["Ana: Hello.\n"]));
        let two = provider.estimate(&scripted::batch(&["Ana: Hello.\n", "Ana: Hello.\n"]));
        assert!(two > one + 10 && one > 10, "{one} {two}");
    }
}
