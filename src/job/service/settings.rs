//! What the operator allows the service, and what may change while it runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::model::unit::Usd;
use crate::plan::origin::Given;
use crate::secret::Secret;

/// What is settled when the service starts.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where `weir.toml` lies and relative paths start; empty for the working directory.
    pub directory: PathBuf,
    /// The operator's file, if it is not `weir.toml` there.
    pub config: Option<PathBuf>,
    /// The state folder.
    pub state: PathBuf,
    /// Below it lie the tables: `<input>/<dataflow>`.
    pub output: PathBuf,
    /// Folders whose transcripts may be read by jobs.
    pub roots: Vec<PathBuf>,
    /// A folder of dataflow files that may be named besides the shipped ones.
    pub dataflows: Option<PathBuf>,
    /// Models that a job may name besides the operator's own and `rules`.
    pub models: Vec<String>,
    /// The most that one job may spend.
    pub most_cost: Option<Usd>,
    /// Whether a job that may cost money needs no cap.
    pub uncapped: bool,
    /// How many jobs that call may run at once.
    pub at_once: usize,
    /// How long ended jobs are kept.
    pub keep: Option<Duration>,
    /// After so long without progress a running job is told as stalled.
    pub stall: Duration,
}

impl Settings {
    /// With a state and an output folder, and nothing else allowed.
    #[must_use]
    pub fn new(state: PathBuf, output: PathBuf) -> Self {
        Self {
            directory: PathBuf::new(),
            config: None,
            state,
            output,
            roots: Vec::new(),
            dataflows: None,
            models: Vec::new(),
            most_cost: None,
            uncapped: false,
            at_once: 4,
            keep: None,
            stall: Duration::from_mins(10),
        }
    }

    /// Where the transcripts of a collection lie.
    #[must_use]
    pub fn collection(&self, name: &str) -> PathBuf {
        self.collections().join(name)
    }

    /// Where collections lie.
    #[must_use]
    pub fn collections(&self) -> PathBuf {
        self.state.join("collections")
    }
}

/// What is read anew on SIGHUP: who calls, and what the environment says.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The provider's key, and the variable that it came from.
    pub key: Option<(Secret, &'static str)>,
    /// Values for every plan.
    pub given: Vec<Given>,
}

/// Whether a name can be that of a collection: 1 to 64 letters, digits, `-`, `_` and `.`, the first no dot.
#[must_use]
pub fn is_collection(name: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=64).contains(&name.len()) && name.chars().all(fine) && !name.starts_with('.')
}

/// The folder name of a root's tables: its own name, and enough of its path to tell it from others.
pub(super) fn folder_name(path: &Path) -> String {
    let name = path.file_name().map_or_else(String::new, |name| {
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') {
                c
            } else {
                '_'
            }
        };
        name.to_string_lossy().chars().take(40).map(plain).collect()
    });
    let hash = blake3::hash(path.as_os_str().as_encoded_bytes()).to_hex();
    format!("{name}-{}", hash.as_str().get(..8).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collection_is_no_path() {
        for good in ["board", "a.b-c_d", "2026"] {
            assert!(is_collection(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            ".a",
            "a/b",
            "a\\b",
            "a b",
            "\u{e4}",
            &"x".repeat(65),
        ] {
            assert!(!is_collection(bad), "{bad}");
        }
    }

    #[test]
    fn folders_of_one_name_stay_apart() {
        let names = ["/srv/a/talks", "/srv/b/talks", "/srv/b/ta lks"]
            .map(|path| folder_name(Path::new(path)));
        assert!(names[0].starts_with("talks-") && names[2].starts_with("ta_lks-"));
        assert!(names[0] != names[1]);
    }
}
