//! JSON from outside, read whole or not at all: bounded in size, depth and number of values, and no object
//! says the same thing twice.
//!
//! `serde_json` alone bounds the depth (128) but lets the last of two equal keys win in silence, which would
//! hang one chunk's answer on another's id; and a few megabytes of `[0,0,0` become a hundred in memory.

use std::cell::Cell;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Most values in one text; a long answer for a full batch has some ten thousand.
const MAX_VALUES: u32 = 500_000;

/// The value that `text` is, from its first to its last byte.
pub(super) fn parse(text: &str) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let left = Cell::new(MAX_VALUES);
    let value = Bounded { left: &left }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

#[derive(Clone, Copy)]
struct Bounded<'a> {
    left: &'a Cell<u32>,
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.left.get().checked_sub(1);
        self.left
            .set(left.ok_or_else(|| D::Error::custom("too many values"))?);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value);
        Ok(Value::Number(
            number.ok_or_else(|| E::custom("not a finite number"))?,
        ))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut out = Vec::new();
        while let Some(value) = list.next_element_seed(self)? {
            out.push(value);
        }
        Ok(Value::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut out = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(self)?;
            if out.insert(key, value).is_some() {
                return Err(A::Error::custom("the same key twice in one object"));
            }
        }
        Ok(Value::Object(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_values_are_as_serde_json_reads_them() {
        for text in [
            "null",
            "[1,-2,2.5,true]",
            r#"{"b":"x\u0000","a":{"c":[]}}"#,
            " \"é\" ",
        ] {
            let plain: Value = serde_json::from_str(text).unwrap();
            assert_eq!(parse(text).unwrap(), plain);
        }
    }

    #[test]
    fn hostile_texts_are_errors() {
        let deep = "[".repeat(100_000);
        let many = format!("[{}0]", "0,".repeat(600_000));
        let texts = [
            "",
            "{",
            r#"{"a":1,"a":1}"#,
            "{} {}",
            "1e400",
            r#""\ud83d""#,
            "[1,]",
            "NaN",
            deep.as_str(),
            many.as_str(),
        ];
        for text in texts {
            assert!(
                parse(text).is_err(),
                "{}",
                text.chars().take(20).collect::<String>()
            );
        }
    }
}
