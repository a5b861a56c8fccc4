//! Whether to ask before money is spent.

use std::io::{BufRead, IsTerminal};

use super::args::RunArgs;
use super::printer::Printer;
use crate::plan::Plan;

/// Longer is no answer to a yes-or-no question.
const LONGEST: u64 = 64;

/// Whether a person must say yes: the first run that may cost money, on a terminal, without `--yes` or a cap.
#[must_use]
pub fn must_ask(plan: &Plan, args: &RunArgs, first: bool, terminal: bool) -> bool {
    first && terminal && plan.paid() && !args.yes && !plan.budget.capped()
}

/// Whether somebody is there to be asked.
#[must_use]
pub fn somebody_is_there() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks; only a yes is a yes.
pub fn ask(question: &str, printer: &mut Printer, answers: &mut dyn BufRead) -> bool {
    printer.question(&format!("{question} [y/N] "));
    let mut answer = String::new();
    let read = std::io::Read::take(answers, LONGEST).read_line(&mut answer);
    read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}
