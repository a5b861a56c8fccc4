//! What the dataflow keeps of an answer: what it says of names, shared among all that say the same, and a mark that
//! stands for the rest. The answer itself stays in the ledger, and for a while at hand for who makes its rows.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::at_hand::AtHand;
use crate::model::extraction::{Match, Name};
use crate::model::id::{AnswerKey, Fingerprint, KeyContext, PromptId, SchemaId};
use crate::model::outcome::{Answer, ChunkFailure, Outcome};

/// Below so many, shared facts are not looked through for those that nobody needs any more.
const FEW: usize = 1 << 14;

/// One thing that an answer says of names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Fact {
    /// A name is mentioned.
    Said {
        /// Which.
        name: Name,
        /// As it is said.
        surface: Arc<str>,
    },
    /// Two names are related.
    Claim {
        /// Who or what.
        source: Name,
        /// How.
        predicate: Arc<str>,
        /// To whom or what.
        target: Name,
        /// Whether the words that say so were found.
        grounded: bool,
    },
    /// Two names are one thing; the lesser one first.
    Alias(Name, Name),
}

/// What an answer is to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The prompt.
    pub prompt: PromptId,
    /// The answer schema.
    pub schema: SchemaId,
    /// The model.
    pub model: Arc<str>,
    /// Whether it is to the present question.
    pub current: bool,
}

/// An answer, as it flows. Equal marks are equal answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Gist {
    /// A digest of the whole answer.
    pub mark: u64,
    /// What it is to.
    pub origin: Arc<Origin>,
    /// Its ledger key, unless it is that of the present question.
    pub key: Option<Box<AnswerKey>>,
    /// What it says of names, as often as it says it.
    pub facts: Box<[Arc<Fact>]>,
}

impl PartialEq for Gist {
    fn eq(&self, other: &Self) -> bool {
        self.mark == other.mark
    }
}
impl Eq for Gist {}
impl PartialOrd for Gist {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Gist {
    fn cmp(&self, other: &Self) -> Ordering {
        self.mark.cmp(&other.mark)
    }
}
impl Hash for Gist {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.mark.hash(state);
    }
}

/// What is known of a text, as it flows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Known {
    /// Answered.
    Answered(Arc<Gist>),
    /// Asked in vain.
    Failed(Arc<ChunkFailure>),
    /// Being asked; the answer comes as a correction.
    Pending,
    /// Not asked.
    Unasked,
    /// Nothing to ask.
    Nothing,
}

/// Makes gists, shares what they say, and keeps the latest answers at hand.
#[derive(Debug)]
pub struct Gists {
    /// What, besides its text, decides a chunk's answer.
    pub context: KeyContext,
    facts: Mutex<Shared<Fact>>,
    origins: Mutex<Shared<Origin>>,
    at_hand: Mutex<AtHand>,
}

/// Values of which there is one each.
#[derive(Debug)]
struct Shared<T> {
    values: BTreeSet<Arc<T>>,
    /// When there are so many, those that nobody else holds go.
    sweep_at: usize,
}

impl<T: Ord> Shared<T> {
    fn share(&mut self, value: T) -> Arc<T> {
        if let Some(shared) = self.values.get(&value) {
            return Arc::clone(shared);
        }
        if self.values.len() >= self.sweep_at {
            self.values.retain(|value| Arc::strong_count(value) > 1);
            self.sweep_at = FEW.max(self.values.len() * 2);
        }
        let shared = Arc::new(value);
        self.values.insert(Arc::clone(&shared));
        shared
    }
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self {
            values: BTreeSet::new(),
            sweep_at: FEW,
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gists {
    /// For what is asked like that.
    #[must_use]
    pub fn new(context: KeyContext) -> Self {
        Self {
            context,
            facts: Mutex::default(),
            origins: Mutex::default(),
            at_hand: Mutex::default(),
        }
    }

    /// The one such of each.
    pub fn facts(&self, facts: Vec<Fact>) -> Vec<Arc<Fact>> {
        let mut shared = locked(&self.facts);
        facts.into_iter().map(|fact| shared.share(fact)).collect()
    }

    /// The one such origin.
    pub fn origin(&self, origin: Origin) -> Arc<Origin> {
        locked(&self.origins).share(origin)
    }

    /// What flows of an outcome; an answer is kept at hand.
    pub fn known(&self, fingerprint: Fingerprint, outcome: &Outcome) -> Known {
        match outcome {
            Outcome::Answered(answer) => {
                let gist = self.gist(fingerprint, answer, mark(answer));
                locked(&self.at_hand).keep(gist.mark, answer);
                Known::Answered(gist)
            }
            Outcome::Failed(failure) => Known::Failed(Arc::clone(failure)),
            Outcome::Pending => Known::Pending,
            Outcome::Unasked => Known::Unasked,
            Outcome::Nothing => Known::Nothing,
        }
    }

    /// The answer to a text that a gist is of, without its aliases, if it is still at hand.
    #[must_use]
    pub fn answer(&self, fingerprint: Fingerprint, gist: &Gist, text: &str) -> Option<Arc<Answer>> {
        let key = self.key(fingerprint, gist);
        let answer = locked(&self.at_hand).answer(key, gist, text);
        answer.map(Arc::new)
    }

    /// The key of the answer to a text that a gist is of.
    #[must_use]
    pub fn key(&self, fingerprint: Fingerprint, gist: &Gist) -> AnswerKey {
        gist.key
            .as_deref()
            .copied()
            .unwrap_or_else(|| self.context.key(fingerprint))
    }

    fn gist(&self, fingerprint: Fingerprint, answer: &Answer, mark: u64) -> Arc<Gist> {
        let current = self.context.key(fingerprint) == answer.key;
        let origin = self.origin(Origin {
            prompt: answer.prompt,
            schema: answer.schema,
            model: Arc::clone(&answer.model),
            current,
        });
        let mut shared = locked(&self.facts);
        let facts = facts(answer).map(|fact| shared.share(fact)).collect();
        drop(shared);
        Arc::new(Gist {
            mark,
            origin,
            key: (!current).then(|| Box::new(answer.key)),
            facts,
        })
    }
}

/// What an answer says of names.
fn facts(answer: &Answer) -> impl Iterator<Item = Fact> + '_ {
    let said = answer.extraction.mentions.iter().map(|mention| Fact::Said {
        name: mention.name.clone(),
        surface: Arc::clone(&mention.surface),
    });
    let claims = answer.extraction.statements.iter().map(|said| Fact::Claim {
        source: said.source.clone(),
        predicate: Arc::clone(&said.predicate),
        target: said.target.clone(),
        grounded: said.grounding.matched != Match::None,
    });
    let aliases = answer
        .extraction
        .aliases
        .iter()
        .filter(|alias| alias.name != alias.other)
        .map(|alias| {
            let (a, b) = (alias.name.clone(), alias.other.clone());
            let (a, b) = if a <= b { (a, b) } else { (b, a) };
            Fact::Alias(a, b)
        });
    said.chain(claims).chain(aliases)
}

/// A digest of an answer.
#[must_use]
pub fn mark(answer: &Answer) -> u64 {
    // Plain data into a growing buffer: this encoding cannot fail, and an empty one would only cost a rewrite.
    let bytes = postcard::to_stdvec(answer).unwrap_or_default();
    let mut mark = [0; 8];
    mark.copy_from_slice(blake3::hash(&bytes).as_bytes().split_at(8).0);
    u64::from_le_bytes(mark)
}
