//! Names of places and organizations in speech without capitals, by the words that such names are made of.

use super::tokens::Shape;
use super::uncased::Reader;
use super::words::Class;

impl Reader<'_, '_> {
    /// `lake merritt`, `fort benning`, `johnson county`, `elm street`, `cedar falls`, `route nine`.
    pub(super) fn place(&self, n: usize) -> Option<usize> {
        let starts = matches!(
            self.word(n),
            "lake"
                | "mount"
                | "fort"
                | "port"
                | "cape"
                | "camp"
                | "saint"
                | "san"
                | "santa"
                | "los"
                | "las"
                | "el"
        );
        if starts && self.rare(n + 1) {
            let end = n + 2 + usize::from(self.is(n + 2, Class::PLACE_END) && self.free(n + 2));
            return Some(end);
        }
        let road = matches!(self.word(n), "route" | "highway" | "interstate")
            && (self.is(n + 1, Class::NUMBER) || self.text.shape(n + 1) == Shape::Number);
        if road {
            return Some(n + 2);
        }
        // `sixth avenue`, `elm street`; but not `busy street`.
        let tree = matches!(
            self.word(n),
            "elm"
                | "oak"
                | "maple"
                | "main"
                | "pine"
                | "cedar"
                | "walnut"
                | "chestnut"
                | "church"
                | "market"
                | "spring"
        ) || self.is(n, Class::ORDINAL);
        let way = matches!(
            self.word(n + 1),
            "street" | "avenue" | "road" | "boulevard" | "lane"
        );
        if tree
            && (way
                || self.word(n) != "church"
                    && matches!(self.word(n + 1), "falls" | "rapids" | "creek"))
        {
            return Some(n + 2);
        }
        let named = self.rare(n) || self.is(n, Class::FAMILY.or(Class::PLACE)) && !self.common(n);
        let ends = matches!(
            self.word(n + 1),
            "county"
                | "street"
                | "avenue"
                | "road"
                | "boulevard"
                | "lane"
                | "river"
                | "creek"
                | "valley"
                | "falls"
                | "bridge"
                | "beach"
                | "island"
                | "lake"
                | "bay"
                | "park"
                | "hills"
                | "heights"
                | "springs"
                | "airport"
        );
        (named && ends && self.firm(n).is_none()).then_some(n + 2)
    }

    /// `oakland police department`, `ohio state university`, `peterson construction`: a name or a rare word, and
    /// within three words the last one of an organization's name.
    pub(super) fn firm(&self, n: usize) -> Option<usize> {
        let saint = matches!(self.word(n), "saint" | "st") && self.free(n + 1);
        let of = matches!(
            self.word(n),
            "university" | "bank" | "college" | "church" | "ministry"
        ) && self.word(n + 1) == "of"
            && (self.rare(n + 2) || self.is(n + 2, Class::PLACE) && !self.common(n + 2));
        if of {
            return Some(n + 3);
        }
        let named = self.rare(n)
            || self.is(n, Class::FAMILY.or(Class::PLACE).or(Class::ORG)) && !self.common(n)
            || saint;
        if !named {
            return None;
        }
        let last = |n: usize| {
            matches!(
                self.word(n),
                "university"
                    | "college"
                    | "hospital"
                    | "department"
                    | "corporation"
                    | "company"
                    | "incorporated"
                    | "bank"
                    | "foundation"
                    | "institute"
                    | "association"
                    | "school"
                    | "academy"
                    | "church"
                    | "council"
                    | "construction"
                    | "labs"
                    | "laboratories"
                    | "technologies"
                    | "industries"
                    | "airlines"
                    | "motors"
                    | "capital"
                    | "partners"
                    | "ventures"
                    | "systems"
                    | "pharmaceuticals"
                    | "insurance"
                    | "group"
                    | "clinic"
                    | "society"
                    | "commission"
                    | "brothers"
                    | "times"
                    | "press"
            )
        };
        let inner = |n: usize| {
            self.free(n)
                && (self.rare(n)
                    || self.is(n, Class::ORG_END)
                    || matches!(
                        self.word(n),
                        "'s" | "police"
                            | "fire"
                            | "state"
                            | "high"
                            | "medical"
                            | "general"
                            | "community"
                            | "memorial"
                            | "law"
                            | "public"
                            | "school"
                            | "national"
                            | "county"
                            | "city"
                            | "business"
                            | "elementary"
                    ))
        };
        let mut at = n + 1 + usize::from(saint);
        let from = at;
        while at < from + 3 {
            if last(at) && self.free(at) {
                let longer = last(at + 1) && self.free(at + 1);
                return Some(at + 1 + usize::from(longer));
            }
            // The genitive is a mark and yet inside: `saint mary's hospital`.
            if !inner(at) && self.word(at) != "'s" {
                return None;
            }
            at += 1;
        }
        None
    }
}
