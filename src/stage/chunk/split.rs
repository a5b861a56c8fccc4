//! Where chunks end.
//!
//! A greedy packer moves every border after an edit. Here a border is set by what stands around it: between
//! the minimum and the maximum length a chunk ends after the unit whose hash with its successor is least.
//! After an edit the next borders fall on the same units again as soon as one of them does.

use std::collections::{BTreeMap, VecDeque};

use super::assemble::Assembler;
use super::unit::{Cutter, Unit};
use super::{By, Options};
use crate::model::chunk::Chunk;
use crate::model::document::Document;
use crate::stage::tokens::count;

/// A record stays whole up to so many times the longest chunk.
const RECORD: u32 = 8;

/// Cuts a document.
///
/// Every byte of its turns is in exactly one chunk, in order, but for blanks at borders.
#[must_use]
pub fn split(document: &Document, options: &Options) -> Vec<Chunk> {
    let target = options.target.get();
    let least = (target / 2).max(1);
    // A unit has `target` tokens at most, so a chunk that is still too short never jumps over this.
    let most = least.saturating_add(target);
    let mut packer = Packer {
        least,
        most,
        window: VecDeque::new(),
        total: 0,
        assembler: Assembler::new(document, options.drop_thin),
        chunks: Vec::new(),
    };
    let mut labels = BTreeMap::new();
    for (index, turn) in document.turns.iter().enumerate() {
        let speaker = turn.speaker.as_deref();
        let label = speaker.map_or(0, |name| {
            *labels
                .entry(name)
                .or_insert_with(|| count(&format!("{name}:")))
        });
        let whole = match (options.by, speaker) {
            (By::Record, _) => most.saturating_mul(RECORD),
            (By::Turns, Some(_)) => target,
            // What nobody says has no turns worth keeping whole: sentences make better borders.
            (By::Turns, None) => 0,
        };
        let cutter = Cutter {
            turn,
            index,
            label,
            most: target,
            whole,
        };
        let mut units = 0;
        cutter.cut(|unit| {
            units += 1;
            // A whole record is the only unit of its window, however long.
            packer.push(unit);
        });
        if options.by == By::Record {
            packer.finish();
        }
    }
    packer.finish();
    packer.chunks
}

struct Packer<'d> {
    least: u32,
    most: u32,
    /// Units since the last border.
    window: VecDeque<Unit>,
    /// Their tokens.
    total: u64,
    assembler: Assembler<'d>,
    chunks: Vec<Chunk>,
}

impl Packer<'_> {
    fn push(&mut self, unit: Unit) {
        self.total += u64::from(unit.tokens);
        self.window.push_back(unit);
        while self.total > u64::from(self.most) && self.window.len() > 1 {
            let units = self.border();
            self.emit(units);
        }
    }

    fn finish(&mut self) {
        if !self.window.is_empty() {
            self.emit(self.window.len());
        }
    }

    /// How many units of the window make the next chunk.
    fn border(&self) -> usize {
        let mut tokens = 0u64;
        let mut best: Option<([u8; 32], usize)> = None;
        let mut fitting = 1;
        // Of the unit at hand: it was the successor before.
        let mut known = None;
        let pairs = self.window.iter().zip(self.window.iter().skip(1));
        for (index, (unit, next)) in pairs.enumerate() {
            tokens += u64::from(unit.tokens);
            if tokens > u64::from(self.most) {
                break;
            }
            fitting = index + 1;
            if tokens >= u64::from(self.least) {
                let document = self.assembler.document();
                let first = known.unwrap_or_else(|| unit.hash(document));
                let second = next.hash(document);
                known = Some(second);
                let hash = pair(&first, &second);
                if best.is_none_or(|(least, _)| hash < least) {
                    best = Some((hash, fitting));
                }
            }
        }
        best.map_or(fitting, |(_, units)| units)
    }

    fn emit(&mut self, units: usize) {
        let mut tokens = 0u32;
        let mut parts: Vec<(usize, usize, usize)> = Vec::new();
        for unit in self.window.drain(..units) {
            tokens = tokens.saturating_add(unit.tokens);
            match parts.last_mut() {
                Some((turn, _, end)) if *turn == unit.turn => *end = unit.end,
                _ => parts.push((unit.turn, unit.start, unit.end)),
            }
        }
        self.chunks.extend(self.assembler.chunk(&parts, tokens));
        // The speaker is named again.
        if let Some(first) = self.window.front_mut().filter(|unit| unit.start > 0) {
            first.tokens = first.tokens.saturating_add(first.label);
        }
        self.total = self.window.iter().map(|unit| u64::from(unit.tokens)).sum();
    }
}

fn pair(unit: &[u8; 32], next: &[u8; 32]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(unit);
    hasher.update(next);
    *hasher.finalize().as_bytes()
}
