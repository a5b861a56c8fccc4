//! Secrets: a text that never prints, and files that only their owner can read.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Longer than any file of keys.
const MAX_FILE: u64 = 64 << 10;

/// A key, a password, a token.
///
/// ```
/// let key = weir::secret::Secret::new(" sk-1\n").unwrap();
/// assert_eq!(format!("{key} {key:?}"), "*** ***");
/// assert_eq!(key.expose(), "sk-1");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Without the blanks around it; `None` if nothing is left.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.into()))
    }

    /// The text itself, for the one place it belongs in.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A file of secrets that cannot be used. Nothing of what is in it is ever repeated.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// It cannot be read.
    #[error("could not read {path:?}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A folder, a pipe, a device.
    #[error("{0:?} is not a file")]
    Special(PathBuf),
    /// Others can read or change it.
    #[error("{0:?} is open to others: chmod 600 it")]
    Open(PathBuf),
    /// More than any secret.
    #[error("{0:?} is longer than {MAX_FILE} bytes, which no file of secrets is")]
    Long(PathBuf),
    /// Not UTF-8.
    #[error("{0:?} is no text (UTF-8)")]
    Text(PathBuf),
    /// One line was wanted.
    #[error("{0:?} must hold the secret alone, on one line")]
    Lines(PathBuf),
    /// Nothing in it.
    #[error("{0:?} is empty")]
    Empty(PathBuf),
}

/// Where systemd shows a service its credentials, each in a folder that nobody else can enter.
const CREDENTIALS: &str = "/run/credentials";

/// Whether nobody else can read or change a file. systemd lets a service read its credentials by an access list, and the
/// mode then shows that as rights of the group.
fn is_private(path: &Path, mode: u32) -> bool {
    let others = if path.starts_with(CREDENTIALS) {
        0o037
    } else {
        0o077
    };
    mode & others == 0
}

/// The text of a file that nobody but its owner can read or change.
///
/// # Errors
/// If it cannot be read, is open to others, too long, or no text.
pub fn read_file(path: &Path) -> Result<String, SecretFileError> {
    let unread = |source| SecretFileError::Read {
        path: path.to_owned(),
        source,
    };
    // Before it is opened: opening a pipe would wait for somebody to write into it.
    if !path.metadata().map_err(unread)?.is_file() {
        return Err(SecretFileError::Special(path.to_owned()));
    }
    let file = File::open(path).map_err(unread)?;
    // Of the file that is open, not of whatever has its name by now.
    let mode = file.metadata().map_err(unread)?.permissions().mode();
    if !is_private(&path.canonicalize().map_err(unread)?, mode) {
        return Err(SecretFileError::Open(path.to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(unread)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(SecretFileError::Long(path.to_owned()));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        // The error would carry the bytes along.
        Err(_) => Err(SecretFileError::Text(path.to_owned())),
    }
}

/// The one secret in a file that nobody but its owner can read or change.
///
/// # Errors
/// As [`read_file`]; and if there is no secret in it, or more than a line.
pub fn read_one(path: &Path) -> Result<Secret, SecretFileError> {
    let text = read_file(path)?;
    let secret = Secret::new(&text).ok_or_else(|| SecretFileError::Empty(path.to_owned()))?;
    if secret.expose().contains(char::is_control) {
        return Err(SecretFileError::Lines(path.to_owned()));
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn credentials_of_a_service_are_for_it_alone() {
        let of = |path: &str, mode| is_private(Path::new(path), mode);
        assert!(of("/run/credentials/weir.service/key", 0o100_440));
        assert!(!of("/run/credentials/weir.service/key", 0o100_444));
        assert!(!of("/run/credentials/weir.service/key", 0o100_460));
        assert!(!of("/run/credentials-of-mine/key", 0o100_440));
        assert!(of("/etc/weir/key", 0o100_600) && !of("/etc/weir/key", 0o100_640));
    }

    #[test]
    fn a_file_of_secrets_is_for_one_person() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let missing = read_one(&path).unwrap_err();
        assert!(missing.to_string().starts_with("could not read"));
        let special = read_one(folder.path()).unwrap_err().to_string();
        assert!(special.ends_with("is not a file"), "{special}");
        let long = vec![b'a'; usize::try_from(MAX_FILE + 1).unwrap()];
        for (bytes, mode, expected) in [
            (&b"geheim"[..], 0o644, Err("open to others")),
            (b"geheim", 0o620, Err("open to others")),
            (b" \n", 0o600, Err("is empty")),
            (b"geheim\nzwei", 0o600, Err("on one line")),
            (b"geheim\xff", 0o600, Err("is no text")),
            (&long, 0o600, Err("longer than")),
            (b" geheim\r\n", 0o600, Ok("geheim")),
            (b"geheim", 0o400, Ok("geheim")),
        ] {
            if path.exists() {
                fs::remove_file(&path).unwrap();
            }
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            match (read_one(&path), expected) {
                (Ok(secret), Ok(text)) => assert_eq!(secret.expose(), text),
                (Err(error), Err(part)) => {
                    assert!(error.to_string().contains(part), "{error}");
                    assert!(!format!("{error:?}").contains("geheim"), "{error:?}");
                }
                (found, expected) => panic!("{found:?} {expected:?}"),
            }
        }
    }
}
