//! Tasks, decisions and open questions by the words that announce them.
//!
//! "I'll" is said a hundred times for each promise. So a cue counts only before a verb of doing, and before a vague one
//! only where a time is named as well; what is being told ("I'll never forget") or shown ("let me add this term") is
//! left out. Better two of three promises than one of three right.

use serde_json::{Map, Value};

use super::due::due;
use super::sentences::{Sentence, Word, sentences};
use super::words::{BETWEEN, DECIDED, OPEN, STOP, STRONG, STRONG_PAIRS, TALK, WEAK, WHO};
use super::{SAID, item};

/// Longest item, in words: where nobody ends a sentence, this does.
const MAX_WORDS: usize = 32;

/// Who is to do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doer {
    /// Who says so.
    Speaker,
    /// Who is spoken to.
    Addressee,
    /// Whose name stands there, so many words long.
    Named(usize),
    /// All, or somebody.
    Nobody,
}

/// What the words at some place announce.
#[derive(Clone, Copy, Debug)]
struct Cue {
    /// Where it begins.
    start: usize,
    /// One past its last word.
    end: usize,
    doer: Doer,
    /// How sure a sign it is: 2 with any verb of doing, 1 with a clear one or a time, 0 with a clear one and a time.
    trust: u8,
}

/// The items of a shown text, in text order.
pub(super) fn find(shown: &str) -> Vec<Map<String, Value>> {
    let sentences = sentences(shown);
    let mut found = Vec::new();
    for sentence in &sentences {
        let before = found.len();
        tasks(shown, sentence, &mut found);
        if found.len() == before
            && let Some(item) = said(shown, sentence)
        {
            found.push(item);
        }
    }
    found
}

fn word(words: &[Word], at: usize) -> &str {
    words.get(at).map_or("", |word| word.lower.as_str())
}

/// The text from one word to another.
fn text<'s>(shown: &'s str, words: &[Word]) -> Option<&'s str> {
    let (first, last) = (words.first()?, words.last()?);
    shown.get(first.place.start..last.place.end)
}

fn tasks(shown: &str, sentence: &Sentence<'_>, found: &mut Vec<Map<String, Value>>) {
    let words = &sentence.words;
    // A note instead of a speaker.
    let label = sentence.speaker.unwrap_or_default().to_lowercase();
    if ["action item", "action", "action point", "todo", "to do"].contains(&label.as_str()) {
        let cue = Cue {
            start: 0,
            end: 0,
            doer: Doer::Nobody,
            trust: 2,
        };
        found.extend(task(shown, sentence, cue, clause(sentence, 0)));
        return;
    }
    let mut at = 0;
    while at < words.len() {
        let Some(cue) = cue(sentence, at) else {
            at += 1;
            continue;
        };
        let end = clause(sentence, cue.end);
        if let Some(task) = task(shown, sentence, cue, end) {
            found.push(task);
            at = end;
        } else {
            at += 1;
        }
    }
}

