//! What is being asked in any run of one house: so that two runs that want the same answer at the same time pay for it
//! once.
//!
//! A run claims a key before it asks. Who finds it claimed by another leaves it alone until the claim is given up, which is
//! when the answer, or that there is none, is durable; then it looks it up, and asks itself if it must.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::model::id::{AnswerKey, Fingerprint};

/// All claims of a house.
#[derive(Debug, Default)]
pub struct Underway(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    parties: BTreeMap<u64, UnboundedSender<Fingerprint>>,
    /// How many have come so far.
    came: u64,
    /// Who waits for what is claimed.
    claims: BTreeMap<AnswerKey, Vec<(u64, Fingerprint)>>,
}

impl Underway {
    /// A run comes. What it waits for comes back by the receiver when it is over: at most as much as it waits for.
    #[must_use]
    pub fn join(self: &Arc<Self>) -> (Party, UnboundedReceiver<Fingerprint>) {
        let (tell, told) = unbounded_channel();
        let mut state = self.state();
        let others = !state.parties.is_empty();
        let id = state.came;
        state.came += 1;
        state.parties.insert(id, tell);
        drop(state);
        let underway = Arc::clone(self);
        let party = Party {
            underway,
            id,
            others,
        };
        (party, told)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run, as the others see it.
#[derive(Debug)]
pub struct Party {
    underway: Arc<Underway>,
    id: u64,
    /// Whether there were others when it came.
    others: bool,
}

impl Party {
    /// Whether there is, or was since it came, any other: then an answer may have come between look-up and claim.
    #[must_use]
    pub fn has_company(&self) -> bool {
        self.others || self.underway.state().came > self.id + 1
    }

    /// Claims a key. `None` if it is claimed: the fingerprint comes back when that is over.
    #[must_use]
    pub fn claim(&self, key: AnswerKey, fingerprint: Fingerprint) -> Option<Claim> {
        let mut state = self.underway.state();
        if let Some(waiting) = state.claims.get_mut(&key) {
            waiting.push((self.id, fingerprint));
            return None;
        }
        state.claims.insert(key, Vec::new());
        Some(Claim {
            underway: Arc::clone(&self.underway),
            key,
        })
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        self.underway.state().parties.remove(&self.id);
    }
}

/// What nobody else asks as long as this is kept.
#[derive(Debug)]
pub struct Claim {
    underway: Arc<Underway>,
    key: AnswerKey,
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut state = self.underway.state();
        for (party, fingerprint) in state.claims.remove(&self.key).unwrap_or_default() {
            if let Some(tell) = state.parties.get(&party) {
                // A run that has stopped listening waits for nothing.
                tell.send(fingerprint).ok();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: AnswerKey = AnswerKey([1; 32]);
    const TEXT: Fingerprint = Fingerprint([2; 32]);

    #[test]
    fn one_asks_and_the_others_are_told_when_it_is_over() {
        let underway = Arc::new(Underway::default());
        let (first, _) = underway.join();
        let claim = first.claim(KEY, TEXT).unwrap();
        assert!(!first.has_company());
        let (second, mut told) = underway.join();
        let (third, gone) = underway.join();
        assert!(first.has_company() && second.has_company());
        assert!(second.claim(KEY, TEXT).is_none());
        assert!(third.claim(KEY, TEXT).is_none());
        assert!(second.claim(AnswerKey([9; 32]), TEXT).is_some());
        drop((third, gone));
        assert!(told.try_recv().is_err());
        drop(claim);
        assert_eq!(told.try_recv(), Ok(TEXT));
        assert!(second.claim(KEY, TEXT).is_some());
    }
}
