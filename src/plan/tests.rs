//! Plans from files, `weir.toml`, environment and flags, as users give them.

use std::fs;

use super::resolve::{Inputs, Purpose};
use super::*;
use crate::plan::origin::Given;

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn inputs(folder: &tempfile::TempDir, dataflow: &str) -> Inputs {
    Inputs {
        dataflow: dataflow.to_owned(),
        directory: folder.path().to_owned(),
        purpose: Purpose::Run,
        ..Inputs::default()
    }
}

fn flag(key: &str, value: impl Into<serde_json::Value>) -> Given {
    Given::new(key, value, Origin::Flag("--flag"))
}

fn shipped(given: Vec<Given>) -> Result<Plan, String> {
    let folder = folder(&[]);
    let inputs = Inputs {
        given,
        key: Some((Secret::new("sk-secret").unwrap(), "OPENAI_API_KEY")),
        ..inputs(&folder, "knowledge-graph")
    };
    resolve(&inputs).map_err(|errors| errors.to_string())
}

fn setting<'a>(plan: &'a Plan, key: &str) -> (&'a str, String) {
    let found = plan.origins.iter().find(|setting| setting.key == key);
    let found = found.unwrap_or_else(|| panic!("{key} is not shown"));
    (found.value.as_str(), found.origin.to_string())
}

#[test]
fn without_anything_rules_run_on_the_samples() {
    let folder = folder(&[]);
    let plan = resolve(&inputs(&folder, "knowledge-graph")).unwrap();
    assert_eq!(plan.provider, ProviderChoice::Rules);
    assert_eq!(plan.roots, Roots::Samples);
    assert_eq!(plan.output, folder.path().join("out/knowledge-graph"));
    assert_eq!(plan.state, folder.path().join(".weir"));
    assert_eq!(&*plan.question.model, "rules-2");
    assert_eq!(plan.key_context.parameters, "{}");
    assert!(!plan.paid() && plan.notes.is_empty());
    let (target, origin) = setting(&plan, "chunk.target");
    assert!(target == "250" && origin.starts_with("dataflow file knowledge-graph.toml:"));
    assert_eq!(
        setting(&plan, "batch.tokens"),
        ("2400", "default".to_owned())
    );
}

#[test]
fn a_key_without_a_model_is_said() {
    let plan = shipped(vec![]).unwrap();
    assert_eq!(plan.provider, ProviderChoice::Rules);
    assert!(
        plan.notes[0].contains("running with rules"),
        "{:?}",
        plan.notes
    );
}

#[test]
fn a_model_implies_its_provider() {
    let plan = shipped(vec![flag("extract.model", "gpt-4o-mini")]).unwrap();
    assert_eq!(plan.provider.name(), "openai");
    assert!(plan.paid() && plan.price.is_some());
    assert_eq!(plan.key_context.parameters, "{\"temperature\":0}");
    assert_eq!(
        setting(&plan, "extract.provider"),
        ("openai", "implied by the model (--flag)".to_owned())
    );
    assert_eq!(
        setting(&plan, "llm.key"),
        ("***", "OPENAI_API_KEY".to_owned())
    );
    assert!(!format!("{plan:?}").contains("sk-secret"));
    assert_eq!(plan.context, Some(128_000));
    let rules = shipped(vec![flag("extract.model", "rules-2")]).unwrap();
    assert_eq!(rules.provider, ProviderChoice::Rules);
}

#[test]
fn good_flags() {
    let model = || flag("extract.model", "gpt-4o-mini");
    let tier = shipped(vec![model(), flag("limit.tier", 1)]).unwrap();
    assert_eq!(tier.limits.tokens_per_minute, 200_000);
    assert_eq!(tier.limits.requests_per_day, Some(10_000));
    let both = shipped(vec![
        model(),
        flag("limit.tier", 1),
        flag("limit.tokens", "9k/min"),
    ]);
    assert_eq!(both.unwrap().limits.tokens_per_minute, 9000);
    let slow = shipped(vec![model()]).unwrap();
    assert!(
        slow.notes.iter().any(|note| note.contains("--tier")),
        "{:?}",
        slow.notes
    );
    let capped = shipped(vec![model(), flag("budget.max_cost", 5)]).unwrap();
    assert_eq!(capped.budget.max_cost, Usd::from_dollars(5.0));
    let unknown = shipped(vec![flag("extract.model", "gpt-99")]).unwrap();
    assert_eq!(unknown.price, None);
    assert!(
        unknown
            .notes
            .iter()
            .any(|note| note.contains("not in the catalogue"))
    );
    let thinks = shipped(vec![flag("extract.model", "gpt-5-mini")]).unwrap();
    assert_eq!(thinks.key_context.parameters, "{}");
    assert!(thinks.notes.iter().any(|note| note.contains("temperature")));
}

