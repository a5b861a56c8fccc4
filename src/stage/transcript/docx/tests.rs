//! Documents of Word, packed here: as programs write them, and as they come broken.

use std::io::Write;

use zip::write::{SimpleFileOptions, ZipWriter};

use super::*;
use crate::model::document::Format;
use crate::stage::transcript::tests::{checked, shown};
use crate::stage::transcript::{decoded, read};

fn packed(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn body(xml: &str) -> String {
    format!("<?xml version=\"1.0\"?><w:document xmlns:w=\"w\"><w:body>{xml}</w:body></w:document>")
}

fn document(xml: &str) -> Vec<u8> {
    packed(&[("word/document.xml", &body(xml))])
}

/// A paragraph of one run.
fn said(text: &str) -> String {
    format!("<w:p><w:r><w:t xml:space=\"preserve\">{text}</w:t></w:r></w:p>")
}

#[test]
fn paragraphs_become_turns() {
    let teams = |name: &str, stamp: &str, words: &str| {
        format!(
            "<w:p><w:r><w:rPr><w:b/></w:rPr><w:t>{name}</w:t></w:r><w:r><w:t xml:space=\"preserve\">   {stamp}</w:t></w:r>\
             <w:r><w:br/><w:t>{words}</w:t></w:r></w:p>"
        )
    };
    let table = [
        // Teams: title, date and length above, a name and a stamp, a break, words.
        (
            [
                said("Harbour plan-20260519_100000-Recording"),
                said("May 19, 2026, 10:00AM"),
                said("1h 2m 3s"),
                said("Ana Lima started transcription"),
                teams("Ana Lima", "0:03", "Shall we &amp; start?"),
                teams("Bo Chan (Guest)", "1:00:05", "Yes."),
                teams("Ana Lima", "1:00:09", "Good."),
                said("Ana Lima stopped transcription"),
            ]
            .concat(),
            "Ana Lima@3000: Shall we & start?|Bo Chan@3605000: Yes.|Ana Lima@3609000: Good.",
        ),
        // Older: times of both ends, then the name, then the words.
        (
            ["0:0:1.0 --&gt; 0:0:2.5", "Ana Lima", "Hi all.", "0:0:2.5 --&gt; 0:0:4.0", "Bo", "Hello.", "0:0:4.0 --&gt; 0:0:5.0", "Ana Lima", "So", "0:0:5.0 --&gt; 0:0:6.0", "Bo", "Yes"]
                .map(said)
                .concat(),
            "Ana Lima@1000-2500: Hi all.|Bo@2500-4000: Hello.|Ana Lima@4000-5000: So|Bo@5000-6000: Yes",
        ),
        (
            [said("Ana: Hi"), said("<w:noise/>"), said("Bo: Yes.")].concat(),
            "Ana: Hi|Bo: Yes.",
        ),
        // A word in several runs, tabs and breaks, what was deleted, moved, or is a field's code.
        (
            "<w:p><w:r><w:t>Ana: he</w:t></w:r><w:r><w:t>llo</w:t><w:tab/><w:t>all</w:t></w:r><w:del><w:r><w:delText>x</w:delText></w:r></w:del><w:r><w:instrText>PAGE</w:instrText></w:r></w:p><w:p><w:moveFrom><w:r><w:t>y</w:t></w:r></w:moveFrom><w:r><w:t>Bo: A&#233;&quot;</w:t></w:r><w:r><w:noBreakHyphen/><w:t>b</w:t></w:r></w:p>".into(),
            "Ana: hello all|Bo: Aé\"-b",
        ),
        // What is drawn for new programs stands again for old ones.
        (
            "<w:p><mc:AlternateContent><mc:Choice><w:t>one</w:t></mc:Choice><mc:Fallback><w:t>one</w:t></mc:Fallback></mc:AlternateContent></w:p>".into(),
            "-: one",
        ),
        // The cells of a table are paragraphs.
        (
            format!("<w:tbl><w:tr><w:tc>{}</w:tc><w:tc>{}</w:tc></w:tr></w:tbl>", said("Ana: a."), said("Bo: b.")),
            "Ana: a.|Bo: b.",
        ),
        (said("line\nend e\u{301}"), "-: line end é"),
        (said("a & b &nosuch; c"), "-: a & b c"),
        (String::new(), ""),
        ("<w:p/><w:p></w:p>".into(), ""),
        ("<w:p><w:r><w:t>Ana: cut</w:t></w:r></w:p><w:p><w:r><w:t".into(), "Ana: cut"),
    ];
    for (xml, want) in table {
        let found = checked("x.docx", &document(&xml));
        assert_eq!(shown(&found), want, "{xml}");
        assert_eq!(found.format, Format::Docx);
    }
}

#[test]
fn what_it_states_of_itself() {
    let core = "<cp:coreProperties><dc:title>Plan &amp; so</dc:title><dc:creator>A</dc:creator><dc:language>pt</dc:language><dcterms:created>2026-05-20T10:00:00Z</dcterms:created></cp:coreProperties>";
    let bytes = packed(&[
        ("word/document.xml", &body(&said("Ana: Hi."))),
        ("docProps/core.xml", core),
    ]);
    let found = read("x.bin", &bytes).unwrap();
    assert_eq!(found.document.title.as_deref(), Some("Plan & so"));
    assert_eq!(found.document.language.as_deref(), Some("pt"));
    assert_eq!(found.document.meta["created"], "2026-05-20T10:00:00Z");
    assert!(
        found.document.recorded_at.is_none(),
        "when it was written is not when they spoke"
    );
    assert_eq!(found.stated["title"], "the properties of the document");
    // Offsets count in what was unpacked.
    let text = decoded(&bytes).unwrap().text.into_owned();
    let span = found.document.turns[0].pieces[0].source;
    assert_eq!(
        text.get(span.byte_start as usize..span.byte_end as usize),
        Some("Hi.")
    );
}

#[test]
fn what_is_no_document() {
    let why = |bytes: &[u8]| read("x.docx", bytes).unwrap_err().to_string();
    for (part, want) in [
        ("content.xml", "it is an OpenDocument file"),
        ("xl/workbook.xml", "it is a spreadsheet"),
        ("ppt/presentation.xml", "it is a presentation"),
        ("talk.vtt", "it is a zip archive; unpack it first"),
    ] {
        let bytes = packed(&[(part, "x"), ("mimetype", "y")]);
        assert!(why(&bytes).starts_with(want), "{part}: {}", why(&bytes));
    }
    let whole = document(&said("Ana: Hi."));
    for cut in [4, 30, whole.len() / 2, whole.len() - 1] {
        assert!(why(&whole[..cut]).contains("damaged"), "{cut}");
    }
    // A megabyte of nothing, packed a thousandfold.
    let bomb = document(&"<w:p></w:p>".repeat(2_000_000));
    assert!(bomb.len() < 100_000);
    assert!(why(&bomb).contains("is longer than"), "{}", why(&bomb));
    assert!(why(b"plain words").contains("named like an office document"));
}

/// Any byte changed: an error or a document, never an end.
#[test]
fn damaged_documents() {
    let whole = packed(&[
        (
            "word/document.xml",
            &body(&[said("Ana: Hi."), said("Bo: &#233; so.")].concat()),
        ),
        ("docProps/core.xml", "<a><dc:title>T</dc:title></a>"),
    ]);
    let mut random = fastrand::Rng::with_seed(5);
    let mut seen = 0;
    for _ in 0..600 {
        let mut bytes = whole.clone();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..bytes.len());
            bytes[at] = random.u8(..);
        }
        if read("x.docx", &bytes).is_ok_and(|found| found.document.format == Format::Docx) {
            checked("x.docx", &bytes);
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
    // And any damage to the text alone.
    let xml = body(&[said("Ana: Hi &amp; so."), said("Bo: é.")].concat());
    for _ in 0..600 {
        let mut text: Vec<char> = xml.chars().collect();
        for _ in 0..random.usize(1..6) {
            let at = random.usize(..text.len());
            text[at] = char::from(*random.choice(b"<>/&;w:\"= pt").unwrap());
        }
        let xml: String = text.into_iter().collect();
        checked("x.docx", &packed(&[("word/document.xml", &xml)]));
    }
}
