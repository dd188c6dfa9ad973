//! `/api/auth/factors`: one's own second factors; and resetting another's.

use axum::extract::State;
use http::{Method, StatusCode};
use watchroom_identity::{FactorsView, KeyRotation, Oneself};
use watchroom_model::{FactorId, UserId};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Caller, Json, NotFound, Params, Problem, Route};

use crate::Api;

pub(crate) fn routes() -> Vec<Route<Api>> {
    let administration = RouteClass::Administration;
    vec![
        Route::new(
            Method::GET,
            "/api/auth/factors",
            act::SeeSelf,
            RouteClass::Read,
            list,
        )
        .says("One's own second factors")
        .gives::<FactorsView>(),
        Route::new(
            Method::DELETE,
            "/api/auth/factors/{id}",
            act::RemoveFactor,
            RouteClass::Change,
            remove,
        )
        .says("Remove one of one's own second factors")
        .with_status(204),
        Route::new(
            Method::POST,
            "/api/users/{id}/reset-factors",
            act::ResetFactors,
            administration,
            reset,
        )
        .says("Remove another's second factors and end their sessions")
        .with_status(204),
        Route::new(
            Method::POST,
            "/api/keys/rotate",
            act::RotateKeys,
            administration,
            rotate,
        )
        .says("Seal all secrets that can be read back under a new key")
        .gives::<KeyRotation>(),
    ]
}

async fn list(caller: Caller, State(api): State<Api>) -> Result<Json<FactorsView>, Problem> {
    caller.permit(act::SeeSelf, &Resource::all(ResourceKind::User))?;
    let user = caller.principal().user().ok_or(NotFound)?;
    Ok(Json(api.identity().factors_of(caller.principal(), user)?))
}

async fn remove(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<FactorId>,
) -> Result<StatusCode, Problem> {
    let user = caller.found(caller.principal().user())?;
    let permit = caller.permit(act::RemoveFactor, &Oneself(user))?;
    api.identity().remove_factor(&permit, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn reset(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<UserId>,
) -> Result<StatusCode, Problem> {
    let permit = caller.permit(act::ResetFactors, &Resource::user(id))?;
    api.identity().reset_factors(&permit).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn rotate(caller: Caller, State(api): State<Api>) -> Result<Json<KeyRotation>, Problem> {
    let permit = caller.permit(act::RotateKeys, &Resource::all(ResourceKind::Host))?;
    Ok(Json(api.identity().rotate_keys(&permit).await?))
}
