//! The graph as one HTML page that needs nothing else.
//!
//! All that was said goes into one block of JSON, and from there into the page as text, never as markup. The page may
//! load nothing and send nothing: its policy forbids it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Said;
use super::aside::Aside;
use super::graph::{Doc, Quote, documents, each, maybe, number, quote, text, texts};
use crate::sink::error::SinkError;
use crate::sink::schema::Table;
use crate::sink::snapshot::Snapshot;

/// The most entities: half of them those with most mentions, the others those with most that also have relations. A
/// phone holds some megabytes of them with ease.
const ENTITIES: usize = 2_000;
/// The most relations among them: those with most evidence.
const RELATIONS: usize = 6_000;
/// The most quotes of a relation, and of an entity: the earliest.
const QUOTES: usize = 12;
/// No quote is longer.
const LONGEST: usize = 600;

const PAGE: &str = include_str!("page.html");
/// Where the data goes.
const SLOT: &str = "/*DATA*/";

#[derive(Clone, PartialEq)]
struct Node {
    id: String,
    row: Value,
    mentions: i64,
}

struct Edge {
    id: String,
    source: usize,
    target: usize,
    predicate: String,
    evidence: i64,
}

/// Keeps the greatest of many, a few more than so many at a time.
struct Top<T> {
    most: usize,
    kept: Vec<T>,
    seen: u64,
    order: fn(&T, &T) -> std::cmp::Ordering,
}

impl<T> Top<T> {
    fn new(most: usize, order: fn(&T, &T) -> std::cmp::Ordering) -> Self {
        Self {
            most,
            kept: Vec::new(),
            seen: 0,
            order,
        }
    }

    fn push(&mut self, item: T) {
        self.seen += 1;
        self.kept.push(item);
        if self.kept.len() > self.most.saturating_mul(2) {
            self.cut();
        }
    }

    /// Gives up the last of its own for all of another's.
    fn take_in(&mut self, other: Self)
    where
        T: PartialEq,
    {
        let mut all = other.kept;
        for item in std::mem::take(&mut self.kept) {
            if all.len() < self.most && !all.contains(&item) {
                all.push(item);
            }
        }
        self.kept = all;
        self.cut();
    }

    fn cut(&mut self) {
        self.kept.sort_by(self.order);
        self.kept.truncate(self.most);
    }
}

/// Writes the page.
pub(super) fn write(snapshot: &Snapshot, to: &mut Aside) -> Result<Said, SinkError> {
    let (nodes, edges) = graph(snapshot)?;
    let documents = documents(snapshot)?;
    let places: BTreeMap<&str, usize> = nodes
        .kept
        .iter()
        .enumerate()
        .map(|(place, node)| (&*node.id, place))
        .collect();
    let mentions = quotes(snapshot, Table::Mentions, "entity_id", &places, &documents)?;
    let places: BTreeMap<&str, usize> = edges
        .kept
        .iter()
        .enumerate()
        .map(|(place, edge)| (&*edge.id, place))
        .collect();
    let evidence = quotes(
        snapshot,
        Table::Evidence,
        "relation_id",
        &places,
        &documents,
    )?;

    let mut named: BTreeMap<&str, usize> = BTreeMap::new();
    let said: Vec<Value> = mentions
        .iter()
        .map(|quotes| show(quotes, &mut named))
        .collect();
    let shown: Vec<Value> = edges
        .kept
        .iter()
        .zip(&evidence)
        .map(|(edge, quotes)| {
            json!([
                edge.source,
                edge.target,
                edge.predicate,
                edge.evidence,
                show(quotes, &mut named)
            ])
        })
        .collect();
    let mut docs = vec![Value::Null; named.len()];
    for (doc, place) in &named {
        if let (Some(slot), Some(doc)) = (docs.get_mut(*place), documents.get(*doc)) {
            *slot = json!([doc.path, doc.title, doc.recorded_at]);
        }
    }
    let note = note(&nodes, &edges);
    let info = &snapshot.manifest().info;
    let data = json!({
        "dataflow": info.dataflow, "epoch": snapshot.epoch(), "published": info.published_at.to_string(),
        "complete": info.complete, "documents": info.documents, "entities": nodes.seen, "relations": edges.seen,
        "note": note, "quotes": QUOTES, "docs": docs,
        "nodes": nodes.kept.iter().zip(said).map(|(node, said)| json!([node.row, said])).collect::<Vec<_>>(),
        "edges": shown,
    });
    let (before, after) = PAGE.split_once(SLOT).unwrap_or((PAGE, ""));
    to.text(before)?;
    to.text(&embedded(&data))?;
    to.text(after)?;
    let rows = (nodes.kept.len() + edges.kept.len()) as u64;
    Ok((rows, note))
}

