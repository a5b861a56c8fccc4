//! Roots in, a sorted list of files out. No link is followed, and nothing is opened.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt::Write;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Deserialize;
use walkdir::{DirEntry, WalkDir};

use super::sidecar::{self, is_sidecar};
use super::{Looks, Root, SourceFile};
use crate::model::id::DocId;

/// Which files are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Globs of files to take; all if there are none. `*` stops at `/`, `**` does not; a glob without `/` is matched
    /// with the name alone.
    pub include: Vec<String>,
    /// Globs of files not to take, though included.
    pub exclude: Vec<String>,
    /// Folders that are not looked into, by absolute path: tables and state that lie among the inputs.
    #[serde(skip)]
    pub skip: Vec<PathBuf>,
}

/// What lies below the roots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// By root label and relative path.
    pub files: Vec<SourceFile>,
    /// What was passed over and deserves a word, in the same order.
    pub problems: Vec<Problem>,
}

/// Something below a root that is not among the files.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The label of its root.
    pub root: String,
    /// Its path below the root.
    pub relative: String,
    /// What it is.
    pub what: Oddity,
}

/// Why something was passed over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Oddity {
    /// Whatever is in it is not known; it may be what was there before.
    #[error("could not look into it: {0}")]
    Closed(String),
    /// A symbolic link.
    #[error("it is a symbolic link; links are not followed")]
    Link,
    /// A pipe, socket or device.
    #[error("it is neither a file nor a folder")]
    Special,
}

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A root is not there, or cannot be looked into.
    #[error("could not read the input {}", path.display())]
    Root {
        /// The root.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// A root is neither a file nor a folder.
    #[error("the input {} is neither a file nor a folder", path.display())]
    Special {
        /// The root.
        path: PathBuf,
    },
    /// Two roots have the same label, so their documents cannot be told apart.
    #[error("two inputs are called {label:?}")]
    Label {
        /// The label.
        label: String,
    },
    /// A glob is malformed.
    #[error("could not read the glob {glob:?}")]
    Glob {
        /// The glob.
        glob: String,
        /// What is wrong with it.
        #[source]
        cause: globset::Error,
    },
}

/// Endings of what editors and downloads leave behind until they are done.
const UNFINISHED: [&[u8]; 5] = [b"~", b".swp", b".tmp", b".part", b".crdownload"];

/// Lists the files below the roots. A root that is a file is taken whatever its name.
///
/// # Errors
/// If a root cannot be looked into, or an option is malformed.
pub fn walk(roots: &[Root], options: &Options) -> Result<Listing, SourceError> {
    let include = globs(&options.include)?;
    let exclude = globs(&options.exclude)?;
    let wanted = |path: &Path| {
        (options.include.is_empty() || include.is_match(path)) && !exclude.is_match(path)
    };
    let mut labels = BTreeSet::new();
    let mut listing = Listing::default();
    for root in roots {
        if !labels.insert(&root.label) {
            return Err(SourceError::Label {
                label: root.label.clone(),
            });
        }
        let failed = |cause| SourceError::Root {
            path: root.path.clone(),
            cause,
        };
        let metadata = fs::metadata(&root.path).map_err(failed)?;
        if metadata.is_file() {
            let name = root.path.file_name().unwrap_or(root.path.as_os_str());
            // The user may name a link; reading follows none.
            let path = fs::canonicalize(&root.path).map_err(failed)?;
            let mut file = file(root, Path::new(name), &path, &metadata);
            sidecar::find(&mut file);
            listing.files.push(file);
        } else if metadata.is_dir() {
            fs::read_dir(&root.path).map_err(failed)?;
            folder(root, &wanted, &options.skip, &mut listing);
        } else {
            return Err(SourceError::Special {
                path: root.path.clone(),
            });
        }
    }
    listing
        .files
        .sort_by(|a, b| (&a.root, &a.relative).cmp(&(&b.root, &b.relative)));
    listing.problems.sort();
    Ok(listing)
}

fn globs(patterns: &[String]) -> Result<GlobSet, SourceError> {
    let failed = |glob: &str| {
        let glob = glob.to_owned();
        move |cause| SourceError::Glob { glob, cause }
    };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let whole = if pattern.contains('/') {
            pattern.clone()
        } else {
            format!("**/{pattern}")
        };
        let glob = GlobBuilder::new(&whole).literal_separator(true).build();
        set.add(glob.map_err(failed(pattern))?);
    }
    set.build().map_err(failed(&patterns.join(" ")))
}

