//! A table as sorted parts, changed by copy on write: what no change touches is linked, the rest rewritten.

use std::path::Path;

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;

use super::change::{Op, inconsistent};
use super::error::SinkError;
use super::files::link;
use super::group::{Bounds, Group, groups};
use super::key::RowKey;
use super::manifest::PartInfo;
use super::part;
use super::rows::{Row, encode};
use super::schema::{Layout, Table};

/// The table that changes apply to: its parts, their folder, and how large parts are meant to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Old<'a> {
    pub(super) layout: &'a Layout,
    pub(super) bounds: Bounds,
    pub(super) parts: &'a [PartInfo],
    pub(super) folder: &'a Path,
}

/// Applies operations (in key order) to a table, and leaves the result, at least one part, in a new folder.
pub(super) fn apply(
    table: Table,
    old: Old<'_>,
    ops: &[Op],
    folder: &Path,
) -> Result<Vec<PartInfo>, SinkError> {
    let mut new = Vec::new();
    if ops.is_empty() && !old.parts.is_empty() {
        for part in old.parts {
            link(&old.folder.join(&part.file), &folder.join(&part.file))?;
        }
        return Ok(old.parts.to_vec());
    }
    let full: Vec<PartInfo> = old
        .parts
        .iter()
        .filter(|part| part.rows > 0)
        .cloned()
        .collect();
    for group in groups(old.bounds, &full, ops) {
        if group.ops.is_empty() {
            for part in group.parts {
                link(&old.folder.join(&part.file), &folder.join(&part.file))?;
                new.push(part.clone());
            }
        } else {
            new.extend(rewrite(table, &group, old, folder)?);
        }
    }
    if new.is_empty() {
        let nothing = encode(old.layout, table, std::iter::empty())?;
        new.push(part::write(old.layout, table, nothing, folder)?);
    }
    Ok(new)
}

/// A row of the result: one of an old batch, or a new one.
#[derive(Clone, Copy)]
enum Item<'a> {
    Old {
        batch: usize,
        row: usize,
        weight: u64,
    },
    New(&'a Row, u64),
}

impl Item<'_> {
    fn weight(&self) -> u64 {
        match self {
            Self::Old { weight, .. } | Self::New(_, weight) => *weight,
        }
    }
}

fn rewrite(
    table: Table,
    group: &Group<'_>,
    old: Old<'_>,
    folder: &Path,
) -> Result<Vec<PartInfo>, SinkError> {
    let mut batches = Vec::new();
    for info in &group.parts {
        batches.extend(part::read(table, info, old.folder)?);
    }
    let items = merge(table, &batches, group.ops)?;
    let olds: Vec<&RecordBatch> = batches.iter().map(|(batch, _)| batch).collect();
    let mut parts = Vec::new();
    for piece in pieces(old.bounds, &items) {
        let batch = gather(old.layout, table, &olds, piece)?;
        parts.push(part::write(old.layout, table, batch, folder)?);
    }
    Ok(parts)
}

/// The rows of the result, in key order.
fn merge<'a>(
    table: Table,
    batches: &[(RecordBatch, Vec<RowKey>)],
    ops: &'a [Op],
) -> Result<Vec<Item<'a>>, SinkError> {
    let mut items = Vec::new();
    let mut rest = ops.iter().peekable();
    let come = |op: &'a Op, items: &mut Vec<Item<'a>>| match (&op.old, &op.new) {
        (None, Some(row)) => {
            items.push(Item::New(row, op.weight));
            Ok(())
        }
        _ => Err(inconsistent(table, op.key, "a row goes that is not there")),
    };
    for (index, (batch, keys)) in batches.iter().enumerate() {
        let weight = part::memory(batch) / keys.len().max(1) as u64;
        for (row, key) in keys.iter().enumerate() {
            while let Some(op) = rest.next_if(|op| op.key < *key) {
                come(op, &mut items)?;
            }
            match rest.next_if(|op| op.key == *key) {
                None => items.push(Item::Old {
                    batch: index,
                    row,
                    weight,
                }),
                Some(op) if op.old.is_none() => {
                    return Err(inconsistent(table, *key, "a row comes that is there"));
                }
                Some(op) => items.extend(op.new.as_ref().map(|row| Item::New(row, op.weight))),
            }
        }
    }
    rest.try_for_each(|op| come(op, &mut items))?;
    Ok(items)
}

