//! `/api/lockouts`: sign-ins that are locked.

use axum::extract::State;
use http::{Method, StatusCode};
use watchroom_identity::{LockoutFilter, LockoutView};
use watchroom_model::{LockoutId, Page, PageRequest};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Caller, Json, Params, Problem, Query, Route};

use crate::Api;

pub(crate) fn routes() -> Vec<Route<Api>> {
    vec![
        Route::new(
            Method::GET,
            "/api/lockouts",
            act::ListLockouts,
            RouteClass::Read,
            list,
        )
        .says("List the accounts whose sign-in is locked, and for whom")
        .asks::<PageRequest>()
        .asks::<LockoutFilter>()
        .gives_page::<LockoutView>(),
        Route::new(
            Method::DELETE,
            "/api/lockouts/{id}",
            act::LiftLockout,
            RouteClass::Administration,
            lift,
        )
        .says("Lift a lockout; its failures are forgotten")
        .with_status(204),
    ]
}

async fn list(
    caller: Caller,
    State(api): State<Api>,
    Query(page): Query<PageRequest>,
    Query(filter): Query<LockoutFilter>,
) -> Result<Json<Page<LockoutView>>, Problem> {
    caller.permit(act::ListLockouts, &Resource::all(ResourceKind::Lockout))?;
    let lockouts = api.identity().lockouts(caller.principal(), &filter, &page).await;
    Ok(Json(lockouts?))
}

async fn lift(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<LockoutId>,
) -> Result<StatusCode, Problem> {
    let lockout = caller.found(api.identity().lockout(id).await?)?;
    let permit = caller.permit(act::LiftLockout, &lockout)?;
    api.identity().lift_lockout(&permit).await?;
    Ok(StatusCode::NO_CONTENT)
}
