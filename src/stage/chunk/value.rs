//! What a chunk is worth to ask, and which chunks are worth nothing.
//!
//! A chunk is thin by one of two rules. `NoWords`: outside of brackets and between notes of music it holds
//! no letter. `SmallTalk`: every word of it is on the list below. The list is English; other languages are
//! never dropped by it.
//!
//! The value of any other chunk grows with its words, the names among them and its numbers, from 1 to 1000.
//! It only orders what is asked: a wrong value costs nothing but a later answer.

use std::iter::once;

use memchr::{memchr_iter, memchr2};

use crate::model::chunk::DropReason;

/// Greetings, thanks and acknowledgements, in small letters without apostrophes; sorted.
const SMALL_TALK: [&str; 72] = [
    "afternoon",
    "ah",
    "aha",
    "alright",
    "and",
    "awesome",
    "bye",
    "cheers",
    "cool",
    "day",
    "eh",
    "er",
    "evening",
    "everybody",
    "everyone",
    "exactly",
    "fine",
    "folks",
    "gm",
    "gn",
    "good",
    "goodbye",
    "great",
    "guys",
    "ha",
    "haha",
    "hello",
    "hey",
    "hi",
    "hm",
    "hmm",
    "huh",
    "indeed",
    "later",
    "mhm",
    "mm",
    "mmhm",
    "mmhmm",
    "mmm",
    "morning",
    "much",
    "nice",
    "night",
    "no",
    "oh",
    "ok",
    "okay",
    "oops",
    "perfect",
    "please",
    "right",
    "see",
    "so",
    "sorry",
    "sure",
    "thank",
    "thanks",
    "there",
    "uh",
    "uhhuh",
    "uhuh",
    "um",
    "very",
    "welcome",
    "well",
    "wow",
    "yay",
    "yeah",
    "yep",
    "yes",
    "you",
    "yup",
];

/// Where the words of the list begin that begin with each letter; and at the end, how many there are.
#[expect(
    clippy::indexing_slicing,
    reason = "a constant that reached beyond would not compile"
)]
const BY_LETTER: [usize; 27] = {
    let mut starts = [SMALL_TALK.len(); 27];
    let mut at = SMALL_TALK.len();
    while at > 0 {
        at -= 1;
        let letter = (SMALL_TALK[at].as_bytes()[0] - b'a') as usize;
        let mut before = 0;
        while before <= letter {
            starts[before] = at;
            before += 1;
        }
    }
    starts
};

/// Letters of the longest word of the list.
const LONGEST: usize = 9;

/// Whether a word, in small letters without apostrophes, is on the list.
fn is_small_talk(word: &[u8]) -> bool {
    let letter = word.first().map(|first| first.wrapping_sub(b'a').into());
    let range = letter.and_then(|letter: usize| {
        let (start, end) = (BY_LETTER.get(letter)?, BY_LETTER.get(letter + 1)?);
        SMALL_TALK.get(*start..*end)
    });
    range.is_some_and(|words| words.iter().any(|listed| listed.as_bytes() == word))
}

/// Weighs what is said in a chunk, labels aside: its value, and why it is thin if it is.
pub(super) fn weigh(said: &[&str]) -> (u16, Option<DropReason>) {
    let mut tally = Tally::default();
    for text in said {
        tally.read(text);
    }
    if tally.words == 0 {
        return (0, Some(DropReason::NoWords));
    }
    if tally.talk == tally.words {
        return (0, Some(DropReason::SmallTalk));
    }
    // A word counts one, a number four, a name eight; 400 points are worth half of everything.
    let points = (tally.words - tally.talk) + 4 * tally.numbers + 8 * tally.names;
    let value = 1000 * points / (points + 400);
    (u16::try_from(value.max(1)).unwrap_or(1000), None)
}

#[derive(Default)]
struct Tally {
    /// Words outside of brackets; a run of a script without blanks counts one for two characters.
    words: u64,
    /// Those on the list.
    talk: u64,
    numbers: u64,
    /// Words with a capital that do not start a sentence.
    names: u64,
}

