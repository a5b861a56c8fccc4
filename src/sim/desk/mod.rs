//! What becomes of a call: limits, capacity, faults, latency, answer. Told the time; never waits.

mod over;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::time::Duration;

use fastrand::Rng;

use crate::sim::admission::{Admission, MINUTE};
use crate::sim::answer::{self, Answer, Schema, answer};
use crate::sim::ask::Ask;
use crate::sim::fault::{Act, Odd, Say, Wire};
use crate::sim::log::{Arrival, Report};
use crate::sim::odd;
use crate::sim::referee::Referee;
use crate::sim::refusal::{Refusal, error, limited};
use crate::sim::script::Change;
use crate::sim::{Options, Told};

/// A refusal takes no longer.
const REFUSAL: Duration = Duration::from_millis(100);

/// All that it knows.
#[derive(Debug)]
pub(in crate::sim) struct Desk {
    options: Options,
    admission: Admission,
    referee: Referee,
    schema: Schema,
    /// How often each rule was applied, and each set of chunks came.
    applied: Vec<u64>,
    seen: BTreeMap<u64, u32>,
    /// Changes of the limits that are made, requests that the other tenant has sent.
    changed: usize,
    others: u64,
    in_flight: u64,
    calls: u64,
    connections: u64,
    report: Report,
    log: Vec<Arrival>,
    file: Option<BufWriter<File>>,
}

/// A request as it came.
pub(in crate::sim) struct Incoming<'a> {
    pub(in crate::sim) body: &'a [u8],
    pub(in crate::sim) key: Option<&'a str>,
}

/// A call in flight.
#[derive(Debug)]
pub(in crate::sim) struct Call {
    number: u64,
    at: Duration,
    ask: Ask,
    admitted: Option<u64>,
    fault: Option<&'static str>,
    outcome: Outcome,
    again: u32,
    /// After so long it is over.
    pub(in crate::sim) latency: Duration,
    /// How its bytes go astray.
    pub(in crate::sim) wire: Option<Wire>,
}

#[derive(Debug)]
enum Outcome {
    Refused(Refusal),
    Answered(Answer, Option<Odd>),
}

/// An answer as it goes out, but for the headers that every one has.
#[derive(Debug)]
pub(in crate::sim) struct Reply {
    pub(in crate::sim) status: u16,
    pub(in crate::sim) headers: Vec<(String, String)>,
    pub(in crate::sim) body: Vec<u8>,
    pub(in crate::sim) wait: Option<crate::sim::fault::Word>,
}

impl Desk {
    pub(in crate::sim) fn new(options: Options) -> std::io::Result<Self> {
        let file = options.log.as_ref().map(File::create).transpose()?;
        Ok(Self {
            admission: Admission::new(options.law),
            referee: Referee::new(options.law.rates),
            schema: Schema::default(),
            applied: vec![0; options.script.rules.len()],
            seen: BTreeMap::new(),
            changed: 0,
            others: 0,
            in_flight: 0,
            calls: 0,
            connections: 0,
            report: Report::default(),
            log: Vec::new(),
            file: file.map(BufWriter::new),
            options,
        })
    }

    pub(in crate::sim) fn options(&self) -> &Options {
        &self.options
    }

