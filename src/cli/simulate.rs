//! `weir simulate-provider`: a make-believe provider on loopback, to rehearse a run against its limits and faults.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::Exit;
use super::interrupts::Interrupts;
use super::printer::Printer;
use crate::sim::admission::{Law, Model, Rates};
use crate::sim::fault::Act;
use crate::sim::law::{Latency, Tokens, duration};
use crate::sim::script::Script;
use crate::sim::{Options, Service, Told};

/// The arguments of `simulate-provider`.
#[derive(Args, Clone, Debug)]
pub struct SimulateArgs {
    /// Where to listen: an address of this machine, which only this machine reaches.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8089")]
    pub listen: SocketAddr,
    /// End by itself after this long, such as 10m.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub lasts: Option<Duration>,
    /// Write each call down here, one JSON object a line: no texts, no keys.
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// One JSON object a line: where it listens, and at the end the report.
    #[arg(long)]
    pub json: bool,
    /// Of all chance: the same calls meet the same fate.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Simulated seconds in a second: with 60 an hour passes in a minute, limits and latencies alike.
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = positive)]
    pub time_scale: f64,
    /// Requests a minute that it lets in [default: any number].
    #[arg(long, value_name = "N", help_heading = "Limits", value_parser = clap::value_parser!(u64).range(1..))]
    pub requests_per_minute: Option<u64>,
    /// Tokens a minute that it lets in, prompt and reserved answer together [default: any number].
    #[arg(long, value_name = "N", help_heading = "Limits", value_parser = clap::value_parser!(u64).range(1..))]
    pub tokens_per_minute: Option<u64>,
    /// How it counts: sliding, bucket, bucket:1s (holding one second), fixed, 10s or 1s (sliding, and an even share of the
    /// requests in so much time).
    #[arg(long, value_name = "HOW", help_heading = "Limits", default_value = "sliding", value_parser = model)]
    pub counts: Model,
    /// What a call reserved and did not use does not come back.
    #[arg(long, help_heading = "Limits")]
    pub no_refund: bool,
    /// What its headers say of the limits: all, none, or minus-one.
    #[arg(long, value_name = "WHAT", help_heading = "Limits", default_value = "all", value_parser = told)]
    pub limit_headers: Told,
    /// Somebody else spends of the same limits: REQUESTS:TOKENS a minute.
    #[arg(long, value_name = "R:T", help_heading = "Limits", value_parser = tenant)]
    pub other_tenant: Option<Rates>,
    /// So many calls at once are borne; more are slower, twice as many are refused.
    #[arg(long, value_name = "N", help_heading = "Limits", value_parser = clap::value_parser!(u64).range(1..))]
    pub capacity: Option<u64>,
    /// The most tokens of a prompt.
    #[arg(long, value_name = "N", help_heading = "Limits", value_parser = clap::value_parser!(u64).range(1..))]
    pub context: Option<u64>,
    /// How long an answer takes: 2s, uniform:15s-40s, lognormal:20s:0.5, per-token:15ms, or a sum with +.
    #[arg(long, value_name = "LAW", help_heading = "Answers", default_value = "lognormal:2s:0.5", value_parser = Latency::parse)]
    pub latency: Latency,
    /// How many tokens an answer has: 1200, or lognormal:1200:0.3 [default: those of its content].
    #[arg(long, value_name = "LAW", help_heading = "Answers", value_parser = Tokens::parse)]
    pub answer_tokens: Option<Tokens>,
    /// US dollars a million tokens, IN:OUT, for the bill.
    #[arg(long, value_name = "IN:OUT", help_heading = "Answers", value_parser = price)]
    pub price: Option<(f64, f64)>,
    /// A fault in a share of the calls, such as 429:2%; may be given several times.
    #[arg(long, value_name = "NAME:SHARE", help_heading = "Faults")]
    pub fault: Vec<String>,
    /// A file that says what goes wrong when, a line each.
    #[arg(long, value_name = "FILE", help_heading = "Faults")]
    pub script: Option<PathBuf>,
}

/// Examples, the form of scripts, the names of faults.
pub(super) fn help() -> String {
    let faults = Act::all()
        .into_iter()
        .map(|(name, doc)| format!("  {name:<18} {doc}"));
    let faults = faults.collect::<Vec<_>>().join("\n");
    format!(
        "Examples:
  weir simulate-provider --requests-per-minute 500 --tokens-per-minute 1000000 --latency lognormal:20s:0.5
      your own limits; it prints the command that runs against them
  weir simulate-provider --fault 429:2% --fault reset:1% --for 10m --log calls.jsonl
      with faults; it ends by itself and leaves a line for each call
  weir simulate-provider --capacity 60 --script outage.txt --time-scale 10
      a server with less behind it than it allows, an outage, ten minutes in one

Lines of a script:
  call 17: 500
  calls 10-20, 50%: reset
  from 10s to 70s: 503
  from 2m to 3m: gone                 nobody listens
  on \"poison\": 400                    whenever a chunk says so
  at 30s: limits x0.5
  at 90s: limits 500 1000000          requests and tokens a minute

Faults:
{faults}

GET /sim/report on the same port says at any time how the limits were kept, what was billed, and what was paid for twice."
    )
}

