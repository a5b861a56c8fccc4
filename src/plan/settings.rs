//! All values that were given, the winner for each key, and a record of what was taken from where.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::Setting;
use super::error::Problem;
use super::key::KeyPath;
use super::origin::{Given, Origin};
use super::value::Wanted;

/// What was given, while it is turned into a plan.
#[derive(Debug, Default)]
pub(super) struct Settings {
    given: BTreeMap<KeyPath, Given>,
    pub(super) problems: Vec<Problem>,
    pub(super) taken: Vec<Setting>,
    pub(super) notes: Vec<String>,
}

impl Settings {
    /// Adds a value; it holds unless one of a higher rank is there.
    pub(super) fn add(&mut self, new: Given) {
        let Some(old) = self.given.get(&new.key) else {
            self.given.insert(new.key.clone(), new);
            return;
        };
        if new.origin.rank() == old.origin.rank() {
            if new.value != old.value {
                let message = format!("is given twice, by {} and {}", old.origin, new.origin);
                self.problems.push(Problem {
                    origin: None,
                    key: Some(new.key.to_string()),
                    message,
                });
            }
        } else if new.origin.rank() > old.origin.rank() {
            self.given.insert(new.key.clone(), new);
        }
    }

    /// Where the value of a key came from.
    pub(super) fn origin(&self, key: &str) -> Origin {
        self.given
            .get(&KeyPath::plain(key))
            .map_or(Origin::Default, |given| given.origin.clone())
    }

    /// The value of a key, if one was given and can be read.
    pub(super) fn get<T>(
        &mut self,
        key: &str,
        read: impl Fn(&Given) -> Wanted<T>,
    ) -> Option<(T, Origin)> {
        let given = self.given.get(&KeyPath::plain(key))?;
        match read(given) {
            Ok(value) => Some((value, given.origin.clone())),
            Err(message) => {
                let origin = given.origin.clone();
                self.problems.push(Problem::of(key, origin, message));
                None
            }
        }
    }

    /// The value of a key or its default, recorded.
    pub(super) fn or<T>(
        &mut self,
        key: &str,
        default: T,
        read: impl Fn(&Given) -> Wanted<T>,
        show: impl Fn(&T) -> String,
    ) -> T {
        let (value, origin) = self.get(key, read).unwrap_or((default, Origin::Default));
        self.took(key, show(&value), origin);
        value
    }

    /// As `or`, for what prints itself.
    pub(super) fn plain<T: Display>(
        &mut self,
        key: &str,
        default: T,
        read: impl Fn(&Given) -> Wanted<T>,
    ) -> T {
        self.or(key, default, read, T::to_string)
    }

    /// Everything below a key of two parts.
    pub(super) fn below(&self, first: &str, second: &str) -> Vec<(String, Given)> {
        let inside = |given: &Given| match given.key.0.as_slice() {
            [one, two, name] if one == first && two == second => {
                Some((name.clone(), given.clone()))
            }
            _ => None,
        };
        self.given.values().filter_map(inside).collect()
    }

    /// Everything under the first part of a key.
    pub(super) fn under(&self, first: &str) -> impl Iterator<Item = &Given> {
        self.given
            .values()
            .filter(move |given| given.key.0.first().is_some_and(|part| part == first))
    }

    /// Records what was taken.
    pub(super) fn took(&mut self, key: &str, value: impl Into<String>, origin: Origin) {
        self.taken.push(Setting {
            key: key.to_owned(),
            value: value.into(),
            origin,
        });
    }

    /// Records a problem with a key, wherever its value came from.
    pub(super) fn wrong(&mut self, key: &str, message: impl Into<String>) {
        let origin = self.origin(key);
        self.problems.push(Problem::of(key, origin, message));
    }

    /// Tells the user something that is not wrong.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }
}
