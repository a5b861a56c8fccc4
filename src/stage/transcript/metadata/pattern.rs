//! A pattern over paths, such as `{team}/{date}/*.vtt`: what stands in braces becomes a fact of the document.

use super::Metadata;

/// Longer paths are looked at by nobody.
const MAX_PATH: usize = 4096;

/// A part of a segment of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// As it stands.
    Literal(String),
    /// `*`: anything.
    Any,
    /// `{name}`: anything, kept under that name.
    Fact(String),
}

/// One segment, between slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// `**`: any segments, or none.
    Deep,
    /// A segment.
    Parts(Vec<Part>),
}

/// A checked pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    segments: Vec<Segment>,
}

impl Pattern {
    /// Reads a pattern: `*` is anything within a segment, `**` any segments, `{name}` anything within a segment that is
    /// kept. `title`, `language` and `date` (or `recorded_at`) fill the columns of these names; the others go into `meta`.
    ///
    /// ```
    /// use weir::stage::transcript::metadata::Pattern;
    /// let found = Pattern::parse("{team}/{date}-*.vtt").unwrap().find("ops/2026-05-19-storm.vtt").unwrap();
    /// assert_eq!(found.meta["team"], "ops");
    /// ```
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut names = Vec::new();
        let segments = text
            .split('/')
            .map(|segment| self::segment(segment, &mut names));
        let segments = segments.collect::<Result<Vec<_>, _>>()?;
        if names.is_empty() {
            return Err("must keep something, such as {team} in \"{team}/*.vtt\"".to_owned());
        }
        names.sort_unstable();
        if let Some(name) = names.iter().zip(names.iter().skip(1)).find(|(a, b)| a == b) {
            return Err(format!("must not hold {{{}}} twice", name.0));
        }
        Ok(Self {
            text: text.to_owned(),
            segments,
        })
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What a path says, if it is of this form.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<Metadata> {
        if path.len() > MAX_PATH {
            return None;
        }
        let path: Vec<&str> = path.split('/').collect();
        let mut kept = Vec::new();
        let mut at = 0;
        // Blocks of segments between `**`: each at the first place where it fits, the last one at the end.
        let mut blocks = self
            .segments
            .split(|segment| *segment == Segment::Deep)
            .peekable();
        let mut first = true;
        while let Some(block) = blocks.next() {
            let last = path.len().checked_sub(block.len())?;
            let is_last = blocks.peek().is_none();
            let places = match (first, is_last) {
                (true, true) => (last == 0).then_some(0..=0)?,
                (true, false) => 0..=0,
                (false, true) => last..=last,
                (false, false) => at..=last,
            };
            let fits = |place: usize| {
                let mut facts = Vec::new();
                let segments = path.get(place..place + block.len())?;
                let all = block.iter().zip(segments);
                (place >= at && all.clone().all(|(form, text)| fits(form, text, &mut facts)))
                    .then_some((place, facts))
            };
            let (place, facts) = places.into_iter().find_map(fits)?;
            kept.extend(facts);
            at = place + block.len();
            first = false;
        }
        let mut found = Metadata::default();
        for (name, value) in kept {
            // A date that is none is kept in `meta`, where it can be seen.
            found.set(name, value).ok();
        }
        Some(found)
    }
}

fn segment(text: &str, names: &mut Vec<String>) -> Result<Segment, String> {
    if text == "**" {
        return Ok(Segment::Deep);
    }
    let mut parts: Vec<Part> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let open = rest.find(['*', '{', '}']).unwrap_or(rest.len());
        let (literal, tail) = rest.split_at_checked(open).unwrap_or((rest, ""));
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.to_owned()));
        }
        let Some(mark) = tail.chars().next() else {
            break;
        };
        if !matches!(parts.last(), None | Some(Part::Literal(_))) {
            return Err(format!(
                "must have something between two wildcards in {text:?}"
            ));
        }
        rest = tail.get(1..).unwrap_or("");
        match mark {
            '*' => parts.push(Part::Any),
            '{' => {
                let (name, tail) = rest
                    .split_once('}')
                    .ok_or_else(|| format!("has a {{ without a }} in {text:?}"))?;
                let fine = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
                if name.is_empty() || name.len() > 64 || !name.chars().all(fine) {
                    return Err(format!(
                        "cannot keep {{{name}}}: a name is letters, digits, - or _"
                    ));
                }
                names.push(name.to_owned());
                parts.push(Part::Fact(name.to_owned()));
                rest = tail;
            }
            _ => return Err(format!("has a }} without a {{ in {text:?}")),
        }
    }
    if parts.is_empty() {
        return Err("must not start or end with /, nor hold //".to_owned());
    }
    Ok(Segment::Parts(parts))
}

