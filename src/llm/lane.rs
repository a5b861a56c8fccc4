//! A job's way through the gate. Whoever waits in a lane waits in order of coming; among lanes the gate is fair.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::gate::{Blocked, Closed, Gate, Grant, Refused, State, never};
use super::monthly::Monthly;
use super::stats::Stats;
use crate::limit::limiter::Limiter;
use crate::limit::purse::Gone;
use crate::limit::share::LaneId;
use crate::limit::{Caps, Charge, Limits, Ticket, Wait};
use crate::model::fault::Fault;
use crate::model::unit::Usd;

/// On what terms a job goes through the gate.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What it knows of the account's limits.
    pub limits: Limits,
    /// What it may spend.
    pub caps: Caps,
    /// What of that is gone already.
    pub gone: Gone,
    /// The purse that it shares with others, and the most that may be spent out of it in a month.
    pub monthly: Option<(Arc<Monthly>, Option<Usd>)>,
    /// Its part of what the limits allow, in relation to others'; at least 1.
    pub weight: u32,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            caps: Caps::default(),
            gone: Gone::default(),
            monthly: None,
            weight: 1,
        }
    }
}

/// The lane.
#[derive(Debug)]
pub struct Lane {
    gate: Arc<Gate>,
    id: LaneId,
    /// If it may run out: what others give back is heard of.
    monthly: Option<Arc<Monthly>>,
    /// Held by whoever is next in this lane; the lock itself is the queue.
    turn: tokio::sync::Mutex<()>,
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.gate.leave(self.id);
    }
}

/// As long as it is there the lane may want to start a call.
struct Wish<'a>(&'a Lane);

impl Drop for Wish<'_> {
    fn drop(&mut self) {
        let Lane { gate, id, .. } = self.0;
        let matters = gate.state().rest(*id);
        if matters {
            gate.changed.notify_waiters();
        }
    }
}

impl Lane {
    pub(super) fn new(gate: Arc<Gate>, id: LaneId, monthly: Option<Arc<Monthly>>) -> Arc<Self> {
        Arc::new(Self {
            gate,
            id,
            monthly,
            turn: tokio::sync::Mutex::new(()),
        })
    }

    /// The only lane of a gate of its own.
    #[must_use]
    pub fn alone(limits: Limits, caps: Caps, seed: u64) -> Arc<Self> {
        Gate::new(seed).lane(Terms {
            limits,
            caps,
            ..Terms::default()
        })
    }

    /// The gate.
    #[must_use]
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    pub(super) fn place(&self) -> (&Gate, LaneId) {
        (&self.gate, self.id)
    }

    /// Waits for its turn and until the call may start.
    ///
    /// # Errors
    /// If it never may.
    pub async fn reserve(self: &Arc<Self>, charge: Charge) -> Result<Grant, Refused> {
        let _turn = self.turn.lock().await;
        let _wish = Wish(self);
        let take = |state: &mut State, now| state.take(self.id, now, charge);
        let ticket = self.until(take).await?;
        Ok(self.grant(ticket, charge))
    }

    /// Waits for its turn and until such a call might start, without starting it: so that a batch can be cut as
    /// late as possible. Then [`Self::try_reserve`] it. Drop the future before doing anything else: it keeps its
    /// place in the queue.
    ///
    /// # Errors
    /// If it never may.
    pub async fn ready(&self, charge: Charge) -> Result<(), Refused> {
        let _turn = self.turn.lock().await;
        let _wish = Wish(self);
        let check = |state: &mut State, now| state.tell(self.id, now, charge);
        self.until(check).await
    }

    /// Starts a call if it may start now, nobody came before, and it is this lane's turn.
    ///
    /// # Errors
    /// If it may not now, or never.
    pub fn try_reserve(self: &Arc<Self>, charge: Charge) -> Result<Grant, Blocked> {
        let Ok(_turn) = self.turn.try_lock() else {
            return Err(Blocked::NotYet);
        };
        let wish = Wish(self);
        let now = self.gate.now();
        let mut state = self.gate.state();
        if let Some(closed) = closed(&state, self.id) {
            return Err(Blocked::Refused(Refused::Closed(closed)));
        }
        let ticket = state.take(self.id, now, charge);
        drop(state);
        drop(wish);
        match ticket.map_err(never) {
            Ok(ticket) => Ok(self.grant(ticket, charge)),
            Err(Ok(refused)) => Err(Blocked::Refused(refused)),
            Err(Err(_)) => Err(Blocked::NotYet),
        }
    }

