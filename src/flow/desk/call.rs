//! One batch: texts in, the client's work, and each chunk's outcome as the ledger has it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::{Inquiry, Report, lookup};
use crate::failpoint;
use crate::flow::engine::{Engine, Wall};
use crate::flow::gauges::{Gauges, add};
use crate::flow::record::Wanted;
use crate::flow::stop::{Ending, Stop, said};
use crate::flow::underway::Claim;
use crate::llm::client::{Client, Verdict};
use crate::llm::gate::{Closed, Grant};
use crate::llm::journal::{Done, Intent, Journal, JournalError, Kept, ValidAnswer};
use crate::llm::prepare::Prepared;
use crate::llm::{BoxFuture, ReadAnswer, Reader};
use crate::model::call::{Asked, Batch, Finish, Question, Reply};
use crate::model::id::{CallId, Fingerprint, JobId, RunId, ViewId};
use crate::model::outcome::{ChunkFailure, FailReason, Outcome};
use crate::model::record::CallRow;
use crate::model::unit::{Micros, Usd};
use crate::stage::extract::answer::{self, Found, Validator};
use crate::stage::extract::crossed::crossed;
use crate::store::{self, Database, StoredAnswer};

/// What a call task needs.
pub(super) struct Task {
    pub(super) engine: Arc<Engine>,
    pub(super) inquiry: Arc<Inquiry>,
    pub(super) client: Arc<Client>,
    pub(super) reports: UnboundedSender<Report>,
    pub(super) stop: Stop,
    /// What keeps other runs from asking about its chunks.
    pub(super) claims: Mutex<BTreeMap<Fingerprint, Claim>>,
}

/// Makes a batch of these chunks, whose texts are at hand.
///
/// # Errors
/// If a text is not.
pub(super) fn prepare(
    inquiry: &Inquiry,
    client: &Client,
    batch: &[(Fingerprint, Wanted)],
    texts: &BTreeMap<Fingerprint, Arc<str>>,
) -> Result<Prepared, String> {
    let asked = batch.iter().map(|(fingerprint, wanted)| {
        let text = texts
            .get(fingerprint)
            .ok_or_else(|| format!("the text of chunk {fingerprint} is not in the ledger"))?;
        Ok(Asked {
            tag: String::new(),
            fingerprint: *fingerprint,
            key: inquiry.context.key(*fingerprint),
            text: Arc::clone(text),
            tokens: wanted.tokens,
        })
    });
    Ok(client.prepare(&inquiry.question, asked.collect::<Result<_, String>>()?))
}

/// Asks a batch to its end and reports each chunk as soon as it is known and durable.
pub(super) async fn run(task: Task, grant: Option<Grant>, prepared: Prepared) {
    let (out, mut verdicts) = unbounded_channel();
    let asking = Arc::clone(&task.client).ask(prepared, grant, out);
    let telling = async {
        while let Some((asked, verdict)) = verdicts.recv().await {
            failpoint::pass("call");
            match task.outcome(&asked, verdict).await {
                Ok(outcome) => {
                    // It is durable: whoever waited for it finds it.
                    task.claims
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .remove(&asked.fingerprint);
                    // The desk goes first only when the run is being abandoned.
                    task.reports
                        .send(Report {
                            fingerprint: asked.fingerprint,
                            outcome,
                        })
                        .ok();
                }
                Err(error) => task.stop.end(Ending::Storage(format!(
                    "could not use the ledger: {}",
                    said(error)
                ))),
            }
        }
    };
    let (asked, ()) = tokio::join!(asking, telling);
    if let Err(JournalError(cause)) = asked {
        task.stop.end(Ending::Storage(format!(
            "could not record a call: {}",
            said(&*cause)
        )));
    }
}

