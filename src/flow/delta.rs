//! What the manifest stores of a publication: files as they are now, and what is known of each fingerprint. Pure.

use std::collections::BTreeMap;

use super::desk::published;
use super::record::Output;
use crate::model::id::{DocId, Fingerprint};
use crate::store::{StoredFile, ViewDelta};

/// The part of a view's delta that follows from its outputs and files.
pub(super) fn of(
    ready: &[(Output, isize)],
    files: BTreeMap<DocId, Option<StoredFile>>,
) -> ViewDelta {
    let mut known: BTreeMap<Fingerprint, Option<Vec<u8>>> = BTreeMap::new();
    for (output, diff) in ready {
        let Output::Known(fingerprint, outcome) = output else {
            continue;
        };
        if *diff > 0 {
            known.insert(*fingerprint, Some(published::encode(outcome)));
        } else {
            known.entry(*fingerprint).or_insert(None);
        }
    }
    let mut delta = ViewDelta::default();
    for (fingerprint, outcome) in known {
        match outcome {
            Some(outcome) => delta.outcomes_put.push((fingerprint, outcome)),
            None => delta.outcomes_gone.push(fingerprint),
        }
    }
    for (doc, file) in files {
        match file {
            Some(file) => delta.files_put.push(file),
            None => delta.files_gone.push(doc),
        }
    }
    delta
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::outcome::Outcome;

    #[test]
    fn what_comes_in_place_of_what_goes_is_put() {
        let known = |byte, outcome| Output::Known(Fingerprint([byte; 32]), outcome);
        let ready = [
            (known(1, Outcome::Pending), -1),
            (known(1, Outcome::Unasked), 1),
            (known(2, Outcome::Unasked), 1),
            (known(2, Outcome::Pending), -1),
            (known(3, Outcome::Pending), -1),
        ];
        let delta = of(&ready, BTreeMap::from([(DocId([7; 16]), None)]));
        let put = published::encode(&Outcome::Unasked);
        let puts = [1, 2].map(|byte| (Fingerprint([byte; 32]), put.clone()));
        assert_eq!(delta.outcomes_put, puts);
        assert_eq!(delta.outcomes_gone, [Fingerprint([3; 32])]);
        assert_eq!(delta.files_gone, [DocId([7; 16])]);
    }
}
