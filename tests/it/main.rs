//! The integration tests, in one binary: relinking one costs seconds, relinking many costs minutes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::too_many_lines,
    clippy::trivially_copy_pass_by_ref,
    clippy::clone_on_ref_ptr,
    unreachable_pub,
    missing_docs,
    reason = "tests: a panic is how they fail, and nobody else names what is in them"
)]

mod budget;
mod cli;
mod crash;
mod floors;
mod formats;
mod harness;
mod house;
mod incremental;
mod limits;
mod notify;
mod oracle;
mod service;
mod simulate;
