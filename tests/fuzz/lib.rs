//! The two lowest floors of weir, as they stand in `src`.

#[path = "../../src/model/mod.rs"]
pub mod model;
#[path = "../../src/stage/mod.rs"]
pub mod stage;