/// What is announced at a word, if anything is.
fn cue(sentence: &Sentence<'_>, at: usize) -> Option<Cue> {
    let words = &sentence.words;
    let w = |n: usize| word(words, at + n);
    let cue = |length: usize, doer, trust| {
        Some(Cue {
            start: at,
            end: at + length,
            doer,
            trust,
        })
    };
    let pause = words.get(at + 1).is_some_and(|word| word.pause);
    match (w(0), w(1), w(2), w(3)) {
        ("action", "item" | "items" | "point", _, _) if pause => return cue(2, Doer::Nobody, 2),
        ("i'll", ..) => return cue(1, Doer::Speaker, 1),
        ("i", "will", ..) => return cue(2, Doer::Speaker, 1),
        ("i'm", "going", "to", _) => return cue(3, Doer::Speaker, 0),
        ("i", "am", "going", "to") => return cue(4, Doer::Speaker, 0),
        ("i'm", "gonna", ..) | ("i", "can" | "could", ..) => return cue(2, Doer::Speaker, 0),
        ("we'll", ..) => return cue(1, Doer::Nobody, 1),
        ("we", "will", ..) => return cue(2, Doer::Nobody, 1),
        ("we're", "going", "to", _) => return cue(3, Doer::Nobody, 0),
        ("let's", ..) => return cue(1, Doer::Nobody, 0),
        ("we" | "somebody" | "someone", "need" | "needs" | "have" | "has", "to", _) => {
            return cue(3, Doer::Nobody, 0);
        }
        ("we" | "somebody" | "someone", "should" | "must", ..) => {
            return cue(2, Doer::Nobody, 0);
        }
        ("can" | "could" | "would" | "will", "you", ..) => {
            let then = usize::from(w(2) == "please");
            return cue(2 + then, Doer::Addressee, 1);
        }
        ("please", ..) if at == 0 || words.get(at - 1).is_some_and(|word| word.pause) => {
            return cue(1, Doer::Addressee, 1);
        }
        _ => {}
    }
    let length = name(words, at)?;
    let w = |n: usize| word(words, at + length + n);
    match (w(0), w(1), w(2)) {
        ("will" | "to", ..) => cue(length + 1, Doer::Named(length), 1),
        ("is", "going", "to") => cue(length + 3, Doer::Named(length), 1),
        _ => None,
    }
}

/// How many words of a name stand at a place where one may be the subject.
fn name(words: &[Word], at: usize) -> Option<usize> {
    let part = |word: &Word| {
        word.capital
            && word.lower.chars().count() > 1
            && !STOP.contains(&format!(" {} ", word.lower))
    };
    let before = at.checked_sub(1).and_then(|at| words.get(at));
    // In the middle of a name, or after a preposition, it is no subject.
    let free = before.is_none_or(|word| {
        word.pause
            || matches!(
                word.lower.as_str(),
                "and" | "so" | "then" | "that" | "okay" | "but"
            )
    });
    let length = words
        .get(at..)?
        .iter()
        .take_while(|word| part(word))
        .count();
    (free && (1..=3).contains(&length)).then_some(length)
}

/// Where the clause that begins at a word ends: at the sentence's end, at the next cue, or when it is too long.
fn clause(sentence: &Sentence<'_>, from: usize) -> usize {
    let words = &sentence.words;
    let most = words.len().min(from + MAX_WORDS);
    let mut end = most;
    for at in from + 2..most {
        let next = matches!(
            word(words, at),
            "i'll" | "we'll" | "let's" | "i'm" | "because"
        ) || (word(words, at) == "i" && word(words, at + 1) == "will")
            || (word(words, at) == "but" && words.get(at - 1).is_some_and(|word| word.pause));
        if next {
            end = at;
            break;
        }
    }
    while end > from + 1 && matches!(word(words, end - 1), "and" | "so" | "but" | "then" | "or") {
        end -= 1;
    }
    end
}

/// How clear a verb of doing stands at a place: 2 clear, 1 vague, 0 none.
fn doing(words: &[Word], at: usize) -> u8 {
    let (first, second) = (word(words, at), word(words, at + 1));
    let talk = TALK.iter().any(|(verb, after)| {
        let mut rest = words.iter().skip(at + 1).map(|word| word.lower.as_str());
        *verb == first && after.split(' ').all(|wanted| rest.next() == Some(wanted))
    });
    if talk {
        0
    } else if STRONG.contains(&first) || STRONG_PAIRS.contains(&(first, second)) {
        2
    } else {
        u8::from(WEAK.contains(&first))
    }
}

