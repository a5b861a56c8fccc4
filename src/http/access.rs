//! Tokens: who may use the service, by name.
//!
//! A token is kept as its hash and compared in the same time wherever it differs. Nothing of what a file of tokens holds
//! is ever repeated in an error: a line that cannot be read may be a token without its name.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use subtle::ConstantTimeEq;

use crate::secret::{self, Secret, SecretFileError};

/// Characters of a token, at least: fewer can be found by trying.
pub const LEAST: usize = 16;
/// Characters of a token, at most; nothing longer is even hashed.
pub const MOST: usize = 512;
/// Characters of a name, at most.
const MOST_NAME: usize = 64;

/// Where tokens are written.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// A file: a line `name:token` or `name token` for each; blank lines and those that begin with `#` say nothing.
    pub file: Option<PathBuf>,
    /// The value of `WEIR_TOKENS`: the same, and commas end a line, too.
    pub variable: Option<Secret>,
}

/// Tokens that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// The file.
    #[error("could not use the file of tokens")]
    File(#[source] SecretFileError),
    /// A line of the file, or an entry of the variable.
    #[error("{place}: {what}")]
    Entry {
        /// Which.
        place: String,
        /// What is wrong, and what would be right.
        what: &'static str,
    },
    /// A source without a token would leave the service open.
    #[error(
        "{0} holds no token: write a line such as ada:TOKEN, with a token from openssl rand -hex 32"
    )]
    None(&'static str),
}

/// The names that the tokens of a service belong to.
#[derive(Clone, Default)]
pub struct Tokens(Vec<(Arc<str>, blake3::Hash)>);

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

impl Tokens {
    /// Reads all that a source says; no token at all if it names neither file nor variable.
    ///
    /// # Errors
    /// A file that is open to others, an entry that cannot be used, a source without a token.
    pub fn read(source: &Source) -> Result<Self, TokensError> {
        let mut tokens = Self::default();
        if let Some(path) = &source.file {
            let text = secret::read_file(path).map_err(TokensError::File)?;
            let place = format!("{}, line", path.display());
            tokens.add(&text, &['\n'], &place, "the file of tokens")?;
        }
        if let Some(variable) = &source.variable {
            tokens.add(
                variable.expose(),
                &['\n', ','],
                "WEIR_TOKENS, entry",
                "WEIR_TOKENS",
            )?;
        }
        Ok(tokens)
    }

    fn add(
        &mut self,
        text: &str,
        ends: &[char],
        place: &str,
        source: &'static str,
    ) -> Result<(), TokensError> {
        let before = self.0.len();
        for (at, line) in text.trim_start_matches('\u{feff}').split(ends).enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, hash) = entry(line).map_err(|what| TokensError::Entry {
                place: format!("{place} {}", at + 1),
                what,
            })?;
            if self
                .0
                .iter()
                .any(|(known, other)| *other == hash && **known != *name)
            {
                return Err(TokensError::Entry {
                    place: format!("{place} {}", at + 1),
                    what: "the same token belongs to another name; give each its own",
                });
            }
            self.0.push((name.into(), hash));
        }
        if self.0.len() == before {
            return Err(TokensError::None(source));
        }
        Ok(())
    }

    /// Whether there is none: then the service asks for none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names, each once, and how many tokens it has: two while one replaces the other.
    #[must_use]
    pub fn names(&self) -> BTreeMap<&str, usize> {
        let mut names = BTreeMap::new();
        for (name, _) in &self.0 {
            *names.entry(&**name).or_default() += 1;
        }
        names
    }

    /// Whose token it is. Every token is compared with, whichever fits.
    #[must_use]
    pub fn check(&self, token: &str) -> Option<&Arc<str>> {
        if token.len() > MOST {
            return None;
        }
        let hash = blake3::hash(token.as_bytes());
        let mut found = None;
        for (name, known) in &self.0 {
            if bool::from(known.as_bytes().ct_eq(hash.as_bytes())) {
                found = Some(name);
            }
        }
        found
    }
}

/// The name and the hash of a line's token.
fn entry(line: &str) -> Result<(&str, blake3::Hash), &'static str> {
    let parts = line.split_once(|c: char| c == ':' || c.is_whitespace());
    let Some((name, token)) = parts else {
        return Err("no name before the token: write name:token");
    };
    let token = token.trim();
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    if name.is_empty() || name.len() > MOST_NAME || !name.chars().all(named) {
        return Err("the name may have up to 64 letters, digits and - _ . @: write name:token");
    }
    // What may stand behind `Bearer` in a header (RFC 6750).
    let sent = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
    if !token.chars().all(sent) {
        return Err("the token may have letters, digits and - . _ ~ + / = and nothing else");
    }
    if token.len() < LEAST {
        return Err(
            "the token has less than 16 characters and could be found by trying: take one from openssl rand -hex 32",
        );
    }
    if token.len() > MOST {
        return Err("the token has more than 512 characters");
    }
    Ok((name, blake3::hash(token.as_bytes())))
}

