//! What the parts of a run count, readable by anyone at any time.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

macro_rules! gauges {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Live counts of a run.
        #[derive(Debug, Default)]
        pub struct Gauges {
            $($(#[$doc])* pub $name: AtomicU64,)*
            /// Told whenever one of them that somebody waits for has changed.
            pub changed: Notify,
        }

        /// The counts at one moment.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counts {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Gauges {
            /// All counts now. Each is right; together they are as of nearly the same moment.
            #[must_use]
            pub fn counts(&self) -> Counts {
                Counts { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }
    };
}

gauges! {
    /// Files to be read in this run.
    files_total,
    /// Files that were read, whether with success or not.
    files_read,
    /// Files that could not be read.
    files_failed,
    /// Chunks of the documents fed so far.
    chunks_fed,
    /// Fingerprints that were asked about.
    asked,
    /// Fingerprints answered from the ledger.
    cached,
    /// Fingerprints answered by a call of this run.
    answered,
    /// Fingerprints that failed.
    failed,
    /// Those of them that the next run asks again by itself.
    unreachable,
    /// 1 if the price of a call is known.
    price_known,
    /// Fingerprints on their way: being looked up, waiting, in a call.
    underway,
    /// Those of them that wait for a call.
    waiting,
    /// Those of them that are in a call.
    calling,
    /// Those of them that have been told for now and will be corrected.
    late,
    /// The first epoch that is still open.
    open_epoch,
    /// The epoch that was published last.
    published_epoch,
    /// Snapshots published by this run.
    snapshots,
    /// Input tokens of this run's calls.
    input_tokens,
    /// Output tokens of this run's calls.
    output_tokens,
    /// Calls (HTTP attempts) of this run.
    calls,
    /// Nano-dollars of this run's calls, as far as they are known.
    spent,
    /// The most that its calls of unknown cost may have cost besides: those that broke off.
    unsure,
    /// The bytes of the largest answer so far.
    largest,
}

/// Adds to a count.
pub fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}

/// Takes from a count.
pub fn less(count: &AtomicU64, fewer: u64) {
    count.fetch_sub(fewer, Ordering::Relaxed);
}

/// Sets a count.
pub fn set(count: &AtomicU64, value: u64) {
    count.store(value, Ordering::Relaxed);
}
