//! Whole ledgers: copied while a run goes on, put back, and the answers of one taken into another.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::database::{at_most, connect, make_folder, sync};
use super::error::StoreError;
use super::ledger::{Kept, answer, put_answers, put_texts};
use super::maintain::{Maintenance, truncate_log};
use super::schema::{self, Found};
use super::{lock, readers};
use crate::model::id::{AnswerKey, Fingerprint};

/// Answers that are taken over in one transaction.
const GROUP: usize = 1_000;

/// What an import brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Answers that were not here.
    pub new: u64,
    /// Answers that were here already; these stand.
    pub here: u64,
    /// Answers that were passed over since they, or their texts, are damaged.
    pub damaged: u64,
}

/// A ledger file that somebody names: the file, or the state folder that it is in.
fn file(path: &Path) -> PathBuf {
    if path.is_dir() {
        path.join("weir.db")
    } else {
        path.to_owned()
    }
}

/// Opens a ledger for reading, and makes sure that it is one of the present schema.
fn open(path: &Path) -> Result<Connection, StoreError> {
    fs::File::open(path).map_err(StoreError::file("open", path))?;
    let found = readers::open(path)
        .and_then(|connection| schema::find(&connection).map(|found| (connection, found)));
    match found {
        Ok((_, Found::Schema(found))) if at_most(found, path)? < schema::known() => {
            Err(StoreError::Older {
                path: path.to_owned(),
                found,
            })
        }
        Ok((connection, Found::Schema(_))) => Ok(connection),
        Ok(_) | Err(StoreError::Corrupt { .. }) => Err(StoreError::Foreign {
            path: path.to_owned(),
        }),
        Err(error) => Err(error),
    }
}

/// How many answers a ledger file has, once its structure is known to be sound.
///
/// # Errors
/// If it cannot be opened, is none, or is damaged.
pub fn inspect(path: &Path) -> Result<u64, StoreError> {
    let path = file(path);
    let connection = open(&path)?;
    sound(&connection, &path)?;
    let answers: i64 =
        connection.query_row("SELECT count(*) FROM answers", [], |row| row.get(0))?;
    Ok(super::row::unsigned(answers))
}

fn sound(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" {
        return Ok(());
    }
    Err(StoreError::Damaged {
        what: format!("ledger {}", path.display()),
    })
}

/// Copies one ledger into a new file beside `to`, checked and synced; gives its name.
fn copy_aside(from: &Connection, to: &Path) -> Result<PathBuf, StoreError> {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(format!(".part-{}", std::process::id()));
    let aside = to.with_file_name(name);
    // Nobody else may look, from the first byte on: SQLite fills an empty file that is there.
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)
        .map_err(StoreError::file("create", &aside))?;
    let fill = || {
        let text = aside.to_str().ok_or_else(|| StoreError::Foreign {
            path: aside.clone(),
        })?;
        from.execute("VACUUM INTO ?1", params![text])?;
        sound(&readers::open(&aside)?, &aside)?;
        fs::File::open(&aside)
            .and_then(|file| file.sync_all())
            .map_err(StoreError::file("sync", &aside))
    };
    if let Err(error) = fill() {
        fs::remove_file(&aside).ok();
        return Err(error);
    }
    Ok(aside)
}

fn rename(aside: &Path, to: &Path) -> Result<(), StoreError> {
    if let Err(error) = fs::rename(aside, to) {
        fs::remove_file(aside).ok();
        return Err(StoreError::file("create", to)(error));
    }
    match to.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => sync(folder),
        _ => sync(Path::new(".")),
    }
}

