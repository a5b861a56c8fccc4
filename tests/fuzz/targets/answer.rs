//! Any text as a model's answer: no panic, one finding for each chunk, and what is valid stays valid when read again.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use weir_fuzz::stage::extract::answer::{Found, Validator, read};
use weir_fuzz::stage::extract::ground::extraction;

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let schema = include_str!("../../../dataflows/schemas/knowledge-graph.json");
    let schema: Value = serde_json::from_str(schema).expect("the shipped schema is JSON");
    Validator::new(&schema).expect("the shipped schema is one")
});

const SHOWN: &str = "Ana: Bob Miller leads the Harbour Trust of Greendale.\nBo: Since 2019, yes.\n";

fuzz_target!(|input: &[u8]| {
    let content = String::from_utf8_lossy(input);
    let tags = ["c1".to_owned(), "c2".to_owned()];
    let found = read(&content, &tags, &VALIDATOR);
    assert_eq!(found.len(), tags.len());
    for (found, tag) in found.iter().zip(&tags) {
        let Found::Valid(answer) = found else { continue };
        let mut again: Value = serde_json::from_str(answer).expect("a valid answer is JSON");
        again["chunk_id"] = tag.as_str().into();
        let again = serde_json::json!({"answers": [again]}).to_string();
        let once = std::slice::from_ref(tag);
        assert_eq!(&read(&again, once, &VALIDATOR)[0], found);
        let _ = extraction(answer, SHOWN);
    }
});
