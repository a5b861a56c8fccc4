//! A snapshot against its manifest: every file with its size and content, nothing beside them. And what else lies in the
//! output folder: change logs, views.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};

use super::error::SinkError;
use super::files::{io, names};
use super::manifest::PartInfo;
use super::publish::{CHANGES, CURRENT, VIEWS};
use super::schema::Table;
use super::snapshot::Snapshot;
use super::views;

/// A file that is not as its manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

/// What was looked through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is wrong.
    pub flaws: Vec<Flaw>,
}

/// Reads every file of a snapshot and compares it with the manifest. Memory does not grow with their size.
///
/// # Errors
/// If a file that is there cannot be read.
pub fn verify_files(snapshot: &Snapshot) -> Result<Looked, SinkError> {
    let mut looked = Looked::default();
    for table in Table::ALL {
        let folder = snapshot.folder().join(table.name());
        let Some(info) = snapshot.manifest().tables.get(table.name()) else {
            // Which others there are depends on the dataflow.
            let always = matches!(table, Table::Documents | Table::Chunks | Table::Failures);
            if always || folder.exists() {
                looked.flaw(&folder, "its table is not in the manifest".to_owned());
            }
            continue;
        };
        let sum: u64 = info.parts.iter().map(|part| part.rows).sum();
        if sum != info.rows || info.parts.is_empty() {
            let parts = info.parts.len();
            let rows = info.rows;
            let what = format!("the manifest says {rows} rows, its {parts} parts have {sum}");
            looked.flaw(&folder, what);
        }
        for part in &info.parts {
            let path = folder.join(&part.file);
            match flaw(&path, part) {
                Ok(None) => {}
                Ok(Some(what)) => looked.flaw(&path, what),
                Err(SinkError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
                    looked.flaw(&path, "it is not there".to_owned());
                }
                Err(error) => return Err(error),
            }
            looked.files += 1;
            looked.bytes += part.bytes;
        }
        // Readers take all that is in the folder.
        let known: BTreeSet<&str> = info.parts.iter().map(|part| part.file.as_str()).collect();
        for name in names(&folder)? {
            if !known.contains(name.as_str()) {
                let what = "it is not in the manifest, but whoever reads the table reads it, too";
                looked.flaw(&folder.join(name), what.to_owned());
            }
        }
    }
    Ok(looked)
}

/// Looks at what lies beside a snapshot in its output folder: what is wrong with each change log, as far as its end tells;
/// and whether the views are on this snapshot, if it is the current one (else `true`: they are on another).
///
/// # Errors
/// If a file that is there cannot be read.
pub fn verify_beside(snapshot: &Snapshot) -> Result<(Vec<Flaw>, bool), SinkError> {
    let mut flaws = Vec::new();
    let folder = snapshot.folder();
    let Some(root) = folder.ancestors().nth(2) else {
        return Ok((flaws, true));
    };
    for table in Table::ALL {
        let folder = root.join(CHANGES).join(table.name());
        for name in names(&folder)? {
            let path = folder.join(name);
            let file = match File::open(&path) {
                Ok(file) => file,
                // A run that goes on removes old ones.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(io("open", &path)(error)),
            };
            if let Err(error) = SerializedFileReader::new(file) {
                let what = format!("it is no Parquet file that can be read: {error}");
                flaws.push(Flaw { path, what });
            }
        }
    }
    let views = fs::read(root.join(VIEWS)).unwrap_or_default();
    let wanted = folder
        .to_str()
        .map(|folder| views::text(snapshot.manifest(), folder));
    let current = fs::canonicalize(root.join(CURRENT)).is_ok_and(|current| current == folder);
    let sound = !current || wanted.is_some_and(|wanted| wanted.as_bytes() == views);
    Ok((flaws, sound))
}

impl Looked {
    fn flaw(&mut self, path: &Path, what: String) {
        let path = path.to_owned();
        self.flaws.push(Flaw { path, what });
    }
}

/// What is wrong with a part, if anything is.
fn flaw(path: &Path, part: &PartInfo) -> Result<Option<String>, SinkError> {
    let mut file = File::open(path).map_err(io("open", path))?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(io("read", path)(error)),
        };
        bytes += read as u64;
        hasher.update(buffer.get(..read).unwrap_or_default());
    }
    if bytes != part.bytes {
        return Ok(Some(format!("it has {bytes} bytes, not {}", part.bytes)));
    }
    if hasher.finalize().to_hex().as_str() != part.blake3 {
        let what = "its content is not what was published: its BLAKE3 differs";
        return Ok(Some(what.to_owned()));
    }
    let rows =
        SerializedFileReader::new(file).map(|reader| reader.metadata().file_metadata().num_rows());
    Ok(match rows {
        Ok(rows) if u64::try_from(rows) == Ok(part.rows) => None,
        Ok(rows) => Some(format!("it has {rows} rows, not {}", part.rows)),
        Err(error) => Some(format!("it is no Parquet file that can be read: {error}")),
    })
}
