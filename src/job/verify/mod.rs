//! Tables and state looked through: whether they are what was published, agree with each other, and add up.
//!
//! ```text
//!   files   sink::verify_files     each file against the manifest
//!   beside  sink::verify_beside    change logs, views
//!   rows    tables                 identities, references, spans
//!   state   store::Integrity       the database, answers and texts by their digests, the view
//! ```
//!
//! Rows are read one at a time. What is held is an index of ids: about 150 bytes a chunk, 40 an entity.

mod index;
mod state;
mod tables;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::sink::{SinkError, Snapshot, verify_beside, verify_files};
use crate::store::{Database, StoreError};

/// Of each kind of damage so many places are named.
const NAMED: usize = 5;

/// What can be done about damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// Write every table anew from the ledger, without a call.
    Rebuild,
    /// Read the files again, and write every table anew, without a call.
    Reread,
    /// The next run that needs these answers asks for them again.
    Ask,
    /// The database itself is to be repaired or restored.
    Restore,
    /// It cannot be made again, and nothing of weir's needs it: remove it.
    Remove,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// What was looked at: a table, the manifest, the ledger.
    pub of: String,
    /// What is wrong.
    pub what: String,
    /// How often.
    pub count: u64,
    /// Where, for the first few.
    pub places: Vec<String>,
    /// What can be done.
    pub remedy: Remedy,
}

/// What was looked through, and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Files of the snapshot.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Rows that were read.
    pub rows: u64,
    /// What is damaged; nothing if all is sound.
    pub damage: Vec<Damage>,
    /// What is no damage, but good to know.
    pub notes: Vec<String>,
}

impl Verdict {
    /// Notes one place of damage.
    fn found(&mut self, remedy: Remedy, of: &str, what: &str, place: impl FnOnce() -> String) {
        let same = |one: &&mut Damage| one.of == of && one.what == what;
        if let Some(known) = self.damage.iter_mut().find(same) {
            known.count += 1;
            if known.places.len() < NAMED {
                known.places.push(place());
            }
        } else {
            self.damage.push(Damage {
                of: of.to_owned(),
                what: what.to_owned(),
                count: 1,
                places: vec![place()],
                remedy,
            });
        }
    }

    /// Notes damage unless something holds.
    fn check(&mut self, holds: bool, of: &str, what: &str, place: impl FnOnce() -> String) {
        if !holds {
            self.found(Remedy::Rebuild, of, what, place);
        }
    }
}

/// Something could not even be looked at.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The tables.
    #[error("could not look through the tables")]
    Tables(#[source] SinkError),
    /// The state.
    #[error("could not look through the state")]
    State(#[source] StoreError),
}

/// Looks everything through. Blocks.
///
/// # Errors
/// If the disk refuses to read something.
pub fn verify(snapshot: &Snapshot, database: Option<&Database>) -> Result<Verdict, VerifyError> {
    let mut verdict = Verdict::default();
    let looked = verify_files(snapshot).map_err(VerifyError::Tables)?;
    (verdict.files, verdict.bytes) = (looked.files, looked.bytes);
    for flaw in &looked.flaws {
        let place = flaw.path.strip_prefix(snapshot.folder());
        let place = place.unwrap_or(&flaw.path).display().to_string();
        verdict.found(Remedy::Rebuild, "file", &flaw.what, || place);
    }
    if looked.flaws.is_empty() {
        tables::verify(snapshot, &mut verdict).map_err(VerifyError::Tables)?;
    } else {
        let note = "rows were not looked at: what is wrong with the files comes first";
        verdict.notes.push(note.to_owned());
    }
    let (flaws, views) = verify_beside(snapshot).map_err(VerifyError::Tables)?;
    for flaw in flaws {
        let place = flaw.path.display().to_string();
        verdict.found(Remedy::Remove, "change log", &flaw.what, || place);
    }
    if !views {
        let note = "views.sql does not show these tables; the next run writes it anew";
        verdict.notes.push(note.to_owned());
    }
    match database {
        Some(database) => {
            state::verify(snapshot, database, &mut verdict).map_err(VerifyError::State)?;
        }
        None => verdict
            .notes
            .push("there is no state here: the ledger was not looked at".to_owned()),
    }
    Ok(verdict)
}
