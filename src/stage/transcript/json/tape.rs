//! JSON as a tape: one flat list of nodes, each with its place in the source.
//!
//! Lenient where files of real tools are odd (`NaN`, half surrogates, a comma too many, a file that breaks off): what
//! stands before the first thing that cannot be read is kept. Nothing recurses and nothing is copied.

use std::ops::Range;

use super::super::plain::{cut, from, offset};

/// Containers within containers; no transcript comes near.
const MAX_DEPTH: usize = 128;

/// Values of one document. At 16 bytes each they take 256 MiB: some hundred hours of timed words.
const MAX_NODES: usize = 1 << 24;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Object,
    Array,
    String,
    Number,
    Word,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    kind: Kind,
    start: u32,
    end: u32,
    /// The node after this one and all that it holds.
    next: u32,
}

/// A parsed value and all that it holds.
pub(in super::super) struct Tape<'s> {
    source: &'s str,
    nodes: Vec<Node>,
    /// Where the value ends in the source.
    pub(in super::super) end: usize,
    /// Where it could not be read any further, and why.
    pub(in super::super) broken: Option<(usize, &'static str)>,
}

/// Parses the value that starts at a byte, or after blanks there.
pub(in super::super) fn parse(source: &str, at: usize) -> Tape<'_> {
    let mut parser = Parser {
        bytes: source.as_bytes(),
        at,
        nodes: Vec::new(),
        open: Vec::new(),
        key: None,
    };
    let broken = parser.run().err().map(|why| (parser.at, why));
    if broken.is_some() {
        // A key without a value is none.
        if let Some(key) = parser.key {
            parser.nodes.truncate(key);
        }
        while let Some((index, _)) = parser.open.pop() {
            parser.close(index);
        }
    }
    Tape {
        source,
        nodes: parser.nodes,
        end: parser.at,
        broken,
    }
}

struct Parser<'s> {
    bytes: &'s [u8],
    at: usize,
    nodes: Vec<Node>,
    /// Open containers; whether each is an object.
    open: Vec<(usize, bool)>,
    /// The key that still waits for its value.
    key: Option<usize>,
}

impl Parser<'_> {
    fn run(&mut self) -> Result<(), &'static str> {
        self.blanks();
        self.value()?;
        while let Some(&(index, is_object)) = self.open.last() {
            self.blanks();
            match self.bytes.get(self.at) {
                None => return Err("it breaks off"),
                Some(b'}') if is_object => self.leave(index),
                Some(b']') if !is_object => self.leave(index),
                Some(b',') => self.at += 1,
                Some(b'"') if is_object => {
                    self.key = Some(self.nodes.len());
                    self.string()?;
                    self.blanks();
                    if self.bytes.get(self.at) != Some(&b':') {
                        return Err("a colon is missing after a key");
                    }
                    self.at += 1;
                    self.blanks();
                    self.value()?;
                }
                Some(_) if is_object => return Err("a key is expected here"),
                Some(_) => self.value()?,
            }
        }
        Ok(())
    }

    fn blanks(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += rest
            .iter()
            .take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'))
            .count();
    }

    fn push(&mut self, kind: Kind, start: usize) -> Result<(), &'static str> {
        if self.nodes.len() >= MAX_NODES {
            return Err("it holds more values than are read of one file");
        }
        self.nodes.push(Node {
            kind,
            start: offset(start),
            end: offset(self.at),
            next: offset(self.nodes.len() + 1),
        });
        Ok(())
    }

    fn value(&mut self) -> Result<(), &'static str> {
        let start = self.at;
        match self.bytes.get(start) {
            None => return Err("it breaks off"),
            Some(&open @ (b'{' | b'[')) => {
                if self.open.len() >= MAX_DEPTH {
                    return Err("it is nested too deeply");
                }
                let is_object = open == b'{';
                let kind = if is_object { Kind::Object } else { Kind::Array };
                self.at += 1;
                self.open.push((self.nodes.len(), is_object));
                self.push(kind, start).inspect_err(|_| {
                    self.open.pop();
                })?;
            }
            Some(b'"') => self.string()?,
            Some(b'-' | b'0'..=b'9') => {
                self.run_of(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.'));
                self.push(Kind::Number, start)?;
            }
            Some(b) if b.is_ascii_alphabetic() => {
                self.run_of(u8::is_ascii_alphanumeric);
                self.push(Kind::Word, start)?;
            }
            Some(_) => return Err("a value is expected here"),
        }
        self.key = None;
        Ok(())
    }

    fn run_of(&mut self, is_part: impl Fn(&u8) -> bool) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|b| is_part(b)).count();
    }

    fn string(&mut self) -> Result<(), &'static str> {
        let start = self.at;
        let mut at = start + 1;
        loop {
            let rest = self.bytes.get(at..).unwrap_or_default();
            let Some(found) = rest.iter().position(|b| matches!(b, b'"' | b'\\')) else {
                return Err("a string has no end");
            };
            at += found;
            if self.bytes.get(at) == Some(&b'"') {
                break;
            }
            at += 2;
        }
        self.at = at + 1;
        self.push(Kind::String, start)
    }

    fn leave(&mut self, index: usize) {
        self.at += 1;
        self.open.pop();
        self.close(index);
    }

    fn close(&mut self, index: usize) {
        let next = offset(self.nodes.len());
        if let Some(node) = self.nodes.get_mut(index) {
            node.end = offset(self.at);
            node.next = next;
        }
    }
}

