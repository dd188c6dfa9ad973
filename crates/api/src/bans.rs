//! `/api/security/bans`: who is kept out.

use axum::Json;
use axum::extract::State;
use http::{Method, StatusCode};
use watchroom_defence::{BanError, BanFilter, BanView, NewBan};
use watchroom_model::{BanId, Page, PageRequest};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Body, Caller, Params, Problem, Query, Route};

use crate::Api;

pub(crate) fn routes() -> Vec<Route<Api>> {
    let administration = RouteClass::Administration;
    let bans = "/api/security/bans";
    vec![
        Route::new(Method::GET, bans, act::ListBans, RouteClass::Read, list)
            .says("List the bans that hold or wait to be confirmed")
            .asks::<PageRequest>()
            .asks::<BanFilter>()
            .gives_page::<BanView>(),
        Route::new(Method::POST, bans, act::CreateBan, administration, create)
            .says("Ban an address or a network; held if it would hit one's own")
            .takes::<NewBan>()
            .gives::<BanView>()
            .free_text(&["reason"])
            .with_status(201),
        Route::new(
            Method::POST,
            "/api/security/bans/{id}/confirm",
            act::ConfirmBan,
            administration,
            confirm,
        )
        .says("Let a ban hold although it hits one's own")
        .gives::<BanView>(),
        Route::new(
            Method::DELETE,
            "/api/security/bans/{id}",
            act::LiftBan,
            administration,
            lift,
        )
        .says("Lift a ban")
        .with_status(204),
    ]
}

async fn list(
    caller: Caller,
    State(api): State<Api>,
    Query(page): Query<PageRequest>,
    Query(filter): Query<BanFilter>,
) -> Result<Json<Page<BanView>>, Problem> {
    caller.permit(act::ListBans, &Resource::all(ResourceKind::Ban))?;
    Ok(Json(api.defence.bans(caller.principal(), &filter, &page).await?))
}

async fn create(
    caller: Caller,
    State(api): State<Api>,
    body: Body<NewBan>,
) -> Result<(StatusCode, Json<BanView>), Problem> {
    let permit = caller.permit(act::CreateBan, &api.defence.draft())?;
    let ban = api.defence.create(&permit, body.value).await?;
    Ok((StatusCode::CREATED, Json(ban)))
}

async fn confirm(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<BanId>,
) -> Result<Json<BanView>, Problem> {
    let ban = found(&caller, &api, id).await?;
    let permit = caller.permit(act::ConfirmBan, &ban)?;
    Ok(Json(api.defence.confirm(&permit).await?))
}

async fn lift(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<BanId>,
) -> Result<StatusCode, Problem> {
    let ban = found(&caller, &api, id).await?;
    let permit = caller.permit(act::LiftBan, &ban)?;
    api.defence.lift(&permit).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn found(caller: &Caller, api: &Api, id: BanId) -> Result<BanView, Problem> {
    caller.found(api.defence.ban(id).await.map_err(BanError::from)?)
}
