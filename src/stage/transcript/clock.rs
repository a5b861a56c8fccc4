//! Time stamps as transcripts write them.

use super::plain::{from, head};

/// A time of a recording and how it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Milliseconds.
    pub(super) start: i64,
    /// End, where the stamp is a range.
    pub(super) end: Option<i64>,
    /// In brackets: cannot be the first words of a sentence.
    pub(super) bracketed: bool,
}

/// Reads `[-][[DD:]HH:]MM:SS[.mmm]` at the start of a text: milliseconds and bytes used.
///
/// The first number may have up to four digits (minutes beyond 59 are usual), the others have two.
pub(super) fn clock(text: &str) -> Option<(i64, usize)> {
    read(text, 2)
}

/// The same where the numbers after the first have at least so many digits: beside an arrow no mistake is possible.
fn read(text: &str, shortest: usize) -> Option<(i64, usize)> {
    let negative = text.starts_with('-');
    let mut used = usize::from(negative);
    let (mut last, length) = digits(from(text, used), 4)?;
    used += length;
    let mut higher = Vec::with_capacity(3);
    while higher.len() < 3 && from(text, used).starts_with(':') {
        let next = digits(from(text, used + 1), 2).filter(|(_, length)| *length >= shortest);
        let Some((value, length)) = next else {
            break;
        };
        higher.push(std::mem::replace(&mut last, value));
        used += 1 + length;
    }
    if higher.is_empty() || last > 59 {
        return None;
    }
    // From the right: minutes, hours, days.
    let units = [60, 3600, 86400];
    let seconds: i64 = higher
        .iter()
        .rev()
        .zip(units)
        .map(|(n, unit)| n * unit)
        .sum();
    let mut ms = (seconds + last) * 1000;
    let rest = from(text, used);
    if rest.starts_with(['.', ','])
        && let Some((value, length)) = digits(from(rest, 1), 3)
    {
        ms += value * [1000, 100, 10, 1].get(length).copied().unwrap_or(1);
        used += 1 + length;
        // Finer than a millisecond: read and left out.
        used += from(text, used)
            .bytes()
            .take_while(u8::is_ascii_digit)
            .take(6)
            .count();
    }
    let next = from(text, used).chars().next();
    let whole = !next.is_some_and(char::is_alphanumeric);
    whole.then_some((if negative { -ms } else { ms }, used))
}

fn digits(text: &str, most: usize) -> Option<(i64, usize)> {
    let length = text
        .bytes()
        .take(most)
        .take_while(u8::is_ascii_digit)
        .count();
    Some((head(text, length).parse().ok()?, length))
}

/// A line of two times, `00:01.000 --> 00:02.000 settings`.
pub(super) fn range(line: &str) -> Option<(i64, i64)> {
    let line = line.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let (start, used) = read(line, 1)?;
    let rest = from(line, used).trim_start().strip_prefix("-->")?;
    Some((start, read(rest.trim_start(), 1)?.0))
}

/// A stamp at the start of a text: bare, or in `[]`, `()`, `<>`, `\[\]`; bytes used.
pub(super) fn stamp(text: &str) -> Option<(Stamp, usize)> {
    let inner = text.strip_prefix('\\').unwrap_or(text);
    let close = match inner.chars().next() {
        Some('[') => Some(']'),
        Some('(') => Some(')'),
        Some('<') => Some('>'),
        _ => None,
    };
    let inner = if close.is_some() {
        from(inner, 1)
    } else {
        text
    };
    let (start, used) = clock(inner)?;
    let mut rest = from(inner, used);
    let mut end = None;
    for arrow in ["-->", "-", "–"] {
        if let Some(tail) = rest.trim_start().strip_prefix(arrow)
            && let Some((time, used)) = clock(tail.trim_start())
        {
            end = Some(time);
            rest = from(tail.trim_start(), used);
            break;
        }
    }
    if let Some(close) = close {
        rest = rest
            .strip_prefix('\\')
            .unwrap_or(rest)
            .strip_prefix(close)?;
    } else if rest.chars().next().is_some_and(|c| !c.is_whitespace()) {
        return None;
    }
    let stamp = Stamp {
        start,
        end,
        bracketed: close.is_some(),
    };
    Some((stamp, text.len() - rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks() {
        for (text, want) in [
            ("00:01.5", Some((1500, 7))),
            ("1:02:03,004 x", Some((3_723_004, 11))),
            ("125:00", Some((7_500_000, 6))),
            ("-00:00:00:04]", Some((-4000, 12))),
            ("01:02:03:04", Some((93_784_000, 11))),
            ("00:00:00.1234567", Some((123, 16))),
            ("1:2", None),
            ("10:15am", None),
            ("00:75", None),
            ("12345:00", None),
            ("", None),
            (":", None),
        ] {
            assert_eq!(clock(text), want, "{text}");
        }
    }

    #[test]
    fn ranges_and_stamps() {
        assert_eq!(range("0:00:05.000-->00:07,5 X1:3"), Some((5000, 7500)));
        assert_eq!(range("0:0:5.5 --> 0:1:0.25"), Some((5500, 60_250)));
        assert_eq!(range("00:05 -> 00:07"), None);
        let bracketed = |start, end| Stamp {
            start,
            end,
            bracketed: true,
        };
        assert_eq!(stamp("[00:05] x"), Some((bracketed(5000, None), 7)));
        assert_eq!(stamp("\\[00:05\\] x"), Some((bracketed(5000, None), 9)));
        assert_eq!(
            stamp("[00:00.000 --> 00:02.000]  x"),
            Some((bracketed(0, Some(2000)), 25))
        );
        assert_eq!(
            stamp("00:05 x").map(|(s, n)| (s.start, s.bracketed, n)),
            Some((5000, false, 5))
        );
        assert_eq!(stamp("[00:05 x"), None);
        assert_eq!(stamp("00:05/x"), None);
    }
}
