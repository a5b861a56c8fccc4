//! The simulated provider, in the words of these tests.

#![allow(dead_code, reason = "a tool: not every test uses every part of it")]

use std::time::Duration;

use weir::sim::fault::{Act as Fault, Say, Wire};
use weir::sim::law;
pub(crate) use weir::sim::log::Arrival;
use weir::sim::log::Report;
use weir::sim::script::{Rule as Planned, Script as Plan};
use weir::sim::{Options, Simulator};

/// How it behaves. The default answers everything at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    pub(crate) latency: Latency,
    /// The first one that applies decides.
    pub(crate) rules: Vec<Rule>,
    /// Sent with every answer.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) seed: u64,
}

/// How long an answer takes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Latency {
    #[default]
    None,
    Fixed(Duration),
    LogNormal {
        median: Duration,
        sigma: f64,
    },
}

/// What it does if any chunk of a call contains a text.
#[derive(Clone, Debug)]
pub(crate) struct Rule(Planned);

impl Rule {
    /// Whenever a chunk contains this; empty: in any case.
    pub(crate) fn on(contains: &str, act: Act) -> Self {
        let fault = match act {
            Act::Status(status, headers, body) => Fault::status(status, headers, body),
            Act::Refuse => Fault::Say(Say::Refusal),
            Act::Length => Fault::Say(Say::Length),
            Act::Filter => Fault::Say(Say::Filter),
            Act::Garbage => Fault::Say(Say::NotJson),
            Act::Drop => Fault::Say(Say::Missing),
            Act::Invent => Fault::Say(Say::Invented),
            Act::Swap => Fault::Say(Say::Crossed),
            Act::SwapEvidence => Fault::Say(Say::CrossedEvidence),
            Act::Repeat => Fault::Say(Say::Repeated),
            Act::NoUsage => Fault::Say(Say::NoUsage),
            Act::Hang => Fault::Wire(Wire::Hang),
            Act::Reset => Fault::Wire(Wire::Reset),
        };
        Self(Planned {
            contains: contains.to_owned(),
            ..Planned::always(fault)
        })
    }

    /// Only the first so many times.
    pub(crate) fn times(self, times: usize) -> Self {
        Self(Planned {
            times: times as u64,
            ..self.0
        })
    }
}

/// How it misbehaves.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// An answer of this status, with these headers and this body.
    Status(u16, Vec<(String, String)>, String),
    /// The model refuses.
    Refuse,
    /// The answer is cut in the middle.
    Length,
    /// A filter cuts it.
    Filter,
    /// Words instead of JSON.
    Garbage,
    /// The last chunk is left out.
    Drop,
    /// An answer to a chunk that nobody asked about comes along.
    Invent,
    /// The ids of the first two answers are crossed.
    Swap,
    /// The first two answers are crossed, though their ids are not.
    SwapEvidence,
    /// Every answer comes twice.
    Repeat,
    /// No usage.
    NoUsage,
    /// No answer, ever.
    Hang,
    /// The connection is cut within the body.
    Reset,
}

/// The running provider; dropped, it stops.
pub(crate) struct FakeProvider {
    simulator: Simulator,
    url: String,
}

impl FakeProvider {
    pub(crate) fn start(script: Script) -> Self {
        let latency = match script.latency {
            Latency::None => law::Latency::default(),
            Latency::Fixed(time) => law::Latency::constant(time),
            Latency::LogNormal { median, sigma } => law::Latency::log_normal(median, sigma),
        };
        Self::with(Options {
            latency,
            script: Plan {
                rules: script.rules.into_iter().map(|rule| rule.0).collect(),
                ..Plan::default()
            },
            seed: script.seed,
            headers: script.headers,
            ..Options::default()
        })
    }

    /// With all that the simulator can do.
    pub(crate) fn with(options: Options) -> Self {
        let keep = Options {
            keep: true,
            ..options
        };
        let simulator = Simulator::start(keep).expect("a free port");
        Self {
            url: simulator.url(),
            simulator,
        }
    }

    /// The base URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The calls so far, in order of arrival.
    pub(crate) fn log(&self) -> Vec<Arrival> {
        self.simulator.log()
    }

    /// What the calls come to so far.
    pub(crate) fn report(&self) -> Report {
        self.simulator.report()
    }
}
