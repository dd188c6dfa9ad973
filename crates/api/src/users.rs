//! `/api/users`: people.

use axum::extract::State;
use http::{Method, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;
use watchroom_identity::{Erased, NewUser, PersonExport, UserStatus, UserView};
use watchroom_kit::SecretString;
use watchroom_model::{CallSign, DisplayName, EmailAddress, Page, PageRequest, UserId, UserName};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Body, Caller, Json, Params, Problem, Query, Route};

use crate::Api;

/// A person to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserDraft {
    /// What they sign in with.
    name: UserName,
    /// One of the roles.
    role: String,
    /// Their password.
    #[schema(value_type = Option<String>)]
    password: Option<SecretString>,
    /// What others see.
    display_name: Option<DisplayName>,
    /// Where mail reaches them.
    email: Option<EmailAddress>,
    /// Their call sign.
    call_sign: Option<CallSign>,
}

/// A new password for another.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordDraft {
    /// The new password.
    #[schema(value_type = String)]
    password: SecretString,
}

/// Who is to be erased, said once more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErasureDraft {
    /// The name of the person.
    confirm: String,
}

pub(crate) fn routes() -> Vec<Route<Api>> {
    let (read, administration) = (RouteClass::Read, RouteClass::Administration);
    vec![
        Route::new(Method::GET, "/api/users", act::ListUsers, read, list)
            .says("List people")
            .asks::<PageRequest>()
            .gives_page::<UserView>(),
        Route::new(
            Method::POST,
            "/api/users",
            act::CreateUser,
            administration,
            create,
        )
        .says("Create a person's account")
        .takes::<UserDraft>()
        .gives::<UserView>()
        .free_text(&["display_name"])
        .with_status(201),
        Route::new(Method::GET, "/api/users/{id}", act::ShowUser, read, show)
            .says("Show a person")
            .gives::<UserView>(),
        Route::new(
            Method::POST,
            "/api/users/{id}/disable",
            act::ChangeUser,
            administration,
            disable,
        )
        .says("Disable an account; its sessions and tokens end")
        .gives::<UserView>(),
        Route::new(
            Method::POST,
            "/api/users/{id}/enable",
            act::ChangeUser,
            administration,
            enable,
        )
        .says("Enable an account again")
        .gives::<UserView>(),
        Route::new(
            Method::POST,
            "/api/users/{id}/reset-password",
            act::ResetPassword,
            administration,
            reset_password,
        )
        .says("Set another's password; their sessions end")
        .takes::<PasswordDraft>()
        .with_status(204),
        Route::new(
            Method::GET,
            "/api/users/{id}/export",
            act::ExportUser,
            administration,
            export,
        )
        .says("Hand over all that is held about a person, without secrets; leaves an entry")
        .gives::<PersonExport>(),
        Route::new(
            Method::POST,
            "/api/users/{id}/erase",
            act::EraseUser,
            administration,
            erase,
        )
        .says("Erase a person for good: their account, what is theirs, and their name elsewhere")
        .takes::<ErasureDraft>()
        .gives::<Erased>(),
    ]
}

async fn list(
    caller: Caller,
    State(api): State<Api>,
    Query(page): Query<PageRequest>,
) -> Result<Json<Page<UserView>>, Problem> {
    caller.permit(act::ListUsers, &Resource::all(ResourceKind::User))?;
    Ok(Json(api.identity().users(caller.principal(), &page).await?))
}

async fn create(
    caller: Caller,
    State(api): State<Api>,
    body: Body<UserDraft>,
) -> Result<(StatusCode, Json<UserView>), Problem> {
    let permit = caller.permit(act::CreateUser, &Resource::all(ResourceKind::User))?;
    let UserDraft {
        name,
        role,
        password,
        display_name,
        email,
        call_sign,
    } = body.value;
    let new = NewUser {
        name,
        role,
        password,
        display_name,
        email,
        call_sign,
    };
    let created = api.identity().create_user(&permit, new).await?;
    Ok((StatusCode::CREATED, Json(created.user)))
}

async fn show(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<UserId>,
) -> Result<Json<UserView>, Problem> {
    caller.permit(act::ShowUser, &Resource::user(id))?;
    Ok(Json(api.identity().user(caller.principal(), id)?))
}

async fn disable(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<UserId>,
) -> Result<Json<UserView>, Problem> {
    let permit = caller.permit(act::ChangeUser, &Resource::user(id))?;
    Ok(Json(
        api.identity()
            .change_status(&permit, UserStatus::Disabled)
            .await?,
    ))
}

async fn enable(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<UserId>,
) -> Result<Json<UserView>, Problem> {
    let permit = caller.permit(act::ChangeUser, &Resource::user(id))?;
    Ok(Json(
        api.identity().change_status(&permit, UserStatus::Active).await?,
    ))
}

async fn export(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<UserId>,
) -> Result<Json<PersonExport>, Problem> {
    let permit = caller.permit(act::ExportUser, &Resource::user(id))?;
    Ok(Json(api.identity().export_user(&permit).await?))
}

async fn erase(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<UserId>,
    body: Body<ErasureDraft>,
) -> Result<Json<Erased>, Problem> {
    let permit = caller.permit(act::EraseUser, &Resource::user(id))?;
    Ok(Json(
        api.identity().erase_user(&permit, &body.value.confirm).await?,
    ))
}

async fn reset_password(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<UserId>,
    body: Body<PasswordDraft>,
) -> Result<StatusCode, Problem> {
    let permit = caller.permit(act::ResetPassword, &Resource::user(id))?;
    api.identity()
        .reset_password(&permit, body.value.password)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
