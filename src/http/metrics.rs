//! The service in figures, for Prometheus. Calls are counted from the ledger, so that what is scraped is what was paid.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::App;
use super::figures::{Answers, Dataflow, Failed, Figures, Model, Outcome, StateOf, Tokens};
use super::problem::Refusal;
use super::system::{Taken, room};
use crate::job::service::spec::{self, Job};
use crate::job::service::{MOST_JOBS, Service, blocking};
use crate::model::id::JobId;
use crate::model::record::CallRow;
use crate::model::unit::Usd;

/// Seconds that answers take: from a cached word to the longest that is waited.
const LATENCIES: [f64; 14] = [
    0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0,
];
/// Calls that are read from the ledger at a time.
const PAGE: u32 = 1024;

/// All figures.
pub(super) struct Meter {
    registry: Registry,
    figures: Figures,
    latency: Family<Model, Histogram, fn() -> Histogram>,
    seen: Mutex<Seen>,
}

/// How far what is counted was read.
#[derive(Default)]
struct Seen {
    call: i64,
    jobs: BTreeMap<JobId, Told>,
}

/// What was counted of a job's present run.
#[derive(Clone, Default)]
struct Told {
    run: u32,
    answered: u64,
    cached: u64,
    read: u64,
    epoch: u64,
    failures: BTreeMap<String, u64>,
}

impl Meter {
    /// Counts from now on.
    pub(super) fn new(service: &Service) -> Self {
        let figures = Figures::default();
        let latency: Family<Model, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(LATENCIES));
        let mut registry = Registry::default();
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("weir_build", "The program", build);
        registry.register_with_unit(
            "weir_call_latency",
            "How long answered calls took",
            Unit::Seconds,
            latency.clone(),
        );
        figures.register(&mut registry);
        // What was done before this process began is not counted: neither calls nor chunks.
        let call = service.database().last_call().unwrap_or(0);
        let before = service
            .database()
            .jobs(None, None, MOST_JOBS)
            .unwrap_or_default();
        let jobs = before.iter().filter_map(|stored| {
            let job = spec::job(stored).ok()?;
            Some((stored.job, Told::of(&job)))
        });
        Self {
            registry,
            figures,
            latency,
            seen: Mutex::new(Seen {
                call,
                jobs: jobs.collect(),
            }),
        }
    }
}

impl Told {
    fn of(job: &Job) -> Self {
        let now = &job.progress;
        Self {
            run: job.run,
            answered: now.answered,
            cached: now.cached,
            read: now.files.read,
            epoch: now.epoch,
            failures: now.failures.clone(),
        }
    }
}

