//! The file system, with errors that say what was tried on what, and with the syncs that make it last.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use super::error::SinkError;

/// An I/O error as one of the sink's.
pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SinkError {
    let path = path.to_owned();
    move |source| SinkError::Io {
        action,
        path,
        source,
    }
}

/// Writes a new file and syncs it. Its name is durable only after [`sync_dir`].
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), SinkError> {
    let mut file = File::create_new(path).map_err(io("create", path))?;
    file.write_all(bytes).map_err(io("write", path))?;
    file.sync_all().map_err(io("sync", path))
}

/// Syncs the names in a folder: syncing a file says nothing about its name.
pub(super) fn sync_dir(path: &Path) -> Result<(), SinkError> {
    File::open(path)
        .and_then(|dir| dir.sync_all())
        .map_err(io("sync", path))
}

pub(super) fn create_dir(path: &Path) -> Result<(), SinkError> {
    fs::create_dir_all(path).map_err(io("create", path))
}

/// Creates a folder with those above it that are missing; their names last from then on.
pub(super) fn create_dir_to_last(path: &Path) -> Result<(), SinkError> {
    let missing = path.ancestors().take_while(|folder| !folder.exists());
    let above: Vec<&Path> = missing.filter_map(Path::parent).collect();
    create_dir(path)?;
    for folder in above {
        let here = folder.as_os_str().is_empty();
        sync_dir(if here { Path::new(".") } else { folder })?;
    }
    Ok(())
}

pub(super) fn rename(from: &Path, to: &Path) -> Result<(), SinkError> {
    fs::rename(from, to).map_err(io("rename to", to))
}

/// Removes a file, if it is there.
pub(super) fn remove_file(path: &Path) -> Result<(), SinkError> {
    gone(fs::remove_file(path)).map_err(io("remove", path))
}

/// Removes a folder with all that is in it, if it is there.
pub(super) fn remove_dir(path: &Path) -> Result<(), SinkError> {
    gone(fs::remove_dir_all(path)).map_err(io("remove", path))
}

/// Puts the same file at another place: a hard link, or a synced copy where links fail.
pub(super) fn link(from: &Path, to: &Path) -> Result<(), SinkError> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(io("link", from)(error)),
        Err(_) => {
            fs::copy(from, to).map_err(io("copy", from))?;
            File::open(to)
                .and_then(|file| file.sync_all())
                .map_err(io("sync", to))
        }
    }
}

/// The names in a folder, sorted; none if there is no folder. Names that are not UTF-8 are not weir's.
pub(super) fn names(path: &Path) -> Result<Vec<String>, SinkError> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(io("list", path))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(io("list", path))?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
