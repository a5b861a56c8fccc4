//! The dataflows that come with the program, embedded, with all they need.

/// A shipped dataflow.
#[derive(Clone, Copy, Debug)]
pub struct Shipped {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its file.
    pub text: &'static str,
}

/// All of them.
pub const DATAFLOWS: &[Shipped] = &[
    Shipped {
        name: "knowledge-graph",
        text: include_str!("../../dataflows/knowledge-graph.toml"),
    },
    Shipped {
        name: "action-items",
        text: include_str!("../../dataflows/action-items.toml"),
    },
    Shipped {
        name: "topics",
        text: include_str!("../../dataflows/topics.toml"),
    },
    Shipped {
        name: "duplicates",
        text: include_str!("../../dataflows/duplicates.toml"),
    },
];

/// The catalogue of models.
pub(super) const MODELS: &str = include_str!("../../dataflows/models.toml");

/// Prompts and schemas, by the path under which dataflow files name them.
const TEXTS: &[(&str, &str)] = &[
    (
        "prompts/knowledge-graph.md",
        include_str!("../../dataflows/prompts/knowledge-graph.md"),
    ),
    (
        "schemas/knowledge-graph.json",
        include_str!("../../dataflows/schemas/knowledge-graph.json"),
    ),
    (
        "prompts/action-items.md",
        include_str!("../../dataflows/prompts/action-items.md"),
    ),
    (
        "schemas/action-items.json",
        include_str!("../../dataflows/schemas/action-items.json"),
    ),
    (
        "prompts/topics.md",
        include_str!("../../dataflows/prompts/topics.md"),
    ),
    (
        "schemas/topics.json",
        include_str!("../../dataflows/schemas/topics.json"),
    ),
];

/// The shipped dataflow of that name.
#[must_use]
pub fn dataflow(name: &str) -> Option<Shipped> {
    DATAFLOWS.iter().copied().find(|one| one.name == name)
}

/// The shipped prompt or schema of that path.
#[must_use]
pub fn text(path: &str) -> Option<&'static str> {
    let found = TEXTS.iter().find(|(known, _)| *known == path);
    found.map(|(_, text)| *text)
}
