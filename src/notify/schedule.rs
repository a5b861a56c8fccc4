//! When a delivery is tried again: at random moments over about an hour, then no more.

use std::time::Duration;

/// The bound of the first wait; it doubles with every attempt.
pub const BASE: Duration = Duration::from_secs(10);

/// The bound of any wait.
pub const MOST: Duration = Duration::from_mins(15);

/// Attempts altogether. With full jitter the waits between them come to 63 minutes on average, 126 at most: a receiver
/// may restart, be moved or be mended meanwhile.
pub const ATTEMPTS: u32 = 15;

/// The wait after `failed` attempts (1 after the first), if there is to be another; `chance` is in 0..1, drawn anew for
/// each wait. The whole of the bound is drawn from, so that what failed together does not come again together.
///
/// ```
/// use std::time::Duration;
/// use weir::notify::schedule;
/// assert_eq!(schedule(1, 0.5), Some(Duration::from_secs(5)));
/// assert_eq!(schedule(4, 0.5), Some(Duration::from_secs(40)));
/// assert_eq!(schedule(15, 0.5), None);
/// ```
#[must_use]
pub fn schedule(failed: u32, chance: f64) -> Option<Duration> {
    if failed >= ATTEMPTS {
        return None;
    }
    let doublings = failed.saturating_sub(1).min(20);
    let bound = BASE.saturating_mul(1 << doublings).min(MOST);
    // A chance that is no number must not cost the delivery.
    let chance = if chance.is_finite() { chance } else { 0.5 };
    Some(bound.mul_f64(chance.clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_about_an_hour_and_ends() {
        let total = |chance: f64| -> Duration {
            (1..)
                .map_while(|failed| schedule(failed, chance))
                .inspect(|wait| assert!(*wait <= MOST))
                .sum()
        };
        assert_eq!(total(0.5).as_secs() / 60, 63);
        assert_eq!(total(1.0).as_secs() / 60, 126);
        assert_eq!(total(0.0), Duration::ZERO);
        assert_eq!((1..).map_while(|failed| schedule(failed, 1.0)).count(), 14);
        assert_eq!(schedule(u32::MAX, 0.5), None);
        assert_eq!(schedule(0, 2.0), Some(BASE));
        assert_eq!(schedule(1, f64::NAN), Some(BASE / 2));
    }
}
