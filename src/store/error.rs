//! What can go wrong with the state.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::ErrorCode;

use crate::model::id::ViewId;

/// Why the state could not be opened, read or written. Clones, since everybody in a failed group is told.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("could not {what} {}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: Arc<io::Error>,
    },
    /// Another process writes to it.
    #[error("the state in {} is in use by {owner}", state.display())]
    InUse {
        /// The state folder.
        state: PathBuf,
        /// `process 123`, or that it is not known.
        owner: String,
    },
    /// Nothing was ever stored there.
    #[error("there is no state in {}", state.display())]
    Absent {
        /// The state folder.
        state: PathBuf,
    },
    /// Its schema is later than this program.
    #[error("the state in {} was written by a newer weir: it has schema {found}, this one knows {known}", path.display())]
    Newer {
        /// The database file.
        path: PathBuf,
        /// The schema it has.
        found: i64,
        /// The latest schema that this program knows.
        known: i64,
    },
    /// Its schema is earlier, and it was opened for reading only.
    #[error("the state in {} was written by an older weir (schema {found}): it is brought up to date by the next run", path.display())]
    Older {
        /// The database file.
        path: PathBuf,
        /// The schema it has.
        found: i64,
    },
    /// Something else lies where the database should be.
    #[error("{} is not a state file of weir", path.display())]
    Foreign {
        /// The database file.
        path: PathBuf,
    },
    /// The database contradicts itself.
    #[error("could not {what}: the state database {} is damaged", path.display())]
    Corrupt {
        /// What was tried.
        what: &'static str,
        /// The database file.
        path: PathBuf,
        /// What was found.
        #[source]
        cause: Arc<rusqlite::Error>,
    },
    /// The disk is full.
    #[error("could not {what}: no room is left for the state database {}", path.display())]
    Full {
        /// What was tried.
        what: &'static str,
        /// The database file.
        path: PathBuf,
        /// As reported.
        #[source]
        cause: Arc<rusqlite::Error>,
    },
    /// Any other failure of the database.
    #[error("could not {what} in the state database {}", path.display())]
    Sql {
        /// What was tried.
        what: &'static str,
        /// The database file.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: Arc<rusqlite::Error>,
    },
    /// A stored value is not what was once written.
    #[error("the stored {what} is damaged")]
    Damaged {
        /// Which value.
        what: String,
    },
    /// A kill left a publication half way, and what it uses is not settled.
    #[error("an interrupted run is not settled: the next run of its dataflow does that")]
    Unsettled,
    /// Somebody reads, and so holds the log that must be emptied.
    #[error("could not empty the log of {}: another process is reading it", path.display())]
    Held {
        /// The database file.
        path: PathBuf,
    },
    /// A write to a database that was opened for reading only.
    #[error("the state is open for reading only")]
    ReadOnly,
    /// An earlier write failed, so nothing is written any more.
    #[error("the state takes no more writes")]
    Stopped {
        /// The failure that ended it; none if its thread is gone.
        #[source]
        cause: Option<Arc<StoreError>>,
    },
    /// An epoch was prepared or committed out of turn.
    #[error("epoch {epoch} of view {view} {why}")]
    Protocol {
        /// The view.
        view: ViewId,
        /// The epoch asked for.
        epoch: u64,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl StoreError {
    pub(super) fn file(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |cause| Self::File {
            what,
            path,
            cause: Arc::new(cause),
        }
    }

    /// The same error, with what was being tried.
    pub(super) fn during(mut self, tried: &'static str) -> Self {
        if let Self::Corrupt { what, .. } | Self::Full { what, .. } | Self::Sql { what, .. } =
            &mut self
        {
            *what = tried;
        }
        self
    }

    /// The same error, with the file that it is about.
    pub(super) fn at(mut self, file: &Path) -> Self {
        if let Self::Corrupt { path, .. } | Self::Full { path, .. } | Self::Sql { path, .. } =
            &mut self
        {
            file.clone_into(path);
        }
        self
    }

    /// Whether it leaves the database in doubt. Anything but a command's own fault does: after a failed write or
    /// sync the kernel may have dropped the pages, and trying again would only seem to succeed.
    pub(super) fn fatal(&self) -> bool {
        match self {
            Self::Corrupt { .. } | Self::Full { .. } | Self::File { .. } => true,
            Self::Sql { cause, .. } => !matches!(
                cause.sqlite_error_code(),
                None | Some(
                    ErrorCode::ConstraintViolation
                        | ErrorCode::TypeMismatch
                        | ErrorCode::TooBig
                        | ErrorCode::Unknown
                )
            ),
            _ => false,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(cause: rusqlite::Error) -> Self {
        let (what, path) = ("use", PathBuf::new());
        let code = cause.sqlite_error_code();
        let cause = Arc::new(cause);
        match code {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Corrupt { what, path, cause }
            }
            Some(ErrorCode::DiskFull) => Self::Full { what, path, cause },
            _ => Self::Sql { what, path, cause },
        }
    }
}
