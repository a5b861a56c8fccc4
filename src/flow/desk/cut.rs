//! Cutting batches: when one is cut, of what, and what is left to others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::{Desk, LINGER, Report, call};
use crate::failpoint;
use crate::flow::record::Wanted;
use crate::flow::stop::{Ending, said};
use crate::flow::underway::Claim;
use crate::limit::Charge;
use crate::llm::gate::{Blocked, Closed, Refused};
use crate::model::id::{AnswerKey, Fingerprint};
use crate::model::unit::Usd;
use crate::stage::batch::pack;

/// So many texts are read with those of a batch: reading many costs little more than reading one.
const AHEAD: usize = 64;

/// So many windows of calls may have been cut and not been told of. One is what the limits let be under way; what was
/// answered faster than it can be parsed and told of would pile up beside it, with its texts.
const CALLING: usize = 2;

/// The chunks of a batch, and what keeps others from asking about them.
type Cut = (Vec<(Fingerprint, Wanted)>, BTreeMap<Fingerprint, Claim>);

impl Desk {
    /// How many chunks would be cut now, and about what they would be charged with. None if nothing waits, or more may
    /// come in a moment.
    pub(super) fn candidate(&self) -> Option<(usize, Charge)> {
        if self.stop.ending().is_some() || self.short.is_some() {
            return None;
        }
        let size = self.client.size();
        if self.queue.counts().2 >= CALLING * self.inquiry.in_flight * size.chunks.max(1) {
            return None;
        }
        let waiting = || self.queue.next().map(|(_, tokens)| tokens);
        let quiet =
            self.last_came.elapsed() >= LINGER && self.lookups.is_empty() && self.unseen.is_empty();
        if !quiet && !pack::is_full(waiting(), size) {
            return None;
        }
        // Urgency decides: a batch is filled by the next in line, not by what fits best.
        let mut sum = 0_u32;
        let fits = waiting()
            .take(size.chunks.min(self.most))
            .take_while(|tokens| {
                sum = sum.saturating_add(*tokens);
                sum <= size.tokens
            });
        let count = fits.count().max(usize::from(waiting().next().is_some()));
        (count > 0).then(|| {
            let Charge {
                tokens,
                cost_bound: cost,
            } = self.last_charge;
            let tokens = tokens.saturating_mul(count as u64).max(1);
            (
                count,
                Charge {
                    tokens,
                    cost_bound: cost.map(|cost| Usd(cost.0.saturating_mul(count as u64))),
                },
            )
        })
    }

