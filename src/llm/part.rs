//! What becomes of a call's chunks: which are answered, which are asked again and how, which have failed.
//! Pure: the client carries it out.
//!
//! A chunk is asked three times at most for reasons that lie with the model: in its batch, then in half of
//! what is left of that, then alone. Each try differs from the one before: fewer chunks, a word on what was
//! wrong, more room. What only was too large is halved as often as it takes.

use std::sync::Arc;

use super::ReadAnswer;
use crate::model::call::{Asked, Finish, Question};
use crate::model::fault::Fault;
use crate::model::id::CallId;
use crate::model::outcome::FailReason;

/// Tries of a chunk in all.
const TRIES: u8 = 3;

/// Chunks that are asked together.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) question: Arc<Question>,
    pub(super) items: Vec<Item>,
    /// How often chunks of it were answered badly.
    pub(super) tried: u8,
    /// The answer gets so many times the usual room.
    pub(super) raised: u32,
    pub(super) hint: Option<String>,
}

/// A chunk on its way.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) asked: Asked,
    /// Calls made for it.
    pub(super) calls: u32,
    /// The last of them whose body is kept.
    pub(super) call: Option<CallId>,
}

/// A chunk that will not be asked again.
#[derive(Clone, Debug)]
pub(super) struct Lost {
    pub(super) item: Item,
    pub(super) reason: FailReason,
    pub(super) message: String,
}

/// What is left to do after a call.
#[derive(Debug, Default)]
pub(super) struct Rest {
    pub(super) again: Vec<Part>,
    pub(super) lost: Vec<Lost>,
}

/// What was wrong with the answer to a chunk.
#[derive(Clone, Debug)]
enum Wrong {
    Cut,
    Refused,
    Filtered,
    Invalid(String),
    Crossed,
    Missing,
}

impl Wrong {
    fn reason(&self) -> FailReason {
        match self {
            Self::Cut => FailReason::Truncated,
            Self::Refused => FailReason::Refused,
            Self::Filtered => FailReason::Filtered,
            Self::Invalid(_) | Self::Crossed => FailReason::Invalid,
            Self::Missing => FailReason::Missing,
        }
    }

    /// For people.
    fn message(&self) -> String {
        match self {
            Self::Cut => "the answer was cut at the most tokens allowed".to_owned(),
            Self::Refused => "the model refused to answer".to_owned(),
            Self::Filtered => "a filter of the provider cut the answer".to_owned(),
            Self::Invalid(why) => format!("the answer does not keep the schema: {why}"),
            Self::Crossed => "the answer quotes another chunk of its call".to_owned(),
            Self::Missing => "the answer left the chunk out".to_owned(),
        }
    }

    /// For the model.
    fn hint(&self) -> Option<String> {
        match self {
            Self::Cut => Some("The last answer was too long and was cut. Be brief.".to_owned()),
            Self::Refused | Self::Filtered | Self::Crossed => None,
            Self::Invalid(why) => Some(format!("The last answer was not valid: {why}.")),
            Self::Missing => {
                Some("The last answer left this out. Answer for every chunk id.".to_owned())
            }
        }
    }
}

/// The good answers of a reply, by their place in the part, and what to do about the others.
pub(super) fn judge(
    part: Part,
    finish: Finish,
    read: Vec<ReadAnswer>,
) -> (Vec<(usize, Item, String)>, Rest) {
    let alike = match finish {
        Finish::Length => Some(Wrong::Cut),
        Finish::Refusal => Some(Wrong::Refused),
        Finish::ContentFilter => Some(Wrong::Filtered),
        Finish::Stop | Finish::Other => None,
    };
    let mut read = read.into_iter();
    let mut good = Vec::new();
    let mut bad = Vec::new();
    let alone = part.items.len() == 1;
    for (place, item) in part.items.into_iter().enumerate() {
        let wrong = match (&alike, read.next().unwrap_or(ReadAnswer::Missing)) {
            (Some(wrong), _) => wrong.clone(),
            (None, ReadAnswer::Missing) => Wrong::Missing,
            (None, ReadAnswer::Invalid(why)) => Wrong::Invalid(why),
            (None, ReadAnswer::Crossed) => Wrong::Crossed,
            (None, ReadAnswer::Valid(content)) => {
                good.push((place, item, content));
                continue;
            }
        };
        bad.push((item, wrong));
    }
    let tried = part.tried + 1;
    let mut rest = Rest::default();
    let hint = bad.iter().find_map(|(_, wrong)| wrong.hint());
    let raised = if alike
        .as_ref()
        .is_some_and(|wrong| matches!(wrong, Wrong::Cut))
    {
        part.raised.saturating_mul(2)
    } else {
        part.raised
    };
    let mut again = Vec::new();
    let mut apart = Vec::new();
    for (item, wrong) in bad {
        let hopeless = alone && matches!(wrong, Wrong::Refused | Wrong::Filtered);
        if tried >= TRIES || hopeless {
            rest.lost.push(Lost {
                item,
                reason: wrong.reason(),
                message: wrong.message(),
            });
        } else if matches!(wrong, Wrong::Crossed) {
            apart.push(item);
        } else {
            again.push(item);
        }
    }
    let size = if tried == 1 {
        again.len().div_ceil(2)
    } else {
        1
    };
    let part = |items| Part {
        question: Arc::clone(&part.question),
        items,
        tried,
        raised,
        hint: hint.clone(),
    };
    rest.again = cut(again, size, part);
    // Whoever is alone is mixed up with nobody.
    rest.again.extend(cut(apart, 1, part));
    (good, rest)
}

/// The halves of what was too large for one call; a chunk that is too large alone is lost.
pub(super) fn halve(part: Part, reason: FailReason, fault: &str) -> Rest {
    let mut rest = Rest::default();
    if part.items.len() <= 1 {
        rest.lost = lose(part.items, reason, fault);
        return rest;
    }
    let size = part.items.len().div_ceil(2);
    rest.again = cut(part.items, size, |items| Part {
        question: Arc::clone(&part.question),
        items,
        tried: part.tried,
        raised: part.raised,
        hint: part.hint.clone(),
    });
    rest
}

/// All of them lost for one reason.
pub(super) fn lose(items: Vec<Item>, reason: FailReason, message: &str) -> Vec<Lost> {
    let lost = |item| Lost {
        item,
        reason,
        message: message.to_owned(),
    };
    items.into_iter().map(lost).collect()
}

/// Why a chunk is lost to a fault.
pub(super) fn reason(fault: &Fault) -> FailReason {
    use crate::model::fault::FaultKind as K;
    match fault.kind {
        K::TooLarge | K::TooLongBody => FailReason::TooLong,
        K::Rejected => FailReason::Rejected,
        _ => FailReason::Unreachable,
    }
}

fn cut(items: Vec<Item>, size: usize, part: impl Fn(Vec<Item>) -> Part) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut items = items.into_iter().peekable();
    while items.peek().is_some() {
        parts.push(part(items.by_ref().take(size.max(1)).collect()));
    }
    parts
}
