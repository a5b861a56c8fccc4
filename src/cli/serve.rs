//! `weir serve`: the job service, until it is told to stop.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueHint};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Exit;
use super::env::{Environment, Variables};
use super::interrupts::Interrupts;
use super::log::{self, Form};
use super::printer::Printer;
use crate::http::access::{Access as Tokens, Source};
use crate::http::listen::listen;
use crate::http::origin::Doors;
use crate::http::{Options, router};
use crate::job::from_plan::wall;
use crate::job::said;
use crate::job::service::settings::{Access, Settings};
use crate::job::service::{Service, blocking};
use crate::model::unit::Usd;
use crate::notify::config::{Options as Messages, Problems};
use crate::notify::{Channel, channels};
use crate::plan::operator::{self, FILE as OPERATOR_FILE};
use crate::plan::origin::{Given, Origin};
use crate::secret::Secret;
use crate::sim::{self, law};
use crate::store::StoreError;

/// Clients that may be connected at once.
const MOST_CLIENTS: usize = 4096;

/// The arguments of `serve`.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// Where to listen. Another address than loopback needs tokens (service.tokens_file, WEIR_TOKENS_FILE or WEIR_TOKENS).
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// The file of limits, servers, prices, budgets and of the service itself [default: weir.toml, if it is there].
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Folder of the state: what was asked and answered, jobs, uploads [default: .weir].
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub state: Option<PathBuf>,
    /// Folder below which the tables lie, as INPUT/DATAFLOW [default: out].
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: Option<PathBuf>,
    /// A folder whose transcripts jobs may read; may be given several times.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub root: Vec<PathBuf>,
    /// The URL that clients use, if a proxy stands before.
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// Serve /metrics here, and not with the rest.
    #[arg(long, value_name = "ADDRESS")]
    pub metrics: Option<SocketAddr>,
    /// Show a make-believe provider and a job, in a state of their own, to look around at once.
    #[arg(long)]
    pub demo: bool,
    /// How the log is written: text or json [default: text on a terminal].
    #[arg(long, value_name = "FORM")]
    pub log: Option<Form>,
}

/// Examples of `serve`.
pub(super) const EXAMPLES: &str = "\
Examples:
  weir serve --demo
      look around: a make-believe provider, a job, the dashboard at http://127.0.0.1:8787
  OPENAI_API_KEY=... weir serve --root /srv/talks
      jobs over uploads and over folders below /srv/talks
  WEIR_TOKENS_FILE=tokens weir serve --listen 0.0.0.0:8787 --public-url https://weir.example.org
      for others too: each with a token of their own

The service reads weir.toml of the working directory: [service] listen, output, roots, public_url, metrics_listen,
tokens_file, dataflows, models, max_cost_usd, allow_uncapped, jobs_at_once, max_upload_mb, keep_days, stall_minutes,
event_clients; [notify] and [notify.mail] for messages. SIGHUP reads tokens and the key of the provider anew.";

/// `weir.toml`, as far as the service reads it itself.
#[derive(Debug, Default, Deserialize)]
struct File {
    #[serde(default)]
    service: ServiceOptions,
    #[serde(default)]
    notify: Messages,
}

/// `[service]` of `weir.toml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ServiceOptions {
    listen: Option<SocketAddr>,
    output: Option<PathBuf>,
    roots: Vec<PathBuf>,
    public_url: Option<String>,
    metrics_listen: Option<SocketAddr>,
    tokens_file: Option<PathBuf>,
    dataflows: Option<PathBuf>,
    models: Vec<String>,
    max_cost_usd: Option<f64>,
    allow_uncapped: bool,
    jobs_at_once: Option<usize>,
    max_upload_mb: Option<u64>,
    keep_days: Option<u64>,
    stall_minutes: Option<u64>,
    event_clients: Option<usize>,
}

