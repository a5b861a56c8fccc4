//! For tests: batches, and a provider, a journal and a reader that do as they are told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::journal::{Done, Intent, Journal, JournalError, Kept};
use super::{BoxFuture, Provider, ReadAnswer, Reader};
use crate::model::call::{Asked, Batch, Finish, LimitHeaders, Question, Reply, Usage};
use crate::model::fault::Fault;
use crate::model::id::{AnswerKey, CallId, Fingerprint, PromptId, SchemaId};

pub(super) fn question() -> Arc<Question> {
    let parameters = json!({"temperature": 0, "service_tier": "flex", "model": "other"});
    let parameters = parameters.as_object().unwrap().clone();
    Arc::new(Question {
        prompt: "Find things.".into(),
        prompt_id: PromptId([1; 16]),
        schema: Arc::new(
            json!({"type": "object", "properties": {}, "required": [], "additionalProperties": false}),
        ),
        schema_id: SchemaId([2; 16]),
        schema_name: "things".into(),
        model: "test-model".into(),
        parameters: Arc::new(parameters),
    })
}

pub(super) fn asked(text: &str, tokens: u32) -> Asked {
    let fingerprint = Fingerprint::of_shown(text);
    Asked {
        tag: format!("t{:.4}", fingerprint.to_string()),
        fingerprint,
        key: AnswerKey(fingerprint.0),
        text: text.into(),
        tokens,
    }
}

pub(super) fn batch(texts: &[&str]) -> Batch {
    Batch {
        call: CallId([7; 16]),
        question: question(),
        chunks: texts.iter().map(|text| asked(text, 5)).collect(),
        max_output: 500,
        hint: None,
    }
}

/// What the provider does with a call: `None` is the default, a whole answer.
pub(super) type Play = dyn Fn(&Batch, usize) -> Option<Result<Reply, Fault>> + Send + Sync;

/// Answers `{"text": TEXT}` for each chunk after a latency, unless the play says otherwise.
pub(super) struct Scripted {
    pub(super) latency: Duration,
    pub(super) play: Box<Play>,
    pub(super) calls: Mutex<Vec<(Instant, Batch)>>,
}

impl Scripted {
    pub(super) fn new(
        latency: Duration,
        play: impl Fn(&Batch, usize) -> Option<Result<Reply, Fault>> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            latency,
            play: Box::new(play),
            calls: Mutex::default(),
        })
    }

    /// The sizes of the calls, in order.
    pub(super) fn sizes(&self) -> Vec<usize> {
        let calls = self.calls.lock().unwrap();
        calls.iter().map(|call| call.1.chunks.len()).collect()
    }
}

impl Provider for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn call<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<Reply, Fault>> {
        Box::pin(async {
            let nth = {
                let mut calls = self.calls.lock().unwrap();
                calls.push((Instant::now(), batch.clone()));
                calls.len()
            };
            sleep(self.latency).await;
            let played = (self.play)(batch, nth);
            let reply = played.unwrap_or_else(|| Ok(reply(batch, |_| true)))?;
            Ok(Reply {
                latency: self.latency,
                ..reply
            })
        })
    }

    fn estimate(&self, batch: &Batch) -> u64 {
        batch
            .chunks
            .iter()
            .map(|chunk| u64::from(chunk.tokens))
            .sum::<u64>()
            + 100
    }
}

/// A whole answer for the chunks that are kept.
pub(super) fn reply(batch: &Batch, keep: impl Fn(&Asked) -> bool) -> Reply {
    let kept = batch.chunks.iter().filter(|chunk| keep(chunk));
    let map: BTreeMap<&str, &str> = kept
        .map(|chunk| (chunk.tag.as_str(), chunk.text.as_ref()))
        .collect();
    let tokens: u64 = batch
        .chunks
        .iter()
        .map(|chunk| u64::from(chunk.tokens))
        .sum();
    let content = serde_json::to_string(&map).unwrap();
    Reply {
        body: content.clone().into_bytes().into(),
        content,
        finish: Finish::Stop,
        usage: Some(Usage {
            input: tokens + 100,
            cached: 0,
            output: tokens,
        }),
        cost: None,
        model: None,
        request_id: Some("req_1".into()),
        limits: LimitHeaders::default(),
        latency: Duration::ZERO,
    }
}

/// A reply that ended so, without content.
pub(super) fn ended(batch: &Batch, finish: Finish) -> Reply {
    Reply {
        finish,
        ..reply(batch, |_| false)
    }
}

/// Reads `{tag: text}`; a text `!` is invalid.
pub(super) struct Plain;

impl Reader for Plain {
    fn read(&self, batch: &Batch, reply: &Reply) -> Vec<ReadAnswer> {
        let map: BTreeMap<String, String> =
            serde_json::from_str(&reply.content).unwrap_or_default();
        let read = |chunk: &Asked| match map.get(&chunk.tag).map(String::as_str) {
            None => ReadAnswer::Missing,
            Some("!") => ReadAnswer::Invalid("it is a mark".into()),
            Some(text) => ReadAnswer::Valid(text.to_owned()),
        };
        batch.chunks.iter().map(read).collect()
    }
}

/// Remembers what it was told; fails from the nth record on.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) intents: Mutex<Vec<Intent>>,
    pub(super) done: Mutex<Vec<Done>>,
    pub(super) fails_after: Option<usize>,
    /// So much longer it takes to note what came of a call.
    pub(super) slow: Duration,
}

impl Notes {
    fn fails(&self) -> Result<(), JournalError> {
        let written = self.intents.lock().unwrap().len() + self.done.lock().unwrap().len();
        match self.fails_after {
            Some(most) if written >= most => {
                Err(JournalError(Arc::new(std::io::Error::other("disk full"))))
            }
            _ => Ok(()),
        }
    }
}

impl Journal for Notes {
    fn intent(&self, intent: Intent) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(async {
            self.fails()?;
            self.intents.lock().unwrap().push(intent);
            Ok(())
        })
    }

    fn done(&self, done: Done) -> BoxFuture<'_, Result<Kept, JournalError>> {
        Box::pin(async {
            self.fails()?;
            sleep(Duration::from_millis(4) + self.slow).await;
            let mut noted = self.done.lock().unwrap();
            let all = noted.iter().flat_map(|done| &done.answers);
            let had: Vec<_> = all.map(|answer| answer.key).collect();
            let keys = done.answers.iter().map(|answer| answer.key);
            let kept = Kept {
                before: keys.filter(|key| had.contains(key)).collect(),
                ..Kept::default()
            };
            noted.push(done);
            Ok(kept)
        })
    }
}
