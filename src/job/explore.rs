//! The graph of a snapshot, to be looked at piece by piece: its top, and what was said of one entity or relation, in the
//! words around it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::sink::select::look;
use crate::sink::{SinkError, Snapshot, Table, for_each_row};

/// Characters of the chunk that are shown before and after a quote.
const AROUND: usize = 240;
/// The most entities of a picture.
pub const MOST_NODES: usize = 400;
/// The most pieces of evidence at a time.
pub const MOST_EVIDENCE: usize = 500;

type Row = Map<String, Value>;

/// An entity of a picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[expect(missing_docs, reason = "columns, see `sink::schema`")]
pub struct Node {
    pub id: String,
    pub name: String,
    pub kind: String,
    pub mentions: i64,
    pub documents: i64,
}

/// A relation of a picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[expect(missing_docs, reason = "columns, see `sink::schema`")]
pub struct Edge {
    pub id: String,
    pub source: String,
    pub target: String,
    pub source_name: String,
    pub target_name: String,
    pub predicate: String,
    pub evidence: i64,
}

/// The top of a graph: entities with most mentions, and the relations between them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Picture {
    /// The epoch.
    pub epoch: u64,
    /// Entities, those with most mentions first.
    pub entities: Vec<Node>,
    /// Relations between them, those with most evidence first.
    pub relations: Vec<Edge>,
}

/// Where something is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Evidence {
    /// The path of the document.
    pub path: String,
    /// Its title, if it has one.
    pub title: Option<String>,
    /// When it was recorded, if that is known.
    pub recorded_at: Option<String>,
    /// Who says it.
    pub speaker: Option<String>,
    /// When, from the start of the document.
    pub start_ms: Option<i64>,
    /// The words themselves.
    pub quote: String,
    /// What is said before.
    pub before: String,
    /// What is said after.
    pub after: String,
    /// How the quote was found: exact, normalised, fuzzy, none.
    pub r#match: String,
    /// The chunk.
    pub chunk_id: String,
}

/// An entity and what was said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct EntitySeen {
    /// The epoch.
    pub epoch: u64,
    /// The entity.
    pub entity: Node,
    /// Its other names.
    pub aliases: Vec<String>,
    /// Where it is named, by document and place.
    pub mentions: Vec<Evidence>,
    /// Its relations, those with most evidence first.
    pub relations: Vec<Edge>,
}

/// A relation and what was said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RelationSeen {
    /// The epoch.
    pub epoch: u64,
    /// The relation.
    pub relation: Edge,
    /// Where it is said.
    pub evidence: Vec<Evidence>,
}

fn text(row: &Row, column: &str) -> String {
    maybe(row, column).unwrap_or_default()
}

fn maybe(row: &Row, column: &str) -> Option<String> {
    row.get(column).and_then(Value::as_str).map(str::to_owned)
}

fn number(row: &Row, column: &str) -> i64 {
    row.get(column).and_then(Value::as_i64).unwrap_or(0)
}

fn node(row: &Row) -> Node {
    Node {
        id: text(row, "entity_id"),
        name: text(row, "name"),
        kind: text(row, "kind"),
        mentions: number(row, "mentions"),
        documents: number(row, "documents"),
    }
}

fn edge(row: &Row) -> Edge {
    Edge {
        id: text(row, "relation_id"),
        source: text(row, "source_id"),
        target: text(row, "target_id"),
        source_name: text(row, "source_name"),
        target_name: text(row, "target_name"),
        predicate: text(row, "predicate"),
        evidence: number(row, "evidence"),
    }
}

fn by_evidence(a: &Edge, b: &Edge) -> std::cmp::Ordering {
    b.evidence.cmp(&a.evidence).then_with(|| a.id.cmp(&b.id))
}

