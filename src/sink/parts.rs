//! A table as sorted parts, changed by copy on write: what no change touches is linked, the rest rewritten.

use std::collections::VecDeque;
use std::path::PathBuf;

use arrow::array::RecordBatch;

use super::change::{Op, inconsistent};
use super::columns::{self, At, Held};
use super::error::SinkError;
use super::files::link;
use super::group::{Bounds, groups};
use super::key::RowKey;
use super::log::ChangeLog;
use super::manifest::PartInfo;
use super::part;
use super::rows::encode;
use super::schema::{Layout, Table};

/// A table that is being changed: operations come in key order, and what is done with goes to disk at once, so that what
/// is held is about one part, however much changes.
pub(super) struct Rewriter<'a> {
    table: Table,
    layout: &'a Layout,
    bounds: Bounds,
    /// The old parts, where they lie, and those that are not done with yet.
    old: &'a [PartInfo],
    old_folder: PathBuf,
    rest: VecDeque<PartInfo>,
    /// Rows of the first of `rest`, if some of that part are done with.
    held: Option<Vec<Batch>>,
    /// Where the new parts go.
    folder: PathBuf,
    /// Where operations are told, if anywhere.
    log: Option<ChangeLog<'a>>,
    new: Vec<PartInfo>,
    ops: Held,
    weight: u64,
    /// Rows of the operations at hand that the log has to be told of, with their `_diff`.
    untold: Vec<(At, i64)>,
    last: Option<RowKey>,
}

/// Rows with their keys.
type Batch = (RecordBatch, Vec<RowKey>);

