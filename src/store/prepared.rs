//! Publishing in two steps, so that the manifest and the output folder cannot disagree for ever.
//!
//! 1. A [`Draft`](super::Draft) stores what an epoch will make of the view, and changes nothing.
//! 2. The caller swaps the output's `current`: from here the epoch is published.
//! 3. `commit` makes the view so.
//!
//! Whoever starts and finds an epoch prepared looks at `current`: if it shows that epoch, `commit`, else `rollback`.
//! Each step may be repeated.

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::database::Database;
use super::error::StoreError;
use super::manifest::{StoredFile, epoch as last_epoch, put_files};
use super::row::{check, signed, unsigned};
use super::writer::Pending;
use crate::model::id::{DocId, Fingerprint, ViewId};
use crate::model::unit::Micros;

/// What an epoch makes of a view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewDelta {
    /// Files that are new or differ.
    pub files_put: Vec<StoredFile>,
    /// Files that are gone.
    pub files_gone: Vec<DocId>,
    /// Whether what was known of chunks before goes first, all of it.
    pub outcomes_afresh: bool,
    /// What is known of documents that are new or differ, encoded by the caller.
    pub outlines_put: Vec<(DocId, Vec<u8>)>,
    /// Outcomes that are new or differ, encoded by the caller.
    pub outcomes_put: Vec<(Fingerprint, Vec<u8>)>,
    /// Outcomes of chunks that are gone.
    pub outcomes_gone: Vec<Fingerprint>,
    /// The hash of the plan.
    pub plan: String,
    /// The hash of what else decides the rows.
    pub derivation: String,
    /// Whether everything was answered.
    pub complete: bool,
    /// The caller's digest of the inputs.
    pub digest: Vec<u8>,
    /// The place of the last call that is published with it.
    pub calls_published: i64,
    /// The manifest that is published with it.
    pub manifest_json: String,
    /// When.
    pub at: Micros,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) plan: String,
    pub(super) derivation: String,
    pub(super) complete: bool,
    pub(super) digest: Vec<u8>,
    pub(super) calls_published: i64,
    pub(super) manifest_json: String,
    pub(super) at: Micros,
}

