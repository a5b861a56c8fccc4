//! The phrases that state a relation, as a table: verb, what follows it, predicate, what it holds between.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::model::extraction::Kind;

/// Which kinds may stand at an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ends(u16);

const fn bit(kind: Kind) -> u16 {
    1 << kind as u16
}

impl Ends {
    const PERSON: Self = Self(bit(Kind::Person));
    const ORG: Self = Self(bit(Kind::Organization) | bit(Kind::Other));
    const PLACE: Self = Self(bit(Kind::Place));
    const ACTOR: Self = Self(Self::PERSON.0 | Self::ORG.0);
    const THING: Self =
        Self(Self::ORG.0 | Self::PLACE.0 | bit(Kind::Product) | bit(Kind::Event) | bit(Kind::Work));
    const NAMED: Self = Self(Self::PERSON.0 | Self::THING.0);
    const FIRM: Self = Self(bit(Kind::Organization));
    const SITE: Self = Self(bit(Kind::Organization) | bit(Kind::Place) | bit(Kind::Event));
    const WORK: Self = Self(bit(Kind::Work));
    const OTHER: Self = Self(bit(Kind::Other));
    const MONEY: Self = Self(bit(Kind::Money));
    const AMOUNT: Self = Self(Self::MONEY.0 | bit(Kind::Quantity) | bit(Kind::Percent));
    const DATE: Self = Self(bit(Kind::Date) | bit(Kind::Time));

