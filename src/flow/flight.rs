//! Fingerprints in flight: what `ask` holds for each until, and after, its outcome is known. Pure.
//!
//! Rules, each with a test:
//! 1. An update that arrives before an outcome waits, and is emitted at its own epoch once there is one.
//! 2. An update that arrives after it is emitted at once, at its own epoch, with the outcome last emitted.
//! 3. A later outcome of the same fingerprint is a correction: the old one is withdrawn and the new one put in its
//!    place at an epoch not before any at which the old one was emitted.
//! 4. A fingerprint that nobody wants any more is forgotten; what comes for it afterwards is ignored.

use std::collections::BTreeMap;

use super::epochs::Epoch;
use super::record::{Told, Wanted};
use crate::model::id::Fingerprint;
use crate::model::outcome::Outcome;

/// A change to the set of wanted fingerprints.
pub type Update = (Wanted, Epoch, isize);
/// A change to what is told.
pub type Emission = ((Fingerprint, Told), Epoch, isize);

/// What must be done after an update.
#[derive(Debug, PartialEq, Eq)]
pub enum After {
    /// It is the first of its fingerprint: ask.
    Ask,
    /// It waits for an outcome that was asked for: hold a capability for its epoch.
    Hold,
    /// Nothing waits; these are to be emitted.
    Emit(Vec<Emission>),
    /// As `Emit`, and nobody wants the fingerprint any more; `true` if it was still being asked for.
    Forget(Vec<Emission>, bool),
}

#[derive(Debug, Default)]
struct Slot {
    /// Who wants it, at the last epoch seen: normally one entry, of count one.
    wanted: BTreeMap<Wanted, isize>,
    /// Updates that wait for the first outcome.
    waiting: Vec<Update>,
    /// The outcome last emitted.
    outcome: Option<Outcome>,
    /// No outcome before this epoch may be withdrawn: the last at which one was emitted.
    last: Epoch,
    /// Whether another outcome is to come.
    asked: bool,
}

impl Slot {
    fn count(&mut self, wanted: Wanted, diff: isize) {
        let count = self.wanted.entry(wanted).or_default();
        *count += diff;
        if *count == 0 {
            self.wanted.remove(&wanted);
        }
    }
}

/// All slots of one worker.
#[derive(Debug, Default)]
pub struct Flight {
    slots: BTreeMap<Fingerprint, Slot>,
    late: usize,
}

impl Flight {
    /// Takes an update to who wants `fingerprint`.
    pub fn update(&mut self, fingerprint: Fingerprint, (wanted, epoch, diff): Update) -> After {
        let slot = self.slots.entry(fingerprint).or_default();
        let fresh = !slot.asked && slot.outcome.is_none();
        slot.count(wanted, diff);
        let Some(outcome) = slot.outcome.clone() else {
            slot.waiting.push((wanted, epoch, diff));
            slot.asked = true;
            return if fresh { After::Ask } else { After::Hold };
        };
        slot.last = slot.last.max(epoch);
        let emission = vec![(
            (
                fingerprint,
                Told {
                    first: wanted.first,
                    outcome,
                },
            ),
            epoch,
            diff,
        )];
        if slot.wanted.is_empty() {
            let asked = slot.asked;
            self.late -= usize::from(asked);
            self.slots.remove(&fingerprint);
            return After::Forget(emission, asked);
        }
        After::Emit(emission)
    }

    /// Takes an outcome; `last` if no other will follow. `now` is the earliest epoch at which a correction may be
    /// made. Returns what to emit, and the epochs at which updates were waiting (one entry for each): capabilities
    /// held for them may go once the emissions are out.
    pub fn outcome(
        &mut self,
        fingerprint: Fingerprint,
        outcome: &Outcome,
        last: bool,
        now: Epoch,
    ) -> (Vec<Emission>, Vec<Epoch>) {
        let Some(slot) = self.slots.get_mut(&fingerprint) else {
            return (Vec::new(), Vec::new());
        };
        let was_late = slot.asked && slot.outcome.is_some();
        slot.asked = !last;
        let tell = |wanted: &Wanted, outcome: &Outcome| {
            (
                fingerprint,
                Told {
                    first: wanted.first,
                    outcome: outcome.clone(),
                },
            )
        };
        let mut emissions = Vec::new();
        let mut released = Vec::new();
        match slot.outcome.replace(outcome.clone()) {
            None => {
                for (wanted, epoch, diff) in slot.waiting.drain(..) {
                    slot.last = slot.last.max(epoch);
                    emissions.push((tell(&wanted, outcome), epoch, diff));
                    released.push(epoch);
                }
            }
            Some(before) if before != *outcome => {
                let at = now.max(slot.last);
                slot.last = at;
                for (wanted, count) in &slot.wanted {
                    emissions.push((tell(wanted, &before), at, -count));
                    emissions.push((tell(wanted, outcome), at, *count));
                }
            }
            Some(_) => {}
        }
        let is_late = slot.asked;
        if slot.wanted.is_empty() {
            self.slots.remove(&fingerprint);
            self.late -= usize::from(was_late);
        } else {
            self.late = self.late + usize::from(is_late) - usize::from(was_late);
        }
        (emissions, released)
    }

