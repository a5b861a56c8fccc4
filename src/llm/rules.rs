//! `rules`: the provider that needs no key and no network. It answers by stated rules, at no cost, always the same.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::{BoxFuture, Provider};
use crate::model::call::{Batch, Finish, LimitHeaders, Reply, Usage};
use crate::model::fault::Fault;
use crate::stage::extract::items::Ruleset;

/// The rules as a provider.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules;

impl Provider for Rules {
    fn name(&self) -> &'static str {
        "rules"
    }

    fn call<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<Reply, Fault>> {
        Box::pin(async move {
            let schema = &batch.question.schema;
            // A plan with rules has a schema that they serve.
            let rules = Ruleset::serving(schema).unwrap_or(Ruleset::Graph);
            let answers = batch.chunks.iter().map(|chunk| {
                let mut answer =
                    Map::from_iter([("chunk_id".to_owned(), Value::from(chunk.tag.as_str()))]);
                if let Value::Object(said) = rules.answer(schema, &chunk.text) {
                    answer.extend(said);
                }
                Value::Object(answer)
            });
            let content =
                Value::Object(Map::from_iter([("answers".to_owned(), answers.collect())]))
                    .to_string();
            Ok(Reply {
                content,
                finish: Finish::Stop,
                // No model, no tokens, no cost.
                usage: Some(Usage::default()),
                cost: None,
                model: None,
                request_id: None,
                limits: LimitHeaders::default(),
                body: Arc::default(),
                latency: Duration::ZERO,
            })
        })
    }

    fn estimate(&self, _batch: &Batch) -> u64 {
        0
    }
}
