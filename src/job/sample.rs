//! A few chunks to ask about first: to see what answers look like and what they cost, before all are asked.

use std::collections::{BTreeMap, BTreeSet};

use super::open::OpenError;
use super::order::Order;
use super::reader;
use crate::flow::scope::Scope;
use crate::model::chunk::Chunk;
use crate::model::id::{Fingerprint, digest};
use crate::source::walk;

/// Where a chunk stands in line: one of each file comes before the second of any.
type Turn = (usize, [u8; 32], Fingerprint);

/// The `most` chunks of an order that are asked first, over all its files. Blocks: it reads every file.
///
/// Nothing but the texts decides, so the same files give the same sample, and a larger sample holds the smaller one:
/// what was asked for the one is known to the other. Files that cannot be read have no part in it.
///
/// # Errors
/// If an input is missing.
pub fn sample(order: &Order, most: usize) -> Result<Scope, OpenError> {
    let listing = walk::walk(&order.roots, &order.files).map_err(OpenError::Source)?;
    let mut first = First::new(most);
    for file in &listing.files {
        if let Ok(chunks) = reader::chunks(file, &order.reading) {
            first.take(asked(&chunks));
        }
    }
    Ok(first.scope())
}

/// The chunks that can be asked at all.
fn asked(chunks: &[Chunk]) -> impl Iterator<Item = Fingerprint> + '_ {
    let asked = chunks.iter().filter(|chunk| chunk.facts.dropped.is_none());
    asked.map(|chunk| chunk.fingerprint)
}

/// The first in line of all that has been seen: no more than these are held.
struct First {
    most: usize,
    turns: BTreeSet<Turn>,
    /// The round in which each of them is: a text that stands in two files is asked once, when it is its turn first.
    rounds: BTreeMap<Fingerprint, usize>,
}

impl First {
    fn new(most: usize) -> Self {
        Self {
            most,
            turns: BTreeSet::new(),
            rounds: BTreeMap::new(),
        }
    }

    /// Takes the texts of a file.
    fn take(&mut self, texts: impl Iterator<Item = Fingerprint>) {
        // By chance that is always the same: not the opening of every meeting, and not what somebody chose.
        let chance = |text: &Fingerprint| digest("weir sample", &[text.as_bytes()]);
        let texts: BTreeSet<_> = texts.map(|text| (chance(&text), text)).collect();
        for (round, (chance, text)) in texts.into_iter().enumerate() {
            let turn = (round, chance, text);
            let late = self.turns.len() >= self.most;
            if late && self.turns.last().is_none_or(|last| *last < turn) {
                // The rest of this file comes later still.
                break;
            }
            // A text that another file has, too, takes the earlier of its turns, whichever file comes first.
            match self.rounds.get(&text) {
                Some(other) if *other <= round => continue,
                Some(other) => {
                    self.turns.remove(&(*other, chance, text));
                }
                None => {}
            }
            self.rounds.insert(text, round);
            self.turns.insert(turn);
            if self.turns.len() > self.most
                && let Some((_, _, out)) = self.turns.pop_last()
            {
                self.rounds.remove(&out);
            }
        }
    }

    fn scope(self) -> Scope {
        Scope::only(self.rounds.into_keys().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(file: usize, number: usize) -> Fingerprint {
        Fingerprint::of_shown(&format!("{file} {number}"))
    }

    fn sampled(files: &[Vec<Fingerprint>], most: usize) -> BTreeSet<Fingerprint> {
        let mut first = First::new(most);
        for file in files {
            first.take(file.iter().copied());
        }
        match first.scope() {
            Scope::Only(texts) => (*texts).clone(),
            Scope::All | Scope::AsPublished => BTreeSet::new(),
        }
    }

    fn files() -> Vec<Vec<Fingerprint>> {
        // One long file and several short ones.
        let lengths = [100, 3, 3, 1, 0, 7];
        let file = |(file, count): (usize, &usize)| (0..*count).map(move |n| text(file, n));
        lengths
            .iter()
            .enumerate()
            .map(|one| file(one).collect())
            .collect()
    }

    #[test]
    fn a_sample_is_spread_over_files() {
        let files = files();
        let five = sampled(&files, 5);
        for file in files.iter().filter(|file| !file.is_empty()) {
            let here = file.iter().filter(|text| five.contains(text)).count();
            assert_eq!(here, 1, "{five:?}");
        }
        assert_eq!(sampled(&files, 12).len(), 12);
        assert_eq!(sampled(&files, 1000).len(), 114, "there are no more");
        assert!(sampled(&files, 0).is_empty());
    }

    /// The order in which files are listed does not show, nor that two of them share their texts.
    #[test]
    fn the_same_files_give_the_same_sample() {
        let mut files = files();
        let shared = files.first().map(|file| file.iter().rev().take(40));
        let shared: Vec<_> = shared.into_iter().flatten().copied().collect();
        files.push(shared);
        for most in 0..130 {
            let sample = sampled(&files, most);
            let mut turned = files.clone();
            for _ in 0..files.len() {
                turned.rotate_left(1);
                assert_eq!(sampled(&turned, most), sample, "{most}");
            }
            assert!(sample.is_subset(&sampled(&files, most + 1)), "{most}");
        }
    }
}
