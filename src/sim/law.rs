//! How long things take, as laws that are written down in a word: `2s`, `uniform:15s-40s`, `lognormal:20s:0.5`,
//! `per-token:15ms`, and sums of these: `constant:1s+per-token:10ms`.

use std::time::Duration;

/// A law of latencies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Latency(Vec<Term>);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Term {
    Constant(Duration),
    Uniform(Duration, Duration),
    LogNormal { median: Duration, sigma: f64 },
    PerToken(Duration),
}

impl Latency {
    /// Always the same.
    #[must_use]
    pub fn constant(time: Duration) -> Self {
        Self(vec![Term::Constant(time)])
    }

    /// Log-normal, of this median.
    #[must_use]
    pub fn log_normal(median: Duration, sigma: f64) -> Self {
        Self(vec![Term::LogNormal { median, sigma }])
    }

    /// Reads a law.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        text.split('+')
            .map(term)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// One latency, of an answer of so many tokens.
    pub fn sample(&self, chance: &mut fastrand::Rng, tokens: u64) -> Duration {
        let terms = self.0.iter().map(|term| match *term {
            Term::Constant(time) => time,
            Term::Uniform(least, most) => least + most.saturating_sub(least).mul_f64(chance.f64()),
            Term::LogNormal { median, sigma } => {
                // Longer than a day would say nothing that a day does not.
                let factor = (sigma * normal(chance)).exp().min(1e5);
                median.mul_f64(factor)
            }
            Term::PerToken(each) => each.saturating_mul(u32::try_from(tokens).unwrap_or(u32::MAX)),
        });
        terms.fold(Duration::ZERO, Duration::saturating_add)
    }
}

fn term(text: &str) -> Result<Term, String> {
    let parts: Vec<&str> = text.trim().split(':').collect();
    match parts.as_slice() {
        [time] | ["constant", time] => duration(time).map(Term::Constant),
        ["uniform", range] => {
            let wrong = || format!("{range:?} is no range such as 15s-40s");
            let (least, most) = range.split_once('-').ok_or_else(wrong)?;
            let (least, most) = (duration(least)?, duration(most)?);
            if most < least {
                return Err(wrong());
            }
            Ok(Term::Uniform(least, most))
        }
        ["lognormal", median, sigma] => {
            let number = sigma.parse().ok();
            let sigma = number.filter(|sigma| (0.0..=4.0).contains(sigma));
            Ok(Term::LogNormal {
                median: duration(median)?,
                sigma: sigma.ok_or("the sigma of lognormal is a number from 0 to 4")?,
            })
        }
        ["per-token", each] => duration(each).map(Term::PerToken),
        _ => Err(format!(
            "{text:?} is no latency: 2s, uniform:15s-40s, lognormal:20s:0.5, per-token:15ms, or a sum with +"
        )),
    }
}

/// How many tokens an answer has: `1200`, or `lognormal:1200:0.3`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tokens {
    median: f64,
    sigma: f64,
}

impl Tokens {
    /// Reads a law.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.trim().split(':').collect();
        let (median, sigma) = match parts.as_slice() {
            [median] => (*median, "0"),
            ["lognormal", median, sigma] => (*median, *sigma),
            _ => ("", ""),
        };
        let median = median
            .parse()
            .ok()
            .filter(|median| (1.0..=1e6).contains(median));
        let sigma = sigma
            .parse()
            .ok()
            .filter(|sigma| (0.0..=4.0).contains(sigma));
        let both = median
            .zip(sigma)
            .map(|(median, sigma)| Self { median, sigma });
        both.ok_or_else(|| format!("{text:?} is no number of tokens: 1200, or lognormal:1200:0.3"))
    }

    /// The tokens of one answer.
    pub fn sample(&self, chance: &mut fastrand::Rng) -> u64 {
        let tokens = self.median * (self.sigma * normal(chance)).exp();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and bounded just here"
        )]
        let tokens = tokens.clamp(1.0, 1e7) as u64;
        tokens
    }
}

/// A number by the normal law.
fn normal(chance: &mut fastrand::Rng) -> f64 {
    let (a, b) = (1.0 - chance.f64(), chance.f64());
    (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}

/// `250ms`, `2s`, `1.5m`, `1h`.
///
/// # Errors
/// Says that it is none.
pub fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let wrong = || format!("{text:?} is no time such as 250ms, 2s, 10m or 1h");
    let letters = text.find(|c: char| c.is_ascii_alphabetic());
    let (number, unit) = text.split_at(letters.unwrap_or(text.len()));
    let unit = match unit {
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    let number: f64 = number.trim().parse().map_err(|_no_number| wrong())?;
    // A year is longer than anything here.
    let seconds = (number * unit).min(3.2e7);
    Duration::try_from_secs_f64(seconds).map_err(|_negative| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(law: &str, tokens: u64) -> f64 {
        let law = Latency::parse(law).unwrap();
        let mut chance = fastrand::Rng::with_seed(3);
        let sum: Duration = (0..20_000).map(|_| law.sample(&mut chance, tokens)).sum();
        sum.as_secs_f64() / 20_000.0
    }

    #[test]
    fn laws_are_what_they_say() {
        let near = |law: &str, tokens, wanted: f64| {
            let found = mean(law, tokens);
            assert!((found - wanted).abs() < 0.02 * wanted, "{law}: {found}");
        };
        near("2s", 7, 2.0);
        near("uniform:15s-40s", 7, 27.5);
        near("lognormal:20s:0.5", 7, 20.0 * (0.125_f64).exp());
        near("per-token:15ms", 200, 3.0);
        near("constant:1s + per-token:10ms + uniform:0s-2s", 100, 3.0);
        assert_eq!(
            Latency::default().sample(&mut fastrand::Rng::new(), 9),
            Duration::ZERO
        );
    }

    #[test]
    fn what_is_no_law() {
        for text in [
            "",
            "soon",
            "2",
            "-2s",
            "uniform:2s",
            "uniform:3s-2s",
            "lognormal:2s",
            "lognormal:2s:9",
            "2s+",
        ] {
            assert!(Latency::parse(text).is_err(), "{text}");
        }
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        for text in ["", "0", "many", "lognormal:1200", "lognormal:1200:x"] {
            assert!(Tokens::parse(text).is_err(), "{text}");
        }
        let chance = &mut fastrand::Rng::with_seed(1);
        assert_eq!(Tokens::parse("1200").unwrap().sample(chance), 1200);
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
    }
}
