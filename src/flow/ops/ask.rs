//! `ask`: fingerprints in, what is known of each out.
//!
//! Input     one live `Wanted` for each fingerprint, exchanged by it.
//! Output    `Told` (answer, failure, pending or unasked) at the epoch that wanted it; corrections at later epochs.
//! State     a slot for each live fingerprint: the updates that wait, or the outcome last emitted.
//! Progress  a capability for each epoch with updates waiting; and one, `now`, kept at the input's frontier for
//!           corrections, until the input has ended and nothing is late.
//! Restart   nothing kept: the async side finds what was published, and the ledger answers again.
//! Order     any; an epoch's rows do not depend on the order in which outcomes come.
//! Thinking  `flow::flight`; on the async side `flow::desk`: lookup, single flight, batch, call, patience.
//!
//! The result depends on the fingerprint only, and is durable before it comes: so the slow, random, paid-for call
//! behaves as a memoised map, and a -1 withdraws exactly what its +1 gave. An outcome that was published by an earlier
//! run comes at the epoch of that snapshot, `base`; whatever corrects it comes after.

use std::collections::BTreeMap;

use differential_dataflow::{AsCollection, Hashable};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::Operator;

use super::Flow;
use crate::flow::bridge::{Port, Question};
use crate::flow::epochs::Epoch;
use crate::flow::flight::{After, Emission, Flight, Update};
use crate::flow::record::{Told, Wanted};
use crate::model::id::Fingerprint;

type Record = ((Fingerprint, Wanted), Epoch, isize);

/// Capabilities held for epochs with updates waiting, and emissions that are ready to go.
#[derive(Default)]
struct State {
    flight: Flight,
    held: BTreeMap<Epoch, (Capability<Epoch>, usize)>,
    ready: BTreeMap<Epoch, (Capability<Epoch>, Vec<Emission>)>,
}

impl State {
    /// Takes one update; `capability` makes the capability for its epoch.
    fn update(
        &mut self,
        port: &Port,
        fingerprint: Fingerprint,
        update: Update,
        capability: impl Fn() -> Capability<Epoch>,
    ) {
        let (wanted, epoch, _) = update;
        let after = self.flight.update(fingerprint, update);
        match after {
            After::Ask | After::Hold => {
                self.held
                    .entry(epoch)
                    .or_insert_with(|| (capability(), 0))
                    .1 += 1;
                if after == After::Ask {
                    self.say(
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
            After::Emit(emissions) => self.emit(emissions, |_| capability()),
            After::Forget(emissions, asked) => {
                self.emit(emissions, |_| capability());
                if asked {
                    self.say(port, Question::Forget { fingerprint });
                }
            }
        }
    }

    #[expect(
        clippy::unused_self,
        reason = "reads as the state speaking, beside its other moves"
    )]
    fn say(&self, port: &Port, question: Question) {
        // The async side goes first only when the run is being abandoned: then no outcome is needed either.
        port.questions.send(question).ok();
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

    /// Takes all outcomes that have come. Corrections are made at `now` or after `base`, whichever is later.
    fn outcomes(&mut self, port: &Port, now: &Capability<Epoch>, base: Epoch) {
        while let Ok(came) = port.outcomes.try_recv() {
            let earliest = (*now.time()).max(base + 1);
            let (emissions, released) =
                self.flight
                    .outcome(came.fingerprint, &came.outcome, came.last, earliest);
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

/// Renders the operator. `base` is the epoch of the snapshot that the run starts from.
#[must_use]
pub fn ask(
    unique: Flow<'_, (Fingerprint, Wanted)>,
    port: Port,
    base: Epoch,
) -> Flow<'_, (Fingerprint, Told)> {
    let scope = unique.scope();
    let by_fingerprint = Exchange::new(|((fingerprint, _), _, _): &Record| fingerprint.hashed());
    unique
        .inner
        .unary_frontier::<CapacityContainerBuilder<Vec<_>>, _, _, _>(
            by_fingerprint,
            "ask",
            move |first, info| {
                port.wake
                    .ready(scope.worker().sync_activator_for(info.address.to_vec()));
                let mut now = Some(first);
                let mut state = State::default();
                move |(input, frontier), output| {
                    port.wake.look();
                    let index = output.output_index();
                    input.for_each(|capability, records| {
                        for ((fingerprint, wanted), epoch, diff) in records.drain(..) {
                            // A message is stamped with its least epoch: take the capability for the record's own.
                            let make = || capability.delayed(&epoch, index);
                            state.update(&port, fingerprint, (wanted, epoch, diff), make);
                        }
                    });
                    if let Some(now) = &mut now {
                        if let Some(open) = frontier.frontier().first() {
                            now.downgrade(&(*open).max(*now.time()));
                        }
                        state.outcomes(&port, now, base);
                    }
                    for (_, (capability, mut emissions)) in std::mem::take(&mut state.ready) {
                        output
                            .session(&capability)
                            .give_iterator(emissions.drain(..));
                    }
                    if frontier.is_empty() && state.held.is_empty() && state.flight.late() == 0 {
                        now = None;
                    }
                }
            },
        )
        .as_collection()
}
