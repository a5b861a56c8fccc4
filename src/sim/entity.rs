//! What a text names, found with little thought and always the same: enough for an answer that looks like one.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// Capitalised words that begin sentences more often than names.
const COMMON: [&str; 64] = [
    "A", "After", "All", "Also", "An", "And", "Are", "As", "At", "Because", "Before", "But", "By",
    "Can", "Did", "Do", "Does", "Every", "For", "From", "Good", "He", "Her", "Here", "His", "How",
    "I", "If", "In", "Is", "It", "Its", "Let", "May", "My", "No", "Not", "Now", "Of", "On", "Or",
    "Our", "Shall", "She", "So", "Some", "That", "The", "Their", "Then", "There", "These", "They",
    "This", "To", "Was", "We", "Well", "What", "When", "Who", "With", "Yes", "You",
];
const ORGANISATIONS: [&str; 12] = [
    "Bank",
    "Board",
    "Club",
    "Company",
    "Council",
    "Group",
    "Inc",
    "Institute",
    "Lab",
    "Trust",
    "Union",
    "University",
];
const DAYS: [&str; 18] = [
    "January",
    "February",
    "March",
    "April",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
/// A quote is no longer, in characters.
const QUOTE: usize = 80;
/// Two names are told of any text, and one more for each so many bytes: an answer is about as long as models make it,
/// once to twice its chunk.
const EACH: usize = 200;

/// A name and where it stands: in which line's speech, at which byte of it.
struct Named<'a> {
    name: &'a str,
    said: &'a str,
    at: usize,
}

/// The distinct names of a text, in order: runs of capitalised words in what is said.
fn found(text: &str) -> Vec<Named<'_>> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    let most = 2 + text.len() / EACH;
    for line in text.lines() {
        let said = line.split_once(": ").map_or(line, |(_, said)| said);
        for (name, at) in runs(said) {
            if all.len() < most && seen.insert(name) {
                all.push(Named { name, said, at });
            }
        }
    }
    all
}

/// The runs of capitalised words of a line.
fn runs(said: &str) -> Vec<(&str, usize)> {
    let mut runs = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    let mut at = 0;
    for part in said.split_inclusive(|c: char| !c.is_alphanumeric() && c != '-') {
        let word = part.trim_end_matches(|c: char| !c.is_alphanumeric());
        let is_name = word.starts_with(char::is_uppercase)
            && word.chars().nth(1).is_some()
            && !COMMON.contains(&word);
        let end = at + word.len();
        match (&mut open, is_name) {
            (Some((_, last)), true) => *last = end,
            (None, true) => open = Some((at, end)),
            // A lone mark or blank between two words.
            (_, false) if word.is_empty() && part == " " => {}
            (open, false) => runs.extend(open.take()),
        }
        // Only a blank keeps a name together.
        if !part.is_empty() && part.len() > word.len() && !part.ends_with(' ') {
            runs.extend(open.take());
        }
        at += part.len();
    }
    runs.extend(open);
    runs.into_iter()
        .filter_map(|(start, end)| Some((said.get(start..end)?, start)))
        .collect()
}

/// The names of a text.
pub(super) fn names(text: &str) -> Vec<String> {
    found(text)
        .into_iter()
        .map(|named| named.name.to_owned())
        .collect()
}

/// The sentence of a line that holds the byte `at`, cut where it is too long.
pub(super) fn sentence(said: &str, at: usize) -> &str {
    let ends = ['.', '!', '?'];
    let before = said.get(..at).unwrap_or_default();
    let start = before.rfind(ends).map_or(0, |end| end + 1);
    let rest = said.get(start..).unwrap_or_default();
    let ahead = at.saturating_sub(start);
    let end = rest
        .get(ahead..)
        .and_then(|after| after.find(ends))
        .map_or(rest.len(), |end| ahead + end + 1);
    let whole = rest.get(..end).unwrap_or(rest).trim();
    if whole.chars().nth(QUOTE).is_none() {
        return whole;
    }
    // Around the name, whole words only.
    let from = said.get(at..).unwrap_or_default();
    let cut = from
        .char_indices()
        .nth(QUOTE)
        .map_or(from.len(), |(cut, _)| cut);
    let part = from.get(..cut).unwrap_or(from);
    part.rfind(' ')
        .and_then(|blank| part.get(..blank))
        .unwrap_or(part)
        .trim()
}

fn kind(named: &Named<'_>) -> &'static str {
    let last = named.name.rsplit(' ').next().unwrap_or_default();
    let before = named.said.get(..named.at).unwrap_or_default().trim_end();
    if ORGANISATIONS.contains(&last) {
        "organization"
    } else if DAYS.contains(&last) {
        "date"
    } else if before.ends_with(" in") || before.ends_with(" from") {
        "place"
    } else {
        "person"
    }
}

/// The entities and relations of a text, in the form of the knowledge graph.
pub(super) fn graph(text: &str) -> (Vec<Value>, Vec<Value>) {
    let all = found(text);
    let entity = |named: &Named<'_>| {
        let quote = sentence(named.said, named.at);
        json!({"name": named.name, "kind": kind(named), "aliases": [], "quote": quote})
    };
    let entities = all.iter().map(entity).collect();
    let together = all.windows(2).filter_map(|pair| match pair {
        [one, other] if std::ptr::eq(one.said, other.said) => Some((one, other)),
        _ => None,
    });
    let relation = |(one, other): (&Named<'_>, &Named<'_>)| {
        let quote = sentence(one.said, one.at);
        json!({"source": one.name, "predicate": "is named with", "target": other.name, "quote": quote})
    };
    (entities, together.map(relation).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Ana Lima: The Harbour Lab met Bo Chan in Lisbon on Monday. I said so.\nBo Chan: Yes, Ana Lima.\n";

    #[test]
    fn names_are_runs_of_capitalised_words() {
        assert_eq!(names(TEXT), ["Harbour Lab", "Bo Chan"]);
        let all = TEXT.to_owned() + &" ".repeat(600);
        assert_eq!(
            names(&all),
            ["Harbour Lab", "Bo Chan", "Lisbon", "Monday", "Ana Lima"]
        );
        assert_eq!(
            names("Zoë Åkesson-Ek, Ólafur"),
            ["Zoë Åkesson-Ek", "Ólafur"]
        );
        assert!(names("nothing here: at all").is_empty());
    }

    #[test]
    fn quotes_stand_in_the_text() {
        let long = format!("Ana: {} Bo Chan {}", "word ".repeat(90), "wörd ".repeat(90));
        for text in [TEXT, &long] {
            let (entities, relations) = graph(text);
            assert!(!entities.is_empty());
            for said in entities.iter().chain(&relations) {
                let quote = said["quote"].as_str().unwrap();
                assert!(
                    !quote.is_empty() && text.contains(quote) && quote.len() < 400,
                    "{quote}"
                );
            }
        }
        let all = TEXT.to_owned() + &" ".repeat(600);
        let (entities, relations) = graph(&all);
        let kinds: Vec<&str> = entities
            .iter()
            .map(|entity| entity["kind"].as_str().unwrap())
            .collect();
        assert_eq!(kinds, ["organization", "person", "place", "date", "person"]);
        assert_eq!(relations[0]["target"], "Bo Chan");
        assert_eq!(
            entities[0]["quote"],
            "The Harbour Lab met Bo Chan in Lisbon on Monday."
        );
    }
}
