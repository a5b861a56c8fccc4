//! Requests and tokens a minute: a mirror of the provider's own windows.
//!
//! Every call stands in the mirror for the provider's minute and one second more (the jitter between sending
//! and arriving), with its worst case until it is settled and with what it used afterwards. A bucket that
//! refills with time lets almost two minutes' worth through in its first minute; a mirror never does.
//! Starts are spaced evenly, so that windows of one or ten seconds hold as well.
//!
//! Providers do not say how they count. What a refusal or the headers of an answer show is believed: that limits are
//! lower, that nothing is given back, that tokens are counted by the second, that somebody else spends as well. Only
//! what none of these explains makes the mirror smaller.

use std::time::Duration;

use super::day::{Daily, Day};
use super::fine::Fine;
use super::window::Window;
use super::{Limits, Wait};
use crate::model::call::LimitHeaders;
use crate::model::fault::LimitedBy;

pub use super::window::{Load, Refunds, WINDOW};

/// Of the limits this share is used.
pub const SHARE: f64 = 0.99;
/// How far starts may run ahead of their even spacing. At 1 % of a second it is paid for by what [`SHARE`]
/// leaves: no second starts more than its sixtieth of the limit, rounded up. Less costs throughput where the
/// spacing comes near a timer's grain of 1 ms.
pub const BURST: Duration = Duration::from_millis(10);
/// So much of what was missed by starting late is made up for: a busy machine loses no requests, an idle time is lost.
const LATE: Duration = Duration::from_millis(250);
/// The windows besides the minute that hold no more than their even share.
const SHARES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(10)];
/// What a 429 takes off the limits, and the least that is left of them.
const CUT: (f64, f64) = (0.9, 0.1);
/// What a minute gives back.
const RECOVERED: f64 = 0.01;
/// A gap between the server's count and ours below this share of the limit is noise.
const NOISE: f64 = 0.05;
/// A refusal while less of the minute is used than this was not for what is counted by the minute.
const FULL: f64 = 0.8;
/// How much wider starts are spaced after a refusal that the minute does not explain, and the widest that they ever are.
const WIDER: f64 = 1.04;
const WIDEST: f64 = 1.1;
/// So many answers in a row must say the same before it is believed of refunds.
const PERSUADED: i32 = 5;
/// Limits above this many requests a minute are none: nobody knows yet how fast is too fast.
const UNKNOWN: u64 = 100_000_000;
/// Requests a minute until the first answer or refusal says something of the limits, where none are known.
const CAREFUL: f64 = 500.0;

/// The mirror.
#[derive(Clone, Debug)]
pub struct Budget {
    limits: Limits,
    /// As the server says, where that is lower.
    heard: (Option<u64>, Option<u64>),
    /// Whether it has said anything at all.
    answered: bool,
    scale: f64,
    scaled_at: Duration,
    window: Window,
    /// If tokens are counted by the second.
    fine: Option<Fine>,
    /// How many answers in a row spoke for refunds (above 0) or against them.
    persuaded: i32,
    /// How many it takes.
    doubt: i32,
    day: Day,
    next_slot: Duration,
    /// When there was room again for the last one that had to wait for it.
    freed: Duration,
    /// The spacing of starts, to what the limit asks for.
    spread: f64,
    pause_until: Duration,
}

