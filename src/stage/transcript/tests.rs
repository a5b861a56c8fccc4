//! What holds for every reader: the promises of the model, on odd and on random files.

#![expect(clippy::string_slice, reason = "a slice that panics is a failed test")]

use std::fmt::Write;

use unicode_normalization::is_nfc;

use super::{decoded, read};
use crate::model::document::{Document, Format, Turn};

/// Reads a text that must be readable, and checks every promise.
pub(super) fn document(path: &str, source: &str) -> Document {
    checked(path, source.as_bytes())
}

/// Reads bytes that must be readable, and checks every promise.
pub(super) fn checked(path: &str, bytes: &[u8]) -> Document {
    let read = read(path, bytes).unwrap();
    let source = decoded(bytes).unwrap().text;
    read.document
        .turns
        .iter()
        .for_each(|turn| check(turn, &source));
    assert_eq!(
        bytes.is_empty(),
        read.document.turns.is_empty() && read.document.problems.is_empty()
    );
    read.document
}

fn check(turn: &Turn, source: &str) {
    let text = turn.text.as_str();
    assert!(
        is_nfc(text) && text.trim() == text && !text.is_empty(),
        "{text:?}"
    );
    assert!(!text.contains("  ") && !text.contains(|c: char| c.is_whitespace() && c != ' '));
    let mut end = (0, 0);
    for piece in &turn.pieces {
        let at = piece.at as usize;
        let slice = &text[at..at + piece.len as usize];
        let span = piece.source;
        let taken = &source[span.byte_start as usize..span.byte_end as usize];
        assert!(!slice.is_empty() && !taken.is_empty());
        assert_eq!(piece.verbatim, slice == taken, "{slice:?} {taken:?}");
        assert_eq!(
            source[..span.byte_start as usize].chars().count(),
            span.char_start as usize
        );
        assert_eq!(
            taken.chars().count(),
            (span.char_end - span.char_start) as usize
        );
        assert!(
            at >= end.0 && span.byte_start >= end.1,
            "order of {slice:?}"
        );
        // What no piece covers is one blank.
        assert!(text[end.0..at].chars().all(|c| c == ' '));
        end = (at + piece.len as usize, span.byte_end);
    }
    assert_eq!(end.0, text.len());
    assert_eq!(turn.cues.first().map(|cue| cue.at), Some(0));
    assert!(turn.cues.is_sorted_by(|a, b| a.at < b.at));
    assert!(
        turn.cues
            .iter()
            .all(|cue| text.is_char_boundary(cue.at as usize))
    );
    assert!(
        turn.speaker
            .as_deref()
            .is_none_or(|name| is_nfc(name) && !name.trim().is_empty())
    );
}

/// `Speaker@start-end: text` of each turn, with bars between.
pub(super) fn turns(path: &str, source: &str) -> String {
    shown(&document(path, source))
}

/// The same of a document.
pub(super) fn shown(document: &Document) -> String {
    let shown = document.turns.iter().map(|turn| {
        let mut line = turn.speaker.clone().unwrap_or_else(|| "-".into());
        let start = turn.cues.first().and_then(|cue| cue.start_ms);
        let end = turn.cues.last().and_then(|cue| cue.end_ms);
        if start.or(end).is_some() {
            write!(
                line,
                "@{}",
                start.map(|t| t.to_string()).unwrap_or_default()
            )
            .unwrap();
        }
        if let Some(end) = end {
            write!(line, "-{end}").unwrap();
        }
        format!("{line}: {}", turn.text)
    });
    shown.collect::<Vec<_>>().join("|")
}

