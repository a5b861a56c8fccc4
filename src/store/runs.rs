//! Runs: a short history for people.

use rusqlite::params;

use super::database::Database;
use super::error::StoreError;
use super::schema::meta;
use super::writer::Pending;
use crate::model::id::{RunId, ViewId};
use crate::model::unit::Micros;

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRun {
    /// Its id.
    pub run: RunId,
    /// Its view.
    pub view: ViewId,
    /// When it began.
    pub started_at: Micros,
    /// When it ended; none if it goes on, or was killed.
    pub ended_at: Option<Micros>,
    /// Its exit status.
    pub exit: Option<i32>,
    /// Its summary, as JSON.
    pub summary: Option<String>,
}

/// Its name in `meta`.
fn schema_of(view: ViewId) -> String {
    format!("answer schema of {view}")
}

impl Database {
    /// Notes that a run begins, and the answer schema that its tables follow from: with it they can be derived again
    /// where the dataflow file is not at hand.
    pub fn begin_run(
        &self,
        run: RunId,
        view: ViewId,
        started_at: Micros,
        schema: String,
    ) -> Pending<()> {
        self.write("store a run", move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO meta (name, value) VALUES (?1, ?2)
                     ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                )?
                .execute(params![schema_of(view), schema])?;
            connection
                .prepare_cached(
                    "INSERT INTO runs (run_id, view_id, started_at) VALUES (?1, ?2, ?3)
                     ON CONFLICT (run_id) DO NOTHING",
                )?
                .execute(params![run.0, view.0, started_at.0])?;
            Ok(())
        })
    }

    /// Notes how a run ended; `settled` if it ended by itself, so that the next run of its view starts its budget from
    /// zero.
    pub fn end_run(
        &self,
        run: RunId,
        ended_at: Micros,
        exit: i32,
        settled: bool,
        summary: String,
    ) -> Pending<()> {
        self.write("store a run", move |connection| {
            connection
                .prepare_cached(
                    "UPDATE runs SET ended_at = ?2, exit = ?3, settled = ?4, summary = ?5 WHERE run_id = ?1",
                )?
                .execute(params![run.0, ended_at.0, exit, settled, summary])?;
            Ok(())
        })
    }

    /// The answer schema of the last run of a view, as JSON.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn answer_schema(&self, view: ViewId) -> Result<Option<String>, StoreError> {
        self.read("look up a schema", |connection| {
            meta(connection, &schema_of(view))
        })
    }

    /// The last runs of a view, or of all, the latest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn last_runs(&self, view: Option<ViewId>, most: u32) -> Result<Vec<StoredRun>, StoreError> {
        self.read("look up runs", |connection| {
            let mut get = connection.prepare_cached(
                "SELECT run_id, view_id, started_at, ended_at, exit, summary FROM runs
                 WHERE ?1 IS NULL OR view_id = ?1 ORDER BY started_at DESC, rowid DESC LIMIT ?2",
            )?;
            let rows = get.query_map(params![view.map(|view| view.0), most], |row| {
                Ok(StoredRun {
                    run: RunId(row.get(0)?),
                    view: ViewId(row.get(1)?),
                    started_at: Micros(row.get(2)?),
                    ended_at: row.get::<_, Option<i64>>(3)?.map(Micros),
                    exit: row.get(4)?,
                    summary: row.get(5)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::fresh;
    use super::*;

    #[test]
    fn the_last_run_comes_first() {
        let (_folder, database) = fresh();
        let view = ViewId([1; 16]);
        for n in 1..=3 {
            let begun = database.begin_run(
                RunId([n; 16]),
                view,
                Micros(i64::from(n)),
                format!("{{\"n\": {n}}}"),
            );
            begun.wait().unwrap();
        }
        let ended = database.end_run(RunId([2; 16]), Micros(9), 3, false, "{}".to_owned());
        ended.wait().unwrap();
        let runs = database.last_runs(Some(view), 2).unwrap();
        let ids: Vec<_> = runs.iter().map(|run| (run.run, run.exit)).collect();
        assert_eq!(ids, [(RunId([3; 16]), None), (RunId([2; 16]), Some(3))]);
        assert_eq!(database.last_runs(None, 9).unwrap().len(), 3);
        let other = database.last_runs(Some(ViewId([2; 16])), 9).unwrap();
        assert!(other.is_empty());
        let schema = database.answer_schema(view).unwrap();
        assert_eq!(schema.as_deref(), Some(r#"{"n": 3}"#));
        assert_eq!(database.answer_schema(ViewId([2; 16])).unwrap(), None);
    }
}
