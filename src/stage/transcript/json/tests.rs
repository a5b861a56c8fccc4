//! Documents of each service, as it writes them and as they come broken.

use crate::stage::transcript::read;
use crate::stage::transcript::tests::{document, turns};

fn shown(source: &str) -> String {
    let format = document("x.json", source).format.name();
    format!("{format} {}", turns("x.json", source))
}

fn check(table: &[(&str, &str)]) {
    for (source, want) in table {
        assert_eq!(shown(source), *want, "{source}");
    }
}

#[test]
fn whisper() {
    check(&[
        (
            r#"{"text":" Hi. So","language":"en","segments":[{"id":0,"start":0.0,"end":1.5,"text":" Hi.","avg_logprob":-0.2},{"id":1,"start":1.5,"end":2,"text":" So"}]}"#,
            "whisper-json -@0-1500: Hi.|-@1500-2000: So",
        ),
        // The API's words carry no punctuation; their times go with those of the text.
        (
            r#"{"task":"transcribe","duration":2.0,"text":"Hi, all. Now","words":[{"word":"Hi","start":0.1,"end":0.3},{"word":"all","start":0.4,"end":0.6},{"word":"Now","start":1,"end":1.2}]}"#,
            "whisper-json -@100-600: Hi, all.|-@1000-1200: Now",
        ),
        (
            r#"{"text":"Hi, all now","words":[{"word":"Hi","start":0.1,"end":0.3},{"word":"now","start":1,"end":1.2}]}"#,
            "whisper-json -@100-1200: Hi, all now",
        ),
        (r#"{"text":"Hi."}"#, "whisper-json -: Hi."),
        // Not a number, a time that runs back, a segment without words, one without text.
        (
            r#"{"text":"x","segments":[{"start":NaN,"end":2.0,"text":" a.","avg_logprob":-Infinity},{"start":5,"end":1,"text":" b."},{"start":6,"end":7,"text":""},{"start":8}]}"#,
            "whisper-json -@-2000: a.|-@5000-1000: b.",
        ),
        // A loop is read once, three times are not one.
        (
            r#"{"text":"","segments":[{"start":0,"end":1,"text":" No."},{"start":1,"end":2,"text":" No."},{"start":2,"end":3,"text":" No."},{"start":3,"end":4,"text":" Thanks."},{"start":4,"end":5,"text":" Thanks."},{"start":5,"end":6,"text":" Thanks."},{"start":6,"end":7,"text":" Thanks."},{"start":7,"end":8,"text":" Bye."}]}"#,
            "whisper-json -@0-1000: No.|-@1000-2000: No.|-@2000-3000: No.|-@3000-4000: Thanks.|-@7000-8000: Bye.",
        ),
        (
            r#"{"segments":[{"start":0.5,"end":1,"text":"Hi","words":[{"text":"Hi","start":0.5,"end":1,"confidence":0.9}]}],"text":"Hi"}"#,
            "whisper-timestamped-json -@500-1000: Hi",
        ),
        // Speakers of words differ from that of the segment; a number has none, nor times.
        (
            r#"{"segments":[{"start":0,"end":3,"text":" Yes 5 no.","speaker":"SPEAKER_00","words":[{"word":"Yes","start":0,"end":1,"score":0.9,"speaker":"SPEAKER_00"},{"word":"5"},{"word":"no.","start":2,"end":3,"score":0.5,"speaker":"SPEAKER_01"}]},{"start":3,"end":4,"text":" So.","words":[{"word":"So.","start":3,"end":4,"score":1}]}],"language":"en"}"#,
            "whisperx-json SPEAKER_00@0-1000: Yes 5|SPEAKER_01@2000-3000: no.|-@3000-4000: So.",
        ),
        (
            r#"{"segments":[{"start":0,"end":3,"text":"a b 5","speaker":"S0","words":[{"word":"a","score":1,"speaker":"S0"},{"word":"b","speaker":"S1"},{"word":"5"}]}]}"#,
            "whisperx-json S0: a|S1: b 5",
        ),
        (
            r#"{"segments":[{"start":0,"end":1,"text":"a","speaker":"SPEAKER_00"},{"start":1,"end":2,"text":"b"}]}"#,
            "whisperx-json SPEAKER_00@0-1000: a|-@1000-2000: b",
        ),
        (
            r#"{"result":{"language":"pt"},"transcription":[{"timestamps":{"from":"00:00:00,000","to":"00:00:01,500"},"offsets":{"from":0,"to":1500},"text":" Oi."},{"timestamps":{"from":"00:00:02,000","to":"00:00:03,000"},"text":" Ol\u00e1"}]}"#,
            "whisper-cpp-json -@0-1500: Oi.|-@2000-3000: Olá",
        ),
        // It breaks off in the middle of a word.
        (
            r#"{"text":"Hi. So","segments":[{"start":0.0,"end":1.5,"text":" Hi."},{"start":1.5,"text":" S"#,
            "whisper-json -@0-1500: Hi.",
        ),
        (
            r#"{"segments":[],"text":"","language":"en"}"#,
            "whisper-json ",
        ),
    ]);
    let read = document(
        "x",
        r#"{"text":"a","language":"en","segments":[{"start":0,"end":1,"text":"a","no_speech_prob":0.9,"avg_logprob":-1.4}]}"#,
    );
    assert_eq!(read.language.as_deref(), Some("en"));
    assert!(
        read.problems[0].what.starts_with("perhaps made up"),
        "{:?}",
        read.problems
    );
    assert_eq!(read.problems[0].byte, 40);
}

#[test]
fn vendors() {
    check(&[
        // Deepgram: utterances, paragraphs, words, channels, bare text.
        (
            r#"{"metadata":{"created":"2024-01-01"},"results":{"channels":[{"alternatives":[{"transcript":"hi"}]}],"utterances":[{"start":0.5,"end":1.0,"channel":0,"transcript":"Hi.","speaker":0},{"start":1.0,"end":2.0,"channel":0,"transcript":"So?","speaker":1},{"start":2.5,"end":3.0,"transcript":"Yes.","speaker":1}]}}"#,
            "deepgram-json Speaker 0@500-1000: Hi.|Speaker 1@1000-3000: So? Yes.",
        ),
        (
            r#"{"results":{"channels":[{"alternatives":[{"transcript":"x","words":[{"word":"x","start":9}],"paragraphs":{"paragraphs":[{"speaker":2,"start":0,"sentences":[{"text":"A b.","start":0,"end":1},{"text":"C.","start":1,"end":2}]}]}}]}]}}"#,
            "deepgram-json Speaker 2@0-2000: A b. C.",
        ),
        (
            r#"{"results":{"channels":[{"alternatives":[{"transcript":"x","words":[{"word":"hi","punctuated_word":"Hi,","start":0,"end":0.5,"speaker":0},{"word":"all","start":0.5,"end":0.8,"speaker":0},{"word":"yes","start":0.9,"end":1,"speaker":1}]}]}],"utterances":[]}}"#,
            "deepgram-json Speaker 0@0-800: Hi, all|Speaker 1@900-1000: yes",
        ),
        (
            r#"{"results":{"channels":[{"alternatives":[{"transcript":"Hi."}]},{"alternatives":[{"transcript":"Yes?"}]},{"alternatives":[]}]}}"#,
            "deepgram-json Channel 0: Hi.|Channel 1: Yes?",
        ),
        (
            r#"{"results":{"channels":[{},{}],"utterances":[{"channel":0,"transcript":"a","start":0,"end":1},{"channel":1,"transcript":"b","start":1,"end":2}]}}"#,
            "deepgram-json Channel 0@0-1000: a|Channel 1@1000-2000: b",
        ),
        // AssemblyAI: milliseconds throughout.
        (
            r#"{"id":"1","status":"completed","audio_url":"https://x.y/a?X-Amz-Signature=secret","text":"Hi. No.","words":[{"text":"Hi.","start":170,"end":320,"speaker":"A"}],"utterances":[{"speaker":"A","start":170,"end":320,"text":"Hi."},{"speaker":"B","start":400,"end":500,"text":"No."}]}"#,
            "assemblyai-json Speaker A@170-320: Hi.|Speaker B@400-500: No.",
        ),
        (
            r#"{"id":"1","status":"completed","audio_url":"","text":"Hi you","words":[{"text":"Hi","start":170,"end":320},{"text":"you","start":330,"end":400}],"utterances":null}"#,
            "assemblyai-json -@170-400: Hi you",
        ),
        (
            r#"{"id":"1","status":"completed","language_model":"x","text":"Hi you","words":[]}"#,
            "assemblyai-json -: Hi you",
        ),
        // Rev.ai: values are joined as they are.
        (
            r#"{"monologues":[{"speaker":0,"elements":[{"type":"text","value":"Well","ts":0.5,"end_ts":0.9},{"type":"punct","value":"-"},{"type":"text","value":"known","ts":0.9,"end_ts":1.1},{"type":"punct","value":", "},{"type":"text","value":"yes","ts":1.2,"end_ts":1.3},{"type":"punct","value":"."}]},{"speaker":1,"elements":[{"type":"unknown","value":"<unk>"}]}]}"#,
            "rev-json Speaker 0@500-1300: Well-known, yes.|Speaker 1: <unk>",
        ),
        (
            r#"{"speakers":[{"id":0,"name":"Ana"}],"monologues":[{"speaker":0,"elements":[{"type":"text","value":"a"},{"type":"punct","value":" "},{"type":"text","value":"b"}]}]}"#,
            "rev-json Ana: a b",
        ),
        (
            r#"{"monologues":[{"elements":[]},{"speaker":"x","elements":[{"value":"a"},{"value":"b"},{"type":"punct","value":7}]}]}"#,
            "rev-json x: a b",
        ),
    ]);
    let secret = document(
        "x",
        r#"{"id":"1","status":"completed","audio_url":"https://x.y/a?sig=secret","text":"a"}"#,
    );
    assert!(!format!("{secret:?}").contains("secret"));
    let failed = r#"{"id":"1","status":"error","audio_url":"u","error":"no sound in it"}"#;
    let why = read("x.json", failed.as_bytes()).unwrap_err().to_string();
    assert!(why.ends_with("not a transcript: no sound in it"), "{why}");
    let early = read("x", br#"{"id":"1","status":"queued","audio_url":"u"}"#)
        .unwrap_err()
        .to_string();
    assert!(early.contains("\"queued\""), "{early}");
}

#[test]
fn amazon() {
    check(&[
        (
            r#"{"jobName":"j","results":{"transcripts":[{"transcript":"Hi, all. Yes."}],"speaker_labels":{"speakers":2,"segments":[{"start_time":"0.0","items":[{"start_time":"0.0","speaker_label":"spk_0"},{"start_time":"0.5","speaker_label":"spk_0"}]},{"items":[{"start_time":"1.0","speaker_label":"spk_1"}]}]},"items":[{"start_time":"0.0","end_time":"0.4","alternatives":[{"content":"Hi"}],"type":"pronunciation"},{"alternatives":[{"content":","}],"type":"punctuation"},{"start_time":"0.5","end_time":"0.9","alternatives":[{"content":"all"}],"type":"pronunciation"},{"alternatives":[{"content":"."}],"type":"punctuation"},{"start_time":"1.0","end_time":"1.4","alternatives":[{"content":"Yes"}],"type":"pronunciation"},{"alternatives":[{"content":"."}],"type":"punctuation"}]}}"#,
            "amazon-transcribe-json spk_0@0-900: Hi, all.|spk_1@1000-1400: Yes.",
        ),
        (
            r#"{"results":{"transcripts":[{"transcript":"Hi."}],"items":[]},"status":"COMPLETED"}"#,
            "amazon-transcribe-json -: Hi.",
        ),
        (
            r#"{"results":{"transcripts":[],"audio_segments":[{"transcript":"Hi.","start_time":"0.5","end_time":"1.0","speaker_label":"spk_0"}]}}"#,
            "amazon-transcribe-json spk_0@500-1000: Hi.",
        ),
        (
            r#"{"results":{"transcripts":[]}}"#,
            "amazon-transcribe-json ",
        ),
        (
            r#"{"LanguageCode":"en-US","Transcript":[{"Content":"Hello.","ParticipantRole":"AGENT","BeginOffsetMillis":40,"EndOffsetMillis":5050},{"Content":"Hi.","ParticipantRole":"CUSTOMER","BeginOffsetMillis":5100,"EndOffsetMillis":6000},{"ParticipantRole":"AGENT"}]}"#,
            "amazon-call-json AGENT@40-5050: Hello.|CUSTOMER@5100-6000: Hi.",
        ),
    ]);
}

/// The standard job and Call Analytics, as they come odd.
#[test]
fn odd_amazon() {
    let job = |items: &str| {
        let whole = r#"{"results":{"transcripts":[{"transcript":"whole text"}],"items":[ITEMS]}}"#;
        whole.replace("ITEMS", items)
    };
    let word = |start: &str, word: &str| {
        format!(
            r#"{{"start_time":{start},"end_time":{start},"alternatives":[{{"content":"{word}"}}],"type":"pronunciation"}}"#
        )
    };
    let mark =
        |mark: &str| format!(r#"{{"alternatives":[{{"content":"{mark}"}}],"type":"punctuation"}}"#);
    let table = [
        // A mark first; times as numbers; none; a speaker on the item itself.
        (
            job(&[mark("."), word("\"1\"", "a")].join(",")),
            "-: .|-@1000-1000: a",
        ),
        (
            job(&[word("1.5", "a"), word("2.5", "b")].join(",")),
            "-@1500-2500: a b",
        ),
        (
            job(&[word("null", "a"), mark("?"), word("\"x\"", "b")].join(",")),
            "-: a?|-: b",
        ),
        (
            job(r#"{"alternatives":[]},{"type":"pronunciation"},{"alternatives":[{"content":7}]}"#),
            "-: whole text",
        ),
        (
            job(
                r#"{"speaker_label":"spk_1","start_time":"0.1","alternatives":[{"content":"a"},{"content":"z"}]}"#,
            ),
            "spk_1@100: a",
        ),
        (
            job(&[word("\"9\"", "late"), word("\"1\"", "early")].join(",")),
            "-@9000-9000: late|-@1000-1000: early",
        ),
        (
            job(&[word("\"0\"", "caf\\u00e9"), mark(","), mark("\\u2026")].join(",")),
            "-@0-0: café,…",
        ),
        (
            job(&[
                r#"{"speaker_label":"spk_1","start_time":"0.1","alternatives":[{"content":"a"}]}"#,
                &word("\"0.2\"", "b"),
            ]
            .join(",")),
            "spk_1@100-200: a b",
        ),
        (job(""), "-: whole text"),
    ];
    for (source, want) in table {
        assert_eq!(
            shown(&source),
            format!("amazon-transcribe-json {want}"),
            "{source}"
        );
    }
    check(&[
        (
            r#"{"Transcript":[{"Content":"","ParticipantRole":"AGENT"},{"Content":"a"}]}"#,
            "amazon-call-json -: a",
        ),
        (
            r#"{"Transcript":[{"Content":"a","ParticipantId":"AGENT","BeginOffsetMillis":"12","EndOffsetMillis":null}]}"#,
            "amazon-call-json AGENT@12: a",
        ),
        (
            r#"{"Transcript":[{"Content":"a","ParticipantRole":"AGENT","BeginOffsetMillis":10,"EndOffsetMillis":20},{"Content":"b","ParticipantRole":"AGENT","BeginOffsetMillis":9000,"EndOffsetMillis":9500}]}"#,
            "amazon-call-json AGENT@10-20: a|AGENT@9000-9500: b",
        ),
    ]);
}

/// What collections and captions hold besides.
#[test]
fn odd_collections() {
    check(&[
        (
            r#"{"segments":[{"speaker":"  ","startTime":"0.5","body":" a "},{"startTime":0.6,"body":"b"}]}"#,
            "podcast-json -@500: a b",
        ),
        (
            r#"{"segments":[{"startTime":"00:00:01.5","body":"a"},{"startTime":9,"body":"b"}]}"#,
            "podcast-json -@1500: a|-@9000: b",
        ),
        (
            r#"{"segments":[{"body":7},{"body":"a\nb"},null,[1]]}"#,
            "podcast-json -: a b",
        ),
        (
            r#"{"segments":[{"speaker":{"name":"Ana"},"startTime":-1,"body":"a"}]}"#,
            "podcast-json Ana@-1000: a",
        ),
        (
            r#"{"meeting_transcripts":[{"speaker":3,"content":"a"},{"speaker":null,"content":"b"},{"content":""},7]}"#,
            "qmsum-json Speaker 3: a|-: b",
        ),
        (
            r#"{"meeting_transcripts":[{"speaker":" A :","content":"  "},{"speaker":"A","content":"x\t y"}]}"#,
            "qmsum-json A: x y",
        ),
        (
            r#"[{"NAMES":"MATT","UTTERANCES":["a"]},{"NAMES":["MATT",null,7],"UTTERANCES":["b",3,"c"]}]"#,
            "crd3-json -: a|MATT & Speaker 7: b c",
        ),
        (
            r#"[{"NAMES":["A"],"UTTERANCES":[]},{"NAMES":["A"],"UTTERANCES":"x"},{"NAMES":["B"],"UTTERANCES":[""," y "]}]"#,
            "crd3-json B: y",
        ),
        (
            r#"{"TURNS":[{"NAMES":["A"],"UTTERANCES":["a"]}],"segments":[]}"#,
            "crd3-json A: a",
        ),
        (
            r#"{"events":[{"tStartMs":-5,"segs":[{"utf8":"a"}]},{"segs":[{"utf8":"b"}]},{"tStartMs":"x","segs":[{"utf8":7}]}]}"#,
            "youtube-json3 -@-5-0: a b",
        ),
        (
            r#"{"events":[{"tStartMs":0,"dDurationMs":1000,"segs":[{"utf8":"a\u00e9 \\ \"b\""}]},{"tStartMs":9000,"dDurationMs":10,"segs":[{"utf8":"c"}]}]}"#,
            "youtube-json3 -@0-1000: aé \\ \"b\"|-@9000-9010: c",
        ),
        (
            r#"{"events":[{"tStartMs":0,"segs":[{"utf8":"[Music]"},{"utf8":"\n"},{"utf8":">> so"}]}]}"#,
            "youtube-json3 -@0-0: [Music]|-@0-0: so",
        ),
    ]);
}

#[test]
fn collections() {
    check(&[
        (
            r#"{"version":"1.0.0","segments":[{"speaker":"Ana","startTime":0.5,"endTime":0.75,"body":"I"},{"startTime":1,"endTime":1.25,"body":"am"},{"speaker":"Bo","startTime":2,"endTime":3,"body":"No &amp; no"}]}"#,
            "podcast-json Ana@500-1250: I am|Bo@2000-3000: No &amp; no",
        ),
        (
            r#"{"segments":[{"body":"a"},{"startTime":1}]}"#,
            "podcast-json -: a",
        ),
        (
            r#"{"topic_list":[],"meeting_transcripts":[{"speaker":"PM","content":"Okay , {vocalsound} so ."},{"speaker":"PM","content":"Yes ."},{"speaker":"","content":"Hm"},{"speaker":"UI"}]}"#,
            "qmsum-json PM: Okay , {vocalsound} so .|PM: Yes .|-: Hm",
        ),
        (
            r#"[{"NAMES":["MATT","SAM"],"UTTERANCES":["one","two\u2026"],"NUMBER":0},{"NAMES":[],"UTTERANCES":["x"]},{"NAMES":["SAM"]}]"#,
            "crd3-json MATT & SAM: one two…|-: x",
        ),
        (
            r#"{"TURNS":[{"NAMES":["MATT"],"UTTERANCES":["a"]},{"NAMES":["MATT"],"UTTERANCES":["b"]}]}"#,
            "crd3-json MATT: a|MATT: b",
        ),
        (
            r#"{"wireMagic":"pb3","events":[{"tStartMs":0,"dDurationMs":4000,"id":1},{"tStartMs":0,"dDurationMs":4000,"segs":[{"utf8":"we"},{"utf8":" are","tOffsetMs":400}]},{"tStartMs":2000,"aAppend":1,"segs":[{"utf8":"\n"}]},{"tStartMs":2000,"dDurationMs":3000,"segs":[{"utf8":"going\nup."}]},{"tStartMs":5000,"dDurationMs":1000,"segs":[{"utf8":">> ANA: Hi <b>"}]},{"tStartMs":6000,"segs":[{"utf8":">> ANA: So"}]}]}"#,
            "youtube-json3 -@0-5000: we are going up.|ANA@5000-6000: Hi <b>|ANA@6000-6000: So",
        ),
        (r#"{"events":[{"tStartMs":1,"segs":[]}]}"#, "youtube-json3 "),
    ]);
}

#[test]
fn generic() {
    check(&[
        (
            r#"[{"speaker":"Ana","text":"Hi."},{"speaker":"Ana","text":"So?"},{"name":"Bo","content":"Yes."}]"#,
            "json Ana: Hi.|Ana: So?|Bo: Yes.",
        ),
        (
            r#"{"title":"T","utterances":[{"from":{"name":"Ana"},"start":"00:01:00","utterance":"a"},{"role":"Bo","start":"61.5s","value":"b"}]}"#,
            "json Ana@60000: a|Bo@61500: b",
        ),
        // Whole numbers: milliseconds where seconds would be too slow, with ends and without.
        (
            r#"[{"text":"a b c","start":1000,"end":2000}]"#,
            "json -@1000-2000: a b c",
        ),
        (
            r#"[{"text":"a.","start":0},{"text":"b.","start":90000}]"#,
            "json -@0: a.|-@90000: b.",
        ),
        (
            r#"[{"text":"a b c","start":1,"end":2}]"#,
            "json -@1000-2000: a b c",
        ),
        (
            r#"[{"text":"a","start":1.5,"duration":0.5}]"#,
            "json -@1500-2000: a",
        ),
        (
            r#"{"data":{"segments":[{"text":"a","startMs":5}]}}"#,
            "json -@5: a",
        ),
        (
            r#"{"speaker":"Ana","transcript":"one\ntwo"}"#,
            "json Ana: one two",
        ),
        (
            r#"[{"text":"\ud83d \ud83d\ude00 \u00e9"},{"x":1},{"text":null}]"#,
            "json -: \u{fffd} 😀 é",
        ),
        (
            r#"[{"text":"a","text":"b","speaker":0.0}]"#,
            "json Speaker 0: b",
        ),
        ("[]", "json "),
        (" \u{a0}", "prose "),
        ("{}", "json "),
    ]);
    for (source, part) in [
        (r#"{"odd":1,"keys":[]}"#, "its keys: odd, keys)"),
        ("[1,2]", "hold no text"),
        (r#"[["0",6,3.0]]"#, "hold no text"),
        ("{\"", "cannot be read from byte 1 on: a string has no end"),
    ] {
        let why = read("x.json", source.as_bytes()).unwrap_err().to_string();
        assert!(why.contains(part), "{source}: {why}");
    }
    let stated = document(
        "x.json",
        r#"{"title":"T","date":"2024-05-06","link":"https://x.y/a?token=z","turns":[{"text":"a"}]}"#,
    );
    assert_eq!(stated.title.as_deref(), Some("T"));
    assert!(stated.recorded_at.is_some());
    assert_eq!(stated.meta["link"], "https://x.y/a");
}
