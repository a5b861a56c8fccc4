//! Floor 2: folders in. Which files there are, what is in them, and what changed since the last look.

pub mod confined;
pub mod notice;
pub mod read;
pub mod sidecar;
pub mod walk;
pub mod watch;

use std::path::PathBuf;

use crate::model::id::DocId;
use sidecar::Sidecar;

/// A file or folder to read, under a name of its own: documents keep their ids when it moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The name, of which no two roots have the same.
    pub label: String,
    /// Where it is.
    pub path: PathBuf,
}

/// A file as it was seen from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Its document.
    pub doc: DocId,
    /// The label of its root.
    pub root: String,
    /// Its path below the root: unlike names give unlike paths, even where they are not UTF-8 (see [`walk::escape`]).
    pub relative: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its looks, those of its sidecar mixed in: it looks changed if either does.
    pub looks: Looks,
    /// The file beside it that speaks of it.
    pub sidecar: Option<Sidecar>,
}

/// What tells, without reading it, that a file has probably not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looks {
    /// Bytes.
    pub size: u64,
    /// Last changed, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Its inode.
    pub inode: u64,
}

impl Looks {
    /// The looks of two files together: other if either is. The time is that of the later change, since how long ago
    /// that was is asked; all the rest of the other file is mixed into the inode, which is only compared.
    pub(crate) fn with(self, other: Self) -> Self {
        // Odd multipliers lose nothing, so that no change of one is hidden by the same change of the other.
        const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
        let mix = |a: u64, b: u64| a.wrapping_mul(3).wrapping_add(b.wrapping_mul(MIX));
        let times = mix(
            self.mtime_ns.cast_unsigned(),
            other.mtime_ns.cast_unsigned(),
        );
        let rest = mix(mix(other.inode, other.size), times);
        Self {
            size: self.size,
            mtime_ns: self.mtime_ns.max(other.mtime_ns),
            inode: mix(self.inode, rest),
        }
    }

    pub(crate) fn of(metadata: &std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self {
            size: metadata.len(),
            mtime_ns: metadata
                .mtime()
                .saturating_mul(1_000_000_000)
                .saturating_add(metadata.mtime_nsec()),
            inode: metadata.ino(),
        }
    }
}
