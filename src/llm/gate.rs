//! The one shared gate: `limit` behind an async door, on tokio's clock.
//!
//! A gate stands before what one account may do with one model at one server; every job that calls it does so by a lane of
//! its own ([`super::lane`]). The gate holds the limiter and sees to it that lanes get fair shares of it; what a job may
//! spend, what came of its calls, and whether it is to call at all belong to its lane.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::lane::{Lane, Terms};
use super::monthly::Monthly;
use super::stats::{Seen, Stats};
use crate::limit::limiter::{End, Limiter, Settled, Starts};
use crate::limit::purse::{Gone, Purse};
use crate::limit::share::{LaneId, Shares};
use crate::limit::{Charge, Exhausted, Limits, Ticket, Wait};
use crate::model::call::{LimitHeaders, Usage};
use crate::model::fault::{Billed, Fault, FaultKind};
use crate::model::unit::Usd;

/// So many calls rejected one after the other, with no answer between: every call would be.
const REJECTED_IN_A_ROW: u32 = 20;
/// Where the clock of a gate stands when it is made: calls of the day before have a time, too.
const BEFORE: Duration = Duration::from_hours(25);

/// Why the gate is closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// Every call would fail.
    #[error("every call would fail")]
    Fault(#[source] Fault),
    /// The journal could not be written.
    #[error("calls cannot be recorded: {0}")]
    Storage(String),
    /// Somebody asked to stop.
    #[error("it was asked to stop")]
    Cancelled,
}

/// Why a call will not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The gate is closed.
    #[error("nothing more is called")]
    Closed(#[source] Closed),
    /// What may be spent is spent.
    #[error(transparent)]
    Exhausted(Exhausted),
    /// The call alone is larger than a minute allows.
    #[error("a call of {tokens} tokens is more than the {most} that a minute allows")]
    TooLarge {
        /// What it would be charged with.
        tokens: u64,
        /// The most that a minute takes.
        most: u64,
    },
}

/// Why a call may not start now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// Not now: wait with [`Lane::ready`].
    NotYet,
    /// Never.
    Refused(Refused),
}

/// How a call ended, and what is known of its use.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// What was used; as charged if unknown.
    pub usage: Option<Usage>,
    /// What it cost; its worst case if unknown and it may have been billed.
    pub cost: Option<Usd>,
    /// What the server said of its limits.
    pub limits: LimitHeaders,
    /// The latency of an answer, or the fault.
    pub outcome: Result<Duration, Fault>,
}

/// The gate.
#[derive(Debug)]
pub struct Gate {
    origin: Instant,
    state: Mutex<State>,
    /// Something started or settled, or a lane was closed, came or went.
    pub(super) changed: Notify,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) limiter: Limiter,
    shares: Shares,
    seats: BTreeMap<LaneId, Seat>,
    pub(super) chance: fastrand::Rng,
}

/// What belongs to a lane.
#[derive(Debug, Default)]
pub(super) struct Seat {
    limits: Limits,
    /// What was gone of the purse when it came.
    pub(super) before: Gone,
    pub(super) purse: Purse,
    /// The purse of all, and what may be taken out of it in a month.
    pub(super) monthly: Option<(Arc<Monthly>, Option<Usd>)>,
    pub(super) closed: Option<Closed>,
    pub(super) seen: Seen,
    /// What the gate had started before the first call of the lane, and by its last one; and when these were.
    pub(super) starts: Option<(Starts, Starts)>,
    pub(super) joined: Duration,
    rejected: u32,
}