fn folder(root: &Root, wanted: &dyn Fn(&Path) -> bool, skip: &[PathBuf], listing: &mut Listing) {
    let below = |path: &Path| path.strip_prefix(&root.path).unwrap_or(path).to_owned();
    let skipped = |entry: &DirEntry| {
        let is_folder = entry.file_type().is_dir() && !skip.is_empty();
        is_folder && std::path::absolute(entry.path()).is_ok_and(|path| skip.contains(&path))
    };
    let visible =
        |entry: &DirEntry| entry.depth() == 0 || !(hidden(entry.file_name()) || skipped(entry));
    let first = listing.files.len();
    let mut sidecars = BTreeMap::new();
    let entries = WalkDir::new(&root.path)
        .min_depth(1)
        .into_iter()
        .filter_entry(visible);
    for entry in entries {
        let (path, found) = match entry {
            Ok(entry) if entry.file_type().is_dir() => continue,
            Ok(entry) => {
                let path = entry.path().to_owned();
                if is_sidecar(entry.file_name()) && entry.file_type().is_file() {
                    // One that is gone by now is none.
                    if let Ok(metadata) = entry.metadata() {
                        sidecars.insert(path, Looks::of(&metadata));
                    }
                    continue;
                }
                if passed_over(entry.file_name()) || !wanted(&below(&path)) {
                    continue;
                }
                let kind = entry.file_type();
                let found = if kind.is_symlink() {
                    Err(Oddity::Link)
                } else if kind.is_file() {
                    entry.metadata().map(Some).or_else(|error| closed(&error))
                } else {
                    Err(Oddity::Special)
                };
                (path, found)
            }
            Err(error) => {
                let path = error.path().unwrap_or(&root.path).to_owned();
                (path, closed(&error))
            }
        };
        match found {
            Ok(Some(metadata)) => {
                let file = file(root, &below(&path), &path, &metadata);
                listing.files.push(file);
            }
            Ok(None) => {}
            Err(what) => listing.problems.push(Problem {
                root: root.label.clone(),
                relative: escape(below(&path).as_os_str()),
                what,
            }),
        }
    }
    for file in listing.files.iter_mut().skip(first) {
        sidecar::choose(file, &sidecars);
    }
}

/// What vanished while we looked is gone, and no problem.
fn closed(error: &walkdir::Error) -> Result<Option<Metadata>, Oddity> {
    match error.io_error() {
        Some(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Some(cause) => Err(Oddity::Closed(cause.to_string())),
        None => Err(Oddity::Closed(error.to_string())),
    }
}

fn file(root: &Root, below: &Path, path: &Path, metadata: &Metadata) -> SourceFile {
    let relative = escape(below.as_os_str());
    SourceFile {
        doc: DocId::of(&[root.label.as_bytes(), relative.as_bytes()]),
        root: root.label.clone(),
        relative,
        path: path.to_owned(),
        looks: Looks::of(metadata),
        sidecar: None,
    }
}

fn hidden(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b".")
}

fn passed_over(name: &OsStr) -> bool {
    unfinished(name) || is_sidecar(name)
}

/// Whether a file of this name is taken for what an editor or a download left behind, and not read.
#[must_use]
pub fn unfinished(name: &OsStr) -> bool {
    let left = |ending: &&[u8]| name.as_bytes().ends_with(ending);
    UNFINISHED.iter().any(left)
}

