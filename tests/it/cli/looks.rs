//! Commands around a run: a sample of it, what failed in it and the same asked again, one chunk of it shown; and what
//! shells and pagers want.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use super::{KG, number, talks, transcript};
use crate::harness::binary::{Ended, Weir};
use crate::harness::provider::{Act, FakeProvider, Rule, Script};

/// A provider that misbehaves by these rules.
fn fake(rules: &[(&str, Act)]) -> FakeProvider {
    let rules = rules.iter();
    FakeProvider::start(Script {
        rules: rules
            .map(|(text, act)| Rule::on(text, act.clone()))
            .collect(),
        ..Script::default()
    })
}

/// A command on `talks` that asks this provider.
fn with<'a>(command: &[&'a str], fake: &'a FakeProvider, more: &[&'a str]) -> Vec<&'a str> {
    let model = [
        "--model",
        "made-up",
        "--base-url",
        fake.url(),
        "--requests-per-minute",
        "100000",
        "--tokens-per-minute",
        "100000000",
        "--batch-chunks",
        "1",
    ];
    [command, &model, more].concat()
}

/// The numbers of the talks that a provider was asked about, after so many calls; each as often as it was.
fn asked(fake: &FakeProvider, after: usize) -> Vec<usize> {
    let texts = fake
        .log()
        .into_iter()
        .skip(after)
        .flat_map(|call| call.texts);
    let number = |text: String| {
        let mut words = text.split(' ').skip_while(|word| *word != "talk");
        words.nth(1).unwrap().parse().unwrap()
    };
    let mut numbers: Vec<usize> = texts.map(number).collect();
    numbers.sort_unstable();
    numbers
}

fn of_reason(listed: &Ended, reason: &str) -> Vec<Value> {
    let failures = listed.json()["failures"].as_array().unwrap().clone();
    let same = failures.into_iter().filter(|one| one["reason"] == reason);
    same.collect()
}

#[test]
fn a_sample_is_asked_and_the_rest_is_left() {
    let fake = fake(&[]);
    let weir = talks(12);
    let run = with(&["run", KG, "-i", "talks"], &fake, &[]);
    let sample = |most| [&run[..], &["--sample", most]].concat();
    let first = weir.run(&sample("5"));
    first.is(
        7,
        &[
            "a part was asked",
            "5 answered",
            "7 not asked",
            "asks the rest",
        ],
    );
    let five: BTreeSet<usize> = asked(&fake, 0).into_iter().collect();
    assert_eq!(five.len(), 5);
    weir.run(&["status"])
        .is(0, &["not complete", "7 not asked"]);
    // The same again is known already; a larger one holds it.
    weir.run(&sample("5")).is(7, &["5 answered"]);
    assert_eq!(fake.log().len(), 5);
    let plan = with(
        &["plan", KG, "-i", "talks"],
        &fake,
        &["--sample", "8", "--json"],
    );
    let plan = weir.run(&plan);
    plan.is(0, &[]);
    let counts = ["/chunks/new", "/chunks/cached", "/outside"].map(|at| number(&plan, at));
    assert_eq!(counts, [3, 5, 4]);
    weir.run(&sample("8")).is(7, &["8 answered", "4 not asked"]);
    assert_eq!(fake.log().len(), 8);
    weir.run(&run).is(0, &["complete", "12 answered"]);
    assert_eq!(asked(&fake, 0), (0..12).collect::<Vec<_>>());
    // Another folder of the same files gives the same sample.
    let other = talks(12);
    let again = self::fake(&[]);
    let run = with(&["run", KG, "-i", "talks", "--sample", "5"], &again, &[]);
    other.run(&run).is(7, &[]);
    assert_eq!(asked(&again, 0).into_iter().collect::<BTreeSet<_>>(), five);
}

