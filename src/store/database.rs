//! The database file: opened, locked, brought up to date, shared.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::{Connection, OpenFlags};

use super::error::StoreError;
use super::readers::{self, Readers};
use super::schema::{self, Found};
use super::writer::{Haste, Pending, Writer};
use super::{calls, lock};

/// What a database is opened for.
#[derive(Clone, Copy, Debug)]
pub enum Mode {
    /// Reading and writing: by one process at a time.
    Write {
        /// The id of the ledger, should it be new: random.
        fresh_id: [u8; 16],
    },
    /// Reading only, also while another process writes.
    Read,
}

/// The durable state of weir in one folder. Shared by reference or in an `Arc`.
pub struct Database {
    // In this order: the writer ends before the lock is freed.
    writer: Option<Writer>,
    readers: Readers,
    damaged: AtomicU64,
    abandoned: u64,
    ledger_id: String,
    _lock: Option<File>,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Database({})", self.ledger_id)
    }
}

impl Database {
    /// Opens the state in a folder; for writing, creates what is missing.
    ///
    /// # Errors
    /// If another process writes to it, it is from a newer weir, damaged or not weir's, or the disk refuses.
    pub fn open(state: &Path, mode: Mode) -> Result<Self, StoreError> {
        let path = state.join("weir.db");
        let opened = match mode {
            Mode::Write { fresh_id } => Self::open_to_write(state, &path, fresh_id),
            Mode::Read => Self::open_to_read(state, &path),
        };
        opened.map_err(|error| match error {
            // The very first bytes are not SQLite's.
            StoreError::Corrupt { cause, .. }
                if cause.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) =>
            {
                StoreError::Foreign { path }
            }
            other => other.during("open").at(&path),
        })
    }

    fn open_to_write(state: &Path, path: &Path, fresh_id: [u8; 16]) -> Result<Self, StoreError> {
        make_folder(state)?;
        let lock = lock::take(state)?;
        make_file(state, path)?;
        let connection = connect(path, fresh_id)?;
        let ledger_id = ledger_id(&connection, path)?;
        let abandoned = calls::abandon(&connection)?;
        Ok(Self {
            writer: Some(Writer::start(connection)?),
            readers: Readers::new(path),
            damaged: AtomicU64::new(0),
            abandoned,
            ledger_id,
            _lock: Some(lock),
        })
    }

    fn open_to_read(state: &Path, path: &Path) -> Result<Self, StoreError> {
        let absent = || StoreError::Absent {
            state: state.to_owned(),
        };
        match fs::metadata(path) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(absent()),
            Err(error) => return Err(StoreError::file("read", path)(error)),
        }
        let readers = Readers::new(path);
        let ledger_id = readers.read("open", |connection| match schema::find(connection)? {
            Found::Empty => Err(absent()),
            Found::Foreign => Err(StoreError::Foreign {
                path: path.to_owned(),
            }),
            Found::Schema(found) if at_most(found, path)? < schema::known() => {
                Err(StoreError::Older {
                    path: path.to_owned(),
                    found,
                })
            }
            Found::Schema(_) => ledger_id(connection, path),
        })?;
        Ok(Self {
            writer: None,
            readers,
            damaged: AtomicU64::new(0),
            abandoned: 0,
            ledger_id,
            _lock: None,
        })
    }

    /// The name that this ledger was given when it was made: 32 hex digits.
    #[must_use]
    pub fn ledger_id(&self) -> &str {
        &self.ledger_id
    }

    /// The folder that it lies in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.readers.folder()
    }

    /// How many bytes this user may still write there; none if the system does not tell.
    #[must_use]
    pub fn room(&self) -> Option<u64> {
        let found = rustix::fs::statvfs(self.folder()).ok()?;
        found.f_bavail.checked_mul(found.f_frsize)
    }

    /// How many calls an earlier process left behind with their outcome unknown, found by this opening.
    #[must_use]
    pub fn abandoned(&self) -> u64 {
        self.abandoned
    }

    /// How many damaged values lookups have met so far. They are passed over as if they had never been stored.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.damaged.load(Ordering::Relaxed)
    }

    pub(super) fn met_damaged(&self) {
        self.damaged.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read<T>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.readers.read(what, work)
    }

    pub(super) fn write<T, F>(&self, what: &'static str, work: F) -> Pending<T>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        match &self.writer {
            Some(writer) => writer.write(what, Haste::Urgent, work),
            None => Pending::failed(StoreError::ReadOnly),
        }
    }

    /// As `write`, but it may wait a few milliseconds for others to share its sync with.
    pub(super) fn write_patiently<T, F>(&self, what: &'static str, work: F) -> Pending<T>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        match &self.writer {
            Some(writer) => writer.write(what, Haste::Patient, work),
            None => Pending::failed(StoreError::ReadOnly),
        }
    }
}

