//! Small texts that several commands show: ids, times, places.

/// As much of an id as people need to name it: twelve of 32 digits are unlike in any folder that fits on a disk.
const SHORT: usize = 12;

/// The first digits of an id.
pub(super) fn short(id: &str) -> &str {
    id.get(..SHORT).unwrap_or(id)
}

/// A time in a recording: `01:05`, `1:02:03`.
pub(super) fn clock(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let seconds = ms.unsigned_abs() / 1000;
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    match minutes / 60 {
        0 => format!("{sign}{minutes:02}:{seconds:02}"),
        hours => format!("{sign}{hours}:{:02}:{seconds:02}", minutes % 60),
    }
}

/// Who speaks, and when: as much as is known.
pub(super) fn place(speakers: &[String], start_ms: Option<i64>, end_ms: Option<i64>) -> String {
    let mut parts = Vec::new();
    match (start_ms, end_ms) {
        (Some(start), Some(end)) => parts.push(format!("{}-{}", clock(start), clock(end))),
        (Some(at), None) | (None, Some(at)) => parts.push(clock(at)),
        (None, None) => {}
    }
    if !speakers.is_empty() {
        parts.push(speakers.join(", "));
    }
    parts.join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_places() {
        assert_eq!(clock(65_999), "01:05");
        assert_eq!(clock(3_723_000), "1:02:03");
        assert_eq!(clock(-1_000), "-00:01");
        let speakers = ["Ann".to_owned(), "Bob".to_owned()];
        assert_eq!(
            place(&speakers, Some(0), Some(1000)),
            "00:00-00:01  Ann, Bob"
        );
        assert_eq!(place(&[], None, Some(1000)), "00:01");
        assert_eq!(short("0123456789abcdef"), "0123456789ab");
        assert_eq!(short("012"), "012");
    }
}
