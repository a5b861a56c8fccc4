//! What is known already: in the last snapshot, in the ledger.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinError;
use tokio::time::Instant;

use super::published::Published;
use super::{Desk, Inquiry};
use crate::failpoint;
use crate::flow::epochs::Epoch;
use crate::flow::gauges::{add, less};
use crate::flow::scope::Scope;
use crate::flow::stop::{Ending, said};
use crate::model::id::{AnswerKey, Fingerprint, ViewId};
use crate::model::outcome::{Answer, Outcome};
use crate::stage::extract::ground;
use crate::store::{Database, StoreError, StoredAnswer};

/// How many fingerprints are looked up at a time.
pub(super) const LOOKUP: usize = 512;

/// What looking up a fingerprint gave.
#[derive(Debug)]
pub(super) struct Found {
    /// About which text.
    fingerprint: Fingerprint,
    /// What the last snapshot had, only if it is not current.
    before: Option<Outcome>,
    /// What holds now; if nothing, it has to be asked.
    now: Option<Outcome>,
}

/// What a lookup gave, or whose lookup failed, and why.
pub(super) type Looked = Result<Vec<Found>, (Vec<Fingerprint>, StoreError)>;

impl Desk {
    /// Starts looking up what has come; two lookups at a time keep both the database and the desk busy.
    pub(super) fn look_up(&mut self) {
        while self.lookups.len() < 2 && !self.unseen.is_empty() {
            let rest = self.unseen.split_off(self.unseen.len().min(LOOKUP));
            let wanted = std::mem::replace(&mut self.unseen, rest);
            let (database, inquiry) =
                (Arc::clone(&self.engine.database), Arc::clone(&self.inquiry));
            self.lookups.spawn_blocking(move || {
                look_up(&database, &inquiry, &wanted).map_err(|error| {
                    let whose = wanted.into_iter().map(|(fingerprint, _)| fingerprint);
                    (whose.collect(), error)
                })
            });
        }
    }

    pub(super) fn found(&mut self, looked: Result<Looked, JoinError>) {
        let found = match looked {
            Ok(Ok(found)) => found,
            Ok(Err((whose, error))) => {
                let why = format!("could not read the ledger: {}", said(error));
                self.stop.end(Ending::Storage(why));
                // A worker that never heard of them would hold their epoch open for ever.
                for fingerprint in whose {
                    self.tell(fingerprint, Outcome::Pending, true);
                }
                return;
            }
            Err(panicked) => {
                let why = format!("a lookup ended: {panicked}");
                return self.stop.end(Ending::Internal(why));
            }
        };
        for Found {
            fingerprint,
            before,
            now,
        } in found
        {
            if let Some(before) = before.filter(|_| !self.queue.was_told(fingerprint)) {
                self.tell(fingerprint, before, false);
            }
            match now {
                Some(outcome) => {
                    match outcome {
                        Outcome::Answered(_) => add(&self.gauges.cached, 1),
                        // Outside the scope: nobody need wait for it.
                        Outcome::Unasked => less(&self.gauges.asked, 1),
                        Outcome::Failed(_) | Outcome::Pending | Outcome::Nothing => {}
                    }
                    self.tell(fingerprint, outcome, true);
                }
                None => self.queue.wait(self.start.elapsed(), fingerprint),
            }
        }
        self.last_came = Instant::now();
    }
}

/// Looks up fingerprints, each with the first epoch that wants it. Blocks: for a thread that may.
///
/// # Errors
/// If the ledger cannot be read.
fn look_up(
    database: &Database,
    inquiry: &Inquiry,
    wanted: &[(Fingerprint, Epoch)],
) -> Result<Vec<Found>, StoreError> {
    failpoint::pass("lookup");
    // Whatever is listed was live at the base, so it is asked about there first, whichever update came first.
    let published = |fingerprint: &Fingerprint| inquiry.published.get(fingerprint);
    let mut keys: Vec<AnswerKey> = wanted
        .iter()
        .map(|(fingerprint, _)| inquiry.context.key(*fingerprint))
        .collect();
    for (fingerprint, _) in wanted {
        if let Some(Published::Answered(key)) = published(fingerprint) {
            keys.push(*key);
        }
    }
    let reuse = |fingerprint: &Fingerprint| inquiry.reuse.get(fingerprint);
    keys.extend(
        wanted
            .iter()
            .filter_map(|(fingerprint, _)| reuse(fingerprint)),
    );
    keys.sort_unstable();
    keys.dedup();
    let answers = database.answers(&keys)?;
    let failures = database.failures(&keys)?;
    let fingerprints: Vec<Fingerprint> =
        wanted.iter().map(|(fingerprint, _)| *fingerprint).collect();
    // Grounding needs the text; where there is no answer there is nothing to ground.
    let texts = if answers.is_empty() {
        BTreeMap::new()
    } else {
        database.texts(&fingerprints)?
    };

    let answered = |key: &AnswerKey, fingerprint: &Fingerprint| {
        let stored = answers.get(key)?;
        answer(stored, texts.get(fingerprint)?, inquiry.view).map(Outcome::Answered)
    };
    Ok(wanted
        .iter()
        .map(|(fingerprint, _)| {
            let key = inquiry.context.key(*fingerprint);
            // Only in the same form: an answer to another schema has other columns.
            let kept = |key: &&AnswerKey| {
                answers
                    .get(*key)
                    .is_some_and(|stored| stored.schema == inquiry.context.schema)
            };
            let old = reuse(fingerprint).filter(kept);
            let may = inquiry.scope.holds(*fingerprint);
            let stays = failures.get(&key).filter(|failure| {
                let again = failure.reason.transient() || inquiry.retry_failures;
                !(again && may)
            });
            let now = answered(&key, fingerprint)
                .or_else(|| answered(old?, fingerprint))
                .or_else(|| stays.map(|failure| Outcome::Failed(Arc::new(failure.clone()))))
                .or_else(|| (!may).then_some(Outcome::Unasked));
            let before = published(fingerprint).map(|published| match published {
                Published::Answered(key) => answered(key, fingerprint).unwrap_or(Outcome::Pending),
                Published::Failed(failure) => Outcome::Failed(Arc::new(failure.clone())),
                Published::Pending => Outcome::Pending,
                Published::Unasked => Outcome::Unasked,
            });
            if inquiry.scope == Scope::AsPublished {
                let settled = before.filter(|before| *before != Outcome::Pending);
                return Found {
                    fingerprint: *fingerprint,
                    before: None,
                    now: Some(settled.unwrap_or(Outcome::Unasked)),
                };
            }
            let before = before.filter(|before| now.as_ref() != Some(before));
            Found {
                fingerprint: *fingerprint,
                before,
                now,
            }
        })
        .collect())
}

/// A stored answer, ground on its text; `None` if it no longer parses: then it is asked for again.
pub(in crate::flow) fn answer(
    stored: &StoredAnswer,
    shown: &str,
    view: ViewId,
) -> Option<Arc<Answer>> {
    let extraction = ground::extraction(&stored.content, shown).ok()?;
    Some(Arc::new(Answer {
        key: stored.key,
        provider: stored.provider.as_str().into(),
        model: stored.model.as_str().into(),
        prompt: stored.prompt,
        schema: stored.schema,
        answered_at: stored.answered_at,
        called: stored.view == view,
        input_tokens: stored.input_tokens,
        output_tokens: stored.output_tokens,
        cost: stored.cost,
        extraction,
    }))
}
