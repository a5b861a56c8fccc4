//! Speech as tokens: words, numbers and marks, in sentences, each with its place in the shown text.

use std::borrow::Cow;
use std::ops::Range;

use super::words::Class;
use crate::stage::extract::quote::lines;

/// The longest word that is spelled out, in letters. Without a bound `a b a b ...` takes quadratic time.
const MAX_SPELLED: usize = 8;

/// How a token is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `mill`.
    Lower,
    /// `Mill`.
    Title,
    /// `PMT`, `M T N`.
    Upper,
    /// `GitHub`, `iPhone`.
    Mixed,
    /// Starts with a digit: `12`, `1,240.5`, `3rd`, `7:30`, `2026-01-14`.
    Number,
    /// Anything else, one character each.
    Mark,
}

/// One token.
#[derive(Clone, Debug)]
pub(super) struct Token<'a> {
    /// As written.
    pub(super) text: &'a str,
    /// In lower case; spelled-out letters (`c e o`) without their blanks, `’` as `'`.
    pub(super) low: Cow<'a, str>,
    pub(super) range: Range<usize>,
    pub(super) shape: Shape,
    pub(super) class: Class,
    /// Whether nothing stands between this token and the one before.
    pub(super) glued: bool,
    /// Whether a capital here says nothing: start of a sentence, of a quotation, after a colon.
    pub(super) opens: bool,
}

/// One line of the shown text: who speaks, and which tokens.
#[derive(Clone, Debug)]
pub(super) struct Turn<'a> {
    pub(super) label: &'a str,
    /// Token ranges of its sentences.
    pub(super) sentences: Vec<Range<usize>>,
}

/// All tokens of a shown text.
#[derive(Debug, Default)]
pub(super) struct Text<'a> {
    pub(super) tokens: Vec<Token<'a>>,
    pub(super) turns: Vec<Turn<'a>>,
    /// Whether capitals say something: not in text that has none, or nothing else.
    pub(super) cased: bool,
}

impl<'a> Text<'a> {
    pub(super) fn of(shown: &'a str) -> Self {
        let mut out = Self::default();
        for (label, speech) in lines(shown) {
            let first = out.tokens.len();
            out.add_line(shown.get(speech.clone()).unwrap_or_default(), speech.start);
            let sentences = out.sentences(first);
            out.turns.push(Turn {
                label: shown.get(label).unwrap_or_default(),
                sentences,
            });
        }
        out.cased = out.cased();
        out
    }

    /// Some transcripts have no capitals at all, or next to none, and some captions have nothing else. A few
    /// short words in capitals prove nothing: `AT&T, MIT.`
    fn cased(&self) -> bool {
        let (mut lower, mut upper, mut other) = (0, 0, 0);
        for token in &self.tokens {
            let letters = token.text.len() > 2 && !token.low.contains('\'');
            match token.shape {
                Shape::Lower if letters => lower += 1,
                Shape::Upper if letters => upper += 1,
                Shape::Title | Shape::Mixed if letters => other += 1,
                _ => {}
            }
        }
        let shouted = upper > lower + other + 5;
        let none = (upper + other) * 40 < lower;
        !shouted && !none
    }

    /// The token at `n` in lower case; empty where there is none.
    pub(super) fn word(&self, n: usize) -> &str {
        self.tokens.get(n).map_or("", |token| token.low.as_ref())
    }

    /// What the word at `n` is known for.
    pub(super) fn class(&self, n: usize) -> Class {
        self.tokens
            .get(n)
            .map_or(Class::default(), |token| token.class)
    }

    pub(super) fn shape(&self, n: usize) -> Shape {
        self.tokens.get(n).map_or(Shape::Mark, |token| token.shape)
    }

    /// The bytes from the first to the last of these tokens.
    pub(super) fn bytes(&self, tokens: &Range<usize>) -> Range<usize> {
        let first = self
            .tokens
            .get(tokens.start)
            .map_or(0, |token| token.range.start);
        let last = tokens.end.checked_sub(1).and_then(|n| self.tokens.get(n));
        first..last.map_or(first, |token| token.range.end)
    }

