//! The one thread that writes. It commits together whatever queued up during the last commit, so a sync is shared by
//! all who wait for one. What is in haste waits for no company; what is patient does, for a few milliseconds.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::error::StoreError;
use crate::failpoint;

/// The most commands in one commit: bounds how long the first of them waits for the last.
const GROUP: usize = 500;

/// So long after a commit, what is patient waits for company: a sync costs as much as some twenty rows, and a call that
/// took seconds is not kept by milliseconds.
const WINDOW: Duration = Duration::from_millis(4);

/// Whether a write may wait a few milliseconds for others to share its sync with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Haste {
    /// Somebody does nothing else meanwhile.
    Urgent,
    /// Others work on meanwhile.
    Patient,
}

/// A write under way. It is durable once this says so, and only then; dropping it does not take it back.
#[must_use = "a write is not durable until this has been waited for"]
pub struct Pending<T>(oneshot::Receiver<Result<T, StoreError>>);

impl<T> Pending<T> {
    /// Blocks until it is durable.
    ///
    /// # Errors
    /// If it was not stored.
    ///
    /// # Panics
    /// On a thread that drives asynchronous tasks: await it there.
    pub fn wait(self) -> Result<T, StoreError> {
        self.0.blocking_recv().unwrap_or_else(|_| gone())
    }

    /// One that has failed before it began.
    pub(super) fn failed(error: StoreError) -> Self {
        let (reply, pending) = oneshot::channel();
        reply.send(Err(error)).ok();
        Self(pending)
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|reply| reply.unwrap_or_else(|_| gone()))
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pending")
    }
}

fn gone<T>() -> Result<T, StoreError> {
    Err(StoreError::Stopped { cause: None })
}

/// A command in the queue: run within a group, then told how the group ended.
trait Job: Send {
    fn haste(&self) -> Haste;
    /// Runs it, or once more if what it did has been taken back.
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError>;
    fn settle(self: Box<Self>, group: Result<(), StoreError>);
}

struct Task<T, F> {
    what: &'static str,
    haste: Haste,
    work: F,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: Fn(&Connection) -> Result<T, StoreError> + Send,
{
    fn haste(&self) -> Haste {
        self.haste
    }

    fn run(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let result = (self.work)(connection);
        let result = result.map_err(|error| error.during(self.what).at(file(connection)));
        let verdict = result.as_ref().map(drop).map_err(Clone::clone);
        self.result = Some(result);
        verdict
    }

    fn settle(self: Box<Self>, group: Result<(), StoreError>) {
        let result = match group {
            Ok(()) => self.result.unwrap_or_else(gone),
            Err(error) => Err(error.during(self.what)),
        };
        // Nobody listens if the caller has given up waiting.
        self.reply.send(result).ok();
    }
}

/// What waits for the thread.
#[derive(Default)]
struct Queue {
    state: Mutex<Waiting>,
    /// Something that is worth waking up for.
    came: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Box<dyn Job>>,
    /// How many of them are in haste.
    urgent: usize,
    /// No more will come.
    is_closed: bool,
    /// The thread has ended.
    is_left: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread sleeps through what is patient, but for the first: a call that comes and goes would wake it twice.
    fn push(&self, job: Box<dyn Job>) {
        let urgent = job.haste() == Haste::Urgent;
        let mut waiting = self.lock();
        if waiting.is_left {
            // Dropped, it tells whoever waits for it.
            return;
        }
        let wakes = urgent || waiting.jobs.is_empty() || waiting.jobs.len() + 1 == GROUP;
        waiting.urgent += usize::from(urgent);
        waiting.jobs.push_back(job);
        drop(waiting);
        if wakes {
            self.came.notify_one();
        }
    }

    fn close(&self) {
        self.lock().is_closed = true;
        self.came.notify_one();
    }

    fn leave(&self) {
        let mut waiting = self.lock();
        waiting.is_left = true;
        let rest = std::mem::take(&mut waiting.jobs);
        drop(waiting);
        drop(rest);
    }

