//! From a batch of chunks to a prompt, and from an answer to names and statements tied to the text.
//!
//! `prompt` says what is asked and `schema` in which form; `answer` reads what comes back, each part by its
//! id; `ground` ties one chunk's answer to its shown text. `rules` answers without any model.

pub mod answer;
pub mod ground;
mod json;
pub mod name;
pub mod prompt;
pub mod quote;
mod repair;
pub mod rules;
pub mod schema;
