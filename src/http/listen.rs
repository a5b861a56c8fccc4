//! Connections in: so many at once, each with a time in which its headers must be there, all of them ended in order.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// In this time the headers of a request must have come.
const HEADERS: Duration = Duration::from_secs(15);
/// The most bytes of headers.
const MOST_HEADERS: usize = 64 << 10;
/// In this time open connections must have ended.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until `closing` says so: requests under way are ended, for a time.
pub async fn listen(
    listener: TcpListener,
    router: Router,
    most: usize,
    mut closing: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(most));
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            _ = closing.wait_for(|closing| *closing) => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            stream = accept(&listener, &places) => stream,
        };
        let Some((stream, place)) = stream else {
            continue;
        };
        stream.set_nodelay(true).ok();
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(HEADERS)
            .max_buf_size(MOST_HEADERS);
        let service = TowerToHyperService::new(router.clone());
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let mut closing = closing.clone();
        connections.spawn(async move {
            let connection = connection.with_upgrades();
            tokio::pin!(connection);
            tokio::select! {
                // A client that breaks off is no fault of ours.
                _ = connection.as_mut() => return,
                _ = closing.wait_for(|closing| *closing) => {}
            }
            connection.as_mut().graceful_shutdown();
            connection.await.ok();
            drop(place);
        });
    }
    drop(listener);
    // Streams of events have no end of their own.
    let ended = async { while connections.join_next().await.is_some() {} };
    timeout(GRACE, ended).await.ok();
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    // Who comes when all places are taken waits in the kernel.
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            if !broken_off(&error) {
                tracing::warn!("a connection could not be taken: {error}");
                // Out of files, most likely: it passes.
                sleep(Duration::from_millis(200)).await;
            }
            None
        }
    }
}

fn broken_off(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}
