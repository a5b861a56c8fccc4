//! `weir run`: a dataflow over folders of transcripts, once.

use std::io::IsTerminal;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::args::RunArgs;
use super::env::Environment;
use super::interrupts::Interrupts;
use super::printer::Printer;
use super::report::{exit, summary};
use super::{Exit, confirm, plan};
use crate::flow::stop::Ending;
use crate::job::from_plan::{Extras, order};
use crate::job::order::{Allow, Order};
use crate::job::progress::Progress;
use crate::job::run::{Live, Report, RunError, run as run_job};
use crate::job::sample::sample;
use crate::model::fault::{Fault, FaultKind};
use crate::plan::resolve::{Purpose, resolve};
use crate::plan::{Plan, ProviderChoice};
use crate::sink::SinkError;
use crate::store::StoreError;

/// Runs the command.
pub fn run(args: &RunArgs, environment: &Environment, printer: &mut Printer) -> Exit {
    let (plan, order) = match ordered(args, environment, Purpose::Run, printer) {
        Ok(ordered) => ordered,
        Err(exit) => return exit,
    };
    carry_out(&plan, &order, args, printer)
}

/// Carries an order out, from the question whether money may be spent to the summary.
pub(super) fn carry_out(plan: &Plan, order: &Order, args: &RunArgs, printer: &mut Printer) -> Exit {
    if !agreed(plan, order, args, printer) {
        return Exit::Usage;
    }
    // A model is waited for: one thread carries thousands of its calls a second, and more of them spend a tenth of their
    // time on waking each other. Rules work.
    let threads = order.paid.then_some(1);
    let runtime = match super::runtime(threads, printer) {
        Ok(runtime) => runtime,
        Err(exit) => return exit,
    };
    let live = Live::default();
    let began = Instant::now();
    let ended = runtime.block_on(watch(order, &live, began, printer));
    // Blocking reads of an abandoned run are not waited for.
    runtime.shutdown_timeout(Duration::from_millis(100));
    printer.clear();
    for note in live.notes.take() {
        printer.warn(&note);
    }
    match ended {
        Some(Ok(report)) => finish(plan, args, &report, began.elapsed(), &live, printer),
        Some(Err(error)) => {
            printer.error(&error);
            failed(&error)
        }
        None => Exit::Interrupted,
    }
}

/// The checked plan and the order that carries it out; what is wrong has been said.
pub(super) fn ordered(
    args: &RunArgs,
    environment: &Environment,
    purpose: Purpose,
    printer: &mut Printer,
) -> Result<(Plan, Order), Exit> {
    let usage = |error: &dyn std::error::Error, printer: &mut Printer| {
        printer.error(error);
        Exit::Usage
    };
    let inputs = args.plan.inputs(environment, purpose);
    let plan = inputs.and_then(|inputs| resolve(&inputs));
    let plan = plan.map_err(|error| usage(&error, printer))?;
    for note in &plan.notes {
        printer.note(note);
    }
    let mut order =
        order(&plan, extras(args, environment)).map_err(|error| usage(&error, printer))?;
    if let Some(most) = args.sample {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        order.scope = sample(&order, most).map_err(|error| usage(&error, printer))?;
    }
    Ok((plan, order))
}

/// What the flags add to the plan.
fn extras(args: &RunArgs, environment: &Environment) -> Extras {
    Extras {
        allow: Allow {
            removal: args.allow_removal,
            new_ledger: args.allow_new_ledger,
            other_dataflow: args.allow_other_dataflow,
            old_answers: args.reuse.is_some(),
        },
        rehash: args.rehash,
        retry_failures: args.retry_failures,
        watch: args.watch,
        shared: environment.shared.clone(),
    }
}

/// Whether the first run that may cost money may begin.
fn agreed(plan: &Plan, order: &Order, args: &RunArgs, printer: &mut Printer) -> bool {
    let terminal = std::io::stderr().is_terminal();
    let first = !order.state.join("weir.db").exists();
    if !confirm::must_ask(plan, args, first, terminal) {
        return true;
    }
    if !confirm::somebody_is_there() {
        printer.plain_error(
            "error: a first run that may cost money needs --yes, or a cap such as --max-cost 5\n",
        );
        return false;
    }
    if let Ok(forecast) = crate::job::forecast::forecast(order) {
        printer.result(&plan::text(plan, &forecast));
    }
    let question = format!("ask {} these chunks?", plan.question.model);
    confirm::ask(&question, printer, &mut std::io::stdin().lock())
}

