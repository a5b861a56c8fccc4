//! Commands end to end, as users see them: exit status, what is said, what lies on the disk afterwards. No model here;
//! `calls` has those with one.

mod calls;
mod dataflows;
mod keep;
mod looks;
mod verify;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::harness::binary::{Ended, Weir};

/// The shipped dataflow.
const KG: &str = "knowledge-graph";

/// A transcript of one chunk; equal numbers are equal texts.
fn transcript(number: usize) -> String {
    format!(
        "Ann: In talk {number} we heard that Bob Miller leads the Harbour Trust of Greendale since last year.\n"
    )
}

/// A working directory with so many transcripts in `talks`.
fn talks(count: usize) -> Weir {
    let weir = Weir::new();
    for number in 0..count {
        weir.write(&format!("talks/t{number}.txt"), transcript(number));
    }
    weir
}

/// The shipped dataflow as a file of one's own.
fn dataflow(weir: &Weir, file: &str, change: impl Fn(String) -> String) {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/dataflows");
    for part in ["prompts/knowledge-graph.md", "schemas/knowledge-graph.json"] {
        weir.write(part, fs::read(format!("{shipped}/{part}")).unwrap());
    }
    let text = fs::read_to_string(format!("{shipped}/{KG}.toml")).unwrap();
    weir.write(file, change(text));
}

#[track_caller]
fn number(ended: &Ended, pointer: &str) -> u64 {
    let json = ended.json();
    let found = json.pointer(pointer).and_then(Value::as_u64);
    found.unwrap_or_else(|| panic!("no {pointer} in {json:#}"))
}

