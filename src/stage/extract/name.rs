//! Normal forms: of names, so that two ways to write one name are equal, and of predicates.
//!
//! A normal form is for comparing only. What people are shown is a surface, as it was said.

use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;

use crate::model::extraction::{Kind, Name};

/// The longest name, in bytes: anything longer is a sentence.
const MAX_NAME: usize = 200;
/// The longest predicate, in bytes.
const MAX_PREDICATE: usize = 64;

const DETERMINERS: [&str; 3] = ["the", "a", "an"];
const TITLES: [&str; 22] = [
    "mr",
    "mrs",
    "ms",
    "miss",
    "mx",
    "dr",
    "prof",
    "professor",
    "doctor",
    "sir",
    "dame",
    "madam",
    "lord",
    "lady",
    "captain",
    "sergeant",
    "father",
    "sister",
    "minister",
    "president",
    "senator",
    "judge",
];
const LEGAL_FORMS: [&str; 18] = [
    "inc",
    "incorporated",
    "ltd",
    "limited",
    "llc",
    "llp",
    "plc",
    "corp",
    "corporation",
    "co",
    "gmbh",
    "ag",
    "sa",
    "s.a",
    "nv",
    "bv",
    "ab",
    "pty",
];
/// Words that stand for something and name nothing.
const PRONOUNS: [&str; 36] = [
    "i",
    "me",
    "my",
    "mine",
    "we",
    "us",
    "our",
    "ours",
    "you",
    "your",
    "yours",
    "he",
    "him",
    "his",
    "she",
    "her",
    "hers",
    "it",
    "its",
    "they",
    "them",
    "their",
    "theirs",
    "this",
    "that",
    "these",
    "those",
    "here",
    "there",
    "who",
    "somebody",
    "someone",
    "everybody",
    "everyone",
    "one",
    "nobody",
];

/// A character as it is compared: lower case, one kind of quotation mark, dash and blank. Marks that are not
/// seen give nothing.
pub(super) fn fold(c: char) -> impl Iterator<Item = char> {
    let plain = match c {
        '‘' | '’' | '‚' | '‛' | '`' | '´' | '′' => Some('\''),
        '“' | '”' | '„' | '‟' | '«' | '»' | '″' => Some('"'),
        '‐'..='―' | '−' | '﹘' | '﹣' | '-' => Some('-'),
        c if c.is_whitespace() => Some(' '),
        _ => Some(c).filter(|c| !unseen(*c)),
    };
    plain.into_iter().flat_map(char::to_lowercase)
}

/// Control characters, and those that only steer how others are drawn.
fn unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A name as it is shown: nothing unseen, single blanks. `None` if it is empty or too long.
#[must_use]
pub fn surface(text: &str) -> Option<String> {
    // Long texts are turned away before they are looked at.
    if text.len() > 4 * MAX_NAME {
        return None;
    }
    let out = if text.is_ascii() {
        single_blanks(text.chars())
    } else {
        single_blanks(text.nfc())
    };
    (!out.is_empty() && out.len() <= MAX_NAME).then_some(out)
}

/// Nothing unseen, and one blank for any number of them but at the ends.
fn single_blanks(text: impl Iterator<Item = char>) -> String {
    let mut out = String::new();
    let mut is_apart = false;
    for c in text {
        if c.is_whitespace() {
            is_apart = true;
        } else if !unseen(c) {
            if is_apart && !out.is_empty() {
                out.push(' ');
            }
            is_apart = false;
            out.push(c);
        }
    }
    out
}

/// The name as it is compared. `None` if nothing is left of it, or if it is a pronoun.
#[must_use]
pub fn normal(kind: Kind, text: &str) -> Option<Name> {
    both(kind, text).map(|(_, name)| name)
}

/// A name as it is shown and as it is compared.
pub(super) fn both(kind: Kind, text: &str) -> Option<(String, Name)> {
    let surface = surface(text)?;
    let name = normal_of(kind, &folded(&surface))?;
    Some((surface, name))
}

