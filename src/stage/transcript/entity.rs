//! Character references of HTML: `&amp;`, `&#39;`, `&#x27;`.

use super::plain::{cut, head};

/// Those that transcripts hold; any other name is left as it is.
const NAMED: [(&str, char); 25] = [
    ("amp", '&'),
    ("apos", '\''),
    ("bull", '•'),
    ("copy", '©'),
    ("deg", '°'),
    ("eacute", 'é'),
    ("emsp", '\u{2003}'),
    ("ensp", '\u{2002}'),
    ("euro", '€'),
    ("gt", '>'),
    ("hellip", '…'),
    ("laquo", '«'),
    ("ldquo", '“'),
    ("lrm", '\u{200e}'),
    ("lsquo", '‘'),
    ("lt", '<'),
    ("mdash", '—'),
    ("nbsp", '\u{a0}'),
    ("ndash", '–'),
    ("quot", '"'),
    ("raquo", '»'),
    ("rdquo", '”'),
    ("rlm", '\u{200f}'),
    ("rsquo", '’'),
    ("times", '×'),
];

/// The character that a text starts with as a reference, and the bytes of the reference.
pub(super) fn entity(text: &str) -> Option<(char, usize)> {
    if !text.starts_with('&') {
        return None;
    }
    let close = head(text, 12).find(';')?;
    let name = cut(text, 1..close);
    let c = if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        char::from_u32(code.ok()?)?
    } else {
        let at = NAMED.binary_search_by_key(&name, |(known, _)| known).ok()?;
        NAMED.get(at)?.1
    };
    Some((c, close + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        assert!(NAMED.is_sorted());
        for (text, want) in [
            ("&amp;x", Some(('&', 5))),
            ("&#39;", Some(('\'', 5))),
            ("&#x1F600;", Some(('😀', 9))),
            ("&#xD800;", None),
            ("&nosuch;", None),
            ("&amp", None),
            ("&;", None),
            ("x", None),
        ] {
            assert_eq!(entity(text), want, "{text}");
        }
    }
}
