//! What a run works with: of the ledger, the gate and the calls in flight it has a share, with the other runs of its house.

use std::sync::Arc;

use super::underway::Underway;
use crate::llm::Provider;
use crate::llm::lane::Lane;
use crate::model::unit::Micros;
use crate::store::Database;

/// The wall clock, for labels only.
pub type Wall = Arc<dyn Fn() -> Micros + Send + Sync>;

/// What a run works with.
pub struct Engine {
    /// Ledger and manifest.
    pub database: Arc<Database>,
    /// When a call may start, and what may be spent.
    pub lane: Arc<Lane>,
    /// What is being asked in any run.
    pub underway: Arc<Underway>,
    /// Who answers.
    pub provider: Arc<dyn Provider>,
    /// The wall clock.
    pub wall: Wall,
}
