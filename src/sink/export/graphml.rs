//! The graph as GraphML, for Gephi and NetworkX: entities are nodes, relations edges.

use std::collections::BTreeMap;

use super::Said;
use super::aside::Aside;
use super::graph::{Object, documents, each, number, quote, text, texts, try_each};
use crate::sink::error::SinkError;
use crate::sink::schema::Table;
use crate::sink::snapshot::Snapshot;

/// The attributes: name, of what, type.
const KEYS: [(&str, &str, &str); 13] = [
    ("label", "node", "string"),
    ("name", "node", "string"),
    ("kind", "node", "string"),
    ("aliases", "node", "string"),
    ("mentions", "node", "long"),
    ("documents", "node", "long"),
    ("predicate", "edge", "string"),
    ("evidence", "edge", "long"),
    ("weight", "edge", "double"),
    ("quote", "edge", "string"),
    ("speaker", "edge", "string"),
    ("start_ms", "edge", "long"),
    ("document", "edge", "string"),
];

/// Writes the graph; in memory there is one quote for each relation.
pub(super) fn write(snapshot: &Snapshot, to: &mut Aside) -> Result<Said, SinkError> {
    let documents = documents(snapshot)?;
    let mut first: BTreeMap<String, super::graph::Quote> = BTreeMap::new();
    each(snapshot, Table::Evidence, |row| {
        let quote = quote(row, &documents);
        let relation = text(row, "relation_id");
        match first.get_mut(relation) {
            Some(before) if quote.order < before.order => *before = quote,
            Some(_) => {}
            None => {
                first.insert(relation.to_owned(), quote);
            }
        }
    })?;

    to.text(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"http://graphml.graphdrawing.org/xmlns \
         http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd\">\n",
    )?;
    for (name, of, kind) in KEYS {
        let id = key(of, name);
        to.text(&format!(
            "<key id=\"{id}\" for=\"{of}\" attr.name=\"{name}\" attr.type=\"{kind}\"/>\n"
        ))?;
    }
    to.text("<graph id=\"weir\" edgedefault=\"directed\">\n")?;
    let mut rows = 0;
    try_each(snapshot, Table::Entities, |row| {
        rows += 1;
        to.text(&node(row))
    })?;
    try_each(snapshot, Table::Relations, |row| {
        rows += 1;
        let mut edge = format!(
            "<edge id=\"{}\" source=\"{}\" target=\"{}\">",
            escape(text(row, "relation_id")),
            escape(text(row, "source_id")),
            escape(text(row, "target_id"))
        );
        let evidence = number(row, "evidence").to_string();
        data(&mut edge, "edge", "predicate", text(row, "predicate"));
        data(&mut edge, "edge", "evidence", &evidence);
        data(&mut edge, "edge", "weight", &format!("{evidence}.0"));
        if let Some(quote) = first.get(text(row, "relation_id")) {
            data(&mut edge, "edge", "quote", &quote.text);
            if let Some(speaker) = &quote.speaker {
                data(&mut edge, "edge", "speaker", speaker);
            }
            if let Some(start) = quote.start_ms {
                data(&mut edge, "edge", "start_ms", &start.to_string());
            }
            if let Some(document) = documents.get(&quote.doc) {
                data(&mut edge, "edge", "document", &document.path);
            }
        }
        edge.push_str("</edge>\n");
        to.text(&edge)
    })?;
    to.text("</graph>\n</graphml>\n")?;
    Ok((rows, None))
}

fn node(row: &Object) -> String {
    let mut node = format!("<node id=\"{}\">", escape(text(row, "entity_id")));
    data(&mut node, "node", "label", text(row, "name"));
    data(&mut node, "node", "name", text(row, "name"));
    data(&mut node, "node", "kind", text(row, "kind"));
    data(
        &mut node,
        "node",
        "aliases",
        &texts(row, "aliases").join("; "),
    );
    for count in ["mentions", "documents"] {
        data(&mut node, "node", count, &number(row, count).to_string());
    }
    node.push_str("</node>\n");
    node
}

/// Nodes and edges may have attributes of the same name: their keys differ.
fn key(of: &str, name: &str) -> String {
    format!("{}_{name}", of.get(..1).unwrap_or(of))
}

fn data(out: &mut String, of: &str, name: &str, value: &str) {
    out.extend([
        "<data key=\"",
        &key(of, name),
        "\">",
        &escape(value),
        "</data>",
    ]);
}

/// Text for XML 1.0: marked characters by name, and those that it cannot hold at all replaced.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // As they are a reader would make a blank or a line feed of them.
            '\t' | '\n' | '\r' => out.extend([format!("&#{};", u32::from(c))]),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_text_in_xml() {
        assert_eq!(
            escape("a<b> & \"c\"\u{0}\u{1b}\u{ffff}\r é"),
            "a&lt;b&gt; &amp; &quot;c&quot;\u{fffd}\u{fffd}\u{fffd}&#13; é"
        );
    }
}
