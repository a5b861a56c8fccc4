//! One file of each kind through the whole program: what lies in the tables, where quotes stand, what metadata says,
//! and what `check` says of a file.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};

use serde_json::Value;
use weir::sink::Table;
use weir::stage::transcript::decoded;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::harness::binary::Weir;
use crate::harness::project::rows;

const KG: &str = "knowledge-graph";

fn docx(paragraphs: &[&str]) -> Vec<u8> {
    let text = paragraphs.iter().fold(String::new(), |all, text| {
        format!("{all}<w:p><w:r><w:t>{text}</w:t></w:r></w:p>")
    });
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("word/document.xml", SimpleFileOptions::default())
        .unwrap();
    write!(zip, "<w:document><w:body>{text}</w:body></w:document>").unwrap();
    zip.finish().unwrap().into_inner()
}

/// Words in which the rules find a person, an organization and a relation, others for each kind of file.
fn words(place: &str) -> String {
    format!(
        "Bob Miller leads the Harbour Trust of {place} since last year, said Carla Stone of {place} Shipping."
    )
}

/// One file of each family, and three that are none.
fn talks() -> Weir {
    let weir = Weir::new();
    let said = words("Greendale");
    weir.write(
        "talks/ops/2026-05-19/a.json",
        format!(
            "{{\"results\":{{\"channels\":[{{\"alternatives\":[]}}],\"utterances\":[{{\"start\":0.5,\"end\":4,\"speaker\":0,\"transcript\":\"{} Caf\\u00e9 \\\"Nord\\\".\"}}]}}}}",
            words("Norwick")
        ),
    );
    weir.write(
        "talks/ops/2026-05-19/b.vtt",
        format!("WEBVTT - Kick-off\n\n00:01.000 --> 00:05.000\n<v Ann>{said}\n"),
    );
    weir.write(
        "talks/hr/soon/c.docx",
        docx(&["Ann: Hello all.", &format!("Ann: {}", words("Elmstead"))]),
    );
    weir.write(
        "talks/d.tsv",
        format!("start\tend\ttext\n0\t4000\t{}\n", words("Westmoor")),
    );
    let (latin, _, _) = encoding_rs::WINDOWS_1252
        .encode("Ana: Não há reunião amanhã, já está tudo pronto para você às nove.\nBo: Então até amanhã.\n");
    weir.write("talks/e.txt", latin);
    weir.write("talks/f.pdf", "%PDF-1.7");
    weir.write("talks/g.json", "{\"odd\": 1}");
    weir
}

/// The rows of a table, by a column.
fn by(weir: &Weir, table: Table, column: &str) -> BTreeMap<String, Value> {
    let rows = rows(&weir.path("out/knowledge-graph/current"), table);
    let key = |row: &Value| row[column].as_str().unwrap().to_owned();
    rows.into_iter().map(|row| (key(&row), row)).collect()
}

#[test]
fn every_kind_of_file_reaches_the_tables() {
    let weir = talks();
    let ended = weir.run(&["run", KG, "-i", "talks", "--fail-threshold", "2"]);
    ended.is(0, &["5 added"]);
    let documents = by(&weir, Table::Documents, "path");
    let format = |path: &str| documents[path]["format"].as_str().unwrap().to_owned();
    assert_eq!(documents.len(), 5);
    assert_eq!(format("ops/2026-05-19/a.json"), "deepgram-json");
    assert_eq!(format("ops/2026-05-19/b.vtt"), "vtt");
    assert_eq!(format("hr/soon/c.docx"), "docx");
    assert_eq!(format("d.tsv"), "whisper-tsv");
    assert_eq!(format("e.txt"), "text");
    let chunks = by(&weir, Table::Chunks, "doc_id");
    let text = |path: &str| {
        let chunk = &chunks[documents[path]["doc_id"].as_str().unwrap()];
        chunk["text"].as_str().unwrap().to_owned()
    };
    assert!(text("e.txt").contains("Ana: Não há reunião"));
    assert!(text("ops/2026-05-19/a.json").contains("Speaker 0: Bob Miller"));
    let failures = by(&weir, Table::Failures, "path");
    assert_eq!(failures.len(), 2);
    let message = failures["g.json"]["message"].as_str().unwrap();
    assert!(
        message.contains("its keys: odd") && message.contains(".jsonl"),
        "{message}"
    );
    let message = failures["f.pdf"]["message"].as_str().unwrap();
    assert!(message.contains("export the transcript"), "{message}");
}

