//! A checked plan -> an order: the provider is made, the clock and chance of this machine are handed in.

use std::path::PathBuf;
use std::sync::Arc;

use super::house::Account;
use super::order::{Allow, Order, Timing};
use super::reader::Reading;
use super::samples;
use crate::flow::engine::Wall;
use crate::flow::scope::Scope;
use crate::limit::Caps;
use crate::llm::openai::{Key, Misconfigured, OpenAi, Options};
use crate::llm::rules::Rules;
use crate::llm::{Provider, client};
use crate::model::price::Price;
use crate::model::unit::Micros;
use crate::plan::{Plan, ProviderChoice, Roots};
use crate::secret::Secret;
use crate::source::Root;

/// A plan that cannot be carried out on this machine.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The provider.
    #[error("could not set up the provider")]
    Provider(#[source] Misconfigured),
    /// The samples.
    #[error("could not write the sample transcripts below {}", state.display())]
    Samples {
        /// The state folder.
        state: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
}

/// What the command line adds to a plan.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// The guards that are lifted.
    pub allow: Allow,
    /// Whether every file is read.
    pub rehash: bool,
    /// Whether what was given up is asked again.
    pub retry_failures: bool,
    /// Whether it goes on with what comes, changes and goes.
    pub watch: bool,
    /// A folder of this user, in which processes of this machine see each other.
    pub shared: Option<PathBuf>,
}

/// The order of a plan.
///
/// # Errors
/// If the provider cannot be set up, or the samples not be written.
pub fn order(plan: &Plan, extras: Extras) -> Result<Order, OrderError> {
    let roots = match &plan.roots {
        Roots::Given(roots) => roots.clone(),
        Roots::Samples => {
            let unpacked = samples::unpack(&plan.state);
            let path = unpacked.map_err(|cause| OrderError::Samples {
                state: plan.state.clone(),
                cause,
            })?;
            vec![Root {
                label: "samples".into(),
                path,
            }]
        }
    };
    let rules = matches!(
        plan.provider,
        ProviderChoice::Rules | ProviderChoice::Nobody
    );
    let mut options = client::Options::default();
    let tokens = plan.batch.tokens.get();
    options.batch.tokens = tokens;
    options.batch.most_tokens = options.batch.most_tokens.max(tokens);
    if let Some(chunks) = plan.batch.chunks {
        // A bound on chunks is a wish for that size: tokens follow, so that it is reached at once.
        options.batch.most_chunks = chunks.get() as usize;
        let wished = chunks
            .get()
            .saturating_mul(plan.chunk.target.get())
            .saturating_mul(2);
        options.batch.tokens = options.batch.tokens.max(wished);
        options.batch.most_tokens = options.batch.most_tokens.max(wished);
    } else if rules {
        // Rules mix nothing up: large batches save writes.
        options.batch.most_chunks = 64;
        options.batch.tokens = 32_000;
        options.batch.most_tokens = 32_000;
    }
    if let Some(most) = plan.max_output {
        options.learn.most = options
            .learn
            .most
            .min(u32::try_from(most).unwrap_or(u32::MAX));
    }
    let labelled = roots.len() > 1;
    let mut files = plan.source.clone();
    let ours = [&plan.output, &plan.state].into_iter();
    files
        .skip
        .extend(ours.filter_map(|path| std::path::absolute(path).ok()));
    Ok(Order {
        dataflow: plan.name.clone(),
        roots,
        files,
        reading: Reading {
            chunk: plan.chunk,
            value_min: plan.value_min,
            metadata: plan.metadata.clone(),
            labelled,
            hash: format!("{}/{}/{labelled}", plan.reading, plan.value_min),
        },
        question: Arc::clone(&plan.question),
        context: plan.key_context.clone(),
        provider: provider(plan)?,
        paid: !rules,
        price: if rules {
            Some(Price {
                input: 0.0,
                cached: 0.0,
                output: 0.0,
            })
        } else {
            plan.price
        },
        account: account(plan),
        limits: plan.limits,
        weight: 1,
        caps: Caps {
            cost: plan.budget.max_cost,
            calls: plan.budget.max_calls,
            tokens: plan.budget.max_tokens,
        },
        monthly: plan.budget.monthly.filter(|_| plan.costs()),
        shared: extras.shared,
        client: options,
        output: plan.output.clone(),
        state: plan.state.clone(),
        workers: plan.workers.get(),
        // A run that keeps old answers does not settle one that would ask anew.
        plan: if extras.allow.old_answers {
            format!("{}/old", plan.hash)
        } else {
            plan.hash.clone()
        },
        allow: extras.allow,
        rehash: extras.rehash,
        retry_failures: extras.retry_failures,
        scope: Scope::All,
        wall: wall(),
        seed: fastrand::u64(..),
        timing: Timing::default(),
        watch: extras.watch,
        job: None,
    })
}

fn provider(plan: &Plan) -> Result<Arc<dyn Provider>, OrderError> {
    let ProviderChoice::OpenAi {
        base_url,
        preset,
        key,
        timeout,
    } = &plan.provider
    else {
        return Ok(Arc::new(Rules));
    };
    let options = Options {
        key: key.as_ref().and_then(|key| Key::new(key.expose())),
        total: *timeout,
        connections: plan.limits.in_flight,
        ..Options::new(*preset, base_url.clone())
    };
    Ok(Arc::new(
        OpenAi::new(options).map_err(OrderError::Provider)?,
    ))
}

fn account(plan: &Plan) -> Account {
    match &plan.provider {
        ProviderChoice::OpenAi { base_url, key, .. } => {
            Account::of(base_url, key.as_ref().map(Secret::expose))
        }
        other => Account::of(other.name(), None),
    }
}

/// The clock of this machine.
#[must_use]
pub fn wall() -> Wall {
    Arc::new(|| {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    })
}
