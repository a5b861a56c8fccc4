//! What outlives a run and is shared by all of them: the ledger, the gate, the provider, the clock. No globals.

use std::sync::Arc;

use crate::llm::Provider;
use crate::llm::gate::Gate;
use crate::model::unit::Micros;
use crate::store::Database;

/// The wall clock, for labels only.
pub type Wall = Arc<dyn Fn() -> Micros + Send + Sync>;

/// What all runs of a process share.
pub struct Engine {
    /// Ledger and manifest.
    pub database: Arc<Database>,
    /// When a call may start: one gate for a provider and model.
    pub gate: Arc<Gate>,
    /// Who answers.
    pub provider: Arc<dyn Provider>,
    /// The wall clock.
    pub wall: Wall,
}