/// A quote is what the slices of its source say, by the rules of its format; of a document of Word, without bytes.
#[test]
fn quotes_slice_back() {
    let weir = talks();
    weir.run(&["run", KG, "-i", "talks", "--fail-threshold", "2"]);
    let documents = by(&weir, Table::Documents, "doc_id");
    let mut seen = BTreeMap::new();
    for row in rows(&weir.path("out/knowledge-graph/current"), Table::Mentions) {
        let document = &documents[row["doc_id"].as_str().unwrap()];
        let path = document["path"].as_str().unwrap();
        let bytes = fs::read(weir.path(&format!("talks/{path}"))).unwrap();
        let source = decoded(&bytes).unwrap().text.into_owned();
        let is_docx = document["format"] == "docx";
        let slices: Vec<String> = row["spans"]
            .as_array()
            .unwrap()
            .iter()
            .map(|span| {
                let [start, end] =
                    ["char_start", "char_end"].map(|key| span[key].as_u64().unwrap());
                let slice: String = source
                    .chars()
                    .skip(usize::try_from(start).unwrap())
                    .take(usize::try_from(end - start).unwrap())
                    .collect();
                assert_eq!(span["byte_start"].is_null(), is_docx, "{path}");
                if let Some(byte) = span["byte_start"].as_u64() {
                    let rest = &source[usize::try_from(byte).unwrap()..];
                    assert!(rest.starts_with(&slice), "{path}");
                }
                if document["format"] == "deepgram-json" {
                    serde_json::from_str(&format!("\"{slice}\"")).unwrap()
                } else {
                    slice
                }
            })
            .collect();
        if row["match"] == "exact" {
            assert_eq!(slices.join(" "), row["quote"].as_str().unwrap(), "{path}");
            *seen.entry(path.to_owned()).or_insert(0) += 1;
        }
    }
    for path in [
        "ops/2026-05-19/a.json",
        "ops/2026-05-19/b.vtt",
        "hr/soon/c.docx",
        "d.tsv",
    ] {
        assert!(
            seen.get(path).is_some_and(|count| *count > 1),
            "{path}: {seen:?}"
        );
    }
    let chunks = by(&weir, Table::Chunks, "doc_id");
    for (doc, chunk) in chunks {
        let is_docx = documents[&doc]["format"] == "docx";
        assert_eq!(chunk["byte_start"].is_null(), is_docx);
        assert!(chunk["char_end"].as_u64() > chunk["char_start"].as_u64());
    }
}

#[test]
fn a_changed_sidecar_is_a_changed_document() {
    let weir = talks();
    let run = ["run", KG, "-i", "talks", "--fail-threshold", "9"];
    let path = "ops/2026-05-19/b.vtt";
    let title = || by(&weir, Table::Documents, "path")[path]["title"].clone();
    weir.run(&run).is(0, &["5 added"]);
    assert_eq!(title(), "Kick-off");
    weir.write(
        "talks/ops/2026-05-19/b.meta.toml",
        "title = 'Start'\ndate = 2026-05-18\nroom = 3\n",
    );
    weir.run(&run).is(0, &["1 changed"]);
    let row = by(&weir, Table::Documents, "path")[path].clone();
    assert_eq!(row["title"], "Start");
    assert!(
        row["recorded_at"].to_string().contains("2026-05-18"),
        "{row}"
    );
    assert!(row["meta"].to_string().contains("room"), "{row}");
    weir.run(&run).is(0, &["nothing changed"]);
    // A broken one is said, and the transcript is there all the same.
    weir.write("talks/ops/2026-05-19/b.meta.toml", "title = \n");
    weir.run(&run).is(0, &["1 changed"]);
    assert_eq!(title(), "Kick-off");
    let failures = by(&weir, Table::Failures, "path");
    let failure = &failures[path];
    assert_eq!(failure["reason"], "sidecar");
    let message = failure["message"].as_str().unwrap();
    assert!(
        message.contains("b.meta.toml: it is not TOML: line 1"),
        "{message}"
    );
    assert_eq!(failures.len(), 3);
    let strict = weir.run(&["run", KG, "-i", "talks"]);
    assert_eq!(strict.code, 3);
    fs::remove_file(weir.path("talks/ops/2026-05-19/b.meta.toml")).unwrap();
    // Its row is what it was without; the failure goes.
    weir.run(&run).is(0, &["failures 2"]);
    assert_eq!(title(), "Kick-off");
    assert_eq!(by(&weir, Table::Failures, "path").len(), 2);
}

