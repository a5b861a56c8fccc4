//! The manifest of a snapshot: what is in it, and how it came about. `run --json` prints it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::key::RowKey;
use crate::model::record::ChunkCounts;
use crate::model::unit::Micros;

/// The version of the layout of an output folder.
pub const FORMAT: u32 = 1;

/// Tokens, both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// To the models.
    pub input: u64,
    /// From the models.
    pub output: u64,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// The folders and files asked for.
    pub roots: Vec<String>,
    /// Source files found there.
    pub files: u64,
}

/// Answers that one prompt, schema and model gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vintage {
    /// The prompt.
    pub prompt_id: String,
    /// The answer schema.
    pub schema_id: String,
    /// The model as asked for.
    pub model: String,
    /// Whether a run under the present plan asks just so, parameters included.
    pub current: bool,
    /// How many texts have such an answer.
    pub texts: u64,
}

/// What the publisher is told of an epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ManifestInfo {
    /// The id of the ledger that the tables are derived from.
    pub ledger: String,
    /// The view: dataflow, roots and output.
    pub view: String,
    /// The name of the dataflow.
    pub dataflow: String,
    /// The hash of the resolved plan.
    pub plan: String,
    /// The hash of all that turns files and answers into rows.
    pub derivation: String,
    /// When it was published, by the caller's clock.
    pub published_at: Micros,
    /// Whether nothing is left to ask.
    pub complete: bool,
    /// Rows of `documents`.
    pub documents: u64,
    /// The chunks of all documents.
    pub chunks: ChunkCounts,
    /// Calls made by this run so far.
    pub calls: u64,
    /// Chunks that were answered from the ledger.
    pub cached: u64,
    /// Tokens of the calls.
    pub tokens: Tokens,
    /// Cost of the calls in dollars, as far as prices are known.
    pub cost_usd: Option<f64>,
    /// Whether all prices are known.
    pub price_known: bool,
    /// What was read.
    pub inputs: Inputs,
    /// Rows of `failures`.
    pub failures: u64,
    /// Which prompts, schemas and models the rows rest on: one that is current, and others while a change of prompt
    /// or model is not through, or by `--reuse old`.
    #[serde(default)]
    pub vintages: Vec<Vintage>,
}

/// The manifest of a snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of weir that wrote it.
    pub weir: String,
    /// The version of the layout.
    pub format: u32,
    /// The epoch.
    pub epoch: u64,
    /// The epoch that `changes/` is relative to; none if the tables were built from nothing.
    pub base: Option<u64>,
    /// What the publisher was told.
    #[serde(flatten)]
    pub info: ManifestInfo,
    /// The tables by name.
    pub tables: BTreeMap<String, TableInfo>,
}

/// A table of a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableInfo {
    /// The version of its columns.
    pub schema: u32,
    /// The answer schema that its columns follow from, for `items`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_id: Option<String>,
    /// Its rows.
    pub rows: u64,
    /// Its parts, in key order; at least one.
    pub parts: Vec<PartInfo>,
}

/// A part of a table: a contiguous range of keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartInfo {
    /// The name of the file in the table's folder.
    pub file: String,
    /// Its rows.
    pub rows: u64,
    /// The size of the file.
    pub bytes: u64,
    /// About how many bytes its rows take in memory.
    pub memory: u64,
    /// The digest of the file.
    pub blake3: String,
    /// The least key; none in an empty part.
    pub min: Option<RowKey>,
    /// The greatest key.
    pub max: Option<RowKey>,
}
