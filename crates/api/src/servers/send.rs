//! `POST /api/servers/<id>/console`.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use watchroom_fleet::Acted;
use watchroom_model::ServerId;
use watchroom_policy::act;
use watchroom_web::{Body, Caller, IdempotencyHeader, Json, Params, Problem};

use super::idempotency;
use crate::Api;

/// A line for a server's standard input.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewLine {
    /// The line, without its end; at most 4,096 bytes.
    line: String,
}

pub(super) async fn send(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<ServerId>,
    key: IdempotencyHeader,
    body: Body<NewLine>,
) -> Result<Json<Acted>, Problem> {
    let server = caller.found(api.fleet.server(id))?;
    let permit = caller.permit(act::SendLine, &*server)?;
    let key = idempotency(&caller, key, &format!("send {id}"), &body.bytes)?;
    Ok(Json(api.fleet.send_line(&permit, body.value.line, key).await?))
}
