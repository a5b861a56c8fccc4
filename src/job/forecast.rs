//! What a run would ask, without asking, storing or locking anything: it may be looked at while a run goes on.

use std::collections::{BTreeMap, BTreeSet};

use super::open::{OpenError, view, way};
use super::order::Order;
use super::reader;
use crate::flow::desk::published::{self, Published};
use crate::limit::purse::Gone;
use crate::model::form::Form;
use crate::model::id::{AnswerKey, Fingerprint, PromptId, SchemaId};
use crate::model::unit::Usd;
use crate::plan::estimate::{Calibration, Counts};
use crate::source::walk;
use crate::stage::extract::schema::form;
use crate::store::{Database, Mode, StoreError, StoredAnswer};

/// Why a chunk would be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Its text has never been seen.
    New,
    /// Its last answer was to another prompt, schema, model or parameters.
    Changed,
    /// It could not be asked before: the provider was out of reach.
    Unreachable,
    /// The last run ended before it was asked or answered.
    Unfinished,
}

impl Reason {
    /// In words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new text",
            Self::Changed => "prompt, schema, model or parameters changed",
            Self::Unreachable => "the provider was out of reach",
            Self::Unfinished => "the last run did not get to it",
        }
    }
}

/// What an earlier answer is to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Vintage {
    /// The prompt.
    pub prompt: PromptId,
    /// The answer schema.
    pub schema: SchemaId,
    /// The model as asked for.
    pub model: String,
}

/// What one file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileForecast {
    /// Its path below its root.
    pub path: String,
    /// Its chunks.
    pub counts: Counts,
    /// Why it cannot be read, if it cannot.
    pub unreadable: Option<String>,
}

/// What a run would ask.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forecast {
    /// By path.
    pub files: Vec<FileForecast>,
    /// All together.
    pub total: Counts,
    /// The chunks to be asked, by reason.
    pub reasons: BTreeMap<Reason, u64>,
    /// Chunks that are outside the scope of the order, and would be asked without it.
    pub outside: u64,
    /// What earlier answers of this prompt and model took, if there are any.
    pub calibration: Option<Calibration>,
    /// The chunks whose answer in the tables is to an earlier question.
    pub vintages: BTreeMap<Vintage, u64>,
    /// Of these, what asking anew takes.
    pub migration: Counts,
    /// What was passed over in the inputs, in words.
    pub passed_over: Vec<String>,
    /// What counts against the caps already: of runs that the next one goes on from.
    pub gone: Gone,
    /// What was spent in this calendar month, by all that is run with this state.
    pub month: Usd,
}

/// What is known before a file is read: what the tables held last, what earlier answers took, and what was spent.
fn known(
    database: &Database,
    order: &Order,
    before: &mut BTreeMap<Fingerprint, Published>,
) -> Result<Forecast, StoreError> {
    let view = view(order).id();
    database.outcomes(view, |fingerprint, bytes| {
        before.extend(published::decode(bytes).map(|known| (fingerprint, known)));
    })?;
    Ok(Forecast {
        calibration: measured(database, order)?,
        gone: database.gone(view)?,
        month: database.spent_since((order.wall)().month())?,
        ..Forecast::default()
    })
}

