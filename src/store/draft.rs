//! What an epoch will make of a view, stored bit by bit while it is made, so that little of it is ever held: the first step
//! of publishing, see [`super::prepared`].

use rusqlite::params;

use super::database::Database;
use super::manifest::epoch as last_epoch;
use super::prepared::{Head, Part, ViewDelta, damaged, delete, prepared, protocol};
use super::row::{check, signed};
use super::writer::Pending;
use crate::model::id::ViewId;

/// Rows in one part of a payload: a payload of any length is applied in the memory of one part.
const ROWS: usize = 500;
/// Outlines in one, which are some kilobytes each.
const OUTLINES: usize = 50;

/// What an epoch will make of a view. The same epoch begun again replaces it; without its end it is never committed.
#[derive(Debug)]
pub struct Draft {
    view: ViewId,
    epoch: u64,
    parts: i64,
}

impl Draft {
    /// Of which nothing is stored yet.
    #[must_use]
    pub fn new(view: ViewId, epoch: u64) -> Self {
        Self {
            view,
            epoch,
            parts: 0,
        }
    }
}

impl Database {
    /// Stores some of what an epoch will make of a view; of the delta only what comes and goes.
    pub fn add(&self, draft: &mut Draft, delta: ViewDelta) -> Pending<()> {
        self.store(draft, body(delta))
    }

    /// Stores the rest: from now on it can be committed.
    pub fn finish(&self, mut draft: Draft, mut delta: ViewDelta) -> Pending<()> {
        let head = Head {
            plan: std::mem::take(&mut delta.plan),
            derivation: std::mem::take(&mut delta.derivation),
            complete: delta.complete,
            digest: std::mem::take(&mut delta.digest),
            calls_published: delta.calls_published,
            manifest_json: std::mem::take(&mut delta.manifest_json),
            at: delta.at,
        };
        let payload = body(delta).and_then(|mut payload| {
            payload.push(postcard::to_stdvec(&Part::Head(head))?);
            Ok(payload)
        });
        self.store(&mut draft, payload)
    }

    /// Stores all that an epoch will make of a view.
    pub fn prepare(&self, view: ViewId, epoch: u64, delta: ViewDelta) -> Pending<()> {
        self.finish(Draft::new(view, epoch), delta)
    }

    fn store(&self, draft: &mut Draft, payload: postcard::Result<Vec<Vec<u8>>>) -> Pending<()> {
        let Draft {
            view,
            epoch,
            parts: from,
        } = *draft;
        let Ok(payload) = payload else {
            return Pending::failed(damaged(view, epoch));
        };
        draft.parts += i64::try_from(payload.len()).unwrap_or(i64::MAX);
        self.write("prepare an epoch", move |connection| {
            match last_epoch(connection, view)? {
                None => return Err(protocol(view, epoch, "is of a view that is not registered")),
                Some(last) if last >= epoch => {
                    return Err(protocol(view, epoch, "is published already"));
                }
                Some(_) => {}
            }
            if prepared(connection, view)?.is_some_and(|other| other != epoch) {
                return Err(protocol(view, epoch, "comes while another one is prepared"));
            }
            if from == 0 {
                delete(connection, view, epoch)?;
            }
            let mut put = connection.prepare_cached(
                "INSERT INTO prepared (view_id, epoch, part, payload, digest) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            for (part, payload) in (from..).zip(&payload) {
                put.execute(params![view.0, signed(epoch), part, payload, check(&[payload])])?;
            }
            Ok(())
        })
    }
}

/// All of it but the head.
fn body(delta: ViewDelta) -> postcard::Result<Vec<Vec<u8>>> {
    let mut payload = Vec::new();
    if delta.outcomes_afresh {
        payload.push(postcard::to_stdvec(&Part::OutcomesAfresh)?);
    }
    cut(delta.files_gone, Part::FilesGone, &mut payload)?;
    cut(delta.files_put, Part::FilesPut, &mut payload)?;
    cut(delta.outcomes_gone, Part::OutcomesGone, &mut payload)?;
    for some in delta.outcomes_put.chunks(ROWS) {
        let some = some.iter().map(|(print, outcome)| (*print, &**outcome));
        payload.push(postcard::to_stdvec(&Part::OutcomesPut(some.collect()))?);
    }
    for some in delta.outlines_put.chunks(OUTLINES) {
        let some = some.iter().map(|(doc, outline)| (*doc, &**outline));
        payload.push(postcard::to_stdvec(&Part::OutlinesPut(some.collect()))?);
    }
    Ok(payload)
}

fn cut<T>(
    rows: Vec<T>,
    part: impl Fn(Vec<T>) -> Part<'static>,
    payload: &mut Vec<Vec<u8>>,
) -> postcard::Result<()> {
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let some = rows.by_ref().take(ROWS).collect();
        payload.push(postcard::to_stdvec(&part(some))?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fresh, view};
    use super::*;
    use crate::model::id::{DocId, Fingerprint};

    fn outcome(text: u8) -> ViewDelta {
        ViewDelta {
            outcomes_put: vec![(Fingerprint([text; 32]), vec![text])],
            ..ViewDelta::default()
        }
    }

    fn outcomes(database: &Database) -> Vec<u8> {
        let mut found = Vec::new();
        let each = |_, bytes: &[u8]| found.extend_from_slice(bytes);
        database.outcomes(view().id(), each).unwrap();
        found
    }

    /// What is added bit by bit is what is added at once; begun again it is forgotten; without its end it is nothing.
    #[test]
    fn a_draft_is_committed_whole_or_not_at_all() {
        let (_folder, database) = fresh();
        let id = database.register(&view()).wait().unwrap();
        let mut given_up = Draft::new(id, 1);
        database.add(&mut given_up, outcome(9)).wait().unwrap();
        database.add(&mut given_up, outcome(8)).wait().unwrap();
        assert_eq!(database.prepared(id).unwrap(), Some(1));
        assert!(database.commit(id, 1).wait().is_err(), "it has no end");
        assert!(outcomes(&database).is_empty());

        let mut draft = Draft::new(id, 1);
        for text in 1..=3 {
            database.add(&mut draft, outcome(text)).wait().unwrap();
        }
        database.finish(draft, outcome(4)).wait().unwrap();
        assert!(database.commit(id, 1).wait().unwrap());
        assert_eq!(outcomes(&database), [1, 2, 3, 4]);
        assert_eq!(database.outline(id, DocId([1; 16])).unwrap(), None);

        let afresh = ViewDelta {
            outcomes_afresh: true,
            ..outcome(7)
        };
        database.prepare(id, 2, afresh).wait().unwrap();
        assert!(database.commit(id, 2).wait().unwrap());
        assert_eq!(outcomes(&database), [7]);
    }
}
