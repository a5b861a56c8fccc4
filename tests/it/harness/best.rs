//! The best that anybody could do.

use std::time::Duration;

use weir::sim::admission::{Admission, Law};

/// What a call reserves, uses, and how long it takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Call {
    pub charge: u64,
    pub used: u64,
    pub latency: Duration,
}

/// The least time in which a provider can be made to answer these calls, in this order, by somebody who knows all
/// that it counts: each starts as soon as it is let in, and no sooner than its even share of the requests allows.
pub fn best(law: Law, in_flight: usize, calls: &[Call]) -> Duration {
    let mut admission = Admission::new(law);
    let spacing = law.rates.requests.map_or(Duration::ZERO, |rate| {
        Duration::from_mins(1) / u32::try_from(rate).unwrap()
    });
    let mut open: Vec<(Duration, u64, Call)> = Vec::new();
    let (mut now, mut slot, mut end) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for call in calls {
        now = now.max(slot);
        loop {
            open.sort_unstable_by_key(|other| (std::cmp::Reverse(other.0), other.1));
            while let Some((done, id, other)) = open.last().copied().filter(|other| other.0 <= now)
            {
                open.pop();
                admission.settle(done, id, other.charge, other.used);
            }
            let next = open.last().map(|other| other.0);
            if open.len() >= in_flight {
                now = next.unwrap();
                continue;
            }
            match admission.clone().arrive(now, call.charge) {
                Ok(_) => break,
                Err(refused) => {
                    let free = now + refused.wait.max(Duration::from_micros(1));
                    now = next
                        .map_or(free, |done| done.min(free))
                        .max(now + Duration::from_nanos(1));
                }
            }
        }
        let id = admission.arrive(now, call.charge).unwrap();
        slot = now + spacing;
        end = end.max(now + call.latency);
        open.push((now + call.latency, id, *call));
    }
    end
}
