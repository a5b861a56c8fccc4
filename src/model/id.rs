//! Identifiers: newtypes over BLAKE3 digests that cannot be mixed up, printed as lower-case hex.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Feeds length-prefixed parts to BLAKE3, so that `["ab", "c"]` and `["a", "bc"]` differ.
#[must_use]
pub fn digest(domain: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for part in std::iter::once(domain.as_bytes()).chain(parts.iter().copied()) {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

fn hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|b| write!(f, "{b:02x}"))
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// The id whose digest is that of `parts`, in this type's own domain.
            #[must_use]
            pub fn of(parts: &[&[u8]]) -> Self {
                let whole = digest(stringify!($name), parts);
                let mut bytes = [0; $len];
                bytes.copy_from_slice(whole.split_at($len).0);
                Self(bytes)
            }

            /// Reads the printed form back; `None` if it is not one.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                unhex(text).map(Self)
            }

            /// The raw bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                hex(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                hex(&self.0, f)
            }
        }
    };
}

id!(
    /// A document: root label and relative path.
    DocId, 16);
id!(
    /// One occurrence of a chunk: document and position.
    ChunkId, 16);
id!(
    /// One mention: chunk and ordinal within it.
    MentionId, 16);
id!(
    /// An entity: the least (kind, normal name) of its component.
    EntityId, 16);
id!(
    /// A relation: source entity, predicate, target entity.
    RelationId, 16);
id!(
    /// One piece of evidence for a relation: chunk and ordinal within it.
    EvidenceId, 16);
id!(
    /// One item: chunk and ordinal within it.
    ItemId, 16);
id!(
    /// One failure: stage and what failed.
    FailureId, 16);
id!(
    /// One call: time-ordered, six bytes of milliseconds first.
    CallId, 16);
id!(
    /// One run of weir.
    RunId, 16);
id!(
    /// A background job.
    JobId, 16);
id!(
    /// A view: dataflow, roots and output folder.
    ViewId, 16);
id!(
    /// A prompt: its text.
    PromptId, 16);
id!(
    /// An answer schema: its canonical text.
    SchemaId, 16);
id!(
    /// The content of a source file after decoding and newline normalising.
    ContentHash, 32);
id!(
    /// The text of a chunk as the model is shown it.
    Fingerprint, 32);
id!(
    /// The ledger key of an answer.
    AnswerKey, 32);

impl Fingerprint {
    /// The plain BLAKE3 of the shown text, so that anybody can recompute it.
    #[must_use]
    pub fn of_shown(shown: &str) -> Self {
        Self(*blake3::hash(shown.as_bytes()).as_bytes())
    }
}

/// What, besides the shown text, decides an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyContext {
    /// The prompt.
    pub prompt: PromptId,
    /// The answer schema.
    pub schema: SchemaId,
    /// The model as asked for.
    pub model: String,
    /// The request parameters that can change an answer, as canonical JSON.
    pub parameters: String,
}

impl KeyContext {
    /// The ledger key of a shown text under this context: nothing of weir's own version is in it.
    #[must_use]
    pub fn key(&self, fingerprint: Fingerprint) -> AnswerKey {
        AnswerKey::of(&[
            fingerprint.as_bytes(),
            self.prompt.as_bytes(),
            self.schema.as_bytes(),
            self.model.as_bytes(),
            self.parameters.as_bytes(),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_print_and_parse() {
        let id = DocId::of(&[b"root", b"a/b.vtt"]);
        assert_eq!(id.to_string().len(), 32);
        assert_eq!(DocId::parse(&id.to_string()), Some(id));
        assert_eq!(DocId::parse("xyz"), None);
        assert_ne!(DocId::of(&[b"ab", b"c"]), DocId::of(&[b"a", b"bc"]));
    }

    /// Golden: an upgrade that changes a ledger key would pay for everything again.
    #[test]
    fn ledger_key_is_golden() {
        let context = KeyContext {
            prompt: PromptId([1; 16]),
            schema: SchemaId([2; 16]),
            model: "gpt-4o-mini".into(),
            parameters: "{\"temperature\":0}".into(),
        };
        let key = context.key(Fingerprint::of_shown("Ana: Hello.\n"));
        assert_eq!(
            key.to_string(),
            "8177285935d9279eb9bb601ff4651a1f4a315411cef44415bc948d9eee10b7be"
        );
    }
}
