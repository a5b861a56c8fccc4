//! The oracle: every table from scratch, single-threaded, by loops over all files. It shares the pure stages with weir
//! (readers, splitter, grounding, normal names, row constructors) and nothing of the dataflow, the store or the sink.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use weir::model::chunk::Chunk;
use weir::model::document::Document;
use weir::model::extraction::{Extraction, Grounding, Match, Name};
use weir::model::id::{ChunkId, DocId, EvidenceId, FailureId, Fingerprint, MentionId};
use weir::model::record::{Merge, Status};
use weir::sink::Table;
use weir::stage::graph::{merge, name};
use weir::stage::{chunk, locate, transcript};

use super::own;

/// A row as the columns that are compared: their order is that of the table, their values are printed.
pub type Rows = BTreeMap<Table, BTreeSet<Vec<String>>>;

/// A source file.
#[derive(Clone, Debug)]
pub struct File {
    /// Its document.
    pub doc: DocId,
    /// Its path below its root.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// What is known of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Answered, by this JSON.
    Answer(String),
    /// Failed, for this reason.
    Failed(String),
    /// Being asked.
    Pending,
    /// Not asked.
    Unasked,
}

/// Where a chunk stands.
pub struct Place<'a> {
    /// In this file.
    pub file: &'a File,
    /// As it was read.
    pub document: &'a Document,
    /// The chunk.
    pub chunk: &'a Chunk,
}

impl Place<'_> {
    /// The id of its row.
    pub fn id(&self) -> ChunkId {
        chunk_id(self.file.doc, self.chunk.facts.position)
    }
}

fn chunk_id(doc: DocId, position: u32) -> ChunkId {
    ChunkId::of(&[doc.as_bytes(), &position.to_le_bytes()])
}

/// Two names, the entity of each is the least name of its component.
struct Entities {
    /// Per document: name -> the full name that it stands for there.
    full: BTreeMap<DocId, BTreeMap<Name, Name>>,
    /// Aliases, both ways.
    aliases: BTreeSet<(Name, Name)>,
}

