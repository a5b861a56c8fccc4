//! Folders that a request names, kept below the roots that the operator named.
//!
//! A path is taken apart: nothing but plain names, and each step is resolved and must still lie below a root, so a link
//! may lead from one root into itself or another and nowhere else. What lies outside answers one and the same, whether
//! it exists or not, and nothing outside is touched but to resolve a link that leads there.
//!
//! Between this check and the use a folder could be replaced by a link. Requests cannot do that: uploads bring no links,
//! and weir makes none below a root. Who can has an account that may write below a root of the operator's; against
//! that one a handle beneath the root would have to be held for as long as the job runs and be passed through every
//! reader, which macOS has no call for. The readers follow no link below the folder they are given; a job calls
//! [`below`] anew whenever it starts, so what a link may win is the instant in between.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Longer than any path that a system takes.
const LONGEST: usize = 4096;

/// Why a path is not taken. None tells what lies outside the roots.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There are no roots.
    #[error("this service reads no folders: start it with --root DIR to name some")]
    NoRoots,
    /// Not a path at all.
    #[error("the path is empty, too long, or holds a NUL")]
    Malformed,
    /// `..`
    #[error("the path holds \"..\": write it without")]
    Upwards,
    /// Not below a root.
    #[error("the path does not lie below a folder that this service may read")]
    Outside,
    /// Below a root, and not there.
    #[error("there is no such file or folder")]
    Missing,
    /// Below a root, and closed.
    #[error("the path could not be looked into: permission denied")]
    Closed,
    /// A pipe, a device, a socket.
    #[error("the path is neither a file nor a folder")]
    Special,
    /// Below several roots.
    #[error(
        "the path lies below several of the folders that this service may read: write it in full"
    )]
    Ambiguous,
}

/// The file or folder that `requested` means, without any link in its path: in full, or relative to a root.
///
/// # Errors
/// If it does not lie below a root, or is not there.
pub fn below(roots: &[PathBuf], requested: &str) -> Result<PathBuf, Refusal> {
    if roots.is_empty() {
        return Err(Refusal::NoRoots);
    }
    if requested.is_empty() || requested.len() > LONGEST || requested.contains('\0') {
        return Err(Refusal::Malformed);
    }
    let requested = Path::new(requested);
    let upwards = |part| matches!(part, Component::ParentDir);
    if requested.components().any(upwards) {
        return Err(Refusal::Upwards);
    }
    // A root that is gone is none, for now.
    let real: Vec<(&PathBuf, PathBuf)> = roots
        .iter()
        .filter_map(|root| Some((root, fs::canonicalize(root).ok()?)))
        .collect();
    let inside = |path: &Path| real.iter().any(|(_, root)| path.starts_with(root));
    if requested.is_absolute() {
        let rest = |(root, real): &(&PathBuf, PathBuf)| {
            let named = requested.strip_prefix(root);
            let rest = named.or_else(|_| requested.strip_prefix(real)).ok()?;
            Some((real.clone(), rest))
        };
        let (root, rest) = real.iter().find_map(rest).ok_or(Refusal::Outside)?;
        return descend(&root, rest, &inside);
    }
    let mut found: Vec<PathBuf> = Vec::new();
    let mut refusal = Refusal::Missing;
    for (_, root) in &real {
        match descend(root, requested, &inside) {
            Ok(path) if found.contains(&path) => {}
            Ok(path) => found.push(path),
            Err(Refusal::Missing) => {}
            Err(other) => refusal = other,
        }
    }
    match found.pop() {
        None => Err(refusal),
        Some(path) if found.is_empty() => Ok(path),
        Some(_) => Err(Refusal::Ambiguous),
    }
}

/// Goes down from a root name by name.
fn descend(root: &Path, rest: &Path, inside: &dyn Fn(&Path) -> bool) -> Result<PathBuf, Refusal> {
    let mut path = root.to_owned();
    for part in rest.components() {
        let Component::Normal(name) = part else {
            continue;
        };
        path.push(name);
        let found = fs::symlink_metadata(&path).map_err(|error| told(&error))?;
        if !found.is_symlink() {
            continue;
        }
        // A link that leads nowhere, in circles or out: all the same from here.
        path = match fs::canonicalize(&path) {
            Ok(target) if inside(&target) => target,
            _ => return Err(Refusal::Outside),
        };
    }
    let found = fs::symlink_metadata(&path).map_err(|error| told(&error))?;
    if found.is_dir() || found.is_file() {
        Ok(path)
    } else {
        Err(Refusal::Special)
    }
}

