//! Chunks made ready for a call: its id, fresh tags, room for the answer, and its charge.

use std::sync::Arc;

use super::client::{Client, lock};
use super::part::{Item, Part};
use crate::limit::Charge;
use crate::model::call::{Asked, Batch, Question, Usage};
use crate::model::id::CallId;
use crate::model::unit::Micros;

/// A batch that is ready to be sent.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub(super) batch: Batch,
    pub(super) part: Part,
    pub(super) estimate: u64,
    pub(super) charge: Charge,
}

impl Prepared {
    /// What to reserve at the gate.
    #[must_use]
    pub fn charge(&self) -> Charge {
        self.charge
    }

    /// The chunks back, if it is not sent after all.
    #[must_use]
    pub fn into_chunks(self) -> Vec<Asked> {
        self.part.items.into_iter().map(|item| item.asked).collect()
    }
}

impl Client {
    /// Makes a batch of chunks (at least one): its id, fresh tags, room for the answer, and its charge.
    #[must_use]
    pub fn prepare(&self, question: &Arc<Question>, chunks: Vec<Asked>) -> Prepared {
        let item = |asked| Item {
            asked,
            calls: 0,
            call: None,
        };
        self.prepare_part(Part {
            question: Arc::clone(question),
            items: chunks.into_iter().map(item).collect(),
            tried: 0,
            raised: 1,
            hint: None,
        })
    }

    pub(super) fn prepare_part(&self, mut part: Part) -> Prepared {
        let call = {
            let mut chance = lock(&self.chance);
            let mut tags: Vec<String> = Vec::new();
            for item in &mut part.items {
                let mut fresh = tag(&mut chance);
                while tags.contains(&fresh) {
                    fresh = tag(&mut chance);
                }
                tags.push(fresh.clone());
                item.asked.tag = fresh;
            }
            call_id((self.parts.wall)(), &mut chance)
        };
        let chunks: Vec<Asked> = part.items.iter().map(|item| item.asked.clone()).collect();
        let max_output = lock(&self.learnt).max_output(&chunks, part.raised);
        let batch = Batch {
            call,
            question: Arc::clone(&part.question),
            chunks,
            max_output,
            hint: part.hint.clone(),
        };
        let estimate = self.parts.provider.estimate(&batch);
        let input = lock(&self.learnt).input(estimate);
        let worst = Usage {
            input,
            cached: 0,
            output: u64::from(max_output),
        };
        let charge = Charge {
            tokens: input + u64::from(max_output),
            cost_bound: self.parts.price.map(|price| price.cost(worst)),
        };
        Prepared {
            batch,
            part,
            estimate,
            charge,
        }
    }
}

/// Five of 31 letters and digits that are not mistaken for each other.
fn tag(chance: &mut fastrand::Rng) -> String {
    const LETTERS: &[u8] = b"23456789abcdefghjkmnpqrstuvwxyz";
    (0..5)
        .filter_map(|_| chance.choice(LETTERS))
        .map(|letter| char::from(*letter))
        .collect()
}

/// Six bytes of milliseconds, so that ids sort by time, and ten of chance.
fn call_id(wall: Micros, chance: &mut fastrand::Rng) -> CallId {
    let millis = u64::try_from(wall.0 / 1000).unwrap_or(0);
    let mut bytes = [0; 16];
    chance.fill(&mut bytes);
    for (place, byte) in bytes
        .iter_mut()
        .zip(millis.to_be_bytes().into_iter().skip(2))
    {
        *place = byte;
    }
    CallId(bytes)
}
