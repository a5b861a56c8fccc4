//! The whole database, looked through for damage.

use super::database::Database;
use super::error::StoreError;
use super::row::check;
use super::schema;
use crate::model::id::Fingerprint;

/// The most problems of the database's own structure that are listed.
const PROBLEMS: u32 = 20;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Integrity {
    /// What SQLite finds wrong with its own structure, as it says it.
    pub problems: Vec<String>,
    /// Answers that are not what was stored: they will be asked again.
    pub damaged_answers: u64,
    /// Texts that no longer have their fingerprint.
    pub damaged_texts: u64,
    /// Documents that are not what was stored: their files will be read again.
    pub damaged_versions: u64,
}

impl Integrity {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn sound(&self) -> bool {
        *self == Self::default()
    }
}

impl Database {
    /// Reads everything and checks it. A writer is not held up by it.
    ///
    /// # Errors
    /// If the database is so damaged that it cannot be looked through.
    pub fn integrity(&self) -> Result<Integrity, StoreError> {
        self.read("check", |connection| {
            let mut problems = Vec::new();
            connection.pragma(None, "integrity_check", PROBLEMS, |row| {
                problems.push(row.get::<_, String>(0)?);
                Ok(())
            })?;
            problems.retain(|problem| problem != "ok");
            if schema::tables(connection)? != schema::tables(&schema::fresh()?)? {
                problems.push("the definitions of its tables are not what was written".to_owned());
            }
            let count = |sql: &str, whole: fn(&[&[u8]]) -> bool| -> Result<u64, StoreError> {
                let mut get = connection.prepare(sql)?;
                let columns = get.column_count();
                let mut rows = get.query([])?;
                let mut damaged = 0;
                while let Some(row) = rows.next()? {
                    let mut values = Vec::with_capacity(columns);
                    for column in 0..columns {
                        values.push(row.get_ref(column)?.as_bytes().unwrap_or_default());
                    }
                    damaged += u64::from(!whole(&values));
                }
                Ok(damaged)
            };
            Ok(Integrity {
                problems,
                damaged_answers: count("SELECT digest, key, content FROM answers", digested)?,
                damaged_texts: count("SELECT fingerprint, text FROM texts", is_text)?,
                // What no file refers to is about to be collected.
                damaged_versions: count(
                    "SELECT digest, document, chunks FROM versions WHERE version IN (SELECT version FROM files)",
                    digested,
                )?,
            })
        })
    }
}

fn digested(values: &[&[u8]]) -> bool {
    values
        .split_first()
        .is_some_and(|(digest, parts)| **digest == check(parts))
}

fn is_text(values: &[&[u8]]) -> bool {
    let [fingerprint, text] = values else {
        return false;
    };
    std::str::from_utf8(text)
        .is_ok_and(|text| Fingerprint::of_shown(text).as_bytes() == *fingerprint)
}
