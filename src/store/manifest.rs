//! Views: what each was last published from.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::database::Database;
use super::error::StoreError;
use super::row::unsigned;
use super::writer::Pending;
use crate::model::id::{ContentHash, DocId, Fingerprint, ViewId};
use crate::model::unit::Micros;

/// What makes a view: the same dataflow over the same roots into the same folder is the same view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The name of the dataflow.
    pub dataflow: String,
    /// Its roots, in the order given.
    pub roots: Vec<String>,
    /// Its output folder.
    pub output: String,
}

impl View {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> ViewId {
        let mut parts = vec![self.dataflow.as_bytes(), self.output.as_bytes()];
        parts.extend(self.roots.iter().map(String::as_bytes));
        ViewId::of(&parts)
    }
}

/// A view as it was last published; epoch 0 if it never was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredView {
    /// Its id.
    pub id: ViewId,
    /// What makes it.
    pub view: View,
    /// The last published epoch.
    pub epoch: u64,
    /// The hash of the plan.
    pub plan: String,
    /// The hash of what else decides its rows.
    pub derivation: String,
    /// Whether everything was answered.
    pub complete: bool,
    /// The caller's digest of its inputs.
    pub digest: Vec<u8>,
    /// The place of the last published call.
    pub calls_published: i64,
    /// The manifest that went with it.
    pub manifest_json: String,
    /// When.
    pub updated_at: Micros,
}

/// A file that a view is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Its document.
    pub doc: DocId,
    /// The label of its root.
    pub root: String,
    /// Its path below the root.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Last changed, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Its inode.
    pub inode: u64,
    /// What it held, if it could be read.
    pub content_hash: Option<ContentHash>,
    /// The stored version that its rows came from.
    pub version: Option<i64>,
    /// Why it could not be read.
    pub failure: Option<FileFailure>,
}

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFailure {
    /// The `reason` in the failures table.
    pub reason: String,
    /// For people.
    pub message: String,
    /// Since when.
    pub first_at: Micros,
}

/// A file that holds what it held before, though it looks changed from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touched {
    /// Its document.
    pub doc: DocId,
    /// Bytes.
    pub size: u64,
    /// Last changed, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Its inode.
    pub inode: u64,
}

const COLUMNS: &str =
    "view_id, dataflow, roots, output, epoch, plan, derivation, complete, digest, calls_published,
    manifest, updated_at";

impl Database {
    /// Makes a view known; nothing happens to one that is.
    pub fn register(&self, view: &View) -> Pending<ViewId> {
        let view = view.clone();
        self.write("store a view", move |connection| {
            let roots = serde_json::Value::from(view.roots.as_slice()).to_string();
            let id = view.id();
            connection
                .prepare_cached(
                    "INSERT INTO views (view_id, dataflow, roots, output) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (view_id) DO NOTHING",
                )?
                .execute(params![id.0, view.dataflow, roots, view.output])?;
            Ok(id)
        })
    }

