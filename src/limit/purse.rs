//! What one job may spend: `spent + reserved + bound <= cap` at every instant, for money and for tokens; and a cap on
//! calls.

use super::{Caps, Charge, Exhausted, Wait};
use crate::model::unit::Usd;

/// What was spent before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    /// Money; the worst case of calls whose cost is unknown.
    pub cost: Usd,
    /// Tokens, likewise.
    pub tokens: u64,
    /// Calls.
    pub calls: u64,
}

/// The purse. A call whose outcome is unknown stays charged with its worst case.
#[derive(Clone, Copy, Debug, Default)]
pub struct Purse {
    caps: Caps,
    gone: Gone,
    reserved: Usd,
    reserved_tokens: u64,
    open: u64,
}

impl Purse {
    /// A purse of which something is gone already.
    #[must_use]
    pub fn new(caps: Caps, gone: Gone) -> Self {
        Self {
            caps,
            gone,
            ..Self::default()
        }
    }

    /// Whether a call of this worst case may start.
    ///
    /// # Errors
    /// To wait while a call in flight may give something back, else that the cap is reached.
    pub fn check(&self, charge: Charge) -> Result<(), Wait> {
        if let Some(most) = self.caps.calls
            && self.gone.calls >= most
        {
            return Err(Wait::Exhausted(Exhausted::Calls(most)));
        }
        self.check_cost(charge.cost_bound)?;
        self.check_tokens(charge.tokens)
    }

    fn check_cost(&self, bound: Option<Usd>) -> Result<(), Wait> {
        let Some(cap) = self.caps.cost else {
            return Ok(());
        };
        let bound = bound.ok_or(Wait::Exhausted(Exhausted::Unpriced))?;
        let spent = self.gone.cost;
        if spent + self.reserved + bound <= cap {
            Ok(())
        } else if self.open > 0 && spent + bound <= cap {
            Err(Wait::Settled)
        } else {
            Err(Wait::Exhausted(Exhausted::Cost { cap, spent }))
        }
    }

    fn check_tokens(&self, bound: u64) -> Result<(), Wait> {
        let Some(cap) = self.caps.tokens else {
            return Ok(());
        };
        let used = self.gone.tokens.saturating_add(bound);
        if used.saturating_add(self.reserved_tokens) <= cap {
            Ok(())
        } else if self.open > 0 && used <= cap {
            Err(Wait::Settled)
        } else {
            Err(Wait::Exhausted(Exhausted::Tokens {
                cap,
                used: self.gone.tokens,
            }))
        }
    }

    /// Puts the worst case aside.
    pub fn reserve(&mut self, charge: Charge) {
        self.reserved += charge.cost_bound.unwrap_or_default();
        self.reserved_tokens = self.reserved_tokens.saturating_add(charge.tokens);
        self.gone.calls += 1;
        self.open += 1;
    }

    /// Takes what it did cost and use; the worst case of what is not known.
    pub fn settle(&mut self, charge: Charge, cost: Option<Usd>, tokens: Option<u64>) {
        let bound = charge.cost_bound.unwrap_or_default();
        self.release(charge);
        self.gone.cost += cost.unwrap_or(bound);
        let used = tokens.unwrap_or(charge.tokens);
        self.gone.tokens = self.gone.tokens.saturating_add(used);
    }

    /// The call was never sent: as if it had not been reserved.
    pub fn cancel(&mut self, charge: Charge) {
        self.release(charge);
        self.gone.calls = self.gone.calls.saturating_sub(1);
    }

    fn release(&mut self, charge: Charge) {
        let bound = charge.cost_bound.unwrap_or_default();
        self.reserved = self.reserved.saturating_sub(bound);
        self.reserved_tokens = self.reserved_tokens.saturating_sub(charge.tokens);
        self.open = self.open.saturating_sub(1);
    }

    /// What is gone: calls in flight count among the calls.
    #[must_use]
    pub fn gone(&self) -> Gone {
        self.gone
    }

