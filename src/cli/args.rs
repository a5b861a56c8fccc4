//! The command line: commands, flags, and what the help says of them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::failures::{self, FailuresArgs};
use super::init::InitArgs;
use super::printer::Mode;
use super::schema::SchemaArgs;
use super::serve::{self, ServeArgs};
use super::shell::{self, CompletionsArgs, ManArgs};
use super::show::{self, ShowArgs};
use super::verify::{self, VerifyArgs};
use super::{Exit, env, keep};
use crate::model::unit::Usd;
use crate::plan::error::PlanErrors;
use crate::plan::operator::pointed;
use crate::plan::origin::{Given, Origin};
use crate::plan::parse_set;
use crate::plan::resolve::{Inputs, Purpose};

/// Turns folders of transcripts into tables, with rules or with a language model.
#[derive(Clone, Debug, Parser)]
#[command(name = "weir", version, max_term_width = 100, after_long_help = after_help())]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run a dataflow: read what is new, ask what is not known, publish the tables.
    #[command(after_long_help = RUN)]
    Run(RunArgs),
    /// Show what a run would call and cost, and why; calls nothing.
    #[command(after_long_help = PLAN)]
    Plan(RunArgs),
    /// Check a dataflow: every value that holds, and where it came from. Or a transcript: how it is read.
    #[command(after_long_help = CHECK)]
    Check(CheckArgs),
    /// Show what is done, what failed and what it cost so far.
    #[command(after_long_help = STATUS)]
    Status(StatusArgs),
    /// Print the folder of the tables that hold now.
    #[command(after_long_help = PATH)]
    Path(PathArgs),
    /// Serve a make-believe provider on this machine, to rehearse a run against its limits and faults.
    #[command(after_long_help = super::simulate::help())]
    SimulateProvider(super::simulate::SimulateArgs),
    /// Write a dataflow of your own to start from: a folder with a TOML file, a prompt and a schema.
    #[command(after_long_help = INIT)]
    Init(InitArgs),
    /// Print the data dictionary: every table and column, and what it says.
    #[command(after_long_help = SCHEMA)]
    Schema(SchemaArgs),
    /// List what failed, by reason, and ask it again.
    #[command(after_long_help = failures::EXAMPLES)]
    Failures(Box<FailuresArgs>),
    /// Show a chunk: its text, its place, what was asked and answered, and what was made of it.
    #[command(after_long_help = show::EXAMPLES)]
    Show(ShowArgs),
    /// Check that tables and state are what was published, and say what to do if not.
    #[command(after_long_help = verify::EXAMPLES)]
    Verify(VerifyArgs),
    /// Print a script by which a shell completes the command line.
    #[command(after_long_help = shell::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Write the manual pages.
    #[command(after_long_help = shell::MAN)]
    Man(ManArgs),
    /// Write the tables, or the graph, to files for other programs.
    #[command(after_long_help = keep::EXPORT)]
    Export(keep::ExportArgs),
    /// Show what the ledger holds and what was spent; prune it, back it up, restore it, import another.
    #[command(after_long_help = keep::LEDGER)]
    Ledger(keep::LedgerArgs),
    /// Erase a document from tables, snapshots, change logs and state.
    #[command(after_long_help = keep::FORGET)]
    Forget(keep::ForgetArgs),
    /// Serve background jobs over HTTP, with a dashboard, until told to stop.
    #[command(after_long_help = serve::EXAMPLES)]
    Serve(ServeArgs),
}

const INIT: &str = "\
Examples:
  weir init
      asks for a name, what to extract and a model; on a pipe it asks nothing
  weir init prices --extract 'every price that is named, and what for' --model gpt-4o-mini
      a prompt and a schema for a model
  weir init my-topics --like topics
      a copy of a shipped dataflow, to change";

const SCHEMA: &str = "\
Examples:
  weir schema
      every table, as Markdown
  weir schema items -d action-items
      one table of a dataflow, with the columns of its schema
  weir schema --json -d my.toml
      for programs";