    /// What is committed together: all that waits; and while none of it is in haste, what comes until `end`. Nothing when
    /// the queue is closed and empty.
    fn gather(&self, end: Instant) -> Vec<Box<dyn Job>> {
        let mut waiting = self.lock();
        while waiting.jobs.is_empty() && !waiting.is_closed {
            waiting = self
                .came
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
        while waiting.urgent == 0 && waiting.jobs.len() < GROUP && !waiting.is_closed {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let woken = self.came.wait_timeout(waiting, left);
            waiting = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        let size = waiting.jobs.len().min(GROUP);
        let group: Vec<_> = waiting.jobs.drain(..size).collect();
        waiting.urgent -= group
            .iter()
            .filter(|job| job.haste() == Haste::Urgent)
            .count();
        group
    }
}

/// However the thread ends, nobody waits for it any longer.
struct Leaves<'a>(&'a Queue);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// The handle of the thread.
pub(super) struct Writer {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> Result<Self, StoreError> {
        let queue = Arc::new(Queue::default());
        let own = Arc::clone(&queue);
        let thread = thread::Builder::new()
            .name("weir-store".to_owned())
            .spawn(move || work(connection, &own))
            .map_err(StoreError::file("start a thread for", "the state"))?;
        Ok(Self {
            queue,
            thread: Some(thread),
        })
    }

