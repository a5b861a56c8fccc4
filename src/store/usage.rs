//! What the state holds and what was spent, for people: sizes, answers, and cost by day, model and run.

use std::path::Path;

use rusqlite::Row;

use super::database::Database;
use super::error::StoreError;
use super::row::{total, unsigned};
use crate::model::id::{RunId, ViewId};
use crate::model::unit::{Micros, Usd};

/// How much there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Bytes on the disk: the database and its log.
    pub bytes: u64,
    /// Answers.
    pub answers: u64,
    /// Bytes of the answers themselves.
    pub answer_bytes: u64,
    /// Chunk texts.
    pub texts: u64,
    /// Bytes of the texts.
    pub text_bytes: u64,
    /// Bodies of calls, as they came.
    pub bodies: u64,
    /// Their bytes.
    pub body_bytes: u64,
    /// When the first answer came.
    pub first: Option<Micros>,
    /// When the last answer came.
    pub last: Option<Micros>,
}

/// What some calls took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spend {
    /// Which: the day (UTC), the provider and model, or the start of the run.
    pub name: String,
    /// The view, where they are told apart by it.
    pub view: Option<ViewId>,
    /// The run, where they are told apart by it.
    pub run: Option<RunId>,
    /// Calls.
    pub calls: u64,
    /// Input tokens.
    pub input_tokens: u64,
    /// Output tokens.
    pub output_tokens: u64,
    /// What is known to have been paid.
    pub cost: Usd,
    /// Calls whose cost is not known.
    pub unpriced: u64,
}

/// What spending is told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The day, in UTC.
    Day,
    /// Provider and model.
    Model,
    /// View and run.
    Run,
}

impl Part {
    fn sql(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Day => (
                "strftime('%Y-%m-%d', at / 1000000, 'unixepoch')",
                "NULL",
                "NULL",
            ),
            Self::Model => ("provider || ' ' || model", "NULL", "NULL"),
            Self::Run => ("'run'", "view_id", "run_id"),
        }
    }
}

impl Database {
    /// How much there is in a state folder that is open.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn size(&self, state: &Path) -> Result<Size, StoreError> {
        let on_disk =
            |name: &str| std::fs::metadata(state.join(name)).map_or(0, |found| found.len());
        let bytes = on_disk("weir.db") + on_disk("weir.db-wal");
        self.read("measure the ledger", |connection| {
            let count = |sql: &str| {
                connection.query_row(sql, [], |row| {
                    Ok((unsigned(row.get(0)?), total(row.get(1)?)))
                })
            };
            let (answers, answer_bytes) =
                count("SELECT count(*), total(octet_length(content)) FROM answers")?;
            let (texts, text_bytes) =
                count("SELECT count(*), total(octet_length(text)) FROM texts")?;
            let (bodies, body_bytes) =
                count("SELECT count(*), total(octet_length(body)) FROM bodies")?;
            let (first, last) = connection.query_row(
                "SELECT min(answered_at), max(answered_at) FROM answers",
                [],
                |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?)),
            )?;
            Ok(Size {
                bytes,
                answers,
                answer_bytes,
                texts,
                text_bytes,
                bodies,
                body_bytes,
                first: first.map(Micros),
                last: last.map(Micros),
            })
        })
    }

    /// What was spent, by day, model or run; the latest first, and by model the dearest.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn spending(&self, part: Part) -> Result<Vec<Spend>, StoreError> {
        let (name, view, run) = part.sql();
        let order = match part {
            Part::Day => "1 DESC",
            Part::Model => "7 DESC, 1",
            Part::Run => "min(at) DESC",
        };
        let sql = format!(
            "SELECT {name}, {view}, {run}, count(*), total(input_tokens), total(output_tokens), total(cost),
                    total(cost IS NULL AND (state = 'sent' OR NOT price_known)), min(at)
             FROM calls GROUP BY 1, 2, 3 ORDER BY {order}"
        );
        self.read("add up costs", |connection| {
            let mut get = connection.prepare(&sql)?;
            let rows = get.query_map([], |row| spend(row, part))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

fn spend(row: &Row<'_>, part: Part) -> rusqlite::Result<Spend> {
    let name = match part {
        // A run without calls is no spending: the first call says when it was.
        Part::Run => Micros(row.get(8)?).to_string(),
        _ => row.get::<_, Option<String>>(0)?.unwrap_or_default(),
    };
    Ok(Spend {
        name,
        view: row.get::<_, Option<[u8; 16]>>(1)?.map(ViewId),
        run: row.get::<_, Option<[u8; 16]>>(2)?.map(RunId),
        calls: unsigned(row.get(3)?),
        input_tokens: total(row.get(4)?),
        output_tokens: total(row.get(5)?),
        cost: Usd(total(row.get(6)?)),
        unpriced: total(row.get(7)?),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call_id, done, fresh};
    use super::*;

    const DAY: i64 = 24 * 3_600 * 1_000_000;

    #[test]
    fn spending_adds_up_by_day_model_and_run() {
        let (folder, database) = fresh();
        for n in 0..6_u64 {
            let mut done = done(n, 10);
            done.row.at = Micros(DAY * i64::try_from(n / 4).unwrap() + 5);
            done.row.model = if n % 2 == 0 { "even" } else { "odd" }.to_owned();
            if n == 5 {
                (done.row.cost, done.row.price_known) = (None, false);
            }
            database.done(done).wait().unwrap();
        }
        let by = |part| database.spending(part).unwrap();
        let days: Vec<_> = by(Part::Day)
            .iter()
            .map(|day| (day.name.clone(), day.calls, day.cost, day.unpriced))
            .collect();
        let day = |name: &str, calls, cost, unpriced| (name.to_owned(), calls, Usd(cost), unpriced);
        assert_eq!(
            days,
            [
                day("1970-01-02", 2, 1_000, 1),
                day("1970-01-01", 4, 4_000, 0)
            ]
        );
        let models: Vec<_> = by(Part::Model)
            .iter()
            .map(|model| model.name.clone())
            .collect();
        assert_eq!(models, ["openai even", "openai odd"], "the dearest first");
        let runs = by(Part::Run);
        assert_eq!(
            (runs.len(), runs[0].calls, runs[0].input_tokens),
            (1, 6, 600)
        );
        let size = database.size(folder.path()).unwrap();
        assert_eq!((size.answers, size.bodies, size.body_bytes), (6, 6, 6));
        assert!(size.bytes > 4_096 && size.first == size.last);
        assert!(database.body(call_id(0)).unwrap().is_some());
    }
}
