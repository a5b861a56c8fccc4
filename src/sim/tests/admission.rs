//! The admission models against a naive recomputation from the log of what came in.

use std::time::Duration;

use crate::sim::admission::*;

/// What came in, and what became of it.
#[derive(Clone, Copy, Debug)]
struct Row {
    at: Duration,
    charge: u64,
    admitted: bool,
    used: u64,
    done: Duration,
}

const RATES: Rates = Rates {
    requests: Some(40),
    tokens: Some(20_000),
};

fn laws() -> Vec<Law> {
    let models = [
        Model::Sliding,
        Model::Bucket(MINUTE),
        Model::Bucket(Duration::from_secs(20)),
        Model::Fixed,
        Model::Finer(Duration::from_secs(10)),
        Model::Finer(Duration::from_secs(1)),
    ];
    let law = |model| {
        [true, false].map(|refunds| Law {
            model,
            rates: RATES,
            refunds,
        })
    };
    models.into_iter().flat_map(law).collect()
}

/// Calls by chance, in bursts, and what the admission under test makes of them.
fn log(
    law: Law,
    seed: u64,
    mut admit: impl FnMut(&mut Admission, Duration, u64) -> Option<u64>,
) -> Vec<Row> {
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut admission = Admission::new(law);
    let mut rows: Vec<Row> = Vec::new();
    let mut open: Vec<(Duration, u64, usize)> = Vec::new();
    let mut now = Duration::ZERO;
    for _ in 0..400 {
        let step = if chance.u8(0..10) == 0 { 9000 } else { 1500 };
        now += Duration::from_millis(chance.u64(0..step));
        open.sort_unstable();
        while let Some(&(done, id, place)) = open.first().filter(|call| call.0 <= now) {
            open.remove(0);
            admission.settle(done, id, rows[place].charge, rows[place].used);
        }
        let charge = chance.u64(100..1500);
        let id = admit(&mut admission, now, charge);
        let done = now + Duration::from_millis(chance.u64(1..40_000));
        if let Some(id) = id {
            open.push((done, id, rows.len()));
        }
        rows.push(Row {
            at: now,
            charge,
            admitted: id.is_some(),
            used: chance.u64(50..=charge),
            done,
        });
    }
    rows
}

/// What a call counts at `at`: a request in any case, its tokens as they were known then.
fn counted(row: &Row, at: Duration, refunds: bool) -> u64 {
    match (row.admitted, refunds && row.done <= at) {
        (false, _) => 0,
        (true, true) => row.used,
        (true, false) => row.charge,
    }
}

/// From the log alone, by the definition of the model: whether the last call had to be let in.
fn should_admit(law: Law, before: &[Row], call: Row) -> bool {
    let (requests, tokens) = (RATES.requests.unwrap(), RATES.tokens.unwrap());
    let at = call.at;
    let within = |window: Duration| before.iter().filter(move |row| row.at + window > at);
    match law.model {
        Model::Bucket(holds) => {
            let share = holds.as_secs_f64() / 60.0;
            let (full, brim) = (requests as f64 * share, tokens as f64 * share);
            let mut level = (full, brim);
            let mut last = Duration::ZERO;
            let mut steps: Vec<(Duration, bool, f64, f64)> = Vec::new();
            for row in before {
                let spent = if row.admitted { row.charge as f64 } else { 0.0 };
                steps.push((row.at, true, -1.0, -spent));
                if row.admitted && law.refunds && row.done <= at {
                    steps.push((row.done, false, 0.0, row.charge as f64 - row.used as f64));
                }
            }
            // What is settled at an instant is settled before a call of that instant is looked at.
            steps.sort_by_key(|step| (step.0, step.1));
            steps.push((at, true, 0.0, 0.0));
            for (when, _, request, token) in steps {
                let gone = when.saturating_sub(last).as_secs_f64();
                last = when;
                level.0 = ((level.0 + gone * requests as f64 / 60.0).min(full) + request).max(0.0);
                level.1 = ((level.1 + gone * tokens as f64 / 60.0).min(brim) + token).min(brim);
            }
            level.0 + 1e-6 >= 1.0 && level.1 + 1e-6 >= call.charge as f64
        }
        Model::Fixed => {
            let same = before
                .iter()
                .filter(|row| row.at.as_secs() / 60 == at.as_secs() / 60);
            let sum: u64 = same.clone().map(|row| counted(row, at, law.refunds)).sum();
            same.count() < 40 && sum + call.charge <= tokens
        }
        Model::Sliding | Model::Finer(_) => {
            let sum: u64 = within(MINUTE)
                .map(|row| counted(row, at, law.refunds))
                .sum();
            let finer_has_room = match law.model {
                Model::Finer(window) => {
                    let most = (40.0 * window.as_secs_f64() / 60.0).ceil();
                    (within(window).count() as f64) < most
                }
                _ => true,
            };
            within(MINUTE).count() < 40 && sum + call.charge <= tokens && finer_has_room
        }
    }
}