/// Runs the order and shows how far it is; the first interrupt ends it in order, the second at once.
async fn watch(
    order: &Order,
    live: &Live,
    began: Instant,
    printer: &mut Printer,
) -> Option<Result<Report, RunError>> {
    let running = run_job(order, live);
    tokio::pin!(running);
    // A run that ends at once has nothing to report on the way.
    let mut tick = interval_at(
        began + Duration::from_millis(500),
        Duration::from_millis(200),
    );
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut interrupts = Interrupts::new();
    let mut interrupted = false;
    let mut before = None;
    loop {
        tokio::select! {
            ended = &mut running => return Some(ended),
            _ = tick.tick() => {
                for note in live.notes.take() {
                    printer.warn(&note);
                }
                let counts = live.gauges.counts();
                // Whoever watches a folder where nothing happens is told nothing.
                let idle = order.watch && counts.underway == 0 && before == Some(counts);
                before = Some(counts);
                if !idle {
                    printer.progress(&Progress::of(live, began.elapsed()));
                }
            }
            () = interrupts.next() => {
                // By itself, whatever else ended the run: the second one always ends it.
                if std::mem::replace(&mut interrupted, true) {
                    printer.warn("stopped at once; what was paid for is kept");
                    return None;
                }
                live.stop.end(Ending::Interrupted);
                printer.warn("stopping: calls in flight are waited for; again to stop at once");
            }
        }
    }
}

fn finish(
    plan: &Plan,
    args: &RunArgs,
    report: &Report,
    elapsed: Duration,
    live: &Live,
    printer: &mut Printer,
) -> Exit {
    for passed in &report.passed_over {
        printer.note(passed);
    }
    match &report.ending {
        Some(Ending::Storage(why)) => printer.plain_error(&format!(
            "error: {why}\nhint: what was answered by then is kept; once that is mended the same run goes on from here; \
             weir verify says whether anything is damaged\n"
        )),
        Some(Ending::Room(why)) => printer.plain_error(&format!(
            "error: {why}\nhint: make room there; the same run goes on from here, and asks nothing twice\n"
        )),
        Some(ending @ Ending::Internal(_)) => printer.plain_error(&format!("error: {ending}\n")),
        Some(Ending::Refused(fault)) => printer.plain_error(&refused(plan, fault)),
        Some(Ending::Budget(why)) => {
            printer.warn(why);
            if let Some(before) = before(report) {
                printer.note(&before);
            }
        }
        Some(Ending::Interrupted | Ending::Mismatch) | None => {}
    }
    if report.unchanged {
        printer.note("nothing changed since the last run");
    }
    let summary = summary(plan, report, live, elapsed);
    let manifest = serde_json::to_value(&report.manifest).unwrap_or_default();
    printer.done(&summary, &manifest);
    exit(report, args.fail_threshold)
}

/// What counts against the budget though this run has not used it.
fn before(report: &Report) -> Option<String> {
    let stats = report.stats?;
    let calls = stats.gone.calls.saturating_sub(stats.calls);
    let spent = stats.gone.cost.saturating_sub(stats.spent);
    (calls > 0).then(|| {
        format!(
            "{calls} calls and {spent} of it were used by the runs that this one goes on from; a budget is for all runs \
             until one ends by itself"
        )
    })
}

/// Why the provider answers no call, and what to do about it.
fn refused(plan: &Plan, fault: &Fault) -> String {
    use FaultKind as K;
    let server = match &plan.provider {
        ProviderChoice::OpenAi { base_url, .. } => base_url,
        ProviderChoice::Rules => "the rules",
        ProviderChoice::Nobody => "nobody",
    };
    let model = &plan.question.model;
    let hint = match fault.kind {
        K::Key => {
            "check the key: OPENAI_API_KEY, or the file that WEIR_API_KEY_FILE names".to_owned()
        }
        K::Quota => "check the plan, the credit and the spend limits of the account".to_owned(),
        K::NoModel => format!("check the model ({model}) and the server (--base-url)"),
        K::BadSchema => "check extract.schema: the server does not take it".to_owned(),
        K::Tls => "check the server (--base-url) and the clock and certificates of this machine"
            .to_owned(),
        _ => "check the server (--base-url) and the network".to_owned(),
    };
    format!(
        "error: asking {model} at {server}: {}\nhint: {hint}\n",
        fault.message
    )
}

/// The exit status of a run that could not begin or died.
fn failed(error: &RunError) -> Exit {
    use crate::job::open::OpenError as O;
    match error {
        RunError::Schema(_)
        | RunError::Open(
            O::Guard { .. }
            | O::Source(_)
            | O::State {
                cause: StoreError::InUse { .. },
                ..
            }
            | O::Output {
                cause: SinkError::Locked { .. } | SinkError::InTheWay { .. },
                ..
            },
        ) => Exit::Usage,
        RunError::Open(O::State { .. } | O::Output { .. }) => Exit::Storage,
        RunError::Workers(_) => Exit::Internal,
    }
}
