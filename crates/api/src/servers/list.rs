//! `GET /api/servers`.

use axum::extract::State;
use watchroom_fleet::ServerView;
use watchroom_fleet::servers::ServerFilter;
use watchroom_model::{Page, PageRequest};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_web::{Caller, Json, Problem, Query};

use crate::{Api, invalid_page};

pub(super) async fn list(
    caller: Caller,
    State(api): State<Api>,
    Query(filter): Query<ServerFilter>,
    Query(page): Query<PageRequest>,
) -> Result<Json<Page<ServerView>>, Problem> {
    caller.permit(act::ListServers, &Resource::all(ResourceKind::Server))?;
    Ok(Json(
        api.fleet
            .servers(caller.principal(), &filter, &page)
            .map_err(invalid_page)?,
    ))
}
