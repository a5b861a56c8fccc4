//! What the manifest stores of a publication besides documents: files as they are now, and what is known of each text.
//! Pure.

use std::collections::BTreeMap;

use super::desk::published::Published;
use crate::model::id::{DocId, Fingerprint};
use crate::store::{StoredFile, ViewDelta};

/// What becomes known of texts, and of which nothing is any more. As many as a publication has chunks: encoded, an
/// outcome takes a tenth of what it may grow to.
#[derive(Debug, Default)]
pub(super) struct Texts(BTreeMap<Fingerprint, Net>);

/// How many more chunks stand for a text than before, and what is known of it now, encoded.
type Net = (i32, Option<Box<[u8]>>);

impl Texts {
    /// The chunk that stands for a text comes or goes, with what is known of it.
    pub(super) fn take(&mut self, fingerprint: Fingerprint, known: &Published, diff: isize) {
        let (sum, now) = self.0.entry(fingerprint).or_default();
        *sum += if diff > 0 { 1 } else { -1 };
        if diff > 0 {
            *now = Some(known.encode().into());
        }
    }

    /// Takes the first `count` out, as a delta of a view; none if there are no more. What comes in place of what goes is
    /// put.
    pub(super) fn next(&mut self, count: usize) -> Option<ViewDelta> {
        let mut delta = ViewDelta::default();
        for _ in 0..count {
            let Some((fingerprint, (sum, now))) = self.0.pop_first() else {
                break;
            };
            match now {
                Some(known) if sum >= 0 => delta.outcomes_put.push((fingerprint, known.into())),
                _ => delta.outcomes_gone.push(fingerprint),
            }
        }
        let some = !delta.outcomes_put.is_empty() || !delta.outcomes_gone.is_empty();
        some.then_some(delta)
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
        texts.take(text(1), &Published::Pending, -1);
        texts.take(text(1), &Published::Unasked, 1);
        texts.take(text(2), &Published::Unasked, 1);
        texts.take(text(2), &Published::Pending, -1);
        texts.take(text(3), &Published::Pending, -1);
        let put = Published::Unasked.encode();
        let first = texts.next(2).unwrap();
        assert_eq!(
            first.outcomes_put,
            [1, 2].map(|byte| (text(byte), put.clone()))
        );
        assert!(first.outcomes_gone.is_empty());
        let mut second = texts.next(2).unwrap();
        assert_eq!(second.outcomes_gone, [text(3)]);
        assert_eq!(texts.next(2), None);
        files(BTreeMap::from([(DocId([7; 16]), None)]), &mut second);
        assert_eq!(second.files_gone, [DocId([7; 16])]);
    }
}
