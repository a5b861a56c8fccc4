//! Relations that a sentence states between two names that stand next to each other in it, by the words
//! between them. Nothing is made of names that are merely near each other.

use std::ops::Range;

use super::actors::{Actor, actors, introduced};
use super::kinds::{Named, persons, speaker};
use super::patterns::{is_task, stated};
use super::tokens::{Shape, Text};
use super::words::Class;
use crate::model::extraction::Kind;

/// The most tokens between two names that a relation is read from.
const MAX_BETWEEN: usize = 10;
/// The longest sentence that is quoted whole, in bytes.
const MAX_SENTENCE: usize = 300;
/// Nouns that say nothing.
const VAGUE: &[&str] = &[
    "thing", "things", "lot", "way", "ways", "bit", "kind", "sort", "part", "one", "number",
    "couple", "few", "point", "question", "look", "time", "people", "job", "idea", "case", "same",
    "rest", "stuff", "fact", "reason", "end",
];

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

struct Reader<'s, 'a> {
    shown: &'s str,
    text: &'s Text<'a>,
    sentence: &'s Range<usize>,
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
            let next = actors.get(at + 1);
            let subject = self.subject(actors, at);
            if let Some(target) = next {
                self.between(actor, subject, target, out);
            }
            if let Some(subject) = subject {
                let end = next.map_or(self.sentence.end, |next| next.tokens.start);
                self.object(actor, subject, end, out);
            }
            self.task(actor, out);
            self.price(actor, out);
        }
    }

    fn state(
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

    fn between(&self, a: &Actor, subject: Option<&Actor>, b: &Actor, out: &mut Found) {
        let between = a.tokens.end..b.tokens.start;
        if between.len() > MAX_BETWEEN || between.is_empty() || self.denied(a, &between) {
            return;
        }
        let tokens = a.tokens.start..b.tokens.end;
        if let Some(predicate) = self.role(a, &between, b) {
            self.state(&a.name, predicate, &b.name, &tokens, out);
            return;
        }
        let words: Vec<&str> = between.clone().map(|n| self.text.word(n)).collect();
        let (person, org, place) = (Kind::Person, Kind::Organization, Kind::Place);
        match (words.as_slice(), a.kind, b.kind) {
            (["from" | "of" | "at"] | ["from" | "of" | "at", "the"], a_kind, b_kind)
                if a_kind == person && b_kind == org =>
            {
                self.state(&a.name, "affiliated_with", &b.name, &tokens, out);
            }
            (["in"] | [",", "in"], a_kind, b_kind)
                if (a_kind == org || a_kind == place) && b_kind == place =>
            {
                self.state(&a.name, "located_in", &b.name, &tokens, out);
            }
            (["'s", .., role] | ["'s", .., role, ","] | [role], a_kind, b_kind)
                if a_kind == org && b_kind == person && Class::of(role).has(Class::ROLE) =>
            {
                let predicate = if Class::of(role).has(Class::LEADER) {
                    "leads"
                } else {
                    "works_for"
                };
                self.state(&b.name, predicate, &a.name, &tokens, out);
            }
            _ => {
                let phrase = self.phrase(&between);
                let stated =
                    subject.and_then(|a| Some((a, stated(&phrase, a.kind, Some(b.kind))?)));
                if let Some((a, found)) = stated {
                    let (source, target) = if found.flipped { (b, a) } else { (a, b) };
                    self.state(&source.name, &found.predicate, &target.name, &tokens, out);
                }
            }
        }
    }

    /// Whether something before or between makes it no statement: `didn't`, `would`, a new clause.
    fn denied(&self, a: &Actor, between: &Range<usize>) -> bool {
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

    /// `, who is the head of production at`, `is a hydrologist at`: a person's part in an organization.
    fn role(&self, a: &Actor, between: &Range<usize>, b: &Actor) -> Option<&'static str> {
        let fits = matches!(
            b.kind,
            Kind::Organization | Kind::Other | Kind::Event | Kind::Product | Kind::Place
        );
        if a.kind != Kind::Person || !fits {
            return None;
        }
        let mut start = between.start;
        let is = |n: usize| matches!(self.text.word(n), "is" | "was" | "'s" | "as" | "am");
        let mut linked = matches!(self.text.word(a.tokens.start), "i'm");
        while start < between.end
            && (is(start)
                || matches!(
                    self.text.word(start),
                    "," | "who" | "now" | "also" | "he" | "she" | "our"
                ))
        {
            linked = true;
            start += 1;
        }
        let article = matches!(self.text.word(start), "the" | "a" | "an");
        let start = if article { start + 1 } else { start };
        let before = |n: usize| self.text.class(n).has(Class::BEFORE);
        let end = between.clone().rev().find(|n| !before(*n))?;
        let link = self.text.word(end);
        let middle = start..end;
        let roles: Vec<usize> = middle
            .clone()
            .filter(|n| self.text.class(*n).has(Class::ROLE))
            .collect();
        let plain = middle
            .clone()
            .all(|n| !matches!(self.text.word(n), "," | "and"));
        let role = *roles.last()?;
        if !linked
            || !plain
            || middle.len() > 5
            || !matches!(link, "of" | "at" | "for" | "with" | "in")
        {
            return None;
        }
        let leads = role + 1 == end
            && link == "of"
            && roles.iter().any(|n| self.text.class(*n).has(Class::LEADER));
        match (leads, link, b.kind) {
            (true, ..) => Some("leads"),
            (_, "in" | "of", Kind::Place) => Some("works_in"),
            (_, "of" | "at" | "for" | "with", _) => Some("works_for"),
            _ => None,
        }
    }

    /// The words between, without what says little before the verb and before the name.
    fn phrase(&self, between: &Range<usize>) -> String {
        let Range { mut start, mut end } = between.clone();
        // `X, which leads Y`; `X, leads`.
        if self.text.word(start) == "," && matches!(self.text.word(start + 1), "which" | "who") {
            start += 1;
        }
        while start < end && self.text.class(start).has(Class::FILLER) {
            start += 1;
        }
        while start < end && self.text.class(end - 1).has(Class::BEFORE) {
            end -= 1;
        }
        let words: Vec<&str> = (start..end).map(|n| self.text.word(n)).collect();
        words.join(" ")
    }

    /// `designed the new crest`: the target is a noun.
    fn object(&self, a: &Actor, subject: &Actor, next: usize, out: &mut Found) {
        let mut start = a.tokens.end;
        while start < next && self.text.class(start).has(Class::FILLER) {
            start += 1;
        }
        for verb in 1..=3 {
            let between = a.tokens.end..start + verb;
            let noun = self.noun(start + verb, next);
            let Some((noun, found)) = noun.zip(stated(
                &self.phrase(&(start..start + verb)),
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

    /// `Ana will ask the quarry`: a task, named by its words.
    fn task(&self, a: &Actor, out: &mut Found) {
        if a.kind != Kind::Person {
            return;
        }
        let (one, two, three) = (a.tokens.end, a.tokens.end + 1, a.tokens.end + 2);
        let start = match (
            self.text.word(a.tokens.start),
            self.text.word(one),
            self.text.word(two),
            self.text.word(three),
        ) {
            ("i'll", ..) => one,
            (_, "will" | "'ll", ..) => two,
            (_, "is" | "am", "going", "to") => three + 1,
            ("i'm", "going", "to", _) => three,
            _ => return,
        };
        if start >= self.sentence.end || !is_task(self.text.word(start)) {
            return;
        }
        let ends = |n: usize| {
            let word = self.text.word(n);
            self.text.shape(n) == Shape::Mark && word != "'s"
                || matches!(
                    word,
                    "and"
                        | "because"
                        | "so"
                        | "but"
                        | "when"
                        | "if"
                        | "that"
                        | "which"
                        | "before"
                        | "after"
                        | "until"
                        | "as"
                        | "then"
                        | "by"
                )
        };
        let mut end = (start..self.sentence.end.min(start + 8))
            .find(|n| ends(*n))
            .unwrap_or(self.sentence.end.min(start + 8));
        while end > start
            && matches!(
                self.text.word(end - 1),
                "to" | "for"
                    | "at"
                    | "in"
                    | "on"
                    | "with"
                    | "of"
                    | "a"
                    | "the"
                    | "from"
                    | "an"
                    | "this"
            )
        {
            end -= 1;
        }
        // `send it to him` says nothing by itself.
        let hollow = matches!(
            self.text.word(start + 1),
            "it" | "them" | "that" | "this" | "him" | "her"
        );
        if end - start < 3 || hollow {
            return;
        }
        let tokens = start..end;
        let name = self.words(&tokens);
        self.state(&a.name, "will_do", &name, &(a.tokens.start..end), out);
        out.nouns.push(Named {
            tokens,
            kind: Kind::Other,
            name,
            aliases: Vec::new(),
        });
    }

    /// `the gate costs 48,000 euros`: the source is a noun.
    fn price(&self, money: &Actor, out: &mut Found) {
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
