//! The keys of dataflow files and of `weir.toml`: which there are, whose they are, and which are refused by name.

use std::fmt;

/// Who may write a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The dataflow file.
    Dataflow,
    /// Who runs it, in `weir.toml`.
    Operator,
    /// Both.
    Either,
}

/// Where a key was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// A dataflow file.
    Dataflow,
    /// `weir.toml`.
    Operator,
    /// The shipped catalogue of models.
    Catalogue,
    /// The command line.
    Command,
}

use Owner::{Dataflow, Either, Operator};

/// Every key. `*` stands for any one name.
const KNOWN: &[(&str, Owner)] = &[
    ("name", Dataflow),
    ("description", Dataflow),
    ("source.roots", Dataflow),
    ("source.include", Dataflow),
    ("source.exclude", Dataflow),
    ("source.metadata", Dataflow),
    ("chunk.by", Dataflow),
    ("chunk.target", Dataflow),
    ("chunk.drop_thin", Dataflow),
    ("value.min", Dataflow),
    ("batch.chunks", Either),
    ("batch.tokens", Either),
    ("batch.linger", Either),
    ("extract.prompt", Dataflow),
    ("extract.schema", Dataflow),
    ("extract.provider", Either),
    ("extract.model", Either),
    ("extract.parameters.*", Dataflow),
    ("budget.max_cost", Either),
    ("budget.max_calls", Either),
    ("budget.max_tokens", Either),
    ("budget.monthly_usd", Operator),
    ("output.dir", Either),
    ("llm.preset", Operator),
    ("llm.base_url", Operator),
    ("llm.timeout", Operator),
    ("limit.tier", Operator),
    ("limit.requests", Operator),
    ("limit.tokens", Operator),
    ("limit.daily_requests", Operator),
    ("limit.in_flight", Operator),
    ("limits.*.requests_per_minute", Operator),
    ("limits.*.tokens_per_minute", Operator),
    ("limits.*.requests_per_day", Operator),
    ("limits.*.in_flight", Operator),
    ("limits.*.tier", Operator),
    ("state.dir", Operator),
    ("workers", Operator),
    ("models.*.provider", Operator),
    ("models.*.input", Operator),
    ("models.*.cached_input", Operator),
    ("models.*.output", Operator),
    ("models.*.context", Operator),
    ("models.*.max_output", Operator),
    ("models.*.reasoning", Operator),
    ("models.*.read", Operator),
    ("models.*.tiers.*.requests", Operator),
    ("models.*.tiers.*.tokens", Operator),
    ("models.*.tiers.*.daily_requests", Operator),
];

/// Names that some later release may know, each with what to do today.
const LATER: &[(&[&str], &str)] = &[
    (
        &["near", "near_duplicates"],
        "near-duplicates are not in this release; exact ones are always found",
    ),
    (
        &["semantic"],
        "duplicates by meaning are not in this release; exact ones are always found",
    ),
    (
        &["route", "routes"],
        "a route of models is not in this release; name one model as extract.model",
    ),
    (
        &["batch_api"],
        "the Batch API is not in this release; extract.parameters.service_tier = \"flex\" is as cheap",
    ),
    (
        &["anthropic"],
        "anthropic is not in this release; a compatible server may pass its models on (--preset compatible --base-url URL)",
    ),
    (
        &["cluster", "hosts"],
        "a cluster is not in this release; one process runs the dataflow",
    ),
    (
        &["redis"],
        "redis is not in this release; state lies in the folder state.dir",
    ),
    (
        &["postgres", "postgresql"],
        "postgresql is not in this release; tables are parquet files in output.dir",
    ),
    (
        &["delta"],
        "delta tables are not in this release; tables are parquet files in output.dir",
    ),
    (
        &["s3", "gcs", "azure", "object_store", "object_stores"],
        "object stores are not in this release; tables are parquet files in a local folder",
    ),
];

/// Names under which people write secrets into files.
const SECRETS: &[&str] = &["key", "api_key", "apikey", "token", "secret", "password"];

/// A dotted key, as its parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyPath(pub(super) Vec<String>);

impl KeyPath {
    /// A key that needs no quotes.
    #[must_use]
    pub fn plain(dotted: &str) -> Self {
        Self(dotted.split('.').map(str::to_owned).collect())
    }

    /// This key with one more part.
    pub(super) fn child(&self, name: &str) -> Self {
        let mut parts = self.0.clone();
        parts.push(name.to_owned());
        Self(parts)
    }
}

impl fmt::Display for KeyPath {
    /// As TOML writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if !part.is_empty() && part.chars().all(bare) {
                f.write_str(part)?;
            } else {
                write!(f, "{part:?}")?;
            }
        }
        Ok(())
    }
}

/// What a key means where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// A value belongs here.
    Value,
    /// A table of more keys belongs here.
    Table,
    /// Nothing may stand here, and why.
    Refused(String),
}

/// How far the parts of a key fit a known one.
fn fits(parts: &[String], known: &str) -> Option<Standing> {
    let mut names = known.split('.');
    for part in parts {
        let name = names.next()?;
        if name != "*" && name != part {
            return None;
        }
    }
    Some(if names.next().is_some() {
        Standing::Table
    } else {
        Standing::Value
    })
}

