//! What failed, as the tables say it, and which of it may be asked again.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::flow::desk::published::{self, Published};
use crate::model::id::{AnswerKey, Fingerprint, KeyContext, ViewId};
use crate::sink::{SinkError, Snapshot, Table, for_each_row};
use crate::store::{Database, StoreError};

/// A row of `failures`, with what `chunks` says of its chunk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "columns, see `sink::schema`")]
pub struct Failed {
    pub failure_id: String,
    pub stage: String,
    pub doc_id: Option<String>,
    pub chunk_id: Option<String>,
    pub path: String,
    pub reason: String,
    pub message: String,
    pub attempts: u64,
    pub retryable: bool,
    pub first_at: String,
    pub last_at: String,
    pub answer_ref: Option<String>,
    /// Of its chunk, if one failed and not a file.
    #[serde(default, skip_deserializing, flatten)]
    pub chunk: Option<Spoken>,
}

/// What is said in a chunk, by whom and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "columns, see `sink::schema`")]
pub struct Spoken {
    pub fingerprint: String,
    pub position: u64,
    pub speakers: Vec<String>,
    pub start_ms: Option<i64>,
    pub end_ms: Option<i64>,
}

impl Failed {
    /// Whether it is a file that could not be read, and not a chunk that could not be answered.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.chunk_id.is_none()
    }
}

/// How many failures there are of each reason.
#[must_use]
pub fn reasons(failed: &[Failed]) -> BTreeMap<&str, u64> {
    let mut reasons = BTreeMap::new();
    for failed in failed {
        *reasons.entry(failed.reason.as_str()).or_default() += 1;
    }
    reasons
}

/// What failed, by reason, path and place; only for one reason, if one is given.
///
/// # Errors
/// If the tables cannot be read.
pub fn failed(snapshot: &Snapshot, reason: Option<&str>) -> Result<Vec<Failed>, SinkError> {
    let mut found: Vec<Failed> = Vec::new();
    each(snapshot, Table::Failures, |row: Failed| {
        if reason.is_none_or(|reason| reason == row.reason) {
            found.push(row);
        }
    })?;
    let wanted: BTreeSet<String> = found
        .iter()
        .filter_map(|one| one.chunk_id.clone())
        .collect();
    let mut chunks: BTreeMap<String, Spoken> = BTreeMap::new();
    if !wanted.is_empty() {
        for_each_row(snapshot.folder(), Table::Chunks, |mut row| {
            let id = row.remove("chunk_id");
            if let Some(Value::String(id)) = id
                && wanted.contains(&id)
                && let Ok(spoken) = serde_json::from_value(Value::Object(row))
            {
                chunks.insert(id, spoken);
            }
            ControlFlow::<()>::Continue(())
        })?;
    }
    for one in &mut found {
        one.chunk = one.chunk_id.as_ref().and_then(|id| chunks.get(id).cloned());
    }
    let rank = |one: &Failed| one.chunk.as_ref().map(|chunk| chunk.position);
    found.sort_by(|a, b| {
        let by_place = (&a.reason, &a.path, rank(a)).cmp(&(&b.reason, &b.path, rank(b)));
        by_place.then_with(|| a.failure_id.cmp(&b.failure_id))
    });
    Ok(found)
}

/// Hands every row of a table to `take`; a row of other columns is damage.
fn each<T: for<'a> Deserialize<'a>>(
    snapshot: &Snapshot,
    table: Table,
    mut take: impl FnMut(T),
) -> Result<(), SinkError> {
    let odd = for_each_row(
        snapshot.folder(),
        table,
        |row| match serde_json::from_value(Value::Object(row)) {
            Ok(row) => {
                take(row);
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        },
    )?;
    match odd {
        None => Ok(()),
        Some(error) => Err(SinkError::Damaged {
            path: snapshot.folder().join(table.name()),
            what: format!("a row does not have its columns: {error}"),
        }),
    }
}

/// The texts of these failures that failed for good or for now under just this question, and not under another one:
/// only these would be asked again by it.
///
/// # Errors
/// If the ledger cannot be read.
pub fn again(
    database: &Database,
    view: ViewId,
    context: &KeyContext,
    failed: &[Failed],
) -> Result<BTreeSet<Fingerprint>, StoreError> {
    let chunks = failed.iter().filter_map(|one| one.chunk.as_ref());
    let wanted: BTreeMap<Fingerprint, AnswerKey> = chunks
        .filter_map(|chunk| Fingerprint::parse(&chunk.fingerprint))
        .map(|fingerprint| (fingerprint, context.key(fingerprint)))
        .collect();
    let keys: Vec<AnswerKey> = wanted.values().copied().collect();
    let known = database.failures(&keys)?;
    let mut found: BTreeSet<Fingerprint> = wanted
        .iter()
        .filter(|(_, key)| known.contains_key(key))
        .map(|(fingerprint, _)| *fingerprint)
        .collect();
    // Some were never called for, and so are not in the ledger: a chunk that no call can hold.
    database.outcomes(view, |fingerprint, bytes| {
        let Some(key) = wanted.get(&fingerprint) else {
            return;
        };
        if let Some(Published::Failed(failure)) = published::decode(bytes)
            && failure.key == *key
        {
            found.insert(fingerprint);
        }
    })?;
    Ok(found)
}
