//! The one shared gate: `limit` behind an async door, on tokio's clock. Whoever waits, waits in order of coming.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::stats::{Seen, Stats};
use crate::limit::limiter::{End, Limiter, Settled};
use crate::limit::{Caps, Charge, Exhausted, Limits, Ticket, Wait};
use crate::model::call::{LimitHeaders, Usage};
use crate::model::fault::{Billed, Fault, FaultKind};
use crate::model::unit::Usd;

/// So many calls rejected one after the other, with no answer between: every call would be.
const REJECTED_IN_A_ROW: u32 = 20;

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
    /// Not now: wait with [`Gate::ready`].
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
    /// Something settled, or the gate was closed or opened.
    changed: Notify,
    /// Held by whoever is next; the lock itself is the queue.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State {
    limiter: Limiter,
    closed: Option<Closed>,
    chance: fastrand::Rng,
    seen: Seen,
    rejected: u32,
}

impl Gate {
    /// An open gate; `spent` counts towards the cost cap.
    #[must_use]
    pub fn new(limits: Limits, caps: Caps, spent: Usd, seed: u64) -> Arc<Self> {
        Arc::new(Self {
            origin: Instant::now(),
            state: Mutex::new(State {
                limiter: Limiter::new(limits, caps, spent),
                closed: None,
                chance: fastrand::Rng::with_seed(seed),
                seen: Seen::default(),
                rejected: 0,
            }),
            changed: Notify::new(),
            turn: tokio::sync::Mutex::new(()),
        })
    }

    /// Calls of a run before this one, by age and tokens: they may still be in the provider's window. If they
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

    /// Waits for its turn and until the call may start.
    ///
    /// # Errors
    /// If it never may.
    pub async fn reserve(self: &Arc<Self>, charge: Charge) -> Result<Grant, Refused> {
        let _turn = self.turn.lock().await;
        let take = |limiter: &mut Limiter, now| limiter.try_reserve(now, charge);
        let ticket = self.until(take).await?;
        Ok(self.grant(ticket))
    }

    /// Waits for its turn and until such a call might start, without starting it: so that a batch can be cut as
    /// late as possible. Then [`Self::try_reserve`] it. Drop the future before doing anything else: it keeps its
    /// place in the queue.
    ///
    /// # Errors
    /// If it never may.
    pub async fn ready(&self, charge: Charge) -> Result<(), Refused> {
        let _turn = self.turn.lock().await;
        self.until(|limiter, now| limiter.check(now, charge)).await
    }

    /// Starts a call if it may start now and nobody came before.
    ///
    /// # Errors
    /// If it may not now, or never.
    pub fn try_reserve(self: &Arc<Self>, charge: Charge) -> Result<Grant, Blocked> {
        let Ok(_turn) = self.turn.try_lock() else {
            return Err(Blocked::NotYet);
        };
        let now = self.now();
        let mut state = self.state();
        if let Some(closed) = &state.closed {
            return Err(Blocked::Refused(Refused::Closed(closed.clone())));
        }
        let ticket = state.limiter.try_reserve(now, charge);
        drop(state);
        match ticket.map_err(never) {
            Ok(ticket) => Ok(self.grant(ticket)),
            Err(Ok(refused)) => Err(Blocked::Refused(refused)),
            Err(Err(_)) => Err(Blocked::NotYet),
        }
    }

    /// Closes the gate for good reason: every call would fail.
    pub fn stop(&self, fault: Fault) {
        self.close(Closed::Fault(fault));
    }

    /// Closes the gate: who waits is refused. The first reason stays.
    pub fn close(&self, why: Closed) {
        self.state().closed.get_or_insert(why);
        self.changed.notify_waiters();
    }

    /// Opens it again, for the next run of the same process.
    pub fn reopen(&self) {
        let mut state = self.state();
        state.closed = None;
        state.rejected = 0;
    }