/// Each character of a text as it is compared.
pub(super) fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    if text.is_ascii() {
        out.extend(text.chars().flat_map(fold));
    } else {
        out.extend(text.nfkc().flat_map(fold));
    }
    out
}

/// The normal form of a surface that was folded.
pub(super) fn normal_of(kind: Kind, folded: &str) -> Option<Name> {
    let mut words: Vec<&str> = folded
        .split_whitespace()
        .map(|word| bare(word, kind))
        .collect();
    words.retain(|word| !word.is_empty());
    drop_first(&mut words, &DETERMINERS);
    match kind {
        Kind::Person => while drop_first(&mut words, &TITLES) {},
        Kind::Organization => while drop_last(&mut words, &LEGAL_FORMS) {},
        _ => {}
    }
    if matches!(words.as_slice(), [word] if PRONOUNS.contains(word)) {
        return None;
    }
    let mut out = if kind == Kind::Person {
        words.join(" ")
    } else {
        joined(&words)
    };
    if kind == Kind::Percent {
        let number = [" per cent", " percent", " %"]
            .iter()
            .find_map(|unit| out.strip_suffix(unit));
        if let Some(number) = number {
            out = format!("{number}%");
        }
    }
    if matches!(kind, Kind::Percent | Kind::Money | Kind::Quantity) {
        out = without_thousands(&out);
    }
    (!out.is_empty()).then(|| Name {
        kind,
        normal: out.into(),
    })
}

/// The words with blanks between, but letters that were spelled out as one word: `m t n ghana` is `mtn ghana`.
/// Not for persons, whose initials stay apart.
fn joined(words: &[&str]) -> String {
    let mut out = String::new();
    let mut spelled = false;
    for word in words {
        let letter = word.len() == 1 && word.bytes().all(|b| b.is_ascii_alphabetic());
        let same_word = spelled && letter;
        if !same_word && !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        spelled = letter;
    }
    out
}

/// A word without the punctuation around it and without the mark of the genitive.
fn bare(word: &str, kind: Kind) -> &str {
    let keep = |c: char| match kind {
        Kind::Money | Kind::Percent | Kind::Quantity => {
            c.is_alphanumeric() || "$€£¥₹%°+-".contains(c) || ('\u{20a0}'..='\u{20cf}').contains(&c)
        }
        _ => c.is_alphanumeric() || "+#&%@$".contains(c),
    };
    let word = word.trim_matches(|c| !keep(c));
    word.strip_suffix("'s").unwrap_or(word)
}

fn drop_first(words: &mut Vec<&str>, list: &[&str]) -> bool {
    let drops = words.len() > 1 && words.first().is_some_and(|word| list.contains(word));
    if drops {
        words.remove(0);
    }
    drops
}

fn drop_last(words: &mut Vec<&str>, list: &[&str]) -> bool {
    let drops = words.len() > 1 && words.last().is_some_and(|word| list.contains(word));
    if drops {
        words.pop();
    }
    drops
}

/// `40,000` as `40000`; other commas stay.
fn without_thousands(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let mut ahead = rest.clone();
        let three = ahead.by_ref().take(3).filter(char::is_ascii_digit).count() == 3;
        let separates = c == ','
            && out.ends_with(|c: char| c.is_ascii_digit())
            && three
            && !ahead.next().is_some_and(|c| c.is_ascii_digit());
        if !separates {
            out.push(c);
        }
    }
    out
}

/// A predicate as it is compared: lower case, words joined by `_`. `None` if there is no word in it or too many.
#[must_use]
pub fn predicate(text: &str) -> Option<Arc<str>> {
    if text.len() > 4 * MAX_PREDICATE {
        return None;
    }
    let folded = folded(text);
    let words: Vec<&str> = folded
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let out = words.join("_");
    (!out.is_empty() && out.len() <= MAX_PREDICATE).then(|| out.into())
}

