//! How many tokens a text costs, by the `o200k_base` table.

/// The longest stretch of one kind of character (blanks, letters, marks) that reaches the tokenizer
/// whole. Its pattern looks ahead after blanks and gives up, by a panic, after a million steps.
const MAX_RUN: usize = 256;

/// The longest stretch handed over at once: bounds the memory of one call.
const MAX_STRETCH: usize = 1 << 16;

/// Tokens of a text, special tokens read as plain text.
///
/// Exact for anything people write: only runs of more than 256 letters, marks or blanks are cut before
/// they are counted, which may add a token a cut. The first call loads the table (200,000 entries: about
/// 0.2 s optimised, and some 60 MB from then on); later ones work through 5 to 10 MB/s.
///
/// ```
/// assert_eq!(weir::stage::tokens::count("Hello, world!"), 4);
/// ```
#[must_use]
#[expect(
    clippy::default_trait_access,
    reason = "the crate asks for a set of std's, which is not named here"
)]
pub fn count(text: &str) -> u32 {
    let table = tiktoken_rs::o200k_base_singleton();
    let mut total = 0usize;
    for stretch in Stretches(text) {
        // Unlike `encode_ordinary`, this one hands back the pattern's errors instead of panicking.
        total += table
            .count(stretch, &Default::default())
            .unwrap_or(stretch.len());
    }
    u32::try_from(total).unwrap_or(u32::MAX)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Blank,
    Word,
    Mark,
}

impl Kind {
    fn of(c: char) -> Self {
        if c.is_whitespace() {
            Self::Blank
        } else if c.is_alphanumeric() {
            Self::Word
        } else {
            Self::Mark
        }
    }
}

/// Cuts a text so that no run of one kind and no stretch is too long. Nothing is cut in usual text.
struct Stretches<'a>(&'a str);

impl<'a> Iterator for Stretches<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.0.is_empty() {
            return None;
        }
        let mut run = 0;
        let mut last = None;
        let mut cut = self.0.len();
        for (at, c) in self.0.char_indices() {
            let kind = Kind::of(c);
            let new = last != Some(kind);
            // A blank belongs to the word after it, so a long stretch ends before a blank.
            if (!new && run >= MAX_RUN) || (new && kind == Kind::Blank && at >= MAX_STRETCH) {
                cut = at;
                break;
            }
            run = if new { 1 } else { run + 1 };
            last = Some(kind);
        }
        let (stretch, rest) = self.0.split_at(cut);
        self.0 = rest;
        Some(stretch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_text_is_counted_exactly() {
        let table = tiktoken_rs::o200k_base_singleton();
        let long = "Ana Lima: we're at 3.5 g, über alles; 数据流。\n".repeat(4000);
        for text in ["", "Hello", " a  b\n\nc ", "<|endoftext|>", long.as_str()] {
            assert_eq!(count(text) as usize, table.encode_ordinary(text).len());
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
        }
    }
}
