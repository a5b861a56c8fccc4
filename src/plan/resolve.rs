//! File + `weir.toml` + environment + flags -> `Plan`, or every problem at once.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};

use super::error::{PlanErrors, Problem};
use super::key::{Holder, nearest};
use super::models::Catalogue;
use super::operator::{self, FILE as WEIR_TOML};
use super::origin::{Given, Origin};
use super::question::{self, Home};
use super::settings::Settings;
use super::{Batching, Budget, Plan, file, hash, limits, place, provider, shipped, value};
use crate::model::price::Price;
use crate::model::unit::Usd;
use crate::secret::Secret;
use crate::source::walk;
use crate::stage::chunk;
use crate::stage::transcript::metadata::Pattern;

/// What the plan is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// To call: the inputs must be there, and the key.
    Run,
    /// To forecast: the inputs must be there.
    Forecast,
    /// To be looked at: nothing need be there yet.
    #[default]
    Show,
}

/// All that a plan is made from.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// A shipped name, or a path to a dataflow file.
    pub dataflow: String,
    /// Where relative paths start and `weir.toml` lies; empty for the working directory.
    pub directory: PathBuf,
    /// The operator's file, if another than `weir.toml` there.
    pub config: Option<PathBuf>,
    /// Files and folders of the command line (`-i`).
    pub roots: Vec<PathBuf>,
    /// Values of environment and command line.
    pub given: Vec<Given>,
    /// The API key, and the variable it came from.
    pub key: Option<(Secret, &'static str)>,
    /// What the plan is for.
    pub purpose: Purpose,
}

/// A batch starts at no more than this: eight chunks of 300 tokens, against instructions of about a thousand.
const BATCH_TOKENS: u32 = 2400;
/// More workers than this only wait for each other: the work is in the calls.
const MOST_DEFAULT_WORKERS: usize = 4;

/// The checked plan.
///
/// # Errors
/// Names every problem that can be seen at once, each with its key and its place.
pub fn resolve(inputs: &Inputs) -> Result<Plan, PlanErrors> {
    let mut settings = Settings::default();
    let (home, stem) = dataflow(&mut settings, inputs)?;
    operator(&mut settings, inputs);
    for given in &inputs.given {
        settings.add(given.clone());
    }
    let plan = checked(&mut settings, inputs, &home, &stem);
    match plan {
        Some(plan) if settings.problems.is_empty() => Ok(plan),
        _ => Err(PlanErrors(settings.problems)),
    }
}

/// Reads the dataflow file; hands back where it lies, and its name without extension.
fn dataflow(settings: &mut Settings, inputs: &Inputs) -> Result<(Home, String), PlanErrors> {
    let name = inputs.dataflow.as_str();
    let wrong = |message: String| PlanErrors(vec![Problem::new(message)]);
    let (shown, text, home, stem) = if let Some(found) = shipped::dataflow(name) {
        let shown = format!("{name}.toml");
        (shown, found.text.to_owned(), Home::Shipped, name.to_owned())
    } else {
        let path = inputs.directory.join(name);
        let is_path = name.contains('/') || has_extension(&path) || path.is_file();
        if !is_path {
            let names = || shipped::DATAFLOWS.iter().map(|one| one.name);
            let hint = nearest(name, names()).map_or_else(
                || format!("shipped are: {}", names().collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean {near}?"),
            );
            return Err(wrong(format!("there is no dataflow {name:?}; {hint}")));
        }
        let text = question::read_text(&path).map_err(wrong)?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let stem = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        (
            name.to_owned(),
            text,
            Home::Folder(folder),
            stem.unwrap_or_default(),
        )
    };
    let read = file::read(&shown, &text, Holder::Dataflow);
    if read.given.is_empty() && !read.problems.is_empty() {
        // What it would have said is not missing: it could not be read.
        return Err(PlanErrors(read.problems));
    }
    settings.problems.extend(read.problems);
    for given in read.given {
        settings.add(given);
    }
    Ok((home, stem))
}

fn has_extension(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "toml")
}

