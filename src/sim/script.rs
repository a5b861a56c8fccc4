//! What goes wrong when: by the number of the call, by time, by what a chunk says, by chance.
//!
//! ```text
//! call 17: 500
//! calls 10-20, 50%: reset
//! from 10s to 70s: 503
//! from 10s to 70s: gone
//! on "poison": 400
//! 2%: 429
//! at 30s: limits x0.5
//! at 90s: limits 500 1000000
//! ```

use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use super::admission::Rates;
use super::fault::Act;
use super::law::duration;

/// When, and how often, something is done to calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// By number, from 1.
    pub calls: RangeInclusive<u64>,
    /// By time since the start.
    pub time: Range<Duration>,
    /// Only calls with a chunk that contains this.
    pub contains: String,
    /// Of the calls that all this holds for, this share.
    pub share: f64,
    /// So many times at most.
    pub times: u64,
    /// What is done.
    pub act: Act,
}

impl Rule {
    /// To every call.
    #[must_use]
    pub fn always(act: Act) -> Self {
        Self {
            calls: 0..=u64::MAX,
            time: Duration::ZERO..Duration::MAX,
            contains: String::new(),
            share: 1.0,
            times: u64::MAX,
            act,
        }
    }

    /// Whether it is meant for a call, chance aside.
    pub(super) fn holds(&self, number: u64, now: Duration, chunks: &[(String, String)]) -> bool {
        let said = || chunks.iter().any(|(_, text)| text.contains(&self.contains));
        self.calls.contains(&number)
            && self.time.contains(&now)
            && (self.contains.is_empty() || said())
    }
}

/// Other limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// So many times those of the start.
    Times(f64),
    /// These.
    Rates(Rates),
}

/// All that is to happen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// The first one that holds decides.
    pub rules: Vec<Rule>,
    /// Limits that change, by time.
    pub changes: Vec<(Duration, Change)>,
    /// When nobody listens: connections are refused, open ones are reset.
    pub gone: Vec<Range<Duration>>,
}

impl Script {
    /// Adds what a text says, line by line; empty lines and lines that begin with `#` say nothing.
    ///
    /// # Errors
    /// Names the first line that cannot be read, and what is wrong with it.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        let lines = text
            .lines()
            .enumerate()
            .map(|(number, line)| (number + 1, line.trim()));
        for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            self.line(line)
                .map_err(|why| format!("line {number}, {line:?}: {why}"))?;
        }
        Ok(())
    }

    /// Adds a fault of that name in that share of all calls: `429:2%`.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn add_share(&mut self, text: &str) -> Result<(), String> {
        let wrong = || format!("{text:?} is no fault and share such as 429:2%");
        let (name, share) = text.rsplit_once(':').ok_or_else(wrong)?;
        self.rules.push(Rule {
            share: percent(share).ok_or_else(wrong)?,
            ..Rule::always(act(name)?)
        });
        Ok(())
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let (when, what) = line.rsplit_once(':').ok_or("it has no colon")?;
        let what = what.trim();
        let mut rule = Rule::always(Act::status(500, Vec::new(), String::new()));
        let mut at = None;
        for part in conditions(when) {
            condition(part.trim(), &mut rule, &mut at)?;
        }
        if let Some(limits) = what.strip_prefix("limits ") {
            let at = at.ok_or("limits change at a time: at 30s")?;
            self.changes.push((at, change(limits)?));
            self.changes.sort_by_key(|change| change.0);
        } else if at.is_some() {
            return Err(
                "only limits change at a time; faults come in one: from 10s to 70s".to_owned(),
            );
        } else if what == "gone" {
            self.gone.push(rule.time);
        } else {
            rule.act = act(what)?;
            self.rules.push(rule);
        }
        Ok(())
    }
}

