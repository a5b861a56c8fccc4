//! `weir completions` and `weir man`: what a shell and a pager want to know of the command line.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{CommandFactory, ValueHint};
use clap_complete::Shell;
use clap_mangen::Man;

use super::Exit;
use super::args::Arguments;
use super::printer::Printer;

/// The arguments of `completions`.
#[derive(clap::Args, Clone, Debug)]
pub struct CompletionsArgs {
    /// The shell.
    pub shell: Shell,
}

/// The arguments of `man`.
#[derive(clap::Args, Clone, Debug)]
pub struct ManArgs {
    /// The folder to write the pages to; it is made if it is not there.
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub folder: PathBuf,
}

/// Examples of `completions`.
pub(super) const COMPLETIONS: &str = "\
Examples:
  weir completions bash > ~/.local/share/bash-completion/completions/weir
      for bash, with the package bash-completion; holds from the next shell on
  weir completions zsh > ~/.zfunc/_weir
      for zsh, with this in ~/.zshrc before compinit: fpath+=~/.zfunc
  weir completions fish > ~/.config/fish/completions/weir.fish
      for fish
  weir completions elvish > ~/.config/elvish/lib/weir.elv
      for elvish, with this in rc.elv: use weir
  weir completions powershell >> $PROFILE
      for PowerShell";

/// Examples of `man`.
pub(super) const MAN: &str = "\
Examples:
  weir man ~/.local/share/man/man1
      a page for weir and one for each command; then: man weir-run
  weir man /tmp/pages && man /tmp/pages/weir-plan.1
      to look at them only";

/// Runs `completions`.
pub(super) fn completions(args: &CompletionsArgs, printer: &mut Printer) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "weir", &mut script);
    printer.verbatim(&String::from_utf8_lossy(&script));
    Exit::Complete
}

/// Runs `man`.
pub(super) fn man(args: &ManArgs, printer: &mut Printer) -> Exit {
    match pages(&args.folder) {
        Ok(pages) => {
            let count = pages.len();
            printer.result(&format!("{count} pages in {}", args.folder.display()));
            Exit::Complete
        }
        Err(error) => {
            printer.error(&error);
            Exit::Storage
        }
    }
}

/// A page could not be written.
#[derive(Debug, thiserror::Error)]
#[error("could not write the manual page {}", path.display())]
struct PageError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// Writes all pages, and says where they are.
fn pages(folder: &Path) -> Result<Vec<PathBuf>, PageError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| PageError { path, source }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let mut whole = Arguments::command().disable_help_subcommand(true);
    whole.build();
    let mut written = Vec::new();
    let commands = whole.get_subcommands().filter(|one| !one.is_hide_set());
    for command in commands.chain([&whole]) {
        let (name, text) = page(command).map_err(failed(folder))?;
        let path = folder.join(name);
        fs::write(&path, text).map_err(failed(&path))?;
        written.push(path);
    }
    Ok(written)
}

/// A page, and the name of its file.
fn page(command: &clap::Command) -> io::Result<(String, Vec<u8>)> {
    let examples = command.get_after_long_help().map(ToString::to_string);
    let man = Man::new(command.clone());
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    text.extend(literal(&examples.unwrap_or_default()).bytes());
    if command.get_version().is_some() {
        man.render_version_section(&mut text)?;
    }
    Ok((man.get_filename(), text))
}

/// The sections that stand after the help, line by line: a pager would run the lines of an example together.
fn literal(help: &str) -> String {
    let mut text = String::new();
    let mut within = false;
    for line in help.lines() {
        if let Some(name) = line.strip_suffix(':').filter(|name| !name.starts_with(' ')) {
            let end = if within { ".fi\n" } else { "" };
            text.extend([end, ".SH ", &name.to_uppercase(), "\n.nf\n"]);
            within = true;
        } else {
            text.extend([&escaped(line), "\n"]);
        }
    }
    text.push_str(if within { ".fi\n" } else { "" });
    text
}

/// A line that troff takes for text, whatever it begins with.
fn escaped(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    let acts = line.starts_with(['.', '\'']);
    format!("{}{line}", if acts { "\\&" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_keep_their_lines() {
        let text = literal("Examples:\n  weir run a-b\n.x\\\n\nExit status:\n  0  fine");
        assert_eq!(
            text,
            ".SH EXAMPLES\n.nf\n  weir run a\\-b\n\\&.x\\e\n\n.fi\n.SH EXIT STATUS\n.nf\n  0  fine\n.fi\n"
        );
    }
}
