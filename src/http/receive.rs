//! An upload -> files of a collection: taken in beside it, synced while more comes, moved in when all of it is there.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{FromRequest, Request as HttpRequest};
use axum::http::StatusCode;
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::JoinSet;
use utoipa::ToSchema;

use super::App;
use super::problem::Refusal;
use super::unpack::{Bounds, UnpackError, unpack};
use super::upload::Names;
use crate::job::service::blocking;
use crate::job::service::settings::is_collection;
use crate::job::service::spec::Request;

/// Files of one upload, those within archives not counted.
const MOST_FILES: usize = 20_000;
/// Bytes of the part `job`.
const MOST_REQUEST: usize = 256 << 10;
/// Files that are written and synced at once: a journal takes many in one go.
const AT_ONCE: usize = 32;

/// An upload.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the description of a form")]
pub(super) struct Upload {
    /// What is asked for; its `collection` names where the files go, and is made if it is new.
    job: Request,
    /// Transcripts, or zip archives of them. A name may be a path. A file of the same name is replaced.
    #[schema(value_type = Vec<String>, format = Binary)]
    file: Vec<u8>,
}

/// What was taken in.
pub(super) struct Received {
    /// What is asked for.
    pub(super) request: Request,
    /// What was left out, and why.
    pub(super) left_out: Vec<String>,
}

/// A folder for one upload; when it is dropped, what is left of it goes.
struct Staging(PathBuf);

impl Drop for Staging {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// Where uploads are taken in.
pub(super) fn folder(state: &Path) -> PathBuf {
    state.join("uploads")
}

/// Takes an upload in: when this returns, its files are durable parts of the collection.
///
/// # Errors
/// If it is no form, names no collection, or holds too much: then nothing is new in the collection.
pub(super) async fn receive(app: &App, request: HttpRequest) -> Result<Received, Refusal> {
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|error| Refusal::bad(error.body_text()))?;
    let settings = app.service.settings();
    let name = format!("{:016x}", fastrand::u64(..));
    let staging = Staging(folder(&settings.state).join(name));
    let files = staging.0.join("files");
    let zips = staging.0.join("archives");
    for folder in [&files, &zips] {
        fs::create_dir_all(folder).map_err(|error| storage(&error))?;
    }
    let mut taking = Taking {
        left: app.options.most_upload,
        most: app.options.most_upload,
        names: Names::default(),
        writers: JoinSet::new(),
        archives: Vec::new(),
        left_out: Vec::new(),
        count: 0,
    };
    let mut wanted: Option<Request> = None;
    while let Some(field) = form.next_field().await.map_err(|error| broken(&error))? {
        match field.name() {
            Some("job") => wanted = Some(asked(field).await?),
            Some("file") => taking.take(field, &files, &zips).await?,
            other => {
                return Err(Refusal::bad(format!(
                    "a part is called {:?}: job (JSON) and file are known",
                    other.unwrap_or_default()
                )));
            }
        }
    }
    let request = wanted.ok_or_else(|| {
        Refusal::bad("the part job is missing: JSON with dataflow and collection, as for a request without files")
    })?;
    let collection = match &request.collection {
        Some(name) if is_collection(name) && request.folder.is_none() && !request.samples => name,
        _ => {
            return Err(Refusal::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "an upload goes into a collection: give job.collection, 1 to 64 letters, digits, \"-\", \"_\" and \
                 \".\", and neither folder nor samples",
            ));
        }
    };
    taking.written().await?;
    let (names, archives) = (taking.names, taking.archives);
    let into = settings.collection(collection);
    let done = blocking(move || {
        let left_out = unpacked(names, &archives, &files)?;
        moved(&files, &into).map_err(|error| storage(&error))?;
        drop(staging);
        Ok::<_, Refusal>(left_out)
    });
    taking.left_out.extend(done.await??);
    Ok(Received {
        request,
        left_out: taking.left_out,
    })
}

/// What has been taken so far.
struct Taking {
    left: u64,
    most: u64,
    names: Names,
    writers: JoinSet<io::Result<()>>,
    archives: Vec<(String, PathBuf)>,
    left_out: Vec<String>,
    count: usize,
}

