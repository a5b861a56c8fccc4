//! Scores the embedded rules on labelled speech: `cargo bench --bench rules`.
//!
//! For each part and kind: exact spans found, precision, recall, F1; the kinds of names also together, where only
//! the span must be right; and the speed. A span is where its quote is grounded, as in the tables.
//! `--show` prints the mistakes in the part to work with, never those in the part kept aside.
//! `--file FILE` prints what the rules say of a file in the form of the shown text, `--spans FILE` the text with the
//! spans marked as the labels are.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it measures and prints"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use weir::model::extraction::{Extraction, Kind, Match};
use weir::stage::extract::ground::extraction;
use weir::stage::extract::rules;

/// The labels' short names of the kinds.
const SHORT: [(&str, Kind); 12] = [
    ("per", Kind::Person),
    ("org", Kind::Organization),
    ("loc", Kind::Place),
    ("pro", Kind::Product),
    ("eve", Kind::Event),
    ("wor", Kind::Work),
    ("dat", Kind::Date),
    ("tim", Kind::Time),
    ("mon", Kind::Money),
    ("pct", Kind::Percent),
    ("qty", Kind::Quantity),
    ("oth", Kind::Other),
];

/// Kinds that are values; the others are names.
const VALUES: [Kind; 5] = [
    Kind::Date,
    Kind::Time,
    Kind::Money,
    Kind::Percent,
    Kind::Quantity,
];

type Span = (usize, usize, Kind);

/// A chunk without its labels, and the labels.
fn unmarked(marked: &str) -> Result<(String, BTreeSet<Span>), String> {
    let mut text = String::new();
    let mut spans = BTreeSet::new();
    let mut parts = marked.split('[');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let bad = || format!("no label of the form `[kind words]`: [{part}");
        let (label, rest) = part.split_once(']').ok_or_else(bad)?;
        let (short, words) = label.split_once(' ').ok_or_else(bad)?;
        let kind = SHORT
            .iter()
            .find(|(name, _)| *name == short)
            .ok_or_else(bad)?;
        spans.insert((text.len(), text.len() + words.len(), kind.1));
        text.push_str(words);
        text.push_str(rest);
    }
    Ok((text, spans))
}

fn extract(shown: &str) -> Result<Extraction, String> {
    let answer = rules::answer(shown).to_string();
    extraction(&answer, shown).map_err(|error| error.to_string())
}

fn found(shown: &str) -> Result<BTreeSet<Span>, String> {
    let spans = extract(shown)?
        .mentions
        .into_iter()
        .filter(|mention| mention.grounding.matched != Match::None)
        .map(|mention| {
            let at = mention.grounding;
            (at.start as usize, at.end as usize, mention.name.kind)
        });
    Ok(spans.collect())
}

/// Spans that are right, said, and labelled.
#[derive(Clone, Copy, Default)]
struct Score {
    right: usize,
    said: usize,
    labelled: usize,
}

impl Score {
    fn count<T: Ord>(&mut self, said: &BTreeSet<T>, labelled: &BTreeSet<T>) {
        self.right += said.intersection(labelled).count();
        self.said += said.len();
        self.labelled += labelled.len();
    }

    fn line(self, name: &str) -> String {
        let share = |whole: usize| self.right as f64 / (whole.max(1)) as f64;
        let f1 = 2.0 * self.right as f64 / ((self.said + self.labelled).max(1)) as f64;
        let Self {
            right,
            said,
            labelled,
        } = self;
        format!(
            "{name:<14}{:>9.2}{:>9.2}{f1:>9.2}{right:>9}{said:>9}{labelled:>9}",
            share(said),
            share(labelled)
        )
    }
}

fn names(spans: &BTreeSet<Span>) -> BTreeSet<(usize, usize)> {
    spans
        .iter()
        .filter(|(.., kind)| !VALUES.contains(kind))
        .map(|(start, end, _)| (*start, *end))
        .collect()
}

fn files(folder: &Path) -> Result<Vec<(String, String)>, String> {
    let list = fs::read_dir(folder)
        .map_err(|error| format!("could not list {}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = list
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "txt"))
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path)
            .map_err(|error| format!("could not read {}: {error}", path.display()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Ok((name.into_owned(), text))
    };
    paths.into_iter().map(read).collect()
}

