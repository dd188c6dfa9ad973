//! `/api/roles`: what roles give, and who would gain or lose what.

use axum::extract::State;
use http::{Method, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;
use watchroom_identity::{RoleDraft, RoleView, WhatIf};
use watchroom_model::Page;
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Body, Caller, Json, Params, Problem, Route};

use crate::Api;

/// A role to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRole {
    /// Its name: 1 to 32 small letters, digits or `-`.
    name: String,
    /// What it is to give.
    role: RoleDraft,
}

pub(crate) fn routes() -> Vec<Route<Api>> {
    let (read, administration) = (RouteClass::Read, RouteClass::Administration);
    vec![
        Route::new(Method::GET, "/api/roles", act::ListRoles, read, list)
            .says("List roles")
            .gives_page::<RoleView>(),
        Route::new(
            Method::POST,
            "/api/roles",
            act::CreateRole,
            administration,
            create,
        )
        .says("Make a role, which gives no more than one holds")
        .takes::<NewRole>()
        .gives::<RoleView>()
        .with_status(201),
        Route::new(Method::GET, "/api/roles/{name}", act::ListRoles, read, show)
            .says("Show a role")
            .gives::<RoleView>(),
        Route::new(
            Method::POST,
            "/api/roles/{name}",
            act::ChangeRole,
            administration,
            change,
        )
        .says("Change what a role gives; it counts from the next request of its holders")
        .takes::<RoleDraft>()
        .gives::<RoleView>(),
        Route::new(
            Method::DELETE,
            "/api/roles/{name}",
            act::RemoveRole,
            administration,
            remove,
        )
        .says("Remove a role that nobody holds, or put a built-in one back as it was")
        .with_status(204),
        Route::new(
            Method::POST,
            "/api/roles/{name}/what-if",
            act::ListRoles,
            read,
            what_if,
        )
        .says("See who would gain or lose what if a role gave something else")
        .takes::<RoleDraft>()
        .gives::<WhatIf>(),
    ]
}

async fn list(caller: Caller, State(api): State<Api>) -> Result<Json<Page<RoleView>>, Problem> {
    caller.permit(act::ListRoles, &Resource::all(ResourceKind::Role))?;
    Ok(Json(Page {
        items: api.identity().roles(),
        next_cursor: None,
    }))
}

async fn create(
    caller: Caller,
    State(api): State<Api>,
    body: Body<NewRole>,
) -> Result<(StatusCode, Json<RoleView>), Problem> {
    let permit = caller.permit(act::CreateRole, &Resource::all(ResourceKind::Role))?;
    let NewRole { name, role } = body.value;
    let made = api.identity().create_role(&permit, &name, role).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

async fn show(
    caller: Caller,
    State(api): State<Api>,
    Params(name): Params<String>,
) -> Result<Json<RoleView>, Problem> {
    caller.permit(act::ListRoles, &Resource::all(ResourceKind::Role))?;
    Ok(Json(caller.found(api.identity().role_view(&name))?))
}

async fn change(
    caller: Caller,
    State(api): State<Api>,
    Params(name): Params<String>,
    body: Body<RoleDraft>,
) -> Result<Json<RoleView>, Problem> {
    caller.found(api.identity().role_view(&name))?;
    let permit = caller.permit(act::ChangeRole, &Resource::role(&name))?;
    Ok(Json(api.identity().change_role(&permit, body.value).await?))
}

async fn remove(
    caller: Caller,
    State(api): State<Api>,
    Params(name): Params<String>,
) -> Result<StatusCode, Problem> {
    caller.found(api.identity().role_view(&name))?;
    let permit = caller.permit(act::RemoveRole, &Resource::role(&name))?;
    api.identity().remove_role(&permit).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn what_if(
    caller: Caller,
    State(api): State<Api>,
    Params(name): Params<String>,
    body: Body<RoleDraft>,
) -> Result<Json<WhatIf>, Problem> {
    caller.permit(act::ListRoles, &Resource::all(ResourceKind::Role))?;
    Ok(Json(api.identity().what_if(&name, &body.value)?))
}
