//! A request -> a job that may be done; a job -> the order that does it.

use std::path::{Path, PathBuf};

use super::settings::{Access, Settings, folder_name, is_collection};
use super::spec::{CapsOf, Input, Request, Spec};
use crate::flow::scope::Scope;
use crate::job::failed;
use crate::job::from_plan::{Extras, OrderError, order};
use crate::job::open::{OpenError, view};
use crate::job::order::Order;
use crate::plan::error::PlanErrors;
use crate::plan::origin::{Given, Origin};
use crate::plan::resolve::{Inputs, Purpose};
use crate::plan::{Plan, ProviderChoice, resolve, shipped};
use crate::sink::{SinkError, Snapshot};
use crate::source::Root;
use crate::source::confined::{self, Refusal};
use crate::source::walk::{self, SourceError};
use crate::store::{Database, StoreError};

/// Where the values of a request come from, for messages.
const ORIGIN: Origin = Origin::Flag("the request");

/// A request that cannot be taken, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// The request itself.
    #[error("{0}")]
    Request(String),
    /// The operator does not allow it.
    #[error("{0}")]
    Forbidden(String),
    /// The plan that follows from it.
    #[error("{0}")]
    Plan(#[source] PlanErrors),
    /// The order that follows from the plan.
    #[error("the job cannot be set up")]
    Order(#[source] OrderError),
    /// The inputs.
    #[error("the input cannot be listed")]
    Source(#[source] SourceError),
    /// The tables of the runs before it.
    #[error("the tables of earlier runs cannot be read")]
    Tables(#[source] SinkError),
    /// The state.
    #[error("the state cannot be read")]
    Store(#[source] StoreError),
    /// A forecast could not be made.
    #[error("it cannot be told what it would ask")]
    Forecast(#[source] OpenError),
}

/// The dataflows that may be named: name and what it makes.
#[must_use]
pub fn dataflows(settings: &Settings) -> Vec<(String, String)> {
    let mut names: Vec<String> = shipped::DATAFLOWS
        .iter()
        .map(|one| one.name.to_owned())
        .collect();
    let files = settings
        .dataflows
        .as_ref()
        .and_then(|folder| std::fs::read_dir(folder).ok());
    for entry in files.into_iter().flatten().flatten() {
        let path = entry.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
            && let Some(stem) = path.file_stem().and_then(|stem| stem.to_str())
            && !names.iter().any(|name| name == stem)
        {
            names.push(stem.to_owned());
        }
    }
    names.sort();
    let title = |name: String| {
        let inputs = Inputs {
            dataflow: file(settings, &name),
            directory: settings.directory.clone(),
            ..Inputs::default()
        };
        let title = resolve(&inputs).map_or_else(|_| String::new(), |plan| plan.description);
        (name, title)
    };
    names.into_iter().map(title).collect()
}

/// What a plan calls a dataflow: a shipped name, or the path of its file.
fn file(settings: &Settings, name: &str) -> String {
    match &settings.dataflows {
        Some(folder) if shipped::dataflow(name).is_none() => {
            folder.join(format!("{name}.toml")).display().to_string()
        }
        _ => name.to_owned(),
    }
}

/// What a request asks for, checked against what the operator allows; its inputs must be there.
///
/// # Errors
/// Says what is wrong with it.
pub fn checked(
    settings: &Settings,
    access: &Access,
    request: &Request,
) -> Result<(Spec, Plan), Unfit> {
    let input = input(settings, request)?;
    let name = &request.dataflow;
    if name.is_empty() || name.contains(['/', '\\', '.']) {
        return Err(Unfit::Request(format!(
            "dataflow must be the name of one, not {name:?}; GET /api/v1/system lists them"
        )));
    }
    if request.caps.caps().is_none() {
        return Err(Unfit::Request(
            "caps.cost_usd is no amount of US dollars".to_owned(),
        ));
    }
    if !(-10..=10).contains(&request.priority) {
        return Err(Unfit::Request("priority must be -10 to 10".to_owned()));
    }
    if let Some(model) = &request.model
        && model != "rules"
        && !settings.models.contains(model)
    {
        return Err(Unfit::Forbidden(format!(
            "model {model:?} is not among those that this service allows ({}); its operator lists them as \
             service.models in weir.toml",
            allowed(settings)
        )));
    }
    let mut spec = Spec {
        dataflow: request.dataflow.clone(),
        input,
        provider: request.provider.clone(),
        model: request.model.clone(),
        caps: request.caps,
        priority: request.priority,
        retry: None,
    };
    spec.caps = bounded(settings, spec.caps)?;
    let plan = plan(settings, access, &spec, Purpose::Run)?;
    if plan.paid() && !plan.budget.capped() && !settings.uncapped {
        return Err(Unfit::Request(format!(
            "calls to {} may cost money: give caps.cost_usd, caps.calls or caps.tokens",
            plan.question.model
        )));
    }
    spec.provider = Some(plan.provider.name().to_owned());
    spec.model = Some(plan.question.model.to_string());
    Ok((spec, plan))
}

fn allowed(settings: &Settings) -> String {
    let mut names = vec!["rules".to_owned()];
    names.extend(settings.models.iter().cloned());
    names.join(", ")
}

/// The caps of a job within those of the operator.
pub(super) fn bounded(settings: &Settings, caps: CapsOf) -> Result<CapsOf, Unfit> {
    let Some(most) = settings.most_cost else {
        return Ok(caps);
    };
    let most = most.dollars();
    match caps.cost_usd {
        Some(cost) if cost > most => Err(Unfit::Forbidden(format!(
            "caps.cost_usd is {cost}, and this service allows a job no more than {most}"
        ))),
        _ => Ok(CapsOf {
            cost_usd: Some(caps.cost_usd.unwrap_or(most)),
            ..caps
        }),
    }
}

fn input(settings: &Settings, request: &Request) -> Result<Input, Unfit> {
    match (&request.collection, &request.folder, request.samples) {
        (Some(name), None, false) if !is_collection(name) => Err(Unfit::Request(format!(
            "{name:?} cannot be the name of a collection: 1 to 64 letters, digits, \"-\", \"_\" and \".\""
        ))),
        (Some(name), None, false) => Ok(Input::Collection(name.clone())),
        (None, Some(folder), false) => {
            let path = below(&settings.roots, folder)?;
            Ok(Input::Folder(path.display().to_string()))
        }
        (None, None, true) => Ok(Input::Samples(true)),
        _ => Err(Unfit::Request(
            "give exactly one of collection, folder and samples".to_owned(),
        )),
    }
}

/// A folder that is one of the roots or below one, anew for every start: what lies there may have changed.
fn below(roots: &[PathBuf], asked: &str) -> Result<PathBuf, Unfit> {
    confined::below(roots, asked).map_err(|refusal| {
        let list: Vec<String> = roots
            .iter()
            .map(|root| root.display().to_string())
            .collect();
        let text = match &refusal {
            Refusal::NoRoots => "uploads go to a collection".to_owned(),
            _ => format!("it reads what lies below {}", list.join(", ")),
        };
        let text = format!("folder: {refusal}; {text}");
        match refusal {
            Refusal::NoRoots | Refusal::Outside | Refusal::Upwards => Unfit::Forbidden(text),
            _ => Unfit::Request(text),
        }
    })
}

/// The plan of a job.
///
/// # Errors
/// If it does not resolve.
pub(super) fn plan(
    settings: &Settings,
    access: &Access,
    spec: &Spec,
    purpose: Purpose,
) -> Result<Plan, Unfit> {
    let mut given = access.given.clone();
    let mut put = |key: &str, value: Option<serde_json::Value>| {
        given.extend(value.map(|value| Given::new(key, value, ORIGIN)));
    };
    put("extract.provider", spec.provider.clone().map(Into::into));
    put(
        "extract.model",
        spec.model
            .clone()
            .filter(|model| model != "rules" && model != "none")
            .map(Into::into),
    );
    put("budget.max_cost", spec.caps.cost_usd.map(Into::into));
    put("budget.max_calls", spec.caps.calls.map(Into::into));
    put("budget.max_tokens", spec.caps.tokens.map(Into::into));
    put(
        "state.dir",
        Some(settings.state.display().to_string().into()),
    );
    put(
        "output.dir",
        Some(output(settings, spec).display().to_string().into()),
    );
    let roots = match &spec.input {
        Input::Collection(name) => vec![settings.collection(name)],
        Input::Folder(path) => vec![below(&settings.roots, path)?],
        Input::Samples(_) => Vec::new(),
    };
    let inputs = Inputs {
        dataflow: file(settings, &spec.dataflow),
        directory: settings.directory.clone(),
        config: settings.config.clone(),
        roots,
        given,
        key: access.key.clone(),
        purpose,
    };
    resolve(&inputs).map_err(Unfit::Plan)
}

/// Where the tables of a job lie: those of one dataflow over one input.
pub(super) fn output(settings: &Settings, spec: &Spec) -> PathBuf {
    let input = match &spec.input {
        Input::Collection(name) => name.clone(),
        Input::Folder(path) => folder_name(Path::new(path)),
        Input::Samples(_) => "samples".to_owned(),
    };
    settings.output.join(input).join(&spec.dataflow)
}

/// The order of a job, as things are now.
///
/// # Errors
/// If it does not resolve any more, or its tables cannot be read.
pub(super) fn ordered(
    settings: &Settings,
    access: &Access,
    database: &Database,
    spec: &Spec,
) -> Result<(Plan, Order), Unfit> {
    let plan = plan(settings, access, spec, Purpose::Run)?;
    let mut order = order(&plan, Extras::default()).map_err(Unfit::Order)?;
    if let Some(reason) = &spec.retry {
        let reason = Some(reason.as_str()).filter(|reason| !reason.is_empty());
        let snapshot = Snapshot::open(&plan.output.join("current")).map_err(Unfit::Tables)?;
        let found = failed::failed(&snapshot, reason).map_err(Unfit::Tables)?;
        let again = failed::again(database, view(&order).id(), &order.context, &found)
            .map_err(Unfit::Store)?;
        order.retry_failures = true;
        order.scope = Scope::only(again);
    }
    Ok((plan, order))
}

/// Whether a job calls nothing: rules answer, or all of its texts are known. Reads every file.
pub(super) fn calls_nothing(plan: &Plan, order: &Order) -> bool {
    !matches!(plan.provider, ProviderChoice::OpenAi { .. })
        || crate::job::forecast::forecast(order).is_ok_and(|found| found.total.new == 0)
}

/// How many files a folder holds that a dataflow would read, and their bytes.
pub(super) fn files(path: &Path) -> (u64, u64) {
    let root = Root {
        label: "collection".to_owned(),
        path: path.to_owned(),
    };
    walk::walk(&[root], &walk::Options::default()).map_or((0, 0), |listing| {
        let bytes = listing.files.iter().map(|file| file.looks.size).sum();
        (listing.files.len() as u64, bytes)
    })
}
