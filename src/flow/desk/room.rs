//! Whether the state has room for the answer that a call will bring. What has been paid for must be kept, so no call goes
//! out unless its answer, and those of all calls under way, fit.

use std::time::Duration;

use tokio::time::Instant;

use super::Desk;
use crate::flow::stop::Ending;
use crate::store::Database;

/// So long after it was found that there is no room, the desk looks again.
pub(super) const AGAIN: Duration = Duration::from_secs(1);

/// What was found holds for so long, unless more calls are under way than were.
const HOLDS: Duration = Duration::from_millis(100);

/// What is kept free beside them: SQLite's log, texts, the manifest, and other programs that write to the same disk. It
/// is what the log may grow to before it is emptied.
const RESERVE: u64 = 64 << 20;
/// An answer is taken to be this large until a larger one has come.
const ANSWER: u64 = 256 << 10;
/// A body is stored as it came and as the answers of its chunks, each of them through the log.
const COPIES: u64 = 4;

impl Desk {
    /// Finds out whether the state has room for one more answer. If not, what is under way is waited for: it may be that
    /// somebody makes room meanwhile.
    pub(super) fn look_for_room(&mut self) {
        let (_, waiting, _) = self.queue.counts();
        if !self.inquiry.keeps_room || waiting == 0 || self.stop.ending().is_some() {
            return;
        }
        let under_way = self.calls.len();
        let holds = |(at, then): (Instant, usize)| at.elapsed() < HOLDS && under_way <= then;
        if self.short.is_none() && self.looked.is_some_and(holds) {
            return;
        }
        self.looked = Some((Instant::now(), under_way));
        let largest = self.gauges.counts().largest;
        self.short = short(&self.engine.database, under_way, largest);
        if let Some(why) = self.short.clone().filter(|_| self.calls.is_empty()) {
            self.stop.end(Ending::Room(why));
        }
    }
}

/// Why no call may go out now, if so; `largest` is the largest body so far.
fn short(database: &Database, under_way: usize, largest: u64) -> Option<String> {
    // What the system does not tell is no reason to stop: a full disk then shows when it is written to.
    let free = database.room()?;
    let needed = needed(under_way, largest);
    (free < needed).then(|| {
        format!(
            "{} has {} MiB free; a call goes out only with {} MiB, so that every answer that is paid for can be kept",
            database.folder().display(),
            free >> 20,
            needed.div_ceil(1 << 20),
        )
    })
}

/// What must be free for one more call.
fn needed(under_way: usize, largest: u64) -> u64 {
    let answer = ANSWER.max(largest.saturating_mul(COPIES));
    RESERVE.saturating_add(answer.saturating_mul((under_way as u64).saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_grows_with_what_is_under_way_and_with_the_largest_answer() {
        assert_eq!(needed(0, 0), (64 << 20) + (256 << 10));
        assert_eq!(needed(3, 0), (64 << 20) + (1 << 20));
        assert_eq!(needed(0, 1 << 20), 68 << 20);
        assert_eq!(needed(usize::MAX, u64::MAX), u64::MAX);
    }
}
