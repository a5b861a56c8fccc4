//! The purse that all jobs of a state share, whatever gates they go through: what is spent in this calendar month (UTC).

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::limit::month::Month;
use crate::limit::{Charge, Wait};
use crate::model::unit::{Micros, Usd};

/// The purse of the month.
pub struct Monthly {
    month: Mutex<Month>,
    /// Something was given back.
    pub(super) changed: Notify,
    wall: Arc<dyn Fn() -> Micros + Send + Sync>,
}

impl fmt::Debug for Monthly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Monthly({})", self.spent())
    }
}

impl Monthly {
    /// The purse, of which so much is gone in this month.
    #[must_use]
    pub fn new(spent: Usd, wall: Arc<dyn Fn() -> Micros + Send + Sync>) -> Arc<Self> {
        Arc::new(Self {
            month: Mutex::new(Month::new(wall().month(), spent)),
            changed: Notify::new(),
            wall,
        })
    }

    /// Spent in this month so far.
    #[must_use]
    pub fn spent(&self) -> Usd {
        self.month().spent()
    }

    pub(super) fn check(&self, cap: Usd, charge: Charge) -> Result<(), Wait> {
        self.month().check(cap, charge)
    }

    pub(super) fn reserve(&self, charge: Charge) {
        self.month().reserve(charge);
    }

    pub(super) fn settle(&self, charge: Charge, cost: Option<Usd>) {
        self.month().settle(charge, cost);
        self.changed.notify_waiters();
    }

    fn month(&self) -> MutexGuard<'_, Month> {
        let mut month = self.month.lock().unwrap_or_else(PoisonError::into_inner);
        month.turn((self.wall)().month());
        month
    }
}
