//! The memo: texts by fingerprint, answers and failures by key.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as Unknown, StrDeserializer};

use super::database::Database;
use super::error::StoreError;
use super::row::{check, cost, signed, small, unsigned, usd};
use super::writer::Pending;
use crate::model::id::{AnswerKey, CallId, Fingerprint, PromptId, SchemaId, ViewId};
use crate::model::outcome::{ChunkFailure, FailReason};
use crate::model::unit::{Micros, Usd};

/// An answer as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// Its ledger key.
    pub key: AnswerKey,
    /// The chunk it answers.
    pub fingerprint: Fingerprint,
    /// Who answered.
    pub provider: String,
    /// The model as asked for.
    pub model: String,
    /// The prompt.
    pub prompt: PromptId,
    /// The answer schema.
    pub schema: SchemaId,
    /// This chunk's part of the answer, as it came.
    pub content: String,
    /// When.
    pub answered_at: Micros,
    /// The call that brought it.
    pub call: Option<CallId>,
    /// The view that paid for it.
    pub view: ViewId,
    /// Its share of the call's input tokens.
    pub input_tokens: u64,
    /// Its share of the call's output tokens.
    pub output_tokens: u64,
    /// Its share of the cost, if the price is known.
    pub cost: Option<Usd>,
}

impl Database {
    /// Stores shown texts; those that are there already stay.
    pub fn put_texts(&self, texts: Vec<(Fingerprint, Arc<str>)>) -> Pending<()> {
        self.write("store texts", move |connection| {
            put_texts(connection, &texts)
        })
    }

    /// The shown texts of these fingerprints. A text that is missing, or no longer has its fingerprint, is left out.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn texts(
        &self,
        fingerprints: &[Fingerprint],
    ) -> Result<BTreeMap<Fingerprint, Arc<str>>, StoreError> {
        self.read("look up texts", |connection| {
            let snapshot = connection.unchecked_transaction()?;
            let mut get =
                snapshot.prepare_cached("SELECT text FROM texts WHERE fingerprint = ?1")?;
            let mut found = BTreeMap::new();
            for &fingerprint in fingerprints {
                let text = get.query_row([fingerprint.0], |row| {
                    let text = str::from_utf8(row.get_ref(0)?.as_bytes()?).ok();
                    let whole = text.filter(|text| Fingerprint::of_shown(text) == fingerprint);
                    Ok(whole.map(Arc::from))
                });
                match text.optional()? {
                    Some(Some(text)) => {
                        found.insert(fingerprint, text);
                    }
                    Some(None) => self.met_damaged(),
                    None => {}
                }
            }
            Ok(found)
        })
    }

    /// The answers to these keys. One that is missing or damaged is left out: it has to be asked for.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn answers(
        &self,
        keys: &[AnswerKey],
    ) -> Result<BTreeMap<AnswerKey, StoredAnswer>, StoreError> {
        self.read("look up answers", |connection| {
            let snapshot = connection.unchecked_transaction()?;
            let mut found = BTreeMap::new();
            for &key in keys {
                match answer(&snapshot, key)? {
                    Kept::Whole(answer) => {
                        found.insert(key, *answer);
                    }
                    Kept::Damaged => self.met_damaged(),
                    Kept::Absent => {}
                }
            }
            Ok(found)
        })
    }

    /// Which of these keys have an answer, without looking at it.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn known(&self, keys: &[AnswerKey]) -> Result<BTreeSet<AnswerKey>, StoreError> {
        self.read("look up answers", |connection| {
            let snapshot = connection.unchecked_transaction()?;
            let mut get = snapshot.prepare_cached("SELECT 1 FROM answers WHERE key = ?1")?;
            let mut found = BTreeSet::new();
            for &key in keys {
                if get.exists([key.0])? {
                    found.insert(key);
                }
            }
            Ok(found)
        })
    }

    /// Stores failures that no call brought: see [`Done`](super::Done) for those that one did.
    /// A key's attempts add up, and its first time stays. A key that has an answer does not fail.
    pub fn fail(&self, failures: Vec<(Fingerprint, ChunkFailure)>) -> Pending<()> {
        self.write("store failures", move |connection| {
            put_failures(connection, &failures)
        })
    }

    /// The failures of these keys.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn failures(
        &self,
        keys: &[AnswerKey],
    ) -> Result<BTreeMap<AnswerKey, ChunkFailure>, StoreError> {
        self.read("look up failures", |connection| {
            let snapshot = connection.unchecked_transaction()?;
            let mut get = snapshot.prepare_cached(
                "SELECT reason, message, attempts, first_at, last_at, call_id
                 FROM chunk_failures WHERE key = ?1",
            )?;
            let mut found = BTreeMap::new();
            for &key in keys {
                let mut rows = get.query([key.0])?;
                if let Some(row) = rows.next()? {
                    found.insert(key, failure(key, row)?);
                }
            }
            Ok(found)
        })
    }

    /// Forgets the failures of these keys, so that they are asked again; says how many there were.
    pub fn clear_failures(&self, keys: Vec<AnswerKey>) -> Pending<u64> {
        self.write("clear failures", move |connection| {
            let mut clear =
                connection.prepare_cached("DELETE FROM chunk_failures WHERE key = ?1")?;
            let mut cleared = 0;
            for key in &keys {
                cleared += clear.execute([key.0])?;
            }
            Ok(cleared as u64)
        })
    }
}

