//! Samples of every format, damaged at random: each damage is read or refused, and the promises hold.

use super::read;
use super::tests::checked;

/// One small file of each kind, with the extension that such files have.
const SAMPLES: [(&str, &str); 24] = [
    (
        "vtt",
        "WEBVTT\nLanguage: pt\n\nNOTE x\n\n1\n00:01.000 --> 00:02.500 align:start\n<v Ana>Olá &amp; <i>bem</i></v>\n\n00:02.500 --> 00:04.000\nBo: sim<00:03.000><c> já</c>\n",
    ),
    (
        "srt",
        "1\n00:00:01,000 --> 00:00:02,500\n{\\an8}- Ana: olá\n\n2\n00:00:02,500 --> 00:00:03,000\n- <b>Bo</b>: sim\n",
    ),
    (
        "txt",
        "Title: T\nDate: 6 May 2020\n\n[00:00:05] Ana: Olá.\n(01:05) Bo: e\u{301} sim,\nmais.\n",
    ),
    ("txt", "Ana Lima  0:03\nOlá.\n\nBo  1:05:00\nSim.\n"),
    (
        "txt",
        "10:15:22 From Ana to Everyone:\n\tOlá\n10:15:40\tBo:\tsim\n",
    ),
    (
        "txt",
        "Q. Where?\nA. Here.\nQ. When?\nA. Now.\nTHE COURT: So.\n",
    ),
    (
        "txt",
        "[-00:00:00:04]\n_page : 1\nPAO: Ignition.\n\n[00:00:00:33]\nCDR: [glossary:ASCS|The ASCS] é off.\n",
    ),
    (
        "md",
        "---\ntitle: 'T'\nspeakers:\n  - Ana\n---\n# A\n\n**Ana:** Olá *todos* \\[04:15\\] [x](u) `c`.\n\n**Bo:** <b>sim</b> &nbsp; ok\n",
    ),
    (
        "jsonl",
        "{\"title\":\"T\"}\n{\"speaker\":\"Ana\",\"start\":1.5,\"end\":2,\"text\":\"ol\\u00e1 \\ud83d\\ude00\"}\n{\"name\":0,\"text\":\"sim\"}\n",
    ),
    ("tsv", "start\tend\ttext\n0\t1500\tOlá\n1500\t2000\tsim\n"),
    (
        "html",
        "<cite>Ana:</cite><time>0:53</time><p>Ol&aacute; &#39;é&#39;</p><cite>Bo:</cite><p>sim<br>já</p>",
    ),
    (
        "json",
        r#"{"text":" Hi.","language":"en","segments":[{"start":0.0,"end":1.5,"text":" Hi.","avg_logprob":NaN,"no_speech_prob":0.9},{"start":1.5,"end":2,"text":" ol\u00e1"}]}"#,
    ),
    (
        "json",
        r#"{"text":"Hi, all","words":[{"word":"Hi","start":0.1,"end":0.3},{"word":"all","start":1,"end":2}]}"#,
    ),
    (
        "json",
        r#"{"segments":[{"start":0,"end":3,"text":"Yes 5","speaker":"S0","words":[{"word":"Yes","start":0,"end":1,"score":0.9,"speaker":"S0"},{"word":"5","speaker":"S1"}]}]}"#,
    ),
    (
        "json",
        r#"{"result":{"language":"pt"},"transcription":[{"timestamps":{"from":"00:00:00,000"},"offsets":{"from":0,"to":1500},"text":" Oi."},{"text":" Oi.","speaker_turn_next":true}]}"#,
    ),
    (
        "json",
        r#"{"results":{"channels":[{"alternatives":[{"transcript":"x","words":[{"word":"hi","punctuated_word":"Hi,","start":0,"end":0.5,"speaker":0}],"paragraphs":{"paragraphs":[{"speaker":1,"sentences":[{"text":"A.","start":0}]}]}}]},{"alternatives":[{"transcript":"y"}]}],"utterances":null}}"#,
    ),
    (
        "json",
        r#"{"id":"1","status":"completed","audio_url":"https://x.y/a?sig=z","text":"Hi","words":[{"text":"Hi","start":170,"end":320,"speaker":"A"}]}"#,
    ),
    (
        "json",
        r#"{"jobName":"j","results":{"transcripts":[{"transcript":"Hi."}],"speaker_labels":{"segments":[{"items":[{"start_time":"0.0","speaker_label":"spk_0"}]}]},"items":[{"start_time":"0.0","end_time":"0.4","alternatives":[{"content":"Hi"}],"type":"pronunciation"},{"alternatives":[{"content":"."}],"type":"punctuation"}]}}"#,
    ),
    (
        "json",
        r#"{"LanguageCode":"en","Transcript":[{"Content":"Hello.","ParticipantRole":"AGENT","BeginOffsetMillis":40,"EndOffsetMillis":50}]}"#,
    ),
    (
        "json",
        r#"{"monologues":[{"speaker":0,"elements":[{"type":"text","value":"Well","ts":0.5},{"type":"punct","value":"-"},{"type":"text","value":"known"}]}]}"#,
    ),
    (
        "json",
        r#"{"version":"1","segments":[{"speaker":"Ana","startTime":0.5,"endTime":0.75,"body":"I"},{"startTime":1,"body":"am"}]}"#,
    ),
    (
        "json",
        r#"{"meeting_transcripts":[{"speaker":"PM","content":"Okay , {vocalsound} ."}],"x":[{"NAMES":["A","B"],"UTTERANCES":["one"]}]}"#,
    ),
    (
        "json",
        r#"[{"NAMES":["A","B"],"UTTERANCES":["one","two\n"],"NUMBER":0}]"#,
    ),
    (
        "json",
        r#"{"events":[{"tStartMs":0,"dDurationMs":4000,"segs":[{"utf8":">> A: we"},{"utf8":"\n are"}]},{"tStartMs":2000,"aAppend":1,"segs":[{"utf8":"\n"}]}]}"#,
    ),
];

