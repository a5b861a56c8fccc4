//! Floor 6: the job service over HTTP: who may ask, for what, what is taken in, and what is shown.
//!
//! ```text
//!   listen    connections in, bounded and timed        guard     whose requests are heard
//!   jobs      submit, list, steer                      receive   an upload -> files of a collection
//!   events    what is told, live                       tables    what is published (graph: to look at)
//!   system    what the service is and may              metrics   the same for Prometheus (figures: every one)
//!   page      the dashboard                            problem   what went wrong -> a status
//!   access, origin, unpack, upload                     the thinking: tokens, hosts, archives, names
//! ```

pub mod access;
mod body;
#[allow(
    unused_qualifications,
    reason = "written by the macro that describes the interface"
)]
mod events;
mod figures;
#[allow(
    unused_qualifications,
    reason = "written by the macro that describes the interface"
)]
mod graph;
mod guard;
#[allow(
    unused_qualifications,
    reason = "written by the macro that describes the interface"
)]
mod jobs;
pub mod listen;
mod metrics;
pub mod origin;
mod page;
mod problem;
mod receive;
mod system;
#[allow(
    unused_qualifications,
    reason = "written by the macro that describes the interface"
)]
mod tables;
pub mod unpack;
pub mod upload;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::access::Access;
use self::metrics::Meter;
use self::origin::Doors;
use self::system::Looks;
use crate::job::service::Service;

/// How the service behaves towards its clients.
#[derive(Debug)]
pub struct Options {
    /// Who may come in; with no token everybody may.
    pub access: Arc<Access>,
    /// By what names it may be reached.
    pub doors: Doors,
    /// The most bytes of one upload.
    pub most_upload: u64,
    /// The most clients that listen to events.
    pub most_listeners: usize,
    /// Whether it shows a make-believe provider.
    pub demo: bool,
}

/// What every handler has at hand.
#[derive(Clone)]
pub(super) struct App {
    service: Arc<Service>,
    options: Arc<Options>,
    listeners: Arc<Semaphore>,
    meter: Arc<Meter>,
    looks: Arc<Looks>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "weir",
        description = "Background jobs that turn transcripts into tables. Hand transcripts in, get an id at once, \
                       follow what is done, and read the tables while it goes on."
    ),
    servers((url = "/api/v1")),
    tags(
        (name = "jobs", description = "Submit, follow and steer"),
        (name = "tables", description = "What is published, as of one epoch"),
        (name = "graph", description = "Entities and relations, with what was said"),
        (name = "system", description = "The service itself")
    )
)]
struct Description;

fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(jobs::list, jobs::submit))
        .routes(routes!(jobs::show, jobs::remove))
        .routes(routes!(jobs::progress))
        .routes(routes!(jobs::cancel))
        .routes(routes!(jobs::pause))
        .routes(routes!(jobs::resume))
        .routes(routes!(jobs::retry))
        .routes(routes!(jobs::plan))
        .routes(routes!(events::events))
        .routes(routes!(events::socket))
        .routes(routes!(tables::list))
        .routes(routes!(tables::table))
        .routes(routes!(tables::failures))
        .routes(routes!(graph::graph))
        .routes(routes!(graph::entity))
        .routes(routes!(graph::relation))
        .routes(routes!(system::system))
}

/// The description of the interface, as JSON.
///
/// # Panics
/// Never: it is plain data.
#[must_use]
pub fn description() -> String {
    described(api()).1
}

fn described(api: OpenApiRouter<App>) -> (Router<App>, String) {
    let (router, mut description) = api.split_for_parts();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let components = description.components.get_or_insert_with(Default::default);
    components.add_security_scheme("token", bearer);
    description.security = Some(vec![
        utoipa::openapi::security::SecurityRequirement::default(),
        utoipa::openapi::security::SecurityRequirement::new("token", [""; 0]),
    ]);
    let text = description.to_pretty_json().unwrap_or_default();
    (router, text)
}

/// All that the service answers; `metrics` besides, if they are not served elsewhere.
pub fn router(service: Arc<Service>, options: Options, metrics: bool) -> (Router, Router) {
    let app = App {
        listeners: Arc::new(Semaphore::new(options.most_listeners)),
        meter: Arc::new(Meter::new(&service)),
        looks: Arc::new(Looks::new(service.now())),
        options: Arc::new(options),
        service,
    };
    let (api, description) = described(api());
    let description: Arc<str> = description.into();
    let shown = get(move || {
        let description = Arc::clone(&description);
        async move {
            (
                [("content-type", "application/json")],
                description.to_string(),
            )
        }
    });
    let api = api
        .fallback(page::unknown)
        .method_not_allowed_fallback(page::other_method);
    let own = Router::new()
        .route("/metrics", get(metrics::metrics))
        .layer(from_fn_with_state(app.clone(), guard::guard))
        .with_state(app.clone());
    let mut router = Router::new().nest("/api/v1", api);
    if metrics {
        router = router.route("/metrics", get(metrics::metrics));
    }
    let router = router
        .layer(from_fn_with_state(app.clone(), guard::token))
        // It holds nothing but what this source says.
        .route("/api/v1/openapi.json", shown)
        .route("/healthz", get(system::health))
        .route("/readyz", get(system::ready))
        .merge(page::routes())
        .fallback(page::unknown)
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(app.clone(), guard::guard))
        .layer(CatchPanicLayer::new())
        .with_state(app);
    (router, own)
}
