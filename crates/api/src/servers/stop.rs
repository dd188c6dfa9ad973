//! `POST /api/servers/<id>/stop`.

use axum::extract::State;
use watchroom_fleet::Acted;
use watchroom_model::ServerId;
use watchroom_policy::act;
use watchroom_web::{Caller, IdempotencyHeader, Json, Params, Problem};

use super::idempotency;
use crate::Api;

pub(super) async fn stop(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<ServerId>,
    key: IdempotencyHeader,
) -> Result<Json<Acted>, Problem> {
    let server = caller.found(api.fleet.server(id))?;
    let permit = caller.permit(act::StopServer, &*server)?;
    let key = idempotency(&caller, key, &format!("stop {id}"), b"")?;
    Ok(Json(api.fleet.stop(&permit, key).await?))
}
