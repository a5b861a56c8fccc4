//! Which chunks are asked together: one call for several, so that the instructions are paid for once.

pub mod adapt;
pub mod pack;

/// How large a batch may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Tokens of all its chunks. A single chunk may have more.
    pub tokens: u32,
    /// Chunks.
    pub chunks: usize,
}
