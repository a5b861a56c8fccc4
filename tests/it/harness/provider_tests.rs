//! The HTTP provider against the fake one: what goes over the wire, and what comes back when it breaks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;

use weir::limit::{Caps, Limits};
use weir::llm::client::{Client, Options as Patience, Parts, Verdict};
use weir::llm::journal::{Done, Intent, Journal, JournalError, Kept};
use weir::llm::lane::Lane;
use weir::llm::openai::{Key, OpenAi, Options};
use weir::llm::preset::Preset;
use weir::llm::{BoxFuture, Provider, ReadAnswer, Reader};
use weir::model::call::{Asked, Batch, Finish, Question, Reply};
use weir::model::fault::{Fault, FaultKind, LimitedBy};
use weir::model::id::{AnswerKey, CallId, Fingerprint, PromptId, SchemaId};
use weir::model::unit::Micros;
use weir::sim::admission::{Law, Rates};

use super::provider::{Act, FakeProvider, Latency, Rule, Script};

fn question() -> Arc<Question> {
    let schema = serde_json::json!({
        "type": "object",
        "properties": {"entities": {"type": "array"}, "relations": {"type": "array"}},
    });
    Arc::new(Question {
        prompt: "Find things.".into(),
        prompt_id: PromptId([1; 16]),
        schema: Arc::new(schema),
        schema_id: SchemaId([2; 16]),
        schema_name: "things".into(),
        model: "test-model".into(),
        parameters: Arc::default(),
    })
}

fn asked(text: &str) -> Asked {
    let fingerprint = Fingerprint::of_shown(text);
    Asked {
        tag: format!("t{:.4}", fingerprint.to_string()),
        fingerprint,
        key: AnswerKey(fingerprint.0),
        text: text.into(),
        tokens: 10,
    }
}

fn batch(texts: &[&str]) -> Batch {
    Batch {
        call: CallId([7; 16]),
        question: question(),
        chunks: texts.iter().map(|text| asked(text)).collect(),
        max_output: 500,
        hint: None,
    }
}

fn provider(fake: &FakeProvider) -> OpenAi {
    let mut options = Options::new(Preset::Compatible, fake.url());
    options.key = Key::new("canary-key");
    options.total = Duration::from_secs(2);
    OpenAi::new(options).unwrap()
}

async fn ask(rule: Rule) -> Result<Reply, Fault> {
    let script = Script {
        rules: vec![rule],
        ..Script::default()
    };
    let fake = FakeProvider::start(script);
    provider(&fake)
        .call(&batch(&["Ana: Hello Bo.\n", "Bo: Hi Ana.\n"]))
        .await
}

#[tokio::test]
async fn a_call_goes_over_the_wire_and_back() {
    let headers = vec![
        ("x-request-id".to_owned(), "req_9".to_owned()),
        ("x-ratelimit-remaining-tokens".to_owned(), "123".to_owned()),
    ];
    let fake = FakeProvider::start(Script {
        headers,
        latency: Latency::Fixed(Duration::from_millis(30)),
        ..Script::default()
    });
    let provider = provider(&fake);
    let batch = batch(&["Ana: Hello to Bo and Cy.\n", "Bo: Hi.\n"]);
    let reply = provider.call(&batch).await.unwrap();
    assert_eq!(reply.finish, Finish::Stop);
    assert_eq!(reply.model.as_deref(), Some("test-model"));
    assert_eq!(reply.request_id.as_deref(), Some("req_9"));
    assert_eq!(reply.limits.remaining_tokens, Some(123));
    assert!(reply.usage.unwrap().input > 0 && reply.latency >= Duration::from_millis(30));
    let content: serde_json::Value = serde_json::from_str(&reply.content).unwrap();
    let first = &content["answers"][0];
    assert_eq!(first["chunk_id"], batch.chunks[0].tag.as_str());
    assert_eq!(first["entities"][1]["name"], "Bo");
    assert_eq!(first["relations"][0]["predicate"], "is named with");
    provider.call(&batch).await.unwrap();
    let log = fake.log();
    assert_eq!(log.len(), 2);
    assert_eq!(log[0].texts, ["Ana: Hello to Bo and Cy.\n", "Bo: Hi.\n"]);
    assert_eq!(
        (log[0].status, log[0].key.as_deref()),
        (200, Some("Bearer canary-key"))
    );
    assert_eq!(log[0].request["max_tokens"], 500);
}

