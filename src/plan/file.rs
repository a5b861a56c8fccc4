//! TOML as it is written -> values, each with its key and its place. Everything that is wrong is named.

use std::ops::Range;
use std::sync::Arc;

use serde_json::{Map, Number, Value};
use toml::de::{DeTable, DeValue};

use super::error::{PlanErrors, Problem};
use super::key::{Holder, KeyPath, Standing, standing};
use super::origin::{Given, Origin, Place};

/// Sections of `weir.toml` that are no part of a plan.
const OTHERS: [&str; 2] = ["notify", "service"];

/// What a file says, and what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) given: Vec<Given>,
    pub(super) problems: Vec<Problem>,
}

/// Reads a whole file, called `name` in messages.
pub(super) fn read(name: &str, text: &str, holder: Holder) -> Read {
    let file: Arc<str> = name.into();
    let place = |span: Range<usize>| {
        let place = locate(&file, text, span.start);
        match holder {
            Holder::Operator => Origin::Operator(place),
            _ => Origin::Dataflow(place),
        }
    };
    let mut read = Read::default();
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let origin = place(error.span().unwrap_or_default());
        read.problems.push(Problem {
            origin: Some(origin),
            key: None,
            message: error.message().to_owned(),
        });
    }
    // What the parser made of a broken file is a guess; complaints about guesses only confuse.
    if read.problems.is_empty() {
        let root = KeyPath(Vec::new());
        let mut table = table.into_inner();
        if holder == Holder::Operator {
            // What the service reads there by itself.
            for others in OTHERS {
                table.remove(others);
            }
        }
        flatten(&table, &root, holder, &place, &mut read);
    }
    read
}

/// Reads the `key=value` of a `--set`; a value that is no TOML is taken as text.
pub(super) fn read_set(text: &str) -> Read {
    let mut read = Read::default();
    let origin = |_| Origin::Flag("--set");
    let Some((key, raw)) = split(text) else {
        read.problems.push(Problem {
            origin: Some(origin(0..0)),
            key: None,
            message: format!("{text:?} is not key=value"),
        });
        return read;
    };
    let raw = raw.trim();
    let document = format!("{} = 0", key.trim());
    let Some(key) = DeTable::parse(&document)
        .ok()
        .and_then(|table| path(table.get_ref()))
    else {
        read.problems.push(Problem {
            origin: Some(origin(0..0)),
            key: None,
            message: format!("{:?} is not a key", key.trim()),
        });
        return read;
    };
    let value =
        DeValue::parse(raw).map_or_else(|_| DeValue::String(raw.into()), toml::Spanned::into_inner);
    entry(
        &key,
        &value,
        origin(0..0),
        Holder::Command,
        &origin,
        &mut read,
    );
    for given in &mut read.given {
        given.raw = Some(raw.to_owned());
    }
    read
}

/// The values of a `--set key=value`: one, or one for each entry of a table.
///
/// ```
/// let given = weir::plan::parse_set("extract.model=gpt-4o-mini").unwrap();
/// assert_eq!(given[0].value, "gpt-4o-mini");
/// ```
///
/// # Errors
/// Names the keys that do not exist, and what is not `key=value`.
pub fn parse_set(text: &str) -> Result<Vec<Given>, PlanErrors> {
    let read = read_set(text);
    if read.problems.is_empty() {
        Ok(read.given)
    } else {
        Err(PlanErrors(read.problems))
    }
}

/// Whether a text is a dataflow by its looks: TOML with a key of one.
#[must_use]
pub fn is_dataflow_text(text: &str) -> bool {
    let is_key = |name: &str| {
        let path = KeyPath(vec![name.to_owned()]);
        !matches!(standing(&path, Holder::Dataflow), Standing::Refused(_))
    };
    DeTable::parse(text).is_ok_and(|table| table.get_ref().keys().any(|key| is_key(key.get_ref())))
}

/// At the first `=` outside quotes.
fn split(text: &str) -> Option<(&str, &str)> {
    let mut quoted = None;
    let at = text.char_indices().find_map(|(at, c)| {
        match (quoted, c) {
            (None, '=') => return Some(at),
            (None, '"' | '\'') => quoted = Some(c),
            (Some(open), c) if open == c => quoted = None,
            _ => {}
        }
        None
    })?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// The one key of a table of tables.
fn path(table: &DeTable<'_>) -> Option<KeyPath> {
    let mut parts = Vec::new();
    let mut table = table;
    loop {
        let mut entries = table.iter();
        let (key, value) = entries.next()?;
        if entries.next().is_some() {
            return None;
        }
        parts.push(key.get_ref().to_string());
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => return Some(KeyPath(parts)),
        }
    }
}

type Locate<'a> = dyn Fn(Range<usize>) -> Origin + 'a;

fn flatten(
    table: &DeTable<'_>,
    prefix: &KeyPath,
    holder: Holder,
    place: &Locate<'_>,
    read: &mut Read,
) {
    for (name, value) in table {
        let key = prefix.child(name.get_ref());
        entry(
            &key,
            value.get_ref(),
            place(name.span()),
            holder,
            place,
            read,
        );
    }
}

