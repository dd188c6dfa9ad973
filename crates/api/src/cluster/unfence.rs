//! `POST /api/cluster/nodes/<id>/unfence`.

use axum::extract::State;
use watchroom_fleet::NodeView;
use watchroom_model::NodeId;
use watchroom_policy::act;
use watchroom_web::{Caller, Json, Params, Problem};

use crate::Api;

pub(super) async fn unfence(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<NodeId>,
) -> Result<Json<NodeView>, Problem> {
    let node = caller.found(api.fleet.node(id))?;
    let permit = caller.permit(act::UnfenceNode, &*node)?;
    Ok(Json(api.fleet.unfence(&permit, &node).await?))
}
