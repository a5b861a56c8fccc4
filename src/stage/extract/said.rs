//! Items of a user's own schema, tied to the shown text by their quotes.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::columns::QUOTE;
use super::ground::{MAX_ITEMS, cut, grounding};
use super::quote::{Places, Shown, nth};
use crate::model::extraction::Said;

/// Each item with the place of its quote. The k-th item with the same quote takes the quote's k-th place, the last one
/// again if there are no more.
pub(super) fn items(raw: Vec<Map<String, Value>>, text: &str, shown: &mut Shown<'_>) -> Vec<Said> {
    let mut known: BTreeMap<String, (Places, usize)> = BTreeMap::new();
    let mut said = Vec::with_capacity(raw.len().min(MAX_ITEMS));
    for mut item in raw.into_iter().take(MAX_ITEMS) {
        let quote = item.remove(QUOTE);
        let quote = cut(quote.as_ref().and_then(Value::as_str).unwrap_or_default());
        let (places, turn) = known
            .entry(quote.to_owned())
            .or_insert_with(|| (shown.find(quote), 0));
        let place = nth(places.ranges.iter(), *turn);
        let grounding = grounding(text, places, place, quote);
        *turn += 1;
        said.push(Said {
            json: Value::Object(item).to_string().into(),
            grounding,
        });
    }
    said
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::model::extraction::Match;
    use crate::stage::extract::ground::extraction;

    const TEXT: &str = "Ana: I'll call the yard. I'll call the yard.\nBo: Fine.\n";

    #[test]
    fn items_keep_their_order_and_take_their_places_in_turn() {
        let answer = json!({"items": [
            {"task": "call", "quote": "I'll call the yard"},
            {"task": "again", "quote": "I'll call the yard"},
            {"task": "third", "quote": "i’ll call the yard"},
            {"task": "lost", "quote": "sell the boat"},
            {"task": "bare"},
        ]});
        let items = extraction(&answer.to_string(), TEXT).unwrap().items;
        let found: Vec<_> = items
            .iter()
            .map(|item| (&*item.json, item.grounding.start, item.grounding.matched))
            .collect();
        assert_eq!(
            found,
            [
                (r#"{"task":"call"}"#, 5, Match::Exact),
                (r#"{"task":"again"}"#, 25, Match::Exact),
                (r#"{"task":"third"}"#, 5, Match::Normalised),
                (r#"{"task":"lost"}"#, 0, Match::None),
                (r#"{"task":"bare"}"#, 0, Match::None),
            ]
        );
        assert_eq!(&*items[2].grounding.quote, "I'll call the yard");
        assert_eq!(&*items[3].grounding.quote, "sell the boat");
    }
}
