//! The state: the database by its own check, what is stored by its digests, and the view that the tables belong to.

use serde_json::Value;

use super::{Remedy, Verdict};
use crate::flow::desk::published::{self, Published};
use crate::model::id::{AnswerKey, ViewId};
use crate::sink::{Snapshot, Table};
use crate::store::{Database, StoreError, StoredView};

/// So many answers are looked up at a time.
const LOOKUP: usize = 1024;

/// Looks the state through.
pub(super) fn verify(
    snapshot: &Snapshot,
    database: &Database,
    verdict: &mut Verdict,
) -> Result<(), StoreError> {
    let found = database.integrity()?;
    for problem in &found.problems {
        let what = "its structure is damaged";
        verdict.found(Remedy::Restore, "ledger", what, || problem.clone());
    }
    for (count, remedy, what) in [
        (
            found.damaged_answers,
            Remedy::Ask,
            "answers are not what was stored",
        ),
        (
            found.damaged_texts,
            Remedy::Reread,
            "texts do not have their fingerprints",
        ),
        (
            found.damaged_versions,
            Remedy::Reread,
            "documents are not what was stored",
        ),
    ] {
        if count > 0 {
            verdict.damage.push(super::Damage {
                of: "ledger".to_owned(),
                what: what.to_owned(),
                count,
                places: Vec::new(),
                remedy,
            });
        }
    }
    let info = &snapshot.manifest().info;
    let view = ViewId::parse(&info.view);
    let stored = view.map(|id| database.view(id)).transpose()?.flatten();
    // Of an epoch that this state published the manifest is damaged if it names another ledger.
    let own = |stored: &StoredView| stored.epoch == snapshot.epoch();
    if info.ledger != database.ledger_id() && !stored.as_ref().is_some_and(own) {
        verdict.notes.push(
            "the tables were made with another ledger than the one in this state: --state names it"
                .to_owned(),
        );
        return Ok(());
    }
    if let Some(stored) = stored {
        return compare(snapshot, database, &stored, verdict);
    }
    let what = "knows nothing of the tables that were made with it";
    verdict.found(Remedy::Restore, "ledger", what, || info.view.clone());
    Ok(())
}

/// The view as the state has it, and as it was published.
fn compare(
    snapshot: &Snapshot,
    database: &Database,
    stored: &StoredView,
    verdict: &mut Verdict,
) -> Result<(), StoreError> {
    let epoch = snapshot.epoch();
    if stored.epoch < epoch
        && !database.prepared_whole(stored.id, epoch)?
        && database
            .view(stored.id)?
            .is_none_or(|now| now.epoch < epoch)
    {
        let what = "has lost what came after the epoch that it is at";
        verdict.found(Remedy::Restore, "ledger", what, || {
            format!("it is at {}, the tables at {epoch}", stored.epoch)
        });
        return Ok(());
    }
    if stored.epoch != epoch {
        // A run publishes first and notes it then, and goes on meanwhile.
        let known = stored.epoch;
        verdict.notes.push(format!(
            "the tables are of epoch {epoch}, the state is at {known}: a run goes on, or was killed; the next one \
             settles it"
        ));
        return Ok(());
    }
    let published: Result<Value, _> = serde_json::from_str(&stored.manifest_json);
    verdict.check(
        published.ok() == serde_json::to_value(snapshot.manifest()).ok(),
        "manifest",
        "is not what was published",
        || "manifest.json".to_owned(),
    );
    let complete = snapshot.manifest().info.complete;
    verdict.check(
        stored.complete == complete,
        "manifest",
        "says otherwise than the state whether all is answered",
        || format!("manifest {complete}, state {}", stored.complete),
    );
    let mut keys: Vec<AnswerKey> = Vec::new();
    let (mut answered, mut odd) = (0_u64, 0_u64);
    database.outcomes(stored.id, |_, bytes| match published::decode(bytes) {
        Some(Published::Answered(key)) => {
            answered += 1;
            keys.push(key);
        }
        Some(_) => {}
        None => odd += 1,
    })?;
    if database
        .view(stored.id)?
        .is_none_or(|now| now.epoch != epoch)
    {
        // What was listed may be of a later epoch already.
        return Ok(());
    }
    if odd > 0 {
        let what = "outcomes that were published cannot be understood";
        verdict.found(Remedy::Rebuild, "ledger", what, || odd.to_string());
    }
    let ok = snapshot.manifest().info.chunks.ok;
    // Where no model is asked, no answer is needed.
    let asks = snapshot.manifest().tables.contains_key(Table::Calls.name());
    verdict.check(
        answered == ok || !asks,
        "ledger",
        "lists other answers than the tables have",
        || format!("{answered} answers, {ok} answered chunks"),
    );
    keys.sort_unstable();
    let mut gone = 0;
    for keys in keys.chunks(LOOKUP) {
        gone += keys.len() - database.known(keys)?.len();
    }
    if gone > 0 {
        verdict.notes.push(format!(
            "{gone} answers that the tables were made from are not in the ledger any more: the tables are whole, but \
             to make them anew these would be asked again"
        ));
    }
    Ok(())
}
