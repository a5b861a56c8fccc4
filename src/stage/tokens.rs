//! How many tokens a text costs, by the `o200k_base` table.

/// The longest stretch that reaches the tokenizer whole: a run of one letter takes it 22 bytes of memory and
/// 0.2 microseconds a byte.
const MAX_STRETCH: usize = 1 << 16;

/// Tokens of a text, special tokens read as plain text.
///
/// Exact for anything people write: only a text of more than 64 KiB without a single space is cut before it is
/// counted, which may add a token a cut. The first call loads the table (200,000 entries: about 0.1 s optimised,
/// and some 30 MB from then on); later ones work through some 100 MB/s.
///
/// ```
/// assert_eq!(weir::stage::tokens::count("Hello, world!"), 4);
/// ```
#[must_use]
pub fn count(text: &str) -> u32 {
    let table = tiktoken::get_encoding("o200k_base");
    let mut total = 0usize;
    let mut rest = text;
    while !rest.is_empty() {
        let (stretch, after) = rest.split_at(stretch(rest));
        total += table.map_or(stretch.len(), |table| table.count(stretch));
        rest = after;
    }
    u32::try_from(total).unwrap_or(u32::MAX)
}

/// Bytes of the text's first stretch. No token reaches from before a space into it, unless blanks stand before it too.
fn stretch(text: &str) -> usize {
    if text.len() <= MAX_STRETCH {
        return text.len();
    }
    let longest = text.floor_char_boundary(2 * MAX_STRETCH);
    let shortest = text.floor_char_boundary(MAX_STRETCH);
    let (head, tail) = text.split_at(longest).0.split_at(shortest);
    let mut before = head.chars().next_back();
    for (at, c) in tail.char_indices() {
        if c == ' ' && before.is_some_and(|c| !c.is_whitespace()) {
            return shortest + at;
        }
        before = Some(c);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each as OpenAI's own tokenizer counts it.
    #[test]
    fn texts_are_counted_as_by_the_original() {
        for (text, tokens) in [
            ("", 0),
            ("Hello", 1),
            (" a  b\n\nc ", 6),
            ("<|endoftext|>", 7),
            ("Ana Lima: we're at 3.5 g, über alles; 数据流。\n", 17),
            ("IT'S 1234567 o'clock\r\n\t\tDON'T-stop", 14),
            ("नमस्ते, दुनिया! 👩\u{200d}👩\u{200d}👧 ok", 16),
            ("ſ'ſ İstanbul ǅ x\u{301}y\u{a0}z", 12),
            ("https://example.org/a_b?c=d&e=%20f//**--", 16),
            ("日本語の文章は、空白なしで続きます。", 14),
        ] {
            assert_eq!(count(text), tokens, "{text:?}");
        }
        for (unit, tokens) in [(" ", 9), ("a", 125), ("中", 1000), ("\n", 63)] {
            assert_eq!(count(&unit.repeat(1000)), tokens, "{unit:?}");
        }
    }

    #[test]
    fn a_long_text_is_cut_where_no_token_is() {
        let sentence = "Ana Lima: we're at 3.5 g, über alles; 数据流!\n  And on.";
        for times in [1, 1000, 4000] {
            let text = sentence.repeat(times);
            let whole = tiktoken::get_encoding("o200k_base").unwrap().count(&text);
            assert_eq!(count(&text) as usize, whole, "{times}");
        }
    }

    #[test]
    fn hostile_text_is_counted() {
        for unit in [
            " ",
            "\n",
            "a",
            "\u{301}",
            "\0",
            "!",
            " \n",
            "中",
            "\u{1F600}",
        ] {
            let text = unit.repeat(200_000);
            assert!(count(&text) > 0, "{unit:?}");
            assert!(stretch(&text) <= 2 * MAX_STRETCH, "{unit:?}");
        }
    }
}
