//! The mirror of requests and tokens a minute, step by step.

use std::time::Duration;

use super::budget::*;
use super::window::HELD;
use super::{Limits, Wait};
use crate::model::call::LimitHeaders;
use crate::model::fault::LimitedBy;

const fn s(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn budget(requests: u64, tokens: u64) -> Budget {
    Budget::new(limits(requests, tokens))
}

fn limits(requests: u64, tokens: u64) -> Limits {
    Limits {
        requests_per_minute: requests,
        tokens_per_minute: tokens,
        requests_per_day: None,
        in_flight: 1000,
    }
}

/// When a call of so many tokens starts, if nothing settles.
fn start(budget: &mut Budget, mut now: Duration, tokens: u64) -> (Duration, u64) {
    loop {
        match budget.check(now, tokens) {
            Ok(()) => return (now, budget.book(now, tokens)),
            Err(Wait::Until(at)) => now = at,
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn tokens_come_back_when_they_leave_the_window() {
    let mut budget = budget(6000, 1000);
    let (first, _) = start(&mut budget, s(0), 600);
    let (second, _) = start(&mut budget, first, 600);
    assert_eq!(second, first + HELD);
}

#[test]
fn settled_tokens_come_back_at_once() {
    let mut budget = budget(6000, 1000);
    let (_, id) = start(&mut budget, s(0), 900);
    assert!(budget.check(s(5), 600).is_err());
    budget.settle(s(5), id, 900, 100);
    assert_eq!(budget.check(s(5), 600), Ok(()));
    budget.settle(s(5), id + 99, 1, 1);
    assert_eq!(budget.load(s(5)).tokens, 100);
}

#[test]
fn larger_than_a_minute_never_fits() {
    let large = Err(Wait::TooLarge {
        tokens: 991,
        most: 990,
    });
    assert_eq!(budget(60, 1000).check(s(0), 991), large);
    assert_eq!(budget(60, 1000).check(s(0), 990), Ok(()));
}

#[test]
fn starts_are_spaced() {
    let mut budget = budget(60, 1_000_000);
    let (first, _) = start(&mut budget, s(0), 1);
    let (second, _) = start(&mut budget, first, 1);
    let gap = second.saturating_sub(first);
    assert!(gap > Duration::from_millis(990) && gap < Duration::from_millis(1020));
}

#[test]
fn a_pause_is_never_shortened() {
    let mut budget = budget(600, 1000);
    budget.pause(s(30));
    budget.pause(s(10));
    assert_eq!(budget.check(s(0), 1), Err(Wait::Until(s(30))));
}

#[test]
fn one_cut_for_all_that_were_under_way() {
    let mut budget = budget(1000, 1000);
    budget.slow_down(s(10), s(0));
    budget.slow_down(s(11), s(9));
    assert_eq!(budget.most_at(s(10)).tokens, 891);
    assert_eq!(budget.most_at(s(70)).tokens, 901);
    assert_eq!(budget.most_at(s(3600)).tokens, 990);
    // A call that only just fits the whole limit starts when the window is empty.
    assert_eq!(budget.check(s(12), 990), Ok(()));
}

#[test]
fn anothers_spending_is_a_phantom_debt() {
    let mut budget = budget(1000, 1000);
    let said = LimitHeaders {
        remaining_tokens: Some(300),
        ..LimitHeaders::default()
    };
    budget.heard(s(1), said, Load::default());
    assert_eq!(budget.load(s(1)).tokens, 700);
    budget.heard(s(1), said, Load::default());
    assert_eq!(budget.load(s(1)).tokens, 700, "counted once");
    assert_eq!(budget.check(s(2), 600), Err(Wait::Until(s(62))));
    let mut lagging = self::budget(1000, 1000);
    let open = Load {
        requests: 1,
        tokens: 700,
    };
    lagging.heard(s(1), said, open);
    assert_eq!(
        lagging.load(s(1)).tokens,
        0,
        "what is in flight explains it"
    );
}

#[test]
fn the_servers_limit_holds_where_it_is_lower() {
    let mut budget = budget(1000, 1000);
    let said = |limit| LimitHeaders {
        limit_tokens: Some(limit),
        ..LimitHeaders::default()
    };
    budget.heard(s(0), said(500), Load::default());
    assert_eq!(budget.limit().tokens, 500);
    budget.heard(s(0), said(0), Load::default());
    assert_eq!(budget.limit().tokens, 500, "zero is unknown");
    budget.heard(s(0), said(5000), Load::default());
    assert_eq!(budget.limit().tokens, 1000, "never above what is allowed");
}

#[test]
fn a_day_has_its_own_limit() {
    let mut budget = Budget::new(Limits {
        requests_per_day: Some(2),
        ..limits(6000, 1_000_000)
    });
    start(&mut budget, s(30), 1);
    let daily = |budget: &Budget, at| {
        budget
            .daily(s(at))
            .map(|day| (day.made, day.most, day.left))
    };
    assert_eq!(daily(&budget, 30), Some((1, 2, s(0))));
    start(&mut budget, s(31), 1);
    assert_eq!(budget.check(s(40), 1), Err(Wait::Until(s(24 * 3600 + 60))));
    assert_eq!(daily(&budget, 40), Some((2, 2, s(24 * 3600 + 20))));
}

#[test]
fn a_restart_knows_the_minute_before() {
    let mut budget = budget(6000, 1000);
    budget.recall(s(100), s(61), 900);
    assert_eq!(budget.check(s(100), 900), Ok(()));
    budget.recall(s(100), s(31), 900);
    assert_eq!(budget.check(s(100), 900), Err(Wait::Until(s(130))));
}

/// A refusal of a call of so many tokens, sent just now.
fn refused(budget: &mut Budget, now: Duration, tokens: u64, by: LimitedBy) {
    let (at, id) = start(budget, now, tokens);
    budget.refuse(at, id, tokens);
    budget.limited(at, at, tokens, Some(by));
}

#[test]
fn a_refused_call_used_nothing() {
    let mut budget = budget(6000, 1000);
    let (at, id) = start(&mut budget, s(0), 600);
    budget.refuse(at, id, 600);
    assert_eq!(
        budget.load(at),
        Load {
            requests: 1,
            tokens: 0
        }
    );
    assert_eq!(budget.check(s(1), 900), Ok(()));
}

#[test]
fn a_refusal_in_an_empty_minute_is_of_the_second() {
    let mut budget = budget(6000, 60_000);
    refused(&mut budget, s(0), 3000, LimitedBy::Tokens);
    // 990 tokens a second: a call of 500 waits for what it takes, and none is taken off the minute.
    let waits = |budget: &mut Budget, now| match budget.check(now, 500) {
        Err(Wait::Until(at)) => at.saturating_sub(now).as_secs_f64(),
        other => panic!("{other:?}"),
    };
    assert!((waits(&mut budget, Duration::from_millis(20)) - 0.505).abs() < 0.05);
    let (at, id) = start(&mut budget, s(5), 990);
    assert!((waits(&mut budget, at + Duration::from_millis(20)) - 0.485).abs() < 0.05);
    budget.settle(at + Duration::from_millis(30), id, 990, 100);
    assert_eq!(
        budget.check(at + Duration::from_millis(40), 500),
        Ok(()),
        "it gives back"
    );
    assert_eq!(budget.most_at(s(6)).tokens, 59_400);
}

#[test]
fn a_refusal_that_refunds_explain_ends_them() {
    let mut budget = budget(6000, 1000);
    for _ in 0..2 {
        let (at, id) = start(&mut budget, s(0), 450);
        budget.settle(at, id, 450, 100);
    }
    assert_eq!(budget.load(s(1)).tokens, 200);
    refused(&mut budget, s(1), 450, LimitedBy::Tokens);
    assert_eq!(budget.refunds(), Refunds::Withheld);
    assert_eq!(budget.load(s(1)).tokens, 900);
    assert_eq!(
        budget.most_at(s(1)).tokens,
        990,
        "nothing is taken off the limit"
    );
    assert_eq!(budget.check(s(2), 450), Err(Wait::Until(s(61))));
}

#[test]
fn headers_tell_whether_anything_is_given_back() {
    let mut budget = budget(6000, 1000);
    for _ in 0..2 {
        let (at, id) = start(&mut budget, s(0), 450);
        budget.settle(at, id, 450, 100);
    }
    let said = |remaining, reset| LimitHeaders {
        remaining_tokens: Some(remaining),
        reset_tokens: Some(reset),
        ..LimitHeaders::default()
    };
    for n in 0..5 {
        assert_eq!(budget.refunds(), Refunds::Given, "{n}");
        budget.heard(s(1), said(100, s(50)), Load::default());
    }
    assert_eq!(budget.refunds(), Refunds::Withheld);
    assert_eq!(
        budget.load(s(1)).tokens,
        900,
        "explained, so nobody else spent it"
    );
    for n in 0..5 {
        assert_eq!(budget.refunds(), Refunds::Withheld, "{n}");
        budget.heard(s(1), said(800, s(50)), Load::default());
    }
    assert_eq!(budget.refunds(), Refunds::Given);
}

#[test]
fn what_is_back_at_once_is_no_debt() {
    let mut budget = budget(6000, 60_000);
    let said = |reset| LimitHeaders {
        remaining_requests: Some(90),
        remaining_tokens: Some(900),
        reset_requests: Some(reset),
        reset_tokens: Some(reset),
        ..LimitHeaders::default()
    };
    budget.heard(s(0), said(Duration::from_millis(100)), Load::default());
    assert_eq!(budget.load(s(0)), Load::default());
    budget.heard(s(0), said(s(50)), Load::default());
    assert_eq!(budget.load(s(0)).tokens, 59_100);
}

#[test]
fn refused_requests_in_an_empty_minute_widen_the_spacing() {
    let mut budget = budget(600, 1_000_000);
    let gap = |budget: &mut Budget, now| {
        // The first few make up for the time before.
        let starts: Vec<Duration> = (0..7)
            .scan(now, |at, _| {
                Some(std::mem::replace(at, start(budget, *at, 1).0))
            })
            .collect();
        starts[6].saturating_sub(starts[5]).as_secs_f64()
    };
    assert!((gap(&mut budget, s(1)) - 0.101).abs() < 0.001);
    refused(&mut budget, s(2), 1, LimitedBy::Requests);
    assert!((gap(&mut budget, s(3)) - 0.105).abs() < 0.001);
    // Nor is anything made up for from now on.
    let (first, _) = start(&mut budget, s(9), 1);
    let (late, _) = start(&mut budget, first + Duration::from_millis(300), 1);
    let (next, _) = start(&mut budget, late, 1);
    assert!(
        next.saturating_sub(late) > Duration::from_millis(90),
        "{next:?}"
    );
    assert_eq!(budget.most_at(s(4)).requests, 594);
}

#[test]
fn without_limits_it_feels_its_way() {
    let mut budget = budget(1_000_000_000, 1_000_000_000_000);
    let mut now = s(1);
    let mut id = 0;
    for _ in 0..20 {
        (now, id) = start(&mut budget, now, 1);
    }
    assert!(now > s(3), "{now:?}");
    budget.settle(now, id, 1, 1);
    let (third, _) = start(&mut budget, now + s(1), 1);
    let (fourth, _) = start(&mut budget, third, 1);
    assert_eq!(
        fourth, third,
        "an answer without limits says that there are none"
    );
}

#[test]
fn what_starts_late_is_made_up_for() {
    let mut budget = budget(600, 1_000_000);
    let mut now = s(1);
    // Always 60 ms late, of 101 ms: all the same a minute's worth in a minute.
    for _ in 0..594 {
        let (due, _) = start(&mut budget, now, 1);
        now = due + Duration::from_millis(60);
    }
    assert!(now <= s(62), "{now:?}");
    // And after a pause no burst.
    let idle = now + s(30);
    let starts: Vec<Duration> = (0..12).map(|_| start(&mut budget, idle, 1).0).collect();
    let within = starts.iter().filter(|at| **at < idle + s(1)).count();
    assert!(within <= 10, "{starts:?}");
}
