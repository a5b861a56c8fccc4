//! The wire format of Chat Completions, both ways, and what each kind of server takes of it.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use super::preset::Preset;
use crate::model::call::{Batch, Finish, LimitHeaders, Question, Usage};
use crate::model::unit::Usd;
use crate::stage::extract::prompt::{chunks, instructions};

/// One key of the prompt cache takes some 15 requests a minute: this many bear 500.
const CACHE_KEYS: u8 = 32;

/// The longest answer that is read, decompressed.
pub const MAX_BODY: usize = 8 << 20;

/// What is the same in the bodies of all calls of a question, as JSON already: it is most of a small call, and a
/// provider's prompt cache wants it byte for byte the same.
#[derive(Debug)]
pub struct Fixed {
    system: Box<RawValue>,
    response_format: Box<RawValue>,
    /// Bytes of instructions and schema.
    pub bytes: usize,
}

impl Fixed {
    /// For this kind of server.
    ///
    /// # Errors
    /// If it is no JSON, which strings and JSON values always are.
    pub fn new(preset: Preset, question: &Question) -> Result<Self, serde_json::Error> {
        let said = instructions(question);
        let mut schema = json!({"name": said.schema_name, "schema": said.schema});
        if preset.strict()
            && let Some(schema) = schema.as_object_mut()
        {
            schema.insert("strict".into(), Value::Bool(true));
        }
        let format = json!({"type": "json_schema", "json_schema": schema});
        Ok(Self {
            bytes: said.system.len() + said.schema.to_string().len(),
            system: to_raw_value(&said.system)?,
            response_format: to_raw_value(&format)?,
        })
    }
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: (Message<&'a RawValue>, Message<&'a str>),
    response_format: &'a RawValue,
    /// The rest; the bound is named as the server wants it.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Serialize)]
struct Message<C> {
    role: &'static str,
    content: C,
}

/// The body of a request.
///
/// # Errors
/// If it is no JSON, which strings and JSON values always are.
pub fn request(preset: Preset, batch: &Batch, fixed: &Fixed) -> Result<Vec<u8>, serde_json::Error> {
    let question = &batch.question;
    let mut rest: Map<String, Value> = question
        .parameters
        .iter()
        .filter(|(name, _)| preset.takes(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if preset == Preset::OpenAi {
        rest.entry("store").or_insert(Value::Bool(false));
        let spread = batch
            .call
            .as_bytes()
            .last()
            .map_or(0, |byte| byte % CACHE_KEYS);
        let key = format!("weir-{:.8}-{spread}", question.prompt_id.to_string());
        rest.entry("prompt_cache_key").or_insert(key.into());
    }
    rest.insert(preset.bound().into(), batch.max_output.into());
    serde_json::to_vec(&Body {
        model: question.model.as_ref(),
        messages: (
            Message {
                role: "system",
                content: &fixed.system,
            },
            Message {
                role: "user",
                content: &chunks(batch),
            },
        ),
        response_format: &fixed.response_format,
        rest,
    })
}

/// How long a call may take: the slow tier takes its time.
#[must_use]
pub fn timeout(batch: &Batch, usual: Duration) -> Duration {
    let tier = batch.question.parameters.get("service_tier");
    if tier.and_then(Value::as_str) == Some("flex") {
        usual.max(Duration::from_mins(15))
    } else {
        usual
    }
}

/// What a 2xx body says.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "as in `Reply`")]
pub struct Said {
    pub content: String,
    pub finish: Finish,
    pub usage: Option<Usage>,
    pub cost: Option<Usd>,
    pub model: Option<String>,
}

/// Reads a 2xx body; `None` if it is no answer.
#[must_use]
pub fn answer(body: &[u8]) -> Option<Said> {
    let mut value: Value = serde_json::from_slice(body).ok()?;
    let choice = value.get_mut("choices")?.as_array_mut()?.first_mut()?;
    let message = choice.get_mut("message")?.as_object_mut()?;
    let content = message.get_mut("content").map(Value::take);
    let content = content.map(text).unwrap_or_default();
    let refusal = message.get("refusal").and_then(Value::as_str);
    let refused = refusal.is_some_and(|said| !said.is_empty());
    let mut finish = match choice.get("finish_reason").and_then(Value::as_str) {
        Some("stop" | "eos" | "end_turn") | None => Finish::Stop,
        Some("length" | "max_tokens") => Finish::Length,
        Some("content_filter") => Finish::ContentFilter,
        Some(_) => Finish::Other,
    };
    if refused {
        finish = Finish::Refusal;
    }
    let content = if finish == Finish::Refusal {
        String::new()
    } else {
        bare(&content).to_owned()
    };
    if content.is_empty() && matches!(finish, Finish::Stop | Finish::Other) {
        return None;
    }
    let cost = value.pointer("/usage/cost").and_then(Value::as_f64);
    Some(Said {
        content,
        finish,
        usage: value.get("usage").and_then(usage),
        cost: cost.filter(|&cost| cost > 0.0).and_then(Usd::from_dollars),
        model: value
            .get("model")
            .and_then(Value::as_str)
            .map(|name| name.chars().take(200).collect()),
    })
}

/// A text, or a list of parts with texts.
fn text(content: Value) -> String {
    match content {
        Value::String(text) => text,
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part.get("text")?.as_str())
            .collect(),
        _ => String::new(),
    }
}

fn usage(usage: &Value) -> Option<Usage> {
    let input = usage.get("prompt_tokens")?.as_u64()?;
    let output = usage.get("completion_tokens")?.as_u64()?;
    let cached = usage.pointer("/prompt_tokens_details/cached_tokens");
    Some(Usage {
        input,
        cached: cached.and_then(Value::as_u64).unwrap_or(0).min(input),
        output,
    })
}

/// The answer without the thoughts before it and the fence around it.
fn bare(content: &str) -> &str {
    let mut text = content.trim();
    if let Some(rest) = text.strip_prefix("<think>")
        && let Some((_, rest)) = rest.split_once("</think>")
    {
        text = rest.trim_start();
    }
    if let Some(rest) = text.strip_prefix("```")
        && let Some((_, rest)) = rest.split_once('\n')
    {
        text = rest.trim_end().strip_suffix("```").unwrap_or(rest).trim();
    }
    text
}

/// What the headers say of the limits.
#[must_use]
pub fn limits(headers: &HeaderMap) -> LimitHeaders {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |name: &str| text(name)?.parse().ok();
    let time = |name: &str| super::fault::duration(text(name)?);
    LimitHeaders {
        limit_requests: number("x-ratelimit-limit-requests"),
        limit_tokens: number("x-ratelimit-limit-tokens"),
        remaining_requests: number("x-ratelimit-remaining-requests"),
        remaining_tokens: number("x-ratelimit-remaining-tokens"),
        reset_requests: time("x-ratelimit-reset-requests"),
        reset_tokens: time("x-ratelimit-reset-tokens"),
    }
}

/// What a proxy says the call cost.
#[must_use]
pub fn cost(headers: &HeaderMap) -> Option<Usd> {
    let text = headers.get("x-litellm-response-cost")?.to_str().ok()?;
    Usd::from_dollars(text.trim().parse().ok()?)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;
    use crate::llm::scripted;

    fn body(preset: Preset) -> Value {
        let batch = scripted::batch(&["Ana: Hello.\n"]);
        let fixed = Fixed::new(preset, &batch.question).unwrap();
        serde_json::from_slice(&request(preset, &batch, &fixed).unwrap()).unwrap()
    }

    #[test]
    fn each_server_gets_what_it_takes() {
        let openai = body(Preset::OpenAi);
        assert_eq!(openai["max_completion_tokens"], 500);
        assert_eq!(openai["store"], false);
        assert_eq!(openai["service_tier"], "flex");
        assert_eq!(openai["temperature"], 0);
        assert_eq!(
            openai["model"], "test-model",
            "no parameter changes the model"
        );
        assert_eq!(openai["messages"][0]["role"], "system");
        assert_eq!(openai["response_format"]["json_schema"]["strict"], true);
        assert!(
            openai["prompt_cache_key"]
                .as_str()
                .unwrap()
                .starts_with("weir-01010101-")
        );
        assert_eq!(openai.get("max_tokens"), None);
        for preset in [
            Preset::Ollama,
            Preset::Vllm,
            Preset::LlamaCpp,
            Preset::LmStudio,
        ] {
            let local = body(preset);
            let fields: Vec<_> = local.as_object().unwrap().keys().collect();
            let known = [
                "max_tokens",
                "messages",
                "model",
                "response_format",
                "temperature",
            ];
            assert_eq!(fields, known, "{preset:?}");
            let schema = &local["response_format"]["json_schema"];
            assert_eq!(schema.get("strict"), None);
            assert!(schema["schema"].is_object());
        }
        assert_eq!(body(Preset::Compatible)["max_tokens"], 500);
    }

    fn said(message: &str, finish: &str, rest: &str) -> Option<Said> {
        answer(
            format!(r#"{{"choices":[{{"message":{message},"finish_reason":{finish}}}]{rest}}}"#)
                .as_bytes(),
        )
    }

    #[test]
    fn a_full_answer() {
        let usage = r#","model":"gpt-x-2024","usage":{"prompt_tokens":12,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":4}},"odd":[1e3]"#;
        let said = said(r#"{"content":"{}","refusal":null}"#, r#""stop""#, usage).unwrap();
        assert_eq!(said.content, "{}");
        assert_eq!(said.finish, Finish::Stop);
        let usage = Usage {
            input: 12,
            cached: 4,
            output: 3,
        };
        assert_eq!(said.usage, Some(usage));
        assert_eq!(said.model.as_deref(), Some("gpt-x-2024"));
    }

    #[test]
    fn what_may_be_absent_or_odd() {
        let plain = said(r#"{"content":"{}"}"#, "null", "").unwrap();
        assert_eq!(
            (plain.finish, plain.usage, plain.model),
            (Finish::Stop, None, None)
        );
        for usage in [
            "null",
            "{}",
            r#"{"prompt_tokens":-1,"completion_tokens":2}"#,
            r#"{"prompt_tokens":1.5,"completion_tokens":2}"#,
        ] {
            let said = said(
                r#"{"content":"{}"}"#,
                "null",
                &format!(r#","usage":{usage}"#),
            )
            .unwrap();
            assert_eq!(said.usage, None, "{usage}");
        }
        let parts = said(
            r#"{"content":[{"type":"text","text":"{"},{"text":"}"},{"x":1}]}"#,
            r#""stop""#,
            "",
        )
        .unwrap();
        assert_eq!(parts.content, "{}");
        let paid = said(r#"{"content":"{}"}"#, "null", r#","usage":{"cost":0.25}"#).unwrap();
        assert_eq!(paid.cost, Usd::from_dollars(0.25));
    }

    #[test]
    fn how_it_ended() {
        let finish =
            |message: &str, reason: &str| said(message, reason, "").map(|said| said.finish);
        assert_eq!(
            finish(r#"{"content":"{\"a"}"#, r#""length""#),
            Some(Finish::Length)
        );
        assert_eq!(
            finish(r#"{"content":null}"#, r#""length""#),
            Some(Finish::Length)
        );
        assert_eq!(
            finish(r#"{"content":null}"#, r#""content_filter""#),
            Some(Finish::ContentFilter)
        );
        assert_eq!(
            finish(r#"{"content":null,"refusal":"I cannot"}"#, r#""stop""#),
            Some(Finish::Refusal)
        );
        let both = said(r#"{"content":"No.","refusal":"No."}"#, r#""stop""#, "").unwrap();
        assert_eq!((both.finish, both.content.as_str()), (Finish::Refusal, ""));
        assert_eq!(
            finish(r#"{"content":"{}","refusal":""}"#, r#""stop""#),
            Some(Finish::Stop)
        );
        assert_eq!(
            finish(r#"{"content":"{}"}"#, r#""tool_calls""#),
            Some(Finish::Other)
        );
        assert_eq!(
            finish(r#"{"content":null}"#, r#""stop""#),
            None,
            "empty is no answer"
        );
    }

    #[test]
    fn no_answer_at_all() {
        let deep = "[".repeat(100_000);
        for body in [
            "",
            "<html>",
            "{}",
            r#"{"choices":[]}"#,
            r#"{"choices":[{}]}"#,
            r#"{"choices":[{"message":{"content":"\ud800"}}]}"#,
            r#"{"choices":[{"message":{"content":"{}"}}],"x":1e400}"#,
            &deep,
        ] {
            assert_eq!(answer(body.as_bytes()), None, "{body:.40}");
        }
    }

    #[test]
    fn thoughts_and_fences_are_taken_off() {
        for text in [
            "{}",
            " {} ",
            "```json\n{}\n```",
            "```\n{}```",
            "<think>a {b}</think>\n\n{}",
            "<think></think>```json\n{}\n```  ",
        ] {
            assert_eq!(bare(text), "{}", "{text}");
        }
        assert_eq!(bare("<think>cut off"), "<think>cut off");
    }

    #[test]
    fn unreadable_limits_are_unknown() {
        let mut headers = HeaderMap::new();
        headers.insert(
            "x-ratelimit-limit-requests",
            HeaderValue::from_static("500"),
        );
        headers.insert("x-ratelimit-limit-tokens", HeaderValue::from_static("-1"));
        headers.insert(
            "x-ratelimit-remaining-tokens",
            HeaderValue::from_static("many"),
        );
        headers.insert("x-ratelimit-reset-tokens", HeaderValue::from_static("6m0s"));
        headers.insert("x-ratelimit-reset-requests", HeaderValue::from_static("-1"));
        headers.insert("x-litellm-response-cost", HeaderValue::from_static("0.5"));
        let known = LimitHeaders {
            limit_requests: Some(500),
            reset_tokens: Some(Duration::from_mins(6)),
            ..LimitHeaders::default()
        };
        assert_eq!(limits(&headers), known);
        assert_eq!(cost(&headers), Usd::from_dollars(0.5));
    }

    #[test]
    fn the_slow_tier_has_more_time() {
        let batch = scripted::batch(&["x"]);
        let usual = Duration::from_mins(10);
        assert_eq!(timeout(&batch, usual), Duration::from_mins(15));
    }
}