fn bytes(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<u8>> {
    Ok(row.get_ref(column)?.as_bytes()?.to_vec())
}

/// A text that was damaged is put right by the next one that has its fingerprint.
pub(super) fn put_texts(
    connection: &Connection,
    texts: &[(Fingerprint, Arc<str>)],
) -> Result<(), StoreError> {
    let mut put = connection.prepare_cached(
        "INSERT INTO texts (fingerprint, text) VALUES (?1, ?2)
         ON CONFLICT (fingerprint) DO UPDATE SET text = excluded.text WHERE text IS NOT excluded.text",
    )?;
    for (fingerprint, text) in texts {
        put.execute(params![fingerprint.0, &**text])?;
    }
    Ok(())
}

pub(super) enum Kept {
    Whole(Box<StoredAnswer>),
    Damaged,
    Absent,
}

pub(super) fn answer(connection: &Connection, key: AnswerKey) -> Result<Kept, StoreError> {
    let mut get = connection.prepare_cached(
        "SELECT content, digest, fingerprint, provider, model, prompt_id, schema_id, answered_at, call_id, view_id,
                input_tokens, output_tokens, cost FROM answers WHERE key = ?1",
    )?;
    let mut rows = get.query([key.0])?;
    let Some(row) = rows.next()? else {
        return Ok(Kept::Absent);
    };
    let content = bytes(row, 0)?;
    if bytes(row, 1)? != answer_check(key, &content) {
        return Ok(Kept::Damaged);
    }
    // Any other column may be damaged as well, as far as its type shows it.
    Ok(whole(key, content, row).map_or(Kept::Damaged, |answer| Kept::Whole(Box::new(answer))))
}

fn whole(key: AnswerKey, content: Vec<u8>, row: &Row<'_>) -> Option<StoredAnswer> {
    Some(StoredAnswer {
        key,
        content: String::from_utf8(content).ok()?,
        fingerprint: Fingerprint(row.get(2).ok()?),
        provider: row.get(3).ok()?,
        model: row.get(4).ok()?,
        prompt: PromptId(row.get(5).ok()?),
        schema: SchemaId(row.get(6).ok()?),
        answered_at: Micros(row.get(7).ok()?),
        call: row.get::<_, Option<[u8; 16]>>(8).ok()?.map(CallId),
        view: ViewId(row.get(9).ok()?),
        input_tokens: unsigned(row.get(10).ok()?),
        output_tokens: unsigned(row.get(11).ok()?),
        cost: usd(row.get(12).ok()?),
    })
}

fn answer_check(key: AnswerKey, content: &[u8]) -> [u8; 16] {
    check(&[key.as_bytes(), content])
}

/// Stores answers; says which keys had one before, for theirs stands: a key has one answer for ever.
pub(super) fn put_answers(
    connection: &Connection,
    answers: &[StoredAnswer],
) -> Result<Vec<AnswerKey>, StoreError> {
    let mut put = connection.prepare_cached(
        "INSERT INTO answers (key, fingerprint, provider, model, prompt_id, schema_id, content, digest, answered_at,
                              call_id, view_id, input_tokens, output_tokens, cost)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?;
    let mut remove = connection.prepare_cached("DELETE FROM answers WHERE key = ?1")?;
    let mut mend = connection.prepare_cached("DELETE FROM chunk_failures WHERE key = ?1")?;
    let mut before = Vec::new();
    for new in answers {
        match answer(connection, new.key)? {
            Kept::Whole(_) => {
                before.push(new.key);
                continue;
            }
            Kept::Damaged => {
                remove.execute([new.key.0])?;
            }
            Kept::Absent => {}
        }
        put.execute(params![
            new.key.0,
            new.fingerprint.0,
            new.provider,
            new.model,
            new.prompt.0,
            new.schema.0,
            new.content,
            answer_check(new.key, new.content.as_bytes()),
            new.answered_at.0,
            new.call.map(|call| call.0),
            new.view.0,
            signed(new.input_tokens),
            signed(new.output_tokens),
            cost(new.cost),
        ])?;
        mend.execute([new.key.0])?;
    }
    Ok(before)
}

pub(super) fn put_failures(
    connection: &Connection,
    failures: &[(Fingerprint, ChunkFailure)],
) -> Result<(), StoreError> {
    // `WHERE true` tells the parser that the upsert belongs to the insert and not to the select.
    let mut put = connection.prepare_cached(
        "INSERT INTO chunk_failures (key, fingerprint, reason, message, attempts, first_at, last_at, call_id)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE NOT EXISTS (SELECT 1 FROM answers WHERE key = ?1)
         ON CONFLICT (key) DO UPDATE SET reason = excluded.reason, message = excluded.message,
             attempts = attempts + excluded.attempts, first_at = min(first_at, excluded.first_at),
             last_at = max(last_at, excluded.last_at), call_id = coalesce(excluded.call_id, call_id)",
    )?;
    for (fingerprint, failure) in failures {
        put.execute(params![
            failure.key.0,
            fingerprint.0,
            failure.reason.name(),
            failure.message,
            failure.attempts,
            failure.first_at.0,
            failure.last_at.0,
            failure.call.map(|call| call.0),
        ])?;
    }
    Ok(())
}

fn failure(key: AnswerKey, row: &Row<'_>) -> Result<ChunkFailure, StoreError> {
    let name: String = row.get(0)?;
    let reader: StrDeserializer<'_, Unknown> = name.as_str().into_deserializer();
    let reason = FailReason::deserialize(reader).map_err(|_unknown| StoreError::Damaged {
        what: format!("failure of {key}"),
    })?;
    Ok(ChunkFailure {
        key,
        reason,
        message: row.get(1)?,
        attempts: small(row.get(2)?),
        first_at: Micros(row.get(3)?),
        last_at: Micros(row.get(4)?),
        call: row.get::<_, Option<[u8; 16]>>(5)?.map(CallId),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{answer, call_id, done, fresh, key};
    use super::*;

    fn failed(n: u64, at: i64, attempts: u32, call: Option<u64>) -> (Fingerprint, ChunkFailure) {
        let failure = ChunkFailure {
            key: key(n),
            reason: FailReason::TooLong,
            message: format!("at {at}"),
            attempts,
            first_at: Micros(at),
            last_at: Micros(at),
            call: call.map(call_id),
        };
        (Fingerprint::of_shown(&n.to_string()), failure)
    }

    #[test]
    fn texts_come_back_and_are_their_own_check() {
        let (_folder, database) = fresh();
        let text: Arc<str> = Arc::from("Ana: Grüße\0, 你好.\n");
        let fingerprint = Fingerprint::of_shown(&text);
        let wrong = Fingerprint([9; 32]);
        let put = vec![(fingerprint, Arc::clone(&text)), (wrong, Arc::clone(&text))];
        database.put_texts(put.clone()).wait().unwrap();
        database.put_texts(put).wait().unwrap();
        let found = database.texts(&[fingerprint, wrong]).unwrap();
        assert_eq!(found, [(fingerprint, text)].into());
        assert_eq!(database.damaged(), 1);
    }

    #[test]
    fn the_first_answer_stands() {
        let (_folder, database) = fresh();
        assert_eq!(database.done(done(1, 10)).wait().unwrap(), []);
        let mut second = done(2, 10);
        second.answers.push(StoredAnswer {
            content: "other".to_owned(),
            ..answer(1, 10)
        });
        assert_eq!(database.done(second).wait().unwrap(), [key(1)]);
        let found = database.answers(&[key(1), key(2), key(3)]).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[&key(1)], answer(1, 10));
    }

    #[test]
    fn failures_add_up_until_an_answer_comes() {
        let (_folder, database) = fresh();
        let look = || database.failures(&[key(1)]).unwrap().remove(&key(1));
        database
            .fail(vec![failed(1, 20, 2, Some(4))])
            .wait()
            .unwrap();
        database.fail(vec![failed(1, 30, 3, None)]).wait().unwrap();
        let expected = ChunkFailure {
            attempts: 5,
            first_at: Micros(20),
            ..failed(1, 30, 0, Some(4)).1
        };
        assert_eq!(look(), Some(expected));
        database.done(done(1, 10)).wait().unwrap();
        assert_eq!(look(), None);
        database.fail(vec![failed(1, 40, 1, None)]).wait().unwrap();
        assert_eq!(look(), None, "a key that has an answer does not fail");
        database.fail(vec![failed(2, 40, 1, None)]).wait().unwrap();
        let cleared = database.clear_failures(vec![key(1), key(2), key(3)]);
        assert_eq!(cleared.wait().unwrap(), 1);
        assert!(database.failures(&[key(2)]).unwrap().is_empty());
    }

    /// The name in tables and the one that is read back are made by different means.
    #[test]
    fn every_reason_comes_back() {
        use FailReason as R;
        let (_folder, database) = fresh();
        let reasons = [
            R::Unreachable,
            R::Rejected,
            R::Refused,
            R::Filtered,
            R::TooLong,
            R::Invalid,
            R::Missing,
            R::Truncated,
        ];
        for (n, reason) in (0..).zip(reasons) {
            let (fingerprint, failure) = failed(n, 1, 1, None);
            let failure = ChunkFailure { reason, ..failure };
            database.fail(vec![(fingerprint, failure)]).wait().unwrap();
            assert_eq!(
                database.failures(&[key(n)]).unwrap()[&key(n)].reason,
                reason
            );
        }
    }
}
