//! One batch to its end: gate, journal, send, journal, settle, then tell; again what must be asked again.
//!
//! Whatever is told was journaled before. Every call has its own id and its own tags.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::gate::{Closed, Grant, Refused};
use super::journal::{Journal, JournalError, ValidAnswer};
use super::lane::Lane;
use super::learn::Learnt;
use super::part::{Item, Lost, Part, Rest, halve, lose, reason};
use super::prepare::Prepared;
use super::{Provider, Reader};
use crate::limit::backoff::Backoff;
use crate::model::call::Asked;
use crate::model::fault::{Fault, FaultKind, Retry};
use crate::model::id::CallId;
use crate::model::outcome::FailReason;
use crate::model::price::Price;
use crate::model::unit::Micros;
use crate::stage::batch::{Size, adapt, adapt::Adapt};

/// How long it keeps trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Attempts of a call that fail while others are answered: then the fault is this call's own.
    pub attempts: u32,
    /// The wait between them.
    pub backoff: Backoff,
    /// Nothing but faults for so long, and the gate closes. Longer than most outages: work waits at no cost.
    pub outage: Duration,
    /// The same where no connection was ever made: an address or a server that is not there.
    pub unreached: Duration,
    /// How long answers may be.
    pub learn: super::learn::Options,
    /// How large batches may be.
    pub batch: adapt::Options,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            attempts: 5,
            backoff: Backoff::default(),
            outage: Duration::from_mins(10),
            unreached: Duration::from_secs(30),
            learn: super::learn::Options::default(),
            batch: adapt::Options::default(),
        }
    }
}

/// Attempts of a call in all, whoever is to blame.
const MOST: u32 = 20;
/// An unreadable 200 is tried twice more: servers that send one tend to do it again, and it may be billed.
const UNREADABLE: u32 = 3;

/// What a client is made of.
#[derive(Clone)]
#[expect(missing_docs, reason = "the types say it")]
pub struct Parts {
    pub provider: Arc<dyn Provider>,
    pub lane: Arc<Lane>,
    pub journal: Arc<dyn Journal>,
    pub reader: Arc<dyn Reader>,
    pub price: Option<Price>,
    /// The wall clock, for the ids of calls only.
    pub wall: Arc<dyn Fn() -> Micros + Send + Sync>,
    pub seed: u64,
    pub options: Options,
}

/// What is known of a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is answered.
    Answered {
        /// By this.
        answer: ValidAnswer,
        /// In that call.
        call: CallId,
        /// Since when that is kept; none if an answer from before stands instead.
        at: Option<Micros>,
    },
    /// It was asked in vain.
    Failed {
        /// Why.
        reason: FailReason,
        /// For people.
        message: String,
        /// Calls made for it.
        attempts: u32,
        /// The last call whose body is kept.
        call: Option<CallId>,
    },
    /// It was not asked, or not to the end: budget, stop, refusal of the key.
    Unasked(String),
}

/// Where verdicts go. It holds what is in flight at most, which its owner bounds.
pub type Verdicts = UnboundedSender<(Asked, Verdict)>;

/// The client: shared by all batches of a model.
pub struct Client {
    pub(super) parts: Parts,
    pub(super) name: Arc<str>,
    pub(super) chance: Mutex<fastrand::Rng>,
    pub(super) learnt: Mutex<Learnt>,
    pub(super) adapt: Mutex<Adapt>,
}

