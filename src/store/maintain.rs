//! Upkeep of the state, by the holder of its lock: what no view uses is pruned, documents are erased, answers of other
//! ledgers taken over. No run goes on meanwhile.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::database::connect;
use super::error::StoreError;
use super::row::{total, unsigned};
use super::{calls, lock, readers};
use crate::model::id::{AnswerKey, DocId, Fingerprint};
use crate::model::unit::{Micros, Usd};

/// The state, held for upkeep.
pub struct Maintenance {
    pub(super) connection: Connection,
    path: PathBuf,
    _lock: File,
}

/// What pruning takes away, or would.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prunable {
    /// Answers.
    pub answers: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What they cost.
    pub cost: Usd,
    /// By provider and model: answers and cost.
    pub models: Vec<(String, u64, Usd)>,
}

/// What was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Versions of the document.
    pub versions: u64,
    /// Chunk texts.
    pub texts: u64,
    /// Answers.
    pub answers: u64,
    /// Bodies of calls.
    pub bodies: u64,
}

impl Maintenance {
    /// Takes the lock of a state folder that there is.
    ///
    /// # Errors
    /// If there is none, a run goes on, or the database cannot be opened.
    pub fn open(state: &Path) -> Result<Self, StoreError> {
        let path = state.join("weir.db");
        if !path.exists() {
            return Err(StoreError::Absent {
                state: state.to_owned(),
            });
        }
        let lock = lock::take(state)?;
        let opened = connect(&path, [0; 16]).and_then(|connection| {
            // What is deleted is overwritten.
            connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
            calls::abandon(&connection)?;
            Ok(connection)
        });
        Ok(Self {
            connection: opened.map_err(|error| error.during("open").at(&path))?,
            path,
            _lock: lock,
        })
    }

    /// Whether a kill left a publication half way: the next run settles it.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn unsettled(&self) -> Result<bool, StoreError> {
        let found =
            self.connection
                .query_row("SELECT EXISTS (SELECT 1 FROM prepared)", [], |row| {
                    row.get(0)
                });
        Ok(found?)
    }

    /// Deletes answers that came before a time and are not among those in use, with the texts and bodies that only
    /// they needed. The calls stay: they are what was spent.
    ///
    /// # Errors
    /// If the database cannot be written; then nothing is deleted.
    pub fn prune(
        &mut self,
        used: &BTreeSet<AnswerKey>,
        before: Micros,
    ) -> Result<Prunable, StoreError> {
        let work = || -> Result<Prunable, StoreError> {
            let transaction = self.connection.unchecked_transaction()?;
            let found = prunable(&transaction, used, before)?;
            transaction.execute(&format!("DELETE FROM answers WHERE {UNUSED}"), [before.0])?;
            transaction.execute(
                "DELETE FROM bodies WHERE call_id NOT IN (SELECT call_id FROM answers WHERE call_id IS NOT NULL)
                 AND call_id IN (SELECT call_id FROM calls WHERE at < ?1)",
                [before.0],
            )?;
            transaction.commit()?;
            Ok(found)
        };
        work().map_err(|error| error.during("prune the ledger").at(&self.path))
    }

    /// Erases a document: its versions, and every text, answer, failure and body that may be of it, which is all that
    /// no document of `kept` stands for. Earlier versions of it are among that, since nothing else tells whose they
    /// were.
    ///
    /// # Errors
    /// If the database cannot be written; then nothing is erased.
    pub fn erase(
        &mut self,
        doc: DocId,
        kept: &BTreeSet<Fingerprint>,
    ) -> Result<Erased, StoreError> {
        let work = || -> Result<Erased, StoreError> {
            let transaction = self.connection.unchecked_transaction()?;
            stage(&transaction, kept.iter().map(Fingerprint::as_bytes))?;
            let mut erased = Erased {
                versions: transaction.execute("DELETE FROM versions WHERE doc_id = ?1", [doc.0])?
                    as u64,
                ..Erased::default()
            };
            transaction.execute("DELETE FROM files WHERE doc_id = ?1", [doc.0])?;
            transaction.execute("DELETE FROM outlines WHERE doc_id = ?1", [doc.0])?;
            let foreign = |table: &str| {
                let sql =
                    format!("DELETE FROM {table} WHERE fingerprint NOT IN (SELECT id FROM staged)");
                transaction.execute(&sql, []).map(|count| count as u64)
            };
            erased.texts = foreign("texts")?;
            erased.answers = foreign("answers")?;
            foreign("chunk_failures")?;
            foreign("outcomes")?;
            let bodies = format!("DELETE FROM bodies WHERE {UNACCOUNTED}");
            erased.bodies = transaction.execute(&bodies, [])? as u64;
            transaction.commit()?;
            Ok(erased)
        };
        work().map_err(|error| error.during("erase a document").at(&self.path))
    }

    /// Writes the database anew without what was deleted, and empties its log.
    ///
    /// # Errors
    /// If it cannot be written, or somebody who reads holds the log.
    pub fn compact(&mut self) -> Result<(), StoreError> {
        let work = || -> Result<bool, StoreError> {
            self.connection.execute_batch("VACUUM")?;
            truncate_log(&self.connection)
        };
        if work().map_err(|error| error.during("compact the ledger").at(&self.path))? {
            return Ok(());
        }
        Err(StoreError::Held {
            path: self.path.clone(),
        })
    }
}

