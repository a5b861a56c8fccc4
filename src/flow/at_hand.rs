//! The latest answers, at hand for who makes their rows, without what can be had from elsewhere: names from their gists,
//! words from their texts. So all that waits to be published is at hand.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::gist::{Fact, Gist};
use crate::model::extraction::{Extraction, Grounding, Match, Mention, Said, Statement};
use crate::model::id::AnswerKey;
use crate::model::outcome::Answer;
use crate::model::unit::{Micros, Usd};

/// So many bytes stay at hand: some fifty thousand answers. What is asked for later is read from the ledger again.
const MOST: usize = 8 << 20;
/// What an answer takes besides its own bytes.
const OVERHEAD: usize = 64;

/// An answer, as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    provider: Arc<str>,
    answered_at: Micros,
    called: bool,
    input_tokens: u64,
    output_tokens: u64,
    cost: Option<Usd>,
    mentions: Vec<Found>,
    statements: Vec<Found>,
    items: Vec<(Arc<str>, Found)>,
}

/// Where words stand; the words themselves only if they stand nowhere.
#[derive(Serialize, Deserialize)]
struct Found {
    start: u32,
    end: u32,
    matched: Match,
    score: u16,
    quote: Option<Arc<str>>,
}

impl Found {
    fn of(grounding: &Grounding) -> Self {
        let nowhere = grounding.matched == Match::None;
        Self {
            start: grounding.start,
            end: grounding.end,
            matched: grounding.matched,
            score: grounding.score,
            quote: nowhere.then(|| Arc::clone(&grounding.quote)),
        }
    }

    fn on(self, text: &str) -> Option<Grounding> {
        let quote = match self.quote {
            Some(quote) => quote,
            None => text.get(self.start as usize..self.end as usize)?.into(),
        };
        Some(Grounding {
            start: self.start,
            end: self.end,
            matched: self.matched,
            score: self.score,
            quote,
        })
    }
}

fn encode(answer: &Answer) -> Box<[u8]> {
    let Extraction {
        mentions,
        statements,
        aliases: _,
        items,
    } = &answer.extraction;
    let kept = Kept {
        provider: Arc::clone(&answer.provider),
        answered_at: answer.answered_at,
        called: answer.called,
        input_tokens: answer.input_tokens,
        output_tokens: answer.output_tokens,
        cost: answer.cost,
        mentions: mentions
            .iter()
            .map(|said| Found::of(&said.grounding))
            .collect(),
        statements: statements
            .iter()
            .map(|said| Found::of(&said.grounding))
            .collect(),
        items: items
            .iter()
            .map(|said| (Arc::clone(&said.json), Found::of(&said.grounding)))
            .collect(),
    };
    // Plain data into a growing buffer: this encoding cannot fail, and what cannot be read back is read from the ledger.
    postcard::to_stdvec(&kept).unwrap_or_default().into()
}

/// The way back: all but the aliases, of which no row is made.
fn decode(bytes: &[u8], key: AnswerKey, gist: &Gist, text: &str) -> Option<Answer> {
    let kept: Kept = postcard::from_bytes(bytes).ok()?;
    let (mut mentions, mut statements) = (kept.mentions.into_iter(), kept.statements.into_iter());
    let mut extraction = Extraction::default();
    for fact in &gist.facts {
        match &**fact {
            Fact::Said { name, surface } => extraction.mentions.push(Mention {
                name: name.clone(),
                surface: Arc::clone(surface),
                grounding: mentions.next()?.on(text)?,
            }),
            Fact::Claim {
                source,
                predicate,
                target,
                ..
            } => extraction.statements.push(Statement {
                source: source.clone(),
                predicate: Arc::clone(predicate),
                target: target.clone(),
                grounding: statements.next()?.on(text)?,
            }),
            Fact::Alias(..) => {}
        }
    }
    if mentions.next().is_some() || statements.next().is_some() {
        return None;
    }
    for (json, found) in kept.items {
        let grounding = found.on(text)?;
        extraction.items.push(Said { json, grounding });
    }
    Some(Answer {
        key,
        provider: kept.provider,
        model: Arc::clone(&gist.origin.model),
        prompt: gist.origin.prompt,
        schema: gist.origin.schema,
        answered_at: kept.answered_at,
        called: kept.called,
        input_tokens: kept.input_tokens,
        output_tokens: kept.output_tokens,
        cost: kept.cost,
        extraction,
    })
}

