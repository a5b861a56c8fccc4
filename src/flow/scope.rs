//! Which chunks a run may ask about: all that it has no answer to, or only some. Pure.
//!
//! What is outside stays as it is: known where it is known, and otherwise not asked.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::id::Fingerprint;

/// Which chunks may be asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Any.
    #[default]
    All,
    /// Those with these texts.
    Only(Arc<BTreeSet<Fingerprint>>),
    /// None, and what the last snapshot says of a text stays, whatever has been learnt since: its tables are published
    /// again as they were, but for the documents that are gone.
    AsPublished,
}

impl Scope {
    /// These and no others.
    #[must_use]
    pub fn only(fingerprints: BTreeSet<Fingerprint>) -> Self {
        Self::Only(Arc::new(fingerprints))
    }

    /// Whether this text may be asked about.
    #[must_use]
    pub fn holds(&self, fingerprint: Fingerprint) -> bool {
        match self {
            Self::All => true,
            Self::Only(some) => some.contains(&fingerprint),
            Self::AsPublished => false,
        }
    }

    /// Whether some may not.
    #[must_use]
    pub fn is_part(&self) -> bool {
        !matches!(self, Self::All)
    }
}
