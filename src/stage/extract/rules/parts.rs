//! What names in text with capitals are put together from.

use super::names::{KNOWN, NEVER, Scan};
use super::tokens::Shape;
use super::words::{Class, is_common};

impl Scan<'_, '_> {
    /// Whether the token may be part of a name.
    pub(super) fn part(&self, n: usize) -> bool {
        let cased = n < self.end
            && matches!(
                self.text.shape(n),
                Shape::Title | Shape::Upper | Shape::Mixed
            );
        let word = self.word(n);
        // `I'm`, `How'd`; `cloud-based`, `Apple-made` say what something is like.
        let short = word
            .split_once('\'')
            .is_some_and(|(first, _)| Class::of(first).has(Class::STOP));
        let pronoun = word == "i" || short && word.len() < 8;
        let like = self.text.tokens.get(n).is_some_and(|token| {
            let last = token.text.rsplit_once('-').map_or("", |(_, last)| last);
            last.len() > 2 && last.starts_with(char::is_lowercase) && is_common(last)
        });
        // `Th-that`, `I-I`: said twice; the `D.` of `Ph.D.`
        let again = word
            .split_once('-')
            .is_some_and(|(first, last)| first.len() < 4 && last.starts_with(first));
        let degree =
            word == "d" && n > 1 && self.text.word(n - 1) == "." && self.text.word(n - 2) == "ph";
        let pronoun = pronoun || again || degree || like && !self.is(n, KNOWN);
        cased && !pronoun && !self.is(n, NEVER.or(Class::LINK)) && !self.taken.contains(&n)
    }

    /// `First Marine Division`, `82nd Airborne`, `42nd Street`.
    pub(super) fn ordinal(&self, n: usize) -> bool {
        let word = self.word(n);
        let digits = self.text.shape(n) == Shape::Number
            && ["st", "nd", "rd", "th"]
                .iter()
                .any(|end| word.ends_with(end));
        let spelled =
            self.is(n, Class::ORDINAL) && self.text.shape(n) == Shape::Title && !self.opens(n);
        (digits || spelled)
            && !self.taken.contains(&n)
            && self.part(n + 1)
            && !self.is(n + 1, Class::STOP.or(Class::FIRST))
    }

    /// The end of the next part of a name that stands at `n`, with what joins it to the part before.
    pub(super) fn joint(&self, n: usize) -> Option<usize> {
        let before = n - 1;
        if self.part(n) && !self.opens(n) {
            return Some(n + 1);
        }
        let next = self.part(n + 1) && !self.opens(n + 1);
        let head = self.is(before, Class::HEAD);
        let initial = self
            .text
            .tokens
            .get(before)
            .is_some_and(|token| token.text.len() == 1);
        let joins = match self.word(n) {
            "." => {
                initial
                    || self.word(before).contains('.')
                    || self.is(before, Class::TITLE) && self.word(before).len() <= 4
            }
            "&" => true,
            "of" | "for" => head,
            _ => self.is(n, Class::PARTICLE) && !self.is(before, Class::STOP),
        };
        if joins && next {
            return Some(n + 2);
        }
        let the = self.word(n) == "of" && self.word(n + 1) == "the" && head;
        let two = self.is(n, Class::PARTICLE) && self.is(n + 1, Class::PARTICLE);
        ((the || two) && self.part(n + 2)).then_some(n + 3)
    }
}
