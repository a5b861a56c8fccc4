//! Where a quote stands in a shown text: only in what is said, never in a speaker label, within one line.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::Range;

use memchr::memmem::Finder;
use unicode_normalization::UnicodeNormalization;

use super::name::fold;
use crate::model::extraction::Match;

/// The longest speaker label, in characters.
const MAX_LABEL: usize = 60;
/// Places of one quote that are told apart.
const MAX_PLACES: usize = 1000;
/// The longest quote that is looked for by its words.
const MAX_WORDS: usize = 200;
/// Steps of the search by words in one text, over all quotes: some 10 ms. Deterministic, unlike a clock.
const MAX_STEPS: usize = 2_000_000;

/// The stretches of a shown text that are speech: each line without its end and without its speaker label.
/// A label is what stands before the first `: ` of a line, if that is 60 characters long at most.
#[must_use]
pub fn spoken(shown: &str) -> Vec<Range<usize>> {
    lines(shown).map(|(_, speech)| speech).collect()
}

/// The label (or an empty stretch) and the speech of each line.
pub(super) fn lines(shown: &str) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    let mut at = 0;
    shown.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        let line = line.trim_end_matches(['\n', '\r']);
        let end = start + line.len();
        let label = line
            .split_once(": ")
            .map(|(label, _)| label)
            .filter(|label| label.chars().nth(MAX_LABEL).is_none());
        match label {
            Some(label) => (start..start + label.len(), start + label.len() + 2..end),
            None => (start..start, start..end),
        }
    })
}

/// The places of a quote, and how it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// In text order; at least one unless `matched` is `None`.
    pub ranges: Vec<Range<usize>>,
    /// How.
    pub matched: Match,
    /// 0 to 1000.
    pub score: u16,
    /// Whether the places begin and end where words do.
    pub whole_words: bool,
}

/// A shown text, made ready for looking for quotes.
#[derive(Debug)]
pub struct Shown<'a> {
    text: &'a str,
    spoken: Vec<Range<usize>>,
    folded: OnceCell<Folded>,
    words: OnceCell<Words>,
    steps: usize,
}

/// The speech as it is compared, its stretches separated by newlines.
#[derive(Debug, Default)]
struct Folded {
    text: String,
    /// For each byte of `text` the character of the shown text that it comes from.
    origin: Vec<Range<usize>>,
}

/// The words of the speech, as numbers, stretch by stretch.
#[derive(Debug, Default)]
struct Words {
    ids: BTreeMap<String, usize>,
    lines: Vec<Vec<(usize, Range<usize>)>>,
}

impl<'a> Shown<'a> {
    /// Of this text.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            spoken: spoken(text),
            folded: OnceCell::new(),
            words: OnceCell::new(),
            steps: MAX_STEPS,
        }
    }

    /// Where `quote` stands: byte for byte, else as it is compared, else most of its words in order.
    pub fn find(&mut self, quote: &str) -> Places {
        let places = |(ranges, whole_words), matched, score| Places {
            ranges,
            matched,
            score,
            whole_words,
        };
        if !quote.contains(char::is_alphanumeric) {
            return places((Vec::new(), false), Match::None, 0);
        }
        if let Some(found) = self.exact(quote) {
            return places(found, Match::Exact, 1000);
        }
        if let Some(found) = self.normalised(quote) {
            return places(found, Match::Normalised, 950);
        }
        if let Some((range, score)) = self.fuzzy(quote) {
            return places((vec![range], true), Match::Fuzzy, score);
        }
        places((Vec::new(), false), Match::None, 0)
    }

    fn exact(&self, quote: &str) -> Option<(Vec<Range<usize>>, bool)> {
        let finder = Finder::new(quote);
        let ranges = self.spoken.iter().flat_map(|speech| {
            let text = self.text.get(speech.clone()).unwrap_or_default();
            let places = finder.find_iter(text.as_bytes());
            places.map(|at| speech.start + at..speech.start + at + quote.len())
        });
        choose(self.text, ranges)
    }

    fn normalised(&self, quote: &str) -> Option<(Vec<Range<usize>>, bool)> {
        let quote = compared(quote);
        if quote.is_empty() {
            return None;
        }
        let folded = self
            .folded
            .get_or_init(|| fold_all(self.text, &self.spoken));
        let ranges = folded.text.match_indices(&quote).filter_map(|(at, _)| {
            let first = folded.origin.get(at)?;
            let last = folded.origin.get(at + quote.len() - 1)?;
            Some(first.start..last.end)
        });
        choose(self.text, ranges)
    }

    /// The stretch of one line that holds most of the quote's words in order: a local alignment, in which a
    /// longer word counts for more, since `of the` is everywhere.
    fn fuzzy(&mut self, quote: &str) -> Option<(Range<usize>, u16)> {
        let words = self
            .words
            .get_or_init(|| Words::of(self.text, &self.spoken));
        let quote = compared(quote);
        let wanted: Vec<(usize, i64)> = split_words(&quote)
            .take(MAX_WORDS + 1)
            .map(|range| {
                let word = quote.get(range).unwrap_or_default();
                let id = words.ids.get(word).copied().unwrap_or(usize::MAX);
                (id, i64::try_from(word.chars().count().min(8)).unwrap_or(8))
            })
            .collect();
        if wanted.len() < 2 || wanted.len() > MAX_WORDS {
            return None;
        }
        let total: i64 = wanted.iter().map(|(_, weight)| weight).sum();
        let mut best: Option<(Cell, Range<usize>)> = None;
        for line in &words.lines {
            let cost = line.len() * wanted.len();
            let Some(left) = self.steps.checked_sub(cost) else {
                break;
            };
            self.steps = left;
            if let Some(found) = align(line, &wanted)
                && best
                    .as_ref()
                    .is_none_or(|(cell, _)| found.0.score > cell.score)
            {
                best = Some(found);
            }
        }
        let (cell, range) = best?;
        let wide = cell.seen > wanted.len() + wanted.len() / 2 + 1;
        if wide || cell.hits < 2 || cell.weight * 3 < total * 2 {
            return None;
        }
        let score = u16::try_from(900 * cell.weight / total)
            .unwrap_or(0)
            .min(899);
        Some((range, score))
    }
}

