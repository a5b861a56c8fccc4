//! Calls: what was sent, what came of it, what it cost.

use std::sync::{Arc, LazyLock};

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::database::Database;
use super::error::StoreError;
use super::ledger::{StoredAnswer, put_answers, put_failures};
use super::row::{cost, signed, signed_option, small, total, unsigned, usd};
use super::writer::Pending;
use crate::model::id::{AnswerKey, CallId, Fingerprint, PromptId, RunId, SchemaId, ViewId};
use crate::model::outcome::ChunkFailure;
use crate::model::record::CallRow;
use crate::model::unit::{Micros, Usd};

/// A call that is about to be sent.
#[derive(Clone, Debug)]
pub struct Intent {
    /// The view that pays.
    pub view: ViewId,
    /// What is known of it so far.
    pub row: CallRow,
    /// The most it can cost, which counts as spent until its cost is known.
    pub bound: Option<Usd>,
    /// The most tokens it can take, which count as used until that is known.
    pub charged: u64,
}

/// A call that has ended, and everything that it brought.
#[derive(Clone, Debug)]
pub struct Done {
    /// The view that paid.
    pub view: ViewId,
    /// All of it. With no cost, its bound counts as spent: a call that was surely not billed costs `Usd(0)`.
    pub row: CallRow,
    /// The raw body, if one came.
    pub body: Option<Arc<[u8]>>,
    /// Its valid answers.
    pub answers: Vec<StoredAnswer>,
    /// The chunks that it leaves failed for good.
    pub failures: Vec<(Fingerprint, ChunkFailure)>,
}

/// What a view has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Calls that were sent.
    pub calls: u64,
    /// Those of them whose outcome is unknown.
    pub unknown: u64,
    /// Input tokens, cached ones included.
    pub input_tokens: u64,
    /// Cached input tokens.
    pub cached_tokens: u64,
    /// Output tokens.
    pub output_tokens: u64,
    /// What is known to have been paid.
    pub cost: Usd,
    /// Calls whose cost is not known.
    pub unpriced: u64,
}

/// The next place in the order in which calls end. It never falls back, whatever has been pruned meanwhile.
const NEXT: &str = "(SELECT 1 + max(coalesce((SELECT max(seq) FROM calls), 0),
                                    coalesce((SELECT max(calls_published) FROM views), 0)))";

pub(super) const COLUMNS: &str = "call_id, run_id, job_id, at, provider, model, attempt, chunks, status, outcome, finish,
    queued_ms, latency_ms, input_tokens, cached_tokens, output_tokens, cost, price_known, request_id, remote_id, state";

impl Database {
    /// Stores that a call is about to be sent.
    pub fn intent(&self, intent: Intent) -> Pending<()> {
        self.write_patiently("store a call", move |connection| {
            let bounds = (intent.bound, Some(intent.charged));
            put(connection, &intent.view, &intent.row, bounds, "sent")
        })
    }

