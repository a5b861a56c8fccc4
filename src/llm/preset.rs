//! The kinds of server, and what each takes of the wire format.

/// A kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// OpenAI itself.
    OpenAi,
    /// Ollama.
    Ollama,
    /// vLLM.
    Vllm,
    /// The server of llama.cpp.
    LlamaCpp,
    /// LM Studio.
    LmStudio,
    /// Anything else: a proxy, another provider.
    Compatible,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::OpenAi,
        Self::Ollama,
        Self::Vllm,
        Self::LlamaCpp,
        Self::LmStudio,
        Self::Compatible,
    ];

    /// Its name in settings and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Ollama => "ollama",
            Self::Vllm => "vllm",
            Self::LlamaCpp => "llamacpp",
            Self::LmStudio => "lmstudio",
            Self::Compatible => "compatible",
        }
    }

    /// The preset of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.name() == name)
    }

    /// Where it usually listens; nowhere in particular for [`Self::Compatible`].
    #[must_use]
    pub fn base_url(self) -> Option<&'static str> {
        match self {
            Self::OpenAi => Some("https://api.openai.com/v1"),
            Self::Ollama => Some("http://127.0.0.1:11434/v1"),
            Self::Vllm => Some("http://127.0.0.1:8000/v1"),
            Self::LlamaCpp => Some("http://127.0.0.1:8080/v1"),
            Self::LmStudio => Some("http://127.0.0.1:1234/v1"),
            Self::Compatible => None,
        }
    }

    /// The field that bounds the answer. Ollama does not read the newer one: the answer would be unbounded.
    pub(super) fn bound(self) -> &'static str {
        match self {
            Self::OpenAi => "max_completion_tokens",
            _ => "max_tokens",
        }
    }

    /// Whether `strict` is sent with the schema.
    pub(super) fn strict(self) -> bool {
        matches!(self, Self::OpenAi | Self::Compatible)
    }

    /// Whether a request parameter goes to this kind of server. What a local server does not know it may
    /// refuse, or worse, take for something else; what `weir` decides itself no parameter changes.
    #[must_use]
    pub fn takes(self, parameter: &str) -> bool {
        !OWN.contains(&parameter)
            && match self {
                Self::OpenAi | Self::Compatible => true,
                _ => !OPENAI_ONLY.contains(&parameter),
            }
    }
}

/// Fields that `weir` sets.
const OWN: [&str; 12] = [
    "model",
    "messages",
    "response_format",
    "max_tokens",
    "max_completion_tokens",
    "stream",
    "stream_options",
    "n",
    "tools",
    "tool_choice",
    "functions",
    "function_call",
];
/// Fields that mean something at OpenAI and where its calls are passed on.
const OPENAI_ONLY: [&str; 8] = [
    "service_tier",
    "store",
    "prompt_cache_key",
    "prompt_cache_options",
    "reasoning_effort",
    "verbosity",
    "metadata",
    "safety_identifier",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_have_names() {
        for preset in Preset::ALL {
            assert_eq!(Preset::parse(preset.name()), Some(preset));
        }
        assert_eq!(Preset::parse("OpenAI"), None);
    }
}