    /// One view.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn view(&self, id: ViewId) -> Result<Option<StoredView>, StoreError> {
        self.read("look up a view", |connection| {
            let sql = format!("SELECT {COLUMNS} FROM views WHERE view_id = ?1");
            let mut get = connection.prepare_cached(&sql)?;
            let mut rows = get.query([id.0])?;
            rows.next()?.map(stored_view).transpose()
        })
    }

    /// All views, the latest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn views(&self) -> Result<Vec<StoredView>, StoreError> {
        self.read("look up views", |connection| {
            let sql = format!("SELECT {COLUMNS} FROM views ORDER BY updated_at DESC, view_id");
            let mut get = connection.prepare_cached(&sql)?;
            let mut rows = get.query([])?;
            let mut views = Vec::new();
            while let Some(row) = rows.next()? {
                views.push(stored_view(row)?);
            }
            Ok(views)
        })
    }

    /// The files of a view, by document id.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn files(&self, view: ViewId) -> Result<Vec<StoredFile>, StoreError> {
        self.read("look up files", |connection| {
            let mut get = connection.prepare_cached(
                "SELECT doc_id, root, path, size, mtime_ns, inode, content_hash, version, failure
                 FROM files WHERE view_id = ?1 ORDER BY doc_id",
            )?;
            let mut rows = get.query([view.0])?;
            let mut files = Vec::new();
            while let Some(row) = rows.next()? {
                files.push(stored_file(row)?);
            }
            Ok(files)
        })
    }

    /// Notes the new looks of files that hold what they held; those not of this view are passed over.
    pub fn touch_files(&self, view: ViewId, files: Vec<Touched>) -> Pending<()> {
        self.write("store files", move |connection| {
            let mut touch = connection.prepare_cached(
                "UPDATE files SET size = ?3, mtime_ns = ?4, inode = ?5 WHERE view_id = ?1 AND doc_id = ?2",
            )?;
            for file in &files {
                touch.execute(params![
                    view.0,
                    file.doc.0,
                    file.size.cast_signed(),
                    file.mtime_ns,
                    file.inode.cast_signed(),
                ])?;
            }
            Ok(())
        })
    }

    /// Hands every published outcome of a view to `each`, by fingerprint, and says how many there are.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn outcomes(
        &self,
        view: ViewId,
        mut each: impl FnMut(Fingerprint, &[u8]),
    ) -> Result<u64, StoreError> {
        self.read("look up outcomes", |connection| {
            let mut get = connection.prepare_cached(
                "SELECT fingerprint, outcome FROM outcomes WHERE view_id = ?1 ORDER BY fingerprint",
            )?;
            let mut rows = get.query([view.0])?;
            let mut count = 0;
            while let Some(row) = rows.next()? {
                let outcome = row.get_ref(1)?.as_bytes().map_err(rusqlite::Error::from)?;
                each(Fingerprint(row.get(0)?), outcome);
                count += 1;
            }
            Ok(count)
        })
    }

    /// Hands every published outcome of every view to `each`.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn every_outcome(&self, mut each: impl FnMut(&[u8])) -> Result<(), StoreError> {
        self.read("look up outcomes", |connection| {
            let mut get = connection.prepare_cached("SELECT outcome FROM outcomes")?;
            let mut rows = get.query([])?;
            while let Some(row) = rows.next()? {
                each(row.get_ref(0)?.as_bytes().map_err(rusqlite::Error::from)?);
            }
            Ok(())
        })
    }
}

/// The last published epoch of a view, if there is such a view.
pub(super) fn epoch(connection: &Connection, view: ViewId) -> Result<Option<u64>, StoreError> {
    let epoch = connection
        .prepare_cached("SELECT epoch FROM views WHERE view_id = ?1")?
        .query_row([view.0], |row| row.get(0))
        .optional()?;
    Ok(epoch.map(unsigned))
}

/// Stores files of a view as they are now.
pub(super) fn put_files(
    connection: &Connection,
    view: ViewId,
    files: &[StoredFile],
) -> Result<(), StoreError> {
    let mut put = connection.prepare_cached(
        "INSERT OR REPLACE INTO files (view_id, doc_id, root, path, size, mtime_ns, inode, content_hash, version, failure)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for file in files {
        let failure = match &file.failure {
            Some(failure) => Some(serde_json::to_string(failure).map_err(|_unencodable| {
                StoreError::Damaged {
                    what: format!("file of document {}", file.doc),
                }
            })?),
            None => None,
        };
        put.execute(params![
            view.0,
            file.doc.0,
            file.root,
            file.path,
            file.size.cast_signed(),
            file.mtime_ns,
            file.inode.cast_signed(),
            file.content_hash.map(|hash| hash.0),
            file.version,
            failure,
        ])?;
    }
    Ok(())
}

fn stored_view(row: &Row<'_>) -> Result<StoredView, StoreError> {
    let id = ViewId(row.get(0)?);
    let roots: String = row.get(2)?;
    Ok(StoredView {
        id,
        view: View {
            dataflow: row.get(1)?,
            roots: json(&roots, || format!("view {id}"))?,
            output: row.get(3)?,
        },
        epoch: unsigned(row.get(4)?),
        plan: row.get(5)?,
        derivation: row.get(6)?,
        complete: row.get(7)?,
        digest: row.get(8)?,
        calls_published: row.get(9)?,
        manifest_json: row.get(10)?,
        updated_at: Micros(row.get(11)?),
    })
}

fn stored_file(row: &Row<'_>) -> Result<StoredFile, StoreError> {
    let doc = DocId(row.get(0)?);
    let failure: Option<String> = row.get(8)?;
    Ok(StoredFile {
        doc,
        root: row.get(1)?,
        path: row.get(2)?,
        size: row.get::<_, i64>(3)?.cast_unsigned(),
        mtime_ns: row.get(4)?,
        inode: row.get::<_, i64>(5)?.cast_unsigned(),
        content_hash: row.get::<_, Option<[u8; 32]>>(6)?.map(ContentHash),
        version: row.get(7)?,
        failure: failure
            .map(|text| json(&text, || format!("file of document {doc}")))
            .transpose()?,
    })
}

fn json<'a, T: Deserialize<'a>>(
    text: &'a str,
    what: impl FnOnce() -> String,
) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_damaged| StoreError::Damaged { what: what() })
}
