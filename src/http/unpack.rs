//! Zip archives, unpacked within bounds.
//!
//! Nothing that an archive says of itself is trusted: names become safe paths or are refused, sizes are counted while
//! they are written, and the directory is read within a bound before anything is made of it. Links, archives within
//! archives and what would not be read are left out, and said. All is written beside the folder first and moved into it
//! at the end: an archive that is refused leaves nothing.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use zip::ZipArchive;
use zip::result::ZipError;

use super::upload::{BadName, Names};

/// What an archive may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes altogether, unpacked.
    pub total: u64,
    /// Files and folders.
    pub entries: usize,
    /// How many times as long as packed: text shrinks to a tenth, a bomb to a thousandth.
    pub ratio: u64,
    /// What a small archive may hold whatever its length.
    pub small: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            total: 256 << 20,
            entries: 10_000,
            ratio: 200,
            small: 1 << 20,
        }
    }
}

/// What came out of an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Files, by path within the folder, with their length.
    pub files: Vec<(PathBuf, u64)>,
    /// What was left out: its name, and why.
    pub skipped: Skipped,
}

/// Names, and why each was left out.
pub type Skipped = Vec<(String, LeftOut)>;

/// Why something was left out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeftOut {
    /// Its name.
    #[error(transparent)]
    Name(#[from] BadName),
    /// A link, a device.
    #[error("it is a link or a device, and only files are unpacked")]
    Special,
    /// A zip in a zip.
    #[error("it is an archive within the archive; upload it by itself")]
    Nested,
}

/// Why nothing was unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The archive cannot be read at all.
    #[error("could not read the upload")]
    Read(#[source] io::Error),
    /// The disk.
    #[error("could not write what was unpacked")]
    Write(#[source] io::Error),
    /// Not a zip.
    #[error("it is no zip archive, or a damaged one")]
    Damaged(#[source] ZipError),
    /// One of its files.
    #[error("could not unpack {name:?}")]
    Entry {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: ZipError,
    },
    /// A password is needed.
    #[error("{0:?} is encrypted: pack it without a password")]
    Encrypted(String),
    /// Too many.
    #[error("the archive holds more than {0} entries: split it")]
    Entries(usize),
    /// Too much about too little.
    #[error("the directory of the archive is longer than any of so many files: pack it anew")]
    Directory,
    /// Too much.
    #[error("the archive unpacks to more than {0} bytes: split it")]
    Total(u64),
    /// Out of all proportion.
    #[error("the archive unpacks to more than {0} times its length, as no transcripts do")]
    Ratio(u64),
    /// A name that leads elsewhere.
    #[error("{name:?}: {why}; nothing was unpacked")]
    Hostile {
        /// The name.
        name: String,
        /// What it is up to.
        why: BadName,
    },
    /// There is such a file already.
    #[error("{0:?} is in the collection already")]
    Exists(PathBuf),
}

impl UnpackError {
    /// Whether it is the disk's fault, not the archive's.
    #[must_use]
    pub fn is_storage(&self) -> bool {
        matches!(self, Self::Read(_) | Self::Write(_))
    }

    /// Whether there was too much of something.
    #[must_use]
    pub fn is_too_much(&self) -> bool {
        matches!(
            self,
            Self::Entries(_) | Self::Directory | Self::Total(_) | Self::Ratio(_)
        )
    }
}

/// Unpacks the archive `zip` into the folder `into`, which is made if it is not there; `names` are those that are in use
/// there, and are added to.
///
/// # Errors
/// If the archive is damaged, holds too much, or tries to reach elsewhere: then nothing was unpacked.
pub fn unpack(
    zip: &Path,
    into: &Path,
    names: &mut Names,
    bounds: &Bounds,
) -> Result<Unpacked, UnpackError> {
    let (mut archive, length) = open(zip, bounds)?;
    let mut placed = names.clone();
    let (chosen, skipped) = choose(&mut archive, &mut placed, bounds)?;
    let staging = Staging::beside(into).map_err(UnpackError::Write)?;
    let proportion = length.saturating_mul(bounds.ratio).max(bounds.small);
    let mut out = Unpacked {
        files: Vec::new(),
        skipped,
    };
    let mut total = 0;
    for Chosen { index, name, path } in chosen {
        let target = staging.0.join(&path);
        let wrong = |source| UnpackError::Entry {
            name: name.clone(),
            source,
        };
        let mut entry = archive.by_index(index).map_err(wrong)?;
        let most = entry.compressed_size().saturating_mul(bounds.ratio);
        let most = most.max(bounds.small);
        let mut first = Vec::new();
        let head = entry.by_ref().take(4).read_to_end(&mut first);
        head.map_err(|error| wrong(error.into()))?;
        let is_document = name.to_lowercase().ends_with(".docx");
        if first == b"PK\x03\x04" && !is_document {
            out.skipped.push((name, LeftOut::Nested));
            continue;
        }
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).map_err(UnpackError::Write)?;
        }
        let mut file = File::create_new(&target).map_err(UnpackError::Write)?;
        let mut source = first.as_slice().chain(entry);
        let mut buffer = vec![0; 64 << 10];
        let mut written = 0;
        loop {
            let read = source
                .read(&mut buffer)
                .map_err(|error| wrong(error.into()))?;
            let Some(part @ [_, ..]) = buffer.get(..read) else {
                break;
            };
            written += read as u64;
            total += read as u64;
            if total > bounds.total {
                return Err(UnpackError::Total(bounds.total));
            }
            if written > most || total > proportion {
                return Err(UnpackError::Ratio(bounds.ratio));
            }
            file.write_all(part).map_err(UnpackError::Write)?;
        }
        out.files.push((path, written));
    }
    synced(&staging.0, &out.files).map_err(UnpackError::Write)?;
    staging.move_into(into, &out.files)?;
    *names = placed;
    Ok(out)
}