#[test]
fn what_is_free_is_not_paid_for() {
    let price = |price: i64| {
        let model = flag("extract.model", "mine");
        let input = flag("models.mine.input", price);
        let output = flag("models.mine.output", price);
        let url = flag("llm.base_url", "https://gpu.example/v1");
        shipped(vec![model, input, output, url]).unwrap()
    };
    assert!(!price(0).paid() && price(1).paid());
    let half = shipped(vec![
        flag("models.gpt-99.input", 1),
        flag("extract.model", "gpt-99"),
    ]);
    assert!(half.unwrap_err().contains("output is missing"));
}

#[test]
fn a_small_context_makes_small_batches() {
    let ollama = |more: Vec<Given>| {
        let mut given = vec![flag("extract.model", "qwen3"), flag("llm.preset", "ollama")];
        given.extend(more);
        shipped(given).unwrap()
    };
    let plan = ollama(vec![]);
    assert_eq!((plan.context, plan.batch.tokens.get()), (Some(4096), 1024));
    assert!(plan.notes.iter().any(|note| note.contains("4096")));
    let plan = ollama(vec![flag("models.qwen3.context", 32_000)]);
    assert_eq!(
        (plan.context, plan.batch.tokens.get()),
        (Some(32_000), 2400)
    );
}

#[test]
fn bad_flags() {
    let model = || flag("extract.model", "gpt-99");
    for (given, expected) in [
        (
            vec![model(), flag("budget.max_cost", 5)],
            "--flag: budget.max_cost: cannot be kept: the price of \"gpt-99\" is unknown",
        ),
        (
            vec![flag("extract.provider", "openai")],
            "extract.model: is missing: provider openai needs a model (--model NAME)",
        ),
        (
            vec![flag("extract.provider", "rules"), model()],
            "--flag: extract.provider: is rules, but extract.model is \"gpt-99\"",
        ),
        (
            vec![flag("extract.provider", "anthropic")],
            "--flag: extract.provider: anthropic is not in this release",
        ),
        (
            vec![flag("extract.model", "claude-haiku-4-5")],
            "--flag: extract.model: anthropic is not in this release",
        ),
        (
            vec![flag("llm.preset", "ollama")],
            "--flag: llm.preset: --flag needs a model: --model NAME",
        ),
        (
            vec![model(), flag("llm.preset", "ollma")],
            "--flag: llm.preset: \"ollma\" is no preset; known: openai, ollama, vllm",
        ),
        (
            vec![model(), flag("limit.tier", 3)],
            "--flag: limit.tier: no limits of \"gpt-99\" in tier 3 are known (tiers known: none)",
        ),
        (
            vec![model(), flag("llm.base_url", "https://me:pw@host/v1")],
            "--flag: llm.base_url: holds a user name or a password",
        ),
        (
            vec![flag("output.dir", "s3://bucket/a")],
            "--flag: output.dir: object stores and URLs are not in this release",
        ),
        (
            vec![model(), flag("extract.parameters.max_tokens", 5)],
            "--flag: extract.parameters.max_tokens: is set by weir",
        ),
        (
            vec![flag("chunk.target", 1), flag("chunk.target", 2)],
            "chunk.target: is given twice, by --flag and --flag",
        ),
        (
            vec![flag("limit.requests", 500), model()],
            "--flag: limit.requests: must be a rate with its unit, such as \"500/min\"",
        ),
    ] {
        let found = shipped(given).unwrap_err();
        assert!(
            found.lines().any(|line| line.starts_with(expected)),
            "{found}\n{expected}"
        );
    }
}

