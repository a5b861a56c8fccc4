//! Who pays when: a compatible server on loopback counts what it is asked about.
//!
//! Records are chunks here, so that what must be paid can be counted by hand.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroU32;
use std::sync::Arc;

use weir::flow::stop::Ending;
use weir::job::order::Order;
use weir::job::run::{Live, Report, run};
use weir::limit::Caps;
use weir::llm::openai::{OpenAi, Options};
use weir::llm::preset::Preset;
use weir::model::price::Price;
use weir::model::unit::Usd;
use weir::stage::chunk;

use crate::harness::project;
use crate::harness::provider::{Act, FakeProvider, Rule, Script};
use crate::harness::world::World;

fn go(order: &Order) -> Report {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run(order, &Live::default())).unwrap()
}

/// A folder of records, asked one by one.
struct Shop {
    world: World,
}

impl Shop {
    fn new() -> Self {
        Self {
            world: World::new(),
        }
    }

    fn order(&self, server: &FakeProvider) -> Order {
        let options = Options::new(Preset::Compatible, server.url());
        let mut order = self
            .world
            .order(Arc::new(OpenAi::new(options).unwrap()), 2, 7);
        let chunk = chunk::Options {
            by: chunk::By::Record,
            target: NonZeroU32::new(100).unwrap(),
            drop_thin: true,
        };
        order.reading.chunk = chunk;
        order.reading.hash = "records".into();
        order.client.batch.most_chunks = 1;
        order.client.attempts = 1;
        order
    }

    /// Runs with a server of this script; returns what it was asked, each text once, and how often in all.
    fn pay(&self, script: Script) -> (usize, usize, Report) {
        let server = FakeProvider::start(script);
        let report = go(&self.order(&server));
        let texts: Vec<String> = server
            .log()
            .into_iter()
            .flat_map(|arrival| arrival.texts)
            .collect();
        let distinct: BTreeSet<&String> = texts.iter().collect();
        (distinct.len(), texts.len(), report)
    }

    fn records(&mut self, name: &str, records: &[String]) {
        self.world.write(name, &(records.join("\n") + "\n"));
    }
}