/// Adds what the operator's file says.
fn operator(settings: &mut Settings, inputs: &Inputs) {
    let read = operator::read(&inputs.directory, inputs.config.as_deref());
    settings.problems.extend(read.problems);
    for given in read.given {
        settings.add(given);
    }
}

/// Letters, digits, `_` and `-`: it becomes a folder and the name of a schema.
fn name(given: &Given) -> value::Wanted<String> {
    let name = value::word(given)?;
    if is_name(&name) {
        Ok(name)
    } else {
        Err("must be 1 to 64 letters, digits, \"-\" or \"_\"".to_owned())
    }
}

fn is_name(name: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=64).contains(&name.len()) && name.chars().all(fine)
}

fn checked(settings: &mut Settings, inputs: &Inputs, home: &Home, stem: &str) -> Option<Plan> {
    if !is_name(stem) && settings.origin("name") == Origin::Default {
        settings.wrong("name", "is missing, and the name of the file will not do");
    }
    let name = settings.plain("name", stem.to_owned(), name);
    let description = settings.plain("description", String::new(), value::text);
    let roots = place::roots(settings, inputs, home);
    let list = |list: &Vec<String>| format!("[{}]", list.join(", "));
    let source = walk::Options {
        include: settings.or("source.include", Vec::new(), value::texts, list),
        exclude: settings.or("source.exclude", Vec::new(), value::texts, list),
        skip: Vec::new(),
    };
    let metadata = settings.or(
        "source.metadata",
        None,
        |given| Pattern::parse(&value::word(given)?).map(Some),
        |pattern| pattern.as_ref().map_or("none", Pattern::text).to_owned(),
    );
    let chunk = chunking(settings);
    let value_min = settings.plain("value.min", 0, |given| value::count(given, 0, 1000));
    let catalogue = catalogue(settings);
    let choice = provider::choose(settings, &catalogue);
    let texts = if choice.nobody {
        Some((String::new(), serde_json::json!({})))
    } else {
        question::texts(settings, home, choice.rules, inputs.purpose)
    };
    let parameters = if choice.rules {
        // Rules take none; a key that held them would change with them.
        serde_json::Map::new()
    } else {
        question::parameters(settings, choice.known.as_ref())
    };
    let flex = parameters
        .get("service_tier")
        .is_some_and(|tier| tier == "flex");
    let server = provider::server(settings, inputs, &choice, flex);
    let price = limits::price(settings, &choice, &server);
    let limits = limits::limits(settings, &choice, &server);
    if flex {
        settings.note("flex is billed at about half of the prices shown");
    }
    let context = limits::context(settings, &choice, &server);
    let batch = batching(settings, context);
    let budget = budget(settings, price, &choice.model);
    let output = place::folder(settings, inputs, "output.dir", &format!("out/{name}"));
    place::check(settings, &roots, &output);
    let state = place::folder(settings, inputs, "state.dir", ".weir");
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let workers = settings.plain("workers", cores.min(MOST_DEFAULT_WORKERS) as u64, |given| {
        value::count(given, 1, 256)
    });
    let (prompt, schema) = texts?;
    let (question, key_context) =
        question::question(&name, &choice.model, prompt, schema, parameters);
    let mut plan = Plan {
        name,
        description,
        roots,
        source,
        metadata,
        chunk,
        value_min: u16::try_from(value_min).unwrap_or_default(),
        batch,
        question,
        key_context,
        provider: server,
        price,
        context,
        max_output: choice.known.as_ref().and_then(|model| model.max_output),
        limits,
        budget,
        output,
        state,
        workers: NonZeroUsize::new(usize::try_from(workers).ok()?)?,
        origins: std::mem::take(&mut settings.taken),
        notes: std::mem::take(&mut settings.notes),
        hash: String::new(),
        reading: String::new(),
    };
    if plan.budget.monthly.is_some() && plan.price.is_none() && plan.paid() {
        settings.wrong("budget.monthly_usd", unpriced(&plan.question.model));
    }
    plan.reading = hash::reading(&plan);
    plan.hash = hash::rows(&plan);
    Some(plan)
}

