//! What the manifest keeps of a publication, handed to the state while it is made: what waits to be written is one piece,
//! however much is published.

use crate::model::id::ViewId;
use crate::store::{Database, Draft, Pending, StoreError, ViewDelta};

/// What an epoch will make of a view, as far as it has been told.
pub(super) struct Keeping<'c> {
    database: &'c Database,
    view: ViewId,
    draft: Draft,
    /// The piece that is being written.
    last: Option<Pending<()>>,
}

impl<'c> Keeping<'c> {
    /// Of which nothing has been told.
    pub(super) fn new(database: &'c Database, view: ViewId, epoch: u64) -> Self {
        Self {
            database,
            view,
            draft: Draft::new(view, epoch),
            last: None,
        }
    }

    pub(super) fn view(&self) -> ViewId {
        self.view
    }

    /// Takes some of it; waits until what was taken before is durable.
    pub(super) fn add(&mut self, delta: ViewDelta) -> Result<(), StoreError> {
        if let Some(last) = self.last.take() {
            last.wait()?;
        }
        self.last = Some(self.database.add(&mut self.draft, delta));
        Ok(())
    }

    /// Takes the rest, and waits until all of it is durable.
    pub(super) fn finish(mut self, delta: ViewDelta) -> Result<(), StoreError> {
        if let Some(last) = self.last.take() {
            last.wait()?;
        }
        self.database.finish(self.draft, delta).wait()
    }
}
