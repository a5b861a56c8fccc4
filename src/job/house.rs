//! What the runs of one process over one state share: ledger and manifest, the gates, and what is being asked.
//!
//! It outlives runs, and any number of them may go on in it at once: each over an output of its own, whose lock it holds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::open::OpenError;
use super::order::Order;
use crate::flow::underway::Underway;
use crate::llm::gate::Gate;
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

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Account(***)")
    }
}

/// Gates by account and model.
type Gates = BTreeMap<(Account, Arc<str>), Arc<Gate>>;

/// What runs share.
pub struct House {
    state: PathBuf,
    database: Arc<Database>,
    underway: Arc<Underway>,
    gates: Mutex<Gates>,
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

    /// The gate that the calls of an order go through: one for each account and model.
    pub(super) fn gate(&self, order: &Order, seed: u64) -> Arc<Gate> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let name = (order.account, Arc::clone(&order.question.model));
        Arc::clone(gates.entry(name).or_insert_with(|| Gate::new(seed)))
    }
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