/// A connection that writes, to a database of the present schema. Only for the holder of the lock.
pub(super) fn connect(path: &Path, fresh_id: [u8; 16]) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    readers::settle(&connection, 4_000)?;
    // Working tables, and what a statement that fails is taken back with, hold texts: they never reach the disk.
    connection.pragma_update(None, "temp_store", "memory")?;
    let schema = match schema::find(&connection)? {
        Found::Empty => 0,
        Found::Schema(found) => at_most(found, path)?,
        Found::Foreign => {
            return Err(StoreError::Foreign {
                path: path.to_owned(),
            });
        }
    };
    let migrate = || {
        let fresh = u128::from_be_bytes(fresh_id);
        schema::migrate(&connection, schema, &format!("{fresh:032x}"))
    };
    synced(&connection)?;
    if schema == 0 {
        // Before there is a log: a log that is damaged takes what is in it along, and must not take the ledger's name.
        migrate()?;
    }
    logged(&connection)?;
    if (1..schema::known()).contains(&schema) {
        migrate()?;
    }
    Ok(connection)
}

pub(super) fn at_most(found: i64, path: &Path) -> Result<i64, StoreError> {
    let known = schema::known();
    if found > known {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    Ok(found)
}

fn ledger_id(connection: &Connection, path: &Path) -> Result<String, StoreError> {
    schema::meta(connection, "ledger")?.ok_or_else(|| StoreError::Foreign {
        path: path.to_owned(),
    })
}

/// What is acknowledged must survive a power cut: a sync for every commit, and on macOS one that reaches the disk.
fn synced(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    Ok(())
}

/// Commits go to a log: readers and the writer do not wait for each other.
fn logged(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    // Pages that many commits change are copied to the database once for all of them.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 4_000, |_| Ok(()))?;
    // What a long read made the log grow to is given back, but for what is soon used again.
    connection.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(()))?;
    Ok(())
}

/// Transcripts and answers are nobody else's business: only the owner may look.
pub(super) fn make_folder(state: &Path) -> Result<(), StoreError> {
    if let Some(parent) = parent(state) {
        let missing: Vec<_> = parent
            .ancestors()
            .take_while(|folder| !folder.exists())
            .collect();
        fs::create_dir_all(&parent).map_err(StoreError::file("create", &parent))?;
        for above in missing.into_iter().filter_map(self::parent) {
            sync(&above)?;
        }
    }
    match fs::DirBuilder::new().mode(0o700).create(state) {
        Ok(()) => parent(state).map_or(Ok(()), |parent| sync(&parent)),
        Err(_) if state.is_dir() => Ok(()),
        Err(error) => Err(StoreError::file("create", state)(error)),
    }
}

/// SQLite gives its side files the mode of this one.
pub(super) fn make_file(state: &Path, path: &Path) -> Result<(), StoreError> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Ok(_) => sync(state),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::file("create", path)(error)),
    }
}

fn parent(path: &Path) -> Option<PathBuf> {
    path.parent().map(|parent| {
        if parent.as_os_str().is_empty() {
            PathBuf::from(".")
        } else {
            parent.to_owned()
        }
    })
}

/// A name is on the disk once its folder is.
pub(super) fn sync(folder: &Path) -> Result<(), StoreError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(StoreError::file("sync", folder))
}