impl Budget {
    /// An empty mirror.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            heard: (None, None),
            answered: false,
            scale: 1.0,
            scaled_at: Duration::ZERO,
            window: Window::default(),
            fine: None,
            persuaded: 0,
            doubt: PERSUADED,
            day: Day::default(),
            next_slot: Duration::ZERO,
            freed: Duration::ZERO,
            spread: 1.0,
            pause_until: Duration::ZERO,
        }
    }

    /// Other limits hold from now on. What was heard of the server still does.
    pub fn allow(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Whether a call of so many tokens may start now.
    ///
    /// # Errors
    /// From when on it may, if nothing settles before; or that it never may.
    pub fn check(&mut self, now: Duration, tokens: u64) -> Result<(), Wait> {
        self.window.expire(now);
        let full = self.scaled(1.0);
        if tokens > full.tokens {
            return Err(Wait::TooLarge {
                tokens,
                most: full.tokens,
            });
        }
        let most = self.most_at(now);
        let rate = most.tokens as f64;
        // Who counts tokens by the second does not count them by the minute as well.
        let counted = Load {
            tokens: if self.fine.is_some() {
                u64::MAX
            } else {
                most.tokens
            },
            ..most
        };
        let fine = self
            .fine
            .as_mut()
            .map(|fine| fine.room_at(now, rate, tokens));
        let held = self
            .pause_until
            .max(self.window.room_at(counted, tokens))
            .max(fine.unwrap_or_default())
            .max(self.day.room_at(now, self.limits.requests_per_day));
        if held > now {
            self.freed = held;
        }
        let until = held.max(self.slot_at(now));
        if until > now {
            Err(Wait::Until(until))
        } else {
            Ok(())
        }
    }

    /// Enters a call that starts now.
    pub fn book(&mut self, now: Duration, tokens: u64) -> u64 {
        // Where a second is counted, what is made up for may be the call too many; and the first is not late.
        let late = if self.spread > 1.0 || self.window.nth_last(1).is_none() {
            Duration::ZERO
        } else {
            LATE
        };
        // What had to wait for room was not late: several at once would find out together that there is none.
        let late = now.saturating_sub(late).max(self.freed.min(now));
        self.next_slot = self.next_slot.max(late) + self.spacing(now);
        self.day.enter(now);
        if let Some(fine) = &mut self.fine {
            fine.take(tokens);
        }
        let load = Load {
            requests: 1,
            tokens,
        };
        self.window.enter(now, load)
    }

    /// Enters a call of a run before this one, if it may still be in the provider's window; the oldest first.
    pub fn recall(&mut self, now: Duration, age: Duration, tokens: u64) {
        self.day.enter(now.saturating_sub(age));
        if age < super::window::HELD {
            let load = Load {
                requests: 1,
                tokens,
            };
            self.window.enter(now.saturating_sub(age), load);
        }
    }

    /// A call was answered, whether or not the server says what it used.
    pub fn answered(&mut self) {
        self.answered = true;
    }

    /// What a call did use of what it reserved. One that has left the mirror changes nothing.
    pub fn settle(&mut self, now: Duration, id: u64, reserved: u64, tokens: u64) {
        self.window.settle(id, tokens);
        self.give_back(now, reserved, tokens);
    }

    /// The call was refused: it counts as a request, but used nothing.
    pub fn refuse(&mut self, now: Duration, id: u64, reserved: u64) {
        self.answered = true;
        self.window.release(id, false);
        let rate = self.most_at(now).tokens;
        if let Some(fine) = &mut self.fine {
            let rate = rate as f64;
            fine.give(now, rate, signed(reserved));
        }
    }

    fn give_back(&mut self, now: Duration, reserved: u64, tokens: u64) {
        let rate = self.most_at(now).tokens as f64;
        let Some(fine) = &mut self.fine else { return };
        if fine.tries_anew(now) {
            self.window.believe(Refunds::Given);
        }
        if self.window.refunds() == Refunds::Given {
            fine.give(now, rate, signed(reserved) - signed(tokens));
        }
    }

    /// The call was never sent. Its place in the spacing is lost.
    pub fn cancel(&mut self, now: Duration, id: u64, reserved: u64) {
        if self.window.release(id, true) {
            self.day.cancel();
        }
        self.give_back(now, reserved, 0);
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

    /// A call of so many tokens was refused for a limit. What explains it is believed; if nothing does, it slows down.
    pub fn limited(&mut self, now: Duration, sent: Duration, tokens: u64, by: Option<LimitedBy>) {
        if sent < self.scaled_at {
            return;
        }
        self.window.expire(now);
        let most = self.most_at(now);
        let held = self.window.held();
        let withheld = self.window.tokens(Refunds::Withheld);
        let is_full = |part: u64, whole: u64| part as f64 > FULL * whole as f64;
        let room =
            !is_full(held.requests, most.requests) && !is_full(held.tokens + tokens, most.tokens);
        let by_requests = by == Some(LimitedBy::Requests);
        if by_requests && room && self.spread < WIDEST {
            // Counted finer than by the minute, with less patience for jitter than the spacing has.
            self.spread *= WIDER;
        } else if !by_requests
            && self.fine.is_none()
            && held.tokens + tokens <= most.tokens
            && withheld + tokens > most.tokens
        {
            self.window.believe(Refunds::Withheld);
            self.persuaded = 0;
            self.doubt = self.doubt.saturating_mul(4);
        } else if by_requests || !self.unforeseen(now, room) {
            self.slow_down(now, sent);
            return;
        }
        self.scaled_at = now;
    }

    /// A refusal that the minute does not explain: whether the second does.
    fn unforeseen(&mut self, now: Duration, room: bool) -> bool {
        let Some(fine) = &mut self.fine else {
            self.fine = room.then(|| Fine::empty(now));
            return room;
        };
        if !fine.strike(now) {
            return true;
        }
        if self.window.refunds() == Refunds::Withheld {
            return false;
        }
        fine.doubt(now);
        self.window.believe(Refunds::Withheld);
        true
    }

    /// What the server says of its limits. `open` is what was in flight: it may count that or not.
    ///
    /// What it has counted beyond all that we know of was spent by somebody else with the same key.
    pub fn heard(&mut self, now: Duration, said: LimitHeaders, open: Load) {
        self.window.expire(now);
        let some = |limit: Option<u64>, before: Option<u64>| limit.filter(|&n| n > 0).or(before);
        self.heard = (
            some(said.limit_requests, self.heard.0),
            some(said.limit_tokens, self.heard.1),
        );
        let limit = self.limit();
        if self.weigh(limit.tokens, said, open.tokens) {
            return;
        }
        let held = self.window.held();
        let phantom = Load {
            requests: gap(
                limit.requests,
                held.requests,
                said.remaining_requests,
                open.requests,
                said.reset_requests,
            ),
            tokens: gap(
                limit.tokens,
                held.tokens,
                said.remaining_tokens,
                open.tokens,
                said.reset_tokens,
            ),
        };
        if phantom != Load::default() {
            self.window.haunt(now, phantom);
        }
    }

    /// Whether what is left of the tokens speaks for or against refunds. `true` if it explains the difference.
    fn weigh(&mut self, limit: u64, said: LimitHeaders, open: u64) -> bool {
        let Some(left) = said
            .remaining_tokens
            .filter(|_| is_by_the_minute(limit, said))
        else {
            return false;
        };
        let [given, withheld] =
            [Refunds::Given, Refunds::Withheld].map(|refunds| self.window.tokens(refunds));
        let noise = (NOISE * limit as f64).ceil();
        let apart = withheld.saturating_sub(given);
        if (apart as f64) < 2.0 * noise {
            return false;
        }
        // What is in flight may have come after: between these two is what the server has counted.
        let most = limit.saturating_sub(left) as f64;
        let least = most - open as f64;
        match self.window.refunds() {
            Refunds::Given
                if most + noise / 2.0 >= withheld as f64 && least <= withheld as f64 + noise =>
            {
                self.persuaded = self.persuaded.min(0) - 1;
            }
            Refunds::Withheld if most <= given as f64 + noise && most + noise >= given as f64 => {
                self.persuaded = self.persuaded.max(0) + 1;
            }
            _ => {
                self.persuaded = 0;
                return false;
            }
        }
        if self.persuaded.abs() >= self.doubt {
            let refunds = if self.persuaded > 0 {
                Refunds::Given
            } else {
                Refunds::Withheld
            };
            self.window.believe(refunds);
            self.persuaded = 0;
        }
        true
    }

    /// What the last minute holds.
    #[must_use]
    pub fn load(&self, now: Duration) -> Load {
        self.window.load(now)
    }

    /// What is believed of refunds.
    #[must_use]
    pub fn refunds(&self) -> Refunds {
        self.window.refunds()
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

    /// The even distance of starts.
    fn spacing(&self, now: Duration) -> Duration {
        let seconds = self.spread * WINDOW.as_secs_f64() / self.rate(now).max(1e-6);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// From when on the next start is due. One that came late is made up for, at twice the pace, as long as a second
    /// and ten hold no more than their share.
    fn slot_at(&self, now: Duration) -> Duration {
        let spacing = self.spacing(now);
        let due = self.next_slot.saturating_sub(BURST);
        // Closer together than a timer can tell apart they come in bursts anyway.
        let last = self.window.nth_last(1).filter(|_| spacing > BURST);
        let Some(last) = last else { return due };
        let paced = due.max((last + spacing / 2).min(self.next_slot));
        SHARES.iter().fold(paced, |at, window| {
            let share = (window.as_secs_f64() / spacing.as_secs_f64().max(1e-9))
                .ceil()
                .clamp(1.0, 1e9);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clamped just before"
            )]
            let first = self.window.nth_last(share as u64);
            at.max(first.map_or(Duration::ZERO, |first| first + *window))
        })
    }

    /// Requests a minute, before rounding.
    fn rate(&self, now: Duration) -> f64 {
        let limit = self.limit().requests;
        let rate = limit as f64 * SHARE * self.scale(now);
        if limit >= UNKNOWN && !self.answered {
            rate.min(CAREFUL)
        } else {
            rate
        }
    }

    /// The most that a minute takes now.
    #[must_use]
    pub fn most_at(&self, now: Duration) -> Load {
        self.scaled(self.scale(now))
    }

    /// The most that a minute takes at a scale.
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

    /// How the limit of a day stands, if there is one.
    #[must_use]
    pub fn daily(&self, now: Duration) -> Option<Daily> {
        let most = self.limits.requests_per_day?;
        Some(self.day.clone().stands(now, most))
    }
}

/// What the server has counted beyond all that is known, unless it is noise.
fn gap(limit: u64, held: u64, left: Option<u64>, open: u64, reset: Option<Duration>) -> u64 {
    let left = left.map_or(limit, |left| left.saturating_add(open));
    let gap = limit.saturating_sub(held).saturating_sub(left);
    // What is back at once is no debt of a minute: the bucket of such a server never holds that much.
    let lasts = |reset: Duration| {
        reset.as_secs_f64() >= WINDOW.as_secs_f64() / 4.0 * gap as f64 / limit as f64
    };
    if gap as f64 > NOISE * limit as f64 && reset.is_none_or(lasts) {
        gap
    } else {
        0
    }
}

/// Whether the tokens that are left are counted by the minute, as far as can be told.
fn is_by_the_minute(limit: u64, said: LimitHeaders) -> bool {
    let gone = limit.saturating_sub(said.remaining_tokens.unwrap_or(limit));
    let least = WINDOW.as_secs_f64() / 4.0 * gone as f64 / limit as f64;
    said.reset_tokens
        .is_none_or(|reset| reset.as_secs_f64() >= least)
}

fn signed(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}
