//! What `serve` says while it runs: lines for people on a terminal, JSON lines elsewhere, to standard error.
//!
//! Paths, names and messages of servers stand in it, so whatever would act on a terminal or begin a line of its own is
//! escaped, once, at the end. Crates below may say at their finer levels what they send, secrets among it: of them
//! nothing finer than INFO is ever written, whatever is asked for.

use std::io::{self, Write};

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::{Layer, SubscriberExt};

use super::escape;

/// The variable that says how much is written.
pub const LEVEL: &str = "WEIR_LOG";

/// What is written if nobody says otherwise.
const USUAL: &str = "warn,weir=info";

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

impl Form {
    /// The form that was asked for; else text on a terminal, JSON elsewhere.
    #[must_use]
    pub fn of(asked: Option<Self>, terminal: bool) -> Self {
        let usual = if terminal { Self::Text } else { Self::Json };
        asked.unwrap_or(usual)
    }
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter.
    #[error(
        "could not read {LEVEL}={filter:?}: {why}\nhint: {LEVEL}=debug, or {LEVEL}=warn,weir::http=debug"
    )]
    Filter {
        /// As it was given.
        filter: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is one already.
    #[error("the log is set up already")]
    Twice,
}

/// Begins the log, for the whole process; `filter` is what `WEIR_LOG` says.
///
/// # Errors
/// If the filter cannot be read.
pub fn init(form: Form, filter: Option<&str>) -> Result<(), LogError> {
    let subscriber = subscriber(form, filter, io::stderr)?;
    match tracing::subscriber::set_global_default(subscriber) {
        Ok(()) => Ok(()),
        Err(_) => Err(LogError::Twice),
    }
}

fn subscriber<M>(
    form: Form,
    filter: Option<&str>,
    out: M,
) -> Result<impl Subscriber + Send + Sync, LogError>
where
    M: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let given = filter.map(str::trim).filter(|filter| !filter.is_empty());
    let chosen = EnvFilter::builder().parse(given.unwrap_or(USUAL));
    let chosen = chosen.map_err(|error| LogError::Filter {
        filter: given.unwrap_or(USUAL).to_owned(),
        why: error.to_string(),
    })?;
    let out = Escaped { form, out };
    // No colour: nothing relies on it, and an escape in the log is then always foreign.
    let layer = fmt::layer().with_ansi(false).with_writer(out);
    let layer = match form {
        Form::Text => layer.boxed(),
        Form::Json => layer.json().flatten_event(true).boxed(),
    };
    let layer = layer.with_filter(chosen.and(filter_fn(allowed)));
    Ok(tracing_subscriber::registry().with(layer))
}

/// Whether something may be written at all.
fn allowed(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let own = target == "weir" || target.starts_with("weir::");
    own || *metadata.level() <= Level::INFO
}

/// A writer that gets whole lines, and passes them on escaped.
struct Escaped<M> {
    form: Form,
    out: M,
}

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Escaped<M> {
    type Writer = Escaped<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Escaped {
            form: self.form,
            out: self.out.make_writer(),
        }
    }
}

impl<W: Write> Write for Escaped<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let mut safe = match self.form {
            Form::Text => escape::word(text),
            Form::Json => escape::json(text),
        };
        safe.push('\n');
        self.out.write_all(safe.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing::{debug, info, info_span, trace, warn};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(form: Form, filter: Option<&str>, say: impl FnOnce()) -> Vec<String> {
        let kept = Kept::default();
        let out = kept.clone();
        let subscriber = subscriber(form, filter, move || out.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, say);
        let bytes = kept.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
        text.lines().map(str::to_owned).collect()
    }

    const EVIL: &str =
        "a\u{1b}[2J\r\n2026-01-01T00:00:00Z ERROR weir: forged\u{202e}\u{9b}31m\u{7}";

    fn acts(text: &str) -> bool {
        text.contains(|c: char| c.is_control() || c == '\u{202e}')
    }

    #[test]
    fn a_line_is_a_line_whatever_is_in_it() {
        let say = || {
            let _span = info_span!("job", id = EVIL).entered();
            info!(path = EVIL, error = ?EVIL, "could not read {EVIL}");
            info!(count = 3, "read");
        };
        let lines = logged(Form::Text, None, say);
        assert_eq!(lines.len(), 2, "{lines:#?}");
        assert!(lines.iter().all(|line| !acts(line)), "{lines:#?}");
        assert!(
            lines[1].contains("INFO") && lines[1].contains("count=3"),
            "{lines:#?}"
        );
        let lines = logged(Form::Json, None, say);
        assert_eq!(lines.len(), 2, "{lines:#?}");
        assert!(lines.iter().all(|line| !acts(line)), "{lines:#?}");
        let first: Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(first["level"], "INFO");
        assert_eq!(first["path"], EVIL);
        let second: Value = serde_json::from_str(&lines[1]).unwrap();
        assert_eq!(
            (&second["message"], &second["count"]),
            (&"read".into(), &3.into())
        );
    }

    #[test]
    fn the_filter_chooses_and_other_crates_are_kept_short() {
        let say = || {
            warn!(target: "hyper", "1");
            info!(target: "hyper", "2");
            debug!(target: "hyper", "authorization: 3");
            trace!(target: "weirdly", "authorization: 4");
            info!("5");
            debug!("6");
            trace!(target: "weir::http", "7");
        };
        let messages = |filter| -> String {
            let lines = logged(Form::Json, filter, say);
            let read = |line: &String| -> Value { serde_json::from_str(line).unwrap() };
            let message = |line| read(line)["message"].as_str().unwrap().to_owned();
            lines.iter().map(message).collect()
        };
        assert_eq!(messages(None), "15");
        assert_eq!(messages(Some(" ")), "15");
        assert_eq!(messages(Some("trace")), "12567");
        assert_eq!(messages(Some("warn,weir::http=trace")), "17");
        assert_eq!(messages(Some("off")), "");
        let wrong = subscriber(Form::Text, Some("weir=loud"), io::sink).err();
        let wrong = wrong.unwrap().to_string();
        assert!(
            wrong.contains("WEIR_LOG=\"weir=loud\"") && wrong.contains("hint:"),
            "{wrong}"
        );
    }

    #[test]
    fn a_terminal_gets_text() {
        assert_eq!(Form::of(None, true), Form::Text);
        assert_eq!(Form::of(None, false), Form::Json);
        assert_eq!(Form::of(Some(Form::Json), true), Form::Json);
        assert_eq!(Form::of(Some(Form::Text), false), Form::Text);
    }
}
