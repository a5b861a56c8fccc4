//! Floor 2: the state folder. One SQLite file holds the ledger (what was asked and answered, and what it cost)
//! and the manifest (what each view was last published from), and the jobs of the service.
//!
//! What a [`Pending`] has acknowledged is on the disk. Reads block: call them from threads that may.

mod calls;
mod check;
mod copy;
mod database;
mod draft;
mod error;
mod jobs;
mod ledger;
mod lock;
mod look;
mod maintain;
mod manifest;
mod prepared;
mod readers;
mod row;
mod runs;
mod schema;
mod spending;
mod usage;
mod versions;
mod writer;

#[cfg(test)]
mod jobs_tests;
#[cfg(test)]
mod measure;
#[cfg(test)]
mod survival;
#[cfg(test)]
mod testing;

pub use calls::{Done, Intent, Totals};
pub use check::Integrity;
pub use copy::{Imported, backup, inspect, restore};
pub use database::{Database, Mode};
pub use draft::Draft;
pub use error::StoreError;
pub use jobs::{Delivery, JobChange, JobEvent, Moved, NewJob, StoredJob, Submitted};
pub use ledger::StoredAnswer;
pub use maintain::{Erased, Maintenance, Prunable, look as prunable, look_for as erasable};
pub use manifest::{FileFailure, StoredFile, StoredView, Touched, View};
pub use prepared::ViewDelta;
pub use runs::StoredRun;
pub use usage::{Part, Size, Spend};
pub use versions::{NewVersion, StoredVersion};
pub use writer::Pending;
