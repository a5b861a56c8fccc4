//! What can go wrong between rows and a published snapshot.

use std::io;
use std::path::PathBuf;

use arrow::error::ArrowError;
use parquet::errors::ParquetError;

use super::schema::Table;

/// Why something was not published or read.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The operating system refused: disk full, no permission, gone.
    #[error("could not {action} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Another process publishes there.
    #[error("the output folder {} is in use by {owner}", path.display())]
    Locked {
        /// The output folder.
        path: PathBuf,
        /// What the lock says of its owner.
        owner: String,
    },
    /// Something that weir did not put there.
    #[error("{} is in the way: it is not {wanted}", path.display())]
    InTheWay {
        /// The thing.
        path: PathBuf,
        /// What should be there.
        wanted: &'static str,
    },
    /// The views name their files in SQL, which is UTF-8.
    #[error("the output folder {} has a name that is not UTF-8", path.display())]
    NotUtf8 {
        /// The output folder.
        path: PathBuf,
    },
    /// A file that may not be replaced.
    #[error("{} is there already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Parquet could not be written or read.
    #[error("could not {action} the Parquet file {}", path.display())]
    Parquet {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: ParquetError,
    },
    /// Rows could not be put into columns.
    #[error("could not put rows into columns for {}", table.name())]
    Arrow {
        /// Of which table.
        table: Table,
        /// Why not.
        #[source]
        source: ArrowError,
    },
    /// A row does not have the columns of its table.
    #[error("a row of {} does not fit its column {column}", table.name())]
    Misfit {
        /// The table.
        table: Table,
        /// The first column that differs.
        column: String,
    },
    /// A manifest is not one.
    #[error("could not understand the manifest {}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// A published file is not what its manifest says.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The caller could not make the rows that were to be published.
    #[error("could not make the rows: {why}")]
    Unmade {
        /// Why not.
        why: String,
    },
    /// Changes that no set of rows can undergo.
    #[error("the changes of {} contradict each other or the table at {key}: {what}", table.name())]
    Inconsistent {
        /// The table.
        table: Table,
        /// The key of the row.
        key: String,
        /// What is wrong.
        what: &'static str,
    },
    /// The table was written with other columns: it must be rebuilt.
    #[error("{} has schema {found} and not {wanted}: it must be rebuilt", table.name())]
    OtherSchema {
        /// The table.
        table: Table,
        /// Its schema version; none if the table is missing.
        found: u32,
        /// The version of this weir.
        wanted: u32,
    },
    /// Epochs only go forward.
    #[error("epoch {epoch} does not come after the current epoch {current}")]
    NotAfter {
        /// What was asked for.
        epoch: u64,
        /// What is there.
        current: u64,
    },
    /// A snapshot can only replace the one that it was made from.
    #[error("epoch {epoch} was prepared on epoch {base}, which is not current any more")]
    OtherBase {
        /// What was prepared.
        epoch: u64,
        /// On what.
        base: u64,
    },
    /// The epoch is published, but views, changes or old snapshots are not as they should be.
    #[error("epoch {epoch} is published, but not all that follows it is done")]
    AfterSwap {
        /// The epoch.
        epoch: u64,
        /// What failed.
        #[source]
        source: Box<SinkError>,
    },
}

impl SinkError {
    /// Whether the epoch is published in spite of the error.
    #[must_use]
    pub fn published(&self) -> bool {
        matches!(self, Self::AfterSwap { .. })
    }

    /// Whether it is the storage that failed, not what was asked of it.
    #[must_use]
    pub fn storage(&self) -> bool {
        match self {
            Self::Io { .. } | Self::Damaged { .. } => true,
            Self::AfterSwap { source, .. } => source.storage(),
            _ => false,
        }
    }
}
