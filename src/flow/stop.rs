//! Why a run ends before its work is done, known to all its parts at once.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

use crate::model::fault::Fault;

/// Why a run ends early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The budget is spent: nothing more is asked; what is in flight is waited for.
    Budget(String),
    /// The provider refuses every call: key, quota, model, certificate.
    Refused(Fault),
    /// The user said stop: nothing more is asked; what is in flight is waited for, for a time.
    Interrupted,
    /// The state has no room for more answers: nothing more is asked; what was answered is published.
    Room(String),
    /// The disk: nothing more is written.
    Storage(String),
    /// What was published does not follow from the manifest: every table must be rewritten.
    Mismatch,
    /// A bug of weir's own.
    Internal(String),
}

impl Ending {
    /// Whether rows may still be published: the state behind them is sound.
    #[must_use]
    pub fn publishes(&self) -> bool {
        matches!(
            self,
            Self::Budget(_) | Self::Refused(_) | Self::Interrupted | Self::Room(_)
        )
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Budget(why) | Self::Room(why) | Self::Storage(why) => f.write_str(why),
            Self::Refused(fault) => write!(f, "the provider refuses every call: {fault}"),
            Self::Interrupted => f.write_str("it was interrupted"),
            Self::Mismatch => f.write_str("what was published does not follow from its manifest"),
            Self::Internal(why) => write!(f, "a fault of weir itself: {why}"),
        }
    }
}

/// The one place where an early end is declared. The first one counts, but for the grave ones, which replace milder.
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<Option<Ending>>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl Stop {
    /// Declares an early end.
    pub fn end(&self, ending: Ending) {
        self.0.send_if_modified(|current| {
            let replaces = current
                .as_ref()
                .is_none_or(|current| current.publishes() && !ending.publishes());
            if replaces {
                *current = Some(ending);
            }
            replaces
        });
    }

    /// Takes back an end that has been mended: the tables are rewritten.
    pub fn mended(&self) {
        self.0.send_if_modified(|current| {
            let mended = *current == Some(Ending::Mismatch);
            if mended {
                *current = None;
            }
            mended
        });
    }

    /// The end that was declared, if any.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        self.0.borrow().clone()
    }

    /// To wait for it.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Option<Ending>> {
        self.0.subscribe()
    }
}

/// An error with all its causes, for the one line that a run's early end is told in.
pub(super) fn said(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_end_counts_unless_a_grave_one_follows() {
        let stop = Stop::default();
        stop.end(Ending::Interrupted);
        stop.end(Ending::Budget("spent".into()));
        assert_eq!(stop.ending(), Some(Ending::Interrupted));
        stop.end(Ending::Storage("full".into()));
        stop.end(Ending::Interrupted);
        assert_eq!(stop.ending(), Some(Ending::Storage("full".into())));
        assert_eq!(stop.ending().unwrap().to_string(), "full");
    }
}
