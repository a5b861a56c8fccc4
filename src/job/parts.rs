//! The parts of a run, made from its order: what is asked, who asks it, on what terms it is published.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread;

use super::open::OpenError;
use super::order::Order;
use super::pool::Pool;
use crate::flow::committer::Terms;
use crate::flow::desk::Inquiry;
use crate::flow::desk::call::{LedgerJournal, SchemaReader};
use crate::flow::desk::published::{self, Published};
use crate::flow::engine::Engine;
use crate::flow::epochs::Epoch;
use crate::flow::gauges::Gauges;
use crate::flow::scope::Scope;
use crate::flow::workers::WorkersError;
use crate::llm::client::{Client, Parts};
use crate::model::id::{AnswerKey, Fingerprint, RunId, ViewId};
use crate::sink::{Inputs, ManifestInfo};
use crate::source::walk::Listing;
use crate::stage::extract::answer::Validator;
use crate::store::{Database, StoredView};

/// What was known at the last snapshot, as far as it is `wanted`.
fn published(
    order: &Order,
    database: &Database,
    view: ViewId,
    wanted: impl Fn(Fingerprint, &Published) -> bool,
) -> Result<BTreeMap<Fingerprint, Published>, OpenError> {
    let mut known = BTreeMap::new();
    let keep = |fingerprint: Fingerprint, bytes: &[u8]| {
        let found = published::decode(bytes).filter(|outcome| wanted(fingerprint, outcome));
        known.extend(found.map(|outcome| (fingerprint, outcome)));
    };
    let state = |cause| OpenError::State {
        path: order.state.clone(),
        cause,
    };
    database.outcomes(view, keep).map_err(state)?;
    Ok(known)
}

/// The answers that the tables held last, if they are to stay whatever they answer.
fn reuse(
    order: &Order,
    database: &Database,
    view: ViewId,
) -> Result<BTreeMap<Fingerprint, AnswerKey>, OpenError> {
    if !order.allow.old_answers {
        return Ok(BTreeMap::new());
    }
    let known = published(order, database, view, |_, _| true)?;
    let answered = known.into_iter().filter_map(|(fingerprint, known)| {
        let Published::Answered(key) = known else {
            return None;
        };
        Some((fingerprint, key))
    });
    Ok(answered.collect())
}

/// What is asked; `resumes` if the tables follow from what was known at the last snapshot.
pub(super) fn inquiry(
    order: &Order,
    database: &Database,
    view: ViewId,
    base: Epoch,
    resumes: bool,
) -> Result<Arc<Inquiry>, OpenError> {
    let published = if resumes || order.scope == Scope::AsPublished {
        // Answers to the present question come with the outlines of their documents.
        let context = &order.context;
        published(order, database, view, |fingerprint, known| {
            !(resumes && *known == Published::Answered(context.key(fingerprint)))
        })?
    } else {
        BTreeMap::new()
    };
    Ok(Arc::new(Inquiry {
        question: Arc::clone(&order.question),
        context: order.context.clone(),
        view,
        base,
        reuse: reuse(order, database, view)?,
        published,
        retry_failures: order.retry_failures,
        scope: order.scope.clone(),
        in_flight: order.limits.in_flight,
        keeps_room: order.paid,
        patience: order.timing.patience,
        grace: order.timing.grace,
    }))
}

/// Who asks it.
pub(super) fn client(
    order: &Order,
    engine: &Engine,
    view: ViewId,
    run: RunId,
    gauges: &Arc<Gauges>,
    validator: Validator,
    seed: u64,
) -> Arc<Client> {
    Client::new(Parts {
        provider: Arc::clone(&engine.provider),
        lane: Arc::clone(&engine.lane),
        journal: Arc::new(LedgerJournal {
            database: Arc::clone(&engine.database),
            view,
            run,
            job: order.job,
            wall: Arc::clone(&engine.wall),
            provider: engine.provider.name().into(),
            keep_bodies: order.paid,
            awaits_intents: order.awaits_intents(),
            gauges: Arc::clone(gauges),
            sent: Mutex::default(),
        }),
        reader: Arc::new(SchemaReader {
            validator,
            mixes: order.paid,
        }),
        price: order.price,
        wall: Arc::clone(&engine.wall),
        seed,
        options: order.client,
    })
}

/// Who reads files: one thread for each processor.
pub(super) fn readers() -> Result<Pool, WorkersError> {
    let readers = thread::available_parallelism().map_or(2, usize::from);
    Pool::start(readers).map_err(|error| WorkersError::Start(error.to_string()))
}

/// On what terms it is published; `before` is the snapshot that the run goes on from, if it does.
pub(super) fn terms(
    order: &Order,
    view: ViewId,
    start: Epoch,
    before: Option<&StoredView>,
    derivation: String,
    info: ManifestInfo,
) -> Terms {
    Terms {
        view,
        start,
        resumes: before.and_then(|before| before.digest.as_slice().try_into().ok()),
        // A rebuilt output lists all calls of its view again.
        calls_published: before.map_or(0, |before| before.calls_published),
        plan: order.plan.clone(),
        derivation,
        info,
        workers: order.workers,
        interval: order.timing.publish,
    }
}

/// The part of the manifest that stays the same.
pub(super) fn info(
    order: &Order,
    database: &Database,
    view: ViewId,
    derivation: &str,
    listing: &Listing,
) -> ManifestInfo {
    ManifestInfo {
        ledger: database.ledger_id().to_owned(),
        view: view.to_string(),
        dataflow: order.dataflow.clone(),
        plan: order.plan.clone(),
        derivation: derivation.to_owned(),
        price_known: order.price.is_some(),
        inputs: Inputs {
            roots: order
                .roots
                .iter()
                .map(|root| root.path.display().to_string())
                .collect(),
            files: listing.files.len() as u64,
        },
        ..ManifestInfo::default()
    }
}
