//! Relations that a sentence states between two names that stand next to each other in it, by the words
//! between them. Nothing is made of names that are merely near each other.

use std::ops::Range;

use super::actors::{Actor, actors, introduced};
use super::kinds::{Named, persons, speaker};
use super::patterns::stated;
use super::roles::is_region;
use super::tokens::Text;
use super::words::Class;
use crate::model::extraction::Kind;

/// The most tokens between two names that a relation is read from.
const MAX_BETWEEN: usize = 10;
/// The longest sentence that is quoted whole, in bytes.
const MAX_SENTENCE: usize = 300;
/// Most names of one list that a statement is made of.
const MAX_LISTED: usize = 6;

/// What is stated of two names.
struct Link<'x> {
    source: &'x Actor,
    predicate: String,
    target: &'x Actor,
    /// Whether it reads from target to source.
    flipped: bool,
    /// Whether it holds for all names of a list.
    listed: bool,
}

/// A statement, by names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Relation {
    pub(super) source: String,
    pub(super) predicate: String,
    pub(super) target: String,
    /// The bytes that say it.
    pub(super) quote: Range<usize>,
}

/// The relations, and the nouns in them that are no names: `the new crest`.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) relations: Vec<Relation>,
    pub(super) nouns: Vec<Named>,
}

/// All relations that are stated between `named`, which are names and values in text order.
pub(super) fn find(shown: &str, text: &Text<'_>, named: &[Named]) -> Found {
    let mut out = Found::default();
    let mut rest = named;
    let persons = persons(named);
    for turn in &text.turns {
        let mut me = speaker(turn.label, &persons).map(str::to_owned);
        let mut last: Vec<String> = Vec::new();
        for sentence in &turn.sentences {
            let count = rest
                .iter()
                .take_while(|one| one.tokens.start < sentence.end)
                .count();
            let (here, later) = rest.split_at_checked(count).unwrap_or((rest, &[]));
            rest = later;
            me = introduced(text, here).or(me);
            let actors = actors(text, sentence, here, me.as_deref(), &last);
            let reader = Reader {
                shown,
                text,
                sentence,
            };
            if !reader.doubtful() {
                reader.read(&actors, &mut out);
            }
            last = here
                .iter()
                .filter(|one| one.kind == Kind::Person)
                .map(|one| one.name.clone())
                .collect();
        }
    }
    out
}

pub(super) struct Reader<'s, 'a> {
    pub(super) shown: &'s str,
    pub(super) text: &'s Text<'a>,
    pub(super) sentence: &'s Range<usize>,
}

impl Reader<'_, '_> {
    /// Whether the sentence asks or supposes.
    fn doubtful(&self) -> bool {
        let asks = self
            .sentence
            .clone()
            .rev()
            .take(2)
            .any(|n| self.text.word(n) == "?");
        let first = self.text.word(self.sentence.start);
        asks || matches!(first, "if" | "suppose" | "imagine" | "whether")
    }

    fn read(&self, actors: &[Actor], out: &mut Found) {
        for (at, actor) in actors.iter().enumerate() {
            let subject = self.subject(actors, at);
            self.targets(actors, at, subject, out);
            if let Some(subject) = subject {
                let next = actors.get(at + 1);
                let end = next.map_or(self.sentence.end, |next| next.tokens.start);
                self.object(actor, subject, end, out);
            }
            self.price(actor, out);
        }
    }

    /// What is stated of `actors[at]` and the next one, or the one behind a date: `worked eight years at X`.
    fn targets(&self, actors: &[Actor], at: usize, subject: Option<&Actor>, out: &mut Found) {
        let dated = |at: usize| {
            actors
                .get(at)
                .is_some_and(|actor| matches!(actor.kind, Kind::Date | Kind::Time))
        };
        for target in [at + 1, at + 2] {
            if target == at + 2 && !dated(at + 1) {
                return;
            }
            let (Some(a), Some(b)) = (actors.get(at), actors.get(target)) else {
                return;
            };
            let skip = actors.get(at + 1).filter(|_| target == at + 2);
            let Some(link) = self.between(a, subject, b, skip) else {
                continue;
            };
            self.say(&link, a, b, out);
            if link.listed {
                self.listed(&link, actors, at, target, out);
            }
            return;
        }
    }

