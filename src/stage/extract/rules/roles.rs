//! What a person is to an organization, a place or another person: `, the head of production at`, `'s wife`.

use std::ops::Range;

use super::actors::Actor;
use super::relations::Reader;
use super::words::Class;
use crate::model::extraction::Kind;

impl Reader<'_, '_> {
    /// `, who is the head of production at`, `is a hydrologist at`: a person's part in an organization.
    pub(super) fn role(
        &self,
        a: &Actor,
        between: &Range<usize>,
        b: &Actor,
    ) -> Option<&'static str> {
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

    /// What two names that stand beside each other are to each other: `Ana Lima from Berg Steel`,
    /// `Berg Steel's CEO, Ana Lima`, `Bergen, Norway`; and whether it reads from the second to the first.
    pub(super) fn beside(
        &self,
        a: &Actor,
        middle: &[usize],
        b: &Actor,
    ) -> Option<(&'static str, bool)> {
        use Kind::{Organization, Person, Place, Product, Work};
        let words: Vec<&str> = middle.iter().map(|n| self.text.word(*n)).collect();
        let role = |word: &str| {
            let class = Class::of(word);
            let predicate = if class.has(Class::LEADER) {
                "leads"
            } else {
                "works_for"
            };
            class.has(Class::ROLE).then_some((predicate, true))
        };
        match (words.as_slice(), a.kind, b.kind) {
            (
                ["from" | "of" | "at" | "with"] | ["from" | "of" | "at" | "with", "the"],
                Person,
                Organization,
            ) => Some(("affiliated_with", false)),
            (["in"] | [",", "in"], Place, Place) => Some(("located_in", false)),
            // `Google in China` does something there; `Carrick University in Carrow` stands there.
            (["in"] | [",", "in"], Organization, Place) if a.name.contains(' ') => {
                Some(("located_in", false))
            }
            ([","], Place, Place) if is_region(&b.name) && !is_region(&a.name) => {
                Some(("located_in", false))
            }
            (["'s", .., title] | ["'s", .., title, ","] | [title], Organization, Person)
                if words.len() <= 5 && role(title).is_some() =>
            {
                role(title)
            }
            ([","], Organization, Person) => self.led(a),
            (["'s"], Organization, Product) => Some(("makes", false)),
            (["'s"], Person, Work) => Some(("wrote", false)),
            (["by"] | [",", "by"], Work, Person) => Some(("wrote", true)),
            (["by"] | [",", "by"], Product, Organization | Person) => Some(("makes", true)),
            (["'s", kin] | ["'s", kin, ","], Person, Person) => family(kin),
            ([kin] | [kin, ","], Person, Person) if self.text.word(a.tokens.start) == "my" => {
                family(kin)
            }
            _ => None,
        }
    }

    /// `the CEO of Berg Steel, Ana Lima`: what stands before the organization.
    fn led(&self, a: &Actor) -> Option<(&'static str, bool)> {
        let mut at = a.tokens.start.checked_sub(1)?;
        if self.text.word(at) == "the" {
            at = at.checked_sub(1)?;
        }
        let of = matches!(self.text.word(at), "of" | "at") && at > self.sentence.start;
        let class = self.text.class(at.checked_sub(1)?);
        (of && class.has(Class::ROLE)).then_some(if class.has(Class::LEADER) {
            ("leads", true)
        } else {
            ("works_for", true)
        })
    }
}

/// What a relative is, and whether it reads from the relative to the other.
fn family(kin: &str) -> Option<(&'static str, bool)> {
    match kin {
        "wife" | "husband" | "spouse" => Some(("married_to", false)),
        "son" | "daughter" => Some(("parent_of", false)),
        "father" | "mother" | "dad" | "mom" | "mum" => Some(("parent_of", true)),
        "brother" | "sister" => Some(("sibling_of", false)),
        "friend" | "buddy" => Some(("friend_of", false)),
        "boss" | "manager" => Some(("reports_to", false)),
        "colleague" | "co-host" | "coworker" | "co-worker" | "partner" | "cofounder"
        | "co-founder" => Some(("works_with", false)),
        _ => None,
    }
}

/// Whether a place is one that others are named by: a state, a country.
pub(super) fn is_region(name: &str) -> bool {
    let name = name.to_lowercase();
    REGIONS.contains(&name.as_str())
}

const REGIONS: &[&str] = &[
    "alabama",
    "alaska",
    "arizona",
    "arkansas",
    "california",
    "colorado",
    "connecticut",
    "delaware",
    "florida",
    "georgia",
    "hawaii",
    "idaho",
    "illinois",
    "indiana",
    "iowa",
    "kansas",
    "kentucky",
    "louisiana",
    "maine",
    "maryland",
    "massachusetts",
    "michigan",
    "minnesota",
    "mississippi",
    "missouri",
    "montana",
    "nebraska",
    "nevada",
    "new hampshire",
    "new jersey",
    "new mexico",
    "new york",
    "north carolina",
    "north dakota",
    "ohio",
    "oklahoma",
    "oregon",
    "pennsylvania",
    "rhode island",
    "south carolina",
    "south dakota",
    "tennessee",
    "texas",
    "utah",
    "vermont",
    "virginia",
    "washington",
    "west virginia",
    "wisconsin",
    "wyoming",
    "dc",
    "d.c",
    "ontario",
    "quebec",
    "british columbia",
    "alberta",
    "england",
    "scotland",
    "wales",
    "ireland",
    "northern ireland",
    "france",
    "germany",
    "italy",
    "spain",
    "portugal",
    "poland",
    "austria",
    "switzerland",
    "belgium",
    "netherlands",
    "denmark",
    "sweden",
    "norway",
    "finland",
    "russia",
    "ukraine",
    "greece",
    "turkey",
    "egypt",
    "israel",
    "india",
    "china",
    "japan",
    "australia",
    "new zealand",
    "canada",
    "mexico",
    "brazil",
    "argentina",
    "chile",
    "colombia",
    "peru",
    "kenya",
    "nigeria",
    "ghana",
    "south africa",
    "pakistan",
    "south korea",
    "vietnam",
    "thailand",
    "indonesia",
    "philippines",
];