impl Meter {
    /// Brings all figures up to date. Blocks.
    fn look(&self, app: &App, jobs: &[Job], taken: Taken) -> Result<(), crate::store::StoreError> {
        let service = &app.service;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let calls = service.database().calls_after(seen.call, PAGE)?;
            for (place, call) in &calls {
                seen.call = *place;
                self.call(call);
            }
            if calls.len() < PAGE as usize {
                break;
            }
        }
        self.at_work(service, jobs, &mut seen);
        let figures = &self.figures;
        let until = taken.cpu_seconds - figures.cpu.get();
        if until > 0.0 {
            figures.cpu.inc_by(until);
        }
        figures.memory.set(whole(taken.memory));
        figures.files.set(whole(taken.files));
        figures.started.set(app.looks.started.0 as f64 / 1e6);
        let state = &service.settings().state;
        let size = ["weir.db", "weir.db-wal"]
            .map(|name| state.join(name).metadata().map_or(0, |found| found.len()));
        figures.state.set(whole(size.iter().sum()));
        figures.room.set(whole(room(state)));
        let free = app.listeners.available_permits();
        let most = app.options.most_listeners;
        figures
            .listeners
            .set(whole(most.saturating_sub(free) as u64));
        let (month, cap) = service.month()?;
        figures.month.set(month.dollars());
        figures.month_cap.set(cap.map_or(0.0, Usd::dollars));
        Ok(())
    }

    fn call(&self, call: &CallRow) {
        let model = || Model {
            model: call.model.clone(),
        };
        let outcome = outcome(&call.outcome);
        let of = Outcome {
            model: call.model.clone(),
            outcome: outcome.to_owned(),
        };
        self.figures.calls.get_or_create(&of).inc();
        if outcome == "ok" {
            let seconds = call.latency_ms as f64 / 1000.0;
            self.latency.get_or_create(&model()).observe(seconds);
        }
        if outcome == "rate_limited" {
            self.figures.limited.get_or_create(&model()).inc();
        }
        for (direction, tokens) in [("input", call.input_tokens), ("output", call.output_tokens)] {
            let of = Tokens {
                model: call.model.clone(),
                direction: direction.to_owned(),
            };
            self.figures
                .tokens
                .get_or_create(&of)
                .inc_by(tokens.unwrap_or(0));
        }
        let cost = call.cost.map_or(0.0, Usd::dollars);
        self.figures.cost.get_or_create(&model()).inc_by(cost);
    }

    /// What the jobs at work have done since the last look, and how their gates stand.
    fn at_work(&self, service: &Service, jobs: &[Job], seen: &mut Seen) {
        let figures = &self.figures;
        let at_work = service.at_work();
        let stall = service.settings().stall;
        let stalled = at_work.iter().filter(|(.., still)| *still > stall).count();
        figures.stalled.set(whole(stalled as u64));
        let longest = at_work
            .iter()
            .map(|(.., still)| still.as_secs_f64())
            .fold(0.0, f64::max);
        figures.still.set(longest);
        // Of limits only those speak that are in use: what an ended job saw last is past.
        for figure in [
            &figures.in_flight,
            &figures.requests,
            &figures.requests_limit,
            &figures.window,
            &figures.window_limit,
            &figures.down,
        ] {
            figure.clear();
        }
        figures.utilisation.clear();
        for job in jobs {
            let Some(id) = JobId::parse(&job.id) else {
                continue;
            };
            let now = &job.progress;
            let mut told = seen.jobs.get(&id).cloned().unwrap_or_default();
            if told.run != job.run {
                // Another run counts from the start, but for what is published.
                told = Told {
                    run: job.run,
                    epoch: told.epoch,
                    failures: told.failures,
                    ..Told::default()
                };
            }
            let dataflow = || Dataflow {
                dataflow: job.dataflow.clone(),
            };
            let model = job.model.clone().unwrap_or_default();
            let of = Answers {
                dataflow: job.dataflow.clone(),
                model: model.clone(),
            };
            figures
                .answered
                .get_or_create(&of)
                .inc_by(now.answered.saturating_sub(told.answered));
            figures
                .cached
                .get_or_create(&dataflow())
                .inc_by(now.cached.saturating_sub(told.cached));
            figures
                .read
                .get_or_create(&dataflow())
                .inc_by(now.files.read.saturating_sub(told.read));
            figures
                .epochs
                .get_or_create(&dataflow())
                .inc_by(now.epoch.saturating_sub(told.epoch));
            for (reason, count) in &now.failures {
                let of = Failed {
                    dataflow: job.dataflow.clone(),
                    reason: reason.clone(),
                };
                let before = told.failures.get(reason).copied().unwrap_or(0);
                figures
                    .failed
                    .get_or_create(&of)
                    .inc_by(count.saturating_sub(before));
            }
            let told = Told::of(job);
            seen.jobs.insert(id, told);
            if !at_work.iter().any(|(at_work, ..)| *at_work == id) {
                continue;
            }
            let model = Model { model };
            let limits = [
                (&figures.requests, Some(now.requests.used)),
                (&figures.requests_limit, now.requests.limit),
                (&figures.window, Some(now.tokens.used)),
                (&figures.window_limit, now.tokens.limit),
                (&figures.down, Some(u64::from(now.provider_down))),
            ];
            for (figure, value) in limits {
                if let Some(value) = value {
                    figure.get_or_create(&model).set(whole(value));
                }
            }
            figures
                .utilisation
                .get_or_create(&model)
                .set(now.utilisation);
            figures
                .in_flight
                .get_or_create(&model)
                .inc_by(whole(now.in_flight));
        }
    }
}

fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A family of outcomes that alerts can be written for.
fn outcome(name: &str) -> &'static str {
    match name {
        "ok" => "ok",
        "rate_limit" | "slow_down" => "rate_limited",
        "overloaded" | "server" => "server",
        "timeout" => "timeout",
        "unreached" | "connection" | "tls" | "redirect" => "network",
        "key" | "quota" | "no_model" | "bad_schema" => "refused",
        "rejected" | "too_large" | "bad_body" | "too_long_body" => "invalid",
        _ => "other",
    }
}

/// All figures as text.
pub(super) async fn metrics(State(app): State<App>) -> Result<Response, Refusal> {
    let counts = app.service.counts().await?;
    for (state, count) in counts {
        let of = StateOf { state };
        app.meter.figures.jobs.get_or_create(&of).set(whole(count));
    }
    let (jobs, _) = app.service.jobs(None, None, MOST_JOBS).await?;
    let looking = app.clone();
    let text = blocking(move || {
        let taken = looking.looks.taken();
        looking.meter.look(&looking, &jobs, taken)?;
        let mut text = String::new();
        // Writing to a string cannot fail.
        encode(&mut text, &looking.meter.registry).ok();
        Ok::<_, crate::store::StoreError>(text)
    });
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text.await??).into_response())
}
