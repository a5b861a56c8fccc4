//! `unique`: places of chunks in, each fingerprint once while any document still has it.
//!
//! Input     `Occurrence`s that are to be asked, arranged by fingerprint (arrangement `occurrences`, shared with
//!           `locate`).
//! Output    one `Wanted` for each fingerprint that stands somewhere: its least place and how urgent it is.
//! State     the arrangement `occurrences` and the reduction's own output.
//! Progress  none held; an epoch's output comes when the frontier has passed it.
//! Restart   rebuilt from the manifest's versions.
//! Order     any; the least place does not depend on it.
//! Thinking  none: exact equality of fingerprints. Near-duplicates would map a fingerprint to the one that stands for
//!           it between here and `ask`; today each stands for itself.

use differential_dataflow::operators::arrange::{Arranged, TraceAgent};
use differential_dataflow::trace::implementations::{ValBuilder, ValSpine};

use super::Flow;
use crate::flow::epochs::Epoch;
use crate::flow::record::{Occurrence, Wanted};
use crate::model::id::Fingerprint;

/// Occurrences by fingerprint.
pub type Occurrences<'s> =
    Arranged<'s, TraceAgent<ValSpine<Fingerprint, Occurrence, Epoch, isize>>>;

/// Arranges the places that are to be asked.
#[must_use]
pub fn arrange(asked: Flow<'_, Occurrence>) -> Occurrences<'_> {
    asked
        .map(|place| (place.0.fingerprint, place))
        .arrange_by_key_named("occurrences")
}

/// Renders the operator.
#[must_use]
pub fn unique(occurrences: Occurrences<'_>) -> Flow<'_, (Fingerprint, Wanted)> {
    occurrences
        .reduce_abelian::<_, ValBuilder<_, _, _, _>, ValSpine<Fingerprint, Wanted, Epoch, isize>, _, _>(
            "unique",
            |_fingerprint, places, output| {
                // Places come sorted: the first is the least.
                if let Some((place, _)) = places.first() {
                    let facts = &place.0.facts;
                    output.push((Wanted { first: place.at(), value: facts.value, tokens: facts.tokens }, 1));
                }
            },
            |updates, fingerprint, changes| {
                updates.clear();
                updates.extend(changes.drain(..).map(|(wanted, epoch, diff)| ((*fingerprint, wanted), epoch, diff)));
            },
        )
        .as_collection(|fingerprint, wanted| (*fingerprint, *wanted))
}
