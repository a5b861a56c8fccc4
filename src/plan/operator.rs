//! The operator's file, `weir.toml`: limits, servers, models, and what may be spent; what a dataflow cannot decide.
//!
//! It lies in the working directory, or where `--config` or `WEIR_CONFIG` point; one that is pointed at must be there.

use std::path::{Path, PathBuf};

use super::error::Problem;
use super::key::{Holder, KeyPath};
use super::origin::Given;
use super::{file, question, value};
use crate::model::unit::Usd;

/// Its name, where nobody points at another.
pub const FILE: &str = "weir.toml";

/// What it says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Operator {
    /// Its values.
    pub given: Vec<Given>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// Reads the file of a directory, or the one that is pointed at.
#[must_use]
pub fn read(directory: &Path, pointed: Option<&Path>) -> Operator {
    let (path, name) = match pointed {
        Some(path) => (directory.join(path), path.display().to_string()),
        None => (directory.join(FILE), FILE.to_owned()),
    };
    if pointed.is_none() && matches!(path.try_exists(), Ok(false)) {
        return Operator::default();
    }
    match question::read_text(&path) {
        Ok(text) => {
            let read = file::read(&name, &text, Holder::Operator);
            Operator {
                given: read.given,
                problems: read.problems,
            }
        }
        Err(why) => Operator {
            given: Vec::new(),
            problems: vec![Problem::new(why)],
        },
    }
}

/// What may be spent in a month, if the file says so and can be read.
#[must_use]
pub fn monthly(directory: &Path, pointed: Option<&Path>) -> Option<Usd> {
    let key = KeyPath::plain("budget.monthly_usd");
    let read = read(directory, pointed);
    let given = read.given.iter().find(|given| given.key == key)?;
    value::money(given).ok()
}

/// Where it is pointed at, if it is: by flag, else by environment.
#[must_use]
pub fn pointed(flag: Option<&Path>, environment: Option<&Path>) -> Option<PathBuf> {
    flag.or(environment).map(Path::to_owned)
}
