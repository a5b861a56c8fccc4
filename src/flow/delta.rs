//! What the manifest stores of a publication besides documents: files as they are now, and what is known of each text.
//! Pure.

use std::collections::BTreeMap;

use super::desk::published::Published;
use crate::model::id::{DocId, Fingerprint};
use crate::store::{StoredFile, ViewDelta};

/// What becomes known of texts, and of which nothing is any more.
#[derive(Debug, Default)]
pub(super) struct Texts(BTreeMap<Fingerprint, (isize, Option<Published>)>);

impl Texts {
    /// The chunk that stands for a text comes or goes, with what is known of it.
    pub(super) fn take(&mut self, fingerprint: Fingerprint, known: Published, diff: isize) {
        let (sum, now) = self.0.entry(fingerprint).or_default();
        *sum += diff;
        if diff > 0 {
            *now = Some(known);
        }
    }

    /// Into the delta of a view. What comes in place of what goes is put.
    pub(super) fn into_delta(self, delta: &mut ViewDelta) {
        for (fingerprint, (sum, now)) in self.0 {
            match now {
                Some(known) if sum >= 0 => delta.outcomes_put.push((fingerprint, known.encode())),
                _ => delta.outcomes_gone.push(fingerprint),
            }
        }
    }
}

/// Files that come, change and go.
pub(super) fn files(files: BTreeMap<DocId, Option<StoredFile>>, delta: &mut ViewDelta) {
    for (doc, file) in files {
        match file {
            Some(file) => delta.files_put.push(file),
            None => delta.files_gone.push(doc),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_place_of_what_goes_is_put() {
        let text = |byte| Fingerprint([byte; 32]);
        let mut texts = Texts::default();
        texts.take(text(1), Published::Pending, -1);
        texts.take(text(1), Published::Unasked, 1);
        texts.take(text(2), Published::Unasked, 1);
        texts.take(text(2), Published::Pending, -1);
        texts.take(text(3), Published::Pending, -1);
        let mut delta = ViewDelta::default();
        texts.into_delta(&mut delta);
        files(BTreeMap::from([(DocId([7; 16]), None)]), &mut delta);
        let put = Published::Unasked.encode();
        let puts = [1, 2].map(|byte| (text(byte), put.clone()));
        assert_eq!(delta.outcomes_put, puts);
        assert_eq!(delta.outcomes_gone, [text(3)]);
        assert_eq!(delta.files_gone, [DocId([7; 16])]);
    }
}