#[tokio::test]
async fn what_breaks_is_a_fault() {
    let status = |status, headers: &[(&str, &str)], body: &str| {
        let pair = |pair: &(&str, &str)| (pair.0.to_owned(), pair.1.to_owned());
        let headers = headers.iter().map(pair).collect();
        ask(Rule::on("", Act::Status(status, headers, body.to_owned())))
    };
    let limited = status(429, &[("retry-after", "7")], "slow down")
        .await
        .unwrap_err();
    assert_eq!(limited.kind, FaultKind::RateLimit);
    assert_eq!(limited.retry_after, Some(Duration::from_secs(7)));
    let echoed = status(
        401,
        &[],
        r#"{"error":{"message":"no such key: canary-key"}}"#,
    )
    .await;
    assert!(!echoed.unwrap_err().message.contains("canary"));
    let moved = status(307, &[("location", "http://127.0.0.1:1/")], "").await;
    assert_eq!(moved.unwrap_err().kind, FaultKind::Redirect);
    let page = status(200, &[], "<html><title>Welcome</title>")
        .await
        .unwrap_err();
    assert_eq!(page.kind, FaultKind::BadBody);
    let long = status(200, &[], &"x".repeat((8 << 20) + 1))
        .await
        .unwrap_err();
    assert_eq!(
        (long.kind, long.status),
        (FaultKind::TooLongBody, Some(200))
    );
    let filter = status(400, &[], r#"{"error":{"code":"content_filter"}}"#)
        .await
        .unwrap();
    assert_eq!(filter.finish, Finish::ContentFilter);
    let hung = ask(Rule::on("", Act::Hang)).await.unwrap_err();
    assert_eq!(hung.kind, FaultKind::Timeout);
    let reset = ask(Rule::on("", Act::Reset)).await.unwrap_err();
    assert_eq!(
        (reset.kind, reset.status),
        (FaultKind::Connection, Some(200)),
        "{reset}"
    );
    let cut = ask(Rule::on("", Act::Length)).await.unwrap();
    assert_eq!(cut.finish, Finish::Length);
    let refused = ask(Rule::on("", Act::Refuse)).await.unwrap();
    assert_eq!(
        (refused.finish, refused.content.as_str()),
        (Finish::Refusal, "")
    );
    assert_eq!(ask(Rule::on("", Act::NoUsage)).await.unwrap().usage, None);
}

/// What a limit of the simulator says, as the gate is told it.
#[tokio::test]
async fn a_limit_says_what_it_counts_and_what_is_left() {
    let fake = FakeProvider::with(weir::sim::Options {
        law: Law {
            rates: Rates {
                requests: Some(1),
                tokens: Some(100_000),
            },
            ..Law::default()
        },
        ..weir::sim::Options::default()
    });
    let provider = provider(&fake);
    let reply = provider.call(&batch(&["Ana: Hello Bo.\n"])).await.unwrap();
    assert_eq!(reply.limits.limit_requests, Some(1));
    assert!(reply.limits.reset_requests.unwrap() > Duration::from_secs(58));
    let fault = provider.call(&batch(&["Bo: Hi.\n"])).await.unwrap_err();
    assert_eq!(
        (fault.kind, fault.limited_by),
        (FaultKind::RateLimit, Some(LimitedBy::Requests))
    );
    assert!(
        fault.retry_after.unwrap() > Duration::from_secs(55),
        "{fault:?}"
    );
    assert_eq!(fault.limits.unwrap().remaining_requests, Some(0));
}

/// Keeps what it is told.
#[derive(Default)]
struct Notes(Mutex<Vec<Done>>);

impl Journal for Notes {
    fn intent(&self, _: Intent) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(async { Ok(()) })
    }

    fn done(&self, done: Done) -> BoxFuture<'_, Result<Kept, JournalError>> {
        self.0.lock().unwrap().push(done);
        Box::pin(async { Ok(Kept::default()) })
    }
}

/// Matches answers by id.
struct ById;

impl Reader for ById {
    fn read(&self, batch: &Batch, reply: &Reply) -> Vec<ReadAnswer> {
        let whole: serde_json::Value = serde_json::from_str(&reply.content).unwrap_or_default();
        let answers = whole["answers"].as_array().cloned().unwrap_or_default();
        let read = |chunk: &Asked| {
            let mut own = answers
                .iter()
                .filter(|answer| answer["chunk_id"] == *chunk.tag);
            own.next().map_or(ReadAnswer::Missing, |answer| {
                ReadAnswer::Valid(answer["entities"].to_string())
            })
        };
        batch.chunks.iter().map(read).collect()
    }
}

/// The whole way: every kind of trouble, each chunk answered or failed for its own reason.
#[tokio::test]
async fn a_batch_comes_to_its_end_through_all_trouble() {
    let busy = Act::Status(
        503,
        vec![("retry-after-ms".into(), "60".into())],
        String::new(),
    );
    let fake = FakeProvider::start(Script {
        rules: vec![
            Rule::on("", busy).times(1),
            Rule::on("Forbidden", Act::Refuse),
            Rule::on("Shy", Act::Drop).times(1),
            Rule::on("Odd", Act::Swap).times(1),
        ],
        latency: Latency::LogNormal {
            median: Duration::from_millis(5),
            sigma: 0.5,
        },
        ..Script::default()
    });
    let notes = Arc::new(Notes::default());
    let limits = Limits {
        requests_per_minute: 60_000,
        tokens_per_minute: 1_000_000,
        requests_per_day: None,
        in_flight: 8,
    };
    let client = Client::new(Parts {
        provider: Arc::new(provider(&fake)),
        lane: Lane::alone(limits, Caps::default(), 1),
        journal: Arc::clone(&notes) as _,
        reader: Arc::new(ById),
        price: None,
        wall: Arc::new(|| Micros(0)),
        seed: 1,
        options: Patience::default(),
    });
    let texts = [
        "A: Forbidden fruit.\n",
        "C: Odd Eve.\n",
        "B: Shy Dee.\n",
        "D: Just Fay.\n",
    ];
    let prepared = client.prepare(&question(), texts.iter().map(|text| asked(text)).collect());
    let (out, mut verdicts) = unbounded_channel();
    Arc::clone(&client).ask(prepared, None, out).await.unwrap();
    let mut answered = 0;
    while let Ok((asked, verdict)) = verdicts.try_recv() {
        match verdict {
            Verdict::Answered { .. } => answered += 1,
            other => assert!(asked.text.contains("Forbidden"), "{other:?}"),
        }
    }
    assert_eq!(answered, 3);
    let statuses: Vec<u16> = fake.log().iter().map(|call| call.status).collect();
    assert_eq!(statuses.first(), Some(&503));
    let done = notes.0.lock().unwrap();
    assert_eq!(done.len(), statuses.len(), "every call is journaled");
    let most = fake.report().verdict.most_requests;
    assert_eq!(most[0], statuses.len() as u64);
}