#[test]
fn every_problem_at_once_with_its_place() {
    let folder = folder(&[(
        "bad.toml",
        "name = \"no blanks\"\n[chunk]\nby = \"words\"\ntarget = -1\noverlap = 3\n[extract]\nprompt = \"p.md\"\n",
    )]);
    let errors = resolve(&inputs(&folder, "bad.toml")).unwrap_err();
    let lines: Vec<String> = errors.0.iter().map(ToString::to_string).collect();
    let expected = [
        "bad.toml:5:1: chunk.overlap: there is no such key; known here: by, target, drop_thin",
        "bad.toml:1:1: name: must be 1 to 64 letters, digits, \"-\" or \"_\"",
        "bad.toml:3:1: chunk.by: must be \"turns\" or \"record\"",
        "bad.toml:4:1: chunk.target: must be a whole number from 20 to 8000",
        "bad.toml:7:1: extract.prompt: could not read",
        "extract.schema: is missing: name a file",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}\n{expected}");
    }
}

#[test]
fn later_words_win() {
    let folder = folder(&[
        (
            "mine.toml",
            "[extract]\nmodel = \"gpt-4o\"\nprompt = \"p.md\"\nschema = \"schemas/knowledge-graph.json\"\n",
        ),
        ("p.md", "\u{feff}List names.\r\n"),
        (
            "weir.toml",
            "[extract]\nmodel = \"local\"\n[llm]\nbase_url = \"https://gpu.example/v1/\"\n[limit]\nrequests = \"8/s\"\n\
             [models.local]\ninput = 1\noutput = 2\n",
        ),
    ]);
    let mut inputs = Inputs {
        key: Some((Secret::new("sk-secret").unwrap(), "OPENAI_API_KEY")),
        ..inputs(&folder, "mine.toml")
    };
    let plan = resolve(&inputs).unwrap();
    assert_eq!(plan.name, "mine");
    assert_eq!(&*plan.question.prompt, "List names.\n");
    assert_eq!(&*plan.question.model, "local");
    assert_eq!(plan.limits.requests_per_minute, 480);
    assert!(plan.price.is_some());
    assert_eq!(
        setting(&plan, "llm.base_url"),
        ("https://gpu.example/v1", "weir.toml:4".to_owned())
    );
    assert_eq!(setting(&plan, "llm.preset").0, "compatible");
    // A file that came with a folder does not decide where the key goes.
    assert!(matches!(
        &plan.provider,
        ProviderChoice::OpenAi { key: None, .. }
    ));
    assert!(
        plan.notes
            .iter()
            .any(|note| note.contains("the key is not sent"))
    );
    inputs.given = vec![flag("llm.base_url", "https://gpu.example/v1")];
    let pointed = resolve(&inputs).unwrap();
    assert!(matches!(
        &pointed.provider,
        ProviderChoice::OpenAi { key: Some(_), .. }
    ));
    inputs.given = vec![flag("extract.provider", "rules")];
    assert_eq!(resolve(&inputs).unwrap().provider, ProviderChoice::Rules);
}

#[test]
fn the_operator_decides_on_limits_and_the_month() {
    let limits = "[limit]\nrequests = \"100/min\"\n[limits.\"gpt-4.1\"]\nrequests_per_minute = 7\ntokens_per_minute = 8000\n\
                  requests_per_day = 90\nin_flight = 3\n[budget]\nmonthly_usd = 50\n";
    let folder = folder(&[
        ("weir.toml", limits),
        ("other.toml", "[limit]\nrequests = \"5/min\"\n"),
    ]);
    let mut inputs = Inputs {
        key: Some((Secret::new("sk-secret").unwrap(), "OPENAI_API_KEY")),
        given: vec![flag("extract.model", "gpt-4.1")],
        ..inputs(&folder, "knowledge-graph")
    };
    let plan = resolve(&inputs).unwrap();
    let found = plan.limits;
    assert_eq!(
        (found.requests_per_minute, found.tokens_per_minute),
        (7, 8000)
    );
    assert_eq!((found.requests_per_day, found.in_flight), (Some(90), 3));
    assert_eq!(
        setting(&plan, "limit.requests"),
        ("7/min", "weir.toml:4".to_owned())
    );
    assert_eq!(
        setting(&plan, "budget.monthly_usd"),
        ("$50.00", "weir.toml:9".to_owned())
    );
    assert!(plan.costs());
    inputs.given.push(flag("limit.requests", "9/min"));
    assert_eq!(resolve(&inputs).unwrap().limits.requests_per_minute, 9);
    inputs.given = vec![flag("extract.model", "gpt-4o")];
    assert_eq!(
        resolve(&inputs).unwrap().limits.requests_per_minute,
        100,
        "of another model"
    );
    inputs.given = vec![flag("extract.model", "nobody-knows-it")];
    let errors = resolve(&inputs).unwrap_err().to_string();
    assert!(
        errors.contains("budget.monthly_usd: cannot be kept: the price of"),
        "{errors}"
    );
    inputs.config = Some("other.toml".into());
    let plan = resolve(&inputs).unwrap();
    assert_eq!(
        (plan.limits.requests_per_minute, plan.budget.monthly),
        (5, None)
    );
    assert_eq!(setting(&plan, "limit.requests").1, "other.toml:2");
    inputs.config = Some("nowhere.toml".into());
    let errors = resolve(&inputs).unwrap_err().to_string();
    assert!(errors.contains("nowhere.toml"), "{errors}");
}