    /// Closes the lane for good reason: every call would fail. Where that concerns all that is called by this gate, all
    /// its lanes are closed.
    pub fn stop(&self, fault: Fault) {
        self.close(&Closed::Fault(fault));
    }

    /// Closes the lane: who waits is refused. The first reason stays.
    pub fn close(&self, why: &Closed) {
        self.gate.state().close(self.id, why);
        self.gate.changed.notify_waiters();
    }

    /// Why it is closed, if it is.
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        closed(&self.gate.state(), self.id)
    }

    /// Waits that long, or until the lane closes.
    pub async fn sleep(&self, time: Duration) {
        let until = self.gate.now() + time;
        let nap = |_: &mut State, now| {
            if now >= until {
                Ok(())
            } else {
                Err(Wait::Until(until))
            }
        };
        // Closed is as good as slept: whoever comes next to the gate hears of it.
        let _slept = self.until(nap).await;
    }

    /// Waits until the budget of retries has room, or the lane closes.
    pub(super) async fn retry(&self, cost: f64) {
        let spend = |state: &mut State, now| {
            let spent = state.limiter.retries().spend(now, cost);
            spent.map_err(Wait::Until)
        };
        let _spent = self.until(spend).await;
    }

    /// A first attempt is made: it earns a part of a retry.
    pub(super) fn earn(&self) {
        self.gate.state().limiter.retries().earn();
    }

    /// A number in 0..1.
    pub(super) fn chance(&self) -> f64 {
        self.gate.state().chance.f64()
    }

    /// Whether a call that was sent then and failed has only itself to blame: others were answered meanwhile, or
    /// there are no others. A provider that is down is no fault of the call.
    pub(super) fn is_own_fault(&self, sent: Instant) -> bool {
        let sent = self.gate.at(sent);
        let limiter = |state: &Limiter| {
            let answered = state.answered_at().is_some_and(|at| at >= sent);
            answered || (state.in_flight().0 == 0 && !state.is_open())
        };
        limiter(&self.gate.state().limiter)
    }

    /// How long nothing but faults has come since this lane is there, and whether an answer ever came.
    pub(super) fn failing(&self) -> (Duration, bool) {
        let now = self.gate.now();
        let state = self.gate.state();
        let joined = state.seat(self.id).map_or(now, |seat| seat.joined);
        let since = state.limiter.failing_since();
        let time = since.map_or(Duration::ZERO, |since| {
            now.saturating_sub(since.max(joined))
        });
        (time, state.limiter.answered_at().is_some())
    }

    /// How things stand: the calls are those of this lane, the limits and what is used of them those of the gate.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.gate.stats(self.id)
    }

    fn grant(self: &Arc<Self>, ticket: Ticket, charge: Charge) -> Grant {
        Grant {
            lane: Arc::clone(self),
            open: Some((ticket, charge)),
        }
    }

    /// Tries until it is done or never will be.
    async fn until<T>(
        &self,
        mut attempt: impl FnMut(&mut State, Duration) -> Result<T, Wait>,
    ) -> Result<T, Refused> {
        loop {
            // Made before the look: it hears of all that changes from now on.
            let changed = self.gate.changed.notified();
            let given_back = self.monthly.as_ref().map(|all| all.changed.notified());
            let tried = {
                let now = self.gate.now();
                let mut state = self.gate.state();
                if let Some(closed) = closed(&state, self.id) {
                    return Err(Refused::Closed(closed));
                }
                attempt(&mut state, now)
            };
            let until = match tried.map_err(never) {
                Ok(done) => return Ok(done),
                Err(Ok(refused)) => return Err(refused),
                Err(Err(until)) => until.map(|at| self.gate.instant(at)),
            };
            let time = async {
                match until {
                    Some(at) => sleep_until(at).await,
                    None => pending().await,
                }
            };
            let given_back = async {
                match given_back {
                    Some(given_back) => given_back.await,
                    None => pending().await,
                }
            };
            tokio::select! {
                () = changed => {}
                () = given_back => {}
                () = time => {}
            }
        }
    }
}

fn closed(state: &State, id: LaneId) -> Option<Closed> {
    state.seat(id).and_then(|seat| seat.closed.clone())
}
