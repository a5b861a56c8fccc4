//! Hearings: `Q.` and `A.` lines, and the numbers that stand before the lines of a transcript.

use super::head::Head;
use super::name::Sure;
use super::plain::{after_mark, from, lines};

/// Questions and answers that make a hearing; fewer may be the letters of a list.
const PAIRS: usize = 2;

/// How the lines of a hearing are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Court {
    /// `Q.` and `A.` stand for who asks and who answers.
    pub(super) letters: bool,
    /// Each line has its number on the page.
    numbers: bool,
}

/// Looks at a whole text.
pub(super) fn look(source: &str, at: usize) -> Court {
    let (mut asked, mut answered, mut numbered, mut all) = (0usize, 0usize, 0usize, 0usize);
    for line in lines(source, at.max(after_mark(source))).filter(|line| !line.is_blank()) {
        all += 1;
        let number = number(line.text);
        numbered += usize::from(number > 0);
        match letter(from(line.text, number)) {
            Some((_, true, _)) => asked += 1,
            Some((_, false, _)) => answered += 1,
            None => {}
        }
    }
    let letters = asked >= PAIRS && answered >= PAIRS;
    Court {
        letters,
        numbers: letters && numbered * 10 > all * 7,
    }
}

impl Court {
    /// Bytes of the line's number.
    pub(super) fn skip(self, line: &str) -> usize {
        if self.numbers { number(line) } else { 0 }
    }

    /// The head of a line that a letter starts.
    pub(super) fn head(self, line: &str) -> Option<Head> {
        let (at, _, used) = letter(line).filter(|_| self.letters)?;
        Some(Head {
            label: Some((at..at + 1, Sure::Bold)),
            body: line.len() - from(line, at + used).trim_start().len(),
            words: at,
            ..Head::default()
        })
    }
}

/// `   12   words`: one or two digits and at least two blanks, or nothing else.
fn number(line: &str) -> usize {
    let start = line.len() - line.trim_start().len();
    let rest = from(line, start);
    let digits = rest.bytes().take(3).take_while(u8::is_ascii_digit).count();
    let tail = from(rest, digits);
    let apart = tail.trim().is_empty() || tail.starts_with("  ") || tail.starts_with('\t');
    if (1..=2).contains(&digits) && apart {
        start + digits
    } else {
        0
    }
}

/// Where `Q.` or `A.` stands at the start of a line, whether it asks, and the bytes up to the words.
fn letter(line: &str) -> Option<(usize, bool, usize)> {
    let at = line.len() - line.trim_start().len();
    let rest = from(line, at);
    let asks = match rest.as_bytes().first() {
        Some(b'Q') => true,
        Some(b'A') => false,
        _ => return None,
    };
    let tail = from(rest, 1);
    let dotted = tail.strip_prefix(['.', ':']);
    let end = dotted.unwrap_or(tail);
    // A bare letter needs room behind it: `A word` is the start of a sentence.
    let apart = end.starts_with("  ") || end.starts_with('\t');
    let is_mark = apart || (dotted.is_some() && (end.is_empty() || end.starts_with(' ')));
    is_mark.then(|| (at, asks, rest.len() - end.len()))
}

#[cfg(test)]
mod tests {
    use crate::model::document::Format;
    use crate::stage::transcript::tests::{document, turns};

    #[test]
    fn hearings() {
        let table = [
            (
                "THE COURT: You may begin.\nBY MR. LEE:\nQ. State your name.\nA. Ana Lima.\nQ. And your work?\nA. I mend\nboats.\nTHE COURT: Thank you.\n",
                "THE COURT: You may begin.|Q: State your name.|A: Ana Lima.|Q: And your work?|A: I mend boats.|THE COURT: Thank you.",
            ),
            (
                " 1   Q.  Where were you?\n 2   A.  At home,\n 3       all day.\n 4   Q.  Alone?\n 5   A.  Yes.\n 6\n",
                "Q: Where were you?|A: At home, all day.|Q: Alone?|A: Yes.",
            ),
            (
                "Q   One?\nA   Two.\nQ   Three?\nA   Four.\n",
                "Q: One?|A: Two.|Q: Three?|A: Four.",
            ),
            (
                "Q: One?\nA: Two.\nQ: Three?\nA: Four.\n",
                "Q: One?|A: Two.|Q: Three?|A: Four.",
            ),
            // The letters of a list are nobody's.
            (
                "A. First of all.\nB. And then.\nC. Done.\n",
                "-: A. First of all. B. And then. C. Done.",
            ),
            ("A. One.\nQ. Two.\n", "-: A. One. Q. Two."),
            (
                "Q\tOne?\nA\tTwo.\nQ\tThree?\nA\tFour.\nA word. Quick.\n",
                "Q: One?|A: Two.|Q: Three?|A: Four. A word. Quick.",
            ),
            (
                "Q. \nwhere?\nA. there\nQ. when?\nA. then\n",
                "Q: where?|A: there|Q: when?|A: then",
            ),
            (
                "MR. LEE: Stop.\nQ. Go on?\nA. No.\nQ. Why?\nA. So.\nMR. LEE: Yes.\n",
                "MR. LEE: Stop.|Q: Go on?|A: No.|Q: Why?|A: So.|MR. LEE: Yes.",
            ),
            (
                "\u{feff}Q. a?\r\nA. b.\r\nQ. c?\r\nA. d.\r\n",
                "Q: a?|A: b.|Q: c?|A: d.",
            ),
        ];
        for (source, want) in table {
            assert_eq!(turns("x.txt", source), want, "{source}");
        }
        let read = document("x.txt", "Q. a?\nA. b.\nQ. c?\nA. d.\n");
        assert_eq!(read.format, Format::CourtText);
    }
}
