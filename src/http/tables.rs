//! Tables of a job, as they hold now: as a stream in four forms, as failures, as a graph to look at.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use utoipa::{IntoParams, ToSchema};

use super::problem::{Problem, Refusal};
use super::{App, jobs};
use crate::job::said;
use crate::job::service::blocking;
use crate::sink::select::{Compare, Condition, Form, Selection, look, select};
use crate::sink::{Snapshot, Table};

/// Bytes that are collected before they are sent.
const PIECE: usize = 64 << 10;
/// Pieces that wait for a slow client; then the table waits too.
const PIECES: usize = 4;
/// The most failures of a page.
const MOST_FAILURES: usize = 500;

/// The tables that hold now.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names of the interface")]
pub(super) struct Tables {
    /// Their epoch.
    pub epoch: u64,
    /// Whether nothing is left to ask.
    pub complete: bool,
    /// Each of them.
    pub tables: Vec<Held>,
}

/// A table.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Held {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: u64,
    /// Bytes of its parts.
    pub bytes: u64,
}

async fn output(app: &App, job: &str) -> Result<PathBuf, Refusal> {
    Ok(app.service.output(jobs::id(job)?).await?)
}

/// Reads the snapshot that holds now: all of the answer is as of one epoch.
pub(super) async fn read<T: Send + 'static>(
    app: &App,
    job: &str,
    look: impl FnOnce(&Snapshot) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let output = output(app, job).await?;
    blocking(move || look(&Snapshot::open(&output.join("current"))?)).await?
}

/// The tables that hold now.
#[utoipa::path(get, path = "/jobs/{id}/tables", tag = "tables", params(("id" = String, Path)), responses(
    (status = 200, body = Tables),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn list(
    State(app): State<App>,
    Path(job): Path<String>,
) -> Result<Json<Tables>, Refusal> {
    let found = read(&app, &job, |snapshot| {
        let manifest = snapshot.manifest();
        let held = |(name, table): (&String, &crate::sink::TableInfo)| Held {
            name: name.clone(),
            rows: table.rows,
            bytes: table.parts.iter().map(|part| part.bytes).sum(),
        };
        Ok(Tables {
            epoch: snapshot.epoch(),
            complete: manifest.info.complete,
            tables: manifest.tables.iter().map(held).collect(),
        })
    });
    Ok(Json(found.await?))
}

/// How a table is written.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Written {
    /// One Parquet file.
    Parquet,
    /// A stream of Arrow IPC.
    Arrow,
    /// A JSON object a line.
    Jsonl,
    /// CSV, safe to open in a spreadsheet.
    Csv,
}

/// How a table is wanted. `where` may come several times: `kind:person` (is, or a list has it), `name~ann` (contains).
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "read from the raw query, where a name may come several times; this is its description"
)]
pub(super) struct Wanted {
    /// Else by the header Accept, else `jsonl`.
    format: Option<Written>,
    /// No more rows than this.
    limit: Option<u64>,
    /// These columns, with commas between.
    columns: Option<String>,
    /// A condition, as `kind:person` or `name~ann`.
    r#where: Option<Vec<String>>,
}

