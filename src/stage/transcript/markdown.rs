//! Markup within a line of Markdown: taken off, with the text under it kept where it is.

use std::ops::Range;

use super::builder::Builder;
use super::entity::entity;
use super::plain::{cut, from, head};

/// The longest tag or address in angle brackets.
const MAX_TAG: usize = 300;

/// Whether a text is Markdown by its looks: bold names, headings.
pub(super) fn is_markdown(text: &str) -> bool {
    let mut headings = 0;
    for line in super::plain::lines(text, super::plain::after_mark(text)).take(200) {
        let line = head(line.text, 200);
        let bold = line.strip_prefix("**").is_some_and(|rest| {
            rest.contains(":**") || rest.contains("**:") || rest.contains("** (")
        });
        headings += usize::from(heading(line).is_some());
        if bold || headings > 1 {
            return true;
        }
    }
    false
}

/// The text of a heading, as a range of the line.
pub(super) fn heading(line: &str) -> Option<Range<usize>> {
    let level = line.len() - line.trim_start_matches('#').len();
    let rest = from(line, level);
    if !(1..=6).contains(&level) || !rest.starts_with([' ', '\t']) {
        return None;
    }
    let start = line.len() - rest.trim_start().len();
    let end = line.trim_end_matches([' ', '\t', '#']).len();
    Some(start..end.max(start))
}

/// Whether a line is markup as a whole: a rule, a fence, a comment.
pub(super) fn is_aside(line: &str) -> bool {
    let line = line.trim();
    let fence = line.starts_with("```") || line.starts_with("~~~");
    let comment = line.starts_with("<!--") && line.ends_with("-->");
    let rule = line.len() >= 3
        && ['-', '*', '_', '=']
            .iter()
            .any(|&mark| line.chars().all(|c| c == mark || c == ' '));
    fence || comment || rule
}

/// What a mark turns out to be.
enum Mark {
    /// A character like any other.
    Text,
    /// Markup of so many bytes.
    Markup(usize),
    /// A backslash: the character after it is text.
    Escape,
    /// A character reference of so many bytes.
    Glyph(char, usize),
    /// An address in angle brackets, so many bytes with them.
    Address(usize),
    /// A line break of so many bytes.
    Break(usize),
}

/// Hands the text of a line to the builder.
pub(super) fn inline(builder: &mut Builder<'_>, range: Range<usize>) {
    let source = builder.source;
    let mut links = Links::default();
    let mut at = range.start;
    let mut run = at;
    let marks = ['\\', '*', '_', '`', '[', ']', '!', '<', '&'];
    while let Some(found) = cut(source, at..range.end).find(marks) {
        at += found;
        let rest = cut(source, at..range.end);
        let before = cut(source, range.start..at).chars().next_back();
        let mark = match rest.as_bytes().first() {
            Some(b'\\') if from(rest, 1).starts_with(|c: char| c.is_ascii_punctuation()) => {
                Mark::Escape
            }
            Some(b'&') => entity(rest).map_or(Mark::Text, |(c, used)| Mark::Glyph(c, used)),
            Some(b'`') => Mark::Markup(1),
            Some(b'*' | b'_') => emphasis(rest, before),
            Some(b'!') if links.opens(source, at + 1, range.end) => Mark::Markup(1),
            Some(b'[') if links.opens(source, at, range.end) => Mark::Markup(1),
            Some(b']') => links.closes(at),
            Some(b'<') => angle(rest),
            _ => Mark::Text,
        };
        if matches!(mark, Mark::Text) {
            at += 1;
            continue;
        }
        builder.text(run..at);
        run = at + 1;
        match mark {
            Mark::Text => {}
            Mark::Markup(used) => run = at + used,
            Mark::Escape => {
                at = run + 1;
                continue;
            }
            Mark::Glyph(c, used) => {
                run = at + used;
                builder.glyph(c, at..run);
            }
            Mark::Address(used) => {
                run = at + used;
                builder.text(at + 1..run - 1);
            }
            Mark::Break(used) => {
                run = at + used;
                builder.blank(at..run);
            }
        }
        at = run;
    }
    builder.text(run..range.end);
}

