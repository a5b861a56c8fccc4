//! Relations whose one end is no name but a plain noun: `designed the new crest`, `the gate costs 48,000 euros`.

use std::ops::Range;

use super::actors::Actor;
use super::kinds::Named;
use super::patterns::stated;
use super::relations::{Found, Reader};
use super::tokens::Shape;
use super::words::Class;
use crate::model::extraction::Kind;

/// Nouns that say nothing.
const VAGUE: &[&str] = &[
    "thing",
    "things",
    "lot",
    "way",
    "ways",
    "bit",
    "kind",
    "sort",
    "part",
    "one",
    "number",
    "couple",
    "few",
    "point",
    "question",
    "look",
    "time",
    "people",
    "job",
    "idea",
    "case",
    "same",
    "rest",
    "stuff",
    "fact",
    "reason",
    "end",
    "piece",
    "book",
    "article",
    "post",
    "blog",
    "announcement",
    "announcements",
    "decision",
    "definition",
    "company",
    "mistake",
    "difference",
    "difficulty",
    "money",
    "credit",
    "story",
    "song",
    "group",
    "team",
    "show",
    "man",
    "guy",
    "woman",
    "place",
    "call",
    "deal",
    "sense",
    "progress",
];

impl Reader<'_, '_> {
    /// `designed the new crest`: the target is a noun.
    pub(super) fn object(&self, a: &Actor, subject: &Actor, next: usize, out: &mut Found) {
        let mut start = a.tokens.end;
        while start < next && self.text.class(start).has(Class::FILLER) {
            start += 1;
        }
        for verb in 1..=3 {
            let between = a.tokens.end..start + verb;
            let noun = self.noun(start + verb, next);
            let Some((noun, found)) = noun.zip(stated(
                &self.phrase(&(start..start + verb).collect::<Vec<usize>>()),
                subject.kind,
                None,
            )) else {
                continue;
            };
            if self.denied(a, &between) {
                return;
            }
            let name = self.words(&noun);
            let tokens = a.tokens.start..noun.end;
            self.state(&subject.name, &found.predicate, &name, &tokens, out);
            out.nouns.push(Named {
                tokens: noun,
                kind: Kind::Other,
                name,
                aliases: Vec::new(),
            });
            return;
        }
    }

    /// One to three plain words after an article, up to something that ends them.
    fn noun(&self, n: usize, end: usize) -> Option<Range<usize>> {
        let mut start = n;
        let article = matches!(
            self.text.word(start),
            "the" | "a" | "an" | "our" | "their" | "this" | "that" | "his" | "her"
        );
        while start < end && self.text.class(start).has(Class::BEFORE) {
            start += 1;
        }
        let plain = |n: usize| {
            let words = self.text.class(n).has(
                Class::STOP
                    .or(Class::FILLER)
                    .or(Class::DOUBT)
                    .or(Class::UNIT),
            );
            n < end && self.text.shape(n) == Shape::Lower && !words
        };
        let length = (start..start + 4).take_while(|n| plain(*n)).count();
        let last = self.text.word((start + length).saturating_sub(1));
        let named = start + length == end && end < self.sentence.end;
        let ends = ["ed", "ly"].iter().any(|end| last.ends_with(end));
        let fits =
            article && !ends && (1..=3).contains(&length) && !named && !VAGUE.contains(&last);
        fits.then_some(start..start + length)
    }

    fn words(&self, tokens: &Range<usize>) -> String {
        self.shown
            .get(self.text.bytes(tokens))
            .unwrap_or_default()
            .to_owned()
    }

    /// `the gate costs 48,000 euros`: the source is a noun.
    pub(super) fn price(&self, money: &Actor, out: &mut Found) {
        let verb = money.tokens.start.saturating_sub(1);
        let said = matches!(self.text.word(verb), "costs" | "cost") && verb > self.sentence.start;
        if money.kind != Kind::Money || !said {
            return;
        }
        let article = |n: usize| {
            matches!(
                self.text.word(n),
                "the" | "a" | "our" | "this" | "that" | "each"
            )
        };
        let from = verb.saturating_sub(4).max(self.sentence.start);
        let Some(start) = (from..verb).rev().find(|n| article(*n)) else {
            return;
        };
        let tokens = start + 1..verb;
        let plain = tokens.clone().all(|n| self.text.shape(n) == Shape::Lower);
        if tokens.is_empty() || !plain {
            return;
        }
        let name = self.words(&tokens);
        self.state(&name, "costs", &money.name, &(start..money.tokens.end), out);
        out.nouns.push(Named {
            tokens,
            kind: Kind::Other,
            name,
            aliases: Vec::new(),
        });
    }
}