/// Empties the log into the database; `false` if a reader holds it.
pub(super) fn truncate_log(connection: &Connection) -> Result<bool, StoreError> {
    let busy: i64 =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok(busy == 0)
}

/// What erasing a document would take away; works while a run goes on.
///
/// # Errors
/// If the database cannot be read.
pub fn look_for(
    state: &Path,
    doc: DocId,
    kept: &BTreeSet<Fingerprint>,
) -> Result<Erased, StoreError> {
    let work = || {
        let connection = readers::open(&state.join("weir.db"))?;
        connection.pragma_update(None, "temp_store", "memory")?;
        stage(&connection, kept.iter().map(Fingerprint::as_bytes))?;
        let count = |sql: String| -> Result<u64, StoreError> {
            Ok(connection.query_row(&sql, [], |row| row.get(0).map(unsigned))?)
        };
        let foreign = |table| {
            count(format!(
                "SELECT count(*) FROM {table} WHERE fingerprint NOT IN (SELECT id FROM staged)"
            ))
        };
        Ok(Erased {
            versions: connection.query_row(
                "SELECT count(*) FROM versions WHERE doc_id = ?1",
                [doc.0],
                |row| row.get(0).map(unsigned),
            )?,
            texts: foreign("texts")?,
            answers: foreign("answers")?,
            bodies: count(format!("SELECT count(*) FROM bodies WHERE {UNACCOUNTED}"))?,
        })
    };
    work().map_err(|error: StoreError| error.during("look for what is to be erased"))
}

/// A body may quote any chunk of its call: it stays only if all of them have an answer that stays.
const UNACCOUNTED: &str = "call_id NOT IN (SELECT c.call_id FROM calls c
    JOIN (SELECT call_id, count(*) n FROM answers WHERE fingerprint IN (SELECT id FROM staged) GROUP BY call_id) a
    ON a.call_id = c.call_id WHERE a.n >= c.chunks)";

/// Answers that no view uses, older than `?1`.
const UNUSED: &str = "answered_at < ?1 AND key NOT IN (SELECT id FROM staged)";

/// What pruning would take away; works while a run goes on.
///
/// # Errors
/// If the database cannot be read.
pub fn look(
    state: &Path,
    used: &BTreeSet<AnswerKey>,
    before: Micros,
) -> Result<Prunable, StoreError> {
    let path = state.join("weir.db");
    let work = || {
        let connection = readers::open(&path)?;
        connection.pragma_update(None, "temp_store", "memory")?;
        prunable(&connection, used, before)
    };
    work().map_err(|error: StoreError| error.during("look for answers to prune").at(&path))
}

fn prunable(
    connection: &Connection,
    used: &BTreeSet<AnswerKey>,
    before: Micros,
) -> Result<Prunable, StoreError> {
    stage(connection, used.iter().map(AnswerKey::as_bytes))?;
    let mut get = connection.prepare(&format!(
        "SELECT provider || ' ' || model, count(*), total(octet_length(content)), total(cost)
         FROM answers WHERE {UNUSED} GROUP BY 1 ORDER BY 4 DESC, 1"
    ))?;
    let mut found = Prunable::default();
    let mut rows = get.query([before.0])?;
    while let Some(row) = rows.next()? {
        let (answers, cost) = (unsigned(row.get(1)?), Usd(total(row.get(3)?)));
        found.answers += answers;
        found.bytes += total(row.get(2)?);
        found.cost += cost;
        found.models.push((row.get(0)?, answers, cost));
    }
    Ok(found)
}

/// A working table of ids.
fn stage<'a>(
    connection: &Connection,
    ids: impl Iterator<Item = &'a [u8]>,
) -> Result<(), StoreError> {
    connection.execute_batch(
        "DROP TABLE IF EXISTS temp.staged;
         CREATE TEMP TABLE staged (id BLOB PRIMARY KEY NOT NULL) WITHOUT ROWID",
    )?;
    let mut put = connection.prepare("INSERT OR IGNORE INTO staged (id) VALUES (?1)")?;
    for id in ids {
        put.execute(params![id])?;
    }
    Ok(())
}
