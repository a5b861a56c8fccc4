//! The graph of a job, to look at: its top, and what was said of one entity or relation.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::App;
use super::problem::{Problem, Refusal};
use super::tables::read;
use crate::job::explore::{self, EntitySeen, Picture, RelationSeen};
use crate::sink::SinkError;

/// How much of the graph.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Top {
    /// So many entities, at most 400; 40 if it is not said.
    #[param(minimum = 1, maximum = 400)]
    top: Option<usize>,
}

/// How much evidence.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Most {
    /// So many places, at most 500; 50 if it is not said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

fn no_graph(error: SinkError) -> Refusal {
    match error {
        SinkError::Damaged { what, .. } if what == "it has no part" => {
            Refusal::absent("the tables of this dataflow hold no graph")
        }
        other => other.into(),
    }
}

/// The top of the graph: entities with most mentions, and what relates them.
#[utoipa::path(get, path = "/jobs/{id}/graph", tag = "graph", params(("id" = String, Path), Top), responses(
    (status = 200, body = Picture),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn graph(
    State(app): State<App>,
    Path(job): Path<String>,
    top: Result<Query<Top>, QueryRejection>,
) -> Result<Json<Picture>, Refusal> {
    let Query(top) = top.map_err(|error| Refusal::bad(error.body_text()))?;
    let top = top.top.unwrap_or(40);
    if !(1..=explore::MOST_NODES).contains(&top) {
        return Err(Refusal::bad(format!(
            "top must be 1 to {}",
            explore::MOST_NODES
        )));
    }
    let picture = read(&app, &job, move |snapshot| {
        explore::picture(snapshot, top).map_err(no_graph)
    });
    Ok(Json(picture.await?))
}

fn most(wish: Result<Query<Most>, QueryRejection>) -> Result<usize, Refusal> {
    let Query(wish) = wish.map_err(|error| Refusal::bad(error.body_text()))?;
    let limit = wish.limit.unwrap_or(50);
    if (1..=explore::MOST_EVIDENCE).contains(&limit) {
        Ok(limit)
    } else {
        Err(Refusal::bad(format!(
            "limit must be 1 to {}",
            explore::MOST_EVIDENCE
        )))
    }
}

/// An entity: where it is named, by whom and when, and what it is related to.
#[utoipa::path(get, path = "/jobs/{id}/entities/{entity}", tag = "graph",
    params(("id" = String, Path), ("entity" = String, Path), Most), responses(
    (status = 200, body = EntitySeen),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn entity(
    State(app): State<App>,
    Path((job, entity)): Path<(String, String)>,
    wish: Result<Query<Most>, QueryRejection>,
) -> Result<Json<EntitySeen>, Refusal> {
    let most = most(wish)?;
    let found = read(&app, &job, move |snapshot| {
        explore::entity(snapshot, &entity, most)
            .map_err(no_graph)?
            .ok_or_else(|| {
                Refusal::absent(format!(
                    "there is no entity {entity:?} in the tables that hold now"
                ))
            })
    });
    Ok(Json(found.await?))
}

/// A relation: where it is said, by whom and when.
#[utoipa::path(get, path = "/jobs/{id}/relations/{relation}", tag = "graph",
    params(("id" = String, Path), ("relation" = String, Path), Most), responses(
    (status = 200, body = RelationSeen),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn relation(
    State(app): State<App>,
    Path((job, relation)): Path<(String, String)>,
    wish: Result<Query<Most>, QueryRejection>,
) -> Result<Json<RelationSeen>, Refusal> {
    let most = most(wish)?;
    let found = read(&app, &job, move |snapshot| {
        explore::relation(snapshot, &relation, most)
            .map_err(no_graph)?
            .ok_or_else(|| {
                Refusal::absent(format!(
                    "there is no relation {relation:?} in the tables that hold now"
                ))
            })
    });
    Ok(Json(found.await?))
}
