//! What is said of a transcript beside its text: by a sidecar file, or by the path it lies at.
//!
//! A sidecar is written for just this file, so it wins over what the file says of itself; a path pattern is written for
//! many files, so what a file says of itself wins over that.

mod pattern;
mod sidecar;

use std::collections::BTreeMap;

use super::Read;
use super::front::date;
use super::plain::tidy;
use crate::model::unit::Micros;

pub use pattern::Pattern;
pub use sidecar::sidecar;

/// Values kept of one source.
const MAX_VALUES: usize = 200;

/// Characters kept of one value.
const MAX_VALUE: usize = 2000;

/// Facts of one document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Its title.
    pub title: Option<String>,
    /// When it was recorded.
    pub recorded_at: Option<Micros>,
    /// BCP 47 tag.
    pub language: Option<String>,
    /// Anything else.
    pub meta: BTreeMap<String, String>,
}

/// Who wins where both say something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// What is added.
    Over,
    /// What the file says of itself.
    Under,
}

impl Metadata {
    /// One more fact. A date that cannot be read in one way only is kept as it was written.
    ///
    /// # Errors
    /// Says what is wrong with the date.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let key = tidy(key, 100);
        let value = tidy(value, MAX_VALUE);
        if key.is_empty() || value.is_empty() {
            return Ok(());
        }
        match key.as_str() {
            "title" => self.title = Some(value),
            "language" | "lang" => self.language = Some(value),
            "date" | "recorded_at" => {
                self.recorded_at = date(&value).or_else(|| date(&dashed(&value)?));
                let read = self.recorded_at.is_some();
                let wrong = format!(
                    "{key} = {value:?} is no date such as 2026-05-19 or 2026-05-19T10:00:00Z"
                );
                self.meta.insert(key, value);
                if !read {
                    return Err(wrong);
                }
            }
            _ if self.meta.len() < MAX_VALUES => {
                self.meta.insert(key, value);
            }
            _ => return Err(format!("holds more than {MAX_VALUES} values")),
        }
        Ok(())
    }

    /// Adds it to what was read of a file; `from` says where it is from.
    pub fn apply(self, read: &mut Read, from: &str, rank: Rank) {
        let over = rank == Rank::Over;
        let document = &mut read.document;
        if self.title.is_some() && (over || document.title.is_none()) {
            document.title = self.title;
            read.stated.insert("title", from.to_owned());
        }
        if self.recorded_at.is_some() && (over || document.recorded_at.is_none()) {
            document.recorded_at = self.recorded_at;
            read.stated.insert("recorded_at", from.to_owned());
        }
        if self.language.is_some() && (over || document.language.is_none()) {
            document.language = self.language;
            read.stated.insert("language", from.to_owned());
        }
        for (key, value) in self.meta {
            if over || !document.meta.contains_key(&key) {
                document.meta.insert(key, value);
            }
        }
    }
}

/// `20260519` and `2026_05_19`, as paths have them.
fn dashed(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let others = text.chars().filter(|c| !c.is_ascii_digit());
    let apart = others.clone().all(|c| matches!(c, '_' | '.' | ' ')) && others.count() <= 2;
    let (year, rest) = digits.split_at_checked(4)?;
    let (month, day) = rest.split_at_checked(2)?;
    (digits.len() == 8 && apart).then(|| format!("{year}-{month}-{day}"))
}
