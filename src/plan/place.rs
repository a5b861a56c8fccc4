//! Where things lie: what is read, where tables go, where the state is kept.

use std::path::{Path, PathBuf};

use super::origin::Origin;
use super::resolve::{Inputs, Purpose};
use super::settings::Settings;
use super::{Roots, question::Home, value};
use crate::source::Root;

/// Far more than anybody types; each is opened before the run.
const MOST_ROOTS: usize = 10_000;

fn is_url(text: &str) -> bool {
    text.contains("://")
}

const NO_URLS: &str =
    "object stores and URLs are not in this release; name a folder of this machine";

/// A folder by key, with its default.
pub(super) fn folder(
    settings: &mut Settings,
    inputs: &Inputs,
    key: &str,
    default: &str,
) -> PathBuf {
    let text = settings.plain(key, default.to_owned(), value::word);
    if is_url(&text) {
        settings.wrong(key, NO_URLS);
    }
    inputs.directory.join(text)
}

/// The roots: of the command line, else of the file, else the samples.
pub(super) fn roots(settings: &mut Settings, inputs: &Inputs, home: &Home) -> Roots {
    const KEY: &str = "source.roots";
    let (paths, origin) = if inputs.roots.is_empty() {
        let Some((given, origin)) = settings.get(KEY, value::texts) else {
            settings.took(KEY, "the sample transcripts", settings.origin(KEY));
            return Roots::Samples;
        };
        let base = match (home, &origin) {
            (Home::Folder(folder), Origin::Dataflow(_)) => folder,
            _ => &inputs.directory,
        };
        let paths = given.iter().map(|path| base.join(path)).collect();
        (paths, origin)
    } else {
        let join = |path: &PathBuf| inputs.directory.join(path);
        let paths: Vec<PathBuf> = inputs.roots.iter().map(join).collect();
        (paths, Origin::Flag("-i"))
    };
    if paths.is_empty() || paths.len() > MOST_ROOTS {
        let message = format!("must name 1 to {MOST_ROOTS} folders");
        settings
            .problems
            .push(super::error::Problem::of(KEY, origin, message));
        return Roots::Samples;
    }
    let mut roots: Vec<Root> = Vec::new();
    let mut seen: Vec<PathBuf> = Vec::new();
    for path in paths {
        match root(&path, inputs.purpose, &roots, &mut seen) {
            Ok(root) => roots.push(root),
            Err(why) => {
                let problem = super::error::Problem::of(KEY, origin.clone(), why);
                settings.problems.push(problem);
            }
        }
    }
    let shown: Vec<String> = roots
        .iter()
        .map(|root| format!("{} = {}", root.label, root.path.display()))
        .collect();
    settings.took(KEY, shown.join(", "), origin);
    Roots::Given(roots)
}

fn root(
    path: &Path,
    purpose: Purpose,
    others: &[Root],
    seen: &mut Vec<PathBuf>,
) -> Result<Root, String> {
    let shown = path.display().to_string();
    if is_url(&shown) {
        return Err(NO_URLS.to_owned());
    }
    let real = match (path.canonicalize(), purpose) {
        (Ok(real), _) => real,
        (Err(_), Purpose::Show) => path.to_owned(),
        (Err(error), _) => return Err(format!("could not open {shown:?}: {error}")),
    };
    if seen.contains(&real) {
        return Err(format!("{shown:?} is named twice"));
    }
    if let Some(other) = seen
        .iter()
        .find(|other| real.starts_with(other) || other.starts_with(&real))
    {
        let other = other.display().to_string();
        return Err(format!(
            "{shown:?} and {other:?} lie one in the other: its files would be read twice"
        ));
    }
    let name = real.file_name().map_or_else(
        || "root".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    );
    seen.push(real);
    Ok(Root {
        label: unlike(&name, others),
        path: path.to_owned(),
    })
}

/// The name, or with the first number that no other root has: the first root of a name keeps it, and so its
/// documents keep their ids, whatever is named after it.
fn unlike(name: &str, others: &[Root]) -> String {
    let taken = |label: &str| others.iter().any(|other| other.label == label);
    if !taken(name) {
        return name.to_owned();
    }
    (2..=others.len() + 2)
        .map(|number| format!("{name}-{number}"))
        .find(|label| !taken(label))
        .unwrap_or_else(|| name.to_owned())
}

/// The tables must not be put over what is read.
pub(super) fn check(settings: &mut Settings, roots: &Roots, output: &Path) {
    let Roots::Given(roots) = roots else {
        return;
    };
    let Ok(output) = output.canonicalize() else {
        return;
    };
    for root in roots {
        if root
            .path
            .canonicalize()
            .is_ok_and(|root| root.starts_with(&output))
        {
            let input = root.path.display().to_string();
            settings.wrong(
                "output.dir",
                format!("the tables would lie over the input {input:?}"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_unlike() {
        let root = |label: &str| Root {
            label: label.into(),
            path: PathBuf::new(),
        };
        assert_eq!(unlike("talks", &[]), "talks");
        assert_eq!(unlike("talks", &[root("talks")]), "talks-2");
        let others = [root("talks"), root("talks-2"), root("a")];
        assert_eq!(unlike("talks", &others), "talks-3");
    }
}
