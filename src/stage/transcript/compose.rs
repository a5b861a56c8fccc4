//! Brings a turn to NFC without losing where its text came from.

use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::plain::{cut, offset};
use crate::model::document::{Piece, Span, Turn};

/// Adds a piece; one that goes on where a verbatim one ends, in text and source, becomes part of it.
pub(super) fn join(pieces: &mut Vec<Piece>, piece: Piece) {
    if let Some(last) = pieces.last_mut()
        && last.verbatim
        && piece.verbatim
        && last.at + last.len == piece.at
        && last.source.byte_end == piece.source.byte_start
    {
        last.len += piece.len;
        last.source.byte_end = piece.source.byte_end;
        return;
    }
    pieces.push(piece);
}

/// Composes the text of a turn; a cluster that changes becomes one atom. Code points are not set yet.
///
/// Every atom that comes in is a single character, so none reaches over a cluster's border.
pub(super) fn compose(turn: &mut Turn) {
    if turn.text.is_ascii() || is_nfc_quick(turn.text.chars()) == IsNormalized::Yes {
        return;
    }
    let mut text = String::with_capacity(turn.text.len());
    let mut pieces = Vec::with_capacity(turn.pieces.len());
    let mut old = turn.pieces.iter().peekable();
    let mut cues = turn.cues.iter_mut().peekable();
    for (start, cluster) in Clusters(&turn.text, 0) {
        let (from, to) = (offset(start), offset(start + cluster.len()));
        while let Some(cue) = cues.next_if(|cue| cue.at < to) {
            cue.at = offset(text.len());
        }
        let at = offset(text.len());
        let composed: String = cluster.nfc().collect();
        let same = composed == cluster;
        let mut atom: Option<Span> = None;
        while let Some(piece) = old.peek().filter(|piece| piece.at < to) {
            let clipped = clip(piece, from, to);
            if same {
                join(
                    &mut pieces,
                    Piece {
                        at: at + (clipped.at - from),
                        ..clipped
                    },
                );
            } else {
                atom.get_or_insert(clipped.source).byte_end = clipped.source.byte_end;
            }
            if piece.at + piece.len > to {
                break;
            }
            old.next();
        }
        if let Some(source) = atom {
            let len = offset(composed.len());
            pieces.push(Piece {
                at,
                len,
                source,
                verbatim: false,
            });
        }
        text.push_str(&composed);
    }
    turn.text = text;
    turn.pieces = pieces;
}

/// The part of a piece between two bytes of the text.
fn clip(piece: &Piece, from: u32, to: u32) -> Piece {
    if !piece.verbatim {
        return *piece;
    }
    let at = piece.at.max(from);
    let len = (piece.at + piece.len).min(to) - at;
    let byte_start = piece.source.byte_start + (at - piece.at);
    let source = Span {
        byte_start,
        byte_end: byte_start + len,
        ..Span::default()
    };
    Piece {
        at,
        len,
        source,
        verbatim: true,
    }
}

/// Stretches that compose each by itself: a starter that never joins what is before it, and what follows.
struct Clusters<'t>(&'t str, usize);

impl<'t> Iterator for Clusters<'t> {
    type Item = (usize, &'t str);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.1;
        let rest = self.0.get(start..).filter(|rest| !rest.is_empty())?;
        let mut before = ' ';
        let length = rest
            .char_indices()
            .find(|&(at, c)| {
                // Nothing joins a blank, and the blank between two cues must stay apart.
                let border = at > 0 && (before == ' ' || is_border(c));
                before = c;
                border
            })
            .map_or(rest.len(), |(at, _)| at);
        self.1 = start + length;
        Some((start, cut(rest, 0..length)))
    }
}

fn is_border(c: char) -> bool {
    c.is_ascii()
        || (canonical_combining_class(c) == 0
            && is_nfc_quick(std::iter::once(c)) == IsNormalized::Yes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::document::{Cue, Format};
    use crate::stage::transcript::builder::Builder;

    #[test]
    fn composed_clusters_are_atoms() {
        let source = "Jose\u{301} x\u{327}\u{301}y 한 \u{1112}\u{1161}\u{11ab}";
        let mut builder = Builder::new(source, Format::Text, Vec::new());
        builder.turn(None);
        builder.text(0..source.len());
        let turn = builder.finish().0.turns.remove(0);
        assert_eq!(turn.text, source.nfc().collect::<String>());
        let atoms: Vec<_> = turn
            .pieces
            .iter()
            .filter(|p| !p.verbatim)
            .map(|p| {
                let s = p.source;
                (
                    cut(&turn.text, p.at as usize..(p.at + p.len) as usize),
                    cut(source, s.byte_start as usize..s.byte_end as usize),
                )
            })
            .collect();
        assert_eq!(
            atoms,
            [("é", "e\u{301}"), ("한", "\u{1112}\u{1161}\u{11ab}")]
        );
    }

    #[test]
    fn clusters_compose_as_the_whole_does() {
        let alphabet: Vec<char> =
            " ae\u{301}\u{327}\u{345}\u{1100}\u{1161}\u{11a8}가각\u{9c7}\u{9be}\u{212b}\u{2126}😀"
                .chars()
                .collect();
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..2000 {
            let text: String = (0..random.usize(1..12))
                .filter_map(|_| random.choice(&alphabet))
                .collect();
            let mut turn = Turn {
                text: text.clone(),
                cues: vec![Cue::default()],
                ..Turn::default()
            };
            compose(&mut turn);
            assert_eq!(turn.text, text.nfc().collect::<String>(), "{text:?}");
        }
    }
}
