//! Floor 7: arguments in, one command run, an exit code out.

pub mod args;
pub mod check;
pub mod confirm;
pub mod env;
pub mod escape;
pub mod export;
pub mod failures;
pub mod forget;
pub mod init;
mod interrupts;
pub mod keep;
pub mod ledger;
mod live;
pub mod log;
pub mod path;
pub mod plan;
pub mod printer;
mod report;
pub mod run;
pub mod schema;
pub mod serve;
pub mod shell;
pub mod show;
pub mod simulate;
pub mod status;
pub mod tables;
#[cfg(test)]
mod tests;
mod text;
pub mod transcript;
pub mod verify;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use args::{Arguments, Command};
use printer::{Mode, Printer};

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All was done.
    Complete = 0,
    /// The command line, the plan, or a guard.
    Usage = 2,
    /// Done, but more failed than `--fail-threshold` allows.
    Failures = 3,
    /// The budget is spent.
    Budget = 4,
    /// The disk, or the state on it.
    Storage = 5,
    /// The provider refuses: key, quota, certificate.
    Refused = 6,
    /// Ended with work left: interrupted, or a sample.
    Interrupted = 7,
    /// A fault of weir's own.
    Internal = 70,
}

impl Exit {
    /// Each with what it means, for the help.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Complete, "complete"),
        (Self::Usage, "wrong usage or plan, or a guard stopped it"),
        (
            Self::Failures,
            "finished, with more failures than --fail-threshold",
        ),
        (Self::Budget, "a cap of the budget was reached"),
        (Self::Storage, "the disk, or the state on it"),
        (
            Self::Refused,
            "the provider refuses (key, quota, model, certificate) or cannot be reached",
        ),
        (
            Self::Interrupted,
            "ended with work left: interrupted, or only a part was to be asked",
        ),
        (Self::Internal, "a fault of weir itself"),
    ];

    /// The number that the shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The whole program.
#[must_use]
pub fn main() -> ExitCode {
    let terminal = std::io::stderr().is_terminal();
    let mut printer = Printer::standard(Mode::Lines);
    let variables = |name: &str| std::env::var_os(name);
    no_core();
    fail_stop();
    command(std::env::args_os(), &variables, terminal, &mut printer).into()
}

/// The memory of the process holds keys, and so would a core file: none is written, nor handed to whoever collects them.
/// Where that cannot be had the program runs all the same.
fn no_core() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let none = Rlimit {
            current: Some(0),
            ..getrlimit(Resource::Core)
        };
        setrlimit(Resource::Core, none).ok();
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // A collector that the kernel pipes to is not held by the limit.
        set_dumpable_behavior(DumpableBehavior::NotDumpable).ok();
    }
}

/// A panic in any thread ends the whole process at once: state is safe by construction, a lone thread that hangs is not.
fn fail_stop() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        usual(panic);
        #[expect(
            clippy::exit,
            reason = "no other thread may go on, and none holds anything that needs undoing"
        )]
        std::process::exit(i32::from(Exit::Internal.code()));
    }));
}

/// One command; `printer` is set to what it asks for.
pub fn command(
    arguments: impl IntoIterator<Item = OsString>,
    variables: &env::Variables<'_>,
    terminal: bool,
    printer: &mut Printer,
) -> Exit {
    let parsed = match Arguments::try_parse_from(arguments) {
        Ok(parsed) => parsed,
        Err(error) if error.use_stderr() => {
            printer.plain_error(&error.render().to_string());
            return Exit::Usage;
        }
        // Help and version are what was asked for.
        Err(help) => {
            printer.result(&help.render().to_string());
            return Exit::Complete;
        }
    };
    printer.set_mode(parsed.command.mode(terminal));
    let environment = match env::Environment::read(variables) {
        Ok(environment) => environment,
        Err(error) => {
            printer.error(&error);
            return Exit::Usage;
        }
    };
    match parsed.command {
        Command::Check(args) => check::run(&args, &environment, printer),
        Command::Run(args) => run::run(&args, &environment, printer),
        Command::Plan(args) => plan::run(&args, &environment, printer),
        Command::Status(args) => status::run(&args, printer),
        Command::Path(args) => path::run(&args, &environment, printer),
        Command::SimulateProvider(args) => simulate::run(&args, printer),
        Command::Init(args) => init::run(&args, printer),
        Command::Schema(args) => schema::run(&args, &environment, printer),
        Command::Failures(args) => failures::run(&args, &environment, printer),
        Command::Show(args) => show::run(&args, &environment, printer),
        Command::Verify(args) => verify::run(&args, &environment, printer),
        Command::Completions(args) => shell::completions(&args, printer),
        Command::Man(args) => shell::man(&args, printer),
        Command::Export(args) => export::run(&args, &environment, printer),
        Command::Ledger(args) => ledger::run(&args, &environment, printer),
        Command::Forget(args) => forget::run(&args, printer),
        Command::Serve(args) => serve::run(&args, &environment, variables, printer),
    }
}

/// What asynchronous work runs on: so many threads, or one a processor; why there is none has been said.
fn runtime(threads: Option<usize>, printer: &mut Printer) -> Result<tokio::runtime::Runtime, Exit> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = threads {
        builder.worker_threads(threads);
    }
    builder
        // What a thread holds for what it blocks on next goes with it.
        .thread_keep_alive(Duration::from_millis(500))
        .enable_all()
        .build()
        .map_err(|error| {
            printer.error(&error);
            Exit::Internal
        })
}
