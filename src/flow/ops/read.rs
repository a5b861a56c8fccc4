//! `read`: document versions in, documents with their chunks out.
//!
//! Input     `Version`s, on whichever worker they were fed to.
//! Output    `Loaded` documents at the same epoch; a -1 gives back exactly what its +1 gave.
//! State     none: a version is a name for rows that the reader pool stored in the manifest before it was fed.
//! Progress  none held.
//! Restart   the manifest's rows again; no source file is opened.
//! Order     any.
//! Thinking  `stage::transcript`, `stage::chunk`, run by the reader pool outside the dataflow.

use std::sync::Arc;

use super::{Flow, named};
use crate::failpoint;
use crate::flow::record::{Loaded, Version};

/// Where stored versions are loaded from.
pub trait Versions: Send + Sync {
    /// The rows of a version. `None` if they cannot be loaded: then the implementor has stopped the run, so that
    /// nothing is published that lacks them.
    fn load(&self, version: Version) -> Option<Loaded>;
}

/// Renders the operator.
pub fn read(versions: Flow<'_, Version>, stored: Arc<dyn Versions>) -> Flow<'_, Loaded> {
    named(versions, "read", move |version| {
        failpoint::pass("worker");
        stored.load(version)
    })
}