    /// Stores what came of a call, with its body, its answers and its failures: all or nothing.
    /// Says for which keys an answer was there before; that one stands.
    pub fn done(&self, done: Done) -> Pending<Vec<AnswerKey>> {
        self.write_patiently("store an answer", move |connection| {
            put(connection, &done.view, &done.row, (None, None), "done")?;
            if let Some(body) = &done.body {
                connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO bodies (call_id, body) VALUES (?1, ?2)",
                    )?
                    .execute(params![done.row.call_id.0, &**body])?;
            }
            put_failures(connection, &done.failures)?;
            put_answers(connection, &done.answers)
        })
    }

    /// The calls of a view that ended after a place in their order, each with its place: at most `limit` of them.
    /// Calls in flight are not among them; those that a dead process left behind are, as `sent`.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn calls_since(
        &self,
        view: ViewId,
        after: i64,
        limit: u32,
    ) -> Result<Vec<(i64, CallRow)>, StoreError> {
        self.read("look up calls", |connection| {
            let mut get = connection.prepare_cached(&format!(
                "SELECT {COLUMNS}, seq FROM calls WHERE view_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3"
            ))?;
            let rows = get.query_map(params![view.0, after, limit], |row| {
                Ok((row.get(21)?, call(row)?))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// The place of the call that ended last; 0 if there is none.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn last_call(&self) -> Result<i64, StoreError> {
        self.read("look up calls", |connection| {
            Ok(connection
                .prepare_cached("SELECT coalesce(max(seq), 0) FROM calls")?
                .query_row([], |row| row.get(0))?)
        })
    }

    /// The calls of everybody that ended after a place, each with its place: at most `limit` of them.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn calls_after(&self, after: i64, limit: u32) -> Result<Vec<(i64, CallRow)>, StoreError> {
        self.read("look up calls", |connection| {
            let mut get = connection.prepare_cached(&format!(
                "SELECT {COLUMNS}, seq FROM calls WHERE seq > ?1 ORDER BY seq LIMIT ?2"
            ))?;
            let rows =
                get.query_map(params![after, limit], |row| Ok((row.get(21)?, call(row)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// What a view has used in all.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn totals(&self, view: ViewId) -> Result<Totals, StoreError> {
        self.read("add up calls", |connection| {
            Ok(connection
                .prepare_cached(
                    "SELECT count(*), total(state = 'sent'), total(input_tokens), total(cached_tokens),
                            total(output_tokens), total(cost), total(cost IS NULL AND (state = 'sent' OR NOT price_known))
                     FROM calls WHERE view_id = ?1",
                )?
                .query_row([view.0], |row| {
                    Ok(Totals {
                        calls: unsigned(row.get(0)?),
                        unknown: total(row.get(1)?),
                        input_tokens: total(row.get(2)?),
                        cached_tokens: total(row.get(3)?),
                        output_tokens: total(row.get(4)?),
                        cost: Usd(total(row.get(5)?)),
                        unpriced: total(row.get(6)?),
                    })
                })?)
        })
    }

    /// What answers to this prompt and schema by this model took: how many there are, and the output tokens of the middle
    /// one and of that which 95 of 100 do not pass. `None` if there are none.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn output_tokens(
        &self,
        prompt: PromptId,
        schema: SchemaId,
        model: &str,
    ) -> Result<Option<(u64, f64, f64)>, StoreError> {
        self.read("look up what answers took", |connection| {
            let mut get = connection.prepare_cached(
                "SELECT output_tokens FROM answers WHERE prompt_id = ?1 AND schema_id = ?2 AND model = ?3
                 AND output_tokens > 0 ORDER BY output_tokens",
            )?;
            let taken = get.query_map(params![prompt.0, schema.0, model], |row| row.get::<_, i64>(0))?;
            let taken = taken.collect::<Result<Vec<i64>, _>>()?;
            let at = |share: usize| taken.get((taken.len() * share / 100).min(taken.len().saturating_sub(1)));
            Ok(at(50).zip(at(95)).map(|(p50, p95)| (taken.len() as u64, *p50 as f64, *p95 as f64)))
        })
    }

    /// The raw body of a call's answer.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn body(&self, call: CallId) -> Result<Option<Vec<u8>>, StoreError> {
        self.read("look up a body", |connection| {
            Ok(connection
                .prepare_cached("SELECT body FROM bodies WHERE call_id = ?1")?
                .query_row([call.0], |row| row.get(0))
                .optional()?)
        })
    }
}

/// Gives the calls that a dead process left behind their place in the order, and says how many they are.
/// Only for the holder of the lock: to anybody else they may still be in flight.
pub(super) fn abandon(connection: &Connection) -> Result<u64, StoreError> {
    let transaction = connection.unchecked_transaction()?;
    let left = {
        let mut find =
            transaction.prepare("SELECT rowid FROM calls WHERE seq IS NULL ORDER BY rowid")?;
        let rows = find.query_map([], |row| row.get::<_, i64>(0))?;
        rows.collect::<Result<Vec<_>, _>>()?
    };
    let mut place =
        transaction.prepare(&format!("UPDATE calls SET seq = {NEXT} WHERE rowid = ?1"))?;
    for row in &left {
        place.execute([row])?;
    }
    drop(place);
    transaction.commit()?;
    Ok(left.len() as u64)
}

/// How a call is stored that is about to be sent, and one that has ended.
static PUT: LazyLock<[String; 2]> = LazyLock::new(|| {
    let ended = "DO UPDATE SET seq = coalesce(calls.seq, excluded.seq), status = excluded.status,
        outcome = excluded.outcome, finish = excluded.finish, queued_ms = excluded.queued_ms,
        latency_ms = excluded.latency_ms, input_tokens = excluded.input_tokens,
        cached_tokens = excluded.cached_tokens, output_tokens = excluded.output_tokens, cost = excluded.cost,
        price_known = excluded.price_known, request_id = excluded.request_id, remote_id = excluded.remote_id,
        state = excluded.state";
    [("NULL", "DO NOTHING"), (NEXT, ended)].map(|(seq, conflict)| {
        format!(
            "INSERT INTO calls ({COLUMNS}, view_id, bound, charged, seq)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,
                     ?22, ?23, ?24, {seq}) ON CONFLICT (call_id) {conflict}"
        )
    })
});

/// Both ways round and repeated it comes to the same: what is done stays done.
fn put(
    connection: &Connection,
    view: &ViewId,
    row: &CallRow,
    (bound, charged): (Option<Usd>, Option<u64>),
    state: &str,
) -> Result<(), StoreError> {
    let [sent, done] = &*PUT;
    connection
        .prepare_cached(if state == "done" { done } else { sent })?
        .execute(params![
            row.call_id.0,
            row.run_id.0,
            row.job_id,
            row.at.0,
            row.provider,
            row.model,
            row.attempt,
            row.chunks,
            row.status,
            row.outcome,
            row.finish,
            row.queued_ms,
            row.latency_ms,
            signed_option(row.input_tokens),
            signed_option(row.cached_tokens),
            signed_option(row.output_tokens),
            cost(row.cost),
            row.price_known,
            row.request_id,
            row.remote_id,
            state,
            view.0,
            bound.map(|bound| signed(bound.0)),
            signed_option(charged),
        ])?;
    Ok(())
}

pub(super) fn call(row: &Row<'_>) -> rusqlite::Result<CallRow> {
    let count = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(unsigned));
    Ok(CallRow {
        call_id: CallId(row.get(0)?),
        run_id: RunId(row.get(1)?),
        job_id: row.get(2)?,
        at: Micros(row.get(3)?),
        provider: row.get(4)?,
        model: row.get(5)?,
        attempt: small(row.get(6)?),
        chunks: small(row.get(7)?),
        status: row.get(8)?,
        outcome: row.get(9)?,
        finish: row.get(10)?,
        queued_ms: row.get(11)?,
        latency_ms: row.get(12)?,
        input_tokens: count(13)?,
        cached_tokens: count(14)?,
        output_tokens: count(15)?,
        cost: usd(row.get(16)?),
        price_known: row.get(17)?,
        request_id: row.get(18)?,
        remote_id: row.get(19)?,
        state: row.get(20)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call_id, crash, done, fresh, row, view, write};
    use super::*;

    fn intent(n: u64, bound: u64) -> Intent {
        let row = CallRow {
            status: None,
            cost: None,
            input_tokens: None,
            cached_tokens: None,
            output_tokens: None,
            state: "sent".to_owned(),
            ..row(n)
        };
        Intent {
            view: view().id(),
            row,
            bound: Some(Usd(bound)),
            charged: 1000,
        }
    }

    #[test]
    fn calls_come_in_the_order_in_which_they_end() {
        let (_folder, database) = fresh();
        for n in 1..=3 {
            database.intent(intent(n, 5_000)).wait().unwrap();
        }
        for n in [3, 1] {
            database.done(done(n, 10)).wait().unwrap();
            database.done(done(n, 10)).wait().unwrap();
        }
        let found = database.calls_since(view().id(), 0, 10).unwrap();
        assert_eq!(found, [(1, row(3)), (2, row(1))]);
        assert_eq!(database.calls_since(view().id(), 1, 10).unwrap().len(), 1);
        assert_eq!(database.calls_since(view().id(), 0, 1).unwrap().len(), 1);
        let other = ViewId::of(&[b"other"]);
        assert_eq!(database.calls_since(other, 0, 10).unwrap().len(), 0);
        database.intent(intent(3, 5_000)).wait().unwrap();
        let found = database.calls_since(view().id(), 0, 10).unwrap();
        assert_eq!(found.first(), Some(&(1, row(3))), "done stays done");
        assert_eq!(database.body(call_id(3)).unwrap(), Some(b"3".to_vec()));
        assert_eq!(database.body(call_id(2)).unwrap(), None);
    }

    #[test]
    fn what_a_view_has_used() {
        let (_folder, database) = fresh();
        database.intent(intent(1, 5_000)).wait().unwrap();
        database.intent(intent(2, 7_000)).wait().unwrap();
        database.done(done(2, 1)).wait().unwrap();
        let expected = Totals {
            calls: 2,
            unknown: 1,
            input_tokens: 100,
            cached_tokens: 50,
            output_tokens: 10,
            cost: Usd(1_000),
            unpriced: 1,
        };
        assert_eq!(database.totals(view().id()).unwrap(), expected);
    }

    #[test]
    fn calls_of_a_dead_process_are_kept_as_sent() {
        let (folder, database) = fresh();
        database.intent(intent(1, 5_000)).wait().unwrap();
        database.intent(intent(2, 5_000)).wait().unwrap();
        database.done(done(2, 1)).wait().unwrap();
        let image = crash(folder.path());
        let again = write(image.path()).unwrap();
        assert_eq!(again.abandoned(), 1);
        let found = again.calls_since(view().id(), 1, 10).unwrap();
        assert_eq!(found, [(2, intent(1, 0).row)]);
        assert_eq!(again.spent_since(Micros(0)).unwrap(), Usd(6_000));
        drop(again);
        assert_eq!(write(image.path()).unwrap().abandoned(), 0);
    }

    /// What a server claims it used cannot break the sums.
    #[test]
    fn absurd_numbers_are_borne() {
        let (_folder, database) = fresh();
        for n in 0..3 {
            let mut absurd = done(n, 1);
            absurd.row.input_tokens = Some(u64::MAX);
            absurd.row.cost = Some(Usd(u64::MAX));
            database.done(absurd).wait().unwrap();
        }
        let totals = database.totals(view().id()).unwrap();
        assert!(totals.input_tokens > i64::MAX.unsigned_abs());
        assert!(database.spent_since(Micros(0)).unwrap() > Usd(u64::MAX / 2));
    }
}
