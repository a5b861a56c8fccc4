//! Floor 1: the thinking of each step, in the order of the data. Pure; neighbours do not know each other.

pub mod batch;
pub mod chunk;
pub mod extract;
pub mod graph;
pub mod locate;
pub mod tokens;
pub mod transcript;