#[test]
fn failures_are_listed_and_exactly_these_are_asked_again() {
    let bad = fake(&[
        ("talk 2 ", Act::Refuse),
        ("talk 5 ", Act::Refuse),
        ("talk 7 ", Act::Filter),
    ]);
    let weir = talks(9);
    weir.write("talks/t5.vtt", "WEBVTT\n\n00:01:05.000 --> 00:01:09.500\n<v Ann Lee>In talk 5 we heard that Bob Miller leads the Harbour Trust of Greendale.\n");
    fs::remove_file(weir.path("talks/t5.txt")).unwrap();
    weir.write("talks/odd.bin", [0, 159, 146, 150, 0, 1, 2]);
    let input = ["-i", "talks"];
    weir.run(&with(&["run", KG], &bad, &input))
        .is(3, &["6 answered", "3 failed"]);

    let listed = weir.run(&["failures", KG]);
    listed.is(
        0,
        &[
            "4 failures (epoch ",
            "2 refused: asked again only with --retry",
            "1 filtered: asked again only",
            "talks/odd.bin".trim_start_matches("talks/"),
            "files; read again once they change",
            "t5.vtt  01:05-01:09  Ann Lee  1 attempt, last 20",
        ],
    );
    let listed = weir.run(&["failures", "-o", "out/knowledge-graph", "--json"]);
    assert_eq!(number(&listed, "/total"), 4);
    assert_eq!(number(&listed, "/reasons/refused"), 2);
    let refused = of_reason(&listed, "refused");
    assert_eq!(refused[1]["start_ms"], 65_000, "{refused:#?}");
    assert_eq!(refused[1]["retryable"], false);
    weir.run(&["failures", "--reason", "missing"])
        .is(0, &["no failures of reason missing"]);

    // Whom to ask is not guessed, and another model has not failed.
    let unsaid = weir.run(&["failures", "--retry"]);
    unsaid.is(
        2,
        &[
            "none of these 3 chunks failed when rules-",
            "went to made-up",
        ],
    );

    // What is new, or failed otherwise, is not asked by it.
    weir.write("talks/t20.txt", transcript(20));
    let good = fake(&[]);
    let retry = with(&["failures", "--retry", "--reason", "refused"], &good, &[]);
    weir.run(&retry).is(
        3,
        &[
            "2 texts are asked again",
            "8 answered",
            "1 failed",
            "1 not asked",
        ],
    );
    assert_eq!(asked(&good, 0), [2, 5]);
    let retry = with(&["failures", KG, "--retry"], &good, &["--json"]);
    let ended = weir.run(&retry);
    assert_eq!(number(&ended, "/manifest/chunks/ok"), 9);
    assert_eq!(asked(&good, 2), [7]);
    // The file stays a failure, which no call mends.
    weir.run(&retry).is(0, &["files that could not be read"]);
    weir.run(&with(&["run", KG], &good, &input))
        .is(3, &["10 answered"]);
    assert_eq!(asked(&good, 3), [20]);
    weir.run(&["failures", "--reason", "refused", "--retry"])
        .is(0, &["nothing to ask"]);
}

#[test]
fn failures_need_tables() {
    let weir = Weir::new();
    weir.run(&["failures"])
        .is(2, &["no tables are named", "hint: "]);
    weir.run(&["failures", KG]).is(
        2,
        &[
            "out/knowledge-graph/current",
            "hint: weir run knowledge-graph",
        ],
    );
    weir.run(&["verify", "-o", "x"])
        .is(2, &["x/current", "hint: "]);
    weir.run(&["run", KG, "--quiet"]).is(0, &[]);
    weir.run(&["failures"]).is(0, &["no failures (epoch "]);
    weir.run(&["run", KG, "-o", "other", "--quiet"]).is(0, &[]);
    weir.run(&["failures"])
        .is(2, &["knows of several tables", "  -o ", "/other"]);
}

#[test]
fn a_chunk_is_shown_as_it_was_asked_and_answered() {
    let fake = fake(&[("talk 2 ", Act::Refuse)]);
    let weir = talks(4);
    // The same text twice; and one that does something to a terminal.
    weir.write("talks/copy.txt", transcript(1));
    weir.write(
        "talks/esc.txt",
        "Ann: The red \u{202e}gate of talk 9 belongs to the Harbour Trust of Greendale.\n",
    );
    weir.run(&with(&["run", KG], &fake, &["-i", "talks"]))
        .is(3, &[]);
    let sent = |text: &str| {
        let log = fake.log();
        let call = log
            .iter()
            .find(|call| call.texts.iter().any(|one| one.contains(text)));
        let messages = call.unwrap().request["messages"].clone();
        [0, 1].map(|at| messages[at]["content"].as_str().unwrap().to_owned())
    };
    let failed = of_reason(&weir.run(&["failures", "--json"]), "refused");
    let id = failed[0]["chunk_id"].as_str().unwrap();
    let shown = weir.run(&["show", &id[..12]]);
    shown.is(
        0,
        &[
            "stands in    t2.txt, chunk 0",
            "status       failed",
            "Ann: In talk 2 we heard",
            "prompt, system\n",
            "failure\n  refused: 1 attempt",
            "its call ",
        ],
    );

    // By fingerprint: the one that was asked, and where else it stands. What is shown is what was sent.
    let one = blake3::hash(transcript(1).as_bytes()).to_hex().to_string();
    let shown = weir.run(&["show", &one, "--json"]);
    shown.is(0, &[]);
    let shown = shown.json();
    assert_eq!(shown["chunk"]["status"], "ok", "{shown:#}");
    assert_eq!(shown["also"].as_array().unwrap().len(), 1, "{shown:#}");
    let [system, user] = sent("talk 1 ");
    assert_eq!(shown["prompt"]["system"], system);
    assert_eq!(shown["prompt"]["user"], user);
    assert_eq!(shown["prompt"]["certain"], true);
    assert_eq!(shown["call"]["chunks"], 1);
    let body = shown["body"].as_str().unwrap();
    assert!(
        body.contains("chatcmpl") || body.contains("choices"),
        "{body}"
    );
    let mentions = shown["parsed"]["mentions"].as_array().unwrap();
    assert!(!mentions.is_empty());
    for mention in mentions {
        let ground = &mention["ground"];
        let [start, end] =
            ["start", "end"].map(|at| usize::try_from(ground[at].as_u64().unwrap()).unwrap());
        let said = &shown["chunk"]["text"].as_str().unwrap()[start..end];
        assert_eq!(ground["quote"], said, "{mention:#}");
    }
    let text = weir.run(&["show", &one[..8], "--body"]);
    text.is(
        0,
        &[
            "also in ",
            "answer (by made-up, ",
            "exact      1.00  \"",
            "this chunk ",
            "body of the answer",
        ],
    );

    // By another prompt than was sent, it says so.
    super::dataflow(&weir, "my.toml", |text| text);
    weir.write("prompts/knowledge-graph.md", "Find everything.\n");
    weir.run(&["show", &one[..8], "my.toml", "-o", "out/knowledge-graph"])
        .is(
            0,
            &[
                "prompt, system (by the dataflow as it is now",
                "Find everything.",
            ],
        );

    let found = weir.run(&["failures", "--json"]);
    assert!(!found.out.contains('\u{1b}'));
    let red = fake
        .log()
        .into_iter()
        .flat_map(|call| call.texts)
        .find(|text| text.contains("red"))
        .unwrap();
    let red = blake3::hash(red.as_bytes()).to_hex().to_string();
    for more in [&[][..], &["--json"], &["--body"]] {
        let shown = weir.run(&[&["show", &red][..], more].concat());
        shown.is(0, &["gate of talk 9"]);
        assert!(!shown.out.contains(['\u{1b}', '\u{202e}']), "{}", shown.out);
    }
}

