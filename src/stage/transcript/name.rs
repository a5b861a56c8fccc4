//! Speakers: what may be a name, how it is written in tables, and which of the labels in a file are names.

use std::collections::{BTreeMap, BTreeSet};

use super::plain::{head, tidy};

/// Characters of a speaker as it comes that are looked at.
const MAX_RAW: usize = 400;

/// The longest name kept, in characters: what stands before a colon in the shown text is taken for a label up to here.
const MAX_NAME: usize = 60;

/// Words before a colon that head a line of a document, not of speech.
const HEADERS: [&str; 30] = [
    "agenda",
    "attendees",
    "author",
    "cc",
    "date",
    "description",
    "duration",
    "from",
    "language",
    "link",
    "links",
    "location",
    "media",
    "note",
    "notes",
    "paper",
    "participants",
    "podcast",
    "present",
    "re",
    "slides",
    "source",
    "subject",
    "summary",
    "time",
    "title",
    "to",
    "topic",
    "tweet",
    "video",
];

/// Small words inside names.
const PARTICLES: [&str; 20] = [
    "al", "and", "bin", "da", "de", "del", "della", "den", "der", "di", "dos", "du", "el", "la",
    "le", "of", "ter", "the", "van", "von",
];

/// A speaker as tables have it: NFC, no markup, marks or trailing colon; `None` if nothing is left.
pub(super) fn speaker(raw: &str) -> Option<String> {
    let marks =
        |c: char| c.is_whitespace() || matches!(c, '*' | '_' | '`' | ':' | '>' | '<' | '：');
    let name = tidy(raw.trim_matches(marks), MAX_RAW);
    let mut name = name.trim_matches(marks);
    // `[SPEAKER_00]:` of aligned captions.
    if let Some(inner) = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        && !inner.contains(['[', ']'])
    {
        name = inner.trim_matches(marks);
    }
    // How somebody is let into a meeting is no part of the name.
    for role in [" (Guest)", " (External)", " (Unverified)"] {
        name = name.strip_suffix(role).unwrap_or(name).trim_end();
    }
    if name.is_empty() {
        return None;
    }
    // A colon ends a label, and the long office of a minister is no part of the name.
    let apart: Vec<&str> = name
        .split(": ")
        .map(|part| part.trim_matches(marks))
        .filter(|part| !part.is_empty())
        .collect();
    let name = apart.join(" - ");
    if name.chars().nth(MAX_NAME).is_some() {
        let office = name.find(" (").filter(|at| *at > 0);
        let short = office.map_or(name.as_str(), |at| head(&name, at));
        let end = short.char_indices().nth(MAX_NAME);
        let end = end.map_or(short.len(), |(at, _)| at);
        return Some(head(short, end).trim_end().to_owned());
    }
    // Diarisation often counts: `0` shows as `Speaker 0`, as other exports of the same tools write it.
    if name.bytes().all(|b| b.is_ascii_digit()) {
        return Some(format!("Speaker {name}"));
    }
    Some(name)
}

/// Whether a label heads a line of a document: `Date`, `Location`.
pub(super) fn is_header(label: &str) -> bool {
    let label = label.trim().to_lowercase();
    HEADERS.binary_search(&label.as_str()).is_ok()
}

/// How much a label looks like a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grade {
    /// Short enough, but so is the start of many sentences.
    Poor,
    /// One or two words in small letters: a nickname, or not.
    Weak,
    /// Every word is capitalised or written in a script without capitals.
    Strong,
    /// It is set in bold, and may be a name.
    Bold,
    /// It stands beside a stamp.
    Certain,
}

