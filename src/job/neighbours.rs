//! Other processes on this machine that use the same account with another state: they are noticed, and told of, since the
//! limits of the account are then shared, and neither knows what the other has used.
//!
//! Whoever makes a gate holds an advisory lock, on a file named by a hash of server, key and model, as long as it lives.
//! Nothing else depends on it: where no such file can be made, nobody is noticed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::order::Order;

/// Whether anybody else is there.
pub(super) enum Seen {
    /// Nobody, as far as can be told; the lock tells others of this process.
    Nobody(Option<File>),
    /// Somebody, and what to do about it.
    Somebody(String),
}

/// Looks for others at the gate of an order.
pub(super) fn look(order: &Order) -> Seen {
    let nobody = Seen::Nobody(None);
    // Where there are no limits there is nothing to share.
    let Some(folder) = order.shared.as_deref().filter(|_| order.limited()) else {
        return nobody;
    };
    let name = order.account.name(&order.question.model);
    let Some(mut file) = open(folder, &name) else {
        return nobody;
    };
    match file.try_lock() {
        Ok(()) => {
            let noted = file
                .set_len(0)
                .and_then(|()| file.rewind())
                .and_then(|()| writeln!(file, "{}", std::process::id()));
            // Without it others are told of "another process".
            drop(noted);
            Seen::Nobody(Some(file))
        }
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let read = file.take(32).read_to_string(&mut text).ok();
            let pid = read.and_then(|_| text.trim().parse::<u32>().ok());
            let who = pid.map_or_else(|| "another process".into(), |pid| format!("process {pid}"));
            Seen::Somebody(format!(
                "{who} asks {} with the same key: the limits of the account are for both, and neither knows what the \
                 other uses; give each its part with --requests-per-minute and --tokens-per-minute",
                order.question.model
            ))
        }
        Err(TryLockError::Error(_)) => nobody,
    }
}

fn open(folder: &Path, name: &str) -> Option<File> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(folder).ok()?;
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(folder.join(name))
        .ok()
}