/// Reads and cuts up every file, and looks every chunk up. Blocks.
///
/// # Errors
/// If an input is missing, or there is a state that cannot be read.
pub fn forecast(order: &Order) -> Result<Forecast, OpenError> {
    let listing = walk::walk(&order.roots, &order.files).map_err(OpenError::Source)?;
    way(&order.state, "--state")?;
    let state = |cause| OpenError::State {
        path: order.state.clone(),
        cause,
    };
    let database = match Database::open(&order.state, Mode::Read) {
        Ok(database) => Some(database),
        Err(StoreError::Absent { .. }) => None,
        Err(cause) => return Err(state(cause)),
    };
    let mut before = BTreeMap::new();
    let mut forecast = match &database {
        Some(database) => known(database, order, &mut before).map_err(state)?,
        None => Forecast::default(),
    };
    let passed = listing.problems.iter();
    forecast.passed_over = passed
        .map(|problem| format!("{}: {}", problem.relative, problem.what))
        .collect();
    // Without a model nothing is ever asked.
    let nothing = form(&order.question.schema) == Form::Repeats;
    let mut seen: BTreeSet<Fingerprint> = BTreeSet::new();
    for file in &listing.files {
        let mut found = FileForecast {
            path: file.relative.clone(),
            ..FileForecast::default()
        };
        match reader::chunks(file, &order.reading) {
            Err(why) => found.unreadable = Some(why.to_string()),
            Ok(chunks) => {
                let (dropped, asked): (Vec<_>, Vec<_>) = chunks
                    .into_iter()
                    .partition(|chunk| chunk.facts.dropped.is_some());
                let all = asked.len();
                let asked: Vec<_> = asked
                    .iter()
                    .map(|chunk| (chunk.fingerprint, chunk.facts.tokens))
                    .filter(|(fingerprint, _)| seen.insert(*fingerprint))
                    .collect();
                found.counts.dropped = dropped.len() as u64;
                found.counts.duplicate = (all - asked.len()) as u64;
                let keys: Vec<AnswerKey> = asked
                    .iter()
                    .map(|(fingerprint, _)| order.context.key(*fingerprint))
                    .collect();
                let earlier = match &database {
                    Some(database) => {
                        let asked = asked.iter().map(|(fingerprint, _)| fingerprint);
                        earlier(database, &before, asked).map_err(state)?
                    }
                    None => BTreeMap::new(),
                };
                let (answered, given_up) = match &database {
                    Some(database) => (
                        database.known(&keys).map_err(state)?,
                        database.failures(&keys).map_err(state)?,
                    ),
                    None => Default::default(),
                };
                for ((fingerprint, tokens), key) in asked.iter().zip(&keys) {
                    let failed = given_up.get(key);
                    let old = earlier.get(fingerprint);
                    let kept = order.allow.old_answers
                        && old.is_some_and(|old| old.schema == order.context.schema);
                    if answered.contains(key) || nothing || kept {
                        found.counts.cached += 1;
                    } else if failed.is_some_and(|failed| !failed.reason.transient())
                        && !order.retry_failures
                    {
                        found.counts.failed += 1;
                    } else if !order.scope.holds(*fingerprint) {
                        forecast.outside += 1;
                    } else {
                        found.counts.new += 1;
                        found.counts.new_tokens += u64::from(*tokens);
                        if let Some(old) = old {
                            *forecast.vintages.entry(old.clone()).or_default() += 1;
                            forecast.migration.new += 1;
                            forecast.migration.new_tokens += u64::from(*tokens);
                        }
                        let reason = reason(before.get(fingerprint), failed.is_some());
                        *forecast.reasons.entry(reason).or_default() += 1;
                    }
                }
            }
        }
        add(&mut forecast.total, &found.counts);
        forecast.files.push(found);
    }
    Ok(forecast)
}

/// What earlier answers to this question took, if there are any.
fn measured(database: &Database, order: &Order) -> Result<Option<Calibration>, StoreError> {
    let question = &order.question;
    let taken = database.output_tokens(question.prompt_id, question.schema_id, &question.model)?;
    Ok(taken.map(|(answers, p50, p95)| Calibration {
        answers,
        output_p50: p50,
        output_p95: p95,
    }))
}

/// What the answers that the tables hold to these texts are to.
fn earlier<'a>(
    database: &Database,
    before: &BTreeMap<Fingerprint, Published>,
    asked: impl Iterator<Item = &'a Fingerprint>,
) -> Result<BTreeMap<Fingerprint, Vintage>, StoreError> {
    let keys: BTreeMap<AnswerKey, Fingerprint> = asked
        .filter_map(|fingerprint| match before.get(fingerprint) {
            Some(Published::Answered(key)) => Some((*key, *fingerprint)),
            _ => None,
        })
        .collect();
    let list: Vec<AnswerKey> = keys.keys().copied().collect();
    let answers = database.answers(&list)?;
    let vintage = |(key, stored): (AnswerKey, StoredAnswer)| {
        let vintage = Vintage {
            prompt: stored.prompt,
            schema: stored.schema,
            model: stored.model,
        };
        Some((*keys.get(&key)?, vintage))
    };
    Ok(answers.into_iter().filter_map(vintage).collect())
}

fn reason(before: Option<&Published>, failed: bool) -> Reason {
    match before {
        _ if failed => Reason::Unreachable,
        Some(Published::Answered(_) | Published::Failed(_)) => Reason::Changed,
        Some(Published::Pending | Published::Unasked) => Reason::Unfinished,
        None => Reason::New,
    }
}

fn add(total: &mut Counts, more: &Counts) {
    total.new += more.new;
    total.cached += more.cached;
    total.duplicate += more.duplicate;
    total.dropped += more.dropped;
    total.failed += more.failed;
    total.new_tokens += more.new_tokens;
}
