//! `weir init`: a dataflow of one's own to start from: a folder with a TOML file, a prompt and a schema.

use std::fs;
use std::io::{BufRead, Write};
use std::path::Path;

use clap::Args;
use serde_json::json;

use super::Exit;
use super::confirm::somebody_is_there;
use super::printer::Printer;
use crate::plan::shipped;

/// The longest answer to a question, in bytes.
const LONGEST: u64 = 1000;
/// The name where none is given.
const NAME: &str = "my-dataflow";
/// What is extracted where nothing is said.
const WHAT: &str = "every claim that somebody makes, and what it rests on";

/// The arguments of `init`.
#[derive(Args, Clone, Debug, Default)]
pub struct InitArgs {
    /// The name of the dataflow, and of its folder [default: my-dataflow].
    pub name: Option<String>,
    /// What to extract, in a sentence.
    #[arg(long, value_name = "SENTENCE")]
    pub extract: Option<String>,
    /// The model to ask; with rules, or none: rules, which need no key and no network.
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Start from a shipped dataflow: knowledge-graph, action-items or topics.
    #[arg(long, value_name = "DATAFLOW", value_parser = ["knowledge-graph", "action-items", "topics"])]
    pub like: Option<String>,
}

impl InitArgs {
    /// Whether anything was said on the command line: then nothing is asked.
    fn says_something(&self) -> bool {
        self.name.is_some() || self.extract.is_some() || self.model.is_some() || self.like.is_some()
    }
}

/// What is to be written.
struct Starter {
    name: String,
    description: String,
    model: Option<String>,
    prompt: String,
    schema: String,
}

/// Runs the command.
pub fn run(args: &InitArgs, printer: &mut Printer) -> Exit {
    let mut args = args.clone();
    if !args.says_something() && somebody_is_there() {
        args = asked(printer, &mut std::io::stdin().lock());
    }
    let starter = match starter(&args) {
        Ok(starter) => starter,
        Err(why) => {
            printer.plain_error(&format!("error: {why}\n"));
            return Exit::Usage;
        }
    };
    let folder = Path::new(&starter.name);
    if let Err(why) = write(folder, &starter) {
        printer.plain_error(&format!("error: {why}\n"));
        return Exit::Usage;
    }
    if args.extract.is_some() && starter.schema != schema() {
        printer.note(
            "a sentence is for a model to follow: this starter has the form of a shipped dataflow; with --model NAME it \
             follows the sentence",
        );
    }
    let file = format!("{0}/{0}.toml", starter.name);
    let model = match &starter.model {
        Some(_) => "",
        None => " --model gpt-4o-mini",
    };
    printer.result(&format!(
        "wrote      {file}\n           {0}/prompt.md   what is asked, in words\n           \
         {0}/schema.json the form of an answer: its properties are the columns\n\
         next       weir check {file}\n           weir plan {file} -i FOLDER{model}\n           \
         weir run {file} -i FOLDER{model}",
        starter.name
    ));
    Exit::Complete
}

/// Asks for the little there is to know; an empty answer takes what stands in brackets.
fn asked(printer: &mut Printer, answers: &mut dyn BufRead) -> InitArgs {
    let mut ask = |question: String| {
        printer.question(&question);
        let mut answer = String::new();
        let read = std::io::Read::take(&mut *answers, LONGEST).read_line(&mut answer);
        let answer = answer.trim().to_owned();
        (read.is_ok() && !answer.is_empty()).then_some(answer)
    };
    InitArgs {
        name: ask(format!("name [{NAME}]: ")),
        extract: ask(format!("what to extract, in a sentence [{WHAT}]: ")),
        model: ask("model, such as gpt-4o-mini [rules: no key, no network]: ".to_owned())
            .or_else(|| Some("rules".to_owned())),
        like: None,
    }
}

fn starter(args: &InitArgs) -> Result<Starter, String> {
    let name = args.name.clone().unwrap_or_else(|| NAME.to_owned());
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !((1..=64).contains(&name.len()) && name.chars().all(fine)) {
        return Err(format!(
            "{name:?} is no name for a dataflow: 1 to 64 letters, digits, \"-\" or \"_\""
        ));
    }
    let what = args.extract.as_deref().unwrap_or(WHAT).trim();
    let what = what.trim_end_matches('.').to_owned();
    if what.is_empty() || what.chars().any(char::is_control) {
        return Err("--extract wants a sentence on one line".to_owned());
    }
    let model = args.model.clone().filter(|model| model != "rules");
    if let Some(odd) = model
        .as_ref()
        .filter(|model| model.chars().any(char::is_control))
    {
        return Err(format!("{odd:?} is no name of a model"));
    }
    // Rules answer in their own forms only: without a model the starter is one of these.
    let like = match (&args.like, &model) {
        (Some(like), _) => Some(like.as_str()),
        (None, None) if args.extract.is_none() || args.model.is_some() => Some("action-items"),
        (None, _) => None,
    };
    let Some(like) = like else {
        return Ok(Starter {
            prompt: prompt(&what),
            schema: schema(),
            description: what,
            name,
            model,
        });
    };
    let text = |path: String| shipped::text(&path).map(str::to_owned);
    let both = text(format!("prompts/{like}.md")).zip(text(format!("schemas/{like}.json")));
    let (prompt, schema) = both.ok_or_else(|| format!("there is no dataflow {like:?} to copy"))?;
    Ok(Starter {
        description: format!("a copy of {like} to change"),
        name,
        model: model.or_else(|| Some(crate::plan::RULES_MODEL.to_owned())),
        prompt,
        schema,
    })
}