impl Taking {
    async fn take(&mut self, field: Field<'_>, files: &Path, zips: &Path) -> Result<(), Refusal> {
        self.count += 1;
        if self.count > MOST_FILES {
            let detail =
                format!("an upload holds at most {MOST_FILES} files: split it, or pack them");
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
        let given = field.file_name().unwrap_or_default().to_owned();
        let archive = Path::new(&given)
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
        let path = if archive {
            let path = zips.join(format!("{}.zip", self.count));
            self.archives.push((given, path.clone()));
            path
        } else {
            match self.names.place(&given) {
                Ok(path) => files.join(path),
                Err(why) if why.is_hostile() || given.is_empty() => {
                    return Err(Refusal::bad(format!("a file is called {given:?}: {why}")));
                }
                Err(why) => {
                    self.left_out.push(format!("{given:?} was left out: {why}"));
                    return self.pour(field, None).await;
                }
            }
        };
        if self.writers.len() >= AT_ONCE
            && let Some(done) = self.writers.join_next().await
        {
            ended(done)?;
        }
        let (pieces, mut came) = channel::<axum::body::Bytes>(4);
        self.writers.spawn_blocking(move || {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut file = File::create_new(&path)?;
            while let Some(piece) = came.blocking_recv() {
                file.write_all(&piece)?;
            }
            file.sync_all()
        });
        self.pour(field, Some(pieces)).await
    }

    /// Hands a file on piece by piece, as far as the upload may go.
    async fn pour(
        &mut self,
        mut field: Field<'_>,
        to: Option<Sender<axum::body::Bytes>>,
    ) -> Result<(), Refusal> {
        while let Some(piece) = field.chunk().await.map_err(|error| broken(&error))? {
            self.left = self.left.checked_sub(piece.len() as u64).ok_or_else(|| {
                let detail = format!("an upload holds at most {} bytes: split it", self.most);
                Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
            })?;
            if let Some(to) = &to
                && to.send(piece).await.is_err()
            {
                // Why, its writer says.
                return Ok(());
            }
        }
        Ok(())
    }

    /// Waits until all of it is on the disk.
    async fn written(&mut self) -> Result<(), Refusal> {
        while let Some(done) = self.writers.join_next().await {
            ended(done)?;
        }
        Ok(())
    }
}

fn ended(done: Result<io::Result<()>, tokio::task::JoinError>) -> Result<(), Refusal> {
    match done {
        Ok(written) => written.map_err(|error| storage(&error)),
        Err(error) => Err(Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            error.to_string(),
        )),
    }
}

async fn asked(mut field: Field<'_>) -> Result<Request, Refusal> {
    let mut text = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(|error| broken(&error))? {
        text.extend_from_slice(&piece);
        if text.len() > MOST_REQUEST {
            let detail = format!("the part job is longer than {MOST_REQUEST} bytes");
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
    }
    serde_json::from_slice(&text)
        .map_err(|error| Refusal::bad(format!("the part job is not what is wanted: {error}")))
}

/// Unpacks archives among the files; says what was left out.
fn unpacked(
    mut names: Names,
    archives: &[(String, PathBuf)],
    files: &Path,
) -> Result<Vec<String>, Refusal> {
    let mut left_out = Vec::new();
    for (given, path) in archives {
        let unpacked = unpack(path, files, &mut names, &Bounds::default());
        let unpacked = unpacked.map_err(|error| {
            let detail = format!("{given:?}: {}", crate::job::said(&error));
            match &error {
                error if error.is_too_much() => Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, detail),
                UnpackError::Write(_) => Refusal::new(StatusCode::INSUFFICIENT_STORAGE, detail),
                _ => Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail),
            }
        })?;
        let out = unpacked.skipped.into_iter();
        left_out
            .extend(out.map(|(name, why)| format!("{name:?} in {given:?} was left out: {why}")));
    }
    Ok(left_out)
}

/// Moves all files of a folder into another, in place of those of the same name, and syncs the names.
fn moved(from: &Path, into: &Path) -> io::Result<()> {
    let mut touched = vec![into.to_owned()];
    fs::create_dir_all(into)?;
    let mut folders = vec![PathBuf::new()];
    while let Some(below) = folders.pop() {
        for entry in fs::read_dir(from.join(&below))? {
            let entry = entry?;
            let path = below.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                fs::create_dir_all(into.join(&path))?;
                touched.push(into.join(&path));
                folders.push(path);
            } else {
                fs::rename(entry.path(), into.join(&path))?;
            }
        }
    }
    // The folder itself may be new, too.
    touched.extend(into.ancestors().skip(1).take(2).map(Path::to_owned));
    for folder in touched {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn broken(error: &MultipartError) -> Refusal {
    Refusal::new(
        error.status(),
        format!("the upload broke off or is no form: {}", error.body_text()),
    )
}

fn storage(error: &io::Error) -> Refusal {
    tracing::error!("an upload could not be stored: {error}");
    Refusal::new(
        StatusCode::INSUFFICIENT_STORAGE,
        format!("the upload could not be stored: {error}"),
    )
}
