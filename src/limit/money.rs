//! What may be spent: `spent + reserved + bound <= cap` at every instant, for money and for tokens; and a cap on calls.

use super::{Caps, Exhausted, Wait};
use crate::model::unit::Usd;

/// The purse. A call whose outcome is unknown stays charged with its worst case.
#[derive(Clone, Copy, Debug, Default)]
pub struct Money {
    caps: Caps,
    spent: Usd,
    reserved: Usd,
    tokens: u64,
    reserved_tokens: u64,
    calls: u64,
    open: u64,
}

impl Money {
    /// A purse of which `spent` is gone already.
    #[must_use]
    pub fn new(caps: Caps, spent: Usd) -> Self {
        Self {
            caps,
            spent,
            ..Self::default()
        }
    }

    /// Whether a call of this worst case may start.
    ///
    /// # Errors
    /// To wait while a call in flight may give something back, else that the cap is reached.
    pub fn check(&self, bound: Option<Usd>) -> Result<(), Wait> {
        if let Some(most) = self.caps.calls
            && self.calls >= most
        {
            return Err(Wait::Exhausted(Exhausted::Calls(most)));
        }
        let Some(cap) = self.caps.cost else {
            return Ok(());
        };
        let bound = bound.ok_or(Wait::Exhausted(Exhausted::Unpriced))?;
        if self.spent + self.reserved + bound <= cap {
            Ok(())
        } else if self.open > 0 && self.spent + bound <= cap {
            Err(Wait::Settled)
        } else {
            Err(Wait::Exhausted(Exhausted::Cost {
                cap,
                spent: self.spent,
            }))
        }
    }

    /// Whether a call of so many tokens may start.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn check_tokens(&self, bound: u64) -> Result<(), Wait> {
        let Some(cap) = self.caps.tokens else {
            return Ok(());
        };
        let used = self.tokens.saturating_add(bound);
        if used.saturating_add(self.reserved_tokens) <= cap {
            Ok(())
        } else if self.open > 0 && used <= cap {
            Err(Wait::Settled)
        } else {
            Err(Wait::Exhausted(Exhausted::Tokens {
                cap,
                used: self.tokens,
            }))
        }
    }

    /// Puts the worst case of tokens aside.
    pub fn reserve_tokens(&mut self, bound: u64) {
        self.reserved_tokens = self.reserved_tokens.saturating_add(bound);
    }

    /// Takes the tokens that it did use.
    pub fn settle_tokens(&mut self, bound: u64, used: u64) {
        self.reserved_tokens = self.reserved_tokens.saturating_sub(bound);
        self.tokens = self.tokens.saturating_add(used);
    }

    /// Puts the worst case aside.
    pub fn reserve(&mut self, bound: Usd) {
        self.reserved += bound;
        self.calls += 1;
        self.open += 1;
    }

    /// Takes what it did cost.
    pub fn settle(&mut self, bound: Usd, cost: Usd) {
        self.reserved = self.reserved.saturating_sub(bound);
        self.spent += cost;
        self.open = self.open.saturating_sub(1);
    }

    /// The call was never sent: as if it had not been reserved.
    pub fn cancel(&mut self, bound: Usd) {
        self.settle(bound, Usd::default());
        self.calls = self.calls.saturating_sub(1);
    }

    /// Spent so far.
    #[must_use]
    pub fn spent(&self) -> Usd {
        self.spent
    }

    /// Put aside for calls in flight.
    #[must_use]
    pub fn reserved(&self) -> Usd {
        self.reserved
    }

    /// Calls made, those in flight included.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_in_flight_cannot_pass_the_cap() {
        let caps = Caps {
            tokens: Some(100),
            ..Caps::default()
        };
        let mut money = Money::new(caps, Usd::default());
        assert_eq!(money.check_tokens(60), Ok(()));
        money.reserve(Usd::default());
        money.reserve_tokens(60);
        assert_eq!(money.check_tokens(60), Err(Wait::Settled));
        money.settle(Usd::default(), Usd::default());
        money.settle_tokens(60, 30);
        assert_eq!(money.check_tokens(70), Ok(()));
        let spent = Exhausted::Tokens { cap: 100, used: 30 };
        assert_eq!(money.check_tokens(71), Err(Wait::Exhausted(spent)));
    }

    fn capped(cost: u64) -> Money {
        let caps = Caps {
            cost: Some(Usd(cost)),
            calls: None,
            tokens: None,
        };
        Money::new(caps, Usd(0))
    }

    #[test]
    fn the_worst_case_of_what_is_in_flight_counts() {
        let mut money = capped(100);
        for _ in 0..2 {
            money.check(Some(Usd(40))).unwrap();
            money.reserve(Usd(40));
        }
        assert_eq!(money.check(Some(Usd(40))), Err(Wait::Settled));
        money.settle(Usd(40), Usd(10));
        assert_eq!(money.check(Some(Usd(40))), Ok(()));
        money.settle(Usd(40), Usd(90));
        assert_eq!(money.spent(), Usd(100));
        let cap = Exhausted::Cost {
            cap: Usd(100),
            spent: Usd(100),
        };
        assert_eq!(money.check(Some(Usd(1))), Err(Wait::Exhausted(cap)));
    }

    #[test]
    fn an_unknown_price_never_passes_under_a_cap() {
        let refused = Err(Wait::Exhausted(Exhausted::Unpriced));
        assert_eq!(capped(100).check(None), refused);
        assert_eq!(Money::default().check(None), Ok(()));
    }

    #[test]
    fn calls_are_capped_too() {
        let caps = Caps {
            cost: None,
            calls: Some(1),
            tokens: None,
        };
        let mut money = Money::new(caps, Usd(0));
        money.reserve(Usd(0));
        let refused = Err(Wait::Exhausted(Exhausted::Calls(1)));
        assert_eq!(money.check(None), refused);
        money.cancel(Usd(0));
        assert_eq!(money.check(None), Ok(()));
    }

    /// Hostile costs: the identity holds at every step whatever is settled within its bound.
    #[test]
    fn never_over_the_cap() {
        let mut chance = fastrand::Rng::with_seed(7);
        for _ in 0..200 {
            let mut money = capped(10_000);
            let mut open = Vec::new();
            for _ in 0..200 {
                let bound = Usd(chance.u64(1..900));
                if chance.bool() && money.check(Some(bound)).is_ok() {
                    money.reserve(bound);
                    open.push(bound);
                } else if let Some(bound) = open.pop() {
                    money.settle(bound, Usd(chance.u64(0..=bound.0)));
                }
                assert!(money.spent() + money.reserved() <= Usd(10_000));
            }
        }
    }
}
