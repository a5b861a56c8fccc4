//! The sample transcripts that come with the program, so that a first run needs nothing else.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Their names and what is in them.
const SAMPLES: [(&str, &str); 6] = [
    (
        "2026-01-14-first-meeting.vtt",
        include_str!("../../data/transcripts/2026-01-14-first-meeting.vtt"),
    ),
    (
        "2026-02-11-funding-call.md",
        include_str!("../../data/transcripts/2026-02-11-funding-call.md"),
    ),
    (
        "2026-04-02-supplier-call.jsonl",
        include_str!("../../data/transcripts/2026-04-02-supplier-call.jsonl"),
    ),
    (
        "2026-05-19-storm-review.srt",
        include_str!("../../data/transcripts/2026-05-19-storm-review.srt"),
    ),
    (
        "2026-07-05-gate-day-chat.txt",
        include_str!("../../data/transcripts/2026-07-05-gate-day-chat.txt"),
    ),
    (
        "2026-09-26-opening-radio.txt",
        include_str!("../../data/transcripts/2026-09-26-opening-radio.txt"),
    ),
];

/// Where they lie below the state folder.
#[must_use]
pub fn folder(state: &Path) -> PathBuf {
    state.join("samples")
}

/// Writes those that are not there yet; untouched ones keep their times, so that a second run finds nothing changed.
///
/// # Errors
/// If the state folder cannot be written to.
pub fn unpack(state: &Path) -> io::Result<PathBuf> {
    let folder = folder(state);
    if let Some(parent) = state.parent() {
        fs::create_dir_all(parent)?;
    }
    // The state folder may be made here first: it is nobody else's business.
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)?;
    for (name, text) in SAMPLES {
        let path = folder.join(name);
        if fs::read_to_string(&path).is_ok_and(|found| found == text) {
            continue;
        }
        fs::write(&path, text)?;
    }
    Ok(folder)
}
