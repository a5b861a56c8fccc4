//! Requests and tokens a minute: a mirror of the provider's own windows.
//!
//! Every call stands in the mirror for the provider's minute and one second more (the jitter between sending
//! and arriving), with its worst case until it is settled and with what it used afterwards. A bucket that
//! refills with time lets almost two minutes' worth through in its first minute; a mirror never does.
//! Starts are spaced evenly, so that windows of one or ten seconds hold as well.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Limits, Wait};
use crate::model::call::LimitHeaders;

/// The provider's window.
pub const WINDOW: Duration = Duration::from_mins(1);
/// The mirror's: the window, and the jitter between sending and arriving.
pub const HELD: Duration = Duration::from_secs(61);
/// Of the limits this share is used.
pub const SHARE: f64 = 0.99;
/// How far starts may run ahead of their even spacing. At 1 % of a second it is paid for by what [`SHARE`]
/// leaves: no second starts more than its sixtieth of the limit, rounded up. Less costs throughput where the
/// spacing comes near a timer's grain of 1 ms.
pub const BURST: Duration = Duration::from_millis(10);
/// What a 429 takes off the limits, and the least that is left of them.
const CUT: (f64, f64) = (0.9, 0.1);
/// What a minute gives back.
const RECOVERED: f64 = 0.01;
/// A gap between the server's count and ours below this share of the limit is noise.
const NOISE: f64 = 0.05;

/// The mirror.
#[derive(Clone, Debug)]
pub struct Budget {
    limits: Limits,
    /// As the server says, where that is lower.
    heard: (Option<u64>, Option<u64>),
    scale: f64,
    scaled_at: Duration,
    window: VecDeque<Entry>,
    held: Load,
    day: VecDeque<(u64, u64)>,
    today: u64,
    next_slot: Duration,
    pause_until: Duration,
    next_id: u64,
}

/// Requests and tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Load {
    pub requests: u64,
    pub tokens: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    id: u64,
    at: Duration,
    load: Load,
}

