//! Requests in any 24 hours, counted by the minute.

use std::collections::VecDeque;
use std::time::Duration;

/// A day, in minutes.
const DAY: u64 = 24 * 60;

/// How the limit of a day stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Daily {
    /// Requests in the last 24 hours.
    pub made: u64,
    /// How many those may be.
    pub most: u64,
    /// How long until another may start, as far as this limit goes.
    pub left: Duration,
}

/// The last day.
#[derive(Clone, Debug, Default)]
pub(super) struct Day {
    /// How many started in which minute, the first of them first.
    minutes: VecDeque<(u64, u64)>,
    count: u64,
}

impl Day {
    /// A call starts, or did start.
    pub(super) fn enter(&mut self, at: Duration) {
        let minute = at.as_secs() / 60;
        match self.minutes.back_mut() {
            // What is recalled in the wrong order counts as late as what is known to be there: the safe side.
            Some((last, count)) if *last >= minute => *count += 1,
            _ => self.minutes.push_back((minute, 1)),
        }
        self.count += 1;
    }

    /// The last call was never sent.
    pub(super) fn cancel(&mut self) {
        if let Some((_, count)) = self.minutes.back_mut() {
            *count = count.saturating_sub(1);
            self.count = self.count.saturating_sub(1);
        }
    }

    /// From when on another call may start.
    pub(super) fn room_at(&mut self, now: Duration, most: Option<u64>) -> Duration {
        while let Some(&(minute, count)) = self.minutes.front()
            && Duration::from_mins(minute + DAY + 1) <= now
        {
            self.count = self.count.saturating_sub(count);
            self.minutes.pop_front();
        }
        let mut at = Duration::ZERO;
        let Some(most) = most else { return at };
        let mut count = self.count;
        for (minute, then) in &self.minutes {
            if count < most.max(1) {
                break;
            }
            count = count.saturating_sub(*then);
            at = Duration::from_mins(minute + DAY + 1);
        }
        at
    }

    /// How it stands under a limit.
    pub(super) fn stands(&mut self, now: Duration, most: u64) -> Daily {
        let left = self.room_at(now, Some(most)).saturating_sub(now);
        Daily {
            made: self.count,
            most,
            left,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_day_waits_for_its_first_minute_to_leave() {
        let mut day = Day::default();
        let at = Duration::from_mins;
        for minute in [1, 1, 5] {
            day.enter(at(minute));
        }
        assert_eq!(day.room_at(at(6), None), Duration::ZERO);
        assert_eq!(day.room_at(at(6), Some(4)), Duration::ZERO);
        assert_eq!(day.room_at(at(6), Some(3)), at(1 + DAY + 1));
        assert_eq!(day.room_at(at(6), Some(1)), at(5 + DAY + 1));
        assert_eq!(day.room_at(at(DAY + 2), Some(3)), Duration::ZERO);
        assert_eq!(day.count, 1);
        day.enter(at(DAY + 2));
        day.cancel();
        assert_eq!(day.count, 1);
    }
}
