//! Floor 2: tables out. Rows become Parquet parts, parts become a snapshot, and one swap publishes it.
//!
//! ```text
//! DIR/current -> snapshots/<epoch>           the commit point: one rename of a link
//! DIR/snapshots/<epoch>/<table>/*.parquet    immutable, named by content; unchanged parts are hard links
//! DIR/snapshots/<epoch>/manifest.json        what is in it, and how it came about
//! DIR/changes/<table>/<epoch>.parquet        the rows that came and went, with `_epoch` and `_diff`
//! DIR/views.sql                              views on the resolved snapshot
//! DIR/.staging, DIR/.lock                    nobody else's business
//! ```
//!
//! Start reading at [`Publisher`], then `publish` (its local form), `parts` (which parts a change rewrites),
//! `schema` (the columns).

mod cells;
mod change;
mod columns;
mod error;
pub mod export;
mod files;
mod group;
mod items;
mod key;
mod log;
mod manifest;
mod part;
mod parts;
mod publish;
mod read;
mod retain;
mod rows;
mod schema;
pub mod select;
mod snapshot;
mod verify;
mod views;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

pub use change::Change;
pub use error::SinkError;
pub use key::RowKey;
pub use manifest::{FORMAT, Inputs, Manifest, ManifestInfo, PartInfo, TableInfo, Tokens, Vintage};
pub use publish::Local;
pub use read::{for_each_row, read_table};
pub use retain::holds;
pub use rows::Row;
pub use schema::{Column, ColumnType, Described, Layout, Table};
pub use snapshot::{Prepared, Snapshot};
pub use verify::{Flaw, Looked, verify_beside, verify_files};

/// What the changes of an epoch are relative to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// The current snapshot, whose parts are kept where nothing changed; nothing if there is none.
    Current,
    /// Nothing: the changes are the whole tables.
    Empty,
}

/// Whether the changes of an epoch are also written below `changes/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// They are.
    Write,
    /// They are not: a rebuild is no news to who follows the changes.
    Skip,
}

/// The changes of an epoch, asked for bit by bit, so that few are held at a time.
pub trait Changes {
    /// The changes that a few documents make to the tables that are sorted by document: document by document in the
    /// order of their ids, until there is none left.
    ///
    /// # Errors
    ///
    /// If they cannot be made.
    fn of_documents(&mut self) -> Result<Option<Vec<Change>>, SinkError>;

    /// All others of one table; asked for when there are no more documents.
    ///
    /// # Errors
    ///
    /// If they cannot be made.
    fn of_table(&mut self, table: Table) -> Result<Vec<Change>, SinkError>;
}

/// Changes that are at hand, table by table.
impl<F: FnMut(Table) -> Vec<Change>> Changes for F {
    fn of_documents(&mut self) -> Result<Option<Vec<Change>>, SinkError> {
        Ok(None)
    }

    fn of_table(&mut self, table: Table) -> Result<Vec<Change>, SinkError> {
        Ok(self(table))
    }
}

/// Publishes epochs: each is prepared, durably and out of sight, and then swapped in or discarded.
///
/// Both steps are idempotent over a crash: whoever remembers (elsewhere) that an epoch was prepared asks
/// [`resume`](Publisher::resume) for it and swaps, or discards it.
pub trait Publisher {
    /// What readers see now.
    fn current(&self) -> Option<&Snapshot>;

    /// The epoch that `current` names, even if its snapshot is missing or damaged: epochs go on from there.
    ///
    /// # Errors
    ///
    /// If `current` is not a link to a snapshot, or cannot be read.
    fn current_epoch_on_disk(&self) -> Result<Option<u64>, SinkError>;

    /// Checks, without opening any, that all parts of the current snapshot exist with their size.
    ///
    /// # Errors
    ///
    /// Names the first part that is missing or of another size.
    fn verify_present(&self) -> Result<(), SinkError>;

    /// Writes and syncs everything of an epoch, which must come after the current one.
    ///
    /// # Errors
    ///
    /// If the changes contradict each other or the base, or the storage fails: then nothing is left of it.
    fn prepare(
        &mut self,
        epoch: u64,
        changes: &mut dyn Changes,
        base: Base,
        log: Log,
        info: ManifestInfo,
    ) -> Result<Prepared, SinkError>;

    /// What was prepared at that epoch, by this process or one before it.
    ///
    /// # Errors
    ///
    /// If it is not whole, or is already the past.
    fn resume(&self, epoch: u64) -> Result<Option<Prepared>, SinkError>;

    /// Makes it current.
    ///
    /// # Errors
    ///
    /// If it was not swapped; or, where [`SinkError::published`] says so, if it was, and what follows failed.
    fn swap(&mut self, prepared: Prepared) -> Result<(), SinkError>;

    /// Removes what was prepared at that epoch, if anything was; never the current snapshot.
    ///
    /// # Errors
    ///
    /// If the epoch is already the past, or the storage fails.
    fn discard(&mut self, epoch: u64) -> Result<(), SinkError>;
}