    pub(super) fn take(self, kind: Kind) -> bool {
        self.0 & bit(kind) != 0
    }
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pattern {
    /// Forms of the verb or of the whole phrase, with `|` between them.
    phrases: &'static str,
    /// What must follow: one of these, or nothing if there are none.
    then: &'static str,
    /// The predicate; empty if it is the phrase itself.
    predicate: &'static str,
    pub(super) source: Ends,
    pub(super) target: Ends,
    /// Whether `the new crest` may be the target, not only a name.
    pub(super) nouns: bool,
    /// Whether the phrase reads from target to source: `was founded by`.
    pub(super) flipped: bool,
}

const BASE: Pattern = Pattern {
    phrases: "",
    then: "",
    predicate: "",
    source: Ends::NAMED,
    target: Ends::NAMED,
    nouns: false,
    flipped: false,
};

const TABLE: &[Pattern] = &[
    Pattern {
        phrases: "work|works|worked|working|work over|started|started out|interned|got a job|took a job|got hired|\
                  be working|consult|consulted|freelanced|volunteered|come|employed",
        then: "for|at",
        predicate: "works_for",
        source: Ends::ACTOR,
        target: Ends::ORG,
        ..BASE
    },
    Pattern {
        phrases: "work with|works with|worked with|working with|partnered with|partner with|\
                  collaborates with|collaborated with",
        predicate: "works_with",
        source: Ends::ACTOR,
        ..BASE
    },
    Pattern {
        phrases: "lead|leads|led|run|runs|ran|head|heads|headed|manage|manages|managed|chair|chairs|\
                  chaired",
        predicate: "leads",
        source: Ends::PERSON,
        target: Ends::THING,
        ..BASE
    },
    Pattern {
        phrases: "founded|co-founded|cofounded|set up|established|helped found|founder of|the founder of|\
                  a founder of|co-founder of|the co-founder of|cofounder of|the cofounder of",
        predicate: "founded",
        source: Ends::ACTOR,
        target: Ends::THING,
        ..BASE
    },
    Pattern {
        phrases: "acquire|acquires|acquired|took over|purchased|bought|bought out|be acquiring|acquiring|buying",
        predicate: "acquired",
        source: Ends::ACTOR,
        target: Ends::THING,
        ..BASE
    },
    Pattern {
        phrases: "part of|a part of|belongs to|belong to|belonged to|division of|subsidiary of|\
                  a subsidiary of|a division of|a branch of|owned by",
        predicate: "part_of",
        source: Ends::THING,
        target: Ends::NAMED,
        ..BASE
    },
    Pattern {
        phrases: "own|owns|owned",
        predicate: "owns",
        source: Ends::ACTOR,
        target: Ends::THING,
        nouns: true,
        ..BASE
    },
    Pattern {
        phrases: "responsible for|in charge of|look after|looks after|looking after|looked after|\
                  take care of|takes care of|oversees|oversee",
        predicate: "responsible_for",
        source: Ends::ACTOR,
        target: Ends::NAMED,
        nouns: true,
        ..BASE
    },
    Pattern {
        phrases: "hired|recruited|fired|interviewed|taught|mentored|coached|defeated|beat|succeeded|replaced|killed|\
                  nominated|appointed|elected|endorsed|introduced|thanked|criticized|criticised|joined by",
        source: Ends::ACTOR,
        target: Ends::PERSON,
        ..BASE
    },
    Pattern {
        phrases: "read|reads|watched|reviewed|translated|directed|produced|recorded|composed|edited|starred in|\
                  co-wrote|authored|illustrated",
        source: Ends::PERSON,
        target: Ends::WORK,
        ..BASE
    },
    Pattern {
        phrases: "speak|speaks|spoke|spoke fluent|speaks fluent",
        predicate: "speaks",
        source: Ends::PERSON,
        target: Ends::OTHER,
        ..BASE
    },
    Pattern {
        phrases: "sponsored by|brought to you by|presented by|supported by|backed by|owned by|represented by|\
                  hosted by|directed by|published by|produced by|invented by|discovered by",
        target: Ends::ACTOR,
        source: Ends::THING,
        flipped: true,
        ..BASE
    },
    Pattern {
        phrases: "report to|reports to|reported to|reporting to",
        predicate: "reports_to",
        source: Ends::ACTOR,
        target: Ends::ACTOR,
        ..BASE
    },
    Pattern {
        phrases: "met|met with|meets|meet with",
        predicate: "met",
        source: Ends::ACTOR,
        target: Ends::ACTOR,
        ..BASE
    },
    Pattern {
        phrases: "talked to|talked with|spoke to|spoke with|called|phoned|emailed|wrote to|talk to|\
                  contacted|asked",
        predicate: "talked_to",
        source: Ends::ACTOR,
        target: Ends::ACTOR,
        ..BASE
    },
    Pattern {
        phrases: "with|at|now with|now at|calling from|dialing in from|here from|here with|over at|back at",
        then: "",
        predicate: "affiliated_with",
        source: Ends::PERSON,
        target: Ends::FIRM,
        ..BASE
    },
    Pattern {
        phrases: "studied|served|fought|trained|lectured|educated|performed|preached|practiced|practised|taught|\
                  worked|competed|presented",
        then: "in|at|with",
        source: Ends::PERSON,
        target: Ends::SITE,
        ..BASE
    },
    Pattern {
        phrases: "decided to join|going to join|join|joins|joining|about to join",
        predicate: "joined",
        source: Ends::PERSON,
        target: Ends::ORG,
        ..BASE
    },
    Pattern {
        phrases: "selected by|chosen by|picked by|advised by|trained by|recruited by|commissioned by|approved by|\
                  fined by|sued by|rejected by",
        source: Ends::NAMED,
        target: Ends::ACTOR,
        flipped: true,
        ..BASE
    },
    Pattern {
        phrases: "hired by|employed by",
        predicate: "works_for",
        source: Ends::PERSON,
        target: Ends::ORG,
        ..BASE
    },
    Pattern {
        phrases: "married|married to|engaged to|get married to|got married to",
        predicate: "married_to",
        source: Ends::PERSON,
        target: Ends::PERSON,
        ..BASE
    },
    Pattern {
        phrases: "son of|the son of|daughter of|the daughter of|a son of|a daughter of",
        predicate: "child_of",
        source: Ends::PERSON,
        target: Ends::PERSON,
        ..BASE
    },
    Pattern {
        phrases: "know|knows|knew",
        predicate: "knows",
        source: Ends::PERSON,
        target: Ends::PERSON,
        ..BASE
    },
    Pattern {
        phrases: "based in|headquartered in|based out of",
        predicate: "based_in",
        target: Ends::PLACE,
        ..BASE
    },
    Pattern {
        phrases: "live in|lives in|lived in|living in|moved to|moved from|grew up in|born in|visited|came to|went to|\
                  raised in|died in|retired to|settled in|emigrated to|immigrated to|emigrated from|came from|come from|\
                  born and raised in|flew to|drove to|traveled to|travelled to|went back to|came back to|moved back to|\
                  stationed in|stationed at|buried in|drafted in",
        source: Ends::ACTOR,
        target: Ends::PLACE,
        ..BASE
    },
    Pattern {
        phrases: "located in|located at|situated in|stands on|stands in|lies in|lies on|sits on|sits in|\
                  stands at",
        predicate: "located_in",
        source: Ends::THING,
        target: Ends::PLACE,
        ..BASE
    },
    Pattern {
        phrases: "joined|left|signed|advises|represents|represented|studied at|teaches at|taught at|attended|hosts|\
                  hosted|co-hosts|graduated from|enrolled at|enrolled in|retired from|resigned from|fired from|spoke at|\
                  presented at|speaking at|sits on|serves on|served in|served on|enlisted in|played for|plays for|\
                  voted for|signed with|invests in|dropped out of|started|sold|sued|fined|ran for|went to",
        source: Ends::ACTOR,
        target: Ends::THING,
        ..BASE
    },
    Pattern {
        phrases: "launched|released|announced|introduced|opened|built|rebuilt|designed|repaired|made|\
                  invented|wrote|developed|published|created|tested|restored|forged|maintains|wrote",
        source: Ends::ACTOR,
        target: Ends::THING,
        nouns: true,
        ..BASE
    },
    Pattern {
        phrases: "fund|funds|funded|sponsors|sponsored|pays for|paid for|finances|financed|invested in|\
                  invests in",
        predicate: "funds",
        source: Ends::ACTOR,
        nouns: true,
        ..BASE
    },
    Pattern {
        phrases: "insures|insured|covers|supports|supported|helps|helped|supplies|supplied|closed|rented|\
                  signed",
        source: Ends::ACTOR,
        nouns: true,
        ..BASE
    },
    Pattern {
        phrases: "granted|gave|gives|lent|lend|lends|paid|pays|pay|raised|spent|spend|received|invested|\
                  offered|won|earned",
        source: Ends::ACTOR,
        target: Ends::MONEY,
        ..BASE
    },
    Pattern {
        phrases: "granted us|gave us|lent us|lend us|paid us|pays us|offered us|gives us|give us",
        source: Ends::ACTOR,
        target: Ends::MONEY,
        nouns: true,
        ..BASE
    },
    Pattern {
        phrases: "depends on|depend on|depended on|relies on|rely on|requires|needs",
        predicate: "depends_on",
        source: Ends::NAMED,
        ..BASE
    },
    Pattern {
        phrases: "use|uses|used|using|runs on|built on|built with|built in|written in|based on|switched to|running on|\
                  run on|ran on|moved to|migrated to|rewritten in|hosted on|built on top of|powered by|deployed on|adopted|\
                  implemented in|rewrote it in|wrote it in",
        predicate: "uses",
        target: Ends::THING,
        ..BASE
    },
    Pattern {
        phrases: "competes with|compete with|merged with|joined with|connects to|replaces|replaced|\
                  supersedes|reached|hit",
        source: Ends::THING,
        target: Ends::THING,
        ..BASE
    },
    Pattern {
        phrases: "cost|costs|comes to|came to|worth",
        predicate: "costs",
        target: Ends::MONEY,
        ..BASE
    },
    Pattern {
        phrases: "weighs|weighed|measures|measured|showed|shows|produces|produced",
        source: Ends::THING,
        target: Ends::AMOUNT,
        ..BASE
    },
    Pattern {
        phrases: "founded by|acquired by|bought by|built by|designed by|made by|run by|led by|funded by|\
                  launched by|written by|developed by|managed by|operated by|created by|hosted by|\
                  maintained by",
        source: Ends::NAMED,
        target: Ends::ACTOR,
        flipped: true,
        ..BASE
    },
    Pattern {
        phrases: "born|died|married|retired|graduated|enlisted|drafted|elected",
        then: "on|in",
        source: Ends::PERSON,
        target: Ends::DATE,
        ..BASE
    },
    Pattern {
        phrases: "meets|meet|opens|opened|starts|started|begins|began|ends|ended|arrives|arrived|closes|\
                  closed|came|finished|founded|built|launched|released|happened|delivered|deliver|delivers|\
                  planned|scheduled|due|reached|voted|signed|published|started",
        then: "on|in|at|by|since|until",
        source: Ends::THING,
        target: Ends::DATE,
        ..BASE
    },
];

/// The active voice of a passive phrase, and the verbs whose forms do not tell the predicate.
const SAME: &[(&str, &str)] = &[
    ("leads", "run by|led by|managed by|operated by"),
    ("funds", "funded by"),
    ("acquired", "bought by"),
    ("wrote", "written by|co-wrote|authored"),
    ("attended", "went to"),
    ("reads", "read"),
    ("sponsors", "sponsored by|brought to you by|presented by"),
    ("supports", "supported by|backed by"),
    ("owns", "owned by"),
    ("born_in", "born and raised in"),
    ("beat", "defeated"),
    ("criticized", "criticised"),
    ("works_with", "joined by"),
    (
        "moved_to",
        "moved back to|retired to|settled in|emigrated to|immigrated to",
    ),
    ("came_from", "come from|emigrated from|moved from"),
    ("invests_in", "invested in"),
    ("maintains", "maintained by"),
    ("hosts", "hosted by|hosted"),
    ("granted", "granted us"),
    ("gave", "gave us|gives us|give us|gives"),
    ("lent", "lent us|lend us|lend|lends"),
    ("paid", "paid us|pays us|pays|pay"),
    ("offered", "offered us"),
    ("spent", "spend"),
    ("lives_in", "lived in|live in|living in"),
    ("represents", "represented"),
    ("insures", "insured"),
    ("supports", "supported"),
    ("helps", "helped"),
    ("supplies", "supplied"),
    ("weighs", "weighed"),
    ("measures", "measured"),
    ("shows", "showed"),
    ("produces", "produced"),
    ("competes_with", "compete with"),
];

/// A phrase found in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stated {
    pub(super) predicate: String,
    pub(super) flipped: bool,
}