#[test]
fn a_run_needs_its_key_and_its_inputs() {
    let folder = folder(&[]);
    let mut inputs = Inputs {
        given: vec![flag("extract.model", "gpt-4o")],
        roots: vec!["talks".into()],
        ..inputs(&folder, "knowledge-graph")
    };
    let errors = resolve(&inputs).unwrap_err().to_string();
    assert!(
        errors.contains("needs a key: set OPENAI_API_KEY"),
        "{errors}"
    );
    assert!(
        errors.contains("-i: source.roots: could not open"),
        "{errors}"
    );
    inputs.purpose = Purpose::Show;
    assert!(resolve(&inputs).is_ok());
}

#[test]
fn roots_have_labels_of_their_own() {
    let folder = folder(&[("a/talks/x.vtt", ""), ("b/talks/x.vtt", "")]);
    let mut inputs = inputs(&folder, "knowledge-graph");
    inputs.roots = vec!["a/talks".into(), "b/talks".into()];
    let plan = resolve(&inputs).unwrap();
    let Roots::Given(roots) = plan.roots else {
        panic!("roots were given");
    };
    let labels: Vec<&str> = roots.iter().map(|root| root.label.as_str()).collect();
    assert_eq!(labels, ["talks", "talks-2"]);
    for (roots, expected) in [
        (["a", "a/talks"], "lie one in the other"),
        (["a/talks", "a"], "lie one in the other"),
        (["a", "./a"], "is named twice"),
        (["a", "s3://b"], "not in this release"),
    ] {
        inputs.roots = roots.map(PathBuf::from).to_vec();
        let errors = resolve(&inputs).unwrap_err().to_string();
        assert!(errors.contains(expected), "{errors}");
    }
    inputs.roots = vec!["a".into()];
    inputs.given = vec![flag("output.dir", ".")];
    let errors = resolve(&inputs).unwrap_err().to_string();
    assert!(errors.contains("over the input"), "{errors}");
}

#[test]
fn hashes_follow_what_decides_rows() {
    let plan = |given| shipped(given).unwrap();
    let base = plan(vec![]);
    for (key, value, rows, reading) in [
        ("batch.chunks", serde_json::json!(5), true, true),
        ("output.dir", "elsewhere".into(), true, true),
        ("workers", 3.into(), true, true),
        ("chunk.target", 300.into(), false, false),
        ("source.include", "*.vtt".into(), false, true),
        ("value.min", 10.into(), false, true),
        ("extract.model", "gpt-4o".into(), false, true),
    ] {
        let other = plan(vec![flag(key, value)]);
        assert_eq!(base.hash == other.hash, rows, "{key}");
        assert_eq!(base.reading == other.reading, reading, "{key}");
    }
}

#[test]
fn dataflows_that_are_not_there() {
    let folder = folder(&[("dir.toml/x", ""), ("big.toml", &"#".repeat(1 << 21))]);
    for (name, expected) in [
        ("knowledge-grph", "did you mean knowledge-graph?"),
        ("summaries", "shipped are: knowledge-graph"),
        ("nowhere/a.toml", "could not read"),
        ("dir.toml", "is not a file"),
        ("big.toml", "is larger than"),
        ("", "there is no dataflow \"\""),
    ] {
        let found = resolve(&inputs(&folder, name)).unwrap_err().to_string();
        assert!(found.contains(expected), "{found}");
    }
}
