//! Traffic through the gate to a simulated provider, in virtual time: no sockets, one seed one trace.

use std::collections::{BTreeMap, VecDeque};
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use weir::limit::{Caps, Charge, Limits};
use weir::llm::gate::{Grant, Settlement};
use weir::llm::lane::Lane;
use weir::model::call::{LimitHeaders, Usage};
use weir::model::fault::{Fault, FaultKind, LimitedBy};
use weir::sim::admission::{Admission, Bound, Law, Rates};
use weir::sim::law::Latency;
use weir::sim::referee::{Referee, Verdict};

use super::best::Call;

/// A load and the provider that bears it.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The provider's.
    pub law: Law,
    /// What the client is told before.
    pub limits: Limits,
    /// Whether headers tell the limits and what is left.
    pub headers: bool,
    /// The way there and back takes up to this.
    pub jitter: Duration,
    /// When the limits change, and to what.
    pub change: Option<(Duration, Rates)>,
    /// From when to when every call is answered 503.
    pub outage: Option<(Duration, Duration)>,
    /// Calls at once that are borne well.
    pub capacity: Option<usize>,
    /// When the client is killed and started again, and what the new one knows of the last minute.
    pub restarts: Vec<(Duration, Memory)>,
    pub calls: Vec<Call>,
    pub seed: u64,
}

/// What a new process knows of the calls of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// All of them, from the ledger.
    Calls,
    /// That there may have been any.
    Nothing,
    /// Not even that: as no process should begin.
    Forgotten,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    pub wall: Duration,
    pub answered: usize,
    pub sent: u64,
    pub limited: u64,
    pub overloaded: u64,
    /// Calls that arrived while the provider was down.
    pub down: u64,
    pub verdict: Verdict,
    /// The most requests sent in any 10 s and 1 s.
    pub most_sent: [usize; 2],
    /// Order and time of arrivals, in one number.
    pub trace: u64,
    /// When each answered call arrived, what it was charged with and used, how long it took.
    pub arrivals: Vec<(Duration, Call)>,
    /// The gate's word on its own utilisation, at the end.
    pub utilisation: f64,
    pub binding: &'static str,
    /// When calls were refused.
    pub refusals: Vec<Duration>,
    /// How long calls were in flight until the last one started, summed up.
    pub busy_until_last: f64,
}

struct Provider {
    admission: Admission,
    referee: Referee,
    chance: fastrand::Rng,
    out: Outcome,
    in_flight: usize,
    sent: Vec<Duration>,
    changed: bool,
}

/// Calls of these laws.
pub fn calls(
    count: usize,
    seed: u64,
    charge: (u64, u64),
    used: (u64, u64),
    latency: &str,
) -> Vec<Call> {
    let law = Latency::parse(latency).unwrap();
    let mut chance = fastrand::Rng::with_seed(seed);
    let call = |_| {
        let charge = chance.u64(charge.0..=charge.1);
        Call {
            charge,
            used: charge * chance.u64(used.0..=used.1) / 1000,
            latency: law.sample(&mut chance, 300),
        }
    };
    (0..count).map(call).collect()
}

