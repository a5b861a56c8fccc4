//! What the dataflow knew of a document at the last snapshot, as the manifest stores it: what a restart begins with,
//! without a look at files, texts or answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::document::{Document, Head};
use super::gist::{Fact, Gist, Gists, Known, Origin};
use super::record::{Brief, Loaded, Placed, Spot};
use crate::model::id::{Fingerprint, KeyContext, PromptId, digest};

#[derive(Serialize, Deserialize)]
struct Outline {
    head: Head,
    /// What was asked when it was written: answers to anything else are looked up again.
    asked: [u8; 32],
    facts: Vec<Fact>,
    origins: Vec<Origin>,
    chunks: Vec<Chunk>,
}

#[derive(Serialize, Deserialize)]
struct Chunk {
    fingerprint: Fingerprint,
    position: u32,
    value: u16,
    tokens: u32,
    answer: Option<Answered>,
}

/// An answer to what was asked: the places of its facts and of its origin in the outline.
#[derive(Serialize, Deserialize)]
struct Answered {
    mark: u64,
    origin: u32,
    facts: Vec<u32>,
}

/// What is asked, as a hash.
#[must_use]
pub fn asked(context: &KeyContext) -> [u8; 32] {
    let KeyContext {
        prompt: PromptId(prompt),
        schema,
        model,
        parameters,
    } = context;
    let parts: [&[u8]; 4] = [
        prompt,
        schema.as_bytes(),
        model.as_bytes(),
        parameters.as_bytes(),
    ];
    digest("asked", &parts)
}

/// Numbers values as they come.
struct Numbered<'a, T> {
    numbers: BTreeMap<&'a T, u32>,
    values: Vec<T>,
}

impl<'a, T: Ord + Clone> Numbered<'a, T> {
    fn new() -> Self {
        Self {
            numbers: BTreeMap::new(),
            values: Vec::new(),
        }
    }

    fn number(&mut self, value: &'a T) -> u32 {
        *self.numbers.entry(value).or_insert_with(|| {
            self.values.push(value.clone());
            u32::try_from(self.values.len() - 1).unwrap_or(u32::MAX)
        })
    }
}

/// As bytes; `loaded` is the version that the document is of.
///
/// # Errors
/// If the encoder refuses, which for plain data it does not.
pub fn encode(
    document: &Document,
    loaded: &Loaded,
    asked: [u8; 32],
) -> Result<Vec<u8>, postcard::Error> {
    let mut facts = Numbered::new();
    let mut origins = Numbered::new();
    let known: BTreeMap<u32, &Known> = document
        .assembled
        .chunks
        .iter()
        .map(|chunk| (chunk.position, &chunk.known))
        .collect();
    let asked_for = loaded
        .chunks
        .iter()
        .filter(|place| place.0.facts.dropped.is_none());
    let chunks = asked_for
        .map(|place| {
            let Spot {
                position,
                value,
                tokens,
                ..
            } = place.spot();
            let answer = match known.get(&position) {
                Some(Known::Answered(gist)) if gist.key.is_none() => Some(Answered {
                    mark: gist.mark,
                    origin: origins.number(&*gist.origin),
                    facts: gist
                        .facts
                        .iter()
                        .map(|fact| facts.number(&**fact))
                        .collect(),
                }),
                _ => None,
            };
            Chunk {
                fingerprint: place.0.fingerprint,
                position,
                value,
                tokens,
                answer,
            }
        })
        .collect();
    postcard::to_stdvec(&Outline {
        head: document.head().clone(),
        asked,
        facts: facts.values,
        origins: origins.values,
        chunks,
    })
}

/// What flows of it. What was answered to the present question is known; the rest has to be looked up.
///
/// # Errors
/// If it is not what [`encode`] wrote.
pub fn decode(bytes: &[u8], asked: [u8; 32], gists: &Gists) -> Result<Brief, postcard::Error> {
    let outline: Outline = postcard::from_bytes(bytes)?;
    let facts: Vec<Arc<Fact>> = gists.facts(outline.facts);
    let origins = outline.origins.into_iter().map(|origin| {
        gists.origin(Origin {
            current: true,
            ..origin
        })
    });
    let origins: Vec<Arc<Origin>> = origins.collect();
    let same = outline.asked == asked;
    let doc = outline.head.doc;
    let places = outline.chunks.into_iter().map(|chunk| {
        let answer = chunk.answer.filter(|_| same);
        let known = answer.and_then(|answer| {
            let facts = answer
                .facts
                .iter()
                .map(|fact| facts.get(*fact as usize).cloned());
            Some(Known::Answered(Arc::new(Gist {
                mark: answer.mark,
                origin: origins.get(answer.origin as usize).cloned()?,
                key: None,
                facts: facts.collect::<Option<_>>()?,
            })))
        });
        Placed {
            fingerprint: chunk.fingerprint,
            spot: Spot {
                doc,
                position: chunk.position,
                value: chunk.value,
                tokens: chunk.tokens,
            },
            known,
        }
    });
    Ok(Brief {
        places: places.collect(),
        head: Arc::new(outline.head),
    })
}