fn act(name: &str) -> Result<Act, String> {
    let all = || {
        Act::all()
            .into_iter()
            .map(|(name, _)| name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    Act::named(name.trim()).ok_or_else(|| format!("{name:?} is no fault; known are {}", all()))
}

/// Parts between commas that stand in no quotes.
fn conditions(text: &str) -> Vec<&str> {
    let mut quoted = false;
    text.split(|c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
    .collect()
}

fn condition(text: &str, rule: &mut Rule, at: &mut Option<Duration>) -> Result<(), String> {
    let wrong = || {
        format!(
            "{text:?} says not when: call 17, calls 10-20, from 10s to 70s, at 30s, on \"words\", 2%"
        )
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    if let Some(one) = text.strip_prefix("call ") {
        let one = number(one).ok_or_else(wrong)?;
        rule.calls = one..=one;
    } else if let Some(range) = text.strip_prefix("calls ") {
        let (first, last) = range.split_once('-').ok_or_else(wrong)?;
        rule.calls = number(first).ok_or_else(wrong)?..=number(last).ok_or_else(wrong)?;
    } else if let Some(range) = text.strip_prefix("from ") {
        let (from, to) = range.split_once(" to ").ok_or_else(wrong)?;
        rule.time = duration(from)?..duration(to)?;
    } else if let Some(time) = text.strip_prefix("at ") {
        *at = Some(duration(time)?);
    } else if let Some(words) = text.strip_prefix("on ") {
        let words = words
            .trim()
            .strip_prefix('"')
            .and_then(|words| words.strip_suffix('"'));
        words
            .filter(|words| !words.is_empty())
            .ok_or_else(wrong)?
            .clone_into(&mut rule.contains);
    } else {
        rule.share = percent(text).ok_or_else(wrong)?;
    }
    Ok(())
}

fn percent(text: &str) -> Option<f64> {
    let share: f64 = text.trim().strip_suffix('%')?.trim().parse().ok()?;
    (0.0..=100.0).contains(&share).then_some(share / 100.0)
}

fn change(text: &str) -> Result<Change, String> {
    let wrong = || {
        format!("{text:?} are no limits: x0.5, or requests and tokens a minute such as 500 1000000")
    };
    if let Some(factor) = text.trim().strip_prefix('x') {
        let factor = factor
            .parse()
            .ok()
            .filter(|factor| (0.001..=1000.0).contains(factor));
        return factor.map(Change::Times).ok_or_else(wrong);
    }
    let mut rates = text
        .split_whitespace()
        .map(|rate| rate.parse::<u64>().ok().filter(|rate| *rate > 0));
    match (rates.next().flatten(), rates.next().flatten(), rates.next()) {
        (Some(requests), Some(tokens), None) => Ok(Change::Rates(Rates {
            requests: Some(requests),
            tokens: Some(tokens),
        })),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_read() {
        let mut script = Script::default();
        let text = "# a day like any other\n\ncall 17: 500\ncalls 10-20, 50%: reset\nfrom 10s to 70s, on \"a, b: c\": 503\n\
                    from 1m to 2m: gone\nat 90s: limits 500 1000000\nat 30s: limits x0.5\n";
        script.add(text).unwrap();
        script.add_share("429:2%").unwrap();
        let s = Duration::from_secs;
        let [one, two, three, four] = script.rules.as_slice() else {
            panic!("{script:?}");
        };
        assert_eq!((one.calls.clone(), one.act.name()), (17..=17, "500"));
        assert!((two.share - 0.5).abs() < 1e-9 && two.calls == (10..=20));
        assert_eq!(
            (three.contains.as_str(), three.time.clone()),
            ("a, b: c", s(10)..s(70))
        );
        assert!((four.share - 0.02).abs() < 1e-9);
        assert_eq!(script.gone, [s(60)..s(120)]);
        assert_eq!(script.changes.first(), Some(&(s(30), Change::Times(0.5))));
        assert!(one.holds(17, s(5), &[]) && !one.holds(18, s(5), &[]));
        assert!(three.holds(1, s(10), &[(String::new(), "x a, b: c".to_owned())]));
        assert!(!three.holds(1, s(70), &[(String::new(), "x a, b: c".to_owned())]));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for (text, words) in [
            ("call 17", "no colon"),
            ("call x: 500", "says not when"),
            ("call 1: fire", "\"fire\" is no fault; known are 429"),
            ("from 10s: 500", "says not when"),
            ("from 10 to 20: 500", "no time"),
            ("limits x2: 500", "says not when"),
            ("from 1s to 2s: limits x2", "at 30s"),
            ("at 3s: 500", "only limits"),
            ("at 3s: limits 5", "are no limits"),
            ("120%: 500", "says not when"),
        ] {
            let why = Script::default().add(text).unwrap_err();
            assert!(why.starts_with("line 1, ") && why.contains(words), "{why}");
        }
        assert!(Script::default().add_share("429").is_err());
    }
}
