//! The head of a line: stamps and a label, in any of the ways in which tools put them before the words.

use std::ops::Range;

use super::clock::{Stamp, stamp};
use super::name::{Sure, grade};
use super::plain::{cut, from, head};

/// No head is longer; the rest of a line is not looked at.
const MAX_HEAD: usize = 240;

/// The forms of lines that tell one tool from another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Form {
    /// Any other.
    #[default]
    Other,
    /// `00:14:22<TAB>Name:<TAB>words`.
    Chat,
    /// `Name  0:03`, alone on its line.
    Alone,
    /// `Name (00:03):`, alone on its line.
    AloneColon,
}

/// What stands before the words of a line. Offsets count within the line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// Its form.
    pub(super) form: Form,
    /// When.
    pub(super) stamp: Option<Stamp>,
    /// Who, perhaps: the bytes of the label.
    pub(super) label: Option<(Range<usize>, Sure)>,
    /// Where the words start if the label is a name.
    pub(super) body: usize,
    /// Where they start if it is not.
    pub(super) words: usize,
}

/// The first colon that may end a label: its place, and where the words after it start.
pub(super) fn colon(text: &str) -> Option<(usize, usize)> {
    let window = head(text, MAX_HEAD);
    let mut chars = window.char_indices().take(80);
    let (end, length) = chars.find_map(|(at, c)| match c {
        '：' => Some((at, c.len_utf8())),
        ':' => {
            let next = from(text, at + 1).chars().next();
            next.is_none_or(|c| c.is_whitespace() || matches!(c, '*' | '_'))
                .then_some((at, 1))
        }
        _ => None,
    })?;
    let rest = from(text, end + length);
    Some((end, text.len() - rest.trim_start().len()))
}

/// Reads the head of a line.
pub(super) fn read(line: &str) -> Head {
    let start = line.len()
        - line
            .trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
            .len();
    let mut at = start;
    let mut seen = None;
    if let Some((time, used)) = stamp(from(line, at)) {
        seen = Some(time);
        at = skip(line, at + used);
        // `00:01:05 - Ana: Yes`
        for dash in ["- ", "– ", "— ", "| "] {
            if from(line, at).starts_with(dash) {
                at = skip(line, at + dash.len());
                break;
            }
        }
    }
    let tab = cut(line, start..at).ends_with('\t');
    let words = at;
    if from(line, at).starts_with(">>") {
        at = line.len() - from(line, at).trim_start_matches(['>', ' ']).len();
    }
    let mut found = bracketed(line, at)
        .or_else(|| labelled(line, at, seen.is_some(), tab))
        .or_else(|| headed(line, at))
        .unwrap_or(Head {
            body: words,
            words,
            ..Head::default()
        });
    if tab && seen.is_some() && found.label.is_some() {
        found.form = Form::Chat;
    }
    found.stamp = found.stamp.or(seen);
    found.words = words;
    found
}

/// `Name: words`, `**Name:** words`, `Name (00:03): words`, `Name: [00:03] words`.
fn labelled(line: &str, at: usize, clocked: bool, tab: bool) -> Option<Head> {
    let emphasis = |c| matches!(c, '*' | '_');
    let open = from(line, at).len() - from(line, at).trim_start_matches(emphasis).len();
    let (end, _) = colon(from(line, at))?;
    let mut label = at..at + end;
    let width = from(line, label.end)
        .chars()
        .next()
        .map_or(1, char::len_utf8);
    let tail = from(line, label.end + width);
    let closed = tail.len() - tail.trim_start_matches(emphasis).len();
    let bold = open > 0 && (closed > 0 || cut(line, label.clone()).trim_end().ends_with(emphasis));
    let mut body = skip(line, label.end + width + if bold { closed } else { 0 });
    let mut seen = None;
    if let Some((name, time)) = stamped(cut(line, label.clone())) {
        label.end = label.start + name;
        seen = Some(time);
    }
    if let Some((time, used)) = stamp(from(line, body)) {
        let rest = skip(line, body + used);
        if time.bracketed || rest == line.len() {
            seen = seen.or(Some(time));
            body = rest;
        }
    }
    // Zoom: `From Ana Lima to Everyone: words`.
    let text = cut(line, label.clone());
    let from_to = text.strip_prefix("From ").filter(|_| clocked);
    if let Some(name) = from_to {
        label.start = label.end - name.len();
        if let Some(to) = name.to_ascii_lowercase().find(" to ") {
            label.end = label.start + to;
        }
    }
    let sure = if (clocked && tab) || from_to.is_some() || seen.is_some() {
        Sure::Stamped
    } else if bold {
        Sure::Bold
    } else {
        Sure::No
    };
    let is_alone = seen.is_some() && body == line.len();
    Some(Head {
        form: if from_to.is_some() {
            Form::Chat
        } else if is_alone {
            Form::AloneColon
        } else {
            Form::Other
        },
        stamp: seen,
        label: Some((label, sure)),
        body,
        words: at,
    })
}