/// What is wrong with how it is to be served.
#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error("could not read {OPERATOR_FILE}")]
    Read(#[source] std::io::Error),
    #[error("[service] or [notify] of {OPERATOR_FILE} is not what is wanted: {0}")]
    File(String),
    #[error("the messages of {OPERATOR_FILE} cannot be sent")]
    Notify(#[source] Problems),
    #[error("service.{0}")]
    Value(String),
    #[error("the tokens cannot be used")]
    Tokens(#[source] crate::http::access::TokensError),
    #[error(
        "{0} can be reached from elsewhere, and there are no tokens\nhint: write lines such as ada:TOKEN (openssl \
         rand -hex 32) into a file that only you can read, and name it as service.tokens_file or WEIR_TOKENS_FILE"
    )]
    Open(SocketAddr),
    #[error("the public URL cannot be used")]
    Public(#[source] crate::http::origin::BadPublicUrl),
    #[error("the root {} cannot be read", path.display())]
    Root {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("could not listen on {at}")]
    Listen {
        at: SocketAddr,
        #[source]
        cause: std::io::Error,
    },
    #[error("the make-believe provider could not be started")]
    Demo(#[source] std::io::Error),
}

/// Runs the command.
pub fn run(
    args: &ServeArgs,
    environment: &Environment,
    variables: &Variables<'_>,
    printer: &mut Printer,
) -> Exit {
    let filter = variables("WEIR_LOG").and_then(|text| text.into_string().ok());
    let form = Form::of(args.log, std::io::stderr().is_terminal());
    if let Err(error) = log::init(form, filter.as_deref()) {
        printer.error(&error);
        return Exit::Usage;
    }
    let runtime = match super::runtime(None, printer) {
        Ok(runtime) => runtime,
        Err(exit) => return exit,
    };
    let served = match prepare(args, environment, variables) {
        Ok(prepared) => runtime.block_on(serve(prepared, variables, printer)),
        Err(wrong) => Err(wrong),
    };
    runtime.shutdown_timeout(Duration::from_secs(1));
    match served {
        Ok(exit) => exit,
        Err(wrong) => {
            printer.error(&wrong);
            Exit::Usage
        }
    }
}

/// All that is needed to serve.
struct Prepared {
    listen: SocketAddr,
    metrics: Option<SocketAddr>,
    settings: Settings,
    access: Access,
    channels: Vec<Channel>,
    tokens: Arc<Tokens>,
    public_url: Option<String>,
    most_upload: u64,
    most_listeners: usize,
    demo: Option<sim::Simulator>,
}

fn prepare(
    args: &ServeArgs,
    environment: &Environment,
    variables: &Variables<'_>,
) -> Result<Prepared, Wrong> {
    let pointed = operator::pointed(args.config.as_deref(), environment.config.as_deref());
    let file = if args.demo {
        File::default()
    } else {
        read(pointed.as_deref())?
    };
    let options = file.service;
    let text = |name: &str| variables(name).and_then(|value| value.into_string().ok());
    let tokens = Tokens::new(Source {
        file: variables("WEIR_TOKENS_FILE")
            .map(PathBuf::from)
            .or(options.tokens_file),
        variable: text("WEIR_TOKENS").and_then(|text| Secret::new(&text)),
    })
    .map_err(Wrong::Tokens)?;
    let listen = args
        .listen
        .or(options.listen)
        .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8787)));
    let metrics = args.metrics.or(options.metrics_listen);
    if !listen.ip().is_loopback() && tokens.tokens().is_empty() {
        return Err(Wrong::Open(listen));
    }
    let usual = if args.demo {
        (".weir-demo", ".weir-demo/out")
    } else {
        (".weir", "out")
    };
    let state = args.state.clone().unwrap_or_else(|| usual.0.into());
    let output = args.output.clone().or(options.output);
    let mut settings = Settings::new(state, output.unwrap_or_else(|| usual.1.into()));
    let mut roots = args.root.clone();
    roots.extend(options.roots);
    for path in roots {
        let found = path.canonicalize();
        let root = found.map_err(|cause| Wrong::Root { path, cause })?;
        settings.roots.push(root);
    }
    settings.config = pointed;
    settings.dataflows = options.dataflows;
    settings.models = options.models;
    settings.uncapped = options.allow_uncapped;
    settings.most_cost =
        match options.max_cost_usd {
            None => None,
            Some(dollars) => Some(Usd::from_dollars(dollars).ok_or_else(|| {
                Wrong::Value("max_cost_usd is no amount of US dollars".to_owned())
            })?),
        };
    if let Some(at_once) = options.jobs_at_once {
        if !(1..=64).contains(&at_once) {
            return Err(Wrong::Value("jobs_at_once must be 1 to 64".to_owned()));
        }
        settings.at_once = at_once;
    }
    let day = 24 * 60 * 60;
    settings.keep = options
        .keep_days
        .map(|days| Duration::from_secs(days.saturating_mul(day)));
    if let Some(minutes) = options.stall_minutes {
        settings.stall = Duration::from_secs(minutes.max(1).saturating_mul(60));
    }
    let password = text("WEIR_SMTP_PASSWORD").and_then(|text| Secret::new(&text));
    let channels =
        channels(&file.notify, Path::new(""), password.as_ref()).map_err(Wrong::Notify)?;
    let mut access = access(environment);
    let mut demo = None;
    if args.demo {
        let simulator = make_believe().map_err(Wrong::Demo)?;
        access = demo_access(&simulator);
        settings.models = vec![MODEL.to_owned()];
        demo = Some(simulator);
    }
    Ok(Prepared {
        listen,
        metrics,
        settings,
        access,
        channels,
        tokens: Arc::new(tokens),
        public_url: args.public_url.clone().or(options.public_url),
        most_upload: options
            .max_upload_mb
            .unwrap_or(1024)
            .saturating_mul(1 << 20),
        most_listeners: options.event_clients.unwrap_or(2048),
        demo,
    })
}

