//! What holds for every split, and how little of it an edit moves.

#![expect(clippy::string_slice, reason = "a slice that panics is a failed test")]

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use super::{By, Options, split};
use crate::model::chunk::Chunk;
use crate::model::document::{Cue, Document, Format, Piece, Span, Turn};
use crate::model::id::Fingerprint;
use crate::stage::tokens::count;

/// A turn whose source is its text, at a byte of an ASCII file.
fn turn(speaker: Option<&str>, text: &str, at: usize) -> Turn {
    let at = u32::try_from(at).unwrap();
    let len = u32::try_from(text.len()).unwrap();
    let points = u32::try_from(text.chars().count()).unwrap();
    let source = Span {
        char_start: at,
        char_end: at + points,
        byte_start: at,
        byte_end: at + len,
    };
    Turn {
        speaker: speaker.map(str::to_owned),
        text: text.to_owned(),
        pieces: vec![Piece {
            at: 0,
            len,
            source,
            verbatim: true,
        }],
        cues: vec![Cue {
            at: 0,
            start_ms: Some(i64::from(at)),
            end_ms: None,
        }],
    }
}

fn document(turns: Vec<Turn>) -> Document {
    Document {
        format: Format::Text,
        title: None,
        recorded_at: None,
        language: None,
        meta: std::collections::BTreeMap::new(),
        turns,
        problems: Vec::new(),
    }
}

fn talk(random: &mut fastrand::Rng, turns: usize) -> Document {
    let words = [
        "we",
        "look",
        "at",
        "Rome,",
        "then",
        "é.",
        "5",
        "more?",
        "so",
        "中文。",
        "Ana",
    ];
    let mut at = 0;
    let turns = (0..turns).map(|_| {
        let count = random.usize(1..60);
        let text: Vec<&str> = (0..count).filter_map(|_| random.choice(words)).collect();
        let text = text.join(" ");
        let speaker = random.choice([Some("Ana"), Some("Bo Chan"), None]).unwrap();
        let made = turn(speaker, &text, at);
        at += text.len() + 1;
        made
    });
    document(turns.collect())
}

fn options(target: u32) -> Options {
    Options {
        target: NonZeroU32::new(target).unwrap(),
        ..Options::default()
    }
}

/// Every promise of the model, and that chunks hold the document, in order and once.
fn check(document: &Document, chunks: &[Chunk], target: u32) {
    let mut shown = String::new();
    for (position, chunk) in chunks.iter().enumerate() {
        let (text, facts) = (&*chunk.text, &chunk.facts);
        assert_eq!(facts.position as usize, position);
        assert_eq!(chunk.fingerprint, Fingerprint::of_shown(text));
        assert!(text.ends_with('\n') && !text.contains("  "));
        for section in &facts.map.sections {
            let slice = &text[section.at as usize..section.end as usize];
            assert_eq!(slice.trim(), slice);
            let speaker = section.speaker.map(|at| &facts.speakers[at as usize]);
            let line = text[..section.at as usize]
                .rfind('\n')
                .map_or(0, |at| at + 1);
            let label = speaker.map_or(String::new(), |name| format!("{name}: "));
            assert!(text[line..].starts_with(&label));
            shown.push_str(slice);
        }
        for piece in &facts.map.pieces {
            let slice = &text[piece.at as usize..(piece.at + piece.len) as usize];
            let span = piece.source;
            assert_eq!(
                slice.chars().count(),
                (span.char_end - span.char_start) as usize
            );
            assert_eq!(slice.len(), (span.byte_end - span.byte_start) as usize);
        }
        let first = facts.map.pieces[0].source;
        assert_eq!(
            (facts.source.byte_start, facts.source.char_start),
            (first.byte_start, first.char_start)
        );
        let exact = count(text);
        assert!(
            facts.tokens.abs_diff(exact) <= 3 + exact / 10,
            "{} {exact}: {text}",
            facts.tokens
        );
        assert!(facts.tokens <= target / 2 + target + 8, "{}", facts.tokens);
    }
    let said: String = document
        .turns
        .iter()
        .flat_map(|turn| turn.text.chars())
        .collect();
    let bare = |text: &str| text.split(' ').collect::<String>();
    assert_eq!(bare(&shown), bare(&said));
}

