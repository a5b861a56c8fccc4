//! Fair shares of one limiter: which of several lanes may start the next call.
//!
//! Every lane has a mark, which a call moves forward by the part of a minute that it takes, divided by the lane's
//! weight. Of the lanes that want to start a call the one with the least mark is next. So lanes that all want get equal
//! parts of the minute (or as their weights are), what one does not want goes to the others, and none starves: whoever
//! waits keeps its mark while those of the others move on. Whoever comes, or comes back, starts where the others are:
//! idle time is not saved up.

use std::collections::BTreeMap;
use std::time::Duration;

/// So much of a minute is kept by a lane that wants nothing for a moment: between two calls whoever starts them is busy
/// with answers for some milliseconds, and should not lose its turn by that.
const KEPT: f64 = 1.0 / 60.0;

/// So long whoever was told that it may start a call keeps its turn: cutting a batch takes some milliseconds.
const CUTTING: Duration = Duration::from_millis(20);

/// A lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LaneId(u64);

#[derive(Clone, Copy, Debug)]
struct Lane {
    weight: f64,
    mark: f64,
    wants: bool,
    /// It was told that it may start a call, and is about to.
    about: Duration,
}

/// All lanes.
#[derive(Clone, Debug, Default)]
pub struct Shares {
    lanes: BTreeMap<LaneId, Lane>,
    next: u64,
    /// The mark of the lane that was served last: where the others are.
    reached: f64,
}

impl Shares {
    /// A lane comes. One of twice the weight gets twice as much; none is less than 1.
    pub fn enter(&mut self, weight: u32) -> LaneId {
        let id = LaneId(self.next);
        self.next += 1;
        let lane = Lane {
            weight: f64::from(weight.max(1)),
            mark: self.reached,
            wants: false,
            about: Duration::ZERO,
        };
        self.lanes.insert(id, lane);
        id
    }

    /// A lane goes.
    pub fn leave(&mut self, id: LaneId) {
        self.lanes.remove(&id);
    }

    /// A lane wants to start a call, or does not any more.
    pub fn want(&mut self, id: LaneId, wants: bool) {
        let Some(lane) = self.lanes.get_mut(&id) else {
            return;
        };
        if wants && !lane.wants {
            lane.mark = lane.mark.max(self.reached - KEPT);
        }
        lane.wants = wants;
    }

