//! What the integration tests share.

pub mod best;
pub mod binary;
pub mod client;
pub mod dice;
pub mod naive;
pub mod own;
pub mod post;
pub mod project;
pub mod provider;
mod provider_tests;
pub mod receiver;
pub mod traffic;
pub mod world;
