//! The signs by which a name tells what it names: its own words first, else what stands around it.

use std::ops::Range;

use super::evidence::Evidence;
use super::names::{ENDS, Span};
use super::tokens::{Shape, Text};
use super::words::{Class, is_common};
use crate::model::extraction::Kind;

/// How much one sign of a kind counts.
pub(super) type Vote = (Kind, u32);

/// What a span seems to name, by its words and those around it, and how sure that is.
pub(super) fn vote(text: &Text<'_>, span: &Span, evidence: &Evidence<'_>) -> Vote {
    let Range { start, end } = span.tokens.clone();
    let (first, last) = (text.class(start), text.class(end - 1));
    if let Some(kind) = span.kind {
        return (kind, 6);
    }
    if span.titled {
        return (Kind::Person, 6);
    }
    if end - start == 1 {
        return single(text, start, evidence);
    }
    let known = (start..end).all(|n| evidence.labels.contains(text.word(n)));
    let initial = text
        .tokens
        .get(start)
        .is_some_and(|token| token.text.len() == 1)
        && text.word(start + 1) == ".";
    let family = last.has(Class::FAMILY) && !last.has(ENDS);
    let plain = is_common(text.word(end - 1)) && !last.has(Class::FAMILY.or(Class::FIRST));
    let entitled = text
        .tokens
        .get(start.wrapping_sub(1))
        .is_some_and(|token| token.text == "The" && !token.opens);
    match text.word(start) {
        _ if known => (Kind::Person, 6),
        "storm" | "hurricane" | "cyclone" | "operation" | "typhoon" => (Kind::Event, 6),
        "radio" | "team" | "grupo" | "banco" | "bank" | "university" | "ministry"
        | "department" => (Kind::Organization, 6),
        "room" | "highway" | "route" | "interstate" => (Kind::Place, 5),
        _ if quoted(text, span) => (Kind::Work, 5),
        _ if first.has(Class::FIRST) && family => (Kind::Person, 5),
        _ if last.has(Class::EVENT_END) => (Kind::Event, 5),
        _ if last.has(Class::ORG_END) => (Kind::Organization, 5),
        _ if last.has(Class::PLACE_END) => (Kind::Place, 5),
        _ if last.has(Class::WORK_END) => (Kind::Work, 5),
        _ if entitled => (Kind::Work, 3),
        _ if first.has(Class::PLACE_START) && !plain => (Kind::Place, 4),
        // `Enel Chile`: rather a firm's branch than a place.
        _ if last.has(Class::PLACE) && !first.has(Class::FIRST.or(Class::PLACE)) => {
            (Kind::Organization, 3)
        }
        _ if last.has(Class::PLACE) && first.has(Class::PLACE) => (Kind::Place, 3),
        _ if (start..end).any(|n| text.word(n) == "&") => (Kind::Organization, 4),
        _ if first.has(Class::HEAD) && text.word(start + 1) == "of" => (Kind::Organization, 5),
        _ if initial && (!plain || text.word(start + 2).len() == 1) => (Kind::Person, 4),
        _ if family && !is_common(text.word(start)) => (Kind::Person, 4),
        _ if first.has(Class::FIRST) && !first.has(Class::PLACE) && !plain => (Kind::Person, 4),
        _ if (start..end).any(|n| text.class(n).has(Class::ORG)) => (Kind::Organization, 3),
        _ if (start..end).any(|n| text.class(n).has(Class::PRODUCT)) => (Kind::Product, 3),
        _ if text.shape(end - 1) == Shape::Number => (Kind::Product, 2),
        _ if text.shape(start) == Shape::Upper && !first.has(Class::FIRST) => {
            (Kind::Organization, 2)
        }
        _ if written(text, start) => (Kind::Work, 2),
        _ if plain && first.has(Class::PLACE.or(Class::FAMILY)) => (Kind::Organization, 2),
        _ if first.has(Class::FIRST) && !plain => (Kind::Person, 4),
        _ if !plain && personal(text, span, evidence) => (Kind::Person, 2),
        _ => (Kind::Other, 1),
    }
}

/// Whether quotation marks stand around the name, as around titles.
fn quoted(text: &Text<'_>, span: &Span) -> bool {
    let before = span
        .tokens
        .start
        .checked_sub(1)
        .map_or("", |n| text.word(n));
    let after = text.word(span.tokens.end);
    let end = if matches!(after, "," | "." | "?") {
        text.word(span.tokens.end + 1)
    } else {
        after
    };
    matches!(before, "\"" | "“") && matches!(end, "\"" | "”")
}

/// Whether the word before says that what follows was read, written or watched.
fn written(text: &Text<'_>, start: usize) -> bool {
    let before = |back: usize| start.checked_sub(back).map_or("", |n| text.word(n));
    let word = |word: &str| {
        matches!(
            word,
            "wrote"
                | "read"
                | "watch"
                | "watched"
                | "reading"
                | "novel"
                | "film"
                | "movie"
                | "book"
                | "album"
                | "song"
                | "song,"
                | "podcast"
                | "documentary"
        )
    };
    word(before(1))
        || matches!(before(1), "called" | "titled" | "entitled" | "named") && word(before(2))
}