fn score(part: &str, folder: &Path, show: bool) -> Result<(), String> {
    let mut kinds: BTreeMap<Kind, Score> = BTreeMap::new();
    let mut together = Score::default();
    let mut registers = Vec::new();
    for (name, text) in files(folder)? {
        let mut register = Score::default();
        for chunk in text.split("\n\n").filter(|chunk| !chunk.trim().is_empty()) {
            let (mut shown, labelled) = unmarked(chunk)?;
            if !shown.ends_with('\n') {
                shown.push('\n');
            }
            let said = found(&shown)?;
            for kind in Kind::ALL {
                let only = |spans: &BTreeSet<Span>| -> BTreeSet<Span> {
                    spans
                        .iter()
                        .filter(|span| span.2 == kind)
                        .copied()
                        .collect()
                };
                let one = kinds.entry(kind).or_default();
                one.count(&only(&said), &only(&labelled));
            }
            together.count(&names(&said), &names(&labelled));
            register.count(&names(&said), &names(&labelled));
            if show {
                mistakes(&name, &shown, &said, &labelled);
            }
        }
        registers.push((name, register));
    }
    println!(
        "{part:<14}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}",
        "precision", "recall", "F1", "right", "said", "labelled"
    );
    for (kind, one) in kinds {
        println!("{}", one.line(kind.name()));
    }
    println!("{}", together.line("all names"));
    for (name, one) in registers {
        println!("{}", one.line(&format!("  {name}")));
    }
    println!();
    Ok(())
}

fn mistakes(name: &str, shown: &str, said: &BTreeSet<Span>, labelled: &BTreeSet<Span>) {
    let mut all: Vec<(&Span, &str)> = said
        .difference(labelled)
        .map(|span| (span, "wrong "))
        .chain(labelled.difference(said).map(|span| (span, "missed")))
        .collect();
    all.sort();
    for ((start, end, kind), what) in all {
        let words = shown.get(*start..*end).unwrap_or_default();
        let around = |range: std::ops::Range<usize>| shown.get(range).unwrap_or_default();
        let floor = |at: usize| (0..=at).rev().find(|at| shown.is_char_boundary(*at));
        let left = floor(start.saturating_sub(25)).unwrap_or_default();
        let right = floor((end + 20).min(shown.len())).unwrap_or_default();
        println!(
            "{name:<9}{what} {:<13}{words:<32} ...{}[{words}]{}",
            kind.name(),
            around(left..*start).replace('\n', "/"),
            around(*end..right).replace('\n', "/"),
        );
    }
}

fn speed(folder: &Path) -> Result<(), String> {
    let mut texts = Vec::new();
    for (_, text) in files(&folder.join("work"))? {
        for chunk in text.split("\n\n") {
            texts.push(unmarked(chunk)?.0);
        }
    }
    let bytes: usize = texts.iter().map(String::len).sum();
    let mut best = f64::INFINITY;
    for _ in 0..20 {
        let start = Instant::now();
        let said: usize = texts
            .iter()
            .map(|text| rules::answer(text).to_string().len())
            .sum();
        assert!(said > 0, "the rules said nothing");
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("speed {:.1} MB/s", bytes as f64 / best / 1e6);
    Ok(())
}

fn print(path: &str) -> Result<(), String> {
    let shown =
        fs::read_to_string(path).map_err(|error| format!("could not read {path:?}: {error}"))?;
    let said = extract(&shown)?;
    for one in said.mentions {
        println!(
            "{:<13} {} <- {:?}",
            one.name.kind.name(),
            one.surface,
            one.grounding.quote
        );
    }
    for one in said.statements {
        println!(
            "{} | {} | {}",
            one.source.normal, one.predicate, one.target.normal
        );
        println!("    {:?}", one.grounding.quote);
    }
    Ok(())
}

/// A file with its spans marked, to be looked at or to be made into labels.
fn marked(path: &str) -> Result<(), String> {
    let shown =
        fs::read_to_string(path).map_err(|error| format!("could not read {path:?}: {error}"))?;
    let mut at = 0;
    let mut out = String::new();
    for (start, end, kind) in found(&shown)? {
        let Some(before) = shown.get(at..start) else {
            continue;
        };
        let short = SHORT.iter().find(|(_, one)| *one == kind);
        let words = shown.get(start..end).unwrap_or_default();
        let short = short.map_or("", |(name, _)| name);
        out.extend([before, "[", short, " ", words, "]"]);
        at = end;
    }
    out.push_str(shown.get(at..).unwrap_or_default());
    println!("{out}");
    Ok(())
}

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(at) = arguments.iter().position(|one| one == "--spans") {
        return marked(arguments.get(at + 1).ok_or("--spans wants a file")?);
    }
    if let Some(at) = arguments.iter().position(|one| one == "--file") {
        return print(arguments.get(at + 1).ok_or("--file wants a file")?);
    }
    let show = arguments.iter().any(|one| one == "--show");
    let folder = Path::new("tests/labelled");
    score("work", &folder.join("work"), show)?;
    if !show {
        score("held", &folder.join("held"), false)?;
        speed(folder)?;
    }
    Ok(())
}
