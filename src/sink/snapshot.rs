//! One snapshot folder: its name, its manifest, and whether all of it is there.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::SinkError;
use super::files::io;
use super::manifest::{FORMAT, Manifest, PartInfo};
use super::schema::Table;

/// The folder of the snapshots, below the output folder.
pub(super) const SNAPSHOTS: &str = "snapshots";
/// The manifest's name.
pub(super) const MANIFEST: &str = "manifest.json";

/// The folder name of an epoch: zero-padded, so that names sort as epochs do.
pub(super) fn name(epoch: u64) -> String {
    format!("{epoch:012}")
}

/// The epoch of a folder name; `None` if it is not one.
pub(super) fn epoch(text: &str) -> Option<u64> {
    text.parse().ok().filter(|epoch| name(*epoch) == text)
}

/// A whole snapshot: tables of one epoch, which nothing changes any more.
#[derive(Clone, Debug)]
pub struct Snapshot {
    folder: PathBuf,
    manifest: Manifest,
}

/// A snapshot that is written and synced, but not current.
#[derive(Debug)]
pub struct Prepared(pub(super) Snapshot);

impl Snapshot {
    /// Opens a snapshot by its folder, `DIR/current` included: that link is resolved here, once.
    ///
    /// # Errors
    ///
    /// If there is no manifest that this weir understands.
    pub fn open(folder: &Path) -> Result<Self, SinkError> {
        let folder = fs::canonicalize(folder).map_err(io("open", folder))?;
        let path = folder.join(MANIFEST);
        let bytes = fs::read(&path).map_err(io("read", &path))?;
        let manifest: Manifest = match serde_json::from_slice(&bytes) {
            Ok(manifest) => manifest,
            Err(source) => return Err(SinkError::Manifest { path, source }),
        };
        if manifest.format != FORMAT {
            let what = format!("its layout is version {}, not {FORMAT}", manifest.format);
            return Err(SinkError::Damaged { path, what });
        }
        Ok(Self { folder, manifest })
    }

    pub(super) fn new(folder: PathBuf, manifest: Manifest) -> Self {
        Self { folder, manifest }
    }

    /// Its epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.manifest.epoch
    }

    /// Its folder, resolved: it names this very snapshot whatever is published next.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The parts of a table, in key order.
    #[must_use]
    pub fn parts(&self, table: Table) -> &[PartInfo] {
        self.manifest
            .tables
            .get(table.name())
            .map_or(&[], |info| &info.parts)
    }

    /// Checks, without opening any, that all parts are there and have their size.
    ///
    /// # Errors
    ///
    /// Names the first part that is missing or of another size.
    pub fn verify_present(&self) -> Result<(), SinkError> {
        for (table, info) in &self.manifest.tables {
            for part in &info.parts {
                let path = self.folder.join(table).join(&part.file);
                let found = fs::metadata(&path).map_err(io("find", &path))?.len();
                if found != part.bytes {
                    let what = format!("it has {found} bytes, not {}", part.bytes);
                    return Err(SinkError::Damaged { path, what });
                }
            }
        }
        Ok(())
    }
}

impl Prepared {
    /// The manifest that will be published.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        self.0.manifest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_epochs_and_nothing_else_is() {
        assert_eq!(name(42), "000000000042");
        for ok in [0, 42, u64::MAX] {
            assert_eq!(epoch(&name(ok)), Some(ok));
        }
        for bad in ["42", "00000000004x", "+00000000042", "0000000000042", ""] {
            assert_eq!(epoch(bad), None, "{bad}");
        }
    }
}
