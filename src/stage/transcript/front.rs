//! What a file states of itself: front matter of Markdown, header lines, first records.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, fmt::strtime};

use super::builder::Builder;
use super::name::speaker;
use super::plain::{lines, tidy};
use crate::model::unit::Micros;

/// Lines of front matter at most; what is longer is text.
const MAX_LINES: usize = 500;

/// Facts kept of one file.
const MAX_FACTS: usize = 100;

/// Characters kept of one fact.
const MAX_VALUE: usize = 2000;

/// Key and value pairs in lower-case keys; several values of one key are joined by commas.
#[derive(Default)]
pub(super) struct Facts {
    pairs: BTreeMap<String, (String, &'static str)>,
    speakers: Vec<String>,
    place: &'static str,
}

impl Facts {
    /// None yet; what comes is from this part of the file.
    pub(super) fn at(place: &'static str) -> Self {
        Self {
            place,
            ..Self::default()
        }
    }

    /// What comes from here on is from this part of the file.
    pub(super) fn place(&mut self, place: &'static str) {
        self.place = place;
    }

    /// Adds one value of a key.
    pub(super) fn add(&mut self, key: &str, value: &str) {
        let key = tidy(key, 100).to_lowercase();
        let value = unsigned(tidy(unquoted(value), MAX_VALUE));
        let full = self.pairs.len() >= MAX_FACTS && !self.pairs.contains_key(&key);
        if key.is_empty() || value.is_empty() || full {
            return;
        }
        if matches!(key.as_str(), "speakers" | "speaker") {
            self.speakers.extend(speaker(&value));
        }
        let single = matches!(key.as_str(), "title" | "date" | "language");
        let (kept, place) = self.pairs.entry(key).or_default();
        if kept.is_empty() {
            *kept = value;
            *place = self.place;
        } else if !single && kept.len() < MAX_VALUE {
            kept.push_str(", ");
            kept.push_str(&value);
        }
    }

    /// The one speaker of the whole recording, if just one is stated.
    pub(super) fn only_speaker(&self) -> Option<&str> {
        match self.speakers.as_slice() {
            [name] => Some(name),
            _ => None,
        }
    }

    /// Puts them into the document.
    pub(super) fn write(self, builder: &mut Builder<'_>) {
        for (key, (value, place)) in self.pairs {
            let document = &mut builder.document;
            let fact = match key.as_str() {
                "title" if document.title.is_none() => {
                    document.title = Some(value);
                    "title"
                }
                "language" | "lang" if document.language.is_none() => {
                    document.language = Some(value);
                    "language"
                }
                "date" | "recorded_at" | "recorded" if document.recorded_at.is_none() => {
                    document.recorded_at = date(&value);
                    document.meta.insert(key, value);
                    "recorded_at"
                }
                _ => {
                    document.meta.insert(key, value);
                    continue;
                }
            };
            builder.stated.insert(fact, place.to_owned());
        }
    }
}

/// Names of the parts of an address that let whoever holds it in: such an address is a key and stays where it is.
const SIGNED: [&str; 12] = [
    "awsaccesskeyid=",
    "access_token=",
    "amz-signature=",
    "amz-security-token=",
    "goog-signature=",
    "key-pair-id=",
    "policy=",
    "se=",
    "sig=",
    "signature=",
    "token=",
    "hmac=",
];

/// An address without the user and password before its host.
fn nameless(address: &str) -> std::borrow::Cow<'_, str> {
    let parts = address.split_once("://").and_then(|(scheme, rest)| {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (host, path) = rest.split_at_checked(end)?;
        Some((scheme, host.rsplit_once('@')?.1, path))
    });
    match parts {
        Some((scheme, host, path)) => format!("{scheme}://{host}{path}").into(),
        None => address.into(),
    }
}

