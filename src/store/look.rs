//! Single things looked up: what was published of one text, one call.

use rusqlite::{OptionalExtension, params};

use super::calls::{COLUMNS, call};
use super::database::Database;
use super::error::StoreError;
use crate::model::id::{CallId, Fingerprint, ViewId};
use crate::model::record::CallRow;

impl Database {
    /// What a view last published of a text, as the caller encoded it.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn outcome(
        &self,
        view: ViewId,
        fingerprint: Fingerprint,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.read("look up an outcome", |connection| {
            Ok(connection
                .prepare_cached(
                    "SELECT outcome FROM outcomes WHERE view_id = ?1 AND fingerprint = ?2",
                )?
                .query_row(params![view.0, fingerprint.0], |row| row.get(0))
                .optional()?)
        })
    }

    /// A call, whichever view paid for it.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn call(&self, id: CallId) -> Result<Option<CallRow>, StoreError> {
        self.read("look up a call", |connection| {
            let sql = format!("SELECT {COLUMNS} FROM calls WHERE call_id = ?1");
            let mut get = connection.prepare_cached(&sql)?;
            Ok(get.query_row([id.0], call).optional()?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::ViewDelta;
    use super::super::testing::{call_id, done, fresh, row, view};
    use super::*;

    #[test]
    fn one_of_many_is_found() {
        let (_folder, database) = fresh();
        for n in 1..=3 {
            database.done(done(n, 10)).wait().unwrap();
        }
        assert_eq!(database.call(call_id(2)).unwrap(), Some(row(2)));
        assert_eq!(database.call(call_id(4)).unwrap(), None);
        let id = database.register(&view()).wait().unwrap();
        let text = |n: u8| Fingerprint([n; 32]);
        let delta = ViewDelta {
            outcomes_put: vec![(text(1), vec![1]), (text(2), vec![2])],
            ..ViewDelta::default()
        };
        database.prepare(id, 1, delta).wait().unwrap();
        database.commit(id, 1).wait().unwrap();
        assert_eq!(database.outcome(id, text(2)).unwrap(), Some(vec![2]));
        assert_eq!(database.outcome(id, text(3)).unwrap(), None);
        let other = ViewId::of(&[b"other"]);
        assert_eq!(database.outcome(other, text(2)).unwrap(), None);
    }
}
