//! `weir verify`: each kind of damage done to real tables is found and named, and what it says to do mends it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use serde_json::Value;

use super::{KG, number, talks};
use crate::harness::binary::{Ended, Weir, until};
use crate::harness::provider::{Act, FakeProvider, Latency, Rule, Script};

const MANIFEST: &str = "manifest.json";

/// Tables of some talks, made with rules.
fn tables(count: usize) -> Weir {
    let weir = talks(count);
    weir.run(&["run", KG, "-i", "talks", "--quiet"]).is(0, &[]);
    weir.run(&["verify"]).is(0, &["sound, and complete"]);
    weir
}

fn snapshot(weir: &Weir) -> PathBuf {
    fs::canonicalize(weir.path("out/knowledge-graph/current")).unwrap()
}

fn part(weir: &Weir, table: &str) -> PathBuf {
    let mut parts = fs::read_dir(snapshot(weir).join(table)).unwrap();
    parts.next().unwrap().unwrap().path()
}

/// Writes a file that other snapshots may share.
fn overwrite(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

fn manifest(weir: &Weir) -> Value {
    let text = fs::read_to_string(snapshot(weir).join(MANIFEST)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn edit(weir: &Weir, change: impl FnOnce(&mut Value)) {
    let mut value = manifest(weir);
    change(&mut value);
    overwrite(&snapshot(weir).join(MANIFEST), value.to_string().as_bytes());
}

#[track_caller]
fn damaged(weir: &Weir, words: &[&str]) -> Ended {
    let ended = weir.run(&["verify"]);
    ended.is(5, words).is(5, &["damaged"]);
    ended
}

/// What it says: the link is removed, and the same run writes everything anew.
#[track_caller]
fn mended(weir: &Weir) {
    fs::remove_file(weir.path("out/knowledge-graph/current")).ok();
    weir.run(&["run", KG, "-i", "talks"]).is(0, &["(0 new, "]);
    weir.run(&["verify"]).is(0, &["sound, and complete"]);
}

#[test]
fn files_are_compared_with_the_manifest() {
    let weir = tables(5);
    let sound = weir.run(&["verify", KG, "--json"]);
    sound.is(0, &[]);
    assert_eq!(number(&sound, "/verdict/files"), 8);
    assert!(number(&sound, "/verdict/rows") > 20);

    let path = part(&weir, "mentions");
    let whole = fs::read(&path).unwrap();
    let name = format!("mentions/{}", path.file_name().unwrap().to_str().unwrap());
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    overwrite(&path, &flipped);
    damaged(
        &weir,
        &["its BLAKE3 differs", &name, "rm -f ", "costs no call"],
    );
    overwrite(&path, &whole[..whole.len() - 1]);
    damaged(&weir, &["bytes, not", &name]);
    fs::remove_file(&path).unwrap();
    damaged(&weir, &["it is not there", &name]);
    mended(&weir);
    // Whoever reads the folder reads this as well.
    let path = part(&weir, "entities");
    fs::copy(&path, path.with_file_name("more.parquet")).unwrap();
    damaged(
        &weir,
        &["it is not in the manifest", "entities/more.parquet"],
    );
    mended(&weir);
    fs::write(snapshot(&weir).join(MANIFEST), "{").unwrap();
    weir.run(&["verify"])
        .is(5, &["could not understand the manifest", "hint: rm -f "]);
    mended(&weir);
    fs::remove_file(weir.path("out/knowledge-graph/current")).unwrap();
    weir.run(&["verify"])
        .is(5, &["could not open", "hint: rm -f "]);
    mended(&weir);
}

#[test]
fn what_lies_beside_the_tables_is_looked_at() {
    let weir = tables(3);
    fs::write(
        weir.path("talks/more.txt"),
        "Ana Lima: We moved to Porto.\n",
    )
    .unwrap();
    weir.run(&["run", KG, "-i", "talks", "--quiet"]).is(0, &[]);
    let views = weir.path("out/knowledge-graph/views.sql");
    let sound = fs::read(&views).unwrap();
    fs::write(&views, "SELECT 1;").unwrap();
    weir.run(&["verify"]).is(
        0,
        &[
            "sound, and complete",
            "views.sql does not show these tables",
        ],
    );
    weir.run(&["run", KG, "-i", "talks", "--quiet"]).is(0, &[]);
    assert_eq!(fs::read(&views).unwrap(), sound);

    let mut logs = fs::read_dir(weir.path("out/knowledge-graph/changes/chunks")).unwrap();
    let log = logs.next().unwrap().unwrap().path();
    let whole = fs::read(&log).unwrap();
    fs::write(&log, &whole[..whole.len() - 1]).unwrap();
    let remove = format!("rm -f {}", log.display());
    let ended = damaged(&weir, &["change log: it is no Parquet file", &remove]);
    assert!(!ended.out.contains("costs no call"), "{}", ended.out);
    fs::remove_file(&log).unwrap();
    let ended = weir.run(&["verify"]);
    ended.is(0, &["sound, and complete"]);
    assert!(!ended.out.contains("views.sql"), "{}", ended.out);
}

#[test]
fn counts_must_add_up() {
    let weir = tables(3);
    for (pointer, value, words) in [
        (
            "/chunks/total",
            4,
            "manifest: chunks do not add up to their total",
        ),
        (
            "/documents",
            2,
            "manifest: counts other documents than there are",
        ),
        (
            "/failures",
            1,
            "manifest: counts other failures than there are",
        ),
        (
            "/tables/chunks/rows",
            2,
            "the manifest says 2 rows, its 1 parts have 3",
        ),
        ("/tables/chunks/parts/0/rows", 4, "it has 3 rows, not 4"),
    ] {
        let before = fs::read(snapshot(&weir).join(MANIFEST)).unwrap();
        edit(&weir, |manifest| {
            *manifest.pointer_mut(pointer).unwrap() = value.into();
        });
        damaged(&weir, &[words]);
        overwrite(&snapshot(&weir).join(MANIFEST), &before);
    }
    weir.run(&["verify"]).is(0, &["sound"]);
    // A sample is not complete, whatever its manifest says.
    weir.run(&[
        "run", KG, "-i", "talks", "-o", "few", "--state", "s", "--sample", "2",
    ])
    .is(7, &[]);
    weir.run(&["verify", "-o", "few", "--state", "s"])
        .is(0, &["sound, though not complete"]);
    let path = weir.path("few/current").join(MANIFEST);
    let text = fs::read_to_string(&path).unwrap();
    let lie = text.replace("\"complete\":false", "\"complete\":true");
    let lie = lie.replace("\"complete\": false", "\"complete\": true");
    assert_ne!(lie, text);
    overwrite(&path, lie.as_bytes());
    let ended = weir.run(&["verify", "-o", "few", "--state", "s"]);
    ended.is(
        5,
        &[
            "says complete, though not all is answered",
            "0 pending, 1 not asked",
        ],
    );
    ended.is(5, &["says otherwise than the state"]);
}

/// A flipped bit in the name of the ledger: tables that this state published are not another's.
#[test]
fn a_manifest_that_names_another_ledger_is_damaged() {
    let weir = tables(3);
    let other = "00000000000000000000000000000000";
    edit(&weir, |manifest| manifest["ledger"] = other.into());
    damaged(&weir, &["manifest: is not what was published", "rm -f "]);
    mended(&weir);
    // Those of a state that has gone are.
    fs::rename(weir.path(".weir"), weir.path("old")).unwrap();
    let run = ["run", KG, "-i", "talks", "-o", "else"];
    weir.run(&run).is(0, &[]);
    weir.run(&["verify", KG])
        .is(0, &["made with another ledger"]);
}

#[test]
fn every_shipped_dataflow_is_sound() {
    let weir = Weir::new();
    for dataflow in [KG, "action-items", "topics", "duplicates"] {
        weir.run(&["run", dataflow, "--quiet"]).is(0, &[]);
        weir.run(&["verify", dataflow])
            .is(0, &["sound, and complete"]);
    }
}

/// Tables of other documents in the place of their own: whole files, but they refer to nothing here.
#[test]
fn references_must_lead_somewhere() {
    let weir = tables(3);
    let other = Weir::new();
    other.write(
        "talks/o.txt",
        "Zoe: Carla Diaz works for Northern Rail. She met Omar Haddad of Delta Bank in Lyon.\nIan: Omar Haddad leads Delta Bank.\n",
    );
    other.run(&["run", KG, "-i", "talks", "--quiet"]).is(0, &[]);
    let entry = |weir: &Weir, table: &str| manifest(weir)["tables"][table].clone();
    for (table, words) in [
        (
            "documents",
            &[
                "chunks: doc_id is of no document",
                "documents: counts are not those",
            ][..],
        ),
        (
            "chunks",
            &[
                "mentions: chunk_id is of no chunk",
                "manifest: counts other chunks",
            ],
        ),
        (
            "entities",
            &[
                "mentions: entity_id is of no entity",
                "relations: source_id is of no entity",
                "entities: mentions are not as many",
            ],
        ),
        (
            "relations",
            &[
                "evidence: relation_id is of no relation",
                "relations: evidence is not as much",
            ],
        ),
        (
            "mentions",
            &[
                "mentions: chunk_id is of no chunk",
                "entities: mentions are not as many",
            ],
        ),
        (
            "evidence",
            &[
                "evidence: chunk_id is of no chunk",
                "relations: evidence is not as much",
            ],
        ),
    ] {
        let theirs = entry(&other, table);
        assert!(theirs["rows"].as_u64() > Some(0), "{table}");
        let file = theirs["parts"][0]["file"].as_str().unwrap();
        let (own, from) = (part(&weir, table), part(&other, table));
        fs::remove_file(&own).unwrap();
        fs::copy(from, own.with_file_name(file)).unwrap();
        edit(&weir, |manifest| manifest["tables"][table] = theirs.clone());
        damaged(&weir, words);
        mended(&weir);
    }
}

#[test]
fn the_ledger_is_looked_through() {
    let fake = FakeProvider::start(Script::default());
    let weir = talks(6);
    let run = [
        "run",
        KG,
        "-i",
        "talks",
        "--model",
        "made-up",
        "--base-url",
        fake.url(),
    ];
    weir.run(&run).is(0, &[]);
    let database = weir.path(".weir/weir.db");
    let change = |sql: &str| {
        let connection = Connection::open(&database).unwrap();
        assert!(connection.execute(sql, []).unwrap() > 0, "{sql}");
    };
    change("UPDATE answers SET content = replace(content, 'entities', 'entitiez') WHERE rowid = 1");
    damaged(
        &weir,
        &[
            "ledger: answers are not what was stored",
            "a run that needs it asks again",
        ],
    );
    change("UPDATE answers SET content = replace(content, 'entitiez', 'entities') WHERE rowid = 1");
    weir.run(&["verify"]).is(0, &["sound, and complete"]);
    change("UPDATE texts SET text = text || 'x' WHERE rowid = 1");
    change("UPDATE versions SET chunks = x'00' WHERE rowid = 1");
    damaged(
        &weir,
        &[
            "ledger: texts do not have their fingerprints",
            "ledger: documents are not what was stored",
            "--rehash",
        ],
    );
    let again = [&run[..], &["--rehash"]].concat();
    fs::remove_file(weir.path("out/knowledge-graph/current")).unwrap();
    let calls = fake.log().len();
    weir.run(&again).is(0, &["(0 new, 6 known)"]);
    weir.run(&["verify"]).is(0, &["sound, and complete"]);
    // Answers that are gone are no damage to the tables.
    change("DELETE FROM answers WHERE rowid = 2");
    weir.run(&["verify"]).is(
        0,
        &["1 answers that the tables were made from are not in the ledger"],
    );
    // Another ledger, and none.
    weir.run(&["verify", "-o", "out/knowledge-graph", "--state", "none"])
        .is(0, &["the ledger was not looked at"]);
    // The structure of the file itself.
    let length = fs::metadata(&database).unwrap().len();
    assert!(length > 40_000);
    let mut bytes = fs::read(&database).unwrap();
    for byte in &mut bytes[8192..20_480] {
        *byte = 0xa5;
    }
    overwrite(&database, &bytes);
    let ended = weir.run(&["verify"]);
    assert_eq!(ended.code, 5, "{ended:#?}");
    assert_eq!(fake.log().len(), calls);
}

/// A run publishes, and notes it in the state, while others look: none of them sees damage that is not there.
#[test]
fn looking_while_a_run_goes_on() {
    let fake = FakeProvider::start(Script {
        latency: Latency::Fixed(Duration::from_millis(150)),
        rules: vec![Rule::on("talk 0 ", Act::Refuse)],
        ..Script::default()
    });
    let weir = talks(60);
    let run = [
        "run",
        KG,
        "-i",
        "talks",
        "--model",
        "made-up",
        "--base-url",
        fake.url(),
        "--batch-chunks",
        "1",
        "--in-flight",
        "2",
        "--requests-per-minute",
        "100000",
        "--tokens-per-minute",
        "100000000",
    ];
    let running = weir.start(&run);
    until("a snapshot with a failure", || {
        weir.run(&["failures"]).out.contains("1 failure ")
    });
    let mut looks = 0;
    while fake.log().len() < 58 {
        weir.run(&["verify"]).is(0, &["sound, though not complete"]);
        let failed = weir.run(&["failures", "--json"]).json()["failures"][0]["chunk_id"].clone();
        weir.run(&["show", failed.as_str().unwrap()])
            .is(0, &["talk 0 ", "refused: 1 attempt"]);
        looks += 1;
    }
    assert!(looks > 2, "{looks}");
    running.wait().is(3, &["59 answered", "1 failed"]);
    weir.run(&["verify"]).is(0, &["sound, though not complete"]);
}
