//! Floor 2: the state folder. One SQLite file holds the ledger (what was asked and answered, and what it cost)
//! and the manifest (what each view was last published from).
//!
//! What a [`Pending`] has acknowledged is on the disk. Reads block: call them from threads that may.

mod calls;
mod check;
mod database;
mod error;
mod ledger;
mod lock;
mod look;
mod manifest;
mod prepared;
mod readers;
mod row;
mod runs;
mod schema;
mod versions;
mod writer;

#[cfg(test)]
mod measure;
#[cfg(test)]
mod survival;
#[cfg(test)]
mod testing;

pub use calls::{Done, Intent, Totals};
pub use check::Integrity;
pub use database::{Database, Mode};
pub use error::StoreError;
pub use ledger::StoredAnswer;
pub use manifest::{FileFailure, StoredFile, StoredView, Touched, View};
pub use prepared::ViewDelta;
pub use runs::StoredRun;
pub use versions::{NewVersion, StoredVersion};
pub use writer::Pending;