/// One to four damages: a byte changed, put in, taken out, a stretch doubled, the end cut off.
fn damage(bytes: &mut Vec<u8>, random: &mut fastrand::Rng) {
    for _ in 0..random.usize(1..5) {
        if bytes.is_empty() {
            return;
        }
        let at = random.usize(..bytes.len());
        let mark = *random
            .choice(b"\n\r\t :\"\\{}[],<>&-0\x80\xff\xc3")
            .unwrap();
        match random.u8(..6) {
            0 => bytes[at] = mark,
            1 => bytes.insert(at, mark),
            2 => {
                bytes.remove(at);
            }
            3 => {
                let end = (at + random.usize(..40)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            4 => bytes.truncate(at),
            _ => bytes[at] = random.u8(..),
        }
    }
}

#[test]
fn damaged_samples_keep_the_promises() {
    let mut random = fastrand::Rng::with_seed(17);
    let mut read_at_all = 0;
    for (extension, sample) in SAMPLES {
        let path = format!("a.{extension}");
        assert!(
            !checked(&path, sample.as_bytes()).turns.is_empty(),
            "{sample}"
        );
        for _ in 0..150 {
            let mut bytes = sample.as_bytes().to_vec();
            damage(&mut bytes, &mut random);
            if read(&path, &bytes).is_ok() {
                checked(&path, &bytes);
                read_at_all += 1;
            }
        }
    }
    // A bad part never loses the file: most damages leave something to read.
    assert!(read_at_all > SAMPLES.len() * 100, "{read_at_all}");
}

/// The same in other encodings.
#[test]
fn samples_in_any_encoding() {
    for (extension, sample) in SAMPLES {
        let path = format!("a.{extension}");
        let plain = checked(&path, sample.as_bytes());
        for (mark, big) in [(&[0xff_u8, 0xfe][..], false), (&[0xfe, 0xff][..], true)] {
            let mut bytes = mark.to_vec();
            for unit in sample.encode_utf16() {
                bytes.extend(if big {
                    unit.to_be_bytes()
                } else {
                    unit.to_le_bytes()
                });
            }
            assert_eq!(checked(&path, &bytes), plain, "{sample}");
        }
        let marked = [b"\xef\xbb\xbf", sample.as_bytes()].concat();
        let marked = checked(&path, &marked);
        assert_eq!(marked.format, plain.format);
        let texts = |document: &super::Document| -> Vec<_> {
            let turns = document.turns.iter();
            turns
                .map(|turn| (turn.speaker.clone(), turn.text.clone()))
                .collect()
        };
        assert_eq!(texts(&marked), texts(&plain), "{sample}");
        let windows = checked(&path, sample.replace('\n', "\r\n").as_bytes());
        assert_eq!(texts(&windows), texts(&plain), "{sample}");
    }
}