const RUN: &str = "\
Examples:
  weir run knowledge-graph
      the shipped dataflow on sample transcripts, with rules: no key, no network
  weir run knowledge-graph -i talks
      on your own files; a second run reads and asks only what is new
  weir run knowledge-graph -i talks --model gpt-4o-mini --max-cost 5
      with a model; OPENAI_API_KEY holds the key; stops before 5 dollars are passed
  weir run knowledge-graph -i talks --model gpt-4o-mini --sample 50
      only 50 chunks, spread over the files: to look at, and for a better forecast by weir plan
  weir run knowledge-graph -i talks --model qwen3 --preset ollama
      with a model on this machine
  weir run knowledge-graph -i talks --watch
      keep the tables current as files come, change and go; Ctrl-C ends it
  weir run my.toml -i talks -o tables --set chunk.target=400
      your own dataflow, with one value changed";

const PLAN: &str = "\
Examples:
  weir plan knowledge-graph -i talks --model gpt-4o-mini
      calls, tokens, cost as a range, minutes and which limit binds
  weir plan knowledge-graph -i talks --model gpt-4o-mini --tier 5
      the same with the published limits of usage tier 5
  weir plan knowledge-graph -i talks --model gpt-4o-mini --json
      the same for programs";

const CHECK: &str = "\
Examples:
  weir check knowledge-graph
      the resolved plan of a shipped dataflow
  weir check my.toml --model gpt-4o-mini --set batch.chunks=10
      your own, with the flags of a run to come
  weir check talks/kick-off.vtt
      how a transcript is read: format, encoding, speakers, times, chunks, what is wrong with it
  weir check ops/2026-05-19/a.json --set 'source.metadata={team}/{date}/*' --json
      with what its path says, for programs";

const STATUS: &str = "\
Examples:
  weir status
      all that the state folder .weir of this directory knows
  weir status -o out/knowledge-graph --json
      one set of tables, for programs";

const PATH: &str = "\
Examples:
  weir path knowledge-graph
      the folder of its tables
  ls $(weir path knowledge-graph)/entities
      one folder a table, with parquet files";

/// The dataflow, and all that changes its plan.
#[derive(Args, Clone, Debug, Default)]
pub struct PlanArgs {
    /// A shipped dataflow (knowledge-graph, action-items, topics, duplicates), or the path of a dataflow file.
    pub dataflow: String,
    /// Folder or file to read; may be given several times. Without it: the dataflow's own, else sample transcripts.
    #[arg(short, long = "input", value_name = "DIR")]
    pub input: Vec<PathBuf>,
    /// Folder of the tables [default: out/NAME].
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<String>,
    /// Folder of the state: what was asked and answered [default: .weir].
    #[arg(long, value_name = "DIR")]
    pub state: Option<String>,
    /// Who answers: rules (no key, no network) or openai (and every server that speaks its chat completions).
    #[arg(long, value_name = "NAME", help_heading = "Model")]
    pub provider: Option<String>,
    /// The model to ask; implies its provider.
    #[arg(long, value_name = "NAME", help_heading = "Model")]
    pub model: Option<String>,
    /// The server, up to what stands before /chat/completions.
    #[arg(long, value_name = "URL", help_heading = "Model")]
    pub base_url: Option<String>,
    /// The kind of server: openai, ollama, vllm, llamacpp, lmstudio, compatible.
    #[arg(long, value_name = "NAME", help_heading = "Model")]
    pub preset: Option<String>,
    /// Use the published limits of this usage tier of your account, where they are known.
    #[arg(long, value_name = "N", help_heading = "Limits", value_parser = clap::value_parser!(u64).range(1..=99))]
    pub tier: Option<u64>,
    /// Requests a minute that your account allows [default: 60, low on purpose].
    #[arg(long, value_name = "N", help_heading = "Limits", value_parser = at_least_one())]
    pub requests_per_minute: Option<u64>,
    /// Tokens a minute that your account allows [default: 30000, low on purpose].
    #[arg(long, value_name = "N", help_heading = "Limits", value_parser = at_least_one())]
    pub tokens_per_minute: Option<u64>,
    /// The most calls at once [default: 256; 4 for servers of this machine].
    #[arg(long, value_name = "N", help_heading = "Limits", value_parser = at_least_one())]
    pub in_flight: Option<u64>,
    /// The most chunks in one call [default: adapted to how well answers come].
    #[arg(long, value_name = "N", help_heading = "Limits", value_parser = at_least_one())]
    pub batch_chunks: Option<u64>,
    /// Worker threads; rows do not depend on it.
    #[arg(long, value_name = "N", value_parser = at_least_one())]
    pub workers: Option<u64>,
    /// Limits, servers, prices and budgets, instead of weir.toml of the working directory.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Change a value of the dataflow, such as chunk.target=400; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Stop before this many US dollars are passed; needs a known price.
    #[arg(long, value_name = "USD", help_heading = "Budget", value_parser = dollars)]
    pub max_cost: Option<Usd>,
    /// Stop after this many calls, retries included.
    #[arg(long, value_name = "N", help_heading = "Budget")]
    pub max_calls: Option<u64>,
    /// Stop before this many tokens are passed, input and output together.
    #[arg(long, value_name = "N", help_heading = "Budget")]
    pub max_tokens: Option<u64>,
}

