//! From a batch of chunks to a prompt, and from an answer to names, statements and items tied to the text.
//!
//! `prompt` says what is asked and `schema` in which form; `answer` reads what comes back, each part by its
//! id; `crossed` finds answers that were mixed up; `ground` ties one chunk's answer to its shown text. `columns` turns the schema of
//! items into columns. `rules` (of graphs) and `items` answer without any model.

pub mod answer;
pub mod columns;
#[cfg(test)]
mod columns_tests;
pub mod crossed;
pub mod ground;
pub mod items;
mod json;
pub mod name;
pub mod prompt;
pub mod quote;
mod repair;
pub mod rules;
mod said;
pub mod schema;