    /// The others of a list: `A and B founded X, Y and Z`.
    fn listed(&self, link: &Link<'_>, actors: &[Actor], at: usize, target: usize, out: &mut Found) {
        let joined = |a: &Actor, b: &Actor| {
            let between = a.tokens.end..b.tokens.start;
            let plain = between.clone().all(|n| {
                matches!(
                    self.text.word(n),
                    "," | "and" | "the" | "or" | "uh" | "um" | "also"
                )
            });
            // `Bergen, Norway` is one place.
            let inside = between.len() == 1 && is_region(&b.name) && !is_region(&a.name);
            let inside = inside && b.kind == Kind::Place && self.text.word(between.start) == ",";
            a.kind == b.kind && !between.is_empty() && between.len() <= 4 && plain && !inside
        };
        let mut last = target;
        while let (Some(b), Some(c)) = (actors.get(last), actors.get(last + 1)) {
            // `bought X, and Y said`: what follows does something itself.
            let acts = self.text.class(c.tokens.end).has(Class::SAYS);
            if !joined(b, c) || acts || last > target + MAX_LISTED {
                break;
            }
            let (source, target) = if link.flipped {
                (c, link.source)
            } else {
                (link.source, c)
            };
            self.state(
                &source.name,
                &link.predicate,
                &target.name,
                &(source.tokens.start.min(target.tokens.start)..c.tokens.end),
                out,
            );
            last += 1;
        }
        let mut first = at;
        while let (Some(before), Some(a)) = (
            first.checked_sub(1).and_then(|n| actors.get(n)),
            actors.get(first),
        ) {
            let and = self.text.word(a.tokens.start.saturating_sub(1)) == "and" || first < at;
            if !joined(before, a)
                || !and
                || first + MAX_LISTED < at
                || !same(link.source, actors.get(at))
            {
                break;
            }
            let Some(b) = actors.get(target) else { break };
            let (source, target) = if link.flipped {
                (b, before)
            } else {
                (before, b)
            };
            self.state(
                &source.name,
                &link.predicate,
                &target.name,
                &(before.tokens.start..b.tokens.end),
                out,
            );
            first -= 1;
        }
    }

    fn say(&self, link: &Link<'_>, a: &Actor, b: &Actor, out: &mut Found) {
        let (source, target) = if link.flipped {
            (link.target, link.source)
        } else {
            (link.source, link.target)
        };
        let tokens = a.tokens.start..b.tokens.end;
        self.state(&source.name, &link.predicate, &target.name, &tokens, out);
    }

    pub(super) fn state(
        &self,
        source: &str,
        predicate: &str,
        target: &str,
        tokens: &Range<usize>,
        out: &mut Found,
    ) {
        let whole = self.text.bytes(self.sentence);
        let quote = if whole.len() <= MAX_SENTENCE {
            whole
        } else {
            self.text.bytes(tokens)
        };
        let relation = Relation {
            source: source.to_owned(),
            predicate: predicate.to_owned(),
            target: target.to_owned(),
            quote,
        };
        let mut same_quote = out
            .relations
            .iter()
            .rev()
            .take_while(|said| said.quote == relation.quote);
        if source != target && !same_quote.any(|said| *said == relation) {
            out.relations.push(relation);
        }
    }

