//! What surrounds a run: `export`, `ledger` and `forget`, as users see them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::calls::ask;
use super::{KG, number, talks, transcript};
use crate::harness::binary::{Weir, until};
use crate::harness::provider::{FakeProvider, Latency, Script};

const RUN: [&str; 4] = ["run", KG, "-i", "talks"];
const OUT: &str = "out/knowledge-graph";

fn export<'a>(format: &'a str, to: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["export", KG, "--format", format, "--to", to], more].concat()
}

/// Each line of a file of JSON Lines.
fn lines(weir: &Weir, file: &str) -> Vec<Value> {
    let text = fs::read_to_string(weir.path(file)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn exports_of_tables_say_the_same_and_replace_nothing() {
    let weir = talks(3);
    let formula = "---\ntitle: \"=HYPERLINK(1)\"\n---\n**Ann:** Bob Miller leads the Harbour Trust of Greendale.\n";
    weir.write("talks/formula.md", formula);
    weir.run(&export("csv", "tables", &[]))
        .is(2, &["current", "hint: weir run"]);
    weir.run(&RUN).is(0, &[]);
    let before = weir.everything();

    weir.run(&export("csv", "tables", &[])).is(
        0,
        &[
            "tables/documents.csv  4 rows",
            "begin like a formula have a ' in front",
        ],
    );
    weir.run(&export("jsonl", "tables", &[]))
        .is(0, &["tables/documents.jsonl  4 rows"]);
    let parquet = weir.run(&export("parquet", "tables", &["--json"]));
    assert_eq!(number(parquet.is(0, &[]), "/files/0/rows"), 4);
    assert_eq!(
        weir.everything().len() - before.len(),
        3 * 8 + 1,
        "three files a table and their folder"
    );
    for file in parquet.json()["files"].as_array().unwrap() {
        let table = file["table"].as_str().unwrap();
        let rows = lines(&weir, &format!("tables/{table}.jsonl"));
        assert_eq!(file["rows"], rows.len(), "{table}");
        let mut reader = csv::Reader::from_path(weir.path(&format!("tables/{table}.csv"))).unwrap();
        let names = reader.headers().unwrap().clone();
        let records: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(records.len(), rows.len(), "{table}");
        for (record, row) in records.iter().zip(&rows) {
            for (name, cell) in names.iter().zip(record) {
                let plain = match &row[name] {
                    Value::Null => String::new(),
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                let defused =
                    plain.starts_with(['=', '+', '-', '@', '\t', '\r']) && row[name].is_string();
                let expected = if defused { format!("'{plain}") } else { plain };
                assert_eq!(cell, expected, "{table}.{name}");
            }
        }
    }
    let titles: Vec<_> = lines(&weir, "tables/documents.jsonl")
        .iter()
        .map(|row| row["title"].clone())
        .collect();
    assert!(titles.contains(&"=HYPERLINK(1)".into()), "{titles:?}");

    fs::write(weir.path("one.csv"), "mine").unwrap();
    let one = ["--table", "entities"];
    weir.run(&export("csv", "one.csv", &one))
        .is(2, &["one.csv is there already", "--force"]);
    assert_eq!(fs::read(weir.path("one.csv")).unwrap(), b"mine");
    weir.run(&export(
        "csv",
        "one.csv",
        &["--table", "entities", "--force"],
    ))
    .is(0, &["one.csv"]);
    assert!(
        fs::read_to_string(weir.path("one.csv"))
            .unwrap()
            .starts_with("entity_id,name,kind")
    );
    weir.run(&export("csv", "x", &["--table", "entitys"]))
        .is(2, &["no such table", "entities"]);
    weir.run(&export("html", "x", &one))
        .is(2, &["--table goes with"]);
    // The only tables that the state knows need no name; of several, or of none, one must be named.
    let nameless = ["export", "--format", "csv", "--to"];
    weir.run(&[&nameless[..], &["only"]].concat())
        .is(0, &["only/documents.csv"]);
    weir.run(&[&nameless[..], &["x", "--state", "nowhere"]].concat())
        .is(2, &["no tables are named"]);
    weir.run(&["run", "topics", "-i", "talks"]).is(0, &[]);
    weir.run(&[&nameless[..], &["x"]].concat())
        .is(2, &["several tables", "-o "]);
    assert!(!weir.path("x").exists());
    // A failure half way leaves nothing behind.
    let part = fs::read_dir(weir.path(&format!("{OUT}/current/mentions")))
        .unwrap()
        .next()
        .unwrap();
    fs::write(part.unwrap().path(), "not parquet").unwrap();
    let before = weir.everything();
    weir.run(&[
        "export", "-o", OUT, "--format", "jsonl", "--to", "tables", "--force",
    ])
    .is(70, &["could not read the Parquet file"]);
    assert_eq!(weir.everything(), before);
}

#[test]
fn exports_of_the_graph_hold_it_as_text() {
    let weir = talks(2);
    let said = "Eve </script><b>: Carla Diaz & Sons</script><img src=x onerror=alert(1)> founded the Tide Mill Trust.\n";
    weir.write("talks/markup.txt", said.repeat(2) + &transcript(9));
    weir.run(&RUN).is(0, &[]);
    weir.run(&export("graphml", "g.graphml", &[]))
        .is(0, &["entities and relations"]);
    let graph = fs::read_to_string(weir.path("g.graphml")).unwrap();
    weir.run(&export("jsonl", "t/", &[])).is(0, &[]);
    assert_eq!(
        graph.matches("<node ").count(),
        lines(&weir, "t/entities.jsonl").len()
    );
    let relations = lines(&weir, "t/relations.jsonl").len();
    assert!(relations > 0);
    assert_eq!(graph.matches("<edge ").count(), relations);
    assert_eq!(graph.matches("key=\"e_quote\"").count(), relations);

    weir.run(&export("html", "g.html", &[])).is(0, &[]);
    let page = fs::read_to_string(weir.path("g.html")).unwrap();
    assert_eq!(page.matches("</script>").count(), 2, "no more than its own");
    assert!(!page.contains("onerror=alert(1)>"));
    let data = page
        .split("id=\"data\">")
        .nth(1)
        .unwrap()
        .split("</script>")
        .next()
        .unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(
        data["nodes"].as_array().unwrap().len(),
        graph.matches("<node ").count()
    );
    assert!(
        !page.contains("http://") && !page.contains("https://")
            || page.contains("www.w3.org/2000/svg")
    );
}

#[test]
fn a_ledger_is_backed_up_restored_and_imported() {
    let weir = talks(3);
    weir.run(&["ledger"])
        .is(2, &["there is no state in .weir", "hint: "]);
    weir.run(&RUN).is(0, &[]);
    weir.run(&["ledger"])
        .is(0, &["answers    3 ", "by day", "rules rules-", "by run"]);
    let json = weir.run(&["ledger", "--json"]);
    assert_eq!(number(&json, "/runs/0/calls"), 1);
    weir.run(&["ledger", "backup", "copy.db"])
        .is(0, &["copied to copy.db"]);
    weir.run(&["ledger", "backup", "copy.db"])
        .is(2, &["copy.db is there already", "--force"]);

    // The copy is the state elsewhere: nothing is asked again.
    weir.run(&["ledger", "restore", "copy.db", "--state", "other"])
        .is(0, &["3 answers restored"]);
    let again = weir.run(&[
        "run", KG, "-i", "talks", "--state", "other", "-o", "again", "--json",
    ]);
    assert_eq!(number(again.is(0, &[]), "/manifest/cached"), 3);
    weir.run(&["ledger", "restore", "copy.db", "--state", "other"])
        .is(
            2,
            &["other holds a state with 3 answers already", "--force"],
        );
    weir.run(&["ledger", "restore", "talks/t0.txt", "--state", "third"])
        .is(2, &["not a state file of weir"]);
    assert!(!weir.path("third").exists());

    weir.write("talks/t3.txt", transcript(3));
    weir.run(&RUN).is(0, &["1 added"]);
    let import = ["ledger", "import", ".weir", "--state", "other"];
    weir.run(&import)
        .is(0, &["1 answers taken over", "3 were here already"]);
    weir.run(&import)
        .is(0, &["0 answers taken over", "4 were here already"]);
    // Forced over a later state: back to three answers, and the tables follow.
    weir.run(&["ledger", "restore", "copy.db", "--force"])
        .is(0, &["3 answers restored to .weir"]);
    let back = weir.run(&[&RUN[..], &["--json"]].concat());
    assert_eq!(number(back.is(0, &[]), "/manifest/cached"), 3);
    assert_eq!(number(&back, "/manifest/documents"), 4);
}

#[test]
fn pruning_takes_what_no_tables_use_and_only_when_told() {
    let weir = talks(4);
    weir.run(&RUN).is(0, &[]);
    fs::remove_file(weir.path("talks/t0.txt")).unwrap();
    weir.run(&RUN).is(0, &["1 removed"]);
    let prune = ["ledger", "prune", "--older-than"];
    weir.run(&[&prune[..], &["1h"]].concat())
        .is(0, &["nothing to prune"]);
    weir.run(&[&prune[..], &["soon"]].concat())
        .is(2, &["not an age"]);
    weir.run(&[&prune[..], &["0s"]].concat())
        .is(0, &["would prune 1 answers", "--yes"]);
    weir.run(&["ledger"]).is(0, &["answers    4 "]);
    weir.run(&[&prune[..], &["0s", "--yes"]].concat())
        .is(0, &["pruned 1 answers"]);
    weir.run(&["ledger"]).is(0, &["answers    3 "]);
    weir.run(&RUN).is(0, &["nothing changed"]);
    weir.run(&[&RUN[..], &["-o", "new"]].concat())
        .is(0, &["3 known"]);
}

#[test]
fn while_a_run_goes_on_one_may_look_and_back_up_but_not_change() {
    let weir = talks(2);
    let fake = FakeProvider::start(Script {
        latency: Latency::Fixed(Duration::from_secs(3)),
        ..Script::default()
    });
    let url = fake.url();
    let running = weir.start(&ask(url, &["--yes"]));
    until("a call is under way", || {
        !fake.log().is_empty() || running.said().contains("calls")
    });
    weir.run(&["ledger"]).is(0, &["answers    0"]);
    weir.run(&["ledger", "backup", "b.db"]).is(0, &["copied"]);
    for refused in [
        &["ledger", "prune", "--older-than", "0s", "--yes"][..],
        &["ledger", "restore", "b.db", "--force"],
        &["ledger", "import", "b.db"],
    ] {
        weir.run(refused)
            .is(2, &["in use by process", "hint: wait for the run to end"]);
    }
    assert_eq!(running.wait().code, 0);
    weir.run(&["ledger", "backup", "b.db", "--force"])
        .is(0, &["copied"]);
    weir.run(&["ledger", "restore", "b.db", "--state", "s"])
        .is(0, &["2 answers restored"]);
}

/// Files below a folder that hold one of these words, whatever they are.
fn holding(folder: &Path, words: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(holding(&path, words));
        } else if let Ok(bytes) = fs::read(&path) {
            let text = String::from_utf8_lossy(&bytes).to_lowercase();
            let held = words
                .iter()
                .filter(|word| text.contains(&word.to_lowercase()));
            found.extend(held.map(|word| format!("{word} in {}", path.display())));
        }
    }
    found
}

/// The words of the document, those of its earlier version, and one that another document says, too.
const OWN: [&str; 3] = ["Quillfeather", "Ostrander", "Bramblewick"];
const SHARED: &str = "Harbour Trust";

/// A folder where a document is read, edited, and read again, with others beside it; `run` runs over it.
fn before_forgetting(run: &[&str]) -> Weir {
    let weir = talks(3);
    let secret = |who: &str| {
        format!(
            "{}Ann: Professor {who} leads the Bramblewick Institute of Ostrander.\n",
            transcript(0)
        )
    };
    weir.write("talks/secret.txt", secret("Amos Quillfeather"));
    weir.run(run).is(0, &["4 added"]);
    weir.write("talks/secret.txt", secret("Wilma Ostrander"));
    weir.run(run).is(0, &["1 changed"]);
    weir.write("talks/late.txt", transcript(8));
    weir.run(run).is(0, &["1 added"]);
    weir
}

fn forgets(weir: &Weir, run: &[&str]) {
    let state = holding(&weir.path(".weir"), &OWN);
    assert!(
        state.len() >= 3,
        "what is searched for can be found: {state:?}"
    );
    assert!(weir.path(&format!("{OUT}/changes")).exists());
    let told = weir.run(&["forget", "talks/secret.txt"]);
    told.is(
        2,
        &[
            "to forget: ",
            "secret.txt",
            "published anew without it",
            "it is still there",
            "--yes",
        ],
    );
    assert_eq!(
        holding(&weir.path(".weir"), &OWN),
        state,
        "nothing is done without a yes"
    );

    fs::remove_file(weir.path("talks/secret.txt")).unwrap();
    let done = weir.run(&["forget", "talks/secret.txt", "--yes", "--json"]);
    done.is(0, &[]);
    assert_eq!(number(&done, "/views"), 1);
    assert!(number(&done, "/snapshots") >= 1 && number(&done, "/change_logs") >= 1);
    assert_eq!(number(&done, "/versions"), 1);

    assert_eq!(holding(&weir.path(".weir"), &OWN), BTreeSet::new());
    assert_eq!(
        fs::metadata(weir.path(".weir/weir.db-wal")).map_or(0, |log| log.len()),
        0
    );
    assert_eq!(holding(&weir.path("out"), &OWN), BTreeSet::new());
    // Parts are compressed: each snapshot that is left is searched as text, too.
    let snapshots: Vec<_> = fs::read_dir(weir.path(&format!("{OUT}/snapshots")))
        .unwrap()
        .collect();
    assert_eq!(snapshots.len(), 1, "all others held it");
    assert!(!weir.path(&format!("{OUT}/changes")).exists());
    weir.run(&export("jsonl", "after", &[])).is(0, &[]);
    assert_eq!(holding(&weir.path("after"), &OWN), BTreeSet::new());
    assert!(
        !holding(&weir.path("after"), &[SHARED]).is_empty(),
        "what others say stays"
    );
    let documents = lines(weir, "after/documents.jsonl");
    let chunks = lines(weir, "after/chunks.jsonl");
    assert_eq!((documents.len(), chunks.len()), (4, 4));
    assert!(
        chunks.iter().all(|chunk| chunk["status"] == "ok"),
        "{chunks:?}"
    );

    // The tables are those of a folder that never had it, and the next run has nothing to do.
    weir.run(run).is(0, &["nothing changed", "4 unchanged"]);
    let fresh = [run, &["-o", "fresh"]].concat();
    weir.run(&fresh).is(0, &["4 added", "4 known"]);
    weir.run(&[
        "export", "-o", "fresh", "--format", "jsonl", "--to", "expected",
    ])
    .is(0, &[]);
    for table in [
        "documents",
        "mentions",
        "entities",
        "relations",
        "evidence",
        "failures",
    ] {
        let (found, expected) = (
            format!("after/{table}.jsonl"),
            format!("expected/{table}.jsonl"),
        );
        assert_eq!(lines(weir, &found), lines(weir, &expected), "{table}");
    }
    weir.run(&["forget", "talks/secret.txt", "--yes"])
        .is(2, &["no document", "hint: name it by its path"]);
}

#[test]
fn a_forgotten_document_leaves_nothing() {
    forgets(&before_forgetting(&RUN), &RUN);
}

#[test]
fn nor_do_the_raw_answers_of_a_model() {
    let fake = FakeProvider::start(Script::default());
    let url = fake.url();
    let run = ask(url, &["--yes"]);
    let weir = before_forgetting(&run);
    forgets(&weir, &run);
    assert!(
        number(&weir.run(&["ledger", "--json"]), "/bodies") > 0,
        "bodies of others stay"
    );
}

#[test]
fn a_document_whose_file_stays_is_read_again() {
    let weir = talks(3);
    weir.run(&RUN).is(0, &["3 added"]);
    weir.run(&["forget", "t1.txt", "--yes"])
        .is(0, &["forgotten: ", "the next run reads it again"]);
    weir.run(&["status"]).is(0, &["2 documents"]);
    weir.run(&RUN).is(0, &["1 added", "2 unchanged", "1 new"]);
}

/// Tables of any form are published anew in that form.
#[test]
fn forgetting_keeps_each_dataflow_as_it_is() {
    let weir = talks(3);
    weir.write(
        "talks/secret.txt",
        "Ann: I will call Professor Quillfeather on Friday.\nBob: We decided to sell the mill.\n",
    );
    for dataflow in ["action-items", "duplicates"] {
        weir.run(&["run", dataflow, "-i", "talks"])
            .is(0, &["4 added"]);
    }
    fs::remove_file(weir.path("talks/secret.txt")).unwrap();
    weir.run(&["forget", "talks/secret.txt", "--yes"])
        .is(0, &["2 published anew"]);
    for dataflow in ["action-items", "duplicates"] {
        weir.run(&["verify", dataflow])
            .is(0, &["sound, and complete"]);
        weir.run(&["run", dataflow, "-i", "talks"])
            .is(0, &["nothing changed"]);
        let tables = |of: &str| -> BTreeSet<_> {
            let current = weir.path(&format!("{of}/current"));
            let entries = fs::read_dir(current).unwrap();
            entries.map(|entry| entry.unwrap().file_name()).collect()
        };
        weir.run(&["run", dataflow, "-i", "talks", "-o", "fresh"])
            .is(0, &["3 added"]);
        assert_eq!(tables(&format!("out/{dataflow}")), tables("fresh"));
        fs::remove_dir_all(weir.path("fresh")).unwrap();
    }
}