impl Tally {
    fn read(&mut self, text: &str) {
        // Most texts hold neither, and then no word need be searched for them.
        let has_brackets = memchr2(b'[', b'(', text.as_bytes()).is_some();
        let has_notes = !text.is_ascii() && text.contains(['♪', '♫']);
        let mut depth = 0u32;
        let mut music = false;
        let mut starts = true;
        for word in words(text) {
            let open = has_brackets && word.starts_with(['[', '(']);
            depth += u32::from(open);
            let notes = if has_notes {
                word.chars().filter(|&c| matches!(c, '♪' | '♫')).count()
            } else {
                0
            };
            if depth == 0 && !music && notes == 0 {
                self.word(word, starts);
            }
            music ^= notes % 2 == 1;
            // A bracket that never closes ends with the sentence.
            let ends = word.ends_with(['.', '!', '?', '…']);
            if ends || (depth > 0 && word.contains([']', ')'])) {
                depth = 0;
            }
            starts = ends;
        }
    }

    fn word(&mut self, word: &str, starts: bool) {
        let mut first = None;
        let mut letters = 0;
        // Its first letters, small; one that is not ASCII makes it none of the list.
        let mut small = [0; LONGEST];
        let mut take = |c: char| {
            first.get_or_insert(c);
            if let Some(to) = small.get_mut(letters) {
                *to = u8::try_from(c).map_or(0, |byte| byte.to_ascii_lowercase());
            }
            letters += 1;
        };
        if word.is_ascii() {
            let bytes = word.bytes().filter(u8::is_ascii_alphabetic);
            bytes.for_each(|byte| take(byte.into()));
        } else {
            let chars = word.chars().filter(|c| c.is_alphabetic());
            chars.for_each(take);
        }
        let Some(first) = first else {
            self.numbers += u64::from(word.contains(|c: char| c.is_numeric()));
            return;
        };
        if !first.is_lowercase() && !first.is_uppercase() {
            self.words += (letters as u64).div_ceil(2);
            return;
        }
        self.words += 1;
        let short = small.get(..letters);
        self.talk += u64::from(short.is_some_and(is_small_talk));
        // `I` and `I'm` are no names.
        let single = letters == 1 || small.starts_with(b"im") || small.starts_with(b"iv");
        self.names += u64::from(first.is_uppercase() && !starts && !single);
    }
}

/// What stands between blanks.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut start = 0;
    let ends = memchr_iter(b' ', text.as_bytes()).chain(once(text.len()));
    ends.filter_map(move |end| {
        let word = text.get(start..end);
        start = end + 1;
        word
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted() {
        assert!(SMALL_TALK.is_sorted());
        for word in SMALL_TALK {
            assert!(is_small_talk(word.as_bytes()), "{word}");
        }
        let longest = SMALL_TALK.iter().map(|word| word.len()).max();
        assert_eq!(longest, Some(LONGEST));
        for word in ["", "a", "yellow", "yeahs", "zoo", "\u{e9}h", "everything"] {
            assert!(!is_small_talk(word.as_bytes()), "{word}");
        }
    }

    #[test]
    fn thin_by_a_stated_rule() {
        use DropReason::{NoWords, SmallTalk};
        for (text, want) in [
            ("[music]", Some(NoWords)),
            ("♪ la la ♪ 12 ...", Some(NoWords)),
            ("(Laughter) 3:15", Some(NoWords)),
            ("", Some(NoWords)),
            ("Yeah. Mm-hm, okay!", Some(SmallTalk)),
            ("Good morning, everyone. [laughs]", Some(SmallTalk)),
            ("Yes, we agree.", None),
            ("So ist es.", None),
            ("好的。", None),
            ("(never closed. Then words", None),
            ("thank you Ana", None),
        ] {
            assert_eq!(weigh(&[text]).1, want, "{text}");
        }
    }

    #[test]
    fn names_and_numbers_are_worth_more() {
        let value = |text: &str| weigh(&[text]).0;
        assert_eq!(value("Hello."), 0);
        let plain = value("we then talked for some time about it");
        let dense = value("we then met Ana Lima of Acme on 12 May");
        assert!(0 < plain && plain < dense, "{plain} {dense}");
        assert!(value(&"Then Ana met Bo in Rome on 5 May. ".repeat(5000)) > 900);
        assert_eq!(value("it was. Then it was"), value("it was. then it was"));
    }
}
