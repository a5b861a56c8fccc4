//! The two lowest floors of weir, as they stand in `src`, and on request the state database.

#[path = "../../src/model/mod.rs"]
pub mod model;
#[path = "../../src/stage/mod.rs"]
pub mod stage;

#[cfg(feature = "ledger")]
#[path = "../../src/failpoint.rs"]
pub mod failpoint;
#[cfg(feature = "ledger")]
#[path = "../../src/limit/mod.rs"]
pub mod limit;
#[cfg(feature = "ledger")]
#[path = "../../src/store/mod.rs"]
pub mod store;
