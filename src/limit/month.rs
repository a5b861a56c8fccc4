//! What all jobs together may spend in a calendar month. Pure: it is told which month it is.

use super::{Charge, Exhausted, Wait};
use crate::model::unit::{Micros, Usd};

/// A month's spending. The cap comes with whoever asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Month {
    /// When it began.
    began: Micros,
    spent: Usd,
    reserved: Usd,
    open: u64,
}

impl Month {
    /// The month that began then, of which so much is spent.
    #[must_use]
    pub fn new(began: Micros, spent: Usd) -> Self {
        Self {
            began,
            spent,
            ..Self::default()
        }
    }

    /// It is the month that began then. A new one starts from zero; what is in flight counts in it when it settles.
    pub fn turn(&mut self, began: Micros) {
        if began != self.began {
            (self.began, self.spent) = (began, Usd(0));
        }
    }

    /// Whether a call of this worst case may start under a cap.
    ///
    /// # Errors
    /// To wait while a call in flight may give something back, else that the cap is reached.
    pub fn check(&self, cap: Usd, charge: Charge) -> Result<(), Wait> {
        let bound = charge
            .cost_bound
            .ok_or(Wait::Exhausted(Exhausted::Unpriced))?;
        if self.spent + self.reserved + bound <= cap {
            Ok(())
        } else if self.open > 0 && self.spent + bound <= cap {
            Err(Wait::Settled)
        } else {
            let spent = self.spent;
            Err(Wait::Exhausted(Exhausted::Month { cap, spent }))
        }
    }

    /// Puts the worst case aside.
    pub fn reserve(&mut self, charge: Charge) {
        self.reserved += charge.cost_bound.unwrap_or_default();
        self.open += 1;
    }

    /// Takes what it did cost; the worst case if that is not known.
    pub fn settle(&mut self, charge: Charge, cost: Option<Usd>) {
        let bound = charge.cost_bound.unwrap_or_default();
        self.reserved = self.reserved.saturating_sub(bound);
        self.spent += cost.unwrap_or(bound);
        self.open = self.open.saturating_sub(1);
    }

    /// Spent so far.
    #[must_use]
    pub fn spent(&self) -> Usd {
        self.spent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(bound: u64) -> Charge {
        Charge {
            tokens: 1,
            cost_bound: Some(Usd(bound)),
        }
    }

    #[test]
    fn what_is_in_flight_counts_and_a_new_month_starts_from_zero() {
        let mut month = Month::new(Micros(1), Usd(50));
        let cap = Usd(100);
        month.check(cap, charge(50)).unwrap();
        month.reserve(charge(40));
        assert_eq!(month.check(cap, charge(50)), Err(Wait::Settled));
        month.settle(charge(40), Some(Usd(10)));
        let reached = Exhausted::Month {
            cap,
            spent: Usd(60),
        };
        assert_eq!(month.check(cap, charge(50)), Err(Wait::Exhausted(reached)));
        assert_eq!(month.check(Usd(110), charge(50)), Ok(()));
        month.reserve(charge(40));
        month.turn(Micros(1));
        assert_eq!(month.spent(), Usd(60));
        month.turn(Micros(2));
        month.settle(charge(40), None);
        assert_eq!(month.spent(), Usd(40));
        let unpriced = Charge {
            tokens: 1,
            cost_bound: None,
        };
        let refused = Err(Wait::Exhausted(Exhausted::Unpriced));
        assert_eq!(month.check(cap, unpriced), refused);
    }
}
