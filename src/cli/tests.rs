//! The command line as users see it: exit code, standard output, standard error.

use std::ffi::OsString;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::CommandFactory;
use serde_json::{Value, json};

use super::args::{Arguments, RunArgs};
use super::printer::{Mode, Printer};
use super::{Exit, confirm};
use crate::job::progress::Progress;
use crate::job::summary::Summary;
use crate::plan::origin::{Given, Origin};
use crate::plan::resolve::{Inputs, resolve};

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn printer(mode: Mode) -> (Printer, Shared, Shared) {
    let (out, err) = (Shared::default(), Shared::default());
    let printer = Printer::to(mode, Box::new(out.clone()), Box::new(err.clone()));
    (printer, out, err)
}

fn weir(arguments: &[&str]) -> (u8, String, String) {
    let (mut printer, out, err) = printer(Mode::Lines);
    let arguments = std::iter::once("weir").chain(arguments.iter().copied());
    let none = |_: &str| None;
    let exit = super::command(arguments.map(OsString::from), &none, false, &mut printer);
    (exit.code(), out.text(), err.text())
}

#[test]
fn the_definition_is_sound() {
    Arguments::command().debug_assert();
}

#[test]
fn every_help_has_examples() {
    for command in [
        "",
        "run",
        "plan",
        "check",
        "status",
        "path",
        "failures",
        "show",
        "verify",
        "completions",
        "man",
    ] {
        let arguments: Vec<&str> = [command, "--help"]
            .into_iter()
            .filter(|a| !a.is_empty())
            .collect();
        let (code, out, err) = weir(&arguments);
        assert_eq!((code, err.as_str()), (0, ""));
        assert!(out.contains("Examples:\n  "), "{out}");
    }
    let (_, out, _) = weir(&["--help"]);
    for part in ["WEIR_API_KEY_FILE", "  70 ", "weir.toml"] {
        assert!(out.contains(part), "{out}");
    }
    let (code, out, _) = weir(&["--version"]);
    assert_eq!(
        (code, out),
        (0, format!("weir {}\n", env!("CARGO_PKG_VERSION")))
    );
}

#[test]
fn check_shows_values_and_origins() {
    let (code, out, err) = weir(&[
        "check",
        "knowledge-graph",
        "--model",
        "gpt-4o-mini",
        "--set",
        "chunk.target=300",
    ]);
    assert_eq!((code, err.as_str()), (0, ""));
    let squeeze = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = out.lines().map(squeeze).collect();
    for expected in [
        "chunk.target 300 --set",
        "extract.provider openai implied by the model (--model)",
        "extract.model gpt-4o-mini --model",
        "extract.parameters.temperature 0 dataflow file knowledge-graph.toml:",
        "llm.base_url https://api.openai.com/v1 default",
        "llm.key none default",
        "price $0.15 in, $0.075 cached, $0.6 out catalogue, read 2026-11-23",
        "limit.requests 60/min default",
        "state.dir .weir default",
        "note: limits are low by default",
    ] {
        assert!(
            lines.iter().any(|line| line.starts_with(expected)),
            "{expected}\n{out}"
        );
    }
    let (_, out, _) = weir(&["check", "knowledge-graph", "--json"]);
    let value: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(value["name"], "knowledge-graph");
}

#[test]
fn usage_errors() {
    for (arguments, expected) in [
        (vec!["check"], "<DATAFLOW>"),
        (vec!["run", "x", "--json", "--quiet"], "cannot be used with"),
        (vec!["run", "x", "--max-cost=-1"], "--max-cost"),
        (vec!["run", "x", "--in-flight", "0"], "--in-flight"),
        (
            vec!["check", "knowledge-graph", "--set", "chunk.targt=3"],
            "did you mean chunk.target?",
        ),
        (
            vec!["check", "knowledge-graph", "--set", "a", "--set", "b"],
            "--set: \"b\" is not key=value",
        ),
        (
            vec![
                "check",
                "knowledge-graph",
                "--model",
                "a",
                "--set",
                "extract.model=b",
            ],
            "extract.model: is given twice, by --model and --set",
        ),
        (vec!["check", "a\u{1b}[2Jb"], "a\\u{1b}[2Jb"),
    ] {
        let (code, out, err) = weir(&arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}");
        assert!(err.contains(expected) && !err.contains('\u{1b}'), "{err}");
    }
}

