//! `[notify]` of `weir.toml`: as it is written, and checked into channels, or everything that is wrong with it.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use lettre::message::Mailbox;
use serde::Deserialize;

use super::mail::{Mail, Post};
use super::reach::Networks;
use super::sign::LEAST;
use super::webhook::{self, Webhook};
use super::{Channel, smtp};
use crate::secret::{self, Secret};

/// People who can be told: each mail is an attempt of its own.
const MOST_PEOPLE: usize = 20;
/// Longer than any chain of certificates.
const MAX_PEM: u64 = 1 << 20;
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// `[notify]`, as it is written. URLs may be secrets, so it does not print.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The URL that events are posted to.
    pub webhook: Option<String>,
    /// The file with the secret that deliveries are signed with.
    pub webhook_secret_file: Option<PathBuf>,
    /// Whether the webhook may be on this machine or on a private network.
    pub allow_private: bool,
    /// `[notify.mail]`.
    pub mail: Option<MailOptions>,
}

/// `[notify.mail]`, as it is written.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailOptions {
    /// The server: `smtps://user@host:465`, or `smtp://user@host:587` for STARTTLS.
    pub smtp: Option<String>,
    /// The file with the user's password.
    pub password_file: Option<PathBuf>,
    /// A certificate (PEM) that is trusted besides the public ones: that of a house.
    pub ca_file: Option<PathBuf>,
    /// Who writes.
    pub from: Option<String>,
    /// Who is told.
    pub to: Vec<String>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").finish_non_exhaustive()
    }
}

impl fmt::Debug for MailOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailOptions").finish_non_exhaustive()
    }
}

/// One thing that is wrong: its key, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {what}")]
pub struct Problem {
    /// The key, in full.
    pub key: &'static str,
    /// What is wrong, and what would be right.
    pub what: String,
}

/// Everything that is wrong, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            let line_end = if at > 0 { "\n" } else { "" };
            write!(f, "{line_end}{problem}")?;
        }
        Ok(())
    }
}

/// Those who are told. Files are named relative to `base`, the folder of `weir.toml`; `password` is what the environment
/// says, and holds if there is no `password_file`.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn channels(
    options: &Options,
    base: &Path,
    password: Option<&Secret>,
) -> Result<Vec<Channel>, Problems> {
    let mut checking = Checking {
        base,
        problems: Vec::new(),
    };
    let mut channels: Vec<Channel> = checking.webhook(options).into_iter().collect();
    if let Some(mail) = &options.mail {
        channels.extend(checking.mail(mail, password).unwrap_or_default());
    }
    if checking.problems.is_empty() {
        Ok(channels)
    } else {
        Err(Problems(checking.problems))
    }
}

struct Checking<'a> {
    base: &'a Path,
    problems: Vec<Problem>,
}

