//! What is asked of a model: prompt, answer schema, parameters; and what of it makes the ledger key.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::models::Model;
use super::origin::Origin;
use super::resolve::Purpose;
use super::settings::Settings;
use super::{shipped, value};
use crate::model::call::Question;
use crate::model::id::{KeyContext, PromptId, SchemaId};
use crate::stage::extract::columns;
use crate::stage::extract::items::Ruleset;
use crate::stage::extract::schema::check_schema;

/// Far more than any model reads before its first chunk.
pub(super) const MAX_FILE: u64 = 1 << 20;

/// What `weir` decides itself for each call.
const OWN: &[&str] = &[
    "model",
    "messages",
    "response_format",
    "max_tokens",
    "max_completion_tokens",
    "stream",
    "stream_options",
    "n",
    "tools",
    "tool_choice",
    "functions",
    "function_call",
];

/// What changes when or at what price an answer comes, not what it says: no part of the ledger key, so that it may
/// be changed without paying again.
const BESIDE: &[&str] = &[
    "service_tier",
    "store",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "metadata",
    "user",
    "safety_identifier",
];

/// What models that reason first refuse.
const SAMPLING: &[&str] = &[
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "stop",
];

/// Where the texts of a dataflow lie.
pub(super) enum Home {
    /// In the program.
    Shipped,
    /// In this folder.
    Folder(PathBuf),
}

