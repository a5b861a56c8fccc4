//! What a request asks: its chunks, its schema, and what it is charged with.

use serde::Deserialize;
use serde_json::value::RawValue;

/// Where no bound of the answer is given, this is put aside for it.
const UNBOUNDED: u64 = 4096;

/// A request.
#[derive(Clone, Debug, Default)]
pub(super) struct Ask {
    /// The model that it names.
    pub(super) model: String,
    /// The chunks, as id and text; one without an id if there are no fences.
    pub(super) chunks: Vec<(String, String)>,
    /// The schema of the answer, as it came.
    pub(super) schema: Option<String>,
    /// Tokens of the prompt: a fourth of its characters, as a provider estimates it.
    pub(super) prompt: u64,
    /// The most tokens of the answer.
    pub(super) most: u64,
}

#[derive(Deserialize)]
struct Body<'a> {
    model: String,
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    #[serde(borrow)]
    response_format: Option<Format<'a>>,
    #[serde(default)]
    stream: bool,
}

#[derive(Deserialize)]
struct Message<'a> {
    role: String,
    #[serde(borrow)]
    content: Option<Content<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(#[serde(borrow)] std::borrow::Cow<'a, str>),
    Parts(Vec<Piece>),
}

#[derive(Deserialize)]
struct Piece {
    #[serde(default)]
    text: String,
}

#[derive(Deserialize)]
struct Format<'a> {
    #[serde(borrow)]
    json_schema: Option<Named<'a>>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    schema: Option<&'a RawValue>,
}

impl Ask {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// Says what is wrong with it, in words for the client.
    pub(super) fn read(body: &[u8]) -> Result<Self, String> {
        let body: Body<'_> = serde_json::from_slice(body).map_err(|error| {
            format!("we could not parse the JSON body of your request: {error}")
        })?;
        if body.stream {
            return Err("unsupported parameter: 'stream' is not simulated".to_owned());
        }
        let mut characters = 0;
        let mut user = String::new();
        for message in body.messages {
            let text = match message.content {
                Some(Content::Text(text)) => text.into_owned(),
                Some(Content::Parts(parts)) => parts.into_iter().map(|part| part.text).collect(),
                None => String::new(),
            };
            characters += text.chars().count();
            if message.role == "user" {
                user.push_str(&text);
            }
        }
        let schema = body
            .response_format
            .and_then(|format| format.json_schema?.schema);
        characters += schema.map_or(0, |schema| schema.get().len());
        let mut chunks = fenced(&user);
        if chunks.is_empty() {
            chunks.push((String::new(), user));
        }
        Ok(Self {
            model: body.model,
            chunks,
            schema: schema.map(|schema| schema.get().to_owned()),
            prompt: (characters as u64).div_ceil(4),
            most: body
                .max_completion_tokens
                .or(body.max_tokens)
                .unwrap_or(UNBOUNDED),
        })
    }

    /// What it is charged with when it arrives.
    #[must_use]
    pub(super) fn charge(&self) -> u64 {
        self.prompt.saturating_add(self.most)
    }
}

/// The chunks of a message, as the prompt fences them: a line `<chunk id="ID" mark="MARK">`, the text, and a line
/// `</chunk mark="MARK">`.
fn fenced(text: &str) -> Vec<(String, String)> {
    let mut chunks = Vec::new();
    let mut open: Option<(String, String, String)> = None;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches('\n');
        if open.as_ref().is_some_and(|(_, close, _)| close == bare) {
            chunks.extend(open.take().map(|(tag, _, text)| (tag, text)));
        } else if let Some((_, _, text)) = &mut open {
            text.push_str(line);
        } else if let Some((tag, mark)) = opening(bare) {
            open = Some((
                tag.to_owned(),
                format!("</chunk mark=\"{mark}\">"),
                String::new(),
            ));
        }
    }
    chunks
}

fn opening(line: &str) -> Option<(&str, &str)> {
    let (tag, rest) = line.strip_prefix("<chunk id=\"")?.split_once('"')?;
    let mark = rest.strip_prefix(" mark=\"")?.strip_suffix("\">")?;
    Some((tag, mark))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_is_read() {
        let user = "<chunk id=\"a\" mark=\"m\">\nAna: Hi.\n</chunk mark=\"n\">\n</chunk mark=\"m\">\n\
                    <chunk id=\"b\" mark=\"m\">\nBo: <chunk id=\"x\" mark=\"m\">\n</chunk mark=\"m\">\n";
        let schema = json!({"type": "object"});
        let body = json!({
            "model": "m",
            "max_completion_tokens": 100,
            "messages": [{"role": "system", "content": "Do."}, {"role": "user", "content": user}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}},
            "unknown": 1,
        });
        let ask = Ask::read(body.to_string().as_bytes()).unwrap();
        let texts = [
            ("a", "Ana: Hi.\n</chunk mark=\"n\">\n"),
            ("b", "Bo: <chunk id=\"x\" mark=\"m\">\n"),
        ];
        assert_eq!(
            ask.chunks,
            texts.map(|(tag, text)| (tag.to_owned(), text.to_owned()))
        );
        assert_eq!(ask.schema.as_deref(), Some(r#"{"type":"object"}"#));
        let characters = user.len() + 3 + 17;
        assert_eq!(ask.charge(), 100 + (characters as u64).div_ceil(4));
    }

    #[test]
    fn anything_else_is_one_chunk_without_an_id() {
        let parts = json!([{"type": "text", "text": "Ana "}, {"type": "text", "text": "spoke."}]);
        let body = json!({"model": "m", "messages": [{"role": "user", "content": parts}]});
        let ask = Ask::read(body.to_string().as_bytes()).unwrap();
        assert_eq!(ask.chunks, [(String::new(), "Ana spoke.".to_owned())]);
        assert_eq!(ask.charge(), 3 + UNBOUNDED);
        for body in [
            "",
            "[]",
            "{}",
            r#"{"model":"m","messages":[],"stream":true}"#,
        ] {
            assert!(Ask::read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