/// The rows by the first words of their phrases: nearly all words between names start none.
static INDEX: LazyLock<BTreeMap<&'static str, Vec<&'static Pattern>>> = LazyLock::new(|| {
    let mut out: BTreeMap<&'static str, Vec<&'static Pattern>> = BTreeMap::new();
    for row in TABLE {
        let first = |phrase: &'static str| phrase.split(' ').next().unwrap_or_default();
        let words: BTreeSet<&str> = row.phrases.split('|').map(first).collect();
        for word in words {
            out.entry(word).or_default().push(row);
        }
    }
    out
});

/// Whether `phrase` states a relation between things of these kinds; `None` for the target is a noun.
pub(super) fn stated(phrase: &str, source: Kind, target: Option<Kind>) -> Option<Stated> {
    let (verb, last) = phrase.rsplit_once(' ').unwrap_or((phrase, ""));
    let fits = |row: &&Pattern| {
        let said = if row.then.is_empty() {
            any(row.phrases, phrase)
        } else {
            any(row.phrases, verb) && any(row.then, last)
        };
        said && row.source.take(source) && target.map_or(row.nouns, |kind| row.target.take(kind))
    };
    let first = phrase.split(' ').next()?;
    let row = INDEX.get(first)?.iter().copied().find(fits)?;
    let same = SAME
        .iter()
        .find(|(_, said)| any(said, phrase))
        .map(|(same, _)| *same);
    let predicate = match (row.predicate, same) {
        ("", Some(same)) => same.to_owned(),
        ("", None) if row.flipped => verb.replace(' ', "_"),
        ("", None) => phrase.replace(' ', "_"),
        (predicate, _) => predicate.to_owned(),
    };
    Some(Stated {
        predicate,
        flipped: row.flipped,
    })
}

/// Whether one of the phrases in `list` is `phrase`.
fn any(list: &str, phrase: &str) -> bool {
    list.split('|').any(|one| one == phrase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_state_relations_between_the_right_kinds() {
        let said =
            |phrase, source, target| stated(phrase, source, target).map(|found| found.predicate);
        let works = said("works for", Kind::Person, Some(Kind::Organization));
        assert_eq!(works.as_deref(), Some("works_for"));
        assert_eq!(said("works for", Kind::Person, Some(Kind::Money)), None);
        assert_eq!(
            said("designed", Kind::Person, None).as_deref(),
            Some("designed")
        );
        assert_eq!(said("met", Kind::Person, None), None);
        let passive = stated("founded by", Kind::Organization, Some(Kind::Person)).unwrap();
        assert_eq!(
            (passive.predicate.as_str(), passive.flipped),
            ("founded", true)
        );
        assert_eq!(
            said("opens on", Kind::Place, Some(Kind::Date)).as_deref(),
            Some("opens_on")
        );
        assert_eq!(said("dances with", Kind::Person, Some(Kind::Person)), None);
    }
}