#[test]
fn lines_of_speech() {
    let table = [
        (
            "Ana: Hi.\nBo: Hello,\nall.\n\nAna: So:\n",
            "Ana: Hi.|Bo: Hello, all.|Ana: So:",
        ),
        (
            "[00:00:05] Ana: Hi.\n(01:05) Bo: Yes.\n[00:02:00] and more\n",
            "Ana@5000: Hi.|Bo@65000: Yes. and more",
        ),
        // Zoom chat, with lines that go on.
        (
            "00:13:46\tPotuz:\tgm\r\n00:14:59\tnixo (x):\tReplying to \"gm\"\r\n\r\nHere: too\r\n",
            "Potuz@826000: gm|nixo (x)@899000: Replying to \"gm\" Here: too",
        ),
        // Otter and Rev.
        (
            "Ana Lima  0:03\nHi.\n\nBo  1:05:00\nYes.\nNo.\n\nTranscribed by https://otter.ai\n",
            "Ana Lima@3000: Hi.|Bo@3900000: Yes. No.",
        ),
        (
            "Speaker 1 (00:03):\nHi.\n\nSpeaker 2 (00:05):\nYes.\n",
            "Speaker 1@3000: Hi.|Speaker 2@5000: Yes.",
        ),
        // Space missions.
        (
            "\n[-00:00:00:04]\n_page : 1\nPAO: Ignition. \n\n[00:00:00:33]\nCDR: [glossary:ASCS|The ASCS]\n     is: off.\nLMP: [glossary:P00] Roger.\n",
            "PAO@-4000: Ignition.|CDR@33000: The ASCS is: off.|LMP@33000: P00 Roger.",
        ),
        // A stamp a line, nobody named: sentences.
        (
            "00:00 Hello and\n00:02 welcome.\n00:04 So\n",
            "-@0: Hello and welcome.|-@4000: So",
        ),
        (
            "[00:00.000 --> 00:02.000]  Hi there.\n",
            "-@0-2000: Hi there.",
        ),
        // Prose, wrapped; a colon does not make a name.
        (
            "One line\nof text: two.\n\nSecond part.\n",
            "-: One line of text: two.|-: Second part.",
        ),
        (
            "Date: 2020-02-06\nSubject: x\n\nAna: Hi.\nBo: Yes.\n",
            "Ana: Hi.|Bo: Yes.",
        ),
        ("no newline, no name", "-: no newline, no name"),
        ("\u{feff}\n \t\n", ""),
    ];
    for (source, want) in table {
        assert_eq!(turns("x.txt", source), want, "{source}");
    }
    let stated = document(
        "x.txt",
        "Title: T\nDate: 6 May 2020\n\nAna: Hi.\nBo: Yes.\n",
    );
    assert_eq!(stated.title.as_deref(), Some("T"));
    assert_eq!(
        stated.recorded_at.map(|at| at.to_string()).as_deref(),
        Some("2020-05-06T00:00:00Z")
    );
    assert_eq!(
        (stated.format, document("x.txt", "Prose.").format),
        (Format::Text, Format::Prose)
    );
}

