//! Listens on loopback: one task a connection, requests one after the other on each.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::Options;
use super::admission::Law;
use super::desk::{Call, Desk, Incoming, Reply, scale};
use super::http::{Request, Unread, request, respond};
use super::log::{Arrival, Report};
use super::refusal::{ELSEWHERE, error};

/// A provider that is ready to serve.
#[derive(Clone, Debug)]
pub struct Service(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    desk: Mutex<Desk>,
    origin: Instant,
    scale: f64,
    address: SocketAddr,
}

impl Service {
    /// For a listener that is bound; time begins now.
    ///
    /// # Errors
    /// If the log cannot be created.
    pub fn new(options: Options, address: SocketAddr) -> io::Result<Self> {
        Ok(Self(Arc::new(Shared {
            scale: scale(&options),
            desk: Mutex::new(Desk::new(options)?),
            origin: Instant::now(),
            address,
        })))
    }

    /// Serves for ever: drop the future to stop.
    pub async fn run(&self, listener: TcpListener) {
        let mut listener = Some(listener);
        let mut connections = JoinSet::new();
        let mut absences = self.desk().options().script.gone.clone();
        absences.sort_by_key(|gone| gone.start);
        let mut absences = absences.into_iter().peekable();
        loop {
            let until = absences.peek().map(|gone| self.wall(gone.start));
            let absent = async {
                match until {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            let Some(open) = &listener else {
                // The port was taken meanwhile: it may come free.
                sleep(Duration::from_millis(50)).await;
                listener = TcpListener::bind(self.0.address).await.ok();
                continue;
            };
            tokio::select! {
                accepted = open.accept() => {
                    if let Ok((stream, _)) = accepted {
                        connections.spawn(serve(self.clone(), stream));
                    }
                }
                Some(_ended) = connections.join_next() => {}
                () = absent => {
                    listener = None;
                    connections.shutdown().await;
                    if let Some(gone) = absences.next() {
                        sleep_until(self.wall(gone.end)).await;
                    }
                }
            }
        }
    }

    /// What the calls come to so far.
    #[must_use]
    pub fn report(&self) -> Report {
        self.desk().report(self.now())
    }

    /// The limits that hold.
    #[must_use]
    pub fn law(&self) -> Law {
        self.desk().law()
    }

    /// Writes down what is not written yet.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub fn flush(&self) -> io::Result<()> {
        self.desk().flush()
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Simulated time.
    fn now(&self) -> Duration {
        self.0.origin.elapsed().mul_f64(self.0.scale)
    }

    fn wall(&self, at: Duration) -> Instant {
        self.0.origin + at.div_f64(self.0.scale)
    }
}

/// A call in flight. Dropped before its end it is over all the same.
struct Open {
    service: Service,
    call: Call,
    ended: bool,
}

impl Open {
    fn end(&mut self, delivered: bool) {
        if !std::mem::replace(&mut self.ended, true) {
            let now = self.service.now();
            self.service.desk().over(now, &self.call, delivered);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.end(false);
    }
}

/// A connection; counted as long as it lives.
struct Connected(Service);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.desk().disconnected();
    }
}

async fn serve(service: Service, mut stream: TcpStream) {
    service.desk().connected();
    let _connected = Connected(service.clone());
    // Answers are written at once and whole: nothing is gained by waiting for more.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let mut read = Vec::new();
    loop {
        let request = match request(&mut stream, &mut read).await {
            Ok(request) => request,
            Err(Unread::Over) => return,
            Err(Unread::Wrong(status, why)) => {
                let body = error("invalid_request_error", "", why);
                // The client may have gone: then there is nobody to tell.
                let _gone = respond(&mut stream, &plain(status, body), None, 1.0).await;
                return;
            }
        };
        let close = request.close;
        if !reply(&service, &mut stream, request).await || close {
            return;
        }
    }
}

/// Answers a request; `false` if the connection is over.
async fn reply(service: &Service, stream: &mut TcpStream, request: Request) -> bool {
    let path = request.path.split('?').next().unwrap_or_default();
    if request.method == "POST" && path.ends_with("/chat/completions") {
        return complete(service, stream, &request).await;
    }
    let plain = match (request.method.as_str(), path) {
        ("GET", "/sim/report") => {
            let report = serde_json::to_string(&service.report()).unwrap_or_default();
            plain(200, report)
        }
        ("GET", path) if path.ends_with("/models") => {
            let model = json!({"id": "sim", "object": "model", "created": 1_700_000_000, "owned_by": "weir"});
            plain(200, json!({"object": "list", "data": [model]}).to_string())
        }
        (_, ELSEWHERE) => {
            service.desk().followed(request.key.is_some());
            plain(
                404,
                error("invalid_request_error", "", "This is where a redirect led"),
            )
        }
        (method, path) => {
            let words = format!(
                "Unknown request URL: {method} {path}. Simulated are POST /v1/chat/completions, GET /v1/models and GET /sim/report"
            );
            plain(404, error("invalid_request_error", "unknown_url", &words))
        }
    };
    respond(stream, &plain, None, 1.0).await.unwrap_or(false)
}

async fn complete(service: &Service, stream: &mut TcpStream, request: &Request) -> bool {
    let incoming = Incoming {
        body: &request.body,
        key: request.key.as_deref(),
    };
    let call = service.desk().arrive(service.now(), &incoming);
    let mut open = Open {
        service: service.clone(),
        call,
        ended: false,
    };
    let scale = service.0.scale;
    if !open.call.latency.is_zero() {
        sleep(open.call.latency.div_f64(scale)).await;
    }
    let gone = is_gone(stream).await;
    let reply = service.desk().finish(service.now(), &open.call);
    if open.call.wire.is_none() {
        // Before the client has it: whoever then asks for a report finds it there.
        open.end(!gone);
    }
    let sent = respond(stream, &reply, open.call.wire, scale).await;
    open.end(sent.is_ok());
    sent.unwrap_or(false)
}

/// Whether the client has closed the connection.
async fn is_gone(stream: &TcpStream) -> bool {
    let mut one = [0];
    tokio::select! {
        biased;
        peeked = stream.peek(&mut one) => !matches!(peeked, Ok(1)),
        () = std::future::ready(()) => false,
    }
}

fn plain(status: u16, body: String) -> Reply {
    Reply {
        status,
        headers: Vec::new(),
        body: body.into_bytes(),
        wait: None,
    }
}

/// A provider on a port of its own, in a thread of its own; dropped, it stops.
#[derive(Debug)]
pub struct Simulator {
    service: Service,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Simulator {
    /// Starts it on a free port of loopback.
    ///
    /// # Errors
    /// If there is no port, no thread or no log to be had.
    pub fn start(options: Options) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let service = Service::new(options, listener.local_addr()?)?;
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let serving = service.clone();
        let run = move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else {
                    return;
                };
                tokio::select! {
                    () = serving.run(listener) => {}
                    _ = stopped => {}
                }
            });
        };
        let thread = std::thread::Builder::new()
            .name("simulator".to_owned())
            .spawn(run)?;
        Ok(Self {
            service,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.service.0.address)
    }

    /// The calls so far, in order of arrival; none unless they are kept.
    #[must_use]
    pub fn log(&self) -> Vec<Arrival> {
        self.service.desk().log().to_vec()
    }

    /// What the calls come to so far.
    #[must_use]
    pub fn report(&self) -> Report {
        self.service.report()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It has ended by itself: as well.
            let _gone = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}
