//! A forecast in figures: what it comes to in calls, tokens, money and minutes, and all of it as JSON.

use std::time::Duration;

use serde_json::{Value, json};

use super::forecast::Forecast;
use crate::model::unit::Usd;
use crate::plan::estimate::{Basis, Estimate, estimate};
use crate::plan::{Plan, ProviderChoice};
use crate::stage::tokens;

/// A guess where nothing was measured: what large models take for a page of JSON.
const LATENCY: Duration = Duration::from_secs(20);

fn basis(plan: &Plan, found: &Forecast) -> Basis {
    Basis {
        prompt_tokens: u64::from(tokens::count(&plan.question.prompt))
            + u64::from(tokens::count(&plan.question.schema.to_string())),
        batch_tokens: u64::from(plan.batch.tokens.get()),
        batch_chunks: plan
            .batch
            .chunks
            .map_or(20, |chunks| u64::from(chunks.get())),
        calibration: found.calibration,
        price: plan.price,
        limits: plan.limits,
        latency: LATENCY,
    }
}

/// The estimate that follows from a forecast; none where no model is asked.
#[must_use]
pub fn forecast_of(plan: &Plan, found: &Forecast) -> Option<Estimate> {
    let paid = matches!(plan.provider, ProviderChoice::OpenAi { .. });
    paid.then(|| estimate(&found.total, &basis(plan, found)))
}

/// What asking anew costs, from and to, if prices are known.
#[must_use]
pub fn migration_cost(plan: &Plan, found: &Forecast) -> Option<(Usd, Usd)> {
    let paid = matches!(plan.provider, ProviderChoice::OpenAi { .. }) && found.migration.new > 0;
    paid.then(|| estimate(&found.migration, &basis(plan, found)).cost)?
}

/// A forecast as JSON.
#[must_use]
pub fn json(plan: &Plan, found: &Forecast) -> Value {
    let counts = |c: &crate::plan::estimate::Counts| {
        json!({"new": c.new, "cached": c.cached, "duplicate": c.duplicate, "dropped": c.dropped, "failed": c.failed,
               "new_tokens": c.new_tokens})
    };
    let files: Vec<Value> = found
        .files
        .iter()
        .map(|file| json!({"path": file.path, "chunks": counts(&file.counts), "unreadable": file.unreadable}))
        .collect();
    let estimate = forecast_of(plan, found).map(|estimate| {
        let (bound, minutes) = estimate.least();
        json!({
            "calls": estimate.calls,
            "input_tokens": estimate.input,
            "output_tokens": [estimate.output.0, estimate.output.1],
            "cost_usd": estimate.cost.map(|(from, to)| [from.dollars(), to.dollars()]),
            "minutes_at_least": minutes,
            "bound": bound.name(),
            "calibrated": estimate.calibrated,
        })
    });
    let reasons: serde_json::Map<String, Value> = found
        .reasons
        .iter()
        .map(|(reason, count)| (reason.name().to_owned(), (*count).into()))
        .collect();
    let vintages: Vec<Value> = found
        .vintages
        .iter()
        .map(|(old, count)| {
            json!({"prompt_id": old.prompt.to_string(), "schema_id": old.schema.to_string(), "model": old.model,
                   "chunks": count})
        })
        .collect();
    let cost = migration_cost(plan, found);
    let migration = json!({
        "chunks": found.migration.new,
        "cost_usd": cost.map(|(from, to)| [from.dollars(), to.dollars()]),
    });
    json!({
        "dataflow": plan.name,
        "model": &*plan.question.model,
        "files": files,
        "chunks": counts(&found.total),
        "reasons": reasons,
        "vintages": vintages,
        "migration": migration,
        "outside": found.outside,
        "used_before": {"calls": found.gone.calls, "tokens": found.gone.tokens, "cost_usd": found.gone.cost.dollars()},
        "month": {"spent_usd": found.month.dollars(), "cap_usd": plan.budget.monthly.map(Usd::dollars)},
        "estimate": estimate,
    })
}