    /// Who does what stands behind `actors[at]`: itself; where it belongs to another, `Ana from Berg Steel`,
    /// that one; and nobody known in `the gauge on Gull Quay`.
    fn subject<'x>(&self, actors: &'x [Actor], at: usize) -> Option<&'x Actor> {
        let actor = actors.get(at)?;
        let mut start = actor.tokens.start;
        while start > self.sentence.start && self.text.class(start - 1).has(Class::BEFORE) {
            start -= 1;
        }
        let before = start.checked_sub(1).filter(|n| *n >= self.sentence.start);
        match before.map_or("", |n| self.text.word(n)) {
            "from" | "of" | "at" | "on" | "in" | "with" | "for" | "to" | "by" | "near" => {
                let head = at.checked_sub(1).and_then(|at| actors.get(at))?;
                (Some(head.tokens.end) == before).then_some(head)
            }
            _ => Some(actor),
        }
    }

    /// What the words between two neighbours say of them.
    fn between<'x>(
        &self,
        a: &'x Actor,
        subject: Option<&'x Actor>,
        b: &'x Actor,
        skip: Option<&Actor>,
    ) -> Option<Link<'x>> {
        let between = a.tokens.end..b.tokens.start;
        if between.len() > MAX_BETWEEN || between.is_empty() || self.denied(a, &between) {
            return None;
        }
        let middle = self.middle(&between, skip);
        let link = |predicate: &str, flipped: bool| {
            Some(Link {
                source: a,
                predicate: predicate.to_owned(),
                target: b,
                flipped,
                listed: false,
            })
        };
        if skip.is_none() {
            if let Some(predicate) = self.role(a, &between, b) {
                return link(predicate, false);
            }
            if let Some((predicate, flipped)) = self.beside(a, &middle, b) {
                return link(predicate, flipped);
            }
        }
        let subject = subject?;
        // `Ana, Tom's wife, was born in X`: the second comma closes what the first opened.
        let word = |n: usize| self.text.word(n);
        let closes = middle.first().is_some_and(|n| word(*n) == ",")
            && a.tokens
                .start
                .checked_sub(1)
                .is_some_and(|n| word(n) == ",");
        let middle = middle.get(usize::from(closes)..).unwrap_or_default();
        let found = stated(&self.phrase(middle), subject.kind, Some(b.kind))?;
        // `I know Ana is right`: what is known is not Ana.
        let clause = matches!(
            self.text.word(b.tokens.end),
            "'s" | "is"
                | "was"
                | "has"
                | "had"
                | "will"
                | "can"
                | "would"
                | "are"
                | "were"
                | "did"
                | "does"
                | "said"
        );
        let thought = matches!(
            found.predicate.as_str(),
            "knows" | "found" | "read" | "asked" | "told"
        );
        (!(clause && thought)).then_some(Link {
            source: subject,
            predicate: found.predicate,
            target: b,
            flipped: found.flipped,
            listed: true,
        })
    }

    /// The tokens between two names, without hesitations and without what is skipped and the word before it.
    fn middle(&self, between: &Range<usize>, skip: Option<&Actor>) -> Vec<usize> {
        let hesitates = |n: usize| {
            let word = |n: usize| {
                if between.contains(&n) {
                    self.text.word(n)
                } else {
                    ""
                }
            };
            let pair = |a: &str, b: &str| {
                matches!(
                    (a, b),
                    ("you", "know") | ("i", "mean") | ("kind" | "sort", "of")
                )
            };
            matches!(word(n), "uh" | "um" | "er" | "erm" | "hm")
                || pair(word(n), word(n + 1))
                || n.checked_sub(1)
                    .is_some_and(|before| pair(word(before), word(n)))
        };
        let skipped = |n: usize| {
            skip.is_some_and(|skip| {
                let lead = n + 1 == skip.tokens.start
                    && matches!(self.text.word(n), "in" | "on" | "for" | "," | "since");
                let comma = n == skip.tokens.end && self.text.word(n) == ",";
                skip.tokens.contains(&n) || lead || comma
            })
        };
        between
            .clone()
            .filter(|n| !hesitates(*n) && !skipped(*n))
            .filter(|n| {
                let beside = hesitates(n + 1) || n.checked_sub(1).is_some_and(hesitates);
                !(beside && self.text.word(*n) == ",")
            })
            .collect()
    }

    /// Whether something before or between makes it no statement: `didn't`, `would`, a new clause.
    pub(super) fn denied(&self, a: &Actor, between: &Range<usize>) -> bool {
        let unsure = matches!(self.text.word(a.tokens.start), "i'd");
        unsure
            || between.clone().any(|n| {
                self.text.class(n).has(Class::DOUBT)
                    || matches!(
                        self.text.word(n),
                        ";" | ":" | "." | "?" | "!" | "—" | "–" | "\"" | "“"
                    )
            })
    }

    /// The words between, without what says little before the verb and before the name.
    pub(super) fn phrase(&self, middle: &[usize]) -> String {
        let word = |n: &usize| self.text.word(*n);
        let mut rest = middle;
        // `X, which leads Y`; `X, a branch of Y`.
        if let [comma, next, ..] = rest
            && word(comma) == ","
            && matches!(word(next), "which" | "who" | "a" | "the")
        {
            rest = rest.get(1..).unwrap_or_default();
        }
        while let [first, more @ ..] = rest
            && self.text.class(*first).has(Class::FILLER)
        {
            rest = more;
        }
        while let [more @ .., last] = rest
            && self.text.class(*last).has(Class::BEFORE)
        {
            rest = more;
        }
        let words: Vec<&str> = rest.iter().map(word).collect();
        words.join(" ")
    }
}

fn same(a: &Actor, b: Option<&Actor>) -> bool {
    b.is_some_and(|b| a.tokens == b.tokens)
}