fn record(text: &str) -> String {
    format!(r#"{{"speaker": "Ana Lima", "text": "{text}"}}"#)
}

fn ten(what: &str) -> Vec<String> {
    (0..10)
        .map(|number| {
            record(&format!(
                "The {what} committee met Bo Chan about item {number} today."
            ))
        })
        .collect()
}

#[test]
fn unseen_text_is_paid_for_and_nothing_else() {
    let mut shop = Shop::new();
    shop.records("a.jsonl", &ten("harbour"));
    shop.records("b.jsonl", &ten("tide"));
    let (cold, all, report) = shop.pay(Script::default());
    assert_eq!((cold, all), (20, 20), "cold");
    assert!(report.manifest.unwrap().info.complete);

    let (again, _, report) = shop.pay(Script::default());
    assert!(again == 0 && report.unchanged, "again");

    shop.world.rename("a.jsonl", "c.jsonl");
    assert_eq!(shop.pay(Script::default()).0, 0, "rename");

    let copy = shop.world.files["b.jsonl"].clone();
    shop.world.write("copy.jsonl", &copy);
    let (copied, _, report) = shop.pay(Script::default());
    assert_eq!(copied, 0, "copy");
    assert_eq!(report.manifest.unwrap().info.chunks.duplicate, 10);

    let mut edited = ten("harbour");
    edited[4] = record("Something quite different was said by Cleo Diaz instead.");
    shop.records("c.jsonl", &edited);
    assert_eq!(shop.pay(Script::default()).0, 1, "edit one");

    let mut more = ten("river");
    more[9] = record("The last one is poison for Cleo Diaz.");
    shop.records("d.jsonl", &more);
    let broken = Script {
        rules: vec![Rule::on(
            "poison",
            Act::Status(500, Vec::new(), "down".into()),
        )],
        ..Script::default()
    };
    let (faulty, _, report) = shop.pay(broken);
    assert_eq!(faulty, 10, "a file of ten more whose last one fails");
    let chunks = report.manifest.unwrap().info.chunks;
    assert_eq!((chunks.failed, chunks.ok), (1, 29));

    let (mended, _, report) = shop.pay(Script::default());
    assert_eq!(mended, 1, "again without the fault");
    assert!(report.manifest.unwrap().info.complete);

    shop.world.delete("d.jsonl");
    let (deleted, _, report) = shop.pay(Script::default());
    assert_eq!(deleted, 0, "delete a file");
    assert_eq!(report.manifest.unwrap().info.documents, 3);
}

#[test]
fn a_budget_ends_a_run_and_the_next_one_goes_on() {
    let mut shop = Shop::new();
    shop.records("a.jsonl", &ten("harbour"));
    shop.records("b.jsonl", &ten("tide"));
    let server = FakeProvider::start(Script::default());
    let mut order = shop.order(&server);
    order.price = Some(Price::per_million(100.0, None, 100.0));
    order.caps.calls = Some(5);
    let report = go(&order);
    assert!(matches!(report.ending, Some(Ending::Budget(_))));
    let info = report.manifest.unwrap().info;
    assert_eq!((info.chunks.ok, info.chunks.unasked), (5, 15));
    assert!(!info.complete && server.log().len() == 5);
    let first = info.cost_usd.unwrap();

    // So little that not even one call fits, then enough for a few: what is reserved never passes the cap.
    order.caps = Caps {
        cost: Usd::from_dollars(0.000_1),
        ..Caps::default()
    };
    assert!(matches!(go(&order).ending, Some(Ending::Budget(_))));
    assert_eq!(server.log().len(), 5);
    // What the run before spent counts.
    order.caps.cost = Usd::from_dollars(first);
    assert!(matches!(go(&order).ending, Some(Ending::Budget(_))));
    assert_eq!(server.log().len(), 5);
    order.caps.cost = Usd::from_dollars(first + 0.2);
    let report = go(&order);
    assert!(matches!(report.ending, Some(Ending::Budget(_))));
    let spent = report.manifest.unwrap().info.cost_usd.unwrap();
    assert!(spent > 0.0 && spent <= 0.2, "{spent}");

    order.caps = Caps::default();
    let report = go(&order);
    assert!(report.ending.is_none() && report.manifest.unwrap().info.complete);
    assert_eq!(server.log().len(), 20, "each text once, over all runs");
}

#[test]
fn a_refused_key_ends_the_run_though_nothing_waits() {
    let mut shop = Shop::new();
    shop.records("a.jsonl", &ten("harbour")[..1]);
    let refusal = r#"{"error":{"message":"bad key","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#;
    let (_, _, report) = shop.pay(Script {
        rules: vec![Rule::on("", Act::Status(401, Vec::new(), refusal.into()))],
        ..Script::default()
    });
    assert!(
        matches!(report.ending, Some(Ending::Refused(_))),
        "{:?}",
        report.ending
    );
    assert_eq!(report.manifest.unwrap().info.chunks.unasked, 1);
}

#[test]
fn equal_chunks_in_flight_are_paid_once() {
    let mut shop = Shop::new();
    let three = [
        record("Bo Chan repeats the very same words in every meeting."),
        record("Ana Lima reads the opening statement of the Harbour Lab."),
        record("Cleo Diaz thanks everybody for coming to the Tide Mill."),
    ];
    for file in 0..5 {
        let records: Vec<String> = (0..12).map(|at| three[(at + file) % 3].clone()).collect();
        shop.records(&format!("f{file}.jsonl"), &records);
    }
    let (distinct, all, report) = shop.pay(Script::default());
    assert_eq!((distinct, all), (3, 3), "60 occurrences of 3 texts");
    let chunks = report.manifest.unwrap().info.chunks;
    assert_eq!((chunks.total, chunks.ok, chunks.duplicate), (60, 3, 57));
}

/// The model puts what one chunk says under the id of another, without a flaw otherwise: both are asked again, alone.
#[test]
fn answers_that_are_mixed_up_are_asked_again_alone() {
    let people = [
        "Adaline Brook",
        "Bertram Cole",
        "Cordelia Dunn",
        "Desmond Eckert",
        "Eleanor Finch",
        "Frederick Gale",
    ];
    let said = people.map(|name| {
        record(&format!(
            "Yesterday {name} wrote to the council of the {} Guild.",
            &name[..5]
        ))
    });
    let mut straight = Shop::new();
    straight.records("a.jsonl", &said);
    straight.pay(Script::default());
    let rows = project::settled(&straight.world.output().join("current"));
    for act in [Act::SwapEvidence, Act::Swap] {
        let mut shop = Shop::new();
        shop.records("a.jsonl", &said);
        let server = FakeProvider::start(Script {
            rules: vec![Rule::on("Eleanor", act.clone()).times(1)],
            ..Script::default()
        });
        let mut order = shop.order(&server);
        order.client.batch.most_chunks = 10;
        let report = go(&order);
        assert!(report.manifest.unwrap().info.complete, "{act:?}");
        // On a busy machine the first calls may be several, and smaller.
        let log = server.log();
        let mixed = log
            .iter()
            .find(|call| call.texts.iter().any(|text| text.contains("Eleanor")));
        let expected = if mixed.unwrap().texts.len() > 1 { 2 } else { 0 };
        let mut seen = BTreeSet::new();
        let mut again = 0;
        for call in &log {
            for text in &call.texts {
                if !seen.insert(text) {
                    again += 1;
                    assert_eq!(call.texts.len(), 1, "{act:?}: alone");
                }
            }
        }
        assert_eq!((seen.len(), again), (said.len(), expected), "{act:?}");
        let own = project::settled(&shop.world.output().join("current"));
        assert_eq!(own, rows, "{act:?}: as if nothing had been");
    }
}

#[test]
fn a_lost_output_is_rebuilt_equal_without_a_call() {
    let mut shop = Shop::new();
    shop.records("a.jsonl", &ten("harbour"));
    shop.records("b.jsonl", &ten("tide"));
    shop.pay(Script::default());
    let current = shop.world.output().join("current");
    let before = project::settled(&current);
    fs::remove_dir_all(shop.world.output()).unwrap();
    let (asked, _, report) = shop.pay(Script::default());
    assert_eq!(asked, 0);
    assert!(report.manifest.unwrap().info.complete);
    assert_eq!(project::settled(&current), before);
}