fn small(number: u64) -> Option<NonZeroU32> {
    u32::try_from(number).ok().and_then(NonZeroU32::new)
}

fn chunking(settings: &mut Settings) -> chunk::Options {
    let usual = chunk::Options::default();
    let by = |given: &Given| match value::word(given)?.as_str() {
        "turns" => Ok(chunk::By::Turns),
        "record" => Ok(chunk::By::Record),
        _ => Err("must be \"turns\" or \"record\"".to_owned()),
    };
    let show = |by: &chunk::By| match by {
        chunk::By::Turns => "turns".to_owned(),
        chunk::By::Record => "record".to_owned(),
    };
    let by = settings.or("chunk.by", usual.by, by, show);
    // Less is no context to answer from; more is beyond what is answered thoroughly, and beyond any batch.
    let target = settings.plain("chunk.target", usual.target, |given| {
        let target = value::count(given, 20, 8000)?;
        Ok(small(target).unwrap_or(usual.target))
    });
    let drop_thin = settings.plain("chunk.drop_thin", usual.drop_thin, value::flag);
    chunk::Options {
        by,
        target,
        drop_thin,
    }
}

fn catalogue(settings: &mut Settings) -> Catalogue {
    let mut catalogue = Catalogue::shipped();
    let problems: Vec<Problem> = settings
        .under("models")
        .filter_map(|given| catalogue.add(given).err())
        .collect();
    settings.problems.extend(problems);
    catalogue
}

fn batching(settings: &mut Settings, context: Option<u64>) -> Batching {
    let chunks = settings.or(
        "batch.chunks",
        None,
        |given| value::count(given, 1, 100).map(Some),
        |chunks| chunks.map_or_else(|| "adapted".to_owned(), |chunks| chunks.to_string()),
    );
    // A quarter of a small context: instructions and answer need the rest.
    let room = context.map_or(u64::from(BATCH_TOKENS), |context| context / 4);
    let usual = room.clamp(100, u64::from(BATCH_TOKENS));
    let tokens = settings.plain("batch.tokens", usual, |given| {
        value::count(given, 100, 100_000)
    });
    let linger = settings.or(
        "batch.linger",
        std::time::Duration::from_millis(50),
        value::duration,
        |time| value::show_duration(*time),
    );
    Batching {
        chunks: chunks.and_then(small),
        tokens: small(tokens).unwrap_or(NonZeroU32::MIN),
        linger,
    }
}

fn budget(settings: &mut Settings, price: Option<Price>, model: &str) -> Budget {
    let none = || "none".to_owned();
    let show = |cap: &Option<u64>| cap.map_or_else(none, |cap| cap.to_string());
    let count = |given: &Given| value::count(given, 0, value::MOST).map(Some);
    let budget = Budget {
        max_cost: settings.or(
            "budget.max_cost",
            None,
            |given| value::money(given).map(Some),
            |cap: &Option<Usd>| cap.map_or_else(none, |cap| cap.to_string()),
        ),
        max_calls: settings.or("budget.max_calls", None, count, show),
        max_tokens: settings.or("budget.max_tokens", None, count, show),
        monthly: settings.or(
            "budget.monthly_usd",
            None,
            |given| value::money(given).map(Some),
            |cap: &Option<Usd>| cap.map_or_else(none, |cap| cap.to_string()),
        ),
    };
    if budget.max_cost.is_some() && price.is_none() {
        settings.wrong("budget.max_cost", unpriced(model));
    }
    budget
}

/// Why a cap on money cannot be kept.
fn unpriced(model: &str) -> String {
    format!(
        "cannot be kept: the price of {model:?} is unknown. Give it in {WEIR_TOML} ([models.{model:?}] input and output, \
         in dollars per million tokens), or cap calls or tokens instead"
    )
}