/// Emphasis touches a word on one side only: `a * b` is a product and `snake_case` a word.
fn emphasis(rest: &str, before: Option<char>) -> Mark {
    let mark = rest.chars().next().unwrap_or('*');
    // Nobody stresses with more; a hostile row of marks is walked once.
    let length = rest.chars().take(8).take_while(|&c| c == mark).count();
    let after = from(rest, length).chars().next();
    let word = |c: Option<char>| c.is_some_and(|c| !c.is_whitespace());
    let inner = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let literal = !(word(before) || word(after)) || (mark == '_' && inner(before) && inner(after));
    if literal {
        Mark::Text
    } else {
        Mark::Markup(length)
    }
}

/// `<https://...>` loses its brackets, `<b>` goes.
fn angle(rest: &str) -> Mark {
    let Some(close) = head(rest, MAX_TAG).find('>') else {
        return Mark::Text;
    };
    let inner = cut(rest, 1..close);
    let name = inner.strip_prefix('/').unwrap_or(inner);
    let is_address = inner.contains("://") || inner.contains('@');
    if is_address && !inner.contains(char::is_whitespace) {
        Mark::Address(close + 1)
    } else if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        Mark::Text
    } else if name.starts_with("br") {
        Mark::Break(close + 1)
    } else {
        Mark::Markup(close + 1)
    }
}

/// Links, one at a time: `[words](address)` keeps its words.
#[derive(Default)]
struct Links {
    /// The bracket that closes the words of the open link, and the bytes from it to the address's end.
    open: Option<(usize, usize)>,
    /// Nothing of the kind from here on: hostile lines are searched once.
    no_bracket: bool,
    no_address: bool,
}

impl Links {
    fn opens(&mut self, source: &str, at: usize, end: usize) -> bool {
        let text = cut(source, at..end);
        if !text.starts_with('[') || self.no_bracket || self.no_address {
            return false;
        }
        // The `!` of an image has seen to it.
        if self.open.is_some_and(|(close, _)| at < close) {
            return true;
        }
        let Some(close) = from(text, 1).find(['[', ']']).map(|found| found + 1) else {
            self.no_bracket = true;
            return false;
        };
        let Some(address) = from(text, close).strip_prefix("](") else {
            return false;
        };
        let Some(length) = address.find(')') else {
            self.no_address = true;
            return false;
        };
        self.open = Some((at + close, length + 3));
        true
    }

    fn closes(&mut self, at: usize) -> Mark {
        let closed = self.open.take_if(|(close, _)| *close == at);
        closed.map_or(Mark::Text, |(_, used)| Mark::Markup(used))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::document::Format;

    fn plain(source: &str) -> String {
        let mut builder = Builder::new(source, Format::Markdown, Vec::new());
        builder.turn(None);
        inline(&mut builder, 0..source.len());
        let turns = builder.finish().0.turns;
        turns
            .first()
            .map(|turn| turn.text.clone())
            .unwrap_or_default()
    }

    #[test]
    fn markup_goes_text_stays() {
        for (source, want) in [
            ("a **b** *c* __d__ _e_", "a b c d e"),
            ("snake_case 2 * 3 * 4", "snake_case 2 * 3 * 4"),
            (
                "\\[laughs\\] episode \\#10 \\\\ \\*x\\*",
                "[laughs] episode #10 \\ *x*",
            ),
            ("see [the `docs`](https://x.y/a_b) now", "see the docs now"),
            ("![alt](u) [not a link] [a](", "alt [not a link] [a]("),
            (
                "<https://x.y/a_b_c> a<sub>b</sub> c<br>d < e > f",
                "https://x.y/a_b_c ab c d < e > f",
            ),
            ("a&nbsp;b &amp; c &x;", "a b & c &x;"),
            ("<a href=\"https://x.y\">b</a> <me@x.y>", "b me@x.y"),
            ("[a](b) [c](d)", "a c"),
            ("", ""),
        ] {
            assert_eq!(plain(source), want, "{source}");
        }
    }

    #[test]
    fn hostile_marks_are_searched_once() {
        for unit in [
            "[", "![", "[](", "*", "_a", "<", "`", "\\", "&", "]", "[a](b",
        ] {
            plain(&unit.repeat(200_000 / unit.len()));
        }
    }

    #[test]
    fn looks() {
        assert!(is_markdown("**Ana:** hi") && is_markdown("# a\nb\n## c"));
        assert!(!is_markdown("# a\nb") && !is_markdown("Ana: **hi**"));
        assert_eq!(heading("## A b ##"), Some(3..6));
        assert_eq!(heading("#no"), None);
        assert!(is_aside("* * *") && is_aside("```rust") && !is_aside("--"));
    }
}
