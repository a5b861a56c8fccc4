//! Versions of documents: the rows that a file gave, kept since the file that gave them may be gone by the time they
//! must be taken back. What they look like inside is the caller's.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::database::Database;
use super::error::StoreError;
use super::ledger::put_texts;
use super::row::check;
use super::writer::Pending;
use crate::model::id::{ContentHash, DocId, Fingerprint, ViewId};

/// What a file gave, with the texts of its chunks.
#[derive(Clone, Debug)]
pub struct NewVersion {
    /// The view.
    pub view: ViewId,
    /// The document.
    pub doc: DocId,
    /// What the file held.
    pub content_hash: ContentHash,
    /// The hash of everything that decides how a file is read and cut up.
    pub reading: String,
    /// The document, encoded.
    pub document: Vec<u8>,
    /// Its chunks, encoded.
    pub chunks: Vec<u8>,
    /// The texts of the chunks.
    pub texts: Vec<(Fingerprint, Arc<str>)>,
}

/// A version as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredVersion {
    /// The document's id.
    pub doc: DocId,
    /// What the file held.
    pub content_hash: ContentHash,
    /// How it was read.
    pub reading: String,
    /// The document, encoded.
    pub document: Vec<u8>,
    /// Its chunks, encoded.
    pub chunks: Vec<u8>,
}

impl Database {
    /// Stores what a file gave, and its texts; if the very same is there already, gives that one's number.
    pub fn put_version(&self, new: NewVersion) -> Pending<i64> {
        self.write("store a document", move |connection| {
            put_texts(connection, &new.texts)?;
            let twin = newest(connection, new.view, new.doc, new.content_hash, &new.reading)?;
            if let Some(twin) = twin
                && let Some(stored) = version(connection, twin)?
                && stored.document == new.document
                && stored.chunks == new.chunks
            {
                return Ok(twin);
            }
            connection
                .prepare_cached(
                    "INSERT INTO versions (view_id, doc_id, content_hash, reading, document, chunks, digest)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute(params![
                    new.view.0,
                    new.doc.0,
                    new.content_hash.0,
                    new.reading,
                    new.document,
                    new.chunks,
                    check(&[&new.document, &new.chunks]),
                ])?;
            Ok(connection.last_insert_rowid())
        })
    }

    /// A version by its number; none if it is missing or damaged: then the file has to be read again.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn version(&self, number: i64) -> Result<Option<StoredVersion>, StoreError> {
        self.read("look up a document", |connection| {
            version(connection, number)
        })
    }

    /// What was known of a document at the last snapshot; none if it is missing or damaged.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn outline(&self, view: ViewId, doc: DocId) -> Result<Option<Vec<u8>>, StoreError> {
        self.read("look up a document", |connection| {
            let found = connection
                .prepare_cached(
                    "SELECT outline, digest FROM outlines WHERE view_id = ?1 AND doc_id = ?2",
                )?
                .query_row(params![view.0, doc.0], |row| {
                    Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?))
                })
                .optional()?;
            Ok(found
                .and_then(|(outline, digest)| (digest == check(&[&outline])).then_some(outline)))
        })
    }

    /// Hands the document and the encoded chunks of every version of every view to `each`; the chunks of a damaged one
    /// are none.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn every_version(
        &self,
        mut each: impl FnMut(DocId, Option<&[u8]>),
    ) -> Result<(), StoreError> {
        self.read("look up documents", |connection| {
            let mut get = connection
                .prepare_cached("SELECT doc_id, document, chunks, digest FROM versions")?;
            let mut rows = get.query([])?;
            while let Some(row) = rows.next()? {
                let blob = |column| {
                    row.get_ref(column)?
                        .as_bytes()
                        .map_err(rusqlite::Error::from)
                };
                let (document, chunks) = (blob(1)?, blob(2)?);
                let whole = blob(3)? == check(&[document, chunks]);
                each(DocId(row.get(0)?), whole.then_some(chunks));
            }
            Ok(())
        })
    }

    /// The number of the version that such a file gave when it was read like that.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn find_version(
        &self,
        view: ViewId,
        doc: DocId,
        content_hash: ContentHash,
        reading: &str,
    ) -> Result<Option<i64>, StoreError> {
        self.read("look up a document", |connection| {
            newest(connection, view, doc, content_hash, reading)
        })
    }

    /// Deletes the versions that no file of the view refers to, and says how many they were.
    /// Only before the first file of a run is read, and with nothing prepared: what was just stored has no file yet.
    pub fn collect(&self, view: ViewId) -> Pending<u64> {
        self.write("delete old documents", move |connection| {
            let gone = connection
                .prepare_cached(
                    "DELETE FROM versions WHERE view_id = ?1
                     AND version NOT IN (SELECT version FROM files WHERE view_id = ?1 AND version IS NOT NULL)
                     AND NOT EXISTS (SELECT 1 FROM prepared WHERE view_id = ?1)",
                )?
                .execute([view.0])?;
            Ok(gone as u64)
        })
    }
}

