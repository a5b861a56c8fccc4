//! Who waits, and who is next. Pure.
//!
//! A fingerprint that was asked about is being looked up, waits for a call, or is in one. The order of asking is
//! (epoch, value, place): results appear epoch by epoch, and within one the most valuable chunks first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::flow::epochs::Epoch;
use crate::flow::record::Wanted;
use crate::model::id::{DocId, Fingerprint};

/// How urgent: less is sooner.
type Urgency = (Epoch, Reverse<u16>, (DocId, u32), Fingerprint);

/// Where a fingerprint is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Looking,
    Waiting,
    /// Another run asks.
    Elsewhere,
    Calling,
}

/// A fingerprint on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Who wants to know; `None` if nobody does any more.
    pub(super) worker: Option<usize>,
    /// How urgent.
    pub(super) epoch: Epoch,
    /// How urgent, and how long its text is.
    pub(super) wanted: Wanted,
    /// Whether it has been told as pending, or as it was before.
    pub(super) told: bool,
    since: Duration,
    step: Step,
}

impl Entry {
    fn urgency(&self, fingerprint: Fingerprint) -> Urgency {
        (
            self.epoch,
            Reverse(self.wanted.value),
            self.wanted.first,
            fingerprint,
        )
    }
}

/// Everything on its way.
#[derive(Debug, Default)]
pub(super) struct Queue {
    entries: BTreeMap<Fingerprint, Entry>,
    waiting: BTreeSet<Urgency>,
    patience: BTreeSet<(Duration, Fingerprint)>,
    elsewhere: BTreeSet<Fingerprint>,
    calling: usize,
    late: usize,
}

impl Queue {
    /// Someone asks. `true` if it is new and must be looked up; if it is on its way already, its answer will do.
    pub(super) fn ask(
        &mut self,
        now: Duration,
        fingerprint: Fingerprint,
        worker: usize,
        epoch: Epoch,
        wanted: Wanted,
    ) -> bool {
        let Some(entry) = self.entries.get_mut(&fingerprint) else {
            let entry = Entry {
                worker: Some(worker),
                epoch,
                wanted,
                told: false,
                since: now,
                step: Step::Looking,
            };
            self.entries.insert(fingerprint, entry);
            return true;
        };
        self.patience.remove(&(entry.since, fingerprint));
        self.late -= usize::from(entry.told);
        (entry.worker, entry.told, entry.since) = (Some(worker), false, now);
        if entry.step != Step::Looking {
            self.patience.insert((now, fingerprint));
        }
        false
    }

    /// Nobody asks any more. What is not in a call yet is dropped.
    pub(super) fn forget(&mut self, fingerprint: Fingerprint) {
        let Some(entry) = self.entries.get_mut(&fingerprint) else {
            return;
        };
        entry.worker = None;
        if matches!(entry.step, Step::Waiting | Step::Elsewhere) {
            self.finish(fingerprint);
        }
    }

    /// It was looked up in vain, or comes back from a call that was not made: it waits for a call from now on, unless nobody wants it any more.
    /// Patience begins here: looking up takes as long as it takes, for what is known must not be told as pending.
    pub(super) fn wait(&mut self, now: Duration, fingerprint: Fingerprint) {
        let Some(entry) = self.entries.get_mut(&fingerprint) else {
            return;
        };
        if entry.worker.is_none() {
            self.finish(fingerprint);
            return;
        }
        self.calling -= usize::from(entry.step == Step::Calling);
        entry.step = Step::Waiting;
        self.patience.remove(&(entry.since, fingerprint));
        entry.since = now;
        if !entry.told {
            self.patience.insert((now, fingerprint));
        }
        self.waiting.insert(entry.urgency(fingerprint));
    }