/// Whether two or three unknown words look like a person's name: no article before them, no word that the
/// chunk also has in lower case, none with the ending of an idea.
fn personal(text: &Text<'_>, span: &Span, evidence: &Evidence<'_>) -> bool {
    let Range { start, end } = span.tokens.clone();
    let before = start.checked_sub(1).map_or("", |n| text.word(n));
    let idea = |word: &str| {
        [
            "ing", "tion", "ment", "ness", "ity", "ism", "ics", "work", "ware", "ions", "ogy",
            "ance", "ence", "al", "s",
        ]
        .iter()
        .any(|end| word.len() > end.len() + 2 && word.ends_with(end))
    };
    let article = matches!(
        before,
        "the" | "a" | "an" | "our" | "their" | "this" | "these" | "some"
    );
    let plain = |n: usize| {
        let word = text.word(n);
        text.shape(n) == Shape::Mark
            || text.class(n).has(Class::PARTICLE)
            || !text.class(n).has(Class::STOP.or(ENDS).or(Class::NOUN))
                && !evidence.common(word)
                && text.shape(n) != Shape::Upper
    };
    // The last word may end like anything: Reeves, Cummings. The first may not.
    end - start <= 4 && !article && (start..end).all(plain) && !idea(text.word(start))
}

fn single(text: &Text<'_>, n: usize, evidence: &Evidence<'_>) -> Vote {
    let class = text.class(n);
    let known = [
        (Class::PRODUCT, Kind::Product),
        (Class::ORG, Kind::Organization),
        (Class::PLACE, Kind::Place),
        (Class::NATION, Kind::Other),
        (Class::EVENT, Kind::Event),
        (Class::WORK, Kind::Work),
    ];
    let word = text.word(n);
    if evidence.labels.contains(word) {
        return (Kind::Person, 6);
    }
    let upper = text.shape(n) == Shape::Upper && word.len() > 2;
    let person = class.has(Class::FIRST.or(Class::FAMILY)) && !upper;
    let near = around(text, n);
    // Of names of places that people have too, most are rather places.
    let rather = class.has(Class::PLACE) && !PERSONS.contains(&word) && near != Some(Kind::Person)
        || class.has(Class::PLACE) && near == Some(Kind::Place)
        || class.has(Class::PRODUCT.or(Class::ORG)) && !class.has(Class::FIRST);
    if person && !rather {
        return (Kind::Person, if class.has(Class::FIRST) { 4 } else { 3 });
    }
    if let Some((_, kind)) = known.iter().find(|(bit, _)| class.has(*bit)) {
        return (*kind, 4);
    }
    let meets = ["con", "week", "fest", "conf"]
        .iter()
        .any(|end| word.len() > end.len() + 2 && word.ends_with(end));
    match (near, text.shape(n)) {
        (_, Shape::Mixed) if meets => (Kind::Event, 2),
        (Some(Kind::Place) | None, Shape::Upper) => (Kind::Other, 1),
        (Some(Kind::Place) | None, Shape::Mixed) => (Kind::Product, 1),
        (Some(kind), _) => (kind, 2),
        (None, _) => (Kind::Other, 1),
    }
}

/// Names of persons that are names of places too, but less so.
const PERSONS: &[&str] = &[
    "jordan",
    "charlotte",
    "chelsea",
    "madison",
    "chad",
    "victoria",
    "sofia",
    "brittany",
    "carolina",
    "florence",
    "lincoln",
    "jackson",
    "kent",
    "trinidad",
    "beaumont",
    "chester",
    "lancaster",
    "gary",
    "ferguson",
    "dale",
    "regina",
    "jersey",
    "derby",
    "bradford",
    "bolton",
    "lima",
    "santiago",
    "cordoba",
    "clinton",
    "carmel",
    "nelson",
    "melville",
    "alexandria",
    "lourdes",
    "montgomery",
    "everett",
    "evans",
    "rochester",
    "marina",
    "valencia",
    "darwin",
    "carson",
    "carlisle",
    "diego",
    "wayne",
    "martin",
    "lee",
    "francisco",
    "antonio",
    "jose",
    "hampton",
    "norton",
    "stratford",
];

/// What the neighbours of a single word say of it.
fn around(text: &Text<'_>, n: usize) -> Option<Kind> {
    let before = n.checked_sub(1).map_or("", |n| text.word(n));
    let after = text.word(n + 1);
    let called = matches!(
        before,
        "thanks" | "hi" | "hello" | "hey" | "dear" | "yeah" | "welcome"
    );
    let speaks = matches!(
        after,
        "said"
            | "says"
            | "told"
            | "asked"
            | "thinks"
            | "thought"
            | "mentioned"
            | "wrote"
            | "explained"
    );
    let addressed = before == "," && matches!(after, "?" | "!");
    if called || speaks || addressed {
        return Some(Kind::Person);
    }
    // `in` alone says nothing: people work in Zembla and in Zig.
    let goes = |n: usize| {
        matches!(
            text.word(n),
            "live"
                | "lives"
                | "lived"
                | "living"
                | "based"
                | "moved"
                | "born"
                | "went"
                | "travel"
                | "flew"
                | "office"
                | "offices"
        )
    };
    match before {
        "near" | "outside" => Some(Kind::Place),
        "in" | "to" if n.checked_sub(2).is_some_and(goes) => Some(Kind::Place),
        "for"
            if n.checked_sub(2)
                .is_some_and(|n| text.word(n).starts_with("vote")) =>
        {
            Some(Kind::Person)
        }
        "at" | "for" | "joined" | "join" if after != "'s" => Some(Kind::Organization),
        _ => None,
    }
}
