//! The only writer to standard output and standard error: results to the one, all else to the other.
//!
//! Text passes through [`escape`]: paths, names and messages of servers are not ours.

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::{Value, json};

use super::{escape, live};
use crate::job::progress::Progress;
use crate::job::summary::Summary;

/// How a run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A block that is drawn over itself.
    Terminal,
    /// A line now and then.
    Lines,
    /// Events, one JSON object a line, on standard output.
    Json,
    /// Nothing but errors and results that were asked for.
    Quiet,
}

impl Mode {
    /// The least time between two reports of progress: eyes take five a second, logs far fewer.
    fn pause(self) -> Duration {
        match self {
            Self::Terminal => Duration::from_millis(200),
            Self::Lines | Self::Quiet => Duration::from_secs(5),
            Self::Json => Duration::from_secs(1),
        }
    }
}

/// No line of the block is longer; narrower terminals wrap it, and `indicatif` counts that in.
const WIDTH: usize = 79;

/// Where text goes.
type Sink = Box<dyn Write + Send>;

/// The only writer.
pub struct Printer {
    mode: Mode,
    out: Sink,
    err: Sink,
    live: Option<ProgressBar>,
    /// When progress was last shown, and of which epoch.
    shown: Option<(Duration, u64)>,
    broken: bool,
}

impl Printer {
    /// To standard output and standard error.
    #[must_use]
    pub fn standard(mode: Mode) -> Self {
        Self::to(
            mode,
            Box::new(std::io::stdout()),
            Box::new(std::io::stderr()),
        )
    }

    /// To anywhere; in mode `Terminal` the block still goes to standard error.
    #[must_use]
    pub fn to(mode: Mode, out: Sink, err: Sink) -> Self {
        Self {
            mode,
            out,
            err,
            live: None,
            shown: None,
            broken: false,
        }
    }

    /// How a run is shown.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Changes how a run is shown.
    pub fn set_mode(&mut self, mode: Mode) {
        self.clear();
        self.mode = mode;
    }

    /// Whether nobody reads the results any more (`weir check x | head -1`): no reason to go on printing.
    #[must_use]
    pub fn broken(&self) -> bool {
        self.broken
    }

    /// What was asked for, to standard output.
    pub fn result(&mut self, text: &str) {
        self.clear();
        self.write_out(&escape::lines(text));
    }

    /// What was asked for and is all weir's own: a script for a shell, in which tabs are tabs.
    pub fn verbatim(&mut self, text: &str) {
        self.clear();
        self.write_out(text);
    }

    /// What was asked for, as JSON.
    pub fn result_json(&mut self, value: &impl Serialize) {
        self.clear();
        match serde_json::to_string(value) {
            Ok(text) => self.write_out(&escape::json(&text)),
            Err(error) => self.error(&error),
        }
    }

    /// What the user should know.
    pub fn note(&mut self, text: &str) {
        match self.mode {
            Mode::Json => self.event("note", &json!({ "text": text })),
            Mode::Quiet => {}
            Mode::Terminal | Mode::Lines => self.write_err(text),
        }
    }

    /// What the user should know even if nothing else.
    pub fn warn(&mut self, text: &str) {
        match self.mode {
            Mode::Json => self.event("warning", &json!({ "text": text })),
            _ => self.write_err(&format!("warning: {text}")),
        }
    }

    /// An error and its causes.
    pub fn error(&mut self, error: &dyn Error) {
        let mut causes = Vec::new();
        let mut source = error.source();
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        let mut lines = vec![format!("error: {error}")];
        lines.extend(causes.iter().map(|cause| format!("  because: {cause}")));
        if self.mode == Mode::Json {
            let text = error.to_string();
            self.event("error", &json!({ "text": text, "causes": causes }));
        }
        self.plain_error(&lines.join("\n"));
    }

    /// An error that is text already.
    pub fn plain_error(&mut self, text: &str) {
        self.write_err(text.trim_end());
    }

    /// A question to whoever sits there; no line break, the answer stands beside it.
    pub(super) fn question(&mut self, text: &str) {
        self.clear();
        let text = escape::lines(text);
        let written = self.err.write_all(text.as_bytes());
        self.broken |= written.and_then(|()| self.err.flush()).is_err();
    }

    /// Something happened; for programs only.
    pub fn event(&mut self, name: &str, fields: &impl Serialize) {
        if self.mode != Mode::Json {
            return;
        }
        let line = match serde_json::to_value(fields) {
            Ok(Value::Object(mut fields)) => {
                fields.insert("event".to_owned(), name.into());
                Value::Object(fields)
            }
            Ok(other) => json!({ "event": name, "value": other }),
            Err(error) => json!({ "event": name, "error": error.to_string() }),
        };
        self.write_out(&escape::json(&line.to_string()));
    }

    /// How far a run is; shown as often as the mode allows, so it may be called at any rate.
    pub fn progress(&mut self, run: &Progress) {
        let due = self.shown.is_none_or(|(at, epoch)| {
            let passed = run.elapsed.saturating_sub(at);
            passed >= self.mode.pause()
                || (self.mode == Mode::Lines
                    && epoch != run.epoch
                    && passed >= Duration::from_secs(1))
        });
        if !due || self.mode == Mode::Quiet {
            return;
        }
        self.shown = Some((run.elapsed, run.epoch));
        match self.mode {
            Mode::Terminal => self.draw(run),
            Mode::Lines => self.write_err(&live::line(run)),
            Mode::Json => self.event("progress", run),
            Mode::Quiet => {}
        }
    }

    fn draw(&mut self, run: &Progress) {
        let bar = self.live.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
            // The template is fixed and known to be good.
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bar.set_style(style);
            }
            bar
        });
        bar.set_message(live::block(run, WIDTH).join(
            "
",
        ));
        bar.tick();
    }

    /// The end of a run: its summary, and for programs the manifest.
    pub fn done(&mut self, summary: &Summary, manifest: &Value) {
        self.clear();
        match self.mode {
            Mode::Json => {
                let fields = json!({ "summary": summary, "manifest": manifest });
                self.event("done", &fields);
            }
            Mode::Quiet => {}
            Mode::Terminal | Mode::Lines => self.result(&summary.text()),
        }
    }

    /// Takes the block away, if one stands.
    pub fn clear(&mut self) {
        if let Some(bar) = self.live.take() {
            bar.finish_and_clear();
        }
    }

    fn write_out(&mut self, text: &str) {
        let end = if text.ends_with('\n') { "" } else { "\n" };
        // In one write, so that lines of processes that share a pipe do not mix.
        let written = self.out.write_all(format!("{text}{end}").as_bytes());
        self.broken |= written.and_then(|()| self.out.flush()).is_err();
    }

    fn write_err(&mut self, text: &str) {
        let line = format!("{}\n", escape::lines(text));
        let err = &mut self.err;
        let mut write = || err.write_all(line.as_bytes()).and_then(|()| err.flush());
        let written = match &self.live {
            Some(bar) => bar.suspend(write),
            None => write(),
        };
        self.broken |= written.is_err();
    }
}

impl Drop for Printer {
    /// A block that is left standing would be written over by the shell.
    fn drop(&mut self) {
        self.clear();
    }
}