/// Looks at a label; `None` if it cannot be a name.
pub(super) fn grade(label: &str) -> Option<Grade> {
    let label = label.trim();
    let odd = |c: char| matches!(c, '?' | '!' | ';' | '"' | '“' | '”' | '…' | '=' | '{' | '}');
    if label.is_empty() || label.chars().count() > 60 || label.contains(odd) {
        return None;
    }
    if !label.contains(char::is_alphabetic) || label.contains("://") || has_sentence_end(label) {
        return None;
    }
    // `CC` may be a copy or the capsule communicator: it is a name only where it is one all the time.
    if is_header(label) {
        return Some(Grade::Poor);
    }
    // What stands in brackets is a role or an employer, not the name.
    let name = label
        .split_once(['(', '[', '|'])
        .map_or(label, |(name, _)| name);
    let name = if name.trim().is_empty() { label } else { name };
    let mut words = 0;
    let mut capitals = true;
    for word in name.split_whitespace() {
        words += 1;
        let small = word
            .chars()
            .find(|c| c.is_alphabetic())
            .is_some_and(char::is_lowercase);
        let first = words == 1;
        capitals &= !small || (!first && PARTICLES.binary_search(&word).is_ok());
    }
    match words {
        1..=5 if capitals => Some(Grade::Strong),
        1..=2 => Some(Grade::Weak),
        _ if words <= 8 => Some(Grade::Poor),
        _ => None,
    }
}

/// A full stop after a word too long for `Dr.` or an initial, with more to come.
fn has_sentence_end(label: &str) -> bool {
    label.match_indices(". ").any(|(at, _)| {
        let before = label.get(..at).unwrap_or("");
        let word = before.rsplit(' ').next().unwrap_or("");
        let small = word.starts_with(char::is_lowercase);
        word.chars().count() > if small { 1 } else { 4 }
    })
}

/// Counts the labels of a file, to tell names from sentences that hold a colon.
#[derive(Default)]
pub(super) struct Census {
    labels: BTreeMap<String, (u32, Grade)>,
    lines: u32,
}

impl Census {
    /// A line, with what stands before its colon if that may be a name.
    pub(super) fn line(&mut self, label: Option<(&str, Sure)>) {
        self.lines += 1;
        let Some((raw, sure)) = label else { return };
        let Some(name) = speaker(raw) else { return };
        let grade = match (grade(&name), sure) {
            (Some(_), Sure::Stamped) => Grade::Certain,
            (Some(_), Sure::Bold) => Grade::Bold,
            (Some(grade), Sure::No) => grade,
            (None, _) => return,
        };
        let seen = self.labels.entry(name).or_insert((0, grade));
        *seen = (seen.0 + 1, seen.1.max(grade));
    }

    /// Decides where few labels are names: only if most of them come back.
    pub(super) fn repeated(mut self) -> Names {
        let names = self
            .labels
            .values()
            .filter(|(n, grade)| *n > 1 && *grade >= Grade::Strong);
        if names.map(|(n, _)| n).sum::<u32>() * 2 < self.lines {
            self.labels.clear();
        }
        self.names()
    }

    /// Decides.
    pub(super) fn names(self) -> Names {
        let lines = self.lines.max(1);
        let sum = |keep: &dyn Fn(u32, Grade) -> bool| -> u32 {
            let kept = self.labels.values().filter(|(n, grade)| keep(*n, *grade));
            kept.map(|(n, _)| n).sum()
        };
        let repeated = sum(&|n, grade| (n > 1 && grade > Grade::Poor) || grade == Grade::Certain);
        // Most lines are labelled, or a good part of them by names that come back.
        let dominant = sum(&|n, grade| n > 1 || grade >= Grade::Strong) * 2 >= lines;
        let usual = repeated * 5 >= lines;
        // Where stamps stand beside the names, what has none and is rare is a sentence with a colon.
        let only_certain = sum(&|_, grade| grade == Grade::Certain) * 4 >= lines;
        let nearly_all = lines > 4 && sum(&|_, _| true) * 20 >= lines * 19;
        let accepted = self
            .labels
            .into_iter()
            .filter(|(name, (n, grade))| match grade {
                Grade::Certain => true,
                Grade::Bold => *n > 1 || dominant || usual,
                _ if only_certain && *n < 3 => false,
                Grade::Strong => *n > 1 || dominant || usual,
                Grade::Weak => {
                    *n > 2 || (*n > 1 && (dominant || usual)) || (nearly_all && !name.contains(' '))
                }
                Grade::Poor => *n > 2 && dominant,
            });
        Names {
            accepted: accepted.map(|(name, _)| name).collect(),
            usual: dominant || usual,
        }
    }
}

