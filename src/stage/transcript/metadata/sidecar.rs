//! `NAME.meta.toml` or `NAME.meta.json` beside a transcript: keys and values, tables within as dotted keys.

use serde_json::Value;

use super::Metadata;

/// Tables within tables.
const MAX_DEPTH: usize = 8;

/// What a sidecar says, and what is wrong with it if anything is; the rest of it holds all the same.
///
/// ```
/// let (said, wrong) = weir::stage::transcript::metadata::sidecar("a.meta.toml", b"title = 'Kick-off'\ndate = 2026-05-19");
/// assert_eq!((said.title.as_deref(), wrong), (Some("Kick-off"), None));
/// ```
#[must_use]
pub fn sidecar(name: &str, bytes: &[u8]) -> (Metadata, Option<String>) {
    let mut said = Metadata::default();
    let mut wrong = None;
    match parsed(name, bytes) {
        Ok(values) => add("", values, 0, &mut said, &mut wrong),
        Err(why) => wrong = Some(why),
    }
    (said, wrong)
}

fn parsed(name: &str, bytes: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| format!("it is not UTF-8: {e}"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let value: Value = if name.to_ascii_lowercase().ends_with(".json") {
        serde_json::from_str(text).map_err(|e| format!("it is not JSON: {e}"))?
    } else {
        toml::from_str(text).map_err(|e| {
            let line = e.span().map_or(1, |span| {
                let before = text.get(..span.start).unwrap_or(text);
                before.matches('\n').count() + 1
            });
            format!("it is not TOML: line {line}: {}", e.message())
        })?
    };
    if value.is_object() {
        Ok(value)
    } else {
        Err("it is no table of keys and values".to_owned())
    }
}

fn add(key: &str, value: Value, depth: usize, said: &mut Metadata, wrong: &mut Option<String>) {
    let text = match value {
        Value::Object(values) => {
            // A date of TOML comes as a table of one key that no file can hold.
            if let Some(date) = values
                .get("$__toml_private_datetime")
                .and_then(Value::as_str)
            {
                date.to_owned()
            } else if depth >= MAX_DEPTH {
                wrong.get_or_insert(format!("{key} is nested too deeply"));
                return;
            } else {
                for (name, value) in values {
                    // `[meta]` is the name of the column, not a part of the keys in it.
                    let full = match key {
                        "" | "meta" => name,
                        _ => format!("{key}.{name}"),
                    };
                    add(&full, value, depth + 1, said, wrong);
                }
                return;
            }
        }
        Value::Array(items) => {
            let texts = items.iter().filter_map(scalar).take(200);
            texts.collect::<Vec<_>>().join(", ")
        }
        other => scalar(&other).unwrap_or_default(),
    };
    if let Err(why) = said.set(key, &text) {
        wrong.get_or_insert(why);
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str, text: &str) -> String {
        let (said, wrong) = sidecar(name, text.as_bytes());
        let date = said.recorded_at.map(|at| at.to_string());
        let meta: Vec<_> = said
            .meta
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        format!(
            "{} {} {} {} | {}",
            said.title.as_deref().unwrap_or("-"),
            date.as_deref().unwrap_or("-"),
            said.language.as_deref().unwrap_or("-"),
            meta.join(" "),
            wrong.as_deref().unwrap_or("-")
        )
    }

    #[test]
    fn what_sidecars_say() {
        let table = [
            (
                "a.meta.toml",
                "title = 'A'\ndate = 2026-05-19\nlanguage = 'pt'\nteam = 'x'",
                "A 2026-05-19T00:00:00Z pt date=2026-05-19 team=x | -",
            ),
            (
                "a.meta.toml",
                "recorded_at = 2026-05-19T10:00:00+02:00\n[meta]\nn = 3\n[meta.room]\nfloor = true",
                "- 2026-05-19T08:00:00Z - n=3 recorded_at=2026-05-19T10:00:00+02:00 room.floor=true | -",
            ),
            (
                "a.meta.json",
                "{\"title\":\"A\",\"tags\":[\"x\",1,null],\"none\":null}",
                "A - - tags=x, 1 | -",
            ),
            (
                "a.meta.json",
                "{\"date\":\"soon\",\"title\":\"A\"}",
                "A - - date=soon | date = \"soon\" is no date such as 2026-05-19 or 2026-05-19T10:00:00Z",
            ),
            (
                "a.meta.toml",
                "title = 'A'\nteam = ",
                "- - -  | it is not TOML: line 2: ",
            ),
            ("a.meta.json", "{", "- - -  | it is not JSON: EOF"),
            (
                "a.meta.json",
                "[1]",
                "- - -  | it is no table of keys and values",
            ),
            ("a.META.JSON", "\u{feff}{}", "- - -  | -"),
            ("a.meta.toml", "", "- - -  | -"),
            (
                "a.meta.toml",
                "a.b.c.d.e.f.g.h.i = 1\nz = 2",
                "- - - z=2 | a.b.c.d.e.f.g.h is nested too deeply",
            ),
        ];
        for (name, text, want) in table {
            let found = shown(name, text);
            assert!(found.starts_with(want), "{text}\n{found}");
        }
        assert!(
            sidecar("a.meta.toml", b"\xff")
                .1
                .unwrap()
                .starts_with("it is not UTF-8")
        );
        let many: String = (0..300).fold(String::new(), |all, n| format!("{all}k{n} = {n}\n"));
        assert_eq!(
            sidecar("a.meta.toml", many.as_bytes()).1.as_deref(),
            Some("holds more than 200 values")
        );
        let deep = format!("{{\"a\":{}", "[".repeat(100_000));
        assert!(sidecar("a.meta.json", deep.as_bytes()).1.is_some());
    }
}
