//! A few threads that do nothing but read files: what a thread holds to count tokens, two megabytes, is held no more often
//! than there are processors.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

type Work = Box<dyn FnOnce() + Send>;

/// The threads. They end when it is dropped, and what they have not begun by then is not done.
#[derive(Debug)]
pub(super) struct Pool {
    queue: Sender<Work>,
    /// How many they are.
    pub(super) threads: usize,
}

/// What comes of some work. An error if its thread has ended, which only a panic makes it do.
pub(super) type Coming<T> = oneshot::Receiver<T>;

impl Pool {
    /// So many threads.
    ///
    /// # Errors
    /// If one cannot be started.
    pub(super) fn start(threads: usize) -> io::Result<Self> {
        let threads = threads.max(1);
        let (sender, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads {
            let queue = Arc::clone(&queue);
            let thread = thread::Builder::new().name("weir-reader".to_owned());
            thread.spawn(move || {
                while let Some(work) = next(&queue) {
                    work();
                }
            })?;
        }
        Ok(Self {
            queue: sender,
            threads,
        })
    }

    /// Has some work done, unless nobody waits for it any more when its turn comes. Its order is that of the calls; how
    /// much may wait is up to the caller.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Coming<T> {
        let (reply, coming) = oneshot::channel();
        let work = move || {
            if !reply.is_closed() {
                reply.send(work()).ok();
            }
        };
        // If every thread has ended, the reply goes with the work, and whoever waits is told.
        self.queue.send(Box::new(work)).ok();
        coming
    }
}

/// What comes next; nothing when no more will.
fn next(queue: &Mutex<Receiver<Work>>) -> Option<Work> {
    let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    queue.recv().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_unless_nobody_waits() {
        let pool = Pool::start(1).unwrap();
        let (go, wait) = channel::<()>();
        let held = pool.run(move || wait.recv().is_ok());
        let (told, tells) = channel();
        drop(pool.run(move || told.send(())));
        let after = pool.run(|| 7);
        go.send(()).unwrap();
        assert_eq!(held.blocking_recv(), Ok(true));
        assert_eq!(after.blocking_recv(), Ok(7));
        assert!(tells.recv().is_err(), "it was given up before its turn");
    }

    #[test]
    fn whoever_waits_for_threads_that_are_gone_is_told() {
        let pool = Pool::start(1).unwrap();
        let panics = pool.run(|| panic!("on purpose"));
        let queued = pool.run(|| ());
        assert!(panics.blocking_recv().is_err());
        assert!(queued.blocking_recv().is_err());
        assert!(pool.run(|| ()).blocking_recv().is_err());
    }
}
