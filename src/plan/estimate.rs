//! Calls, tokens, dollars, minutes, before any is spent. Arithmetic only.

use std::fmt;
use std::time::Duration;

use super::Budget;
use crate::limit::Limits;
use crate::model::call::Usage;
use crate::model::price::Price;
use crate::model::unit::Usd;

/// From so many answers on, what they took is a measure and not an anecdote.
const CALIBRATED: u64 = 50;

/// Output tokens for one token of a chunk, where nothing was measured: from answers of nearly nothing to every name
/// quoted. A guess, and said to be one.
const GUESS: (f64, f64) = (0.3, 1.6);

/// Around each chunk of a batch: its id, asked and echoed, and the marks between.
const FRAME: u64 = 20;

/// What is to be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Chunks that will be asked.
    pub new: u64,
    /// Those whose answer is in the ledger.
    pub cached: u64,
    /// Those that another chunk stands for.
    pub duplicate: u64,
    /// Those that are not worth asking.
    pub dropped: u64,
    /// Those that failed for good, and are asked only on demand.
    pub failed: u64,
    /// Tokens of the new ones.
    pub new_tokens: u64,
}

/// What earlier answers of the same prompt and model took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    /// How many there are.
    pub answers: u64,
    /// Output tokens of a chunk: the middle one.
    pub output_p50: f64,
    /// ... and that which 95 of 100 do not pass.
    pub output_p95: f64,
}

/// How it is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Basis {
    /// Tokens of instructions and schema, in every call.
    pub prompt_tokens: u64,
    /// Tokens of a call's chunks.
    pub batch_tokens: u64,
    /// The most chunks of a call.
    pub batch_chunks: u64,
    /// What was measured, if anything.
    pub calibration: Option<Calibration>,
    /// The price, if known.
    pub price: Option<Price>,
    /// What the server allows.
    pub limits: Limits,
    /// How long a call takes.
    pub latency: Duration,
}

/// Which limit a run cannot be faster than.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Nothing is called.
    Nothing,
    /// Requests a minute.
    Requests,
    /// Tokens a minute.
    Tokens,
    /// Requests a day.
    Daily,
    /// Calls in flight.
    InFlight,
}

impl Bound {
    /// For people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Requests => "requests a minute",
            Self::Tokens => "tokens a minute",
            Self::Daily => "requests a day",
            Self::InFlight => "calls in flight",
        }
    }
}

/// A forecast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Calls, without retries.
    pub calls: u64,
    /// Input tokens.
    pub input: u64,
    /// Output tokens, from and to.
    pub output: (u64, u64),
    /// The cost, from and to; `None` if the price is unknown.
    pub cost: Option<(Usd, Usd)>,
    /// Tokens that the calls reserve together: what counts against tokens a minute.
    pub reserved: u64,
    /// Minutes that each limit asks for at least.
    pub minutes_by: [(Bound, f64); 4],
    /// Whether output was measured and not guessed.
    pub calibrated: bool,
}

fn whole(number: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to what a u64 holds"
    )]
    (number.ceil().clamp(0.0, 1e18) as u64)
}

/// What asking will take.
#[must_use]
pub fn estimate(counts: &Counts, basis: &Basis) -> Estimate {
    let new = counts.new;
    let mean = if new == 0 {
        0.0
    } else {
        counts.new_tokens as f64 / new as f64
    };
    let by_tokens = if mean > 0.0 {
        basis.batch_tokens as f64 / mean
    } else {
        f64::MAX
    };
    let chunks_a_call = by_tokens
        .floor()
        .clamp(1.0, basis.batch_chunks.max(1) as f64);
    let calls = whole(new as f64 / chunks_a_call);
    let input = calls
        .saturating_mul(basis.prompt_tokens)
        .saturating_add(counts.new_tokens)
        .saturating_add(new.saturating_mul(FRAME));
    let measured = basis
        .calibration
        .filter(|known| known.answers >= CALIBRATED);
    let a_chunk = measured.map_or((mean * GUESS.0, mean * GUESS.1), |known| {
        (known.output_p50, known.output_p95.max(known.output_p50))
    });
    let output = (whole(new as f64 * a_chunk.0), whole(new as f64 * a_chunk.1));
    let cost = basis.price.map(|price| {
        let at = |output| {
            price.cost(Usage {
                input,
                cached: 0,
                output,
            })
        };
        (at(output.0), at(output.1))
    });
    // A call is let go against what its answer may take at most, and settled afterwards.
    let reserved = input.saturating_add(output.1);
    Estimate {
        calls,
        input,
        output,
        cost,
        reserved,
        minutes_by: minutes(calls, reserved, &basis.limits, basis.latency),
        calibrated: measured.is_some(),
    }
}

/// Minutes that each limit asks for at least.
#[must_use]
pub fn minutes(calls: u64, tokens: u64, limits: &Limits, latency: Duration) -> [(Bound, f64); 4] {
    let share = |amount: u64, rate: u64| amount as f64 / rate.max(1) as f64;
    let days = limits
        .requests_per_day
        .map_or(0, |daily| calls.saturating_sub(1) / daily.max(1));
    let in_flight = limits.in_flight.max(1) as f64;
    [
        (Bound::Requests, share(calls, limits.requests_per_minute)),
        (Bound::Tokens, share(tokens, limits.tokens_per_minute)),
        (Bound::Daily, days as f64 * 1440.0),
        (
            Bound::InFlight,
            calls as f64 * latency.as_secs_f64() / 60.0 / in_flight,
        ),
    ]
}

