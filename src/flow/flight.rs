//! Texts in flight: where each stands, and what `ask` holds for it until, and after, its outcome is known. Pure.
//!
//! Rules, each with a test:
//! 1. The least place of a text stands for it; when another takes over, all of its places are told anew.
//! 2. Places that come or go before there is an outcome wait, and are told at their own epoch once there is one.
//! 3. Those that come or go after it are told at once, at their own epoch, with the outcome last told.
//! 4. A later outcome of the same text is a correction: the old one is withdrawn everywhere and the new one put in its
//!    place, at an epoch after all that have been told.
//! 5. A text that stands nowhere any more is forgotten; what comes for it afterwards is ignored.

use super::by_text::ByText;
use super::epochs::Epoch;
use super::gist::Known;
use super::record::{Located, Spot, Wanted};
use crate::model::id::{DocId, Fingerprint};

/// A change to what is told.
pub type Emission = (Located, Epoch, isize);

/// What must be done after places came or went.
#[derive(Debug, PartialEq, Eq)]
pub enum After {
    /// The text is new: ask, and hold a capability for the epoch.
    Ask(Wanted),
    /// It waits for an outcome that was asked for: hold a capability for the epoch.
    Hold,
    /// Nothing waits; these are to be emitted.
    Emit(Vec<Emission>),
    /// As `Emit`, and the text stands nowhere any more; `true` if it was still being asked for.
    Forget(Vec<Emission>, bool),
}

/// A place, and the one that stands for its text.
type Move = ((Spot, (DocId, u32)), isize);

/// What is held of a text. There are many, and nearly all of them stand in one place and are known for good: of those
/// nothing else is kept.
#[derive(Debug)]
enum Slot {
    Settled(Spot, Known),
    Open(Box<Open>),
}

/// All that there may be to hold of a text. What waits does so for the first outcome, so what is known for good has
/// nothing waiting.
#[derive(Debug, Default)]
struct Open {
    /// By document and position.
    spots: Vec<Spot>,
    /// The outcome last told.
    known: Option<Known>,
    /// Changes that wait for the first outcome: what moves at which epochs.
    waiting: Vec<(Epoch, Vec<Move>)>,
    /// Whether another outcome is to come.
    asked: bool,
}

impl Slot {
    /// To be changed.
    fn open(self) -> Open {
        match self {
            Self::Settled(spot, known) => Open {
                spots: vec![spot],
                known: Some(known),
                ..Open::default()
            },
            Self::Open(open) => *open,
        }
    }

    /// To be kept.
    fn of(open: Open) -> Self {
        match (open.spots.as_slice(), &open.known) {
            ([spot], Some(known)) if !open.asked => Self::Settled(*spot, known.clone()),
            _ => Self::Open(Box::new(open)),
        }
    }
}

impl Open {
    fn first(&self) -> Option<Spot> {
        self.spots.first().copied()
    }

    /// Takes changes, and says what they move.
    fn change(&mut self, changes: &[(Spot, isize)]) -> Vec<Move> {
        let before = self.first().map(|spot| spot.at());
        let of = |spots: &[Spot], diff: isize| -> Vec<Move> {
            let first = spots.first().map(Spot::at);
            let all = spots.iter();
            all.filter_map(|spot| Some(((*spot, first?), diff)))
                .collect()
        };
        let old = self.spots.clone();
        for (spot, diff) in changes {
            match (self.spots.binary_search(spot), *diff > 0) {
                (Err(at), true) => self.spots.insert(at, *spot),
                (Ok(at), false) => {
                    self.spots.remove(at);
                }
                // A place comes once and goes once.
                _ => {}
            }
        }
        let first = self.first().map(|spot| spot.at());
        if before == first
            && let Some(first) = first
        {
            let moves = changes.iter().map(|(spot, diff)| ((*spot, first), *diff));
            return moves.collect();
        }
        let mut moves = of(&old, -1);
        moves.extend(of(&self.spots, 1));
        moves
    }
}

