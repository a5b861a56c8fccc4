//! Floor 2: who is told that a job ended or stands still: a webhook, people by mail.
//!
//! ```text
//!  Event --- body, signed ----> webhook    the address is checked, then connected to, and no other
//!    |
//!    +------ message ---------> mail       one for each person
//! ```
//!
//! A channel makes one attempt: [`Channel::deliver`] says whether it worked, may work later, or never will;
//! [`schedule()`] says when to try again. Which deliveries are due is kept by whoever calls, with the event's id: it stays
//! the same over all attempts, so that a receiver can tell a repeated delivery from a second event.

pub mod address;
pub mod config;
mod event;
pub mod mail;
mod message;
mod reach;
pub mod schedule;
pub mod sign;
mod smtp;
#[cfg(test)]
mod tests;
pub mod webhook;

pub use config::channels;
pub use event::{Event, Kind};
pub use schedule::schedule;

use std::time::Duration;

use crate::model::unit::Micros;

/// Somebody who is told.
#[derive(Debug)]
pub enum Channel {
    /// A program, over HTTP.
    Webhook(webhook::Webhook),
    /// A person.
    Mail(Box<mail::Mail>),
}

impl Channel {
    /// Who it is, the same from start to start: `webhook`, `mail:ada@example.org`. No secret is in it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Mail(mail) => mail.name(),
        }
    }

    /// Tells of an event, once; within a minute.
    ///
    /// # Errors
    /// If nobody heard it, and whether another attempt makes sense.
    pub async fn deliver(&self, event: &Event, now: Micros) -> Result<(), Undelivered> {
        match self {
            Self::Webhook(webhook) => webhook.deliver(event, now).await,
            Self::Mail(mail) => mail.deliver(event, now).await,
        }
    }
}

/// An event that was not delivered. No secret is in its text: it is for logs and people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// It may work later.
    #[error("{why}")]
    Retry {
        /// What went wrong.
        why: String,
        /// The receiver said how long to stay away.
        after: Option<Duration>,
    },
    /// It cannot work until somebody changes something.
    #[error("{why}")]
    Never {
        /// What went wrong, and what to do.
        why: String,
    },
}

impl Undelivered {
    fn retry(why: impl Into<String>) -> Self {
        Self::Retry {
            why: why.into(),
            after: None,
        }
    }

    fn never(why: impl Into<String>) -> Self {
        Self::Never { why: why.into() }
    }

    /// When to try again after `failed` attempts, if at all: as [`schedule()`] has it, and not before the receiver's word.
    #[must_use]
    pub fn wait(&self, failed: u32, chance: f64) -> Option<Duration> {
        let Self::Retry { after, .. } = self else {
            return None;
        };
        let usual = schedule(failed, chance)?;
        Some(usual.max(after.unwrap_or_default().min(schedule::MOST)))
    }
}

/// Foreign text for one line of a log or a header: what is no visible character becomes a blank, and it ends in time.
fn tidy(text: &str, most: usize) -> String {
    let mut out = String::new();
    let unseen = |c: char| {
        c.is_control()
            || c.is_whitespace()
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    for word in text.split(unseen).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    if out.chars().count() > most {
        out = out.chars().take(most.saturating_sub(1)).collect();
        out.push('…');
    }
    out
}