#[test]
fn a_path_says_what_the_dataflow_asks() {
    let weir = talks();
    let pattern = "source.metadata={team}/{date}/*";
    let run = ["run", KG, "-i", "talks", "--fail-threshold", "9", "--set"];
    weir.run(&[&run[..], &[pattern]].concat())
        .is(0, &["5 added"]);
    let documents = by(&weir, Table::Documents, "path");
    let shown = |path: &str, column: &str| documents[path][column].to_string();
    assert!(shown("ops/2026-05-19/a.json", "recorded_at").contains("2026-05-19"));
    assert!(shown("ops/2026-05-19/a.json", "meta").contains("ops"));
    assert_eq!(shown("hr/soon/c.docx", "recorded_at"), "null");
    assert!(shown("hr/soon/c.docx", "meta").contains("soon"));
    assert!(!shown("d.tsv", "meta").contains("team"));
    // Another pattern reads every file again.
    weir.run(&[&run[..], &["source.metadata={group}/**/*"]].concat())
        .is(0, &[]);
    let documents = by(&weir, Table::Documents, "path");
    assert!(
        documents["hr/soon/c.docx"]["meta"]
            .to_string()
            .contains("group")
    );
    weir.run(&["check", KG, "--set", "source.metadata=*/x"])
        .is(2, &["source.metadata: must keep something"]);
}

#[test]
fn check_explains_a_transcript() {
    let weir = talks();
    weir.write(
        "talks/d.meta.json",
        "{\"title\": \"Wall\", \"date\": \"soon\"}",
    );
    weir.run(&["check", "talks/d.tsv"]).is(
        0,
        &[
            "talks/d.tsv: ok, with problems",
            "whisper-tsv: its first line names start, end and text",
            "title       Wall  (from its sidecar d.meta.json)",
            "(nobody named): 1 turns",
            "0:00:00.000 to 0:00:04.000",
            "date = \"soon\" is no date",
        ],
    );
    let path = "talks/ops/2026-05-19/a.json";
    let set = "source.metadata=talks/{team}/{date}/*";
    let json = weir.run(&["check", path, "--json", "--set", set]).json();
    assert_eq!(json["format"], "deepgram-json");
    assert_eq!(json["stated"]["recorded_at"], "its path");
    assert_eq!(json["meta"]["team"], "ops");
    assert_eq!(json["speakers"][0]["name"], "Speaker 0");
    assert_eq!(json["first_turns"][0]["start_ms"], 500);
    assert_eq!(json["chunks"].as_array().unwrap().len(), 1);
    weir.run(&["check", "talks/f.pdf"])
        .is(3, &["unsupported", "it is a PDF"]);
    weir.run(&["check", "talks/none.vtt"]).is(
        2,
        &["could not read the input talks/none.vtt", "No such file"],
    );
    weir.write("talks/h.vtt", "WEBVTT\n\nx --> y\ngone\n");
    weir.run(&["check", "talks/h.vtt"])
        .is(0, &["empty", "byte 8: the times of this cue"]);
    // A dataflow is one, whatever its name.
    weir.write("flow", "name = 'x'\n[chunk]\ntarget = 3\n");
    weir.run(&["check", "flow"])
        .is(2, &["flow:3:1: chunk.target"]);
}
