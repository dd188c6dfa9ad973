//! `/api/auth/me`: who one is, and what one may do.

use axum::extract::State;
use http::Method;
use serde::Serialize;
use utoipa::ToSchema;
use watchroom_model::UserId;
use watchroom_policy::{PermissionSet, Resource, ResourceKind, Scope, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Caller, Credential, Json, Problem, Route};

use crate::Api;

/// A role held, and where.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GrantView {
    /// The role.
    role: String,
    /// Where it holds: `everything`, `node:<id>`, `node-label:<key>=<value>` or `server:<id>`.
    #[schema(value_type = String)]
    scope: Scope,
    /// What it allows.
    #[schema(value_type = Vec<String>)]
    permissions: PermissionSet,
    /// Where it came from.
    source: String,
}

/// Who one is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    /// The account; `null` on the Unix socket.
    user_id: Option<UserId>,
    /// The name.
    name: String,
    /// How one came in: `session`, `token`, `program` or `socket`.
    via: &'static str,
    /// The roles held.
    grants: Vec<GrantView>,
    /// For tokens: no more than this.
    #[schema(value_type = Option<Vec<String>>)]
    ceiling: Option<PermissionSet>,
    /// The token for changes by scripts of the panel.
    csrf_token: Option<String>,
}

pub(crate) fn routes() -> Vec<Route<Api>> {
    vec![
        Route::new(Method::GET, "/api/auth/me", act::SeeSelf, RouteClass::Read, me)
            .says("Who one is and what one may do")
            .gives::<Me>(),
    ]
}

async fn me(caller: Caller, State(api): State<Api>) -> Result<Json<Me>, Problem> {
    caller.permit(act::SeeSelf, &Resource::all(ResourceKind::User))?;
    let principal = caller.principal();
    let grants = principal.grants.iter().map(|grant| GrantView {
        role: grant.role.name.clone(),
        scope: grant.scope.clone(),
        permissions: grant.role.permissions,
        source: grant.source.to_string(),
    });
    let via = match caller.credential() {
        Credential::Socket => "socket",
        Credential::Token(_) => "token",
        Credential::Access { .. } => "program",
        Credential::Session(_) | Credential::None => "session",
    };
    Ok(Json(Me {
        user_id: principal.user(),
        name: principal.display_name(),
        via,
        grants: grants.collect(),
        ceiling: principal.ceiling,
        csrf_token: caller.session().map(|session| api.identity().csrf_token(session)),
    }))
}