impl Client {
    /// A client that has learnt nothing yet.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            name: parts.provider.name().into(),
            chance: Mutex::new(fastrand::Rng::with_seed(parts.seed)),
            learnt: Mutex::new(Learnt::new(parts.options.learn)),
            adapt: Mutex::new(Adapt::new(parts.options.batch)),
            parts,
        })
    }

    /// The name of the provider.
    #[must_use]
    pub fn provider(&self) -> &Arc<str> {
        &self.name
    }

    /// How large the next batch should be.
    #[must_use]
    pub fn size(&self) -> Size {
        lock(&self.adapt).size()
    }

    /// Asks a batch to its end. Each chunk gets one verdict, as soon as it is known and durable.
    ///
    /// # Errors
    /// If the journal failed: then the gate is closed, and chunks without an answer got `Unasked`.
    pub async fn ask(
        self: Arc<Self>,
        prepared: Prepared,
        grant: Option<Grant>,
        out: Verdicts,
    ) -> Result<(), JournalError> {
        let mut tasks = JoinSet::new();
        let mut failed = None;
        self.parts.lane.earn();
        tasks.spawn(Box::pin(Arc::clone(&self).part(
            prepared,
            grant,
            out.clone(),
        )));
        while let Some(joined) = tasks.join_next().await {
            match joined {
                Ok(Ok(parts)) => {
                    for part in parts {
                        let prepared = self.prepare_part(part);
                        let next = Arc::clone(&self).part(prepared, None, out.clone());
                        tasks.spawn(Box::pin(next));
                    }
                }
                Ok(Err(error)) => failed = Some(error),
                Err(join) => {
                    if let Ok(panic) = join.try_into_panic() {
                        std::panic::resume_unwind(panic);
                    }
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// One part until it is answered in some way, or will not be; what is to be asked again comes back.
    async fn part(
        self: Arc<Self>,
        mut prepared: Prepared,
        mut grant: Option<Grant>,
        out: Verdicts,
    ) -> Result<Vec<Part>, JournalError> {
        let mut tries = Tries::default();
        loop {
            tries.made += 1;
            let queued = Instant::now();
            let granted = match grant.take() {
                Some(grant) => Ok(grant),
                None => self.parts.lane.reserve(prepared.charge).await,
            };
            let granted = match granted {
                Ok(granted) => granted,
                Err(refused) => return Ok(refuse(prepared.part, &refused, &out)),
            };
            for item in &mut prepared.part.items {
                item.calls += 1;
            }
            let sent = Instant::now();
            let waited = sent - queued;
            let fault = match self.send(&prepared, granted, &tries, waited, &out).await {
                Ok(Ok(rest)) => return Ok(tell_rest(rest, &out)),
                Ok(Err(fault)) => fault,
                Err(error) => {
                    self.parts.lane.close(&Closed::Storage(storage(&error)));
                    unasked(
                        prepared.part.items,
                        "the journal could not be written",
                        &out,
                    );
                    return Err(error);
                }
            };
            if let Some(rest) = self.give_up(&prepared.part, &fault, &mut tries, sent, &out) {
                return Ok(rest);
            }
            self.wait(&fault, &tries).await;
            prepared = self.prepare_part(prepared.part);
        }
    }

    /// After a fault: what is left to do if the same is not tried again.
    fn give_up(
        &self,
        part: &Part,
        fault: &Fault,
        tries: &mut Tries,
        sent: Instant,
        out: &Verdicts,
    ) -> Option<Vec<Part>> {
        let lane = &self.parts.lane;
        let options = &self.parts.options;
        let part = || part.clone();
        match fault.retry() {
            Retry::Stop => {
                unasked(part().items, &fault.message, out);
                return Some(Vec::new());
            }
            Retry::Smaller => {
                let rest = halve(part(), FailReason::TooLong, &fault.message);
                return Some(tell_rest(rest, out));
            }
            Retry::Never => {
                // One odd chunk must not take the others with it; where all are rejected the gate closes.
                let rest = halve(part(), reason(fault), &fault.message);
                return Some(tell_rest(rest, out));
            }
            Retry::Later => {}
        }
        match fault.kind {
            // The gate waits for all of them; and that nobody is there is no call's own fault.
            FaultKind::RateLimit | FaultKind::SlowDown | FaultKind::Unreached => {}
            FaultKind::BadBody => tries.unreadable += 1,
            _ => tries.failed += u32::from(lane.is_own_fault(sent)),
        }
        let (failing, ever_answered) = lane.failing();
        let patience = if fault.kind == FaultKind::Unreached && !ever_answered {
            options.unreached
        } else {
            options.outage
        };
        let is_outage = failing >= patience;
        if is_outage {
            lane.stop(fault.clone());
        }
        let is_over = tries.failed >= options.attempts
            || tries.unreadable >= UNREADABLE
            || tries.made >= MOST;
        (is_outage || is_over).then(|| {
            let lost = lose(part().items, reason(fault), &fault.message);
            let again = Vec::new();
            tell_rest(Rest { again, lost }, out)
        })
    }

    /// Until the same may be tried again.
    async fn wait(&self, fault: &Fault, tries: &Tries) {
        let lane = &self.parts.lane;
        let backoff = &self.parts.options.backoff;
        let delay = backoff.delay(tries.made, fault.retry_after, lane.chance());
        lane.sleep(delay).await;
        match fault.kind {
            FaultKind::RateLimit | FaultKind::SlowDown => {}
            FaultKind::Timeout => lane.retry(2.0).await,
            _ => lane.retry(1.0).await,
        }
    }
}

/// How often the same part was sent, and how often in vain.
#[derive(Debug, Default)]
pub(super) struct Tries {
    pub(super) made: u32,
    /// In vain through its own fault: an outage uses up no attempts.
    failed: u32,
    unreadable: u32,
}

/// What is left to do when the gate refuses.
fn refuse(part: Part, refused: &Refused, out: &Verdicts) -> Vec<Part> {
    if let Refused::TooLarge { .. } = refused {
        return tell_rest(halve(part, FailReason::TooLong, &refused.to_string()), out);
    }
    let message = match refused {
        Refused::Closed(Closed::Fault(fault)) => fault.message.clone(),
        Refused::Closed(why) => why.to_string(),
        other => other.to_string(),
    };
    unasked(part.items, &message, out);
    Vec::new()
}

fn unasked(items: Vec<Item>, why: &str, out: &Verdicts) {
    for item in items {
        tell(out, item.asked, Verdict::Unasked(why.to_owned()));
    }
}

/// Tells what is lost; hands back what is asked again.
fn tell_rest(rest: Rest, out: &Verdicts) -> Vec<Part> {
    for Lost {
        item,
        reason,
        message,
    } in rest.lost
    {
        let verdict = Verdict::Failed {
            reason,
            message,
            attempts: item.calls,
            call: item.call,
        };
        tell(out, item.asked, verdict);
    }
    rest.again
}

pub(super) fn tell(out: &Verdicts, asked: Asked, verdict: Verdict) {
    // Nobody listens any more: it is in the journal all the same.
    let _gone = out.send((asked, verdict));
}

fn storage(error: &JournalError) -> String {
    let mut text = String::new();
    let mut cause: Option<&dyn std::error::Error> = Some(&*error.0);
    while let Some(error) = cause {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