/// What is asked of a model, from one sentence.
fn prompt(what: &str) -> String {
    format!(
        "You read transcripts of speech. Each line of a transcript is `Speaker: words`. For each chunk, list this: {what}.\n\
         \n\
         - `kind`: what sort of thing it is, in one word.\n\
         - `summary`: what it is, in one short sentence that can be read without the transcript.\n\
         - `who`: whom it concerns or who says it, by the name used in the transcript; null if nobody is named.\n\
         - `certainty`: stated if it is said outright, hedged if it is said with doubt.\n\
         - `quote`: the shortest stretch within one line that says so, copied letter by letter from the speech.\n\
         \n\
         List each thing once. An empty list is a good answer. Invent nothing.\n"
    )
}

fn schema() -> String {
    let text = |what: &str| json!({"type": "string", "description": what});
    let schema = json!({
        "type": "object",
        "properties": {"items": {"type": "array", "items": {
            "type": "object",
            "properties": {
                "kind": text("What sort of thing it is, in one word."),
                "summary": text("What it is, in a sentence."),
                "who": {"type": ["string", "null"], "description": "Whom it concerns, or who says it."},
                "certainty": {"type": "string", "enum": ["stated", "hedged"], "description": "How sure it is said to be."},
                "quote": text("The words that say so."),
            },
            "required": ["kind", "summary", "who", "certainty", "quote"],
            "additionalProperties": false,
        }}},
        "required": ["items"],
        "additionalProperties": false,
    });
    format!("{schema:#}\n")
}

fn toml(starter: &Starter) -> String {
    let quoted = |text: &str| toml_text(text);
    let model = match &starter.model {
        Some(model) => format!("model = {}", quoted(model)),
        None => "# model = \"gpt-4o-mini\"          # or --model on the command line".to_owned(),
    };
    format!(
        "# A dataflow of your own. `weir check` shows every value that holds and where it came from.\n\
         # The properties of the items in schema.json are columns of the table `items`: add, rename and remove them. One\n\
         # called `quote` is looked for in the text, so that each row says who said it, when, and where it stands.\n\
         \n\
         name = {}\n\
         description = {}\n\
         \n\
         [chunk]\n\
         target = 250                     # tokens of a chunk; larger ones are cheaper and answered less thoroughly\n\
         \n\
         [extract]\n\
         prompt = \"prompt.md\"\n\
         schema = \"schema.json\"\n\
         {model}\n\
         \n\
         [extract.parameters]\n\
         temperature = 0\n",
        quoted(&starter.name),
        quoted(&starter.description),
    )
}

/// As a TOML string; JSON's escapes are among TOML's.
fn toml_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Writes all of it, or nothing: a folder that is there already is not touched.
fn write(folder: &Path, starter: &Starter) -> Result<(), String> {
    if let Err(error) = fs::create_dir(folder) {
        return Err(match error.kind() {
            std::io::ErrorKind::AlreadyExists => format!(
                "{} is there already, and nothing is overwritten\nhint: choose another name: weir init NAME",
                folder.display()
            ),
            _ => format!("could not create {}: {error}", folder.display()),
        });
    }
    let files = [
        (format!("{}.toml", starter.name), toml(starter)),
        ("prompt.md".to_owned(), starter.prompt.clone()),
        ("schema.json".to_owned(), starter.schema.clone()),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        let written =
            fs::File::create_new(&path).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| format!("could not write {}: {error}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::extract::items::Ruleset;
    use crate::stage::extract::schema::check_schema;

    #[test]
    fn starters_are_checked_before_they_are_written() {
        let args = |name: &str, extract: Option<&str>, model: Option<&str>| InitArgs {
            name: Some(name.to_owned()),
            extract: extract.map(str::to_owned),
            model: model.map(str::to_owned),
            like: None,
        };
        for (args, rules) in [
            (args("a", None, None), true),
            (args("a", Some("every \"price\""), None), false),
            (args("a", Some("prices."), Some("gpt-4o-mini")), false),
            (args("a", Some("prices"), Some("rules")), true),
        ] {
            let starter = starter(&args).unwrap();
            let schema = serde_json::from_str(&starter.schema).unwrap();
            check_schema(&schema).unwrap();
            assert_eq!(Ruleset::serving(&schema).is_some(), rules, "{args:?}");
            assert_eq!(
                starter.model.as_deref() == Some(crate::plan::RULES_MODEL),
                rules
            );
            assert!(!starter.prompt.contains("..") && !toml(&starter).contains("\"\"price"));
        }
        for bad in ["", "a/b", "..", "a b"] {
            assert!(starter(&args(bad, None, None)).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_empty_answer_takes_the_default() {
        let mut printer = Printer::standard(super::super::printer::Mode::Quiet);
        let found = asked(&mut printer, &mut "\nevery price\n\n".as_bytes());
        assert_eq!(found.name, None);
        assert_eq!(found.extract.as_deref(), Some("every price"));
        assert_eq!(found.model.as_deref(), Some("rules"));
    }
}
