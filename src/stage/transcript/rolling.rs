//! Captions that roll: each line is shown two or three times, below, alone, and above the next one.
//!
//! YouTube makes them of live speech, and other programs turn them into SubRip as they are.

use super::caption::Event;
use super::plain::cut;

/// A cue of this length shows nothing new: it is the moment in which a line moves up.
const MOMENT_MS: i64 = 20;

/// Lines that a screen holds.
const SCREEN: usize = 4;

/// Cues before a repeated line is taken for a habit.
const FEW: usize = 5;

/// A line of a cue: its events, and its text.
struct Shown {
    events: std::ops::Range<usize>,
    text: String,
}

/// Takes off what was shown by the cue before; `known` says that the file rolls, else it must show.
pub(super) fn unroll(source: &str, events: Vec<Event>, known: bool) -> Vec<Event> {
    let cues = cues(source, &events);
    if !(known || rolls(&events, &cues)) {
        return events;
    }
    let mut gone = vec![false; events.len()];
    let mut before: &[Shown] = &[];
    for (_, lines) in &cues {
        for line in lines {
            let repeated = before.iter().take(SCREEN).any(|old| old.text == line.text);
            if repeated && let Some(gone) = gone.get_mut(line.events.clone()) {
                gone.fill(true);
            }
        }
        before = lines;
    }
    let kept = events.into_iter().zip(gone).filter(|(_, gone)| !gone);
    kept.map(|(event, _)| event).collect()
}

/// The cues of a file: their place among the events, and their lines that are not blank.
fn cues(source: &str, events: &[Event]) -> Vec<(usize, Vec<Shown>)> {
    let mut cues: Vec<(usize, Vec<Shown>)> = Vec::new();
    let mut fresh = true;
    for (index, event) in events.iter().enumerate() {
        let mut letter = [0; 4];
        let text = match event {
            Event::Cue(..) => {
                cues.push((index, Vec::new()));
                fresh = true;
                continue;
            }
            Event::Break(_) => {
                fresh = true;
                continue;
            }
            Event::Text(range) => cut(source, range.clone()),
            Event::Glyph(c, _) => &*c.encode_utf8(&mut letter),
            Event::Voice(_) | Event::Change => continue,
        };
        let Some((_, lines)) = cues.last_mut() else {
            continue;
        };
        if std::mem::take(&mut fresh) {
            lines.push(Shown {
                events: index..index,
                text: String::new(),
            });
        }
        if let Some(line) = lines.last_mut() {
            line.events.end = index + 1;
            line.text.push_str(text);
        }
    }
    for (_, lines) in &mut cues {
        for line in lines.iter_mut() {
            line.text = line.text.trim().to_owned();
        }
        lines.retain(|line| !line.text.is_empty());
    }
    cues
}

/// Whether a file looks it: moments between cues, or most cues begin with the line that the one before ended with.
fn rolls(events: &[Event], cues: &[(usize, Vec<Shown>)]) -> bool {
    let brief = |index: usize| match events.get(index) {
        Some(Event::Cue(start, end)) => (0..=MOMENT_MS).contains(&end.saturating_sub(*start)),
        _ => false,
    };
    let moments = cues.iter().filter(|(index, _)| brief(*index)).count();
    let pairs = cues.iter().zip(cues.iter().skip(1));
    let handed = pairs.filter(|((_, old), (_, new))| {
        let last = old.last().map(|line| &line.text);
        last.is_some() && last == new.first().map(|line| &line.text)
    });
    let handed = handed.count();
    let many = cues.len() > FEW;
    // Either alone may be chance or a refrain.
    (many && handed * 10 > cues.len() * 6) || (moments * 5 > cues.len() && handed * 5 > cues.len())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use crate::stage::transcript::tests::turns;

    /// As YouTube rolls: each line below, for a moment alone, above the next one.
    fn rolled(lines: &[&str], moments: bool) -> String {
        let mut out = String::new();
        let mut above = "";
        for (n, line) in lines.iter().enumerate() {
            let at = |n: usize, ms: usize| format!("00:00:{n:02},{ms:03}");
            let end = if moments { at(n, 990) } else { at(n + 1, 0) };
            write!(out, "{n}\n{} --> {end}\n{above}\n{line}\n\n", at(n, 0)).unwrap();
            if moments {
                write!(out, "{n}\n{} --> {}\n{line}\n\n", at(n, 990), at(n + 1, 0)).unwrap();
            }
            above = line;
        }
        out
    }

    #[test]
    fn each_line_is_read_once() {
        let lines = [
            "so we",
            "are going",
            "up to the",
            "roof and",
            "down",
            "again",
            "now.",
        ];
        for moments in [true, false] {
            let found = turns("x.srt", &rolled(&lines, moments));
            assert!(
                found.ends_with(": so we are going up to the roof and down again now."),
                "{found}"
            );
            assert!(found.starts_with("-@0-"));
        }
        // In a short file only the moments tell.
        let found = turns("x.srt", &rolled(&lines[..2], true));
        assert_eq!(found, "-@0-1990: so we are going");
        // Said twice is not rolled.
        let twice = "00:00:01,000 --> 00:00:02,000\nNo\n\n00:00:02,000 --> 00:00:03,000\nNo\n";
        assert_eq!(turns("x.srt", twice), "-@1000-3000: No No");
        let refrain = (0..8).fold(String::new(), |all, n| {
            let word = ["la", "le"][n / 2 % 2];
            format!("{all}00:00:0{n},000 --> 00:00:0{n},900\n{word}\n\n")
        });
        assert_eq!(
            turns("x.srt", &refrain),
            "-@0-7900: la la le le la la le le"
        );
    }
}
