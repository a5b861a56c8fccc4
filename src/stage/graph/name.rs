//! Which names in one document are one: a short form of a person's name stands for the only full name that it
//! can be short for.
//!
//! `Ana` is somebody else in every recording, so this is never decided across documents.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::extraction::{Kind, Name};

/// Whether `short` can stand for `full`: persons only; the first name alone, or initials and the surname.
///
/// ```
/// use weir::model::extraction::{Kind, Name};
/// use weir::stage::graph::name::is_short_form;
/// let person = |name: &str| Name { kind: Kind::Person, normal: name.into() };
/// assert!(is_short_form(&person("ana"), &person("ana lima")));
/// assert!(is_short_form(&person("a lima"), &person("ana lima")));
/// assert!(!is_short_form(&person("lima"), &person("ana lima")));
/// ```
#[must_use]
pub fn is_short_form(short: &Name, full: &Name) -> bool {
    if short.kind != Kind::Person || full.kind != Kind::Person {
        return false;
    }
    let short = words(short);
    let full = words(full);
    match (short.as_slice(), full.as_slice()) {
        // An initial alone is short for too much.
        ([first], [given, _, ..]) => first == given && first.chars().nth(1).is_some(),
        ([initials @ .., last], [given @ .., surname]) => {
            last == surname
                && !initials.is_empty()
                && initials.len() <= given.len()
                && initials
                    .iter()
                    .zip(given)
                    .all(|(initial, name)| is_initial(initial, name))
        }
        _ => false,
    }
}

/// `j` of `john`; and not `john` of `john`, which would make a full name the short form of another.
fn is_initial(initial: &str, name: &str) -> bool {
    let mut letters = initial.chars();
    letters.next() == name.chars().next()
        && letters.next().is_none()
        && name.chars().nth(1).is_some()
}

fn words(name: &Name) -> Vec<&str> {
    name.normal
        .split([' ', '.'])
        .filter(|word| !word.is_empty())
        .collect()
}

/// Of the names in one document, those that are a short form, each with the full name that it stands for.
///
/// A name that can stand for several stands for none. A full name is absent, and nothing is ever resolved
/// twice: what a short form stands for starts with a whole given name, and no short form of two words does.
#[must_use]
pub fn resolve(names: &BTreeSet<Name>) -> BTreeMap<Name, Name> {
    // Both kinds of short form share a word with the full name: its first or its last.
    let mut by_word: BTreeMap<&str, Vec<&Name>> = BTreeMap::new();
    for name in names.iter().filter(|name| name.kind == Kind::Person) {
        if let [first, .., last] = words(name).as_slice() {
            by_word.entry(first).or_default().push(name);
            by_word.entry(last).or_default().push(name);
        }
    }
    let candidates = |short: &Name| -> BTreeSet<&Name> {
        let last = words(short).pop().unwrap_or_default();
        let sharing = by_word.get(last).into_iter().flatten().copied();
        sharing.filter(|full| is_short_form(short, full)).collect()
    };
    let mut out = BTreeMap::new();
    for short in names {
        let mut full = candidates(short).into_iter();
        if let (Some(one), None) = (full.next(), full.next()) {
            out.insert(short.clone(), one.clone());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: &str) -> Name {
        Name {
            kind: Kind::Person,
            normal: name.into(),
        }
    }

    fn resolved(names: &[&str]) -> Vec<(String, String)> {
        resolve(&names.iter().map(|name| person(name)).collect())
            .into_iter()
            .map(|(short, full)| {
                (
                    short.normal.as_ref().to_owned(),
                    full.normal.as_ref().to_owned(),
                )
            })
            .collect()
    }

    #[test]
    fn short_forms() {
        let rows = [
            ("ana", "ana lima", true),
            ("lima", "ana lima", false),
            ("a", "ana lima", false),
            ("a lima", "ana lima", true),
            ("a.lima", "ana lima", true),
            ("j.d lee", "john david lee", true),
            ("j lee", "john david lee", true),
            ("j k lee", "john david lee", false),
            ("ana lima", "ana lima", false),
            ("ana", "ana", false),
            ("ana lima", "ana maria lima", false),
        ];
        for (short, full, wanted) in rows {
            assert_eq!(
                is_short_form(&person(short), &person(full)),
                wanted,
                "{short} {full}"
            );
        }
        let place = Name {
            kind: Kind::Place,
            ..person("ana")
        };
        assert!(!is_short_form(&place, &person("ana lima")));
        assert!(!is_short_form(
            &person("ana"),
            &Name {
                kind: Kind::Organization,
                ..person("ana lima")
            }
        ));
    }

    #[test]
    fn only_one_candidate_resolves() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            resolved(&["ana", "ana lima", "bo"]),
            [pair("ana", "ana lima")]
        );
        assert!(resolved(&["ana", "ana lima", "ana berg"]).is_empty());
        assert_eq!(
            resolved(&["a lima", "ana", "ana lima"]),
            [pair("a lima", "ana lima"), pair("ana", "ana lima")]
        );
    }

    /// `j lee` is short for `john lee`; `j` alone is nobody, and `lee` is no first name.
    #[test]
    fn there_are_no_chains() {
        let mut rng = fastrand::Rng::with_seed(2);
        let parts = ["a", "ana", "b", "bo", "lima", "berg", "lima berg"];
        for _ in 0..2000 {
            let names: BTreeSet<Name> = (0..rng.usize(0..8))
                .map(|_| {
                    let words: Vec<_> = (0..rng.usize(1..4))
                        .map(|_| parts[rng.usize(0..parts.len())])
                        .collect();
                    person(&words.join(" "))
                })
                .collect();
            let map = resolve(&names);
            for (short, full) in &map {
                assert!(!map.contains_key(full), "{names:?}");
                assert!(names.contains(full) && is_short_form(short, full));
            }
        }
    }
}
