//! `/api/security/fail2ban`: whom this machine's fail2ban keeps out.

use axum::extract::State;
use http::Method;
use serde::Deserialize;
use utoipa::ToSchema;
use watchroom_fleet::{JailView, Unjailed};
use watchroom_model::JailedAddress;
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Body, Caller, Json, Problem, Route};

use crate::Api;

/// Whom to let out.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Lift {
    /// An address or network, as the list shows it.
    #[schema(value_type = String)]
    address: JailedAddress,
}

pub(crate) fn routes() -> Vec<Route<Api>> {
    vec![
        Route::new(
            Method::GET,
            "/api/security/fail2ban",
            act::ListJail,
            RouteClass::Sensitive,
            list,
        )
        .says("List whom the fail2ban of this Host's machine keeps out")
        .gives::<JailView>(),
        Route::new(
            Method::POST,
            "/api/security/fail2ban/lift",
            act::LiftJailed,
            RouteClass::Administration,
            lift,
        )
        .says("Lift a ban of this machine's fail2ban")
        .takes::<Lift>()
        .gives::<Unjailed>(),
    ]
}

async fn list(caller: Caller, State(api): State<Api>) -> Result<Json<JailView>, Problem> {
    let permit = caller.permit(act::ListJail, &Resource::all(ResourceKind::Host))?;
    Ok(Json(api.fleet.jail(&permit).await?))
}

async fn lift(caller: Caller, State(api): State<Api>, body: Body<Lift>) -> Result<Json<Unjailed>, Problem> {
    let permit = caller.permit(act::LiftJailed, &Resource::all(ResourceKind::Host))?;
    Ok(Json(api.fleet.unjail(&permit, body.value.address).await?))
}
