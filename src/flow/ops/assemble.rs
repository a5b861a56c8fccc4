//! `assemble`: heads of documents and their located chunks in, whole documents out.
//!
//! Input     by document: its `Head`, and a `ChunkState` for each chunk that is asked.
//! Output    the `Assembled` document while it has a head.
//! State     the document shown last: shared with who holds it downstream.
//! Progress  as `fold`.
//! Restart   rebuilt from the manifest's documents.
//! Order     as `fold`.
//! Thinking  none. At every epoch that has closed, `ask` has told exactly one outcome of each place: so what has a head
//!           is whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Flow;
use super::fold::{State, fold};
use crate::flow::document::{Assembled, ChunkState, Head};
use crate::flow::record::Located;
use crate::model::id::DocId;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Part {
    Head(Arc<Head>),
    Chunk(ChunkState),
}

/// A document, or as much of it as has come.
#[derive(Default)]
enum Shown {
    #[default]
    Nothing,
    Whole(Arc<Assembled>),
    /// Chunks alone: those of a document whose head has gone, or is yet to come.
    Headless(Vec<ChunkState>),
}

impl State<DocId, Part, Arc<Assembled>> for Shown {
    type Shared = ();

    fn apply(
        &mut self,
        (): &mut (),
        _doc: &DocId,
        changes: Vec<(Part, isize)>,
        out: &mut Vec<(Arc<Assembled>, isize)>,
    ) {
        let (mut head, chunks) = match std::mem::take(self) {
            Self::Nothing => (None, Vec::new()),
            Self::Headless(chunks) => (None, chunks),
            Self::Whole(before) => {
                let parts = (Some(Arc::clone(&before.head)), before.chunks.clone());
                out.push((before, -1));
                parts
            }
        };
        let mut by_position: BTreeMap<u32, ChunkState> = chunks
            .into_iter()
            .map(|chunk| (chunk.position, chunk))
            .collect();
        // What goes, goes first: what comes may be in its place.
        for (part, _) in changes.iter().filter(|(_, diff)| *diff < 0) {
            match part {
                Part::Head(gone) => head = head.filter(|head| head != gone),
                Part::Chunk(gone) => {
                    by_position.remove(&gone.position);
                }
            }
        }
        for (part, _) in changes.into_iter().filter(|(_, diff)| *diff > 0) {
            match part {
                Part::Head(came) => head = Some(came),
                Part::Chunk(came) => {
                    by_position.insert(came.position, came);
                }
            }
        }
        let chunks: Vec<ChunkState> = by_position.into_values().collect();
        *self = match head {
            Some(head) => {
                let whole = Arc::new(Assembled::new(head, chunks));
                out.push((Arc::clone(&whole), 1));
                Self::Whole(whole)
            }
            None if chunks.is_empty() => Self::Nothing,
            None => Self::Headless(chunks),
        };
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Nothing)
    }
}

/// Renders the operator.
#[must_use]
pub fn assemble<'s>(
    heads: Flow<'s, Arc<Head>>,
    located: Flow<'s, Located>,
) -> Flow<'s, Arc<Assembled>> {
    let heads = heads.map(|head| (head.doc, Part::Head(head)));
    let chunks = located.map(|located| {
        let first = (!located.is_first()).then(|| Box::new(located.first));
        let chunk = ChunkState {
            position: located.spot.position,
            first,
            known: located.known,
        };
        (located.spot.doc, Part::Chunk(chunk))
    });
    fold::<_, _, _, Shown>(heads.concat(chunks), "assemble")
}