impl Words {
    fn of(text: &str, spoken: &[Range<usize>]) -> Self {
        let mut out = Self::default();
        for speech in spoken {
            let folded = fold_all(text, std::slice::from_ref(speech));
            let line = split_words(&folded.text).filter_map(|range| {
                let first = folded.origin.get(range.start)?.start;
                let last = folded.origin.get(range.end - 1)?.end;
                let next = out.ids.len();
                let word = folded.text.get(range)?.to_owned();
                Some((*out.ids.entry(word).or_insert(next), first..last))
            });
            out.lines.push(line.collect());
        }
        out
    }
}

/// A cell of the alignment: the best one that ends here.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    score: i64,
    weight: i64,
    hits: usize,
    /// First byte of its first word.
    start: usize,
    /// Words of the text from its first to its last.
    seen: usize,
}

fn align(line: &[(usize, Range<usize>)], wanted: &[(usize, i64)]) -> Option<(Cell, Range<usize>)> {
    const GAP: i64 = 2;
    let mut before = vec![Cell::default(); wanted.len() + 1];
    let mut best: Option<(Cell, Range<usize>)> = None;
    for (id, range) in line {
        let mut row = Vec::with_capacity(before.len());
        let mut left = Cell::default();
        row.push(left);
        for ((want, weight), pair) in wanted.iter().zip(before.windows(2)) {
            let [diagonal, up] = pair else { continue };
            let mut cell = if want == id {
                Cell {
                    score: diagonal.score + weight,
                    weight: diagonal.weight + weight,
                    hits: diagonal.hits + 1,
                    start: if diagonal.hits == 0 {
                        range.start
                    } else {
                        diagonal.start
                    },
                    seen: diagonal.seen + 1,
                }
            } else {
                Cell {
                    score: diagonal.score - GAP,
                    seen: diagonal.seen + 1,
                    ..*diagonal
                }
            };
            let skip_text = Cell {
                score: up.score - GAP,
                seen: up.seen + 1,
                ..*up
            };
            let skip_quote = Cell {
                score: left.score - GAP,
                ..left
            };
            for other in [skip_text, skip_quote] {
                if other.score > cell.score {
                    cell = other;
                }
            }
            if cell.score <= 0 {
                cell = Cell::default();
            }
            if want == id && best.as_ref().is_none_or(|(top, _)| cell.score > top.score) {
                best = Some((cell, cell.start..range.end));
            }
            left = cell;
            row.push(cell);
        }
        before = row;
    }
    best
}

/// The place whose turn it is, or the last.
pub(super) fn nth<'a>(
    mut places: impl DoubleEndedIterator<Item = &'a Range<usize>> + Clone,
    turn: usize,
) -> Option<&'a Range<usize>> {
    places.clone().nth(turn).or_else(|| places.next_back())
}

/// The places that begin and end where words do, if there are any: `Ann` is not looked for in `Annual`.
fn choose(
    text: &str,
    ranges: impl Iterator<Item = Range<usize>>,
) -> Option<(Vec<Range<usize>>, bool)> {
    let mut ranges: Vec<Range<usize>> = ranges.take(MAX_PLACES).collect();
    let whole = ranges.iter().any(|range| whole_words(text, range));
    if whole {
        ranges.retain(|range| whole_words(text, range));
    }
    (!ranges.is_empty()).then_some((ranges, whole))
}

fn whole_words(text: &str, range: &Range<usize>) -> bool {
    let splits = |at: usize| {
        let (Some(before), Some(after)) = (text.get(..at), text.get(at..)) else {
            return false;
        };
        before.ends_with(char::is_alphanumeric) && after.starts_with(char::is_alphanumeric)
    };
    !splits(range.start) && !splits(range.end)
}

/// A quote as it is compared.
fn compared(quote: &str) -> String {
    let mut out = String::with_capacity(quote.len());
    for c in quote.nfc().flat_map(fold) {
        if c != ' ' || !out.ends_with(' ') {
            out.push(c);
        }
    }
    out.trim().to_owned()
}