/// Answers by their marks, the oldest first to go.
#[derive(Debug, Default)]
pub(super) struct AtHand {
    answers: BTreeMap<u64, Box<[u8]>>,
    order: VecDeque<u64>,
    bytes: usize,
}

impl AtHand {
    pub(super) fn keep(&mut self, mark: u64, answer: &Answer) {
        let bytes = encode(answer);
        self.bytes += bytes.len() + OVERHEAD;
        match self.answers.insert(mark, bytes) {
            Some(before) => self.bytes -= before.len() + OVERHEAD,
            None => self.order.push_back(mark),
        }
        while self.bytes > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            let gone = self.answers.remove(&oldest);
            self.bytes -= gone.map_or(0, |gone| gone.len() + OVERHEAD);
        }
    }

    /// The answer that a gist is of, if it is still at hand.
    pub(super) fn answer(&self, key: AnswerKey, gist: &Gist, text: &str) -> Option<Answer> {
        decode(self.answers.get(&gist.mark)?, key, gist, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::gist::{Gists, Known};
    use crate::model::extraction::{Alias, Kind, Name};
    use crate::model::id::{Fingerprint, KeyContext, PromptId, SchemaId};
    use crate::model::outcome::Outcome;

    const TEXT: &str = "Ana: we talk to Bo Lind about the mill";
    const FINGERPRINT: Fingerprint = Fingerprint([3; 32]);

    fn found(start: u32, end: u32) -> Grounding {
        Grounding {
            start,
            end,
            matched: Match::Exact,
            score: 1000,
            quote: TEXT.get(start as usize..end as usize).unwrap().into(),
        }
    }

    fn nowhere() -> Grounding {
        Grounding {
            start: 0,
            end: 0,
            matched: Match::None,
            score: 0,
            quote: "about a quay".into(),
        }
    }

    fn name(normal: &str) -> Name {
        Name {
            kind: Kind::Person,
            normal: normal.into(),
        }
    }

    fn answer(context: &KeyContext) -> Answer {
        let mention = |normal: &str, grounding: Grounding| Mention {
            name: name(normal),
            surface: normal.to_uppercase().into(),
            grounding,
        };
        Answer {
            key: context.key(FINGERPRINT),
            provider: "rules".into(),
            model: context.model.as_str().into(),
            prompt: context.prompt,
            schema: context.schema,
            answered_at: Micros(5),
            called: true,
            input_tokens: 7,
            output_tokens: 8,
            cost: Some(Usd(9)),
            extraction: Extraction {
                mentions: vec![
                    mention("bo lind", found(16, 23)),
                    mention("quay", nowhere()),
                ],
                statements: vec![Statement {
                    source: name("bo lind"),
                    predicate: "owns".into(),
                    target: name("quay"),
                    grounding: found(30, 38),
                }],
                aliases: vec![Alias {
                    name: name("bo lind"),
                    other: name("bo"),
                }],
                items: vec![Said {
                    json: "{}".into(),
                    grounding: found(0, 3),
                }],
            },
        }
    }

    fn context() -> KeyContext {
        KeyContext {
            prompt: PromptId([1; 16]),
            schema: SchemaId([2; 16]),
            model: "m".into(),
            parameters: String::new(),
        }
    }

    #[test]
    fn what_is_at_hand_is_the_answer_but_for_its_aliases() {
        let gists = Gists::new(context());
        let mut expected = answer(&gists.context);
        let known = gists.known(FINGERPRINT, &Outcome::Answered(Arc::new(expected.clone())));
        let Known::Answered(gist) = known else {
            panic!("{known:?}")
        };
        let back = gists.answer(FINGERPRINT, &gist, TEXT).unwrap();
        expected.extraction.aliases.clear();
        assert_eq!(back.extraction, expected.extraction);
        assert_eq!(format!("{back:?}"), format!("{expected:?}"));
        assert!(gists.answer(FINGERPRINT, &gist, "another text").is_none());
    }

    #[test]
    fn the_oldest_go() {
        let gists = Gists::new(context());
        let mut long = answer(&gists.context);
        long.extraction.items[0].json = "x".repeat(MOST / 3).into();
        let mut marks = Vec::new();
        let mut at_hand = AtHand::default();
        for mark in 0..4 {
            at_hand.keep(mark, &long);
            at_hand.keep(mark, &long);
            marks.push(at_hand.answers.keys().copied().collect::<Vec<_>>());
        }
        assert_eq!(marks, [vec![0], vec![0, 1], vec![1, 2], vec![2, 3]]);
        assert_eq!(at_hand.order.len(), 2);
    }
}