/// Whether an alias may join two entities wherever they are named. A single word of a person's name, or
/// words with a lone initial, may not: they stand for one person in one conversation only, and that is
/// decided document by document.
#[must_use]
pub fn may_be_alias(kind: Kind, alias: &str) -> bool {
    let cased = alias.chars().any(|c| c.is_uppercase() || c.is_numeric());
    let uncased = !alias.chars().any(|c| c.is_lowercase() || c.is_uppercase());
    let words = || {
        alias
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
    };
    let short_person = kind == Kind::Person
        && (words().count() < 2 || words().any(|word| word.chars().count() == 1))
        && !uncased;
    (cased || uncased) && alias.chars().count() > 1 && !short_person
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(kind: Kind, text: &str) -> String {
        normal(kind, text).map_or_else(String::new, |name| name.normal.as_ref().to_owned())
    }

    #[test]
    fn ways_to_write_one_name_are_equal() {
        let rows = [
            (Kind::Person, "Dr. Ana  Lima", "ana lima"),
            (Kind::Person, "ANA LIMA’s", "ana lima"),
            (Kind::Person, "J.D. Lee", "j.d lee"),
            (Kind::Person, "Sir", "sir"),
            (
                Kind::Organization,
                "The Harbour Trust, Ltd.",
                "harbour trust",
            ),
            (Kind::Organization, "AT&T Inc", "at&t"),
            (Kind::Organization, "Co", "co"),
            (Kind::Place, "“Tide Mill”,", "tide mill"),
            (Kind::Organization, "M T N Ghana", "mtn ghana"),
            (Kind::Person, "J D Lee", "j d lee"),
            (
                Kind::Percent,
                "5.9 percentage points",
                "5.9 percentage points",
            ),
            (Kind::Product, "C++", "c++"),
            (Kind::Product, "C#", "c#"),
            (Kind::Percent, "6.3 per cent", "6.3%"),
            (Kind::Percent, "six percent", "six%"),
            (Kind::Percent, "6.3%", "6.3%"),
            (Kind::Money, "£40,000", "£40000"),
            (Kind::Money, "£1,240,000.50", "£1240000.50"),
            (Kind::Date, "3 March, 2021", "3 march 2021"),
            (Kind::Other, "Ａｎａ\u{200b}", "ana"),
            (Kind::Other, "港口", "港口"),
            (Kind::Person, "she", ""),
            (Kind::Other, " ,. ", ""),
            (Kind::Other, "", ""),
        ];
        for (kind, text, wanted) in rows {
            assert_eq!(form(kind, text), wanted, "{text}");
        }
        assert_eq!(form(Kind::Other, &"x".repeat(201)), "");
        assert_eq!(form(Kind::Other, &"x ".repeat(1_000_000)), "");
    }

    #[test]
    fn normal_forms_are_stable() {
        let words = [
            "The", "a", "Dr.", "Ana", "Lima’s", "Ltd", "—", "1,000", "per cent", "'s", "İ", "ß",
        ];
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..2000 {
            let text: Vec<&str> = (0..rng.usize(0..6))
                .map(|_| words[rng.usize(0..words.len())])
                .collect();
            let text = text.join(" ");
            for kind in [Kind::Other, Kind::Percent] {
                let Some(once) = normal(kind, &text) else {
                    continue;
                };
                assert!(
                    once.normal.chars().all(|c| !c.is_whitespace() || c == ' '),
                    "{text}"
                );
                assert_eq!(normal(kind, &text).as_ref(), Some(&once));
            }
        }
    }

    #[test]
    fn predicates_are_snake_case() {
        assert_eq!(predicate("Works for").as_deref(), Some("works_for"));
        assert_eq!(predicate(" is-based  in… ").as_deref(), Some("is_based_in"));
        assert_eq!(predicate("?!"), None);
        assert_eq!(predicate(&"x ".repeat(40)), None);
    }

    #[test]
    fn only_names_are_aliases() {
        assert!(may_be_alias(Kind::Organization, "HT"));
        assert!(may_be_alias(Kind::Person, "Annie Lima"));
        assert!(may_be_alias(Kind::Person, "李雷"));
        assert!(!may_be_alias(Kind::Person, "Ana"));
        assert!(!may_be_alias(Kind::Person, "A. Lima"));
        assert!(!may_be_alias(Kind::Organization, "the company"));
        assert!(!may_be_alias(Kind::Organization, "H"));
    }
}