impl Gate {
    /// A gate that nobody goes through yet. Until somebody says what the limits are the lowest hold.
    #[must_use]
    pub fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self {
            // Nothing is older than the clock of the machine; where that is younger than a day, so is what is recalled.
            origin: Instant::now(),
            state: Mutex::new(State {
                limiter: Limiter::new(Limits::default()),
                shares: Shares::default(),
                seats: BTreeMap::new(),
                chance: fastrand::Rng::with_seed(seed),
            }),
            changed: Notify::new(),
        })
    }

    /// A lane of its own for a job. The limits of the gate are the strictest of those that its lanes were given: they
    /// are said of one account, and the lower is the safe one. What closed other lanes does not close this one.
    #[must_use]
    pub fn lane(self: &Arc<Self>, terms: Terms) -> Arc<Lane> {
        let now = self.now();
        let mut state = self.state();
        let id = state.shares.enter(terms.weight);
        let monthly = terms.monthly.as_ref();
        let capped = monthly.filter(|(_, cap)| cap.is_some());
        let capped = capped.map(|(monthly, _)| Arc::clone(monthly));
        let seat = Seat {
            limits: terms.limits,
            before: terms.gone,
            purse: Purse::new(terms.caps, terms.gone),
            monthly: terms.monthly,
            closed: None,
            seen: Seen::default(),
            starts: None,
            joined: now,
            rejected: 0,
        };
        state.seats.insert(id, seat);
        state.allow();
        drop(state);
        self.changed.notify_waiters();
        Lane::new(Arc::clone(self), id, capped)
    }

    pub(super) fn leave(&self, id: LaneId) {
        let mut state = self.state();
        state.shares.leave(id);
        state.seats.remove(&id);
        state.allow();
        drop(state);
        self.changed.notify_waiters();
    }

    /// How many lanes there are.
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.state().shares.lanes()
    }

    /// Calls of a process before this one, by age and tokens: they may still be in the provider's window. If they
    /// are not known, call [`Self::hold`] instead.
    pub fn recall(&self, calls: impl IntoIterator<Item = (Duration, u64)>) {
        let now = self.now();
        let mut calls: Vec<_> = calls.into_iter().collect();
        calls.sort_unstable_by_key(|call| std::cmp::Reverse(call.0));
        let mut state = self.state();
        for (age, tokens) in calls {
            state.limiter.recall(now, age, tokens);
        }
    }

    /// Nothing starts for this long.
    pub fn hold(&self, time: Duration) {
        let until = self.now() + time;
        self.state().limiter.pause(until);
    }

    pub(super) fn now(&self) -> Duration {
        BEFORE + self.origin.elapsed()
    }

    /// When that is on the clock of the gate.
    pub(super) fn at(&self, instant: Instant) -> Duration {
        BEFORE + instant.saturating_duration_since(self.origin)
    }

    /// When that is on tokio's clock.
    pub(super) fn instant(&self, at: Duration) -> Instant {
        self.origin + at.saturating_sub(BEFORE)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stats(&self, id: LaneId) -> Stats {
        let now = self.now();
        let state = self.state();
        let nobody = Seat::default();
        let seat = state.seats.get(&id).unwrap_or(&nobody);
        Stats::new(now, &state.limiter, seat, state.shares.lanes())
    }

    fn settle(
        &self,
        id: LaneId,
        open: (Ticket, Charge),
        settled: Settled,
        outcome: Option<&Settlement>,
    ) {
        let (ticket, charge) = open;
        let now = self.now();
        let mut state = self.state();
        let rejected = state.seats.get_mut(&id).and_then(|seat| {
            seat.spend(charge, settled, outcome);
            seat.judge(outcome?)
        });
        if let Some(fault) = rejected {
            state.close(id, &Closed::Fault(fault));
        }
        let chance = state.chance.f64();
        state.limiter.settle(now, ticket, settled, chance);
        drop(state);
        self.changed.notify_waiters();
    }
}

impl State {
    pub(super) fn seat(&self, id: LaneId) -> Option<&Seat> {
        self.seats.get(&id)
    }

    fn allow(&mut self) {
        let strictest = self.seats.values().map(|seat| seat.limits);
        if let Some(limits) = strictest.reduce(Limits::stricter) {
            self.limiter.allow(limits);
        }
    }

    /// Closes a lane, and all of them if every call would fail. The first reason stays.
    pub(super) fn close(&mut self, id: LaneId, why: &Closed) {
        let everybody = matches!(why, Closed::Fault(fault) if concerns_all(fault.kind));
        for (other, seat) in &mut self.seats {
            if everybody || *other == id {
                seat.closed.get_or_insert_with(|| why.clone());
            }
        }
    }

    /// Whether a lane may start such a call now. A lane that waits for money of its own is in nobody's way.
    fn check(&mut self, id: LaneId, now: Duration, charge: Charge) -> Result<(), Wait> {
        let afford = self.seats.get(&id).map(|seat| seat.afford(charge));
        if let Some(Err(wait)) = afford {
            self.shares.want(id, false);
            return Err(wait);
        }
        self.shares.want(id, true);
        match self.shares.is_next(now, id) {
            Ok(()) => self.limiter.check(now, charge.tokens),
            Err(Some(at)) => Err(Wait::Until(at)),
            Err(None) => Err(Wait::Settled),
        }
    }

    /// Whether a lane may start such a call now; then it keeps its turn for a moment.
    pub(super) fn tell(&mut self, id: LaneId, now: Duration, charge: Charge) -> Result<(), Wait> {
        self.check(id, now, charge)?;
        self.shares.told(now, id);
        Ok(())
    }

    /// A lane does not want to start a call any more. `true` if others may care.
    pub(super) fn rest(&mut self, id: LaneId) -> bool {
        self.shares.want(id, false);
        self.shares.lanes() > 1
    }