/// The token of an `Authorization` header.
///
/// ```
/// use weir::http::access::bearer;
/// assert_eq!(bearer("Bearer abc"), Some("abc"));
/// assert_eq!(bearer("bearer  abc "), Some("abc"));
/// assert_eq!(bearer("Basic YTpi"), None);
/// ```
#[must_use]
pub fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Tokens that can be read again while the service runs.
#[derive(Debug)]
pub struct Access {
    source: Source,
    tokens: RwLock<Arc<Tokens>>,
}

impl Access {
    /// Reads the tokens.
    ///
    /// # Errors
    /// As [`Tokens::read`].
    pub fn new(source: Source) -> Result<Self, TokensError> {
        let tokens = RwLock::new(Arc::new(Tokens::read(&source)?));
        Ok(Self { source, tokens })
    }

    /// The tokens that hold now.
    #[must_use]
    pub fn tokens(&self) -> Arc<Tokens> {
        Arc::clone(&self.tokens.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whose token it is.
    #[must_use]
    pub fn check(&self, token: &str) -> Option<Arc<str>> {
        self.tokens().check(token).cloned()
    }

    /// Reads the tokens again. If that fails, those that hold go on holding.
    ///
    /// # Errors
    /// As [`Tokens::read`].
    pub fn reload(&self) -> Result<Arc<Tokens>, TokensError> {
        let new = Arc::new(Tokens::read(&self.source)?);
        *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&new);
        Ok(new)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;

    const ADA: &str = "abcdefghijklmnop";
    const BOB: &str = "0123456789abcdef0123456789abcdef";

    fn write(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn variable(text: &str) -> Result<Tokens, TokensError> {
        Tokens::read(&Source {
            file: None,
            variable: Secret::new(text),
        })
    }

    #[test]
    fn tokens_are_known_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let text = format!("# who\n\nada:{ADA}\r\nbob@ops \t {BOB}\nada: {ADA}2\n");
        write(&path, &text, 0o600);
        let source = Source {
            file: Some(path.clone()),
            variable: Secret::new(&format!("ci:{ADA}/+=, cd:{ADA}~")),
        };
        let access = Access::new(source).unwrap();
        let who = |token: &str| access.check(token).map(|name| name.to_string());
        assert_eq!(who(ADA).as_deref(), Some("ada"));
        assert_eq!(who(&format!("{ADA}2")).as_deref(), Some("ada"));
        assert_eq!(who(BOB).as_deref(), Some("bob@ops"));
        assert_eq!(who(&format!("{ADA}/+=")).as_deref(), Some("ci"));
        assert_eq!(who(&format!("{ADA}~")).as_deref(), Some("cd"));
        for wrong in [
            "",
            "a",
            ADA.trim_start_matches('a'),
            &format!("{ADA} "),
            &ADA.to_uppercase(),
            &"x".repeat(10_000),
        ] {
            assert_eq!(who(wrong), None, "{wrong}");
        }
        for number in 0..2_000 {
            assert_eq!(who(&format!("{ADA}{number:04}")), None);
        }
        assert_eq!(
            access.tokens().names().into_iter().collect::<Vec<_>>(),
            [("ada", 2), ("bob@ops", 1), ("cd", 1), ("ci", 1)]
        );
        assert!(!format!("{access:?}").contains(ADA));
        // A file that cannot be used changes nothing; one that can does, at once.
        for (text, mode) in [("ada:short", 0o600), (text.as_str(), 0o644), ("", 0o600)] {
            write(&path, text, mode);
            assert!(access.reload().is_err(), "{text}");
            assert_eq!(who(ADA).as_deref(), Some("ada"));
        }
        write(&path, &format!("eve:{BOB}"), 0o600);
        access.reload().unwrap();
        assert_eq!(who(ADA), None);
        assert_eq!(who(BOB).as_deref(), Some("eve"));
        let none = Tokens::read(&Source::default()).unwrap();
        assert!(none.is_empty() && none.check("").is_none());
    }

    /// Errors say where and what, and never what stands there.
    #[test]
    fn bad_entries_are_refused() {
        for (text, part) in [
            ("geheimgeheimgeheim", "no name before the token"),
            (":geheimgeheimgeheim", "name may have"),
            ("a/b:geheimgeheimgeheim", "name may have"),
            ("ada:geheim", "less than 16"),
            ("ada:", "less than 16"),
            ("ada:geheimgeheim geheim", "nothing else"),
            ("ada:geheimgeheim:geheim", "nothing else"),
            ("ada:gehéimgeheimgeheim", "nothing else"),
            (
                "ada:geheimgeheimgeheim,bob:geheimgeheimgeheim",
                "entry 2: the same token",
            ),
            ("# nobody", "holds no token"),
            (",,", "holds no token"),
        ] {
            let error = variable(text).unwrap_err();
            assert!(error.to_string().contains(part), "{text}: {error}");
            assert!(
                !format!("{error} {error:?}").contains("geheim"),
                "{error:?}"
            );
        }
        let long = format!("ada:{}", "x".repeat(MOST + 1));
        assert!(
            variable(&long)
                .unwrap_err()
                .to_string()
                .contains("more than 512")
        );
        let missing = Tokens::read(&Source {
            file: Some("/nowhere/tokens".into()),
            variable: None,
        });
        let missing = missing.unwrap_err();
        assert!(
            missing
                .source()
                .unwrap()
                .to_string()
                .contains("/nowhere/tokens")
        );
    }
}
