//! The graph from scratch: components by walks over all aliases, and sums over all that is said.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use weir::model::extraction::{Extraction, Match, Name};
use weir::model::id::{DocId, EvidenceId, MentionId};
use weir::model::record::{EntityRow, Merge, RelationRow};
use weir::sink::Table;
use weir::stage::graph::{merge, name};

use super::{Place, Taken, said};

/// Two names, the entity of each is the least name of its component.
struct Entities {
    /// Per document: name -> the full name that it stands for there.
    full: BTreeMap<DocId, BTreeMap<Name, Name>>,
    /// Aliases, both ways.
    aliases: BTreeSet<(Name, Name)>,
}

impl Entities {
    fn of(answers: &[(&Place<'_>, Extraction)]) -> Self {
        let mut names: BTreeMap<DocId, BTreeSet<Name>> = BTreeMap::new();
        let mut aliases = BTreeSet::new();
        for (place, extraction) in answers {
            let names = names.entry(place.file.doc()).or_default();
            let mentioned = extraction.mentions.iter();
            names.extend(mentioned.map(|mention| mention.name.clone()));
            for statement in &extraction.statements {
                names.extend([statement.source.clone(), statement.target.clone()]);
            }
            for alias in &extraction.aliases {
                if alias.name != alias.other {
                    aliases.insert((alias.name.clone(), alias.other.clone()));
                    aliases.insert((alias.other.clone(), alias.name.clone()));
                }
            }
        }
        let full = names
            .iter()
            .map(|(doc, names)| (*doc, name::resolve(names)))
            .collect();
        Self { full, aliases }
    }

    /// Walks the aliases from the name that `name` stands for in `doc`, and takes the least.
    fn least(&self, doc: DocId, name: &Name) -> Name {
        let full = self.full.get(&doc).and_then(|full| full.get(name));
        self.component(full.unwrap_or(name))
    }

    fn component(&self, start: &Name) -> Name {
        let mut reached = BTreeSet::from([start.clone()]);
        loop {
            let more: Vec<Name> = self
                .aliases
                .iter()
                .filter(|(a, b)| reached.contains(a) && !reached.contains(b))
                .map(|(_, b)| b.clone())
                .collect();
            if more.is_empty() {
                return reached.first().unwrap().clone();
            }
            reached.extend(more);
        }
    }

    /// Why names are one: by the least name of their entity, each reason once.
    fn merges(&self) -> BTreeMap<Name, BTreeSet<Merge>> {
        let mut merges: BTreeMap<Name, BTreeSet<Merge>> = BTreeMap::new();
        let merge = |a: &Name, b: &Name, rule: &str| Merge {
            a: a.normal.to_string(),
            b: b.normal.to_string(),
            rule: rule.into(),
        };
        for (a, b) in self.aliases.iter().filter(|(a, b)| a < b) {
            let why = merge(a, b, "stated alias");
            merges.entry(self.component(a)).or_default().insert(why);
        }
        for (short, full) in self.full.values().flatten() {
            let why = merge(short, full, "short form within a document");
            merges.entry(self.component(full)).or_default().insert(why);
        }
        merges
    }
}

/// Mentions, evidence, entities and relations.
pub fn rows(answers: &[(&Place<'_>, Extraction)], taken: &mut Taken) {
    let entities = Entities::of(answers);
    let mut facts: BTreeMap<Name, Vec<merge::EntityFact>> = BTreeMap::new();
    let mut backing: BTreeMap<(Name, Arc<str>, Name), Vec<merge::RelationFact>> = BTreeMap::new();
    for (place, extraction) in answers {
        let (doc, at) = (place.file.doc(), place.document.recorded_at);
        for (index, mention) in (0_u32..).zip(&extraction.mentions) {
            let least = entities.least(doc, &mention.name);
            let id = MentionId::of(&[place.id().as_bytes(), &index.to_le_bytes()]);
            let mut row = json!({
                "mention_id": id.to_string(),
                "entity_id": merge::entity_id(&least).to_string(),
                "surface": mention.surface,
                "kind": mention.name.kind.name(),
            });
            row.as_object_mut()
                .unwrap()
                .extend(said(place, &mention.grounding));
            taken.add(Table::Mentions, row);
            let surface = Arc::clone(&mention.surface);
            facts.entry(least).or_default().push(merge::EntityFact {
                surface,
                doc,
                at,
                count: 1,
            });
        }
        for (index, statement) in (0_u32..).zip(&extraction.statements) {
            let source = entities.least(doc, &statement.source);
            let target = entities.least(doc, &statement.target);
            if source == target {
                continue;
            }
            let (from, to) = (merge::entity_id(&source), merge::entity_id(&target));
            let relation = merge::relation_id(from, &statement.predicate, to);
            let id = EvidenceId::of(&[place.id().as_bytes(), &index.to_le_bytes()]);
            let mut row = json!({
                "evidence_id": id.to_string(),
                "relation_id": relation.to_string(),
            });
            row.as_object_mut()
                .unwrap()
                .extend(said(place, &statement.grounding));
            taken.add(Table::Evidence, row);
            let key = (source, Arc::clone(&statement.predicate), target);
            backing.entry(key).or_default().push(merge::RelationFact {
                doc,
                at,
                grounded: statement.grounding.matched != Match::None,
                count: 1,
            });
        }
    }
    let mut why = entities.merges();
    let mut shown: BTreeMap<Name, Arc<str>> = BTreeMap::new();
    for (least, facts) in facts {
        let merged = why.remove(&least).unwrap_or_default();
        let row = merge::entity(&least, facts, merged).unwrap();
        shown.insert(least, row.name.as_str().into());
        taken.add(Table::Entities, entity(&row));
    }
    for ((source, predicate, target), facts) in backing {
        let end = |name: &Name| merge::End {
            id: merge::entity_id(name),
            name: shown.get(name).cloned().unwrap_or_default(),
        };
        let row = merge::relation(&end(&source), &predicate, &end(&target), facts).unwrap();
        taken.add(Table::Relations, relation(&row));
    }
}

fn entity(row: &EntityRow) -> Value {
    let why = |merge: &Merge| json!({"a": merge.a, "b": merge.b, "rule": merge.rule});
    json!({
        "entity_id": row.entity_id.to_string(),
        "name": row.name,
        "kind": row.kind.name(),
        "aliases": row.aliases,
        "mentions": row.mentions,
        "documents": row.documents,
        "first_at": row.first_at.map(|at| at.to_string()),
        "last_at": row.last_at.map(|at| at.to_string()),
        "merged_by": row.merged_by.iter().map(why).collect::<Vec<_>>(),
    })
}

fn relation(row: &RelationRow) -> Value {
    json!({
        "relation_id": row.relation_id.to_string(),
        "source_id": row.source_id.to_string(),
        "source_name": row.source_name,
        "predicate": row.predicate,
        "target_id": row.target_id.to_string(),
        "target_name": row.target_name,
        "evidence": row.evidence,
        "documents": row.documents,
        "grounded": row.grounded,
        "first_at": row.first_at.map(|at| at.to_string()),
        "last_at": row.last_at.map(|at| at.to_string()),
    })
}
