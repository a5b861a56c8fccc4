//! The tables of the state database, and how older ones become the present ones.
//!
//! A released migration is never edited: a change is a new one at the end.

use rusqlite::{Connection, OptionalExtension, params};

use super::error::StoreError;

/// Marks the file as one of weir's, for `file` and for us: "weir".
const APPLICATION: i64 = 0x7765_6972;

/// From each schema to the next; an empty database has schema 0.
const MIGRATIONS: &[&str] = &[V1, JOBS, SPENDING, OUTLINES];

/// The schema that this program writes.
pub(super) fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// `digest` columns guard what SQLite does not: a bit that flips on the disk. A text is its own check.
const V1: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT;
CREATE TABLE texts (fingerprint BLOB PRIMARY KEY NOT NULL, text TEXT NOT NULL) STRICT;
CREATE TABLE answers (
    key BLOB PRIMARY KEY NOT NULL, fingerprint BLOB NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
    prompt_id BLOB NOT NULL, schema_id BLOB NOT NULL, content TEXT NOT NULL, digest BLOB NOT NULL,
    answered_at INTEGER NOT NULL, call_id BLOB, view_id BLOB NOT NULL,
    input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cost INTEGER) STRICT;
CREATE TABLE chunk_failures (
    key BLOB PRIMARY KEY NOT NULL, fingerprint BLOB NOT NULL, reason TEXT NOT NULL, message TEXT NOT NULL,
    attempts INTEGER NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, call_id BLOB) STRICT;
CREATE TABLE calls (
    call_id BLOB PRIMARY KEY NOT NULL, seq INTEGER UNIQUE, view_id BLOB NOT NULL, run_id BLOB NOT NULL, job_id TEXT,
    at INTEGER NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL, attempt INTEGER NOT NULL,
    chunks INTEGER NOT NULL, status INTEGER, outcome TEXT NOT NULL, finish TEXT, queued_ms INTEGER NOT NULL,
    latency_ms INTEGER NOT NULL, input_tokens INTEGER, cached_tokens INTEGER, output_tokens INTEGER, cost INTEGER,
    bound INTEGER, price_known INTEGER NOT NULL, request_id TEXT, remote_id TEXT, state TEXT NOT NULL) STRICT;
