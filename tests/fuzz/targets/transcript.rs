//! Any bytes under any name through the reader: no panic, and every promise of the model holds.
//!
//! The first byte chooses the name, the rest is the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_fuzz::model::document::{Document, Piece};
use weir_fuzz::stage::chunk::{Options, split};
use weir_fuzz::stage::transcript::metadata::{Pattern, sidecar};
use weir_fuzz::stage::transcript::{decoded, read};

const NAMES: [&str; 10] = [
    "a", "a.txt", "a.vtt", "a.srt", "a.md", "a.json", "a.jsonl", "a.tsv", "a.html", "a.docx",
];

fuzz_target!(|input: &[u8]| {
    let Some((first, bytes)) = input.split_first() else {
        return;
    };
    let name = NAMES[usize::from(*first) % NAMES.len()];
    let text = String::from_utf8_lossy(bytes);
    let _ = sidecar("a.meta.toml", bytes);
    let _ = sidecar("a.meta.json", bytes);
    if let Some((pattern, path)) = text.split_once('\n')
        && let Ok(pattern) = Pattern::parse(pattern)
    {
        let _ = pattern.find(path);
    }
    let Ok(found) = read(name, bytes) else { return };
    let source = decoded(bytes).expect("what was read is decoded").text;
    check(&found.document, &source);
});

fn check(document: &Document, source: &str) {
    for turn in &document.turns {
        assert!(!turn.text.is_empty() && turn.text.trim() == turn.text);
        assert!(!turn.text.contains("  "));
        assert!(turn.cues.first().is_some_and(|cue| cue.at == 0));
        assert!(turn.cues.is_sorted_by_key(|cue| cue.at));
        pieces(&turn.text, &turn.pieces, source);
    }
    for chunk in split(document, &Options::default()) {
        pieces(&chunk.text, &chunk.facts.map.pieces, source);
    }
}

fn pieces(text: &str, pieces: &[Piece], source: &str) {
    let mut end = 0;
    for piece in pieces {
        let at = piece.at as usize;
        let slice = &text[at..at + piece.len as usize];
        let taken = &source[piece.source.byte_start as usize..piece.source.byte_end as usize];
        assert!(at >= end && !slice.is_empty());
        assert_eq!(slice == taken, piece.verbatim, "{slice:?} {taken:?}");
        end = at + piece.len as usize;
    }
}
