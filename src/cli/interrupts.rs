//! SIGINT and SIGTERM, as something to wait for.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Both signals.
pub(super) struct Interrupts {
    signals: Option<(Signal, Signal)>,
}

impl Interrupts {
    /// From now on.
    pub(super) fn new() -> Self {
        // Without them a signal ends the process at once, which is as safe as a kill.
        let signals = signal(SignalKind::interrupt())
            .ok()
            .zip(signal(SignalKind::terminate()).ok());
        Self { signals }
    }

    /// The next one.
    pub(super) async fn next(&mut self) {
        match &mut self.signals {
            Some((interrupt, terminate)) => {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            }
            None => std::future::pending().await,
        }
    }
}
