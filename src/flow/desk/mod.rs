//! The async side of `ask`: lookup, single flight, batch, call, patience.
//!
//! ```text
//! Question -> look up -> known: tell the worker
//!                     -> not:   wait in the queue -> cut when the gate opens -> call -> ledger -> tell the worker
//! ```
//!
//! One task owns all of it, so nothing is locked; looking up and calling happen in tasks of their own. A batch is cut
//! late: when the gate lets a call go, from the most urgent chunks that wait then, across epochs and workers. It is cut
//! smaller than it might be only when no chunk has come for `LINGER`. Whoever has waited for the patience of the desk
//! is told "pending" for now, so that no slow call holds an epoch; the answer follows as a correction.

pub mod call;
mod cut;
pub(super) mod lookup;
pub mod published;
mod queue;
mod room;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::bridge::{Far, Outcoming, Question};
use super::engine::Engine;
use super::epochs::Epoch;
use super::gauges::{Gauges, add, set};
use super::scope::Scope;
use super::stop::{Ending, Stop};
use super::underway::Party;
use crate::limit::Charge;
use crate::llm::client::Client;
use crate::llm::gate::{Closed, Refused};
use crate::model::call::Question as Asking;
use crate::model::id::{AnswerKey, Fingerprint, KeyContext, ViewId};
use crate::model::outcome::Outcome;
use crate::model::unit::Usd;
use lookup::LOOKUP;
use published::Published;
use queue::Queue;

/// No chunk has come for so long: what waits is called though it makes a small batch. Lookups of an epoch's chunks come
/// within a few milliseconds of each other.
const LINGER: Duration = Duration::from_millis(50);
/// The least patience; the desk waits three times as long as 99 of 100 calls take, if that is more.
const PATIENCE: Duration = Duration::from_mins(1);
/// What a run asks, and what it starts from.
#[derive(Debug)]
pub struct Inquiry {
    /// What is asked of each chunk.
    pub question: Arc<Asking>,
    /// What, besides its text, decides a chunk's answer.
    pub context: KeyContext,
    /// The view that pays.
    pub view: ViewId,
    /// The epoch that the run starts from.
    pub base: Epoch,
    /// What was known at it.
    pub published: BTreeMap<Fingerprint, Published>,
    /// Answers to an earlier prompt or model that are kept where there is none to this one.
    pub reuse: BTreeMap<Fingerprint, AnswerKey>,
    /// Whether what was given up is asked again.
    pub retry_failures: bool,
    /// What may be asked about.
    pub scope: Scope,
    /// The most calls that the limits let be under way.
    pub in_flight: usize,
    /// Whether no call goes out without room for its answer: it is paid for.
    pub keeps_room: bool,
    /// The least patience, if not that of the desk.
    pub patience: Option<Duration>,
    /// After an interrupt, how long calls in flight are waited for.
    pub grace: Duration,
}

/// What a call task reports: one fingerprint is known now.
#[derive(Debug)]
struct Report {
    fingerprint: Fingerprint,
    outcome: Outcome,
}

/// The desk of one run.
pub struct Desk {
    engine: Arc<Engine>,
    inquiry: Arc<Inquiry>,
    client: Arc<Client>,
    gauges: Arc<Gauges>,
    stop: Stop,
    far: Far,
    start: Instant,
    queue: Queue,
    patience: Duration,
    last_measure: Instant,
    /// A batch of more chunks was too large for a minute's tokens.
    most: usize,
    /// What the batch that was cut last is charged with, for each of its chunks.
    last_charge: Charge,
    unseen: Vec<(Fingerprint, Epoch)>,
    /// Of what is called next.
    texts: BTreeMap<Fingerprint, Arc<str>>,
    lookups: JoinSet<lookup::Looked>,
    calls: JoinSet<()>,
    reports: (UnboundedSender<Report>, UnboundedReceiver<Report>),
    last_came: Instant,
    party: Party,
    /// What another run was asking about, and does no more.
    freed: UnboundedReceiver<Fingerprint>,
    /// Why nothing is called for now: the state has no room for more.
    short: Option<String>,
    /// When somebody looked whether it has, and how many calls were under way then.
    looked: Option<(Instant, usize)>,
}

