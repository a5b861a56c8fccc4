//! `ask`: places of texts in, what is known of each text out, at every one of its places.
//!
//! Input     `Placed`s that come and go, exchanged by fingerprint.
//! Output    `Located` for each place (answer, failure, pending or unasked) at the epoch of the place; corrections at
//!           later epochs.
//! State     a slot for each live text: its places, and the outcome last told or the changes that wait for one.
//! Progress  a capability for each epoch with changes waiting; and one, `now`, kept at the input's frontier for
//!           corrections, until the input has ended and nothing is late.
//! Restart   rebuilt from the manifest's documents, with what they say was known; of the rest the async side finds what
//!           was published, and the ledger answers again.
//! Order     epochs in order, each once the frontier has passed it; an epoch's rows do not depend on the order in which
//!           outcomes come.
//! Thinking  `flow::flight`; on the async side `flow::desk`: lookup, single flight, batch, call, patience. Equal texts
//!           are asked once: exact equality of fingerprints. Near-duplicates would map a fingerprint to the one that
//!           stands for it here; today each stands for itself.
//!
//! The result depends on the fingerprint only, and is durable before it comes: so the slow, random, paid-for call
//! behaves as a memoised map, and a -1 withdraws exactly what its +1 gave. An outcome that was published by an earlier
//! run comes at or before the epoch of that snapshot, `base`; whatever corrects it comes after.

use std::collections::BTreeMap;

use differential_dataflow::{AsCollection, Hashable};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::Operator;

use super::Flow;
use super::fold::Waiting;
use crate::flow::bridge::{Port, Question};
use crate::flow::epochs::Epoch;
use crate::flow::flight::{After, Emission, Flight};
use crate::flow::gauges::add;
use crate::flow::gist::Known;
use crate::flow::record::{Located, Placed, Spot};
use crate::model::id::Fingerprint;

/// Whether a model is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// One is.
    Model,
    /// None is: there is nothing to be known of a text.
    Nobody,
}

/// Capabilities held for epochs with changes waiting, and emissions that are ready to go.
#[derive(Default)]
struct State {
    flight: Flight,
    held: BTreeMap<Epoch, (Capability<Epoch>, usize)>,
    ready: BTreeMap<Epoch, (Capability<Epoch>, Vec<Emission>)>,
    /// The last epoch whose changes were taken.
    last: Epoch,
}

impl State {
    /// Takes all changes of an epoch that the frontier has passed.
    fn epoch(
        &mut self,
        port: &Port,
        asking: Asking,
        epoch: Epoch,
        capability: &Capability<Epoch>,
        mut placed: Vec<(Placed, isize)>,
    ) {
        self.last = epoch;
        // What is known is no part of a place: sorted by place, then added up.
        placed.sort_unstable_by(|(a, _), (b, _)| {
            (a.fingerprint, a.spot).cmp(&(b.fingerprint, b.spot))
        });
        let mut placed = placed.into_iter().peekable();
        while let Some((first, diff)) = placed.next() {
            let fingerprint = first.fingerprint;
            let mut given = match asking {
                Asking::Model => first.known,
                Asking::Nobody => Some(Known::Nothing),
            };
            let mut changes: Vec<(Spot, isize)> = vec![(first.spot, diff)];
            while let Some((next, diff)) =
                placed.next_if(|(next, _)| next.fingerprint == fingerprint)
            {
                given = given.or(next.known);
                match changes.last_mut() {
                    Some((spot, sum)) if *spot == next.spot => *sum += diff,
                    _ => changes.push((next.spot, diff)),
                }
            }
            changes.retain(|(_, sum)| *sum != 0);
            if !changes.is_empty() {
                self.change(port, fingerprint, epoch, &changes, given, capability);
            }
        }
    }

    fn change(
        &mut self,
        port: &Port,
        fingerprint: Fingerprint,
        epoch: Epoch,
        changes: &[(Spot, isize)],
        given: Option<Known>,
        capability: &Capability<Epoch>,
    ) {
        let after = self.flight.change(fingerprint, epoch, changes, given);
        match after {
            After::Ask(_) | After::Hold => {
                self.held
                    .entry(epoch)
                    .or_insert_with(|| (capability.clone(), 0))
                    .1 += 1;
                if let After::Ask(wanted) = after {
                    say(
                        port,
                        Question::Ask {
                            worker: port.worker,
                            fingerprint,
                            epoch,
                            wanted,
                        },
                    );
                }
            }
            After::Emit(emissions) => self.emit(emissions, |_| capability.clone()),
            After::Forget(emissions, asked) => {
                self.emit(emissions, |_| capability.clone());
                if asked {
                    say(port, Question::Forget { fingerprint });
                }
            }
        }
    }