/// All slots of one worker.
#[derive(Debug, Default)]
pub struct Flight {
    slots: ByText<Slot>,
    late: usize,
    given: u64,
}

fn located(
    fingerprint: Fingerprint,
    (spot, first): (Spot, (DocId, u32)),
    known: &Known,
) -> Located {
    Located {
        fingerprint,
        spot,
        first,
        known: known.clone(),
    }
}

impl Flight {
    /// Takes what comes and goes at an epoch, later than all before; `given` is what is known of the text if nobody
    /// need be asked.
    pub fn change(
        &mut self,
        fingerprint: Fingerprint,
        epoch: Epoch,
        changes: &[(Spot, isize)],
        given: Option<Known>,
    ) -> After {
        let held = self.slots.take(fingerprint);
        let mut slot = held.map(Slot::open).unwrap_or_default();
        let moves = slot.change(changes);
        if slot.known.is_none() && !slot.asked {
            self.given += u64::from(matches!(given, Some(Known::Answered(_))));
            slot.known = given;
        }
        let Some(known) = &slot.known else {
            slot.waiting.push((epoch, moves));
            let fresh = !std::mem::replace(&mut slot.asked, true);
            let wanted = slot.first().filter(|_| fresh).map(|spot| Wanted {
                first: spot.at(),
                value: spot.value,
                tokens: spot.tokens,
            });
            self.slots.put(fingerprint, Slot::of(slot));
            return wanted.map_or(After::Hold, After::Ask);
        };
        let emissions = moves
            .into_iter()
            .map(|(place, diff)| (located(fingerprint, place, known), epoch, diff))
            .collect();
        if slot.spots.is_empty() {
            let asked = slot.asked;
            self.late -= usize::from(asked);
            return After::Forget(emissions, asked);
        }
        self.slots.put(fingerprint, Slot::of(slot));
        After::Emit(emissions)
    }

    /// Takes an outcome; `last` if no other will follow. `now` is the epoch of a correction: later than any at which
    /// something was told. Returns what to emit, and the epochs at which changes were waiting (one entry for each):
    /// capabilities held for them may go once the emissions are out.
    pub fn outcome(
        &mut self,
        fingerprint: Fingerprint,
        known: &Known,
        last: bool,
        now: Epoch,
    ) -> (Vec<Emission>, Vec<Epoch>) {
        let Some(mut slot) = self.slots.take(fingerprint).map(Slot::open) else {
            return (Vec::new(), Vec::new());
        };
        let was_late = slot.asked && slot.known.is_some();
        slot.asked = !last;
        let mut emissions = Vec::new();
        let mut released = Vec::new();
        match slot.known.replace(known.clone()) {
            None => {
                for (epoch, moves) in std::mem::take(&mut slot.waiting) {
                    let told = moves
                        .into_iter()
                        .map(|(place, diff)| (located(fingerprint, place, known), epoch, diff));
                    emissions.extend(told);
                    released.push(epoch);
                }
            }
            Some(before) if before != *known => {
                let first = slot.first().map(|spot| spot.at());
                for spot in &slot.spots {
                    let place = (*spot, first.unwrap_or_else(|| spot.at()));
                    emissions.push((located(fingerprint, place, &before), now, -1));
                    emissions.push((located(fingerprint, place, known), now, 1));
                }
            }
            Some(_) => {}
        }
        let is_late = slot.asked;
        if slot.spots.is_empty() {
            self.late -= usize::from(was_late);
        } else {
            self.slots.put(fingerprint, Slot::of(slot));
            self.late = self.late + usize::from(is_late) - usize::from(was_late);
        }
        (emissions, released)
    }

    /// How many answers were given with a place since this was asked last.
    pub fn take_given(&mut self) -> u64 {
        std::mem::take(&mut self.given)
    }

