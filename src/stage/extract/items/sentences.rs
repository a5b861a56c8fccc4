//! Speech as sentences of words, each with its place in the shown text.

use std::ops::Range;

use crate::stage::extract::quote::lines;

/// Words that end in a full stop without ending a sentence.
const ABBREVIATED: [&str; 14] = [
    "dr", "mr", "mrs", "ms", "prof", "st", "vs", "no", "e.g", "i.e", "inc", "ltd", "approx", "jr",
];

/// A word.
#[derive(Clone, Debug)]
pub(super) struct Word {
    /// Where it stands.
    pub(super) place: Range<usize>,
    /// In lower case, with straight apostrophes.
    pub(super) lower: String,
    /// Whether it begins with a capital.
    pub(super) capital: bool,
    /// Whether a comma, colon, dash or the like follows.
    pub(super) pause: bool,
}

/// A sentence, or what a speaker says without ever ending one.
#[derive(Clone, Debug)]
pub(super) struct Sentence<'a> {
    /// Who says it, if a name stands before the line.
    pub(super) speaker: Option<&'a str>,
    /// Its words.
    pub(super) words: Vec<Word>,
    /// Whether it ends in a question mark.
    pub(super) asks: bool,
}

/// The sentences of a shown text, in order.
pub(super) fn sentences(shown: &str) -> Vec<Sentence<'_>> {
    let mut found = Vec::new();
    for (label, speech) in lines(shown) {
        let speaker = shown.get(label).filter(|label| !label.trim().is_empty());
        let mut open: Vec<Word> = Vec::new();
        let text = shown.get(speech.clone()).unwrap_or_default();
        for word in words(text, speech.start) {
            let rest = shown.get(word.place.end..speech.end).unwrap_or_default();
            let end = end(rest, &word);
            open.push(word);
            if let Some(asks) = end {
                let words = std::mem::take(&mut open);
                found.push(Sentence {
                    speaker,
                    words,
                    asks,
                });
            }
        }
        if !open.is_empty() {
            found.push(Sentence {
                speaker,
                words: open,
                asks: false,
            });
        }
    }
    found
}

/// Whether a sentence ends after a word, and if so, whether it asks.
fn end(rest: &str, word: &Word) -> Option<bool> {
    let marks = rest.trim_start_matches(['"', '”', ')', '\'', '’']);
    let after = marks.trim_start_matches(['.', '!', '?', '…']);
    let run = marks.get(..marks.len() - after.len()).unwrap_or_default();
    let closed = after.trim_start_matches(['"', '”', ')', '\'', '’']);
    if run.is_empty() || !(closed.is_empty() || closed.starts_with(char::is_whitespace)) {
        return None;
    }
    let short = run == "."
        && (ABBREVIATED.contains(&word.lower.as_str())
            || (word.capital && word.lower.chars().count() == 1 && word.lower != "i"));
    (!short).then(|| run.contains('?'))
}

/// The words of a stretch of text that begins at `start`.
fn words(text: &str, start: usize) -> Vec<Word> {
    let inner = |c: char| matches!(c, '\'' | '’' | '-' | '.' | ',' | '&' | '/' | '@' | '_');
    let mut found: Vec<Word> = Vec::new();
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        if !letter.is_alphanumeric() {
            if matches!(letter, ',' | ';' | ':' | '-' | '–' | '—')
                && let Some(last) = found.last_mut()
            {
                last.pause = true;
            }
            continue;
        }
        let mut end = at + letter.len_utf8();
        while let Some(&(next, c)) = letters.peek() {
            let joins = inner(c)
                && text
                    .get(next + c.len_utf8()..)
                    .is_some_and(|rest| rest.starts_with(char::is_alphanumeric));
            if !(c.is_alphanumeric() || joins) {
                break;
            }
            end = next + c.len_utf8();
            letters.next();
        }
        let word = text.get(at..end).unwrap_or_default();
        found.push(Word {
            place: start + at..start + end,
            lower: word.to_lowercase().replace('’', "'"),
            capital: letter.is_uppercase(),
            pause: false,
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_where_they_should() {
        let shown = "Ana: I met Dr. Lima at 9.30. Did you? Yes!\nno label here\nBo: \"Fine.\" I’ll go, B. said.\n";
        let found: Vec<_> = sentences(shown)
            .iter()
            .map(|one| {
                let words: Vec<_> = one.words.iter().map(|word| word.lower.as_str()).collect();
                (one.speaker, words.join(" "), one.asks)
            })
            .collect();
        let row = |speaker, words: &str, asks| (speaker, words.to_owned(), asks);
        assert_eq!(
            found,
            [
                row(Some("Ana"), "i met dr lima at 9.30", false),
                row(Some("Ana"), "did you", true),
                row(Some("Ana"), "yes", false),
                row(None, "no label here", false),
                row(Some("Bo"), "fine", false),
                row(Some("Bo"), "i'll go b said", false),
            ]
        );
    }
}
