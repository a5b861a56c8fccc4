//! Dataflows by command: the shipped ones, and one of a user's own from `init` to a change of its schema.

use std::fs;
use std::path::Path;

use serde_json::Value;
use weir::sink::{Table, read_table};

use super::{number, talks};
use crate::harness::binary::{Ended, Weir};
use crate::harness::provider::{FakeProvider, Script};

/// `command` on `talks` with a provider, its limits out of the way.
fn ask<'a>(command: &'a str, url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let arguments = [
        command,
        "prices/prices.toml",
        "-i",
        "talks",
        "--base-url",
        url,
        "--requests-per-minute",
        "100000",
        "--tokens-per-minute",
        "100000000",
        "--json",
    ];
    [&arguments[..], more].concat()
}

fn items(weir: &Weir) -> Vec<Value> {
    read_table(&weir.path("out/prices/current"), Table::Items).unwrap()
}

fn vintages(ended: &Ended) -> Vec<(bool, u64)> {
    let json = ended.json();
    let list = json["manifest"]["vintages"].as_array().unwrap().iter();
    list.map(|one| {
        (
            one["current"].as_bool().unwrap(),
            one["texts"].as_u64().unwrap(),
        )
    })
    .collect()
}

fn change(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from:?} is not in {text}");
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn the_shipped_dataflows_hold_their_tables_and_no_others() {
    for (name, own) in [
        (
            "knowledge-graph",
            &["calls", "entities", "evidence", "mentions", "relations"][..],
        ),
        ("action-items", &["calls", "items"]),
        ("topics", &["calls", "items"]),
        ("duplicates", &["repeats", "shares"]),
    ] {
        let weir = talks(3);
        weir.write("talks/copy.txt", super::transcript(1));
        let ended = weir.run(&["run", name, "-i", "talks", "--json"]);
        ended.is(0, &[]);
        let json = ended.json();
        let tables = json["manifest"]["tables"].as_object().unwrap();
        let mut expected = [&["documents", "chunks", "failures"], own].concat();
        expected.sort_unstable();
        let found: Vec<&str> = tables.keys().map(String::as_str).collect();
        assert_eq!(found, expected, "{name}");
        let views = fs::read_to_string(weir.path(&format!("out/{name}/views.sql"))).unwrap();
        for table in found {
            assert!(views.contains(&format!("VIEW {table} AS")), "{views}");
        }
        if name == "duplicates" {
            let read = |table| read_table(&weir.path("out/duplicates/current"), table).unwrap();
            let repeats = read(Table::Repeats);
            assert_eq!((&repeats[0]["chunks"], repeats.len()), (&2.into(), 1));
            let whole = read(Table::Shares)
                .iter()
                .filter(|row| row["share"] == 1.0)
                .count();
            assert_eq!(whole, 2);
        }
        weir.run(&["run", name, "-i", "talks"]).is(0, &["complete"]);
    }
}

