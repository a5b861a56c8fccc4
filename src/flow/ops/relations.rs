//! What is said of a relation, by document and in sum: the state of `graph`'s fold over relations. Pure.

use std::sync::Arc;

use super::fold::State;
use super::numbers::Documents;
use super::seen::Seen;
use crate::flow::document::Backing;
use crate::flow::record::RelationKey;
use crate::model::extraction::Name;
use crate::model::record::RelationRow;
use crate::stage::graph::merge::{End, entity_id, relation_of};

/// All that is said of a relation.
#[derive(Debug, Default)]
pub(super) struct Summed {
    seen: Seen,
    evidence: u64,
    grounded: u64,
}

impl Summed {
    fn row(&self, key: &RelationKey) -> Option<RelationRow> {
        relation_of(
            &nameless(&key.source),
            &key.predicate,
            &nameless(&key.target),
            self.seen.extent(),
            (self.evidence, self.grounded),
        )
    }
}

impl State<RelationKey, Backing, (RelationKey, Arc<RelationRow>)> for Summed {
    type Shared = Documents;

    fn apply(
        &mut self,
        documents: &mut Documents,
        key: &RelationKey,
        mut changes: Vec<(Backing, isize)>,
        out: &mut Vec<((RelationKey, Arc<RelationRow>), isize)>,
    ) {
        // What it shows is not kept: it follows from the rest.
        let before = self.row(key);
        // What goes, goes first: what comes may be in its place.
        changes.sort_by_key(|(_, diff)| *diff);
        for (backing, diff) in changes {
            let add = |sum: &mut u64, more: u64| {
                *sum = sum.saturating_add_signed(more.cast_signed().saturating_mul(diff as i64));
            };
            add(&mut self.evidence, backing.evidence);
            add(&mut self.grounded, backing.grounded);
            self.seen.change(documents, backing.doc, backing.at, diff);
        }
        let after = self.row(key);
        if before != after {
            for (row, diff) in [(before, -1), (after, 1)] {
                out.extend(row.map(|row| ((key.clone(), Arc::new(row)), diff)));
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }
}

/// An end of a relation before its name is joined in: a name changes without its relations.
fn nameless(label: &Name) -> End {
    End {
        id: entity_id(label),
        name: "".into(),
    }
}
