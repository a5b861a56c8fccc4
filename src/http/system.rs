//! What the service is, what it may, and whether it is well.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sysinfo::{Disks, Pid, ProcessRefreshKind, ProcessesToUpdate, System as Machine};
use utoipa::ToSchema;

use super::App;
use super::problem::Refusal;
use crate::job::service::{Service, blocking};
use crate::model::unit::Micros;

/// What the service is and may.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct System {
    /// The version of weir.
    pub version: String,
    /// Whether a token is needed.
    pub auth: bool,
    /// Whether a make-believe provider answers.
    pub demo: bool,
    /// When it started, RFC 3339.
    pub started_at: String,
    /// Of one core, in percent, since it was last asked.
    pub cpu_percent: f32,
    /// Memory in use, in bytes.
    pub memory_bytes: u64,
    /// Room left where the state lies, in bytes.
    pub disk_free_bytes: u64,
    /// The dataflows that may be named.
    pub dataflows: Vec<Dataflow>,
    /// The models that may be named.
    pub models: Vec<String>,
    /// The folders that may be read.
    pub roots: Vec<String>,
    /// What was uploaded.
    pub collections: Vec<Collection>,
    /// The most bytes of one upload.
    pub max_upload_bytes: u64,
    /// How many jobs are in each state.
    pub jobs: BTreeMap<String, u64>,
}

/// A dataflow that may be named.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Dataflow {
    /// Its name.
    pub name: String,
    /// What it makes.
    pub title: String,
}

/// What was uploaded under one name.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Collection {
    /// The name.
    pub name: String,
    /// Its files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What this process takes of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Taken {
    pub(super) cpu_percent: f32,
    pub(super) cpu_seconds: f64,
    pub(super) memory: u64,
    pub(super) files: u64,
}

/// Looks at this process now and then.
pub(super) struct Looks {
    machine: Mutex<Machine>,
    pub(super) started: Micros,
}

impl Looks {
    pub(super) fn new(started: Micros) -> Self {
        Self {
            machine: Mutex::new(Machine::new()),
            started,
        }
    }

    pub(super) fn taken(&self) -> Taken {
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        let own = Pid::from_u32(std::process::id());
        let what = ProcessRefreshKind::nothing().with_cpu().with_memory();
        machine.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), false, what);
        let Some(process) = machine.process(own) else {
            return Taken::default();
        };
        Taken {
            cpu_percent: process.cpu_usage(),
            cpu_seconds: process.accumulated_cpu_time() as f64 / 1000.0,
            memory: process.memory(),
            files: process.open_files().unwrap_or_default() as u64,
        }
    }
}

/// Room left where a folder lies, in bytes.
pub(super) fn room(folder: &Path) -> u64 {
    let folder = folder.canonicalize().unwrap_or_default();
    let disks = Disks::new_with_refreshed_list();
    let holds = disks
        .list()
        .iter()
        .filter(|disk| folder.starts_with(disk.mount_point()));
    holds
        .max_by_key(|disk| disk.mount_point().as_os_str().len())
        .map_or(0, sysinfo::Disk::available_space)
}

/// What the service is and may.
#[utoipa::path(get, path = "/system", tag = "system", responses((status = 200, body = System)))]
pub(super) async fn system(State(app): State<App>) -> Result<Json<System>, Refusal> {
    let jobs = app.service.counts().await?;
    let looking = app.clone();
    let look = move || {
        let settings = looking.service.settings();
        let offer = looking.service.offer();
        (looking.looks.taken(), room(&settings.state), offer)
    };
    let (taken, disk_free_bytes, offer) = blocking(look).await?;
    let options = &app.options;
    Ok(Json(System {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        auth: !options.access.tokens().is_empty(),
        demo: options.demo,
        started_at: app.looks.started.to_string(),
        cpu_percent: taken.cpu_percent,
        memory_bytes: taken.memory,
        disk_free_bytes,
        dataflows: offer
            .dataflows
            .into_iter()
            .map(|(name, title)| Dataflow { name, title })
            .collect(),
        models: offer.models,
        roots: offer.roots,
        collections: offer
            .collections
            .into_iter()
            .map(|(name, (files, bytes))| Collection { name, files, bytes })
            .collect(),
        max_upload_bytes: options.most_upload,
        jobs,
    }))
}

/// The process lives.
pub(super) async fn health() -> Response {
    "ok\n".into_response()
}

/// Jobs can be taken: the state can be read and takes writes.
pub(super) async fn ready(State(app): State<App>) -> Response {
    match check(&app.service).await {
        Ok(()) => "ready\n".into_response(),
        Err(refusal) => (StatusCode::SERVICE_UNAVAILABLE, refusal).into_response(),
    }
}

async fn check(service: &std::sync::Arc<Service>) -> Result<(), Refusal> {
    service.ready().await?;
    Ok(())
}
