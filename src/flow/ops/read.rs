//! `read`: versions in, documents with the places of their chunks out.
//!
//! Input     `Version`s, on whichever worker they were fed to.
//! Output    their `Brief`s at the same epoch; a -1 gives back exactly what its +1 gave, but for what was known.
//! State     none: a version is a name for rows that the reader pool stored in the manifest before it was fed.
//! Progress  none held.
//! Restart   at or before `base` the outlines that were stored with the last snapshot: no source file is opened, and
//!           no answer.
//! Order     any.
//! Thinking  `stage::transcript`, `stage::chunk`, run by the reader pool outside the dataflow.

use std::sync::Arc;

use differential_dataflow::AsCollection;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::Operator;

use super::Flow;
use crate::failpoint;
use crate::flow::epochs::Epoch;
use crate::flow::record::{Brief, Version};

/// Where stored versions are loaded from.
pub trait Versions: Send + Sync {
    /// What flows of a version. `None` if it cannot be loaded: then the implementor has stopped the run, so that
    /// nothing is published that lacks it.
    fn load(&self, version: Version) -> Option<Brief>;

    /// The same of one that is in the last snapshot, with what was known then.
    fn recall(&self, version: Version) -> Option<Brief>;
}

/// Renders the operator.
pub fn read(
    versions: Flow<'_, Version>,
    stored: Arc<dyn Versions>,
    base: Epoch,
) -> Flow<'_, Brief> {
    versions
        .inner
        .unary::<CapacityContainerBuilder<Vec<_>>, _, _, _>(Pipeline, "read", move |_, _| {
            move |input, output| {
                input.for_each(|cap, data| {
                    let mut session = output.session(&cap);
                    for (version, epoch, diff) in data.drain(..) {
                        failpoint::pass("worker");
                        let brief = if epoch <= base {
                            stored.recall(version)
                        } else {
                            stored.load(version)
                        };
                        session.give_iterator(brief.into_iter().map(|brief| (brief, epoch, diff)));
                    }
                });
            }
        })
        .as_collection()
}