fn read(pointed: Option<&Path>) -> Result<File, Wrong> {
    match std::fs::read_to_string(pointed.unwrap_or(Path::new(OPERATOR_FILE))) {
        // The message alone: the line it quotes may hold a secret.
        Ok(text) => toml::from_str(&text).map_err(|error| Wrong::File(error.message().to_owned())),
        Err(error) if pointed.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            Ok(File::default())
        }
        Err(error) => Err(Wrong::Read(error)),
    }
}

fn access(environment: &Environment) -> Access {
    Access {
        key: environment.key.clone(),
        given: environment.given.clone(),
    }
}

async fn serve(
    prepared: Prepared,
    variables: &Variables<'_>,
    printer: &mut Printer,
) -> Result<Exit, Wrong> {
    let Prepared {
        listen: at,
        metrics: metrics_at,
        settings,
        access: opening,
        channels,
        tokens,
        public_url,
        most_upload,
        most_listeners,
        demo,
    } = prepared;
    let bind = async |at| {
        let bound = TcpListener::bind(at).await;
        bound.map_err(|cause| Wrong::Listen { at, cause })
    };
    let listener = bind(at).await?;
    let bound = listener
        .local_addr()
        .map_err(|cause| Wrong::Listen { at, cause })?;
    let metrics = match metrics_at {
        Some(at) => Some(bind(at).await?),
        None => None,
    };
    let doors = Doors::new(bound, public_url.as_deref()).map_err(Wrong::Public)?;
    let opened = blocking(move || Service::open(settings, opening, channels, wall())).await;
    let opened = match opened {
        Ok(opened) => opened,
        Err(error) => {
            printer.error(&error);
            return Ok(Exit::Internal);
        }
    };
    let service = match opened {
        Ok(service) => service,
        Err(error) => {
            let usage = matches!(
                error,
                crate::job::open::OpenError::State {
                    cause: StoreError::InUse { .. },
                    ..
                } | crate::job::open::OpenError::Guard { .. }
            );
            printer.error(&error);
            return Ok(if usage { Exit::Usage } else { Exit::Storage });
        }
    };
    let options = Options {
        access: Arc::clone(&tokens),
        doors,
        most_upload,
        most_listeners,
        demo: demo.is_some(),
    };
    let (all, own) = router(Arc::clone(&service), options, metrics.is_none());
    let (close, closing) = watch::channel(false);
    let mut parts = JoinSet::new();
    parts.spawn(listen(listener, all, MOST_CLIENTS, closing.clone()));
    if let Some(listener) = metrics {
        if let Ok(at) = listener.local_addr() {
            tracing::info!("metrics at http://{at}/metrics");
        }
        parts.spawn(listen(listener, own, 64, closing));
    }
    let mut jobs = JoinSet::new();
    jobs.spawn(Arc::clone(&service).run());
    tracing::info!("listening at http://{bound}");
    if tokens.tokens().is_empty() {
        tracing::info!("no tokens: whoever can use this machine can use the service");
    }
    if demo.is_some() {
        show(&service).await;
    }
    printer.result(&format!("http://{bound}\n"));
    until_told(&service, &tokens, demo.is_some(), variables).await;
    tracing::info!("stopping: calls in flight are waited for; again to stop at once");
    service.close();
    let mut interrupts = Interrupts::new();
    let ended = async {
        while jobs.join_next().await.is_some() {}
        close.send_replace(true);
        while parts.join_next().await.is_some() {}
    };
    tokio::select! {
        () = ended => {}
        () = interrupts.next() => tracing::warn!("stopped at once; what was paid for is kept"),
    }
    drop(demo);
    Ok(Exit::Complete)
}