/// What each tool writes is known by its form.
#[test]
fn tools_that_write_text() {
    use Format::{OtterText, Prose, RevText, Spacelog, Text, ZoomChat};
    let table = [
        (
            "10:15:22 From Ana Lima to Everyone:\n\tHello there\n10:15:40 From Bo Chan to Ana(Direct Message):\n\tHi, see https://x.y\n\tand more\n",
            ZoomChat,
            "Ana Lima@36922000: Hello there|Bo Chan@36940000: Hi, see https://x.y and more",
        ),
        (
            "00:14:22\t From  Ana : Hello\n00:14:40\t From  Bo  to  Everyone : Hi: all\n",
            ZoomChat,
            "Ana@862000: Hello|Bo@880000: Hi: all",
        ),
        (
            "00:13:46\tAna:\tgm\n00:14:00\tBo:\tgm\n",
            ZoomChat,
            "Ana@826000: gm|Bo@840000: gm",
        ),
        (
            "[Ana] 10:15:22\nShall we?\n\n[Bo] 10:15:30\nYes: so.\nMore.\n",
            OtterText,
            "Ana@36922000: Shall we?|Bo@36930000: Yes: so. More.",
        ),
        (
            "Sync\nTue, May 19, 2026 10:00AM • 31:05\n\nSUMMARY KEYWORDS\nwall\n\nSPEAKERS\nAna, Bo\n\nAna  00:03\nHi.\n\nBo  1:00:13\nYes.\n\nTranscribed by https://otter.ai\n",
            OtterText,
            "Ana@3000: Hi.|Bo@3613000: Yes.",
        ),
        (
            "Ana   0:03\nHi.\n\nBo   0:13\nYes.\n",
            OtterText,
            "Ana@3000: Hi.|Bo@13000: Yes.",
        ),
        (
            "Ana [00:00:03]\nHi.\nBo [00:00:05]\nYes.\n",
            OtterText,
            "Ana@3000: Hi.|Bo@5000: Yes.",
        ),
        (
            "Speaker 1 (00:03):\nHi.\n\nSpeaker 2 (01:00:05):\nYes. [inaudible 00:12] so.\n",
            RevText,
            "Speaker 1@3000: Hi.|Speaker 2@3605000: Yes. [inaudible 00:12] so.",
        ),
        (
            ">> ANA: Good evening.\nWe begin.\n>> BO: Thanks.\n>> ANA: So.\n>> And others.\n",
            Text,
            "ANA: Good evening. We begin.|BO: Thanks.|ANA: So.|-: And others.",
        ),
        (
            "0:00\nso today\n0:04\nwe go.\n",
            Text,
            "-@0: so today we go.",
        ),
        ("[00:00:00:01]\nCDR: Roger.\n", Spacelog, "CDR@1000: Roger."),
        (
            "Just words, and no more.\n",
            Prose,
            "-: Just words, and no more.",
        ),
    ];
    for (source, format, want) in table {
        let found = document("x.txt", source);
        assert_eq!(
            (found.format, shown(&found).as_str()),
            (format, want),
            "{source}"
        );
    }
    let otter = document("x", table[4].0);
    assert_eq!(otter.title.as_deref(), Some("Sync"));
    assert_eq!(
        otter.recorded_at.map(|at| at.to_string()).as_deref(),
        Some("2026-05-19T10:00:00Z")
    );
    assert_eq!(otter.meta["keywords"], "wall");
}

#[test]
fn markdown() {
    let table = [
        (
            "**Ana:** Hi *all*.\n\n\\[04:15\\] More \\[laughs\\].\n\n**Bo B.:** \\[05:00\\] See [it](u).\n",
            "Ana: Hi all. More [laughs].|Bo B.@300000: See it.",
        ),
        // The one speaker of the front matter, headings, questions at the end.
        (
            "---\ntitle: T\nspeakers:\n  - Ana\n---\n# Intro\n\nOne.\n\nTwo.\n\n## Questions\n\nQ: Why?\n\nA: So.\n\nQ: And?\n\n## End\n\nBye.\n",
            "Ana: One.|Ana: Two.|-: Questions|Q: Why?|A: So.|Q: And?|-: End|Ana: Bye.",
        ),
        // Names on lines of their own.
        (
            "Ana Lima: 00:00:00\n\nHi.\nAll.\n\nBo: 00:00:12 \n\nYes.\n",
            "Ana Lima@0: Hi. All.|Bo@12000: Yes.",
        ),
        (
            "Ana:\n\nHi.\n\nBo:\n\nYes.\n\nAna:\n\nSo.\n",
            "Ana: Hi.|Bo: Yes.|Ana: So.",
        ),
        (
            "### Ana\n\nHi.\n\n### Bo\n\nYes.\n\n### Ana\n\nSo.\n",
            "Ana: Hi.|Bo: Yes.|Ana: So.",
        ),
        (
            "**Ana** (00:03): Hi.\n**Bo**: Yes\n",
            "Ana@3000: Hi.|Bo: Yes",
        ),
        (
            "```\n- a_b `c`\n```\n<!-- x -->\n---\n> q\n",
            "-: - a_b c > q",
        ),
        ("# T\n", ""),
        ("a&nbsp;b<br>c e\u{301}", "-: a b c é"),
        ("---\nno: end\n", "-: no: end"),
    ];
    for (source, want) in table {
        assert_eq!(turns("x.md", source), want, "{source}");
    }
}

