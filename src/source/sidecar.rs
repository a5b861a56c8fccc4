//! `NAME.meta.toml` and `NAME.meta.json`: files that speak of the file beside them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::walk::escape;
use super::{Looks, SourceFile};

/// What is said of a file beside its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sidecar {
    /// Its name, as text.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
}

/// How their names end.
const ENDINGS: [&[u8]; 2] = [b".meta.toml", b".meta.json"];

/// Whether a name is that of a sidecar.
pub(super) fn is_sidecar(name: &OsStr) -> bool {
    ENDINGS
        .iter()
        .any(|ending| name.as_bytes().ends_with(ending))
}

/// Where a sidecar of a file may lie, what wins first: beside its whole name, beside its name without extension.
fn names_beside(path: &Path) -> Vec<PathBuf> {
    let whole = path.file_name().unwrap_or_default();
    let stem = path.file_stem().unwrap_or_default();
    let name = |stem: &OsStr, ending: &[u8]| {
        let mut name = stem.to_owned();
        name.push(OsStr::from_bytes(ending));
        path.with_file_name(name)
    };
    let stems = [whole, stem].into_iter();
    stems
        .flat_map(|stem| ENDINGS.iter().map(move |ending| name(stem, ending)))
        .collect()
}

/// Looks for the sidecar of a file that was named by itself.
pub fn find(file: &mut SourceFile) {
    let beside = names_beside(&file.path).into_iter().find_map(|path| {
        let metadata = fs::symlink_metadata(&path).ok()?;
        metadata.is_file().then(|| (path, Looks::of(&metadata)))
    });
    attach(file, beside);
}

/// Chooses the sidecar of a file among those that were seen.
pub(super) fn choose(file: &mut SourceFile, seen: &BTreeMap<PathBuf, Looks>) {
    let mut beside = names_beside(&file.path).into_iter();
    let found = beside.find_map(|path| seen.get_key_value(&path));
    attach(file, found.map(|(path, looks)| (path.clone(), *looks)));
}

fn attach(file: &mut SourceFile, sidecar: Option<(PathBuf, Looks)>) {
    let Some((path, looks)) = sidecar else { return };
    file.looks = file.looks.with(looks);
    file.sidecar = Some(Sidecar {
        name: escape(path.file_name().unwrap_or_default()),
        path,
    });
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::super::Root;
    use super::super::walk::{Listing, Options, walk};
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

    fn list(folder: &TempDir, options: &Options) -> Listing {
        walk(&[root("r", folder.path())], options).unwrap()
    }

    #[test]
    fn sidecars_belong_to_the_files_beside_them() {
        let folder = tree(&[
            "a.vtt",
            "a.vtt.meta.toml",
            "a.meta.toml",
            "x/b.srt",
            "x/b.meta.json",
            "x/c.txt",
            "y/c.meta.toml",
        ]);
        let beside = |listing: &Listing| -> Vec<_> {
            let name = |file: &SourceFile| file.sidecar.as_ref().map(|one| one.name.clone());
            listing.files.iter().map(name).collect()
        };
        let options = Options {
            include: vec!["*.vtt".into(), "*.srt".into(), "*.txt".into()],
            ..Options::default()
        };
        let before = list(&folder, &options);
        let names: Vec<_> = before.files.iter().map(|file| &*file.relative).collect();
        let some = |name: &str| Some(name.to_owned());
        assert_eq!(names, ["a.vtt", "x/b.srt", "x/c.txt"]);
        assert_eq!(
            beside(&before),
            [some("a.vtt.meta.toml"), some("b.meta.json"), None]
        );
        let alone = walk(&[root("f", folder.path().join("a.vtt"))], &options).unwrap();
        assert_eq!(beside(&alone), [some("a.vtt.meta.toml")]);
        assert_eq!(alone.files[0].looks, before.files[0].looks);
        // Written to, gone, come: each changes the looks of its file, and of no other.
        let changed = |step: &dyn Fn()| {
            let before = list(&folder, &options);
            step();
            let after = list(&folder, &options);
            let pairs = before.files.iter().zip(&after.files);
            let other = pairs.filter(|(old, new)| old.looks != new.looks);
            other
                .map(|(_, new)| new.relative.clone())
                .collect::<Vec<_>>()
        };
        let at = |name: &str| folder.path().join(name);
        assert_eq!(
            changed(&|| fs::write(at("x/b.meta.json"), "{ }").unwrap()),
            ["x/b.srt"]
        );
        assert_eq!(
            changed(&|| fs::remove_file(at("a.vtt.meta.toml")).unwrap()),
            ["a.vtt"]
        );
        assert_eq!(
            changed(&|| fs::write(at("x/c.txt.meta.json"), "").unwrap()),
            ["x/c.txt"]
        );
        assert!(changed(&|| fs::write(at("y/c.meta.toml"), "a = 1").unwrap()).is_empty());
    }
}
