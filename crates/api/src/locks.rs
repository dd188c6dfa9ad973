//! `/api/locks`: who and what is out of use for a while.

use axum::extract::State;
use http::{Method, StatusCode};
use watchroom_identity::{LockError, LockFilter, LockTarget, LockView, NewLock};
use watchroom_model::{LockId, Page, PageRequest};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Body, Caller, Json, Params, Problem, Query, Route};

use crate::Api;

pub(crate) fn routes() -> Vec<Route<Api>> {
    let administration = RouteClass::Administration;
    vec![
        Route::new(Method::GET, "/api/locks", act::ListLocks, RouteClass::Read, list)
            .says("List the locks that hold")
            .asks::<PageRequest>()
            .asks::<LockFilter>()
            .gives_page::<LockView>(),
        Route::new(Method::POST, "/api/locks", act::CreateLock, administration, make)
            .says("Lock a person, a token, a node, a role or everything for a while; held if it would shut out oneself or the last administrator")
            .takes::<NewLock>()
            .gives::<LockView>()
            .free_text(&["reason"])
            .with_status(201),
        Route::new(
            Method::DELETE,
            "/api/locks/{id}",
            act::LiftLock,
            administration,
            lift,
        )
        .says("Lift a lock")
        .with_status(204),
    ]
}

async fn list(
    caller: Caller,
    State(api): State<Api>,
    Query(page): Query<PageRequest>,
    Query(filter): Query<LockFilter>,
) -> Result<Json<Page<LockView>>, Problem> {
    caller.permit(act::ListLocks, &Resource::all(ResourceKind::Lock))?;
    Ok(Json(
        api.identity().locks(caller.principal(), &filter, &page).await?,
    ))
}

async fn make(
    caller: Caller,
    State(api): State<Api>,
    body: Body<NewLock>,
) -> Result<(StatusCode, Json<LockView>), Problem> {
    let permit = caller.permit(act::CreateLock, &api.identity().draft_lock())?;
    if let LockTarget::Node(node) = body.value.target {
        api.fleet.node(node).ok_or(LockError::NoTarget)?;
    }
    let lock = api.identity().make_lock(&permit, body.value).await?;
    Ok((StatusCode::CREATED, Json(lock)))
}

async fn lift(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<LockId>,
) -> Result<StatusCode, Problem> {
    let lock = caller.found(api.identity().lock(id).await?)?;
    let permit = caller.permit(act::LiftLock, &lock)?;
    api.identity().lift_lock(&permit).await?;
    Ok(StatusCode::NO_CONTENT)
}
