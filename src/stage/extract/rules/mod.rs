//! Names, values and relations in English speech without any model: the answer of the `rules` provider.
//!
//! Deterministic, in linear time, and honest about being rules: what is stated in a known way is found, and
//! nothing is guessed from names being near each other. A speaker label is knowledge, not a mention.
//!
//! `words` and `phrases` are the lexicon, `tokens` cuts the speech. `values` finds what is exact, by `numbers`,
//! `amounts`, `clock`, `dates`, `years` and `spells`. `names` finds names by their capitals and by what `evidence`
//! the chunk has, `uncased` and `sites` without them; `kinds` says of what they are, by `signs`. `relations` reads the words
//! between them, by the table in `patterns`, by `roles`, and for `nouns`; `actors` says who is meant.

mod actors;
mod amounts;
#[cfg(test)]
mod cases;
mod clock;
mod dates;
mod evidence;
mod kinds;
mod names;
mod nouns;
mod numbers;
mod parts;
mod patterns;
mod phrases;
mod relations;
mod roles;
mod signs;
mod sites;
mod spells;
mod tokens;
mod uncased;
mod values;
mod words;
mod years;

use serde_json::{Value, json};

use kinds::Named;

/// The name that these rules answer under; another set of rules must have another, since answers are kept.
pub const MODEL: &str = "rules-2";

/// Most entities, and most relations, of one chunk.
const MAX_ITEMS: usize = 500;