    fn add_line(&mut self, line: &'a str, offset: usize) {
        let mut at = 0;
        let mut end = 0;
        while let Some(rest) = line.get(at..).filter(|rest| !rest.is_empty()) {
            let Some(c) = rest.chars().next() else { break };
            if c.is_whitespace() {
                at += c.len_utf8();
                continue;
            }
            let (len, shape) = if c.is_numeric() {
                (number(rest), Shape::Number)
            } else if c.is_alphabetic() {
                let len = spelled(rest).unwrap_or_else(|| word(rest));
                (len, shape(rest.get(..len).unwrap_or_default()))
            } else {
                (mark(rest, at == end), Shape::Mark)
            };
            let text = rest.get(..len).unwrap_or_default();
            let low = lower(text, shape);
            self.tokens.push(Token {
                text,
                class: class(&low, shape),
                low,
                range: offset + at..offset + at + len,
                shape,
                glued: at == end && at > 0,
                opens: false,
            });
            at += len;
            end = at;
        }
    }

    /// Marks where sentences start, from token `first` on, and gives their ranges.
    fn sentences(&mut self, first: usize) -> Vec<Range<usize>> {
        let mut out = Vec::new();
        let mut start = first;
        let mut opens = true;
        for n in first..self.tokens.len() {
            let ends = self.ends_sentence(n);
            let Some(token) = self.tokens.get_mut(n) else {
                break;
            };
            token.opens = opens;
            // A mark at the start does not use the start up; a colon or an opening quotation makes one.
            opens = (opens && token.shape == Shape::Mark)
                || matches!(token.text, ":" | "“" | "\"" | "«");
            if ends {
                out.push(start..n + 1);
                start = n + 1;
                opens = true;
            }
        }
        if start < self.tokens.len() {
            out.push(start..self.tokens.len());
        }
        out
    }

    fn ends_sentence(&self, n: usize) -> bool {
        let next_glued = self
            .tokens
            .get(n + 1)
            .is_some_and(|next| next.glued && next.shape != Shape::Mark);
        match self.word(n) {
            "!" | "?" | "…" => !next_glued,
            "." => {
                let before = n.checked_sub(1).and_then(|n| self.tokens.get(n));
                let short = before.is_some_and(|word| {
                    let initial = word.shape != Shape::Lower
                        && word.text.chars().count() == 1
                        && word.text != "I";
                    let title = word.class.has(Class::TITLE)
                        && word.text.len() <= 4
                        && word.shape == Shape::Title;
                    initial
                        || title
                        || matches!(word.low.as_ref(), "st" | "mt" | "vs" | "inc" | "no")
                });
                // `the U.N. Council`, but `in the U.S. We went`.
                let dotted = before
                    .is_some_and(|word| word.low.contains('.') && word.shape == Shape::Upper)
                    && !self.class(n + 1).has(Class::STOP);
                let goes_on = (short || dotted) && n + 1 < self.tokens.len();
                !next_glued && !goes_on
            }
            _ => false,
        }
    }
}

fn lower(text: &str, shape: Shape) -> Cow<'_, str> {
    match shape {
        Shape::Mark => Cow::Borrowed(if text == "’s" { "'s" } else { text }),
        Shape::Lower if !text.contains(['’', ' ']) => Cow::Borrowed(text),
        _ => Cow::Owned(text.replace('’', "'").replace(' ', "").to_lowercase()),
    }
}

fn class(low: &str, shape: Shape) -> Class {
    match shape {
        Shape::Mark | Shape::Number => Class::of(low),
        _ => {
            let whole = Class::of(low);
            if !low.contains('-') {
                return whole;
            }
            // seventy-three, thirty-first
            let mut parts = low.split('-').map(Class::of);
            let counts =
                |class: Class| class.has(Class::NUMBER.or(Class::SCALE).or(Class::ORDINAL));
            match parts.next_back() {
                Some(last) if counts(last) && parts.all(counts) => whole.or(last),
                _ => whole,
            }
        }
    }
}

