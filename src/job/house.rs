//! What the runs of one process over one state share: ledger and manifest, the gates, and what is being asked.
//!
//! It outlives runs, and any number of them may go on in it at once: each over an output of its own, whose lock it holds.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::neighbours::{self, Seen};
use super::open::OpenError;
use super::order::Order;
use crate::flow::engine::Wall;
use crate::flow::underway::Underway;
use crate::llm::gate::Gate;
use crate::llm::monthly::Monthly;
use crate::model::unit::Micros;
use crate::store::{Database, Mode, StoreError};

/// Whose limits hold, and where: a server and a key, as a hash. It is never written down.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Account([u8; 32]);

impl Account {
    /// Of a server and the key that is shown to it.
    #[must_use]
    pub fn of(server: &str, key: Option<&str>) -> Self {
        let mut hash = blake3::Hasher::new_derive_key("weir account");
        hash.update(&(server.len() as u64).to_le_bytes());
        hash.update(server.as_bytes());
        hash.update(key.unwrap_or_default().as_bytes());
        Self(*hash.finalize().as_bytes())
    }
}

impl Account {
    /// A name for files that only this account has, from which nothing can be learnt of it.
    pub(super) fn name(self, model: &str) -> String {
        let mut hash = blake3::Hasher::new_derive_key("weir account and model");
        hash.update(&self.0).update(model.as_bytes());
        hash.finalize().to_hex().chars().take(32).collect()
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Account(***)")
    }
}

/// Gates by account and model.
type Gates = BTreeMap<(Account, Arc<str>), Door>;

/// A call has left the provider's minute after it, with what may pass between sending and arriving.
const MINUTE: Duration = Duration::from_secs(62);
/// ... and its day.
const DAY: Duration = Duration::from_mins(24 * 60 + 2);

/// What runs share.
pub struct House {
    state: PathBuf,
    database: Arc<Database>,
    underway: Arc<Underway>,
    gates: Mutex<Gates>,
    monthly: Mutex<Option<Arc<Monthly>>>,
}

impl House {
    /// Opens the state in a folder for writing, and makes it if it is not there; `fresh_id` names its ledger then.
    ///
    /// # Errors
    /// If another process writes to it, or it cannot be read or written.
    pub fn open(state: &Path, fresh_id: [u8; 16]) -> Result<Arc<Self>, OpenError> {
        Self::enter(state, fresh_id).map_err(|cause| OpenError::State {
            path: state.to_owned(),
            cause,
        })
    }

    pub(super) fn enter(state: &Path, fresh_id: [u8; 16]) -> Result<Arc<Self>, StoreError> {
        let database = Database::open(state, Mode::Write { fresh_id })?;
        Ok(Arc::new(Self {
            state: state.to_owned(),
            database: Arc::new(database),
            underway: Arc::default(),
            gates: Mutex::default(),
            monthly: Mutex::default(),
        }))
    }

    /// The folder of the state.
    #[must_use]
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Ledger and manifest.
    #[must_use]
    pub fn database(&self) -> &Arc<Database> {
        &self.database
    }

    pub(super) fn underway(&self) -> &Arc<Underway> {
        &self.underway
    }

    /// The gate that the calls of an order go through: one for each account and model. A new one is told of the calls
    /// that may still be in the provider's windows. Blocks: for a thread that may.
    pub(super) fn gate(&self, order: &Order) -> Result<Door, StoreError> {
        let mut gates = lock(&self.gates);
        let name = (order.account, Arc::clone(&order.question.model));
        if let Some(door) = gates.get(&name) {
            return Ok(Door {
                gate: Arc::clone(&door.gate),
                neighbour: None,
                _lock: None,
            });
        }
        let gate = Gate::new(order.seed);
        if order.paid {
            let now = (order.wall)();
            recall(&self.database, order, now, &gate)?;
        }
        let (lock, neighbour) = match neighbours::look(order) {
            Seen::Nobody(lock) => (lock, None),
            Seen::Somebody(note) => (None, Some(note)),
        };
        let door = Door {
            gate: Arc::clone(&gate),
            neighbour: None,
            _lock: lock,
        };
        gates.insert(name, door);
        Ok(Door {
            gate,
            neighbour,
            _lock: None,
        })
    }

    /// The purse of the month, of which what the ledger knows is gone. Blocks: for a thread that may.
    pub(super) fn monthly(&self, wall: &Wall) -> Result<Arc<Monthly>, StoreError> {
        let mut monthly = lock(&self.monthly);
        if let Some(monthly) = &*monthly {
            return Ok(Arc::clone(monthly));
        }
        let spent = self.database.spent_since(wall().month())?;
        let new = Monthly::new(spent, Arc::clone(wall));
        *monthly = Some(Arc::clone(&new));
        Ok(new)
    }
}

/// A gate, and what was seen when it was made.
pub(super) struct Door {
    pub(super) gate: Arc<Gate>,
    /// Another process uses the same account.
    pub(super) neighbour: Option<String>,
    /// Tells other processes so.
    _lock: Option<File>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells a new gate of the calls of processes before this one. Where it is not known what one was charged with, nothing
/// starts until it has left the minute.
fn recall(database: &Database, order: &Order, now: Micros, gate: &Gate) -> Result<(), StoreError> {
    let back = if order.limits.requests_per_day.is_some() {
        DAY
    } else {
        MINUTE
    };
    let since = Micros(
        now.0
            .saturating_sub(i64::try_from(back.as_micros()).unwrap_or(i64::MAX)),
    );
    let calls = database.calls_of(order.provider.name(), &order.question.model, since)?;
    let age = |at: Micros| Duration::from_micros(u64::try_from(now.0 - at.0).unwrap_or(0));
    let unknown = calls.iter().filter(|(_, tokens)| tokens.is_none());
    if let Some(youngest) = unknown.map(|(at, _)| age(*at)).min() {
        gate.hold(MINUTE.saturating_sub(youngest));
    }
    gate.recall(
        calls
            .into_iter()
            .map(|(at, tokens)| (age(at), tokens.unwrap_or(0))),
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_a_server_and_a_key_and_shows_neither() {
        let account = |server, key| Account::of(server, key);
        assert_eq!(account("a", Some("k")), account("a", Some("k")));
        assert_ne!(account("a", Some("k")), account("a", Some("l")));
        assert_ne!(account("a", Some("bk")), account("ab", Some("k")));
        assert_ne!(account("a", None), account("b", None));
        assert_eq!(format!("{:?}", account("a", Some("k"))), "Account(***)");
    }
}