fn fold_all(text: &str, spoken: &[Range<usize>]) -> Folded {
    let mut out = Folded::default();
    for speech in spoken {
        for (at, c) in text.get(speech.clone()).unwrap_or_default().char_indices() {
            let from = speech.start + at;
            for folded in fold(c) {
                if folded == ' ' && out.text.ends_with(' ') {
                    continue;
                }
                out.text.push(folded);
                out.origin.resize(out.text.len(), from..from + c.len_utf8());
            }
        }
        out.text.push('\n');
        out.origin.resize(out.text.len(), speech.end..speech.end);
    }
    out
}

/// The runs of letters and digits.
fn split_words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    text.split(|c: char| !c.is_alphanumeric())
        .filter_map(move |word| {
            let start = at;
            let end = start + word.len();
            // One separator, of whatever length, lies between two words.
            at = end
                + text
                    .get(end..)
                    .and_then(|rest| rest.chars().next())
                    .map_or(0, char::len_utf8);
            (!word.is_empty()).then_some(start..end)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Ana Lima: Ann said “yes” — the Annual report, by Ann.\nBo: Ana Lima runs the old tide mill at Skerry Point.\n";

    fn found(quote: &str) -> (Vec<&'static str>, Match) {
        let places = Shown::new(TEXT).find(quote);
        (
            places
                .ranges
                .into_iter()
                .filter_map(|range| TEXT.get(range))
                .collect(),
            places.matched,
        )
    }

    #[test]
    fn labels_are_not_speech() {
        let text = "Ana: Hi: you\nno label\nBo:x\n\nC: \n";
        let ranges = spoken(text).into_iter();
        let speech: Vec<&str> = ranges.filter_map(|range| text.get(range)).collect();
        assert_eq!(speech, ["Hi: you", "no label", "Bo:x", "", ""]);
        let long = format!("{}: x", "a".repeat(61));
        assert_eq!(spoken(&long), vec![0..64; 1]);
        let second = TEXT.rfind("Ana Lima").unwrap()..TEXT.rfind(" runs").unwrap();
        assert_eq!(Shown::new(TEXT).find("Ana Lima").ranges, vec![second; 1]);
    }

    #[test]
    fn exact_prefers_whole_words() {
        let (ranges, matched) = found("Ann");
        assert_eq!((ranges.len(), matched), (2, Match::Exact));
        assert_eq!(found("nnual"), (vec!["nnual"], Match::Exact));
    }

    #[test]
    fn looser_matches_map_back_to_the_text() {
        assert_eq!(
            found("ann SAID \"yes\" - the"),
            (vec!["Ann said “yes” — the"], Match::Normalised)
        );
        assert_eq!(
            found("Ana Lima runs  the old\ntide mill"),
            (vec!["Ana Lima runs the old tide mill"], Match::Normalised)
        );
        assert_eq!(
            found("Ana Lima has run the old tide mill"),
            (vec!["Ana Lima runs the old tide mill"], Match::Fuzzy)
        );
        assert_eq!(
            found("said yes, the annual report!"),
            (vec!["said “yes” — the Annual report"], Match::Fuzzy)
        );
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for quote in [
            "",
            "—",
            " ",
            "Zoe",
            "of the",
            "by Ann. Bo: Ana",
            "report by Ana Lima at sea",
            "Zoe the Zebra",
        ] {
            assert_eq!(found(quote), (vec![], Match::None), "{quote}");
        }
    }

    #[test]
    fn no_place_touches_a_label_or_crosses_a_line() {
        let mut rng = fastrand::Rng::with_seed(11);
        let bits = [
            "Ana", "Bo", ": ", "\n", " ", "É", "ß", "“", "x", "the", "İ", "\u{200b}", "港",
        ];
        let make = |rng: &mut fastrand::Rng, n: usize| -> String {
            (0..n).map(|_| bits[rng.usize(0..bits.len())]).collect()
        };
        for _ in 0..3000 {
            let n = rng.usize(0..40);
            let text = make(&mut rng, n);
            let n = rng.usize(0..6);
            let quote = make(&mut rng, n);
            let places = Shown::new(&text).find(&quote);
            let speech = spoken(&text);
            for range in places.ranges {
                assert!(
                    text.get(range.clone())
                        .is_some_and(|words| !words.is_empty())
                );
                assert!(
                    speech
                        .iter()
                        .any(|s| s.start <= range.start && range.end <= s.end),
                    "{text:?} {quote:?}"
                );
            }
        }
    }

    #[test]
    fn hostile_quotes_are_bounded() {
        let text = format!("A: {}\n", "ab cd ".repeat(5000));
        let mut shown = Shown::new(&text);
        for n in 0..100 {
            let quote = format!("{n} {}", "cd zz ab ".repeat(60));
            let _places = shown.find(&quote);
        }
        let fuzzy = "cd ab zz cd ab";
        assert_eq!(Shown::new(&text).find(fuzzy).matched, Match::Fuzzy);
        let found = (0..10).filter(|_| shown.find(fuzzy).matched == Match::Fuzzy);
        assert!(found.count() < 10, "the steps are used up");
    }
}