impl Checking<'_> {
    fn wrong(&mut self, key: &'static str, what: impl Into<String>) {
        let what = what.into();
        self.problems.push(Problem { key, what });
    }

    fn missing<T>(&mut self, key: &'static str, example: &str) -> Option<T> {
        self.wrong(key, format!("is missing: write {example}"));
        None
    }

    /// The value, or a problem.
    fn taken<T, E: Error>(&mut self, key: &'static str, found: Result<T, E>) -> Option<T> {
        match found {
            Ok(value) => Some(value),
            Err(error) => {
                let cause = error.source().map(|cause| format!(": {cause}"));
                self.wrong(key, format!("{error}{}", cause.unwrap_or_default()));
                None
            }
        }
    }

    fn webhook(&mut self, options: &Options) -> Option<Channel> {
        const URL: &str = "notify.webhook";
        const FILE: &str = "notify.webhook_secret_file";
        let (url, file) = match (&options.webhook, &options.webhook_secret_file) {
            (Some(url), Some(file)) => (url, file),
            (Some(_), None) => {
                self.wrong(
                    FILE,
                    "is missing: by the secret in it the receiver knows which deliveries are real; \
                     make one with (umask 077; openssl rand -hex 32 > webhook.secret)",
                );
                return None;
            }
            (None, Some(_)) => {
                self.wrong(URL, "is missing, though webhook_secret_file is there");
                return None;
            }
            (None, None) => return None,
        };
        let secret = self.taken(FILE, secret::read_one(&self.base.join(file)));
        let short = |secret: &Secret| secret.expose().len() < LEAST;
        if secret.as_ref().is_some_and(short) {
            self.wrong(
                FILE,
                format!(
                    "holds a secret of less than {LEAST} characters, which can be found by trying; \
                     make one with (umask 077; openssl rand -hex 32 > webhook.secret)"
                ),
            );
            return None;
        }
        let networks = if options.allow_private {
            Networks::Own
        } else {
            Networks::Public
        };
        // The URL is checked whatever the secret is: all problems at once.
        let shown = secret.clone().or_else(|| Secret::new("-"))?;
        let checked = webhook::Options::new(url, shown, networks).and_then(Webhook::new);
        let webhook = self.taken(URL, checked)?;
        secret.map(|_| Channel::Webhook(webhook))
    }

    fn mail(&mut self, options: &MailOptions, given: Option<&Secret>) -> Option<Vec<Channel>> {
        const SMTP: &str = "notify.mail.smtp";
        const PASSWORD: &str = "notify.mail.password_file";
        const FROM: &str = "notify.mail.from";
        let server = match options.smtp.as_deref().map(smtp::read) {
            Some(server) => self.taken(SMTP, server),
            None => self.missing(SMTP, "\"smtps://user@host:465\""),
        };
        let file = options.password_file.as_ref();
        let password =
            file.map(|file| self.taken(PASSWORD, secret::read_one(&self.base.join(file))));
        let user = server.as_ref().map(|server| server.user.is_some());
        match (user, &password, given) {
            (Some(true), None, None) => self.wrong(
                PASSWORD,
                "is missing: notify.mail.smtp names a user; write the password into a file (chmod 600), or into \
                 WEIR_SMTP_PASSWORD",
            ),
            (Some(false), Some(_), _) => self.wrong(
                SMTP,
                "names no user, though password_file is there: write \"smtps://user@host:465\"",
            ),
            _ => {}
        }
        let password = password.unwrap_or_else(|| given.cloned());
        let authority = options.ca_file.as_ref().map(|file| self.authority(file));
        let from = match options.from.as_deref() {
            Some(text) => self.person(FROM, text),
            None => self.missing(FROM, "\"weir <weir@example.org>\""),
        };
        let people = self.people(&options.to);
        let post = Post::new(server?, password.as_ref(), authority.flatten().as_deref());
        let post = self.taken(SMTP, post)?;
        let from = from?;
        let mails = people.into_iter();
        Some(
            mails
                .map(|to| Channel::Mail(Box::new(Mail::new(post.clone(), from.clone(), to))))
                .collect(),
        )
    }

    fn authority(&mut self, file: &Path) -> Option<Vec<u8>> {
        const KEY: &str = "notify.mail.ca_file";
        let path = self.base.join(file);
        let read = fs::metadata(&path).and_then(|found| match found.len() {
            0..=MAX_PEM if found.is_file() => fs::read(&path),
            _ => Err(std::io::Error::other("it is no file of certificates")),
        });
        let pem = match read {
            Ok(pem) => pem,
            Err(error) => {
                self.wrong(KEY, format!("could not read {}: {error}", path.display()));
                return None;
            }
        };
        if !pem
            .windows(CERTIFICATE.len())
            .any(|part| part == CERTIFICATE)
        {
            self.wrong(
                KEY,
                format!(
                    "{} holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----",
                    path.display()
                ),
            );
            return None;
        }
        Some(pem)
    }

    fn people(&mut self, written: &[String]) -> Vec<Mailbox> {
        const KEY: &str = "notify.mail.to";
        if written.is_empty() {
            self.wrong(KEY, "is missing: write [\"ada@example.org\"]");
        }
        if written.len() > MOST_PEOPLE {
            self.wrong(
                KEY,
                format!("names more than {MOST_PEOPLE} people: write to a list instead"),
            );
            return Vec::new();
        }
        let mut seen = BTreeSet::new();
        let mut people = Vec::new();
        for text in written {
            let Some(person) = self.person(KEY, text) else {
                continue;
            };
            if seen.insert(person.email.to_string().to_lowercase()) {
                people.push(person);
            } else {
                self.wrong(KEY, format!("names {} twice", person.email));
            }
        }
        people
    }

    fn person(&mut self, key: &'static str, text: &str) -> Option<Mailbox> {
        let found = text.trim().parse::<Mailbox>().ok();
        let person = found.filter(|_| !text.trim().contains(char::is_control));
        if person.is_none() {
            self.wrong(
                key,
                format!("{text:?} is no mail address: write \"ada@example.org\" or \"Ada <ada@example.org>\""),
            );
        }
        person
    }
}
