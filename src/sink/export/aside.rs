//! A file that nobody sees before it is whole; if it never is, nothing is left of it.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::sink::error::SinkError;
use crate::sink::files::{io, rename, sync_dir};

/// A file under another name.
#[derive(Debug)]
pub(super) struct Aside {
    hidden: PathBuf,
    to: PathBuf,
    file: BufWriter<File>,
    published: bool,
}

impl Aside {
    /// Begins a file beside the one it will be.
    pub(super) fn create(to: &Path) -> Result<Self, SinkError> {
        let mut name = std::ffi::OsString::from(".");
        name.push(to.file_name().unwrap_or_default());
        name.push(format!(".part-{}", std::process::id()));
        let aside = to.with_file_name(name);
        let file = File::create(&aside).map_err(io("create", &aside))?;
        Ok(Self {
            hidden: aside,
            to: to.to_owned(),
            file: BufWriter::new(file),
            published: false,
        })
    }

    /// The name that it will have, for errors.
    pub(super) fn path(&self) -> &Path {
        &self.to
    }

    /// A failed write as an error.
    pub(super) fn failed(&self, error: io::Error) -> SinkError {
        io("write", &self.to)(error)
    }

    /// Writes text.
    pub(super) fn text(&mut self, text: &str) -> Result<(), SinkError> {
        let written = self.file.write_all(text.as_bytes());
        written.map_err(io("write", &self.to))
    }

    /// Syncs what was written.
    pub(super) fn finish(&mut self) -> Result<(), SinkError> {
        let synced = self
            .file
            .flush()
            .and_then(|()| self.file.get_ref().sync_all());
        synced.map_err(io("write", &self.to))
    }

    /// Gives it its name.
    pub(super) fn publish(mut self) -> Result<(), SinkError> {
        rename(&self.hidden, &self.to)?;
        self.published = true;
        match self.to.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => sync_dir(folder),
            _ => sync_dir(Path::new(".")),
        }
    }
}

impl Write for Aside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if !self.published {
            fs::remove_file(&self.hidden).ok();
        }
    }
}
