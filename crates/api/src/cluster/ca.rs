//! `POST /api/cluster/ca/rotate`.

use axum::extract::State;
use watchroom_fleet::nodes::CaRotation;
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_web::{Caller, Json, Problem};

use crate::Api;

pub(super) async fn rotate(caller: Caller, State(api): State<Api>) -> Result<Json<CaRotation>, Problem> {
    let permit = caller.permit(act::RotateCa, &Resource::all(ResourceKind::Host))?;
    Ok(Json(api.fleet.rotate_ca(&permit).await?))
}