/// Whether a segment of a path has a form; what it keeps is added.
fn fits<'p, 't>(form: &'p Segment, text: &'t str, facts: &mut Vec<(&'p str, &'t str)>) -> bool {
    let Segment::Parts(parts) = form else {
        return false;
    };
    let mut rest = text;
    let mut parts = parts.iter().peekable();
    while let Some(part) = parts.next() {
        let name = match part {
            Part::Literal(literal) => {
                let Some(tail) = rest.strip_prefix(literal.as_str()) else {
                    return false;
                };
                rest = tail;
                continue;
            }
            Part::Any => None,
            Part::Fact(name) => Some(name.as_str()),
        };
        // Up to the next literal; the last one must end the segment. A date keeps its own dashes.
        let least = name.map_or(0, |name| least(name, rest));
        let taken = match parts.peek() {
            Some(Part::Literal(literal)) => {
                let beyond = rest.get(least..).unwrap_or("");
                let is_last = parts.clone().nth(1).is_none();
                let found = if is_last {
                    let at = beyond.len().checked_sub(literal.len());
                    at.filter(|_| beyond.ends_with(literal.as_str()))
                } else {
                    beyond.find(literal.as_str())
                };
                match found {
                    Some(at) => least + at,
                    None => return false,
                }
            }
            _ => rest.len(),
        };
        let Some((value, tail)) = rest.split_at_checked(taken) else {
            return false;
        };
        if let Some(name) = name {
            if value.is_empty() {
                return false;
            }
            facts.push((name, value));
        }
        rest = tail;
    }
    rest.is_empty()
}

/// Bytes that a fact takes at least: `2026-05-19` is one date, though `-` may end it.
fn least(name: &str, rest: &str) -> usize {
    let form = "dddd-dd-dd";
    let fits = rest.len() >= form.len()
        && rest.bytes().zip(form.bytes()).all(|(b, want)| match want {
            b'd' => b.is_ascii_digit(),
            _ => matches!(b, b'-' | b'_' | b'.'),
        });
    if matches!(name, "date" | "recorded_at") && fits {
        form.len()
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(pattern: &str, path: &str) -> Option<String> {
        let found = Pattern::parse(pattern).unwrap().find(path)?;
        let meta = found
            .meta
            .iter()
            .map(|(key, value)| format!("{key}={value}"));
        let mut all: Vec<_> = meta.collect();
        all.extend(found.title.map(|title| format!("title:{title}")));
        all.extend(
            found
                .language
                .map(|language| format!("language:{language}")),
        );
        all.extend(found.recorded_at.map(|at| format!("at:{at}")));
        Some(all.join(" "))
    }

    #[test]
    fn paths_say_what_they_are_asked() {
        for (pattern, path, want) in [
            (
                "{team}/{date}/*.vtt",
                "ops/2026-05-19/a.vtt",
                Some("date=2026-05-19 team=ops at:2026-05-19T00:00:00Z"),
            ),
            ("{team}/{date}/*.vtt", "ops/2026-05-19/a.srt", None),
            ("{team}/{date}/*.vtt", "x/ops/2026-05-19/a.vtt", None),
            (
                "{date}-{title}.vtt",
                "2026-05-19-first-meeting.vtt",
                Some("date=2026-05-19 title:first-meeting at:2026-05-19T00:00:00Z"),
            ),
            (
                "{date}_*.*",
                "20260519_a.b.vtt",
                Some("date=20260519 at:2026-05-19T00:00:00Z"),
            ),
            (
                "**/{team}/{language}.vtt",
                "a/b/ops/pt.vtt",
                Some("team=ops language:pt"),
            ),
            (
                "**/{team}/{language}.vtt",
                "ops/pt.vtt",
                Some("team=ops language:pt"),
            ),
            ("{a}/**/x-{b}.txt", "1/2/3/x-4.txt", Some("a=1 b=4")),
            ("{a}/**/k/**/{b}", "1/k/2/k/3", Some("a=1 b=3")),
            ("{a}/**/k/**/{b}", "1/2/3", None),
            ("{a}.b.{c}", "x.b.y.b.z", Some("a=x c=y.b.z")),
            ("{title}.vtt", ".vtt", None),
            ("{title}.vtt", "a.vtt.vtt", Some("title:a.vtt")),
            ("{title}.vtt", "é ü.vtt", Some("title:é ü")),
            ("{date}/*", "soon/x", Some("date=soon")),
            ("{a}/*", "x", None),
        ] {
            assert_eq!(find(pattern, path).as_deref(), want, "{pattern} {path}");
        }
    }

    #[test]
    fn patterns_that_say_nothing_or_too_much() {
        for (pattern, want) in [
            ("*/x.vtt", "must keep something"),
            ("", "must not start or end with /"),
            ("/{a}", "must not start or end with /"),
            ("{a}{b}", "must have something between two wildcards"),
            ("{a}*", "must have something between two wildcards"),
            ("{a", "has a { without a }"),
            ("a}", "has a } without a {"),
            ("{}", "cannot keep {}"),
            ("{a b}", "cannot keep {a b}"),
            ("{a}/{a}", "must not hold {a} twice"),
        ] {
            let why = Pattern::parse(pattern).unwrap_err();
            assert!(why.starts_with(want), "{pattern}: {why}");
        }
    }
}