    /// Why it is closed, if it is.
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        self.state().closed.clone()
    }

    /// Waits that long, or until the gate closes.
    pub async fn sleep(&self, time: Duration) {
        let until = self.now() + time;
        let nap = |_: &mut Limiter, now| {
            if now >= until {
                Ok(())
            } else {
                Err(Wait::Until(until))
            }
        };
        // Closed is as good as slept: whoever comes next to the gate hears of it.
        let _slept = self.until(nap).await;
    }

    /// Waits until the budget of retries has room, or the gate closes.
    pub(super) async fn retry(&self, cost: f64) {
        let spend = |limiter: &mut Limiter, now| {
            let spent = limiter.retries().spend(now, cost);
            spent.map_err(Wait::Until)
        };
        let _spent = self.until(spend).await;
    }

    /// A first attempt is made: it earns a part of a retry.
    pub(super) fn earn(&self) {
        self.state().limiter.retries().earn();
    }

    /// A number in 0..1.
    pub(super) fn chance(&self) -> f64 {
        self.state().chance.f64()
    }

    /// Whether a call that was sent then and failed has only itself to blame: others were answered meanwhile, or
    /// there are no others. A provider that is down is no fault of the call.
    pub(super) fn is_own_fault(&self, sent: Instant) -> bool {
        let sent = sent.saturating_duration_since(self.origin);
        let state = self.state();
        let answered = state.limiter.answered_at().is_some_and(|at| at >= sent);
        answered || (state.limiter.in_flight().0 == 0 && !state.limiter.is_open())
    }

    /// How long nothing but faults has come, and whether an answer ever came.
    pub(super) fn failing(&self) -> (Duration, bool) {
        let now = self.now();
        let state = self.state();
        let since = state.limiter.failing_since();
        let time = since.map_or(Duration::ZERO, |since| now.saturating_sub(since));
        (time, state.limiter.answered_at().is_some())
    }

    /// How things stand.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let now = self.now();
        let state = self.state();
        Stats::new(now, &state.limiter, &state.seen)
    }

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn grant(self: &Arc<Self>, ticket: Ticket) -> Grant {
        Grant {
            gate: Arc::clone(self),
            ticket: Some(ticket),
        }
    }

    /// Tries until it is done or never will be.
    async fn until<T>(
        &self,
        mut attempt: impl FnMut(&mut Limiter, Duration) -> Result<T, Wait>,
    ) -> Result<T, Refused> {
        loop {
            // Made before the look: it hears of all that changes from now on.
            let changed = self.changed.notified();
            let tried = {
                let now = self.now();
                let mut state = self.state();
                if let Some(closed) = &state.closed {
                    return Err(Refused::Closed(closed.clone()));
                }
                attempt(&mut state.limiter, now)
            };
            let until = match tried.map_err(never) {
                Ok(done) => return Ok(done),
                Err(Ok(refused)) => return Err(refused),
                Err(Err(until)) => until.map(|at| self.origin + at),
            };
            let time = async {
                match until {
                    Some(at) => sleep_until(at).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                () = changed => {}
                () = time => {}
            }
        }
    }

    fn settle(&self, ticket: Ticket, settled: Settled, outcome: Option<&Settlement>) {
        let now = self.now();
        let mut state = self.state();
        if let Some(settlement) = outcome {
            state.seen.saw(settlement);
            match &settlement.outcome {
                Ok(_) => state.rejected = 0,
                Err(fault) if fault.kind == FaultKind::Rejected => {
                    state.rejected += 1;
                    if state.rejected > REJECTED_IN_A_ROW {
                        state.closed.get_or_insert(Closed::Fault(fault.clone()));
                    }
                }
                Err(_) => {}
            }
        }
        let chance = state.chance.f64();
        state.limiter.settle(now, ticket, settled, chance);
        drop(state);
        self.changed.notify_waiters();
    }
}

/// Whether a wait is for ever (then why), or until when it is.
fn never(wait: Wait) -> Result<Refused, Option<Duration>> {
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
    gate: Arc<Gate>,
    ticket: Option<Ticket>,
}

impl Grant {
    /// The call is over.
    pub fn settle(mut self, settlement: &Settlement) {
        let cost = match &settlement.outcome {
            Err(fault) if fault.billed() == Billed::No => settlement.cost.or(Some(Usd::default())),
            _ => settlement.cost,
        };
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
            cost,
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
        if let Some(ticket) = self.ticket.take() {
            self.gate.settle(ticket, settled, outcome);
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
        cost: None,
        limits: LimitHeaders::default(),
        end,
    }
}