#[test]
fn chunks_hold_the_document() {
    let mut random = fastrand::Rng::with_seed(3);
    for round in 0..60 {
        let document = talk(&mut random, 1 + round);
        for target in [20, 60, 250] {
            check(&document, &split(&document, &options(target)), target);
        }
    }
}

#[test]
fn a_turn_cut_in_two_names_its_speaker_twice() {
    let text = "It was a long day for all of us. ".repeat(60);
    let chunks = split(
        &document(vec![turn(Some("Ana"), text.trim(), 0)]),
        &options(60),
    );
    assert!(chunks.len() > 3);
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk.text.starts_with("Ana: It was"))
    );
    assert!(chunks.iter().all(|chunk| chunk.facts.start_ms == Some(0)));
}

#[test]
fn records_are_chunks() {
    let long = "word ".repeat(400);
    let turns = vec![
        turn(Some("Ana"), "One.", 0),
        turn(Some("Ana"), "One.", 5),
        turn(None, long.trim(), 10),
        turn(None, "Two. Three.", 3000),
    ];
    let by = |target| Options {
        by: By::Record,
        ..options(target)
    };
    let chunks = split(&document(turns.clone()), &by(100));
    assert_eq!(chunks.len(), 4);
    assert_eq!(chunks[0].fingerprint, chunks[1].fingerprint);
    assert_ne!(chunks[0].facts.source, chunks[1].facts.source);
    assert_eq!(&*chunks[3].text, "Two. Three.\n");
    assert!(split(&document(turns), &by(20)).len() > 10);
}

/// The figure that the design rests on: an inserted turn makes one or two chunks new, not all after it.
#[test]
fn an_inserted_turn_moves_few_borders() {
    let mut random = fastrand::Rng::with_seed(5);
    let (mut made, mut edits) = (0, 0);
    for _ in 0..12 {
        let document = talk(&mut random, 300);
        let before: BTreeSet<_> = split(&document, &options(120))
            .iter()
            .map(|c| c.fingerprint)
            .collect();
        for place in [0, 100, 150] {
            let mut edited = document.clone();
            edited
                .turns
                .insert(place, turn(Some("Bo Chan"), "This was not here before.", 0));
            let after = split(&edited, &options(120));
            made += after
                .iter()
                .filter(|c| !before.contains(&c.fingerprint))
                .count();
            edits += 1;
        }
    }
    assert!(made <= 2 * edits, "{made} new chunks after {edits} edits");
}

/// One word, one sentence and one line of a megabyte each: linear, and bounded chunks.
#[test]
fn long_turns_of_one_kind() {
    for unit in ["a", "é", "a ", "a. ", "中", "\u{301}", "!"] {
        let text = unit.repeat(300_000 / unit.len());
        let document = document(vec![turn(Some("Ana"), text.trim(), 0)]);
        let chunks = split(&document, &options(250));
        assert!(chunks.len() > 10, "{unit} {}", chunks.len());
        assert!(chunks.iter().all(|chunk| chunk.text.len() < 16_000));
    }
}

#[test]
fn nothing_gives_nothing() {
    assert!(split(&document(Vec::new()), &Options::default()).is_empty());
    assert!(split(&document(vec![Turn::default()]), &Options::default()).is_empty());
    let tiny = split(&document(vec![turn(None, "a b. c", 0)]), &options(1));
    assert_eq!(tiny.len(), 3);
    let parsed: Options = toml::from_str("by = \"record\"").unwrap();
    assert_eq!(
        (parsed.by, parsed.target.get(), parsed.drop_thin),
        (By::Record, 250, true)
    );
    assert!(toml::from_str::<Options>("overlap = 1").is_err());
}