/// The top of a graph: so many entities. Half of the places go to entities that have relations, if there are so many.
///
/// # Errors
/// If the tables cannot be read.
pub fn picture(snapshot: &Snapshot, top: usize) -> Result<Picture, SinkError> {
    let top = top.clamp(1, MOST_NODES);
    let mut related: BTreeSet<String> = BTreeSet::new();
    each(snapshot, Table::Relations, |row| {
        related.extend(["source_id", "target_id"].map(|id| text(row, id)));
    })?;
    let order = |a: &Node, b: &Node| b.mentions.cmp(&a.mentions).then_with(|| a.id.cmp(&b.id));
    let (mut all, mut linked): (Vec<Node>, Vec<Node>) = Default::default();
    each(snapshot, Table::Entities, |row| {
        let node = node(row);
        if related.contains(&node.id) {
            keep(&mut linked, node.clone(), top, order);
        }
        keep(&mut all, node, top, order);
    })?;
    cut(&mut all, top, order);
    cut(&mut linked, top.div_ceil(2), order);
    for node in all {
        if linked.len() < top && !linked.contains(&node) {
            linked.push(node);
        }
    }
    cut(&mut linked, top, order);
    let shown: BTreeSet<&str> = linked.iter().map(|node| node.id.as_str()).collect();
    let mut relations: Vec<Edge> = Vec::new();
    each(snapshot, Table::Relations, |row| {
        let edge = edge(row);
        if shown.contains(edge.source.as_str()) && shown.contains(edge.target.as_str()) {
            keep(&mut relations, edge, top * 6, by_evidence);
        }
    })?;
    cut(&mut relations, top * 6, by_evidence);
    Ok(Picture {
        epoch: snapshot.epoch(),
        entities: linked,
        relations,
    })
}

/// Adds one, and gives up the last ones now and then.
fn keep<T>(kept: &mut Vec<T>, item: T, most: usize, order: fn(&T, &T) -> std::cmp::Ordering) {
    kept.push(item);
    if kept.len() > most * 4 {
        cut(kept, most, order);
    }
}

fn cut<T>(kept: &mut Vec<T>, most: usize, order: fn(&T, &T) -> std::cmp::Ordering) {
    kept.sort_by(order);
    kept.truncate(most);
}

fn each(snapshot: &Snapshot, table: Table, mut take: impl FnMut(&Row)) -> Result<(), SinkError> {
    for_each_row(snapshot.folder(), table, |row| {
        take(&row);
        std::ops::ControlFlow::<()>::Continue(())
    })?;
    Ok(())
}

/// An entity by its id; `None` if there is none.
///
/// # Errors
/// If the tables cannot be read.
pub fn entity(snapshot: &Snapshot, id: &str, most: usize) -> Result<Option<EntitySeen>, SinkError> {
    let found = look(snapshot, Table::Entities, "entity_id", 1, |found| {
        found == id
    })?;
    let Some(row) = found.first() else {
        return Ok(None);
    };
    let aliases = row.get("aliases").and_then(Value::as_array);
    let aliases = aliases.into_iter().flatten().filter_map(Value::as_str);
    let mut relations: Vec<Edge> = Vec::new();
    for end in ["source_id", "target_id"] {
        let rows = look(snapshot, Table::Relations, end, MOST_EVIDENCE, |found| {
            found == id
        })?;
        relations.extend(rows.iter().map(edge));
    }
    cut(&mut relations, MOST_EVIDENCE, by_evidence);
    relations.dedup_by(|a, b| a.id == b.id);
    Ok(Some(EntitySeen {
        epoch: snapshot.epoch(),
        entity: node(row),
        aliases: aliases.map(str::to_owned).collect(),
        mentions: evidence(snapshot, Table::Mentions, "entity_id", id, most)?,
        relations,
    }))
}

/// A relation by its id; `None` if there is none.
///
/// # Errors
/// If the tables cannot be read.
pub fn relation(
    snapshot: &Snapshot,
    id: &str,
    most: usize,
) -> Result<Option<RelationSeen>, SinkError> {
    let found = look(snapshot, Table::Relations, "relation_id", 1, |found| {
        found == id
    })?;
    let Some(row) = found.first() else {
        return Ok(None);
    };
    Ok(Some(RelationSeen {
        epoch: snapshot.epoch(),
        relation: edge(row),
        evidence: evidence(snapshot, Table::Evidence, "relation_id", id, most)?,
    }))
}

