//! Speech as services report it, in words, segments or utterances, joined into turns.
//!
//! Words become phrases, so that a turn has a time for every few words and not for each; neighbours of one speaker
//! become one turn, nobody's become sentences.

use std::ops::Range;

use super::builder::Builder;
use super::json::unescape;
use super::plain::{cut, ends_sentence};

/// A longer pause ends a turn: some tools cut a sentence over many cues, none pauses within one so long.
const MAX_PAUSE_MS: i64 = 2000;

/// A pause that ends a phrase.
const PHRASE_PAUSE_MS: u64 = 700;

/// Words of a phrase: about what a caption shows at once.
const PHRASE_WORDS: usize = 12;

/// No word is longer, in bytes of its source.
const MAX_WORD: usize = 64;

/// Start and end in milliseconds.
pub(super) type Time = (Option<i64>, Option<i64>);

/// Where one stretch of speech ends and whether the next one goes on with it.
#[derive(Default)]
pub(super) struct Joint {
    last: Time,
}

impl Joint {
    /// Somebody speaks from `time.0` on: goes on with the open turn, or starts one.
    pub(super) fn enter(
        &mut self,
        builder: &mut Builder<'_>,
        voice: Option<&str>,
        time: Time,
        changed: bool,
    ) {
        let (start, end) = time;
        let apart = |later: Option<i64>, earlier: Option<i64>| {
            later
                .zip(earlier)
                .is_some_and(|(later, earlier)| later.saturating_sub(earlier) >= MAX_PAUSE_MS)
        };
        let near = !apart(start, self.last.1) && !apart(self.last.0, start);
        let same = builder.is_open() && builder.speaker() == voice;
        let rounded = builder.ends_sentence() || builder.is_long();
        let goes_on = voice.is_some() || !rounded;
        if same && near && goes_on && !changed {
            builder.gap();
        } else {
            builder.turn(voice.map(str::to_owned));
        }
        builder.cue(start, end);
        self.last = (start, end.max(start));
    }
}

/// A word, a segment or an utterance.
pub(super) struct Part {
    /// Who says it.
    pub(super) speaker: Option<String>,
    /// When.
    pub(super) time: Time,
    /// The inside of a JSON string.
    pub(super) text: Range<usize>,
    /// No blank stands before it, as before a comma.
    pub(super) tight: bool,
}

/// What becomes of parts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Turns {
    /// Neighbours of one speaker are one turn.
    Joined,
    /// Each part is a turn.
    Each,
}

/// Joins parts, in their order.
pub(super) struct Speech {
    turns: Turns,
    joint: Joint,
    phrase: Vec<Part>,
}

impl Speech {
    pub(super) fn new(turns: Turns) -> Self {
        Self {
            turns,
            joint: Joint::default(),
            phrase: Vec::new(),
        }
    }

    /// One more part.
    pub(super) fn part(&mut self, builder: &mut Builder<'_>, part: Part) {
        let goes_on = self.turns == Turns::Joined
            && self
                .phrase
                .last()
                .is_some_and(|last| self.goes_on(builder.source, last, &part));
        if !goes_on {
            self.flush(builder);
        }
        self.phrase.push(part);
    }

    fn goes_on(&self, source: &str, last: &Part, part: &Part) -> bool {
        if last.speaker != part.speaker && !(part.tight && part.speaker.is_none()) {
            return false;
        }
        if part.tight {
            return self.phrase.len() < 4 * PHRASE_WORDS;
        }
        let word = |part: &Part| {
            let text = cut(source, part.text.clone());
            text.len() <= MAX_WORD && !text.trim().contains(' ')
        };
        let pause = part.time.0.zip(last.time.1.or(last.time.0));
        // Either way: a time that runs back is another place in the recording.
        let near = pause.is_none_or(|(start, end)| start.abs_diff(end) < PHRASE_PAUSE_MS);
        near && self.phrase.len() < PHRASE_WORDS
            && word(last)
            && word(part)
            && !ends_sentence(cut(source, last.text.clone()).trim())
    }

    /// Writes what waits for more.
    fn flush(&mut self, builder: &mut Builder<'_>) {
        let Some(first) = self.phrase.first() else {
            return;
        };
        let start = self.phrase.iter().find_map(|part| part.time.0);
        let end = self.phrase.iter().rev().find_map(|part| part.time.1);
        match self.turns {
            Turns::Joined => {
                let voice = first.speaker.as_deref();
                self.joint.enter(builder, voice, (start, end), false);
            }
            Turns::Each => {
                builder.turn(first.speaker.clone());
                builder.cue(start, end);
            }
        }
        for (index, part) in self.phrase.drain(..).enumerate() {
            if index > 0 && !part.tight {
                builder.gap();
            }
            unescape(builder, part.text);
        }
    }

    /// Somebody else speaks from here on.
    pub(super) fn turn(&mut self, builder: &mut Builder<'_>) {
        self.flush(builder);
        builder.end();
    }

    /// Nothing more comes.
    pub(super) fn end(mut self, builder: &mut Builder<'_>) {
        self.flush(builder);
        builder.end();
    }
}