fn task(shown: &str, sentence: &Sentence<'_>, cue: Cue, end: usize) -> Option<Map<String, Value>> {
    let words = &sentence.words;
    let before = cue.start.checked_sub(1).map_or("", |at| word(words, at));
    // What somebody said or might say is no promise.
    if matches!(
        before,
        "said"
            | "says"
            | "say"
            | "like"
            | "if"
            | "what"
            | "which"
            | "how"
            | "when"
            | "where"
            | "as"
    ) {
        return None;
    }
    let asked = cue.doer == Doer::Addressee;
    if sentence.asks && !asked {
        return None;
    }
    let mut verb = cue.end;
    if cue.trust < 2 {
        while verb < end && BETWEEN.contains(&word(words, verb)) && doing(words, verb) == 0 {
            verb += 1;
        }
    }
    let rest = words.get(verb..end).filter(|rest| rest.len() > 1)?;
    let time = due(rest);
    let clear = doing(words, verb);
    // Of "today" and "this quarter" people talk while they explain; that dates no vague promise.
    let near = time.clone().is_some_and(|range| {
        let first = word(rest, range.start);
        matches!(first, "today" | "this")
            && !matches!(word(rest, range.start + 1), "afternoon" | "evening")
    });
    let dated = u8::from(time.is_some() && (clear == 2 || !near));
    // A vague verb with a time is a promise of one's own ("I'll do it tomorrow"); of all, it is talk.
    let sure = match (cue.trust, clear) {
        (2, _) | (1, 2) => true,
        (_, 0) => false,
        (1, _) => dated == 1 && cue.doer != Doer::Nobody,
        (_, clear) => clear == 2 && dated == 1,
    };
    if !sure {
        return None;
    }
    let due = time.and_then(|range| text(shown, rest.get(range)?));
    let owner = match cue.doer {
        Doer::Speaker => sentence.speaker,
        Doer::Addressee => addressee(shown, sentence, cue, end),
        Doer::Named(length) => text(shown, words.get(cue.start..cue.start + length)?),
        // "Action item: Bo to paint the door."
        Doer::Nobody => name(words, verb)
            .filter(|length| cue.trust == 2 && matches!(word(words, verb + length), "to" | "will"))
            .and_then(|length| text(shown, words.get(verb..verb + length)?)),
    };
    Some(item([
        ("kind", Some("task")),
        ("text", text(shown, rest)),
        ("owner", owner),
        ("due", due),
        (SAID, text(shown, words.get(cue.start..end)?)),
    ]))
}

/// The name by which somebody is spoken to, before the cue or at the end.
fn addressee<'s>(shown: &'s str, sentence: &Sentence<'_>, cue: Cue, end: usize) -> Option<&'s str> {
    let words = &sentence.words;
    let called = |range: std::ops::Range<usize>| {
        let length = name(words, range.start)?;
        (range.start + length == range.end)
            .then(|| text(shown, words.get(range)?))
            .flatten()
    };
    let before = cue.start.checked_sub(1).and_then(|first| {
        words.get(first).filter(|word| word.pause)?;
        (first.saturating_sub(1)..=first).find_map(|start| called(start..cue.start))
    });
    let last = end.checked_sub(1)?;
    let paused = last
        .checked_sub(1)
        .and_then(|at| words.get(at))
        .is_some_and(|word| word.pause);
    before.or_else(|| called(last..end).filter(|_| paused))
}

