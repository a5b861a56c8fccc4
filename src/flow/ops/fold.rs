//! `fold`: changes by key in, what each key shows out: the stateful step that most operators are made of.
//!
//! Input     (key, value) with multiplicities, exchanged by key.
//! Output    whatever the logic says of a key's changes, at their epoch.
//! State     one value of the logic's own type for each key, as small as it makes it.
//! Progress  a capability for each epoch with changes waiting; given up when the frontier has passed it.
//! Restart   rebuilt from the manifest's documents.
//! Order     epochs are totally ordered: once the frontier has passed one, its changes are added up and applied, key by
//!           key, after all earlier ones. So a state needs no times, and is never looked at in the past.
//! Thinking  the logic's.

use std::collections::BTreeMap;

use differential_dataflow::consolidation::consolidate;
use differential_dataflow::{AsCollection, Data, ExchangeData, Hashable};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::Operator;

use super::Flow;
use crate::flow::epochs::Epoch;

/// What is kept of a key.
pub trait State<K, V, O>: Default {
    /// What the states of all keys of a worker have together.
    type Shared: Default;

    /// Takes the changes of one epoch, which are added up and of which there is at least one, and says what changes of
    /// what is shown.
    fn apply(
        &mut self,
        shared: &mut Self::Shared,
        key: &K,
        changes: Vec<(V, isize)>,
        out: &mut Vec<(O, isize)>,
    );

    /// Whether it is what it was before there was anything: then it need not be kept.
    fn is_empty(&self) -> bool;
}

/// Changes of one epoch, and the right to speak at it.
pub(super) type Waiting<R> = BTreeMap<Epoch, (Capability<Epoch>, Vec<(R, isize)>)>;

/// Renders the operator.
#[must_use]
pub fn fold<'s, K, V, O, S>(flow: Flow<'s, (K, V)>, name: &str) -> Flow<'s, O>
where
    K: ExchangeData + Hashable,
    V: ExchangeData,
    O: Data,
    S: State<K, V, O> + 'static,
{
    let by_key = Exchange::new(|((key, _), _, _): &((K, V), Epoch, isize)| key.hashed().into());
    flow.inner
        .unary_frontier::<CapacityContainerBuilder<Vec<_>>, _, _, _>(
            by_key,
            name,
            move |first, _info| {
                drop(first);
                let mut waiting: Waiting<(K, V)> = BTreeMap::new();
                let mut states: BTreeMap<K, S> = BTreeMap::new();
                let mut shared = S::Shared::default();
                move |(input, frontier), output| {
                    let index = output.output_index();
                    input.for_each(|capability, records| {
                        for (record, epoch, diff) in records.drain(..) {
                            // A message is stamped with its least epoch: take the capability for the record's own.
                            waiting
                                .entry(epoch)
                                .or_insert_with(|| (capability.delayed(&epoch, index), Vec::new()))
                                .1
                                .push((record, diff));
                        }
                    });
                    let open = frontier.frontier().first().copied();
                    while let Some(entry) = waiting.first_entry()
                        && open.is_none_or(|open| *entry.key() < open)
                    {
                        let (epoch, (capability, mut changes)) = entry.remove_entry();
                        consolidate(&mut changes);
                        let mut session = output.session(&capability);
                        let mut out = Vec::new();
                        let mut changes = changes.into_iter().peekable();
                        while let Some(((key, value), diff)) = changes.next() {
                            let mut of_key = vec![(value, diff)];
                            while let Some(((_, value), diff)) =
                                changes.next_if(|((next, _), _)| *next == key)
                            {
                                of_key.push((value, diff));
                            }
                            let mut state = states.remove(&key).unwrap_or_default();
                            state.apply(&mut shared, &key, of_key, &mut out);
                            if !state.is_empty() {
                                states.insert(key, state);
                            }
                            session.give_iterator(
                                out.drain(..).map(|(shown, diff)| (shown, epoch, diff)),
                            );
                        }
                    }
                }
            },
        )
        .as_collection()
}
