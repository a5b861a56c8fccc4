//! A few threads that do nothing but read files: what a thread holds to count tokens, two megabytes, is held no more often
//! than there are processors.

use std::io;
use std::thread;

use crossbeam_channel::{Sender, unbounded};
use tokio::sync::oneshot;

type Work = Box<dyn FnOnce() + Send>;

/// The threads. They end when it is dropped, and what they have not begun by then is not done.
#[derive(Debug)]
pub(super) struct Pool(Sender<Work>);

/// What comes of some work. An error if its thread has ended, which only a panic makes it do.
pub(super) type Coming<T> = oneshot::Receiver<T>;

impl Pool {
    /// So many threads.
    ///
    /// # Errors
    /// If one cannot be started.
    pub(super) fn start(threads: usize) -> io::Result<Self> {
        let (sender, queue) = unbounded::<Work>();
        for _ in 0..threads.max(1) {
            let queue = queue.clone();
            let thread = thread::Builder::new().name("weir-reader".to_owned());
            thread.spawn(move || queue.iter().for_each(|work| work()))?;
        }
        Ok(Self(sender))
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
        self.0.send(Box::new(work)).ok();
        coming
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_unless_nobody_waits() {
        let pool = Pool::start(1).unwrap();
        let (go, wait) = crossbeam_channel::bounded::<()>(0);
        let held = pool.run(move || wait.recv().is_ok());
        let (told, tells) = unbounded();
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