fn entry(
    key: &KeyPath,
    value: &DeValue<'_>,
    origin: Origin,
    holder: Holder,
    place: &Locate<'_>,
    read: &mut Read,
) {
    let wrong = match (standing(key, holder), value) {
        (Standing::Refused(why), _) => why,
        (Standing::Table, DeValue::Table(inner)) => {
            return flatten(inner, key, holder, place, read);
        }
        (Standing::Table, other) => {
            format!(
                "is a table of keys, but this is of type {}",
                other.type_str()
            )
        }
        (Standing::Value, value) => match plain(value) {
            Ok(value) => {
                return read.given.push(Given {
                    key: key.clone(),
                    value,
                    raw: None,
                    origin,
                });
            }
            Err(why) => why.to_owned(),
        },
    };
    let problem = Problem::of(&key.to_string(), origin, wrong);
    read.problems.push(problem);
}

/// A TOML value as JSON, which is what parameters become on the wire.
fn plain(value: &DeValue<'_>) -> Result<Value, &'static str> {
    Ok(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix())
            .map(Value::from)
            .or(Err("is beyond 64 bits"))?,
        DeValue::Float(digits) => {
            let number = digits.as_str().parse().or(Err("is not a number"))?;
            number_of(number).ok_or("is not a finite number")?
        }
        DeValue::Datetime(_) => return Err("is a date; put it in quotes"),
        DeValue::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| plain(item.get_ref()))
                .collect::<Result<_, _>>()?,
        ),
        DeValue::Table(table) => {
            let mut map = Map::new();
            for (name, value) in table {
                map.insert(name.get_ref().to_string(), plain(value.get_ref())?);
            }
            Value::Object(map)
        }
    })
}

/// A whole float as an integer: `temperature = 0.0` asks what `temperature = 0` asks, so it has the same key.
fn number_of(number: f64) -> Option<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
    if number.fract() == 0.0 && number.abs() < EXACT {
        return Some(Value::from(number as i64));
    }
    Number::from_f64(number).map(Value::Number)
}

fn locate(file: &Arc<str>, text: &str, at: usize) -> Place {
    let before = text
        .get(..at)
        .or_else(|| text.get(..text.len()))
        .unwrap_or_default();
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    Place {
        file: Arc::clone(file),
        line,
        column,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let read = read("a.toml", text, Holder::Dataflow);
        read.problems.iter().map(Problem::to_string).collect()
    }

    #[test]
    fn bad_files() {
        for (text, expected) in [
            (
                "name = \"a\"\n[chunk]\n  targt = 9",
                "a.toml:3:3: chunk.targt: there is no such key; did you mean chunk.target?",
            ),
            (
                "chunk = 3",
                "a.toml:1:1: chunk: is a table of keys, but this is of type integer",
            ),
            ("name = \"a", "a.toml:1:10: "),
            ("name = 1\nname = 2", "a.toml:2:1: duplicate key"),
            (
                "[near]\nthreshold = 0.9",
                "a.toml:1:2: near: near-duplicates are not in this release",
            ),
            (
                "[limit]\nrequests = \"500/min\"",
                "a.toml:2:1: limit.requests: belongs to who runs the dataflow",
            ),
            (
                "[extract.parameters]\nseed = 99999999999999999999",
                "a.toml:2:1: extract.parameters.seed: is beyond 64 bits",
            ),
            (
                "description = 2026-01-01",
                "a.toml:1:1: description: is a date; put it in quotes",
            ),
            (
                "[extract]\nkey = \"sk-1\"",
                "a.toml:2:1: extract.key: a key never stands in a file",
            ),
        ] {
            let found = problems(text);
            assert!(
                found.len() == 1 && found[0].starts_with(expected),
                "{text}\n{found:?}"
            );
        }
    }

    #[test]
    fn every_problem_at_once() {
        assert_eq!(problems("a = 1\nb = 2\n[chunk]\nc = 3").len(), 3);
    }

    #[test]
    fn nothing_makes_it_fall() {
        let mut rng = fastrand::Rng::with_seed(1);
        let alphabet: Vec<char> = "[]{}=.\"'\\\n#a1é_-, ".chars().collect();
        for _ in 0..3000 {
            let text: String = (0..rng.usize(..40))
                .map(|_| alphabet[rng.usize(..alphabet.len())])
                .collect();
            read("a.toml", &text, Holder::Dataflow);
            read_set(&text);
        }
        problems(&"[".repeat(100_000));
        problems(&format!("name = {}", "[".repeat(100_000)));
        problems(&format!("extract.parameters{} = 1", ".a".repeat(100_000)));
    }

    #[test]
    fn sets() {
        let set = |text| {
            let read = read_set(text);
            assert!(read.problems.is_empty(), "{text}: {:?}", read.problems);
            let given = read.given.into_iter().map(|g| (g.key.to_string(), g.value));
            given.collect::<Vec<_>>()
        };
        assert_eq!(
            set("extract.model=gpt-4o-mini"),
            [("extract.model".to_owned(), "gpt-4o-mini".into())]
        );
        assert_eq!(set("chunk.target = 300")[0].1, Value::from(300));
        assert_eq!(set("limit.requests=500/min")[0].1, Value::from("500/min"));
        assert_eq!(
            set("models.\"gpt-4.1\".input=2.0"),
            [("models.\"gpt-4.1\".input".to_owned(), 2.into())]
        );
        assert_eq!(set("extract.parameters={seed=1, top_p=0.5}").len(), 2);
        for (bad, expected) in [
            ("chunk.target", "--set: \"chunk.target\" is not key=value"),
            ("=3", "--set: \"\" is not a key"),
            (
                "chunk=3",
                "--set: chunk: is a table of keys, but this is of type integer",
            ),
        ] {
            assert_eq!(read_set(bad).problems[0].to_string(), expected);
        }
    }
}