impl Budget {
    /// An empty mirror.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            heard: (None, None),
            scale: 1.0,
            scaled_at: Duration::ZERO,
            window: VecDeque::new(),
            held: Load::default(),
            day: VecDeque::new(),
            today: 0,
            next_slot: Duration::ZERO,
            pause_until: Duration::ZERO,
            next_id: 0,
        }
    }

    /// Whether a call of so many tokens may start now.
    ///
    /// # Errors
    /// From when on it may, if nothing settles before; or that it never may.
    pub fn check(&mut self, now: Duration, tokens: u64) -> Result<(), Wait> {
        self.expire(now);
        let full = self.most();
        if tokens > full.tokens {
            return Err(Wait::TooLarge {
                tokens,
                most: full.tokens,
            });
        }
        let until = self
            .pause_until
            .max(self.next_slot.saturating_sub(BURST))
            .max(self.room_at(now, tokens))
            .max(self.day_at());
        if until > now {
            Err(Wait::Until(until))
        } else {
            Ok(())
        }
    }

    /// Enters a call that starts now.
    pub fn book(&mut self, now: Duration, tokens: u64) -> u64 {
        let spacing = WINDOW.as_secs_f64() / self.rate(now).max(1e-6);
        self.next_slot = self.next_slot.max(now) + Duration::from_secs_f64(spacing);
        let minute = now.as_secs() / 60;
        match self.day.back_mut() {
            Some((last, count)) if *last == minute => *count += 1,
            _ => self.day.push_back((minute, 1)),
        }
        self.today += 1;
        self.enter(
            now,
            Load {
                requests: 1,
                tokens,
            },
        )
    }

    /// Enters a call of a run before this one, if it may still be in the provider's window.
    pub fn recall(&mut self, now: Duration, age: Duration, tokens: u64) {
        if age < HELD {
            let at = now.saturating_sub(age);
            self.enter(
                self.window.back().map_or(at, |last| last.at.max(at)),
                Load {
                    requests: 1,
                    tokens,
                },
            );
        }
    }

    /// What a call did use. One that has left the mirror changes nothing.
    pub fn settle(&mut self, id: u64, tokens: u64) {
        if let Some(entry) = self.entry(id) {
            let before = std::mem::replace(&mut entry.load.tokens, tokens);
            self.held.tokens = self.held.tokens - before + tokens;
        }
    }

    /// The call was never sent. Its place in the spacing is lost.
    pub fn cancel(&mut self, id: u64) {
        if let Some(entry) = self.entry(id) {
            let before = std::mem::take(&mut entry.load);
            self.held.tokens -= before.tokens;
            self.held.requests -= before.requests;
            self.today = self.today.saturating_sub(1);
            if let Some((_, count)) = self.day.back_mut() {
                *count = count.saturating_sub(1);
            }
        }
    }

    /// Nothing starts before this time; a pause is never shortened.
    pub fn pause(&mut self, until: Duration) {
        self.pause_until = self.pause_until.max(until);
    }

    /// The server found it too much: a tenth less for a while. Once for all calls sent before the last cut.
    pub fn slow_down(&mut self, now: Duration, sent: Duration) {
        if sent >= self.scaled_at {
            self.scale = (self.scale(now) * CUT.0).max(CUT.1);
            self.scaled_at = now;
        }
    }

    /// What the server says of its limits. `open` is what was in flight: it may count that or not.
    ///
    /// What it has counted beyond all that we know of was spent by somebody else with the same key.
    pub fn heard(&mut self, now: Duration, said: LimitHeaders, open: Load) {
        self.expire(now);
        let some = |limit: Option<u64>, before: Option<u64>| limit.filter(|&n| n > 0).or(before);
        self.heard = (
            some(said.limit_requests, self.heard.0),
            some(said.limit_tokens, self.heard.1),
        );
        let limit = self.limit();
        let gap = |limit: u64, held: u64, left: Option<u64>, open: u64| {
            let left = left.map_or(limit, |left| left.saturating_add(open));
            let gap = limit.saturating_sub(held).saturating_sub(left);
            if gap as f64 > NOISE * limit as f64 {
                gap
            } else {
                0
            }
        };
        let phantom = Load {
            requests: gap(
                limit.requests,
                self.held.requests,
                said.remaining_requests,
                open.requests,
            ),
            tokens: gap(
                limit.tokens,
                self.held.tokens,
                said.remaining_tokens,
                open.tokens,
            ),
        };
        if phantom != Load::default() {
            self.enter(now, phantom);
        }
    }

    /// What the last minute holds.
    #[must_use]
    pub fn load(&self, now: Duration) -> Load {
        let since = |entry: &&Entry| entry.at + WINDOW > now;
        self.window
            .iter()
            .rev()
            .take_while(since)
            .fold(Load::default(), |sum, entry| Load {
                requests: sum.requests + entry.load.requests,
                tokens: sum.tokens + entry.load.tokens,
            })
    }

    /// The limits as they hold: the lower of what was configured and what the server says.
    #[must_use]
    pub fn limit(&self) -> Load {
        let lower = |configured: u64, heard: Option<u64>| {
            configured.min(heard.unwrap_or(configured)).max(1)
        };
        Load {
            requests: lower(self.limits.requests_per_minute, self.heard.0),
            tokens: lower(self.limits.tokens_per_minute, self.heard.1),
        }
    }

    /// The pause that the server asked for, if it still lasts.
    #[must_use]
    pub fn paused_until(&self, now: Duration) -> Option<Duration> {
        (self.pause_until > now).then_some(self.pause_until)
    }

    fn scale(&self, now: Duration) -> f64 {
        let minutes = now.saturating_sub(self.scaled_at).as_secs_f64() / 60.0;
        (self.scale + RECOVERED * minutes).min(1.0)
    }

    /// Requests a minute, before rounding.
    fn rate(&self, now: Duration) -> f64 {
        self.limit().requests as f64 * SHARE * self.scale(now)
    }

    /// The most that a minute ever takes.
    fn most(&self) -> Load {
        self.scaled(1.0)
    }

    fn scaled(&self, scale: f64) -> Load {
        let limit = self.limit();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a u64; beyond 2^53 the limit is none"
        )]
        let part = |limit: u64| ((limit as f64 * SHARE * scale).round() as u64).max(1);
        Load {
            requests: part(limit.requests),
            tokens: part(limit.tokens),
        }
    }

    /// From when on the window has room for one request of so many tokens.
    fn room_at(&self, now: Duration, tokens: u64) -> Duration {
        let most = self.scaled(self.scale(now));
        let mut held = self.held;
        let fits = |held: Load| {
            held.requests < most.requests
                && (held.tokens.saturating_add(tokens) <= most.tokens || held.tokens == 0)
        };
        let mut entries = self.window.iter();
        let mut at = Duration::ZERO;
        while !fits(held) {
            let Some(entry) = entries.next() else { break };
            held.requests -= entry.load.requests;
            held.tokens -= entry.load.tokens;
            at = entry.at + HELD;
        }
        at
    }

    fn day_at(&self) -> Duration {
        const DAY: u64 = 24 * 60;
        let full = self
            .limits
            .requests_per_day
            .is_some_and(|most| self.today >= most.max(1));
        let oldest = self.day.front().filter(|_| full);
        oldest.map_or(Duration::ZERO, |(minute, _)| {
            Duration::from_mins(minute + DAY + 1)
        })
    }

    fn enter(&mut self, at: Duration, load: Load) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.held.requests += load.requests;
        self.held.tokens = self.held.tokens.saturating_add(load.tokens);
        self.window.push_back(Entry { id, at, load });
        id
    }

    fn entry(&mut self, id: u64) -> Option<&mut Entry> {
        let place = self.window.partition_point(|entry| entry.id < id);
        self.window.get_mut(place).filter(|entry| entry.id == id)
    }

    fn expire(&mut self, now: Duration) {
        while let Some(entry) = self.window.front()
            && entry.at + HELD <= now
        {
            self.held.requests -= entry.load.requests;
            self.held.tokens -= entry.load.tokens;
            self.window.pop_front();
        }
        while let Some(&(minute, count)) = self.day.front()
            && Duration::from_mins(minute + 24 * 60 + 1) <= now
        {
            self.today = self.today.saturating_sub(count);
            self.day.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn budget(requests: u64, tokens: u64) -> Budget {
        Budget::new(Limits {
            requests_per_minute: requests,
            tokens_per_minute: tokens,
            requests_per_day: None,
            in_flight: 1000,
        })
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
        budget.settle(id, 100);
        assert_eq!(budget.check(s(5), 600), Ok(()));
        budget.settle(id + 99, 1);
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
        assert_eq!(budget.scaled(budget.scale(s(10))).tokens, 891);
        assert_eq!(budget.scaled(budget.scale(s(70))).tokens, 901);
        assert_eq!(budget.scaled(budget.scale(s(3600))).tokens, 990);
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
        let mut budget = budget(6000, 1_000_000);
        budget.limits.requests_per_day = Some(2);
        start(&mut budget, s(30), 1);
        start(&mut budget, s(31), 1);
        assert_eq!(budget.check(s(40), 1), Err(Wait::Until(s(24 * 3600 + 60))));
    }

    #[test]
    fn a_restart_knows_the_minute_before() {
        let mut budget = budget(6000, 1000);
        budget.recall(s(100), s(61), 900);
        assert_eq!(budget.check(s(100), 900), Ok(()));
        budget.recall(s(100), s(31), 900);
        assert_eq!(budget.check(s(100), 900), Err(Wait::Until(s(130))));
    }
}
