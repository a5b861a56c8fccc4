//! Operations whose rows are columns: made so soon after they come, since a row takes several times as much memory, and
//! made once for the table and for its change log.

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;

use super::change::Op;
use super::error::SinkError;
use super::group::Bounds;
use super::part::BATCH;
use super::rows::encode;
use super::schema::{Layout, Table};

/// Rows that are written as they lie if they lie together; of fewer, those that follow are written with them.
const RUN: usize = BATCH / 8;

/// Where a row lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At {
    /// In which batch.
    pub(super) batch: usize,
    /// Which row of it.
    pub(super) row: usize,
}

/// Operations, the latest of them not yet columns.
#[derive(Default)]
pub(super) struct Held {
    /// In the order in which they came.
    pub(super) ops: Vec<Op<At>>,
    /// Their rows, one after the other: of each operation what goes, then what comes.
    pub(super) columns: Vec<RecordBatch>,
    fresh: Vec<Op>,
}

impl Held {
    /// How many operations there are.
    pub(super) fn len(&self) -> usize {
        self.ops.len() + self.fresh.len()
    }

    /// Adds operations; makes columns of as many as fill a batch.
    pub(super) fn push(
        &mut self,
        layout: &Layout,
        table: Table,
        ops: Vec<Op>,
    ) -> Result<(), SinkError> {
        self.fresh.extend(ops);
        loop {
            let (count, full) = batch(&self.fresh);
            if !full {
                return Ok(());
            }
            self.encode(layout, table, count)?;
        }
    }

    /// Makes columns of the rest.
    pub(super) fn finish(&mut self, layout: &Layout, table: Table) -> Result<(), SinkError> {
        while !self.fresh.is_empty() {
            let (count, _) = batch(&self.fresh);
            self.encode(layout, table, count)?;
        }
        Ok(())
    }

    fn encode(&mut self, layout: &Layout, table: Table, count: usize) -> Result<(), SinkError> {
        let ops: Vec<Op> = self.fresh.drain(..count).collect();
        let rows = ops.iter().flat_map(|op| op.old.iter().chain(&op.new));
        let rows = encode(layout, table, rows)?;
        let batch = self.columns.len();
        let mut places = (0..rows.num_rows()).map(|row| At { batch, row });
        for op in ops {
            self.ops.push(Op {
                key: op.key,
                old: op.old.and_then(|_| places.next()),
                new: op.new.and_then(|_| places.next()),
                weight: op.weight,
            });
        }
        self.columns.push(rows);
        Ok(())
    }
}

/// How many operations make the next batch, and whether it is full: one of bounded size, whatever the rows hold.
fn batch(ops: &[Op]) -> (usize, bool) {
    // What goes is taken to weigh as much as what comes; a lone row that goes weighs something, too.
    let weight = |op: &Op| match (&op.old, &op.new) {
        (Some(old), None) => old.weight(),
        _ => 2 * op.weight,
    };
    let mut held = 0;
    let most = ops.get(..BATCH).unwrap_or(ops);
    let fits = most.iter().take_while(|op| {
        held += weight(op);
        held <= Bounds::USUAL.memory
    });
    let count = fits.count().max(1);
    (count, count == BATCH || count < most.len())
}

/// The next rows of these as one batch, and how many they are: as they lie if they lie together, else put together.
pub(super) fn next(
    table: Table,
    batches: &[&RecordBatch],
    rows: &[At],
) -> Result<(RecordBatch, usize), SinkError> {
    let most = rows.get(..BATCH).unwrap_or(rows);
    let follows = |pair: &&[At]| match pair {
        [a, b] => a.batch == b.batch && a.row + 1 == b.row,
        _ => false,
    };
    let run = 1 + most.windows(2).take_while(follows).count();
    if let Some(first) = rows.first()
        && (run >= RUN || run == most.len())
        && let Some(batch) = batches.get(first.batch)
    {
        return Ok((batch.slice(first.row, run), run));
    }
    // Of labels the dictionaries of all that is given are put together: what no row comes from is left out.
    let mut used: Vec<usize> = most.iter().map(|at| at.batch).collect();
    used.sort_unstable();
    used.dedup();
    let sources: Vec<&RecordBatch> = used
        .iter()
        .filter_map(|batch| batches.get(*batch).copied())
        .collect();
    let places: Vec<(usize, usize)> = most
        .iter()
        .map(|at| (used.partition_point(|batch| *batch < at.batch), at.row))
        .collect();
    let together = interleave_record_batch(&sources, &places);
    let together = together.map_err(|source| SinkError::Arrow { table, source })?;
    Ok((together, most.len()))
}
