//! What counts against budgets and limits: calls, with the worst case of those whose outcome is unknown.

use rusqlite::params;

use super::database::Database;
use super::error::StoreError;
use super::row::{total, unsigned};
use crate::limit::purse::Gone;
use crate::model::id::ViewId;
use crate::model::unit::{Micros, Usd};

/// What a call cost, or at most.
const COST: &str = "coalesce(cost, bound, 0)";
/// What a call used, or at most; a fault that was surely not billed used nothing.
const TOKENS: &str =
    "CASE WHEN input_tokens IS NOT NULL THEN input_tokens + coalesce(output_tokens, 0)
                           WHEN state = 'done' AND outcome <> 'ok' AND cost = 0 THEN 0
                           ELSE coalesce(charged, 0) END";

impl Database {
    /// What was used for a view since a run of it last ended by itself: by runs that were stopped, killed, or came to the
    /// end of a budget, and that the next one goes on from.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn gone(&self, view: ViewId) -> Result<Gone, StoreError> {
        self.read("add up calls", |connection| {
            let sql = format!(
                "SELECT total({COST}), total({TOKENS}), count(*) FROM calls WHERE view_id = ?1 AND run_id IN
                 (SELECT run_id FROM runs WHERE view_id = ?1 AND rowid >
                  (SELECT coalesce(max(rowid), 0) FROM runs WHERE view_id = ?1 AND settled = 1))"
            );
            let mut get = connection.prepare_cached(&sql)?;
            Ok(get.query_row([view.0], |row| {
                Ok(Gone {
                    cost: Usd(total(row.get(0)?)),
                    tokens: total(row.get(1)?),
                    calls: unsigned(row.get(2)?),
                })
            })?)
        })
    }

    /// What all views have spent since a time.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn spent_since(&self, since: Micros) -> Result<Usd, StoreError> {
        self.read("add up costs", |connection| {
            let sql = format!("SELECT total({COST}) FROM calls WHERE at >= ?1");
            let mut get = connection.prepare_cached(&sql)?;
            Ok(Usd(total(get.query_row([since.0], |row| row.get(0))?)))
        })
    }

    /// The calls of a model since a time: when each was sent, and what it was charged with, or used if that was not kept.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn calls_of(
        &self,
        provider: &str,
        model: &str,
        since: Micros,
    ) -> Result<Vec<(Micros, Option<u64>)>, StoreError> {
        self.read("look up calls", |connection| {
            let mut get = connection.prepare_cached(
                "SELECT at, coalesce(charged, input_tokens + output_tokens) FROM calls
                 WHERE at >= ?3 AND provider = ?1 AND model = ?2 ORDER BY at",
            )?;
            let rows = get.query_map(params![provider, model, since.0], |row| {
                let tokens = row.get::<_, Option<i64>>(1)?;
                Ok((Micros(row.get(0)?), tokens.map(unsigned)))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Intent;
    use super::super::testing::{done, fresh, row, view};
    use super::*;
    use crate::model::id::RunId;
    use crate::model::record::CallRow;

    fn intent(n: u64, run: u8, bound: u64) -> Intent {
        let row = CallRow {
            run_id: RunId([run; 16]),
            cost: None,
            input_tokens: None,
            state: "sent".to_owned(),
            ..row(n)
        };
        Intent {
            view: view().id(),
            row,
            bound: Some(Usd(bound)),
            charged: 400,
        }
    }

    fn begin(database: &Database, run: u8) {
        let begun = database.begin_run(
            RunId([run; 16]),
            view().id(),
            Micros(i64::from(run)),
            "{}".into(),
        );
        begun.wait().unwrap();
    }

    fn end(database: &Database, run: u8, settled: bool) {
        let ended = database.end_run(RunId([run; 16]), Micros(99), 4, settled, String::new());
        ended.wait().unwrap();
    }

    #[test]
    fn what_is_unknown_counts_with_its_bound() {
        let (_folder, database) = fresh();
        database.intent(intent(1, 1, 5_000)).wait().unwrap();
        database.intent(intent(2, 1, 7_000)).wait().unwrap();
        let spent = |since| database.spent_since(Micros(since)).unwrap();
        assert_eq!(spent(0), Usd(12_000));
        database.done(done(2, 1)).wait().unwrap();
        assert_eq!(spent(0), Usd(6_000));
        assert_eq!(spent(2), Usd(1_000));
        let calls = database.calls_of("openai", "gpt", Micros(2)).unwrap();
        assert_eq!(calls, [(Micros(2), Some(400))]);
        assert!(
            database
                .calls_of("openai", "other", Micros(0))
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn a_budget_lasts_until_a_run_ends_by_itself() {
        let (_folder, database) = fresh();
        let gone = || database.gone(view().id()).unwrap();
        begin(&database, 1);
        database.intent(intent(1, 1, 5_000)).wait().unwrap();
        let first = Gone {
            cost: Usd(5_000),
            tokens: 400,
            calls: 1,
        };
        assert_eq!(gone(), first, "killed");
        begin(&database, 2);
        database.intent(intent(2, 2, 7_000)).wait().unwrap();
        let mut refused = done(2, 1);
        refused.row = CallRow {
            run_id: RunId([2; 16]),
            outcome: "rate_limit".to_owned(),
            cost: Some(Usd(0)),
            input_tokens: None,
            ..row(2)
        };
        database.done(refused).wait().unwrap();
        end(&database, 2, false);
        assert_eq!(gone(), Gone { calls: 2, ..first }, "stopped");
        assert_eq!(database.gone(ViewId([8; 16])).unwrap(), Gone::default());
        begin(&database, 3);
        end(&database, 3, true);
        assert_eq!(gone(), Gone::default(), "ended by itself");
        begin(&database, 4);
        database.intent(intent(4, 4, 1)).wait().unwrap();
        assert_eq!(gone().cost, Usd(1));
    }
}