    /// Whether `fingerprint` has a slot for which another outcome is to come.
    #[must_use]
    pub fn awaits(&self, fingerprint: Fingerprint) -> bool {
        self.slots.get(&fingerprint).is_some_and(|slot| slot.asked)
    }

    /// How many fingerprints have been emitted with an outcome that is to be corrected.
    #[must_use]
    pub fn late(&self) -> usize {
        self.late
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::DocId;

    const KEY: Fingerprint = Fingerprint([7; 32]);

    fn wanted(doc: u8) -> Wanted {
        Wanted {
            first: (DocId([doc; 16]), 0),
            value: 1,
            tokens: 10,
        }
    }

    fn told(doc: u8, outcome: Outcome) -> (Fingerprint, Told) {
        (
            KEY,
            Told {
                first: (DocId([doc; 16]), 0),
                outcome,
            },
        )
    }

    #[test]
    fn updates_wait_for_the_first_outcome_and_keep_their_epochs() {
        let mut flight = Flight::default();
        assert_eq!(flight.update(KEY, (wanted(1), 5, 1)), After::Ask);
        assert_eq!(flight.update(KEY, (wanted(1), 6, -1)), After::Hold);
        assert_eq!(flight.update(KEY, (wanted(2), 6, 1)), After::Hold);
        let (out, released) = flight.outcome(KEY, &Outcome::Unasked, true, 9);
        let expected = [
            (told(1, Outcome::Unasked), 5, 1),
            (told(1, Outcome::Unasked), 6, -1),
            (told(2, Outcome::Unasked), 6, 1),
        ];
        assert_eq!(out, expected);
        assert_eq!(released, [5, 6, 6]);
        assert_eq!(flight.late(), 0);
    }

    #[test]
    fn a_correction_is_never_before_what_it_corrects() {
        let mut flight = Flight::default();
        flight.update(KEY, (wanted(1), 5, 1));
        flight.outcome(KEY, &Outcome::Pending, false, 2);
        assert_eq!(flight.late(), 1);
        assert!(flight.awaits(KEY));
        let (out, released) = flight.outcome(KEY, &Outcome::Unasked, true, 2);
        assert_eq!(
            out,
            [
                (told(1, Outcome::Pending), 5, -1),
                (told(1, Outcome::Unasked), 5, 1)
            ]
        );
        assert!(released.is_empty());
        assert_eq!(flight.late(), 0);
    }

    #[test]
    fn what_nobody_wants_is_forgotten() {
        let mut flight = Flight::default();
        flight.update(KEY, (wanted(1), 5, 1));
        flight.outcome(KEY, &Outcome::Pending, false, 5);
        let gone = flight.update(KEY, (wanted(1), 7, -1));
        assert_eq!(
            gone,
            After::Forget(vec![(told(1, Outcome::Pending), 7, -1)], true)
        );
        assert_eq!(flight.late(), 0);
        assert_eq!(
            flight.outcome(KEY, &Outcome::Unasked, true, 8),
            (vec![], vec![])
        );
        assert_eq!(flight.update(KEY, (wanted(1), 9, 1)), After::Ask);
    }

    #[test]
    fn withdrawn_before_its_outcome_it_cancels_at_its_own_epochs() {
        let mut flight = Flight::default();
        flight.update(KEY, (wanted(1), 5, 1));
        flight.update(KEY, (wanted(1), 6, -1));
        let (out, released) = flight.outcome(KEY, &Outcome::Pending, false, 5);
        assert_eq!(out.len(), 2);
        assert_eq!(released, [5, 6]);
        assert_eq!(flight.late(), 0);
        assert_eq!(flight.update(KEY, (wanted(1), 9, 1)), After::Ask);
    }
}
