//! One file in, its bytes out: whole, of one moment, and of a regular file.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::sidecar::Sidecar;
use super::{Looks, SourceFile};
use crate::model::document::{MAX_SOURCE_BYTES, Unreadable};

/// How often a file that changes under our eyes is read.
const TRIES: usize = 3;

/// `O_NOFOLLOW | O_NONBLOCK`: a file that was swapped for a link is not opened, one swapped for a pipe does not hang
/// us. The values are those of each system's `fcntl.h`; std gives them no name.
const FLAGS: i32 = if cfg!(target_os = "macos") {
    0x0100 | 0x0004
} else if cfg!(all(
    target_os = "linux",
    any(
        target_arch = "aarch64",
        target_arch = "arm",
        target_arch = "powerpc64"
    )
)) {
    0o100_000 | 0o4_000
} else if cfg!(all(
    target_os = "linux",
    any(
        target_arch = "x86_64",
        target_arch = "x86",
        target_arch = "riscv64",
        target_arch = "s390x",
        target_arch = "loongarch64"
    )
)) {
    0o400_000 | 0o4_000
} else {
    // Elsewhere only the check after opening stands.
    0
};

/// Reads a file: one that changes meanwhile again, up to three times.
///
/// # Errors
/// If it cannot be read whole, or is not a regular file.
pub fn read(file: &SourceFile) -> Result<Vec<u8>, Unreadable> {
    read_while(&file.path, depth(file), MAX_SOURCE_BYTES, || ())
}

/// How many names lie between its root and a file, its own counted: what was listed there must still be folders.
fn depth(file: &SourceFile) -> usize {
    file.relative.split('/').count()
}

/// The longest sidecar that is read.
const MAX_SIDECAR_BYTES: u64 = 1 << 20;

/// Reads a sidecar, as carefully.
///
/// # Errors
/// If it cannot be read whole, is not a regular file, or far too long to be one.
pub fn sidecar(file: &SourceFile, sidecar: &Sidecar) -> Result<Vec<u8>, Unreadable> {
    let read = read_while(&sidecar.path, depth(file), MAX_SIDECAR_BYTES, || ());
    read.map_err(|why| match why {
        Unreadable::TooLong(bytes) => Unreadable::Unsupported(format!(
            "it is {bytes} bytes long; a sidecar holds at most {MAX_SIDECAR_BYTES}"
        )),
        other => other,
    })
}

/// `meanwhile` is what happens to the file between reading and looking again.
fn read_while(
    path: &Path,
    depth: usize,
    most: u64,
    mut meanwhile: impl FnMut(),
) -> Result<Vec<u8>, Unreadable> {
    for _ in 0..TRIES {
        let mut handle = open(path, depth).map_err(|cause| refused(&cause))?;
        let before = looks(handle.metadata())?;
        if before.size > most {
            return Err(Unreadable::TooLong(before.size));
        }
        let mut bytes = Vec::new();
        (&mut handle)
            .take(most + 1)
            .read_to_end(&mut bytes)
            .map_err(|cause| refused(&cause))?;
        meanwhile();
        // By its handle, for what was written to it; by its path, for what was put in its place.
        if bytes.len() as u64 == before.size
            && looks(handle.metadata())? == before
            && looks(fs::symlink_metadata(path))? == before
        {
            return Ok(bytes);
        }
    }
    Err(Unreadable::Unstable)
}

/// Opens a file without following a link in the last `depth` names of its path: a folder may be swapped for one between
/// listing and reading. The root itself may be reached by links: that is the user's word.
fn open(path: &Path, depth: usize) -> io::Result<File> {
    #[cfg(target_os = "linux")]
    if let Some(opened) = open_below(path, depth) {
        return opened;
    }
    // Elsewhere the last name alone is guarded.
    let _ = depth;
    OpenOptions::new().read(true).custom_flags(FLAGS).open(path)
}

/// None if the kernel cannot do it.
#[cfg(target_os = "linux")]
fn open_below(path: &Path, depth: usize) -> Option<io::Result<File>> {
    use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};
    use rustix::io::Errno;

    let root = path.ancestors().nth(depth)?;
    let below = path.strip_prefix(root).ok()?;
    let root = if root.as_os_str().is_empty() {
        Path::new(".")
    } else {
        root
    };
    let folder = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = match open(root, folder, Mode::empty()) {
        Ok(folder) => folder,
        Err(cause) => return Some(Err(cause.into())),
    };
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match openat2(&folder, below, flags, Mode::empty(), resolve) {
        // Old kernels and some sandboxes do not have it.
        Err(Errno::NOSYS | Errno::PERM | Errno::INVAL) => None,
        opened => Some(opened.map(File::from).map_err(Into::into)),
    }
}

