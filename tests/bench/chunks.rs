//! Measures the readers and the splitter on real transcripts: `cargo bench --bench chunks -- DIR`.
//!
//! For each format: files, failures with their reasons, turns, how many have a speaker and times, problems,
//! speed. Every piece is checked against its source, and so is every word: the slices of its spans must be the word,
//! but for those that hold markup or escapes. For each document of 30 chunks or more: how many
//! chunks are new after one turn was inserted at the top, a third down, in the middle.
//! With `--show N` the first N turns of every file are printed, to be looked at.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it measures and prints"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use weir::model::document::{Cue, Document, Piece, Turn};
use weir::stage::chunk::{Options, split};
use weir::stage::locate::spans;
use weir::stage::{tokens, transcript};

/// What the files of one format came to.
#[derive(Default)]
struct Tally {
    files: usize,
    bytes: u64,
    turns: usize,
    named: usize,
    timed: usize,
    problems: usize,
    chunks: usize,
    dropped: usize,
    tokens: u64,
    exact: u64,
    words: usize,
    sliced: usize,
    marked: usize,
    reading: Duration,
    splitting: Duration,
}

/// New chunks by place: sum and documents.
#[derive(Default)]
struct Moves([(usize, usize); 3]);

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|a| a != "--bench");
    let Some(root) = arguments.next() else {
        println!("usage: cargo bench --bench chunks -- DIR [--show N]");
        return;
    };
    let show = arguments
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(0usize);
    assert!(tokens::count("load the table first") > 0);
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut failures: BTreeMap<String, usize> = BTreeMap::new();
    let mut moves = Moves::default();
    let mut wrong = 0;
    let files = walkdir::WalkDir::new(root).sort_by_file_name();
    for entry in files
        .into_iter()
        .filter_map(Result::ok)
        .filter(|e| e.file_type().is_file())
    {
        let Ok(bytes) = std::fs::read(entry.path()) else {
            continue;
        };
        let path = entry.path().to_string_lossy();
        let start = Instant::now();
        let read = match transcript::read(&path, &bytes) {
            Ok(read) => read,
            Err(error) => {
                let extension = entry
                    .path()
                    .extension()
                    .unwrap_or_default()
                    .to_string_lossy();
                *failures.entry(format!("{extension}: {error}")).or_default() += 1;
                continue;
            }
        };
        let reading = start.elapsed();
        let document = read.document;
        let tally = tallies.entry(document.format.name()).or_default();
        tally.reading += reading;
        wrong += check(entry.path(), &document, &bytes);
        words(tally, &document, &bytes, &mut wrong);
        measure(tally, &document, bytes.len());
        moves.measure(&document);
        if show > 0 {
            print(&path, &document, show);
        }
    }
    report(&tallies, &failures, &moves, wrong);
}

fn measure(tally: &mut Tally, document: &Document, bytes: usize) {
    let start = Instant::now();
    let chunks = split(document, &Options::default());
    tally.splitting += start.elapsed();
    tally.files += 1;
    tally.bytes += bytes as u64;
    tally.turns += document.turns.len();
    tally.named += document
        .turns
        .iter()
        .filter(|turn| turn.speaker.is_some())
        .count();
    let timed = |turn: &&Turn| turn.cues.iter().any(|cue| cue.start_ms.is_some());
    tally.timed += document.turns.iter().filter(timed).count();
    tally.problems += document.problems.len();
    tally.chunks += chunks.len();
    tally.dropped += chunks
        .iter()
        .filter(|chunk| chunk.facts.dropped.is_some())
        .count();
    tally.tokens += chunks
        .iter()
        .map(|chunk| u64::from(chunk.facts.tokens))
        .sum::<u64>();
    tally.exact += chunks
        .iter()
        .map(|chunk| u64::from(tokens::count(&chunk.text)))
        .sum::<u64>();
    for chunk in &chunks {
        for piece in chunk.facts.map.pieces.iter().filter(|piece| piece.verbatim) {
            let span = piece.source;
            assert_eq!(piece.len, span.byte_end - span.byte_start);
        }
    }
}

/// Whether each word of each chunk is where its spans say.
fn words(tally: &mut Tally, document: &Document, bytes: &[u8], wrong: &mut usize) {
    let Ok(source) = transcript::decoded(bytes) else {
        return;
    };
    for chunk in split(document, &Options::default()) {
        let text = &*chunk.text;
        let mut at = 0;
        for word in text.split([' ', '\n']) {
            let (start, end) = (at, at + word.len());
            at = end + 1;
            let place = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
            let spans = spans(&chunk.facts.map, text, place(start), place(end));
            // Labels have no place; nor have empty words.
            if word.is_empty() || spans.is_empty() {
                continue;
            }
            let slices = spans.iter().filter_map(|span| {
                source
                    .text
                    .get(span.byte_start as usize..span.byte_end as usize)
            });
            let taken = slices.collect::<Vec<_>>().join(" ");
            tally.words += 1;
            if taken == word {
                tally.sliced += 1;
            } else if taken.contains(['<', '&', '\\', '*', '[', ']', '>', '`', '_', '{', '"'])
                || !taken.is_ascii()
            {
                tally.marked += 1;
            } else {
                *wrong += 1;
                println!("{word:?} is not {taken:?}");
            }
        }
    }
}