/// A file that is to be unpacked.
struct Chosen {
    index: usize,
    name: String,
    path: PathBuf,
}

type Archive = ZipArchive<BufReader<Metered>>;

fn open(zip: &Path, bounds: &Bounds) -> Result<(Archive, u64), UnpackError> {
    let mut file = File::open(zip).map_err(UnpackError::Read)?;
    let length = file.metadata().map_err(UnpackError::Read)?.len();
    let mut head = [0; 4];
    let signed = file.read_exact(&mut head).is_ok() && head.starts_with(b"PK");
    if !signed {
        let cause = ZipError::InvalidArchive("it does not begin as one".into());
        return Err(UnpackError::Damaged(cause));
    }
    // What is read before the count of entries is known: names and extra fields of honest archives take far less.
    let most = (bounds.entries as u64)
        .saturating_mul(512)
        .saturating_add(SLACK);
    let left = Arc::new(AtomicU64::new(most));
    let metered = Metered {
        file,
        left: Arc::clone(&left),
    };
    let archive = match ZipArchive::new(BufReader::new(metered)) {
        Ok(archive) => archive,
        Err(_) if left.load(Ordering::Relaxed) == 0 => {
            return Err(UnpackError::Directory);
        }
        Err(error) => return Err(UnpackError::Damaged(error)),
    };
    if archive.len() > bounds.entries {
        return Err(UnpackError::Entries(bounds.entries));
    }
    left.store(u64::MAX, Ordering::Relaxed);
    Ok((archive, length))
}

/// Bytes of a directory besides those of its entries: comments, and what is read around it to find it.
const SLACK: u64 = 256 << 10;

/// Of a mode of Unix: what something is, and that it is a file.
const KIND: u32 = 0o170_000;
const FILE: u32 = 0o100_000;

