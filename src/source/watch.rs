//! What changed between two looks: from outside, so a file that looks changed must still be read to know.

use std::collections::BTreeMap;

use super::walk::{Listing, Oddity};
use super::{Looks, SourceFile};
use crate::model::id::DocId;

/// A file as it was at an earlier look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its document.
    pub doc: DocId,
    /// The label of its root.
    pub root: String,
    /// Its path below the root.
    pub relative: String,
    /// Its looks then.
    pub looks: Looks,
}

impl From<&SourceFile> for Known {
    fn from(file: &SourceFile) -> Self {
        Self {
            doc: file.doc,
            root: file.root.clone(),
            relative: file.relative.clone(),
            looks: file.looks,
        }
    }
}

/// How a listing differs from what was known. Each file of either is in one of the lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes<'a> {
    /// Not known before, in listing order.
    pub added: Vec<&'a SourceFile>,
    /// Of another length.
    pub changed: Vec<&'a SourceFile>,
    /// Of the same length, but written to or replaced: perhaps with what it held before.
    pub touched: Vec<&'a SourceFile>,
    /// As they were.
    pub same: Vec<&'a SourceFile>,
    /// Gone, by document.
    pub removed: Vec<DocId>,
    /// Not listed, but in a folder that could not be looked into: nobody knows, so they are as they were.
    pub hidden: Vec<DocId>,
}

impl Changes<'_> {
    /// Whether nothing has to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty()
            && self.changed.is_empty()
            && self.touched.is_empty()
            && self.removed.is_empty()
    }
}

/// Compares a listing with what was known.
#[must_use]
pub fn diff<'a>(known: &[Known], listing: &'a Listing) -> Changes<'a> {
    let mut left: BTreeMap<DocId, &Known> = known.iter().map(|file| (file.doc, file)).collect();
    let mut changes = Changes::default();
    for file in &listing.files {
        let list = match left.remove(&file.doc) {
            None => &mut changes.added,
            Some(before) if before.looks == file.looks => &mut changes.same,
            Some(before) if before.looks.size == file.looks.size => &mut changes.touched,
            Some(_) => &mut changes.changed,
        };
        list.push(file);
    }
    let (hidden, removed): (Vec<_>, Vec<_>) = left
        .into_values()
        .partition(|file| is_hidden(file, listing));
    changes.hidden = hidden.into_iter().map(|file| file.doc).collect();
    changes.removed = removed.into_iter().map(|file| file.doc).collect();
    changes
}

fn is_hidden(file: &Known, listing: &Listing) -> bool {
    listing.problems.iter().any(|problem| {
        matches!(problem.what, Oddity::Closed(_))
            && problem.root == file.root
            && file
                .relative
                .strip_prefix(&problem.relative)
                .is_some_and(|rest| {
                    rest.is_empty() || rest.starts_with('/') || problem.relative.is_empty()
                })
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::walk::Problem;
    use super::*;

    fn file(relative: &str, size: u64, mtime_ns: i64, inode: u64) -> SourceFile {
        SourceFile {
            doc: DocId::of(&[b"r", relative.as_bytes()]),
            root: "r".to_owned(),
            relative: relative.to_owned(),
            path: PathBuf::from(relative),
            looks: Looks {
                size,
                mtime_ns,
                inode,
            },
            sidecar: None,
        }
    }

    fn known(files: &[SourceFile]) -> Vec<Known> {
        files.iter().map(Known::from).collect()
    }

    fn listing(files: Vec<SourceFile>) -> Listing {
        Listing {
            files,
            problems: Vec::new(),
        }
    }

    fn names<'a>(files: &[&'a SourceFile]) -> Vec<&'a str> {
        files.iter().map(|file| &*file.relative).collect()
    }

    #[test]
    fn every_file_is_in_one_list() {
        let before = known(&[
            file("same", 1, 1, 1),
            file("longer", 1, 1, 2),
            file("written", 1, 1, 3),
            file("replaced", 1, 1, 4),
            file("gone", 1, 1, 5),
        ]);
        let after = listing(vec![
            file("longer", 2, 2, 2),
            file("new", 1, 1, 5),
            file("replaced", 1, 1, 9),
            file("same", 1, 1, 1),
            file("written", 1, 2, 3),
        ]);
        let changes = diff(&before, &after);
        assert_eq!(names(&changes.added), ["new"]);
        assert_eq!(names(&changes.changed), ["longer"]);
        assert_eq!(names(&changes.touched), ["replaced", "written"]);
        assert_eq!(names(&changes.same), ["same"]);
        assert_eq!(changes.removed, [file("gone", 0, 0, 0).doc]);
        assert!(changes.hidden.is_empty() && !changes.is_empty());
        assert!(diff(&known(&after.files), &after).is_empty());
    }

    /// A folder whose permissions were taken away must not take its documents out of the tables.
    #[test]
    fn what_cannot_be_seen_is_not_gone() {
        let before = known(&[
            file("shut/a", 1, 1, 1),
            file("shut/deep/b", 1, 1, 2),
            file("shutter/c", 1, 1, 3),
        ]);
        let mut after = listing(Vec::new());
        after.problems.push(Problem {
            root: "r".to_owned(),
            relative: "shut".to_owned(),
            what: Oddity::Closed("no".to_owned()),
        });
        let changes = diff(&before, &after);
        assert_eq!(changes.removed, [file("shutter/c", 0, 0, 0).doc]);
        assert_eq!(changes.hidden.len(), 2);
    }

    /// Any number of edits, told apart as they were made.
    #[test]
    fn random_edits_are_found() {
        let mut rng = fastrand::Rng::with_seed(4);
        for _ in 0..200 {
            let before: Vec<_> = (0..20).map(|n| file(&n.to_string(), 5, 5, n)).collect();
            let mut after = before.clone();
            let mut counts = [0; 4];
            after.retain_mut(|file| {
                let edit = rng.usize(0..4);
                counts[edit] += 1;
                match edit {
                    1 => file.looks.size = 6,
                    2 => file.looks.mtime_ns = 6,
                    _ => {}
                }
                edit != 3
            });
            let after = listing(after);
            let changes = diff(&known(&before), &after);
            let found = [
                changes.same.len(),
                changes.changed.len(),
                changes.touched.len(),
                changes.removed.len(),
            ];
            assert_eq!(found, counts);
        }
    }
}
