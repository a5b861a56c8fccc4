//! The arguments of the commands around a run: `export`, `ledger`, `forget`, and what the help says of them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::tables::TablesArgs;
use crate::sink::Table;
use crate::sink::export::Format;

pub(super) const EXPORT: &str = "\
Examples:
  weir export knowledge-graph --format csv --to tables
      all tables, one file each, in the folder tables
  weir export -o out/talks --format parquet --table entities --to entities.parquet
      one table of these tables as one file
  weir export knowledge-graph --format graphml --to graph.graphml
      entities and relations, for Gephi and NetworkX
  weir export knowledge-graph --format html --to graph.html
      the graph as one page that needs nothing else: search, entities, relations, quotes

CSV: a text that begins with = + - @, a tab or a carriage return gets a ' in front, so that no spreadsheet takes what was
said for a formula; lists and maps are JSON. The other formats hold every value as it is.";

pub(super) const LEDGER: &str = "\
Examples:
  weir ledger
      how much there is, and what was spent by day, model and run
  weir ledger prune --older-than 90d
      what no tables use any more, and what it cost; --yes deletes it
  weir ledger backup weir-backup.db
      a copy as of now, also while a run goes on
  weir ledger restore weir-backup.db --state .weir
      makes the copy the state
  weir ledger import ../other/.weir
      takes over answers that are not here yet";

pub(super) const FORGET: &str = "\
Examples:
  weir forget talks/2026-03-14.vtt
      says what goes, asks, and erases it everywhere
  weir forget 0f3a4c... --yes
      by the doc_id of the documents table, without asking

After it nothing of the document's text is left in the state, the tables, their snapshots and change logs. Backups and
exports are files of yours. The file itself is not touched: while it is there, the next run reads it again.";

/// How tables leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// One Parquet file a table.
    Parquet,
    /// One CSV file a table, safe to open in a spreadsheet.
    Csv,
    /// One file of JSON Lines a table.
    Jsonl,
    /// The graph, for Gephi and NetworkX.
    Graphml,
    /// The graph as one page for a browser.
    Html,
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Parquet => Self::Parquet,
            FormatArg::Csv => Self::Csv,
            FormatArg::Jsonl => Self::JsonLines,
            FormatArg::Graphml => Self::GraphMl,
            FormatArg::Html => Self::Page,
        }
    }
}

/// The arguments of `export`.
#[derive(Args, Clone, Debug)]
pub struct ExportArgs {
    /// Of which tables.
    #[command(flatten)]
    pub of: TablesArgs,
    /// What is written.
    #[arg(long, value_enum)]
    pub format: FormatArg,
    /// The file to write; for several tables the folder.
    #[arg(long, value_name = "PATH")]
    pub to: PathBuf,
    /// Only this table; may be given several times [default: all].
    #[arg(long = "table", value_name = "TABLE", value_parser = table)]
    pub tables: Vec<Table>,
    /// Replace files that are there.
    #[arg(long)]
    pub force: bool,
    /// What was written, as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// The arguments of `ledger`.
#[derive(Args, Clone, Debug)]
pub struct LedgerArgs {
    /// What to do; without it, show what there is.
    #[command(subcommand)]
    pub action: Option<LedgerAction>,
    /// Folder of the state [default: .weir].
    #[arg(long, value_name = "DIR", global = true)]
    pub state: Option<PathBuf>,
    /// As one JSON object.
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to do with a ledger.
#[derive(Clone, Debug, Subcommand)]
pub enum LedgerAction {
    /// Delete answers that no tables use; says what would go unless --yes is given.
    Prune {
        /// Only answers that came so long ago, such as 90d, 12h or 0s.
        #[arg(long, value_name = "AGE", value_parser = age)]
        older_than: Duration,
        /// Delete them.
        #[arg(long)]
        yes: bool,
    },
    /// Copy the state into one file, also while a run goes on.
    Backup {
        /// The file to write.
        file: PathBuf,
        /// Replace a file that is there.
        #[arg(long)]
        force: bool,
    },
    /// Make a copy the state.
    Restore {
        /// A file that `backup` wrote.
        file: PathBuf,
        /// Replace the state that is there, with all its answers.
        #[arg(long)]
        force: bool,
    },
    /// Take over answers of another ledger that are not here yet; nothing is overwritten.
    Import {
        /// A file that `backup` wrote, or another state folder.
        file: PathBuf,
    },
}

/// The arguments of `forget`.
#[derive(Args, Clone, Debug)]
pub struct ForgetArgs {
    /// Its path, or its doc_id.
    pub document: String,
    /// Folder of the state [default: .weir].
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
    /// What was erased, as one JSON object.
    #[arg(long)]
    pub json: bool,
}

fn table(name: &str) -> Result<Table, String> {
    Table::parse(name).ok_or_else(|| {
        let names: Vec<_> = Table::ALL.iter().map(|table| table.name()).collect();
        format!("no such table; there are {}", names.join(", "))
    })
}

/// A number with its unit.
fn age(text: &str) -> Result<Duration, String> {
    let wrong = || "not an age such as 90d, 12h, 30m or 0s".to_owned();
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 24 * 3_600,
        'w' => 7 * 24 * 3_600,
        _ => return Err(wrong()),
    };
    let number: u64 = text
        .strip_suffix(unit)
        .and_then(|number| number.parse().ok())
        .ok_or_else(wrong)?;
    number
        .checked_mul(seconds)
        .map(Duration::from_secs)
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_a_unit() {
        assert_eq!(age("90d"), Ok(Duration::from_hours(90 * 24)));
        assert_eq!(age("0s"), Ok(Duration::ZERO));
        for wrong in [
            "",
            "d",
            "90",
            "-1d",
            "1.5h",
            "9y",
            "99999999999999999999w",
            "9µ",
        ] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }
}