#[test]
fn a_first_run_and_a_second() {
    let weir = Weir::new();
    weir.run(&["status"])
        .is(2, &["there is no state in .weir", "hint: "]);
    weir.run(&["path", KG]).is(
        2,
        &[
            "out/knowledge-graph/current",
            "hint: weir run knowledge-graph",
        ],
    );
    let first = weir.run(&["run", KG]);
    first.is(
        0,
        &[
            "knowledge-graph: complete",
            "6 added",
            "tables     out/knowledge-graph (epoch ",
        ],
    );
    let again = weir.run(&["run", KG]);
    again.is(
        0,
        &[
            "nothing changed since the last run",
            "6 unchanged",
            "(epoch ",
        ],
    );
    let quiet = weir.run(&["run", KG, "--quiet"]);
    assert_eq!(
        (quiet.code, quiet.out.as_str(), quiet.err.as_str()),
        (0, "", "")
    );

    let json = weir.run(&["run", KG, "--json"]);
    json.is(0, &[]);
    let manifest = &json.json()["manifest"];
    for pointer in [
        "/ledger",
        "/complete",
        "/epoch",
        "/documents",
        "/chunks/total",
        "/chunks/ok",
        "/chunks/failed",
        "/chunks/dropped",
        "/chunks/duplicate",
        "/chunks/pending",
        "/chunks/unasked",
        "/calls",
        "/cached",
        "/tokens/input",
        "/tokens/output",
        "/cost_usd",
        "/tables/entities/rows",
    ] {
        let found = manifest.pointer(pointer);
        assert!(
            found.is_some_and(|found| !found.is_null()),
            "{pointer}: {manifest:#}"
        );
    }
    assert_eq!(
        (&manifest["complete"], &manifest["documents"]),
        (&true.into(), &6.into())
    );
    assert!(
        json.out
            .lines()
            .all(|line| serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object()))
    );

    weir.run(&["status"])
        .is(0, &[", complete, published", "6 documents"]);
    let path = weir.run(&["path", KG]);
    path.is(0, &[]);
    assert!(
        fs::read_dir(path.out.trim_end()).unwrap().count() > 5,
        "{}",
        path.out
    );
    // What is stored is nobody else's business.
    let mode = fs::metadata(weir.path(".weir"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}

#[test]
fn looking_changes_nothing() {
    let weir = talks(2);
    let before = weir.everything();
    let plan = weir.run(&["plan", KG, "-i", "talks", "--model", "gpt-4o-mini"]);
    plan.is(
        0,
        &[
            "2 chunks: new text",
            "calls ",
            "cost  ",
            "$0.00",
            "all 2 files",
        ],
    );
    weir.run(&["plan", KG, "-i", "talks"])
        .is(0, &["rules call no model"]);
    let json = weir.run(&[
        "plan",
        KG,
        "-i",
        "talks",
        "--model",
        "gpt-4o-mini",
        "--json",
    ]);
    assert_eq!(number(json.is(0, &[]), "/estimate/calls"), 1);
    let check = weir.run(&["check", KG, "-i", "talks", "--set", "chunk.target=300"]);
    check.is(
        0,
        &[
            "--set",
            "dataflow file knowledge-graph.toml:",
            "default",
            "talks = talks",
        ],
    );
    assert_eq!(weir.everything(), before);

    // The samples must be somewhere to be read; nothing else may be.
    weir.run(&["plan", KG]).is(0, &["all 6 files"]);
    let made = weir.everything().len() - before.len();
    assert_eq!(made, 2 + 6, "{:?}", weir.everything());
    assert!(!weir.path(".weir/weir.db").exists() && !weir.path(".weir/lock").exists());
}

#[test]
fn wrong_usage() {
    let weir = talks(1);
    weir.write("file", "");
    for (arguments, words) in [
        (
            vec!["run", KG, "--inptu", "talks"],
            vec!["--inptu", "--input"],
        ),
        (
            vec!["run", "knowledge-grap"],
            vec!["did you mean knowledge-graph?"],
        ),
        (vec!["run", "no.toml"], vec!["could not read \"no.toml\""]),
        (
            vec!["run", KG, "-i", "nowhere"],
            vec!["-i: ", "could not open \"nowhere\""],
        ),
        (
            vec!["run", KG, "-i", "talks", "-i", "talks"],
            vec!["\"talks\" is named twice"],
        ),
        (
            vec!["run", KG, "-i", "talks", "-o", "talks"],
            vec!["--output", "would lie over the input \"talks\""],
        ),
        (
            vec!["run", KG, "-i", "talks", "-o", "file"],
            vec!["file is in the way: it is not a folder", "hint: ", "-o"],
        ),
        (
            vec!["run", KG, "-i", "talks", "-o", "file/below"],
            vec!["file is in the way", "hint: ", "-o"],
        ),
        (
            vec!["run", KG, "-i", "talks", "--state", "file"],
            vec!["file is in the way", "hint: ", "--state"],
        ),
        (
            vec!["plan", KG, "-i", "talks", "--state", "file/below"],
            vec!["file is in the way", "hint: ", "--state"],
        ),
        (
            vec!["run", KG, "--state", "file"],
            vec!["sample transcripts below file"],
        ),
        (
            vec!["run", KG, "--provider", "foo"],
            vec!["\"foo\" is no provider; known: rules, openai"],
        ),
        (
            vec!["run", KG, "--provider", "anthropic"],
            vec!["anthropic is not in this release", "--preset compatible"],
        ),
        (
            vec!["run", KG, "--model", "unheard-of", "--max-cost", "3"],
            vec![
                "--max-cost",
                "the price of \"unheard-of\" is unknown",
                "weir.toml",
            ],
        ),
        // It never gets as far as the network.
        (
            vec!["run", KG, "--model", "gpt-4o-mini"],
            vec!["https://api.openai.com/v1 needs a key: set OPENAI_API_KEY"],
        ),
    ] {
        let ended = weir.run(&arguments);
        ended.is(2, &words);
        assert_eq!(ended.out, "", "{arguments:?}");
        assert!(ended.took.as_secs() < 2, "{ended:#?}");
    }
    assert!(!weir.path("out").exists());
}

#[test]
fn wrong_dataflow_files() {
    let weir = talks(1);
    for (from, to, words) in [
        (
            "target =",
            "targt =",
            "a.toml:18:1: chunk.targt: there is no such key; did you mean chunk.target?",
        ),
        ("[chunk]", "[chunk", "a.toml:16:7: unclosed table"),
        (
            "[value]",
            "[near]\nlike = 1\n[value]",
            "near: near-duplicates are not in this release",
        ),
        (
            "prompts/knowledge-graph.md",
            "none.md",
            "a.toml:30:1: extract.prompt: could not read \"none.md\"",
        ),
    ] {
        dataflow(&weir, "a.toml", |text| text.replace(from, to));
        for command in ["run", "plan", "check"] {
            let ended = weir.run(&[command, "a.toml", "-i", "talks"]);
            ended.is(2, &["error: ", words]);
            assert_eq!(
                ended.err.lines().count(),
                1,
                "only what is wrong: {}",
                ended.err
            );
        }
    }
}

#[test]
fn a_folder_that_cannot_be_written() {
    let weir = talks(1);
    fs::create_dir(weir.path("fixed")).unwrap();
    fs::set_permissions(weir.path("fixed"), fs::Permissions::from_mode(0o555)).unwrap();
    if fs::create_dir(weir.path("fixed/try")).is_ok() {
        eprintln!("skipped: this user may write to a read-only folder");
        return;
    }
    weir.run(&["run", KG, "-i", "talks", "-o", "fixed/out"])
        .is(5, &["could not create fixed/out", "denied"]);
    weir.run(&["run", KG, "-i", "talks", "--state", "fixed/state"])
        .is(5, &["could not create fixed/state", "denied"]);
}

#[test]
fn guards() {
    let weir = talks(4);
    let run = ["run", KG, "-i", "talks"];
    let and = |flag| [&run[..], &[flag]].concat();
    weir.run(&run).is(0, &["4 added"]);
    for file in 0..4 {
        fs::remove_file(weir.path(&format!("talks/t{file}.txt"))).unwrap();
    }
    weir.run(&run)
        .is(2, &["4 of the 4 documents", "hint: ", "--allow-removal"]);
    let gone = weir.run(&[&run[..], &["--allow-removal", "--json"]].concat());
    assert_eq!(number(gone.is(0, &[]), "/manifest/documents"), 0);
    assert_eq!(number(&gone, "/manifest/tables/entities/rows"), 0);

    weir.write("talks/new.txt", transcript(7));
    weir.run(&run).is(0, &["1 added"]);
    fs::remove_dir_all(weir.path(".weir")).unwrap();
    weir.run(&run).is(
        2,
        &["another ledger", "hint: ", "--state", "--allow-new-ledger"],
    );
    weir.run(&and("--allow-new-ledger")).is(0, &["complete"]);
    weir.run(&run).is(0, &["nothing changed"]);

    dataflow(&weir, "other.toml", |text| {
        text.replace("name = \"knowledge-graph\"", "name = \"other\"")
    });
    let other = [
        "run",
        "other.toml",
        "-i",
        "talks",
        "-o",
        "out/knowledge-graph",
    ];
    weir.run(&other).is(
        2,
        &[
            "dataflow 'knowledge-graph', not of 'other'",
            "hint: ",
            "-o",
            "--allow-other-dataflow",
        ],
    );
    weir.run(&[&other[..], &["--allow-other-dataflow"]].concat())
        .is(0, &["complete"]);
}

#[test]
fn files_that_cannot_be_read() {
    let weir = talks(3);
    weir.write("talks/zeros.txt", [0; 5000]);
    weir.write("talks/data.json", "{\"a\": [1, 2, 3]}");
    let run = ["run", KG, "-i", "talks", "--json"];
    let ended = weir.run(&run);
    ended.is(3, &[]);
    let failures = number(&ended, "/manifest/tables/failures/rows");
    assert!((1..=2).contains(&failures), "{failures}");
    assert_eq!(number(&ended, "/manifest/chunks/ok"), 3);
    weir.run(&run).is(3, &[]);
    weir.run(&[&run[..], &["--fail-threshold", "5"]].concat())
        .is(0, &[]);
    weir.run(&run[..4]).is(
        3,
        &[
            "files ",
            "files could not be read: SELECT path, message FROM failures",
        ],
    );
}
