//! Names that a client gives to files -> relative paths that are safe in a folder of ours.
//!
//! A name may come from any system, from an archive, or from somebody with intentions. What could lead out of the folder
//! is refused; what would be unreadable there (hidden files, leftovers) is refused, too, and said, since it would be
//! passed over in silence later; what is merely awkward is changed as little as will do.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;

use unicode_normalization::UnicodeNormalization;

use crate::source::walk;

/// Bytes of a name, as most file systems have it.
const LONGEST_NAME: usize = 255;
/// Bytes of a path: with the folder it lies in, still below what any system takes.
const LONGEST_PATH: usize = 768;
/// Folders within folders.
const DEEPEST: usize = 16;
/// Bytes of an ending that outlives the shortening of a name.
const LONGEST_ENDING: usize = 16;

/// Why a name is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// Nothing is left of it.
    #[error("the name is empty")]
    Empty,
    /// `/x`, `C:\x`
    #[error("the name is a full path; only paths within the upload are taken")]
    Absolute,
    /// `..`
    #[error("the name holds \"..\"")]
    Upwards,
    /// NUL, line ends, escapes.
    #[error("the name holds a control character")]
    Control,
    /// `.x`
    #[error(
        "it is hidden (its name, or that of its folder, begins with a dot), and hidden files are not read"
    )]
    Hidden,
    /// `x.part`
    #[error(
        "its name is that of an unfinished file (~, .swp, .tmp, .part, .crdownload), and such are not read"
    )]
    Unfinished,
    /// Of the system it was packed on.
    #[error("it belongs to the system that it was packed on, not to what was packed")]
    Litter,
    /// Too long.
    #[error("the path is longer than {LONGEST_PATH} bytes")]
    Long,
    /// Too deep.
    #[error("the path is deeper than {DEEPEST} folders")]
    Deep,
    /// The same as another, on some systems at least.
    #[error("its name is that of {0:?} (upper and lower case are one on some systems)")]
    Taken(String),
}

impl BadName {
    /// Whether nobody gives such a name by accident.
    #[must_use]
    pub fn is_hostile(&self) -> bool {
        matches!(self, Self::Absolute | Self::Upwards | Self::Control)
    }
}

/// The names that are in use in one folder.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// By path in lower case: the file's path as it is, or `None` for a folder.
    taken: BTreeMap<String, Option<String>>,
}

impl Names {
    /// The path for a file that the client calls `given`; it is in use from now on.
    ///
    /// # Errors
    /// If the name is not taken.
    pub fn place(&mut self, given: &str) -> Result<PathBuf, BadName> {
        let path = safe(given)?;
        self.take(&path)?;
        Ok(PathBuf::from(path))
    }

    /// Notes that a file lies at a path of the folder already.
    ///
    /// # Errors
    /// If another does.
    pub fn take(&mut self, path: &str) -> Result<(), BadName> {
        let key = path.to_lowercase();
        let folders = || key.match_indices('/').filter_map(|(at, _)| key.get(..at));
        // A file cannot be a folder as well.
        let inside = folders().find_map(|folder| self.taken.get(folder)?.clone());
        if let Some(file) = inside {
            return Err(BadName::Taken(file));
        }
        if let Some(known) = self.taken.get(&key) {
            let other = known.clone().unwrap_or_else(|| format!("{path}/"));
            return Err(BadName::Taken(other));
        }
        for folder in folders() {
            self.taken.entry(folder.to_owned()).or_default();
        }
        self.taken.insert(key, Some(path.to_owned()));
        Ok(())
    }
}

/// A name as a path of plain parts, joined by `/`: NFC, no control characters, nothing hidden, each part short enough.
///
/// ```
/// use weir::http::upload::{BadName, safe};
/// assert_eq!(safe("talks\\2024\\a.vtt").as_deref(), Ok("talks/2024/a.vtt"));
/// assert_eq!(safe("../../etc/passwd"), Err(BadName::Upwards));
/// ```
///
/// # Errors
/// If it would not be safe, or not read.
pub fn safe(given: &str) -> Result<String, BadName> {
    // Longer ones are not even looked at.
    if given.len() > 4 * LONGEST_PATH {
        return Err(BadName::Long);
    }
    let given: String = given.nfc().collect();
    if given.starts_with(['/', '\\']) {
        return Err(BadName::Absolute);
    }
    if given.contains(char::is_control) {
        return Err(BadName::Control);
    }
    let mut parts = Vec::new();
    for part in given.split(['/', '\\']) {
        match part.trim() {
            "" | "." => {}
            ".." => return Err(BadName::Upwards),
            "__MACOSX" => return Err(BadName::Litter),
            part if part.starts_with('.') => return Err(BadName::Hidden),
            part => parts.push(fitted(part)),
        }
    }
    if parts.len() > 1 && parts.first().is_some_and(|first| is_drive(first)) {
        return Err(BadName::Absolute);
    }
    let name = parts.last().ok_or(BadName::Empty)?;
    if matches!(name.to_lowercase().as_str(), "thumbs.db" | "desktop.ini") {
        return Err(BadName::Litter);
    }
    if walk::unfinished(OsStr::new(name)) {
        return Err(BadName::Unfinished);
    }
    if parts.len() > DEEPEST {
        return Err(BadName::Deep);
    }
    let path = parts.join("/");
    if path.len() > LONGEST_PATH {
        return Err(BadName::Long);
    }
    Ok(path)
}