/// Runs a scenario to its end; call it on a paused clock.
pub async fn run(scenario: Scenario) -> Outcome {
    let scenario = Arc::new(scenario);
    let mut lane = Lane::alone(scenario.limits, Caps::default(), scenario.seed);
    let start = Instant::now();
    let mut restarts = scenario.restarts.iter().copied();
    let mut restart = restarts.next();
    let mut ledger: Vec<(Duration, u64)> = Vec::new();
    // What this process is waiting for, by number.
    let mut flying: BTreeMap<usize, (Call, u32)> = BTreeMap::new();
    let provider = Arc::new(Mutex::new(Provider {
        admission: Admission::new(scenario.law),
        referee: Referee::new(scenario.law.rates),
        chance: fastrand::Rng::with_seed(scenario.seed ^ 0x5151),
        out: Outcome::default(),
        in_flight: 0,
        sent: Vec::new(),
        changed: false,
    }));
    let mut waiting: VecDeque<(Call, u32)> = scenario.calls.iter().map(|call| (*call, 0)).collect();
    let mut tasks = JoinSet::new();
    let mut answered = 0;
    loop {
        let next = waiting.front().copied();
        if next.is_none() && flying.is_empty() {
            break;
        }
        let charge = next.map(|(call, _)| Charge {
            tokens: call.charge,
            cost_bound: None,
        });
        let reserve = async {
            match charge {
                Some(charge) => lane.reserve(charge).await.unwrap(),
                None => pending().await,
            }
        };
        let killed = async {
            match restart {
                Some((at, _)) => sleep_until(start + at).await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            () = killed => {
                let memory = restart.map(|restart| restart.1);
                restart = restarts.next();
                // It dies with what it waits for, which the provider goes on with; the next one asks for all of it.
                waiting.extend(std::mem::take(&mut flying).into_values());
                lane = Lane::alone(scenario.limits, Caps::default(), scenario.seed);
                let now = start.elapsed();
                match memory {
                    Some(Memory::Calls) => lane
                        .gate()
                        .recall(ledger.iter().map(|(at, charge)| (now.saturating_sub(*at), *charge))),
                    Some(Memory::Nothing) => lane.gate().hold(Duration::from_secs(62)),
                    Some(Memory::Forgotten) | None => {}
                }
            }
            Some(back) = tasks.join_next() => {
                let (number, again): (usize, Option<(Call, u32)>) = back.unwrap();
                if flying.remove(&number).is_some() {
                    answered += usize::from(again.is_none());
                    waiting.extend(again);
                }
            }
            grant = reserve => {
                let Some((call, failed)) = waiting.pop_front() else { continue };
                let now = start.elapsed();
                provider.lock().unwrap().sent.push(now);
                let number = ledger.len();
                ledger.push((now, call.charge));
                flying.insert(number, (call, failed));
                let (scenario, provider) = (Arc::clone(&scenario), Arc::clone(&provider));
                let one = one(scenario, provider, grant, call, failed, start);
                tasks.spawn(async move { (number, one.await) });
            }
        }
    }
    let mut provider = provider.lock().unwrap();
    let mut out = std::mem::take(&mut provider.out);
    out.answered = answered;
    out.verdict = provider.referee.verdict();
    out.most_sent = [10, 1].map(|secs| most(&provider.sent, Duration::from_secs(secs)));
    out.sent = provider.sent.len() as u64;
    let last = out
        .arrivals
        .last()
        .map_or(Duration::ZERO, |arrival| arrival.0);
    let until = out
        .arrivals
        .iter()
        .map(|(at, call)| (*at + call.latency).min(last).saturating_sub(*at));
    out.busy_until_last = until.sum::<Duration>().as_secs_f64();
    (out.utilisation, out.binding) = lane
        .stats()
        .pace()
        .map_or((0.0, ""), |(share, binding)| (share, binding.name()));
    out
}

/// One attempt; the call comes back if it must be tried again.
async fn one(
    scenario: Arc<Scenario>,
    provider: Arc<Mutex<Provider>>,
    grant: Grant,
    call: Call,
    failed: u32,
    start: Instant,
) -> Option<(Call, u32)> {
    let sent = Instant::now();
    let way = |provider: &mut Provider| scenario.jitter.mul_f64(provider.chance.f64());
    let there = way(&mut provider.lock().unwrap());
    sleep(there).await;
    let now = start.elapsed();
    {
        let mut at = provider.lock().unwrap();
        if let Some((when, rates)) = scenario
            .change
            .filter(|(when, _)| *when <= now && !at.changed)
        {
            at.admission.set_rates(when, rates);
            at.referee.change(when, rates);
            at.changed = true;
        }
        let place = u64::try_from(now.as_micros()).unwrap() ^ call.charge << 40;
        at.out.trace = at.out.trace.wrapping_mul(0x0100_0000_01b3) ^ place;
        at.in_flight += 1;
    }
    let mut by = None;
    let (id, fault) = {
        let mut at = provider.lock().unwrap();
        let order = at.out.arrivals.len() as u64 + at.out.limited + at.out.down + at.out.overloaded;
        at.referee.arrived(now, order, call.charge);
        let admitted = at.admission.arrive(now, call.charge);
        let down = scenario
            .outage
            .is_some_and(|(from, to)| (from..to).contains(&now));
        let many = scenario
            .capacity
            .is_some_and(|bears| at.in_flight > 2 * bears);
        let fault = match admitted {
            Err(refused) => {
                at.out.limited += 1;
                at.out.refusals.push(now);
                by = match refused.bound {
                    Bound::Requests => Some(LimitedBy::Requests),
                    Bound::Tokens | Bound::TooLarge => Some(LimitedBy::Tokens),
                };
                Some((FaultKind::RateLimit, Some(refused.wait)))
            }
            Ok(_) if down => {
                at.out.down += 1;
                Some((FaultKind::Overloaded, None))
            }
            Ok(_) if many => {
                at.out.overloaded += 1;
                Some((FaultKind::Overloaded, None))
            }
            Ok(_) => {
                at.out.arrivals.push((now, call));
                None
            }
        };
        ((order, admitted.ok()), fault)
    };
    let latency = if fault.is_some() {
        Duration::from_millis(20)
    } else {
        let crowd = provider.lock().unwrap().in_flight;
        let bears = scenario.capacity.unwrap_or(usize::MAX);
        call.latency.mul_f64((crowd as f64 / bears as f64).max(1.0))
    };
    sleep(latency).await;
    let done = start.elapsed();
    let (headers, back) = {
        let mut at = provider.lock().unwrap();
        at.in_flight -= 1;
        let used = if fault.is_some() { 0 } else { call.used };
        if let Some(admitted) = id.1 {
            at.admission.settle(done, admitted, call.charge, used);
        }
        let counted = if scenario.law.refunds || fault.is_some() {
            used
        } else {
            call.charge
        };
        at.referee.done(id.0, counted);
        let left = at.admission.left(done);
        let rates = at.admission.law().rates;
        let headers = LimitHeaders {
            limit_requests: rates.requests,
            limit_tokens: rates.tokens,
            remaining_requests: Some(left.requests),
            remaining_tokens: Some(left.tokens),
            reset_requests: Some(left.requests_reset),
            reset_tokens: Some(left.tokens_reset),
        };
        (
            if scenario.headers {
                headers
            } else {
                LimitHeaders::default()
            },
            way(&mut at),
        )
    };
    sleep(back).await;
    provider.lock().unwrap().out.wall = start.elapsed();
    let outcome = match fault {
        None => Ok(sent.elapsed()),
        Some((kind, wait)) => Err(Fault {
            retry_after: wait,
            limited_by: by,
            ..Fault::new(kind, "no")
        }),
    };
    grant.settle(&Settlement {
        usage: fault.is_none().then_some(Usage {
            input: call.used / 2,
            cached: 0,
            output: call.used - call.used / 2,
        }),
        cost: None,
        limits: headers,
        outcome,
    });
    fault.map(|_| (call, failed + 1))
}

fn most(times: &[Duration], window: Duration) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (n, at) in times.iter().enumerate() {
        while times[first] + window <= *at {
            first += 1;
        }
        most = most.max(n + 1 - first);
    }
    most
}