/// Runs the command.
pub fn run(args: &SimulateArgs, printer: &mut Printer) -> Exit {
    if !args.listen.ip().is_loopback() {
        printer.plain_error(&format!(
            "error: {} is not an address of loopback: whoever reaches a make-believe provider can fill this disk\n\
             hint: --listen 127.0.0.1:{}",
            args.listen,
            args.listen.port()
        ));
        return Exit::Usage;
    }
    let script = match script(args) {
        Ok(script) => script,
        Err(why) => {
            printer.plain_error(&format!("error: {why}"));
            return Exit::Usage;
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(serve(args, script, printer)),
        Err(error) => {
            printer.error(&error);
            Exit::Internal
        }
    }
}

fn script(args: &SimulateArgs) -> Result<Script, String> {
    let mut script = Script::default();
    if let Some(path) = &args.script {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("could not read {shown}: {error}"))?;
        script.add(&text).map_err(|why| format!("{shown}, {why}"))?;
    }
    for fault in &args.fault {
        script
            .add_share(fault)
            .map_err(|why| format!("--fault: {why}"))?;
    }
    Ok(script)
}

async fn serve(args: &SimulateArgs, script: Script, printer: &mut Printer) -> Exit {
    let listener = match TcpListener::bind(args.listen).await {
        Ok(listener) => listener,
        Err(error) => {
            printer.plain_error(&format!(
                "error: could not listen on {}: {error}\nhint: --listen 127.0.0.1:0 takes any free port",
                args.listen
            ));
            return Exit::Usage;
        }
    };
    let address = listener.local_addr().unwrap_or(args.listen);
    let service = match Service::new(options(args, script), address) {
        Ok(service) => service,
        Err(error) => {
            let path = args.log.clone().unwrap_or_default();
            printer.plain_error(&format!(
                "error: could not create {}: {error}",
                path.display()
            ));
            return Exit::Storage;
        }
    };
    let (url, command) = (format!("http://{address}/v1"), command(args, address));
    if args.json {
        printer.event(
            "listening",
            &serde_json::json!({ "base_url": url, "command": command }),
        );
    } else {
        printer.note(&format!(
            "a make-believe provider listens on {url}; in another terminal:\n  {command}"
        ));
    }
    let mut interrupts = Interrupts::new();
    let end = async {
        match args.lasts {
            Some(time) => sleep(time).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = service.run(listener) => {}
        () = interrupts.next() => {}
        () = end => {}
    }
    if let Err(error) = service.flush() {
        printer.warn(&format!("could not write the last calls down: {error}"));
    }
    let report = service.report();
    if args.json {
        printer.result_json(&report);
    } else {
        printer.result(&report.text(service.law()));
    }
    Exit::Complete
}

fn options(args: &SimulateArgs, script: Script) -> Options {
    Options {
        law: Law {
            model: args.counts,
            rates: rates(args),
            refunds: !args.no_refund,
        },
        told: args.limit_headers,
        latency: args.latency.clone(),
        output: args.answer_tokens,
        capacity: args.capacity,
        context: args.context,
        tenant: args.other_tenant,
        script,
        scale: args.time_scale,
        seed: args.seed,
        headers: Vec::new(),
        price: args.price,
        log: args.log.clone(),
        keep: false,
    }
}

fn rates(args: &SimulateArgs) -> Rates {
    Rates {
        requests: args.requests_per_minute,
        tokens: args.tokens_per_minute,
    }
}

/// The command that runs against it.
fn command(args: &SimulateArgs, address: SocketAddr) -> String {
    // Without limits of its own none are to stand in the way.
    let scaled = rates(args).times(args.time_scale);
    let requests = scaled.requests.unwrap_or(1_000_000);
    let tokens = scaled.tokens.unwrap_or(1_000_000_000);
    let mut chance = fastrand::Rng::with_seed(args.seed);
    let latency: Duration = (0..1000)
        .map(|_| args.latency.sample(&mut chance, 300))
        .sum();
    let needed = requests as f64 / 60.0 * latency.as_secs_f64() / 1000.0 / args.time_scale * 1.5;
    let in_flight = needed.clamp(16.0, 1000.0).ceil();
    format!(
        "weir run knowledge-graph --model sim --base-url http://{address}/v1 --requests-per-minute {requests} \
         --tokens-per-minute {tokens} --in-flight {in_flight} --yes"
    )
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (0.001..=100_000.0).contains(number));
    number.ok_or_else(|| "not a number from 0.001 to 100000".to_owned())
}

fn model(text: &str) -> Result<Model, String> {
    match text {
        "sliding" => Ok(Model::Sliding),
        "bucket" => Ok(Model::Bucket(Duration::from_mins(1))),
        "fixed" => Ok(Model::Fixed),
        "10s" => Ok(Model::Finer(Duration::from_secs(10))),
        "1s" => Ok(Model::Finer(Duration::from_secs(1))),
        other => match other.strip_prefix("bucket:") {
            Some(holds) => duration(holds).map(Model::Bucket),
            None => Err("known are sliding, bucket, bucket:1s, fixed, 10s, 1s".to_owned()),
        },
    }
}

fn told(text: &str) -> Result<Told, String> {
    match text {
        "all" => Ok(Told::All),
        "none" => Ok(Told::Nothing),
        "minus-one" => Ok(Told::MinusOne),
        _ => Err("known are all, none, minus-one".to_owned()),
    }
}

fn pair<T: std::str::FromStr>(text: &str) -> Option<(T, T)> {
    let (one, other) = text.split_once(':')?;
    Some((one.parse().ok()?, other.parse().ok()?))
}

fn tenant(text: &str) -> Result<Rates, String> {
    let rates = pair(text).map(|(requests, tokens)| Rates {
        requests: Some(requests),
        tokens: Some(tokens),
    });
    rates.ok_or_else(|| "not two numbers a minute such as 100:200000".to_owned())
}

fn price(text: &str) -> Result<(f64, f64), String> {
    let prices = pair(text).filter(|(input, output): &(f64, f64)| *input >= 0.0 && *output >= 0.0);
    prices.ok_or_else(|| "not two prices such as 0.15:0.60".to_owned())
}
