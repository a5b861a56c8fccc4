//! What tells two plans apart: by the rows they make, and by the chunks they read.

use std::fmt::Write;

use super::Plan;
use crate::model::id::digest;

fn hex(domain: &str, parts: &[&[u8]]) -> String {
    let digest = digest(domain, parts);
    digest
        .iter()
        .take(16)
        .fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            if write!(text, "{byte:02x}").is_err() {
                debug_assert!(false);
            }
            text
        })
}

/// Of what decides how a file becomes chunks.
pub(super) fn reading(plan: &Plan) -> String {
    let chunk = serde_json::to_vec(&plan.chunk).unwrap_or_default();
    // Without a pattern the hash is what it was before there were any.
    let Some(pattern) = &plan.metadata else {
        return hex("plan reading", &[&chunk]);
    };
    hex("plan reading", &[&chunk, pattern.text().as_bytes()])
}

/// Of all that decides rows. The batch size, limits, the server and the state do not: they decide when, not what.
pub(super) fn rows(plan: &Plan) -> String {
    let globs = serde_json::to_vec(&(&plan.source.include, &plan.source.exclude));
    let context = &plan.key_context;
    hex(
        "plan",
        &[
            plan.reading.as_bytes(),
            &globs.unwrap_or_default(),
            &plan.value_min.to_le_bytes(),
            context.prompt.as_bytes(),
            context.schema.as_bytes(),
            context.model.as_bytes(),
            context.parameters.as_bytes(),
        ],
    )
}