/// Files stitched from the marks of all formats: every promise holds whatever they turn out to be.
#[test]
fn any_text_keeps_the_promises() {
    let parts = [
        "WEBVTT\n\n",
        "00:00:01.000 --> 00:00:02.000\n",
        "1\n",
        "\n",
        "\n\n",
        "\r\n",
        "\r",
        " ",
        "  ",
        "\u{a0}",
        "\t",
        "Ana: ",
        "Bo B.: ",
        "**Ana:** ",
        "[00:01:05] ",
        "00:05 ",
        "(00:01)",
        "[00:00:00:01]\n",
        "<v Ana>",
        "</v>",
        "<c>",
        "<00:00:01.500><c>",
        "&amp;",
        "&#x301;",
        "&nbsp;",
        "&",
        "<",
        ">",
        ">> ",
        "- ",
        "# ",
        "## T\n",
        "---\n",
        "title: x\n",
        "[a](b)",
        "[",
        "]",
        "\\[",
        "*",
        "_",
        "`",
        "e\u{301}",
        "\u{301}",
        "\u{327}",
        "é",
        "中文。",
        "😀",
        "\u{200b}",
        "\u{feff}",
        "한",
        "word",
        "two words.",
        "{\"text\":\"",
        "\"}\n",
        "\\n",
        "\\ud83d\\ude00",
        "{\"speaker\":1,\"text\":\"hi\\u0301 a\"}\n",
        "Name  0:03\n",
        "_page : 1\n",
    ];
    let mut random = fastrand::Rng::with_seed(11);
    let mut seen = 0;
    for round in 0..4000 {
        let count = random.usize(1..30);
        let source: String = (0..count).filter_map(|_| random.choice(parts)).collect();
        let path = ["a.txt", "a.md", "a.vtt", "a.srt", "a.jsonl"][round % 5];
        if read(path, source.as_bytes()).is_ok() {
            checked(path, source.as_bytes());
            seen += 1;
        }
    }
    assert!(seen > 3000, "{seen}");
}

/// One line of a megabyte, a million lines, nothing but marks: all in linear time.
#[test]
fn long_files_of_one_kind() {
    for unit in [
        "a",
        " ",
        "a b ",
        "Ana: ",
        "中",
        "e\u{301}",
        "\u{301}",
        "\n",
        "[",
        "<v ",
        "&",
        "**",
        "\\",
        "{\"",
        ":",
        "[[a|",
        "[glossary:",
        "- ",
        "#",
        "00:01 ",
        "\"",
        "1\n",
    ] {
        for prefix in [
            "",
            "WEBVTT\n\n00:01.000 --> 00:02.000\n",
            "00:00:01,000 --> 00:00:02,000\n",
            "# a\n# b\n",
            "[00:00:00:01]\n",
            "{\"text\":\"",
        ] {
            let source = format!("{prefix}{}", unit.repeat(60_000 / unit.len()));
            let turns = read("x", source.as_bytes()).map(|read| read.document.turns.len());
            assert!(
                turns.is_ok() || prefix.ends_with('"') || unit == "{\"" || unit.starts_with('['),
                "{prefix:?} {unit:?}"
            );
        }
    }
}

#[test]
fn utf16_spans_count_in_the_decoded_text() {
    let text = "Ana: Olá 😀 sim.\nBo: Não.\n";
    let mut bytes = vec![0xff, 0xfe];
    text.encode_utf16()
        .for_each(|unit| bytes.extend(unit.to_le_bytes()));
    let read = checked("x.txt", &bytes);
    assert_eq!(read.turns, document("x.txt", text).turns);
    let with_mark = document("x.txt", &format!("\u{feff}{text}"));
    let start = |document: &Document| document.turns[0].pieces[0].source;
    assert_eq!(start(&with_mark).byte_start, start(&read).byte_start + 3);
    assert_eq!(start(&with_mark).char_start, start(&read).char_start + 1);
}
