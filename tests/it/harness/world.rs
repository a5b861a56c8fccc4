//! A folder of transcripts that is added to, edited, renamed and deleted from by chance; and the orders to run over it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use serde_json::Value;
use tempfile::TempDir;
use weir::flow::scope::Scope;
use weir::job::house::Account;
use weir::job::order::{Allow, Order, Timing};
use weir::job::reader::Reading;
use weir::limit::{Caps, Limits};
use weir::llm::{Provider, client};
use weir::model::call::Question;
use weir::model::id::{KeyContext, PromptId, SchemaId};
use weir::model::unit::Micros;
use weir::source::{Root, walk};
use weir::stage::{chunk, transcript};

use super::dice::{ORGANISATIONS, PEOPLE};

/// Folders that go when it does.
pub struct World {
    /// All of it.
    pub folder: TempDir,
    /// What each file holds.
    pub files: BTreeMap<String, String>,
    /// Whatever a file of that path and content hash held, ever; without a hash if it could not be read.
    pub history: BTreeMap<(String, String), Vec<u8>>,
    next: u32,
}

impl World {
    /// An empty one.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("in")).unwrap();
        Self {
            folder,
            files: BTreeMap::new(),
            history: BTreeMap::new(),
            next: 0,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("in").join(name)
    }

    /// The output folder.
    pub fn output(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// Writes a file.
    pub fn write(&mut self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        // What cannot be read is nobody's content.
        let read = transcript::read(name, text.as_bytes());
        let hash = read.map_or_else(|_| String::new(), |read| read.hash.to_string());
        let bytes = text.as_bytes().to_vec();
        self.history.insert((name.to_owned(), hash), bytes);
        self.files.insert(name.to_owned(), text.to_owned());
    }

    /// Deletes a file.
    pub fn delete(&mut self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
        self.files.remove(name);
    }

    /// Renames a file.
    pub fn rename(&mut self, from: &str, to: &str) {
        let text = self.files.get(from).unwrap().clone();
        fs::rename(self.path(from), self.path(to)).unwrap();
        self.files.remove(from);
        self.write(to, &text);
    }

    /// How many of its files can be read.
    pub fn documents(&self) -> usize {
        let read =
            |(name, text): &(&String, &String)| transcript::read(name, text.as_bytes()).is_ok();
        self.files.iter().filter(read).count()
    }

    /// A name for such a text: what states something of itself is Markdown.
    fn name(&self, stem: &str, text: &str) -> String {
        let kinds = [("---", "md"), ("WEBVTT", "vtt"), ("", "txt")];
        let (_, kind) = kinds
            .into_iter()
            .find(|(start, _)| text.starts_with(start))
            .unwrap();
        format!("{stem}{}.{kind}", self.next)
    }

    /// One change by chance.
    pub fn change(&mut self, chance: &mut Rng) {
        let names: Vec<String> = self.files.keys().cloned().collect();
        let some = chance.choice(&names).cloned();
        match (chance.u8(0..10), some) {
            (0..4, _) | (_, None) => {
                self.next += 1;
                let text = transcript_of(chance);
                self.write(&self.name("f", &text), &text);
            }
            (4, Some(name)) => {
                self.next += 1;
                let copy = self.files.get(&name).unwrap().clone();
                self.write(&self.name("copy", &copy), &copy);
            }
            (5, Some(name)) => {
                self.next += 1;
                let to = self.name("renamed", self.files.get(&name).unwrap());
                self.rename(&name, &to);
            }
            (6, Some(name)) => self.delete(&name),
            (7, Some(name)) => {
                let text = format!("{}{}", self.files.get(&name).unwrap(), turn(chance));
                self.write(&name, &text);
            }
            (_, Some(name)) => {
                let mut lines: Vec<String> = self
                    .files
                    .get(&name)
                    .unwrap()
                    .lines()
                    .map(str::to_owned)
                    .collect();
                let at = chance.usize(0..=lines.len());
                lines.insert(at, turn(chance).trim_end().to_owned());
                if lines.len() > 3 && chance.bool() {
                    lines.remove(chance.usize(0..lines.len()));
                }
                self.write(&name, &(lines.join("\n") + "\n"));
            }
        }
    }

    /// An order to run over it.
    pub fn order(&self, provider: Arc<dyn Provider>, workers: usize, seed: u64) -> Order {
        let question = question();
        let chunk = chunk::Options {
            target: 40.try_into().unwrap(),
            ..chunk::Options::default()
        };
        Order {
            dataflow: "test".into(),
            roots: vec![Root {
                label: "in".into(),
                path: self.folder.path().join("in"),
            }],
            files: walk::Options::default(),
            reading: Reading {
                metadata: None,
                hash: format!("{chunk:?}"),
                chunk,
                value_min: 0,
                labelled: false,
            },
            context: KeyContext {
                prompt: question.prompt_id,
                schema: question.schema_id,
                model: question.model.to_string(),
                parameters: "{}".into(),
            },
            question: Arc::new(question),
            provider,
            paid: true,
            price: None,
            account: Account::of("made up", None),
            weight: 1,
            job: None,
            limits: Limits {
                requests_per_minute: 1_000_000,
                tokens_per_minute: 1_000_000_000,
                requests_per_day: None,
                in_flight: 8,
            },
            caps: Caps::default(),
            monthly: None,
            shared: None,
            client: client::Options::default(),
            output: self.output(),
            state: self.folder.path().join("state"),
            workers,
            plan: "plan".into(),
            allow: Allow {
                removal: true,
                ..Allow::default()
            },
            rehash: false,
            retry_failures: false,
            scope: Scope::All,
            wall: wall(),
            seed,
            timing: Timing {
                publish: Duration::ZERO,
                patience: None,
                grace: Duration::from_secs(1),
                quiet: Duration::from_millis(300),
            },
            watch: false,
        }
    }
}

fn wall() -> weir::flow::engine::Wall {
    Arc::new(|| {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        Micros(i64::try_from(since.as_micros()).unwrap())
    })
}

/// The question of the shipped knowledge graph, asked of a made-up model.
pub fn question() -> Question {
    let prompt = include_str!("../../../dataflows/prompts/knowledge-graph.md");
    let schema: Value = serde_json::from_str(include_str!(
        "../../../dataflows/schemas/knowledge-graph.json"
    ))
    .unwrap();
    Question {
        prompt: prompt.into(),
        prompt_id: PromptId::of(&[prompt.as_bytes()]),
        schema_id: SchemaId::of(&[schema.to_string().as_bytes()]),
        schema: Arc::new(schema),
        schema_name: "knowledge_graph".into(),
        model: "made-up".into(),
        parameters: Arc::default(),
    }
}

fn transcript_of(chance: &mut Rng) -> String {
    match chance.u8(0..20) {
        0 => return "%PDF-1.7 is nothing that can be read.\n".to_owned(),
        1 => return "Ana: mm-hm\nBo: Thank you, bye.\nAna: Bye bye.\n".to_owned(),
        _ => {}
    }
    let turns = chance.usize(2..12);
    let opening = "Cleo Diaz: Welcome to the board of the Tide Mill Trust, that is TMT, and thank you all for coming.\n";
    let opening = if chance.u8(0..3) == 0 {
        opening.repeat(2)
    } else {
        String::new()
    };
    // Of few days, so that several documents are of one.
    let (captions, head) = match chance.u8(0..6) {
        0 => (true, "WEBVTT\n\n".to_owned()),
        1 => (false, String::new()),
        _ => {
            let (title, day, room) = (chance.u8(0..9), chance.u8(1..6), chance.u8(0..3));
            let head = format!(
                "---\ntitle: Board {title}\ndate: 2024-03-0{day}\nlanguage: en\nroom: {room}\n---\n"
            );
            (false, head)
        }
    };
    let opening = if captions { String::new() } else { opening };
    let stamped = chance.bool();
    let said = (0..turns).fold(opening, |text, number| {
        let second = chance.u8(0..50);
        let turn = turn(chance);
        if let (true, Some((who, said))) = (captions, turn.split_once(": ")) {
            let (from, to) = (format!("00:{number:02}:{second:02}.000"), second + 9);
            return format!("{text}{from} --> 00:{number:02}:{to:02}.500\n<v {who}>{said}\n");
        }
        let stamp = if stamped {
            format!("[00:{number:02}:{second:02}] ")
        } else {
            String::new()
        };
        text + &stamp + &turn
    });
    // Some say everything several times over.
    let times = if chance.u8(0..5) == 0 { 3 } else { 1 };
    head + &said.repeat(times)
}

/// A line by somebody; a few of them are so common that chunks repeat.
fn turn(chance: &mut Rng) -> String {
    let who = *chance.choice(&PEOPLE).unwrap();
    let whom = *chance.choice(&PEOPLE).unwrap();
    let what = *chance.choice(&ORGANISATIONS).unwrap();
    let other = *chance.choice(&ORGANISATIONS).unwrap();
    let number = chance.u32(0..40);
    let said = match chance.u8(0..8) {
        0 => format!("I hear that {whom} leads {what} since last year."),
        1 => format!("The {what}, that is {other}, has paid for {number} of them."),
        2 => format!("Yesterday {whom} met {who} & it went on for {number} hours."),
        3 => "Shall we look at the next point on the list, please?".to_owned(),
        4 => format!("I have nothing new, but the report of {what} has {number} pages."),
        5 => format!("It was {whom} who said so, in the poison report number {number}."),
        6 => {
            format!("À propos café № {number}: Zoë’s “naïve” plan is what {whom} told the {what}.")
        }
        _ => "mm-hm".to_owned(),
    };
    format!("{who}: {said}\n")
}
