//! Jobs of the service: what was asked for, how each stands, what was told of it, and what is still to be delivered.
//!
//! A change of a job, the events that tell of it and the messages that it owes are one transaction: whatever a client
//! was told is what a restart finds.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::database::Database;
use super::error::StoreError;
use super::row::{signed, small, unsigned};
use super::writer::Pending;
use crate::model::id::JobId;
use crate::model::unit::Micros;

/// Of so many events of a job the progress is kept; older progress is superseded by later.
const KEPT: i64 = 4096;

/// A job as it is submitted.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Its id.
    pub job: JobId,
    /// What is asked for, as JSON.
    pub spec: String,
    /// The state that it begins in.
    pub state: String,
    /// Higher goes first.
    pub priority: i64,
    /// When.
    pub created_at: Micros,
    /// The client's key of this request, and a hash of the request: the same one again makes no second job.
    pub request: Option<(String, [u8; 32])>,
}

/// What came of submitting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// It is a new job.
    New,
    /// The same request made this job before.
    Before(JobId),
    /// Another request had the same key.
    Conflict,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredJob {
    /// Its id.
    pub job: JobId,
    /// Its place in the order of submission.
    pub number: i64,
    /// What is asked for, as JSON.
    pub spec: String,
    /// How it stands.
    pub state: String,
    /// Why it stands so.
    pub reason: Option<String>,
    /// Higher goes first.
    pub priority: i64,
    /// How often it was started.
    pub runs: u32,
    /// How far it is, as JSON.
    pub progress: Option<String>,
    /// When it was submitted.
    pub created_at: Micros,
    /// When it was started first.
    pub started_at: Option<Micros>,
    /// When it ended.
    pub ended_at: Option<Micros>,
}

/// A change to a job; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct JobChange {
    /// How it stands now, why, and when that came about.
    pub state: Option<(String, Option<String>, Micros)>,
    /// Whether with that it is started, or has ended.
    pub moved: Moved,
    /// What is asked for now.
    pub spec: Option<String>,
    /// How far it is.
    pub progress: Option<String>,
    /// What is told of it: kind and data.
    pub events: Vec<(String, String)>,
    /// When.
    pub at: Micros,
    /// What is to be delivered: channel and event.
    pub deliveries: Vec<(String, String)>,
}

/// What a change of state means for the times of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Moved {
    /// Nothing.
    #[default]
    No,
    /// It runs, once more.
    Started,
    /// It ended.
    Ended,
    /// It waits again.
    Again,
}

/// Something that was told of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobEvent {
    /// Its place: from 1, without gaps when it was told.
    pub seq: u64,
    /// What kind.
    pub kind: String,
    /// As JSON.
    pub data: String,
}

/// Something that is to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub delivery: i64,
    /// The job.
    pub job: JobId,
    /// Where to.
    pub channel: String,
    /// What, as JSON.
    pub event: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next_at: Micros,
}

const COLUMNS: &str = "job_id, number, spec, state, reason, priority, runs, progress, created_at, started_at, ended_at";

fn job(row: &Row<'_>) -> rusqlite::Result<StoredJob> {
    Ok(StoredJob {
        job: JobId(row.get(0)?),
        number: row.get(1)?,
        spec: row.get(2)?,
        state: row.get(3)?,
        reason: row.get(4)?,
        priority: row.get(5)?,
        runs: small(row.get(6)?),
        progress: row.get(7)?,
        created_at: Micros(row.get(8)?),
        started_at: row.get::<_, Option<i64>>(9)?.map(Micros),
        ended_at: row.get::<_, Option<i64>>(10)?.map(Micros),
    })
}

