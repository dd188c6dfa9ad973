//! `POST /api/servers/<id>/start`.

use axum::extract::State;
use watchroom_fleet::Acted;
use watchroom_model::ServerId;
use watchroom_policy::act;
use watchroom_web::{Caller, IdempotencyHeader, Json, Params, Problem};

use super::idempotency;
use crate::Api;

pub(super) async fn start(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<ServerId>,
    key: IdempotencyHeader,
) -> Result<Json<Acted>, Problem> {
    let server = caller.found(api.fleet.server(id))?;
    let permit = caller.permit(act::StartServer, &*server)?;
    let key = idempotency(&caller, key, &format!("start {id}"), b"")?;
    Ok(Json(api.fleet.start(&permit, key).await?))
}
