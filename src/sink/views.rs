//! `views.sql`: one view for each table, on one resolved snapshot.

use super::manifest::Manifest;
use super::schema::Table;

/// The text of the views on a snapshot folder, an absolute path.
pub(super) fn text(manifest: &Manifest, folder: &str) -> String {
    let epoch = manifest.epoch;
    let folder = escape(folder);
    let mut text = format!("-- Views on epoch {epoch}, for DuckDB; written by weir.\n");
    let held = |table: &Table| manifest.tables.contains_key(table.name());
    for table in Table::ALL.into_iter().filter(held) {
        let name = table.name();
        let parts = format!("read_parquet('{folder}/{name}/*.parquet')");
        text.extend([
            "CREATE OR REPLACE VIEW ",
            name,
            " AS SELECT * FROM ",
            &parts,
            ";\n",
        ]);
    }
    if held(&Table::Calls) {
        text.push_str(VINTAGES);
    }
    text
}

/// Which prompts, schemas and models the rows rest on.
const VINTAGES: &str = "CREATE OR REPLACE VIEW vintages AS SELECT prompt_id, schema_id, model, count(*) AS texts, \
    min(answered_at) AS first_at, max(answered_at) AS last_at FROM chunks WHERE status = 'ok' GROUP BY ALL;\n";

/// A path as it must stand in a quoted pattern: quotes doubled, pattern characters bracketed.
fn escape(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for letter in path.chars() {
        match letter {
            '\'' => escaped.push_str("''"),
            '*' | '?' | '[' => escaped.extend(['[', letter, ']']),
            _ => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::manifest::{ManifestInfo, TableInfo};
    use super::*;

    #[test]
    fn quotes_and_patterns_in_a_path_are_escaped() {
        let mut manifest = Manifest {
            weir: String::new(),
            format: 1,
            epoch: 7,
            base: None,
            info: ManifestInfo::default(),
            tables: BTreeMap::new(),
        };
        for table in [Table::Documents, Table::Calls] {
            let info = TableInfo::default();
            manifest.tables.insert(table.name().to_owned(), info);
        }
        let text = text(&manifest, "/o'k/a[1]*");
        assert!(
            text.contains("read_parquet('/o''k/a[[]1][*]/calls/*.parquet');"),
            "{text}"
        );
        assert!(!text.contains("VIEW entities"), "{text}");
        assert_eq!(text.lines().count(), 4);
    }
}