/// `[Name] 10:15:22`, alone on its line.
fn bracketed(line: &str, at: usize) -> Option<Head> {
    let inner = from(line, at).strip_prefix('[')?;
    let close = head(inner, MAX_HEAD).find(']')?;
    grade(cut(inner, 0..close))?;
    let rest = skip(line, at + close + 2);
    let (time, used) = stamp(from(line, rest))?;
    (skip(line, rest + used) == line.len()).then(|| Head {
        form: Form::Alone,
        stamp: Some(time),
        label: Some((at + 1..at + 1 + close, Sure::Stamped)),
        body: line.len(),
        words: at,
    })
}

/// `Name  0:03` and `Name (00:03)`, alone on their line.
fn headed(line: &str, at: usize) -> Option<Head> {
    let text = from(line, at);
    if text.len() > MAX_HEAD {
        return None;
    }
    let (name, time) = stamped(text)?;
    grade(cut(text, 0..name).trim_matches(['*', '_']))?;
    Some(Head {
        form: Form::Alone,
        stamp: Some(time),
        label: Some((at..at + name, Sure::Stamped)),
        body: line.len(),
        words: at,
    })
}

/// A text that ends in a stamp, in brackets or after two blanks or a tab: the length of what is before it.
fn stamped(text: &str) -> Option<(usize, Stamp)> {
    let text = text.trim_end();
    let open = text.rfind(['[', '(', ' ', '\t'])?;
    let open = if cut(text, 0..open).ends_with('\\') {
        open - 1
    } else {
        open
    };
    let start = text.len() - from(text, open).trim_start().len();
    let (time, used) = stamp(from(text, start))?;
    let name = cut(text, 0..start);
    let apart = time.bracketed || name.ends_with("  ") || name.ends_with('\t');
    let whole = start + used == text.len() && !name.trim().is_empty();
    (apart && whole).then(|| (name.trim_end().len(), time))
}

fn skip(line: &str, at: usize) -> usize {
    line.len() - from(line, at).trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads() {
        // Stamp in milliseconds, label, words.
        for (line, want) in [
            ("Ana Lima: Hi.", (None, Some("Ana Lima"), "Hi.")),
            ("[00:01:05] Bo: Yes.", (Some(65000), Some("Bo"), "Yes.")),
            ("00:01:05 - Bo: Yes.", (Some(65000), Some("Bo"), "Yes.")),
            (
                "00:14:22\tBo Chan:\tchat",
                (Some(862_000), Some("Bo Chan"), "chat"),
            ),
            (
                "10:15:22 From Ana to Everyone: hi",
                (Some(36_922_000), Some("Ana"), "hi"),
            ),
            ("Speaker 1  0:03", (Some(3000), Some("Speaker 1"), "")),
            ("Speaker 1 (00:03):", (Some(3000), Some("Speaker 1"), "")),
            (
                "Speaker 1 (00:03): Hi",
                (Some(3000), Some("Speaker 1"), "Hi"),
            ),
            (
                "[Ana Lima] 10:15:22",
                (Some(36_922_000), Some("Ana Lima"), ""),
            ),
            ("Ana: 00:00:12", (Some(12000), Some("Ana"), "")),
            (
                "**Ana:** \\[08:07\\] Hi",
                (Some(487_000), Some("**Ana"), "Hi"),
            ),
            ("**Ana**: Hi", (None, Some("**Ana**"), "Hi")),
            (
                "**Ana** \\[08:07\\]: Hi",
                (Some(487_000), Some("**Ana**"), "Hi"),
            ),
            (">> ANA: Hi", (None, Some("ANA"), "Hi")),
            ("[-00:00:00:04]", (Some(-4000), None, "")),
            ("[00:00.000 --> 00:02.000]  Hi", (Some(0), None, "Hi")),
            ("see https://x.y", (None, None, "see https://x.y")),
            ("at 10:15 we met", (None, None, "at 10:15 we met")),
            ("we met at 10:15", (None, None, "we met at 10:15")),
            ("张三：你好", (None, Some("张三"), "你好")),
            ("", (None, None, "")),
            (":", (None, Some(""), "")),
        ] {
            let head = read(line);
            let label = head
                .label
                .as_ref()
                .map(|(range, _)| cut(line, range.clone()));
            assert_eq!(
                (head.stamp.map(|s| s.start), label, from(line, head.body)),
                want,
                "{line}"
            );
        }
    }
}