/// The entities and relations that are shown.
fn graph(snapshot: &Snapshot) -> Result<(Top<Node>, Top<Edge>), SinkError> {
    let mut related: BTreeSet<String> = BTreeSet::new();
    each(snapshot, Table::Relations, |row| {
        related.extend(["source_id", "target_id"].map(|id| text(row, id).to_owned()));
    })?;
    let order = |a: &Node, b: &Node| b.mentions.cmp(&a.mentions).then_with(|| a.id.cmp(&b.id));
    let (mut nodes, mut linked) = (Top::new(ENTITIES, order), Top::new(ENTITIES / 2, order));
    each(snapshot, Table::Entities, |row| {
        let node = Node {
            id: text(row, "entity_id").to_owned(),
            mentions: number(row, "mentions"),
            row: json!([
                text(row, "name"),
                text(row, "kind"),
                number(row, "mentions"),
                number(row, "documents"),
                texts(row, "aliases"),
                maybe(row, "first_at"),
                maybe(row, "last_at")
            ]),
        };
        if related.contains(&node.id) {
            linked.push(node.clone());
        }
        nodes.push(node);
    })?;
    nodes.cut();
    linked.cut();
    nodes.take_in(linked);
    let places: BTreeMap<&str, usize> = nodes
        .kept
        .iter()
        .enumerate()
        .map(|(place, node)| (&*node.id, place))
        .collect();
    let mut edges = Top::new(RELATIONS, |a: &Edge, b: &Edge| {
        b.evidence.cmp(&a.evidence).then_with(|| a.id.cmp(&b.id))
    });
    let mut seen = 0;
    each(snapshot, Table::Relations, |row| {
        seen += 1;
        let place = |column| places.get(text(row, column)).copied();
        if let Some((source, target)) = place("source_id").zip(place("target_id")) {
            edges.push(Edge {
                id: text(row, "relation_id").to_owned(),
                source,
                target,
                predicate: text(row, "predicate").to_owned(),
                evidence: number(row, "evidence"),
            });
        }
    })?;
    edges.cut();
    edges.seen = seen;
    Ok((nodes, edges))
}

/// The earliest quotes of what is shown, by its place.
fn quotes(
    snapshot: &Snapshot,
    table: Table,
    id: &str,
    places: &BTreeMap<&str, usize>,
    documents: &BTreeMap<String, Doc>,
) -> Result<Vec<Vec<Quote>>, SinkError> {
    let mut quotes: Vec<Vec<Quote>> = Vec::new();
    quotes.resize_with(places.len(), Vec::new);
    each(snapshot, table, |row| {
        let place = places.get(text(row, id));
        let Some(kept) = place.and_then(|place| quotes.get_mut(*place)) else {
            return;
        };
        let mut quote = quote(row, documents);
        if let Some((end, _)) = quote.text.char_indices().nth(LONGEST) {
            quote.text.truncate(end);
            quote.text.push('…');
        }
        let at = kept.partition_point(|before| before.order <= quote.order);
        if at < QUOTES {
            kept.insert(at, quote);
            kept.truncate(QUOTES);
        }
    })?;
    Ok(quotes)
}

/// Quotes for the page: document, speaker, start, text. Documents are numbered as they are first named.
fn show<'a>(quotes: &'a [Quote], named: &mut BTreeMap<&'a str, usize>) -> Value {
    let shown = quotes.iter().map(|quote| {
        let next = named.len();
        let doc = *named.entry(&quote.doc).or_insert(next);
        json!([doc, quote.speaker, quote.start_ms, quote.text])
    });
    shown.collect()
}

/// What is left out, if anything is.
fn note(nodes: &Top<Node>, edges: &Top<Edge>) -> Option<String> {
    let (n, e) = (nodes.kept.len() as u64, edges.kept.len() as u64);
    (n < nodes.seen || e < edges.seen).then(|| {
        format!(
            "shows {n} of {} entities, those with most mentions and those with relations, and {e} of {} relations; \
             GraphML and the tables have all",
            nodes.seen, edges.seen
        )
    })
}

/// JSON that can stand in a script element, whatever was said: nothing in it ends the element or begins a comment.
fn embedded(value: &Value) -> String {
    let text = value.to_string();
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.extend([format!("\\u{:04x}", u32::from(c))]);
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_cannot_leave_its_script() {
        let said = "</script><!-- <script>alert(1)</script> &amp; \u{2028}";
        let embedded = embedded(&json!({ "quote": said }));
        assert!(
            !embedded.contains(['<', '>', '&', '\u{2028}']),
            "{embedded}"
        );
        let back: Value = serde_json::from_str(&embedded).unwrap();
        assert_eq!(back["quote"], said);
        assert_eq!(PAGE.matches(SLOT).count(), 1);
    }

    #[test]
    fn the_greatest_stay() {
        let mut top = Top::new(3, |a: &u32, b: &u32| b.cmp(a));
        for n in [5, 1, 9, 7, 3, 8, 2, 6] {
            top.push(n);
        }
        top.cut();
        assert_eq!((&*top.kept, top.seen), (&[9, 8, 7][..], 8));
        let mut other = Top::new(2, |a: &u32, b: &u32| b.cmp(a));
        other.push(8);
        other.push(2);
        top.take_in(other);
        assert_eq!(top.kept, [9, 8, 2]);
    }
}
