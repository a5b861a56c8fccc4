//! One JSON document: which service wrote it, and what it says.
//!
//! `tape` parses, `shape` tells the services apart by the keys that only they have, one module a family reads.

mod amazon;
mod field;
mod generic;
mod meeting;
mod shape;
mod string;
mod tape;
mod vendor;
mod whisper;
mod youtube;

pub(super) use field::{Clock, Unit, guess, named, time};
pub(super) use generic::{END, LENGTH, SPEAKER, START, TEXT, scalars};
pub(super) use shape::shape;
pub(super) use string::unescape;
pub(super) use tape::{Tape, Value, parse};

use super::builder::Builder;
use super::front::Facts;
use super::plain::from;
use crate::model::document::Format;

/// Reads a document whose shape is known.
pub(super) fn read(builder: &mut Builder<'_>, tape: &Tape<'_>, format: Format) {
    if let Some((at, why)) = tape.broken {
        builder.problem(
            at,
            format!("the JSON cannot be read on from here: {why}; what stands before was read"),
        );
    } else if !from(builder.source, tape.end).trim().is_empty() {
        builder.problem(
            tape.end,
            "what stands behind the JSON document was left out",
        );
    }
    let Some(root) = tape.root() else { return };
    let mut facts = Facts::at("JSON");
    match format {
        Format::WhisperCppJson => whisper::cpp(builder, root, &mut facts),
        Format::WhisperJson | Format::WhisperTimestampedJson | Format::WhisperxJson => {
            whisper::read(builder, root, &mut facts);
        }
        Format::DeepgramJson => vendor::deepgram(builder, root, &mut facts),
        Format::AssemblyaiJson => vendor::assemblyai(builder, root, &mut facts),
        Format::RevJson => vendor::rev(builder, root),
        Format::AmazonTranscribeJson => amazon::job(builder, root, &mut facts),
        Format::AmazonCallJson => amazon::call(builder, root, &mut facts),
        Format::PodcastJson => meeting::podcast(builder, root),
        Format::QmsumJson => meeting::qmsum(builder, root),
        Format::Crd3Json => meeting::crd3(builder, root),
        Format::YoutubeJson3 => youtube::read(builder, root),
        _ => generic::read(builder, root, &mut facts),
    }
    facts.write(builder);
}

#[cfg(test)]
mod tests;
