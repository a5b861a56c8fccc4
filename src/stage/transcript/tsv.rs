//! Whisper's table: start and end in milliseconds and text, between tabs.

use super::builder::Builder;
use super::name::speaker;
use super::plain::{Line, after_mark, cut, lines};
use super::speech::Joint;

/// The columns of a table, by its first line.
struct Columns {
    start: usize,
    end: usize,
    text: usize,
    speaker: Option<usize>,
}

impl Columns {
    fn of(line: &str) -> Option<Self> {
        let names: Vec<_> = line
            .split('\t')
            .map(|name| name.trim().to_ascii_lowercase())
            .collect();
        let place = |wanted: &str| names.iter().position(|name| name == wanted);
        Some(Self {
            start: place("start")?,
            end: place("end")?,
            text: place("text")?,
            speaker: place("speaker"),
        })
    }
}

/// Whether the first line of a text names the columns.
pub(super) fn is_table(text: &str) -> bool {
    let first = lines(text, after_mark(text)).next();
    first.is_some_and(|line| Columns::of(line.text).is_some())
}

/// Reads a file.
pub(super) fn read(builder: &mut Builder<'_>) {
    let source = builder.source;
    let mut lines = lines(source, after_mark(source));
    let Some(columns) = lines.next().and_then(|line| Columns::of(line.text)) else {
        return;
    };
    let mut joint = Joint::default();
    for line in lines.filter(|line| !line.is_blank()) {
        let Some(text) = cell(line, columns.text) else {
            builder.problem(line.at, "a row has too few columns");
            continue;
        };
        let number = |column| {
            let (at, end) = cell(line, column)?;
            milliseconds(cut(source, at..end))
        };
        let time = (number(columns.start), number(columns.end));
        if time.0.is_none() {
            builder.problem(line.at, "the start of a row is no number");
        }
        let name = columns.speaker.and_then(|column| {
            let (at, end) = cell(line, column)?;
            speaker(cut(source, at..end))
        });
        joint.enter(builder, name.as_deref(), time, false);
        builder.text(text.0..text.1);
    }
}

/// The place of a cell in the source; the last one of a line may hold tabs.
fn cell(line: Line<'_>, column: usize) -> Option<(usize, usize)> {
    let mut at = line.at;
    for (index, cell) in line.text.split('\t').enumerate() {
        let end = at + cell.len();
        if index == column {
            return Some((at, end));
        }
        at = end + 1;
    }
    None
}

/// Whole numbers are milliseconds; tools that write seconds write fractions.
fn milliseconds(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(ms) = text.parse::<i64>() {
        return Some(ms);
    }
    let seconds: f64 = text.parse().ok().filter(|n: &f64| n.is_finite())?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a cast from a float saturates"
    )]
    let ms = (seconds * 1000.0).round() as i64;
    Some(ms)
}

#[cfg(test)]
mod tests {
    use crate::stage::transcript::tests::turns;

    #[test]
    fn rows_become_turns() {
        let table = [
            (
                "start\tend\ttext\n0\t1500\tSo we\n1500\t2500\tstart.\n2500\t3000\tNow",
                "-@0-2500: So we start.|-@2500-3000: Now",
            ),
            (
                "\u{feff}start\tend\ttext\r\n0\t1500\tHi.\r\n",
                "-@0-1500: Hi.",
            ),
            (
                "start\tend\tspeaker\ttext\n0\t1\tAna\ta\n1\t2\tBo\tb",
                "Ana@0-1: a|Bo@1-2: b",
            ),
            ("start\tend\ttext\n0.5\t1.25\ta", "-@500-1250: a"),
            ("start\tend\ttext\nx\ty\ta", "-: a"),
            ("start\tend\ttext\n1\t2\n3\t4\tb", "-@3-4: b"),
            ("start\tend\ttext\n5\t1\ta\n0\t1\tb", "-@5-1: a b"),
            ("Start\tEnd\tText\n\n1\t2\t\"q\"\n\n", "-@1-2: \"q\""),
            ("start\tend\ttext\n", ""),
            (
                "start\tend\ttext\n0\t9\ta\n9000\t9999\tb",
                "-@0-9: a|-@9000-9999: b",
            ),
        ];
        for (source, want) in table {
            assert_eq!(turns("x.tsv", source), want, "{source}");
        }
    }
}
