//! `intake`: file changes in, document versions out.
//!
//! Input     `Feed`s from the driver: versions that come (+1) and go (-1) at an epoch, and the next epoch.
//! Output    `Version`s at their epoch.
//! State     none.
//! Progress  one capability, that of the input session; the driver advances it with every feed and closes it at the end.
//! Restart   the driver feeds the manifest's versions at the epoch that was published last.
//! Order     any within an epoch.
//! Thinking  `source::watch` (what changed), `job::intake` (which changes form the next epoch).

use differential_dataflow::input::InputSession;
use timely::dataflow::Scope;

use super::Flow;
use crate::flow::epochs::Epoch;
use crate::flow::record::Version;

/// What the driver says to one worker.
#[derive(Clone, Debug)]
pub enum Feed {
    /// These versions come and go at the current epoch, which then ends: the next one is `next`.
    Epoch {
        /// Versions with +1 or -1.
        changes: Vec<(Version, isize)>,
        /// The next epoch, later than the current one.
        next: Epoch,
    },
    /// Nothing more will come.
    Close,
}

/// The input session of a worker, at `start`.
#[must_use]
pub fn intake(
    scope: Scope<'_, Epoch>,
    start: Epoch,
) -> (InputSession<Epoch, Version, isize>, Flow<'_, Version>) {
    let mut session = InputSession::new();
    let versions = session.to_collection(scope);
    session.advance_to(start);
    session.flush();
    (session, versions)
}