    /// The gate opened: a batch is cut, in the hope that its exact charge still fits. If not, it waits at the gate.
    pub(super) fn opened(&mut self, opened: Result<(), Refused>, cut: Option<(usize, Charge)>) {
        let Some((count, _)) = cut else { return };
        if let Err(refused) = opened {
            return self.refused(refused, count);
        }
        failpoint::pass("desk");
        let (batch, claims) = match self.claim(count) {
            Ok((batch, _)) if batch.is_empty() => return,
            Ok(cut) => cut,
            Err(why) => return self.stop.end(Ending::Storage(why)),
        };
        let count = batch.len();
        let prepared = self
            .read_texts(&batch)
            .and_then(|()| call::prepare(&self.inquiry, &self.client, &batch, &self.texts));
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(why) => return self.stop.end(Ending::Storage(why)),
        };
        let Charge { tokens, cost_bound } = prepared.charge();
        self.last_charge = Charge {
            tokens: tokens.div_ceil(count.max(1) as u64),
            // An unknown price matters to a cap only, and that is seen when the batch is reserved.
            cost_bound: Some(Usd(
                cost_bound.map_or(0, |cost| cost.0.div_ceil(count.max(1) as u64))
            )),
        };
        let grant = match self.engine.lane.try_reserve(prepared.charge()) {
            Ok(grant) => Some(grant),
            Err(Blocked::NotYet) => None,
            Err(Blocked::Refused(refused)) => {
                for (fingerprint, _) in batch {
                    self.queue.wait(self.start.elapsed(), fingerprint);
                }
                return self.refused(refused, count);
            }
        };
        let task = call::Task {
            engine: Arc::clone(&self.engine),
            inquiry: Arc::clone(&self.inquiry),
            client: Arc::clone(&self.client),
            reports: self.reports.0.clone(),
            stop: self.stop.clone(),
            claims: Mutex::new(claims),
        };
        self.calls.spawn(call::run(task, grant, prepared));
    }

    /// Sees to it that the texts of a batch are at hand, and those of the next in line: a few rows, so that the desk may
    /// wait for them.
    fn read_texts(&mut self, batch: &[(Fingerprint, Wanted)]) -> Result<(), String> {
        let wanted = batch.iter().map(|(fingerprint, _)| *fingerprint);
        if wanted
            .clone()
            .all(|wanted| self.texts.contains_key(&wanted))
        {
            return Ok(());
        }
        let next = self.queue.next().map(|(fingerprint, _)| fingerprint);
        let wanted: Vec<Fingerprint> = wanted.chain(next.take(AHEAD)).collect();
        self.texts = self
            .engine
            .database
            .texts(&wanted)
            .map_err(|error| format!("could not read the ledger: {}", said(error)))?;
        Ok(())
    }

    pub(super) fn refused(&mut self, refused: Refused, count: usize) {
        match refused {
            Refused::Exhausted(cap) => self.stop.end(Ending::Budget(cap.to_string())),
            Refused::Closed(Closed::Fault(fault)) => self.stop.end(Ending::Refused(fault)),
            Refused::Closed(Closed::Storage(why)) => self.stop.end(Ending::Storage(why)),
            // The desk itself closed it: why is known.
            Refused::Closed(Closed::Cancelled) => {}
            Refused::TooLarge { .. } if count > 1 => {
                self.most = count / 2;
                self.last_charge.tokens = 0;
            }
            Refused::TooLarge { .. } => {
                // One chunk alone is over a minute's tokens: it fails, the others go on.
                self.last_charge.tokens = 0;
                for (fingerprint, _) in self.queue.cut(1) {
                    let message = refused.to_string();
                    let outcome =
                        call::too_large(&self.engine, &self.inquiry, fingerprint, message);
                    self.report(Report {
                        fingerprint,
                        outcome,
                    });
                }
            }
        }
    }

    /// Cuts so many chunks and claims them. What another run is asking about is waited for, what one has been answered
    /// since it was looked up is looked up again; others take their places.
    fn claim(&mut self, count: usize) -> Result<Cut, String> {
        let mut batch = Vec::new();
        let mut claims = BTreeMap::new();
        let mut tokens = u32::MAX;
        while batch.len() < count {
            let cut = self.queue.cut_within(count - batch.len(), tokens);
            if cut.is_empty() {
                break;
            }
            if tokens == u32::MAX {
                tokens = total(&cut);
            }
            let mut claimed = Vec::new();
            for (fingerprint, wanted) in cut {
                let key = self.inquiry.context.key(fingerprint);
                match self.party.claim(key, fingerprint) {
                    Some(claim) => claimed.push((fingerprint, wanted, key, claim)),
                    None => self.queue.elsewhere(fingerprint),
                }
            }
            let keys: Vec<AnswerKey> = claimed.iter().map(|claimed| claimed.2).collect();
            let known = if self.party.has_company() {
                let known = self.engine.database.answers(&keys);
                known.map_err(|error| format!("could not read the ledger: {error}"))?
            } else {
                BTreeMap::new()
            };
            for (fingerprint, wanted, key, claim) in claimed {
                if known.contains_key(&key) {
                    self.look_again(fingerprint);
                } else {
                    tokens = tokens.saturating_sub(wanted.tokens);
                    batch.push((fingerprint, wanted));
                    claims.insert(fingerprint, claim);
                }
            }
        }
        Ok((batch, claims))
    }

    /// What another run has asked about, or was going to, is looked up again.
    pub(super) fn look_again(&mut self, fingerprint: Fingerprint) {
        if let Some(epoch) = self.queue.look_again(fingerprint) {
            self.unseen.push((fingerprint, epoch));
        }
    }
}

fn total(cut: &[(Fingerprint, Wanted)]) -> u32 {
    let tokens = cut.iter().map(|(_, wanted)| wanted.tokens);
    tokens.fold(0, u32::saturating_add)
}
