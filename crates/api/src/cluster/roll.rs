//! What is done to a node on the roll: pinged, revoked, purged.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;
use watchroom_fleet::nodes::{Pong, Revoked};
use watchroom_model::NodeId;
use watchroom_policy::act;
use watchroom_shield::RouteClass;
use watchroom_web::{Caller, Params, Problem, Query, Route};

use crate::Api;

/// How a node goes.
#[derive(Default, Deserialize, IntoParams)]
#[serde(default)]
pub(super) struct Removal {
    /// Why, for the roll and the log: 1 to 500 characters on one line.
    reason: Option<String>,
    /// Strike a node that was revoked before from the roll, with the record of its servers.
    purge: bool,
}

pub(super) fn routes() -> Vec<Route<Api>> {
    vec![
        Route::new(
            Method::DELETE,
            "/api/cluster/nodes/{id}",
            act::RevokeNode,
            RouteClass::Administration,
            remove,
        )
        .says("Revoke a node; it stays listed until it is purged")
        .asks::<Removal>()
        .free_text(&["reason"])
        .gives::<Revoked>(),
        Route::new(
            Method::POST,
            "/api/cluster/nodes/{id}/ping",
            act::PingNode,
            RouteClass::Change,
            ping,
        )
        .says("A round trip to a node, and how it is")
        .gives::<Pong>(),
    ]
}

async fn remove(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<NodeId>,
    Query(removal): Query<Removal>,
) -> Result<Response, Problem> {
    let node = caller.found(api.fleet.node(id))?;
    if removal.purge {
        let permit = caller.permit(act::PurgeNode, &*node)?;
        api.fleet.purge_node(&permit).await?;
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let permit = caller.permit(act::RevokeNode, &*node)?;
    Ok(Json(api.fleet.revoke_node(&permit, removal.reason).await?).into_response())
}

async fn ping(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<NodeId>,
) -> Result<Json<Pong>, Problem> {
    let node = caller.found(api.fleet.node(id))?;
    let permit = caller.permit(act::PingNode, &*node)?;
    Ok(Json(api.fleet.ping_node(&permit).await?))
}
