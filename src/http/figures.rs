//! Every figure that the service gives: its name, its unit, and what it says.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

pub(super) type Count = Counter<f64, AtomicU64>;
pub(super) type Level = Gauge<f64, AtomicU64>;

macro_rules! labels {
    ($($name:ident { $($label:ident),* })*) => {
        $(
            #[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
            pub(super) struct $name { $(pub(super) $label: String),* }
        )*
    };
}

labels! {
    StateOf { state }
    Model { model }
    Dataflow { dataflow }
    Answers { dataflow, model }
    Failed { dataflow, reason }
    Outcome { model, outcome }
    Tokens { model, direction }
}

macro_rules! figures {
    ($($prefix:literal: { $($field:ident: $kind:ty = $name:literal $([$unit:expr])?, $help:literal;)* })*) => {
        #[derive(Default)]
        pub(super) struct Figures {
            $($(#[doc = $help] pub(super) $field: $kind,)*)*
        }

        impl Figures {
            /// Makes them known.
            pub(super) fn register(&self, registry: &mut Registry) {
                $(
                    let part = registry.sub_registry_with_prefix($prefix);
                    $(figures!(@one part, self.$field, $name, $help $(, $unit)?);)*
                )*
            }
        }
    };
    (@one $part:ident, $figure:expr, $name:literal, $help:literal) => {
        $part.register($name, $help, $figure.clone());
    };
    (@one $part:ident, $figure:expr, $name:literal, $help:literal, $unit:expr) => {
        $part.register_with_unit($name, $help, $unit, $figure.clone());
    };
}

figures! {
    "weir": {
        jobs: Family<StateOf, Gauge> = "jobs",
            "Jobs by state";
        stalled: Gauge = "jobs_stalled",
            "Running jobs that have made no progress for long";
        still: Level = "job_seconds_since_progress",
            "The longest that a running job has made no progress";
        answered: Family<Answers, Counter> = "chunks_answered",
            "Chunks answered by calls";
        cached: Family<Dataflow, Counter> = "chunks_cached",
            "Chunks whose answer was known";
        tokens: Family<Tokens, Counter> = "tokens",
            "Tokens of calls, as the provider counts them";
        epochs: Family<Dataflow, Counter> = "epochs_published",
            "Epochs published";
        read: Family<Dataflow, Counter> = "documents_read",
            "Documents read";
        calls: Family<Outcome, Counter> = "calls",
            "Calls by how they ended";
        failed: Family<Failed, Counter> = "chunks_failed",
            "Chunks and files that failed";
        down: Family<Model, Gauge> = "provider_down",
            "Whether the provider is held to be down";
        limited: Family<Model, Counter> = "rate_limited",
            "Answers that said: too fast";
        requests: Family<Model, Gauge> = "requests_in_window",
            "Requests in the last minute";
        requests_limit: Family<Model, Gauge> = "requests_limit",
            "Requests a minute that are allowed";
        window: Family<Model, Gauge> = "tokens_in_window",
            "Tokens in the last minute";
        window_limit: Family<Model, Gauge> = "tokens_limit",
            "Tokens a minute that are allowed";
        utilisation: Family<Model, Level> = "limit_utilisation_ratio",
            "The share of the binding limit that is used";
        in_flight: Family<Model, Gauge> = "calls_in_flight",
            "Calls under way";
        cost: Family<Model, Count> = "cost_usd",
            "Cost of calls, as far as prices are known";
        month: Level = "month_cost_usd",
            "Spent in this calendar month";
        month_cap: Level = "month_cap_usd",
            "What may be spent in a calendar month; 0 if there is no cap";
        state: Gauge = "state_bytes",
            "Size of the state";
        room: Gauge = "disk_free_bytes",
            "Room left where the state lies";
        listeners: Gauge = "event_clients",
            "Clients that listen to events";
    }
    "process": {
        cpu: Count = "cpu" [Unit::Seconds],
            "Processor time";
        memory: Gauge = "resident_memory" [Unit::Bytes],
            "Memory in use";
        files: Gauge = "open_fds",
            "Open files";
        started: Level = "start_time" [Unit::Seconds],
            "When the process started, since 1970";
    }
}