/// Cuts the rows of a group into parts: one up to 1.5 times the bounds, else even ones within the bounds.
///
/// They are even in what binds, rows or memory; the other stays below 1.5 times its bound all the same.
fn pieces<'i, 'a>(bounds: Bounds, items: &'i [Item<'a>]) -> Vec<&'i [Item<'a>]> {
    let rows = items.len() as u64;
    let memory: u64 = items.iter().map(Item::weight).sum();
    let parts = |size: u64, bound: u64| {
        if size * 2 <= bound * 3 {
            1
        } else {
            size.div_ceil(bound)
        }
    };
    let (by_rows, by_memory) = (parts(rows, bounds.rows), parts(memory, bounds.memory));
    let count = by_rows.max(by_memory);
    let memory_binds = by_memory > by_rows;
    let total = if memory_binds { memory } else { rows };
    let mut pieces = Vec::new();
    let (mut start, mut held, mut passed) = (0, 0, 0);
    for (index, item) in items.iter().enumerate() {
        let taken = (index - start) as u64;
        let over = taken * 2 >= bounds.rows * 3 || (held + item.weight()) * 2 > bounds.memory * 3;
        let full = passed * count >= total * (pieces.len() as u64 + 1);
        if taken > 0 && (full || over) {
            pieces.extend(items.get(start..index));
            (start, held) = (index, 0);
        }
        held += item.weight();
        passed += if memory_binds { item.weight() } else { 1 };
    }
    if start < items.len() {
        pieces.extend(items.get(start..));
    }
    pieces
}

/// The rows of a piece as one batch.
fn gather(
    layout: &Layout,
    table: Table,
    olds: &[&RecordBatch],
    piece: &[Item<'_>],
) -> Result<RecordBatch, SinkError> {
    let new = encode(
        layout,
        table,
        piece.iter().filter_map(|item| match item {
            Item::New(row, _) => Some(*row),
            Item::Old { .. } => None,
        }),
    )?;
    if new.num_rows() == piece.len() {
        return Ok(new);
    }
    let mut sources = olds.to_vec();
    sources.push(&new);
    let mut next = 0;
    let indices: Vec<(usize, usize)> = piece
        .iter()
        .map(|item| match item {
            Item::Old { batch, row, .. } => (*batch, *row),
            Item::New(..) => {
                next += 1;
                (olds.len(), next - 1)
            }
        })
        .collect();
    interleave_record_batch(&sources, &indices).map_err(|source| SinkError::Arrow { table, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_even_and_within_bounds() {
        let bounds = Bounds {
            rows: 100,
            memory: 1_000,
        };
        let mut rng = fastrand::Rng::with_seed(1);
        let mut lengths = fastrand::Rng::with_seed(2);
        for _ in 0..500 {
            let most = [1, 12, 40, 900][rng.usize(..4)];
            let item = |row| Item::Old {
                batch: 0,
                row,
                weight: rng.u64(1..=most),
            };
            let items: Vec<_> = (0..lengths.usize(..900)).map(item).collect();
            let pieces = pieces(bounds, &items);
            assert_eq!(pieces.iter().map(|p| p.len()).sum::<usize>(), items.len());
            let weight = |piece: &&[Item<'_>]| piece.iter().map(Item::weight).sum::<u64>();
            for piece in &pieces {
                assert!((1..=150).contains(&piece.len()), "{}", piece.len());
                assert!(weight(piece) <= 1_500);
            }
            // No crumbs: where rows weigh little against the bounds, the last piece is like the others.
            if let [.., before, last] = pieces.as_slice()
                && most <= 40
            {
                let much = last.len() * 2 >= before.len() || weight(last) * 2 >= weight(before);
                assert!(much, "{} after {}", last.len(), before.len());
            }
        }
    }
}