fn shape(word: &str) -> Shape {
    let mut letters = word.chars().filter(|c| c.is_alphabetic());
    let first = letters.next().is_some_and(char::is_uppercase);
    let (mut upper, mut lower, mut inner) = (0, 0, false);
    let mut before = ' ';
    for c in letters {
        if c.is_uppercase() {
            upper += 1;
            // The capitals of O'Brien, d'Andrade and Bentsi-Enchill are no odd ones.
            inner |= before.is_lowercase();
        } else {
            lower += 1;
        }
        before = c;
    }
    let parted = word.contains(['-', '\'', '’']);
    match (first, upper, lower) {
        (false, 0, _) => Shape::Lower,
        (true, 0, _) => Shape::Title,
        (true, _, 0) => Shape::Upper,
        _ if parted || !inner && first => Shape::Title,
        _ => Shape::Mixed,
    }
}

/// Letters with digits, and with `'`, `-`, `&` or `.` between letters; a genitive `'s` is left for itself.
fn word(rest: &str) -> usize {
    let mut end = 0;
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let letter = |next: Option<&(usize, char)>| next.is_some_and(|(_, c)| c.is_alphanumeric());
        let joins = match c {
            c if c.is_alphanumeric() => true,
            '\'' | '’' => letter(chars.peek()) && !genitive(rest, at + c.len_utf8()) && end > 0,
            '-' | '&' => letter(chars.peek()),
            // U.S, e.g; but not the end of a sentence without a blank after it.
            '.' => end == at && single_letter(rest, at) && letter(chars.peek()),
            _ => false,
        };
        if !joins {
            break;
        }
        end = at + c.len_utf8();
    }
    end
}

fn single_letter(rest: &str, dot: usize) -> bool {
    let before = rest.get(..dot).unwrap_or_default();
    let start = before.rfind('.').map_or(0, |at| at + 1);
    before
        .get(start..)
        .is_some_and(|part| part.chars().count() == 1)
}

/// Whether what follows an apostrophe is a lone `s`: the genitive or a short `is`.
fn genitive(rest: &str, at: usize) -> bool {
    let mut after = rest.get(at..).unwrap_or_default().chars();
    after.next() == Some('s') && !after.next().is_some_and(char::is_alphanumeric)
}

/// Digits with `,` `.` `:` `/` `-` between digits, then letters: `3rd`, `5bn`.
fn number(rest: &str) -> usize {
    let mut end = 0;
    let mut letters = false;
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let digit_next = chars.peek().is_some_and(|(_, c)| c.is_numeric());
        let joins = match c {
            c if c.is_numeric() => !letters,
            ',' | '.' | ':' | '/' | '-' => digit_next && !letters,
            c if c.is_alphabetic() => {
                letters = true;
                true
            }
            _ => false,
        };
        if !joins {
            break;
        }
        end = at + c.len_utf8();
    }
    end
}

/// `'s`, or a single character.
fn mark(rest: &str, glued: bool) -> usize {
    let first = rest.chars().next().map_or(1, char::len_utf8);
    let apostrophe = rest.starts_with(['\'', '’']);
    if glued && apostrophe && genitive(rest, first) {
        first + 1
    } else {
        first
    }
}

