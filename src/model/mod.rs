//! Floor 0: the plain data that travels between the stages, the stores and the dataflow.
//!
//! Constructors check; nothing else happens here: no I/O, no thread, no clock, no chance.
//! Byte offsets are `u32`: a source file is at most [`document::MAX_SOURCE_BYTES`] long.

pub mod call;
pub mod chunk;
pub mod document;
pub mod extraction;
pub mod fault;
pub mod form;
pub mod id;
pub mod outcome;
pub mod price;
pub mod record;
pub mod unit;
