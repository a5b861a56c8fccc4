//! From what a run counts to what is shown of it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Exit;
use crate::flow::stop::Ending as Stopped;
use crate::job::run::{Live, Report};
use crate::job::summary::{Changes, Ending, Summary};
use crate::model::unit::Usd;
use crate::plan::{Plan, ProviderChoice};

/// What a run came to.
pub(super) fn summary(plan: &Plan, report: &Report, live: &Live, elapsed: Duration) -> Summary {
    let counts = live.gauges.counts();
    let info = report.manifest.as_ref().map(|manifest| &manifest.info);
    let failed = info.map_or(0, |info| info.failures);
    let (added, changed, removed) = report.documents;
    let documents = info.map_or(0, |info| info.documents);
    let mut failures = BTreeMap::new();
    if let Some(info) = info {
        let chunks = info.chunks.failed;
        for (name, count) in [
            ("chunks", chunks),
            ("files", info.failures.saturating_sub(chunks)),
        ] {
            if count > 0 {
                failures.insert(name.to_owned(), count);
            }
        }
    }
    let price_known = plan.price.is_some() || free(plan);
    Summary {
        dataflow: plan.name.clone(),
        ending: match &report.ending {
            Some(Stopped::Budget(_)) => Ending::Budget,
            Some(Stopped::Refused(_)) => Ending::Refused,
            Some(_) => Ending::Interrupted,
            None if left(report) > 0 => Ending::Part,
            None if failed > 0 => Ending::Failures,
            None => Ending::Complete,
        },
        documents: Changes {
            added,
            changed,
            removed,
            unchanged: documents.saturating_sub(added + changed),
        },
        chunks: info.map(|info| info.chunks).unwrap_or_default(),
        called: counts.answered,
        cached: if report.unchanged {
            info.map_or(0, |info| info.chunks.ok)
        } else {
            counts.cached
        },
        // Rules are applied, not called.
        calls: if free(plan) { 0 } else { counts.calls },
        input_tokens: counts.input_tokens,
        output_tokens: counts.output_tokens,
        cost: price_known.then_some(Usd(counts.spent)),
        unsure: Usd(counts.unsure),
        failures,
        transient: counts.unreachable.min(failed),
        tables: report
            .manifest
            .iter()
            .flat_map(|manifest| &manifest.tables)
            .map(|(name, table)| (name.clone(), table.rows))
            .collect(),
        output: plan.output.clone(),
        epoch: report
            .manifest
            .as_ref()
            .map_or(0, |manifest| manifest.epoch),
        bound: report
            .stats
            .filter(|_| !free(plan))
            .filter(|stats| stats.answered > 0)
            .and_then(|stats| stats.pace())
            .map(|(share, binding)| (binding.name().to_owned(), share)),
        elapsed,
    }
}

/// The exit status of a run that came to its end.
pub(super) fn exit(report: &Report, threshold: u64) -> Exit {
    let failures = report
        .manifest
        .as_ref()
        .map_or(0, |manifest| manifest.info.failures);
    match &report.ending {
        Some(Stopped::Budget(_)) => Exit::Budget,
        Some(Stopped::Storage(_) | Stopped::Room(_)) => Exit::Storage,
        Some(Stopped::Refused(_)) => Exit::Refused,
        Some(Stopped::Interrupted)
            if report
                .manifest
                .as_ref()
                .is_some_and(|manifest| manifest.info.complete) =>
        {
            Exit::Complete
        }
        Some(Stopped::Interrupted) => Exit::Interrupted,
        Some(Stopped::Mismatch | Stopped::Internal(_)) => Exit::Internal,
        None if failures > threshold => Exit::Failures,
        None if left(report) > 0 => Exit::Interrupted,
        None => Exit::Complete,
    }
}

/// Whether no model is asked.
fn free(plan: &Plan) -> bool {
    matches!(
        plan.provider,
        ProviderChoice::Rules | ProviderChoice::Nobody
    )
}

/// Chunks that were not to be asked, of what is published: a sample leaves such.
fn left(report: &Report) -> u64 {
    let manifest = report.manifest.as_ref();
    manifest.map_or(0, |manifest| manifest.info.chunks.unasked)
}