impl Entities {
    /// Walks the aliases from the name that `name` stands for in `doc`, and takes the least.
    fn least(&self, doc: DocId, name: &Name) -> Name {
        let start = self
            .full
            .get(&doc)
            .and_then(|full| full.get(name))
            .unwrap_or(name)
            .clone();
        self.component(&start)
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
}

/// All tables but `calls`, and in them all columns that follow from files and answers.
pub fn tables(
    files: &[File],
    options: &chunk::Options,
    known: &BTreeMap<Fingerprint, Known>,
) -> Rows {
    let read: Vec<(&File, Document, Vec<Chunk>)> = files
        .iter()
        .map(|file| {
            let document = transcript::read(&file.path, &file.bytes).unwrap().document;
            let chunks = chunk::split(&document, options);
            (file, document, chunks)
        })
        .collect();
    let places: Vec<Place<'_>> = read
        .iter()
        .flat_map(|(file, document, chunks)| {
            chunks.iter().map(move |chunk| Place {
                file,
                document,
                chunk,
            })
        })
        .collect();

    let mut first: BTreeMap<Fingerprint, (DocId, u32)> = BTreeMap::new();
    for place in places
        .iter()
        .filter(|place| place.chunk.facts.dropped.is_none())
    {
        let at = (place.file.doc, place.chunk.facts.position);
        let least = first.entry(place.chunk.fingerprint).or_insert(at);
        *least = (*least).min(at);
    }
    let mut rows: Rows = Table::ALL
        .into_iter()
        .map(|table| (table, BTreeSet::new()))
        .collect();
    let mut add = |table: Table, cells: Vec<String>| {
        assert!(
            rows.get_mut(&table).unwrap().insert(cells),
            "two equal rows of {}",
            table.name()
        );
    };

    let mut answers: Vec<(&Place<'_>, Extraction)> = Vec::new();
    let mut counts: BTreeMap<DocId, BTreeMap<&str, u64>> = BTreeMap::new();
    for place in &places {
        let fingerprint = place.chunk.fingerprint;
        let told = known.get(&fingerprint);
        let at = (place.file.doc, place.chunk.facts.position);
        let status = match (place.chunk.facts.dropped, first.get(&fingerprint), told) {
            (Some(_), _, _) => Status::Dropped,
            (None, Some(first), _) if *first != at => Status::Duplicate,
            (_, _, Some(Known::Answer(_))) => Status::Ok,
            (_, _, Some(Known::Failed(_))) => Status::Failed,
            (_, _, Some(Known::Pending)) => Status::Pending,
            (_, _, Some(Known::Unasked) | None) => Status::Unasked,
        };
        *counts
            .entry(place.file.doc)
            .or_default()
            .entry(status.name())
            .or_default() += 1;
        let original = first
            .get(&fingerprint)
            .filter(|_| status == Status::Duplicate);
        add(
            Table::Chunks,
            vec![
                place.id().to_string(),
                place.file.doc.to_string(),
                place.chunk.facts.position.to_string(),
                place.chunk.text.to_string(),
                status.name().to_owned(),
                original.map_or(String::new(), |(doc, position)| {
                    chunk_id(*doc, *position).to_string()
                }),
                format!("{:?}", place.chunk.facts.start_ms),
            ],
        );
        if let (Status::Failed, Some(Known::Failed(reason))) = (status, told) {
            let id = FailureId::of(&[b"ask", place.id().as_bytes()]);
            add(
                Table::Failures,
                vec![
                    id.to_string(),
                    place.id().to_string(),
                    place.file.path.clone(),
                    reason.clone(),
                ],
            );
        }
        if let (None, Some(Known::Answer(answer))) = (place.chunk.facts.dropped, told) {
            let extraction =
                weir::stage::extract::ground::extraction(answer, &place.chunk.text).unwrap();
            answers.push((place, extraction));
        }
    }
    for (file, document, chunks) in &read {
        let of = |status: &str| {
            counts
                .get(&file.doc)
                .and_then(|counts| counts.get(status))
                .copied()
                .unwrap_or(0)
        };
        let mut cells = vec![
            file.doc.to_string(),
            file.path.clone(),
            document.turns.len().to_string(),
            chunks.len().to_string(),
        ];
        cells.extend(
            ["ok", "failed", "dropped", "duplicate", "pending", "unasked"]
                .map(|status| of(status).to_string()),
        );
        add(Table::Documents, cells);
    }
    for (place, extraction) in &answers {
        own::rows(place, extraction, &mut add);
    }
    own::repeated(&places, &mut add);
    graph(&answers, &mut add);
    rows
}

fn graph(answers: &[(&Place<'_>, Extraction)], add: &mut impl FnMut(Table, Vec<String>)) {
    let mut names: BTreeMap<DocId, BTreeSet<Name>> = BTreeMap::new();
    let mut aliases = BTreeSet::new();
    for (place, extraction) in answers {
        let names = names.entry(place.file.doc).or_default();
        names.extend(
            extraction
                .mentions
                .iter()
                .map(|mention| mention.name.clone()),
        );
        for statement in &extraction.statements {
            names.extend([statement.source.clone(), statement.target.clone()]);
        }
        for alias in extraction
            .aliases
            .iter()
            .filter(|alias| alias.name != alias.other)
        {
            aliases.insert((alias.name.clone(), alias.other.clone()));
            aliases.insert((alias.other.clone(), alias.name.clone()));
        }
    }
    let full = names
        .iter()
        .map(|(doc, names)| (*doc, name::resolve(names)))
        .collect();
    let entities = Entities { full, aliases };

    let mut facts: BTreeMap<Name, Vec<merge::EntityFact>> = BTreeMap::new();
    let mut backing: BTreeMap<(Name, Arc<str>, Name), Vec<merge::RelationFact>> = BTreeMap::new();
    for (place, extraction) in answers {
        let (doc, at) = (place.file.doc, place.document.recorded_at);
        for (index, mention) in extraction.mentions.iter().enumerate() {
            let least = entities.least(doc, &mention.name);
            let id = MentionId::of(&[
                place.id().as_bytes(),
                &u32::try_from(index).unwrap().to_le_bytes(),
            ]);
            let mut cells = vec![
                id.to_string(),
                merge::entity_id(&least).to_string(),
                mention.surface.to_string(),
            ];
            cells.extend(said(place, &mention.grounding));
            add(Table::Mentions, cells);
            let surface = Arc::clone(&mention.surface);
            facts.entry(least).or_default().push(merge::EntityFact {
                surface,
                doc,
                at,
                count: 1,
            });
        }
        for (index, statement) in extraction.statements.iter().enumerate() {
            let (source, target) = (
                entities.least(doc, &statement.source),
                entities.least(doc, &statement.target),
            );
            if source == target {
                continue;
            }
            let relation = merge::relation_id(
                merge::entity_id(&source),
                &statement.predicate,
                merge::entity_id(&target),
            );
            let id = EvidenceId::of(&[
                place.id().as_bytes(),
                &u32::try_from(index).unwrap().to_le_bytes(),
            ]);
            let mut cells = vec![id.to_string(), relation.to_string()];
            cells.extend(said(place, &statement.grounding));
            add(Table::Evidence, cells);
            let grounded = statement.grounding.matched != Match::None;
            let fact = merge::RelationFact {
                doc,
                at,
                grounded,
                count: 1,
            };
            backing
                .entry((source, Arc::clone(&statement.predicate), target))
                .or_default()
                .push(fact);
        }
    }
    let merges = merges(&entities);
    let mut shown: BTreeMap<Name, String> = BTreeMap::new();
    for (least, facts) in facts {
        let row = merge::entity(
            &least,
            facts,
            merges.get(&least).cloned().unwrap_or_default(),
        )
        .unwrap();
        shown.insert(least, row.name.clone());
        add(
            Table::Entities,
            vec![
                row.entity_id.to_string(),
                row.name,
                row.kind.name().to_owned(),
                row.aliases.join("|"),
                row.mentions.to_string(),
                row.documents.to_string(),
                row.merged_by
                    .iter()
                    .map(|merge| format!("{}={} {}", merge.a, merge.b, merge.rule))
                    .collect::<Vec<_>>()
                    .join("|"),
            ],
        );
    }
    for ((source, predicate, target), facts) in backing {
        let end = |name: &Name| merge::End {
            id: merge::entity_id(name),
            name: shown.get(name).cloned().unwrap_or_default().into(),
        };
        let row = merge::relation(&end(&source), &predicate, &end(&target), facts).unwrap();
        add(
            Table::Relations,
            vec![
                row.relation_id.to_string(),
                row.source_name,
                row.predicate,
                row.target_name,
                row.evidence.to_string(),
                row.documents.to_string(),
                row.grounded.to_string(),
            ],
        );
    }
}

/// Why names are one: by the least name of their entity, each reason once.
fn merges(entities: &Entities) -> BTreeMap<Name, BTreeSet<Merge>> {
    let mut merges: BTreeMap<Name, BTreeSet<Merge>> = BTreeMap::new();
    let merge = |a: &Name, b: &Name, rule: &str| Merge {
        a: a.normal.to_string(),
        b: b.normal.to_string(),
        rule: rule.into(),
    };
    for (a, b) in entities.aliases.iter().filter(|(a, b)| a < b) {
        merges
            .entry(entities.component(a))
            .or_default()
            .insert(merge(a, b, "stated alias"));
    }
    for (short, full) in entities.full.values().flatten() {
        let why = merge(short, full, "short form within a document");
        merges
            .entry(entities.component(full))
            .or_default()
            .insert(why);
    }
    merges
}

/// Where a quote stands, and how it was found.
pub fn said(place: &Place<'_>, grounding: &Grounding) -> Vec<String> {
    let facts = &place.chunk.facts;
    let found = grounding.matched != Match::None;
    let spans = if found {
        locate::spans(
            &facts.map,
            &place.chunk.text,
            grounding.start,
            grounding.end,
        )
    } else {
        Vec::new()
    };
    let source = std::str::from_utf8(&place.file.bytes).unwrap();
    let slices: Vec<&str> = spans
        .iter()
        .map(|span| &source[span.byte_start as usize..span.byte_end as usize])
        .collect();
    if grounding.matched == Match::Exact {
        assert_eq!(
            slices.join(" "),
            *grounding.quote,
            "spans of {} do not slice back",
            place.file.path
        );
    }
    let bytes: Vec<String> = spans
        .iter()
        .map(|span| format!("{}-{}", span.byte_start, span.byte_end))
        .collect();
    vec![
        place.id().to_string(),
        grounding.quote.to_string(),
        grounding.matched.name().to_owned(),
        bytes.join(" "),
    ]
}
