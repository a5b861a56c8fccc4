//! Which changes under watch are taken now, and which are still going on. Pure: it is handed the time.
//!
//! A file is taken once it has not changed for the quiet time: by its own modification time where that is long past
//! (it was moved in, or unpacked), else since it was first seen as it is. A file that is gone is taken out after the
//! same time: editors and syncing programs remove a file only to put a new one in its place. One that was moved goes
//! when it comes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::intake::Step;
use crate::model::id::DocId;
use crate::model::unit::Micros;
use crate::source::Looks;

/// What is still going on.
#[derive(Debug)]
pub(super) struct Settle {
    quiet: Duration,
    /// Since when a document looks as it does now; without looks it is gone.
    seen: BTreeMap<DocId, (Option<Looks>, Duration)>,
}

impl Settle {
    pub(super) fn new(quiet: Duration) -> Self {
        Self {
            quiet,
            seen: BTreeMap::new(),
        }
    }

    /// Of all steps from what is known to what a look at `now` has found, those that are taken; and when the next of
    /// the others may be.
    pub(super) fn take(
        &mut self,
        steps: Vec<Step>,
        now: Duration,
        wall: Micros,
    ) -> (Vec<Step>, Option<Duration>) {
        let came: BTreeSet<(u64, i64, u64)> = steps
            .iter()
            .filter_map(|step| match step {
                Step::Read(file, None) if self.is_old(file.looks, wall) => Some(file.looks),
                _ => None,
            })
            .map(|looks| (looks.size, looks.mtime_ns, looks.inode))
            .collect();
        let mut seen = BTreeMap::new();
        let mut taken = Vec::new();
        let mut next: Option<Duration> = None;
        for step in steps {
            let (doc, looks, moved) = match &step {
                Step::Read(file, _) => (file.doc, Some(file.looks), false),
                Step::Gone(file) => {
                    let moved = came.contains(&(file.size, file.mtime_ns, file.inode));
                    (file.doc, None, moved)
                }
                Step::Known(_) => continue,
            };
            let since = match self.seen.get(&doc) {
                Some((before, since)) if *before == looks => *since,
                _ => now,
            };
            let at = since + self.quiet;
            if moved || at <= now || looks.is_some_and(|looks| self.is_old(looks, wall)) {
                taken.push(step);
            } else {
                seen.insert(doc, (looks, since));
                next = Some(next.map_or(at, |next| next.min(at)));
            }
        }
        // What is not among the steps any more is as it was: a file that came and went.
        self.seen = seen;
        (taken, next)
    }

    /// Whether it was last written to long enough ago; a time to come says nothing.
    fn is_old(&self, looks: Looks, wall: Micros) -> bool {
        let quiet = i64::try_from(self.quiet.as_micros()).unwrap_or(i64::MAX);
        wall.0.saturating_sub(looks.mtime_ns / 1000) >= quiet
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceFile;
    use crate::store::StoredFile;

    const WALL: Micros = Micros(1_000_000_000);
    const QUIET: Duration = Duration::from_secs(2);

    fn read(name: u8, size: u64, mtime: Micros) -> Step {
        let file = SourceFile {
            doc: DocId([name; 16]),
            root: "r".into(),
            relative: name.to_string(),
            path: name.to_string().into(),
            looks: Looks {
                size,
                mtime_ns: mtime.0 * 1000,
                inode: 1,
            },
            sidecar: None,
        };
        Step::Read(file, None)
    }

    fn gone(name: u8) -> Step {
        Step::Gone(StoredFile {
            doc: DocId([name; 16]),
            root: "r".into(),
            path: name.to_string(),
            size: 1,
            mtime_ns: 0,
            inode: 1,
            content_hash: None,
            version: None,
            failure: None,
        })
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(100 + seconds)
    }

    #[test]
    fn a_file_that_grows_is_waited_for() {
        let mut settle = Settle::new(QUIET);
        let (taken, next) = settle.take(vec![read(1, 5, WALL)], at(0), WALL);
        assert!(taken.is_empty());
        assert_eq!(next, Some(at(2)));
        let (taken, next) = settle.take(vec![read(1, 6, WALL)], at(1), WALL);
        assert!(taken.is_empty(), "it has grown");
        assert_eq!(next, Some(at(3)));
        assert!(
            settle
                .take(vec![read(1, 6, WALL)], at(2), WALL)
                .0
                .is_empty()
        );
        let (taken, next) = settle.take(vec![read(1, 6, WALL)], at(3), WALL);
        assert_eq!((taken.len(), next), (1, None));
    }

    #[test]
    fn an_old_file_that_is_moved_in_is_taken_at_once() {
        let mut settle = Settle::new(QUIET);
        let old = Micros(WALL.0 - 2_000_000);
        assert_eq!(settle.take(vec![read(1, 5, old)], at(0), WALL).0.len(), 1);
        let to_come = Micros(WALL.0 + 9_000_000);
        assert!(
            settle
                .take(vec![read(2, 5, to_come)], at(0), WALL)
                .0
                .is_empty()
        );
        assert_eq!(
            settle.take(vec![read(2, 5, to_come)], at(2), WALL).0.len(),
            1
        );
    }

    #[test]
    fn what_is_moved_goes_when_it_comes() {
        let mut settle = Settle::new(QUIET);
        let (taken, next) = settle.take(vec![gone(1), read(2, 1, Micros(0))], at(0), WALL);
        assert_eq!((taken.len(), next), (2, None));
        let (taken, _) = settle.take(vec![gone(3), read(4, 9, Micros(0))], at(0), WALL);
        assert_eq!(taken.len(), 1, "another file came");
    }

    #[test]
    fn what_is_gone_for_a_moment_is_not_gone() {
        let mut settle = Settle::new(QUIET);
        assert!(settle.take(vec![gone(1)], at(0), WALL).0.is_empty());
        // It is back as it was: no step.
        assert_eq!(settle.take(Vec::new(), at(1), WALL).1, None);
        assert!(settle.take(vec![gone(1)], at(5), WALL).0.is_empty());
        assert_eq!(settle.take(vec![gone(1)], at(7), WALL).0.len(), 1);
    }
}