impl Database {
    /// Stores a new job with its first events.
    pub fn submit(&self, new: NewJob, events: Vec<(String, String)>) -> Pending<Submitted> {
        self.write("store a job", move |connection| {
            if let Some((key, hash)) = &new.request {
                let known: Option<(JobId, [u8; 32])> = connection
                    .prepare_cached("SELECT job_id, request_hash FROM jobs WHERE request_key = ?1")?
                    .query_row([key], |row| Ok((JobId(row.get(0)?), row.get(1)?)))
                    .optional()?;
                match known {
                    Some((job, known)) if known == *hash => return Ok(Submitted::Before(job)),
                    Some(_) => return Ok(Submitted::Conflict),
                    None => {}
                }
            }
            let (key, hash) = new.request.as_ref().map(|(key, hash)| (key, hash)).unzip();
            connection
                .prepare_cached(
                    "INSERT INTO jobs (job_id, spec, state, priority, runs, created_at, request_key, request_hash)
                     VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7)",
                )?
                .execute(params![
                    new.job.0,
                    new.spec,
                    new.state,
                    new.priority,
                    new.created_at.0,
                    key,
                    hash
                ])?;
            tell(connection, new.job, new.created_at, &events)?;
            Ok(Submitted::New)
        })
    }

    /// Changes a job; says the place of its last event, or `None` if there is no such job.
    pub fn change_job(&self, id: JobId, change: JobChange) -> Pending<Option<u64>> {
        self.write("store a job", move |connection| {
            let there = connection
                .prepare_cached("SELECT 1 FROM jobs WHERE job_id = ?1")?
                .exists([id.0])?;
            if !there {
                return Ok(None);
            }
            if let Some((state, reason, at)) = &change.state {
                let (started, ended) = match change.moved {
                    Moved::No => ("started_at", "ended_at"),
                    Moved::Started => ("coalesce(started_at, ?4)", "NULL"),
                    Moved::Ended => ("started_at", "?4"),
                    Moved::Again => ("started_at", "NULL"),
                };
                let more = i64::from(change.moved == Moved::Started);
                connection
                    .prepare_cached(&format!(
                        "UPDATE jobs SET state = ?2, reason = ?3, started_at = {started}, ended_at = {ended},
                         runs = runs + ?5 WHERE job_id = ?1 AND ?4 IS NOT NULL"
                    ))?
                    .execute(params![id.0, state, reason, at.0, more])?;
            }
            connection
                .prepare_cached(
                    "UPDATE jobs SET spec = coalesce(?2, spec), progress = coalesce(?3, progress) WHERE job_id = ?1",
                )?
                .execute(params![id.0, change.spec, change.progress])?;
            for (channel, event) in &change.deliveries {
                connection
                    .prepare_cached(
                        "INSERT INTO deliveries (job_id, channel, event, attempts, next_at) VALUES (?1, ?2, ?3, 0, ?4)",
                    )?
                    .execute(params![id.0, channel, event, change.at.0])?;
            }
            Ok(Some(tell(connection, id, change.at, &change.events)?))
        })
    }

    /// Removes a job and all that was told of it; says whether there was one.
    pub fn delete_job(&self, id: JobId) -> Pending<bool> {
        self.write("delete a job", move |connection| {
            for table in ["job_events", "deliveries"] {
                connection
                    .prepare_cached(&format!("DELETE FROM {table} WHERE job_id = ?1"))?
                    .execute([id.0])?;
            }
            let gone = connection
                .prepare_cached("DELETE FROM jobs WHERE job_id = ?1")?
                .execute([id.0])?;
            Ok(gone > 0)
        })
    }

    /// A job.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn job(&self, id: JobId) -> Result<Option<StoredJob>, StoreError> {
        self.read("look up a job", |connection| {
            Ok(connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM jobs WHERE job_id = ?1"))?
                .query_row([id.0], job)
                .optional()?)
        })
    }

    /// Jobs, the newest first: those in a state, if one is given; before a number, if one is given.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn jobs(
        &self,
        state: Option<&str>,
        before: Option<i64>,
        most: u32,
    ) -> Result<Vec<StoredJob>, StoreError> {
        self.read("look up jobs", |connection| {
            let mut get = connection.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM jobs WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR number < ?2)
                 ORDER BY number DESC LIMIT ?3"
            ))?;
            let rows = get.query_map(params![state, before, most], job)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// How many jobs are in each state.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn job_states(&self) -> Result<Vec<(String, u64)>, StoreError> {
        self.read("count jobs", |connection| {
            let mut get =
                connection.prepare_cached("SELECT state, count(*) FROM jobs GROUP BY state")?;
            let rows = get.query_map([], |row| Ok((row.get(0)?, unsigned(row.get(1)?))))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// What was told of a job after a place, in order.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn job_events(
        &self,
        id: JobId,
        after: u64,
        most: u32,
    ) -> Result<Vec<JobEvent>, StoreError> {
        self.read("look up events", |connection| {
            let mut get = connection.prepare_cached(
                "SELECT seq, kind, data FROM job_events WHERE job_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
            )?;
            let rows = get.query_map(params![id.0, signed(after), most], |row| {
                Ok(JobEvent {
                    seq: unsigned(row.get(0)?),
                    kind: row.get(1)?,
                    data: row.get(2)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// What is to be delivered by a time, the oldest first: at most so many of each channel, so that a slow one keeps
    /// none of the others waiting.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn deliveries(&self, by: Micros, most: u32) -> Result<Vec<Delivery>, StoreError> {
        self.read("look up deliveries", |connection| {
            let mut get = connection.prepare_cached(
                "SELECT delivery, job_id, channel, event, attempts, next_at FROM (
                     SELECT *, row_number() OVER (PARTITION BY channel ORDER BY next_at, delivery) AS place
                     FROM deliveries WHERE next_at <= ?1)
                 WHERE place <= ?2 ORDER BY next_at, delivery",
            )?;
            let rows = get.query_map(params![by.0, most], |row| {
                Ok(Delivery {
                    delivery: row.get(0)?,
                    job: JobId(row.get(1)?),
                    channel: row.get(2)?,
                    event: row.get(3)?,
                    attempts: small(row.get(4)?),
                    next_at: Micros(row.get(5)?),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Notes what came of a delivery: it is done with if no further time is given.
    pub fn delivered(&self, delivery: i64, again: Option<(Micros, String)>) -> Pending<()> {
        self.write("store a delivery", move |connection| {
            match &again {
                None => connection
                    .prepare_cached("DELETE FROM deliveries WHERE delivery = ?1")?
                    .execute([delivery])?,
                Some((next, why)) => connection
                    .prepare_cached(
                        "UPDATE deliveries SET attempts = attempts + 1, next_at = ?2, last_error = ?3
                         WHERE delivery = ?1",
                    )?
                    .execute(params![delivery, next.0, why])?,
            };
            Ok(())
        })
    }
}

/// Appends events; says the place of the last one, 0 if there is none.
fn tell(
    connection: &Connection,
    id: JobId,
    at: Micros,
    events: &[(String, String)],
) -> rusqlite::Result<u64> {
    let mut last: i64 = connection
        .prepare_cached("SELECT coalesce(max(seq), 0) FROM job_events WHERE job_id = ?1")?
        .query_row([id.0], |row| row.get(0))?;
    for (kind, data) in events {
        last += 1;
        connection
            .prepare_cached(
                "INSERT INTO job_events (job_id, seq, at, kind, data) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![id.0, last, at.0, kind, data])?;
        if last % 256 == 0 {
            // Each progress supersedes those before it; all else is kept.
            connection
                .prepare_cached(
                    "DELETE FROM job_events WHERE job_id = ?1 AND kind = 'progress' AND seq <= ?2",
                )?
                .execute(params![id.0, last - KEPT])?;
        }
    }
    Ok(unsigned(last))
}
