//! Whose turn it is: which of the jobs that wait may start now. Pure.
//!
//! So many jobs that call may run at once; two that call nothing may run besides, so that known text never waits for a
//! model. Of those that may start, the one with the highest priority goes first, then the oldest. Two jobs of one view
//! (the same dataflow over the same input) never run at once: the tables are one set.

use std::collections::BTreeSet;

use crate::model::id::JobId;

/// How many jobs that call nothing run besides the others.
pub(super) const FREE: usize = 2;

/// What is known of a job's need to call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// It calls, for all that is known.
    Calls,
    /// All it needs is known, or rules answer.
    Nothing,
}

/// A job that waits or runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Which.
    pub(super) job: JobId,
    /// Its place in the order of submission.
    pub(super) number: i64,
    /// Higher goes first.
    pub(super) priority: i64,
    /// What it makes, by name: its view.
    pub(super) view: String,
    /// What it needs.
    pub(super) need: Need,
}

/// The next job to start, if any may.
#[must_use]
pub(super) fn next<'a>(
    waiting: &'a [Entry],
    running: &[Entry],
    at_once: usize,
) -> Option<&'a Entry> {
    let busy: BTreeSet<&str> = running.iter().map(|job| job.view.as_str()).collect();
    let of = |need| running.iter().filter(|job| job.need == need).count();
    let (calling, free) = (of(Need::Calls), of(Need::Nothing));
    // Of one view only the first comes in question, whatever its priority: later ones build on what it makes.
    let first = |entry: &Entry| {
        !waiting
            .iter()
            .any(|other| other.view == entry.view && other.number < entry.number)
    };
    waiting
        .iter()
        .filter(|entry| !busy.contains(entry.view.as_str()) && first(entry))
        .filter(|entry| match entry.need {
            Need::Calls => calling < at_once,
            Need::Nothing => free < FREE,
        })
        .min_by_key(|entry| (-entry.priority, entry.number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u8, priority: i64, view: &str, need: Need) -> Entry {
        Entry {
            job: JobId([number; 16]),
            number: i64::from(number),
            priority,
            view: view.to_owned(),
            need,
        }
    }

    fn number(found: Option<&Entry>) -> Option<i64> {
        found.map(|entry| entry.number)
    }

    #[test]
    fn the_urgent_goes_first_then_the_oldest() {
        let waiting = [
            entry(1, 0, "a", Need::Calls),
            entry(2, 5, "b", Need::Calls),
            entry(3, 5, "c", Need::Calls),
        ];
        assert_eq!(number(next(&waiting, &[], 1)), Some(2));
        assert_eq!(
            number(next(&waiting, &[entry(9, 0, "z", Need::Calls)], 1)),
            None
        );
        assert_eq!(
            number(next(&waiting, &[entry(9, 0, "b", Need::Calls)], 2)),
            Some(3)
        );
    }

    #[test]
    fn what_calls_nothing_never_waits_for_what_does() {
        let running = [entry(8, 0, "x", Need::Calls), entry(9, 0, "y", Need::Calls)];
        let waiting = [
            entry(1, 9, "a", Need::Calls),
            entry(2, -5, "b", Need::Nothing),
        ];
        assert_eq!(number(next(&waiting, &running, 2)), Some(2));
        let full = [
            entry(8, 0, "x", Need::Nothing),
            entry(9, 0, "y", Need::Nothing),
        ];
        assert_eq!(number(next(&waiting, &full, 2)), Some(1));
    }

    #[test]
    fn jobs_of_one_view_keep_their_order() {
        let waiting = [
            entry(1, 0, "a", Need::Calls),
            entry(2, 9, "a", Need::Nothing),
        ];
        assert_eq!(number(next(&waiting, &[], 4)), Some(1));
        assert_eq!(
            number(next(&waiting, &[entry(9, 0, "a", Need::Calls)], 4)),
            None
        );
    }
}
