//! What a run looks like while it goes on: a block for terminals, one line for logs.

use crate::cli::escape::word;
use crate::job::progress::{Pace, Progress};
use crate::job::summary::clock;

/// Cells of a bar.
const BAR: u64 = 20;

fn bar(done: u64, all: u64) -> String {
    let full = (done.min(all) * BAR).checked_div(all).unwrap_or(0);
    (0..BAR)
        .map(|at| if at < full { '#' } else { '.' })
        .collect()
}

fn pace(pace: Pace, unit: &str) -> String {
    match (pace.limit, pace.share()) {
        (Some(limit), Some(share)) => {
            format!(
                "{} of {limit} {unit} a minute ({:.0}%)",
                pace.used,
                share * 100.0
            )
        }
        _ => format!("{} {unit} a minute", pace.used),
    }
}

fn daily(pace: Pace) -> Option<String> {
    let limit = pace.limit?;
    Some(format!("{} of {limit} requests a day", pace.used))
}

fn cost(run: &Progress) -> String {
    match (run.price_known, run.projected()) {
        (false, _) => "unknown: the price of this model is not known".to_owned(),
        (true, Some(end)) => format!("{} so far, {end} at the end", run.spent),
        (true, None) => format!("{} so far", run.spent),
    }
}

fn failures(run: &Progress) -> String {
    let reasons = run.failures.iter();
    let reasons: Vec<String> = reasons
        .map(|(reason, count)| format!("{} {count}", word(reason)))
        .collect();
    reasons.join(", ")
}

/// The block, no line longer than `width`.
pub(super) fn block(run: &Progress, width: usize) -> Vec<String> {
    let files = run.files;
    let more = if run.listed { "" } else { "+" };
    let mut lines = vec![format!(
        "files     {} {} of {}{more}",
        bar(files.read + files.failed, files.total),
        files.read,
        files.total
    )];
    let mut parts = vec![
        format!("{} of {}{more} asked", run.answered, run.asked),
        format!("{} known", run.cached),
    ];
    let chunks = run.chunks;
    for (count, name) in [(chunks.duplicate, "duplicate"), (chunks.dropped, "dropped")] {
        if count > 0 {
            parts.push(format!("{count} {name}"));
        }
    }
    let progress = bar(run.finished(), run.asked);
    lines.push(format!("chunks    {progress} {}", parts.join(", ")));
    if run.calls > 0 || run.in_flight > 0 {
        lines.push(format!(
            "calls     {} made, {} in flight",
            run.calls, run.in_flight
        ));
        lines.push(format!("pace      {}", pace(run.requests, "requests")));
        lines.push(format!("          {}", pace(run.tokens, "tokens")));
        lines.extend(
            run.daily
                .and_then(daily)
                .map(|told| format!("          {told}")),
        );
        lines.push(format!("cost      {}", cost(run)));
    }
    let left = run
        .left()
        .map_or_else(String::new, |left| format!(", about {} left", clock(left)));
    lines.push(format!(
        "time      {}{left}, epoch {}",
        clock(run.elapsed),
        run.epoch
    ));
    if run.failed() > 0 {
        lines.push(format!("failures  {}", failures(run)));
    }
    lines.extend(run.held.map(|held| format!("waiting   {held}")));
    let cut = |line: String| line.chars().take(width.max(1)).collect();
    lines.into_iter().map(cut).collect()
}

/// One line.
pub(super) fn line(run: &Progress) -> String {
    let mut parts = vec![
        format!("{} of {} files", run.files.read, run.files.total),
        format!("{} of {} chunks", run.answered, run.asked),
        format!("{} known", run.cached),
    ];
    if run.calls > 0 {
        parts.push(format!("{} calls", run.calls));
        parts.push(format!("{} in flight", run.in_flight));
        parts.push(pace(run.tokens, "tokens"));
        parts.extend(run.daily.and_then(daily));
        parts.push(format!("cost {}", cost(run)));
    }
    if let Some(left) = run.left() {
        parts.push(format!("about {} left", clock(left)));
    }
    if run.failed() > 0 {
        parts.push(format!("failed: {}", failures(run)));
    }
    parts.extend(run.held.map(|held| format!("waiting: {held}")));
    format!("{}: {}", clock(run.elapsed), parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::progress::{FileCounts, Hold};
    use crate::model::unit::Usd;
    use std::collections::BTreeMap;
    use std::time::Duration;

    fn run() -> Progress {
        Progress {
            elapsed: Duration::from_secs(72),
            files: FileCounts {
                total: 10,
                read: 4,
                failed: 1,
            },
            listed: true,
            asked: 100,
            answered: 25,
            cached: 7,
            calls: 12,
            in_flight: 3,
            requests: Pace {
                used: 10,
                limit: Some(60),
            },
            tokens: Pace {
                used: 27_000,
                limit: Some(30_000),
            },
            spent: Usd(500_000_000),
            price_known: true,
            failures: BTreeMap::from([("refused".to_owned(), 2)]),
            epoch: 3,
            ..Progress::default()
        }
    }

    #[test]
    fn a_block() {
        assert_eq!(
            block(&run(), 80),
            [
                "files     ##########.......... 4 of 10",
                "chunks    #####............... 25 of 100 asked, 7 known",
                "calls     12 made, 3 in flight",
                "pace      10 of 60 requests a minute (17%)",
                "          27000 of 30000 tokens a minute (90%)",
                "cost      $0.5000 so far, $2.00 at the end",
                "time      1m12s, about 3m36s left, epoch 3",
                "failures  refused 2",
            ]
        );
        assert!(
            block(&run(), 10)
                .iter()
                .all(|line| line.chars().count() <= 10)
        );
        assert_eq!(block(&Progress::default(), 80).len(), 3);
    }

    #[test]
    fn what_holds_a_run_is_told() {
        let held = Progress {
            daily: Some(Pace {
                used: 60,
                limit: Some(60),
            }),
            held: Some(Hold::Daily(Duration::from_mins(90))),
            ..run()
        };
        let told = block(&held, 90);
        let at = |name: &str| told.iter().position(|line| line.contains(name));
        assert_eq!(at("60 of 60 requests a day"), Some(5), "{told:?}");
        assert_eq!(
            told.last().map(String::as_str),
            Some("waiting   all calls that a day takes are made; the next call in 1h30m")
        );
        let line = line(&held);
        assert!(line.contains(", 60 of 60 requests a day, "), "{line}");
        assert!(
            line.ends_with("waiting: all calls that a day takes are made; the next call in 1h30m"),
            "{line}"
        );
        assert!(!line.contains("left"), "{line}");
    }

    #[test]
    fn a_line() {
        assert_eq!(
            line(&run()),
            "1m12s: 4 of 10 files, 25 of 100 chunks, 7 known, 12 calls, 3 in flight, 27000 of 30000 tokens a minute \
             (90%), cost $0.5000 so far, $2.00 at the end, about 3m36s left, failed: refused 2"
        );
    }
}