fn wrong(law: Law, rows: &[Row]) -> usize {
    let judged = rows.iter().enumerate();
    judged
        .filter(|(place, row)| should_admit(law, &rows[..*place], **row) != row.admitted)
        .count()
}

#[test]
fn as_recomputed_from_the_log() {
    for law in laws() {
        for seed in 0..5 {
            let rows = log(law, seed, |admission, now, charge| {
                admission.arrive(now, charge).ok()
            });
            let admitted = rows.iter().filter(|row| row.admitted).count();
            assert!(
                (10..395).contains(&admitted),
                "{law:?}: {admitted} say little"
            );
            assert_eq!(wrong(law, &rows), 0, "{law:?}, seed {seed}");
        }
    }
}

/// The recomputation is itself worth something: a provider that lets one more in is found out.
#[test]
fn an_admission_that_errs_is_found_out() {
    for law in laws() {
        let mut errs = 0;
        let rows = log(law, 3, |admission, now, charge| {
            let admitted = admission.arrive(now, charge);
            errs += u32::from(admitted.is_err());
            admitted.ok().or((errs == 20).then_some(u64::MAX))
        });
        assert!(wrong(law, &rows) > 0, "{law:?}");
    }
}

#[test]
fn the_wait_that_is_told_is_the_wait() {
    for law in laws() {
        let mut chance = fastrand::Rng::with_seed(1);
        let mut admission = Admission::new(law);
        let mut now = Duration::ZERO;
        for _ in 0..300 {
            now += Duration::from_millis(chance.u64(0..700));
            let charge = chance.u64(100..1500);
            let mut later = admission.clone();
            let Err(refused) = admission.arrive(now, charge) else {
                continue;
            };
            // Of two bounds it tells the first: after that wait the same bound is not met again.
            let again = later.arrive(now + refused.wait, charge);
            assert_ne!(
                again.map_err(|again| again.bound),
                Err(Bound::TooLarge),
                "{law:?}"
            );
            if let Err(again) = again {
                assert!(
                    again.bound != refused.bound || matches!(law.model, Model::Finer(_)),
                    "{law:?}"
                );
            }
        }
    }
}

#[test]
fn what_never_fits_is_said() {
    for law in laws() {
        let mut admission = Admission::new(law);
        let refused = admission.arrive(Duration::ZERO, 20_001).unwrap_err();
        assert_eq!(refused.bound, Bound::TooLarge, "{law:?}");
    }
}

#[test]
fn halved_rates_hold_at_once() {
    let mut admission = Admission::new(Law {
        rates: RATES,
        ..Law::default()
    });
    for _ in 0..20 {
        admission.arrive(Duration::ZERO, 10).unwrap();
    }
    admission.set_rates(Duration::ZERO, RATES.times(0.5));
    let refused = admission.arrive(Duration::ZERO, 10).unwrap_err();
    assert_eq!((refused.bound, refused.limit), (Bound::Requests, 20));
    assert_eq!(admission.left(Duration::ZERO).requests, 0);
    assert_eq!(admission.left(Duration::from_mins(1)).requests, 20);
}

#[test]
fn what_is_left_and_when_all_is_back() {
    let mut sliding = Admission::new(Law {
        rates: RATES,
        ..Law::default()
    });
    let id = sliding.arrive(Duration::from_secs(5), 1000).unwrap();
    sliding.settle(Duration::from_secs(9), id, 1000, 300);
    let left = sliding.left(Duration::from_secs(10));
    assert_eq!((left.requests, left.tokens), (39, 19_700));
    assert_eq!(left.tokens_reset, Duration::from_secs(55));
    let mut bucket = Admission::new(Law {
        rates: RATES,
        model: Model::Bucket(MINUTE),
        refunds: true,
    });
    bucket.arrive(Duration::ZERO, 10_000).unwrap();
    let left = bucket.left(Duration::from_secs(15));
    assert_eq!((left.requests, left.tokens), (40, 15_000));
    assert_eq!(left.tokens_reset, Duration::from_secs(15));
}
