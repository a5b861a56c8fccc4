//! Document versions as the manifest stores them: encoded once by the reader pool, decoded by `read`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::ops::read::Versions;
use super::record::{Loaded, Occurrence, Version};
use super::stop::{Ending, Stop, said};
use crate::model::id::Fingerprint;
use crate::store::Database;

/// A version's two blobs: document and chunks.
///
/// # Errors
/// If the encoder refuses, which for plain data it does not.
pub fn encode(loaded: &Loaded) -> Result<(Vec<u8>, Vec<u8>), postcard::Error> {
    Ok((
        postcard::to_stdvec(&loaded.facts)?,
        postcard::to_stdvec(&loaded.chunks)?,
    ))
}

/// The way back.
///
/// # Errors
/// If they are not what [`encode`] wrote.
pub fn decode(document: &[u8], chunks: &[u8]) -> Result<Loaded, postcard::Error> {
    let chunks: Vec<Occurrence> = postcard::from_bytes(chunks)?;
    Ok(Loaded {
        facts: Arc::new(postcard::from_bytes(document)?),
        chunks: Arc::new(chunks),
    })
}

/// The fingerprints of encoded chunks.
///
/// # Errors
/// If they are not what `encode` wrote.
pub fn fingerprints(chunks: &[u8]) -> Result<Vec<Fingerprint>, postcard::Error> {
    let chunks: Vec<Occurrence> = postcard::from_bytes(chunks)?;
    Ok(chunks
        .iter()
        .map(|Occurrence(place)| place.fingerprint)
        .collect())
}

/// Versions in the manifest, with those that were just read still at hand.
pub struct Stored {
    database: Arc<Database>,
    fresh: Mutex<BTreeMap<i64, Loaded>>,
    stop: Stop,
}

impl Stored {
    /// Over this database; what cannot be loaded stops the run.
    #[must_use]
    pub fn new(database: Arc<Database>, stop: Stop) -> Self {
        Self {
            database,
            fresh: Mutex::default(),
            stop,
        }
    }

    /// Keeps a version that was just read until it is loaded for the first time.
    pub fn hand_over(&self, number: i64, loaded: Loaded) {
        self.fresh
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(number, loaded);
    }
}

impl Versions for Stored {
    fn load(&self, version: Version) -> Option<Loaded> {
        if let Some(loaded) = self
            .fresh
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&version.number)
        {
            return Some(loaded);
        }
        let failed = match self.database.version(version.number) {
            Ok(Some(stored)) => match decode(&stored.document, &stored.chunks) {
                Ok(loaded) => return Some(loaded),
                Err(error) => format!(
                    "could not decode version {} of a document: {error}",
                    version.number
                ),
            },
            Ok(None) => format!(
                "version {} of document {} is not in the manifest",
                version.number, version.doc
            ),
            Err(error) => format!(
                "could not load version {} of a document: {}",
                version.number,
                said(error)
            ),
        };
        self.stop.end(Ending::Storage(failed));
        None
    }
}
