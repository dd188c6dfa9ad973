//! `DELETE /api/servers/<id>`.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use watchroom_fleet::Server;
use watchroom_model::ServerId;
use watchroom_policy::act;
use watchroom_web::{Caller, Params, Problem};

use crate::Api;

pub(super) async fn remove(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<ServerId>,
) -> Result<StatusCode, Problem> {
    let server = caller.found(api.fleet.server(id))?;
    remove_one(&caller, &api, &server).await
}

pub(crate) async fn remove_one(
    caller: &Caller,
    api: &Api,
    server: &Arc<Server>,
) -> Result<StatusCode, Problem> {
    let permit = caller.permit(act::RemoveServer, &**server)?;
    api.fleet.remove(&permit).await?;
    Ok(StatusCode::NO_CONTENT)
}
