//! One attempt: journal the intent, send, judge, journal what came of it, settle, learn, and only then tell.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::client::{Client, Tries, Verdict, Verdicts, lock, tell};
use super::gate::{Grant, Settlement};
use super::journal::{Done, Intent, JournalError, ValidAnswer, name};
use super::learn::{believable, shares};
use super::part::{Item, Rest, judge};
use super::prepare::Prepared;
use crate::model::call::{Finish, Reply, Usage};
use crate::model::fault::{Billed, Fault, Retry};
use crate::model::unit::Usd;

impl Client {
    /// One call. The inner result is the provider's.
    pub(super) async fn send(
        &self,
        prepared: &Prepared,
        grant: Grant,
        tries: &Tries,
        queued: Duration,
        out: &Verdicts,
    ) -> Result<Result<Rest, Fault>, JournalError> {
        let Prepared { batch, charge, .. } = prepared;
        let intent = Intent {
            call: batch.call,
            attempt: tries.made,
            question: Arc::clone(&batch.question),
            keys: batch.chunks.iter().map(|chunk| chunk.key).collect(),
            tokens: charge.tokens,
            cost_bound: charge.cost_bound,
        };
        if let Err(error) = self.parts.journal.intent(intent).await {
            grant.unsent();
            return Err(error);
        }
        let sent = Instant::now();
        let result = self.parts.provider.call(batch).await;
        let mut done = Done {
            call: batch.call,
            attempt: tries.made,
            provider: Arc::clone(&self.name),
            question: Arc::clone(&batch.question),
            chunks: u32::try_from(batch.chunks.len()).unwrap_or(u32::MAX),
            status: None,
            outcome: "ok",
            finish: None,
            queued,
            latency: sent.elapsed(),
            usage: None,
            cost: None,
            price_known: self.parts.price.is_some(),
            request_id: None,
            body: None,
            answers: Vec::new(),
        };
        match result {
            Ok(reply) => {
                let rest = self.answered(prepared, grant, reply, done, out).await?;
                Ok(Ok(rest))
            }
            Err(fault) => {
                if fault.retry() == Retry::Stop {
                    // Before it is noted: however slow the disk is, nobody is let in meanwhile.
                    self.parts.lane.stop(fault.clone());
                }
                done.status = fault.status;
                done.outcome = name(fault.kind);
                done.request_id.clone_from(&fault.request_id);
                done.cost = (fault.billed() == Billed::No).then(Usd::default);
                self.parts.journal.done(done).await?;
                grant.settle(&Settlement {
                    usage: None,
                    cost: None,
                    limits: fault.limits.as_deref().copied().unwrap_or_default(),
                    outcome: Err(fault.clone()),
                });
                Ok(Err(fault))
            }
        }
    }

    /// A reply came: judged, made durable, settled, learnt from, told.
    async fn answered(
        &self,
        prepared: &Prepared,
        grant: Grant,
        reply: Reply,
        mut done: Done,
        out: &Verdicts,
    ) -> Result<Rest, JournalError> {
        let Prepared { batch, part, .. } = prepared;
        let read = match reply.finish {
            Finish::Stop | Finish::Other => self.parts.reader.read(batch, &reply),
            _ => Vec::new(),
        };
        let mut part = part.clone();
        for item in &mut part.items {
            item.call = Some(batch.call);
        }
        let (good, rest) = judge(part, reply.finish, read);
        let usage = believable(reply.usage, prepared.estimate, batch.max_output);
        let cost = reply.cost.or_else(|| Some(self.parts.price?.cost(usage?)));
        done.status = Some(200);
        done.finish = Some(reply.finish);
        done.latency = reply.latency;
        done.usage = usage;
        done.cost = cost;
        done.price_known |= reply.cost.is_some();
        done.request_id.clone_from(&reply.request_id);
        done.body = Some(Arc::clone(&reply.body));
        let answers = price_out(prepared, &reply, usage, cost, good);
        done.answers = answers.iter().map(|(_, answer)| answer.clone()).collect();
        let kept = self.parts.journal.done(done).await?;
        grant.settle(&Settlement {
            usage,
            cost,
            limits: reply.limits,
            outcome: Ok(reply.latency),
        });
        let is_whole = rest.again.is_empty() && rest.lost.is_empty();
        self.learn(prepared, &reply, usage, is_whole);
        let call = batch.call;
        for (item, answer) in answers {
            let at = (!kept.before.contains(&answer.key)).then_some(kept.at);
            tell(out, item.asked, Verdict::Answered { answer, call, at });
        }
        Ok(rest)
    }

    fn learn(&self, prepared: &Prepared, reply: &Reply, usage: Option<Usage>, is_whole: bool) {
        let Prepared { batch, part, .. } = prepared;
        let mut learnt = lock(&self.learnt);
        match (reply.finish, usage) {
            (Finish::Length, _) => learnt.cut(&batch.chunks, batch.max_output),
            (Finish::Stop, Some(usage)) if is_whole => {
                learnt.answered(&batch.chunks, prepared.estimate, usage);
            }
            _ => {}
        }
        drop(learnt);
        let tokens = batch.chunks.iter().map(|chunk| chunk.tokens).sum();
        let mut adapt = lock(&self.adapt);
        if is_whole && part.tried == 0 {
            adapt.whole(tokens, reply.latency);
        } else if !is_whole && batch.chunks.len() > 1 {
            adapt.broken(tokens);
        }
    }
}

/// The good answers with their shares of what the call used and cost.
fn price_out(
    prepared: &Prepared,
    reply: &Reply,
    usage: Option<Usage>,
    cost: Option<Usd>,
    good: Vec<(usize, Item, String)>,
) -> Vec<(Item, ValidAnswer)> {
    let tokens = prepared
        .batch
        .chunks
        .iter()
        .map(|chunk| u64::from(chunk.tokens));
    let weights: Vec<u64> = tokens.collect();
    // Where the server does not say: as estimated, and four bytes a token.
    let usage = usage.unwrap_or(Usage {
        input: prepared.estimate,
        cached: 0,
        output: (reply.content.len() as u64).div_ceil(4),
    });
    let input = shares(usage.input, &weights);
    let output = shares(usage.output, &weights);
    let costs = cost.map(|cost| shares(cost.0, &weights));
    let share = |of: &[u64], place: usize| of.get(place).copied().unwrap_or(0);
    let answer = |(place, item, content): (usize, Item, String)| {
        let answer = ValidAnswer {
            key: item.asked.key,
            fingerprint: item.asked.fingerprint,
            content,
            input_tokens: share(&input, place),
            output_tokens: share(&output, place),
            cost: costs.as_ref().map(|costs| Usd(share(costs, place))),
        };
        (item, answer)
    };
    good.into_iter().map(answer).collect()
}