impl Task {
    /// What the ledger says of a chunk now that its verdict has been recorded.
    async fn outcome(&self, asked: &Asked, verdict: Verdict) -> Result<Outcome, store::StoreError> {
        let database = &self.engine.database;
        let closed = self.engine.lane.closed();
        match (&verdict, closed) {
            // Nobody else may come to the gate to hear of it.
            (Verdict::Unasked(_) | Verdict::Failed { .. }, Some(Closed::Fault(fault))) => {
                self.stop.end(Ending::Refused(fault));
            }
            (Verdict::Unasked(why), None) => self.stop.end(Ending::Budget(why.clone())),
            _ => {}
        }
        match verdict {
            Verdict::Answered { answer, call, at } => {
                // What was stored a moment ago, or before: what is told is what a restart will find.
                let stored = match at {
                    Some(at) => {
                        let (who, what) = (self.client.provider(), &self.inquiry.question);
                        Some(stored(answer, who, what, call, self.inquiry.view, at))
                    }
                    None => database.answers(&[asked.key])?.remove(&asked.key),
                };
                let answer = stored
                    .and_then(|stored| lookup::answer(&stored, &asked.text, self.inquiry.view));
                Ok(answer.map_or(Outcome::Pending, Outcome::Answered))
            }
            Verdict::Failed {
                reason,
                message,
                attempts,
                call,
            } => {
                let now = (self.engine.wall)();
                let failure = ChunkFailure {
                    key: asked.key,
                    reason,
                    message,
                    attempts,
                    first_at: now,
                    last_at: now,
                    call,
                };
                database
                    .fail(vec![(asked.fingerprint, failure.clone())])
                    .await?;
                // What earlier runs tried counts too.
                let merged = database
                    .failures(&[asked.key])?
                    .remove(&asked.key)
                    .unwrap_or(failure);
                Ok(Outcome::Failed(Arc::new(merged)))
            }
            Verdict::Unasked(_) => Ok(Outcome::Unasked),
        }
    }
}

/// The outcome of a chunk that no call can hold.
pub(super) fn too_large(
    engine: &Engine,
    inquiry: &Inquiry,
    fingerprint: Fingerprint,
    message: String,
) -> Outcome {
    let now = (engine.wall)();
    Outcome::Failed(Arc::new(ChunkFailure {
        key: inquiry.context.key(fingerprint),
        reason: FailReason::TooLong,
        message,
        attempts: 0,
        first_at: now,
        last_at: now,
        call: None,
    }))
}

/// Reads replies by the schema of the question.
pub struct SchemaReader {
    /// What keeps the schema.
    pub validator: Validator,
    /// Whether whoever answers may mix chunks up, as models do.
    pub mixes: bool,
}

impl Reader for SchemaReader {
    fn read(&self, batch: &Batch, reply: &Reply) -> Vec<ReadAnswer> {
        let tags: Vec<String> = batch.chunks.iter().map(|chunk| chunk.tag.clone()).collect();
        let found = answer::read(&reply.content, &tags, &self.validator);
        let valid = found.iter().map(|found| match found {
            Found::Valid(answer) => Some(answer.as_str()),
            Found::Invalid(_) | Found::Missing => None,
        });
        let texts: Vec<&str> = batch.chunks.iter().map(|chunk| &*chunk.text).collect();
        let mixed = if self.mixes {
            crossed(&texts, &valid.collect::<Vec<_>>())
        } else {
            BTreeSet::new()
        };
        let found = found.into_iter().enumerate();
        found
            .map(|(place, found)| match found {
                Found::Valid(_) if mixed.contains(&place) => ReadAnswer::Crossed,
                Found::Valid(answer) => ReadAnswer::Valid(answer),
                Found::Invalid(why) => ReadAnswer::Invalid(why),
                Found::Missing => ReadAnswer::Missing,
            })
            .collect()
    }
}

/// Writes calls to the ledger, stamped with the wall clock.
pub struct LedgerJournal {
    /// The ledger.
    pub database: Arc<Database>,
    /// The view that pays.
    pub view: ViewId,
    /// The run.
    pub run: RunId,
    /// The job that it is part of, if it is one.
    pub job: Option<JobId>,
    /// The wall clock.
    pub wall: Wall,
    /// The name of the provider.
    pub provider: Arc<str>,
    /// Whether bodies are kept: those of a model, which cannot be had again.
    pub keep_bodies: bool,
    /// Whether a call waits until its intent is durable: what a cap counts, or a limit, must survive a crash. Without
    /// either the intent is only queued, ahead of the answer.
    pub awaits_intents: bool,
    /// Where calls and their cost are counted.
    pub gauges: Arc<Gauges>,
    /// When the calls in flight were sent, and the most that they can cost.
    pub sent: Mutex<BTreeMap<CallId, (Micros, Option<Usd>)>>,
}