    /// A lane was told that it may start a call now, and is about to.
    pub fn told(&mut self, now: Duration, id: LaneId) {
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.about = now + CUTTING;
        }
    }

    /// Whether no other lane that wants to start a call is before this one.
    ///
    /// # Errors
    /// When to look again at the latest, if that is known.
    pub fn is_next(&self, now: Duration, id: LaneId) -> Result<(), Option<Duration>> {
        let own = self.lanes.get(&id).ok_or(None)?;
        let before = |(other, lane): &(&LaneId, &Lane)| {
            let wants = lane.wants || lane.about > now;
            **other != id && wants && (lane.mark, **other) < (own.mark, id)
        };
        let mut others = self.lanes.iter().filter(before).peekable();
        if others.peek().is_none() {
            return Ok(());
        }
        // Whoever wants will say so when it does not any more.
        let until = others.map(|(_, lane)| (!lane.wants).then_some(lane.about));
        Err(until
            .collect::<Option<Vec<_>>>()
            .and_then(|until| until.into_iter().max()))
    }

    /// A lane starts a call that takes this part of a minute.
    pub fn took(&mut self, id: LaneId, part: f64) {
        if let Some(lane) = self.lanes.get_mut(&id) {
            self.reached = self.reached.max(lane.mark);
            lane.mark += part / lane.weight;
            lane.about = Duration::ZERO;
        }
    }

    /// How many lanes there are.
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.lanes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(9);

    /// Serves lanes one call after the other; each wants when `wants` says so. How many calls each got.
    fn serve(
        weights: &[u32],
        parts: &[f64],
        rounds: usize,
        wants: impl Fn(usize, usize) -> bool,
    ) -> Vec<usize> {
        let mut shares = Shares::default();
        let ids: Vec<_> = weights.iter().map(|weight| shares.enter(*weight)).collect();
        let mut got = vec![0; ids.len()];
        for round in 0..rounds {
            for (lane, id) in ids.iter().enumerate() {
                shares.want(*id, wants(lane, round));
            }
            let next = (0..ids.len())
                .find(|lane| wants(*lane, round) && shares.is_next(NOW, ids[*lane]).is_ok());
            if let Some(lane) = next {
                shares.took(ids[lane], parts[lane]);
                got[lane] += 1;
            }
        }
        got
    }

    #[test]
    fn equal_shares_while_all_want() {
        let got = serve(&[1, 1, 1], &[0.01; 3], 300, |_, _| true);
        assert_eq!(got, [100, 100, 100]);
        let got = serve(&[1, 3], &[0.01; 2], 400, |_, _| true);
        assert_eq!(got, [100, 300], "by weight");
        let got = serve(&[1, 1], &[0.03, 0.01], 400, |_, _| true);
        assert_eq!(got, [100, 300], "of the minute, not of the calls");
    }

    #[test]
    fn what_one_does_not_want_goes_to_the_others() {
        let got = serve(&[1, 1], &[0.01; 2], 300, |lane, _| lane == 1);
        assert_eq!(got, [0, 300]);
        // The first wants little: every tenth round.
        let got = serve(&[1, 1, 1], &[0.01; 3], 300, |lane, round| {
            lane > 0 || round % 10 == 0
        });
        assert_eq!(got, [30, 135, 135]);
    }

    #[test]
    fn idle_time_is_not_saved_up() {
        let got = serve(&[1, 1], &[0.01; 2], 400, |lane, round| {
            lane == 0 || round >= 200
        });
        // But for what a moment keeps: one call of a hundredth, besides the one in turn.
        assert!((100..=103).contains(&got[1]), "{got:?}");
    }

    #[test]
    fn who_comes_new_starts_where_the_others_are() {
        let mut shares = Shares::default();
        let first = shares.enter(1);
        for _ in 0..1000 {
            shares.want(first, true);
            assert!(shares.is_next(NOW, first).is_ok());
            shares.took(first, 0.01);
        }
        let second = shares.enter(1);
        shares.want(second, true);
        let mut got = 0;
        for _ in 0..100 {
            let id = if shares.is_next(NOW, second).is_ok() {
                second
            } else {
                first
            };
            assert!(shares.is_next(NOW, id).is_ok(), "exactly one is next");
            got += usize::from(id == second);
            shares.took(id, 0.01);
        }
        assert!((50..=51).contains(&got), "{got}");
        shares.leave(second);
        assert!(shares.is_next(NOW, first).is_ok());
        assert_eq!(shares.lanes(), 1);
    }

    #[test]
    fn whoever_cuts_a_batch_keeps_its_turn_for_a_moment() {
        let mut shares = Shares::default();
        let (first, second) = (shares.enter(1), shares.enter(1));
        shares.want(first, true);
        shares.want(second, true);
        assert_eq!(shares.is_next(NOW, second), Err(None));
        shares.told(NOW, first);
        shares.want(first, false);
        let until = NOW + CUTTING;
        assert_eq!(shares.is_next(NOW, second), Err(Some(until)));
        assert_eq!(shares.is_next(until, second), Ok(()));
        shares.took(first, 0.1);
        assert_eq!(shares.is_next(NOW, second), Ok(()));
    }

    /// A large call is not starved by small ones: its lane keeps its place while it waits.
    #[test]
    fn none_starves() {
        let mut shares = Shares::default();
        let (large, small) = (shares.enter(1), shares.enter(1));
        let mut since = 0;
        let mut longest = 0;
        for _ in 0..1000 {
            shares.want(large, true);
            shares.want(small, true);
            if shares.is_next(NOW, large).is_ok() {
                shares.took(large, 0.5);
                longest = longest.max(since);
                since = 0;
            } else {
                shares.took(small, 0.01);
                since += 1;
            }
        }
        assert!((48..=52).contains(&longest), "{longest}");
    }
}