/// A decision or an open question, if the sentence is one.
fn said(shown: &str, sentence: &Sentence<'_>) -> Option<Map<String, Value>> {
    let words = &sentence.words;
    let plain: Vec<&str> = words.iter().map(|word| word.lower.as_str()).collect();
    let at = |phrases: &[&str]| {
        phrases.iter().find_map(|phrase| {
            let wanted: Vec<&str> = phrase.split(' ').collect();
            plain
                .windows(wanted.len())
                .position(|found| found == wanted)
        })
    };
    let marked = |marker: &str| {
        plain.first() == Some(&marker) && words.first().is_some_and(|word| word.pause)
    };
    let negated = plain
        .iter()
        .any(|word| word.ends_with("n't") || matches!(*word, "not" | "never"));
    // "The targets that we decided on" tells of a decision, and takes none.
    let told = |at: &usize| {
        let before = at.checked_sub(1).and_then(|at| plain.get(at));
        before.is_some_and(|word| {
            matches!(
                *word,
                "that" | "which" | "what" | "when" | "why" | "how" | "something"
            )
        })
    };
    let decided = at(DECIDED)
        .filter(|at| !told(at) && !negated)
        .filter(|_| !sentence.asks)
        .or_else(|| marked("decision").then_some(0));
    let open = at(OPEN).or_else(|| {
        let starts = |phrase: &&str| {
            plain
                .iter()
                .copied()
                .zip(phrase.split(' '))
                .all(|(a, b)| a == b)
        };
        (sentence.asks && plain.len() > 3 && WHO.iter().any(starts)).then_some(0)
    });
    let (kind, at) = match (decided, open) {
        (Some(at), _) => ("decision", at),
        (None, Some(at)) => ("question", at),
        (None, None) => return None,
    };
    // The whole sentence, or of an endless one what follows the cue.
    let start = if words.len() > MAX_WORDS { at } else { 0 };
    let end = words.len().min(start + MAX_WORDS);
    let part = words.get(start..end).filter(|part| part.len() > 2)?;
    let due = due(part).and_then(|range| text(shown, part.get(range)?));
    let due = due.filter(|_| kind == "decision");
    Some(item([
        ("kind", Some(kind)),
        ("text", text(shown, part)),
        ("owner", None),
        ("due", due),
        (SAID, text(shown, part)),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(shown: &str) -> Vec<String> {
        find(shown)
            .iter()
            .map(|item| {
                let part = |name: &str| item[name].as_str().unwrap_or("-").to_owned();
                format!(
                    "{} [{}] {} ({})",
                    part("kind"),
                    part("owner"),
                    part("text"),
                    part("due")
                )
            })
            .collect()
    }

    #[test]
    fn promises_requests_decisions_and_questions_are_found() {
        for (said, expected) in [
            (
                "Ana: I'll send you the letter this afternoon.",
                "task [Ana] send you the letter this afternoon (this afternoon)",
            ),
            (
                "Ana: Bo, can you book the hall by Friday?",
                "task [Bo] book the hall by Friday (by Friday)",
            ),
            (
                "Ana: Could you send me the list, Bo?",
                "task [Bo] send me the list, Bo (-)",
            ),
            (
                "Ana: Then Bo Lund will contact the yard.",
                "task [Bo Lund] contact the yard (-)",
            ),
            (
                "Action item: Bo to paint the door.",
                "task [Bo] Bo to paint the door (-)",
            ),
            (
                "Ana: We need to order the timber before the end of the month.",
                "task [-] order the timber before the end of the month (before the end of the month)",
            ),
            (
                "Ana: I'll do that tomorrow.",
                "task [Ana] do that tomorrow (tomorrow)",
            ),
            (
                "Ana: So we decided to keep the old wheel.",
                "decision [-] So we decided to keep the old wheel (-)",
            ),
            (
                "Ana: We don't know yet who pays for the crane.",
                "question [-] We don't know yet who pays for the crane (-)",
            ),
            (
                "Ana: Who is going to open the gate?",
                "question [-] Who is going to open the gate (-)",
            ),
        ] {
            assert_eq!(items(&format!("{said}\n")), [expected], "{said}");
        }
    }

    #[test]
    fn one_sentence_may_promise_twice() {
        let found = items("Ana: I'll call the yard tomorrow and I'll send Bo the bill.\n");
        assert_eq!(
            found,
            [
                "task [Ana] call the yard tomorrow (tomorrow)",
                "task [Ana] send Bo the bill (-)"
            ]
        );
    }

    #[test]
    fn talk_is_no_task() {
        for said in [
            "I'll tell you a story.",
            "I'll never forget it.",
            "Can you hear me?",
            "Could you tell us how it began?",
            "Let's start with the first slide.",
            "Let me add this term here.",
            "He said I'll send it.",
            "If I'll send it, it is lost.",
            "We need to add one to both sides.",
            "We'll see.",
            "I'll come back to that.",
            "Would you say so?",
            "Spring will come.",
        ] {
            assert_eq!(
                items(&format!("Ana: {said}\n")),
                Vec::<String>::new(),
                "{said}"
            );
        }
    }
}