/// What may be told of what lies below a root.
fn told(error: &io::Error) -> Refusal {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Refusal::Closed,
        io::ErrorKind::InvalidFilename => Refusal::Malformed,
        _ => Refusal::Missing,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use tempfile::TempDir;

    use super::*;

    /// Two roots, something beside them, and links of every kind.
    fn world() -> (TempDir, Vec<PathBuf>) {
        let folder = TempDir::new().unwrap();
        // Of a system whose folder for such things is a link itself.
        let base = folder.path().canonicalize().unwrap();
        for path in [
            "one/talks/a",
            "one/both",
            "two/both",
            "two/more",
            "outside/secret",
            "one-more",
        ] {
            fs::create_dir_all(base.join(path)).unwrap();
        }
        fs::write(base.join("one/talks/a/x.vtt"), "x").unwrap();
        fs::write(base.join("outside/secret/y.vtt"), "y").unwrap();
        for (target, link) in [
            ("talks", "one/inner"),
            ("../two/more", "one/across"),
            ("../outside", "one/out"),
            ("../outside/nothing", "one/out-nowhere"),
            ("nothing", "one/nowhere"),
            ("loop", "one/loop"),
            ("/", "one/root"),
            ("..", "one/up"),
            ("../../one/talks", "one/talks/back"),
        ] {
            symlink(target, base.join(link)).unwrap();
        }
        symlink(base.join("one"), base.join("named")).unwrap();
        let roots = vec![base.join("named"), base.join("two")];
        (folder, roots)
    }

    #[test]
    fn paths_stay_below_the_roots() {
        let (folder, roots) = world();
        let base = folder.path().canonicalize().unwrap();
        let _socket = UnixListener::bind(base.join("one/socket")).unwrap();
        let full = |path: &str| base.join(path).to_str().unwrap().to_owned();
        let check = |requested: &str| {
            let found = below(&roots, requested);
            found.map(|path| {
                path.strip_prefix(&base)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned()
            })
        };
        for (requested, expected) in [
            ("talks".to_owned(), "one/talks"),
            ("./talks//a/".to_owned(), "one/talks/a"),
            ("talks/a/x.vtt".to_owned(), "one/talks/a/x.vtt"),
            ("inner/a".to_owned(), "one/talks/a"),
            ("across".to_owned(), "two/more"),
            ("talks/back/a".to_owned(), "one/talks/a"),
            ("more".to_owned(), "two/more"),
            (full("named"), "one"),
            (full("named/talks"), "one/talks"),
            (full("one/talks"), "one/talks"),
            (full("named/both"), "one/both"),
            (full("two"), "two"),
        ] {
            assert_eq!(check(&requested).as_deref(), Ok(expected), "{requested}");
        }
        for (requested, expected) in [
            (String::new(), Refusal::Malformed),
            ("a\0b".to_owned(), Refusal::Malformed),
            ("x/".repeat(3000), Refusal::Malformed),
            ("x".repeat(300), Refusal::Malformed),
            ("..".to_owned(), Refusal::Upwards),
            ("talks/../../outside".to_owned(), Refusal::Upwards),
            (full("named/../outside"), Refusal::Upwards),
            ("/etc/passwd".to_owned(), Refusal::Outside),
            ("/".to_owned(), Refusal::Outside),
            (full("outside/secret"), Refusal::Outside),
            (full("outside/nothing"), Refusal::Outside),
            // Not below `one`, though it begins so.
            (full("one-more"), Refusal::Outside),
            ("out".to_owned(), Refusal::Outside),
            ("out/secret".to_owned(), Refusal::Outside),
            ("out/nothing".to_owned(), Refusal::Outside),
            ("out-nowhere".to_owned(), Refusal::Outside),
            ("nowhere".to_owned(), Refusal::Outside),
            ("loop".to_owned(), Refusal::Outside),
            ("root/etc".to_owned(), Refusal::Outside),
            ("up/outside".to_owned(), Refusal::Outside),
            ("nothing".to_owned(), Refusal::Missing),
            ("talks/a/x.vtt/y".to_owned(), Refusal::Missing),
            ("both".to_owned(), Refusal::Ambiguous),
            ("socket".to_owned(), Refusal::Special),
        ] {
            assert_eq!(check(&requested), Err(expected), "{requested}");
        }
        assert_eq!(below(&[], "talks"), Err(Refusal::NoRoots));
        assert_eq!(below(&[base.join("gone")], "talks"), Err(Refusal::Missing));
    }

    /// Whatever is asked: what is found lies below a root, and what is refused is refused in the same words whether
    /// there is something outside or nothing.
    #[test]
    fn hostile_paths_find_nothing_and_learn_nothing() {
        let (folder, roots) = world();
        let (empty, empty_roots) = world();
        let base = folder.path().canonicalize().unwrap();
        let beside = empty.path().canonicalize().unwrap();
        fs::remove_dir_all(beside.join("outside")).unwrap();
        let parts = [
            "talks",
            "a",
            "x.vtt",
            "both",
            "more",
            "inner",
            "across",
            "out",
            "secret",
            "y.vtt",
            "nothing",
            "loop",
            "root",
            "up",
            "back",
            "..",
            ".",
            "",
            "outside",
            "one",
            "two",
            "named",
            "etc",
            "out-nowhere",
            "%2e%2e",
            "..\\",
        ];
        let mut chance = fastrand::Rng::with_seed(3);
        let mut found = 0;
        for _ in 0..20_000 {
            let length = chance.usize(1..6);
            let path: Vec<&str> = (0..length)
                .map(|_| parts[chance.usize(..parts.len())])
                .collect();
            let path = path.join("/");
            let full = chance.bool();
            let ask = |base: &Path, roots: &[PathBuf]| {
                let asked = if full {
                    format!("{}/{path}", base.display())
                } else {
                    path.clone()
                };
                below(roots, &asked)
            };
            let first = ask(&base, &roots);
            let second = ask(&beside, &empty_roots);
            match (first, second) {
                (Ok(path), Ok(_)) => {
                    found += 1;
                    assert_eq!(fs::canonicalize(&path).unwrap(), path);
                    let one = path.starts_with(base.join("one"));
                    assert!(one || path.starts_with(base.join("two")), "{path:?}");
                }
                (first, second) => assert_eq!(first.err(), second.err(), "{path}"),
            }
        }
        assert!(found > 500, "{found}");
    }
}