/// Letters spelled out: two or more single ones of one case with blanks between, `c e o`, `M T N`.
fn spelled(rest: &str) -> Option<usize> {
    let mut end = 0;
    let mut upper = None;
    let mut count = 0;
    let mut telling = false;
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let alone = chars
            .peek()
            .is_none_or(|(_, next)| matches!(next, ' ' | '.' | ',' | '?' | '!' | ';'));
        if !c.is_ascii_alphabetic()
            || !alone
            || upper.is_some_and(|upper| upper != c.is_ascii_uppercase())
        {
            break;
        }
        // `I I think`, `a a boat`: said twice, not spelled.
        telling |= !matches!(c.to_ascii_lowercase(), 'i' | 'a');
        upper = Some(c.is_ascii_uppercase());
        count += 1;
        if count > MAX_SPELLED {
            return None;
        }
        end = at + 1;
        if chars.next().is_none_or(|(_, c)| c != ' ') {
            break;
        }
    }
    (count >= 2 && telling).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<String> {
        Text::of(text)
            .tokens
            .iter()
            .map(|token| token.text.to_owned())
            .collect()
    }

    #[test]
    fn words_numbers_and_marks() {
        let rows: [(&str, &[&str]); 9] = [
            (
                "Ana's boat, isn't it?",
                &["Ana", "'s", "boat", ",", "isn't", "it", "?"],
            ),
            (
                "Miguel d’Andrade of AT&T.",
                &["Miguel", "d’Andrade", "of", "AT&T", "."],
            ),
            (
                "On 3rd May, £1,240.50 at 7:30.",
                &["On", "3rd", "May", ",", "£", "1,240.50", "at", "7:30", "."],
            ),
            (
                "the c e o of M T N Ghana",
                &["the", "c e o", "of", "M T N", "Ghana"],
            ),
            ("I I think a b", &["I", "I", "think", "a b"]),
            (
                "in the U.S. and 12%",
                &["in", "the", "U.S", ".", "and", "12", "%"],
            ),
            ("Bentsi-Enchill — yes", &["Bentsi-Enchill", "—", "yes"]),
            ("Bo: label", &["label"]),
            ("", &[]),
        ];
        for (text, wanted) in rows {
            assert_eq!(tokens(text), wanted, "{text}");
        }
    }

    #[test]
    fn shapes() {
        let rows = [
            ("mill", Shape::Lower),
            ("Mill", Shape::Title),
            ("PMT", Shape::Upper),
            ("GitHub", Shape::Mixed),
            ("iPhone", Shape::Mixed),
            ("O'Brien", Shape::Title),
            ("d'Andrade", Shape::Title),
            ("McDonald", Shape::Mixed),
        ];
        for (word, wanted) in rows {
            assert_eq!(shape(word), wanted, "{word}");
        }
    }

    #[test]
    fn sentences_end_where_they_end() {
        let rows = [
            ("A: Dr. Lee met J. Doe in St. Ives. He left.", 2),
            ("A: It cost 3.5 million. Really? Yes!", 3),
            ("A: no end", 1),
            ("A: One.\nB: Two.\n", 2),
        ];
        for (text, wanted) in rows {
            let text = Text::of(text);
            let count: usize = text.turns.iter().map(|turn| turn.sentences.len()).sum();
            assert_eq!(count, wanted);
        }
        let text = Text::of("A: He said: Come. \"Now.\"");
        let opens: Vec<&str> = text
            .tokens
            .iter()
            .filter(|t| t.opens && t.shape == Shape::Title)
            .map(|t| t.text)
            .collect();
        assert_eq!(opens, ["He", "Come", "Now"]);
    }

    #[test]
    fn tokens_tile_any_text() {
        let bits = [
            "a", "B", "'s", "’", ".", " ", "\n", "3", ",", ": ", "é", "—", "-", "&", "İ", "٣",
        ];
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..5000 {
            let text: String = (0..rng.usize(0..20))
                .map(|_| bits[rng.usize(0..bits.len())])
                .collect();
            let all = Text::of(&text);
            let mut end = 0;
            for token in &all.tokens {
                assert!(
                    token.range.start >= end && !token.text.is_empty(),
                    "{text:?}"
                );
                assert_eq!(text.get(token.range.clone()), Some(token.text));
                end = token.range.end;
            }
            let covered: usize = all
                .turns
                .iter()
                .flat_map(|turn| &turn.sentences)
                .map(ExactSizeIterator::len)
                .sum();
            assert_eq!(covered, all.tokens.len());
        }
    }
}