impl<'a> Rewriter<'a> {
    /// Of a table with these parts in a folder, into a new one.
    pub(super) fn new(
        table: Table,
        layout: &'a Layout,
        bounds: Bounds,
        (old, old_folder): (&'a [PartInfo], PathBuf),
        folder: PathBuf,
        log: Option<ChangeLog<'a>>,
    ) -> Self {
        let full = old.iter().filter(|part| part.rows > 0);
        Self {
            table,
            layout,
            bounds,
            old,
            old_folder,
            rest: full.cloned().collect(),
            held: None,
            folder,
            log,
            new: Vec::new(),
            ops: Held::default(),
            weight: 0,
            untold: Vec::new(),
            last: None,
        }
    }

    /// Takes operations in key order, all after those before.
    pub(super) fn push(&mut self, ops: Vec<Op>) -> Result<(), SinkError> {
        let (Some(first), Some(last)) = (ops.first(), ops.last()) else {
            return Ok(());
        };
        if self.last.is_some_and(|before| before >= first.key) {
            let what = "its changes are out of order";
            return Err(inconsistent(self.table, first.key, what));
        }
        self.last = Some(last.key);
        self.weight += ops.iter().map(|op| op.weight).sum::<u64>();
        self.ops.push(self.layout, self.table, ops)?;
        if self.ops.len() as u64 >= self.bounds.rows || self.weight >= self.bounds.memory {
            self.advance()?;
        }
        Ok(())
    }

    /// Does with all that is held.
    fn advance(&mut self) -> Result<(), SinkError> {
        let Some(last) = self.last else {
            return Ok(());
        };
        let mut held = std::mem::take(&mut self.ops);
        self.weight = 0;
        held.finish(self.layout, self.table)?;
        let mut ops = held.ops.as_slice();
        // Parts before the one that the last operation falls on take no more.
        let starts_by = |part: &PartInfo| part.min.is_none_or(|min| min <= last);
        let started = self.rest.iter().skip(1).take_while(|part| starts_by(part));
        let passed = started.count();
        if let Some(min) = self
            .rest
            .get(passed)
            .filter(|_| passed > 0)
            .and_then(|part| part.min)
        {
            let (now, later) = ops.split_at(ops.partition_point(|op| op.key < min));
            self.apply(passed, now, &held.columns)?;
            ops = later;
        }
        // Of that one, the rows up to the operation.
        let (mut before, mut after) = (Vec::new(), Vec::new());
        if let Some(part) = self.rest.pop_front() {
            for (batch, keys) in self.open(&part)? {
                let split = keys.partition_point(|key| *key <= last);
                let (first, second) = keys.split_at(split);
                if !first.is_empty() {
                    before.push((batch.slice(0, split), first.to_vec()));
                }
                if !second.is_empty() {
                    let length = batch.num_rows() - split;
                    after.push((batch.slice(split, length), second.to_vec()));
                }
            }
            if let Some(min) = after.first().and_then(|(_, keys)| keys.first()) {
                self.rest.push_front(PartInfo {
                    file: String::new(),
                    rows: after.iter().map(|(_, keys)| keys.len() as u64).sum(),
                    memory: after.iter().map(|(batch, _)| part::memory(batch)).sum(),
                    min: Some(*min),
                    ..part
                });
                self.held = Some(after);
            }
        }
        self.write(&before, ops, &held.columns)?;
        self.tell(&held.columns)
    }

    /// Applies operations to the first so many of the parts that are left, which are then done with.
    fn apply(
        &mut self,
        parts: usize,
        ops: &[Op<At>],
        columns: &[RecordBatch],
    ) -> Result<(), SinkError> {
        let parts: Vec<PartInfo> = self.rest.drain(..parts).collect();
        for group in groups(self.bounds, &parts, ops) {
            match group.parts.as_slice() {
                [part] if group.ops.is_empty() && !part.file.is_empty() => {
                    link(
                        &self.old_folder.join(&part.file),
                        &self.folder.join(&part.file),
                    )?;
                    self.new.push((*part).clone());
                }
                parts => {
                    let mut batches = Vec::new();
                    for part in parts {
                        batches.extend(self.open(part)?);
                    }
                    self.write(&batches, group.ops, columns)?;
                }
            }
        }
        Ok(())
    }

    fn open(&mut self, part: &PartInfo) -> Result<Vec<Batch>, SinkError> {
        if part.file.is_empty() {
            return Ok(self.held.take().unwrap_or_default());
        }
        part::read(self.table, part, &self.old_folder)
    }

    fn write(
        &mut self,
        batches: &[Batch],
        ops: &[Op<At>],
        columns: &[RecordBatch],
    ) -> Result<(), SinkError> {
        let items = merge(self.table, batches, ops)?;
        let mut told = Vec::new();
        let olds = batches.iter().map(|(batch, _)| batch);
        let sources: Vec<&RecordBatch> = olds.chain(columns).collect();
        for piece in pieces(self.bounds, &items) {
            let rows: Vec<At> = piece.iter().map(|item| item.at).collect();
            let mut rest = rows.as_slice();
            let batches = std::iter::from_fn(|| {
                let (batch, rows) = match rest {
                    [] => return None,
                    rows => columns::next(self.table, &sources, rows).map_or_else(
                        |error| (Err(error), rows.len()),
                        |(batch, rows)| (Ok(batch), rows),
                    ),
                };
                rest = rest.get(rows..).unwrap_or_default();
                Some(batch)
            });
            let part = part::write(self.layout, self.table, batches, &self.folder)?;
            if let Some(log) = &mut self.log
                && piece.iter().all(|item| item.comes.is_some())
            {
                log.copy(&self.folder.join(&part.file))?;
                told.extend(piece.iter().filter_map(|item| item.comes));
            }
            self.new.push(part);
        }
        if self.log.is_none() {
            return Ok(());
        }
        let mut told = told.into_iter().peekable();
        for (index, op) in ops.iter().enumerate() {
            if told.next_if_eq(&index).is_none() {
                self.untold.extend(op.old.map(|at| (at, -1)));
                self.untold.extend(op.new.map(|at| (at, 1)));
            }
        }
        Ok(())
    }

    /// Tells the log of the operations that it was not told of with a part.
    fn tell(&mut self, columns: &[RecordBatch]) -> Result<(), SinkError> {
        let untold = std::mem::take(&mut self.untold);
        let Some(log) = &mut self.log else {
            return Ok(());
        };
        let sources: Vec<&RecordBatch> = columns.iter().collect();
        let (rows, diffs): (Vec<At>, Vec<i64>) = untold.into_iter().unzip();
        let mut batches = Vec::new();
        let mut told = 0;
        while let Some(rest) = rows.get(told..).filter(|rest| !rest.is_empty()) {
            let (batch, count) = columns::next(self.table, &sources, rest)?;
            let diffs = diffs.get(told..told + count).unwrap_or_default();
            batches.push((batch, diffs.to_vec()));
            told += count;
        }
        log.write(batches)
    }

    /// Does what is left to do; the parts of the table as it is now, at least one.
    pub(super) fn finish(mut self) -> Result<Vec<PartInfo>, SinkError> {
        if self.last.is_none() && !self.old.is_empty() {
            for part in self.old {
                link(
                    &self.old_folder.join(&part.file),
                    &self.folder.join(&part.file),
                )?;
            }
            return Ok(self.old.to_vec());
        }
        let mut held = std::mem::take(&mut self.ops);
        held.finish(self.layout, self.table)?;
        self.apply(self.rest.len(), &held.ops, &held.columns)?;
        self.tell(&held.columns)?;
        if let Some(log) = self.log.take() {
            log.finish()?;
        }
        if self.new.is_empty() {
            let nothing = encode(self.layout, self.table, std::iter::empty())?;
            let part = part::write(self.layout, self.table, [Ok(nothing)], &self.folder)?;
            self.new.push(part);
        }
        Ok(self.new)
    }
}

/// A row of the result: of the old batches, or of the new ones that follow them.
#[derive(Clone, Copy)]
struct Item {
    at: At,
    weight: u64,
    /// Which operation it comes by, if nothing goes by it.
    comes: Option<usize>,
}

/// The rows of the result, in key order.
fn merge(
    table: Table,
    batches: &[(RecordBatch, Vec<RowKey>)],
    ops: &[Op<At>],
) -> Result<Vec<Item>, SinkError> {
    let mut items = Vec::new();
    let mut rest = ops.iter().enumerate().peekable();
    let new = |index: usize, op: &Op<At>| {
        op.new.map(|at| Item {
            at: At {
                batch: batches.len() + at.batch,
                ..at
            },
            weight: op.weight,
            comes: op.old.is_none().then_some(index),
        })
    };
    let come = |(index, op): (usize, &Op<At>), items: &mut Vec<Item>| match new(index, op) {
        Some(item) if item.comes.is_some() => {
            items.push(item);
            Ok(())
        }
        _ => Err(inconsistent(table, op.key, "a row goes that is not there")),
    };
    for (index, (batch, keys)) in batches.iter().enumerate() {
        let weight = part::memory(batch) / keys.len().max(1) as u64;
        for (row, key) in keys.iter().enumerate() {
            while let Some(op) = rest.next_if(|(_, op)| op.key < *key) {
                come(op, &mut items)?;
            }
            let at = At { batch: index, row };
            match rest.next_if(|(_, op)| op.key == *key) {
                None => items.push(Item {
                    at,
                    weight,
                    comes: None,
                }),
                Some((_, op)) if op.old.is_none() => {
                    return Err(inconsistent(table, *key, "a row comes that is there"));
                }
                Some((index, op)) => items.extend(new(index, op)),
            }
        }
    }
    rest.try_for_each(|op| come(op, &mut items))?;
    Ok(items)
}

/// Cuts the rows of a group into parts: one up to 1.5 times the bounds, else even ones within the bounds.
///
/// They are even in what binds, rows or memory; the other stays below 1.5 times its bound all the same.
fn pieces(bounds: Bounds, items: &[Item]) -> Vec<&[Item]> {
    let rows = items.len() as u64;
    let memory: u64 = items.iter().map(|item| item.weight).sum();
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
        let over = taken * 2 >= bounds.rows * 3 || (held + item.weight) * 2 > bounds.memory * 3;
        let full = passed * count >= total * (pieces.len() as u64 + 1);
        if taken > 0 && (full || over) {
            pieces.extend(items.get(start..index));
            (start, held) = (index, 0);
        }
        held += item.weight;
        passed += if memory_binds { item.weight } else { 1 };
    }
    if start < items.len() {
        pieces.extend(items.get(start..));
    }
    pieces
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
            let item = |row| Item {
                at: At { batch: 0, row },
                weight: rng.u64(1..=most),
                comes: None,
            };
            let items: Vec<_> = (0..lengths.usize(..900)).map(item).collect();
            let pieces = pieces(bounds, &items);
            assert_eq!(pieces.iter().map(|p| p.len()).sum::<usize>(), items.len());
            let weight = |piece: &&[Item]| piece.iter().map(|item| item.weight).sum::<u64>();
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