fn newest(
    connection: &Connection,
    view: ViewId,
    doc: DocId,
    content_hash: ContentHash,
    reading: &str,
) -> Result<Option<i64>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT version FROM versions WHERE view_id = ?1 AND doc_id = ?2 AND content_hash = ?3 AND reading = ?4
             ORDER BY version DESC LIMIT 1",
        )?
        .query_row(params![view.0, doc.0, content_hash.0, reading], |row| row.get(0))
        .optional()?)
}

fn version(connection: &Connection, number: i64) -> Result<Option<StoredVersion>, StoreError> {
    let found = connection
        .prepare_cached(
            "SELECT doc_id, content_hash, reading, document, chunks, digest FROM versions WHERE version = ?1",
        )?
        .query_row([number], |row| {
            let version = StoredVersion {
                doc: DocId(row.get(0)?),
                content_hash: ContentHash(row.get(1)?),
                reading: row.get(2)?,
                document: row.get(3)?,
                chunks: row.get(4)?,
            };
            Ok((version, row.get::<_, Vec<u8>>(5)?))
        })
        .optional()?;
    Ok(found.and_then(|(version, digest)| {
        (digest == check(&[&version.document, &version.chunks])).then_some(version)
    }))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fresh, view};
    use super::super::{StoredFile, ViewDelta};
    use super::*;

    fn new(doc: u8, content: u8) -> NewVersion {
        let text: Arc<str> = Arc::from(format!("text {content}"));
        NewVersion {
            view: view().id(),
            doc: DocId([doc; 16]),
            content_hash: ContentHash([content; 32]),
            reading: "r1".to_owned(),
            document: vec![doc, content],
            chunks: vec![content],
            texts: vec![(Fingerprint::of_shown(&text), text)],
        }
    }

    #[test]
    fn versions_are_stored_once_with_their_texts() {
        let (_folder, database) = fresh();
        let first = database.put_version(new(1, 1)).wait().unwrap();
        assert_eq!(database.put_version(new(1, 1)).wait().unwrap(), first);
        let second = database.put_version(new(1, 2)).wait().unwrap();
        assert!(second > first);
        let stored = database.version(first).unwrap().unwrap();
        assert_eq!((stored.document, stored.chunks), (vec![1, 1], vec![1]));
        assert_eq!(database.version(99).unwrap(), None);
        let find = |reading| {
            let found =
                database.find_version(view().id(), DocId([1; 16]), ContentHash([2; 32]), reading);
            found.unwrap()
        };
        assert_eq!((find("r1"), find("r2")), (Some(second), None));
        let texts: Vec<_> = new(1, 2).texts.iter().map(|(print, _)| *print).collect();
        assert_eq!(database.texts(&texts).unwrap().len(), 1);
    }

    #[test]
    fn a_damaged_version_is_none_and_gives_way_to_a_new_one() {
        let (_folder, database) = fresh();
        let first = database.put_version(new(1, 1)).wait().unwrap();
        database
            .write("spoil", |c| {
                Ok(c.execute("UPDATE versions SET chunks = x'00'", [])?)
            })
            .wait()
            .unwrap();
        assert_eq!(database.version(first).unwrap(), None);
        let second = database.put_version(new(1, 1)).wait().unwrap();
        assert!(second > first && database.version(second).unwrap().is_some());
    }

    #[test]
    fn only_what_no_file_refers_to_is_collected() {
        let (_folder, database) = fresh();
        let id = database.register(&view()).wait().unwrap();
        let mut numbers = Vec::new();
        for content in 0..3 {
            numbers.push(database.put_version(new(1, content)).wait().unwrap());
        }
        let file = StoredFile {
            doc: DocId([1; 16]),
            root: String::new(),
            path: String::new(),
            size: 0,
            mtime_ns: 0,
            inode: 0,
            content_hash: None,
            version: numbers.get(1).copied(),
            failure: None,
        };
        let delta = ViewDelta {
            files_put: vec![file],
            ..ViewDelta::default()
        };
        database.prepare(id, 1, delta).wait().unwrap();
        assert_eq!(database.collect(id).wait().unwrap(), 0, "one is prepared");
        database.commit(id, 1).wait().unwrap();
        assert_eq!(database.collect(id).wait().unwrap(), 2);
        let left: Vec<_> = numbers
            .iter()
            .map(|&number| database.version(number).unwrap().is_some())
            .collect();
        assert_eq!(left, [false, true, false]);
        let later = database.put_version(new(2, 9)).wait().unwrap();
        assert!(numbers.iter().all(|&number| number < later));
    }
}
