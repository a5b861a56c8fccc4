//! Connections for reading: taken for one lookup, then kept for the next.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::StoreError;

/// How many idle ones are kept: as many as there are threads that look things up at once.
const IDLE: usize = 8;

/// How long anybody waits for a lock; only a tool that writes to the database by hand makes us wait at all.
pub(super) const BUSY: Duration = Duration::from_secs(30);

/// A pool without a bound on what is in use: its users are threads, which are few.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            idle: Mutex::default(),
        }
    }

    /// Where the database lies.
    pub(super) fn folder(&self) -> &Path {
        let folder = self.path.parent();
        folder.unwrap_or(Path::new("."))
    }

    /// Runs `work` on a connection that sees everything acknowledged before.
    pub(super) fn read<T>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let taken = self.idle().pop();
        let connection = match taken {
            Some(connection) => connection,
            None => open(&self.path).map_err(|error| error.during(what).at(&self.path))?,
        };
        let result = work(&connection).map_err(|error| error.during(what).at(&self.path));
        let mut idle = self.idle();
        if result.is_ok() && idle.len() < IDLE {
            idle.push(connection);
        }
        result
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A read-only connection.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    settle(&connection, 1_000)?;
    Ok(connection)
}

/// What every connection is set to. The file is not trusted: it may have been damaged, or made by somebody else.
pub(super) fn settle(connection: &Connection, cache_kib: i64) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    Ok(())
}