    /// Put aside for calls in flight.
    #[must_use]
    pub fn reserved(&self) -> Usd {
        self.reserved
    }

    /// Calls in flight.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(tokens: u64, bound: u64) -> Charge {
        Charge {
            tokens,
            cost_bound: Some(Usd(bound)),
        }
    }

    #[test]
    fn tokens_in_flight_cannot_pass_the_cap() {
        let caps = Caps {
            tokens: Some(100),
            ..Caps::default()
        };
        let mut purse = Purse::new(caps, Gone::default());
        assert_eq!(purse.check(charge(60, 0)), Ok(()));
        purse.reserve(charge(60, 0));
        assert_eq!(purse.check(charge(60, 0)), Err(Wait::Settled));
        purse.settle(charge(60, 0), None, Some(30));
        assert_eq!(purse.check(charge(70, 0)), Ok(()));
        let spent = Exhausted::Tokens { cap: 100, used: 30 };
        assert_eq!(purse.check(charge(71, 0)), Err(Wait::Exhausted(spent)));
    }

    fn capped(cost: u64) -> Purse {
        let caps = Caps {
            cost: Some(Usd(cost)),
            calls: None,
            tokens: None,
        };
        Purse::new(caps, Gone::default())
    }

    #[test]
    fn the_worst_case_of_what_is_in_flight_counts() {
        let mut purse = capped(100);
        for _ in 0..2 {
            purse.check(charge(1, 40)).unwrap();
            purse.reserve(charge(1, 40));
        }
        assert_eq!(purse.check(charge(1, 40)), Err(Wait::Settled));
        purse.settle(charge(1, 40), Some(Usd(10)), None);
        assert_eq!(purse.check(charge(1, 40)), Ok(()));
        purse.settle(charge(1, 40), Some(Usd(90)), None);
        assert_eq!(purse.gone().cost, Usd(100));
        let cap = Exhausted::Cost {
            cap: Usd(100),
            spent: Usd(100),
        };
        assert_eq!(purse.check(charge(1, 1)), Err(Wait::Exhausted(cap)));
    }

    #[test]
    fn an_unknown_price_never_passes_under_a_cap() {
        let unpriced = Charge {
            tokens: 1,
            cost_bound: None,
        };
        let refused = Err(Wait::Exhausted(Exhausted::Unpriced));
        assert_eq!(capped(100).check(unpriced), refused);
        assert_eq!(Purse::default().check(unpriced), Ok(()));
    }

    #[test]
    fn calls_are_capped_too_and_what_is_gone_counts() {
        let caps = Caps {
            cost: None,
            calls: Some(3),
            tokens: None,
        };
        let gone = Gone {
            calls: 2,
            ..Gone::default()
        };
        let mut purse = Purse::new(caps, gone);
        purse.reserve(charge(1, 0));
        let refused = Err(Wait::Exhausted(Exhausted::Calls(3)));
        assert_eq!(purse.check(charge(1, 0)), refused);
        purse.cancel(charge(1, 0));
        assert_eq!(purse.check(charge(1, 0)), Ok(()));
    }

    /// Hostile costs: the identity holds at every step whatever is settled within its bound.
    #[test]
    fn never_over_the_cap() {
        let mut chance = fastrand::Rng::with_seed(7);
        for _ in 0..200 {
            let mut purse = capped(10_000);
            let mut open = Vec::new();
            for _ in 0..200 {
                let bound = chance.u64(1..900);
                if chance.bool() && purse.check(charge(1, bound)).is_ok() {
                    purse.reserve(charge(1, bound));
                    open.push(bound);
                } else if let Some(bound) = open.pop() {
                    let cost = Usd(chance.u64(0..=bound));
                    purse.settle(charge(1, bound), Some(cost), None);
                }
                assert!(purse.gone().cost + purse.reserved() <= Usd(10_000));
            }
        }
    }
}
