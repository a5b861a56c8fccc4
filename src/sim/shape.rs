//! A value that keeps a JSON Schema, as a pure function of a text: names and words come from it.
//!
//! It keeps what structured output may ask for: types, enums, constants, bounds, lengths, formats, alternatives,
//! references. A pattern it keeps only by luck.

use serde_json::{Map, Value};

use super::entity::names;

/// References that lead deeper than this end in the least value.
const DEEPEST: usize = 12;

/// Makes values.
pub(super) struct Shaper<'a> {
    root: &'a Value,
    text: &'a str,
    words: Vec<&'a str>,
    names: Vec<String>,
    chance: fastrand::Rng,
}

impl<'a> Shaper<'a> {
    /// For a schema whose references start at `root`, and a text.
    pub(super) fn new(root: &'a Value, text: &'a str, seed: u64) -> Self {
        Self {
            root,
            text,
            words: text.split_whitespace().collect(),
            names: names(text),
            chance: fastrand::Rng::with_seed(seed),
        }
    }

    /// A value that keeps `schema`.
    pub(super) fn value(&mut self, schema: &Value, name: &str, depth: usize) -> Value {
        if let Some(constant) = schema.get("const") {
            return constant.clone();
        }
        if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
            return self.chance.choice(choices).cloned().unwrap_or_default();
        }
        if let Some(to) = schema.get("$ref").and_then(Value::as_str) {
            let found = to.strip_prefix('#').and_then(|to| self.root.pointer(to));
            return found
                .filter(|_| depth < 4 * DEEPEST)
                .map_or(Value::Null, |found| self.value(found, name, depth + 1));
        }
        for word in ["anyOf", "oneOf"] {
            if let Some(choices) = schema.get(word).and_then(Value::as_array) {
                return self.one_of(choices, name, depth);
            }
        }
        match self.kind(schema, depth) {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, name, depth),
            "string" => self.string(schema, name).into(),
            "integer" => self.number(schema, true),
            "number" => self.number(schema, false),
            "boolean" => self.chance.bool().into(),
            _ => Value::Null,
        }
    }

    /// Of several types one; deep down the one that ends it.
    fn kind<'s>(&mut self, schema: &'s Value, depth: usize) -> &'s str {
        match schema.get("type") {
            Some(Value::String(kind)) => kind,
            Some(Value::Array(kinds)) => {
                let kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
                if depth >= DEEPEST && kinds.contains(&"null") {
                    return "null";
                }
                self.chance.choice(&kinds).copied().unwrap_or("null")
            }
            _ if schema.get("properties").is_some() => "object",
            _ if schema.get("items").is_some() => "array",
            _ => "string",
        }
    }

    fn one_of(&mut self, choices: &[Value], name: &str, depth: usize) -> Value {
        let is_null = |choice: &&Value| choice.get("type").is_some_and(|kind| kind == "null");
        let ends = choices
            .iter()
            .find(|choice| is_null(choice))
            .filter(|_| depth >= DEEPEST);
        let chosen = ends.or_else(|| self.chance.choice(choices));
        chosen.map_or(Value::Null, |chosen| self.value(chosen, name, depth + 1))
    }

    fn object(&mut self, schema: &Value, depth: usize) -> Value {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return Value::Object(Map::new());
        };
        let required = schema.get("required").and_then(Value::as_array);
        let needed = |name: &String| {
            required.is_some_and(|list| list.iter().any(|one| one == name.as_str()))
        };
        let mut object = Map::new();
        for (name, of) in properties {
            if depth < DEEPEST || needed(name) {
                object.insert(name.clone(), self.value(of, name, depth + 1));
            }
        }
        Value::Object(object)
    }

    fn array(&mut self, schema: &Value, name: &str, depth: usize) -> Value {
        let bound = |word: &str| schema.get(word).and_then(Value::as_u64);
        let least = bound("minItems").unwrap_or(0);
        let most = bound("maxItems").unwrap_or(least.max(2)).min(least.max(2));
        let count = if depth >= DEEPEST {
            least
        } else {
            self.chance.u64(least..=most.max(least))
        };
        let Some(items) = schema.get("items") else {
            return Value::Array(Vec::new());
        };
        (0..count)
            .map(|_| self.value(items, name, depth + 1))
            .collect()
    }

    fn string(&mut self, schema: &Value, name: &str) -> String {
        let format = schema
            .get("format")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let day = self.chance.u8(1..28);
        let fixed = match format {
            "date-time" => Some(format!("2024-05-{day:02}T09:30:00Z")),
            "date" => Some(format!("2024-05-{day:02}")),
            "time" => Some("09:30:00Z".to_owned()),
            "duration" => Some("PT5M".to_owned()),
            "email" => Some("someone@example.org".to_owned()),
            "hostname" => Some("example.org".to_owned()),
            "ipv4" => Some("192.0.2.1".to_owned()),
            "ipv6" => Some("2001:db8::1".to_owned()),
            "uuid" => Some("7d444840-9dc0-11d1-b245-5ffdce74fad2".to_owned()),
            "uri" => Some("https://example.org/".to_owned()),
            _ => None,
        };
        let text = fixed.unwrap_or_else(|| self.words(name));
        let bound = |word: &str| {
            schema
                .get(word)
                .and_then(Value::as_u64)
                .and_then(|n| usize::try_from(n).ok())
        };
        let mut text: String = text
            .chars()
            .take(bound("maxLength").unwrap_or(usize::MAX))
            .collect();
        let missing = bound("minLength")
            .unwrap_or(0)
            .min(10_000)
            .saturating_sub(text.chars().count());
        text.extend(std::iter::repeat_n('x', missing));
        text
    }

    /// A quote stands in the text, a name is one that is named there, all else is a few of its words.
    fn words(&mut self, name: &str) -> String {
        let is = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
        if is(&["quote", "evidence"]) {
            let lines: Vec<&str> = self
                .text
                .lines()
                .filter(|line| !line.trim().is_empty())
                .collect();
            let line = self.chance.choice(&lines).copied().unwrap_or_default();
            let said = line.split_once(": ").map_or(line, |(_, said)| said);
            return super::entity::sentence(said, 0).to_owned();
        }
        if is(&["name", "owner", "who", "person"])
            && let Some(name) = self.chance.choice(&self.names)
        {
            return name.clone();
        }
        let count = self.chance.usize(2..8).min(self.words.len());
        let first = self.chance.usize(0..=self.words.len() - count);
        self.words
            .iter()
            .skip(first)
            .take(count)
            .copied()
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn number(&mut self, schema: &Value, is_whole: bool) -> Value {
        let bound = |word: &str| schema.get(word).and_then(Value::as_f64);
        let step = bound("multipleOf")
            .filter(|step| *step > 0.0)
            .or(is_whole.then_some(1.0));
        let inside = step.unwrap_or(1e-3);
        let least = bound("minimum").or(bound("exclusiveMinimum").map(|least| least + inside));
        let most = bound("maximum").or(bound("exclusiveMaximum").map(|most| most - inside));
        let (least, most) = match (least, most) {
            (Some(least), Some(most)) => (least, most),
            (Some(least), None) => (least, least + 100.0),
            (None, Some(most)) => (most - 100.0, most),
            (None, None) => (0.0, 100.0),
        };
        let number = least + (most - least).max(0.0) * self.chance.f64();
        let number = step.map_or(number, |step| {
            let down = (number / step).floor() * step;
            if down < least { down + step } else { down }
        });
        if is_whole {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a saturating cast of a whole number"
            )]
            return (number as i64).into();
        }
        number.into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_keep_their_schemas() {
        let schemas = [
            json!({"type": "object", "required": ["a", "b", "c", "d"], "additionalProperties": false, "properties": {
                "a": {"type": ["string", "null"]},
                "b": {"type": "array", "items": {"enum": ["x", 1, null]}, "minItems": 1, "maxItems": 3},
                "c": {"anyOf": [{"type": "integer", "minimum": 5, "maximum": 9}, {"type": "null"}]},
                "d": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}}}),
            json!({"type": "object", "required": ["next", "at"], "properties": {
                "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "at": {"type": "string", "format": "date-time"}}}),
            json!({"$defs": {"t": {"type": "object", "required": ["kids", "n"], "properties": {
                "kids": {"type": "array", "items": {"$ref": "#/$defs/t"}}, "n": {"type": "integer", "multipleOf": 7}}}},
                "$ref": "#/$defs/t"}),
            json!({"type": "array", "items": {"const": "k"}, "minItems": 4, "maxItems": 4}),
            json!({"type": "string", "minLength": 40, "maxLength": 41}),
            json!({"type": "object", "properties": {"ok": {"type": "boolean"}}}),
        ];
        for schema in &schemas {
            let validator = jsonschema::validator_for(schema).unwrap();
            for seed in 0..200 {
                let text =
                    "Ana Lima: We met Bo Chan in May.\nBo Chan: Indeed, at the Harbour Lab.\n";
                let value = Shaper::new(schema, text, seed).value(schema, "", 0);
                assert!(validator.is_valid(&value), "{schema} {value}");
                assert_eq!(value, Shaper::new(schema, text, seed).value(schema, "", 0));
            }
        }
        assert_eq!(
            Shaper::new(&json!({}), "", 1).value(&json!({"type": "string"}), "", 0),
            ""
        );
    }
}
