//! What one publication writes, made as it is asked for: a few documents are loaded at a time, and their rows let go
//! before the next ones are. Beside the rows comes what the manifest stores of them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::delta::Texts;
use super::desk::lookup;
use super::desk::published::Published;
use super::document::Document;
use super::gist::{Gist, Gists, Known, mark};
use super::keeping::Keeping;
use super::outline;
use super::record::{Loaded, Output, Version};
use super::render::{self, Lookup};
use super::stop::said;
use super::versions;
use crate::model::id::{DocId, Fingerprint, ViewId};
use crate::model::outcome::Answer;
use crate::model::record::RepeatRow;
use crate::sink::{Change, Changes, Row, SinkError, Table};
use crate::store::{Database, StoreError, ViewDelta};

/// Documents are rendered together up to so many chunks: some hundred rows each, and one look at the database.
const CHUNKS: usize = 128;
/// How many calls are listed at a time.
const CALLS: u32 = 1000;
/// So many outcomes are stored at a time.
const TEXTS: usize = 10_000;

/// A document as it was and as it is.
#[derive(Debug, Default)]
struct Turn {
    before: Option<Arc<Document>>,
    after: Option<Arc<Document>>,
}

impl Turn {
    fn both(&self) -> impl Iterator<Item = &Arc<Document>> {
        self.before.iter().chain(&self.after)
    }

    /// Whether a chunk's rows differ. Of an edited document all are made: those that are equal after all cancel.
    fn differs(&self) -> Box<dyn Fn(u32) -> bool + '_> {
        let (Some(before), Some(after)) = (&self.before, &self.after) else {
            return Box::new(|_| true);
        };
        let same_names = before.labels == after.labels
            && before.assembled.full_names() == after.assembled.full_names();
        if before.head() != after.head() || !same_names {
            return Box::new(|_| true);
        }
        let states = |document: &'_ Document| -> BTreeMap<u32, super::document::ChunkState> {
            let chunks = document.assembled.chunks.iter();
            chunks
                .map(|chunk| (chunk.position, chunk.clone()))
                .collect()
        };
        let (before, after) = (states(before), states(after));
        Box::new(move |position| before.get(&position) != after.get(&position))
    }
}

/// The changes of one publication.
pub(super) struct Rendering<'c> {
    database: &'c Database,
    gists: &'c Gists,
    view: ViewId,
    asked: [u8; 32],
    documents: std::collections::btree_map::IntoIter<DocId, Turn>,
    others: Vec<(Output, isize)>,
    /// The place of the last call that is listed.
    pub(super) listed: i64,
    failures: Vec<Change>,
    texts: Texts,
    keeping: Keeping<'c>,
    /// Set when what is published does not follow from the ledger any more.
    pub(super) mismatch: bool,
}

impl<'c> Rendering<'c> {
    /// Of outputs that have been added up, and of the calls after the last one that is listed.
    pub(super) fn new(
        database: &'c Database,
        gists: &'c Gists,
        keeping: Keeping<'c>,
        ready: Vec<(Output, isize)>,
        listed: i64,
    ) -> Self {
        let mut documents: BTreeMap<DocId, Turn> = BTreeMap::new();
        let mut others = Vec::new();
        for (output, diff) in ready {
            let Output::Document(document) = output else {
                others.push((output, diff));
                continue;
            };
            let turn = documents.entry(document.head().doc).or_default();
            if diff > 0 {
                turn.after = Some(document);
            } else {
                turn.before = Some(document);
            }
        }
        Self {
            database,
            asked: outline::asked(&gists.context),
            gists,
            view: keeping.view(),
            documents: documents.into_iter(),
            others,
            listed,
            failures: Vec::new(),
            texts: Texts::default(),
            keeping,
            mismatch: false,
        }
    }

    /// Stores what the manifest keeps of what was rendered, and of the rest.
    pub(super) fn finish(self, rest: ViewDelta) -> Result<(), StoreError> {
        let Self {
            mut texts,
            mut keeping,
            ..
        } = self;
        while let Some(some) = texts.next(TEXTS) {
            keeping.add(some)?;
        }
        keeping.finish(rest)
    }

