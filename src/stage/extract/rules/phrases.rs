//! Names that are known: the files of `lexicon`, and where names of several words stand in the speech.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

use super::tokens::{Shape, Text};
use super::words::Class;
use crate::model::extraction::Kind;

/// A list: the class of its single words, the kind of its names of several, and the words, with commas between
/// them if any has several.
type File = (Class, Option<Kind>, &'static str);

/// The files of the lexicon. `common` was made by counting how often words have a capital; the others by hand.
pub(super) const FILES: [File; 9] = [
    (Class::COMMON, None, include_str!("lexicon/common.txt")),
    (Class::FIRST, None, include_str!("lexicon/given.txt")),
    (Class::FAMILY, None, include_str!("lexicon/family.txt")),
    (
        Class::PLACE,
        Some(Kind::Place),
        include_str!("lexicon/place.txt"),
    ),
    (
        Class::ORG,
        Some(Kind::Organization),
        include_str!("lexicon/organization.txt"),
    ),
    (
        Class::PRODUCT,
        Some(Kind::Product),
        include_str!("lexicon/product.txt"),
    ),
    (
        Class::EVENT,
        Some(Kind::Event),
        include_str!("lexicon/event.txt"),
    ),
    (
        Class::WORK,
        Some(Kind::Work),
        include_str!("lexicon/work.txt"),
    ),
    (
        Class::NATION,
        Some(Kind::Other),
        include_str!("lexicon/nation.txt"),
    ),
];

/// The longest known name, in tokens.
const MAX_TOKENS: usize = 9;

/// The names in a file.
fn names(file: &'static str) -> impl Iterator<Item = &'static str> {
    let parted = file.contains(',');
    file.split(move |c: char| c == ',' || if parted { c == '\n' } else { c.is_whitespace() })
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

/// The words of a name as they are cut in speech: the genitive and marks are words of their own.
fn parts(name: &str) -> impl Iterator<Item = &str> {
    name.split(' ').flat_map(|word| {
        let (word, genitive) = match word.strip_suffix("'s") {
            Some(word) => (word, Some("'s")),
            None => (word, None),
        };
        std::iter::once(word.trim_end_matches('.')).chain(genitive)
    })
}

/// The names of one word in a file.
pub(super) fn words(file: &'static str) -> impl Iterator<Item = &'static str> {
    names(file).filter(|name| parts(name).nth(1).is_none())
}

/// The first words of the names of several.
pub(super) fn openings() -> impl Iterator<Item = &'static str> {
    FILES
        .into_iter()
        .filter(|(_, kind, _)| kind.is_some())
        .flat_map(|(_, _, file)| names(file))
        .filter(|name| parts(name).nth(1).is_some())
        .filter_map(|name| parts(name).next())
}

/// What stands behind the first words of names, and what those name.
type Rests = Vec<(Vec<&'static str>, Kind)>;

/// Names of several words by their first one, the longest first.
static PHRASES: LazyLock<BTreeMap<&'static str, Rests>> = LazyLock::new(|| {
    let mut out: BTreeMap<&str, Vec<(Vec<&str>, Kind)>> = BTreeMap::new();
    for (_, kind, file) in FILES {
        let Some(kind) = kind else { continue };
        for name in names(file) {
            let mut rest = parts(name);
            let Some(first) = rest.next() else { continue };
            let rest: Vec<&str> = rest.collect();
            if !rest.is_empty() {
                out.entry(first).or_default().push((rest, kind));
            }
        }
    }
    for list in out.values_mut() {
        list.sort_by_key(|(rest, _)| std::cmp::Reverse(rest.len()));
    }
    out
});

/// A known name of several words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Phrase {
    pub(super) tokens: Range<usize>,
    pub(super) kind: Kind,
}

/// The longest known name that starts at token `n`. In text with capitals it has them at both ends.
pub(super) fn phrase(text: &Text<'_>, n: usize, end: usize) -> Option<Phrase> {
    if !text.class(n).has(Class::OPENS) || (text.cased && text.shape(n) == Shape::Lower) {
        return None;
    }
    let list = PHRASES.get(text.word(n))?;
    list.iter().find_map(|(rest, kind)| {
        let behind = matches(text, n, end, rest)?;
        let capital = !text.cased || text.shape(behind - 1) != Shape::Lower;
        let plain = |n: usize| text.class(n).has(Class::COMMON.or(Class::STOP));
        // Without capitals `the wire` and `all things considered` are only that.
        let dull = !text.cased
            && matches!(kind, Kind::Work | Kind::Event | Kind::Product)
            && (n..behind).all(plain);
        (capital && !dull).then_some(Phrase {
            tokens: n..behind,
            kind: *kind,
        })
    })
}

/// The end of `rest` if it stands behind token `n`; dots of short forms may stand between.
fn matches(text: &Text<'_>, n: usize, end: usize, rest: &[&str]) -> Option<usize> {
    let mut at = n + 1;
    for word in rest {
        if text.word(at) == "." && text.word(at - 1).len() <= 3 {
            at += 1;
        }
        if at >= end || at > n + MAX_TOKENS || text.word(at) != *word {
            return None;
        }
        at += 1;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(speech: &str) -> Vec<String> {
        let shown = format!("A: {speech}\n");
        let text = Text::of(&shown);
        let end = text.tokens.len();
        (0..end)
            .filter_map(|n| phrase(&text, n, end))
            .map(|one| {
                let words = shown.get(text.bytes(&one.tokens)).unwrap_or_default();
                format!("{} {words}", one.kind.name())
            })
            .collect()
    }

    #[test]
    fn known_names_are_found_whole() {
        let rows: [(&str, &[&str]); 6] = [
            (
                "I read the New York Times.",
                &["organization New York Times"],
            ),
            ("He lives in St. Louis now.", &["place St. Louis"]),
            (
                "So we chose Standard & Poor's.",
                &["organization Standard & Poor's"],
            ),
            (
                "a white house on a green party",
                &["place white house", "organization green party"],
            ),
            (
                "Ana has a white house on Long Island",
                &["place Long Island"],
            ),
            ("he said all things considered it was fine", &[]),
        ];
        for (speech, wanted) in rows {
            assert_eq!(found(speech), wanted, "{speech}");
        }
    }

    #[test]
    fn lists_are_in_lower_case() {
        let odd: Vec<&str> = FILES
            .iter()
            .flat_map(|(_, _, file)| names(file))
            .filter(|name| name.to_lowercase() != **name)
            .collect();
        assert!(odd.is_empty(), "{odd:?}");
    }
}