/// What is to be unpacked and what is not, before anything is.
fn choose(
    archive: &mut Archive,
    names: &mut Names,
    bounds: &Bounds,
) -> Result<(Vec<Chosen>, Skipped), UnpackError> {
    let mut chosen = Vec::new();
    let mut skipped = Vec::new();
    let mut stated = 0_u64;
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(UnpackError::Damaged)?;
        // Many write UTF-8 and do not say so.
        let name = match std::str::from_utf8(entry.name_raw()) {
            Ok(name) => name.to_owned(),
            Err(_) => entry.name().map_err(UnpackError::Damaged)?.into_owned(),
        };
        if entry.is_dir() || name.ends_with(['/', '\\']) {
            continue;
        }
        let kind = entry.unix_mode().unwrap_or(0) & KIND;
        if entry.is_symlink() || kind != 0 && kind != FILE {
            skipped.push((name, LeftOut::Special));
            continue;
        }
        if name.to_lowercase().ends_with(".zip") {
            skipped.push((name, LeftOut::Nested));
            continue;
        }
        match names.place(&name) {
            Ok(_) if entry.encrypted() => return Err(UnpackError::Encrypted(name)),
            Ok(path) => {
                stated = stated.saturating_add(entry.size());
                chosen.push(Chosen { index, name, path });
            }
            Err(why) if why.is_hostile() => return Err(UnpackError::Hostile { name, why }),
            Err(why) => skipped.push((name, why.into())),
        }
        // It may lie, but only to its own harm.
        if stated > bounds.total {
            return Err(UnpackError::Total(bounds.total));
        }
    }
    Ok((chosen, skipped))
}

/// Files that are synced at once: a journal takes many in one go.
const AT_ONCE: usize = 32;

/// Waits until all files are on the disk: who uploaded them may delete his own after that.
fn synced(folder: &Path, files: &[(PathBuf, u64)]) -> io::Result<()> {
    let share = files.len().div_ceil(AT_ONCE).max(1);
    let sync = |part: &[(PathBuf, u64)]| {
        let mut paths = part.iter().map(|(path, _)| folder.join(path));
        paths.try_for_each(|path| File::open(path)?.sync_all())
    };
    std::thread::scope(|scope| {
        let parts: Vec<_> = files
            .chunks(share)
            .map(|part| scope.spawn(move || sync(part)))
            .collect();
        parts.into_iter().try_for_each(|part| {
            part.join()
                .unwrap_or_else(|_| Err(io::Error::other("a thread broke off")))
        })
    })
}

/// A file of which only so much is read.
struct Metered {
    file: File,
    left: Arc<AtomicU64>,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            return Err(io::Error::other("no more is read"));
        }
        let read = self.file.read(buffer)?;
        // One reader: nobody else changes it meanwhile.
        let rest = left.saturating_sub(read as u64);
        self.left.store(rest, Ordering::Relaxed);
        Ok(read)
    }
}

impl Seek for Metered {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// A folder beside another, gone with what is in it when it is dropped.
struct Staging(PathBuf);

impl Staging {
    fn beside(into: &Path) -> io::Result<Self> {
        let parent = into.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(parent)?;
        let mut last = None;
        for number in 0..1000 {
            let path = parent.join(format!(".unpack-{}-{number}", std::process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self(path)),
                // Of another upload, or of a process that died.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| io::ErrorKind::AlreadyExists.into()))
    }

    fn move_into(self, into: &Path, files: &[(PathBuf, u64)]) -> Result<(), UnpackError> {
        match fs::create_dir(into) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(UnpackError::Write(error)),
        }
        for (path, _) in files {
            if fs::symlink_metadata(into.join(path)).is_ok() {
                return Err(UnpackError::Exists(path.clone()));
            }
        }
        let mut moved: Vec<&Path> = Vec::new();
        for (path, _) in files {
            let step =
                folders(into, path).and_then(|()| fs::rename(self.0.join(path), into.join(path)));
            if let Err(error) = step {
                for path in moved {
                    // Nothing more can be done about what cannot be undone either.
                    let _kept = fs::remove_file(into.join(path));
                }
                return Err(UnpackError::Write(error));
            }
            moved.push(path);
        }
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // If it stays, its name says what it is.
        let _stays = fs::remove_dir_all(&self.0);
    }
}

/// Makes the folders of a path, one by one: none of them may be a link that leads elsewhere.
fn folders(into: &Path, path: &Path) -> io::Result<()> {
    let mut folder = into.to_owned();
    for part in path.parent().into_iter().flat_map(Path::components) {
        folder.push(part);
        match fs::create_dir(&folder) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if !fs::symlink_metadata(&folder)?.is_dir() {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