    fn render(&mut self, turns: &[(DocId, Turn)]) -> Result<Vec<Change>, SinkError> {
        let mut loaded: BTreeMap<i64, Loaded> = BTreeMap::new();
        for document in turns.iter().flat_map(|(_, turn)| turn.both()) {
            let head = document.head();
            if let Entry::Vacant(place) = loaded.entry(head.version) {
                let version = Version {
                    doc: head.doc,
                    number: head.version,
                };
                place.insert(versions::load(self.database, version).map_err(unmade)?);
            }
        }
        let of = |document: &Document| loaded.get(&document.head().version);
        let lookup = self.lookup(turns, &loaded)?;
        let mut changes = Vec::new();
        let mut outlines = Vec::new();
        for (doc, turn) in turns {
            let differs = turn.differs();
            for (document, diff) in turn
                .before
                .iter()
                .map(|document| (document, -1_isize))
                .chain(turn.after.iter().map(|document| (document, 1)))
            {
                let Some(loaded) = of(document) else { continue };
                for row in render::rows(document, loaded, &lookup, &differs) {
                    let change = Change {
                        row,
                        diff: diff as i64,
                    };
                    match change.row {
                        Row::Failure(_) => self.failures.push(change),
                        _ => changes.push(change),
                    }
                }
                for (fingerprint, known) in firsts(document, loaded) {
                    if let Some(known) = published(self.gists, fingerprint, known) {
                        self.texts.take(fingerprint, &known, diff);
                    }
                }
            }
            if let Some(after) = &turn.after
                && let Some(loaded) = of(after)
            {
                let outline = outline::encode(after, loaded, self.asked).map_err(unread)?;
                outlines.push((*doc, outline));
            }
        }
        let delta = ViewDelta {
            outlines_put: outlines,
            ..ViewDelta::default()
        };
        self.keeping.add(delta).map_err(unread)?;
        Ok(changes)
    }

    /// Texts of, and answers to, all chunks of these documents.
    fn lookup(
        &mut self,
        turns: &[(DocId, Turn)],
        loaded: &BTreeMap<i64, Loaded>,
    ) -> Result<Lookup, SinkError> {
        let places = loaded.values().flat_map(|loaded| loaded.chunks.iter());
        let mut fingerprints: Vec<Fingerprint> = places.map(|place| place.0.fingerprint).collect();
        fingerprints.sort_unstable();
        fingerprints.dedup();
        let texts = self.database.texts(&fingerprints).map_err(unread)?;
        let mut answers: BTreeMap<u64, Arc<Answer>> = BTreeMap::new();
        let mut missing: BTreeMap<u64, (Fingerprint, &Gist)> = BTreeMap::new();
        for document in turns.iter().flat_map(|(_, turn)| turn.both()) {
            let Some(loaded) = loaded.get(&document.head().version) else {
                continue;
            };
            for (fingerprint, state) in states(document, loaded) {
                let Known::Answered(gist) = &state.known else {
                    continue;
                };
                let text = texts.get(&fingerprint);
                let at_hand = text.and_then(|text| self.gists.answer(fingerprint, gist, text));
                match at_hand {
                    Some(answer) => {
                        answers.insert(gist.mark, answer);
                    }
                    None => {
                        missing.insert(gist.mark, (fingerprint, gist));
                    }
                }
            }
        }
        let key = |(fingerprint, gist): &(Fingerprint, &Gist)| self.gists.key(*fingerprint, gist);
        let keys: Vec<_> = missing.values().map(key).collect();
        let stored = self.database.answers(&keys).map_err(unread)?;
        for (wanted, place) in &missing {
            let answer = stored.get(&key(place)).and_then(|stored| {
                let text = texts.get(&place.0)?;
                lookup::answer(stored, text, self.view)
            });
            // Another answer, or none: the rows that it gave cannot be told any more.
            let Some(answer) = answer.filter(|answer| mark(answer) == *wanted) else {
                self.mismatch = true;
                return Err(unmade(
                    "an answer that rows were made from is damaged".into(),
                ));
            };
            answers.insert(*wanted, answer);
        }
        Ok(Lookup { texts, answers })
    }