/// What the form of a line says about its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sure {
    /// Nothing: it may be any sentence with a colon.
    No,
    /// It is set in bold, as names are, and other things.
    Bold,
    /// A stamp stands beside it: only speech has these.
    Stamped,
}

/// The names of a file.
pub(super) struct Names {
    accepted: BTreeSet<String>,
    /// Names are how the file is written: what has none goes on with the last.
    pub(super) usual: bool,
}

impl Names {
    /// The speaker that a label names, if it names one.
    pub(super) fn find(&self, raw: &str) -> Option<String> {
        speaker(raw).filter(|name| self.accepted.contains(name))
    }

    /// Whether anybody is named.
    pub(super) fn is_empty(&self) -> bool {
        self.accepted.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_sorted_for_the_search() {
        assert!(HEADERS.is_sorted() && PARTICLES.is_sorted());
    }

    #[test]
    fn speakers() {
        assert_eq!(
            speaker("\u{feff}**Ana  Lima:**").as_deref(),
            Some("Ana Lima")
        );
        assert_eq!(speaker(" \u{200e}Jose\u{301} ").as_deref(), Some("José"));
        assert_eq!(speaker("3").as_deref(), Some("Speaker 3"));
        assert_eq!(
            speaker("Lima, Ana (External)").as_deref(),
            Some("Lima, Ana")
        );
        assert_eq!(speaker("[SPEAKER_00]:").as_deref(), Some("SPEAKER_00"));
        assert_eq!(speaker(" :* "), None);
        assert_eq!(speaker("[]"), None);
        assert_eq!(speaker("Panel 1: Ana").as_deref(), Some("Panel 1 - Ana"));
        assert_eq!(speaker("a:: b: : c").as_deref(), Some("a - b - c"));
        let minister =
            "Hon. Ana Lima (Minister of Harbours, Walls and everything else that stands in water)";
        assert_eq!(speaker(minister).as_deref(), Some("Hon. Ana Lima"));
        assert_eq!(
            speaker(&"é".repeat(99)).map(|name| name.chars().count()),
            Some(60)
        );
    }

    #[test]
    fn grades() {
        for (label, want) in [
            ("Ana Lima", Some(Grade::Strong)),
            ("Mireille B. Reece, Psy.D", Some(Grade::Strong)),
            ("Vincent van der Berg", Some(Grade::Strong)),
            ("Lumi | Offchain Labs", Some(Grade::Strong)),
            ("CDR / LMP", Some(Grade::Strong)),
            ("张三", Some(Grade::Strong)),
            ("THE COURT", Some(Grade::Strong)),
            ("nixo", Some(Grade::Weak)),
            ("So the question is", Some(Grade::Poor)),
            ("Date", Some(Grade::Poor)),
            ("We came. Then", None),
            ("10", None),
            ("Is it", Some(Grade::Weak)),
            ("Why? He", None),
            ("", None),
        ] {
            assert_eq!(grade(label), want, "{label}");
        }
    }

    #[test]
    fn names_come_back_sentences_do_not() {
        let mut census = Census::default();
        for label in ["Ana", "Bo", "Ana", "nixo", "nixo", "nixo", "The point is"] {
            census.line(Some((label, Sure::No)));
        }
        census.line(None);
        let names = census.names();
        assert!(names.find("Ana").is_some() && names.find("Bo").is_some());
        assert!(names.find("nixo").is_some() && names.find("The point is").is_none());
        let mut prose = Census::default();
        prose.line(Some(("Simplicity", Sure::No)));
        (0..9).for_each(|_| prose.line(None));
        assert!(prose.names().is_empty());
    }
}
