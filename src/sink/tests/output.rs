//! A large output, with the time it takes: `WEIR_SAMPLE=DIR cargo test --lib large_output -- --ignored --nocapture`,
//! then `python tests/tables/check.py DIR`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use super::of;
use crate::model::record::ChunkCounts;
use crate::sink::{Base, Change, Local, Log, Publisher, Row, Table, sample};

const DOCUMENTS: u32 = 150;
const CHUNKS: u32 = 60;
const MENTIONS: u32 = 5;

fn document(doc: u32, version: u32) -> Vec<Row> {
    let mut rows = vec![sample::document(doc, CHUNKS, version)];
    for position in 0..CHUNKS {
        rows.push(sample::chunk(doc, position, version, 350));
        rows.push(sample::evidence(doc, position, 0, version));
        rows.extend((0..MENTIONS).map(|ordinal| sample::mention(doc, position, ordinal, version)));
    }
    rows
}

/// An entity or relation with the number of rows that speak of it.
fn counted(mut row: Row, rows: &[Row]) -> Row {
    match &mut row {
        Row::Entity(entity) => {
            let names =
                |row: &&Row| matches!(row, Row::Mention(m) if m.entity_id == entity.entity_id);
            Arc::make_mut(entity).mentions = rows.iter().filter(names).count() as u64;
        }
        Row::Relation(relation) => {
            let says = |row: &&Row| matches!(row, Row::Evidence(e) if e.relation_id == relation.relation_id);
            Arc::make_mut(relation).evidence = rows.iter().filter(says).count() as u64;
        }
        _ => {}
    }
    row
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = SystemTime::now();
    let done = work();
    println!("{what}: {:.3} s", start.elapsed().unwrap().as_secs_f64());
    done
}

#[test]
#[ignore = "measures; writes an output for tests/tables/check.py"]
fn large_output() {
    let temporary = tempfile::tempdir().unwrap();
    let output = std::env::var_os("WEIR_SAMPLE")
        .map_or_else(|| temporary.path().join("o'ut [1]*"), PathBuf::from);
    let mut local = Local::open(&output, sample::NOW).unwrap();
    let mut rows: Vec<Row> = (0..DOCUMENTS).flat_map(|doc| document(doc, 0)).collect();
    let graph =
        (0..sample::ENTITIES).flat_map(|id| [sample::entity(id, 0), sample::relation(id, 0)]);
    let graph: Vec<Row> = graph.map(|row| counted(row, &rows)).collect();
    rows.extend(graph);
    rows.push(sample::failure(0, 1));
    let mut info = sample::info(sample::NOW);
    info.documents = DOCUMENTS.into();
    info.failures = 1;
    let total = u64::from(DOCUMENTS * CHUNKS);
    info.chunks = ChunkCounts {
        total,
        ok: total,
        ..ChunkCounts::default()
    };
    println!("{} rows", rows.len());
    let changes = sample::come(rows);
    let prepared = timed("prepare all", || {
        local
            .prepare(1, &mut of(changes), Base::Empty, Log::Write, info.clone())
            .unwrap()
    });
    timed("swap", || local.swap(prepared).unwrap());
    let mut changes: BTreeMap<Table, Vec<Change>> = BTreeMap::new();
    for (version, diff) in [(0, -1), (1, 1)] {
        for row in document(77, version) {
            changes
                .entry(row.table())
                .or_default()
                .push(Change { row, diff });
        }
    }
    let prepared = timed("prepare one document", || {
        local
            .prepare(2, &mut of(changes), Base::Current, Log::Write, info.clone())
            .unwrap()
    });
    for (table, info) in &prepared.manifest().tables {
        let bytes: u64 = info.parts.iter().map(|part| part.bytes).sum();
        println!(
            "{table}: {} rows, {} parts, {bytes} bytes",
            info.rows,
            info.parts.len()
        );
    }
    timed("swap", || local.swap(prepared).unwrap());
    timed("publish nothing", || {
        let prepared = local
            .prepare(3, &mut of(BTreeMap::new()), Base::Current, Log::Write, info)
            .unwrap();
        local.swap(prepared).unwrap();
    });
}