    /// The calls that no snapshot lists yet.
    fn calls(&mut self) -> Result<Vec<Change>, SinkError> {
        let mut came = Vec::new();
        loop {
            let more = self.database.calls_since(self.view, self.listed, CALLS);
            let more = more.map_err(unread)?;
            let Some((place, _)) = more.last() else {
                return Ok(came);
            };
            self.listed = *place;
            came.extend(more.into_iter().map(|(_, row)| Change {
                row: Row::Call(Box::new(row)),
                diff: 1,
            }));
        }
    }

    fn repeats(&self) -> Result<Vec<Change>, SinkError> {
        let repeats = || {
            self.others
                .iter()
                .filter_map(|(output, diff)| match output {
                    Output::Repeat(row) => Some((row, *diff)),
                    _ => None,
                })
        };
        let mut fingerprints: Vec<Fingerprint> =
            repeats().map(|(row, _)| row.fingerprint).collect();
        fingerprints.sort_unstable();
        fingerprints.dedup();
        let texts = self.database.texts(&fingerprints).map_err(unread)?;
        let full = repeats().map(|(row, diff)| Change {
            row: Row::Repeat(Arc::new(RepeatRow {
                text: texts.get(&row.fingerprint).cloned().unwrap_or_default(),
                ..(**row).clone()
            })),
            diff: diff as i64,
        });
        Ok(full.collect())
    }
}

impl Changes for Rendering<'_> {
    fn of_documents(&mut self) -> Result<Option<Vec<Change>>, SinkError> {
        let mut turns = Vec::new();
        let mut chunks = 0;
        while chunks < CHUNKS {
            let Some((doc, turn)) = self.documents.next() else {
                break;
            };
            let of_both = turn.both().map(|document| document.assembled.chunks.len());
            chunks += of_both.sum::<usize>() + 1;
            turns.push((doc, turn));
        }
        if turns.is_empty() {
            return Ok(None);
        }
        self.render(&turns).map(Some)
    }

    fn of_table(&mut self, table: Table) -> Result<Vec<Change>, SinkError> {
        match table {
            Table::Failures => return Ok(std::mem::take(&mut self.failures)),
            Table::Repeats => return self.repeats(),
            Table::Calls => return self.calls(),
            _ => {}
        }
        let rows = self.others.iter().filter_map(|(output, diff)| {
            let row = match output {
                Output::Entity(row) => Row::Entity(Arc::clone(row)),
                Output::Relation(row) => Row::Relation(Arc::clone(row)),
                Output::Share(row) => Row::Share(Arc::clone(row)),
                Output::Repeat(_) | Output::Document(_) => return None,
            };
            let diff = *diff as i64;
            (row.table() == table).then_some(Change { row, diff })
        });
        Ok(rows.collect())
    }
}

/// The chunks that are asked, with their texts.
fn states<'d>(
    document: &'d Document,
    loaded: &'d Loaded,
) -> impl Iterator<Item = (Fingerprint, &'d super::document::ChunkState)> {
    let places: BTreeMap<u32, Fingerprint> = loaded
        .chunks
        .iter()
        .map(|place| (place.0.facts.position, place.0.fingerprint))
        .collect();
    let states = document.assembled.chunks.iter();
    states.filter_map(move |state| Some((*places.get(&state.position)?, state)))
}

/// What is known of the texts that its chunks stand for.
fn firsts<'d>(
    document: &'d Document,
    loaded: &'d Loaded,
) -> impl Iterator<Item = (Fingerprint, &'d Known)> {
    states(document, loaded)
        .filter(|(_, state)| state.first.is_none())
        .map(|(fingerprint, state)| (fingerprint, &state.known))
}

fn published(gists: &Gists, fingerprint: Fingerprint, known: &Known) -> Option<Published> {
    Some(match known {
        Known::Answered(gist) => Published::Answered(gists.key(fingerprint, gist)),
        Known::Failed(failure) => Published::Failed((**failure).clone()),
        Known::Pending => Published::Pending,
        Known::Unasked => Published::Unasked,
        Known::Nothing => return None,
    })
}

fn unmade(why: String) -> SinkError {
    SinkError::Unmade { why }
}

fn unread(error: impl std::error::Error) -> SinkError {
    unmade(said(error))
}