impl Tape<'_> {
    /// The outermost value, if any was read.
    pub(in super::super) fn root(&self) -> Option<Value<'_>> {
        self.value(0, offset(self.nodes.len()))
    }

    fn value(&self, at: u32, end: u32) -> Option<Value<'_>> {
        let node = *self.nodes.get(at as usize)?;
        (at < end).then_some(Value {
            tape: self,
            at,
            node,
        })
    }
}

/// A value of a tape.
#[derive(Clone, Copy)]
pub(in super::super) struct Value<'t> {
    tape: &'t Tape<'t>,
    at: u32,
    node: Node,
}

impl<'t> Value<'t> {
    /// The first byte in the source.
    pub(in super::super) fn start(self) -> usize {
        self.node.start as usize
    }

    /// As it stands in the source.
    pub(in super::super) fn raw(self) -> &'t str {
        cut(self.tape.source, self.start()..self.node.end as usize)
    }

    /// The first value in an object or array, a key or not.
    pub(in super::super) fn inner(self) -> Option<Value<'t>> {
        self.children().next()
    }

    fn children(self) -> impl Iterator<Item = Value<'t>> {
        let mut at = self.at + 1;
        std::iter::from_fn(move || {
            let child = self.tape.value(at, self.node.next)?;
            at = child.node.next;
            Some(child)
        })
    }

    /// What an array holds; nothing if it is none.
    pub(in super::super) fn items(self) -> impl Iterator<Item = Value<'t>> {
        let is_array = self.is_array();
        self.children().take_while(move |_| is_array)
    }

    /// What stands in this array behind one of its items.
    pub(in super::super) fn after(self, item: Value<'t>) -> impl Iterator<Item = Value<'t>> {
        let mut at = item.node.next;
        std::iter::from_fn(move || {
            let child = self.tape.value(at, self.node.next)?;
            at = child.node.next;
            Some(child)
        })
    }

    /// Keys and values of an object; nothing if it is none.
    pub(in super::super) fn entries(self) -> impl Iterator<Item = (&'t str, Value<'t>)> {
        let is_object = self.is_object();
        let mut children = self.children().take_while(move |_| is_object);
        std::iter::from_fn(move || Some((children.next()?.inside()?.1, children.next()?)))
    }

    /// The value of a key; of several the last.
    pub(in super::super) fn get(self, key: &str) -> Option<Value<'t>> {
        let found = self.entries().filter(|(name, _)| *name == key).last()?;
        Some(found.1)
    }

    /// The value of the first of the keys that is there and not null.
    pub(in super::super) fn any(self, keys: &[&str]) -> Option<Value<'t>> {
        let mut found = keys.iter().filter_map(|key| self.get(key));
        found.find(|value| !value.is_null())
    }

    /// Whether it is an object.
    pub(in super::super) fn is_object(self) -> bool {
        self.node.kind == Kind::Object
    }

    /// Whether it is an array.
    pub(in super::super) fn is_array(self) -> bool {
        self.node.kind == Kind::Array
    }

    /// Whether it says nothing: `null`, `NaN`, an empty string.
    pub(in super::super) fn is_null(self) -> bool {
        match self.node.kind {
            Kind::Word => !matches!(self.raw(), "true" | "false" | "True" | "False"),
            Kind::String => self.node.end - self.node.start <= 2,
            _ => false,
        }
    }

    fn inside(self) -> Option<(Range<usize>, &'t str)> {
        let range = self.string()?;
        Some((range.clone(), cut(self.tape.source, range)))
    }

    /// A string: its place in the source, without quotes.
    pub(in super::super) fn string(self) -> Option<Range<usize>> {
        let (start, end) = (self.start(), self.node.end as usize);
        (self.node.kind == Kind::String).then_some(start + 1..end - 1)
    }

    /// A string as its characters, at most so many bytes of its source.
    pub(in super::super) fn text(self, most: usize) -> Option<String> {
        let (_, inside) = self.inside()?;
        let mut rest = super::super::plain::head(inside, most);
        let mut out = String::new();
        while let Some(found) = rest.find('\\') {
            out.push_str(cut(rest, 0..found));
            rest = from(rest, found);
            let (c, used) = super::string::escape(rest);
            out.push(c);
            rest = from(rest, used);
        }
        out.push_str(rest);
        Some(out)
    }

    /// A number that is one.
    pub(in super::super) fn number(self) -> Option<f64> {
        let number = (self.node.kind == Kind::Number)
            .then(|| self.raw().parse::<f64>().ok())
            .flatten();
        number.filter(|n| n.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: Value<'_>) -> String {
        if value.is_object() {
            let inside: Vec<_> = value
                .entries()
                .map(|(key, value)| format!("{key}={}", shown(value)))
                .collect();
            format!("{{{}}}", inside.join(" "))
        } else if value.is_array() {
            let inside: Vec<_> = value.items().map(shown).collect();
            format!("[{}]", inside.join(" "))
        } else {
            value.text(99).unwrap_or_else(|| value.raw().to_owned())
        }
    }

    #[test]
    fn values_and_where_they_break() {
        for (source, want, broken) in [
            (
                "{\"a\": [1, -2.5e3, \"x\\n\\u00e9\"], \"b\": {}}",
                "{a=[1 -2.5e3 x\né] b={}}",
                None,
            ),
            (
                "[NaN, Infinity, -Infinity, true, null]",
                "[NaN Infinity -Infinity true null]",
                None,
            ),
            ("[1, 2,]", "[1 2]", None),
            ("[\"\\ud83d\\ude00 \\ud83d\"]", "[😀 \u{fffd}]", None),
            ("{\"a\": 1, \"b\": [2, {\"c\": ", "{a=1 b=[2 {}]}", Some(24)),
            ("{\"a\": 1, \"b", "{a=1}", Some(9)),
            ("{\"a\" 1}", "{}", Some(5)),
            ("{\"a\": ?}", "{}", Some(6)),
            ("{a: 1}", "{}", Some(1)),
            ("[1] x", "[1]", None),
            ("[\"a\nb\", \"\\é\"]", "[a\nb \u{fffd}é]", None),
        ] {
            let tape = parse(source, 0);
            assert_eq!(shown(tape.root().unwrap()), want, "{source}");
            assert_eq!(tape.broken.map(|(at, _)| at), broken, "{source}");
        }
        let broken = parse("{\"a\" 1}", 0);
        assert!(
            broken.root().unwrap().inner().is_none(),
            "a key without a value"
        );
        for source in ["", "  ", "?", "\"x"] {
            let tape = parse(source, 0);
            assert!(tape.root().is_none() && tape.broken.is_some(), "{source}");
        }
        let tape = parse("{\"a\":1,\"a\":2,\"b\":null}", 0);
        let root = tape.root().unwrap();
        assert_eq!(root.get("a").and_then(Value::number), Some(2.0));
        assert!(root.any(&["b", "c"]).is_none() && root.any(&["b", "a"]).is_some());
    }

    #[test]
    fn depth_is_bounded() {
        for unit in ["[", "{\"a\":", "[{\"a\":["] {
            let source = unit.repeat(100_000);
            let tape = parse(&source, 0);
            assert!(tape.broken.is_some_and(|(at, _)| at < 2000), "{unit}");
            assert!(tape.root().is_some());
        }
    }

    /// Any cut and any edit of a document leaves a tape whose parts lie within their wholes.
    #[test]
    fn broken_documents_keep_their_order() {
        fn check(value: Value<'_>) {
            let mut at = value.start();
            for child in value.children() {
                assert!(child.start() >= at && child.node.end <= value.node.end);
                at = child.node.end as usize;
                check(child);
            }
        }
        let whole = "{\"a\":[{\"b\":\"c\\u00e9\",\"d\":[1,2,{}]},NaN,\"\\\"\"],\"e\":{\"f\":-1.5}}";
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..3000 {
            let mut text: Vec<char> = whole.chars().collect();
            for _ in 0..random.usize(..4) {
                let at = random.usize(..text.len());
                text[at] = char::from(*random.choice(b"{}[]\",:\\1a ").unwrap());
            }
            text.truncate(random.usize(..=text.len()));
            let source: String = text.into_iter().collect();
            if let Some(root) = parse(&source, 0).root() {
                check(root);
            }
        }
    }
}