    /// How many texts have been told with an outcome that is to be corrected.
    #[must_use]
    pub fn late(&self) -> usize {
        self.late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Fingerprint = Fingerprint([7; 32]);

    fn spot(doc: u8) -> Spot {
        Spot {
            doc: DocId([doc; 16]),
            position: 0,
            value: 1,
            tokens: 10,
        }
    }

    fn told(doc: u8, first: u8, known: &Known, epoch: Epoch, diff: isize) -> Emission {
        (
            located(KEY, (spot(doc), spot(first).at()), known),
            epoch,
            diff,
        )
    }

    fn wanted(doc: u8) -> Wanted {
        Wanted {
            first: spot(doc).at(),
            value: 1,
            tokens: 10,
        }
    }

    #[test]
    fn changes_wait_for_the_first_outcome_and_keep_their_epochs() {
        let mut flight = Flight::default();
        let asked = flight.change(KEY, 5, &[(spot(2), 1)], None);
        assert_eq!(asked, After::Ask(wanted(2)));
        let moved = flight.change(KEY, 6, &[(spot(1), 1)], None);
        assert_eq!(moved, After::Hold);
        let (out, released) = flight.outcome(KEY, &Known::Unasked, true, 9);
        let expected = [
            told(2, 2, &Known::Unasked, 5, 1),
            told(2, 2, &Known::Unasked, 6, -1),
            told(1, 1, &Known::Unasked, 6, 1),
            told(2, 1, &Known::Unasked, 6, 1),
        ];
        assert_eq!(out, expected);
        assert_eq!(released, [5, 6]);
        assert_eq!(flight.late(), 0);
    }

    #[test]
    fn what_is_given_is_not_asked() {
        let mut flight = Flight::default();
        let given = flight.change(KEY, 5, &[(spot(1), 1)], Some(Known::Unasked));
        assert_eq!(given, After::Emit(vec![told(1, 1, &Known::Unasked, 5, 1)]));
        let second = flight.change(KEY, 6, &[(spot(2), 1)], None);
        assert_eq!(second, After::Emit(vec![told(2, 1, &Known::Unasked, 6, 1)]));
    }

    #[test]
    fn a_correction_is_of_every_place() {
        let mut flight = Flight::default();
        flight.change(KEY, 5, &[(spot(1), 1), (spot(2), 1)], None);
        flight.outcome(KEY, &Known::Pending, false, 2);
        assert_eq!(flight.late(), 1);
        let (out, released) = flight.outcome(KEY, &Known::Unasked, true, 8);
        assert_eq!(
            out,
            [
                told(1, 1, &Known::Pending, 8, -1),
                told(1, 1, &Known::Unasked, 8, 1),
                told(2, 1, &Known::Pending, 8, -1),
                told(2, 1, &Known::Unasked, 8, 1),
            ]
        );
        assert!(released.is_empty());
        assert_eq!(flight.late(), 0);
    }

    #[test]
    fn what_stands_nowhere_is_forgotten() {
        let mut flight = Flight::default();
        flight.change(KEY, 5, &[(spot(1), 1)], None);
        flight.outcome(KEY, &Known::Pending, false, 5);
        let gone = flight.change(KEY, 7, &[(spot(1), -1)], None);
        let expected = After::Forget(vec![told(1, 1, &Known::Pending, 7, -1)], true);
        assert_eq!(gone, expected);
        assert_eq!(flight.late(), 0);
        assert_eq!(
            flight.outcome(KEY, &Known::Unasked, true, 8),
            (vec![], vec![])
        );
        let again = flight.change(KEY, 9, &[(spot(1), 1)], None);
        assert_eq!(again, After::Ask(wanted(1)));
    }

    #[test]
    fn withdrawn_before_its_outcome_it_cancels_at_its_own_epochs() {
        let mut flight = Flight::default();
        flight.change(KEY, 5, &[(spot(1), 1)], None);
        flight.change(KEY, 6, &[(spot(1), -1)], None);
        let (out, released) = flight.outcome(KEY, &Known::Pending, false, 5);
        assert_eq!(out.len(), 2);
        assert_eq!(released, [5, 6]);
        assert_eq!(flight.late(), 0);
        let again = flight.change(KEY, 9, &[(spot(1), 1)], None);
        assert_eq!(again, After::Ask(wanted(1)));
    }
}