/// A value without what signs the addresses in it.
fn unsigned(value: String) -> String {
    if !value.contains("://") {
        return value;
    }
    let words = value.split(' ').map(|word| {
        let word = nameless(word);
        let signed = word.split_once('?').is_some_and(|(_, query)| {
            let query = query.to_ascii_lowercase();
            let mut names = query
                .split(['&', ';'])
                .map(|name| name.trim_start_matches("x-"));
            names.any(|name| SIGNED.iter().any(|sign| name.starts_with(sign)))
        });
        match word.split_once('?') {
            Some((address, _)) if signed => address.to_owned(),
            _ => word.into_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Reads the front matter at `at`, between two lines of `---`; where the text goes on after it.
///
/// Of YAML it reads what transcripts use: `key: value`, lists below a key or in `[]`, folded text.
pub(super) fn matter(source: &str, at: usize) -> Option<(Facts, usize)> {
    let mut facts = Facts::at("front matter");
    let mut key = String::new();
    let mut lines = lines(source, at);
    if lines.next()?.text.trim_end() != "---" {
        return None;
    }
    for line in lines.take(MAX_LINES) {
        let text = line.text.trim_end();
        if matches!(text, "---" | "...") {
            let newline = source.get(line.end()..).unwrap_or("");
            let length = newline.len() - newline.trim_start_matches(['\r', '\n']).len();
            return Some((facts, line.end() + length));
        }
        let inner = text.trim_start();
        if let Some(item) = inner.strip_prefix("- ") {
            facts.add(&key, item);
        } else if inner.len() < text.len() {
            facts.add(&key, inner);
        } else if let Some((name, value)) = text.split_once(':') {
            name.clone_into(&mut key);
            let value = value.trim();
            let list = value.strip_prefix('[').and_then(|v| v.strip_suffix(']'));
            match list {
                Some(list) => list.split(',').for_each(|item| facts.add(&key, item)),
                // Marks of folded text that follows.
                None if matches!(value, "|" | ">" | "|-" | ">-") => {}
                None => facts.add(&key, value),
            }
        } else if !inner.is_empty() && !inner.starts_with('#') {
            return None;
        }
    }
    None
}

fn unquoted(value: &str) -> &str {
    let value = value.trim();
    for quote in ['"', '\''] {
        let inner = value
            .strip_prefix(quote)
            .and_then(|v| v.strip_suffix(quote));
        if let Some(inner) = inner {
            return inner;
        }
    }
    value
}

/// A date or time as written, if it can be read in one way only; without a zone it is taken as UTC.
pub(super) fn date(text: &str) -> Option<Micros> {
    let text = text.trim();
    let at = |time: DateTime| time.to_zoned(TimeZone::UTC).ok().map(|z| z.timestamp());
    let stamp = text
        .parse::<Timestamp>()
        .ok()
        // `2020-02-06` and `2020-02-06 10:15`; jiff would also read other things into a bare number.
        .or_else(|| {
            text.contains('-')
                .then(|| text.parse::<DateTime>().ok())
                .flatten()
                .and_then(at)
        })
        .or_else(|| {
            let forms = [
                "%B %d, %Y",
                "%d %B %Y",
                "%b %d, %Y",
                "%d %b %Y",
                "%B %d %Y",
                "%Y/%m/%d",
            ];
            // As Teams and Otter write it above a transcript.
            let times = ["%B %d, %Y, %I:%M%p", "%a, %b %d, %Y %I:%M%p"];
            let time = times.iter().find_map(|form| {
                strtime::parse(form, text)
                    .and_then(|broken| broken.to_datetime())
                    .ok()
            });
            if let Some(time) = time {
                return at(time);
            }
            let day = forms.iter().find_map(|form| {
                strtime::parse(form, text)
                    .and_then(|broken| broken.to_date())
                    .ok()
            });
            day.map(Date::to_datetime_at_midnight).and_then(at)
        })?;
    Some(Micros(stamp.as_microsecond()))
}

trait Midnight {
    fn to_datetime_at_midnight(self) -> DateTime;
}

impl Midnight for Date {
    fn to_datetime_at_midnight(self) -> DateTime {
        self.to_datetime(jiff::civil::Time::midnight())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_that_can_be_read_in_one_way() {
        for (text, want) in [
            ("2020-02-06", Some("2020-02-06T00:00:00Z")),
            ("2020-02-06 10:15", Some("2020-02-06T10:15:00Z")),
            ("2020-02-06T10:15:00+02:00", Some("2020-02-06T08:15:00Z")),
            ("February 6, 2020", Some("2020-02-06T00:00:00Z")),
            ("6 Feb 2020", Some("2020-02-06T00:00:00Z")),
            ("February 6, 2020, 3:05PM", Some("2020-02-06T15:05:00Z")),
            ("Thu, Feb 06, 2020 3:05PM", Some("2020-02-06T15:05:00Z")),
            ("06/02/2020", None),
            ("20200206", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(date(text).map(|m| m.to_string()).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn signed_addresses_lose_what_signs_them() {
        for (value, want) in [
            ("https://x.y/a?v=1&t=2", "https://x.y/a?v=1&t=2"),
            (
                "https://x.y/a?X-Amz-Date=1&X-Amz-Signature=2",
                "https://x.y/a",
            ),
            (
                "see https://x.y/a?sv=1&sig=2 there",
                "see https://x.y/a there",
            ),
            ("a?sig=1", "a?sig=1"),
            ("https://me:secret@x.y/a@b", "https://x.y/a@b"),
            ("https://x.y/@me", "https://x.y/@me"),
        ] {
            assert_eq!(unsigned(value.to_owned()), want);
        }
    }

    #[test]
    fn front_matter() {
        let source = "---\ntitle: 'A: b'\nspeakers:\n  - Ana Lima\ntags: [x, \"y\"]\nsummary: >\n  one\n  two\n---\n\nText";
        let (facts, at) = matter(source, 0).unwrap();
        assert_eq!(source.get(at..), Some("Text"));
        assert_eq!(facts.only_speaker(), Some("Ana Lima"));
        assert_eq!(facts.pairs["title"].0, "A: b");
        assert_eq!(facts.pairs["tags"].0, "x, y");
        assert_eq!(facts.pairs["summary"].0, "one, two");
        for none in [
            "",
            "---\n",
            "---\na: b\n",
            "text\n---\na: b\n---\n",
            "---\nplain text\n---\n",
        ] {
            assert!(matter(none, 0).is_none(), "{none:?}");
        }
    }
}