/// A table: whole, or some rows and columns of it.
#[utoipa::path(get, path = "/jobs/{id}/tables/{table}", tag = "tables",
    params(("id" = String, Path), ("table" = String, Path), Wanted), responses(
    (status = 200, content((Vec<u8> = "application/vnd.apache.parquet"), (Vec<u8> = "application/vnd.apache.arrow.stream"),
        (String = "application/x-ndjson"), (String = "text/csv"))),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn table(
    State(app): State<App>,
    Path((job, name)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    let (form, selection) = wanted(query.as_deref().unwrap_or_default(), accept)?;
    let (table, snapshot, selection) = read(&app, &job, move |snapshot| {
        let held = |table: &Table| snapshot.manifest().tables.contains_key(table.name());
        let Some(table) = Table::parse(&name).filter(held) else {
            let names: Vec<&str> = snapshot
                .manifest()
                .tables
                .keys()
                .map(String::as_str)
                .collect();
            return Err(Refusal::absent(format!(
                "there is no table {name:?}; there are: {}",
                names.join(", ")
            )));
        };
        if let Some((unknown, columns)) = selection.unknown(snapshot, table)? {
            return Err(Refusal::bad(format!(
                "{} has no column {unknown:?}; it has: {}",
                table.name(),
                columns.join(", ")
            )));
        }
        Ok((table, snapshot.clone(), selection))
    })
    .await?;
    let (kind, extension) = match form {
        Form::Parquet => ("application/vnd.apache.parquet", "parquet"),
        Form::Arrow => ("application/vnd.apache.arrow.stream", "arrows"),
        Form::JsonLines => ("application/x-ndjson", "jsonl"),
        Form::Csv => ("text/csv; charset=utf-8", "csv"),
    };
    let epoch = snapshot.epoch();
    let (pieces, body) = channel(PIECES);
    let work = move || {
        let mut to = Pieces {
            pieces,
            held: Vec::with_capacity(PIECE),
        };
        let sent = select(&snapshot, table, &selection, form, &mut to)
            .map_err(|error| io::Error::other(said(&error)))
            .and_then(|_| to.send());
        if let Err(error) = sent {
            tracing::warn!("a table was not sent whole: {error}");
            // The client must see that it is cut.
            to.pieces.blocking_send(Err(error)).ok();
        }
    };
    tokio::task::spawn_blocking(work);
    let name = format!(
        "attachment; filename=\"{}-{epoch}.{extension}\"",
        table.name()
    );
    let headers = [
        (header::CONTENT_TYPE.as_str(), kind.to_owned()),
        (header::CONTENT_DISPOSITION.as_str(), name),
        ("weir-epoch", epoch.to_string()),
    ];
    Ok((headers, Body::from_stream(stream(body))).into_response())
}

fn stream(
    body: Receiver<Result<Bytes, io::Error>>,
) -> impl futures_util::Stream<Item = Result<Bytes, io::Error>> {
    unfold(body, async |mut body| {
        body.recv().await.map(|piece| (piece, body))
    })
}

/// Where a table is written to: pieces, which wait for the client.
struct Pieces {
    pieces: Sender<Result<Bytes, io::Error>>,
    held: Vec<u8>,
}

impl Pieces {
    fn send(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.held, Vec::with_capacity(PIECE));
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the client is gone");
        self.pieces.blocking_send(Ok(piece.into())).map_err(gone)
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= PIECE {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a query asks for.
fn wanted(query: &str, accept: Option<&str>) -> Result<(Form, Selection), Refusal> {
    let mut selection = Selection::default();
    let mut form = None;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "format" => {
                form = Some(match &*value {
                    "parquet" => Form::Parquet,
                    "arrow" => Form::Arrow,
                    "jsonl" => Form::JsonLines,
                    "csv" => Form::Csv,
                    _ => return Err(Refusal::bad("format must be parquet, arrow, jsonl or csv")),
                });
            }
            "limit" => {
                let limit = value.parse();
                let limit = limit
                    .ok()
                    .ok_or_else(|| Refusal::bad("limit must be a number"));
                selection.limit = Some(limit?);
            }
            "columns" => {
                let names = value
                    .split(',')
                    .map(str::trim)
                    .filter(|name| !name.is_empty());
                selection.columns = names.map(str::to_owned).collect();
            }
            "where" => {
                let at = value.find([':', '~']);
                let (column, rest) = at
                    .and_then(|at| Some((value.get(..at)?, value.get(at..)?)))
                    .ok_or_else(|| Refusal::bad("where must be like kind:person or name~ann"))?;
                let compare = if rest.starts_with('~') {
                    Compare::Contains
                } else {
                    Compare::Is
                };
                selection.conditions.push(Condition {
                    column: column.to_owned(),
                    compare,
                    text: rest.chars().skip(1).collect(),
                });
            }
            _ => {
                return Err(Refusal::bad(format!(
                    "{name:?} is not known; format, limit, columns and where are"
                )));
            }
        }
    }
    let by_header = || {
        let accept = accept.unwrap_or_default();
        let has = |kind: &str| accept.contains(kind);
        if has("parquet") {
            Form::Parquet
        } else if has("arrow") {
            Form::Arrow
        } else if has("text/csv") {
            Form::Csv
        } else {
            Form::JsonLines
        }
    };
    Ok((form.unwrap_or_else(by_header), selection))
}

/// A page of failures.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names of the interface")]
pub(super) struct Failures {
    /// The epoch.
    pub epoch: u64,
    /// How many there are of each reason.
    pub reasons: BTreeMap<String, u64>,
    /// Rows of the table `failures`.
    pub failures: Vec<serde_json::Map<String, serde_json::Value>>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

/// Which failures.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct WhichFailures {
    /// Only those of this reason.
    reason: Option<String>,
    /// No more than this, at most 500.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// `next` of the page before.
    #[param(pattern = "^[0-9a-f]{32}$")]
    cursor: Option<String>,
}

/// What failed, by id.
#[utoipa::path(get, path = "/jobs/{id}/failures", tag = "tables", params(("id" = String, Path), WhichFailures), responses(
    (status = 200, body = Failures),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn failures(
    State(app): State<App>,
    Path(job): Path<String>,
    which: Result<Query<WhichFailures>, QueryRejection>,
) -> Result<Json<Failures>, Refusal> {
    let Query(which) = which.map_err(|error| Refusal::bad(error.body_text()))?;
    let limit = which.limit.unwrap_or(100);
    if !(1..=MOST_FAILURES).contains(&limit) {
        return Err(Refusal::bad(format!("limit must be 1 to {MOST_FAILURES}")));
    }
    let found = read(&app, &job, move |snapshot| {
        let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
        let mut rows = look(snapshot, Table::Failures, "reason", usize::MAX, |reason| {
            *reasons.entry(reason.to_owned()).or_default() += 1;
            which
                .reason
                .as_deref()
                .is_none_or(|wanted| wanted == reason)
        })?;
        // In key order, so that a page goes on where the last one ended, whatever is published meanwhile.
        let key = |row: &serde_json::Map<String, serde_json::Value>| {
            row.get("failure_id")
                .and_then(|id| id.as_str())
                .unwrap_or_default()
                .to_owned()
        };
        rows.sort_by_key(key);
        if let Some(cursor) = &which.cursor {
            rows.retain(|row| key(row) > *cursor);
        }
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(key);
        Ok(Failures {
            epoch: snapshot.epoch(),
            reasons,
            failures: rows,
            next,
        })
    });
    Ok(Json(found.await?))
}