/// What `key` means in `holder`.
pub(super) fn standing(key: &KeyPath, holder: Holder) -> Standing {
    let fitting = KNOWN
        .iter()
        .find_map(|(known, owner)| Some((fits(&key.0, known)?, *owner)));
    match fitting {
        Some((Standing::Table, _)) => Standing::Table,
        Some((standing, owner)) => match wrong_holder(owner, holder) {
            Some(why) => Standing::Refused(why.into()),
            None => standing,
        },
        None => Standing::Refused(unknown(key)),
    }
}

fn wrong_holder(owner: Owner, holder: Holder) -> Option<&'static str> {
    match (owner, holder) {
        (Operator, Holder::Dataflow) => {
            Some("belongs to who runs the dataflow: put it into weir.toml, or give its flag")
        }
        (Dataflow, Holder::Operator) => {
            Some("belongs to the dataflow file; change it for one run with --set")
        }
        (Dataflow | Either, Holder::Catalogue) => Some("is no part of the catalogue of models"),
        _ => None,
    }
}

fn unknown(key: &KeyPath) -> String {
    let last = key.0.last().map(String::as_str).unwrap_or_default();
    if SECRETS.contains(&last) {
        return "a key never stands in a file: set OPENAI_API_KEY, or WEIR_API_KEY_FILE to a file of yours alone"
            .to_owned();
    }
    let later = |part: &String| {
        let found = LATER
            .iter()
            .find(|(names, _)| names.contains(&part.as_str()));
        found.map(|(_, why)| *why)
    };
    if let Some(why) = key.0.iter().find_map(later) {
        return why.to_owned();
    }
    if let Some(near) = nearest(&key.to_string(), KNOWN.iter().map(|(known, _)| *known)) {
        return format!("there is no such key; did you mean {near}?");
    }
    let within = known_beside(key);
    if within.is_empty() {
        return "there is no such key".to_owned();
    }
    format!("there is no such key; known here: {}", within.join(", "))
}

/// The names that could stand in the place of the key's last part.
fn known_beside(key: &KeyPath) -> Vec<&'static str> {
    let Some((_, above)) = key.0.split_last() else {
        return Vec::new();
    };
    let mut names = Vec::new();
    for (known, _) in KNOWN {
        if fits(above, known) == Some(Standing::Table)
            && let Some(name) = known.split('.').nth(above.len())
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

/// Why a value names something of a later release, if it does.
pub(super) fn later(value: &str) -> Option<&'static str> {
    let found = LATER.iter().find(|(names, _)| names.contains(&value));
    found.map(|(_, why)| *why)
}

/// The name most like `word`, if any is like it at all.
pub(super) fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Beyond this length nobody mistyped a name; comparing is quadratic.
    const LONGEST: usize = 64;
    let word: Vec<char> = word.chars().take(LONGEST + 1).collect();
    if word.len() > LONGEST {
        return None;
    }
    let (distance, name) = names
        .map(|name| (distance(&word, name), name))
        .min_by_key(|(distance, _)| *distance)?;
    (distance <= (word.len() / 4).clamp(1, 3)).then_some(name)
}

/// Insertions, deletions and replacements from one to the other.
fn distance(from: &[char], to: &str) -> usize {
    let mut row: Vec<usize> = (0..=from.len()).collect();
    for (line, wanted) in to.chars().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        for (cell, have) in row
            .iter_mut()
            .zip([None].into_iter().chain(from.iter().map(Some)))
        {
            let above = *cell;
            let new = match have {
                None => line + 1,
                Some(have) => (diagonal + usize::from(*have != wanted))
                    .min(above + 1)
                    .min(left + 1),
            };
            diagonal = above;
            left = new;
            *cell = new;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(key: &str, holder: Holder) -> String {
        match standing(&KeyPath::plain(key), holder) {
            Standing::Refused(why) => why,
            other => panic!("{key}: {other:?}"),
        }
    }

    #[test]
    fn distances() {
        for (from, to, expected) in [
            ("", "", 0),
            ("abc", "abc", 0),
            ("abc", "", 3),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("targt", "target", 1),
        ] {
            let from: Vec<char> = from.chars().collect();
            assert_eq!(distance(&from, to), expected, "{from:?} {to}");
        }
    }

    #[test]
    fn keys_know_their_place() {
        let dataflow = |key| standing(&KeyPath::plain(key), Holder::Dataflow);
        assert_eq!(dataflow("chunk"), Standing::Table);
        assert_eq!(dataflow("chunk.target"), Standing::Value);
        assert_eq!(dataflow("extract.parameters.temperature"), Standing::Value);
        assert!(refusal("limit.requests", Holder::Dataflow).contains("weir.toml"));
        assert!(refusal("chunk.target", Holder::Operator).contains("dataflow file"));
        assert_eq!(
            refusal("chunk.targt", Holder::Dataflow),
            "there is no such key; did you mean chunk.target?"
        );
        assert_eq!(
            refusal("chunk.overlap", Holder::Dataflow),
            "there is no such key; known here: by, target, drop_thin"
        );
        assert!(refusal("near", Holder::Dataflow).contains("not in this release"));
        assert!(refusal("llm.api_key", Holder::Operator).contains("OPENAI_API_KEY"));
        assert_eq!(nearest(&"x".repeat(100_000), ["x"].into_iter()), None);
    }

    #[test]
    fn odd_names_are_quoted() {
        let key = KeyPath(vec!["models".into(), "gpt-4.1".into(), "input".into()]);
        assert_eq!(key.to_string(), "models.\"gpt-4.1\".input");
    }
}
