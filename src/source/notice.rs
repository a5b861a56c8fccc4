//! Being told by the system that something below the roots may have changed.
//!
//! A notice says only that a look is due: what changed, and whether it is settled, a listing tells. So nothing is lost
//! when notices are (a full queue, a moved root, a file system that has none): the next look finds it all the same.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use super::Root;

/// Notices of changes below some roots, for as long as it lives.
#[derive(Debug)]
pub struct Notices {
    roots: Vec<Root>,
    watcher: Option<RecommendedWatcher>,
    told: Arc<Notify>,
}

impl Notices {
    /// Notices for these roots, but not for what lies below `skip` (absolute paths). Where the system refuses, there
    /// are none, and the second value says why.
    #[must_use]
    pub fn new(roots: &[Root], skip: &[PathBuf]) -> (Self, Option<String>) {
        let told = Arc::new(Notify::new());
        let (tell, skip) = (Arc::clone(&told), skip.to_vec());
        let handler = move |event: notify::Result<Event>| {
            // An error may stand for notices that were lost.
            if event.map_or(true, |event| concerns(&event, &skip)) {
                tell.notify_one();
            }
        };
        let mut notices = Self {
            roots: roots.to_vec(),
            watcher: None,
            told,
        };
        let problem = match notify::recommended_watcher(handler) {
            Ok(watcher) => {
                notices.watcher = Some(watcher);
                notices.renew()
            }
            Err(error) => Some(error.to_string()),
        };
        (notices, problem)
    }

    /// Waits until something may have changed since the last time.
    pub async fn told(&self) {
        self.told.notified().await;
    }

    /// Watches the roots anew: one that was replaced by another of its name is no longer the one that was watched.
    /// Says why if one of them cannot be watched.
    pub fn renew(&mut self) -> Option<String> {
        let watcher = self.watcher.as_mut()?;
        let mut problem = None;
        for root in &self.roots {
            let (path, mode) = if root.path.is_dir() {
                (root.path.as_path(), RecursiveMode::Recursive)
            } else {
                // Editors replace a file: what stays is its folder.
                let parent = root
                    .path
                    .parent()
                    .filter(|path| !path.as_os_str().is_empty());
                (
                    parent.unwrap_or(Path::new(".")),
                    RecursiveMode::NonRecursive,
                )
            };
            if let Err(error) = watcher.watch(path, mode) {
                problem = Some(format!("{}: {error}", path.display()));
            }
        }
        problem
    }
}

/// Whether a look could find something new. Reading is no change, and what weir writes itself is none either.
fn concerns(event: &Event, skip: &[PathBuf]) -> bool {
    let changes = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    };
    let ours = |path: &PathBuf| skip.iter().any(|skip| path.starts_with(skip));
    changes && (event.need_rescan() || event.paths.is_empty() || !event.paths.iter().all(ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_and_our_own_files_are_no_change() {
        let skip = [PathBuf::from("/talks/out")];
        let event = |kind, path: &str| Event::new(kind).add_path(path.into());
        let modified = EventKind::Modify(notify::event::ModifyKind::Any);
        let opened = EventKind::Access(AccessKind::Open(AccessMode::Read));
        let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
        assert!(concerns(&event(modified, "/talks/a.vtt"), &skip));
        assert!(concerns(&event(closed, "/talks/a.vtt"), &skip));
        assert!(!concerns(&event(opened, "/talks/a.vtt"), &skip));
        assert!(!concerns(&event(modified, "/talks/out/x.parquet"), &skip));
        assert!(concerns(&event(modified, "/talks/outing.vtt"), &skip));
        let moved = event(modified, "/talks/out/x").add_path("/talks/x".into());
        assert!(concerns(&moved, &skip));
    }

    #[tokio::test]
    async fn a_new_file_deep_below_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root {
            label: "talks".into(),
            path: folder.path().to_owned(),
        };
        std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
        let (notices, problem) = Notices::new(&[root], &[]);
        assert_eq!(problem, None);
        std::fs::write(folder.path().join("a/b/c.vtt"), "WEBVTT").unwrap();
        let told = tokio::time::timeout(std::time::Duration::from_secs(10), notices.told());
        told.await.expect("the system tells of a new file");
    }
}