/// Copies a state's ledger and manifest into one file, as of one moment, while a run may go on. Says how large it is.
///
/// # Errors
/// If there is no state, or the file cannot be written; then there is none.
pub fn backup(state: &Path, to: &Path) -> Result<u64, StoreError> {
    let from = state.join("weir.db");
    let work = || {
        if !from.exists() {
            return Err(StoreError::Absent {
                state: state.to_owned(),
            });
        }
        let aside = copy_aside(&open(&from)?, to)?;
        rename(&aside, to)?;
        let size = fs::metadata(to).map_err(StoreError::file("read", to))?;
        Ok(size.len())
    };
    work().map_err(|error| error.during("back up the ledger").at(&from))
}

/// Makes a backup the state; what was there is replaced. Says how many answers it has.
///
/// # Errors
/// If the file is no sound ledger, a run goes on, or the disk refuses; then the state is what it was.
pub fn restore(from: &Path, state: &Path) -> Result<u64, StoreError> {
    let work = || {
        let answers = inspect(from)?;
        make_folder(state)?;
        let held = lock::take(state)?;
        let to = state.join("weir.db");
        let aside = copy_aside(&open(&file(from))?, &to)?;
        let emptied = if to.exists() { empty_log(&to) } else { Ok(()) };
        if let Err(error) = emptied {
            fs::remove_file(&aside).ok();
            return Err(error);
        }
        rename(&aside, &to)?;
        drop(held);
        Ok(answers)
    };
    work().map_err(|error| {
        error
            .during("restore the ledger")
            .at(&state.join("weir.db"))
    })
}

/// A log that stayed would be taken for that of the file which replaces its own.
fn empty_log(database: &Path) -> Result<(), StoreError> {
    // What cannot be opened has no log that anybody could apply, but its file is still in the way.
    if let Ok(connection) = connect(database, [0; 16])
        && !truncate_log(&connection)?
    {
        return Err(StoreError::Held {
            path: database.to_owned(),
        });
    }
    for side in ["weir.db-wal", "weir.db-shm"] {
        let path = database.with_file_name(side);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::file("remove", path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

impl Maintenance {
    /// Takes over the answers of another ledger that are not here, with their texts. Nothing is overwritten; doing it
    /// again does nothing.
    ///
    /// # Errors
    /// If the other one cannot be read, or this one not be written; what was taken over by then stays.
    pub fn import(&mut self, from: &Path) -> Result<Imported, StoreError> {
        let work = || {
            let other = open(&file(from))?;
            let snapshot = other.unchecked_transaction()?;
            let mut keys = snapshot.prepare("SELECT key FROM answers ORDER BY key")?;
            let mut keys = keys.query_map([], |row| row.get(0).map(AnswerKey))?;
            let mut imported = Imported::default();
            loop {
                let group = keys.by_ref().take(GROUP).collect::<Result<Vec<_>, _>>()?;
                if group.is_empty() {
                    return Ok(imported);
                }
                let transaction = self.connection.unchecked_transaction()?;
                for key in group {
                    take_over(&snapshot, &transaction, key, &mut imported)?;
                }
                transaction.commit()?;
            }
        };
        work().map_err(|error: StoreError| error.during("import a ledger").at(from))
    }
}

fn take_over(
    from: &Connection,
    to: &Connection,
    key: AnswerKey,
    imported: &mut Imported,
) -> Result<(), StoreError> {
    if matches!(answer(to, key)?, Kept::Whole(_)) {
        imported.here += 1;
        return Ok(());
    }
    let Kept::Whole(found) = answer(from, key)? else {
        imported.damaged += 1;
        return Ok(());
    };
    let text: Option<String> = rusqlite::OptionalExtension::optional(
        from.prepare_cached("SELECT text FROM texts WHERE fingerprint = ?1")?
            .query_row([found.fingerprint.0], |row| row.get(0)),
    )?;
    // Without its text an answer is of use all the same: a run that asks for it brings the text along.
    if let Some(text) = text {
        if Fingerprint::of_shown(&text) != found.fingerprint {
            imported.damaged += 1;
            return Ok(());
        }
        put_texts(to, &[(found.fingerprint, text.into())])?;
    }
    put_answers(to, &[*found])?;
    imported.new += 1;
    Ok(())
}