    /// The most urgent of those that wait.
    pub(super) fn next(&self) -> impl Iterator<Item = (Fingerprint, u32)> + '_ {
        self.waiting.iter().filter_map(|urgency| {
            self.entries
                .get(&urgency.3)
                .map(|entry| (urgency.3, entry.wanted.tokens))
        })
    }

    /// Takes the `count` most urgent for a call.
    pub(super) fn cut(&mut self, count: usize) -> Vec<(Fingerprint, Wanted)> {
        self.cut_within(count, u32::MAX)
    }

    /// Takes the `count` most urgent for a call, or fewer: as many as have so many tokens.
    pub(super) fn cut_within(&mut self, count: usize, tokens: u32) -> Vec<(Fingerprint, Wanted)> {
        let mut batch = Vec::new();
        let mut left = tokens;
        while batch.len() < count {
            let Some((_, _, _, fingerprint)) = self.waiting.first().copied() else {
                break;
            };
            let entry = self.entries.get_mut(&fingerprint);
            if entry
                .as_ref()
                .is_some_and(|entry| entry.wanted.tokens > left)
            {
                break;
            }
            self.waiting.pop_first();
            if let Some(entry) = entry {
                left -= entry.wanted.tokens;
                entry.step = Step::Calling;
                self.calling += 1;
                batch.push((fingerprint, entry.wanted));
            }
        }
        batch
    }

    /// What was cut for a call is being asked about by another run.
    pub(super) fn elsewhere(&mut self, fingerprint: Fingerprint) {
        if let Some(entry) = self.entries.get_mut(&fingerprint) {
            self.calling -= usize::from(entry.step == Step::Calling);
            entry.step = Step::Elsewhere;
            self.elsewhere.insert(fingerprint);
        }
    }

    /// Another run has asked, or was about to: it is to be looked up again, unless nobody wants it any more. For which
    /// epoch.
    pub(super) fn look_again(&mut self, fingerprint: Fingerprint) -> Option<Epoch> {
        let entry = self.entries.get_mut(&fingerprint)?;
        if !matches!(entry.step, Step::Elsewhere | Step::Calling) {
            return None;
        }
        self.calling -= usize::from(entry.step == Step::Calling);
        self.elsewhere.remove(&fingerprint);
        entry.step = Step::Looking;
        Some(entry.epoch)
    }

    /// Whether it was told for now.
    pub(super) fn was_told(&self, fingerprint: Fingerprint) -> bool {
        self.entries
            .get(&fingerprint)
            .is_some_and(|entry| entry.told)
    }

    /// It is known now, or given up: takes it out.
    pub(super) fn finish(&mut self, fingerprint: Fingerprint) -> Option<Entry> {
        let entry = self.entries.remove(&fingerprint)?;
        self.waiting.remove(&entry.urgency(fingerprint));
        self.elsewhere.remove(&fingerprint);
        self.patience.remove(&(entry.since, fingerprint));
        self.calling -= usize::from(entry.step == Step::Calling);
        self.late -= usize::from(entry.told);
        Some(entry)
    }

    /// Marks it as told for now, and says whom to tell.
    pub(super) fn tell(&mut self, fingerprint: Fingerprint) -> Option<usize> {
        let entry = self.entries.get_mut(&fingerprint)?;
        self.late += usize::from(!entry.told);
        entry.told = true;
        self.patience.remove(&(entry.since, fingerprint));
        entry.worker
    }

    /// Those that were asked about at or before `deadline` and have not been told anything.
    pub(super) fn overdue(&mut self, deadline: Duration) -> Vec<Fingerprint> {
        let mut overdue = Vec::new();
        while let Some((since, fingerprint)) = self.patience.first().copied() {
            if since > deadline {
                break;
            }
            self.patience.pop_first();
            if self
                .entries
                .get(&fingerprint)
                .is_some_and(|entry| entry.since == since && !entry.told)
            {
                overdue.push(fingerprint);
            }
        }
        overdue
    }

    /// When the one that waits longest without a word was asked about.
    pub(super) fn oldest(&self) -> Option<Duration> {
        self.patience.first().map(|(since, _)| *since)
    }

    /// All that wait for a call, of this run or of another.
    pub(super) fn waiting(&self) -> Vec<Fingerprint> {
        let own = self.waiting.iter().map(|urgency| urgency.3);
        own.chain(self.elsewhere.iter().copied()).collect()
    }

    /// All that are in a call.
    pub(super) fn calling(&self) -> Vec<Fingerprint> {
        self.entries
            .iter()
            .filter(|(_, entry)| entry.step == Step::Calling)
            .map(|(fingerprint, _)| *fingerprint)
            .collect()
    }

    /// How many are on their way, how many of them wait for a call, how many are in one.
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        (self.entries.len(), self.waiting.len(), self.calling)
    }

    /// How many have been told for now and will be corrected.
    pub(super) fn late(&self) -> usize {
        self.late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Fingerprint {
        Fingerprint([byte; 32])
    }

    fn wanted(value: u16) -> Wanted {
        Wanted {
            first: (DocId([1; 16]), 0),
            value,
            tokens: 10,
        }
    }

    const NOW: Duration = Duration::from_secs(5);

    #[test]
    fn earlier_epochs_first_then_worth() {
        let mut queue = Queue::default();
        for (byte, epoch, value) in [(1, 7, 900), (2, 6, 10), (3, 6, 20)] {
            assert!(queue.ask(NOW, key(byte), 0, epoch, wanted(value)));
            queue.wait(NOW, key(byte));
        }
        let order: Vec<_> = queue
            .cut(2)
            .into_iter()
            .map(|(fingerprint, _)| fingerprint)
            .collect();
        assert_eq!(order, [key(3), key(2)]);
        assert_eq!(queue.counts(), (3, 1, 2));
    }

    #[test]
    fn asked_twice_it_is_called_once() {
        let mut queue = Queue::default();
        assert!(queue.ask(NOW, key(1), 0, 1, wanted(1)));
        queue.wait(NOW, key(1));
        queue.cut(1);
        queue.forget(key(1));
        assert!(!queue.ask(NOW, key(1), 1, 9, wanted(1)));
        assert_eq!(queue.finish(key(1)).and_then(|entry| entry.worker), Some(1));
        assert_eq!(queue.counts(), (0, 0, 0));
    }

    #[test]
    fn what_another_run_asks_is_looked_up_when_it_is_over() {
        let mut queue = Queue::default();
        for byte in 1..=3 {
            queue.ask(NOW, key(byte), 0, 4, wanted(u16::from(byte)));
            queue.wait(NOW, key(byte));
        }
        assert_eq!(queue.cut_within(9, 25).len(), 2, "as many as fit");
        queue.elsewhere(key(3));
        queue.elsewhere(key(2));
        assert_eq!(queue.counts(), (3, 1, 0));
        assert_eq!(queue.waiting(), [key(1), key(2), key(3)]);
        assert_eq!(queue.look_again(key(3)), Some(4));
        assert_eq!(queue.look_again(key(3)), None, "it is being looked up");
        queue.forget(key(2));
        assert_eq!(queue.look_again(key(2)), None, "nobody wants it");
        assert_eq!(queue.counts(), (2, 1, 0));
        queue.wait(NOW, key(3));
        assert_eq!(queue.cut(9).len(), 2);
    }

    #[test]
    fn what_nobody_wants_is_not_called() {
        let mut queue = Queue::default();
        queue.ask(NOW, key(1), 0, 1, wanted(1));
        queue.forget(key(1));
        queue.wait(NOW, key(1));
        queue.ask(NOW, key(2), 0, 1, wanted(1));
        queue.wait(NOW, key(2));
        queue.forget(key(2));
        assert!(queue.cut(9).is_empty());
        assert_eq!(queue.counts(), (0, 0, 0));
    }

    #[test]
    fn patience_ends_once() {
        let mut queue = Queue::default();
        queue.ask(NOW / 5, key(1), 0, 1, wanted(1));
        assert!(queue.overdue(NOW * 9).is_empty(), "it is being looked up");
        queue.wait(NOW, key(1));
        assert!(queue.overdue(Duration::from_secs(4)).is_empty());
        assert_eq!(queue.overdue(NOW), [key(1)]);
        assert_eq!(queue.tell(key(1)), Some(0));
        assert!(queue.overdue(NOW * 9).is_empty());
        assert_eq!(queue.late(), 1);
        queue.finish(key(1));
        assert_eq!(queue.late(), 0);
    }
}
