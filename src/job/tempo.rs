//! How large an epoch should be, by how quickly chunks are answered.

use std::time::Duration;

use tokio::time::Instant;

/// What is answered in so long makes an epoch, if it is more than the usual size: nobody sees results more often.
const BEAT: Duration = Duration::from_millis(200);
/// But no more chunks than these, however quickly they are answered: they may be slow all at once.
const MOST: u64 = 1024;

/// How quickly chunks are answered.
#[derive(Default)]
pub(super) struct Tempo {
    /// When that was measured last, and how many had been answered by then.
    last: Option<(Instant, u64)>,
    /// So many are answered in a beat.
    pub(super) chunks: u64,
}

impl Tempo {
    /// Takes down how many have been answered by now.
    pub(super) fn note(&mut self, now: Instant, answered: u64) {
        let Some((since, before)) = self.last else {
            self.last = Some((now, answered));
            return;
        };
        let passed = now.saturating_duration_since(since);
        if passed >= BEAT {
            let more = answered.saturating_sub(before) as f64;
            let beats = passed.as_secs_f64() / BEAT.as_secs_f64();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "positive, and no run has 2^53 chunks"
            )]
            let chunks = (more / beats) as u64;
            self.chunks = chunks.min(MOST);
            self.last = Some((now, answered));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_grows_with_the_pace_of_answers() {
        let start = Instant::now();
        let mut tempo = Tempo::default();
        let mut note = |beats: u32, answered| {
            tempo.note(start + BEAT * beats / 2, answered);
            tempo.chunks
        };
        assert_eq!(note(0, 10), 0, "nothing to compare with");
        assert_eq!(note(1, 500), 0, "too soon to say");
        assert_eq!(note(2, 510), 500);
        assert_eq!(note(6, 560), 25, "two beats have passed");
        assert_eq!(note(8, 1_000_000), MOST);
        assert_eq!(note(10, 1_000_000), 0);
    }
}
