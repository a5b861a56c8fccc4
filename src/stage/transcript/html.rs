//! Podcasting 2.0 as HTML: `<cite>` names, `<time>` stamps, `<p>` words.

use std::ops::Range;

use super::builder::Builder;
use super::caption::{Event, Tags, line, unescaped};
use super::clock::clock;
use super::name::speaker;
use super::plain::{cut, from, head};

/// Whether a text is of this kind: a cite or a time before the first paragraph.
pub(super) fn is_podcast(text: &str) -> bool {
    let first = head(text, 20_000);
    let cite = find(first, "<cite").or_else(|| find(first, "<time"));
    cite.is_some_and(|at| find(from(first, at), "<p").is_some())
}

/// The place of an ASCII needle, in letters of either case.
fn find(text: &str, needle: &str) -> Option<usize> {
    let (text, needle) = (text.as_bytes(), needle.as_bytes());
    text.windows(needle.len())
        .position(|window| window.eq_ignore_ascii_case(needle))
}

/// Reads a file.
pub(super) fn read(builder: &mut Builder<'_>) {
    let source = builder.source;
    let mut at = 0;
    let mut voice = None;
    let mut time = None;
    while let Some(open) = from(source, at).find('<') {
        at += open + 1;
        let rest = from(source, at);
        let name: String = rest
            .bytes()
            .take(5)
            .take_while(u8::is_ascii_alphanumeric)
            .map(|b| char::from(b.to_ascii_lowercase()))
            .collect();
        if !matches!(name.as_str(), "cite" | "time" | "p") {
            continue;
        }
        let Some(inside) = inside(source, at, &name) else {
            break;
        };
        at = inside.end;
        let text = cut(source, inside.clone());
        match name.as_str() {
            "cite" => voice = speaker(&unescaped(head(text, 400))),
            "time" => time = clock(text.trim()).map(|(ms, _)| ms),
            _ => {
                builder.turn(voice.clone());
                builder.cue(time.take(), None);
                words(builder, inside);
                builder.end();
            }
        }
    }
}

/// What stands between a tag and its end, or the next one of its kind.
fn inside(source: &str, at: usize, name: &str) -> Option<Range<usize>> {
    let start = at + from(source, at).find('>')? + 1;
    let rest = from(source, start);
    let end = find(rest, &format!("</{name}"));
    let next = find(head(rest, end.unwrap_or(rest.len())), &format!("<{name}>"));
    Some(start..start + next.or(end).unwrap_or(rest.len()))
}

fn words(builder: &mut Builder<'_>, range: Range<usize>) {
    let mut events = Vec::new();
    line(builder.source, range, Tags::All, &mut events);
    for event in events {
        match event {
            Event::Text(range) => builder.text(range),
            Event::Glyph(c, range) => builder.glyph(c, range),
            Event::Break(range) => builder.blank(range),
            Event::Cue(..) | Event::Voice(_) | Event::Change => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::stage::transcript::tests::turns;

    #[test]
    fn paragraphs_become_turns() {
        let table = [
            (
                "<cite>Ana:</cite>\n<time>0:53</time>\n<p>It&#39;s <b>on</b>.\nYes.</p>\n<cite>Bo &amp; Al:</cite><time>1:02:03</time><p>Hm.</p>",
                "Ana@53000: It's on. Yes.|Bo & Al@3723000: Hm.",
            ),
            ("<time>0:01</time><p>a</p><p>b</p>", "-@1000: a|-: b"),
            ("<CITE>Ana</CITE><P>a<br>b</P>", "Ana: a b"),
            (
                "<html><body><cite class=\"x\">Ana:</cite><p id=1>a</p></body></html>",
                "Ana: a",
            ),
            ("<cite>Ana:</cite><p>one<p>two</p>", "Ana: one|Ana: two"),
            ("<cite>Ana:</cite><p>no end", "Ana: no end"),
            ("<cite>Ana:</cite><time>noon</time><p>a", "Ana: a"),
            ("<cite></cite><p>a</p><p> </p>", "-: a"),
            ("<cite>Ana:</cite><p>1 < 2 & 3</p>", "Ana: 1 < 2 & 3"),
            ("<cite>Ana:</cite><p>é e\u{301}</p><pre>x</pre>", "Ana: é é"),
        ];
        for (source, want) in table {
            assert_eq!(turns("x.html", source), want, "{source}");
        }
    }
}
