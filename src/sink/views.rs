//! `views.sql`: one view for each table, on one resolved snapshot.

use super::schema::Table;

/// The text of the views on a snapshot folder, an absolute path.
pub(super) fn text(epoch: u64, folder: &str) -> String {
    let folder = escape(folder);
    let mut text = format!("-- Views on epoch {epoch}, for DuckDB; written by weir.\n");
    for table in Table::ALL {
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
    text
}

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
    use super::*;

    #[test]
    fn quotes_and_patterns_in_a_path_are_escaped() {
        let text = text(7, "/o'k/a[1]*");
        assert!(
            text.contains("read_parquet('/o''k/a[[]1][*]/calls/*.parquet');"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1 + Table::ALL.len());
    }
}
