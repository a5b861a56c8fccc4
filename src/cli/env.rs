//! Every environment variable that `weir` reads, declared and documented once.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::plan::origin::{Given, Origin};
use crate::secret::{self, Secret, SecretFileError};

/// The API key.
pub const API_KEY: &str = "OPENAI_API_KEY";
/// A file that holds it.
pub const API_KEY_FILE: &str = "WEIR_API_KEY_FILE";
/// The server.
pub const BASE_URL: &str = "OPENAI_BASE_URL";
/// The operator's file.
pub const CONFIG: &str = "WEIR_CONFIG";
/// A folder for what lasts as long as somebody is logged in.
pub const RUNTIME: &str = "XDG_RUNTIME_DIR";
/// A folder for what may be thrown away.
pub const CACHE: &str = "XDG_CACHE_HOME";
/// The home folder.
pub const HOME: &str = "HOME";

/// Each variable and what it means.
pub const DOCUMENTED: [(&str, &str); 4] = [
    (
        API_KEY,
        "the key for the provider openai; never read from a file of settings or from a flag",
    ),
    (
        API_KEY_FILE,
        "a file that holds the key and only you can read (chmod 600); it wins over OPENAI_API_KEY",
    ),
    (BASE_URL, "the server of the provider openai, as --base-url"),
    (
        CONFIG,
        "the file of limits, servers, prices and budgets, as --config",
    ),
];

/// Looks a variable up.
pub type Variables<'a> = dyn Fn(&str) -> Option<OsString> + 'a;

/// What the environment says.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The key, and the variable it came from.
    pub key: Option<(Secret, &'static str)>,
    /// Values for the plan.
    pub given: Vec<Given>,
    /// The operator's file.
    pub config: Option<PathBuf>,
    /// Where processes of this user can see each other.
    pub shared: Option<PathBuf>,
}

/// A variable that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EnvError {
    /// Not UTF-8, or with a control character within.
    #[error("the value of {0} is no text that can be sent")]
    Text(&'static str),
    /// The key file cannot be read.
    #[error("could not read {path:?}, which {API_KEY_FILE} names")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others can read the key file.
    #[error("{0:?}, which {API_KEY_FILE} names, is open to others: chmod 600 it")]
    Open(PathBuf),
    /// No key in it.
    #[error("{0:?}, which {API_KEY_FILE} names, holds no key")]
    Empty(PathBuf),
}

impl Environment {
    /// What the environment says; an empty variable says nothing.
    ///
    /// # Errors
    /// A key file that is missing, open to others, or no text; values that are no text.
    pub fn read(variables: &Variables<'_>) -> Result<Self, EnvError> {
        let get = |name: &str| variables(name).filter(|value| !value.is_empty());
        let text = |name| match get(name).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) if !text.trim().contains(char::is_control) => Ok(Some(text)),
            Some(_) => Err(EnvError::Text(name)),
        };
        let key = match get(API_KEY_FILE) {
            Some(path) => Some((key_file(Path::new(&path))?, API_KEY_FILE)),
            None => text(API_KEY)?
                .and_then(|key| Secret::new(&key))
                .map(|key| (key, API_KEY)),
        };
        let given = text(BASE_URL)?
            .map(|url| Given::new("llm.base_url", url.trim(), Origin::Environment(BASE_URL)));
        Ok(Self {
            key,
            given: given.into_iter().collect(),
            config: get(CONFIG).map(PathBuf::from),
            shared: shared(&get),
        })
    }
}

/// A folder of this user alone, on this machine.
fn shared(get: &Variables<'_>) -> Option<PathBuf> {
    let folder = |name, below: &str| get(name).map(|path| Path::new(&path).join(below));
    folder(RUNTIME, "weir")
        .or_else(|| folder(CACHE, "weir"))
        .or_else(|| folder(HOME, ".cache/weir"))
        .filter(|path| path.is_absolute())
}

fn key_file(path: &Path) -> Result<Secret, EnvError> {
    secret::read_one(path).map_err(|error| match error {
        SecretFileError::Read { path, source } => EnvError::Read { path, source },
        SecretFileError::Open(path) => EnvError::Open(path),
        SecretFileError::Empty(path) => EnvError::Empty(path),
        SecretFileError::Special(_)
        | SecretFileError::Long(_)
        | SecretFileError::Text(_)
        | SecretFileError::Lines(_) => EnvError::Text(API_KEY_FILE),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn read(pairs: &[(&str, &str)]) -> Result<Environment, String> {
        let find = |name: &str| {
            let pair = pairs.iter().find(|(known, _)| *known == name);
            pair.map(|(_, value)| OsString::from(value))
        };
        Environment::read(&find).map_err(|error| error.to_string())
    }

    #[test]
    fn keys_come_from_variables() {
        assert!(read(&[]).unwrap().key.is_none());
        assert!(read(&[(API_KEY, " ")]).unwrap().key.is_none());
        let environment = read(&[(API_KEY, "sk-1\n"), (BASE_URL, "http://a/v1")]).unwrap();
        let (key, from) = environment.key.clone().unwrap();
        assert_eq!((key.expose(), from), ("sk-1", API_KEY));
        assert_eq!(environment.given[0].value, "http://a/v1");
        assert!(!format!("{environment:?}").contains("sk-1"));
        assert!(read(&[(API_KEY, "a\nb")]).unwrap_err().contains(API_KEY));
    }

    #[test]
    fn a_key_file_is_for_one_person() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let name = path.to_str().unwrap();
        let with = || read(&[(API_KEY_FILE, name), (API_KEY, "other")]);
        assert!(with().unwrap_err().starts_with("could not read"));
        for (text, mode, expected) in [
            ("sk-1\n", 0o644, Err("is open to others")),
            ("sk-1\n", 0o640, Err("is open to others")),
            (" \n", 0o600, Err("holds no key")),
            ("a\nb", 0o600, Err("is no text")),
            ("sk-1\n", 0o600, Ok("sk-1")),
            ("sk-1", 0o400, Ok("sk-1")),
        ] {
            if path.exists() {
                fs::remove_file(&path).unwrap();
            }
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            match (with(), expected) {
                (Ok(environment), Ok(key)) => assert_eq!(environment.key.unwrap().0.expose(), key),
                (Err(found), Err(part)) => assert!(found.contains(part), "{found}"),
                (found, expected) => panic!("{found:?} {expected:?}"),
            }
        }
    }
}
