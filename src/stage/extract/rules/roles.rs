//! What a person is to an organization, a place or another person: `, the head of production at`, `'s wife`.

use std::ops::Range;

use super::actors::Actor;
use super::relations::Reader;
use super::tokens::Shape;
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
            Kind::Organization
                | Kind::Other
                | Kind::Event
                | Kind::Product
                | Kind::Place
                | Kind::Work
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
        let known = match self.text.word(role) {
            "author" | "co-author" | "coauthor" => Some("wrote"),
            "creator" | "inventor" | "co-creator" => Some("created"),
            "host" | "co-host" | "cohost" => Some("hosts"),
            "maintainer" => Some("maintains"),
            "member" => Some("member_of"),
            "student" => Some("studies_at"),
            "graduate" | "alumnus" | "alum" => Some("graduated_from"),
            "founder" | "cofounder" | "co-founder" => Some("founded"),
            _ => None,
        };
        if known.is_some() && role + 1 == end && matches!(link, "of" | "at") {
            return known;
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
                ["from" | "of" | "at" | "with"]
                | ["from" | "of" | "at" | "with", "the"]
                | [",", "from"]
                | ["over" | "here", "at"],
                Person,
                Organization,
            ) => Some(("affiliated_with", false)),
            (["in"], Place, Place) if !is_region(&a.name) => Some(("located_in", false)),
            // `Google in China` does something there; `Carrick University in Carrow` stands there.
            (["in"] | [",", "in"], Organization, Place) if a.name.contains(' ') => {
                Some(("located_in", false))
            }
            ([","], Place, Place)
                if is_region(&b.name) && !is_region(&a.name) && !self.goes_on(b) =>
            {
                Some(("located_in", false))
            }
            (["'s", .., title] | ["'s", .., title, ","] | [title], Organization, Person)
                if words.len() <= 5 && role(title).is_some() =>
            {
                role(title)
            }
            ([","], Organization, Person) => self.led(a),
            (["'s"], Organization, Product) if !self.describes(b) => Some(("makes", false)),
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

    /// Whether a name only describes what stands behind it: `Java system`.
    fn describes(&self, b: &Actor) -> bool {
        let next = b.tokens.end;
        next < self.sentence.end
            && self.text.shape(next) == Shape::Lower
            && !self.text.class(next).has(Class::STOP)
    }

    /// Whether a list of places goes on: `Denmark, Norway, and Sweden`.
    fn goes_on(&self, b: &Actor) -> bool {
        let next = b.tokens.end;
        let comma = self.text.word(next) == ",";
        let and = matches!(self.text.word(next + usize::from(comma)), "and" | "or");
        let place = self.text.class(next + 1).has(Class::PLACE);
        and || comma && place
    }

    /// `the CEO of Berg Steel, Ana Lima`: what stands before the organization.
    fn led(&self, a: &Actor) -> Option<(&'static str, bool)> {
        let mut at = a.tokens.start.checked_sub(1)?;
        if self.text.word(at) == "the" {
            at = at.checked_sub(1)?;
        }
        let of = matches!(self.text.word(at), "of" | "at") && at > self.sentence.start;
        let class = self.text.class(at.checked_sub(1)?);
        // `Tom Berg, the head of Berg Steel, Ana Lima, the head of ...` is a list.
        let from = at.saturating_sub(5).max(self.sentence.start);
        if (from..at).any(|n| self.text.word(n) == ",") {
            return None;
        }
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
    let name = name.trim_end_matches('.');
    REGIONS.contains(&name) || LARGER.contains(&name)
}

const LARGER: &[&str] = &[
    "united states",
    "united states of america",
    "u.s",
    "usa",
    "america",
    "united kingdom",
    "uk",
    "u.k",
    "great britain",
    "britain",
    "europe",
    "asia",
    "africa",
    "north america",
    "south america",
    "latin america",
    "central america",
    "east germany",
    "west germany",
    "soviet union",
    "hong kong",
    "singapore",
    "taiwan",
    "saudi arabia",
    "dubai",
    "eastern europe",
    "western europe",
    "middle east",
    "southeast asia",
    "asia pacific",
    "north korea",
    "scandinavia",
    "caribbean",
    "iraq",
    "iran",
    "syria",
    "afghanistan",
    "cuba",
    "puerto rico",
    "ethiopia",
    "uganda",
    "tanzania",
    "zambia",
    "zimbabwe",
    "morocco",
    "algeria",
    "hungary",
    "romania",
    "czech republic",
    "czechia",
    "croatia",
    "serbia",
];

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