impl Desk {
    /// A desk with nothing on it.
    #[must_use]
    pub fn new(
        engine: Arc<Engine>,
        inquiry: Arc<Inquiry>,
        client: Arc<Client>,
        gauges: Arc<Gauges>,
        stop: Stop,
        far: Far,
    ) -> Self {
        let start = Instant::now();
        let patience = inquiry.patience.unwrap_or(PATIENCE);
        let (party, freed) = engine.underway.join();
        Self {
            engine,
            inquiry,
            client,
            gauges,
            stop,
            far,
            start,
            queue: Queue::default(),
            patience,
            last_measure: start,
            most: usize::MAX,
            last_charge: Charge {
                tokens: 0,
                cost_bound: Some(Usd(0)),
            },
            unseen: Vec::new(),
            texts: BTreeMap::new(),
            lookups: JoinSet::new(),
            calls: JoinSet::new(),
            reports: unbounded_channel(),
            last_came: start,
            party,
            freed,
            short: None,
            looked: None,
        }
    }

    /// Answers until all workers are gone.
    pub async fn run(mut self) {
        let (mut questions, mut reports) = (Vec::new(), Vec::new());
        let mut ending = self.stop.watch();
        loop {
            self.look_up();
            if self.stop.ending().is_some() {
                self.give_up_waiting();
            }
            self.look_for_room();
            // Before waiting, not after: others wait for these counts.
            self.count();
            let cut = self.candidate();
            let charge = cut.as_ref().map(|(_, charge)| *charge);
            let lane = Arc::clone(&self.engine.lane);
            let ready = async move {
                match charge {
                    Some(charge) => lane.ready(charge).await,
                    None => std::future::pending().await,
                }
            };
            let wake = self.next_alarm();
            tokio::select! {
                came = self.far.questions.recv_many(&mut questions, LOOKUP) => {
                    if came == 0 {
                        break;
                    }
                    self.take(&mut questions);
                }
                Some(found) = self.lookups.join_next() => self.found(found),
                _ = self.reports.1.recv_many(&mut reports, LOOKUP) => self.report_all(&mut reports),
                Some(fingerprint) = self.freed.recv() => self.look_again(fingerprint),
                Some(ended) = self.calls.join_next() => self.called(ended),
                opened = ready => self.opened(opened, cut),
                () = wake => self.overdue(),
                _ = ending.changed() => self.ended().await,
            }
        }
        self.count();
        self.calls.shutdown().await;
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn take(&mut self, questions: &mut Vec<Question>) {
        let now = self.now();
        for question in questions.drain(..) {
            match question {
                Question::Ask {
                    worker,
                    fingerprint,
                    epoch,
                    wanted,
                } => {
                    if self.queue.ask(now, fingerprint, worker, epoch, wanted) {
                        add(&self.gauges.asked, 1);
                        self.unseen.push((fingerprint, epoch));
                    }
                }
                Question::Forget { fingerprint } => self.queue.forget(fingerprint),
            }
        }
        self.last_came = Instant::now();
    }

    /// What came together is told together: each turn of the desk has its cost.
    fn report_all(&mut self, reports: &mut Vec<Report>) {
        for report in reports.drain(..) {
            self.report(report);
        }
        while let Some(ended) = self.calls.try_join_next() {
            self.called(ended);
        }
    }

    fn report(&mut self, report: Report) {
        match &report.outcome {
            Outcome::Answered(_) => add(&self.gauges.answered, 1),
            Outcome::Failed(failure) => {
                add(&self.gauges.failed, 1);
                add(
                    &self.gauges.unreachable,
                    u64::from(failure.reason.transient()),
                );
            }
            Outcome::Pending | Outcome::Unasked | Outcome::Nothing => {}
        }
        self.tell(report.fingerprint, report.outcome, true);
    }

    /// Tells whoever wants to know.
    fn tell(&mut self, fingerprint: Fingerprint, outcome: Outcome, last: bool) {
        let worker = if last {
            self.queue
                .finish(fingerprint)
                .and_then(|entry| entry.worker)
        } else {
            self.queue.tell(fingerprint)
        };
        if let Some(back) = worker.and_then(|worker| self.far.workers.get(worker)) {
            back.tell(Outcoming {
                fingerprint,
                outcome,
                last,
            });
        }
    }

    fn called(&mut self, ended: Result<(), tokio::task::JoinError>) {
        if let Err(panicked) = ended
            && panicked.is_panic()
        {
            self.stop
                .end(Ending::Internal(format!("a call ended: {panicked}")));
        }
        // Measured now and then, not at every turn: it sorts what it has seen.
        if self.inquiry.patience.is_none() && self.last_measure.elapsed() > PATIENCE / 12 {
            self.last_measure = Instant::now();
            self.patience = PATIENCE.max(self.engine.lane.stats().p99 * 3);
        }
        // A gate that closed for good ends the run, though nobody may be waiting at it any more.
        if let Some(closed) = self.engine.lane.closed() {
            self.refused(Refused::Closed(closed), 0);
        }
    }

    /// Sleeps until somebody has waited too long, or until what waits is no longer expected to grow.
    fn next_alarm(&self) -> impl Future<Output = ()> + 'static {
        let patience = self.patience;
        let overdue = self
            .queue
            .oldest()
            .map(|since| self.start + since + patience);
        let (_, waiting, _) = self.queue.counts();
        let linger = self.last_came + LINGER;
        let quiet = (waiting > 0 && linger > Instant::now()).then_some(linger);
        let room = self.short.as_ref().map(|_| Instant::now() + room::AGAIN);
        let at = overdue.into_iter().chain(quiet).chain(room).min();
        async move {
            match at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        }
    }