/// Pieces whose slice of the source is not what they say, in the document and in its chunks.
fn check(path: &Path, document: &Document, bytes: &[u8]) -> usize {
    let Ok(source) = transcript::decoded(bytes) else {
        return 0;
    };
    let source = source.text;
    let starts: Vec<usize> = source
        .char_indices()
        .map(|(at, _)| at)
        .chain([source.len()])
        .collect();
    let is_right = |text: &str, piece: &Piece| {
        let span = piece.source;
        let slice = text.get(piece.at as usize..(piece.at + piece.len) as usize);
        let taken = source.get(span.byte_start as usize..span.byte_end as usize);
        let points = [span.char_start, span.char_end].map(|at| starts.get(at as usize).copied());
        let bytes = [span.byte_start, span.byte_end].map(|at| Some(at as usize));
        slice.is_some() && taken.is_some() && (slice == taken) == piece.verbatim && points == bytes
    };
    let chunks = split(document, &Options::default());
    let turns = document
        .turns
        .iter()
        .map(|turn| (turn.text.as_str(), turn.pieces.as_slice()));
    let chunks = chunks
        .iter()
        .map(|chunk| (&*chunk.text, chunk.facts.map.pieces.as_slice()));
    let wrong = turns
        .chain(chunks)
        .flat_map(|(text, pieces)| pieces.iter().map(move |p| (text, p)));
    let wrong = wrong.filter(|(text, piece)| !is_right(text, piece)).count();
    if wrong > 0 {
        println!("{}: {wrong} wrong pieces", path.display());
    }
    wrong
}

impl Moves {
    fn measure(&mut self, document: &Document) {
        let options = Options::default();
        let before: BTreeSet<_> = split(document, &options)
            .iter()
            .map(|c| c.fingerprint)
            .collect();
        if before.len() < 30 {
            return;
        }
        let all = document.turns.len();
        for (place, sum) in [0, all / 3, all / 2].into_iter().zip(&mut self.0) {
            let mut edited = document.clone();
            let speaker = edited
                .turns
                .get(place)
                .and_then(|turn| turn.speaker.clone());
            let text =
                "Before we go on, let me add that the figures were checked again this morning.";
            edited.turns.insert(
                place,
                Turn {
                    speaker,
                    text: text.to_owned(),
                    pieces: Vec::new(),
                    cues: vec![Cue::default()],
                },
            );
            let after = split(&edited, &options);
            sum.0 += after
                .iter()
                .filter(|c| !before.contains(&c.fingerprint))
                .count();
            sum.1 += 1;
        }
    }
}

fn report(
    tallies: &BTreeMap<&str, Tally>,
    failures: &BTreeMap<String, usize>,
    moves: &Moves,
    wrong: usize,
) {
    println!(
        "format                     files     MB   turns named% timed% problems chunks dropped tokens% words% marked read MB/s split MB/s"
    );
    for (name, tally) in tallies {
        let megabytes = tally.bytes as f64 / 1e6;
        let share = |part: usize| 100.0 * part as f64 / tally.turns.max(1) as f64;
        println!(
            "{name:26} {:5} {megabytes:6.2} {:7} {:6.1} {:6.1} {:8} {:6} {:7} {:7.2} {:6.2} {:6} {:9.1} {:10.1}",
            tally.files,
            tally.turns,
            share(tally.named),
            share(tally.timed),
            tally.problems,
            tally.chunks,
            tally.dropped,
            100.0 * tally.tokens as f64 / tally.exact.max(1) as f64,
            100.0 * tally.sliced as f64 / tally.words.max(1) as f64,
            tally.marked,
            megabytes / tally.reading.as_secs_f64(),
            megabytes / tally.splitting.as_secs_f64(),
        );
    }
    for (what, count) in failures {
        println!("not read  {count:5}  {what}");
    }
    for (place, (sum, documents)) in ["top", "third", "middle"].iter().zip(&moves.0) {
        let mean = *sum as f64 / (*documents).max(1) as f64;
        println!(
            "new chunks after a turn inserted at {place:6}: {mean:.2} in {documents} documents"
        );
    }
    println!("wrong pieces: {wrong}");
}

fn print(path: &str, document: &Document, show: usize) {
    println!("== {path} {} {:?}", document.format.name(), document.title);
    println!(
        "   {:?} {:?} {:?}",
        document.recorded_at, document.language, document.meta
    );
    for problem in document.problems.iter().take(3) {
        println!("   ! {} {}", problem.byte, problem.what);
    }
    for turn in document.turns.iter().take(show) {
        let time = turn.cues.first().and_then(|cue| cue.start_ms);
        let end = turn.cues.last().and_then(|cue| cue.end_ms);
        let text: String = turn.text.chars().take(160).collect();
        println!("   [{time:?} {end:?}] {:?}: {text}", turn.speaker);
    }
}