#[test]
fn a_name_that_fits_no_chunk_or_several() {
    let weir = Weir::new();
    let record = |n: usize| {
        format!(
            "{{\"speaker\": \"Ann\", \"text\": \"The Harbour Trust of Greendale paid {n} dollars to Bob Miller.\"}}\n"
        )
    };
    weir.write("talks/all.jsonl", (0..700).map(record).collect::<String>());
    let run = [
        "run",
        KG,
        "-i",
        "talks",
        "--set",
        "chunk.by=record",
        "--quiet",
    ];
    weir.run(&run).is(0, &[]);
    for (name, words) in [
        ("", "0-9 and a-f"),
        ("abc", "0-9 and a-f"),
        ("talk", "0-9 and a-f"),
        ("ffffffffffff", "no chunk of"),
    ] {
        weir.run(&["show", name]).is(2, &[words, "hint: "]);
    }
    // 700 ids of 65,536 beginnings: two are alike, and the fingerprints say which.
    let fingerprint = |n: usize| {
        let text = format!("Ann: The Harbour Trust of Greendale paid {n} dollars to Bob Miller.\n");
        blake3::hash(text.as_bytes()).to_hex().to_string()
    };
    let all: Vec<String> = (0..700).map(fingerprint).collect();
    let alike = all
        .iter()
        .find(|one| all.iter().filter(|other| other[..4] == one[..4]).count() > 1);
    let alike = alike.expect("the texts are fixed, and so are their fingerprints");
    weir.run(&["show", &alike[..4]]).is(
        2,
        &[
            "begins the ids or fingerprints of ",
            "say more digits",
            alike,
        ],
    );
    weir.run(&["show", alike])
        .is(0, &["fingerprint  ", alike, "rules were applied"]);
    // Without the state there is still the row.
    weir.run(&[
        "show",
        alike,
        "-o",
        "out/knowledge-graph",
        "--state",
        "none",
    ])
    .is(0, &["note         there is no state in none", "paid"]);
}

#[test]
fn shells_and_pagers() {
    let weir = Weir::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = weir.run(&["completions", shell]);
        script.is(0, &["failures", "completions", "retry-failures"]);
        assert!(!script.out.contains("\\u{"), "nothing of it is escaped");
    }
    weir.write("weir.bash", weir.run(&["completions", "bash"]).out);
    let checked = Command::new("bash")
        .arg("-n")
        .arg(weir.path("weir.bash"))
        .status();
    // Where there is no bash nobody misses its script.
    assert!(checked.map_or(true, |status| status.success()));
    weir.run(&["completions", "tcsh"]).is(2, &["bash", "fish"]);
    weir.run(&["man", "share/man1"])
        .is(0, &["pages in share/man1"]);
    let page = fs::read_to_string(weir.path("share/man1/weir-failures.1")).unwrap();
    assert!(
        page.contains(".SH EXAMPLES\n.nf\n  weir failures knowledge\\-graph\n"),
        "{page}"
    );
    let whole = fs::read_to_string(weir.path("share/man1/weir.1")).unwrap();
    for part in ["EXIT STATUS", "ENVIRONMENT", "weir\\-run(1)"] {
        assert!(whole.contains(part), "{part}: {whole}");
    }
    weir.write("file", "");
    weir.run(&["man", "file"])
        .is(5, &["could not write the manual page file"]);
}