    /// Starts a call of a lane if it may start now.
    pub(super) fn take(
        &mut self,
        id: LaneId,
        now: Duration,
        charge: Charge,
    ) -> Result<Ticket, Wait> {
        self.check(id, now, charge)?;
        let before = self.limiter.starts();
        let ticket = self.limiter.try_reserve(now, charge.tokens)?;
        let part = self.limiter.part(charge.tokens);
        self.shares.took(id, part);
        let after = self.limiter.starts();
        if let Some(seat) = self.seats.get_mut(&id) {
            seat.purse.reserve(charge);
            if let Some((monthly, _)) = &seat.monthly {
                monthly.reserve(charge);
            }
            let first = seat.starts.map_or(
                Starts {
                    first: now,
                    ..before
                },
                |(first, _)| first,
            );
            seat.starts = Some((first, after));
        }
        Ok(ticket)
    }
}

impl Seat {
    fn afford(&self, charge: Charge) -> Result<(), Wait> {
        self.purse.check(charge)?;
        match &self.monthly {
            Some((monthly, Some(cap))) => monthly.check(*cap, charge),
            _ => Ok(()),
        }
    }

    fn spend(&mut self, charge: Charge, settled: Settled, outcome: Option<&Settlement>) {
        if settled.end == End::Unsent {
            self.purse.cancel(charge);
            if let Some((monthly, _)) = &self.monthly {
                monthly.settle(charge, Some(Usd(0)));
            }
            return;
        }
        let cost = outcome.and_then(|settlement| match &settlement.outcome {
            Err(fault) if fault.billed() == Billed::No => settlement.cost.or(Some(Usd(0))),
            _ => settlement.cost,
        });
        // What is not known to be less is taken to be all; a refused call used none.
        let is_refused = matches!(settled.end, End::Fault { .. }) && cost == Some(Usd(0));
        let tokens = settled.tokens.or(is_refused.then_some(0));
        self.purse.settle(charge, cost, tokens);
        if let Some((monthly, _)) = &self.monthly {
            monthly.settle(charge, cost);
        }
    }

    /// Sees what came of a call; the fault if the lane is to be closed for it.
    fn judge(&mut self, settlement: &Settlement) -> Option<Fault> {
        self.seen.saw(settlement);
        match &settlement.outcome {
            Ok(_) => self.rejected = 0,
            Err(fault) if fault.kind == FaultKind::Rejected => {
                self.rejected += 1;
                if self.rejected > REJECTED_IN_A_ROW {
                    return Some(fault.clone());
                }
            }
            Err(_) => {}
        }
        None
    }
}

/// Whether such a fault, if it ends the calls of a lane, ends those of all: it is of the account, the model or the server,
/// not of what is asked.
fn concerns_all(kind: FaultKind) -> bool {
    !matches!(
        kind,
        FaultKind::BadSchema
            | FaultKind::Rejected
            | FaultKind::TooLarge
            | FaultKind::BadBody
            | FaultKind::TooLongBody
    )
}

/// Whether a wait is for ever (then why), or until when it is.
pub(super) fn never(wait: Wait) -> Result<Refused, Option<Duration>> {
    match wait {
        Wait::Until(at) => Err(Some(at)),
        Wait::Settled => Err(None),
        Wait::TooLarge { tokens, most } => Ok(Refused::TooLarge { tokens, most }),
        Wait::Exhausted(cap) => Ok(Refused::Exhausted(cap)),
    }
}

/// A call that may start now. Dropped without a settlement it stays charged with its worst case.
#[derive(Debug)]
pub struct Grant {
    pub(super) lane: Arc<Lane>,
    pub(super) open: Option<(Ticket, Charge)>,
}

impl Grant {
    /// The call is over.
    pub fn settle(mut self, settlement: &Settlement) {
        let output = settlement.usage.map_or(0, |usage| usage.output);
        let end = match &settlement.outcome {
            Ok(latency) => End::Answered {
                latency: *latency,
                output,
            },
            Err(fault) => End::Fault {
                kind: fault.kind,
                retry_after: fault.retry_after,
                limited_by: fault.limited_by,
            },
        };
        let unreached = |fault: &Fault| fault.kind == FaultKind::Unreached;
        let tokens = match &settlement.outcome {
            // Nothing arrived that could count against a limit.
            Err(fault) if unreached(fault) => Some(0),
            _ => settlement
                .usage
                .map(|usage| usage.input.saturating_add(usage.output)),
        };
        let settled = Settled {
            tokens,
            limits: settlement.limits,
            end,
        };
        self.finish(settled, Some(settlement));
    }

    /// The call was not sent after all.
    pub fn unsent(mut self) {
        self.finish(bare(End::Unsent), None);
    }

    fn finish(&mut self, settled: Settled, outcome: Option<&Settlement>) {
        if let Some(open) = self.open.take() {
            let (gate, id) = self.lane.place();
            gate.settle(id, open, settled, outcome);
        }
    }
}

impl Drop for Grant {
    fn drop(&mut self) {
        self.finish(bare(End::Unknown), None);
    }
}

fn bare(end: End) -> Settled {
    Settled {
        tokens: None,
        limits: LimitHeaders::default(),
        end,
    }
}
