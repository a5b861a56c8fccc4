//! weir
pub mod model;