    /// A call comes in.
    pub(in crate::sim) fn arrive(&mut self, now: Duration, incoming: &Incoming<'_>) -> Call {
        self.happen(now);
        self.calls += 1;
        self.in_flight += 1;
        self.report.calls += 1;
        self.report.most_in_flight = self.report.most_in_flight.max(self.in_flight);
        let number = self.calls;
        let (ask, wrong) = match Ask::read(incoming.body) {
            Ok(ask) => (ask, None),
            Err(why) => (Ask::default(), Some(why)),
        };
        let why = error(
            "invalid_request_error",
            "",
            wrong.as_deref().unwrap_or_default(),
        );
        self.referee.arrived(now, number, ask.charge());
        let admitted = self.admission.arrive(now, ask.charge());
        let (again, mut chance) = self.chance(&ask);
        let mut call = Call {
            number,
            at: now,
            admitted: admitted.ok(),
            fault: None,
            outcome: Outcome::Refused(Refusal::new(400, Vec::new(), why)),
            again,
            latency: REFUSAL,
            wire: None,
            ask,
        };
        if wrong.is_some() {
            // It stays as it is.
        } else if let Err(refused) = admitted {
            self.report.limited += 1;
            call.fault = Some("limit");
            let told = self.told(refused.wait);
            call.outcome =
                Outcome::Refused(limited(&call.ask.model, refused, call.ask.charge(), told));
        } else {
            self.decide(now, &mut call, &mut chance);
        }
        if matches!(call.outcome, Outcome::Refused(_)) {
            call.latency = REFUSAL.min(self.options.latency.sample(&mut chance, 0));
        }
        if self.options.keep {
            self.keep(&call, incoming);
        }
        call
    }

    /// What becomes of a call that the limits let in.
    fn decide(&mut self, now: Duration, call: &mut Call, chance: &mut Rng) {
        let mut act = self.act(call.number, now, &call.ask.chunks, chance);
        if self
            .options
            .context
            .is_some_and(|most| call.ask.prompt > most)
        {
            act = Act::named("context");
        }
        let bears = self.options.capacity.unwrap_or(u64::MAX);
        if act.is_none() && self.in_flight > bears.saturating_mul(2) {
            self.report.overloaded += 1;
            act = Act::named("503");
        }
        call.fault = act.as_ref().map(Act::name);
        if let Some(name) = call.fault {
            *self.report.faults.entry(name).or_default() += 1;
        }
        let (twist, body) = match act {
            Some(Act::Refuse(refusal)) => {
                call.outcome = Outcome::Refused(refusal);
                return;
            }
            Some(Act::Say(twist)) => (Some(twist), None),
            Some(Act::Body(body)) => (None, Some(body)),
            Some(Act::Wire(wire)) => {
                call.wire = Some(wire);
                (None, None)
            }
            None => (None, None),
        };
        let said = self.say(&call.ask, twist);
        let crowd = (self.in_flight as f64 / bears as f64).max(1.0);
        call.latency = self
            .options
            .latency
            .sample(chance, said.output)
            .mul_f64(crowd);
        call.outcome = Outcome::Answered(said, body);
    }

    fn say(&mut self, ask: &Ask, twist: Option<Say>) -> Answer {
        let seed = self.options.seed;
        // Of the texts alone: asked again, the answer is as long as before.
        let wished = self
            .options
            .output
            .map(|law| law.sample(&mut Rng::with_seed(seed ^ texts(ask))));
        let none = Schema::default();
        let schema = ask
            .schema
            .as_deref()
            .map_or(&none, |text| self.schema.again(text));
        answer(ask, schema, twist, wished, seed)
    }

    /// The first rule that holds.
    fn act(
        &mut self,
        number: u64,
        now: Duration,
        chunks: &[(String, String)],
        chance: &mut Rng,
    ) -> Option<Act> {
        let rules = self.options.script.rules.iter().zip(&mut self.applied);
        for (rule, applied) in rules {
            if *applied < rule.times && rule.holds(number, now, chunks) && chance.f64() < rule.share
            {
                *applied += 1;
                return Some(rule.act.clone());
            }
        }
        None
    }

    /// How often these texts came before, and the chance of this time.
    fn chance(&mut self, ask: &Ask) -> (u32, Rng) {
        let texts = texts(ask);
        let times = self.seen.entry(texts).or_default();
        let again = *times;
        *times += 1;
        let turn = u64::from(again).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (
            again,
            Rng::with_seed(self.options.seed.rotate_left(17) ^ texts.wrapping_add(turn)),
        )
    }