/// A part of a payload. The head comes last: a payload without one is not whole.
#[derive(Serialize, Deserialize)]
pub(super) enum Part<'a> {
    FilesGone(Vec<DocId>),
    FilesPut(Vec<StoredFile>),
    OutcomesGone(Vec<Fingerprint>),
    // Borrowed, since postcard reads a `Vec<u8>` byte by byte.
    #[serde(borrow)]
    OutcomesPut(Vec<(Fingerprint, &'a [u8])>),
    Head(Head),
    #[serde(borrow)]
    OutlinesPut(Vec<(DocId, &'a [u8])>),
    OutcomesAfresh,
}

impl Database {
    /// Makes the view what was prepared; says whether it was not so already.
    pub fn commit(&self, view: ViewId, epoch: u64) -> Pending<bool> {
        self.write("commit an epoch", move |connection| {
            if prepared(connection, view)? != Some(epoch) {
                return match last_epoch(connection, view)? {
                    Some(last) if last >= epoch => Ok(false),
                    _ => Err(protocol(view, epoch, "is not prepared")),
                };
            }
            parts(connection, view, epoch, |part| {
                apply(connection, view, epoch, part)
            })?;
            delete(connection, view, epoch)?;
            Ok(true)
        })
    }

    /// Drops what was prepared; says whether there was anything.
    pub fn rollback(&self, view: ViewId, epoch: u64) -> Pending<bool> {
        self.write("roll back an epoch", move |connection| {
            delete(connection, view, epoch)
        })
    }

    /// The epoch that is prepared for a view.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn prepared(&self, view: ViewId) -> Result<Option<u64>, StoreError> {
        self.read("look up an epoch", |connection| prepared(connection, view))
    }

    /// Whether all of what was prepared is there. A state that has lost its end may hold the first parts only.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn prepared_whole(&self, view: ViewId, epoch: u64) -> Result<bool, StoreError> {
        self.read("look up an epoch", |connection| {
            match parts(connection, view, epoch, |_| Ok(())) {
                Ok(()) => Ok(true),
                Err(StoreError::Damaged { .. }) => Ok(false),
                Err(error) => Err(error),
            }
        })
    }
}

/// Hands over each part of what was prepared, in their order. Damaged unless all of it is there.
fn parts(
    connection: &Connection,
    view: ViewId,
    epoch: u64,
    mut take: impl FnMut(Part<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut get = connection.prepare_cached(
        "SELECT payload, digest FROM prepared WHERE view_id = ?1 AND epoch = ?2 ORDER BY part",
    )?;
    let mut rows = get.query(params![view.0, signed(epoch)])?;
    let mut whole = false;
    while let Some(row) = rows.next()? {
        let payload: Vec<u8> = row.get(0)?;
        if row.get::<_, Vec<u8>>(1)? != check(&[&payload]) {
            return Err(damaged(view, epoch));
        }
        let part = postcard::from_bytes(&payload).map_err(|_unreadable| damaged(view, epoch))?;
        whole = matches!(part, Part::Head(_));
        take(part)?;
    }
    whole.then_some(()).ok_or_else(|| damaged(view, epoch))
}

fn apply(
    connection: &Connection,
    view: ViewId,
    epoch: u64,
    part: Part<'_>,
) -> Result<(), StoreError> {
    match part {
        Part::FilesGone(gone) => {
            let mut delete = connection
                .prepare_cached("DELETE FROM files WHERE view_id = ?1 AND doc_id = ?2")?;
            let mut forget = connection
                .prepare_cached("DELETE FROM outlines WHERE view_id = ?1 AND doc_id = ?2")?;
            for doc in gone {
                delete.execute(params![view.0, doc.0])?;
                forget.execute(params![view.0, doc.0])?;
            }
        }
        Part::OutlinesPut(outlines) => {
            let mut put = connection.prepare_cached(
                "INSERT OR REPLACE INTO outlines (view_id, doc_id, outline, digest) VALUES (?1, ?2, ?3, ?4)",
            )?;
            for (doc, outline) in outlines {
                put.execute(params![view.0, doc.0, outline, check(&[outline])])?;
            }
        }
        Part::FilesPut(files) => put_files(connection, view, &files)?,
        Part::OutcomesAfresh => {
            connection
                .prepare_cached("DELETE FROM outcomes WHERE view_id = ?1")?
                .execute([view.0])?;
        }
        Part::OutcomesGone(gone) => {
            let mut delete = connection
                .prepare_cached("DELETE FROM outcomes WHERE view_id = ?1 AND fingerprint = ?2")?;
            for fingerprint in gone {
                delete.execute(params![view.0, fingerprint.0])?;
            }
        }
        Part::OutcomesPut(outcomes) => {
            let mut put = connection.prepare_cached(
                "INSERT INTO outcomes (view_id, fingerprint, outcome) VALUES (?1, ?2, ?3)
                 ON CONFLICT (view_id, fingerprint) DO UPDATE SET outcome = excluded.outcome",
            )?;
            for (fingerprint, outcome) in outcomes {
                put.execute(params![view.0, fingerprint.0, outcome])?;
            }
        }
        Part::Head(head) => put_head(connection, view, epoch, &head)?,
    }
    Ok(())
}

fn put_head(
    connection: &Connection,
    view: ViewId,
    epoch: u64,
    head: &Head,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE views SET epoch = ?2, plan = ?3, derivation = ?4, complete = ?5, digest = ?6,
                              calls_published = ?7, manifest = ?8, updated_at = ?9 WHERE view_id = ?1",
        )?
        .execute(params![
            view.0,
            signed(epoch),
            head.plan,
            head.derivation,
            head.complete,
            head.digest,
            head.calls_published,
            head.manifest_json,
            head.at.0,
        ])?;
    Ok(())
}

pub(super) fn prepared(connection: &Connection, view: ViewId) -> Result<Option<u64>, StoreError> {
    let epoch: Option<i64> = connection
        .prepare_cached("SELECT max(epoch) FROM prepared WHERE view_id = ?1")?
        .query_row([view.0], |row| row.get(0))?;
    Ok(epoch.map(unsigned))
}

pub(super) fn delete(
    connection: &Connection,
    view: ViewId,
    epoch: u64,
) -> Result<bool, StoreError> {
    let gone = connection
        .prepare_cached("DELETE FROM prepared WHERE view_id = ?1 AND epoch = ?2")?
        .execute(params![view.0, signed(epoch)])?;
    Ok(gone > 0)
}

pub(super) fn protocol(view: ViewId, epoch: u64, why: &'static str) -> StoreError {
    StoreError::Protocol { view, epoch, why }
}

pub(super) fn damaged(view: ViewId, epoch: u64) -> StoreError {
    StoreError::Damaged {
        what: format!("epoch {epoch} of view {view}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::manifest::{FileFailure, Touched};
    use super::super::testing::{crash, fresh, view, write};
    use super::*;
    use crate::model::id::ContentHash;

    fn file(n: u64, version: Option<i64>) -> StoredFile {
        StoredFile {
            doc: DocId::of(&[&n.to_le_bytes()]),
            root: "talks".to_owned(),
            path: format!("{n}.vtt"),
            size: u64::MAX,
            mtime_ns: -1,
            inode: u64::MAX - n,
            content_hash: version.map(|_| ContentHash([1; 32])),
            version,
            failure: version.is_none().then(|| FileFailure {
                reason: "not_text".to_owned(),
                message: "no".to_owned(),
                first_at: Micros(4),
            }),
        }
    }

    fn print(n: u64) -> Fingerprint {
        Fingerprint::of_shown(&n.to_string())
    }

    fn delta(epoch: u8, files: &[u64], outcomes: &[u64]) -> ViewDelta {
        ViewDelta {
            files_put: files.iter().map(|&n| file(n, Some(1))).collect(),
            outcomes_put: outcomes
                .iter()
                .map(|&n| (print(n), vec![epoch; 3]))
                .collect(),
            plan: format!("plan {epoch}"),
            derivation: "d".to_owned(),
            complete: true,
            digest: vec![epoch],
            calls_published: i64::from(epoch) * 10,
            manifest_json: "{}".to_owned(),
            at: Micros(i64::from(epoch)),
            ..ViewDelta::default()
        }
    }

    fn outcomes(database: &Database) -> BTreeMap<Fingerprint, Vec<u8>> {
        let mut found = BTreeMap::new();
        let count = database
            .outcomes(view().id(), |fingerprint, outcome| {
                found.insert(fingerprint, outcome.to_vec());
            })
            .unwrap();
        assert_eq!(count, found.len() as u64);
        found
    }

    #[test]
    fn prepare_changes_nothing_commit_everything_and_both_repeat() {
        let (folder, database) = fresh();
        let id = database.register(&view()).wait().unwrap();
        assert_eq!(database.register(&view()).wait().unwrap(), id);
        let many: Vec<u64> = (0..1_200).collect();
        for _ in 0..2 {
            let delta = delta(1, &[1, 2], &many);
            database.prepare(id, 1, delta).wait().unwrap();
        }
        assert_eq!(database.prepared(id).unwrap(), Some(1));
        assert_eq!(database.view(id).unwrap().unwrap().epoch, 0);
        assert!(database.files(id).unwrap().is_empty() && outcomes(&database).is_empty());

        let image = crash(folder.path());
        let again = write(image.path()).unwrap();
        assert_eq!(again.prepared(id).unwrap(), Some(1));
        assert!(again.commit(id, 1).wait().unwrap());
        assert!(!again.commit(id, 1).wait().unwrap());
        assert!(!again.rollback(id, 1).wait().unwrap());
        assert_eq!(again.prepared(id).unwrap(), None);
        assert_eq!(again.files(id).unwrap().len(), 2);
        assert_eq!(outcomes(&again).len(), 1_200);

        let next = ViewDelta {
            files_gone: vec![file(1, None).doc],
            outcomes_gone: many.iter().skip(1).map(|&n| print(n)).collect(),
            ..delta(2, &[3], &[0, 5_000])
        };
        again.prepare(id, 2, next).wait().unwrap();
        assert!(again.commit(id, 2).wait().unwrap());
        let mut files = vec![file(2, Some(1)), file(3, Some(1))];
        files.sort_by_key(|file| file.doc);
        assert_eq!(again.files(id).unwrap(), files);
        assert_eq!(
            outcomes(&again),
            [(print(0), vec![2; 3]), (print(5_000), vec![2; 3])].into()
        );
        let stored = again.view(id).unwrap().unwrap();
        assert_eq!((stored.epoch, stored.calls_published), (2, 20));
        assert_eq!((stored.view, stored.plan), (view(), "plan 2".to_owned()));
        assert_eq!(again.views().unwrap().len(), 1);
    }

    #[test]
    fn rollback_leaves_no_trace() {
        let (_folder, database) = fresh();
        let id = database.register(&view()).wait().unwrap();
        database
            .prepare(id, 1, delta(1, &[1], &[1]))
            .wait()
            .unwrap();
        assert!(database.rollback(id, 1).wait().unwrap());
        assert!(!database.rollback(id, 1).wait().unwrap());
        assert_eq!(database.prepared(id).unwrap(), None);
        let error = database.commit(id, 1).wait().unwrap_err();
        assert!(matches!(error, StoreError::Protocol { .. }), "{error}");
        assert!(outcomes(&database).is_empty());
    }

    #[test]
    fn epochs_keep_their_turn() {
        let (_folder, database) = fresh();
        let id = view().id();
        let prepare = |epoch| database.prepare(id, epoch, ViewDelta::default()).wait();
        assert!(prepare(1).is_err(), "not registered");
        database.register(&view()).wait().unwrap();
        prepare(3).unwrap();
        assert!(prepare(4).is_err(), "another is prepared");
        database.commit(id, 3).wait().unwrap();
        assert!(prepare(3).is_err(), "published");
        prepare(4).unwrap();
    }

    #[test]
    fn half_of_what_was_prepared_is_not_all_of_it() {
        let (_folder, database) = fresh();
        let id = database.register(&view()).wait().unwrap();
        assert!(!database.prepared_whole(id, 1).unwrap());
        let many: Vec<u64> = (0..1_200).collect();
        let delta = delta(1, &[1], &many);
        database.prepare(id, 1, delta).wait().unwrap();
        assert!(database.prepared_whole(id, 1).unwrap());
        let last = "DELETE FROM prepared WHERE part = (SELECT max(part) FROM prepared)";
        let spoil = database.write("spoil", move |c| Ok(c.execute(last, [])?));
        assert_eq!(spoil.wait().unwrap(), 1);
        assert!(!database.prepared_whole(id, 1).unwrap());
        assert_eq!(database.prepared(id).unwrap(), Some(1));
    }

    /// A payload that is damaged is not applied, not even in part: here one that can still be decoded.
    #[test]
    fn a_damaged_payload_is_refused_whole() {
        let (_folder, database) = fresh();
        let id = database.register(&view()).wait().unwrap();
        database
            .prepare(id, 1, delta(1, &[1], &[1]))
            .wait()
            .unwrap();
        let spoil = "UPDATE prepared SET payload = (SELECT payload FROM prepared WHERE part = 0) WHERE part = 1";
        database
            .write("spoil", move |c| Ok(c.execute(spoil, [])?))
            .wait()
            .unwrap();
        assert!(!database.prepared_whole(id, 1).unwrap());
        let error = database.commit(id, 1).wait().unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        assert!(database.files(id).unwrap().is_empty());
        assert_eq!(database.prepared(id).unwrap(), Some(1));
    }

    #[test]
    fn touching_changes_only_the_looks() {
        let (_folder, database) = fresh();
        let id = database.register(&view()).wait().unwrap();
        let mut put = delta(1, &[], &[]);
        put.files_put.push(file(1, None));
        database.prepare(id, 1, put).wait().unwrap();
        database.commit(id, 1).wait().unwrap();
        let touch = |n| Touched {
            doc: file(n, None).doc,
            size: 1,
            mtime_ns: 2,
            inode: 3,
        };
        let touched = vec![touch(1), touch(2)];
        database.touch_files(id, touched).wait().unwrap();
        let expected = StoredFile {
            size: 1,
            mtime_ns: 2,
            inode: 3,
            ..file(1, None)
        };
        assert_eq!(database.files(id).unwrap(), [expected]);
    }
}