impl Estimate {
    /// The limit that binds, and the minutes that a run takes at least because of it.
    #[must_use]
    pub fn least(&self) -> (Bound, f64) {
        let most = self
            .minutes_by
            .iter()
            .copied()
            .max_by(|a, b| a.1.total_cmp(&b.1));
        most.filter(|_| self.calls > 0)
            .unwrap_or((Bound::Nothing, 0.0))
    }

    /// Whether a cap may be reached before all is asked.
    #[must_use]
    pub fn may_exceed(&self, budget: &Budget) -> bool {
        let over = |cap: Option<u64>, amount: u64| cap.is_some_and(|cap| amount > cap);
        over(budget.max_calls, self.calls)
            || over(budget.max_tokens, self.reserved)
            || matches!((budget.max_cost, self.cost), (Some(cap), Some((_, most))) if most > cap)
    }
}

impl fmt::Display for Estimate {
    /// A line each for calls, tokens, cost and time.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let guess = if self.calibrated || self.calls == 0 {
            ""
        } else {
            " (not calibrated: fewer than 50 answers of this prompt and model are known)"
        };
        writeln!(f, "calls          {}", self.calls)?;
        writeln!(f, "input tokens   {}", self.input)?;
        writeln!(
            f,
            "output tokens  {} to {}{guess}",
            self.output.0, self.output.1
        )?;
        match self.cost {
            Some((least, most)) => writeln!(f, "cost           {least} to {most}{guess}")?,
            None => writeln!(
                f,
                "cost           unknown: the price of this model is not known"
            )?,
        }
        let (bound, minutes) = self.least();
        write!(
            f,
            "time           at least {minutes:.1} min, bound by {}",
            bound.name()
        )?;
        for (bound, minutes) in self.minutes_by.iter().filter(|(_, minutes)| *minutes > 0.0) {
            write!(f, "\n  by {:<18} {minutes:.1} min", bound.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basis() -> Basis {
        Basis {
            prompt_tokens: 1000,
            batch_tokens: 2400,
            batch_chunks: 20,
            calibration: None,
            price: Some(Price::per_million(0.15, None, 0.6)),
            limits: Limits {
                requests_per_minute: 500,
                tokens_per_minute: 1_000_000,
                requests_per_day: None,
                in_flight: 208,
            },
            latency: Duration::from_secs(25),
        }
    }

    /// 1,767 calls of 4,000 tokens at 500 requests and a million tokens a minute: tokens bind.
    #[test]
    fn the_bounds_are_those_of_the_arithmetic() {
        let found = minutes(1767, 1767 * 4000, &basis().limits, basis().latency);
        let rounded = found.map(|(bound, minutes)| (bound, (minutes * 10.0).round() / 10.0));
        assert_eq!(
            rounded,
            [
                (Bound::Requests, 3.5),
                (Bound::Tokens, 7.1),
                (Bound::Daily, 0.0),
                (Bound::InFlight, 3.5)
            ]
        );
        let limits = Limits {
            requests_per_day: Some(1000),
            ..basis().limits
        };
        for (calls, days) in [(1000, 0.0), (2000, 1.0), (2001, 2.0)] {
            let [_, _, (_, minutes), _] = minutes(calls, 0, &limits, Duration::ZERO);
            assert!((minutes - days * 1440.0).abs() < 1e-9, "{calls}");
        }
    }

    #[test]
    fn a_forecast_adds_up() {
        let counts = Counts {
            new: 100,
            new_tokens: 24_000,
            cached: 7,
            ..Counts::default()
        };
        let guess = estimate(&counts, &basis());
        assert_eq!(
            (guess.calls, guess.input),
            (10, 10 * 1000 + 24_000 + 100 * FRAME)
        );
        assert_eq!(guess.output, (7_200, 38_400));
        assert!(!guess.calibrated && guess.to_string().contains("not calibrated"));
        assert_eq!(guess.least().0, Bound::Tokens);
        let few = Calibration {
            answers: 49,
            output_p50: 1.0,
            output_p95: 2.0,
        };
        let known = Calibration { answers: 50, ..few };
        let with = |calibration| {
            let basis = Basis {
                calibration: Some(calibration),
                ..basis()
            };
            estimate(&counts, &basis)
        };
        assert_eq!(with(few), guess);
        assert_eq!(with(known).output, (100, 200));
        assert!(with(known).calibrated);
    }

    #[test]
    fn caps_are_seen_coming() {
        let counts = Counts {
            new: 100,
            new_tokens: 24_000,
            ..Counts::default()
        };
        let estimate = estimate(&counts, &basis());
        let cap = |max_cost, max_calls| Budget {
            max_cost: Usd::from_dollars(max_cost),
            max_calls: Some(max_calls),
            ..Budget::default()
        };
        assert!(!estimate.may_exceed(&Budget::default()));
        assert!(!estimate.may_exceed(&cap(1.0, 10)));
        assert!(estimate.may_exceed(&cap(1.0, 9)));
        assert!(estimate.may_exceed(&cap(0.01, 10)));
    }

    #[test]
    fn nothing_and_too_much_are_no_trouble() {
        let nothing = estimate(&Counts::default(), &basis());
        assert_eq!((nothing.calls, nothing.least().0), (0, Bound::Nothing));
        assert_eq!(nothing.cost, Some((Usd(0), Usd(0))));
        let much = Counts {
            new: u64::MAX,
            new_tokens: u64::MAX,
            ..Counts::default()
        };
        let unpriced = Basis {
            price: None,
            batch_chunks: 0,
            batch_tokens: 0,
            ..basis()
        };
        assert!(estimate(&much, &unpriced).to_string().contains("unknown"));
    }
}