    fn emit(&mut self, emissions: Vec<Emission>, capability: impl Fn(Epoch) -> Capability<Epoch>) {
        for emission in emissions {
            let epoch = emission.1;
            self.ready
                .entry(epoch)
                .or_insert_with(|| (capability(epoch), Vec::new()))
                .1
                .push(emission);
        }
    }

    /// Takes all outcomes that have come. Corrections are made after `base`, at `now` or the last epoch that was told,
    /// whichever is latest.
    fn outcomes(&mut self, port: &Port, now: &Capability<Epoch>, base: Epoch) {
        while let Ok(came) = port.outcomes.try_recv() {
            let earliest = (*now.time()).max(base + 1).max(self.last);
            let (emissions, released) =
                self.flight
                    .outcome(came.fingerprint, &came.known, came.last, earliest);
            for emission in emissions {
                let epoch = emission.1;
                let held = self
                    .held
                    .get(&epoch)
                    .map(|(capability, _)| capability.clone());
                let capability = held.unwrap_or_else(|| now.delayed(&epoch));
                self.ready
                    .entry(epoch)
                    .or_insert_with(|| (capability, Vec::new()))
                    .1
                    .push(emission);
            }
            for epoch in released {
                if let Some((_, count)) = self.held.get_mut(&epoch) {
                    *count -= 1;
                    if *count == 0 {
                        self.held.remove(&epoch);
                    }
                }
            }
        }
    }
}

fn say(port: &Port, question: Question) {
    // The async side goes first only when the run is being abandoned: then no outcome is needed either.
    port.questions.send(question).ok();
}

/// Renders the operator. `base` is the epoch of the snapshot that the run starts from.
#[must_use]
pub fn ask(places: Flow<'_, Placed>, port: Port, base: Epoch, asking: Asking) -> Flow<'_, Located> {
    let scope = places.scope();
    let by_fingerprint =
        Exchange::new(|(placed, _, _): &(Placed, Epoch, isize)| placed.fingerprint.hashed());
    places
        .inner
        .unary_frontier::<CapacityContainerBuilder<Vec<_>>, _, _, _>(
            by_fingerprint,
            "ask",
            move |first, info| {
                port.wake
                    .ready(scope.worker().sync_activator_for(info.address.to_vec()));
                let mut now = Some(first);
                let mut waiting: Waiting<Placed> = BTreeMap::new();
                let mut state = State::default();
                move |(input, frontier), output| {
                    port.wake.look();
                    let index = output.output_index();
                    input.for_each(|capability, records| {
                        for (place, epoch, diff) in records.drain(..) {
                            // A message is stamped with its least epoch: take the capability for the record's own.
                            waiting
                                .entry(epoch)
                                .or_insert_with(|| (capability.delayed(&epoch, index), Vec::new()))
                                .1
                                .push((place, diff));
                        }
                    });
                    let open = frontier.frontier().first().copied();
                    while let Some(entry) = waiting.first_entry()
                        && open.is_none_or(|open| *entry.key() < open)
                    {
                        let (epoch, (capability, changes)) = entry.remove_entry();
                        state.epoch(&port, asking, epoch, &capability, changes);
                    }
                    let given = state.flight.take_given();
                    add(&port.gauges.asked, given);
                    add(&port.gauges.cached, given);
                    if let Some(now) = &mut now {
                        if let Some(open) = open {
                            now.downgrade(&open.max(*now.time()));
                        }
                        state.outcomes(&port, now, base);
                    }
                    for (_, (capability, mut emissions)) in std::mem::take(&mut state.ready) {
                        output
                            .session(&capability)
                            .give_iterator(emissions.drain(..));
                    }
                    if frontier.is_empty()
                        && waiting.is_empty()
                        && state.held.is_empty()
                        && state.flight.late() == 0
                    {
                        now = None;
                    }
                }
            },
        )
        .as_collection()
}
