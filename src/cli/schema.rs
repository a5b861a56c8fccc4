//! `weir schema`: the data dictionary, made from the schemas that the tables are written with.

use std::fmt::Write;

use clap::Args;
use serde_json::{Value, json};

use super::Exit;
use super::args::PlanArgs;
use super::env::Environment;
use super::printer::Printer;
use crate::plan::resolve::{Purpose, resolve};
use crate::sink::{Described, Layout, Table};
use crate::stage::extract::schema::form;

/// The arguments of `schema`.
#[derive(Args, Clone, Debug, Default)]
pub struct SchemaArgs {
    /// Only this table.
    pub table: Option<String>,
    /// The tables of a dataflow, shipped or of your own, with the columns of its own schema [default: every table].
    #[arg(short, long, value_name = "DATAFLOW")]
    pub dataflow: Option<String>,
    /// As one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub fn run(args: &SchemaArgs, environment: &Environment, printer: &mut Printer) -> Exit {
    let layout = match &args.dataflow {
        None => Layout::every(),
        Some(dataflow) => {
            let plan = PlanArgs {
                dataflow: dataflow.clone(),
                ..PlanArgs::default()
            };
            let inputs = plan.inputs(environment, Purpose::Show);
            match inputs.and_then(|inputs| resolve(&inputs)) {
                Ok(plan) => Layout::of(&form(&plan.question.schema)),
                Err(error) => {
                    printer.error(&error);
                    return Exit::Usage;
                }
            }
        }
    };
    let wanted = |table: &Table| {
        args.table
            .as_deref()
            .is_none_or(|name| name == table.name())
    };
    let tables: Vec<Table> = layout.tables().iter().copied().filter(wanted).collect();
    if tables.is_empty() {
        let known: Vec<&str> = layout.tables().iter().map(|table| table.name()).collect();
        printer.plain_error(&format!(
            "error: there is no table {:?} here; known: {}\n",
            args.table.as_deref().unwrap_or_default(),
            known.join(", ")
        ));
        return Exit::Usage;
    }
    if args.json {
        let tables: Vec<Value> = tables.iter().map(|table| json(&layout, *table)).collect();
        printer.result_json(&json!({"tables": tables}));
    } else {
        let pages: Vec<String> = tables.iter().map(|table| page(&layout, *table)).collect();
        printer.result(pages.join("\n").trim_end());
    }
    Exit::Complete
}

fn json(layout: &Layout, table: Table) -> Value {
    let columns: Vec<Value> = layout
        .columns(table)
        .iter()
        .map(|column| {
            json!({"name": column.name, "type": column.kind, "nullable": column.nullable, "doc": column.doc})
        })
        .collect();
    json!({"name": table.name(), "doc": table.doc(), "version": table.version(), "key": table.key(), "columns": columns})
}

/// A table as Markdown.
fn page(layout: &Layout, table: Table) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    write(&mut out, table, &layout.columns(table)).ok();
    out
}

fn write(out: &mut String, table: Table, columns: &[Described]) -> std::fmt::Result {
    writeln!(out, "## {}\n\n{}", table.name(), table.doc())?;
    if table == Table::Items {
        writeln!(
            out,
            "Between `chunk_id` and `speaker` stand the properties of the dataflow's own schema; `spans`, `quote`, `match` \
             and `score` are there if one of them is a `quote`."
        )?;
    }
    writeln!(
        out,
        "Version {}; sorted by {}.\n\n| column | type | null | what it says |\n|---|---|---|---|",
        table.version(),
        table.key().join(", ")
    )?;
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    for column in columns {
        let null = if column.nullable { "yes" } else { "" };
        writeln!(
            out,
            "| `{}` | {} | {null} | {} |",
            cell(&column.name),
            cell(&column.kind),
            cell(&column.doc)
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::form::Form;

    #[test]
    fn every_column_is_listed() {
        let layout = Layout::every();
        for table in Table::ALL {
            let page = page(&layout, table);
            for column in table.columns() {
                assert!(page.contains(&format!("| `{}` | ", column.name)), "{page}");
            }
        }
        assert!(!Layout::of(&Form::Repeats).tables().contains(&Table::Calls));
    }
}