#[test]
fn events_are_one_object_a_line() {
    let (mut printer, out, err) = printer(Mode::Json);
    let at = |seconds| Progress {
        elapsed: Duration::from_millis(seconds),
        ..Progress::default()
    };
    printer.progress(&at(0));
    printer.progress(&at(400));
    printer.progress(&at(1100));
    printer.note("a\u{202e}b");
    printer.done(&Summary::default(), &json!({ "epoch": 1 }));
    let out = out.text();
    let events: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: Vec<&str> = events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["progress", "progress", "note", "done"]);
    assert_eq!(events[3]["manifest"]["epoch"], 1);
    assert!(!out.contains('\u{202e}'));
    assert_eq!(err.text(), "");
}

#[test]
fn lines_come_now_and_then_and_quiet_is_quiet() {
    let run = |mode| {
        let (mut printer, out, err) = printer(mode);
        for seconds in 0..12 {
            let progress = Progress {
                elapsed: Duration::from_secs(seconds),
                epoch: u64::from(seconds >= 7),
                ..Progress::default()
            };
            printer.progress(&progress);
        }
        printer.note("by the way");
        printer.done(&Summary::default(), &Value::Null);
        (out.text(), err.text())
    };
    let (out, err) = run(Mode::Lines);
    let times: Vec<&str> = err
        .lines()
        .filter_map(|line| line.split(':').next())
        .collect();
    assert_eq!(times, ["0.0s", "5.0s", "7.0s", "by the way"]);
    assert!(out.contains("documents"));
    assert_eq!(run(Mode::Quiet), (String::new(), String::new()));
}

#[test]
fn a_first_paid_run_asks() {
    let plan = |given: Vec<(&str, Value)>| {
        let given = given.into_iter();
        let inputs = Inputs {
            dataflow: "knowledge-graph".into(),
            given: given
                .map(|(key, value)| Given::new(key, value, Origin::Flag("--x")))
                .collect(),
            ..Inputs::default()
        };
        resolve(&inputs).unwrap()
    };
    let paid = plan(vec![("extract.model", "gpt-4o".into())]);
    let yes = RunArgs {
        yes: true,
        ..RunArgs::default()
    };
    let no = RunArgs::default();
    assert!(confirm::must_ask(&paid, &no, true, true));
    assert!(!confirm::must_ask(&paid, &yes, true, true));
    assert!(!confirm::must_ask(&paid, &no, false, true));
    assert!(!confirm::must_ask(&paid, &no, true, false));
    let capped = plan(vec![
        ("extract.model", "gpt-4o".into()),
        ("budget.max_calls", 5.into()),
    ]);
    assert!(!confirm::must_ask(&capped, &no, true, true));
    let local = plan(vec![
        ("extract.model", "qwen3".into()),
        ("llm.preset", "ollama".into()),
    ]);
    assert!(!confirm::must_ask(&local, &no, true, true));
    assert!(!confirm::must_ask(&plan(vec![]), &no, true, true));
    for (answer, expected) in [
        ("y\n", true),
        ("YES\n", true),
        ("\n", false),
        ("", false),
        ("yep\n", false),
    ] {
        let (mut printer, _, err) = printer(Mode::Terminal);
        assert_eq!(
            confirm::ask("Go on?", &mut printer, &mut answer.as_bytes()),
            expected
        );
        assert_eq!(err.text(), "Go on? [y/N] ");
    }
}

#[test]
fn exit_codes_are_promised() {
    let codes = Exit::ALL.map(|(exit, _)| exit.code());
    assert_eq!(codes, [0, 2, 3, 4, 5, 6, 7, 70]);
}
