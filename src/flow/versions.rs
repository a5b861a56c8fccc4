//! Document versions as the manifest stores them: encoded once by the reader pool; decoded by `read`, which lets
//! pass what flows of them, and by the committer, which makes their rows.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::gist::Gists;
use super::ops::read::Versions;
use super::outline;
use super::record::{Brief, Loaded, Occurrence, Version};
use super::stop::{Ending, Stop, said};
use crate::model::id::{Fingerprint, ViewId};
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

/// A version as it was stored.
///
/// # Errors
/// What could not be done, if it cannot be loaded.
pub fn load(database: &Database, version: Version) -> Result<Loaded, String> {
    let number = version.number;
    match database.version(number) {
        Ok(Some(stored)) => decode(&stored.document, &stored.chunks)
            .map_err(|error| format!("could not decode version {number} of a document: {error}")),
        Ok(None) => Err(format!(
            "version {number} of document {} is not in the manifest",
            version.doc
        )),
        Err(error) => Err(format!(
            "could not load version {number} of a document: {}",
            said(error)
        )),
    }
}

/// Versions in the manifest, with those that were just read still at hand.
pub struct Stored {
    database: Arc<Database>,
    view: ViewId,
    gists: Arc<Gists>,
    asked: [u8; 32],
    fresh: Mutex<BTreeMap<i64, Brief>>,
    stop: Stop,
}

impl Stored {
    /// Over this database; what cannot be loaded stops the run.
    #[must_use]
    pub fn new(database: Arc<Database>, view: ViewId, gists: Arc<Gists>, stop: Stop) -> Self {
        Self {
            database,
            view,
            asked: outline::asked(&gists.context),
            gists,
            fresh: Mutex::default(),
            stop,
        }
    }

    /// Keeps a version that was just read until it is loaded for the first time.
    pub fn hand_over(&self, number: i64, loaded: &Loaded) {
        self.fresh
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(number, loaded.brief(number));
    }
}

impl Versions for Stored {
    fn load(&self, version: Version) -> Option<Brief> {
        if let Some(brief) = self
            .fresh
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&version.number)
        {
            return Some(brief);
        }
        match load(&self.database, version) {
            Ok(loaded) => Some(loaded.brief(version.number)),
            Err(failed) => {
                self.stop.end(Ending::Storage(failed));
                None
            }
        }
    }

    fn recall(&self, version: Version) -> Option<Brief> {
        let stored = match self.database.outline(self.view, version.doc) {
            Ok(stored) => stored,
            Err(error) => {
                let failed = format!("could not load the outline of a document: {}", said(error));
                self.stop.end(Ending::Storage(failed));
                return None;
            }
        };
        let brief = stored
            .and_then(|bytes| outline::decode(&bytes, self.asked, &self.gists).ok())
            .filter(|brief| brief.head.version == version.number);
        if brief.is_none() {
            // Missing or damaged: what is published cannot be gone on from.
            self.stop.end(Ending::Mismatch);
        }
        brief
    }
}