/// What the rules say of a shown text, in the form of the `knowledge-graph` schema: one entity for each
/// mention, in text order.
#[must_use]
pub fn answer(shown: &str) -> Value {
    let text = tokens::Text::of(shown);
    let values = values::find(&text);
    let evidence = evidence::Evidence::of(&text);
    let spans = names::find(&text, &values, &evidence);
    let mut named = kinds::classify(shown, &text, spans, &evidence);
    named.extend(values.into_iter().map(|value| {
        Named {
            name: shown
                .get(text.bytes(&value.tokens))
                .unwrap_or_default()
                .to_owned(),
            tokens: value.tokens,
            kind: value.kind,
            aliases: Vec::new(),
        }
    }));
    named.sort_by_key(|one| (one.tokens.start, one.tokens.end));
    let found = relations::find(shown, &text, &named);
    named.extend(found.nouns);
    named.sort_by_key(|one| (one.tokens.start, one.tokens.end));
    let entities: Vec<Value> = named
        .iter()
        .take(MAX_ITEMS)
        .map(|one| {
            let quote = shown.get(text.bytes(&one.tokens)).unwrap_or_default();
            json!({"name": one.name, "kind": one.kind.name(), "aliases": one.aliases, "quote": quote})
        })
        .collect();
    let relations: Vec<Value> = found
        .relations
        .iter()
        .take(MAX_ITEMS)
        .map(|one| {
            let quote = shown.get(one.quote.clone()).unwrap_or_default();
            json!({"source": one.source, "predicate": one.predicate, "target": one.target, "quote": quote})
        })
        .collect();
    json!({"entities": entities, "relations": relations})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::extraction::Match;
    use crate::stage::extract::answer::Validator;
    use crate::stage::extract::ground::extraction;

    fn relations(shown: &str) -> Vec<String> {
        let answer = answer(shown);
        let list = answer["relations"].as_array().unwrap().iter();
        list.map(|one| {
            let part = |key: &str| one[key].as_str().unwrap().to_owned();
            format!(
                "{} {} {}",
                part("source"),
                part("predicate"),
                part("target")
            )
        })
        .collect()
    }

    #[test]
    fn stated_relations_are_read() {
        let rows: &[(&str, &[&str])] = &[
            (
                "Ana Lima works for Berg Steel.",
                &["Ana Lima works_for Berg Steel"],
            ),
            (
                "Ana Lima, who is the head of Berg Steel, left.",
                &["Ana Lima leads Berg Steel"],
            ),
            (
                "Ana Lima is a hydrologist at Carrick University.",
                &["Ana Lima works_for Carrick University"],
            ),
            (
                "Here is Ana Lima from Berg Steel.",
                &["Ana Lima affiliated_with Berg Steel"],
            ),
            (
                "Berg Steel's CEO, Ana Lima, left.",
                &["Ana Lima leads Berg Steel"],
            ),
            (
                "Berg Steel was founded by Ana Lima.",
                &["Ana Lima founded Berg Steel"],
            ),
            (
                "Berg Steel is based in Bergen.",
                &["Berg Steel based_in Bergen"],
            ),
            (
                "Berg Steel has bought Dunmore Steel.",
                &["Berg Steel acquired Dunmore Steel"],
            ),
            ("Berg Steel did not buy Dunmore Steel.", &[]),
            ("Did Berg Steel buy Dunmore Steel?", &[]),
            ("If Ana Lima leads Berg Steel, we go.", &[]),
            ("Ana Lima and Tom Berg were there.", &[]),
            ("The gate costs 48,000 euros.", &["gate costs 48,000 euros"]),
            (
                "Seaward Bank will lend us £25,000.",
                &["Seaward Bank lent £25,000"],
            ),
            (
                "Ana Lima designed the new crest.",
                &["Ana Lima designed crest"],
            ),
            (
                "I'm Ana Lima. I work for Berg Steel.",
                &["Ana Lima works_for Berg Steel"],
            ),
            (
                "We met Amina Yusuf. She is the head of Carrow Primary School.",
                &["Amina Yusuf leads Carrow Primary School"],
            ),
            (
                "Ana Lima from Berg Steel met Tom Lee.",
                &[
                    "Ana Lima affiliated_with Berg Steel",
                    "Ana Lima met Tom Lee",
                ],
            ),
            ("The gauge on Gull Quay showed 5.9 metres.", &[]),
            (
                "Aller Mill opens on 3 March.",
                &["Aller Mill opens_on 3 March"],
            ),
        ];
        for (speech, wanted) in rows {
            assert_eq!(relations(&format!("A: {speech}\n")), *wanted, "{speech}");
        }
    }

    #[test]
    fn relations_reach_over_lists_and_hesitations() {
        let rows: &[(&str, &[&str])] = &[
            (
                "Ana Lima is joined by Tom Berg, and Berg Steel is backed by Seaward Bank.",
                &[
                    "Ana Lima works_with Tom Berg",
                    "Seaward Bank supports Berg Steel",
                ],
            ),
            (
                "Tom Berg worked for eight years at Berg Steel.",
                &["Tom Berg works_for Berg Steel"],
            ),
            (
                "Ana Lima and Tom Berg founded Berg Steel.",
                &["Tom Berg founded Berg Steel", "Ana Lima founded Berg Steel"],
            ),
            (
                "Berg Steel has bought Dunmore Steel, Carrick Forge and Aller Quarry.",
                &[
                    "Berg Steel acquired Dunmore Steel",
                    "Berg Steel acquired Carrick Forge",
                    "Berg Steel acquired Aller Quarry",
                ],
            ),
            (
                "Berg Steel bought Carrick Forge, and Aller Quarry will close.",
                &["Berg Steel acquired Carrick Forge"],
            ),
            (
                "Here is the CEO of Berg Steel, Ana Lima.",
                &["Ana Lima leads Berg Steel"],
            ),
            (
                "Ana Lima's wife, Eva Lima, was born in Bergen, Norway.",
                &[
                    "Ana Lima married_to Eva Lima",
                    "Eva Lima born_in Bergen",
                    "Bergen located_in Norway",
                ],
            ),
            ("I know Ana Lima is right, said Tom Berg.", &[]),
            ("They sail in France, Norway and Spain.", &[]),
            (
                "Ana Lima is now with Berg Steel, and Tom Berg studied in Bergen.",
                &[
                    "Ana Lima affiliated_with Berg Steel",
                    "Tom Berg studied_in Bergen",
                ],
            ),
            ("It is both in Italy, uh, in Germany.", &[]),
            ("They sail to Berlin, Norway, and Spain.", &[]),
            (
                "Tom Berg is the author of The Salt Roads.",
                &["Tom Berg wrote Salt Roads"],
            ),
            (
                "Ana Lima, the head of Berg Steel, Tom Berg, the head of Dunmore Steel, came.",
                &["Ana Lima leads Berg Steel", "Tom Berg leads Dunmore Steel"],
            ),
            (
                "Ana Lima, you know, works for, uh, Berg Steel.",
                &["Ana Lima works_for Berg Steel"],
            ),
            (
                "It was uh Ana Lima with, um, Berg Steel.",
                &["Ana Lima affiliated_with Berg Steel"],
            ),
            (
                "I read The Salt Roads by Tom Berg.",
                &["Tom Berg wrote Salt Roads"],
            ),
        ];
        for (speech, wanted) in rows {
            assert_eq!(relations(&format!("A: {speech}\n")), *wanted, "{speech}");
        }
    }

    #[test]
    fn i_is_the_speaker_if_the_speech_names_them() {
        assert_eq!(
            relations("Ana Lima: I work for Berg Steel.\nBo: Thanks, Ana.\n"),
            ["Ana Lima works_for Berg Steel"]
        );
        assert!(relations("Ana Lima: I work for Berg Steel.\nBo: Thanks.\n").is_empty());
    }

    /// Each of these took quadratic time once, or could have: seconds for what takes milliseconds.
    #[test]
    fn repetition_takes_no_longer_than_speech() {
        for unit in [
            "a b ",
            "I I ",
            "twenty ",
            "Ana Lima, ",
            "A. ",
            "\nAna: Ana ",
            "National Coast Fund, or NCF, ",
            "a couple of ",
            "the end of ",
            "more than ",
            "maria and mario ",
            "new york ",
            "Ana and Tom founded ",
            "$4 to ",
        ] {
            let shown = format!("Ana: {}\n", unit.repeat(400_000 / unit.len()));
            let entities = answer(&shown)["entities"].as_array().unwrap().len();
            assert!(entities <= MAX_ITEMS, "{unit}");
        }
    }

    /// Whatever is said: the answer keeps to the schema, all its quotes are found as they stand, and all its
    /// relations are between its entities.
    #[test]
    fn every_answer_is_whole_and_grounded() {
        let schema = include_str!("../../../../dataflows/schemas/knowledge-graph.json");
        let validator = Validator::new(&serde_json::from_str(schema).unwrap()).unwrap();
        let words = [
            "Ana",
            "Lima",
            "Berg Steel",
            "I",
            "she",
            "is",
            "the",
            "of",
            "works for",
            "costs",
            "$",
            "3",
            "percent",
            "May",
            ".",
            "?",
            ", or",
            "PMT",
            "Port",
            "will ask",
            "a gate",
            "'s",
            "\n",
            "B: ",
            "İstanbul",
            "“",
            "and",
            "12 tonnes",
            "CEO",
        ];
        let mut rng = fastrand::Rng::with_seed(4);
        for _ in 0..3000 {
            let count = rng.usize(0..40);
            let speech: Vec<&str> = (0..count)
                .map(|_| words[rng.usize(0..words.len())])
                .collect();
            let shown = format!("Ana Lima: {}\n", speech.join(" "));
            let answer = answer(&shown).to_string();
            let read = super::super::answer::read(&answer, &["t".to_owned()], &validator);
            assert!(
                matches!(read[..], [super::super::answer::Found::Valid(_)]),
                "{read:?}"
            );
            let out = extraction(&answer, &shown).unwrap();
            let grounded = out
                .mentions
                .iter()
                .map(|m| &m.grounding)
                .chain(out.statements.iter().map(|s| &s.grounding));
            for grounding in grounded {
                assert_eq!(grounding.matched, Match::Exact, "{shown:?} {grounding:?}");
            }
        }
    }
}
