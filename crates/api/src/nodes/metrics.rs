//! `GET /api/nodes/<id>/metrics`.

use axum::extract::State;
use serde::Deserialize;
use time::OffsetDateTime;
use utoipa::IntoParams;
use watchroom_fleet::nodes::MetricsView;
use watchroom_model::NodeId;
use watchroom_policy::act;
use watchroom_web::{Caller, Json, Params, Problem, Query};

use crate::Api;

/// From when on.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
pub(super) struct Since {
    /// Only what was measured after this time (RFC 3339), by the node's own clock. Default the whole hour.
    #[serde(with = "time::serde::rfc3339::option")]
    #[param(value_type = Option<String>, format = "date-time")]
    since: Option<OffsetDateTime>,
}

pub(super) async fn metrics(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<NodeId>,
    Query(query): Query<Since>,
) -> Result<Json<MetricsView>, Problem> {
    let node = caller.found(api.fleet.node(id))?;
    let permit = caller.permit(act::ReadMetrics, &*node)?;
    Ok(Json(api.fleet.metrics(&permit, query.since).await?))
}
