//! Quantities with their unit in the type: money, and wall-clock labels.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

/// US dollars in whole nano-dollars: a token of a cheap model costs less than a micro-dollar.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Usd(pub u64);

impl Usd {
    /// From dollars, rounded to the nearest nano-dollar; `None` if negative, not finite or beyond 10^9 dollars.
    #[must_use]
    pub fn from_dollars(dollars: f64) -> Option<Self> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the range is checked just before"
        )]
        (dollars.is_finite() && (0.0..1e9).contains(&dollars))
            .then(|| Self((dollars * 1e9).round() as u64))
    }

    /// As dollars.
    #[must_use]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// This amount less another, not below zero.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for Usd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::default(), Add::add)
    }
}

impl fmt::Display for Usd {
    /// Cents for dollars, more digits for less.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dollars = self.dollars();
        match self.0 {
            0 => f.write_str("$0"),
            1..=9_999_999 => write!(f, "${dollars:.6}"),
            10_000_000..=999_999_999 => write!(f, "${dollars:.4}"),
            _ => write!(f, "${dollars:.2}"),
        }
    }
}

/// Wall-clock time in microseconds since 1970 UTC: a label only; nothing is decided by it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Micros(pub i64);

impl Micros {
    /// When its calendar month began, in UTC.
    ///
    /// ```
    /// use weir::model::unit::Micros;
    /// let march: Micros = Micros(1_772_600_000_000_000); // 2026-03-04
    /// assert_eq!(march.month().to_string(), "2026-03-01T00:00:00Z");
    /// ```
    #[must_use]
    pub fn month(self) -> Self {
        let began = jiff::Timestamp::from_microsecond(self.0).and_then(|stamp| {
            let day = stamp.to_zoned(jiff::tz::TimeZone::UTC).date();
            day.first_of_month().to_zoned(jiff::tz::TimeZone::UTC)
        });
        began.map_or(self, |began| Self(began.timestamp().as_microsecond()))
    }
}

impl fmt::Display for Micros {
    /// RFC 3339 in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(stamp) => write!(f, "{stamp}"),
            Err(_) => write!(f, "{} us", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_prints_what_it_is() {
        assert_eq!(Usd::from_dollars(12.5).unwrap().to_string(), "$12.50");
        assert_eq!(Usd(150).to_string(), "$0.000000");
        assert_eq!(Usd::from_dollars(0.0421).unwrap().to_string(), "$0.0421");
        assert_eq!(Usd::from_dollars(-1.0), None);
        assert_eq!(Usd::from_dollars(f64::NAN), None);
    }
}
