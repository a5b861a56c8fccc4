//! `label`: whole documents and what their names are part of in, documents as they are published out.
//!
//! Input     by document: the `Assembled` one, and (name, label) for its full names that are part of an entity with
//!           another least name.
//! Output    the `Document` while it is assembled.
//! State     a pointer to it, and its labels.
//! Progress  as `fold`.
//! Restart   rebuilt from the manifest's documents.
//! Order     as `fold`.
//! Thinking  none.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Flow;
use super::fold::{State, fold};
use crate::flow::document::{Assembled, Document};
use crate::model::extraction::Name;
use crate::model::id::DocId;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Part {
    Assembled(Arc<Assembled>),
    Label(Name, Name),
}

#[derive(Default)]
struct Labelled {
    shown: Option<Arc<Document>>,
    labels: BTreeMap<Name, Name>,
}

impl State<DocId, Part, Arc<Document>> for Labelled {
    type Shared = ();

    fn apply(
        &mut self,
        (): &mut (),
        _doc: &DocId,
        changes: Vec<(Part, isize)>,
        out: &mut Vec<(Arc<Document>, isize)>,
    ) {
        let mut assembled = None;
        if let Some(before) = self.shown.take() {
            assembled = Some(Arc::clone(&before.assembled));
            out.push((before, -1));
        }
        // What goes, goes first: what comes may be in its place.
        for (part, _) in changes.iter().filter(|(_, diff)| *diff < 0) {
            match part {
                Part::Assembled(gone) => assembled = assembled.filter(|now| now != gone),
                Part::Label(name, _) => {
                    self.labels.remove(name);
                }
            }
        }
        for (part, _) in changes.into_iter().filter(|(_, diff)| *diff > 0) {
            match part {
                Part::Assembled(came) => assembled = Some(came),
                Part::Label(name, label) => {
                    self.labels.insert(name, label);
                }
            }
        }
        if let Some(assembled) = assembled {
            let labels = self.labels.iter();
            let labels = labels.map(|(name, label)| (name.clone(), label.clone()));
            let document = Arc::new(Document::new(assembled, labels.collect()));
            out.push((Arc::clone(&document), 1));
            self.shown = Some(document);
        }
    }

    fn is_empty(&self) -> bool {
        self.shown.is_none() && self.labels.is_empty()
    }
}

/// Renders the operator.
#[must_use]
pub fn label<'s>(
    assembled: Flow<'s, Arc<Assembled>>,
    labels: Option<Flow<'s, (DocId, (Name, Name))>>,
) -> Flow<'s, Arc<Document>> {
    let parts = assembled.map(|assembled| (assembled.head.doc, Part::Assembled(assembled)));
    let parts = match labels {
        Some(labels) => {
            parts.concat(labels.map(|(doc, (name, label))| (doc, Part::Label(name, label))))
        }
        None => parts,
    };
    fold::<_, _, _, Labelled>(parts, "label")
}