    /// Brings the limits and the other tenant up to date.
    fn happen(&mut self, now: Duration) {
        if let Some(rates) = self.options.tenant {
            let each = MINUTE.as_secs_f64() / rates.requests.unwrap_or(1).max(1) as f64;
            let tokens = rates.tokens.unwrap_or(0) / rates.requests.unwrap_or(1).max(1);
            loop {
                let at = Duration::from_secs_f64(each * self.others as f64);
                if at > now {
                    break;
                }
                self.admission.spend(at, tokens);
                self.others += 1;
            }
        }
        while let Some(&(_, change)) = self
            .options
            .script
            .changes
            .get(self.changed)
            .filter(|change| change.0 <= now)
        {
            let rates = match change {
                Change::Times(factor) => self.options.law.rates.times(factor),
                Change::Rates(rates) => rates,
            };
            self.admission.set_rates(now, rates);
            self.referee.change(now, rates);
            self.changed += 1;
        }
    }

    /// The answer to a call is about to go out.
    pub(in crate::sim) fn finish(&mut self, now: Duration, call: &Call) -> Reply {
        self.happen(now);
        let used = call.used();
        let sum = used.0 + used.1;
        if let Some(id) = call.admitted {
            self.admission.settle(now, id, call.ask.charge(), sum);
        }
        self.referee.done(call.number, sum);
        self.report.input_tokens += used.0;
        self.report.output_tokens += used.1;
        let mut reply = match &call.outcome {
            Outcome::Refused(refusal) => Reply {
                status: refusal.status,
                headers: refusal.headers.clone(),
                body: refusal.body.clone().into_bytes(),
                wait: refusal.wait,
            },
            Outcome::Answered(said, body) => {
                let whole = said.body(&call.ask, call.number).to_string();
                let (own, body) = body.map_or_else(
                    || (Vec::new(), whole.clone().into_bytes()),
                    |odd| odd::body(odd, &whole),
                );
                let own = own
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value.to_owned()));
                Reply {
                    status: 200,
                    headers: own.collect(),
                    body,
                    wait: None,
                }
            }
        };
        reply.headers.push((
            "x-request-id".to_owned(),
            format!("req_sim_{}", call.number),
        ));
        let millis = self.told(now.saturating_sub(call.at)).as_millis();
        reply
            .headers
            .push(("openai-processing-ms".to_owned(), millis.to_string()));
        self.limits(now, &mut reply.headers);
        // What a test asks for wins.
        reply
            .headers
            .retain(|(name, _)| !self.options.headers.iter().any(|(other, _)| other == name));
        reply.headers.extend(self.options.headers.iter().cloned());
        reply
    }

    fn limits(&mut self, now: Duration, headers: &mut Vec<(String, String)>) {
        let rates = self.admission.law().rates;
        let left = self.admission.left(now);
        let resets = [left.requests_reset, left.tokens_reset]
            .map(|reset| crate::sim::refusal::go(self.told(reset)));
        let [requests_reset, tokens_reset] = resets;
        let rows = [
            ("requests", rates.requests, left.requests, requests_reset),
            ("tokens", rates.tokens, left.tokens, tokens_reset),
        ];
        for (name, limit, left, reset) in rows {
            let Some(limit) = limit else { continue };
            let (limit, left, reset) = match self.options.told {
                Told::Nothing => continue,
                Told::All => (limit.to_string(), left.to_string(), reset),
                Told::MinusOne => ("-1".to_owned(), "-1".to_owned(), "-1".to_owned()),
            };
            headers.push((format!("x-ratelimit-limit-{name}"), limit));
            headers.push((format!("x-ratelimit-remaining-{name}"), left));
            headers.push((format!("x-ratelimit-reset-{name}"), reset));
        }
    }

    /// A time as the client's clock runs.
    fn told(&self, time: Duration) -> Duration {
        time.div_f64(scale(&self.options))
    }
}

/// Simulated seconds in a second.
pub(in crate::sim) fn scale(options: &Options) -> f64 {
    if options.scale > 0.0 {
        options.scale
    } else {
        1.0
    }
}

/// The texts of a call as a number.
fn texts(ask: &Ask) -> u64 {
    let mut hash = blake3::Hasher::new();
    for (_, text) in &ask.chunks {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    answer::words(hash.finalize().as_bytes())
}