impl Journal for LedgerJournal {
    fn intent(&self, intent: Intent) -> BoxFuture<'_, Result<(), JournalError>> {
        let at = (self.wall)();
        self.sent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(intent.call, (at, intent.cost_bound));
        if !self.keep_bodies {
            // Rules cost nothing: that they were about to be applied is worth no write.
            return Box::pin(async { Ok(()) });
        }
        let row = CallRow {
            call_id: intent.call,
            run_id: self.run,
            job_id: self.job.map(|job| job.to_string()),
            at,
            provider: self.provider.to_string(),
            model: intent.question.model.to_string(),
            attempt: intent.attempt,
            chunks: u32::try_from(intent.keys.len()).unwrap_or(u32::MAX),
            status: None,
            outcome: "unknown".into(),
            finish: None,
            queued_ms: 0,
            latency_ms: 0,
            input_tokens: None,
            cached_tokens: None,
            output_tokens: None,
            cost: None,
            price_known: intent.cost_bound.is_some(),
            request_id: None,
            remote_id: None,
            state: "sent".into(),
        };
        let pending = self.database.intent(store::Intent {
            view: self.view,
            row,
            bound: intent.cost_bound,
            charged: intent.tokens,
        });
        if !self.awaits_intents {
            // A ledger that cannot be written says so when the answer comes, at the latest.
            drop(pending);
            return Box::pin(async { Ok(()) });
        }
        Box::pin(async { pending.await.map_err(failed) })
    }

    fn done(&self, done: Done) -> BoxFuture<'_, Result<Kept, JournalError>> {
        let now = (self.wall)();
        let sent = self
            .sent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&done.call);
        let usage = done.usage;
        let row = CallRow {
            call_id: done.call,
            run_id: self.run,
            job_id: self.job.map(|job| job.to_string()),
            at: sent.map_or(now, |(at, _)| at),
            provider: done.provider.to_string(),
            model: done.question.model.to_string(),
            attempt: done.attempt,
            chunks: done.chunks,
            status: done.status,
            outcome: done.outcome.into(),
            finish: done.finish.map(|finish| finish_name(finish).into()),
            queued_ms: i64::try_from(done.queued.as_millis()).unwrap_or(i64::MAX),
            latency_ms: i64::try_from(done.latency.as_millis()).unwrap_or(i64::MAX),
            input_tokens: usage.map(|usage| usage.input),
            cached_tokens: usage.map(|usage| usage.cached),
            output_tokens: usage.map(|usage| usage.output),
            cost: done.cost,
            price_known: done.price_known,
            request_id: done.request_id,
            remote_id: None,
            state: "done".into(),
        };
        let (who, what) = (&done.provider, &done.question);
        let answers = done.answers.into_iter();
        let answers = answers.map(|answer| stored(answer, who, what, done.call, self.view, now));
        let body = done.body.as_ref().map_or(0, |body| body.len());
        self.gauges
            .largest
            .fetch_max(body as u64, Ordering::Relaxed);
        let pending = self.database.done(store::Done {
            view: self.view,
            row,
            body: done.body.filter(|_| self.keep_bodies),
            answers: answers.collect(),
            failures: Vec::new(),
        });
        Box::pin(async move {
            let before = pending.await.map_err(failed)?;
            add(&self.gauges.calls, 1);
            if let Some(usage) = usage {
                add(&self.gauges.input_tokens, usage.input);
                add(&self.gauges.output_tokens, usage.output);
            }
            // What a call cost that broke off nobody says: a budget counts the most that it can be, apart from the bill.
            match (done.cost, sent.and_then(|(_, bound)| bound)) {
                (Some(cost), _) => add(&self.gauges.spent, cost.0),
                (None, bound) => add(&self.gauges.unsure, bound.map_or(0, |bound| bound.0)),
            }
            Ok(Kept { at: now, before })
        })
    }
}

/// A good answer as it is kept.
fn stored(
    answer: ValidAnswer,
    provider: &str,
    question: &Question,
    call: CallId,
    view: ViewId,
    at: Micros,
) -> StoredAnswer {
    StoredAnswer {
        key: answer.key,
        fingerprint: answer.fingerprint,
        provider: provider.to_owned(),
        model: question.model.to_string(),
        prompt: question.prompt_id,
        schema: question.schema_id,
        content: answer.content,
        answered_at: at,
        call: Some(call),
        view,
        input_tokens: answer.input_tokens,
        output_tokens: answer.output_tokens,
        cost: answer.cost,
    }
}

fn failed(error: store::StoreError) -> JournalError {
    JournalError(Arc::new(error))
}

fn finish_name(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::ContentFilter => "content_filter",
        Finish::Refusal => "refusal",
        Finish::Other => "other",
    }
}
