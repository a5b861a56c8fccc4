//! What a chunk is about: the phrases whose words return in it, each with the words that keep them company.
//!
//! A phrase is a run of words between stop words, pauses and sentence ends. A word's weight is how often it stands,
//! times how many words stand beside it in phrases (the idea of RAKE); a phrase's is the sum of its words', as often as
//! it stands. Phrases that share a word are one topic.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_json::{Map, Value};

use super::sentences::{Word, sentences};
use super::words::STOP;
use super::{SAID, item};

/// Most topics of a chunk.
const MAX_TOPICS: usize = 3;
/// Most keywords of a topic.
const MAX_KEYWORDS: usize = 6;
/// Longest phrase, in words.
const MAX_WORDS: usize = 3;

/// A phrase, as it stands first.
#[derive(Clone, Debug)]
struct Phrase {
    words: Vec<String>,
    place: Range<usize>,
    times: u32,
    /// Whether each of its words has a capital.
    named: bool,
}

/// The topics of a shown text, the weightiest first.
pub(super) fn find(shown: &str) -> Vec<Map<String, Value>> {
    let phrases = phrases(shown);
    let mut often: BTreeMap<&str, u32> = BTreeMap::new();
    let mut beside: BTreeMap<&str, u32> = BTreeMap::new();
    for phrase in phrases.values() {
        let company = u32::try_from(phrase.words.len()).unwrap_or(1);
        for word in &phrase.words {
            *often.entry(word).or_default() += phrase.times;
            *beside.entry(word).or_default() += phrase.times * company;
        }
    }
    let weight = |word: &str| {
        let times = often.get(word).copied().unwrap_or(0);
        let company = beside.get(word).copied().unwrap_or(0);
        // A word that stands but once weighs least, however long its phrase.
        if times > 1 { times * 2 + company } else { 1 }
    };
    let mut ranked: Vec<(u32, &Phrase)> = phrases
        .values()
        .map(|phrase| {
            let sum: u32 = phrase.words.iter().map(|word| weight(word)).sum();
            (sum + 3 * (phrase.times - 1), phrase)
        })
        .collect();
    ranked.sort_by_key(|(weight, phrase)| (std::cmp::Reverse(*weight), phrase.place.start));
    let returns = |phrase: &Phrase| {
        let again = |word: &String| often.get(word.as_str()).is_some_and(|times| *times > 1);
        phrase.words.iter().any(again)
    };
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    let mut topics = Vec::new();
    for (_, phrase) in &ranked {
        let new = phrase
            .words
            .iter()
            .all(|word| !taken.contains(word.as_str()));
        // A text in which nothing returns is about what weighs most in it.
        if !new || !(returns(phrase) || topics.is_empty()) {
            continue;
        }
        let kin: Vec<&Phrase> = ranked
            .iter()
            .map(|(_, other)| *other)
            .filter(|other| other.words.iter().any(|word| phrase.words.contains(word)))
            .collect();
        let mut keywords: Vec<&str> = Vec::new();
        for word in kin.iter().flat_map(|other| &other.words) {
            if !keywords.contains(&word.as_str()) && keywords.len() < MAX_KEYWORDS {
                keywords.push(word);
            }
        }
        taken.extend(phrase.words.iter().map(String::as_str));
        let Some(quote) = shown.get(phrase.place.clone()) else {
            continue;
        };
        // A name stays as it stands, all else is an entry of an index.
        let label = if phrase.named {
            quote.to_owned()
        } else {
            phrase.words.join(" ")
        };
        let mut topic = item([("label", Some(label.as_str())), (SAID, Some(quote))]);
        topic.insert("keywords".to_owned(), keywords.into());
        topics.push(topic);
        if topics.len() == MAX_TOPICS {
            break;
        }
    }
    topics
}

/// The phrases, by their words in singular.
fn phrases(shown: &str) -> BTreeMap<Vec<String>, Phrase> {
    let mut found: BTreeMap<Vec<String>, Phrase> = BTreeMap::new();
    for sentence in sentences(shown) {
        let mut run: Vec<&Word> = Vec::new();
        for word in &sentence.words {
            if says_something(&word.lower) {
                run.push(word);
                if word.pause {
                    add(&mut found, &std::mem::take(&mut run));
                }
            } else {
                add(&mut found, &std::mem::take(&mut run));
            }
        }
        add(&mut found, &run);
    }
    found
}

fn says_something(word: &str) -> bool {
    word.chars().count() > 2
        && word.chars().any(char::is_alphabetic)
        && !word.starts_with(char::is_numeric)
        && !STOP.contains(&format!(" {word} "))
        // Contractions, adverbs, and what was done: no subjects.
        && !(word.ends_with("ed") && word.len() > 5)
        && !(word.ends_with("ly") || word.ends_with("n't") || word.ends_with("'re") || word.ends_with("'ve"))
}

fn add(found: &mut BTreeMap<Vec<String>, Phrase>, run: &[&Word]) {
    // Of a long run its end: what is talked of stands last in an English phrase.
    let run = run
        .get(run.len().saturating_sub(MAX_WORDS)..)
        .unwrap_or(run);
    let (Some(first), Some(last)) = (run.first(), run.last()) else {
        return;
    };
    let plain = |word: &&Word| {
        if word.capital {
            word.lower
                .strip_suffix("'s")
                .unwrap_or(&word.lower)
                .to_owned()
        } else {
            singular(&word.lower)
        }
    };
    let words: Vec<String> = run.iter().map(plain).collect();
    let place = first.place.start..last.place.end;
    let phrase = found.entry(words.clone()).or_insert(Phrase {
        words,
        place,
        times: 0,
        named: run.len() > 1 && run.iter().all(|word| word.capital),
    });
    phrase.times += 1;
}

fn singular(word: &str) -> String {
    let word = word.strip_suffix("'s").unwrap_or(word);
    if let Some(stem) = word.strip_suffix("ies").filter(|stem| stem.len() > 2) {
        return format!("{stem}y");
    }
    let kept = ["ss", "us", "is", "as", "os"]
        .iter()
        .any(|end| word.ends_with(end))
        || word.len() < 4;
    match word.strip_suffix('s') {
        Some(stem) if !kept => stem.to_owned(),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_returns_is_the_topic() {
        let shown = "Ana: The sluice gate is late. The gate supplier wrote about the sluice gate.\n\
                     Bo: So the sluice gates come in May, and the budget holds.\n";
        let found = find(shown);
        assert_eq!(found[0]["label"], "sluice gate");
        assert_eq!(found[0]["quote"], "sluice gate");
        let keywords = found[0]["keywords"].as_array().unwrap();
        assert!(keywords.contains(&"supplier".into()), "{keywords:?}");
        assert!(find("Ana: Yes, well, okay then.\n").is_empty());
        assert_eq!(find("Ana: The harbour is closed.\n")[0]["label"], "harbour");
    }
}