/// Until a signal says so; SIGHUP reads anew what may change.
async fn until_told(
    service: &Arc<Service>,
    tokens: &Tokens,
    demo: bool,
    variables: &Variables<'_>,
) {
    let mut interrupts = Interrupts::new();
    let mut hangup = signal(SignalKind::hangup()).ok();
    loop {
        let again = async {
            match &mut hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = interrupts.next() => return,
            _ = again => {}
        }
        match tokens.reload() {
            Ok(now) => tracing::info!("tokens read anew: {}", now.names().len()),
            Err(error) => tracing::error!("tokens stay as they are: {}", said(&error)),
        }
        match Environment::read(variables) {
            Ok(_) if demo => {}
            Ok(environment) => {
                service.reload(access(&environment));
                tracing::info!("the key of the provider was read anew");
            }
            Err(error) => tracing::error!("the key stays as it is: {}", said(&error)),
        }
    }
}

/// The model of the make-believe provider.
const MODEL: &str = "make-believe";

/// A provider that is slow and sometimes wrong, as real ones are.
fn make_believe() -> std::io::Result<sim::Simulator> {
    sim::Simulator::start(sim::Options {
        latency: law::Latency::log_normal(Duration::from_secs(3), 0.5),
        seed: 7,
        ..sim::Options::default()
    })
}

fn demo_access(simulator: &sim::Simulator) -> Access {
    // As if the environment said so: a job that names no model is for the rules.
    let flag =
        |key: &str, value: serde_json::Value| Given::new(key, value, Origin::Environment("--demo"));
    Access {
        key: None,
        given: vec![
            flag("llm.base_url", simulator.url().into()),
            flag("limit.requests", "60/min".into()),
            flag("limit.tokens", "200000/min".into()),
            flag("limit.in_flight", 8.into()),
            flag("batch.chunks", 1.into()),
        ],
    }
}

/// A job to look at.
async fn show(service: &Arc<Service>) {
    let request = crate::job::service::spec::Request {
        dataflow: "knowledge-graph".to_owned(),
        samples: true,
        model: Some(MODEL.to_owned()),
        ..Default::default()
    };
    match service.submit(request, Some("demo".to_owned())).await {
        Ok(job) => tracing::info!("a job to look at: {}", job.id),
        Err(error) => tracing::error!("there is no job to look at: {}", said(&error)),
    }
}
