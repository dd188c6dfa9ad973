//! `/api/groups`: groups of people, who is in them and what they hold.

use axum::extract::State;
use http::{Method, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;
use watchroom_identity::{GroupDraft, GroupView, NewGroupGrant, WhatIf};
use watchroom_model::{GrantId, GroupId, Page, PageRequest, UserId};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Body, Caller, Json, Params, Problem, Query, Route};

use crate::Api;

/// A group to be, or what one is called from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewGroup {
    /// Its name: 1 to 32 small letters, digits or `-`, the first a letter.
    name: String,
}

/// Somebody for a group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMember {
    /// Who.
    user: UserId,
}

pub(crate) fn routes() -> Vec<Route<Api>> {
    let (read, administration) = (RouteClass::Read, RouteClass::Administration);
    let mut routes = vec![
        Route::new(Method::GET, "/api/groups", act::ListGroups, read, list)
            .says("List groups, who is in them and what they hold")
            .asks::<PageRequest>()
            .gives_page::<GroupView>(),
        Route::new(
            Method::POST,
            "/api/groups",
            act::CreateGroup,
            administration,
            create,
        )
        .says("Make a group, which is empty and holds nothing")
        .takes::<NewGroup>()
        .gives::<GroupView>()
        .with_status(201),
        Route::new(Method::GET, "/api/groups/{id}", act::ListGroups, read, show)
            .says("Show a group")
            .gives::<GroupView>(),
        Route::new(
            Method::POST,
            "/api/groups/{id}",
            act::RenameGroup,
            administration,
            rename,
        )
        .says("Give a group another name; rules of providers find it by that")
        .takes::<NewGroup>()
        .gives::<GroupView>(),
        Route::new(
            Method::DELETE,
            "/api/groups/{id}",
            act::RemoveGroup,
            administration,
            remove,
        )
        .says("Remove a group, with what its members held by it")
        .with_status(204),
    ];
    routes.extend(contents());
    routes
}

/// Who is in a group and what it holds.
fn contents() -> Vec<Route<Api>> {
    let (read, administration) = (RouteClass::Read, RouteClass::Administration);
    vec![
        Route::new(
            Method::POST,
            "/api/groups/{id}/members",
            act::AddMember,
            administration,
            add,
        )
        .says("Put somebody into a group that holds no more than one holds")
        .takes::<NewMember>()
        .gives::<GroupView>()
        .with_status(201),
        Route::new(
            Method::DELETE,
            "/api/groups/{id}/members/{user}",
            act::RemoveMember,
            administration,
            take_out,
        )
        .says("Take somebody out of a group")
        .with_status(204),
        Route::new(
            Method::POST,
            "/api/groups/{id}/grants",
            act::GiveToGroup,
            administration,
            give,
        )
        .says("Give a group a role at a scope, no more than one holds there")
        .takes::<NewGroupGrant>()
        .gives::<GroupView>()
        .with_status(201),
        Route::new(
            Method::DELETE,
            "/api/groups/{id}/grants/{grant}",
            act::TakeFromGroup,
            administration,
            take,
        )
        .says("Take a role from a group")
        .with_status(204),
        Route::new(
            Method::POST,
            "/api/groups/{id}/what-if",
            act::ListGroups,
            read,
            what_if,
        )
        .says("See who would gain or lose what if a group had other members or grants")
        .takes::<GroupDraft>()
        .gives::<WhatIf>(),
    ]
}

async fn list(
    caller: Caller,
    State(api): State<Api>,
    Query(page): Query<PageRequest>,
) -> Result<Json<Page<GroupView>>, Problem> {
    caller.permit(act::ListGroups, &Resource::all(ResourceKind::Group))?;
    Ok(Json(api.identity().groups_page(&page).await?))
}

async fn create(
    caller: Caller,
    State(api): State<Api>,
    body: Body<NewGroup>,
) -> Result<(StatusCode, Json<GroupView>), Problem> {
    let permit = caller.permit(act::CreateGroup, &Resource::all(ResourceKind::Group))?;
    let made = api.identity().create_group(&permit, &body.value.name).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

async fn show(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<GroupId>,
) -> Result<Json<GroupView>, Problem> {
    caller.permit(act::ListGroups, &Resource::all(ResourceKind::Group))?;
    Ok(Json(caller.found(api.identity().group(id))?))
}

async fn rename(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<GroupId>,
    body: Body<NewGroup>,
) -> Result<Json<GroupView>, Problem> {
    let group = caller.found(api.identity().group(id))?;
    let permit = caller.permit(act::RenameGroup, &group)?;
    Ok(Json(
        api.identity().rename_group(&permit, &body.value.name).await?,
    ))
}

async fn remove(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<GroupId>,
) -> Result<StatusCode, Problem> {
    let group = caller.found(api.identity().group(id))?;
    let permit = caller.permit(act::RemoveGroup, &group)?;
    api.identity().remove_group(&permit).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn add(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<GroupId>,
    body: Body<NewMember>,
) -> Result<(StatusCode, Json<GroupView>), Problem> {
    let group = caller.found(api.identity().group(id))?;
    let permit = caller.permit(act::AddMember, &group)?;
    let group = api.identity().add_member(&permit, body.value.user).await?;
    Ok((StatusCode::CREATED, Json(group)))
}

async fn take_out(
    caller: Caller,
    State(api): State<Api>,
    Params((id, user)): Params<(GroupId, UserId)>,
) -> Result<StatusCode, Problem> {
    let group = caller.found(api.identity().group(id))?;
    let permit = caller.permit(act::RemoveMember, &group)?;
    api.identity().remove_member(&permit, user).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn give(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<GroupId>,
    body: Body<NewGroupGrant>,
) -> Result<(StatusCode, Json<GroupView>), Problem> {
    let group = caller.found(api.identity().group(id))?;
    let permit = caller.permit(act::GiveToGroup, &group)?;
    let group = api.identity().give_to_group(&permit, body.value).await?;
    Ok((StatusCode::CREATED, Json(group)))
}

async fn take(
    caller: Caller,
    State(api): State<Api>,
    Params((id, grant)): Params<(GroupId, GrantId)>,
) -> Result<StatusCode, Problem> {
    let group = caller.found(api.identity().group(id))?;
    let permit = caller.permit(act::TakeFromGroup, &group)?;
    api.identity().take_from_group(&permit, grant).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn what_if(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<GroupId>,
    body: Body<GroupDraft>,
) -> Result<Json<WhatIf>, Problem> {
    caller.permit(act::ListGroups, &Resource::all(ResourceKind::Group))?;
    Ok(Json(api.identity().what_if_group(id, &body.value)?))
}