fn looks(metadata: io::Result<Metadata>) -> Result<Looks, Unreadable> {
    let metadata = metadata.map_err(|cause| refused(&cause))?;
    if !metadata.is_file() {
        return Err(Unreadable::Io("it is not a regular file".to_owned()));
    }
    Ok(Looks::of(&metadata))
}

fn refused(cause: &io::Error) -> Unreadable {
    Unreadable::Io(cause.to_string())
}

#[cfg(test)]
mod tests {
    use std::fs::FileTimes;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::process::Command;

    use tempfile::TempDir;

    use super::super::Root;
    use super::super::walk::{Options, walk};
    use super::*;

    fn listed(text: &str) -> (TempDir, SourceFile) {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("a.vtt"), text).unwrap();
        let root = Root {
            label: "r".to_owned(),
            path: folder.path().join("a.vtt"),
        };
        let listing = walk(&[root], &Options::default()).unwrap();
        (folder, listing.files.into_iter().next().unwrap())
    }

    #[test]
    fn a_quiet_file_is_read_once() {
        let (_folder, file) = listed("words");
        let mut reads = 0;
        let bytes = read_while(&file.path, 1, 5, || reads += 1).unwrap();
        assert_eq!((bytes, reads), (b"words".to_vec(), 1));
    }

    #[test]
    fn a_restless_file_is_given_up_after_three_tries() {
        let (_folder, file) = listed("words");
        let mut reads = 0;
        let mut change = |times| {
            reads += 1;
            if reads <= times {
                fs::write(&file.path, "w".repeat(reads)).unwrap();
            }
        };
        assert_eq!(
            read_while(&file.path, 1, 99, || change(2)),
            Ok(b"ww".to_vec())
        );
        assert_eq!(
            read_while(&file.path, 1, 99, || change(99)),
            Err(Unreadable::Unstable)
        );
        assert_eq!(reads, 6);
    }

    /// Same length, other file: only the inode tells.
    #[test]
    fn a_file_that_was_replaced_is_read_again() {
        let (folder, file) = listed("words");
        let when = fs::metadata(&file.path).unwrap().modified().unwrap();
        let mut first = true;
        let bytes = read_while(&file.path, 1, 99, || {
            if std::mem::take(&mut first) {
                let other = folder.path().join("other");
                fs::write(&other, "sword").unwrap();
                let handle = File::options().write(true).open(&other).unwrap();
                handle
                    .set_times(FileTimes::new().set_modified(when))
                    .unwrap();
                fs::rename(&other, &file.path).unwrap();
            }
        });
        assert_eq!(bytes, Ok(b"sword".to_vec()));
    }

    #[test]
    fn what_is_too_long_is_not_read() {
        let (_folder, file) = listed("words");
        assert_eq!(
            read_while(&file.path, 1, 4, || ()),
            Err(Unreadable::TooLong(5))
        );
    }

    /// The folder of a file that was listed is swapped for a link to another before the file is read.
    #[cfg(target_os = "linux")]
    #[test]
    fn no_link_on_the_way_is_followed() {
        let folder = TempDir::new().unwrap();
        let (inside, outside) = (folder.path().join("in/sub"), folder.path().join("out"));
        for (place, text) in [(&inside, "within"), (&outside, "without")] {
            fs::create_dir_all(place).unwrap();
            fs::write(place.join("a.vtt"), text).unwrap();
        }
        // The way to the root may lead over links.
        symlink("in", folder.path().join("way")).unwrap();
        let root = Root {
            label: "r".to_owned(),
            path: folder.path().join("way"),
        };
        let listing = walk(&[root], &Options::default()).unwrap();
        let file = &listing.files[0];
        assert_eq!(read(file), Ok(b"within".to_vec()));
        fs::rename(&inside, folder.path().join("aside")).unwrap();
        symlink(&outside, &inside).unwrap();
        let refused = read(file).unwrap_err();
        assert!(refused.to_string().contains("symbolic link"), "{refused}");
    }

    /// None of them may hang: a pipe without a writer would, were it opened the usual way.
    #[test]
    fn links_pipes_sockets_and_nothing_are_refused() {
        type Swap = fn(&Path);
        let swaps: [(&str, Swap); 5] = [
            ("symbolic link", |path| {
                symlink("/etc/hostname", path).unwrap();
            }),
            ("not a regular file", |path| {
                let made = Command::new("mkfifo").arg(path).status();
                assert!(made.unwrap().success());
            }),
            ("No such device", |path| {
                drop(UnixListener::bind(path).unwrap());
            }),
            ("not a regular file", |path| fs::create_dir(path).unwrap()),
            ("No such file", |_| ()),
        ];
        for (expected, swap) in swaps {
            let (_folder, file) = listed("words");
            fs::remove_file(&file.path).unwrap();
            swap(&file.path);
            let refused = read(&file).unwrap_err();
            assert!(refused.to_string().contains(expected), "{refused}");
        }
    }
}