/// A name as text, so that unlike names give unlike texts: bytes that are not UTF-8 and control characters become
/// `\xNN`, a backslash becomes two.
#[must_use]
pub fn escape(name: &OsStr) -> String {
    let mut text = String::with_capacity(name.len());
    let hex = |text: &mut String, bytes: &[u8]| {
        for byte in bytes {
            write!(text, "\\x{byte:02x}").expect("a string takes any text");
        }
    };
    for chunk in name.as_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => text.push_str("\\\\"),
                c if c.is_control() => hex(&mut text, c.encode_utf8(&mut [0; 4]).as_bytes()),
                c => text.push(c),
            }
        }
        hex(&mut text, chunk.invalid());
    }
    text
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use tempfile::TempDir;

    use super::*;

    fn tree(files: &[&str]) -> TempDir {
        let folder = TempDir::new().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        folder
    }

    fn root(label: &str, path: impl Into<PathBuf>) -> Root {
        Root {
            label: label.to_owned(),
            path: path.into(),
        }
    }

    fn names(listing: &Listing) -> Vec<&str> {
        listing.files.iter().map(|file| &*file.relative).collect()
    }

    fn list(folder: &TempDir, options: &Options) -> Listing {
        walk(&[root("r", folder.path())], options).unwrap()
    }

    #[test]
    fn files_are_sorted_and_leftovers_passed_over() {
        let folder = tree(&[
            "b.vtt",
            "a/z.vtt",
            "a/y.srt",
            "a.vtt",
            ".hidden",
            ".git/x.vtt",
            "c.vtt~",
            "c.swp",
            "c.tmp",
            "c.part",
            "c.crdownload",
            "b.meta.toml",
            "b.meta.json",
            "meta.json",
        ]);
        let listing = list(&folder, &Options::default());
        assert_eq!(
            names(&listing),
            ["a.vtt", "a/y.srt", "a/z.vtt", "b.vtt", "meta.json"]
        );
        assert!(listing.problems.is_empty());
        let first = listing.files.first().unwrap();
        assert_eq!(first.looks.size, 5);
        assert_eq!(first.doc, DocId::of(&[b"r", b"a.vtt"]));
        assert_eq!(listing, list(&folder, &Options::default()));
    }

    #[test]
    fn globs_choose() {
        let folder = tree(&["a.vtt", "x/b.vtt", "x/y/c.vtt", "x/d.txt", "old/e.vtt"]);
        let chosen = |include: &[&str], exclude: &[&str]| {
            let options = Options {
                include: include.iter().map(ToString::to_string).collect(),
                exclude: exclude.iter().map(ToString::to_string).collect(),
                skip: Vec::new(),
            };
            names(&list(&folder, &options)).join(" ")
        };
        assert_eq!(chosen(&["*.vtt"], &["old/**"]), "a.vtt x/b.vtt x/y/c.vtt");
        assert_eq!(chosen(&["x/*"], &[]), "x/b.vtt x/d.txt");
        assert_eq!(chosen(&["x/**/*.vtt"], &["c.*"]), "x/b.vtt");
        let apart = Options {
            skip: vec![folder.path().join("x"), folder.path().join("a.vtt")],
            ..Options::default()
        };
        assert_eq!(names(&list(&folder, &apart)).join(" "), "a.vtt old/e.vtt");
        let bad = Options {
            include: vec!["a[".to_owned()],
            ..Options::default()
        };
        let error = walk(&[], &bad).unwrap_err();
        assert_eq!(error.to_string(), "could not read the glob \"a[\"");
    }

    #[test]
    fn links_and_sockets_are_reported_and_not_followed() {
        let folder = tree(&["a.vtt", "sub/b.vtt"]);
        symlink(folder.path(), folder.path().join("sub/loop")).unwrap();
        symlink("a.vtt", folder.path().join("link.vtt")).unwrap();
        symlink("nowhere", folder.path().join("dangling.vtt")).unwrap();
        let _socket = UnixListener::bind(folder.path().join("socket")).unwrap();
        let listing = list(&folder, &Options::default());
        assert_eq!(names(&listing), ["a.vtt", "sub/b.vtt"]);
        let problems: Vec<_> = listing
            .problems
            .iter()
            .map(|problem| (&*problem.relative, &problem.what))
            .collect();
        let expected = [
            ("dangling.vtt", &Oddity::Link),
            ("link.vtt", &Oddity::Link),
            ("socket", &Oddity::Special),
            ("sub/loop", &Oddity::Link),
        ];
        assert_eq!(problems, expected);
    }

    #[test]
    fn a_root_may_be_a_file_or_a_link_but_must_be_there() {
        let folder = tree(&["a.tmp", "sub/b.vtt"]);
        let link = folder.path().join("link");
        symlink("sub", &link).unwrap();
        let roots = [root("f", folder.path().join("a.tmp")), root("l", &link)];
        let listing = walk(&roots, &Options::default()).unwrap();
        assert_eq!(names(&listing), ["a.tmp", "b.vtt"]);
        let missing = walk(
            &[root("m", folder.path().join("none"))],
            &Options::default(),
        );
        let message = missing.unwrap_err().to_string();
        assert!(message.ends_with("/none"), "{message}");
        let twice = walk(&[root("x", &link), root("x", &link)], &Options::default());
        assert_eq!(
            twice.unwrap_err().to_string(),
            "two inputs are called \"x\""
        );
    }

    #[test]
    fn odd_names_stay_apart() {
        let odd = |bytes: &[u8]| escape(&OsString::from_vec(bytes.to_vec()));
        assert_eq!(odd("Grüße/你好.vtt".as_bytes()), "Grüße/你好.vtt");
        assert_eq!(odd(b"a\xffb\n.vtt"), "a\\xffb\\x0a.vtt");
        assert_eq!(odd(b"a\\xffb"), "a\\\\xffb");
        let folder = TempDir::new().unwrap();
        for name in [&b"a\xff"[..], b"a\xfe", b"a\\xff", b"a\n"] {
            fs::write(folder.path().join(OsStr::from_bytes(name)), "x").unwrap();
        }
        let listing = list(&folder, &Options::default());
        let ids: BTreeSet<_> = listing.files.iter().map(|file| file.doc).collect();
        assert_eq!(ids.len(), 4);
    }

    /// Root may look into anything: then there is nothing to see here.
    #[test]
    fn a_closed_folder_is_a_problem_not_an_end() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tree(&["a.vtt", "shut/b.vtt"]);
        let shut = folder.path().join("shut");
        fs::set_permissions(&shut, fs::Permissions::from_mode(0o0)).unwrap();
        let listing = list(&folder, &Options::default());
        let open_to_us = fs::read_dir(&shut).is_ok();
        fs::set_permissions(&shut, fs::Permissions::from_mode(0o700)).unwrap();
        if open_to_us {
            return;
        }
        assert_eq!(names(&listing), ["a.vtt"]);
        let problem = listing.problems.first().unwrap();
        assert_eq!(problem.relative, "shut");
        assert!(matches!(&problem.what, Oddity::Closed(why) if why.starts_with("Permission")));
    }
}