    /// Queues a write. The queue is as long as there are callers waiting, so its bound is theirs.
    pub(super) fn write<T, F>(&self, what: &'static str, haste: Haste, work: F) -> Pending<T>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, pending) = oneshot::channel();
        self.queue.push(Box::new(Task {
            what,
            haste,
            work,
            result: None,
            reply,
        }));
        Pending(pending)
    }
}

impl Drop for Writer {
    /// Waits for the queue, so that the lock is free when the database is gone. Safety does not hang on it.
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn work(connection: Connection, queue: &Queue) {
    let _leaves = Leaves(queue);
    let mut stopped: Option<Arc<StoreError>> = None;
    let mut last = Instant::now();
    loop {
        let mut group = queue.gather(last + WINDOW);
        if group.is_empty() {
            break;
        }
        let end = match &stopped {
            Some(cause) => Err(StoreError::Stopped {
                cause: Some(Arc::clone(cause)),
            }),
            None => commit(&connection, &mut group).map_err(|error| error.at(file(&connection))),
        };
        if let (Err(error), None) = (&end, &stopped) {
            stopped = Some(Arc::new(error.clone()));
            if !connection.is_autocommit() {
                connection.execute_batch("ROLLBACK").ok();
            }
        }
        last = Instant::now();
        for job in group {
            job.settle(end.clone());
        }
    }
    if stopped.is_some() {
        // Closing would write and sync the log once more: after a failed sync that may only seem to succeed.
        std::mem::forget(connection);
    } else {
        // One bad bit of the log takes all that follows it along; of the database, only what it hits. What others still
        // read stays in the log, which costs nothing but that.
        let checkpoint = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        checkpoint.ok();
    }
}

/// The database file of a connection.
fn file(connection: &Connection) -> &Path {
    Path::new(connection.path().unwrap_or_default())
}

/// Everything of the group in one transaction. A command that fails by its own fault leaves no trace and harms nobody.
///
/// That none fails is the rule. So they run without a savepoint for each, for which every page that they change would be
/// copied; if one does fail, all is taken back, and each runs once more with one.
fn commit(connection: &Connection, group: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    failpoint::pass("store");
    sql(connection, "BEGIN IMMEDIATE")?;
    let failed = group.iter_mut().find_map(|job| job.run(connection).err());
    match failed {
        None => {}
        Some(error) if error.fatal() => return Err(error),
        Some(_) => {
            sql(connection, "ROLLBACK")?;
            sql(connection, "BEGIN IMMEDIATE")?;
            for job in group {
                guarded(connection, job.as_mut())?;
            }
        }
    }
    sql(connection, "COMMIT")
}

/// Runs a command within a savepoint, and takes back what it did if it fails by its own fault.
fn guarded(connection: &Connection, job: &mut dyn Job) -> Result<(), StoreError> {
    sql(connection, "SAVEPOINT command")?;
    if let Err(error) = job.run(connection) {
        if error.fatal() {
            return Err(error);
        }
        sql(connection, "ROLLBACK TO command")?;
    }
    sql(connection, "RELEASE command")
}

fn sql(connection: &Connection, statement: &str) -> Result<(), StoreError> {
    connection.prepare_cached(statement)?.execute([])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::super::testing::{done, fresh, key};
    use super::super::{Database, StoreError};

    /// A thread that ends with a panic takes nobody's write along in silence.
    #[test]
    fn whoever_waits_for_a_thread_that_is_gone_is_told() {
        let (_folder, database) = fresh();
        let (held, go) = hold(&database);
        let panics = database.write("panic", |_| -> Result<(), StoreError> {
            panic!("on purpose")
        });
        let queued = database.done(done(1, 10));
        go.send(()).unwrap();
        drop(held);
        for told in [panics.wait(), queued.wait().map(drop)] {
            assert!(matches!(told, Err(StoreError::Stopped { .. })), "{told:?}");
        }
        let late = database.done(done(2, 10)).wait();
        assert!(matches!(late, Err(StoreError::Stopped { .. })), "{late:?}");
    }

    /// Holds the writer in a group of its own until told, so that what follows comes into one group.
    fn hold(database: &Database) -> (super::Pending<()>, mpsc::Sender<()>) {
        let (go, wait) = mpsc::channel();
        let (begun, begins) = mpsc::channel();
        let held = database.write("wait", move |_| {
            begun.send(()).ok();
            wait.recv().ok();
            Ok(())
        });
        begins.recv().unwrap();
        (held, go)
    }

    /// A command that breaks a constraint half way leaves nothing, and the others of its group are stored: once.
    #[test]
    fn a_failing_command_harms_nobody_else() {
        let (folder, database) = fresh();
        let (held, go) = hold(&database);
        let before = database.done(done(1, 10));
        let once = database.write("insert", |connection| {
            Ok(connection.execute("INSERT INTO meta (name, value) VALUES ('once', '1')", [])?)
        });
        let failing = database.write("fail", |connection| {
            connection.execute("INSERT INTO meta (name, value) VALUES ('half', '1')", [])?;
            connection.execute("INSERT INTO meta (name, value) VALUES ('half', '2')", [])?;
            Ok(())
        });
        let after = database.done(done(2, 10));
        go.send(()).unwrap();
        held.wait().unwrap();
        before.wait().unwrap();
        assert_eq!(once.wait().unwrap(), 1);
        let error = failing.wait().unwrap_err();
        let path = folder.path().join("weir.db");
        let expected = format!("could not fail in the state database {}", path.display());
        assert_eq!(error.to_string(), expected);
        after.wait().unwrap();
        assert_eq!(database.known(&[key(1), key(2)]).unwrap().len(), 2);
        let half = database
            .read("look", |c| super::super::schema::meta(c, "half"))
            .unwrap();
        assert_eq!(half, None);
    }

    /// If the group cannot be committed, those of it that had run well are told so too.
    #[test]
    fn a_fatal_failure_is_everybodys() {
        let (_folder, database) = fresh();
        let (held, go) = hold(&database);
        let well = database.done(done(1, 10));
        let fatal = database.write("end", |connection| {
            connection.pragma_update_and_check(None, "max_page_count", 1, |_| Ok(()))?;
            connection.execute("INSERT INTO bodies VALUES (x'00', zeroblob(1000000))", [])?;
            Ok(())
        });
        let late = database.done(done(2, 10));
        go.send(()).unwrap();
        held.wait().unwrap();
        for told in [well.wait().map(drop), fatal.wait(), late.wait().map(drop)] {
            assert!(matches!(told, Err(StoreError::Full { .. })), "{told:?}");
        }
        assert!(database.known(&[key(1), key(2)]).unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_write_can_be_awaited_and_outlives_its_caller() {
        let (_folder, database) = fresh();
        drop(database.done(done(1, 10)));
        database.done(done(2, 10)).await.unwrap();
        assert_eq!(database.known(&[key(1), key(2)]).unwrap().len(), 2);
    }
}