/// `C:`, in front of a path.
fn is_drive(part: &str) -> bool {
    matches!(part.as_bytes(), [letter, b':'] if letter.is_ascii_alphabetic())
}

/// A part that any system can hold. It begins with no dot and is not empty.
fn fitted(part: &str) -> String {
    // Some systems drop these, and two names become one.
    let part = part.trim_end_matches(|c: char| c == '.' || c.is_whitespace());
    let stem = part.split('.').next().unwrap_or(part).trim_end();
    let part = if is_device(stem) {
        format!("_{part}")
    } else {
        part.to_owned()
    };
    if part.len() <= LONGEST_NAME {
        return part;
    }
    let hash = blake3::hash(part.as_bytes()).to_hex();
    let ending = part
        .rsplit_once('.')
        .map(|(_, ending)| format!(".{ending}"))
        .filter(|ending| ending.len() <= LONGEST_ENDING)
        .unwrap_or_default();
    let mark = format!("~{}{ending}", hash.get(..8).unwrap_or_default());
    let mut kept = LONGEST_NAME - mark.len();
    while !part.is_char_boundary(kept) {
        kept -= 1;
    }
    format!("{}{mark}", part.get(..kept).unwrap_or_default())
}

/// Names that are no files on Windows, whatever their ending.
fn is_device(stem: &str) -> bool {
    let stem = stem.to_ascii_uppercase();
    let numbered = |name: &str| {
        let digit = stem.strip_prefix(name).map(str::chars);
        digit.is_some_and(|mut rest| {
            rest.next().is_some_and(|c| c.is_ascii_digit()) && rest.next().is_none()
        })
    };
    let fixed = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    fixed.contains(&stem.as_str()) || numbered("COM") || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use super::*;

    /// Whether a path stays within the folder it is joined to.
    fn is_plain(path: &str) -> bool {
        let plain = |part| matches!(part, Component::Normal(_));
        Path::new(path).components().all(plain) && !path.is_empty()
    }

    #[test]
    fn the_table_of_names() {
        let long = format!("{}.vtt", "ä".repeat(200));
        let shortened = safe(&long).unwrap();
        assert!(
            shortened.len() <= 255 && shortened.rsplit_once('.').unwrap().1 == "vtt",
            "{shortened}"
        );
        assert!(shortened.starts_with("ää"), "{shortened}");
        let other = safe(&format!("{}b.vtt", "ä".repeat(200))).unwrap();
        assert_ne!(shortened, other);
        assert_eq!(safe(&"x".repeat(300)).unwrap().len(), 255);
        for (given, expected) in [
            ("a.vtt", "a.vtt"),
            ("./a//b/./c.vtt", "a/b/c.vtt"),
            ("a\\b\\c.vtt", "a/b/c.vtt"),
            ("Q: what is this?.vtt", "Q: what is this?.vtt"),
            ("C:a.vtt", "C:a.vtt"),
            (" a / b.vtt ", "a/b.vtt"),
            ("a.vtt...", "a.vtt"),
            ("a. ./b.vtt", "a/b.vtt"),
            ("e\u{301}.vtt", "é.vtt"),
            ("con", "_con"),
            ("aux.vtt", "_aux.vtt"),
            ("NUL .txt", "_NUL .txt"),
            ("com1/lpt9.x.y", "_com1/_lpt9.x.y"),
            ("com10.vtt", "com10.vtt"),
            ("console.vtt", "console.vtt"),
            ("=cmd().vtt", "=cmd().vtt"),
            ("東京 🙂.srt", "東京 🙂.srt"),
            ("a.meta.toml", "a.meta.toml"),
            ("%2e%2e%2fa", "%2e%2e%2fa"),
        ] {
            assert_eq!(safe(given).as_deref(), Ok(expected), "{given}");
        }
        for (given, expected) in [
            ("", BadName::Empty),
            (" / . /", BadName::Empty),
            ("./ .", BadName::Empty),
            ("/etc/passwd", BadName::Absolute),
            ("\\\\server\\share", BadName::Absolute),
            ("C:\\x", BadName::Absolute),
            ("c:/x", BadName::Absolute),
            ("..", BadName::Upwards),
            ("a/../b", BadName::Upwards),
            ("a\\..\\b", BadName::Upwards),
            ("a/ .. /b", BadName::Upwards),
            ("a\0.vtt", BadName::Control),
            ("a\nb", BadName::Control),
            ("a\u{1b}[2J", BadName::Control),
            ("a\u{85}b", BadName::Control),
            (".bashrc", BadName::Hidden),
            (".git/config", BadName::Hidden),
            ("...", BadName::Hidden),
            ("..a/b", BadName::Hidden),
            ("a/.b/c", BadName::Hidden),
            ("a.vtt~", BadName::Unfinished),
            ("a.part", BadName::Unfinished),
            ("a.tmp.", BadName::Unfinished),
            ("__MACOSX/a", BadName::Litter),
            ("x/Thumbs.db", BadName::Litter),
            (&"a/".repeat(17), BadName::Deep),
            (&format!("{0}/{0}/{0}/{0}", "x".repeat(250)), BadName::Long),
            (&"x".repeat(1 << 20), BadName::Long),
        ] {
            let found = safe(given);
            let given: String = given.chars().take(80).collect();
            assert_eq!(found, Err(expected), "{given}");
        }
    }

    #[test]
    fn names_that_are_one_somewhere_are_told() {
        let mut names = Names::default();
        names.take("old/x.vtt").unwrap();
        let mut place = |given: &str| names.place(given).map(|path| path.display().to_string());
        assert_eq!(place("Talks/A.vtt").as_deref(), Ok("Talks/A.vtt"));
        assert_eq!(place("Talks/b.vtt").as_deref(), Ok("Talks/b.vtt"));
        let taken = |path: &str| Err(BadName::Taken(path.to_owned()));
        assert_eq!(place("talks/a.VTT"), taken("Talks/A.vtt"));
        assert_eq!(place("OLD/X.vtt"), taken("old/x.vtt"));
        assert_eq!(place("e\u{301}").as_deref(), Ok("é"));
        assert_eq!(place("É"), taken("é"));
        // A file where a folder is, and a folder where a file is.
        assert_eq!(place("talks"), taken("talks/"));
        assert_eq!(place("talks/A.vtt/x"), taken("Talks/A.vtt"));
        assert_eq!(place("aux.vtt").as_deref(), Ok("_aux.vtt"));
        assert_eq!(place("_AUX.vtt"), taken("_aux.vtt"));
    }

    /// Whatever is given: what comes out is plain, short, shown as it is, and comes out of itself again.
    #[test]
    fn hostile_names_come_out_plain_or_not_at_all() {
        let parts = [
            "..",
            ".",
            "/",
            "\\",
            "a",
            "b.vtt",
            "C:",
            "con",
            "\0",
            "\n",
            "\u{202e}",
            " ",
            "\u{a0}",
            "\u{2028}",
            "\u{3000}",
            "e\u{301}",
            "\u{1100}\u{1161}",
            "🙂",
            "~",
            ".tmp",
            "\u{feff}",
            "\u{ff0f}",
            "\u{2024}",
            "%2f",
            "\u{212a}",
            "İ",
            "long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long",
        ];
        let mut chance = fastrand::Rng::with_seed(7);
        let mut taken = 0;
        for _ in 0..50_000 {
            let length = chance.usize(1..12);
            let given: String = (0..length)
                .map(|_| parts[chance.usize(..parts.len())])
                .collect();
            let Ok(path) = safe(&given) else { continue };
            taken += 1;
            assert_eq!(safe(&path).as_deref(), Ok(&*path), "{given:?}");
            assert!(is_plain(&path), "{given:?}");
            assert!(
                path.len() <= LONGEST_PATH && !path.contains(char::is_control),
                "{given:?}"
            );
            assert!(path.nfc().eq(path.chars()), "{given:?}");
            for part in path.split('/') {
                let odd = part.is_empty() || part.starts_with('.') || part.ends_with(['.', ' ']);
                assert!(!odd && part.len() <= LONGEST_NAME, "{given:?} {path:?}");
            }
        }
        assert!(taken > 5_000, "{taken}");
    }
}
