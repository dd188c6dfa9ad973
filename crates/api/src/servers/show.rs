//! `GET /api/servers/<id>`.

use axum::extract::State;
use watchroom_fleet::ServerView;
use watchroom_model::ServerId;
use watchroom_policy::act;
use watchroom_web::{Caller, Json, Params, Problem};

use crate::Api;

pub(super) async fn show(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<ServerId>,
) -> Result<Json<ServerView>, Problem> {
    let server = caller.found(api.fleet.server(id))?;
    caller.permit(act::ShowServer, &*server)?;
    Ok(Json(api.fleet.view_server(&server)))
}
