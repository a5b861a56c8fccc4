//! `repeats`: places of chunks in, which texts stand more than once and how much of each document stands elsewhere.
//!
//! Input     heads of documents; the places of texts.
//! Output    a row of `repeats` for each fingerprint with two places or more, without its text; a row of `shares` for
//!           each document.
//! State     the arrangement `occurrences` and the reductions' own.
//! Progress  none held.
//! Restart   rebuilt from the manifest's versions.
//! Order     any: places come sorted.
//! Thinking  none: exact equality of shown texts.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Flow;
use crate::flow::document::Head;
use crate::flow::record::{Placed, Spot, chunk_id};
use crate::model::id::{DocId, Fingerprint};
use crate::model::record::{RepeatRow, ShareRow};

/// What a row of `shares` is made of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Part {
    Path(Arc<str>),
    Text {
        fingerprint: Fingerprint,
        chunks: u64,
        tokens: u32,
        repeated: bool,
        elsewhere: bool,
    },
}

/// Rows of `repeats` and of `shares`.
#[must_use]
pub fn repeats<'s>(
    documents: Flow<'s, Arc<Head>>,
    places: Flow<'s, Placed>,
) -> (Flow<'s, Arc<RepeatRow>>, Flow<'s, Arc<ShareRow>>) {
    let occurrences = places
        .map(|placed| (placed.fingerprint, placed.spot))
        .arrange_by_key_named("occurrences");
    let places = occurrences.as_collection(|fingerprint, spot| (*fingerprint, *spot));
    let repeats = places
        .clone()
        .reduce_named(
            "repeats",
            |fingerprint: &Fingerprint, places: &[(&Spot, isize)], output| {
                if let Some(row) = repeat(*fingerprint, places) {
                    output.push((Arc::new(row), 1));
                }
            },
        )
        .map(|(_, row)| row);
    let texts = places
        .reduce_named(
            "texts of documents",
            |fingerprint: &Fingerprint, places: &[(&Spot, isize)], output| {
                output.extend(texts(*fingerprint, places).map(|text| (text, 1)));
                output.sort();
            },
        )
        .map(|(_, text)| text);
    let shares = documents
        .map(|head| (head.doc, Part::Path(Arc::clone(&head.path))))
        .concat(texts)
        .reduce_named("shares", |doc: &DocId, parts: &[(&Part, isize)], output| {
            if let Some(row) = share(*doc, parts) {
                output.push((Arc::new(row), 1));
            }
        })
        .map(|(_, row)| row);
    (repeats, shares)
}

/// Places in each document.
fn by_document(places: &[(&Spot, isize)]) -> BTreeMap<DocId, u64> {
    let mut documents = BTreeMap::new();
    for (place, count) in places {
        *documents.entry(place.doc).or_default() += count.unsigned_abs() as u64;
    }
    documents
}

fn repeat(fingerprint: Fingerprint, places: &[(&Spot, isize)]) -> Option<RepeatRow> {
    let documents = by_document(places);
    let chunks: u64 = documents.values().sum();
    let (first, _) = places.first().filter(|_| chunks > 1)?;
    let (doc, position) = first.at();
    Some(RepeatRow {
        fingerprint,
        text: "".into(),
        tokens: first.tokens,
        chunks,
        documents: documents.len() as u64,
        first_doc_id: doc,
        first_chunk_id: chunk_id(doc, position),
    })
}

fn texts(
    fingerprint: Fingerprint,
    places: &[(&Spot, isize)],
) -> impl Iterator<Item = (DocId, Part)> + use<> {
    let documents = by_document(places);
    let all: u64 = documents.values().sum();
    let elsewhere = documents.len() > 1;
    let tokens = places.first().map_or(0, |(place, _)| place.tokens);
    documents.into_iter().map(move |(doc, chunks)| {
        let text = Part::Text {
            fingerprint,
            chunks,
            tokens,
            repeated: all > 1,
            elsewhere,
        };
        (doc, text)
    })
}

fn share(doc: DocId, parts: &[(&Part, isize)]) -> Option<ShareRow> {
    let path = parts.iter().find_map(|(part, _)| match part {
        Part::Path(path) => Some(path),
        Part::Text { .. } => None,
    })?;
    let mut row = ShareRow {
        doc_id: doc,
        path: path.to_string(),
        chunks: 0,
        tokens: 0,
        repeated_chunks: 0,
        repeated_tokens: 0,
        elsewhere_chunks: 0,
        elsewhere_tokens: 0,
    };
    for (part, _) in parts {
        if let Part::Text {
            chunks,
            tokens,
            repeated,
            elsewhere,
            ..
        } = part
        {
            let tokens = chunks * u64::from(*tokens);
            row.chunks += chunks;
            row.tokens += tokens;
            if *repeated {
                row.repeated_chunks += chunks;
                row.repeated_tokens += tokens;
            }
            if *elsewhere {
                row.elsewhere_chunks += chunks;
                row.elsewhere_tokens += tokens;
            }
        }
    }
    Some(row)
}
