//! Changes of rows: settled into at most one operation a key, or refused.

use super::error::SinkError;
use super::key::RowKey;
use super::rows::Row;
use super::schema::Table;

/// A row that comes (+1) or goes (-1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The row.
    pub row: Row,
    /// How many more of it there are.
    pub diff: i64,
}

/// What happens at one key: at least one of the two is there, as a row or as the place of one.
#[derive(Debug)]
pub(super) struct Op<R = Row> {
    pub(super) key: RowKey,
    pub(super) old: Option<R>,
    pub(super) new: Option<R>,
    /// About how many bytes the new row takes.
    pub(super) weight: u64,
}

impl<R> Op<R> {
    /// By how many rows the table grows: -1, 0 or 1.
    pub(super) fn growth(&self) -> i64 {
        i64::from(self.new.is_some()) - i64::from(self.old.is_some())
    }
}

/// Settles changes, in any order, into one operation a key, in key order.
///
/// Equal rows add up; what is left of a key must be one row going, one row coming, or one of each (the row
/// is replaced). Anything else cannot come from a table with unique keys, and is refused.
pub(super) fn settle(table: Table, changes: Vec<Change>) -> Result<Vec<Op>, SinkError> {
    let mut keyed: Vec<(RowKey, Change)> = Vec::with_capacity(changes.len());
    for change in changes {
        if change.row.table() != table {
            return Err(SinkError::Misfit {
                table,
                column: change.row.table().name().to_owned(),
            });
        }
        keyed.push((change.row.key(), change));
    }
    keyed.sort_by_key(|(key, _)| *key);
    let mut ops = Vec::with_capacity(keyed.len());
    let mut rest = keyed.into_iter().peekable();
    let mut same = Vec::new();
    while let Some((key, first)) = rest.next() {
        same.push(first);
        while let Some((_, next)) = rest.next_if(|(other, _)| *other == key) {
            match same.iter_mut().find(|change| change.row == next.row) {
                Some(change) => change.diff = change.diff.saturating_add(next.diff),
                None => same.push(next),
            }
        }
        let mut op = Op {
            key,
            old: None,
            new: None,
            weight: 0,
        };
        for Change { row, diff } in same.drain(..) {
            let (place, what) = match diff {
                0 => continue,
                -1 => (&mut op.old, "two rows go"),
                1 => (&mut op.new, "two rows come"),
                _ => {
                    return Err(inconsistent(
                        table,
                        key,
                        "a row comes or goes more than once",
                    ));
                }
            };
            if place.replace(row).is_some() {
                return Err(inconsistent(table, key, what));
            }
        }
        if op.old.is_some() || op.new.is_some() {
            op.weight = op.new.as_ref().map_or(0, Row::weight);
            ops.push(op);
        }
    }
    Ok(ops)
}

pub(super) fn inconsistent(table: Table, key: RowKey, what: &'static str) -> SinkError {
    SinkError::Inconsistent {
        table,
        key: key.to_string(),
        what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::sample;

    fn settled(changes: &[(&Row, i64)]) -> Result<Vec<(bool, bool)>, SinkError> {
        let change = |(row, diff): &(&Row, i64)| Change {
            row: (*row).clone(),
            diff: *diff,
        };
        let ops = settle(Table::Entities, changes.iter().map(change).collect())?;
        Ok(ops
            .iter()
            .map(|op| (op.old.is_some(), op.new.is_some()))
            .collect())
    }

    #[test]
    fn changes_settle_or_are_refused() {
        let (a, b, c) = (
            sample::entity(1, 1),
            sample::entity(1, 2),
            sample::entity(1, 3),
        );
        let other = sample::entity(2, 1);
        assert_eq!(settled(&[(&a, 1)]).unwrap(), [(false, true)]);
        assert_eq!(settled(&[(&b, 1), (&a, -1)]).unwrap(), [(true, true)]);
        assert_eq!(settled(&[(&a, 1), (&a, -1)]).unwrap(), []);
        assert_eq!(settled(&[(&a, 2), (&a, -1)]).unwrap(), [(false, true)]);
        assert_eq!(
            settled(&[(&a, 1), (&b, 1), (&c, -1), (&b, -1)]).unwrap(),
            [(true, true)]
        );
        let mut both = settled(&[(&other, -1), (&a, 1)]).unwrap();
        both.sort_unstable();
        assert_eq!(both, [(false, true), (true, false)]);
        for bad in [
            vec![(&a, 2)],
            vec![(&a, -2)],
            vec![(&a, i64::MAX), (&a, 1)],
            vec![(&a, 1), (&b, 1)],
            vec![(&a, -1), (&b, -1)],
        ] {
            assert!(matches!(settled(&bad), Err(SinkError::Inconsistent { .. })));
        }
        let wrong_table = vec![Change { row: a, diff: 1 }];
        assert!(settle(Table::Calls, wrong_table).is_err());
    }
}
