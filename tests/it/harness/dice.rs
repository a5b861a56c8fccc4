//! A provider in the process: its answer is a pure function of each chunk, its delay is chance.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, Value, json};
use weir::llm::{BoxFuture, Provider};
use weir::model::call::{Batch, Finish, LimitHeaders, Reply, Usage};
use weir::model::fault::Fault;
use weir::model::id::Fingerprint;
use weir::model::unit::Usd;

use super::own::items_of;

/// People, some by full and by short name; organisations, some by two names.
pub const PEOPLE: [&str; 8] = [
    "Ana Lima",
    "Ana Costa",
    "Bo Chan",
    "Cleo Diaz",
    "Ana",
    "Bo",
    "Cleo",
    "A. Lima",
];
/// The same for organisations.
pub const ORGANISATIONS: [&str; 6] = [
    "Harbour Lab",
    "Tide Mill Trust",
    "HL",
    "TMT",
    "River Board",
    "Mill Trust",
];

/// Who answers.
#[derive(Default)]
pub struct Dice {
    /// The longest delay of a call.
    pub longest: Duration,
    /// Chance.
    pub seed: u64,
    /// Texts that hold this are refused.
    pub refuses: Option<String>,
    /// How often each text was paid for: answered, or refused where it stood alone.
    pub paid: Mutex<BTreeMap<Fingerprint, u64>>,
    /// Calls so far.
    pub calls: AtomicU64,
    /// The same, one by one.
    pub log: Mutex<Vec<Called>>,
}

/// A call, as who was called remembers it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Called {
    /// Chunks in it.
    pub chunks: u64,
    /// Tokens that were billed.
    pub input: u64,
    /// The same of the answer.
    pub output: u64,
    /// What it cost, as JSON.
    pub dollars: String,
    /// Whether it was refused.
    pub refused: bool,
}

/// Input, output and nano-dollars for so many tokens of chunks: whatever a call holds, a chunk's share of it follows
/// from its own tokens.
pub fn used(tokens: u64) -> [u64; 3] {
    [2 * tokens, tokens, 3000 * tokens]
}

impl Dice {
    /// One that takes up to so long.
    pub fn new(seed: u64, longest: Duration) -> Arc<Self> {
        Arc::new(Self {
            longest,
            seed,
            ..Self::default()
        })
    }

    /// One that refuses texts with this word in them.
    pub fn refusing(seed: u64, longest: Duration, word: &str) -> Arc<Self> {
        Arc::new(Self {
            longest,
            seed,
            refuses: Some(word.to_owned()),
            ..Self::default()
        })
    }

    /// The most often that one text was paid for.
    pub fn most(&self) -> u64 {
        self.paid
            .lock()
            .unwrap()
            .values()
            .copied()
            .max()
            .unwrap_or(0)
    }
}

impl Provider for Dice {
    fn name(&self) -> &'static str {
        "dice"
    }

    fn call<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<Reply, Fault>> {
        Box::pin(async move {
            let call = self.calls.fetch_add(1, Ordering::SeqCst);
            let mut chance = fastrand::Rng::with_seed(self.seed ^ call.wrapping_mul(0x9e37_79b9));
            tokio::time::sleep(self.longest.mul_f64(chance.f64().powi(3))).await;
            let refused = self
                .refuses
                .as_ref()
                .is_some_and(|word| batch.chunks.iter().any(|chunk| chunk.text.contains(word)));
            let tokens = self.estimate(batch);
            let [input, output, nanos] = used(tokens);
            self.log.lock().unwrap().push(Called {
                chunks: batch.chunks.len() as u64,
                input,
                output,
                dollars: json!(Usd(nanos).dollars()).to_string(),
                refused,
            });
            for chunk in batch
                .chunks
                .iter()
                .filter(|_| !refused || batch.chunks.len() == 1)
            {
                *self
                    .paid
                    .lock()
                    .unwrap()
                    .entry(chunk.fingerprint)
                    .or_default() += 1;
            }
            let answers: Vec<Value> = batch
                .chunks
                .iter()
                .map(|chunk| {
                    let mut answer = json!({"chunk_id": chunk.tag});
                    answer
                        .as_object_mut()
                        .unwrap()
                        .extend(said(&batch.question.schema, &chunk.text));
                    answer
                })
                .collect();
            let content = if refused {
                String::new()
            } else {
                json!({ "answers": answers }).to_string()
            };
            let body: Arc<[u8]> = content.as_bytes().into();
            Ok(Reply {
                content,
                finish: if refused {
                    Finish::Refusal
                } else {
                    Finish::Stop
                },
                usage: Some(Usage {
                    input,
                    cached: 0,
                    output,
                }),
                cost: Some(Usd(nanos)),
                model: None,
                request_id: None,
                limits: LimitHeaders::default(),
                body,
                latency: Duration::from_millis(1),
            })
        })
    }

    fn estimate(&self, batch: &Batch) -> u64 {
        batch
            .chunks
            .iter()
            .map(|chunk| u64::from(chunk.tokens))
            .sum()
    }
}

/// The answer to a text in the form of a schema.
fn said(schema: &Value, text: &str) -> Map<String, Value> {
    let items = schema.pointer("/properties/items").is_some();
    let answer = if items {
        items_of(text)
    } else {
        answer_to(text)
    };
    answer.as_object().unwrap().clone()
}

/// The answer to a text: every known name in it, `X leads Y` and `X met Y` as relations, `X, that is Y,` as an alias.
pub fn answer_to(text: &str) -> Value {
    let known = PEOPLE
        .iter()
        .map(|name| (*name, "person"))
        .chain(ORGANISATIONS.iter().map(|name| (*name, "organization")));
    let mut entities = Vec::new();
    for (name, kind) in known {
        let aliases: Vec<&str> = ORGANISATIONS
            .iter()
            .copied()
            .filter(|other| text.contains(&format!("{name}, that is {other},")))
            .collect();
        if whole(text, name) {
            let quote = quote_of(name);
            entities.push(json!({"name": name, "kind": kind, "aliases": aliases, "quote": quote}));
        }
    }
    let mut relations = Vec::new();
    for source in PEOPLE {
        for (verb, target) in ORGANISATIONS
            .iter()
            .map(|target| ("leads", target))
            .chain(PEOPLE.iter().map(|target| ("met", target)))
        {
            let quote = format!("{source} {verb} {target}");
            if whole(text, &quote) {
                // Some words are nobody's.
                let quote = match source {
                    "Bo" => "nobody has ever put it like that".to_owned(),
                    _ => quote,
                };
                relations.push(
                    json!({"source": source, "predicate": verb, "target": target, "quote": quote}),
                );
            }
        }
    }
    json!({"entities": entities, "relations": relations})
}

/// The words that name it: those of one are not as they stand in the text, but for case and blanks.
fn quote_of(name: &str) -> String {
    match name {
        "River Board" => "river  board".to_owned(),
        _ => name.to_owned(),
    }
}

/// Whether the words stand in the text with no letter next to them.
pub fn whole(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + words.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}
