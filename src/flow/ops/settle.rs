//! `settle`: fingerprints in, each told as settled at once: what stands for `ask` where no model is asked.
//!
//! Input     one live `Wanted` for each fingerprint.
//! Output    `Told` with nothing asked, at the same epoch.
//! State     none.
//! Progress  none held.
//! Restart   nothing kept.
//! Order     any.
//! Thinking  none; it only makes the worker one that the driver can wake, as `ask` does.

use differential_dataflow::AsCollection;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::Operator;

use super::Flow;
use crate::flow::bridge::Port;
use crate::flow::record::{Told, Wanted};
use crate::model::id::Fingerprint;
use crate::model::outcome::Outcome;

/// Renders the operator.
#[must_use]
pub fn settle(
    unique: Flow<'_, (Fingerprint, Wanted)>,
    port: Port,
) -> Flow<'_, (Fingerprint, Told)> {
    let scope = unique.scope();
    unique
        .inner
        .unary::<CapacityContainerBuilder<Vec<_>>, _, _, _>(Pipeline, "settle", move |_, info| {
            port.wake
                .ready(scope.worker().sync_activator_for(info.address.to_vec()));
            move |input, output| {
                port.wake.look();
                input.for_each(|cap, data| {
                    let told = |((fingerprint, wanted), epoch, diff): ((_, Wanted), _, _)| {
                        let first = wanted.first;
                        let outcome = Outcome::Nothing;
                        ((fingerprint, Told { first, outcome }), epoch, diff)
                    };
                    output.session(&cap).give_iterator(data.drain(..).map(told));
                });
            }
        })
        .as_collection()
}
