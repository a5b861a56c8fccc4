//! What a listing changes against the manifest. Pure.

use std::collections::BTreeMap;

use super::intake::Step;
use crate::model::id::DocId;
use crate::source::SourceFile;
use crate::source::walk::{Listing, Oddity};
use crate::store::StoredFile;

/// How far the manifest can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It describes the current snapshot, and a file that looks unchanged is.
    Looks,
    /// It describes the current snapshot, but every file is read to be sure (`--rehash`).
    Nothing,
    /// Its versions are good, but the tables must be rewritten.
    Versions,
    /// How files are read has changed: all are read again, all tables rewritten.
    Files,
}

/// The steps from the manifest to the listing.
#[derive(Debug, Default)]
pub struct Changes {
    /// In the order in which they are fed: what goes first, then by path.
    pub steps: Vec<Step>,
    /// New files.
    pub added: usize,
    /// Files that look changed.
    pub changed: usize,
    /// Files that are gone.
    pub gone: usize,
    /// Files that are as they were.
    pub unchanged: usize,
}

impl Changes {
    /// Files that are read.
    #[must_use]
    pub fn reads(&self) -> u64 {
        let steps = self.steps.iter();
        steps.filter(|step| matches!(step, Step::Read(..))).count() as u64
    }

    /// Whether so much would go that it looks like an accident: more than half of what was known, and not replaced.
    #[must_use]
    pub fn empties(&self, known: usize) -> bool {
        let left = known.saturating_sub(self.gone) + self.added;
        left * 2 < known
    }
}

/// Compares.
#[must_use]
pub fn changes(known: &[StoredFile], listing: &Listing, trust: Trust) -> Changes {
    let mut before: BTreeMap<DocId, &StoredFile> =
        known.iter().map(|file| (file.doc, file)).collect();
    let mut found = Changes::default();
    let mut steps = Vec::new();
    for file in &listing.files {
        let old = before.remove(&file.doc);
        let alike = old.is_some_and(|old| looks_like(file, old));
        match (old, trust) {
            (Some(_), Trust::Looks) if alike => found.unchanged += 1,
            (Some(old), Trust::Versions) if alike => {
                found.unchanged += 1;
                steps.push(Step::Known(old.clone()));
            }
            (Some(old), _) => {
                found.changed += 1;
                let in_snapshot = matches!(trust, Trust::Looks | Trust::Nothing);
                steps.push(Step::Read(file.clone(), in_snapshot.then(|| old.clone())));
            }
            (None, _) => {
                found.added += 1;
                steps.push(Step::Read(file.clone(), None));
            }
        }
    }
    for old in before.into_values() {
        if hidden(old, listing) {
            // Its folder could not be looked into: it may well be there still.
            found.unchanged += 1;
            if trust == Trust::Versions {
                steps.push(Step::Known(old.clone()));
            }
        } else {
            found.gone += 1;
            // Only what is in the snapshot can be taken out of it.
            let version = old
                .version
                .filter(|_| matches!(trust, Trust::Looks | Trust::Nothing));
            found.steps.push(Step::Gone(StoredFile {
                version,
                ..old.clone()
            }));
        }
    }
    found.steps.extend(steps);
    found
}

fn looks_like(file: &SourceFile, old: &StoredFile) -> bool {
    let looks = file.looks;
    // What could not be opened yesterday may be readable today, though nothing about it looks changed.
    let settled = old
        .failure
        .as_ref()
        .is_none_or(|failure| failure.reason != "unreadable" && failure.reason != "unstable_input");
    old.version.is_some()
        && settled
        && (looks.size, looks.mtime_ns, looks.inode) == (old.size, old.mtime_ns, old.inode)
}

fn hidden(old: &StoredFile, listing: &Listing) -> bool {
    listing.problems.iter().any(|problem| {
        let below = problem.relative.is_empty()
            || old.path == problem.relative
            || old
                .path
                .strip_prefix(&problem.relative)
                .is_some_and(|rest| rest.starts_with('/'));
        matches!(problem.what, Oddity::Closed(_)) && problem.root == old.root && below
    })
}