CREATE INDEX calls_of_view ON calls (view_id, seq);
CREATE TABLE bodies (call_id BLOB PRIMARY KEY NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE views (
    view_id BLOB PRIMARY KEY NOT NULL, dataflow TEXT NOT NULL, roots TEXT NOT NULL, output TEXT NOT NULL,
    epoch INTEGER NOT NULL DEFAULT 0, plan TEXT NOT NULL DEFAULT '', derivation TEXT NOT NULL DEFAULT '',
    complete INTEGER NOT NULL DEFAULT 0, digest BLOB NOT NULL DEFAULT x'',
    calls_published INTEGER NOT NULL DEFAULT 0, manifest TEXT NOT NULL DEFAULT '',
    updated_at INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE versions (
    version INTEGER PRIMARY KEY AUTOINCREMENT, view_id BLOB NOT NULL, doc_id BLOB NOT NULL,
    content_hash BLOB NOT NULL, reading TEXT NOT NULL, document BLOB NOT NULL, chunks BLOB NOT NULL,
    digest BLOB NOT NULL) STRICT;
CREATE INDEX versions_of_document ON versions (view_id, doc_id, content_hash, reading);
CREATE TABLE files (
    view_id BLOB NOT NULL, doc_id BLOB NOT NULL, root TEXT NOT NULL, path TEXT NOT NULL, size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, inode INTEGER NOT NULL, content_hash BLOB, version INTEGER, failure TEXT,
    PRIMARY KEY (view_id, doc_id)) STRICT;
CREATE TABLE outcomes (
    view_id BLOB NOT NULL, fingerprint BLOB NOT NULL, outcome BLOB NOT NULL,
    PRIMARY KEY (view_id, fingerprint)) STRICT;
CREATE TABLE prepared (
    view_id BLOB NOT NULL, epoch INTEGER NOT NULL, part INTEGER NOT NULL, payload BLOB NOT NULL,
    digest BLOB NOT NULL, PRIMARY KEY (view_id, epoch, part)) STRICT;
CREATE TABLE runs (
    run_id BLOB PRIMARY KEY NOT NULL, view_id BLOB NOT NULL, started_at INTEGER NOT NULL, ended_at INTEGER,
    exit INTEGER, summary TEXT) STRICT;
CREATE INDEX runs_of_view ON runs (view_id, started_at);
";

/// Jobs of the service: what was asked for, how each stands, what was told of it, and what is still to be delivered.
const JOBS: &str = "
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, job_id BLOB UNIQUE NOT NULL, spec TEXT NOT NULL, state TEXT NOT NULL,
    reason TEXT, priority INTEGER NOT NULL, runs INTEGER NOT NULL, progress TEXT, created_at INTEGER NOT NULL,
    started_at INTEGER, ended_at INTEGER, request_key TEXT UNIQUE, request_hash BLOB) STRICT;
CREATE INDEX jobs_by_state ON jobs (state);
CREATE TABLE job_events (
    job_id BLOB NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL,
    PRIMARY KEY (job_id, seq)) STRICT;
CREATE TABLE deliveries (
    delivery INTEGER PRIMARY KEY AUTOINCREMENT, job_id BLOB NOT NULL, channel TEXT NOT NULL, event TEXT NOT NULL,
    attempts INTEGER NOT NULL, next_at INTEGER NOT NULL, last_error TEXT) STRICT;
";

/// What a call was charged with at the limiter, so that the next process knows what may still be in the provider's
/// minute; and whether a run ended by itself, so that the next one starts its budget from zero.
const SPENDING: &str = "
ALTER TABLE calls ADD COLUMN charged INTEGER;
CREATE INDEX calls_by_time ON calls (at);
ALTER TABLE runs ADD COLUMN settled INTEGER NOT NULL DEFAULT 0;
UPDATE runs SET settled = 1 WHERE exit = 0;
";

/// What the dataflow knew of each document at the last snapshot.
const OUTLINES: &str = "
CREATE TABLE outlines (
    view_id BLOB NOT NULL, doc_id BLOB NOT NULL, outline BLOB NOT NULL, digest BLOB NOT NULL,
    PRIMARY KEY (view_id, doc_id)) STRICT;
";

/// What a database file turns out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing was ever written to it.
    Empty,
    /// One of weir's, with this schema.
    Schema(i64),
    /// Somebody else's.
    Foreign,
}

/// Looks, and changes nothing.
pub(super) fn find(connection: &Connection) -> Result<Found, StoreError> {
    let application: i64 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let objects: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if objects == 0 {
        return Ok(Found::Empty);
    }
    if application != APPLICATION {
        return Ok(Found::Foreign);
    }
    let version = meta(connection, "schema")?;
    Ok(version
        .and_then(|text| text.parse().ok())
        .map_or(Found::Foreign, Found::Schema))
}

/// The definitions of all tables and indices.
pub(super) fn tables(connection: &Connection) -> Result<Vec<(String, String)>, StoreError> {
    let sql = "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name, sql";
    let mut list = connection.prepare(sql)?;
    let rows = list.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A database of the present schema with nothing in it, in memory: to compare others with.
pub(super) fn fresh() -> Result<Connection, StoreError> {
    let connection = Connection::open_in_memory()?;
    migrate(&connection, 0, "")?;
    Ok(connection)
}

/// A value of `meta`.
pub(super) fn meta(connection: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    Ok(connection
        .query_row(
            "SELECT value FROM meta WHERE name = ?1",
            params![name],
            |row| row.get(0),
        )
        .optional()?)
}

/// Brings a database from a schema to the present one, in one transaction; `ledger` names a new one.
pub(super) fn migrate(connection: &Connection, from: i64, ledger: &str) -> Result<(), StoreError> {
    let steps = usize::try_from(from).unwrap_or(0);
    let transaction = connection.unchecked_transaction()?;
    for step in MIGRATIONS.iter().skip(steps) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    let mut set = transaction.prepare(
        "INSERT INTO meta (name, value) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )?;
    set.execute(params!["schema", known().to_string()])?;
    if from == 0 {
        set.execute(params!["ledger", ledger])?;
    }
    drop(set);
    transaction.commit()?;
    Ok(())
}