/// The arguments of `run` and `plan`.
#[derive(Args, Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag")]
pub struct RunArgs {
    /// The plan.
    #[command(flatten)]
    pub plan: PlanArgs,
    /// How many failures still count as success.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub fail_threshold: u64,
    /// Do not ask before the first run that may cost money.
    #[arg(long, help_heading = "Budget")]
    pub yes: bool,
    /// One JSON object a line on standard output, the last one with the manifest.
    #[arg(long, conflicts_with = "quiet")]
    pub json: bool,
    /// Print nothing but errors.
    #[arg(long)]
    pub quiet: bool,
    /// Ask no more than this many chunks, spread over the files: to see answers and to calibrate the forecast. The same
    /// ones each time; a run without it asks the rest.
    #[arg(long, value_name = "N", value_parser = at_least_one(), conflicts_with = "watch")]
    pub sample: Option<u64>,
    /// Ask again what failed for good: refused, filtered, too long, invalid.
    #[arg(long)]
    pub retry_failures: bool,
    /// Keep the tables current as files come, change and go, until interrupted.
    #[arg(long)]
    pub watch: bool,
    /// Keep the answers to an earlier prompt or model that the tables hold (old), instead of asking anew.
    #[arg(long, value_name = "WHAT", value_parser = ["old"])]
    pub reuse: Option<String>,
    /// Read every file again, though its size and time say that it is unchanged.
    #[arg(long)]
    pub rehash: bool,
    /// Go on though most documents of the last run are gone.
    #[arg(long, help_heading = "Guards")]
    pub allow_removal: bool,
    /// Go on though the tables were built from another ledger: everything may be paid for again.
    #[arg(long, help_heading = "Guards")]
    pub allow_new_ledger: bool,
    /// Go on though the output folder holds the tables of another dataflow: they are replaced.
    #[arg(long, help_heading = "Guards")]
    pub allow_other_dataflow: bool,
}

/// The arguments of `check`.
#[derive(Args, Clone, Debug, Default)]
pub struct CheckArgs {
    /// The plan.
    #[command(flatten)]
    pub plan: PlanArgs,
    /// As one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// The arguments of `status`.
#[derive(Args, Clone, Debug, Default)]
pub struct StatusArgs {
    /// Only the tables in this folder.
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Folder of the state [default: .weir].
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// As one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// The arguments of `path`.
#[derive(Args, Clone, Debug, Default)]
pub struct PathArgs {
    /// A shipped dataflow (knowledge-graph, action-items, topics, duplicates), or the path of a dataflow file.
    pub dataflow: String,
    /// Folder of the tables [default: out/NAME].
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<String>,
}

fn at_least_one() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..)
}

fn dollars(text: &str) -> Result<Usd, String> {
    let number: f64 = text.parse().or(Err("not a number of US dollars"))?;
    Usd::from_dollars(number).ok_or_else(|| "not an amount of US dollars".to_owned())
}

/// Environment and exit codes, for the help of the whole program.
fn after_help() -> String {
    let lines = |pairs: Vec<(String, &str)>| {
        let lines = pairs
            .into_iter()
            .map(|(name, doc)| format!("  {name:<18} {doc}"));
        lines.collect::<Vec<_>>().join("\n")
    };
    let variables = env::DOCUMENTED
        .iter()
        .map(|(name, doc)| ((*name).to_owned(), *doc));
    let codes = Exit::ALL
        .iter()
        .map(|(exit, doc)| (exit.code().to_string(), *doc));
    format!(
        "Examples:\n  weir run knowledge-graph\n  weir plan knowledge-graph -i talks --model gpt-4o-mini\n  \
         weir run knowledge-graph -i talks --model gpt-4o-mini --max-cost 5\n\n\
         Environment:\n{}\n\nExit status:\n{}\n\n\
         Limits, servers, prices and budgets of your own stand in weir.toml of the working directory, or in the file of --config.",
        lines(variables.collect()),
        lines(codes.collect())
    )
}