/// What is said, with the words around it.
fn evidence(
    snapshot: &Snapshot,
    table: Table,
    column: &str,
    id: &str,
    most: usize,
) -> Result<Vec<Evidence>, SinkError> {
    let most = most.clamp(1, MOST_EVIDENCE);
    let rows = look(snapshot, table, column, most, |found| found == id)?;
    let wanted =
        |column: &str| -> BTreeSet<String> { rows.iter().map(|row| text(row, column)).collect() };
    let (docs, chunks) = (wanted("doc_id"), wanted("chunk_id"));
    let by = |rows: Vec<Row>, key: &str| -> BTreeMap<String, Row> {
        rows.into_iter().map(|row| (text(&row, key), row)).collect()
    };
    let docs = by(
        look(snapshot, Table::Documents, "doc_id", docs.len(), |id| {
            docs.contains(id)
        })?,
        "doc_id",
    );
    let chunks = by(
        look(snapshot, Table::Chunks, "chunk_id", chunks.len(), |id| {
            chunks.contains(id)
        })?,
        "chunk_id",
    );
    let none = Row::new();
    let show = |row: &Row| {
        let doc = docs.get(&text(row, "doc_id")).unwrap_or(&none);
        let chunk = chunks.get(&text(row, "chunk_id")).unwrap_or(&none);
        let quote = text(row, "quote");
        let (before, after) = around(&text(chunk, "text"), &quote);
        Evidence {
            path: text(doc, "path"),
            title: maybe(doc, "title"),
            recorded_at: maybe(doc, "recorded_at"),
            speaker: maybe(row, "speaker"),
            start_ms: row.get("start_ms").and_then(Value::as_i64),
            quote,
            before,
            after,
            r#match: text(row, "match"),
            chunk_id: text(row, "chunk_id"),
        }
    };
    let mut shown: Vec<Evidence> = rows.iter().map(show).collect();
    shown.sort_by(|a, b| {
        let key = |one: &Evidence| (one.recorded_at.clone(), one.path.clone(), one.start_ms);
        key(a).cmp(&key(b))
    });
    Ok(shown)
}

/// What stands before and after a quote in a chunk, cut at words; empty if it does not stand there as it is.
fn around(chunk: &str, quote: &str) -> (String, String) {
    let Some((before, after)) = chunk.split_once(quote).filter(|_| !quote.is_empty()) else {
        return (String::new(), String::new());
    };
    let tail = match before.char_indices().rev().nth(AROUND) {
        Some((at, _)) => before
            .get(at..)
            .and_then(|part| part.split_once(char::is_whitespace))
            .map_or(String::new(), |(_, rest)| format!("\u{2026}{rest}")),
        None => before.to_owned(),
    };
    let head = match after.char_indices().nth(AROUND) {
        Some((at, _)) => after
            .get(..at)
            .and_then(|part| part.rsplit_once(char::is_whitespace))
            .map_or(String::new(), |(rest, _)| format!("{rest}\u{2026}")),
        None => after.to_owned(),
    };
    (tail, head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_stands_in_its_words() {
        assert_eq!(
            around("Ann: I saw Bo go.", "saw Bo"),
            ("Ann: I ".into(), " go.".into())
        );
        assert_eq!(around("Ann: no", "yes"), (String::new(), String::new()));
        let long = format!("{}Bo{}", "\u{e4}b ".repeat(200), " c\u{f6}d".repeat(200));
        let (before, after) = around(&long, "Bo");
        assert!(
            before.starts_with("\u{2026}\u{e4}b ") && before.chars().count() <= AROUND + 2,
            "{before}"
        );
        assert!(
            after.ends_with("c\u{f6}d\u{2026}") && after.chars().count() <= AROUND + 2,
            "{after}"
        );
    }
}
