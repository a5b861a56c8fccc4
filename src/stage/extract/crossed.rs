//! Which chunks of a batch had their answers mixed up: one quotes words that stand in a neighbour's text and not in its
//! own. Then neither answer is to be trusted, however valid it is: both chunks are asked again, each alone.

use std::collections::BTreeSet;

use serde_json::Value;

use super::quote::Shown;
use crate::model::extraction::Match;

/// Shorter quotes stand in many texts by chance.
const SHORTEST: usize = 8;
/// So many quotes of one answer that its own text does not have are looked for elsewhere.
const MOST: usize = 16;

/// The places in the batch of chunks that were mixed up with one another, given each one's shown text and its answer, if
/// it has a valid one.
#[must_use]
pub fn crossed(texts: &[&str], answers: &[Option<&str>]) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    if texts.len() < 2 {
        return found;
    }
    let mut shown: Vec<Option<Shown<'_>>> = texts.iter().map(|_| None).collect();
    for (place, answer) in answers.iter().enumerate() {
        let own = texts.get(place).copied().unwrap_or_default();
        for quote in strays(answer.unwrap_or_default(), own) {
            let mut find = |place: usize| {
                let text = texts.get(place)?;
                let shown = shown.get_mut(place)?;
                let shown = shown.get_or_insert_with(|| Shown::new(text));
                Some(shown.find(&quote).matched)
            };
            // Most of the words in order is too little: neighbours say like things.
            let has = |matched| matches!(matched, Some(Match::Exact | Match::Normalised));
            if has(find(place)) {
                continue;
            }
            for other in (0..texts.len()).filter(|other| *other != place) {
                if has(find(other)) {
                    found.extend([place, other]);
                }
            }
        }
    }
    found
}

/// The quotes of an answer that do not stand byte for byte in its own text, as nearly all do.
fn strays(answer: &str, own: &str) -> Vec<String> {
    let answer: Value = serde_json::from_str(answer).unwrap_or_default();
    let lists = answer.as_object().into_iter().flat_map(|map| map.values());
    let things = lists.filter_map(Value::as_array).flatten();
    let quotes = things.filter_map(|thing| thing.get("quote")?.as_str());
    let strays: BTreeSet<&str> = quotes
        .filter(|quote| quote.len() >= SHORTEST && !own.contains(*quote))
        .collect();
    strays.into_iter().take(MOST).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 3] = [
        "Ana Lima: The lock at Greendale leaks again.\n",
        "Bo Chan: The mill was sold to the Harbour Trust.\n",
        "Cleo Diaz: Nobody has told us of the meeting.\n",
    ];

    fn answer(quote: &str) -> String {
        serde_json::json!({"entities": [{"name": "x", "quote": quote}], "relations": []})
            .to_string()
    }

    fn among(quotes: [&str; 3]) -> Vec<usize> {
        let answers = quotes.map(answer);
        let answers: Vec<_> = answers.iter().map(|answer| Some(answer.as_str())).collect();
        crossed(&TEXTS, &answers).into_iter().collect()
    }

    #[test]
    fn a_quote_that_only_a_neighbour_has_is_found() {
        let own = ["lock at Greendale", "sold to the", "Nobody has told"];
        assert!(among(own).is_empty());
        assert_eq!(among(["the Harbour Trust", own[1], own[2]]), [0, 1]);
        assert_eq!(
            among([own[0], own[1], "LOCK AT GREENDALE"]),
            [0, 2],
            "as it is compared"
        );
        let near = "the meeting: nobody has told us of it";
        assert!(
            among([near, own[1], own[2]]).is_empty(),
            "not word for word"
        );
        assert!(among(["nowhere to be found", own[1], own[2]]).is_empty());
        assert!(among(["told us", own[1], own[2]]).is_empty(), "too short");
    }

    #[test]
    fn what_has_no_answer_or_no_neighbour_is_not_judged() {
        let stray = answer("the Harbour Trust");
        assert_eq!(
            crossed(&TEXTS, &[None, Some(&stray), None]),
            BTreeSet::new()
        );
        let alone = crossed(&TEXTS[..1], &[Some(&stray)]);
        assert!(alone.is_empty());
        let both: Vec<usize> = crossed(&TEXTS, &[Some(&stray), None, None])
            .into_iter()
            .collect();
        assert_eq!(both, [0, 1]);
        assert!(crossed(&TEXTS, &[Some("no JSON"), None, None]).is_empty());
    }
}
