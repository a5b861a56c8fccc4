//! The catalogue of models: what they cost, how much they take, what their servers allow.
//!
//! A model that is not in it may be asked all the same; its price is then unknown, which is never zero.

use std::collections::BTreeMap;

use super::error::Problem;
use super::file;
use super::key::{Holder, nearest};
use super::origin::{Given, Origin};
use super::shipped;
use super::value::{self, Wanted};
use crate::model::price::Price;

/// What is known of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// Dollars per million input tokens.
    pub input: Option<f64>,
    /// ... of those that were cached.
    pub cached_input: Option<f64>,
    /// ... and output tokens.
    pub output: Option<f64>,
    /// The most tokens of a prompt; where a server counts so, of prompt and answer together.
    pub context: Option<u64>,
    /// Tokens of one answer.
    pub max_output: Option<u64>,
    /// It thinks first, is billed for that as output, and takes no temperature.
    pub reasoning: bool,
    /// The day the price was read.
    pub read: Option<String>,
    /// Whether any of it is the user's own word.
    pub own: bool,
    /// Published limits, by usage tier.
    pub tiers: BTreeMap<u64, Tier>,
}

/// What a server allows in a usage tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tier {
    /// Requests a minute.
    pub requests: Option<u64>,
    /// Tokens a minute.
    pub tokens: Option<u64>,
    /// Requests a day.
    pub daily_requests: Option<u64>,
}

impl Model {
    /// Its price, if both sides of it are known.
    #[must_use]
    pub fn price(&self) -> Option<Price> {
        Some(Price::per_million(
            self.input?,
            self.cached_input,
            self.output?,
        ))
    }
}

/// All models that are known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalogue(BTreeMap<String, Model>);

impl Catalogue {
    /// The shipped one.
    ///
    /// ```
    /// let models = weir::plan::models::Catalogue::shipped();
    /// assert!(models.find("gpt-4o-mini-2024-07-18").is_some());
    /// assert!(models.find("qwen3").is_none());
    /// ```
    #[must_use]
    pub fn shipped() -> Self {
        let read = file::read("models.toml", shipped::MODELS, Holder::Catalogue);
        let mut catalogue = Self::default();
        for given in &read.given {
            // The tests read the embedded file: here it is right.
            if let Err(problem) = catalogue.add(given) {
                debug_assert!(false, "{problem}");
            }
        }
        catalogue
    }

    /// Adds or changes one value of one model.
    pub(super) fn add(&mut self, given: &Given) -> Result<(), Problem> {
        let wrong = |message| Problem::of(&given.key.to_string(), given.origin.clone(), message);
        let parts: Vec<&str> = given.key.0.iter().map(String::as_str).collect();
        let [_, name, field @ ..] = parts.as_slice() else {
            return Err(wrong("there is no such key".to_owned()));
        };
        let model = self.0.entry((*name).to_owned()).or_default();
        model.own |= !matches!(given.origin, Origin::Dataflow(_));
        model.set(field, given).map_err(wrong)
    }

    /// What is known of a model. The dated snapshot of a model (`gpt-4o-2024-08-06`) is that model.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Model> {
        self.0.get(name).or_else(|| self.0.get(undated(name)?))
    }

    /// The known name most like this one.
    #[must_use]
    pub fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.0.keys().map(String::as_str))
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// A name without its `-YYYY-MM-DD`.
fn undated(name: &str) -> Option<&str> {
    const DATE: usize = "-2024-07-18".len();
    let (base, date) = name.split_at_checked(name.len().checked_sub(DATE)?)?;
    let like = |(have, form): (char, char)| match form {
        '-' => have == '-',
        _ => have.is_ascii_digit(),
    };
    date.chars()
        .zip("-0000-00-00".chars())
        .all(like)
        .then_some(base)
}

impl Model {
    fn set(&mut self, field: &[&str], given: &Given) -> Wanted<()> {
        let tokens = |given| value::count(given, 1, value::MOST);
        match field {
            ["provider"] => match value::word(given)?.as_str() {
                "openai" => {}
                other => return Err(format!("{other:?} is no provider; known: openai")),
            },
            ["input"] => self.input = Some(value::price(given)?),
            ["cached_input"] => self.cached_input = Some(value::price(given)?),
            ["output"] => self.output = Some(value::price(given)?),
            ["context"] => self.context = Some(tokens(given)?),
            ["max_output"] => self.max_output = Some(tokens(given)?),
            ["reasoning"] => self.reasoning = value::flag(given)?,
            ["read"] => self.read = Some(value::word(given)?),
            ["tiers", tier, field] => {
                let tier = tier.parse().or(Err("a tier is a number"))?;
                let tier = self.tiers.entry(tier).or_default();
                match *field {
                    "requests" => tier.requests = Some(value::rate(given)?),
                    "tokens" => tier.tokens = Some(value::rate(given)?),
                    _ => tier.daily_requests = Some(value::daily(given)?),
                }
            }
            _ => return Err("there is no such key".to_owned()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::call::Usage;
    use crate::model::unit::Usd;

    #[test]
    fn the_shipped_catalogue_is_whole() {
        let read = file::read("models.toml", shipped::MODELS, Holder::Catalogue);
        assert_eq!(read.problems, []);
        let mut catalogue = Catalogue::default();
        for given in &read.given {
            catalogue.add(given).unwrap();
        }
        assert_eq!(catalogue.names().count(), 26);
        for (name, model) in &catalogue.0 {
            assert!(model.price().is_some(), "{name}");
            assert!(
                model.context.is_some() && model.max_output.is_some(),
                "{name}"
            );
            assert!(model.read.is_some() && !model.own, "{name}");
            assert_eq!(model.reasoning, !name.starts_with("gpt-4"), "{name}");
        }
    }

    #[test]
    fn prices_and_tiers_are_those_of_the_list() {
        let catalogue = Catalogue::shipped();
        let mini = catalogue.find("gpt-4o-mini").unwrap();
        let usage = Usage {
            input: 1_000_000,
            cached: 500_000,
            output: 1_000_000,
        };
        let cost = mini.price().unwrap().cost(usage);
        assert_eq!(cost, Usd::from_dollars(0.7125).unwrap());
        assert_eq!(
            mini.tiers[&1],
            Tier {
                requests: Some(500),
                tokens: Some(200_000),
                daily_requests: Some(10_000)
            }
        );
        assert_eq!(
            catalogue.find("gpt-4o").unwrap().tiers[&5].tokens,
            Some(30_000_000)
        );
    }

    #[test]
    fn names_are_found_as_people_write_them() {
        let catalogue = Catalogue::shipped();
        assert!(catalogue.find("gpt-4.1-2025-04-14").is_some());
        assert!(catalogue.find("gpt-4.1-2025-04-1").is_none());
        assert!(catalogue.find("é").is_none() && catalogue.find("").is_none());
        assert_eq!(catalogue.nearest("gpt-4o-min"), Some("gpt-4o-mini"));
        assert_eq!(undated("ééééééé"), None);
    }
}