/// Reads a text file of bounded size; line ends and a byte order mark are no part of it.
pub(super) fn read_text(path: &Path) -> Result<String, String> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    // A pipe or a device would be waited for.
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return Err(format!("{name:?} is not a file"));
    }
    File::open(path)
        .and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes))
        .map_err(|error| format!("could not read {name:?}: {error}"))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(format!("{name:?} is larger than {MAX_FILE} bytes"));
    }
    let text = String::from_utf8(bytes).or(Err(format!("{name:?} is not UTF-8 text")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(text.replace("\r\n", "\n"))
}

/// The text that a key names: a file beside the dataflow file, or one that is shipped.
fn text_of(settings: &mut Settings, home: &Home, key: &str) -> Option<String> {
    let Some((path, origin)) = settings.get(key, value::word) else {
        if settings.origin(key) == Origin::Default {
            settings.wrong(key, "is missing: name a file");
        }
        return None;
    };
    let read = match home {
        Home::Shipped if origin.rank() <= 1 => Err(format!("{path:?} is not shipped")),
        Home::Shipped => read_text(Path::new(&path)),
        // A path from the command line starts where the user stands, not where the file lies.
        Home::Folder(_) if origin.rank() > 1 => read_text(Path::new(&path)),
        Home::Folder(folder) => read_text(&folder.join(&path)),
    };
    let (text, shown) = match (read, shipped::text(&path)) {
        (Ok(text), _) => (text, path),
        (Err(_), Some(text)) => (text.to_owned(), format!("{path} (shipped)")),
        (Err(why), None) => {
            settings.wrong(key, why);
            return None;
        }
    };
    settings.took(key, shown, origin);
    Some(text)
}

/// Prompt and schema, checked.
pub(super) fn texts(
    settings: &mut Settings,
    home: &Home,
    rules: bool,
    purpose: Purpose,
) -> Option<(String, Value)> {
    let prompt = text_of(settings, home, "extract.prompt");
    if prompt.as_ref().is_some_and(|text| text.trim().is_empty()) {
        settings.wrong("extract.prompt", "is empty");
    }
    let schema = text_of(settings, home, "extract.schema")?;
    let schema: Value = match serde_json::from_str(&schema) {
        Ok(schema) => schema,
        Err(error) => {
            settings.wrong("extract.schema", format!("is not JSON: {error}"));
            return None;
        }
    };
    let schema = if schema.pointer("/properties/items").is_some() {
        columns::completed(schema)
    } else {
        schema
    };
    if let Err(error) = check_schema(&schema) {
        settings.wrong("extract.schema", error.to_string());
        return None;
    }
    if rules && Ruleset::serving(&schema).is_none() {
        let served = Ruleset::ALL.map(Ruleset::dataflow).join(", ");
        let why = format!(
            "is one that rules cannot serve: they answer in the forms of {served} (fewer properties and other \
             descriptions are fine). Name a model that fills it in: --model gpt-4o-mini with OPENAI_API_KEY, or one of \
             this machine, as in --model qwen3 --preset ollama"
        );
        // To look at a schema no model is needed.
        if purpose == Purpose::Show {
            settings.note(format!("extract.schema {why}"));
        } else {
            settings.wrong("extract.schema", why);
        }
    }
    Some((prompt?, schema))
}

/// The parameters that go on the wire.
pub(super) fn parameters(settings: &mut Settings, model: Option<&Model>) -> Map<String, Value> {
    let mut parameters = Map::new();
    let mut left_out = Vec::new();
    for (name, given) in settings.below("extract", "parameters") {
        let key = given.key.to_string();
        if OWN.contains(&name.as_str()) {
            settings.problems.push(super::error::Problem::of(
                &key,
                given.origin,
                "is set by weir for each call",
            ));
            continue;
        }
        let written_for_others = given.origin.rank() <= 1;
        if written_for_others
            && SAMPLING.contains(&name.as_str())
            && model.is_some_and(|model| model.reasoning)
        {
            left_out.push(name);
            continue;
        }
        settings.took(&key, given.value.to_string(), given.origin);
        parameters.insert(name, given.value);
    }
    if model.is_some_and(|model| model.reasoning) && !parameters.contains_key("reasoning_effort") {
        settings.note(
            "this model thinks before it answers and bills that as output; extract.parameters.reasoning_effort = \
             \"low\" costs less",
        );
    }
    if !left_out.is_empty() {
        settings.note(format!(
            "left out, since this model refuses it: {}",
            left_out.join(", ")
        ));
    }
    parameters
}

/// The question, and what of it makes the key.
pub(super) fn question(
    name: &str,
    model: &str,
    prompt: String,
    schema: Value,
    parameters: Map<String, Value>,
) -> (Arc<Question>, KeyContext) {
    // Maps are sorted by name, so the text of a value is canonical.
    let schema_id = SchemaId::of(&[schema.to_string().as_bytes()]);
    let prompt_id = PromptId::of(&[prompt.as_bytes()]);
    let mut deciding = parameters.clone();
    deciding.retain(|name, _| !BESIDE.contains(&name.as_str()));
    let context = KeyContext {
        prompt: prompt_id,
        schema: schema_id,
        model: model.to_owned(),
        parameters: Value::Object(deciding).to_string(),
    };
    let question = Question {
        prompt: prompt.into(),
        prompt_id,
        schema: Arc::new(schema),
        schema_id,
        schema_name: name.into(),
        model: model.into(),
        parameters: Arc::new(parameters),
    };
    (Arc::new(question), context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn order_and_price_are_no_part_of_the_key() {
        let ask = |schema: &str, parameters: Value| {
            let Value::Object(parameters) = parameters else {
                panic!("an object");
            };
            let schema = serde_json::from_str(schema).unwrap();
            question("a", "m", "p".into(), schema, parameters).1
        };
        let first = ask(r#"{"b": 1, "a": 2}"#, json!({"temperature": 0}));
        let flex = json!({"service_tier": "flex", "temperature": 0});
        assert_eq!(first, ask(r#"{"a": 2, "b": 1}"#, flex));
        assert_eq!(first.parameters, "{\"temperature\":0}");
        assert_ne!(first, ask(r#"{"a": 2, "b": 1}"#, json!({"temperature": 1})));
        assert_ne!(first, ask(r#"{"a": 3, "b": 1}"#, json!({"temperature": 0})));
    }
}