impl PlanArgs {
    /// What the plan is made from.
    ///
    /// # Errors
    /// Names each `--set` that is not `key=value` or has no such key.
    pub fn inputs(
        &self,
        environment: &env::Environment,
        purpose: Purpose,
    ) -> Result<Inputs, PlanErrors> {
        let mut given = environment.given.clone();
        given.extend(self.flags());
        let mut problems = Vec::new();
        for set in &self.set {
            match parse_set(set) {
                Ok(values) => given.extend(values),
                Err(PlanErrors(wrong)) => problems.extend(wrong),
            }
        }
        if !problems.is_empty() {
            return Err(PlanErrors(problems));
        }
        Ok(Inputs {
            dataflow: self.dataflow.clone(),
            directory: PathBuf::new(),
            config: pointed(self.config.as_deref(), environment.config.as_deref()),
            roots: self.input.clone(),
            given,
            key: environment.key.clone(),
            purpose,
        })
    }

    fn flags(&self) -> Vec<Given> {
        let text = |value: &Option<String>| value.clone().map(serde_json::Value::from);
        let number = |value: Option<u64>| value.map(serde_json::Value::from);
        // A plain number on the command line is a number a minute; values in files say so themselves.
        let rate = |value: Option<u64>| value.map(|rate| format!("{rate}/min").into());
        let cost = self.max_cost.map(|cost| cost.dollars().into());
        let flags = [
            ("output.dir", "--output", text(&self.output)),
            ("state.dir", "--state", text(&self.state)),
            ("extract.provider", "--provider", text(&self.provider)),
            ("extract.model", "--model", text(&self.model)),
            ("llm.base_url", "--base-url", text(&self.base_url)),
            ("llm.preset", "--preset", text(&self.preset)),
            ("limit.tier", "--tier", number(self.tier)),
            (
                "limit.requests",
                "--requests-per-minute",
                rate(self.requests_per_minute),
            ),
            (
                "limit.tokens",
                "--tokens-per-minute",
                rate(self.tokens_per_minute),
            ),
            ("limit.in_flight", "--in-flight", number(self.in_flight)),
            ("batch.chunks", "--batch-chunks", number(self.batch_chunks)),
            ("workers", "--workers", number(self.workers)),
            ("budget.max_cost", "--max-cost", cost),
            ("budget.max_calls", "--max-calls", number(self.max_calls)),
            ("budget.max_tokens", "--max-tokens", number(self.max_tokens)),
        ];
        let given = |(key, flag, value): (&str, &'static str, Option<serde_json::Value>)| {
            Some(Given::new(key, value?, Origin::Flag(flag)))
        };
        flags.into_iter().filter_map(given).collect()
    }
}

impl PathArgs {
    /// As the arguments of a plan that is only looked at.
    #[must_use]
    pub fn plan(&self) -> PlanArgs {
        PlanArgs {
            dataflow: self.dataflow.clone(),
            output: self.output.clone(),
            ..PlanArgs::default()
        }
    }
}

impl Command {
    /// How it prints.
    #[must_use]
    pub fn mode(&self, terminal: bool) -> Mode {
        let (json, quiet) = match self {
            Self::Run(args) | Self::Plan(args) => (args.json, args.quiet),
            Self::Check(args) => (args.json, false),
            Self::Status(args) => (args.json, false),
            Self::Schema(args) => (args.json, false),
            Self::SimulateProvider(args) => (args.json, false),
            Self::Failures(args) => (args.run.json, args.run.quiet),
            Self::Show(args) => (args.json, false),
            Self::Verify(args) => (args.json, false),
            Self::Path(_)
            | Self::Init(_)
            | Self::Completions(_)
            | Self::Man(_)
            | Self::Serve(_) => (false, false),
            Self::Export(args) => (args.json, false),
            Self::Ledger(args) => (args.json, false),
            Self::Forget(args) => (args.json, false),
        };
        match (json, quiet, terminal) {
            (true, ..) => Mode::Json,
            (_, true, _) => Mode::Quiet,
            (_, _, true) => Mode::Terminal,
            _ => Mode::Lines,
        }
    }
}