#[test]
fn a_dataflow_of_ones_own_from_init_to_another_schema() {
    let fake = FakeProvider::start(Script::default());
    let weir = talks(3);
    let init = [
        "init",
        "prices",
        "--extract",
        "every price",
        "--model",
        "made-up",
    ];
    weir.run(&init).is(0, &["prices/prices.toml", "weir check"]);
    weir.run(&init)
        .is(2, &["is there already", "nothing is overwritten"]);
    weir.run(&["check", "prices/prices.toml"])
        .is(0, &["prompt.md"]);

    let first = weir.run(&ask("run", fake.url(), &["--yes"]));
    assert_eq!(number(first.is(0, &[]), "/manifest/chunks/ok"), 3);
    let before = items(&weir);
    assert!(!before.is_empty(), "the provider said nothing");
    for row in &before {
        let certainty = row["certainty"].as_str().unwrap();
        assert!(["stated", "hedged"].contains(&certainty), "{row:#}");
        assert!(row["summary"].is_string() && row.get("who").is_some());
        let found = row["match"] != "none";
        assert_eq!(
            row["spans"].as_array().unwrap().is_empty(),
            !found,
            "{row:#}"
        );
        assert!(!found || row["speaker"] == "Ann", "{row:#}");
    }
    assert_eq!(vintages(&first), [(true, 3)]);
    let again = weir.run(&ask("run", fake.url(), &[]));
    assert_eq!(number(again.is(0, &[]), "/manifest/calls"), 0);

    // Another prompt: told, kept if so wished, asked anew otherwise.
    change(&weir.path("prices/prompt.md"), "You read", "Please read");
    let plan = weir.run(&ask("plan", fake.url(), &[])).json();
    assert_eq!(plan["migration"]["chunks"], 3, "{plan:#}");
    assert_eq!(plan["vintages"][0]["model"], "made-up");
    let calls = fake.log().len();
    weir.write("talks/new.txt", super::transcript(8));
    let kept = weir.run(&ask("run", fake.url(), &["--reuse", "old"]));
    assert_eq!(vintages(kept.is(0, &[])), [(true, 1), (false, 3)]);
    assert_eq!(fake.log().len(), calls + 1);
    let chunks = read_table(&weir.path("out/prices/current"), Table::Chunks).unwrap();
    let prompts: std::collections::BTreeSet<String> = chunks
        .iter()
        .map(|row| row["prompt_id"].to_string())
        .collect();
    assert_eq!(prompts.len(), 2);
    // Nothing is lost with the output folder, either.
    fs::remove_dir_all(weir.path("out")).unwrap();
    let rebuilt = weir.run(&ask("run", fake.url(), &["--reuse", "old"]));
    assert_eq!(vintages(rebuilt.is(0, &[])), [(true, 1), (false, 3)]);
    assert_eq!(fake.log().len(), calls + 1);
    let anew = weir.run(&ask("run", fake.url(), &[]));
    assert_eq!(vintages(anew.is(0, &[])), [(true, 4)]);

    // Another schema: other columns, and no row of the old ones.
    change(&weir.path("prices/schema.json"), "\"who\"", "\"whom\"");
    let plan = weir
        .run(&ask("plan", fake.url(), &["--reuse", "old"]))
        .json();
    assert_eq!(plan["migration"]["chunks"], 4, "{plan:#}");
    let other = weir.run(&ask("run", fake.url(), &["--reuse", "old"]));
    assert_eq!(vintages(other.is(0, &[])), [(true, 4)]);
    let rows = items(&weir);
    assert!(!rows.is_empty());
    for row in rows {
        assert!(row.get("who").is_none() && row.get("whom").is_some());
    }
    // Going back costs nothing.
    let calls = fake.log().len();
    change(&weir.path("prices/schema.json"), "\"whom\"", "\"who\"");
    weir.run(&ask("run", fake.url(), &[])).is(0, &[]);
    assert_eq!(fake.log().len(), calls);
}

#[test]
fn rules_say_which_schemas_they_serve() {
    let weir = talks(1);
    weir.run(&["init", "own", "--extract", "every price"])
        .is(0, &[]);
    weir.run(&["check", "own/own.toml"])
        .is(0, &["--model gpt-4o-mini"]);
    weir.run(&["run", "own/own.toml", "-i", "talks"]).is(
        2,
        &[
            "rules cannot serve",
            "knowledge-graph, action-items, topics",
            "--preset ollama",
        ],
    );
    assert!(!weir.path(".weir").exists(), "nothing was begun");
    // A starter without a model runs as it is.
    weir.run(&["init"]).is(0, &["my-dataflow/my-dataflow.toml"]);
    weir.run(&["run", "my-dataflow/my-dataflow.toml", "-i", "talks"])
        .is(0, &["complete"]);
    weir.run(&["run", "duplicates", "-i", "talks", "--model", "made-up"])
        .is(2, &["this dataflow asks nothing"]);
}

#[test]
fn what_has_no_column_is_refused_with_its_place() {
    let weir = Weir::new();
    weir.run(&["init", "own", "--extract", "every price"])
        .is(0, &[]);
    change(
        &weir.path("own/schema.json"),
        "\"stated\",",
        "\"stated\", 1,",
    );
    weir.run(&["check", "own/own.toml"]).is(
        2,
        &[
            "/properties/items/items/properties/certainty",
            "not of its type",
        ],
    );
}

#[test]
fn the_data_dictionary_is_that_of_the_dataflow() {
    let weir = Weir::new();
    weir.run(&["schema"])
        .is(0, &["## documents", "## shares", "| `fingerprint` |"]);
    weir.run(&["schema", "items", "-d", "action-items"])
        .is(0, &["| `due` | text | yes |", "| `prompt_id` |"]);
    let json = weir.run(&["schema", "--json", "-d", "duplicates"]).json();
    assert_eq!(json["tables"].as_array().unwrap().len(), 5);
    weir.run(&["schema", "entities", "-d", "topics"])
        .is(2, &["there is no table", "documents, chunks, items"]);
}
