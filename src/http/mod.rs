//! Floor 6: the job service: who may ask, for what, and what is taken in.

pub mod access;
pub mod confined;
pub mod origin;
pub mod unpack;
pub mod upload;
