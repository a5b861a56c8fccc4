//! The floors of `src`, checked: a module names only lower floors, crates stay on theirs, files stay short and say what
//! they are for.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules by floor; `main` and `lib` stand above all.
const FLOORS: [(&str, u8); 17] = [
    ("failpoint", 0),
    ("model", 0),
    ("stage", 1),
    ("limit", 1),
    ("meter", 1),
    ("secret", 1),
    ("source", 2),
    ("store", 2),
    ("llm", 2),
    ("sink", 2),
    ("sim", 2),
    ("notify", 2),
    ("plan", 3),
    ("flow", 4),
    ("job", 5),
    ("http", 6),
    ("cli", 7),
];

/// Crates that only these modules may name.
const CRATES: [(&str, &[&str]); 19] = [
    ("timely", &["flow"]),
    ("differential_dataflow", &["flow"]),
    ("crossbeam_channel", &["flow"]),
    ("arrow", &["sink"]),
    ("parquet", &["sink"]),
    ("reqwest", &["llm", "notify"]),
    ("rustls", &["llm", "notify"]),
    ("lettre", &["notify"]),
    ("hmac", &["notify"]),
    ("sha2", &["notify"]),
    ("rusqlite", &["store"]),
    ("notify", &["source"]),
    ("clap", &["cli", "main"]),
    ("httparse", &["sim"]),
    ("indicatif", &["cli"]),
    ("subtle", &["http"]),
    ("tracing_subscriber", &["cli"]),
    (
        "tracing",
        &[
            "source", "store", "llm", "sink", "sim", "notify", "plan", "flow", "job", "http",
            "cli", "main",
        ],
    ),
    (
        "tokio",
        &[
            "source", "store", "llm", "sink", "sim", "notify", "plan", "flow", "job", "http",
            "cli", "main",
        ],
    ),
];

/// Stages do not know each other: each names `model`, `tokens` and itself.
const SHARED_STAGE: &str = "tokens";

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// `(module, path below src, text)` of every source file.
fn modules() -> Vec<(String, String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    sources()
        .into_iter()
        .map(|path| {
            let below = path
                .strip_prefix(&src)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            let module = below
                .split('/')
                .next()
                .unwrap()
                .trim_end_matches(".rs")
                .to_owned();
            (module, below, fs::read_to_string(path).unwrap())
        })
        .collect()
}

fn floor(module: &str) -> Option<u8> {
    FLOORS
        .iter()
        .find(|(name, _)| *name == module)
        .map(|(_, floor)| *floor)
}

/// The names that follow `prefix` in a line of code, comments left out.
fn named<'a>(line: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    let code = line.split("//").next().unwrap_or("");
    code.match_indices(prefix).filter_map(move |(at, _)| {
        let before = code[..at].chars().next_back();
        let rest = &code[at + prefix.len()..];
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        (!before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':'))
            .then_some(&rest[..end])
    })
}

fn breaches(module: &str, below: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let Some(own) = floor(module) else {
        return found;
    };
    let stage = below
        .strip_prefix("stage/")
        .and_then(|rest| rest.split(['/', '.']).next());
    for (number, line) in text.lines().enumerate() {
        let place = format!("{below}:{}", number + 1);
        for name in named(line, "crate::") {
            let Some(other) = floor(name) else { continue };
            if name != module && other >= own {
                found.push(format!(
                    "{place}: floor {own} names '{name}' on floor {other}"
                ));
            }
        }
        for name in named(line, "crate::stage::") {
            let foreign = stage.is_some_and(|stage| stage != name && stage != "mod");
            if foreign && name != SHARED_STAGE && floor(name).is_none() && !name.is_empty() {
                found.push(format!(
                    "{place}: stage '{}' names its neighbour '{name}'",
                    stage.unwrap_or("")
                ));
            }
        }
    }
    found
}

#[test]
fn modules_name_only_lower_floors() {
    let found: Vec<_> = modules()
        .iter()
        .flat_map(|(module, below, text)| breaches(module, below, text))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn crates_stay_on_their_floors() {
    let mut found = Vec::new();
    for (module, below, text) in modules() {
        for (number, line) in text.lines().enumerate() {
            for (name, homes) in CRATES {
                let path = format!("{name}::");
                if named(line, &path).next().is_some() && !homes.contains(&module.as_str()) {
                    found.push(format!("{below}:{}: '{name}' in '{module}'", number + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_file_has_a_header_and_none_is_too_long() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = fs::read_dir(root.join("tests/it"))
        .unwrap()
        .chain(fs::read_dir(root.join("tests/it/harness")).unwrap());
    let tests = tests
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "rs"));
    let mut found = Vec::new();
    for path in sources().into_iter().chain(tests) {
        let text = fs::read_to_string(&path).unwrap();
        if !text.starts_with("//!") {
            found.push(format!("{}: no `//!` header", path.display()));
        }
        let lines = text.lines().count();
        if lines > 500 {
            found.push(format!("{}: {lines} lines", path.display()));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The checker is checked: each of these lines is a breach, or is none.
#[test]
fn the_checker_finds_what_it_is_for() {
    assert_eq!(
        breaches("limit", "limit/mod.rs", "use crate::flow::Epoch;\n").len(),
        1
    );
    assert_eq!(
        breaches("llm", "llm/client.rs", "let x = crate::store::Database;\n").len(),
        1
    );
    assert_eq!(
        breaches(
            "stage",
            "stage/chunk/mod.rs",
            "use crate::stage::transcript::read;\n"
        )
        .len(),
        1
    );
    assert!(
        breaches(
            "stage",
            "stage/chunk/mod.rs",
            "use crate::stage::tokens; // crate::flow\n"
        )
        .is_empty()
    );
    assert!(breaches("flow", "flow/mod.rs", "use crate::stage::graph;\n").is_empty());
}