    fn overdue(&mut self) {
        let Some(deadline) = self.now().checked_sub(self.patience) else {
            return;
        };
        for fingerprint in self.queue.overdue(deadline) {
            self.tell(fingerprint, Outcome::Pending, false);
        }
    }

    /// Nothing more is asked: who waits is told so.
    fn give_up_waiting(&mut self) {
        for fingerprint in self.queue.waiting() {
            self.tell(fingerprint, Outcome::Unasked, true);
        }
    }

    /// The run ends early. What is in flight is waited for if its answers can still be kept.
    async fn ended(&mut self) {
        let Some(ending) = self.stop.ending() else {
            return;
        };
        let grace = match ending {
            Ending::Budget(_) | Ending::Room(_) => return,
            Ending::Interrupted | Ending::Mismatch => self.inquiry.grace,
            Ending::Refused(_) => Duration::from_secs(1),
            Ending::Storage(_) | Ending::Internal(_) => Duration::ZERO,
        };
        self.engine.lane.close(&Closed::Cancelled);
        self.give_up_waiting();
        let end = sleep(grace);
        tokio::pin!(end);
        while self.queue.counts().2 > 0 {
            tokio::select! {
                Some(report) = self.reports.1.recv() => self.report(report),
                () = &mut end => break,
            }
            self.count();
        }
        self.calls.abort_all();
        for fingerprint in self.queue.calling() {
            self.tell(fingerprint, Outcome::Pending, true);
        }
    }

    fn count(&self) {
        let (underway, waiting, calling) = self.queue.counts();
        let before = self.gauges.counts();
        set(&self.gauges.underway, underway as u64);
        set(&self.gauges.waiting, waiting as u64);
        set(&self.gauges.calling, calling as u64);
        set(&self.gauges.late, self.queue.late() as u64);
        if before.underway != underway as u64 {
            self.gauges.changed.notify_waiters();
        }
    }
}
